"""Signing in over HTTP: cookies, throttles, second factors, a user's own sessions, and requests from another origin."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from conference import ProcessMemory
from rooms.accounts import limits as accounts
from rooms.accounts import signing
from rooms.accounts.passwords import Hashing
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, SignIn
from rooms.store.tables.records import AuditEntry
from signaling.access import limits
from signaling.access.access import Options
from signaling.access.backoff import Backoff, pause
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province
from tests.rooms.test_accounts import code_at
from tests.signaling.sign_in_desk import CHEAP, HASHED, PASSWORD, SignInDesk, sign_in

pytestmark = pytest.mark.both_databases
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""A mark that runs a test on one database only. For tests that do not depend on the kind of database."""
NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
NEW = "mưa rơi trên mái ngói đỏ"
AMONG_THE_FIRST = 12
"""Passwords. Both right passwords must be among this number of hashes. At most eleven are hashed before both are done: one that
is hashed already, two from each of four networks, and the two right ones. Larger: the test allows starvation. Smaller: a
fair order fails.
"""


@pytest.fixture
async def office(database: Database, province: Province) -> AsyncIterator[SignInDesk]:
    opened = SignInDesk(database, NOW)
    yield opened
    opened.access.close()


@pytest.fixture
def now() -> datetime:
    return NOW


def code_of(answer: httpx.Response) -> str:
    body = answer.json()
    assert body["vi"]
    assert body["en"]
    return str(body["code"])


async def test_signing_in_and_out(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"], secretary=province.units["vp"])
    async with office.client() as browser:
        assert (await browser.get("/session")).json()["signed_in"] is False
        answer = await sign_in(browser, " LAN ")
        assert answer.status_code == 200
        state = answer.json()
        assert state["me"]["person_name"] == "Nguyễn Văn VP"
        assert state["me"]["title"] == "Chánh Văn phòng"
        assert [(one["role"], one["unit_name"]) for one in state["me"]["roles"]] == [
            ("secretary", "Văn phòng UBND tỉnh")
        ]
        assert "meetings.create" in state["me"]["actions"]
        assert "accounts.read" not in state["me"]["actions"]
        assert (state["second_factor"], state["must_change"], state["issuer"]) == ("none", False, None)
        again = (await browser.get("/session")).json()
        assert again == state
        assert (await browser.delete("/session")).status_code == 204
        assert (await browser.get("/session")).json()["signed_in"] is False
    async with office.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(SignIn)) == 0


@ONE_DATABASE
async def test_the_cookie_is_bound_to_host_and_tls_and_hidden(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client() as browser:
        answer = await sign_in(browser, "lan")
    for name in ("__Host-diemcau", "__Host-diemcau-device"):
        written = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(f"{name}="))
        parts = {part.strip().lower() for part in written.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts)
    local = SignInDesk(office.database, NOW, Options(secure=False), base="http://localhost:7880")
    async with local.client() as browser:
        answer = await sign_in(browser, "lan")
        cookies = answer.headers.get_list("set-cookie")
        assert all(one.startswith("diemcau-local") and "secure" not in one.lower() for one in cookies)
        assert (await browser.get("/session")).json()["signed_in"]
    async with office.client(cookie="diemcau-local=" + re.split("[=;]", cookies[0])[1]) as browser:
        assert not (await browser.get("/session")).json()["signed_in"]
    local.access.close()


