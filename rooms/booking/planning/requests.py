"""The booking request of a person or of another system, as plain values, and the checks that need no database.

A secret request is refused here, before any other check, so that none of its content is stored or logged.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.org.names import cleaned
from rooms.policy import classes
from rooms.store.tables.meetings import CONNECTS

ROLES = ("chair", "secretary", "presenter", "delegate", "guest")


@dataclass(frozen=True)
class AttendeeRequest:
    """An entry of the attendee list: exactly one unit, recipient set, person or guest. A guest has a name. The address of a
    guest may be empty.
    """

    unit_id: str | None = None
    set_id: str | None = None
    """A recipient set. When the meeting is booked, the units that exist on the day of the meeting replace the set."""
    person_id: str | None = None
    guest_name: str = ""
    guest_email: str = ""
    site_id: str | None = None
    """The site where the attendee sits, if it is not the site of the attendee's unit."""
    label: str = ""
    """The name of the attendee in the letter. If empty, the name comes from the register."""
    role: str = "delegate"
    required: bool = True
    must_be_head: bool = False

    @property
    def kinds(self) -> int:
        return sum(map(bool, (self.unit_id, self.set_id, self.person_id, self.guest_name or self.guest_email)))


@dataclass(frozen=True)
class DocumentRequest:
    """A document that is the legal basis of the meeting."""

    number: str
    dated: date | None = None
    issuer: str = ""
    subject: str = ""
    link: str = ""


@dataclass(frozen=True)
class AgendaItem:
    title: str
    presenter: str = ""
    minutes: int = 0


