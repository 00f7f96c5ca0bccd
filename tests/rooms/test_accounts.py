"""Passwords, sessions, links, roles and their bounds, on both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import (
    actors,
    administration,
    clients,
    deputies,
    first_administrator,
    limits,
    passwords,
    roles,
    second_factor,
    signing,
)
from rooms.accounts.passwords import Hashing
from rooms.errors import Refusal
from rooms.identifiers import digest, new_id
from rooms.policy import roles as policy
from rooms.policy.actors import COMMAND, Actor
from rooms.sealing import Seal, SealBroken
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant, SignIn, SignInLink
from rooms.store.tables.org import Unit
from rooms.store.tables.records import AuditEntry
from tests.rooms.people import add_account
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

SEAL = Seal(bytes(range(32)))
MINUTE = timedelta(minutes=1)


def cheap(workers: int = 2) -> Hashing:
    return Hashing(workers, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def code_of(error: pytest.ExceptionInfo[Refusal]) -> str:
    assert error.value.vietnamese
    assert error.value.english
    return error.value.code


@pytest.mark.parametrize(
    ("password", "totp", "code"),
    [
        ("a" * 11, False, "password_short"),
        ("cầu vồng 12", False, "password_short"),
        ("cầu vồng 12", True, None),
        ("mưa rơi 9", True, "password_short"),
        ("con gà trống cất tiếng gáy", False, None),
        ("xxxxxxxxxxxxxxxx", False, "password_common"),
        ("123456789012", False, "password_common"),
        ("567890123456", False, "password_common"),
        ("qwertyuiopasdf", False, "password_common"),
        ("Password123456", False, "password_common"),
        ("Mật khẩu 123456", False, "password_common"),
        ("matkhau@2026!!!", False, "password_common"),
        ("Tây Ninh 2025", False, "password_common"),
        ("ng.van.a-2026", False, "password_common"),
        ("aB3$xK9!mP2q", False, None),
        ("x" * 250 + "abcdefg", False, "password_long"),
    ],
)
def test_what_a_password_must_be(password: str, totp: bool, code: str | None) -> None:
    if code is None:
        passwords.check(password, names=("ng.van.a",), totp=totp)
        return
    with pytest.raises(Refusal) as error:
        passwords.check(password, names=("ng.van.a",), totp=totp)
    assert code_of(error) == code


async def test_a_password_is_the_same_however_the_keyboard_wrote_it() -> None:
    hashing = cheap()
    stored = await hashing.hash("Tiếng Việt có dấu")
    decomposed = "Tie\u0302\u0301ng Vie\u0323\u0302t\u00a0co\u0301 da\u0302\u0301u"
    assert await hashing.verify(stored, decomposed, source="a", known=False)
    assert not await hashing.verify(stored, "Tieng Viet co dau", source="a", known=False)
    hashing.close()


async def test_hashes_use_recommended_argon2id_and_old_ones_are_seen() -> None:
    hashing = Hashing()
    stored = await hashing.hash("một câu đủ dài")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not hashing.is_old(stored)
    assert hashing.is_old(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x"))
    hashing.close()


async def test_an_unknown_name_costs_one_hash_and_never_signs_in() -> None:
    hashing = cheap()
    assert not await hashing.verify("", "x", source="a", known=False)
    assert hashing.computed == 1
    assert PasswordHasher().check_needs_rehash(passwords.NOBODY) in (True, False)  # argon2 can parse this hash
    hashing.close()


class Slow:
    """A hasher that waits until the test sets `leave`, so that the test can look at the queue."""

    def __init__(self) -> None:
        import threading

        self.leave = threading.Event()
        self.seen: list[str] = []

    def verify(self, _stored: str, text: str) -> bool:
        self.leave.wait(30)
        self.seen.append(text)
        return True


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_hash_queue_is_bounded_and_fair_between_networks() -> None:
    slow = Slow()
    hashing = Hashing(1, slow)  # type: ignore[arg-type]
    ask = lambda who, source, known=False: asyncio.create_task(  # noqa: E731
        hashing.verify("stored", who, source=source, known=known)
    )
    tasks = [ask("first", "attacker")]
    await settle()
    flood = [ask(f"flood{n}", "attacker") for n in range(1000)]
    await settle()
    assert hashing.waiting == limits.HASH_WAITING_OF_ONE
    refused = [task for task in flood if task.done()]
    assert len(refused) == 1000 - limits.HASH_WAITING_OF_ONE
    assert all(isinstance(task.exception(), Refusal) and task.exception().code == "busy" for task in refused)  # type: ignore[union-attr]
    tasks += [ask("stranger", "home"), ask("owner", "browser", True)]
    await settle()
    slow.leave.set()
    await asyncio.gather(*tasks)
    await asyncio.gather(*flood, return_exceptions=True)
    assert slow.seen.index("owner") <= 2
    assert slow.seen.index("stranger") <= 4
    hashing.close()


async def test_a_full_queue_gives_one_place_to_another_network() -> None:
    slow = Slow()
    hashing = Hashing(1, slow)  # type: ignore[arg-type]
    ask = lambda source: asyncio.create_task(hashing.verify("stored", "x", source=source, known=False))  # noqa: E731
    running = ask("one")
    await settle()
    sources = limits.HASH_WAITING // limits.HASH_WAITING_OF_ONE
    crowd = [ask(f"net{n % sources}") for n in range(limits.HASH_WAITING)]
    await settle()
    assert hashing.waiting == limits.HASH_WAITING
    late = ask("late")
    await settle()
    assert not late.done()
    assert sum(task.done() for task in crowd) == 1
    assert hashing.waiting == limits.HASH_WAITING
    singles = [ask(f"single{n}") for n in range(200)]
    await settle()
    assert hashing.waiting == limits.HASH_WAITING
    assert any(task.done() for task in singles)
    slow.leave.set()
    await asyncio.gather(running, late, *crowd, *singles, return_exceptions=True)
    assert hashing.waiting == 0
    hashing.close()


async def test_an_abandoned_attempt_leaves_no_place_taken() -> None:
    slow = Slow()
    hashing = Hashing(1, slow)  # type: ignore[arg-type]
    running = asyncio.create_task(hashing.verify("s", "1", source="a", known=False))
    await settle()
    waiting = asyncio.create_task(hashing.verify("s", "2", source="b", known=False))
    await settle()
    waiting.cancel()
    running.cancel()
    await settle()
    slow.leave.set()
    assert await asyncio.wait_for(hashing.verify("s", "3", source="c", known=False), 20)
    assert "2" not in slow.seen
    hashing.close()


def test_a_seal_opens_only_its_own_text_for_its_own_purpose() -> None:
    sealed = SEAL.seal("bí mật", "totp:a")
    assert SEAL.open(sealed, "totp:a") == "bí mật"
    assert sealed != SEAL.seal("bí mật", "totp:a")
    flipped = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]
    for text, about, seal in (
        (sealed, "totp:b", SEAL),
        (sealed, "totp:a", Seal(bytes(32))),
        (flipped, "totp:a", SEAL),
        (sealed[:-4], "totp:a", SEAL),
        ("", "totp:a", SEAL),
        ("1.", "totp:a", SEAL),
        ("1." + "A" * 9000, "totp:a", SEAL),
        ("1.é", "totp:a", SEAL),
    ):
        with pytest.raises(SealBroken):
            seal.open(text, about)
    with pytest.raises(ValueError):
        Seal(b"short")


async def account_in(database: Database, province: Province, now: datetime, code: str, **held: str) -> Account:
    """Create an account of person `code`, with roles by unit code."""
    grants = {role: province.units[unit] for role, unit in held.items()}
    return await database.transact(lambda s: add_account(s, code, province.people[code], grants, now))


async def actor_of(database: Database, account: Account, now: datetime, factors: int = 2) -> Actor:
    async with database.reading() as session:
        return await actors.of_account(session, await session.get_one(Account, account.id), now, factors=factors)


@POSTGRESQL_IN_SIM
async def test_a_session_ends_when_idle_old_or_its_account_is_off(
    database: Database, province: Province, now: datetime
) -> None:
    account = await account_in(database, province, now, "vp-1")
    secret = await database.transact(lambda s: signing.start(s, account, now, address="10.1.2.3", agent="Firefox"))

    async def counts(at: datetime) -> bool:
        async with database.reading() as session:
            return await signing.signed(session, secret, at) is not None

    assert await counts(now)
    assert not await counts(now + limits.SESSION_IDLE)
    at = now
    while at + limits.SESSION_IDLE - MINUTE < now + limits.SESSION_LIFE:
        at += limits.SESSION_IDLE - MINUTE
        assert await counts(at)
        await database.transact(lambda s, at=at: signing.seen(s, digest(secret), at))  # type: ignore[misc]
    assert not await counts(now + limits.SESSION_LIFE)
    await database.transact(lambda s: administration.change(s, account.id, COMMAND, now, {"active": False}))
    assert not await counts(now)


@POSTGRESQL_IN_SIM
async def test_only_digests_are_stored(database: Database, province: Province, now: datetime) -> None:
    account = await account_in(database, province, now, "vp-1")
    secret = await database.transact(lambda s: signing.start(s, account, now))
    link, _ = await database.transact(lambda s: signing.new_link(s, account, COMMAND, now))
    client, key = await database.transact(
        lambda s: clients.create(s, "Một cửa", province.units["vp"], ["requester"], COMMAND, now)
    )
    async with database.reading() as session:
        stored = repr((await session.execute(select(*SignIn.__table__.columns))).all())
        stored += repr((await session.execute(select(*SignInLink.__table__.columns))).all())
        stored += repr((await session.execute(select(*AuditEntry.__table__.columns))).all()) + client.key_digest
    assert not any(one in stored for one in (secret, link, key))


async def test_beyond_the_limit_the_oldest_sessions_and_links_end(
    database: Database, province: Province, now: datetime
) -> None:
    account = await account_in(database, province, now, "vp-1")
    secrets = []
    for minute in range(limits.SESSIONS + 1):
        at = now + minute * timedelta(seconds=1)
        secrets.append(await database.transact(lambda s, at=at: signing.start(s, account, at)))  # type: ignore[misc]
    links = []
    for minute in range(limits.LINKS + 1):
        at = now + minute * timedelta(seconds=1)
        links.append((await database.transact(lambda s, at=at: signing.new_link(s, account, COMMAND, at)))[0])  # type: ignore[misc]
    later = now + MINUTE
    async with database.reading() as session:
        assert await signing.signed(session, secrets[0], later) is None
        assert await signing.signed(session, secrets[1], later) is not None
        assert await session.scalar(select(func.count()).select_from(SignInLink)) == limits.LINKS
    with pytest.raises(Refusal) as error:
        await database.transact(lambda s: signing.use_link(s, links[0], later))
    assert code_of(error) == "link_dead"


async def test_a_link_counts_once_even_for_two_at_the_same_moment(
    database: Database, province: Province, now: datetime
) -> None:
    account = await account_in(database, province, now, "vp-1")
    secret, ends_at = await database.transact(lambda s: signing.new_link(s, account, COMMAND, now))
    use = lambda: database.transact(lambda s: signing.use_link(s, secret, now))  # noqa: E731
    outcomes = await asyncio.gather(use(), use(), use(), return_exceptions=True)
    assert sum(isinstance(one, Refusal) for one in outcomes) == 2
    other, _ = await database.transact(lambda s: signing.new_link(s, account, COMMAND, now))
    for wrong, at in ((other, ends_at + MINUTE), (other + "x", now)):
        with pytest.raises(Refusal) as error:
            await database.transact(lambda s, wrong=wrong, at=at: signing.use_link(s, wrong, at))  # type: ignore[misc]
        assert code_of(error) == "link_dead"
    opened = next(one for one in outcomes if not isinstance(one, BaseException))
    async with database.reading() as session:
        signed = await signing.signed(session, opened[1], now)
        assert signed is not None
        assert signed.must_change


async def test_a_new_password_ends_other_sessions_and_open_links(
    database: Database, province: Province, now: datetime
) -> None:
    account = await account_in(database, province, now, "vp-1")
    kept, other = [await database.transact(lambda s: signing.start(s, account, now)) for _ in range(2)]
    link, _ = await database.transact(lambda s: signing.new_link(s, account, COMMAND, now))

    async def change(session: AsyncSession) -> None:
        row = await session.get_one(Account, account.id)
        await signing.set_password(session, row, "$argon2id$…", COMMAND, now, keep=digest(kept))

    await database.transact(change)
    async with database.reading() as session:
        assert await signing.signed(session, kept, now) is not None
        assert await signing.signed(session, other, now) is None
    with pytest.raises(Refusal):
        await database.transact(lambda s: signing.use_link(s, link, now))


def enrolled(name: str = "an") -> tuple[Account, str]:
    account = Account(id=new_id(), name=name, recovery=[], totp_secret="", totp_confirmed=False, totp_last_step=0)
    return account, second_factor.begin(account, SEAL).secret


def code_at(secret: str, at: datetime) -> str:
    """Compute a code by RFC 6238 without the library, so that the test can compare it with the library."""
    import base64
    import hmac

    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    stamp = hmac.new(key, (int(at.timestamp()) // 30).to_bytes(8, "big"), "sha1").digest()
    offset = stamp[-1] & 15
    return f"{(int.from_bytes(stamp[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def test_a_code_counts_once_and_for_a_minute_and_a_half(now: datetime) -> None:
    account, secret = enrolled()
    assert not second_factor.check(account, code_at(secret, now), SEAL, now)  # the factor is not confirmed yet
    account.totp_confirmed = True
    assert secret not in account.totp_secret
    assert not second_factor.check(account, code_at(secret, now - timedelta(seconds=61)), SEAL, now)
    assert not second_factor.check(account, code_at(secret, now + timedelta(seconds=61)), SEAL, now)
    assert second_factor.check(account, code_at(secret, now), SEAL, now)
    assert not second_factor.check(account, code_at(secret, now), SEAL, now)
    assert not second_factor.check(
        account, code_at(secret, now - timedelta(seconds=30)), SEAL, now
    )  # an older code is refused too
    assert second_factor.check(account, code_at(secret, now + timedelta(seconds=30)), SEAL, now)


def test_a_lost_installation_key_is_reported_and_codes_work(now: datetime) -> None:
    account, secret = enrolled()
    account.totp_confirmed = True
    codes = second_factor.renew_recovery(account)
    with pytest.raises(Refusal) as error:
        second_factor.check(account, code_at(secret, now), Seal(bytes(32)), now)
    assert code_of(error) == "seal_broken"
    assert second_factor.check(account, codes[0], Seal(bytes(32)), now)


def test_paper_codes_replace_the_telephone_once_each(now: datetime) -> None:
    account, _ = enrolled()
    account.totp_confirmed = True
    codes = second_factor.renew_recovery(account)
    assert len(set(codes)) == limits.RECOVERY_CODES
    assert not set(codes) & set(account.recovery)
    assert second_factor.check(account, codes[3].upper().replace("-", " "), SEAL, now)
    assert not second_factor.check(account, codes[3], SEAL, now)
    assert second_factor.check(account, codes[4], SEAL, now)
    assert len(account.recovery) == limits.RECOVERY_CODES - 2
    for wrong in ("", "0", "abcd-efgh-jkmn-pqrs", "12345", "1234567"):
        assert not second_factor.check(account, wrong, SEAL, now)


@POSTGRESQL_IN_SIM
async def test_confirming_is_a_code_of_the_application(database: Database, province: Province, now: datetime) -> None:
    made = await account_in(database, province, now, "vp-1")

    async def work(session: AsyncSession) -> None:
        account = await session.get_one(Account, made.id)
        with pytest.raises(Refusal) as error:
            await second_factor.confirm(session, account, "123456", SEAL, COMMAND, now)
        assert code_of(error) == "totp_absent"
        secret = second_factor.begin(account, SEAL).secret
        with pytest.raises(Refusal) as error:
            await second_factor.confirm(session, account, "abcdef", SEAL, COMMAND, now)
        assert code_of(error) == "second_factor_wrong"
        codes = await second_factor.confirm(session, account, code_at(secret, now), SEAL, COMMAND, now)
        assert len(codes) == limits.RECOVERY_CODES
        with pytest.raises(Refusal) as error:
            second_factor.begin(account, SEAL)
        assert code_of(error) == "totp_present"
        await second_factor.remove(session, account, COMMAND, now)
        assert not (account.totp_secret)
        assert not (account.recovery)
        assert not (account.totp_confirmed)

    await database.transact(work)


@POSTGRESQL_IN_SIM
async def test_roles_count_between_their_dates(database: Database, province: Province, now: datetime) -> None:
    account = await account_in(database, province, now, "vp-1")
    day = timedelta(days=1)
    await database.transact(
        lambda s: roles.grant(s, account, "secretary", province.units["vp"], COMMAND, now, now + day, now + 2 * day)
    )
    for at, held in ((now, 0), (now + day, 1), (now + 2 * day - MINUTE, 1), (now + 2 * day, 0)):
        actor = await actor_of(database, account, at)
        assert len(actor.roles) == held
        assert policy.allows(actor, "meetings.edit", province.paths["vp"]) is bool(held)
    assert actor.name == "Chánh Văn phòng Nguyễn Văn VP"
    assert actor.person_id == province.people["vp-1"]


async def deputy(
    database: Database, province: Province, person: str, stands_in: str, start: datetime, end: datetime
) -> None:
    await database.transact(
        lambda s: deputies.grant(s, province.people[person], province.people[stands_in], start, end, "", COMMAND, start)
    )


async def test_a_deputy_gets_only_the_working_roles_of_the_principal(
    database: Database, province: Province, now: datetime
) -> None:
    day = timedelta(days=1)
    await account_in(database, province, now, "khcn-1", approver="khcn", admin="tinh", auditor="tinh", operator="tinh")
    standing_in = await account_in(database, province, now, "khcn-2", requester="khcn")
    await deputy(database, province, "khcn-1", "khcn-2", now, now + day)
    actor = await actor_of(database, standing_in, now)
    assert {(one.role, one.for_person) for one in actor.roles} == {
        ("requester", ""),
        ("approver", province.people["khcn-1"]),
    }
    assert actor.deputises == (province.people["khcn-1"],)
    for at in (now - MINUTE, now + day):
        assert {one.role for one in (await actor_of(database, standing_in, at)).roles} == {"requester"}
    third = await account_in(database, province, now, "vp-2")
    await deputy(database, province, "khcn-2", "vp-2", now, now + day)
    # a deputy of a deputy gets no role
    assert {one.role for one in (await actor_of(database, third, now)).roles} == {"requester"}


@POSTGRESQL_IN_SIM
async def test_a_deputy_has_roles_held_at_the_grant_and_still_held(
    database: Database, province: Province, now: datetime
) -> None:
    """A later role of the head does not pass to the deputy. An ended role does not pass either, even if granted again."""
    head = await account_in(database, province, now, "khcn-1", approver="khcn", secretary="khcn")
    stands_in = await account_in(database, province, now, "khcn-2")
    await deputy(database, province, "khcn-1", "khcn-2", now, now + timedelta(days=9))

    async def passed(at: datetime) -> set[tuple[str, str]]:
        return {(one.role, one.unit_id) for one in (await actor_of(database, stands_in, at)).roles if one.for_person}

    unit, province_unit = province.units["khcn"], province.units["tinh"]
    both = {("approver", unit), ("secretary", unit)}
    assert await passed(now) == both
    later = now + timedelta(days=1)
    await database.transact(lambda s: roles.grant(s, head, "approver", province_unit, COMMAND, later))
    assert await passed(later) == both
    assert ("approver", province_unit) in {
        (one.role, one.unit_id) for one in (await actor_of(database, head, later)).roles
    }

    async def end(session: AsyncSession) -> None:
        held = await roles.grants_of(session, [head.id], later)
        (grant,) = [row for row, at in held if row.role == "approver" and at.id == unit]
        await roles.revoke(session, head, grant.id, COMMAND, later)

    await database.transact(end)
    assert await passed(later) == {("secretary", unit)}
    await database.transact(lambda s: roles.grant(s, head, "approver", unit, COMMAND, later))
    assert await passed(later) == {("secretary", unit)}
    # A second deputyship that begins now passes the roles that the head holds now.
    await database.transact(lambda s: _renew(s, province, later))
    assert await passed(later) == both | {("approver", province_unit)}


@pytest.mark.parametrize("first", ["the deputyship", "the new grant"])
async def test_a_role_renewed_in_time_continues_for_the_deputy(
    database: Database, province: Province, now: datetime, first: str
) -> None:
    """A grant ends on the fifth day, and a new grant begins on the fourth. A role that is revoked in between has a gap."""
    day, unit = timedelta(days=1), province.units["khcn"]
    head = await account_in(database, province, now, "khcn-1")
    stands_in = await account_in(database, province, now, "khcn-2")

    async def give(start: float, end: float | None, at: datetime) -> RoleGrant:
        until = None if end is None else now + end * day
        return await database.transact(
            lambda s: roles.grant(s, head, "approver", unit, COMMAND, at, now + start * day, until)
        )

    async def passed(days: float) -> list[str]:
        return [one.role for one in (await actor_of(database, stands_in, now + days * day)).roles if one.for_person]

    old = await give(0, 5, now)
    if first == "the new grant":
        await give(4, 8, now)
    await deputy(database, province, "khcn-1", "khcn-2", now, now + 30 * day)
    if first == "the deputyship":
        await give(4, 8, now + day)
    await give(8, 12, now + 2 * day)
    await give(13, 20, now + 2 * day)
    assert [await passed(days) for days in (3, 4.5, 6, 9)] == [["approver"]] * 4
    assert await passed(14) == [], "there is a day without it"
    async with database.reading() as session:
        (deputyship,) = await deputies.search(session, province.people["khcn-1"])
        shown = await roles.passing(session, [deputyship.id], now + 4.5 * day)
    assert [role for role, _ in shown[deputyship.id]] == ["approver"], "it is listed once"
    await database.transact(lambda s: roles.revoke(s, head, old.id, COMMAND, now + 2 * day))
    assert [await passed(days) for days in (3, 4.5, 6, 9, 14)] == [[]] * 5


async def _renew(session: AsyncSession, province: Province, now: datetime) -> None:
    """End the deputyship of khcn-2, and begin a new deputyship."""
    (old,) = await deputies.search(session, province.people["khcn-1"])
    await deputies.revoke(session, old.id, COMMAND, now)
    given = (province.people["khcn-1"], province.people["khcn-2"], now, now + timedelta(days=3), "", COMMAND, now)
    await deputies.grant(session, *given)


@POSTGRESQL_IN_SIM
async def test_a_secretary_cannot_pass_on_rights_above_the_unit(
    database: Database, province: Province, now: datetime
) -> None:
    """The head may approve for the province. The office's secretary must not pass this right to a deputy, and must not become
    the deputy.
    """
    people = province.people
    await account_in(database, province, now, "vp-1", approver="vp")
    secretary = await actor_of(database, await account_in(database, province, now, "vp-2", secretary="vp"), now)
    name = deputies.grant
    day = timedelta(days=1)
    given = (now, now + day, "", secretary, now)
    own = lambda s: name(s, people["vp-1"], people["vp-2"], *given)  # noqa: E731
    assert await refusal(database, own) == "own_deputy"
    await database.transact(lambda s: name(s, people["vp-1"], people["yt-1"], *given))
    head = await account_in(database, province, now, "khcn-1", approver="tinh")
    desk = await actor_of(database, await account_in(database, province, now, "khcn-2", secretary="khcn"), now)
    passed = lambda who: lambda s: name(s, people["khcn-1"], people["yt-2"], now, now + day, "", who, now)  # noqa: E731
    assert await refusal(database, passed(desk)) == "denied"
    await database.transact(passed(await actor_of(database, head, now)))


async def refusal(database: Database, work: object) -> str:
    with pytest.raises(Refusal) as error:
        await database.transact(work)  # type: ignore[arg-type]
    return code_of(error)


@POSTGRESQL_IN_SIM
async def test_an_administrator_gives_roles_in_his_own_units_only(
    database: Database, province: Province, now: datetime
) -> None:
    await account_in(database, province, now, "tinh-1", admin="tinh")
    chief = await account_in(database, province, now, "khcn-1", admin="khcn")
    actor = await actor_of(database, chief, now)
    mine = await account_in(database, province, now, "khcn-2")
    foreign = await account_in(database, province, now, "yt-2")
    units = province.units
    for target, role, unit, wanted in (
        (mine, "secretary", "khcn", ""),
        (mine, "admin", "khcn", ""),
        (mine, "secretary", "yt", "denied"),
        (mine, "admin", "tinh", "denied"),
        (chief, "admin", "tinh", "denied"),
        (foreign, "secretary", "khcn", "account_unknown"),
        (mine, "secretary", "khcn", "role_held"),
        (mine, "emperor", "khcn", "role_unknown"),
    ):
        work = lambda s, t=target, r=role, u=unit: roles.grant(s, t, r, units[u], actor, now)  # noqa: E731
        if wanted:
            assert await refusal(database, work) == wanted, (role, unit)
        else:
            await database.transact(work)
    assert await refusal(database, lambda s: roles.grant(s, mine, "auditor", "nowhere", actor, now)) == "unit_unknown"
    past = now - MINUTE
    late = lambda s: roles.grant(s, mine, "auditor", units["khcn"], actor, now, ends_at=past)  # noqa: E731
    assert await refusal(database, late) == "dates_wrong"
    weak = await actor_of(database, chief, now, factors=1)
    again = lambda s: roles.grant(s, mine, "auditor", units["khcn"], weak, now)  # noqa: E731
    assert await refusal(database, again) == "second_factor_needed"


@POSTGRESQL_IN_SIM
async def test_an_admin_cannot_manage_an_account_with_more_rights(
    database: Database, province: Province, now: datetime
) -> None:
    """The administrator of a department must not administer a province administrator who works in that department."""
    await account_in(database, province, now, "tinh-1", admin="tinh")
    chief = await account_in(database, province, now, "khcn-1", admin="khcn")
    actor = await actor_of(database, chief, now)
    great = await account_in(database, province, now, "khcn-2", admin="tinh")
    doings = {
        "link": lambda s: administration.link(s, great.id, actor, now),
        "off": lambda s: administration.change(s, great.id, actor, now, {"active": False}),
        "totp": lambda s: administration.reset_second_factor(s, great.id, actor, now),
        "out": lambda s: administration.sign_out(s, great.id, actor, now),
    }
    for name, work in doings.items():
        assert await refusal(database, work) == "denied", name
    plain = await account_in(database, province, now, "xa1-2")
    later = now + timedelta(days=3)
    commune = await actor_of(database, await account_in(database, province, now, "xa1-1", admin="xa1"), now)
    await database.transact(lambda s: administration.link(s, plain.id, commune, now))
    await database.transact(lambda s: roles.grant(s, plain, "secretary", province.units["vp"], COMMAND, now, later))
    assert await refusal(database, lambda s: administration.link(s, plain.id, commune, now)) == "denied"
    await account_in(database, province, now, "vp-1", approver="vp")
    await deputy(database, province, "vp-1", "yt-2", now, now + MINUTE)
    stands_in = await account_in(database, province, now, "yt-2")
    health = await actor_of(database, await account_in(database, province, now, "yt-1", admin="yt"), now)
    assert await refusal(database, lambda s: administration.link(s, stands_in.id, health, now)) == "denied"


async def test_the_last_administrator_stays_even_when_two_go_at_once(
    database: Database, province: Province, now: datetime
) -> None:
    one, two = [await account_in(database, province, now, f"tinh-{n}", admin="tinh") for n in (1, 2)]
    await account_in(database, province, now, "vp-1", admin="vp")
    actors_now = [await actor_of(database, account, now) for account in (one, two)]

    async def grant_of(account: Account) -> str:
        async with database.reading() as session:
            found = await session.scalar(select(RoleGrant.id).where(RoleGrant.account_id == account.id))
        assert found is not None
        return found

    grants = [await grant_of(one), await grant_of(two)]
    outcomes = await asyncio.gather(
        database.transact(lambda s: roles.revoke(s, two, grants[1], actors_now[0], now)),
        database.transact(lambda s: administration.change(s, one.id, actors_now[1], now, {"active": False})),
        return_exceptions=True,
    )
    failures = [error for error in outcomes if isinstance(error, Refusal)]
    assert [error.code for error in failures] == ["last_admin"]
    left = one if isinstance(outcomes[1], Refusal) else two
    last = await grant_of(left)
    assert await refusal(database, lambda s: roles.revoke(s, left, last, COMMAND, now)) == "last_admin"
    off = lambda s: administration.change(s, left.id, COMMAND, now, {"active": False})  # noqa: E731
    assert await refusal(database, off) == "last_admin"


@POSTGRESQL_IN_SIM
async def test_roles_of_an_account_are_bounded(database: Database, province: Province, now: datetime) -> None:
    account = await account_in(database, province, now, "vp-1")
    day = timedelta(days=1)
    for number in range(limits.GRANTS):
        start = now + number * day
        await database.transact(
            lambda s, start=start: roles.grant(
                s, account, "secretary", province.units["vp"], COMMAND, now, start, start + day
            )  # type: ignore[misc]
        )
    one_more = lambda s: roles.grant(s, account, "auditor", province.units["vp"], COMMAND, now)  # noqa: E731
    assert await refusal(database, one_more) == "too_many"


async def test_accounts_are_made_for_people_of_ones_own_units(
    database: Database, province: Province, now: datetime
) -> None:
    chief = await actor_of(database, await account_in(database, province, now, "khcn-1", admin="khcn"), now)
    people = province.people
    made = await database.transact(lambda s: administration.create(s, " LAN.khcn ", people["khcn-2"], chief, now))
    assert (made.name, made.password, made.active) == ("lan.khcn", "", True)
    for name, person, wanted in (
        ("lan2", people["khcn-2"], "account_present"),
        ("lan.khcn", people["yt-1"], "denied"),
        ("lan", "nobody", "person_unknown"),
        ("", people["khcn-2"], "name_wrong"),
        ("Nguyễn", people["khcn-2"], "name_wrong"),
        ("a" * 65, people["khcn-2"], "name_wrong"),
    ):
        work = lambda s, n=name, p=person: administration.create(s, n, p, chief, now)  # noqa: E731
        assert await refusal(database, work) == wanted, name
    async with database.reading() as session:
        seen = await administration.listed(session, chief, now)
        found = await administration.listed(session, chief, now, search="trần thị KHCN")
        everybody = await administration.listed(session, COMMAND, now)
    assert [one.account.name for one in seen] == ["khcn-1", "lan.khcn"]
    assert [one.account.name for one in found] == ["lan.khcn"]
    assert len(everybody) == 2


async def test_two_edits_do_not_overwrite_each_other(database: Database, province: Province, now: datetime) -> None:
    account = await account_in(database, province, now, "vp-1")
    change = lambda s: administration.change(s, account.id, COMMAND, now, {"language": "en"}, expected_version=1)  # noqa: E731
    await database.transact(change)
    assert await refusal(database, change) == "version_old"


async def test_keys_of_other_systems(database: Database, province: Province, now: datetime) -> None:
    chief = await actor_of(database, await account_in(database, province, now, "vp-1", admin="vp"), now)
    units = province.units
    client, key = await database.transact(
        lambda s: clients.create(s, "Quản lý văn bản", units["vp"], ["secretary", "requester"], chief, now)
    )
    async with database.reading() as session:
        actor = await clients.by_key(session, key, "10.0.0.9")
        assert await clients.by_key(session, key[:-1], "") is None
    assert actor is not None
    assert (actor.kind, {one.role for one in actor.roles}) == ("client", {"requester", "secretary"})
    assert policy.allows(actor, "meetings.edit", province.paths["vp"])
    assert not policy.allows(actor, "meetings.edit", province.paths["yt"])
    assert not policy.allows(actor, "accounts.read", province.paths["vp"])
    make = clients.create
    for name, unit, held, wanted in (
        ("Hai", units["vp"], ["admin"], "role_unknown"),
        ("Hai", units["vp"], ["approver"], "role_unknown"),
        ("Hai", units["vp"], [], "role_unknown"),
        ("Hai", units["yt"], ["requester"], "denied"),
        ("Quản lý văn bản", units["vp"], ["requester"], "name_taken"),
        (" ", units["vp"], ["requester"], "name_taken"),
        ("Hai", "nowhere", ["requester"], "unit_unknown"),
    ):
        work = lambda s, n=name, u=unit, h=held: make(s, n, u, h, chief, now)  # noqa: E731
        assert await refusal(database, work) == wanted
    _, renewed = await database.transact(lambda s: clients.renew(s, client.id, chief, now))
    async with database.reading() as session:
        assert await clients.by_key(session, key, "") is None
        assert await clients.by_key(session, renewed, "") is not None
    await database.transact(lambda s: clients.revoke(s, client.id, chief, now))
    async with database.reading() as session:
        assert await clients.by_key(session, renewed, "") is None
    health = await actor_of(database, await account_in(database, province, now, "yt-1", admin="yt"), now)
    assert await refusal(database, lambda s: clients.renew(s, client.id, health, now)) == "client_unknown"


async def test_the_first_administrator_of_an_empty_installation(database: Database, now: datetime) -> None:
    async with database.reading() as session:
        assert not await first_administrator.administered(session, now)
    name, secret = await database.transact(lambda s: first_administrator.link(s, COMMAND, now))
    account, _ = await database.transact(lambda s: signing.use_link(s, secret, now))
    assert account.name == name == "quantri"
    actor = await actor_of(database, account, now)
    async with database.reading() as session:
        root = await session.scalar(select(Unit))
        assert not await first_administrator.administered(session, now)  # the account has no password yet
    assert root is not None
    assert policy.allows(actor, "accounts.write", root.path)
    again, _ = await database.transact(lambda s: first_administrator.link(s, COMMAND, now))
    assert again == name
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(RoleGrant)) == 1


@POSTGRESQL_IN_SIM
async def test_what_is_done_to_accounts_is_on_the_trail(database: Database, province: Province, now: datetime) -> None:
    account = await account_in(database, province, now, "vp-1")
    await database.transact(lambda s: roles.grant(s, account, "secretary", province.units["vp"], COMMAND, now))
    await database.transact(lambda s: administration.link(s, account.id, COMMAND, now))
    await database.transact(lambda s: administration.reset_second_factor(s, account.id, COMMAND, now))
    async with database.reading() as session:
        actions = (await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq))).all()
    assert list(actions) == ["accounts.grant", "accounts.link", "accounts.totp_reset"]


@given(st.text(min_size=0, max_size=300))
def test_any_text_is_a_password_or_refused_by_name(text: str) -> None:
    codes = []
    try:
        passwords.check(text)
    except Refusal as error:
        codes.append(error.code)
    fits = limits.PASSWORD_LEAST <= len(passwords.normalised(text)) <= limits.PASSWORD_CHARACTERS
    assert set(codes) <= {"password_short", "password_long", "password_common"}
    assert fits or codes
