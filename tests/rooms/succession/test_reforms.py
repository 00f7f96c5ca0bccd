"""Mergers, renames, splits and abolitions: each test checks which rows move and which rows stay."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import deputies, roles
from rooms.errors import Refusal
from rooms.org import people, posts, recipients, units
from rooms.org.fields import midnight
from rooms.policy.actors import COMMAND
from rooms.sites import halls, places
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, Client, RoleGrant
from rooms.store.tables.booking import Change, Step, UnitRule
from rooms.store.tables.meetings import Attendee, AttendeeList, Meeting, Occurrence, Template
from rooms.store.tables.org import Unit, UnitSuccessor
from rooms.store.tables.records import AuditEntry
from rooms.succession import estate, reforms
from rooms.succession.estate import Share
from rooms.succession.reforms import Part, Report
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

DAY = date(2026, 3, 3)
EARLIER = DAY - timedelta(days=1)


def values(code: str, parent: str | None, **more: Any) -> dict[str, Any]:
    made = {"code": code, "name": f"Đơn vị {code}", "kind": "department", "tier": 1, "block": "government"}
    return made | {"parent_id": parent} | more


async def code_of(work: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Refusal) as refused:
        await work()
    assert refused.value.vietnamese
    assert refused.value.english
    return refused.value.code


async def successors(session: AsyncSession, unit_id: str) -> set[str]:
    return set(await session.scalars(select(UnitSuccessor.successor_id).where(UnitSuccessor.unit_id == unit_id)))


async def meet(session: AsyncSession, code: str, host: str, now: datetime, *days: int) -> Meeting:
    """Write an approved weekly meeting of a host. `days` are the days of its dates, counted from now."""
    first = now + timedelta(days=days[0])
    made = Meeting(
        id=code,
        number=str(abs(hash(code)) % 10**9).rjust(9, "1"),
        pin="111111",
        title=code,
        search_title=code,
        type_code="briefing",
        class_="ordinary",
        state="approved",
        host_unit_id=host,
        created_by="a",
        created_at=first,
        updated_at=first,
        first_starts_at=first,
        duration_min=60,
    )
    session.add(made)
    await session.flush()
    for day in days:
        at = now + timedelta(days=day)
        ends = at + timedelta(hours=1)
        session.add(Occurrence(id=f"{code}{day}", meeting_id=code, original_at=at, starts_at=at, ends_at=ends))
    await session.flush()
    return made


async def grant(session: AsyncSession, account: str, role: str, unit: str, now: datetime, **more: Any) -> None:
    if await session.get(Account, account) is None:
        session.add(Account(id=account, name=account, created_at=now, person_id=more.pop("person_id", None)))
        await session.flush()
    since = now - timedelta(days=30)
    own = f"{account}-{role}-{unit}"[:32]
    session.add(RoleGrant(id=own, account_id=account, role=role, unit_id=unit, starts_at=since, granted_by="", **more))
    await session.flush()


async def in_force(session: AsyncSession, now: datetime) -> set[tuple[str, str, str]]:
    rows = await session.scalars(select(RoleGrant))
    return {(one.account_id, one.role, one.unit_id) for one in rows if one.ends_at is None or one.ends_at > now}


@POSTGRESQL_IN_SIM
async def test_a_deputy_continues_when_the_new_unit_has_the_role(
    database: Database, province: Province, now: datetime
) -> None:
    """The role in khcn is newer than the deputyship, so the deputy has only the role in yt. After the merger the deputy has it
    in the new unit.
    """
    khcn, yt = province.units["khcn"], province.units["yt"]

    async def work(session: AsyncSession) -> tuple[str, Report]:
        await grant(session, "two", "approver", yt, now, person_id=province.people["yt-2"])
        given = (province.people["yt-2"], province.people["vp-1"], now, now + timedelta(days=40), "", COMMAND, now)
        deputyship = await deputies.grant(session, *given)
        await grant(session, "two", "approver", khcn, now)
        into = values("moi", province.units["tinh"], name="Sở Mới")
        return deputyship.id, await reforms.merge(session, [khcn, yt], into, DAY, "QĐ", COMMAND, now)

    deputyship, report = await database.transact(work)
    assert report.moved["roles"] == report.moved["roles_joined"] == 1
    async with database.reading() as session:
        after = await roles.passing(session, [deputyship], max(now, midnight(DAY)))
    assert [(role, unit.id) for role, unit in after[deputyship]] == [("approver", report.unit)]


async def merge_two_departments(session: AsyncSession, province: Province, now: datetime) -> Report:
    khcn, yt = province.units["khcn"], province.units["yt"]
    await grant(session, "one", "secretary", khcn, now)
    await grant(session, "one", "secretary", yt, now)
    await grant(session, "two", "approver", yt, now, person_id=province.people["yt-2"])
    given = (province.people["yt-2"], province.people["khcn-1"], now, now + timedelta(days=9), "", COMMAND, now)
    await deputies.grant(session, *given)
    await meet(session, "ahead", khcn, now, 5)
    await meet(session, "over", khcn, now, -5)
    series = await meet(session, "series", yt, now, -7, 7, 14)
    session.add(
        Attendee(id="t1", meeting_id=series.id, unit_id=khcn, label="Sở Khoa học và Công nghệ", answer="accepted")
    )
    session.add(Attendee(id="t2", meeting_id=series.id, unit_id=yt))
    session.add(Attendee(id="t3", meeting_id=series.id, unit_id=yt, person_id=province.people["yt-1"]))
    session.add(Step(id="s", meeting_id="ahead", step=1, unit_id=khcn, role="approver"))
    request = {"host_unit_id": yt, "attendees": [{"unit_id": khcn}, {"unit_id": yt}], "title": khcn}
    session.add(Template(id="p0", unit_id=province.units["vp"], name="Mẫu", request=request))
    session.add(Template(id="p1", unit_id=khcn, name="Mẫu", request={}))
    session.add(Template(id="p2", unit_id=yt, name="Mẫu", request={}))
    entries = [{"unit_id": khcn}, {"unit_id": yt}, {"person_id": "x"}]
    session.add(AttendeeList(id="l", unit_id=yt, name="Danh sách", entries=entries))
    session.add(Client(id="c", name="qlvb", unit_id=yt, roles=[], key_digest="d", created_at=now))
    session.add(UnitRule(unit_id=khcn, ahead_days=99))
    await session.flush()
    fields = {"code": "n", "name": "N", "owner_unit_id": province.units["vp"]}
    await recipients.create(session, fields, [{"unit_id": khcn}, {"unit_id": yt}], COMMAND, now)
    into = values("moi", province.units["tinh"], name="Sở Mới")
    return await reforms.merge(session, [khcn, yt], into, DAY, "QĐ 01/2026", COMMAND, now)


async def test_two_departments_are_merged(database: Database, province: Province, now: datetime) -> None:
    khcn, yt = province.units["khcn"], province.units["yt"]
    report = await database.transact(lambda session: merge_two_departments(session, province, now))
    assert report.applied
    assert report.moved["sites"] == 2
    assert report.moved["people"] == 4
    assert report.moved["roles"] == 2
    assert report.moved["roles_joined"] == 1
    assert report.moved["meetings"] == 2
    assert report.moved["series_parted"] == 1
    assert any("4 người" in note for note in report.notes)
    async with database.reading() as session:
        heir = await units.get(session, report.unit)
        for old in (khcn, yt):
            ended = await units.get(session, old)
            assert ended.valid_to == DAY
            assert await successors(session, old) == {heir.id}
        assert {one.code for one in await units.tree(session, DAY)} == {"tinh", "vp", "xa1", "xa2", "moi"}
        assert {one.code for one in await units.tree(session, EARLIER)} == {"tinh", "vp", "xa1", "xa2", "khcn", "yt"}
        assert await in_force(session, now) == {("one", "secretary", heir.id), ("two", "approver", heir.id)}
        (deputy,) = await deputies.search(session, province.people["yt-2"])
        assert await roles.passing(session, [deputy.id], now) == {deputy.id: [("approver", heir)]}
        hosts = {one.id: one.host_unit_id for one in await session.scalars(select(Meeting))}
        assert hosts["ahead"] == hosts["series"] == heir.id
        assert hosts["over"] == khcn
        (parted,) = set(hosts) - {"ahead", "over", "series"}
        assert hosts[parted] == yt
        rows = {one.id: one for one in await session.scalars(select(Attendee).where(Attendee.meeting_id == "series"))}
        assert set(rows) == {"t1", "t3"}
        assert {one.unit_id for one in rows.values()} == {heir.id}
        assert rows["t1"].label == "Sở Mới"
        assert rows["t1"].answer == "accepted"
        before = list(await session.scalars(select(Attendee).where(Attendee.meeting_id == parted)))
        assert sorted(one.unit_id or "" for one in before) == sorted([khcn, yt, yt])
        step, saved = await session.get(Step, "s"), await session.get(AttendeeList, "l")
        assert step is not None
        assert step.unit_id == heir.id
        assert saved is not None
        assert saved.entries == [{"unit_id": heir.id}, {"person_id": "x"}]
        assert {one.name for one in await session.scalars(select(Template))} == {"Mẫu", "Mẫu (yt)"}
        kept = await session.get(Template, "p0")
        assert kept is not None
        assert kept.request == {"host_unit_id": heir.id, "attendees": [{"unit_id": heir.id}], "title": khcn}
        rule, client = await session.get(UnitRule, heir.id), await session.get(Client, "c")
        assert rule is not None
        assert rule.ahead_days == 99
        assert client is not None
        assert client.unit_id == heir.id
        changes = list(await session.scalars(select(Change).where(Change.meeting_id == "series")))
        assert len({one.version for one in changes}) == len(changes) >= 2
        named = await recipients.by_code(session, "n")
        assert named is not None
        assert await recipients.expand(session, named.id, DAY) == [heir]
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "unit.merge"))).one()
        assert entry.detail["into"] == "moi"
        assert entry.detail["from"] == ["khcn", "yt"]


async def test_a_rehearsal_with_dates_before_and_after_stays_with_its_meeting(
    database: Database, province: Province, now: datetime
) -> None:
    khcn, yt = province.units["khcn"], province.units["yt"]

    async def work(session: AsyncSession) -> Report:
        series = await meet(session, "series", yt, now, -7, 7)
        series.rehearsal_at = now + timedelta(days=5)
        rehearsal = await meet(session, "rehearsal", yt, now, -2, 5)
        rehearsal.rehearses_id = series.id
        await session.flush()
        into = values("moi", province.units["tinh"], name="Sở Mới")
        return await reforms.merge(session, [khcn, yt], into, DAY, "QĐ", COMMAND, now)

    report = await database.transact(work)
    assert report.moved["series_parted"] == 2
    async with database.reading() as session:
        found = {one.id: one for one in await session.scalars(select(Meeting))}
    kept = [found.pop(one) for one in ("series", "rehearsal")]
    assert [(one.rehearses_id, one.rehearsal_at) for one in found.values()] == [(None, None)] * 2, (
        "the parts that are over"
    )
    assert {one.host_unit_id for one in found.values()} == {yt}
    assert [one.rehearses_id for one in kept] == [None, "series"]
    assert {one.host_unit_id for one in kept} == {report.unit}


@POSTGRESQL_IN_SIM
async def test_a_rename_keeps_the_code_and_the_past_name(database: Database, province: Province, now: datetime) -> None:
    khcn = province.units["khcn"]

    async def work(session: AsyncSession) -> Report:
        below = await units.create(session, values("p", khcn, tier=2), COMMAND, now)
        report = await reforms.rename(session, khcn, "Sở Khoa học", DAY, "QĐ 2", COMMAND, now)
        assert below.path == f"{province.paths['tinh']}{report.unit}/{below.id}/"
        return report

    report = await database.transact(work)
    async with database.reading() as session:
        new, old = await units.get(session, report.unit), await units.get(session, khcn)
        assert (new.code, new.name, old.code, old.name) == (
            "khcn",
            "Sở Khoa học",
            "khcn.20260303",
            "Sở Khoa học và Công nghệ",
        )
        assert new.valid_from == DAY
        assert new.email == old.email
        assert (await session.scalars(select(UnitSuccessor.kind))).all() == ["rename"]
        post = await posts.of_unit(session, khcn, EARLIER)
        assert post[0].person is not None
        assert await posts.of_unit(session, khcn, DAY) == []
        assert (await people.get(session, province.people["khcn-1"])).unit_id == new.id


async def test_a_split_gives_by_name_and_the_rest_to_the_first(
    database: Database, province: Province, now: datetime
) -> None:
    khcn, second = province.units["khcn"], province.people["khcn-2"]

    async def work(session: AsyncSession) -> Report:
        fields = {"code": "extra", "name": "Điểm cầu phụ", "unit_id": khcn, "capability": "pc"}
        extra = await places.create(session, fields, COMMAND, now)
        await grant(session, "two", "secretary", khcn, now, person_id=second)
        await grant(session, "one", "secretary", khcn, now)
        await meet(session, "ahead", khcn, now, 3)
        fields = {"code": "n", "name": "N", "owner_unit_id": province.units["vp"]}
        await recipients.create(session, fields, [{"unit_id": khcn}], COMMAND, now)
        share = Share(frozenset({extra.id}), frozenset({second}))
        parts = [Part(values("a", province.units["tinh"])), Part(values("b", province.units["tinh"]), share)]
        return await reforms.split(session, khcn, parts, DAY, "", COMMAND, now)

    await database.transact(work)
    async with database.reading() as session:
        a, b = await units.by_code(session, "a"), await units.by_code(session, "b")
        assert a is not None
        assert b is not None
        sites = {one.code: one.unit_id for one in await places.search(session, "")}
        assert (sites["khcn"], sites["extra"]) == (a.id, b.id)
        assert (await people.get(session, second)).unit_id == b.id
        assert (await people.get(session, province.people["khcn-1"])).unit_id == a.id
        assert await in_force(session, now) == {("two", "secretary", b.id), ("one", "secretary", a.id)}
        meeting = await session.get(Meeting, "ahead")
        assert meeting is not None
        assert meeting.host_unit_id == a.id
        assert await successors(session, khcn) == {a.id, b.id}
        named = await recipients.by_code(session, "n")
        assert named is not None
        assert {one.code for one in await recipients.expand(session, named.id, DAY)} == {"a", "b"}


@POSTGRESQL_IN_SIM
async def test_an_abolished_unit_gives_no_one_more_rights(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> Report:
        await grant(session, "one", "admin", province.units["xa1"], now)
        return await reforms.abolish(session, province.units["xa1"], None, DAY, "", COMMAND, now)

    report = await database.transact(work)
    assert report.unit == province.units["tinh"]
    assert report.moved["roles_ended"] == 1
    assert any("cấp lại" in note for note in report.notes)
    async with database.reading() as session:
        assert await in_force(session, now) == set()
        assert (await halls.unit_of(session, province.sites["xa1"])).id == province.units["tinh"]


@POSTGRESQL_IN_SIM
async def test_a_unit_below_can_take_over(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        below = await units.create(session, values("p", province.units["khcn"], tier=2), COMMAND, now)
        await reforms.abolish(session, province.units["khcn"], below.id, DAY, "", COMMAND, now)
        assert below.path == f"{province.paths['tinh']}{below.id}/"
        merged = await reforms.merge(session, [province.units["yt"], below.id], below.id, DAY, "", COMMAND, now)
        assert merged.unit == below.id
        assert below.valid_to is None

    await database.transact(work)


async def test_a_rehearsal_reports_but_changes_nothing(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> Report:
        into = values("moi", province.units["tinh"])
        olds = [province.units["khcn"], province.units["yt"]]
        return await reforms.rehearse(session, lambda: reforms.merge(session, olds, into, DAY, "", COMMAND, now))

    report = await database.transact(work)
    assert not report.applied
    assert report.moved["people"] == 4
    assert report.notes
    async with database.reading() as session:
        assert await units.by_code(session, "moi") is None
        assert (await units.get(session, province.units["yt"])).valid_to is None
        assert (await session.scalars(select(AuditEntry))).all() == []


@POSTGRESQL_IN_SIM
async def test_what_is_refused(database: Database, province: Province, now: datetime) -> None:
    khcn, yt, tinh = (province.units[code] for code in ("khcn", "yt", "tinh"))

    async def work(session: AsyncSession) -> None:
        def merge(*ids: str, into: Any = yt, on: date = DAY, actor: Any = COMMAND) -> Awaitable[Report]:
            return reforms.merge(session, ids, into, on, "", actor, now)

        assert await code_of(lambda: merge(khcn, on=DAY + timedelta(days=1))) == "succession_ahead"
        assert await code_of(lambda: merge()) == "succession_units"
        many = [f"u{n}" for n in range(limits.SUCCESSION_UNITS + 1)]
        assert await code_of(lambda: merge(*many)) == "succession_units"
        assert await code_of(lambda: merge(*many[:-1])) == "unknown_unit"
        assert await code_of(lambda: merge("nowhere")) == "unknown_unit"
        assert await code_of(lambda: merge(khcn, into="nowhere")) == "unknown_unit"
        assert await code_of(lambda: merge(khcn, on=date(2020, 1, 1))) == "unit_not_in_force"
        assert await code_of(lambda: merge(khcn, into=values("yt", tinh))) == "code_taken"
        assert await code_of(lambda: merge(khcn, actor=province.actor("admin", "khcn"))) == "denied"
        assert await code_of(lambda: merge(khcn, actor=province.actor("secretary"))) == "denied"
        assert await code_of(lambda: reforms.rename(session, khcn, "", DAY, "", COMMAND, now)) == "invalid"
        assert (
            await code_of(lambda: reforms.split(session, khcn, [Part(yt)], DAY, "", COMMAND, now)) == "succession_units"
        )
        assert await code_of(lambda: reforms.abolish(session, tinh, None, DAY, "", COMMAND, now)) == "succession_heir"
        await merge(khcn)
        assert await code_of(lambda: merge(khcn)) == "unit_not_in_force"
        assert await code_of(lambda: merge(yt, into=khcn)) == "unit_not_in_force"

    await database.transact(work)


async def test_two_moves_at_once_make_no_ring(database: Database, province: Province, now: datetime) -> None:
    async def try_move(one: str, other: str) -> str:
        try:
            await database.transact(
                lambda session: units.move(session, province.units[one], province.units[other], COMMAND, now)
            )
        except Refusal as refusal:
            return refusal.code
        return "moved"

    outcomes = await asyncio.gather(try_move("khcn", "yt"), try_move("yt", "khcn"))
    assert sorted(outcomes) == ["moved", "unit_cycle"]
    async with database.reading() as session:
        for unit in await session.scalars(select(Unit)):
            above = await session.get(Unit, unit.parent_id) if unit.parent_id else None
            assert unit.path == f"{above.path if above else '/'}{unit.id}/"


def test_a_saved_list_names_the_new_unit_once() -> None:
    entries = [{"unit_id": "a"}, {"unit_id": "b", "role": "guest"}, {"unit_id": "a"}, "odd", {"unit_id": "new"}]
    assert estate.renamed(entries, "a", "new") == [{"unit_id": "new"}, {"unit_id": "b", "role": "guest"}, "odd"]
