"""Calendars: one independent parser (vobject) reads them, a second parser (ical) computes the times. Also feeds and the public
schedule.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject
from ical.calendar_stream import IcsCalendarStream
from sqlalchemy import select

from rooms import limits
from rooms.accounts import actors
from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.meetings import calendar_entries, feeds
from rooms.meetings.calendar_entries import Dated, Entry, Party
from rooms.policy.actors import Actor
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.records import Feed
from tests.rooms.invited import BASE, Wanted, meeting
from tests.rooms.people import add_account
from tests.rooms.province import Province

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)
FIRST = datetime(2026, 3, 9, 1, tzinfo=UTC)  # Monday, 08:00
WEEK = timedelta(days=7)
HOURS = timedelta(hours=2)
TITLE = "Giao ban Chủ tịch tỉnh với các xã, phường; ưu tiên: chuyển đổi số, phòng chống thiên tai và những việc khác"


def series(*states: str) -> Entry:
    dates = [
        Dated(FIRST + n * WEEK, FIRST + n * WEEK, FIRST + n * WEEK + HOURS, state) for n, state in enumerate(states)
    ]
    return Entry(
        uid=calendar_entries.uid("a" * 32, "longan.gov.vn"),
        title=TITLE,
        dates=dates,
        rule="FREQ=WEEKLY;BYDAY=MO;COUNT=40",
        first_at=FIRST,
        duration_min=120,
        sequence=3,
        updated_at=NOW,
        description='Dòng một, có dấu phẩy; chấm phẩy: "ngoặc"\nDòng hai \\ gạch chéo',
        location="Phòng họp A, UBND tỉnh",
        url="https://hop.longan.gov.vn/hop/x",
        organizer=Party("UBND tỉnh Long An", "hop@longan.gov.vn"),
        attendees=[Party('UBND xã "Mỹ Hạnh"', "xa1@longan.gov.vn")],
    )


def starts(raw: bytes, until: datetime = FIRST + 60 * WEEK) -> list[tuple[datetime, datetime]]:
    """Return the times that a calendar program would show, by the second parser."""
    read = IcsCalendarStream.calendar_from_ics(raw.decode())
    shown = read.timeline.included(FIRST - WEEK, until)
    spans: list[tuple[Any, Any]] = [(one.dtstart, one.dtend) for one in shown]
    return sorted((start.astimezone(UTC), end.astimezone(UTC)) for start, end in spans)


def test_a_calendar_invitation_can_be_parsed() -> None:
    raw = calendar_entries.request(series(*["planned"] * 4), NOW)
    read = vobject.readOne(raw.decode())
    event = read.vevent
    assert read.method.value == "REQUEST"
    assert read.vtimezone.tzid.value == "Asia/Ho_Chi_Minh"
    assert event.summary.value == TITLE
    assert event.description.value == 'Dòng một, có dấu phẩy; chấm phẩy: "ngoặc"\nDòng hai \\ gạch chéo'
    assert event.dtstart.value.astimezone(UTC) == FIRST
    assert (event.sequence.value, event.uid.value) == ("3", f"{'a' * 32}@longan.gov.vn")
    assert event.organizer.value == "mailto:hop@longan.gov.vn"
    assert event.attendee.value == "mailto:xa1@longan.gov.vn"
    assert event.attendee.params["RSVP"] == ["TRUE"]
    assert event.attendee.params["PARTSTAT"] == ["NEEDS-ACTION"]
    assert event.attendee.params["CN"] == ["UBND xã 'Mỹ Hạnh'"]
    assert [at.astimezone(UTC) for at in event.getrruleset(addRDate=True)] == [FIRST + n * WEEK for n in range(4)]
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_series_with_skipped_moved_and_cancelled_dates() -> None:
    entry = series("planned", "skipped", "planned", "cancelled", "postponed", "planned")
    moved = Dated(
        entry.dates[2].original_at, FIRST + 2 * WEEK + timedelta(days=1), FIRST + 2 * WEEK + timedelta(days=1, hours=3)
    )
    dates = [*entry.dates[:2], moved, *entry.dates[3:]]
    raw = calendar_entries.request(Entry(**{**entry.__dict__, "dates": dates}), NOW)
    assert starts(raw) == [
        (FIRST, FIRST + HOURS),
        (moved.starts_at, moved.ends_at),
        (FIRST + 5 * WEEK, FIRST + 5 * WEEK + HOURS),
    ]
    read = vobject.readOne(raw.decode())
    exception = next(one for one in read.vevent_list if "recurrence-id" in one.contents)
    assert exception.recurrence_id.value.astimezone(UTC) == moved.original_at
    assert exception.uid.value == entry.uid


def test_no_date_beyond_the_last_that_was_booked() -> None:
    endless = Entry(**{**series(*["planned"] * 3).__dict__, "rule": "FREQ=WEEKLY;BYDAY=MO"})
    assert len(starts(calendar_entries.request(endless, NOW))) == 3


def test_a_series_or_one_date_can_be_cancelled() -> None:
    entry = series("cancelled", "cancelled")
    whole = vobject.readOne(calendar_entries.cancel(entry, NOW).decode())
    assert (whole.method.value, whole.vevent.status.value, whole.vevent.sequence.value) == ("CANCEL", "CANCELLED", "3")
    assert whole.vevent.attendee.value == "mailto:xa1@longan.gov.vn"
    one = vobject.readOne(calendar_entries.cancel(entry, NOW, FIRST + WEEK).decode())
    assert one.vevent.recurrence_id.value.astimezone(UTC) == FIRST + WEEK
    assert b"BEGIN:VEVENT" not in calendar_entries.request(entry, NOW)


def test_hostile_words_make_no_lines_of_their_own() -> None:
    entry = Entry(
        uid="x@y",
        title="Họp\r\nATTENDEE:mailto:a@b\r\n",
        dates=[Dated(FIRST, FIRST, FIRST + HOURS)],
        description="x\r\nEND:VEVENT\r\nBEGIN:VALARM",
        organizer=Party("A\r\nX-BAD:1", "hop@longan.gov.vn"),
    )
    read = vobject.readOne(calendar_entries.request(entry, NOW).decode())
    assert "attendee" not in read.vevent.contents
    assert "valarm" not in read.vevent.contents
    assert "x-bad" not in read.vevent.contents


async def account(database: Database, province: Province, roles: dict[str, str], person: str, now: datetime) -> Actor:
    async def work(session: Any) -> Actor:
        made = await add_account(session, f"user-{new_id()[:6]}", province.people[person], roles, now)
        return await actors.of_account(session, made, now)

    return await database.transact(work)


async def feed_of(database: Database, kind: str, target: str, actor: Actor, now: datetime) -> tuple[str, str]:
    made, secret = await database.transact(lambda s: feeds.create(s, kind, target, actor, now))
    return made.id, secret


async def read_feed(database: Database, secret: str, now: datetime) -> Any:
    async with database.reading() as session:
        feed = await feeds.find(session, secret)
        assert feed is not None
        raw = await feeds.ics(session, feed, BASE, "longan.gov.vn", now)
    IcsCalendarStream.calendar_from_ics(raw.decode())
    return vobject.readOne(raw.decode())


async def test_feeds_show_titles_only_to_authorized_readers(
    database: Database, province: Province, now: datetime
) -> None:
    await database.transact(lambda s: meeting(s, province, Wanted(), now))
    await database.transact(
        lambda s: meeting(s, province, Wanted(title="Họp công khai", public=True, hall="tinh-a"), now)
    )
    tinh = province.units["tinh"]
    clerk = await account(database, province, {"secretary": tinh}, "vp-1", now)
    stranger = await account(database, province, {"requester": province.units["khcn"]}, "khcn-2", now)
    invited = await account(database, province, {"requester": province.units["yt"]}, "yt-1", now)
    hall = province.halls["tinh"]
    seen = {}
    for name, actor in (("clerk", clerk), ("stranger", stranger), ("invited", invited)):
        _, secret = await feed_of(database, "hall", hall, actor, now)
        read = await read_feed(database, secret, now)
        seen[name] = read.vevent.summary.value
        if name == "stranger":
            text = read.serialize()
            assert "Giao ban" not in text
            assert "hop.longan" not in text.replace("@longan", "")
    assert seen == {"clerk": "Giao ban tháng 3 về chuyển đổi số", "stranger": "Bận", "invited": seen["clerk"]}
    _, secret = await feed_of(database, "unit", tinh, stranger, now)
    titles = sorted(one.summary.value for one in (await read_feed(database, secret, now)).vevent_list)
    assert titles == ["Bận", "Họp công khai"]
    _, secret = await feed_of(database, "person", province.people["yt-1"], invited, now)
    assert len((await read_feed(database, secret, now)).vevent_list) == 2
    _, secret = await feed_of(database, "person", province.people["xa1-1"], clerk, now)
    assert len((await read_feed(database, secret, now)).vevent_list) == 2  # as the head of an invited unit


async def test_a_feed_is_revoked_and_bounded(database: Database, province: Province, now: datetime) -> None:
    owner = await account(database, province, {"requester": province.units["khcn"]}, "khcn-2", now)
    other = await account(database, province, {"requester": province.units["yt"]}, "yt-2", now)
    feed_id, secret = await feed_of(database, "hall", province.halls["tinh"], owner, now)
    async with database.reading() as session:
        stored = await session.get_one(Feed, feed_id)
        assert secret not in str(stored.__dict__)
        assert await feeds.find(session, secret) is not None
        assert await feeds.find(session, "x" * 65) is None
    with pytest.raises(Refusal, match="unknown_feed"):
        await database.transact(lambda s: feeds.revoke(s, feed_id, other, now))
    await database.transact(lambda s: feeds.revoke(s, feed_id, owner, now))
    async with database.reading() as session:
        assert await feeds.find(session, secret) is None
    with pytest.raises(Refusal, match="unknown_target"):
        await feed_of(database, "hall", "nowhere", owner, now)
    with pytest.raises(Refusal, match="denied"):
        await feed_of(database, "hall", province.halls["tinh"], Actor("link", "a"), now)
    for _ in range(limits.FEEDS_EACH):
        await feed_of(database, "hall", province.halls["tinh"], owner, now)
    with pytest.raises(Refusal, match="too_many_feeds"):
        await feed_of(database, "hall", province.halls["tinh"], owner, now)


async def test_the_public_schedule_lists_only_public_meetings(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: Any) -> None:
        await meeting(session, province, Wanted(title="Họp kín"), now)
        await meeting(session, province, Wanted(title="Tiếp xúc cử tri", public=True, hall="tinh-a"), now)
        await meeting(session, province, Wanted(title="Chưa duyệt", public=True, state="asked", hall=""), now)
        off = await meeting(session, province, Wanted(title="Đã hủy", public=True, hall=""), now)
        for one in await session.scalars(select(Occurrence).where(Occurrence.meeting_id == off.id)):
            one.state = "cancelled"

    await database.transact(work)
    async with database.reading() as session:
        shown = await feeds.schedule(session, now, now + timedelta(days=14))
        assert [(one.title, one.host) for one in shown] == [("Tiếp xúc cử tri", "UBND tỉnh Long An")]
        assert shown[0].place.startswith("Phòng họp tinh-a")
        assert shown[0].chair.startswith("Nguyễn Văn TINH")
        raw = await feeds.schedule_ics(session, now, now + timedelta(days=14), "longan.gov.vn", now)
        read = vobject.readOne(raw.decode())
        assert read.vevent.summary.value == "Tiếp xúc cử tri"
        meetings = list(await session.scalars(select(Meeting)))
        assert not any(one.id in raw.decode() or (one.number or "x") in raw.decode() for one in meetings)
        assert await feeds.schedule(session, now + timedelta(days=20), now + timedelta(days=30)) == []
        with pytest.raises(Refusal, match="too_long"):
            await feeds.schedule(session, now, now + timedelta(days=limits.SCHEDULE_DAYS, seconds=1))


async def test_the_number_of_dates_in_a_feed_is_limited(
    database: Database, province: Province, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FEED_EVENTS", 3)
    starts_at = tuple(now + timedelta(days=n) for n in (-40, -20, 1, 2, 3, 400))
    guests = (AttendeeRequest(guest_name="Khách"),)
    await database.transact(lambda s: meeting(s, province, Wanted(starts=starts_at, hall="", attendees=guests), now))
    clerk = await account(database, province, {"secretary": province.units["tinh"]}, "vp-1", now)
    _, secret = await feed_of(database, "unit", province.units["tinh"], clerk, now)
    events = (await read_feed(database, secret, now)).vevent_list
    assert [one.dtstart.value.astimezone(UTC) for one in events] == [now + timedelta(days=n) for n in (-20, 1, 2)]
