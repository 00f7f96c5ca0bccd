"""Meetings as iCalendar (RFC 5545): invitations by mail (iMIP, RFC 6047, with the methods of RFC 5546) and feeds. Pure.

A series is one VEVENT with an RRULE that ends at the last booked date. Dates that do not take place are EXDATE. Moved dates are
separate VEVENTs with a RECURRENCE-ID. A calendar entry never holds a PIN, password or personal link, because users share
calendars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from rooms.meetings.wording import ZONE

if TYPE_CHECKING:  # slow import: each function imports what it uses
    import icalendar

PRODID: Final = "-//Diem Cau//diemcau//VI"
STANDING: Final = ("planned", "running", "ended", "released")
TZID: Final = "Asia/Ho_Chi_Minh"
Method = Literal["REQUEST", "CANCEL", "PUBLISH"]
PARTSTAT: Final = {"none": "NEEDS-ACTION", "accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}
ANSWERS: Final = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
"""The PARTSTAT values that a REPLY may have, and the answers for them."""


@dataclass(frozen=True)
class Party:
    """A person or unit with a mail address."""

    name: str
    email: str
    role: str = "delegate"
    required: bool = True
    answer: str = "none"


@dataclass(frozen=True)
class Dated:
    original_at: datetime
    starts_at: datetime
    ends_at: datetime
    state: str = "planned"


@dataclass(frozen=True)
class Entry:
    """A meeting for a calendar. `dates` are in the order of `original_at`. Without a `rule`, each date becomes its own event."""

    uid: str
    title: str
    dates: Sequence[Dated]
    rule: str = ""
    first_at: datetime | None = None
    """The DTSTART of the series."""
    duration_min: int = 0
    sequence: int = 0
    updated_at: datetime | None = None
    description: str = ""
    location: str = ""
    url: str = ""
    organizer: Party | None = None
    attendees: Sequence[Party] = field(default=())
    public: bool = False
    busy: bool = False
    """True: the calendar shows only that the time is busy, and no other detail."""


def uid(meeting_id: str, domain: str) -> str:
    return f"{meeting_id}@{domain}"


def meeting_of(uid_text: str) -> str:
    """Return the meeting's identifier from a UID. The domain in the UID does not matter, because it may have changed."""
    return uid_text.partition("@")[0]


def request(entry: Entry, now: datetime) -> bytes:
    """Return an invitation to the whole meeting. A higher SEQUENCE replaces an earlier invitation."""
    return _calendar("REQUEST", [entry], now)


def request_date(entry: Entry, one: Dated, now: datetime) -> bytes:
    """Return a new time or place for one date of a series that was sent before. The other dates stay (RFC 5546 section
    3.2.2.1). An answer to this invitation counts for this date only.
    """
    calendar = _empty("REQUEST")
    calendar.add_component(_exception(entry, one, now))
    return bytes(calendar.to_ical())


def cancel(entry: Entry, now: datetime, only: datetime | None = None) -> bytes:
    """Return the cancellation of the whole meeting, or of the date with this `original_at`."""
    import icalendar

    calendar = _empty("CANCEL")
    event = _event(entry, now)
    if only is None:
        start = entry.first_at or (entry.dates[0].original_at if entry.dates else now)
        _span(event, start, start + timedelta(minutes=entry.duration_min or 60))
    else:
        event.add("recurrence-id", only.astimezone(ZONE))
        _span(event, only, only + timedelta(minutes=entry.duration_min or 60))
    event["status"] = icalendar.vText("CANCELLED")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def publish(entries: Iterable[Entry], name: str, now: datetime) -> bytes:
    return _calendar("PUBLISH", entries, now, name)


def _calendar(method: Method, entries: Iterable[Entry], now: datetime, name: str = "") -> bytes:
    calendar = _empty(method)
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("x-wr-timezone", TZID)
        calendar.add("refresh-interval", timedelta(minutes=30), parameters={"VALUE": "DURATION"})
    for entry in entries:
        for event in _events(entry, now):
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _empty(method: Method) -> icalendar.Calendar:
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(_zone())
    return calendar


