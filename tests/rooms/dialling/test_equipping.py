"""A hall, its terminal and its account in one step; chosen passwords; accounts for many terminals."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import accounts
from rooms.dialling.devices import equipping
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.sealing import Seal
from rooms.sites import halls, terminals
from rooms.store.database import Database
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Terminal
from tests.rooms.province import Province

SEAL = Seal(bytes(range(32)))
CHOSEN = "Hoi-truong.tang2"


def digest(algorithm: str, alias: str, password: str) -> str:
    return f"{algorithm} {alias} {password}"


async def code_of(work: Callable[[], Awaitable[Any]]) -> str:
    with pytest.raises(Refusal) as caught:
        await work()
    return caught.value.code


async def test_a_hall_is_stored_with_its_terminal_and_account(
    database: Database, province: Province, now: datetime
) -> None:
    room = {"code": "ht-2", "name": "Hội trường tầng 2", "site_id": province.sites["yt"], "seats": 80}
    device = {"code": "tb-2", "name": "Poly X50", "note": "tủ số 3"}
    clerk = province.actor("operator", "yt")

    async def equip(
        session: AsyncSession,
        hall: equipping.Part,
        terminal: equipping.Part | None,
        password: str | None = None,
        alias: str = "tb-2",
    ) -> equipping.Equipped:
        wish = equipping.Account(alias, "MD5", False, password)
        return await equipping.equip(session, hall, terminal, wish, SEAL, digest, clerk, now)

    async def work(session: AsyncSession) -> None:
        made = await equip(session, equipping.Part(room), equipping.Part(device), CHOSEN)
        assert made.terminal is not None
        assert (made.terminal.hall_id, made.terminal.site_id) == (made.hall.id, province.sites["yt"])
        assert made.password == CHOSEN
        (known,) = [one for one in await accounts.every(session, SEAL) if one.alias == "tb-2"]
        assert known.secret == f"MD5 tb-2 {CHOSEN}"
        # The editor saw these versions. A field that the form does not know stays.
        hall = equipping.Part(room | {"seats": 90}, made.hall.id, made.hall.version)
        terminal = equipping.Part({"name": "Poly X70"}, made.terminal.id, made.terminal.version)
        changed = await equipping.equip(session, hall, terminal, None, SEAL, None, clerk, now)
        assert changed.terminal is not None
        assert (changed.hall.seats, changed.terminal.name, changed.terminal.note) == (90, "Poly X70", "tủ số 3")
        assert changed.password == ""
        second = await terminals.create(
            session, {**device, "code": "tb-4", "site_id": made.hall.site_id, "hall_id": made.hall.id}, clerk, now
        )
        moved = equipping.Part(room | {"site_id": province.sites["tinh"]}, made.hall.id)
        await equipping.equip(session, moved, equipping.Part({}, made.terminal.id), None, SEAL, None, COMMAND, now)
        for one in (made.terminal, second):
            await session.refresh(one)
            assert (one.site_id, one.hall_id) == (province.sites["tinh"], made.hall.id)
        await equipping.equip(session, equipping.Part(room, made.hall.id), None, None, SEAL, None, COMMAND, now)
        stranger = equipping.Part({"name": "X"}, province.terminals["khcn"])
        hall = equipping.Part(room, made.hall.id)
        assert await code_of(lambda: equip(session, hall, stranger)) == "unknown_terminal"
        assert await code_of(lambda: equip(session, hall, None)) == "no_terminal"
        elsewhere = equipping.Part(room | {"code": "x", "site_id": province.sites["khcn"]})
        assert await code_of(lambda: equip(session, elsewhere, None)) == "denied"

    await database.transact(work)

    async def refused(session: AsyncSession) -> None:
        await equip(session, equipping.Part(room | {"code": "ht-3"}), equipping.Part(device | {"code": "tb-3"}))

    assert await code_of(lambda: database.transact(refused)) == "alias_taken"
    async with database.reading() as session:
        assert await halls.by_code(session, "ht-3") is None
        assert await terminals.by_code(session, "tb-3") is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Hoi-truong2", "password_short"),
        ("hội-trường-tầng2", "password_signs"),
        ("hoi truong tang 2", "password_signs"),
        ("111111111111", "password_common"),
        ("hoi-truong-a1", "password_common"),
    ],
)
def test_a_chosen_password_has_twelve_characters_of_a_keyboard(password: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        accounts.check_chosen(password, "hoi-truong-a")


async def test_many_terminals_get_accounts_as_lines_of_one_sheet(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        async def give(renew: bool, *codes: str) -> dict[str, accounts.Given]:
            ids = [province.terminals[one] for one in codes]
            given = await accounts.give_many(session, ids, renew, SEAL, digest, COMMAND, now)
            return {one.alias: one for one in given}

        other = province.terminals["xa1"]
        await accounts.give(session, other, "khcn", "SHA-256", True, SEAL, digest, COMMAND, now)
        first = await give(False, "khcn", "xa1", "tinh-a", "tinh-a")
        assert set(first) == {"khcn-2", "tinh-a"}, "the name khcn is taken, and xa1 has an account"
        assert first["khcn-2"].hall == "Phòng họp khcn"
        stored = {one.alias: one for one in await accounts.every(session, SEAL)}
        assert all(stored[name].secret == f"MD5 {name} {one.password}" for name, one in first.items())
        assert await code_of(lambda: give(False, "khcn", "xa1")) == "none_given"
        renewed = await give(True, "xa1")
        assert list(renewed) == ["khcn"]
        known = {one.alias: one for one in await accounts.every(session, SEAL)}["khcn"]
        assert (known.secret, known.behind_nat) == (f"SHA-256 khcn {renewed['khcn'].password}", True)
        await session.execute(Terminal.__table__.update().values(protocols=["h323"]))  # type: ignore[attr-defined]
        session.expire_all()
        assert await code_of(lambda: give(True, "khcn")) == "none_given"
        told = await session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "terminal.sip_account"))
        assert not [one for one in told.all() if any(line.password in str(one) for line in first.values())]
        clerk = province.actor("operator", "yt")
        ids = [province.terminals["tinh-a"]]
        wish = (session, ids, True, SEAL, digest, clerk, now)
        await session.execute(Terminal.__table__.update().values(protocols=["sip"]))  # type: ignore[attr-defined]
        session.expire_all()
        assert await code_of(lambda: accounts.give_many(*wish)) == "denied"

    await database.transact(work)