@dataclass(frozen=True)
class Request:
    """A booking request. Identifiers refer to rows of the register. Times have a time zone."""

    title: str
    type_code: str
    host_unit_id: str
    starts_at: datetime
    duration_min: int
    class_: str = ""
    """`important`, `ordinary` or `secret` (always refused). If empty, the default of the meeting type applies."""
    rule: str = ""
    """An RRULE without the name `RRULE`, in local time (Asia/Ho_Chi_Minh). If empty, the meeting has one date."""
    skip: tuple[date, ...] = ()
    """Local days of the series that are listed but not booked."""
    skip_clashes: bool = False
    """True: dates with a clash are skipped and listed. False: one clash refuses the whole request."""
    hall_ids: tuple[str, ...] = ()
    terminal_ids: tuple[str, ...] = ()
    chair_id: str | None = None
    secretary_id: str | None = None
    secretary_deputy_id: str | None = None
    operator_id: str | None = None
    operator_deputy_id: str | None = None
    attendees: tuple[AttendeeRequest, ...] = ()
    documents: tuple[DocumentRequest, ...] = ()
    agenda: tuple[AgendaItem, ...] = ()
    description: str = ""
    public: bool = False
    lobby: bool = True
    entry_muted: bool | None = None
    """True: people and halls join with their microphones off. None: as the meeting type says."""
    connect: str = "call"
    """`call`: the server calls the halls of the call list. `dial_in`: the halls dial in by themselves."""
    call_ahead_min: int | None = None
    """Minutes before the start at which the halls are called. None: as the meeting type says."""
    uncalled_ids: tuple[str, ...] = ()
    """Terminals of the call list that the server does not call."""
    hold_guests: bool = False
    """True: hold the halls of the invited units, softly until the approval."""
    legs: int = 0
    """Simultaneous media legs. 0: the server counts them (`plans.wanted_legs`)."""
    rehearsal_at: datetime | None = None
    """The start of the rehearsal (Tổng duyệt). None: no rehearsal."""
    rehearsal_min: int = 60
    """Minutes of the rehearsal."""
    submit: bool = False
    """True: submit the meeting for approval at once. False: only hold the resources."""
    precedence: int | None = None
    """A lower number has priority. None: the precedence of the meeting type. A number needs a reason."""
    precedence_reason: str = ""
    urgent_reason: str = ""
    """Why the meeting is urgent. With a reason, the unit's minimum time to book ahead does not apply, and operators may also
    book outside the hours of the unit.
    """

    def checked(self) -> Request:
        """Return the request with cleaned names and times in UTC. Raise `state_secret`, or one refusal that lists every
        trouble.
        """
        if self.class_ == classes.SECRET:
            classes.refused("state_secret").require()
        troubles = [trouble for check in _CHECKS for trouble in check(self)]
        if troubles:
            # If all troubles have the same code, this code is the code of the refusal: the caller reads one stable word.
            code = troubles[0].code if len({one.code for one in troubles}) == 1 else "bad_request"
            raise Refusal(
                code, " ".join(t.vietnamese for t in troubles), "; ".join(t.english for t in troubles), troubles
            )
        return dataclasses.replace(
            self,
            title=cleaned(self.title),
            starts_at=self.starts_at.astimezone(UTC),
            rehearsal_at=self.rehearsal_at and self.rehearsal_at.astimezone(UTC),
            rule=self.rule.strip().removeprefix("RRULE:"),
            hall_ids=tuple(dict.fromkeys(self.hall_ids)),
            terminal_ids=tuple(dict.fromkeys(self.terminal_ids)),
            uncalled_ids=tuple(dict.fromkeys(self.uncalled_ids)),
        )

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.duration_min)

    def digest(self) -> str:
        """Return the SHA-256 of the request's JSON with sorted names. Equal requests have equal digests."""
        plain = json.dumps(as_json(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()


def as_json(request: Request) -> dict[str, Any]:
    """Return the request as plain values, for templates and copies. `from_json` reads them."""
    value = dict(vars(request))
    value["starts_at"] = request.starts_at.astimezone(UTC).isoformat()
    value["rehearsal_at"] = request.rehearsal_at.astimezone(UTC).isoformat() if request.rehearsal_at else None
    value["skip"] = [day.isoformat() for day in request.skip]
    # `dataclasses.asdict` copies each value, which takes ten times as long.
    for several in ("attendees", "documents", "agenda"):
        value[several] = tuple(dict(vars(one)) for one in value[several])
    for document in value["documents"]:
        document["dated"] = document["dated"].isoformat() if document["dated"] else None
    return value


def from_json(value: Mapping[str, Any]) -> Request:
    """Read the output of `as_json`. Raise KeyError, TypeError or ValueError for any other value."""
    names = {one.name for one in dataclasses.fields(Request)}
    given = {name: entry for name, entry in value.items() if name in names}
    given["starts_at"] = datetime.fromisoformat(value["starts_at"])
    given["rehearsal_at"] = datetime.fromisoformat(at) if (at := value.get("rehearsal_at")) else None
    given["skip"] = tuple(date.fromisoformat(day) for day in value.get("skip", ()))
    given["hall_ids"] = tuple(value.get("hall_ids", ()))
    given["terminal_ids"] = tuple(value.get("terminal_ids", ()))
    given["uncalled_ids"] = tuple(value.get("uncalled_ids", ()))
    given["attendees"] = attendees_from_json(value.get("attendees", ()))
    given["documents"] = tuple(_document(one) for one in value.get("documents", ()))
    given["agenda"] = tuple(AgendaItem(**one) for one in value.get("agenda", ()))
    return Request(**given)


def attendees_from_json(entries: Any) -> tuple[AttendeeRequest, ...]:
    return tuple(AttendeeRequest(**one) for one in entries)


def _document(value: Mapping[str, Any]) -> DocumentRequest:
    dated = value.get("dated")
    return DocumentRequest(**{**value, "dated": date.fromisoformat(dated) if isinstance(dated, str) else dated})


# Checks


def _text(where: str, value: str, most: int, name: str) -> Iterator[Trouble]:
    if len(value) > most:
        yield Trouble(
            "too_long", f"{name} dài quá {most} ký tự. Hãy rút gọn.", f"{where} has more than {most} characters", where
        )


def _count(where: str, value: tuple[Any, ...], most: int, name: str) -> Iterator[Trouble]:
    if len(value) > most:
        yield Trouble(
            "too_many", f"{name} có quá {most} mục. Hãy bớt đi.", f"{where} has more than {most} entries", where
        )


def _title(request: Request) -> Iterator[Trouble]:
    if not cleaned(request.title):
        yield Trouble("title_missing", "Hãy nhập tên cuộc họp.", "the title is missing", "title")
    yield from _text("title", request.title, limits.TITLE, "Tên cuộc họp")
    yield from _text("description", request.description, limits.DESCRIPTION, "Nội dung")
    yield from _text("rule", request.rule, limits.RULE, "Quy tắc lặp")
    yield from _text("urgent_reason", request.urgent_reason, limits.URGENT_REASON, "Lý do họp đột xuất")


def _time(request: Request) -> Iterator[Trouble]:
    if request.starts_at.tzinfo is None:
        yield Trouble("zone_missing", "Thời gian thiếu múi giờ.", "the time has no time zone", "starts_at")
    elif request.starts_at.second or request.starts_at.microsecond:
        yield Trouble("not_a_minute", "Giờ họp phải tròn phút.", "a meeting must start at a whole minute", "starts_at")
    if not limits.DURATION_LEAST_MIN <= request.duration_min <= limits.DURATION_MOST_MIN:
        most = limits.DURATION_MOST_MIN // 60
        vietnamese = (
            f"Thời lượng phải từ {limits.DURATION_LEAST_MIN} phút đến {most} giờ. Họp nhiều ngày: đặt lịch lặp."
        )
        yield Trouble("bad_duration", vietnamese, f"the duration must be 5 minutes to {most} hours", "duration_min")


def _rehearsal(request: Request) -> Iterator[Trouble]:
    at = request.rehearsal_at
    if at is None:
        return
    if at.tzinfo is None:
        yield Trouble("zone_missing", "Giờ tổng duyệt thiếu múi giờ.", "the time has no time zone", "rehearsal_at")
    elif at.second or at.microsecond:
        vietnamese = "Giờ tổng duyệt phải tròn phút."
        yield Trouble("not_a_minute", vietnamese, "a rehearsal must start at a whole minute", "rehearsal_at")
    if not limits.DURATION_LEAST_MIN <= request.rehearsal_min <= limits.REHEARSAL_MOST_MIN:
        most = limits.REHEARSAL_MOST_MIN // 60
        vietnamese = f"Tổng duyệt phải từ {limits.DURATION_LEAST_MIN} phút đến {most} giờ."
        yield Trouble("bad_duration", vietnamese, f"a rehearsal takes 5 minutes to {most} hours", "rehearsal_min")


def _lists(request: Request) -> Iterator[Trouble]:
    yield from _count("hall_ids", request.hall_ids, limits.HALLS, "Danh sách hội trường")
    yield from _count("terminal_ids", request.terminal_ids, limits.TERMINALS, "Danh sách thiết bị")
    yield from _count("uncalled_ids", request.uncalled_ids, limits.LEGS_OF_A_DATE, "Danh sách không gọi")
    yield from _count("attendees", request.attendees, limits.ATTENDEE_REQUESTS, "Thành phần dự họp")
    yield from _count("documents", request.documents, limits.DOCUMENTS, "Danh sách văn bản")
    yield from _count("agenda", request.agenda, limits.AGENDA, "Chương trình họp")
    yield from _count("skip", request.skip, limits.OCCURRENCES, "Danh sách ngày không đăng ký")


def _entries(request: Request) -> Iterator[Trouble]:
    for place, one in enumerate(request.attendees[: limits.ATTENDEE_REQUESTS]):
        where = f"attendees.{place}"
        if one.kinds != 1:
            vietnamese = f"Dòng {place + 1} của thành phần: chọn đúng một đơn vị, nhóm nơi nhận, cá nhân hoặc khách."
            yield Trouble(
                "bad_attendee", vietnamese, "each attendee must be one unit, one set, one person or one guest", where
            )
        if one.role not in ROLES:
            yield Trouble("bad_attendee", f"Dòng {place + 1}: vai trò không có.", "no such role", where)
        for text, most in ((one.label, 300), (one.guest_name, 200), (one.guest_email, 254)):
            yield from _text(where, text, most, f"Dòng {place + 1} của thành phần")
    for place, document in enumerate(request.documents[: limits.DOCUMENTS]):
        for text, most in (
            (document.number, 100),
            (document.issuer, 300),
            (document.subject, 500),
            (document.link, 1000),
        ):
            yield from _text(f"documents.{place}", text, most, f"Văn bản {place + 1}")
    for place, item in enumerate(request.agenda[: limits.AGENDA]):
        yield from _text(f"agenda.{place}", item.title, limits.TITLE, f"Mục {place + 1} của chương trình")
        yield from _text(f"agenda.{place}", item.presenter, 200, f"Mục {place + 1} của chương trình")


def _choices(request: Request) -> Iterator[Trouble]:
    if request.precedence is not None and not request.precedence_reason.strip():
        vietnamese = "Hãy ghi lý do khi đặt thứ tự ưu tiên."
        yield Trouble("reason_missing", vietnamese, "write a reason for the precedence", "precedence_reason")
    if request.connect not in CONNECTS:
        vietnamese = "Cách kết nối hội trường là call (máy chủ gọi hội trường) hoặc dial_in (hội trường tự gọi vào)."
        yield Trouble("bad_connect", vietnamese, "connect must be call or dial_in", "connect")
    if request.call_ahead_min is not None and not 0 <= request.call_ahead_min <= limits.CALL_AHEAD_MOST_MIN:
        yield Trouble(
            "bad_call_ahead",
            f"Chỉ gọi hội trường trước giờ họp từ 0 đến {limits.CALL_AHEAD_MOST_MIN} phút.",
            f"halls are called 0 to {limits.CALL_AHEAD_MOST_MIN} minutes before the start",
            "call_ahead_min",
        )
    if not 0 <= request.legs <= limits.LEGS:
        yield Trouble(
            "bad_legs",
            f"Số kết nối phải từ 0 đến {limits.LEGS}.",
            f"the number of legs must be 0 to {limits.LEGS}",
            "legs",
        )
    identifiers = (request.host_unit_id, *request.hall_ids[: limits.HALLS], *request.terminal_ids[: limits.TERMINALS])
    identifiers += request.uncalled_ids[: limits.LEGS_OF_A_DATE]
    staff = (
        (request.secretary_id, request.secretary_deputy_id, "secretary_deputy_id"),
        (request.operator_id, request.operator_deputy_id, "operator_deputy_id"),
    )
    for person, deputy, where in staff:
        if deputy and deputy == (person or deputy):
            vietnamese = "Người thay phải khác người được thay. Hãy chọn người được thay trước."
            yield Trouble("bad_deputy", vietnamese, "choose another deputy, and choose the represented person", where)
    people = [one or "" for person, deputy, _ in staff for one in (person, deputy)] + [request.chair_id or ""]
    if any(len(one) > 32 for one in (*identifiers, *people)) or len(request.type_code) > 40:
        yield Trouble("bad_identifier", "Mã tham chiếu không hợp lệ.", "an identifier is too long", "")


_CHECKS = (_title, _time, _rehearsal, _lists, _entries, _choices)
