"""The mixer's use of the processors: the cost of a group, the choice of groups to make, and the order of degradation of
pictures.

Pure: the caller passes time and measurements. Sound is never degraded. Costs are in cores, measured on two virtual processors
(x264 superfast, 720p30, nine tiles of 360p), plus half for real cameras.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from media.mixer.ground.layouts import FEWER
from media.mixer.ground.scene import Group

Preset = Literal["superfast", "ultrafast"]
"""The presets of x264."""
STEPS = ("full", "fps", "preset", "size", "tiles")
"""The order of degradation. Each step includes the steps before it."""
_RELIEF = (1.0, 1.7, 1.15, 1.5, 1.2)
"""Under load, the mixer makes its pictures worse in the order of STEPS: frame rate, preset, size, tiles. Each value is the
factor by which the load grows when the step at the same position is taken back. This capacity must be free before that. Chosen.
Larger: pictures stay worse for longer. Smaller: a step is taken back too early, and pictures change again and again.
"""

HIGH, LOW = 1.0, 0.85
"""Shares of the CPU budget of the mixer (`media.mixer.budget`). Above HIGH the mixer makes its pictures worse by one step. It
takes a step back if the load without this step stays below LOW. Chosen. Higher HIGH: pictures stutter. Lower HIGH: pictures get
worse without need. Higher LOW: steps are taken back too early, and pictures change again and again. Lower LOW: pictures stay
worse for longer.
"""
LATE = 0.1
"""Share of the picture ticks (frames of all composed pictures) that were too late to be made. Above it for 2 s (DOWN_AFTER_S)
the mixer makes its pictures worse by one step, whatever the processor load. A step back needs less than a quarter of it.
Chosen. Larger: pictures stutter longer. Smaller: short peaks make pictures worse.
"""
LATE_TICKS, LATE_AFTER_S, IN_TIME_AFTER_S = 3, 2.0, 10.0
"""Sound is late if at least LATE_TICKS of the 50 ticks in a second are late, for LATE_AFTER_S. Sound is in time again after
IN_TIME_AFTER_S without this. Chosen. Larger LATE_TICKS or LATE_AFTER_S: halls hear chopped words longer. Smaller: short peaks
make pictures worse. Longer IN_TIME_AFTER_S: pictures stay worse for longer. Shorter: pictures change again and again.
"""
DOWN_AFTER_S, UP_AFTER_S, UP_MOST_S = 2.0, 10.0, 300.0
"""Seconds of high load until the pictures get worse by one step, and of low load until a step is taken back. If a recovery does
not last, the next one waits twice as long, at most UP_MOST_S. Chosen. Longer DOWN_AFTER_S: pictures stutter longer. Shorter:
short peaks make pictures worse. Longer UP_AFTER_S or UP_MOST_S: pictures stay worse for longer. Shorter: pictures change again
and again.
"""

ENCODE_720P30, COMPOSE_GROUP, DECODE_SOURCE = 0.20, 0.06, 0.03
"""Cores: to encode one picture of 720p30, to compose it, and to decode one source. Measured (see above). Larger: groups are
refused although cores are free. Smaller: the mixer takes more groups than it can make, and pictures stutter.
"""


@dataclass(frozen=True, slots=True)
class Effective:
    """A group with its values after degradation."""

    group: Group
    preset: Preset


def at_step(group: Group, step: int) -> Effective:
    """Return the group after `step` steps of degradation. The picture keeps its shape."""
    if step >= 1 and group.fps > 15:
        group = replace(group, fps=15)
    preset: Preset = "ultrafast" if step >= 2 else "superfast"
    if step >= 3 and group.height > 720:
        group = replace(group, width=round(group.width * 720 / group.height / 2) * 2, height=720)
    if step >= 4 and group.layout in FEWER:
        group = replace(group, layout=FEWER[group.layout])
    return Effective(group, preset)


class Ladder:
    """The current step of degradation."""

    def __init__(self, budget_cores: float) -> None:
        self.step = 0
        self.budget = budget_cores
        self._high_since: float | None = None
        self._low_since: float | None = None
        self._up_after_s = UP_AFTER_S
        self._recovered_at: float | None = None

    def observe(self, cores: float, late: float, now: float) -> bool:
        """Take the used cores and the share of ticks not made, once a second. Return whether the step changed."""
        if cores > self.budget * HIGH or late > LATE:
            self._low_since = None
            self._high_since = now if self._high_since is None else self._high_since
            return now - self._high_since >= DOWN_AFTER_S and self._down(now)
        self._high_since = None
        if self.step == 0 or cores * _RELIEF[self.step] > self.budget * LOW or late > LATE / 4:
            self._low_since = None
            return False
        self._low_since = now if self._low_since is None else self._low_since
        return now - self._low_since >= self._up_after_s and self._up(now)

    def _down(self, now: float) -> bool:
        """Take the next step. If the last recovery did not last, the next recovery waits twice as long."""
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
    """The timing of sound. A tick is late if it begins only when the next tick is already due."""

    def __init__(self) -> None:
        self.is_late = False
        self._told = 0
        self._since: float | None = None

    def observe(self, late_ticks: int, now: float) -> bool:
        """Take the number of late ticks since the start, once a second. Return whether the state changed."""
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
    """Return the cores that a group takes at full quality, without the decoding of its sources."""
    share = group.width * group.height * group.fps / (1280 * 720 * 30)
    return ENCODE_720P30 * share + COMPOSE_GROUP * (0.5 + share / 2) * group.fps / 30


def admit(
    groups: Sequence[Group], running: Collection[str], sources: int, measured: float, budget: float
) -> tuple[list[Group], list[Group]]:
    """Return (made, refused) groups in the scene's order. `sources` is the number of decoded video sources.

    Running groups continue: under load they degrade, but do not end. A new group is made if it fits at full quality besides the
    others. The cost of the others is the larger of estimate and measurement, without groups that end now. A group is always
    made if no other group is made. The first program (a group with a clock) is always made too. A conference without any
    picture helps no one.
    """
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
