"""The timeline of a date: what happened in its meetings, with the calls of its halls, in order.

The lines come from the record of the sittings, and from the rows of halls: alarms, answers, failed calls, telephone calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.tables.columns import EPOCH, MICROSECOND
from rooms.store.tables.dialling import DialLeg, LegAlarm, SiteCall
from rooms.store.tables.proceedings import MeetingEvent, Sitting
from rooms.store.tables.sites import Site, Terminal

Key = tuple[int, int, str]
"""The place of a line: microseconds since 1970, 0 for the record and 1 for halls, and a name that is unique among these."""
FAILED = ("failed", "given_up")


@dataclass(frozen=True)
class Line:
    """A line of the timeline."""

    key: Key
    at: datetime
    kind: str
    by_name: str = ""
    for_chair: bool = False
    way: str = ""
    on_id: str = ""
    on_name: str = ""
    detail: Mapping[str, Any] | None = None


async def read(session: AsyncSession, occurrence_id: str, after: Key | None, limit: int) -> list[Line]:
    """Return at most `limit` lines after a place, the earliest first."""
    recorded = await _recorded(session, occurrence_id, after, limit)
    lines = [*recorded, *(one for one in await _halls(session, occurrence_id) if after is None or one.key > after)]
    return sorted(lines, key=lambda one: one.key)[:limit]


async def _recorded(session: AsyncSession, occurrence_id: str, after: Key | None, limit: int) -> list[Line]:
    query = (
        select(MeetingEvent)
        .join(Sitting, Sitting.id == MeetingEvent.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id)
    )
    if after is not None:
        at = EPOCH + after[0] * MICROSECOND
        place = int(after[2]) if after[1] == 0 else None
        same = () if place is None else (and_(MeetingEvent.at == at, MeetingEvent.place > place),)
        query = query.where(or_(MeetingEvent.at > at, *same))
    rows = await session.scalars(query.order_by(MeetingEvent.at, MeetingEvent.place).limit(limit))
    return [
        Line(
            (_micros(one.at), 0, f"{one.place:020}"),
            one.at,
            one.kind,
            one.by_name,
            one.for_chair,
            one.way,
            one.on_id,
            one.on_name,
            one.detail,
        )
        for one in rows
    ]


async def _halls(session: AsyncSession, occurrence_id: str) -> list[Line]:
    """Return the lines of halls. A leg has one answer, one failure and a limited number of alarms."""
    rows = await session.execute(
        select(DialLeg, Terminal.name, Site.name)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .join(Site, Site.id == Terminal.site_id)
        .where(DialLeg.occurrence_id == occurrence_id)
    )
    lines: list[Line] = []
    names: dict[str, tuple[str, str]] = {}
    for leg, terminal, site in rows:
        on = names[leg.id] = f"hall_terminal.{leg.terminal_id}", f"{site} ({terminal})"
        if leg.answered_at is not None:
            lines.append(_line(leg.answered_at, f"answered.{leg.id}", "call_answered", on))
        if leg.state in FAILED:
            why = {"reason": leg.reason, "failure": leg.failure, "status": leg.status, "attempts": leg.attempt}
            lines.append(_line(leg.since, f"failed.{leg.id}", "call_failed", on, detail=why))
    alarms = await session.scalars(select(LegAlarm).where(LegAlarm.leg_id.in_(names)))
    lines += [
        _line(one.at, f"alarm.{one.id}", "call_alarm", names[one.leg_id], detail={"code": one.code}) for one in alarms
    ]
    phoned = await session.execute(
        select(SiteCall, Site.name)
        .join(Site, Site.id == SiteCall.site_id)
        .where(SiteCall.occurrence_id == occurrence_id)
    )
    lines += [
        _line(one.at, f"phoned.{one.site_id}", "site_phoned", (one.site_id, site), by=one.by) for one, site in phoned
    ]
    return lines


def _line(
    at: datetime,
    name: str,
    kind: str,
    on: tuple[str, str],
    by: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Line:
    return Line((_micros(at), 1, name), at, kind, by, on_id=on[0], on_name=on[1], detail=detail)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