@POSTGRESQL_IN_SIM
async def test_wrong_passwords_and_unknown_names_look_alike(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    off = await office.account("cu", province.people["vp-2"])
    await office.change(off.id, active=False)
    await office.account("sso", province.people["yt-1"], password="")
    answers = []
    async with office.client() as browser:
        for name in ("lan", "nobody", "cu", "sso"):
            before = office.hashing.computed
            answer = await sign_in(browser, name, PASSWORD if name != "lan" else "sai")
            answers.append((answer.status_code, answer.content, tuple(answer.headers.get_list("set-cookie"))))
            assert office.hashing.computed == before + 1
    assert len(set(answers)) == 1
    assert answers[0][0] == 401


@ONE_DATABASE
@pytest.mark.parametrize("name", ["lan", "nobody"])
async def test_guesses_at_one_name_must_wait_longer_each_time(
    office: SignInDesk, province: Province, name: str
) -> None:
    await office.account("lan", province.people["vp-1"])
    hosts = iter(range(1, 250))

    async def guess(password: str = "sai") -> httpx.Response:
        async with office.client(f"10.9.9.{next(hosts)}") as browser:
            return await sign_in(browser, name, password)

    for _ in range(accounts.FREE_FAILURES):
        assert code_of(await guess()) == "sign_in_failed"
    hashed = office.hashing.computed
    waited = []
    for _ in range(12):
        slowed = await guess(PASSWORD)
        assert (slowed.status_code, code_of(slowed)) == (429, "sign_in_slowed")
        seconds = int(re.findall(r"\d+", slowed.json()["en"])[0])
        waited.append(seconds)
        office.pass_time(seconds=seconds)
        assert code_of(await guess()) == "sign_in_failed"
    assert office.hashing.computed == hashed + 12
    assert waited == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    await office.access.settled()
    async with office.database.reading() as session:
        noted = await session.scalar(
            select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "session.guessed")
        )
    assert noted == (13 if name == "lan" else 0)


@ONE_DATABASE
async def test_the_entry_about_guessing_is_written_after_the_answer(office: SignInDesk, province: Province) -> None:
    """Show that only an existing name gets an audit entry, and that the answer does not wait for the entry. Otherwise the delay
    would reveal which names exist.
    """
    await office.account("lan", province.people["vp-1"])
    statements: list[str] = []

    def seen(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement.split()[0].upper())

    costs = {}
    event.listen(office.database.engine.sync_engine, "before_cursor_execute", seen)
    for name in ("lan", "nobody"):
        async with office.client() as browser:
            for _ in range(accounts.FREE_FAILURES):
                await sign_in(browser, name, "sai")
            office.pass_time(seconds=900)
            statements.clear()
            assert code_of(await sign_in(browser, name, "sai")) == "sign_in_failed"
            costs[name] = list(statements)
            await office.access.settled()
    event.remove(office.database.engine.sync_engine, "before_cursor_execute", seen)
    assert costs["lan"] == costs["nobody"]
    async with office.database.reading() as session:
        noted = await session.scalar(
            select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "session.guessed")
        )
    assert noted == 2, "the fifth and the sixth time, of the one that exists"


