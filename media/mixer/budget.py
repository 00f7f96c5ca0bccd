"""The processor time that all mixers of this machine share."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
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


def shares(cores: float, used: Sequence[float]) -> list[float]:
    """Return the budget of each mixer in cores: all that the others leave unused, and always at least an equal part.

    Two mixers may both take what was left. Then both use more than their new budget, and make their pictures worse, unless they
    are within their equal parts.
    """
    whole = sum(used)
    return [max(cores / len(used), cores - (whole - own)) for own in used]


class Budget:
    """A server has one object of this class. `cores`: the processor cores that all mixers together may use."""

    def __init__(self, cores: float) -> None:
        self.cores = cores
        self._mixers: list[Mixer] = []

    def open(self, router: Router, events: MixerEvents) -> Mixer:
        """Start the mixer of a conference. Raises `OSError`, `OverflowError`."""
        mixer = Mixer(router, events, shares(self.cores, [*self._used(), 0.0])[-1], self)
        self._mixers.append(mixer)
        self._share()
        return mixer

    # -- mixer.Owner

    def measured(self, mixer: Mixer) -> None:
        """Note that a mixer has new figures."""
        self._share()

    def closed(self, mixer: Mixer) -> None:
        """Note that a mixer ended, so that the others get its part."""
        self._mixers.remove(mixer)
        self._share()

    def _used(self) -> list[float]:
        return [mixer.used_cores for mixer in self._mixers]

    def _share(self) -> None:
        if self._mixers:
            for mixer, cores in zip(self._mixers, shares(self.cores, self._used()), strict=True):
                mixer.allow(cores)
