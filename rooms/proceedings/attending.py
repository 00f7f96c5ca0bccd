"""The attendance of a date: who was there and for how long, and who spoke for how long. Pure, from stored stays and turns.

A person who joins again gets a new identity (`WAY.WHO.…`) of the same attendee. Several people may join by the link of one unit,
so the name counts too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rooms.policy.bearers import bearer
from rooms.store.tables.proceedings import Attendance, SpeakingTurn


@dataclass
class Attended:
    """The attendance of one person or hall."""

    identity: str
    """The identity of the first stay."""
    name: str
    came_at: datetime
    left_at: datetime | None = None
    """None: the person is in the meeting."""
    stays: int = 0
    present_s: float = 0.0
    turns: int = 0
    spoken_s: float = 0.0
    delegation: str = ""
    _until: datetime | None = field(default=None, repr=False)


def attended(stays: Iterable[Attendance], turns: Iterable[SpeakingTurn], now: datetime) -> list[Attended]:
    """Return one row for each person and hall, in the order of their first arrival. What goes on is counted until `now`.

    Two stays at the same time, for example of two windows, count once.
    """
    found: dict[tuple[str, str], Attended] = {}
    keys: dict[str, tuple[str, str]] = {}
    for one in sorted(stays, key=lambda stay: stay.came_at):
        key = keys[one.identity] = (bearer(one.identity), one.name)
        row = found.setdefault(key, Attended(one.identity, one.name, one.came_at, one.came_at))
        _add(row, one, now)
    for turn in turns:
        speaker = found.get(keys.get(turn.identity, ("", "")))
        if speaker is not None:
            speaker.turns += 1
            speaker.spoken_s += ((turn.ended_at or now) - turn.began_at).total_seconds()
            speaker.delegation = turn.delegation
    return list(found.values())


def _add(row: Attended, stay: Attendance, now: datetime) -> None:
    until, last = stay.left_at or now, row._until or stay.came_at
    row.stays += 1
    row.present_s += max(timedelta(), until - max(last, stay.came_at)).total_seconds()
    row._until = max(last, until)
    if row.left_at is not None:
        row.left_at = None if stay.left_at is None else max(row.left_at, stay.left_at)
