"""The processor time that all mixers of this machine share."""

from __future__ import annotations

from collections.abc import Sequence

from media.mixer.mixer import Mixer, MixerEvents
from media.node.router import Router


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
