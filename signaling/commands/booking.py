"""`diemcau booking …`: meetings from the command line. The audit trail names the user `command`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation
from rooms.booking.changes import dates as booking_dates
from rooms.booking.planning import requests
from rooms.booking.rules.calendar import ZONE, local
from rooms.errors import Refusal
from rooms.meetings import views
from rooms.policy.actors import COMMAND
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall
from signaling.commands.ground import DataDir, File, Ground, ground, with_database

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Cuộc họp / meetings")
Number = Annotated[str, typer.Argument(help="số cuộc họp hoặc mã / number or identifier")]
When = Annotated[str, typer.Option("--at", help="2026-03-02 07:30, giờ Việt Nam / in Việt Nam")]


@app.command("list")
def show_list(
    text: Annotated[str, typer.Argument(help="tên hoặc số văn bản / title or document number")] = "",
    state: Annotated[str, typer.Option(help="held, asked, approved, refused, cancelled, expired")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Các cuộc họp, mới nhất trước / meetings, the latest first."""
    standing = ground(data_dir, file)
    query = views.SearchQuery(text=text, states=(state,) if state else (), limit=limit)

    async def work(session: AsyncSession) -> list[tuple[Meeting, datetime]]:
        found = await views.search(session, query, COMMAND, standing.now)
        dates = await views.next_dates(session, [one.id for one in found], standing.now)
        return [(one, dates[one.id][0] if one.id in dates else one.first_starts_at) for one in found]

    for meeting, at in _transacted(standing, work):
        print(f"{meeting.number or meeting.id:32} {local(at):%d/%m/%Y %H:%M} {meeting.state:9} {meeting.title}")


@app.command("show")
def show(number: Number, data_dir: DataDir = None, file: File = None) -> None:
    """Một cuộc họp / one meeting."""
    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> views.MeetingView:
        return await views.meeting_view(session, (await _meeting(session, number)).id, COMMAND, standing.now)

    view = _transacted(standing, work)
    meeting = view.meeting
    rows = {
        "id": meeting.id,
        "số / number": f"{meeting.number or '-'}  PIN {view.pin or meeting.pin or '-'}",
        "tên / title": meeting.title,
        "mức / class": meeting.class_,
        "trạng thái / state": meeting.state,
        "chủ trì / host": view.unit.name,
        "người dự / attendees": str(len(view.attendees)),
    }
    for name, value in rows.items():
        print(f"{name:22} {value}")
    for date in view.occurrences[:50]:
        print(f"  {local(date.starts_at):%d/%m/%Y %H:%M} - {local(date.ends_at):%H:%M} {date.state} {date.reason}")


@app.command("create")
def create(
    title: Annotated[str, typer.Argument(help="tên / title")],
    unit: Annotated[str, typer.Option(help="mã đơn vị chủ trì / code of the host")],
    at: When,
    minutes: Annotated[int, typer.Option(min=5, max=24 * 60)] = 60,
    kind: Annotated[str, typer.Option("--type", help="loại họp / type")] = "internal",
    hall: Annotated[list[str] | None, typer.Option(help="mã hội trường / code of a hall")] = None,
    submit: Annotated[bool, typer.Option("--submit", help="trình duyệt ngay / submit for approval")] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Đặt một cuộc họp / book a meeting."""
    standing = ground(data_dir, file)
    starts_at = _instant(at)

    async def work(session: AsyncSession) -> Meeting:
        host = await _by_code(session, Unit, unit, "unit")
        halls = tuple([await _by_code(session, Hall, one, "hall") for one in hall or []])
        request = requests.Request(title, kind, host, starts_at, minutes, hall_ids=halls, submit=submit)
        return await creation.create(session, request, COMMAND, standing.now)

    meeting = _transacted(standing, work)
    print(f"{meeting.id} {meeting.state} {meeting.number or ''}")


@app.command("cancel")
def cancel(
    number: Number,
    reason: Annotated[str, typer.Option(help="force_majeure, superior_order, not_ready, other")],
    words: Annotated[str, typer.Option(help="ghi rõ / details")] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Hủy một cuộc họp, kèm lý do / cancel a meeting, with a reason."""
    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> Meeting:
        meeting = await _meeting(session, number)
        return await booking_dates.cancel(session, meeting.id, reason, words, COMMAND, standing.now)

    print(_transacted(standing, work).state)


def _transacted(standing: Ground, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    return with_database(standing, lambda database: database.transact(work))


async def _meeting(session: AsyncSession, number: str) -> Meeting:
    digits = number.replace(" ", "")
    found = await session.scalar(select(Meeting).where((Meeting.number == digits) | (Meeting.id == digits)))
    if found is None:
        raise Refusal("unknown_meeting", "Không tìm thấy cuộc họp này.", "no such meeting")
    return found


async def _by_code(session: AsyncSession, table: type[Unit | Hall], code: str, kind: str) -> str:
    found = await session.scalar(select(table.id).where(table.code == code))
    if found is None:
        raise Refusal(f"unknown_{kind}", f"Không có mã {code}.", f"there is no {kind} {code}")
    return found


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZONE)
    except ValueError as error:
        raise typer.BadParameter("2026-03-02 07:30") from error
