"""The month itself: meetings that were booked, decided, moved, cancelled and answered, in the order of their times.

Events are between twelve working days before today and twelve working days after today. All actors use `rooms.booking`, like
real users.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import class_changes, creation, dates, deciding, ending, precedence
from rooms.booking.planning.requests import AgendaItem, AttendeeRequest, DocumentRequest, Request
from rooms.booking.rules import calendar, settings
from rooms.booking.rules.calendar import ZONE, day_of
from rooms.fixtures.draft import chance, identifier
from rooms.meetings import answers
from rooms.policy.actors import SYSTEM, Actor
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Holding, Post, Unit

SPAN: Final = 12
"""Working days before today, and after today, that the demonstration data fill with meetings. Chosen. More: loading the
demonstration takes longer. Fewer: the schedule of halls looks empty at its ends.
"""
DEPARTMENTS: Final = ("NV", "TC", "NNMT", "XD", "KHCN", "YT", "GDDT", "CT", "TP", "VHTTDL")
TOPICS: Final = (
    "dự thảo Nghị quyết về chuyển đổi số",
    "phương án sắp xếp trụ sở sau hợp nhất",
    "dự thảo quy chế làm việc của UBND xã",
    "kế hoạch phòng, chống thiên tai",
    "đề án đào tạo cán bộ cấp xã",
    "dự thảo quy định quản lý phòng họp trực tuyến",
    "giải pháp nâng cao chỉ số cải cách hành chính",
    "phương án bảo đảm đường truyền tại điểm cầu xã",
)
HALL, ROOM, SMALL = "TN.HT", "TN.A", "TN.TTDL"


@dataclass(order=True)
class Event:
    """An event at an instant."""

    at: datetime
    place: int
    happens: Callable[[datetime], Awaitable[object]] = field(compare=False)


class Month:
    """A run of the demonstration. `run` does everything."""

    def __init__(
        self, session: AsyncSession, secretary: Actor, approver: Actor, operator: Actor, now: datetime
    ) -> None:
        self.session, self.now = session, now
        self.secretary, self.approver, self.operator = secretary, approver, operator
        self.events: list[Event] = []
        self.days: list[date] = []
        """The working days. Today, or the next working day, has the index `SPAN`."""
        self.quiet: list[date] = []
        """Three future days without a regular conference in the halls of the province."""
        self.units: dict[str, str] = {}
        self.heads: dict[str, str] = {}
        """The person at the head of each unit."""
        self.meetings: dict[str, str] = {}
        """Meeting identifiers by a name of this file."""

    async def run(self) -> None:
        await self._prepare()
        self._conferences()
        self._consultations()
        self._internal()
        self._special()
        for event in sorted(self.events):
            if event.at <= self.now:
                await event.happens(event.at)

    async def _prepare(self) -> None:
        today = day_of(self.now)
        days = await calendar.load(self.session)
        first = today if days.works(today) else days.later(today, 1)
        holiday = days.later(first, 5)
        await settings.set_holiday(self.session, holiday, "Nghỉ bù (dữ liệu mẫu)", False, SYSTEM, self.now)
        days = await calendar.load(self.session)
        self.days = [days.earlier(first, n) for n in range(SPAN, 0, -1)] + [first]
        self.days += [days.later(first, n) for n in range(1, SPAN + 1)]
        self.quiet = [day for day in self.days[SPAN + 1 :] if day.weekday() in (1, 3)][:3]
        rows = await self.session.execute(select(Unit.code, Unit.id))
        self.units = {code: id_ for code, id_ in rows}  # noqa: C416
        held = await self.session.execute(
            select(Post.unit_id, Holding.person_id).join(Holding, Holding.post_id == Post.id).where(Post.is_head)
        )
        self.heads = {unit: person for unit, person in held}  # noqa: C416

    # The meetings of every month

    def _conferences(self) -> None:
        """Book the weekly conferences: Monday 7:30 briefing, Wednesday training, Friday 8:00 review and 15:00 test. Book two
        single conferences too.
        """
        for day in self.days:
            if day.weekday() == 0:
                self.book(
                    f"briefing {day}",
                    day,
                    (7, 30),
                    self.hall("Giao ban của Chủ tịch UBND tỉnh với các xã, phường", "briefing", "TN.UBND", HALL, 120),
                    attendees=self.set_of("xa") + self.set_of("so-nganh-doan-the"),
                )
            if day.weekday() == 2:
                topic = TOPICS[chance(str(day), "training", len(TOPICS))]
                self.book(
                    f"training {day}",
                    day,
                    (8, 0),
                    self.hall(f"Tập huấn: {topic}", "training", "TN.KHCN", ROOM, 180),
                    attendees=self.communes(1, 50),
                )
            if day.weekday() == 4:
                self.book(
                    f"review {day}",
                    day,
                    (8, 0),
                    self.hall("Giao ban tuần của UBND tỉnh", "briefing", "TN.UBND", ROOM, 120),
                    attendees=self.departments(),
                )
                self.book(
                    f"test {day}",
                    day,
                    (15, 0),
                    self.hall("Kiểm tra kỹ thuật cho giao ban thứ hai", "rehearsal", "TN.KHCN", HALL, 60),
                    attendees=self.communes(1, 12),
                )
        self.book(
            "session",
            self.quiet[2],
            (8, 0),
            self.hall("Phiên họp UBND tỉnh thường kỳ", "session", "TN.UBND", HALL, 240),
            attendees=self.departments() + self.communes(1, 12),
            agenda=(
                AgendaItem("Tình hình kinh tế - xã hội", "Giám đốc Sở Tài chính", 60),
                AgendaItem("Thảo luận", "", 90),
            ),
        )
        self.book(
            "sector",
            self.quiet[2],
            (13, 30),
            self.hall("Sơ kết công tác chuyển đổi số", "review", "TN.KHCN", HALL, 180),
            attendees=self.departments() + self.communes(13, 40),
            public=True,
        )

    def _consultations(self) -> None:
        """Book about eight browser meetings a week, each with five to ten units. On Thursdays they are in the afternoon."""
        for number in range(40):
            day = self.days[number * len(self.days) // 40]
            host = DEPARTMENTS[chance(str(number), "host", len(DEPARTMENTS))]
            topic = TOPICS[chance(str(number), "topic", len(TOPICS))]
            hour = (13, 30) if day.weekday() == 3 else (8 + chance(str(number), "hour", 8), 30)
            invited = [one for one in DEPARTMENTS if one != host][: 4 + chance(str(number), "invited", 6)]
            self.book(
                f"consultation {number}",
                day,
                hour,
                Request(f"Góp ý {topic}", "consultation", self.unit(f"TN.{host}"), self.now, 90),
                attendees=tuple(AttendeeRequest(unit_id=self.unit(f"TN.{one}")) for one in invited),
                documents=(DocumentRequest(f"{100 + number}/{host}-VP", subject=f"V/v góp ý {topic}"),),
            )

    def _internal(self) -> None:
        """Book a meeting of each of twenty-four units every fifth working day at 14:00."""
        for host in (*(f"TN.{one}" for one in DEPARTMENTS), *(f"TN.{number:02}" for number in range(1, 15))):
            for day in self.days[:: len(self.days) // 5]:
                request = Request("Họp nội bộ", "internal", self.unit(host), self.now, 60)
                self.book(f"internal {host} {day}", day, (14, 0), request, attendees=())

    # Single cases that a user of the demonstration must see

    def _special(self) -> None:
        self._displaced()
        self._urgent()
        self._put_off_and_called_off()
        self._substitutes()
        self._class_raised()
        self._waiting()
        self.at(self.now - timedelta(days=1), lambda at: creation.note_secret(self.session, self.secretary, at))

    def _displaced(self) -> None:
        """Move a department's meeting, because the Government's conference needs the hall."""
        day = self.quiet[1]
        self.book(
            "lower",
            day,
            (8, 30),
            self.hall("Tổng kết công tác thi đua", "review", "TN.NV", HALL, 120),
            attendees=self.departments(),
        )

        async def displace(at: datetime) -> None:
            request = self.dated(
                self.hall("Hội nghị trực tuyến của Chính phủ với các địa phương", "national", "TN.UBND", HALL, 240),
                day,
                (8, 0),
            )
            date_ = await self.date_of("lower")
            moves = {date_.id: self.instant(day, (14, 0))}
            reason = "Nhường hội trường cho hội nghị do Chính phủ tổ chức"
            made = await precedence.displace(
                self.session, replace(request, submit=True), moves, reason, self.operator, at
            )
            await self._approve(made.meeting.id, at)

        self.at(self.now - timedelta(hours=5), displace)

    def _urgent(self) -> None:
        """Book a meeting of yesterday with three hours' notice."""
        request = self.hall("Ban chỉ đạo phòng, chống thiên tai họp đột xuất", "emergency", "TN.NNMT", ROOM, 90)
        day = self.days[SPAN - 1]
        starts_at = self.instant(day, (15, 30))
        request = replace(
            request, starts_at=starts_at, urgent_reason="Mưa lớn, triều cường", attendees=self.communes(20, 40)
        )
        self.at(starts_at - timedelta(hours=3), lambda at: self._book("urgent", request, at))

    def _put_off_and_called_off(self) -> None:
        self.book(
            "put off",
            self.quiet[0],
            (8, 0),
            self.hall("Hội nghị quán triệt nghị quyết", "resolution", "TN.VP", HALL, 240),
            attendees=self.set_of("ban-dang") + self.communes(1, 96),
        )
        self.book(
            "called off",
            self.quiet[2],
            (14, 0),
            self.hall("Tập huấn nghiệp vụ văn thư", "training", "TN.NV", SMALL, 120),
            attendees=self.communes(40, 60),
        )

        async def postpone(at: datetime) -> None:
            date_ = await self.date_of("put off")
            order = ("superior_order", "Chờ ý kiến chỉ đạo của Ban Thường vụ", self.secretary, at)
            await dates.postpone(self.session, self.meetings["put off"], date_.id, *order)

        async def cancel(at: datetime) -> None:
            why = ("not_ready", "Tài liệu chưa hoàn thành", self.secretary, at)
            await dates.cancel(self.session, self.meetings["called off"], *why)

        self.at(self.now - timedelta(hours=4), postpone)
        self.at(self.now - timedelta(hours=3), cancel)

    def _substitutes(self) -> None:
        """Let five heads name a substitute. The chair accepts four of them."""
        self.book(
            "heads",
            self.quiet[0],
            (8, 0),
            self.hall("Chủ tịch UBND tỉnh làm việc với lãnh đạo các sở", "briefing", "TN.UBND", SMALL, 120),
            attendees=tuple(replace(one, must_be_head=True) for one in self.departments()),
        )

        async def answer(at: datetime) -> None:
            rows = await self._invited("heads")
            for number, row in enumerate(rows):
                other = answers.Substitute(f"Phó Giám đốc thứ {number + 1}", "Phó Giám đốc") if number < 5 else None
                await answers.answer(self.session, row, "accepted", "", other, self.link(row), at, channel="link")
            for number, row in enumerate(rows[:5]):
                word = "Chủ tịch cho ý kiến qua điện thoại"
                await answers.decide_substitute(self.session, row, number != 4, self.secretary, at, word)

        self.at(self.now - timedelta(hours=2), answer)

    def _class_raised(self) -> None:
        self.book(
            "raised",
            self.quiet[1],
            (8, 0),
            self.hall("Rà soát an toàn thông tin sau hợp nhất", "review", "TN.KHCN", SMALL, 120),
            attendees=self.departments(),
        )

        async def raise_class(at: datetime) -> None:
            await class_changes.raise_class(self.session, self.meetings["raised"], "important", self.operator, at)

        self.at(self.now - timedelta(hours=1), raise_class)

    def _waiting(self) -> None:
        """Book three meetings that wait for a decision, and one that is only held."""
        for number, (host, hall, day) in enumerate(
            (("YT", ROOM, 1), ("GDDT", SMALL, 0), ("CT", HALL, 0), ("TP", ROOM, 2))
        ):
            request = self.hall(f"Hội nghị triển khai {TOPICS[number]}", "review", f"TN.{host}", hall, 120)
            request = replace(
                self.dated(request, self.quiet[day], (14, 0)),
                attendees=self.departments(),
                submit=number < 3,
            )
            name = f"waiting {number}"
            self.at(
                self.now - timedelta(minutes=50 - number),
                lambda at, name=name, request=request: self._keep(name, request, at),  # type: ignore[misc]
            )

    # Tools for the events

    def at(self, at: datetime, happens: Callable[[datetime], Awaitable[object]]) -> None:
        self.events.append(Event(at, len(self.events), happens))

    def book(self, name: str, day: date, hour: tuple[int, int], request: Request, **fields: Any) -> None:
        """Book a meeting a week before its start, but at least eight hours ago. Then approve it, and answer for its attendees.
        A past date is opened and closed.
        """
        request = replace(self.dated(request, day, hour), **fields)
        booked = min(request.starts_at - timedelta(days=7), self.now - timedelta(hours=8))
        self.at(booked, lambda at: self._book(name, request, at))

    async def _book(self, name: str, request: Request, at: datetime) -> None:
        await self._keep(name, replace(request, submit=True), at)
        await self._approve(self.meetings[name], at + timedelta(minutes=20))
        await self._answers(name, at + timedelta(minutes=40))
        await self._held(name)

    async def _keep(self, name: str, request: Request, at: datetime) -> None:
        row = await creation.create(self.session, request, self.secretary, at)
        self.meetings[name] = row.id

    async def _approve(self, meeting_id: str, at: datetime) -> None:
        for actor in (self.approver, self.operator):
            if (await self.session.get_one(Meeting, meeting_id)).state == "asked":
                await deciding.decide(self.session, meeting_id, True, "", actor, at)

    async def _answers(self, name: str, at: datetime) -> None:
        """Answer for seven of ten attendees. A few of them decline."""
        if name == "heads":
            return
        for row in await self._invited(name):
            luck = chance(f"{name} {row.label}", "answer", 10)
            if luck < 7:
                given = "declined" if luck == 6 else "accepted"
                row.answer, row.answered_at, row.answered_by = given, at, "link"
        await self.session.flush()

    async def _held(self, name: str) -> None:
        """Open and close a past date, as if its attendees had been present."""
        date_ = await self.date_of(name)
        if date_.ends_at <= self.now:
            await ending.opened(self.session, date_.id, date_.starts_at - timedelta(minutes=5))
            await ending.closed(self.session, date_.id, date_.ends_at + timedelta(minutes=5))

    async def date_of(self, name: str) -> Occurrence:
        rows = await self.session.scalars(select(Occurrence).where(Occurrence.meeting_id == self.meetings[name]))
        return rows.one()

    async def _invited(self, name: str) -> Sequence[Attendee]:
        query = select(Attendee).where(Attendee.meeting_id == self.meetings[name]).order_by(Attendee.label, Attendee.id)
        return (await self.session.scalars(query)).all()

    def link(self, row: Attendee) -> Actor:
        return Actor("link", row.id, name=row.label)

    def hall(self, title: str, type_code: str, host: str, hall: str, minutes: int) -> Request:
        """Return a request in a provincial hall with its terminal. The head of the host unit is the chair, except in `ROOM`."""
        chair = None if hall == ROOM else self.heads.get(self.unit(host))
        return Request(
            title,
            type_code,
            self.unit(host),
            self.now,
            minutes,
            hall_ids=(identifier("hall", hall),),
            terminal_ids=(identifier("terminal", hall),),
            chair_id=chair,
            hold_guests=True,
        )

    def dated(self, request: Request, day: date, hour: tuple[int, int]) -> Request:
        return replace(request, starts_at=self.instant(day, hour))

    @staticmethod
    def instant(day: date, hour: tuple[int, int]) -> datetime:
        return datetime.combine(day, time(*hour), ZONE).astimezone(UTC)

    def unit(self, code: str) -> str:
        return identifier("unit", code)

    def departments(self) -> tuple[AttendeeRequest, ...]:
        return tuple(AttendeeRequest(unit_id=self.unit(f"TN.{one}")) for one in DEPARTMENTS)

    def communes(self, first: int, last: int) -> tuple[AttendeeRequest, ...]:
        return tuple(AttendeeRequest(unit_id=self.unit(f"TN.{number:02}")) for number in range(first, last + 1))

    @staticmethod
    def set_of(code: str) -> tuple[AttendeeRequest, ...]:
        return (AttendeeRequest(set_id=identifier("set", code)),)
