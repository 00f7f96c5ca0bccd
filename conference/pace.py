"""When descriptions of many tracks are asked for: their reading and writing is work that all conferences of the process share."""

from __future__ import annotations

from conference import limits


class Pace:
    """Turns in the order in which they were asked for. Whoever waits takes up what comes meanwhile: one description for all."""

    def __init__(self) -> None:
        self._taken_until = float("-inf")

    def claim(self, tracks: int, now: float) -> float:
        """Takes the time of a description of so many tracks; how long to wait for it, seconds. Few tracks wait for nobody."""
        if tracks <= limits.NEGOTIATION_TRACKS:
            return 0.0
        rate = limits.NEGOTIATED_TRACKS_PER_S
        start = max(self._taken_until, now - limits.NEGOTIATED_TRACKS_BURST / rate)
        self._taken_until = start + tracks / rate
        return max(0.0, start - now)
