"""How the mixer gets by with the processors it has: what a group costs, which groups are made at all, and in which order the
pictures become cheaper when it is too much. Pure: time and measurements are handed in. Sound is never made cheaper.

Costs in cores, measured on two virtual processors (x264 superfast, 720p30, nine tiles of 360p), with half as much again for
real cameras.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from media.mixer.ground.layouts import FEWER
from media.mixer.ground.scene import Group

Preset = Literal["superfast", "ultrafast"]
"""Of x264."""
STEPS = ("full", "fps", "preset", "size", "tiles")
"""The order of degradation; each step keeps those before it."""
_RELIEF = (1.0, 1.7, 1.15, 1.5, 1.2)
"""How much more the step before a step costs: what has to be free before it is taken back."""

HIGH, LOW = 1.0, 0.85
"""Shares of the budget: above HIGH a step is taken; below LOW, with what taking it back would cost, one is taken back."""
LATE = 0.1
"""Share of ticks that came too late to be made; above, a step is taken whatever the processor says."""
LATE_TICKS, LATE_AFTER_S, IN_TIME_AFTER_S = 3, 2.0, 10.0
"""Sound is late when of the 50 ticks of a second so many were, for so long; in time when they were not for ten seconds."""
DOWN_AFTER_S, UP_AFTER_S, UP_MOST_S = 2.0, 10.0, 300.0

ENCODE_720P30, COMPOSE_GROUP, DECODE_SOURCE = 0.20, 0.06, 0.03


@dataclass(frozen=True, slots=True)
class Effective:
    """A group as it is made at a step."""

    group: Group
    preset: Preset


def at_step(group: Group, step: int) -> Effective:
    """The group's values after `step` steps of degradation; the picture keeps its shape."""
    if step >= 1 and group.fps > 15:
        group = replace(group, fps=15)
    preset: Preset = "ultrafast" if step >= 2 else "superfast"
    if step >= 3 and group.height > 720:
        group = replace(group, width=round(group.width * 720 / group.height / 2) * 2, height=720)
    if step >= 4 and group.layout in FEWER:
        group = replace(group, layout=FEWER[group.layout])
    return Effective(group, preset)


class Ladder:
    """Which step is in force."""

    def __init__(self, budget_cores: float) -> None:
        self.step = 0
        self._budget = budget_cores
        self._high_since: float | None = None
        self._low_since: float | None = None
        self._up_after_s = UP_AFTER_S
        self._recovered_at: float | None = None

    def observe(self, cores: float, late: float, now: float) -> bool:
        """Once a second: cores used and share of ticks not made. Whether the step changed."""
        if cores > self._budget * HIGH or late > LATE:
            self._low_since = None
            self._high_since = now if self._high_since is None else self._high_since
            return now - self._high_since >= DOWN_AFTER_S and self._down(now)
        self._high_since = None
        if self.step == 0 or cores * _RELIEF[self.step] > self._budget * LOW or late > LATE / 4:
            self._low_since = None
            return False
        self._low_since = now if self._low_since is None else self._low_since
        return now - self._low_since >= self._up_after_s and self._up(now)

    def _down(self, now: float) -> bool:
        """A recovery that did not hold makes the next one wait twice as long."""
        if self._recovered_at is not None:
            held = now - self._recovered_at
            self._up_after_s = min(UP_MOST_S, self._up_after_s * 2) if held < 2 * self._up_after_s else UP_AFTER_S
        self._recovered_at, self._high_since = None, now
        if self.step == len(STEPS) - 1:
            return False
        self.step += 1
        return True

    def _up(self, now: float) -> bool:
        self.step -= 1
        self._low_since, self._recovered_at = now, now
        return True


class Punctuality:
    """Whether sound gets out in time. A tick is late that begins when the next one is due."""

    def __init__(self) -> None:
        self.is_late = False
        self._told = 0
        self._since: float | None = None

    def observe(self, late_ticks: int, now: float) -> bool:
        """Once a second: late ticks since the start. Whether the answer changed."""
        late, self._told = late_ticks - self._told, late_ticks
        against = late < LATE_TICKS if self.is_late else late >= LATE_TICKS
        if not against:
            self._since = None
            return False
        self._since = now if self._since is None else self._since
        if now - self._since < (IN_TIME_AFTER_S if self.is_late else LATE_AFTER_S):
            return False
        self.is_late, self._since = not self.is_late, None
        return True


def cost(group: Group) -> float:
    """Cores that a group takes at full quality, without the decoding of its sources."""
    share = group.width * group.height * group.fps / (1280 * 720 * 30)
    return ENCODE_720P30 * share + COMPOSE_GROUP * (0.5 + share / 2) * group.fps / 30


def admit(
    groups: Sequence[Group], running: Collection[str], sources: int, measured: float, budget: float
) -> tuple[list[Group], list[Group]]:
    """(made, refused), in the scene's order. What runs goes on: under load it degrades, it is not ended. A new group is made
    if it fits at full quality beside what the others are thought or measured to cost, without those that end this moment. The
    first program (a group with a clock) always is: a conference without any picture helps nobody. `sources`: video sources
    decoded."""
    going = [group for group in groups if group.id in running]
    staying = [group for group in going if not group.ending]
    freed = sum(cost(group) for group in going if group.ending)
    spent = max(measured - freed, sum(map(cost, staying)) + sources * DECODE_SOURCE)
    made: list[Group] = []
    refused: list[Group] = []
    for group in groups:
        first = not (made or staying) or (group.clock and not any(one.clock for one in (*made, *staying)))
        if group.id in running:
            made.append(group)
        elif first or spent + cost(group) <= budget:
            made.append(group)
            spent += cost(group)
        else:
            refused.append(group)
    return made, refused