def _zone() -> icalendar.Timezone:
    """Return the time zone. Việt Nam has had UTC+7 without summer time since 1975."""
    import icalendar

    zone = icalendar.Timezone()
    zone.add("tzid", TZID)
    standard = icalendar.TimezoneStandard()
    standard.add("dtstart", datetime(1975, 6, 13))
    standard.add("tzoffsetfrom", timedelta(hours=7))
    standard.add("tzoffsetto", timedelta(hours=7))
    standard.add("tzname", "+07")
    zone.add_component(standard)
    return zone


def _events(entry: Entry, now: datetime) -> list[icalendar.Event]:
    if not entry.rule:
        return [_single(entry, one, now, several=len(entry.dates) > 1) for one in entry.dates if one.state in STANDING]
    first = entry.first_at or entry.dates[0].original_at
    if not any(one.state in STANDING for one in entry.dates):
        return []
    master = _event(entry, now)
    _span(master, first, first + timedelta(minutes=entry.duration_min))
    master.add("rrule", _ended(entry.rule, max(one.original_at for one in entry.dates)))
    for one in entry.dates:
        if one.state not in STANDING:
            master.add("exdate", one.original_at.astimezone(ZONE))
    return [master, *(_exception(entry, one, now) for one in entry.dates if _differs(entry, one))]


def _single(entry: Entry, one: Dated, now: datetime, *, several: bool) -> icalendar.Event:
    import icalendar

    event = _event(entry, now)
    if several:
        event["uid"] = icalendar.vText(f"{one.original_at:%Y%m%dT%H%M%SZ}-{entry.uid}")
    _span(event, one.starts_at, one.ends_at)
    return event


def _exception(entry: Entry, one: Dated, now: datetime) -> icalendar.Event:
    event = _event(entry, now)
    event.add("recurrence-id", one.original_at.astimezone(ZONE))
    _span(event, one.starts_at, one.ends_at)
    return event


def _differs(entry: Entry, one: Dated) -> bool:
    regular = one.original_at + timedelta(minutes=entry.duration_min)
    return one.state in STANDING and (one.starts_at != one.original_at or one.ends_at != regular)


def _ended(rule: str, last: datetime) -> icalendar.vRecur:
    """Return the rule with its end at the last booked date."""
    import icalendar

    parts: icalendar.vRecur = icalendar.vRecur.from_ical(rule)
    parts.pop("COUNT", None)
    parts["UNTIL"] = [last.astimezone(UTC)]
    return parts


def _event(entry: Entry, now: datetime) -> icalendar.Event:
    import icalendar

    event = icalendar.Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("sequence", entry.sequence)
    if entry.busy:
        event.add("summary", "Bận")
        event.add("class", "PRIVATE")
        event.add("transp", "OPAQUE")
        return event
    event.add("summary", entry.title)
    event.add("status", "CONFIRMED")
    event.add("class", "PUBLIC" if entry.public else "PRIVATE")
    for name in ("description", "location", "url"):
        if getattr(entry, name):
            event.add(name, getattr(entry, name))
    if entry.updated_at:
        event.add("last-modified", entry.updated_at.astimezone(UTC))
    if entry.organizer:
        event.add("organizer", _address(entry.organizer))
    for one in entry.attendees:
        event.add("attendee", _attendee(one))
    return event


def _span(event: icalendar.Event, starts_at: datetime, ends_at: datetime) -> None:
    event.add("dtstart", starts_at.astimezone(ZONE))
    event.add("dtend", ends_at.astimezone(ZONE))


def _address(party: Party) -> icalendar.vCalAddress:
    import icalendar

    address = icalendar.vCalAddress(f"mailto:{party.email}")
    address.params["CN"] = icalendar.vText(party.name.replace('"', "'"))
    return address


def _attendee(party: Party) -> icalendar.vCalAddress:
    import icalendar

    address = _address(party)
    address.params["CUTYPE"] = icalendar.vText("INDIVIDUAL")
    address.params["ROLE"] = icalendar.vText(
        "CHAIR" if party.role == "chair" else "REQ-PARTICIPANT" if party.required else "OPT-PARTICIPANT"
    )
    address.params["PARTSTAT"] = icalendar.vText(PARTSTAT[party.answer])
    address.params["RSVP"] = icalendar.vText("TRUE")
    return address
