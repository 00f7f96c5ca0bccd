"""Units, people, posts, deputies and recipient sets on both databases."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import deputies
from rooms.booking.meeting import attendees
from rooms.errors import Refusal
from rooms.org import people, posts, recipients, units
from rooms.org.fields import Field, Wrong, checked, from_text, midnight, read, today
from rooms.org.names import cleaned, plain, searched
from rooms.policy.actors import COMMAND, Actor
from rooms.sites import codes, halls, places, terminals
from rooms.store.database import Database
from rooms.store.tables.org import Deputy, RecipientRule, Unit
from rooms.store.tables.records import AuditEntry
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

DAY = date(2026, 3, 3)


def values(code: str, parent: str | None, **more: Any) -> dict[str, Any]:
    made = {"code": code, "name": f"Đơn vị {code}", "kind": "office", "tier": 2, "block": "government"}
    return made | {"parent_id": parent} | more


async def code_of(work: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Refusal) as refused:
        await work()
    assert refused.value.vietnamese
    assert refused.value.english
    return refused.value.code


# Names and fields


@given(st.text(max_size=50))
def test_a_plain_name_is_plain_again(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert plain(text.upper()) == plain(text.upper().lower())
    assert cleaned(cleaned(text)) == cleaned(text)
    searched(text).encode()


def test_names_without_diacritics() -> None:
    assert plain("  UBND  xã ĐỨC   Lập ") == "ubnd xa duc lap"
    assert cleaned("a\u202eb\u200b\x00c") == "a b c"
    assert len(searched("x" * (limits.SEARCH_CHARS + 1))) == limits.SEARCH_CHARS


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("text", "x" * 11, "too_long"),
        ("text", "\ud800", "malformed"),
        ("text", 5, "malformed"),
        ("integer", True, "not_a_number"),
        ("integer", 1.5, "not_a_number"),
        ("number", float("nan"), "not_a_number"),
        ("integer", float("inf"), "not_a_number"),
        ("number", 11, "out_of_range"),
        ("number", -1, "out_of_range"),
        ("yes", 1, "not_yes_or_no"),
        ("day", datetime(2026, 1, 1, tzinfo=UTC), "not_a_day"),
        ("day", date(2200, 1, 2), "out_of_range"),
        ("instant", datetime(2026, 1, 1), "not_a_time"),
        ("codes", "abc", "too_many"),
        ("codes", ["a"] * 11, "too_many"),
        ("codes", ["A b"], "malformed"),
    ],
)
def test_wrong_values(kind: Any, value: object, code: str) -> None:
    with pytest.raises(Wrong) as caught:
        checked(Field("x", "X", kind, most=10), value)
    assert caught.value.trouble.code == code
    assert caught.value.trouble.vietnamese.startswith("X: ")


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2200, 1, 1)])
def test_the_first_and_the_last_day_are_right(day: date) -> None:
    assert checked(Field("x", "X", "day"), day) == day


@given(st.text(max_size=30), st.sampled_from(["text", "integer", "number", "yes", "day", "instant", "codes"]))
def test_no_text_breaks_a_field(text: str, kind: Any) -> None:
    field = Field("x", "X", kind, most=10)
    with contextlib.suppress(Wrong):
        checked(field, from_text(field, text))


def test_all_errors_of_a_request_are_reported_together() -> None:
    with pytest.raises(Refusal) as refused:
        read(units.FIELDS, {"code": "a b", "tier": 10, "secret": 1})
    assert {one.where for one in refused.value.troubles} == {"code", "name", "kind", "tier", "block", "secret"}
    assert read(units.FIELDS, {"position": None}, partial=True) == {"position": 0}


def test_the_day_is_that_of_viet_nam() -> None:
    assert today(datetime(2026, 3, 2, 17, tzinfo=UTC)) == date(2026, 3, 3)
    assert midnight(date(2026, 3, 3)) == datetime(2026, 3, 2, 17, tzinfo=UTC)


# Units


async def test_create_edit_search(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> str:
        made = await units.create(session, values("p1", province.units["khcn"], name="Phòng Đường  bộ"), COMMAND, now)
        assert made.valid_from == DAY
        assert made.path == f"{province.paths['khcn']}{made.id}/"
        await units.edit(session, made.id, {"short_name": "P1"}, COMMAND, now, expected_version=1)
        assert await code_of(lambda: units.edit(session, made.id, {}, COMMAND, now, 1)) == "version_mismatch"
        assert await code_of(lambda: units.create(session, values("p1", None), COMMAND, now)) == "code_taken"
        assert await code_of(lambda: units.edit(session, made.id, {"code": "yt"}, COMMAND, now)) == "code_taken"
        assert await code_of(lambda: units.create(session, values("x", "nowhere"), COMMAND, now)) == "unknown_unit"
        late = values("x", None, valid_from=DAY, valid_to=DAY)
        assert await code_of(lambda: units.create(session, late, COMMAND, now)) == "dates_reversed"
        return made.id

    new = await database.transact(work)
    async with database.reading() as session:
        for text in ("phong duong bo", "ĐƯỜNG", "p1", "P1"):
            assert [one.id for one in await units.search(session, text)] == [new]
        assert await units.search(session, "%") == await units.search(session, "\0_%") == []
        assert await units.search(session, "phong duong", day=date(2026, 3, 2)) == []
        assert await units.search(session, "", below=province.paths["yt"]) == [
            await units.get(session, province.units["yt"])
        ]
        actions = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
    assert actions == ["unit.create", "unit.edit"]


@POSTGRESQL_IN_SIM
async def test_moving_takes_everything_below_along(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        one = await units.create(session, values("a", province.units["khcn"]), COMMAND, now)
        two = await units.create(session, values("b", one.id), COMMAND, now)
        assert await units.move(session, one.id, province.units["yt"], COMMAND, now) == 2
        assert two.path == f"{province.paths['yt']}{one.id}/{two.id}/"
        for target in (one.id, two.id):
            assert await code_of(partial(units.move, session, one.id, target, COMMAND, now)) == "unit_cycle"
        await units.edit(session, two.id, {"parent_id": None}, COMMAND, now)
        assert two.path == f"/{two.id}/"
        assert two.parent_id is None

    await database.transact(work)
    async with database.reading() as session:
        for unit in await session.scalars(select(Unit)):
            above = await session.get(Unit, unit.parent_id) if unit.parent_id else None
            assert unit.path == f"{above.path if above else '/'}{unit.id}/"


@POSTGRESQL_IN_SIM
async def test_the_tree_has_a_depth(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        parent = province.units["tinh"]
        for level in range(limits.UNIT_DEPTH - 1):
            parent = (await units.create(session, values(f"u{level}", parent), COMMAND, now)).id
        assert await code_of(lambda: units.create(session, values("deep", parent), COMMAND, now)) == "unit_too_deep"
        moving = await units.create(session, values("m", None), COMMAND, now)
        assert await code_of(lambda: units.move(session, moving.id, parent, COMMAND, now)) == "unit_too_deep"

    await database.transact(work)


@POSTGRESQL_IN_SIM
async def test_an_administrator_can_change_only_the_own_units(
    database: Database, province: Province, now: datetime
) -> None:
    clerk = province.actor("admin", "khcn")

    async def work(session: AsyncSession) -> None:
        mine = await units.create(session, values("mine", province.units["khcn"]), clerk, now)
        for parent in (province.units["yt"], None):
            assert await code_of(partial(units.create, session, values("x", parent), clerk, now)) == "denied"
            assert await code_of(partial(units.move, session, mine.id, parent, clerk, now)) == "denied"
        assert await code_of(lambda: units.edit(session, province.units["yt"], {}, clerk, now)) == "denied"
        weak = province.actor("admin", "khcn", factors=1)
        assert await code_of(lambda: units.edit(session, mine.id, {}, weak, now)) == "second_factor_needed"

    await database.transact(work)


# People, posts, deputies


async def test_people(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        fields = {
            "code": "n1",
            "name": "Đặng Thị Hạnh",
            "email": "hanh@longan.gov.vn",
            "unit_id": province.units["xa1"],
        }
        made = await people.create(session, fields, COMMAND, now)
        assert made.search_name == "dang thi hanh"
        assert made.active
        assert await code_of(lambda: people.create(session, fields, COMMAND, now)) == "code_taken"
        assert await code_of(lambda: people.edit(session, made.id, {"code": "xa1-1"}, COMMAND, now)) == "code_taken"
        clerk = province.actor("admin", "xa1")
        moved = {"unit_id": province.units["xa2"]}
        assert await code_of(lambda: people.edit(session, made.id, moved, clerk, now)) == "denied"
        await people.edit(session, made.id, {"name": "Đặng Thị Hạnh Mới"}, clerk, now, expected_version=1)
        assert await code_of(lambda: people.edit(session, made.id, {}, clerk, now, 1)) == "version_mismatch"
        assert await code_of(lambda: people.get(session, "nobody")) == "unknown_person"
        for text in ("hanh moi", "n1", "HANH@longan"):
            assert made in await people.search(session, text)
        assert await people.search(session, "hanh", below=province.paths["yt"]) == []
        for code, name in (("o1", "Võ Thị An"), ("o2", "Bùi An"), ("o3", "Anh")):
            await people.create(session, fields | {"code": code, "name": name, "email": ""}, COMMAND, now)
        ordered = [one.name for one in await people.search(session, "an") if one.code[0] == "o"]
        assert ordered == ["Bùi An", "Võ Thị An", "Anh"]
        await people.edit(session, made.id, {"active": False}, COMMAND, now)
        assert await people.search(session, "dang thi") == []
        titles = await people.titles(session, [made.id, province.people["xa1-1"]], DAY)
        assert titles == {made.id: "UBND xã Mỹ Hạnh", province.people["xa1-1"]: "Chủ tịch UBND xã Mỹ Hạnh"}

    await database.transact(work)


async def test_posts_have_holders_with_dates(database: Database, province: Province, now: datetime) -> None:
    later = DAY + timedelta(days=10)

    async def work(session: AsyncSession) -> None:
        unit, old, new = province.units["yt"], province.people["yt-1"], province.people["yt-2"]
        await posts.appoint(session, province.posts["yt"], new, DAY, COMMAND, now)
        for day, holder in ((DAY - timedelta(days=1), old), (DAY, new)):
            held = await attendees.heads_of(session, [unit], day)
            assert held[unit][0].id == holder
        assert (
            await code_of(
                lambda: posts.appoint(session, province.posts["yt"], old, DAY - timedelta(days=5), COMMAND, now)
            )
            == "post_taken"
        )
        await posts.appoint(session, province.posts["yt"], old, DAY - timedelta(days=5), COMMAND, now, valid_to=DAY)
        second = await posts.create(session, {"unit_id": unit, "title": "Phó Giám đốc", "rank": 2}, COMMAND, now)
        assert [one.person is None for one in await posts.of_unit(session, unit, DAY)] == [False, True]
        assert await posts.end_holdings(session, [province.posts["yt"]], later) == 1
        assert await attendees.heads_of(session, [unit], later) == {}
        await posts.appoint(session, second.id, old, DAY, COMMAND, now)
        await posts.edit(session, second.id, {"valid_to": later}, COMMAND, now)
        assert len(await posts.of_unit(session, unit, later)) == 1
        assert (
            await code_of(lambda: posts.edit(session, second.id, {"valid_to": DAY}, COMMAND, now)) == "dates_reversed"
        )

    await database.transact(work)


async def test_a_person_is_appointed_and_leaves(database: Database, province: Province, now: datetime) -> None:
    """A new post needs the right of the unit too. A person who leaves on the first day never held the post."""

    async def work(session: AsyncSession) -> None:
        person = await people.get(session, province.people["yt-2"])
        clerk, stranger = province.actor("admin", "yt"), province.actor("admin", "xa1")
        made = await posts.appoint_new(session, person, "Phó Giám đốc", None, clerk, now)
        assert [(post.title, unit.code) for _, post, unit in await posts.of_person(session, person.id, DAY)] == [
            ("Phó Giám đốc", "yt")
        ]
        assert (await people.titles(session, [person.id], DAY))[person.id] == "Phó Giám đốc Sở Y tế"
        assert await code_of(lambda: posts.appoint_new(session, person, "X", None, stranger, now)) == "denied"
        leave = (session, made.post_id, person.id)
        assert await code_of(lambda: posts.vacate(*leave, None, stranger, now)) == "denied"
        later = DAY + timedelta(days=10)
        await posts.vacate(*leave, later, clerk, now)
        assert made.valid_to == later
        await posts.vacate(*leave, None, clerk, now)
        assert await posts.of_person(session, person.id, DAY) == []
        assert await code_of(lambda: posts.vacate(*leave, None, clerk, now)) == "unknown_holding"
        head = province.posts["yt"]
        await posts.appoint(session, head, person.id, later, clerk, now)
        assert [one.valid_from for one, _, _ in await posts.of_person(session, person.id, DAY)] == [later]
        await posts.appoint(session, head, province.people["yt-1"], later, clerk, now)
        assert await posts.of_person(session, person.id, DAY) == [], "the same day is a correction"
        again = (session, made.post_id, person.id)
        await posts.appoint(*again, DAY, clerk, now, valid_to=later)
        await posts.appoint(*again, later, clerk, now)
        await posts.vacate(*again, None, clerk, now, since=later)
        held = await posts.of_person(session, person.id, DAY)
        assert [(one.valid_from, one.valid_to) for one, _, _ in held] == [(DAY, later)]

    await database.transact(work)


async def test_codes_are_proposed_from_names(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        assert await codes.propose(session, "units", "  Sở Đức-Hòa (mới)  ") == "so-duc-hoa-moi"
        for expected in ("nguyen-van-an", "nguyen-van-an-2", "nguyen-van-an-3"):
            code = await codes.propose(session, "people", "Nguyễn Văn An")
            assert code == expected
            wanted = {"code": code.upper(), "name": "Nguyễn Văn An", "unit_id": province.units["yt"]}
            await people.create(session, wanted, COMMAND, now)
        wanted = {"code": "DC.Yt", "name": "Điểm cầu", "unit_id": province.units["yt"], "capability": "hall"}
        site = await places.create(session, wanted, COMMAND, now)
        assert await codes.propose(session, "halls", "Hội trường A", site.id) == "dc.yt-hoi-truong-a"
        assert await codes.propose(session, "terminals", "Thiết bị Hội trường A", site.id) == "dc.yt.tb1"
        wanted |= {"code": "diem-cau-trung-tam-hanh-chinh-cong"}
        far = await places.create(session, wanted, COMMAND, now)
        assert await codes.propose(session, "terminals", "Thiết bị", far.id) == "dctthcc.tb1"
        long = "Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh Long An"
        assert await codes.propose(session, "units", long) == "van-phong-doan-dai-bieu-quoc-hoi-va-hoi-dong"
        assert await codes.propose(session, "networks", "…") == "networks"
        assert len(await codes.propose(session, "units", "x" * 300)) == codes.MOST

    await database.transact(work)


async def test_deputies(database: Database, province: Province, now: datetime) -> None:
    head, other = province.people["khcn-1"], province.people["khcn-2"]
    himself = Actor("account", id="a", person_id=head)
    stranger = Actor("account", id="b", person_id=province.people["yt-1"])
    until = now + timedelta(days=2)

    async def work(session: AsyncSession) -> None:
        def grant(who: str, start: datetime, end: datetime, actor: Actor = himself) -> Awaitable[object]:
            return deputies.grant(session, head, who, start, end, " đi  công tác ", actor, now)

        made = await deputies.grant(session, head, other, now, until, " đi  công tác ", himself, now)
        assert made.reason == "đi công tác"
        assert await code_of(lambda: grant(other, now, until)) == "deputy_exists"
        assert await code_of(lambda: grant(head, now, until)) == "deputy_of_himself"
        assert await code_of(lambda: grant("nobody", now, until)) == "unknown_person"
        assert await code_of(lambda: grant(other, now, until, stranger)) == "denied"
        far = now + timedelta(days=limits.DEPUTY_DAYS)
        third = province.people["vp-1"]
        assert await code_of(lambda: grant(third, now, far + timedelta(seconds=1))) == "deputy_dates"
        assert await code_of(lambda: grant(third, until, until)) == "deputy_dates"
        assert await code_of(lambda: grant(third, now - timedelta(days=1), now)) == "deputy_dates"
        await grant(third, now, far)
        for at, found in ((now, {other, third}), (until, {third}), (now - timedelta(seconds=1), set())):
            assert set(await session.scalars(select(Deputy.deputy_id).where(deputies.in_force(at)))) == found
        await deputies.revoke(session, made.id, himself, now)
        await deputies.revoke(session, made.id, himself, until)
        assert made.revoked_at == now
        assert list(await session.scalars(select(Deputy.deputy_id).where(deputies.in_force(now)))) == [third]
        assert (
            len(await deputies.search(session, head))
            == len(await deputies.search(session, below=province.paths["khcn"]))
            == 2
        )

    await database.transact(work)


# Recipient sets


async def test_sets_of_recipients(database: Database, province: Province, now: datetime) -> None:
    fields = {"code": "so-nganh", "name": "Các sở, ngành", "owner_unit_id": province.units["vp"]}

    async def work(session: AsyncSession) -> None:
        rules: list[dict[str, Any]] = [
            {"kind": "department"},
            {"unit_id": province.units["tinh"], "below": True, "tier": 3},
            {"unit_id": province.units["xa2"], "excludes": True},
            {"unit_id": province.units["khcn"]},
        ]
        made = await recipients.create(session, fields, rules, COMMAND, now)
        found = await recipients.expand(session, made.id, DAY)
        assert sorted(one.code for one in found) == ["khcn", "xa1", "yt"]
        await units.create(session, values("moi", province.units["tinh"], kind="department"), COMMAND, now)
        assert len(await recipients.expand(session, made.id, DAY)) == 4
        assert len(await recipients.expand(session, made.id, DAY - timedelta(days=1))) == 3
        assert await recipients.search(session, "cac so") == [made]
        assert await code_of(lambda: recipients.create(session, fields, rules, COMMAND, now)) == "code_taken"
        await recipients.edit(session, made.id, {"name": "Khác"}, [{"block": "party"}], COMMAND, now)
        assert await recipients.expand(session, made.id, DAY) == []
        await recipients.remove(session, made.id, COMMAND, now)
        assert await code_of(lambda: recipients.expand(session, made.id, DAY)) == "unknown_recipient_set"

    await database.transact(work)


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "rules_count"),
        ([{"tier": 1}] * (limits.RULES + 1), "rules_count"),
        ([{"below": True}], "invalid"),
        ([{"unit_id": "nowhere"}], "unknown_unit"),
        ([{"tier": 10}], "invalid"),
    ],
)
async def test_rules_that_are_refused(
    database: Database, province: Province, now: datetime, rules: Sequence[Mapping[str, Any]], code: str
) -> None:
    fields = {"code": "x", "name": "X", "owner_unit_id": province.units["vp"]}
    assert (
        await code_of(
            lambda: database.transact(lambda session: recipients.create(session, fields, rules, COMMAND, now))
        )
        == code
    )


KINDS, BLOCKS = ("office", "department"), ("party", "government")


@st.composite
def forests(draw: st.DrawFn) -> list[Unit]:
    found: list[Unit] = []
    for number in range(draw(st.integers(1, 12))):
        above = draw(st.sampled_from([None, *found]))
        path = f"{above.path if above else '/'}u{number}/"
        made = Unit(
            id=f"u{number}",
            name=f"u{number}",
            path=path,
            parent_id=above.id if above else None,
            kind=draw(st.sampled_from(KINDS)),
            tier=draw(st.integers(1, 3)),
            block=draw(st.sampled_from(BLOCKS)),
            position=draw(st.integers(0, 2)),
        )
        found.append(made)
    return found


RULES = st.builds(
    RecipientRule,
    unit_id=st.none() | st.sampled_from([f"u{n}" for n in range(12)]),
    below=st.booleans(),
    kind=st.none() | st.sampled_from(KINDS),
    tier=st.none() | st.integers(1, 3),
    block=st.none() | st.sampled_from(BLOCKS),
    excludes=st.booleans(),
)


@given(forests(), st.lists(RULES, max_size=5))
def test_expansion_is_what_the_rules_say(forest: list[Unit], rules: list[RecipientRule]) -> None:
    ordered = units.in_order(forest)
    assert sorted(one.id for one in ordered) == sorted(one.id for one in forest)
    places = {one.id: n for n, one in enumerate(ordered)}
    assert all(one.parent_id is None or places[one.parent_id] < places[one.id] for one in forest)
    above = {one.id: set(one.path.strip("/").split("/")) for one in forest}

    def fits(rule: RecipientRule, unit: Unit) -> bool:
        where = rule.unit_id is None or (rule.unit_id in above[unit.id] if rule.below else rule.unit_id == unit.id)
        alike = [(rule.kind, unit.kind), (rule.tier, unit.tier), (rule.block, unit.block)]
        return where and all(wanted in (None, has) for wanted, has in alike)

    wanted = [
        unit.id
        for unit in ordered
        if any(fits(one, unit) for one in rules if not one.excludes)
        and not any(fits(one, unit) for one in rules if one.excludes)
    ]
    assert [one.id for one in recipients.chosen(rules, ordered)] == wanted


# Concurrent changes


async def outcomes(database: Database, *works: Callable[[AsyncSession], Awaitable[object]]) -> list[str]:
    async def one(work: Callable[[AsyncSession], Awaitable[object]]) -> str:
        try:
            await database.transact(work)
        except Refusal as refusal:
            return refusal.code
        return "done"

    return sorted(await asyncio.gather(*(one(work) for work in works)))


async def test_only_one_of_several_edits_of_one_version_succeeds(
    database: Database, province: Province, now: datetime
) -> None:
    def edit(kind: str, number: int) -> Callable[[AsyncSession], Awaitable[object]]:
        change = {"name": f"Tên {number}"}
        works: dict[str, Callable[[AsyncSession], Awaitable[object]]] = {
            "unit": lambda session: units.edit(session, province.units["yt"], change, COMMAND, now, 1),
            "person": lambda session: people.edit(session, province.people["yt-1"], change, COMMAND, now, 1),
            "site": lambda session: places.edit(session, province.sites["yt"], change, COMMAND, now, 1),
            "hall": lambda session: halls.edit(session, province.halls["khcn"], change, COMMAND, now, 1),
            "terminal": lambda session: terminals.edit(session, province.terminals["khcn"], change, COMMAND, now, 1),
        }
        return works[kind]

    for kind in ("unit", "person", "site", "hall", "terminal"):
        found = await outcomes(database, *(edit(kind, number) for number in range(5)))
        assert found == ["done", *["version_mismatch"] * 4], kind


async def test_only_one_of_several_concurrent_creations_gets_a_code(
    database: Database, province: Province, now: datetime
) -> None:
    person = {"code": "same", "name": "Người", "unit_id": province.units["xa1"]}
    site = {"code": "same", "name": "Điểm cầu", "unit_id": province.units["xa1"], "capability": "pc"}
    found = await outcomes(database, *[lambda session: people.create(session, person, COMMAND, now)] * 4)
    assert found == ["code_taken"] * 3 + ["done"]
    found = await outcomes(database, *[lambda session: places.create(session, site, COMMAND, now)] * 4)
    assert found == ["code_taken"] * 3 + ["done"]


async def test_a_post_is_never_held_twice(database: Database, province: Province, now: datetime) -> None:
    def appoint(person: str) -> Callable[[AsyncSession], Awaitable[object]]:
        return lambda session: posts.appoint(session, province.posts["vp"], province.people[person], DAY, COMMAND, now)

    await outcomes(database, *(appoint(one) for one in ("vp-1", "vp-2", "yt-1", "yt-2")))
    async with database.reading() as session:
        held = await posts.of_unit(session, province.units["vp"], DAY)
    assert len(held) == 1
    assert held[0].person is not None
