"""The end of a booked meeting: notices to browsers, an extension from the call, the question to the operator. Then the end after
the grace, and reports to the calendar while the database is away. The real routes and registry; tests turn the clock.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from conference.ground.events import ConferenceChanged, Reason
from rooms import limits
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.records import AuditEntry
from signaling.host import limits as bounds
from signaling.meetings.endings import KEY
from tests.signaling.api.live.test_hosting import Guest, Held
from tests.signaling.api.live.test_joining import START, enter, pin_of, secrets
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved, book, wanted


@pytest.fixture
async def held(office: Office) -> Held:
    """A meeting of one hour that has run for 45 minutes."""
    meeting = await approved(office, starts_at=office.at(START), duration_min=60, lobby=False)
    office.pass_minutes(181)
    return Held(office, meeting, await pin_of(office, meeting))


async def pass_to(held: Held, left_min: float) -> None:
    """Go on to this many minutes before the first booked end, and look as the server does each second."""
    ends_at = datetime.fromisoformat(held.meeting["occurrences"][0]["ends_at"])
    held.time.advance((ends_at - timedelta(minutes=left_min) - held.office.now).total_seconds())
    held.office.now = ends_at - timedelta(minutes=left_min)
    await held.office.secretariat.live.reports.settle()
    await held.office.secretariat.endings.look()
    held.time.turn()


async def until_ended(held: Held) -> None:
    for task in list(held.office.secretariat.endings._closing.values()):
        await task


def shown(guest: Guest) -> dict[str, Any]:
    """Return what the newest metadata says about the end."""
    found = guest.client.of(ConferenceChanged)
    text = found[-1].conference.metadata if found else ""
    return json.loads(text).get(KEY, {}) if text else {}


async def state_of(held: Held) -> Occurrence:
    async with held.office.database.reading() as session:
        return await session.get_one(Occurrence, held.date)


async def test_browsers_read_the_minutes_and_the_chair_extends(held: Held) -> None:
    _, host, chair = await held.chair()
    await pass_to(held, 10.5)
    assert shown(chair) == {}
    for left in (10, 9, 5, 1):
        await pass_to(held, left)
        assert shown(chair)["left_min"] == left
    given = await held.do(host, "extend", minutes=15)
    assert given.status_code == 200, given.text
    ends_at = given.json()["ends_at"]
    await pass_to(held, 1)
    assert shown(chair) == {"ends_at": ends_at.replace("Z", "+00:00"), "at": "12:15"}
    await pass_to(held, -6)
    assert shown(chair)["left_min"] == 9
    async with held.office.database.reading() as session:
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.extend"))
    assert (entry.object_id, entry.detail) == (held.date, {"minutes": 15})


async def test_a_quiet_meeting_ends_after_the_grace(held: Held) -> None:
    _, _, chair = await held.chair()
    await pass_to(held, -29)
    assert (shown(chair)["left_min"], shown(chair)["closes_min"]) == (0, 1)
    assert chair.left() is None
    await pass_to(held, -30)
    await until_ended(held)
    assert chair.left() is Reason.CONFERENCE_DELETED
    ended = await state_of(held)
    assert (ended.state, ended.closed_at) == ("ended", ended.ends_at + timedelta(minutes=30))
    problem(await held.knock(), 403, "ended")


async def test_the_operator_is_asked_where_somebody_spoke(held: Held) -> None:
    _, host, chair = await held.chair()
    (track,) = chair.participant.tracks.values()
    speak = chair.conference.router.on_speakers
    speak([(track.producer, 0.8)])
    await pass_to(held, -30)
    assert shown(chair)["asks"] is True
    assert (await state_of(held)).end_asked_at is not None
    await pass_to(held, -30 - limits.END_ASKED_MIN)
    assert chair.left() is None
    assert (await held.do(host, "extend", minutes=30)).status_code == 200
    assert (await state_of(held)).end_asked_at is None
    await pass_to(held, -60)
    assert shown(chair)["left_min"] == 5
    speak([])
    await pass_to(held, -95)
    await until_ended(held)
    assert chair.left() is Reason.CONFERENCE_DELETED


async def test_the_hall_of_a_meeting_that_ended_early_can_be_booked(office: Office) -> None:
    hall = [office.province.halls["tinh-a"]]
    meeting = await approved(office, starts_at=office.at(START), duration_min=120, lobby=False, hall_ids=hall)
    held = Held(office, meeting, await pin_of(office, meeting))
    office.pass_minutes(181)
    await office.secretariat.live.reports.settle()
    _, host, _ = await held.chair()
    desk, later = await office.client("secretary", "khcn"), (office.now + timedelta(minutes=60)).isoformat()
    other = wanted(
        office, starts_at=later, duration_min=30, title="Họp sau", chair_id=None, attendees=[], hall_ids=hall
    )
    problem(await desk.post("/meetings", json=other), 409, "overlap")
    assert (await held.do(host, "end")).status_code == 204
    await book(desk, other)


async def test_an_open_microphone_ends_at_the_last_bound(held: Held) -> None:
    _, _, chair = await held.chair()
    (track,) = chair.participant.tracks.values()
    chair.conference.router.on_speakers([(track.producer, 0.8)])
    await pass_to(held, -limits.OVERRUN_MOST_MIN + 1)
    assert chair.left() is None
    await pass_to(held, -limits.OVERRUN_MOST_MIN)
    await until_ended(held)
    assert chair.left() is Reason.CONFERENCE_DELETED


async def test_a_secretary_with_a_link_extends_until_the_next_meeting(office: Office) -> None:
    guest = {"guest_name": "Bà Thư", "guest_email": "thu@ct.gov.vn", "role": "secretary"}
    meeting = await approved(office, starts_at=office.at(START), duration_min=60, lobby=False, attendees=[guest])
    held = Held(office, meeting, "")
    office.pass_minutes(181)
    (link,) = (await secrets(office, meeting)).values()
    given = (await enter(office, link=link)).json()
    Guest(held, given["token"])
    host = held.bearer(given["moderation"])
    desk = await office.client("secretary", "khcn")
    later = datetime.fromisoformat(meeting["occurrences"][0]["ends_at"]) + timedelta(minutes=60)
    await book(desk, wanted(office, starts_at=later.isoformat(), title="Hội nghị kế tiếp", chair_id=None, attendees=[]))
    assert (await held.do(host, "extend", minutes=30)).status_code == 200
    refused = problem(await held.do(host, "extend", minutes=30), 409, "overlap")
    assert "Sở Khoa học và Công nghệ" in refused["vi"]
    assert "Hội nghị kế tiếp" not in refused["vi"], "the link may not read the other meeting"
    assert "Không kéo dài thêm được nữa." in refused["vi"] or "Kéo dài được" in refused["vi"]


async def test_the_calendar_learns_the_end_although_the_database_was_away(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "TELL_AGAIN_S", 0.01)
    live, away = held.office.secretariat.live, [True, True]
    real = live.on_opened
    assert real is not None

    async def opened(date: str, at: datetime) -> None:
        if away:
            away.pop()
            raise OperationalError("", {}, ConnectionRefusedError())
        await real(date, at)

    live.on_opened = opened
    _, _, chair = await held.chair()
    chair.conference.close(Reason.CONFERENCE_DELETED)
    while live.reports.telling:
        await next(iter(live.reports.telling))
    date = await state_of(held)
    assert (date.state, date.opened_at is not None, date.closed_at is not None) == ("running", True, True)
