"""The top unit: which root it is, which unit can become it, and that only a role there counts for the whole system."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import actors
from rooms.booking.rules import settings
from rooms.errors import Refusal
from rooms.org import root_unit, units
from rooms.org.fields import today
from rooms.policy import roles
from rooms.policy.actors import COMMAND, Actor
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Unit
from rooms.succession import reforms
from tests.rooms.people import add_account
from tests.rooms.province import Province

OTHER = {"code": "other", "name": "Tỉnh khác", "kind": "province", "tier": 1, "block": "government"}


async def other(session: AsyncSession, now: datetime, **more: object) -> Unit:
    since = today(now) - timedelta(days=400)
    return await units.create(session, OTHER | {"valid_from": since} | more, COMMAND, now)


async def chief(session: AsyncSession, unit_id: str, name: str, now: datetime) -> Actor:
    account = await add_account(session, name, None, {"admin": unit_id}, now)
    return await actors.of_account(session, account, now, factors=2)


async def changes_a_holiday(session: AsyncSession, actor: Actor, now: datetime) -> bool:
    try:
        await settings.set_holiday(session, today(now), "Nghỉ bù", False, actor, now)
    except Refusal as refusal:
        if refusal.code != "denied" or "toàn hệ thống" not in refusal.vietnamese:
            raise
        return False
    return True


async def test_the_first_root_unit_stays_the_leading_unit(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        first = province.units["tinh"]
        assert (await root_unit.root(session)).id == first  # type: ignore[union-attr]
        mine = await chief(session, first, "mine", now)
        assert await changes_a_holiday(session, mine, now)
        second = await other(session, now)
        theirs = await chief(session, second.id, "theirs", now)
        assert (await root_unit.root(session)).id == first  # type: ignore[union-attr]
        assert not await changes_a_holiday(session, theirs, now)
        assert "settings.write" not in roles.actions_of(theirs)
        assert "org.write" in roles.actions_of(theirs)
        # The changes that an administrator may make to their own unit (order, tier, code) do not make it the top.
        await units.edit(session, second.id, {"code": "a", "tier": 0, "position": 0}, theirs, now)
        assert (await root_unit.root(session)).id == first  # type: ignore[union-attr]
        with pytest.raises(Refusal) as told:
            await root_unit.change(session, second.id, theirs, now)
        assert told.value.code == "denied"
        with pytest.raises(Refusal) as told:
            await root_unit.change(session, province.units["vp"], mine, now)
        assert told.value.code == "not_a_root"
        await root_unit.change(session, second.id, mine, now)
        theirs = await actors.of_account(session, await account_of(session, "theirs"), now, factors=2)
        assert await changes_a_holiday(session, theirs, now)
        assert not await changes_a_holiday(session, await chief(session, first, "mine-again", now), now)

    await database.transact(work)


async def account_of(session: AsyncSession, name: str) -> Account:
    return (await session.scalars(select(Account).where(Account.name == name))).one()


async def test_several_unmarked_roots_have_no_top_except_by_command(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        second = await other(session, now)
        await session.execute(update(Unit).values(top=False))
        session.expire_all()
        assert await root_unit.root(session) is None
        for number, unit in enumerate((province.units["tinh"], second.id)):
            assert not await changes_a_holiday(session, await chief(session, unit, f"c{number}", now), now)
        await root_unit.change(session, second.id, COMMAND, now)
        assert (await root_unit.root(session)).id == second.id  # type: ignore[union-attr]

    await database.transact(work)


async def test_the_successor_of_the_leading_unit_becomes_leading(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        first, day = province.units["tinh"], today(now)
        report = await reforms.rename(session, first, "Tỉnh mới", day - timedelta(days=10), "1/NQ", COMMAND, now)
        assert (await root_unit.root(session)).id == report.unit  # type: ignore[union-attr]
        second = await other(session, now)
        merged = await reforms.merge(session, [report.unit], second.id, day, "", COMMAND, now)
        assert (await root_unit.root(session)).id == merged.unit == second.id  # type: ignore[union-attr]
        # The end of another root changes nothing.
        third = await other(session, now, code="third", name="Nữa")
        await reforms.abolish(session, third.id, second.id, day, "", COMMAND, now)
        assert (await root_unit.root(session)).id == second.id  # type: ignore[union-attr]

    await database.transact(work)


async def test_a_unit_hung_below_another_is_led_by_the_root_above(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        second = await other(session, now)
        await units.move(session, province.units["tinh"], second.id, COMMAND, now)
        assert (await root_unit.root(session)).id == second.id  # type: ignore[union-attr]

    await database.transact(work)


async def test_the_database_allows_only_one_leading_unit(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        await other(session, now)
        await session.execute(update(Unit).where(Unit.parent_id.is_(None)).values(top=True))

    with pytest.raises(IntegrityError):
        await database.transact(work)
