"""The two provinces and the reform that leads from the old to the new, checked by their figures."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.fixtures import longan, reform, tayninh
from rooms.fixtures.loading import FULL, SMALL, load
from rooms.org import recipients, units
from rooms.policy.actors import COMMAND
from rooms.sites import places
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Person, Unit, UnitSuccessor
from rooms.store.tables.sites import Hall, Site, Terminal
from tests.rooms.postgres import POSTGRESQL_IN_SIM

BEFORE = date(2025, 6, 30)
NOW = datetime(2025, 7, 1, 1, 0, tzinfo=UTC)
AFTER = date(2025, 7, 1)


async def count(session: AsyncSession, table: type) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0


def tiers(found: list[Unit]) -> Counter[int]:
    return Counter(one.tier for one in found if one.kind not in ("office", "department", "board", "organisation"))


async def test_longan_2021(database: Database) -> None:
    counts = await database.transact(lambda session: load(session, "longan-2021", COMMAND, NOW))
    assert (counts["site"], counts["person"]) == (204, SMALL)
    async with database.reading() as session:
        tree = await units.tree(session, BEFORE)
        kinds = Counter(one.kind for one in tree)
        assert tiers(tree)[2] == 15
        assert tiers(tree)[3] == 188
        assert (kinds["commune"], kinds["ward"], kinds["township"]) == (161, 12, 15)
        assert (kinds["department"], kinds["board"], kinds["organisation"]) == (20, 4, 6)
        assert sum(one.tier == 2 and one.kind == "office" for one in tree) == 15 * 12
        assert len({one.path for one in tree}) == len(tree) == 418
        capability = Counter(
            one.capability
            for one in await session.scalars(select(Site).join(Unit, Unit.id == Site.unit_id).where(Unit.tier == 3))
        )
        assert capability == {"hall": 141, "pc": 47}
        letter = await recipients.by_code(session, "cv-5180")
        assert letter is not None
        invited = await recipients.expand(session, letter.id, BEFORE)
        assert len(invited) == len({one.id for one in invited}) == 2 + 4 + 20 + 6 + 15


@POSTGRESQL_IN_SIM
async def test_a_new_department_is_in_the_next_expansion_only(database: Database) -> None:
    await database.transact(lambda session: load(session, "longan-2021", COMMAND, NOW))

    async def found(session: AsyncSession) -> None:
        root = await units.by_code(session, "LA")
        assert root is not None
        values = {"code": "LA.MOI", "name": "Sở Mới", "kind": "department", "tier": 1, "block": "government"}
        await units.create(session, values | {"parent_id": root.id, "valid_from": AFTER}, COMMAND, NOW)

    await database.transact(found)
    async with database.reading() as session:
        one = await recipients.by_code(session, "so-nganh-doan-the")
        assert one is not None
        sizes = [len(await recipients.expand(session, one.id, day)) for day in (BEFORE, AFTER)]
    assert sizes == [26, 27]


@POSTGRESQL_IN_SIM
async def test_tayninh_2025(database: Database) -> None:
    counts = await database.transact(lambda session: load(session, "tayninh-2025", COMMAND, NOW, people=500))
    assert (counts["site"], counts["person"]) == (98, 500)
    async with database.reading() as session:
        tree = await units.tree(session, AFTER)
        assert tiers(tree)[2] == 0
        assert tiers(tree)[3] == 96
        assert Counter(one.kind for one in tree if one.tier == 3) == {"commune": 82, "ward": 14}
        names = {one.name for one in tree}
        assert {"Phường Long An", "Phường Tân An", "Phường Khánh Hậu"} <= names
        communes = await recipients.by_code(session, "xa")
        assert communes is not None
        assert communes.name == "UBND các xã, phường"


def test_the_same_every_time_and_full_size() -> None:
    assert longan.draft(FULL).rows == longan.draft(FULL).rows
    rows = longan.draft(FULL).rows
    assert len(rows[Person]) == FULL
    assert len({row["id"] for row in rows[Person]}) == FULL
    assert len({row["name"] for row in rows[Person]}) > 5000
    assert sum(tayninh.shares()) == 60


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("name", "people", "code"),
    [
        ("nowhere", 400, "unknown_fixture"),
        ("longan-2021", 20_001, "too_many_people"),
        ("longan-2021", 0, "too_many_people"),
    ],
)
async def test_what_is_not_loaded(database: Database, name: str, people: int, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await database.transact(lambda session: load(session, name, COMMAND, NOW, people))
    assert refused.value.code == code


@POSTGRESQL_IN_SIM
async def test_fixtures_are_refused_when_units_exist(database: Database) -> None:
    await database.transact(lambda session: load(session, "tayninh-2025", COMMAND, NOW))
    with pytest.raises(Refusal) as refused:
        await database.transact(lambda session: load(session, "longan-2021", COMMAND, NOW))
    assert refused.value.code == "org_not_empty"


async def plan_meetings(session: AsyncSession) -> None:
    """Write a weekly series of a district with all its communes, begun in June. Also write a meeting that is over, and a role
    of a secretary.
    """
    district = await units.by_code(session, "LA.09")
    assert district is not None
    session.add(MeetingType(code="briefing", name="Giao ban", default_class="important"))
    await session.flush()
    for code, days in (("series", range(-21, 28, 7)), ("over", range(-7, -6))):
        first = NOW + timedelta(days=days[0])
        session.add(
            Meeting(
                id=code,
                number=f"{len(code)}00000000",
                pin="123456",
                title=code,
                search_title=code,
                type_code="briefing",
                class_="important",
                state="approved",
                host_unit_id=district.id,
                created_by="a",
                created_at=first,
                updated_at=first,
                first_starts_at=first,
                duration_min=60,
            )
        )
        await session.flush()
        for day in days:
            at = NOW + timedelta(days=day, hours=2)
            session.add(
                Occurrence(
                    id=f"{code}{day}", meeting_id=code, original_at=at, starts_at=at, ends_at=at + timedelta(hours=1)
                )
            )
        for one in await units.children(session, district.id, BEFORE):
            if one.tier == 3:
                session.add(Attendee(id=f"{code}-{one.code}", meeting_id=code, unit_id=one.id, label=one.name))
    session.add(Account(id="acc", name="thuky", created_at=NOW))
    await session.flush()
    for unit in (district, *[one for one in await units.children(session, district.id, BEFORE) if one.tier == 3][:1]):
        session.add(
            RoleGrant(
                id=f"g{unit.tier}",
                account_id="acc",
                role="secretary",
                unit_id=unit.id,
                starts_at=NOW - timedelta(days=90),
                granted_by="",
            )
        )


@POSTGRESQL_IN_SIM
async def test_from_three_tiers_to_two(database: Database) -> None:
    await database.transact(lambda session: load(session, "longan-2021", COMMAND, NOW, people=1500))
    await database.transact(plan_meetings)
    async with database.reading() as session:
        before = [await count(session, table) for table in (Person, Hall, Terminal)]
        old_names = {one.id: one.name for one in await units.tree(session, BEFORE)}
    done = await database.transact(lambda session: reform.two_tiers(session, COMMAND, NOW))
    async with database.reading() as session:
        tree = await units.tree(session, AFTER)
        assert tiers(tree) == {1: 2, 3: 96}
        assert Counter(one.kind for one in tree if one.tier == 3) == {"commune": 82, "ward": 14}
        assert Counter(one.kind for one in tree)["department"] == 15
        assert all(one.path.startswith(tree[0].path) for one in tree)
        assert tree[0].name == "Tỉnh Tây Ninh"
        # The north adds 27 halls of communes and 2 halls of the second building. No person, hall or terminal is lost.
        north = len([one for one in await session.scalars(select(Hall)) if one.code.startswith("TN.")])
        after = [await count(session, table) for table in (Person, Hall, Terminal)]
        assert after == [before[0], before[1] + north, before[2] + north]
        living = {one.id for one in tree}
        assert not await session.scalar(
            select(func.count()).select_from(Person).where(Person.active, Person.unit_id.not_in(living))
        )
        sites = list(await session.scalars(select(Site).where(places.existing(AFTER))))
        assert len(sites) == 1 + 1 + 60 + 36
        assert {one.unit_id for one in sites} <= living
        open_sites = {one.id for one in sites}
        assert {one.site_id for one in await session.scalars(select(Hall))} <= open_sites
        # Each old unit is still stored under its old name, and leads to its successor.
        assert {one.id: one.name for one in await units.tree(session, BEFORE)} == old_names
        assert await count(session, UnitSuccessor) == 1 + 12 + 188 + 180 + 15
        assert done.operations == 1 + 6 + 60 + 180 + 15
        await check_meetings(session)


async def check_meetings(session: AsyncSession) -> None:
    district = await units.by_code(session, "LA.09")
    assert district is not None
    assert district.valid_to == AFTER
    over = await session.get(Meeting, "over")
    assert over is not None
    assert over.host_unit_id == district.id
    invited = list(await session.scalars(select(Attendee).where(Attendee.meeting_id == "over")))
    assert len(invited) == 20
    assert all(one.label.startswith(("Xã 09.", "Thị trấn 09.")) for one in invited)
    series = await session.get(Meeting, "series")
    assert series is not None
    assert series.number == "600000000"
    assert series.pin == "123456"
    heir = await session.get(Unit, series.host_unit_id)
    assert heir is not None
    assert heir.code == tayninh.code(tayninh.first_of(9))
    dates = list(await session.scalars(select(Occurrence).where(Occurrence.meeting_id == "series")))
    assert len(dates) == 4
    assert min(one.starts_at for one in dates) > NOW
    now_invited = list(await session.scalars(select(Attendee).where(Attendee.meeting_id == "series")))
    assert len(now_invited) == tayninh.shares()[8] == len({one.unit_id for one in now_invited})
    past = await session.get(Meeting, series.split_from_id)
    assert past is not None
    assert past.host_unit_id == district.id
    assert past.number not in (None, "600000000")
    dates = list(await session.scalars(select(Occurrence).where(Occurrence.meeting_id == past.id)))
    assert len(dates) == 3
    assert max(one.starts_at for one in dates) < NOW
    assert len(list(await session.scalars(select(Attendee).where(Attendee.meeting_id == past.id)))) == 20
    grants = {one.id: one for one in await session.scalars(select(RoleGrant))}
    assert grants["g2"].ends_at == grants["g3"].ends_at == datetime(2025, 6, 30, 17, tzinfo=UTC)
    anew = [one for one in grants.values() if one.ends_at is None]
    assert [one.unit_id for one in anew] == [heir.id]
