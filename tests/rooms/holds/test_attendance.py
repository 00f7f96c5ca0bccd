"""Who of the invited is busy, and which halls of invited units are taken, as a preview tells it. On both databases."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rooms.booking.planning import previews
from rooms.booking.planning.previews import Preview
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.booking.rules import settings
from rooms.errors import Refusal
from rooms.meetings import answers
from rooms.meetings.answers import Substitute
from rooms.policy.actors import COMMAND, Actor
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.sites import Hall
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import approved, do
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


def second(province: Province, now: datetime, *invited: AttendeeRequest, **changes: Any) -> Request:
    """Return a request at the time of `wish`. It takes nothing that `wish` takes."""
    base = wish(province, now, title="Khác", hall_ids=(), terminal_ids=(), chair_id=None, attendees=invited)
    return dataclasses.replace(base, **changes)


async def seen(database: Database, request: Request, actor: Actor, now: datetime, excluding: str = "") -> Preview:
    async with database.reading() as session:
        return await previews.preview(session, request, actor, now, excluding)


async def told(database: Database, request: Request, actor: Actor, now: datetime, excluding: str = "") -> list[str]:
    return [one.vi for one in (await seen(database, request, actor, now, excluding)).occupied]


async def _answer(session: Any, attendee_id: str, values: dict[str, Any], now: datetime) -> None:
    attendee = await session.get_one(Attendee, attendee_id)
    given = (values["answer"], "", values["substitute"])
    await answers.answer(session, attendee, *given, COMMAND, now, "secretary")


async def answered(database: Database, meeting: Meeting, unit_id: str, now: datetime, **given: Any) -> None:
    async with database.reading() as session:
        attendee = await session.scalar(
            select(Attendee.id).where(Attendee.meeting_id == meeting.id, Attendee.unit_id == unit_id)
        )
    assert attendee is not None
    values = {"answer": "accepted", "substitute": None, **given}
    await do(database, lambda session: _answer(session, attendee, values, now))


async def test_an_invited_unit_its_head_and_a_person_are_told(
    database: Database, province: Province, now: datetime
) -> None:
    """The same two units are invited twice, and the leader of the first meeting is a guest of the second."""
    units, people, desk = province.units, province.people, province.actor("secretary", "vp")
    first = await make(database, wish(province, now, operator_id=people["khcn-1"]), desk, now)
    both = second(
        province,
        now,
        AttendeeRequest(unit_id=units["yt"]),
        AttendeeRequest(unit_id=units["khcn"], must_be_head=True),
        AttendeeRequest(unit_id=units["xa1"]),
        AttendeeRequest(person_id=people["tinh-1"]),
    )
    preview = await seen(database, both, desk, now)
    assert [one.vi for one in preview.occupied] == [
        "Nguyễn Văn KHCN, Giám đốc Sở Khoa học và Công nghệ, bận 09:00-11:00 (Giao ban tuần, Văn phòng UBND tỉnh).",
        "Nguyễn Văn TINH - Chủ tịch UBND tỉnh Long An bận 09:00-11:00 (Giao ban tuần, Văn phòng UBND tỉnh).",
        "Sở Y tế được mời họp 09:00-11:00 (Giao ban tuần, Văn phòng UBND tỉnh).",
    ]
    assert [one.certain for one in preview.occupied] == [True, True, False]
    assert {one.meeting_id for one in preview.occupied} == {first.id}
    assert (preview.bookable, preview.busy) == (True, 3), "a busy person is a warning"
    # The first meeting's own people are not busy when that meeting is edited.
    assert await told(database, wish(province, now), desk, now, first.id) == []
    # The meetings touch each other and do not overlap.
    assert (
        await told(database, dataclasses.replace(both, starts_at=first.first_starts_at - timedelta(hours=2)), desk, now)
        == []
    )


async def test_the_chair_who_is_invited_elsewhere_is_told(
    database: Database, province: Province, now: datetime
) -> None:
    """The chair is invited to another meeting: once as a person, once as the head of a unit."""
    desk, chair = province.actor("secretary", "tinh"), province.people["xa1-1"]
    request = second(province, now, chair_id=chair)
    await make(database, second(province, now, AttendeeRequest(unit_id=province.units["xa1"])), desk, now)
    assert await told(database, request, desk, now) == [
        "Nguyễn Văn XA1, thủ trưởng UBND xã Mỹ Hạnh, được mời họp 09:00-11:00 (Khác, Văn phòng UBND tỉnh)."
    ]
    other = second(province, now, AttendeeRequest(person_id=province.people["xa2-2"]), title="Kín")
    await make(database, other, desk, now)
    stranger = province.actor("secretary", "yt")
    request = second(province, now, chair_id=province.people["xa2-2"], host_unit_id=province.units["yt"])
    preview = await seen(database, request, stranger, now)
    assert [one.vi for one in preview.occupied] == ["Trần Thị XA2 có lịch khác 09:00-11:00 (Văn phòng UBND tỉnh)."]
    assert "Kín" not in repr(preview), "the title is only for those who may read the meeting"


async def test_the_office_chooses_the_form_of_address(database: Database, province: Province, now: datetime) -> None:
    """The word stands before names in warnings. Without a setting there is none. Only letters are accepted."""
    desk, request = province.actor("secretary", "tinh"), second(province, now, chair_id=province.people["xa1-1"])
    await make(database, second(province, now, AttendeeRequest(unit_id=province.units["xa1"])), desk, now)

    async def choose(word: str, version: int) -> None:
        value = {"word": word}
        await database.transact(lambda session: settings.set_value(session, "address", value, COMMAND, now, version))

    for bad in ("<b>", "Đồng  chí", "a" * 31, "x1", " Đồng chí"):
        with pytest.raises(Refusal, match="bad_setting"):
            await choose(bad, 0)
    for version, word in enumerate(("Đồng chí", "Ông/Bà", "")):
        await choose(word, version)
        (said,) = await told(database, request, desk, now)
        assert said.startswith(f"{word} Nguyễn Văn XA1, thủ trưởng".strip())


async def test_an_answer_frees_the_invited(database: Database, province: Province, now: datetime) -> None:
    """An invited unit that declined, or that sends a substitute, is free. Then the substitute is busy."""
    units, people, desk = province.units, province.people, province.actor("secretary", "tinh")
    first = await approved(database, province, second(province, now, AttendeeRequest(unit_id=units["yt"])), now)
    request = second(province, now, AttendeeRequest(unit_id=units["yt"]), AttendeeRequest(person_id=people["yt-2"]))

    async def who() -> list[str]:
        return [one.split(" 09:00")[0] for one in await told(database, request, desk, now)]

    await answered(database, first, units["yt"], now)
    assert await who() == ["Sở Y tế đã nhận lời dự họp"]
    await answered(database, first, units["yt"], now, substitute=Substitute("", person_id=people["yt-2"]))
    assert await who() == ["Trần Thị YT đã nhận lời dự họp"]
    await answered(database, first, units["yt"], now, answer="declined")
    assert await who() == []


@POSTGRESQL_IN_SIM
async def test_a_series_counts_the_dates(database: Database, province: Province, now: datetime) -> None:
    units, desk = province.units, province.actor("secretary", "tinh")
    weekly = "FREQ=WEEKLY;COUNT=3"
    invited = AttendeeRequest(unit_id=units["xa2"])
    first = await make(database, second(province, now, invited, rule=weekly), desk, now)
    request = second(
        province, now, invited, rule="FREQ=WEEKLY;COUNT=5", starts_at=first.first_starts_at + timedelta(days=7)
    )
    assert await told(database, request, desk, now) == [
        "UBND xã Đức Lập được mời họp 09:00-11:00 12/03 (Khác, Văn phòng UBND tỉnh). Còn 1 ngày khác cũng trùng."
    ]


async def test_halls_of_invited_units_are_shown(database: Database, province: Province, now: datetime) -> None:
    """The halls are taken, free, missing or not certain. A unit that meets in a booked hall is not in the list."""
    units, halls, desk = province.units, province.halls, province.actor("secretary", "tinh")

    def equip(session: Any) -> Any:
        for code in ("a", "b"):
            session.add(
                Hall(
                    id=f"yt-{code}",
                    code=f"yt-{code}",
                    name="Phòng",
                    search_name="phong",
                    site_id=province.sites["yt"],
                    seats=9,
                    equipment=[],
                )
            )
        return session.flush()

    await do(database, equip)
    own = second(province, now, hall_ids=(halls["xa1"],), host_unit_id=units["xa1"], title="Họp xã")
    await make(database, own, province.actor("secretary", "xa1"), now)
    codes = ("khcn", "xa1", "xa2", "yt", "tinh")
    request = second(province, now, *(AttendeeRequest(unit_id=units[one]) for one in codes), hall_ids=(halls["tinh"],))
    shown = {one.unit_id: one for one in (await seen(database, request, desk, now)).guest_halls}
    assert {id_: one.state for id_, one in shown.items()} == {
        units["khcn"]: "free", units["xa1"]: "taken", units["xa2"]: "none", units["yt"]: "many",
    }  # fmt: skip
    taken = shown[units["xa1"]]
    assert (taken.hall_name, taken.unit_name) == ("Phòng họp xa1", "UBND xã Mỹ Hạnh")
    assert taken.taken == "08:45-11:15 (Họp xã, UBND xã Mỹ Hạnh)"
    stranger = province.actor("secretary", "vp")
    shown = {one.unit_id: one for one in (await seen(database, request, stranger, now)).guest_halls}
    assert (shown[units["xa1"]].taken, shown[units["xa1"]].meeting_id) == ("08:45-11:15 (UBND xã Mỹ Hạnh)", "")
