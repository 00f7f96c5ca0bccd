"""The processor time that all mixers of this machine share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media.mixer.mixer import Mixer, MixerEvents
from media.node.router import Router

CPU_MAX: Final = Path("/sys/fs/cgroup/cpu.max")
"""The limit of a container: microseconds of processor time, or "max", in a period of microseconds (cgroup v2)."""


def usable_cores(limit: Path = CPU_MAX) -> float:
    """Return the processor cores that this process may use: those of its affinity, and the limit of its container."""
    cores = float(len(os.sched_getaffinity(0)))
    with suppress(OSError, ValueError):  # no cgroup v2, or no limit
        quota, period = limit.read_text().split()
        cores = min(cores, int(quota) / int(period))
    return cores


@dataclass(frozen=True, slots=True)
class Use:
    """The use of one mixer in cores. `measured`: in the last seconds. `asked`: by the estimate of its scene at full quality."""

    measured: float
    asked: float = 0.0
    degraded: bool = False
    """The mixer makes its pictures worse than the scene asks."""


def shares(cores: float, uses: Sequence[Use]) -> list[float]:
    """Return the cores above which each mixer makes its pictures worse.

    An equal part is always allowed. Cores that no mixer uses go to the degraded mixers in equal parts. If
    each of them got all these cores, they would improve their pictures together, and then reduce them together, again and again.
    If the mixers use more than there is, those with the most use give way.
    """
    equal, rest = cores / len(uses), cores - sum(one.measured for one in uses)
    if rest < 0:
        level = _level(cores, [one.measured for one in uses])
        return [level] * len(uses)
    degraded = max(1, sum(one.degraded for one in uses))
    return [max(equal, one.measured + (rest / degraded if one.degraded else rest)) for one in uses]


def rooms(cores: float, uses: Sequence[Use]) -> list[float]:
    """Return the cores within which each mixer begins new programs: all that the others neither use nor have asked for, and
    always an equal part.
    """
    booked = [max(one.measured, one.asked) for one in uses]
    return [max(cores / len(uses), cores - (sum(booked) - own)) for own in booked]


def _level(cores: float, used: Sequence[float]) -> float:
    """Return the level to which the largest uses must fall, so that all together use no more than `cores`."""
    left, ordered = cores, sorted(used)
    for number, own in enumerate(ordered):
        level = left / (len(ordered) - number)
        if own > level:
            return level
        left -= own
    return cores


class Budget:
    """A server has one object of this class. `cores`: the processor cores that all mixers together may use."""

    def __init__(self, cores: float) -> None:
        self.cores = cores
        self._mixers: list[Mixer] = []

    def open(self, router: Router, events: MixerEvents) -> Mixer:
        """Start the mixer of a conference. Raises `OSError`, `OverflowError`."""
        mixer = Mixer(router, events, rooms(self.cores, [*self._uses(), Use(0.0)])[-1], self)
        self._mixers.append(mixer)
        self._share()
        return mixer

    # -- mixer.Owner

    def changed(self, mixer: Mixer) -> None:
        """Note that a mixer has another scene or new figures."""
        if mixer in self._mixers:
            self._share()

    def closed(self, mixer: Mixer) -> None:
        """Note that a mixer ended, so that the others get its part."""
        self._mixers.remove(mixer)
        self._share()

    def _uses(self) -> list[Use]:
        return [Use(mixer.used_cores, mixer.asked_cores, mixer.step > 0) for mixer in self._mixers]

    def _share(self) -> None:
        if self._mixers:
            uses = self._uses()
            for mixer, share, room in zip(self._mixers, shares(self.cores, uses), rooms(self.cores, uses), strict=True):
                mixer.allow(share, room)
