"""A hall that dials in: which date its number means, whether its door is open, and what the class policy says."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import planning
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.policy.actors import SYSTEM, Actor
from rooms.policy.classes import Verdict, admission
from rooms.store import audit
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Terminal


@dataclass(frozen=True)
class Arrival:
    """A hall at the door of one date. `refusal`: why not now (too early, over, called off). `exempt`: no lobby is asked of it,
    switched on or off; else it waits while the lobby is on, which a host may have switched since it was planned.
    """

    meeting: Meeting
    occurrence: Occurrence
    terminal: Terminal | None
    verdict: Verdict
    refusal: Refusal | None
    exempt: bool = False
    always: bool = False
    """Not of the register: it waits whatever is set."""
    closed: bool = False
    """Registered, invited and in a closed network, as an important meeting wants it."""
    invited: bool = False


async def by_number(
    session: AsyncSession, number: str, pin: str, terminal_id: str, address: str, now: datetime
) -> Arrival | None:
    """`pin` is not asked of a terminal that is invited. None: number or PIN are wrong; which of the two is not told.

    Nothing is compared but the PIN, in constant time; a number that does not exist costs the same comparison.
    """
    meeting = await session.scalar(select(Meeting).where(Meeting.number == number))
    terminal = await session.get(Terminal, terminal_id) if terminal_id else None
    right = hmac.compare_digest((meeting.pin if meeting else "").encode(), pin.encode()) and pin != ""
    if meeting is None:
        return None
    dates = list(
        await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at, Occurrence.id)
        )
    )
    date = entry.nearest(dates, now)
    invited = terminal is not None and await planning.invited(session, meeting, date.id, terminal)
    if not (right or invited):
        return None
    return await _arrival(session, meeting, date, terminal, invited, address, now)


async def _arrival(
    session: AsyncSession,
    meeting: Meeting,
    date: Occurrence,
    terminal: Terminal | None,
    invited: bool,
    address: str,
    now: datetime,
) -> Arrival:
    closed = await planning.closed_at(session, address)
    registered = terminal is not None and terminal.active

    def judged(lobby: bool) -> Verdict:
        return admission(
            meeting.class_,
            "hall_terminal",
            terminal_registered=registered,
            network_closed=closed,
            invited=invited,
            lobby=lobby,
        )

    verdict = judged(True)
    shown = entry.Entry(meeting, date, "", "hall_terminal", "", invited=invited)
    exempt = verdict.allowed and not verdict.lobby
    strict = registered and closed and invited
    return Arrival(
        meeting,
        date,
        terminal,
        verdict,
        entry.door(shown, now),
        exempt,
        always=judged(False).lobby,
        closed=strict,
        invited=invited,
    )


async def refused(session: AsyncSession, arrival: Arrival, alias: str, address: str, now: datetime) -> None:
    """Into the audit trail: the class of the meeting has kept a hall out."""
    who = Actor(SYSTEM.kind, address=address)
    detail = {"alias": alias[:64], "way": "hall_terminal", "code": arrival.verdict.code}
    if arrival.terminal is not None:
        detail["terminal"] = arrival.terminal.code
    unit = arrival.meeting.host_unit_id
    await audit.record(session, now, who, "hall.refuse", "occurrence", arrival.occurrence.id, unit, detail)