@ONE_DATABASE
async def test_a_known_browser_is_not_locked_out_by_strangers(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client() as own:
        await sign_in(own, "lan")
        await own.delete("/session")
        for host in range(8):
            async with office.client(f"10.9.9.{host}") as stranger:
                await sign_in(stranger, "lan", "sai")
        async with office.client("10.9.9.99") as stranger:
            assert code_of(await sign_in(stranger, "lan")) == "sign_in_slowed"
        assert (await sign_in(own, "lan")).status_code == 200
        for _ in range(accounts.FREE_FAILURES):
            await sign_in(own, "lan", "sai")
        assert code_of(await sign_in(own, "lan")) == "sign_in_slowed"  # the known browser is limited too


@POSTGRESQL_IN_SIM
async def test_one_network_cannot_keep_guessing_at_many_names(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client("10.4.4.4") as browser:
        codes = [code_of(await sign_in(browser, f"name{n}", "sai")) for n in range(limits.FAILURES_PER_MINUTE + 1)]
        assert codes[:-1] == ["sign_in_failed"] * limits.FAILURES_PER_MINUTE
        assert codes[-1] == "too_many_requests"
        computed = office.hashing.computed
        assert (await sign_in(browser, "lan")).status_code == 429
        assert office.hashing.computed == computed
        office.pass_time(seconds=2.5)
        assert (await sign_in(browser, "lan")).status_code == 200
    async with office.client("10.4.4.5") as other:
        assert (await sign_in(other, "lan")).status_code == 200


@ONE_DATABASE
async def test_correct_sign_ins_of_an_office_are_not_limited(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    for _ in range(limits.FAILURES_PER_MINUTE + 2):
        async with office.client("10.4.4.4") as browser:
            assert (await sign_in(browser, "lan")).status_code == 200


class Counting:
    """A hasher that records each password that it checks, and blocks until `go` is set."""

    def __init__(self) -> None:
        import threading

        self.go = threading.Event()
        self.asked: list[str] = []

    def verify(self, stored: str, text: str) -> bool:
        self.go.wait(30)
        self.asked.append(text)
        return stored == HASHED and CHEAP.verify(stored, text)

    def check_needs_rehash(self, _stored: str) -> bool:
        return False


class FirstCome(Hashing):
    """Hashing without fair turns: the first request comes first, whatever its network and its browser."""

    async def _run(self, prepare: Any, source: str, *, known: bool) -> Any:
        return await super()._run(prepare, "", known=False)


async def flood(
    office: SignInDesk, counting: Counting, province: Province, count: int
) -> tuple[list[int], list[int], int]:
    """Send `count` wrong sign-ins from four networks. Then send two right ones: from a known browser and from a stranger.

    Return the answers to the wrong ones, the answers to the right ones, and how many waited before the first hash.
    """
    await office.account("lan", province.people["vp-1"])
    await office.account("minh", province.people["vp-2"])
    async with office.client("10.0.0.1") as own, office.client("10.0.0.2") as stranger:
        counting.go.set()
        await sign_in(own, "lan")
        counting.go.clear()
        counting.asked.clear()
        browsers = [office.client(f"10.7.{n // 250}.{n % 250}") for n in range(4)]
        floods = [asyncio.create_task(sign_in(browsers[n % 4], f"name{n}", "sai")) for n in range(count)]
        while not any(task.done() for task in floods) and office.hashing.waiting < len(floods) - 1:
            await asyncio.sleep(0.01)
        rights = [asyncio.create_task(sign_in(own, "lan")), asyncio.create_task(sign_in(stranger, "minh"))]
        await asyncio.sleep(0.5)
        waiting = office.hashing.waiting
        counting.go.set()
        answers = [(await right).status_code for right in rights]
        outcomes = [(await task).status_code for task in floods]
        for browser in browsers:
            await browser.aclose()
    office.access.close()
    return outcomes, answers, waiting


@POSTGRESQL_IN_SIM
async def test_a_thousand_wrong_sign_ins_do_not_block_a_correct_one(
    database: Database, province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show by counts, not by a clock, that right sign-ins do not starve. Few of the thousand are hashed. As many queries as
    hashes run at once. The right sign-ins are among the first.
    """
    asking = most = 0
    named = signing.named

    async def watched(session: AsyncSession, name: str) -> Account | None:
        nonlocal asking, most
        asking += 1
        most = max(most, asking)
        await asyncio.sleep(0)
        found = await named(session, name)
        asking -= 1
        return found

    monkeypatch.setattr(signing, "named", watched)
    counting = Counting()
    office = SignInDesk(database, NOW, hashing=Hashing(1, counting))  # type: ignore[arg-type]
    outcomes, answers, waiting = await flood(office, counting, province, 1000)
    assert answers == [200, 200]
    assert waiting <= 2 * accounts.HASH_WAITING
    assert set(outcomes) <= {401, 429, 503}
    assert most == 1, "one worker"
    assert len(counting.asked) <= 4 * (accounts.HASH_WAITING_OF_ONE + limits.FAILURES_PER_MINUTE) + 2
    assert counting.asked[:AMONG_THE_FIRST].count(PASSWORD) == 2


@ONE_DATABASE
async def test_control_without_bounds_all_wrong_passwords_are_hashed(
    database: Database, province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "HASH_WAITING", 10**6)
    monkeypatch.setattr(accounts, "HASH_WAITING_OF_ONE", 10**6)
    monkeypatch.setattr(limits, "FAILURES_PER_MINUTE", 10**6)
    counting = Counting()
    office = SignInDesk(database, NOW, hashing=FirstCome(1, counting))  # type: ignore[arg-type]
    outcomes, answers, _ = await flood(office, counting, province, 250)
    assert (set(outcomes), answers) == ({401}, [200, 200])
    assert counting.asked == ["sai"] * 250 + [PASSWORD] * 2


@POSTGRESQL_IN_SIM
async def test_an_old_hash_is_renewed_at_the_next_sign_in(office: SignInDesk, province: Province) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    account = await office.account("lan", province.people["vp-1"], password=old)
    async with office.client() as browser:
        assert (await sign_in(browser, "lan")).status_code == 200
        renewed = (await office.stored(account.id)).password
        assert renewed != old
        assert "m=8,t=1" in renewed
        assert (await sign_in(browser, "lan")).status_code == 200


async def enrol(office: SignInDesk, browser: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Return the secret of the authenticator application and the paper codes."""
    made = (await browser.post("/session/totp/enrolment")).json()
    assert made["uri"].startswith("otpauth://totp/")
    assert made["svg"].startswith("<svg")
    assert "style=" not in made["svg"]
    assert "<script" not in made["svg"]
    answer = await browser.put("/session/totp/enrolment", json={"code": code_at(made["secret"], office.now)})
    assert answer.status_code == 200, answer.text
    office.pass_time(seconds=30)
    return made["secret"], answer.json()["codes"]


@POSTGRESQL_IN_SIM
async def test_an_administrator_sets_up_the_second_factor_and_uses_it(office: SignInDesk, province: Province) -> None:
    await office.account("an", province.people["tinh-1"], admin=province.units["tinh"])
    async with office.client() as browser:
        assert (await sign_in(browser, "an")).json()["second_factor"] == "enrol"
        assert (await browser.get("/accounts")).status_code == 200
        new = {"name": "ba", "person_id": "0" * 32}
        assert (
            code_of(await browser.post("/clients", json={"name": "X", "unit_id": "0" * 32, "roles": ["requester"]}))
            == "unit_unknown"
        )
        del new
        before = browser.cookies["__Host-diemcau"]
        secret, codes = await enrol(office, browser)
        assert browser.cookies["__Host-diemcau"] != before
        assert (await browser.get("/session")).json()["second_factor"] == "done"
    async with office.client(cookie=f"__Host-diemcau={before}") as thief:
        assert not (await thief.get("/session")).json()["signed_in"]
    async with office.client() as browser:
        state = (await sign_in(browser, "an")).json()
        assert state["second_factor"] == "needed"
        assert (state["me"]["roles"], state["me"]["actions"]) == ([], [])
        for path in ("/accounts", "/sessions"):
            assert code_of(await browser.get(path)) == "second_factor_needed"
        assert (
            code_of(await browser.put("/session/password", json={"current": PASSWORD, "new": NEW}))
            == "second_factor_needed"
        )
        assert code_of(await browser.post("/session/totp", json={"code": "000000"})) == "second_factor_wrong"
        half = browser.cookies["__Host-diemcau"]
        code = code_at(secret, office.now)
        assert (await browser.post("/session/totp", json={"code": code})).json()["second_factor"] == "done"
        assert browser.cookies["__Host-diemcau"] != half
        assert (await browser.get("/accounts")).status_code == 200
    async with office.client() as browser:
        wrong = await sign_in(browser, "an", code=code)
        assert code_of(wrong) == "second_factor_wrong"  # a code is valid once
    async with office.client() as browser:
        assert (await sign_in(browser, "an", code=codes[0])).json()["second_factor"] == "done"
    async with office.client() as browser:
        assert code_of(await sign_in(browser, "an", code=codes[0])) == "second_factor_wrong"


@POSTGRESQL_IN_SIM
async def test_codes_cannot_be_tried_out(office: SignInDesk, province: Province) -> None:
    await office.account("an", province.people["tinh-1"], admin=province.units["tinh"])
    async with office.client() as browser:
        await sign_in(browser, "an")
        secret, _ = await enrol(office, browser)
    async with office.client() as browser:
        await sign_in(browser, "an")
        codes = [code_of(await browser.post("/session/totp", json={"code": f"{n:06}"})) for n in range(7)]
        assert codes[-2:] == ["sign_in_slowed"] * 2
        answer = await browser.post("/session/totp", json={"code": code_at(secret, office.now)})
        assert code_of(answer) == "sign_in_slowed"


async def test_a_new_telephone(office: SignInDesk, province: Province) -> None:
    await office.account("an", province.people["tinh-1"], admin=province.units["tinh"])
    async with office.client() as browser, office.client() as second:
        await sign_in(browser, "an")
        secret, codes = await enrol(office, browser)
        assert code_of(await browser.post("/session/totp/enrolment")) == "totp_present"
        await sign_in(second, "an", code=codes[0])
        renewed = await browser.post("/session/totp/recovery", json={"code": code_at(secret, office.now)})
        assert not set(renewed.json()["codes"]) & set(codes)
        office.pass_time(seconds=30)
        assert code_of(await browser.post("/session/totp/removal", json={"code": codes[1]})) == "second_factor_wrong"
        removed = await browser.post("/session/totp/removal", json={"code": code_at(secret, office.now)})
        assert (removed.json()["totp"], removed.json()["second_factor"]) == (False, "enrol")
        assert not (await second.get("/session")).json()["signed_in"]
        await enrol(office, browser)


@POSTGRESQL_IN_SIM
async def test_a_link_signs_in_once_and_asks_for_a_password(office: SignInDesk, province: Province) -> None:
    account = await office.account("lan", province.people["vp-1"], password="")
    secret, _ = await office.database.transact(lambda s: signing.new_link(s, account, COMMAND, NOW))
    async with office.client() as browser:
        state = (await browser.post("/session/link", json={"secret": secret})).json()
        assert (state["signed_in"], state["must_change"], state["has_password"]) == (True, True, False)
        assert code_of(await browser.get("/accounts")) == "password_change_needed"
        short = await browser.put("/session/password", json={"new": "ngắn"})
        assert (short.status_code, code_of(short)) == (422, "password_short")
        for easy in ("lan lan lan lan lan", "vietnam123456"):
            assert code_of(await browser.put("/session/password", json={"new": easy})) == "password_common"
        done = (await browser.put("/session/password", json={"new": NEW})).json()
        assert (done["must_change"], done["has_password"]) == (False, True)
        assert code_of(await browser.put("/session/password", json={"new": PASSWORD})) == "password_wrong"
    async with office.client() as browser:
        dead = await browser.post("/session/link", json={"secret": secret})
        assert code_of(dead) == "link_dead"
        # An administrator cannot ask another administrator, so the text names the command.
        assert all("`diemcau user link`" in dead.json()[language] for language in ("vi", "en"))
        assert (await sign_in(browser, "lan", NEW)).status_code == 200


@POSTGRESQL_IN_SIM
async def test_an_abandoned_link_does_not_affect_password_sign_in(office: SignInDesk, province: Province) -> None:
    account = await office.account("lan", province.people["vp-1"])
    secrets = [await office.database.transact(lambda s: signing.new_link(s, account, COMMAND, NOW)) for _ in range(2)]
    async with office.client() as before, office.client() as opened, office.client() as later:
        await sign_in(before, "lan")
        for secret, _ in secrets:
            assert (await opened.post("/session/link", json={"secret": secret})).json()["must_change"]
        assert code_of(await opened.get("/accounts")) == "password_change_needed"
        state = (await sign_in(later, "lan")).json()
        assert (state["signed_in"], state["must_change"], state["has_password"]) == (True, False, True)
        assert (await later.get("/sessions")).status_code == 200
        assert not (await before.get("/session")).json()["must_change"]
        # A session by password still needs the current password. A new sign-in needs no change, even in the link's browser.
        assert code_of(await later.put("/session/password", json={"new": NEW})) == "password_wrong"
        assert not (await sign_in(opened, "lan")).json()["must_change"]


@POSTGRESQL_IN_SIM
async def test_a_link_awaiting_its_code_affects_only_its_own_session(office: SignInDesk, province: Province) -> None:
    account = await office.account("an", province.people["tinh-1"], admin=province.units["tinh"])
    async with office.client() as browser:
        await sign_in(browser, "an")
        app, _ = await enrol(office, browser)
    secret, _ = await office.database.transact(lambda s: signing.new_link(s, account, COMMAND, NOW))
    async with office.client() as opened, office.client() as later:
        state = (await opened.post("/session/link", json={"secret": secret})).json()
        assert (state["second_factor"], state["must_change"]) == ("needed", True)
        state = (await sign_in(later, "an", code=code_at(app, office.now))).json()
        assert (state["second_factor"], state["must_change"]) == ("done", False)
        assert (await later.get("/accounts")).status_code == 200
        office.pass_time(seconds=30)
        state = (await opened.post("/session/totp", json={"code": code_at(app, office.now)})).json()
        assert (state["second_factor"], state["must_change"]) == ("done", True)
        done = (await opened.put("/session/password", json={"new": NEW})).json()
        assert not done["must_change"]
        assert not (await later.get("/session")).json()["signed_in"]


async def test_an_account_of_an_earlier_release_can_sign_in(office: SignInDesk, province: Province) -> None:
    account = await office.account("lan", province.people["vp-1"])
    await office.change(account.id, must_change=True)
    async with office.client() as browser:
        assert not (await sign_in(browser, "lan")).json()["must_change"]
        assert (await browser.get("/sessions")).status_code == 200


@ONE_DATABASE
async def test_links_are_not_tried_out_and_right_ones_do_not_count(office: SignInDesk, province: Province) -> None:
    account = await office.account("lan", province.people["vp-1"], password="")
    async with office.client("10.4.4.4") as browser:
        for _ in range(limits.FAILURES_PER_MINUTE + 5):
            secret, _ = await office.database.transact(lambda s: signing.new_link(s, account, COMMAND, NOW))
            assert (await browser.post("/session/link", json={"secret": secret})).status_code == 200
        codes = [
            code_of(await browser.post("/session/link", json={"secret": "x" * 32}))
            for _ in range(limits.FAILURES_PER_MINUTE + 1)
        ]
    assert codes == ["link_dead"] * limits.FAILURES_PER_MINUTE + ["too_many_requests"]


@POSTGRESQL_IN_SIM
async def test_a_new_password_signs_out_every_other_browser(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client() as here, office.client() as there:
        await sign_in(here, "lan")
        await sign_in(there, "lan")
        old = here.cookies["__Host-diemcau"]
        assert (
            code_of(await here.put("/session/password", json={"current": PASSWORD, "new": PASSWORD})) == "password_same"
        )
        assert (await here.put("/session/password", json={"current": PASSWORD, "new": NEW})).status_code == 200
        assert here.cookies["__Host-diemcau"] != old
        assert (await here.get("/session")).json()["signed_in"]
        assert not (await there.get("/session")).json()["signed_in"]
        for _ in range(accounts.FREE_FAILURES):
            answer = await here.put("/session/password", json={"current": "sai", "new": PASSWORD})
            assert code_of(answer) == "password_wrong"
        assert code_of(await here.put("/session/password", json={"current": NEW, "new": PASSWORD})) == "sign_in_slowed"


async def test_own_sessions_are_seen_and_ended(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    await office.account("minh", province.people["vp-2"])
    async with office.client("10.1.1.1") as here, office.client("10.1.1.2") as there, office.client() as other:
        await sign_in(here, "lan")
        await sign_in(there, "lan")
        await sign_in(other, "minh")
        seen = (await here.get("/sessions")).json()
        assert {(one["address"], one["current"]) for one in seen} == {("10.1.1.1", True), ("10.1.1.2", False)}
        assert all(one["agent"] == "Firefox/140" for one in seen)
        foreign = (await other.get("/sessions")).json()[0]["id"]
        assert code_of(await here.delete(f"/sessions/{foreign}")) == "session_unknown"
        far = next(one["id"] for one in seen if not one["current"])
        assert (await here.delete(f"/sessions/{far}")).status_code == 204
        assert not (await there.get("/session")).json()["signed_in"]
        await sign_in(there, "lan")
        assert (await here.delete("/sessions")).status_code == 204
        assert not (await there.get("/session")).json()["signed_in"]
        assert (await here.get("/session")).json()["signed_in"]
        assert (await other.get("/session")).json()["signed_in"]
        assert (await here.patch("/session", json={"language": "en"})).json()["me"]["language"] == "en"


@POSTGRESQL_IN_SIM
async def test_use_keeps_a_session_and_idleness_ends_it(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client() as browser:
        await sign_in(browser, "lan")
        for _ in range(3):
            office.now += accounts.SESSION_IDLE - timedelta(minutes=1)
            assert (await browser.get("/session")).json()["signed_in"]
        office.now += accounts.SESSION_IDLE
        assert not (await browser.get("/session")).json()["signed_in"]


ORIGINS = [
    (None, None, False),
    ("https://hop.vn", None, True),
    ("https://hop.vn:443", None, True),
    (None, "same-origin", True),
    ("https://hop.vn", "same-origin", True),
    ("https://hop.vn", "cross-site", False),
    ("https://hop.vn", "same-site", False),
    ("https://hop.vn", "none", False),
    (None, "cross-site", False),
    ("null", None, False),
    ("", None, False),
    ("https://evil.vn", None, False),
    ("https://hop.vn.evil.vn", None, False),
    ("https://evil-hop.vn", None, False),
    ("https://hop.vn@evil.vn", None, False),
    ("https://hop.vn:8443", None, False),
    ("https://HOP.VN", None, False),
    ("https://hop.vn/", None, False),
    ("ftp://hop.vn", None, False),
    ("https://[::1", None, False),
    ("file://", None, False),
    ("https://evil.vn", "same-origin", False),
]


@ONE_DATABASE
async def test_changing_requests_come_from_our_own_pages(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    wrong = []
    async with office.client() as browser:
        await sign_in(browser, "lan")
        del browser.headers["origin"]
        for origin, site, welcome in ORIGINS:
            given = (("content-type", "application/json"), ("origin", origin), ("sec-fetch-site", site))
            headers = {name: value for name, value in given if value is not None}
            for method, path, body in (
                ("PATCH", "/session", b'{"language": "en"}'),
                ("POST", "/session", b'{"name": "lan", "password": "sai"}'),
                ("DELETE", "/sessions", b""),
            ):
                answer = await browser.request(method, path, content=body, headers=headers)
                refused = answer.status_code == 403 and code_of(answer) == "origin_refused"
                if refused is welcome:
                    wrong.append((origin, site, method, path, answer.text))
            assert (await browser.get("/session", headers=headers)).json()["signed_in"], (origin, site)
    assert not wrong


@ONE_DATABASE
async def test_what_a_form_can_send_is_not_taken(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["vp-1"])
    async with office.client() as browser:
        await sign_in(browser, "lan")
        for kind in ("text/plain", "application/x-www-form-urlencoded", "text/plain; charset=utf-8", ""):
            answer = await browser.patch("/session", content=b'{"language": "en"}', headers={"content-type": kind})
            assert answer.status_code in (415, 422), kind
            assert (await browser.get("/session")).json()["me"]["language"] == "vi", kind


MALFORMED = (
    ("/session", {"name": "lan", "password": "x" * (limits.PASSWORD_CHARACTERS + 1)}),
    ("/session", {"name": "x" * 101, "password": "x"}),
    ("/session", {"name": "lan"}),
    ("/session", {"name": "lan", "password": "x", "role": "admin"}),
    ("/session", {"name": ["lan"], "password": {"$ne": ""}}),
    ("/session/link", {"secret": "short"}),
    ("/session/link", {"secret": "x" * 101}),
)


@ONE_DATABASE
async def test_malformed_sign_ins_are_refused_before_hashing(office: SignInDesk) -> None:
    async with office.client() as browser:
        for path, body in MALFORMED:
            assert (await browser.post(path, json=body)).status_code == 422, (path, body)
            assert office.hashing.computed == 0, (path, body)


@ONE_DATABASE
async def test_malformed_cookies_are_not_signed_in(office: SignInDesk) -> None:
    for value in ("", "x", "a" * (limits.COOKIE_BYTES + 1), "é", "..", "%00", "a=b"):
        async with office.client() as browser:
            cookie = {b"cookie": f"__Host-diemcau={value}; __Host-diemcau-device={value}".encode()}
            answer = await browser.get("/session", headers=cookie)
            assert answer.json()["signed_in"] is False
            assert (await browser.get("/accounts", headers=cookie)).status_code == 401


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    waits = [pause(n).total_seconds() for n in range(1, 40)]
    assert waits[:7] == [0, 0, 0, 0, 2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == 900


def test_the_names_remembered_are_bounded() -> None:
    backoff = Backoff(ProcessMemory(), "names", remembered=10)
    for number in range(11):
        backoff.admit(f"name{number}", NOW)
    assert backoff.failures("name0") == 0
    assert backoff.failures("name10") == 1
