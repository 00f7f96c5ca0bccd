"""The end of a simulated meeting: what the database says agrees with what happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from rooms.store.tables.proceedings import Attendance, MeetingEvent, SpeakingTurn
from tests.simulation.meetings.checks import hold
from tests.simulation.meetings.server import Unsteady

if TYPE_CHECKING:
    from tests.simulation.meetings.walk import Walk


async def end(walk: Walk) -> None:
    """End the meeting for all, and compare attendance, turns and events."""
    await walk.settle()
    await walk.orders.quiet()
    meeting = walk.meeting
    if meeting is not None:
        walk.give(None, "end", {})
        await walk.orders.quiet()
    await walk.settle()
    walk.stays += walk.process.stays.over
    database = walk.process.database
    if not isinstance(database, Unsteady):
        return
    async with database.reading() as session:
        stays = list(await session.scalars(select(Attendance)))
        turns = list(await session.scalars(select(SpeakingTurn)))
        events = list(await session.scalars(select(MeetingEvent)))
    attendance(walk, stays)
    hold("no turn without an end", all(one.ended_at is not None for one in turns), turns)
    secrets(walk, events)


def attendance(walk: Walk, stays: list[Any]) -> None:
    """Each stay has one row with its times. A stay that a kill cut may be missing, or ends before the kill."""
    found = Counter(
        (one.identity, one.came_at.timestamp(), one.left_at.timestamp(), one.reason) for one in stays if one.left_at
    )
    hold("all have left", all(one.left_at is not None for one in stays), stays)
    rounded = Counter({(i, round(a, 3), round(b, 3), r): count for (i, a, b, r), count in found.items()})
    whole = Counter((i, round(a, 3), round(b, 3), r) for i, a, b, r in walk.stays)
    missing, extra = whole - rounded, rounded - whole
    cut = {(identity, round(came, 3)): at for identity, came, at in walk.lost}
    for identity, came, left, reason in extra:
        at = cut.get((identity, came))
        hold("attendance equals what happened", at is not None and left <= at and reason == "lost", (identity, came))
    known = {(identity, came) for identity, came, _, _ in extra} | cut.keys()
    early = [one for one in missing if one[:2] not in known]
    hold("attendance equals what happened", not early, early)


def secrets(walk: Walk, events: list[Any]) -> None:
    """No event of a secret ballot is stored."""
    for one in events:
        if one.kind in ("ballot_cast", "ballot_changed"):
            known = walk.memory.ballots.get(one.detail.get("vote", ""))
            hold("a secret ballot makes no event", known is None or known.way != "secret", one.detail)
