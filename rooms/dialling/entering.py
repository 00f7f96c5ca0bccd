"""Admission of a hall that dials in: the date of its number, the times when the date is open, and the policy of the class."""

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
    """A hall that wants to join a date. `refusal`: the reason why not now (too early, over, cancelled).

    `exempt`: the hall never waits in the lobby. Any other hall waits while the lobby is on. A host may have switched the lobby
    since the booking.
    """

    meeting: Meeting
    occurrence: Occurrence
    terminal: Terminal | None
    verdict: Verdict
    refusal: Refusal | None
    exempt: bool = False
    always: bool = False
    """True if the hall waits even when the lobby is off, because its terminal is not registered."""
    closed: bool = False
    """True if the terminal is registered, invited and in a closed network, as an important meeting requires."""
    invited: bool = False


async def by_number(
    session: AsyncSession, number: str, pin: str, terminal_id: str, address: str, now: datetime
) -> Arrival | None:
    """Find the date of a meeting number. An invited terminal needs no `pin`.

    None: the number or the PIN is wrong, and the caller does not learn which. The PIN is compared in constant time. An unknown
    number costs the same comparison.
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
    """Write to the audit trail that the class of the meeting refused a hall."""
    who = Actor(SYSTEM.kind, address=address)
    detail = {"alias": alias[:64], "way": "hall_terminal", "code": arrival.verdict.code}
    if arrival.terminal is not None:
        detail["terminal"] = arrival.terminal.code
    unit = arrival.meeting.host_unit_id
    await audit.record(session, now, who, "hall.refuse", "occurrence", arrival.occurrence.id, unit, detail)
