"""Meetings with attendees for tests, written directly as the rows that a booking would write."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval
from rooms.booking.meeting import attendees
from rooms.booking.planning.requests import AttendeeRequest
from rooms.identifiers import new_id, new_number, new_pin
from rooms.org.names import plain
from rooms.policy.actors import SYSTEM
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import DocumentRef, Meeting, Occurrence
from rooms.store.tables.org import Unit
from tests.rooms.province import Province

KEY = b"k" * 32
BASE = "https://hop.longan.gov.vn"
SENDER = "hop@longan.gov.vn"


@dataclass(frozen=True)
class Wanted:
    """The fields of a meeting that `meeting` writes."""

    title: str = "Giao ban tháng 3 về chuyển đổi số"
    class_: str = "ordinary"
    state: str = "approved"
    rule: str = ""
    starts: tuple[datetime, ...] = ()
    hall: str = "tinh"
    public: bool = False
    attendees: tuple[AttendeeRequest, ...] = field(default=())


async def meeting(session: AsyncSession, province: Province, wanted: Wanted, now: datetime) -> Meeting:
    """Write a meeting that the province hosts and its head chairs. It takes two hours. Without `starts` it is in one week at
    14:00. Its halls dial in.
    """
    starts = wanted.starts or (now.replace(hour=7, minute=0) + timedelta(days=7),)
    made = Meeting(
        id=new_id(),
        number=new_number(),
        pin=new_pin(series=False),
        title=wanted.title,
        search_title=plain(wanted.title),
        type_code="briefing",
        class_=wanted.class_,
        state=wanted.state,
        host_unit_id=province.units["tinh"],
        chair_id=province.people["tinh-1"],
        secretary_id=province.people["vp-2"],
        created_by="account-1",
        created_at=now,
        updated_at=now,
        description="Đánh giá kết quả quý I; triển khai nhiệm vụ quý II.",
        agenda=[{"title": "Báo cáo kết quả", "presenter": "Giám đốc Sở Khoa học và Công nghệ", "minutes": 20}],
        public=wanted.public,
        connect="dial_in",
        first_starts_at=starts[0],
        duration_min=120,
        rule=wanted.rule,
        sequence=0,
    )
    session.add(made)
    await session.flush()
    for start in starts:
        await _date(session, province, made, start, wanted.hall)
    session.add(DocumentRef(id=new_id(), meeting_id=made.id, number="5180/UBND-VHXH", search_number="5180/ubnd-vhxh"))
    await session.flush()
    wishes = wanted.attendees or (
        AttendeeRequest(unit_id=province.units["xa1"], must_be_head=True),
        AttendeeRequest(unit_id=province.units["xa2"]),
        AttendeeRequest(person_id=province.people["yt-1"]),
        AttendeeRequest(guest_name="Lê Thị Ước", guest_email="uoc@khach.example.vn", required=False),
    )
    await attendees.add(session, made, wishes, starts[0].date(), SYSTEM, now)
    if wanted.state == "approved":
        await approval.keep_word(session, made, await session.get_one(Unit, made.host_unit_id), SYSTEM, now)
    return made


async def _date(session: AsyncSession, province: Province, made: Meeting, start: datetime, hall: str) -> None:
    one = Occurrence(
        id=new_id(),
        meeting_id=made.id,
        original_at=start,
        starts_at=start,
        ends_at=start + timedelta(minutes=made.duration_min),
        state="planned",
    )
    session.add(one)
    await session.flush()
    if hall:
        around = timedelta(minutes=15)
        session.add(
            Reservation(
                id=new_id(),
                occurrence_id=one.id,
                kind="hall",
                resource_id=province.halls[hall],
                starts_at=one.starts_at - around,
                ends_at=one.ends_at + around,
                active=True,
            )
        )
    await session.flush()
