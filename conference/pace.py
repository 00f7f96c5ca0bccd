"""When descriptions of many tracks are asked for: their reading and writing is work that all conferences of the process share."""

from __future__ import annotations

from conference import limits


class Pace:
    """Turns of each conference in the order in which they were asked for. Conferences that have turns taken at the same time
    share the rate evenly and do not wait for each other. Whoever waits takes up what comes meanwhile: one description for all.
    """

    def __init__(self) -> None:
        self._taken_until: dict[str, float] = {}
        """By conference; only of those that have turns taken."""

    def claim(self, conference: str, tracks: int, now: float, *, first: bool = False) -> float:
        """Takes the time of a description of so many tracks; how long to wait for it, seconds. Few tracks wait for nobody, nor
        does the `first` description of a connection. What does not wait takes no more than NEGOTIATION_AHEAD_S of other turns.
        """
        if tracks <= limits.NEGOTIATION_TRACKS:
            return 0.0
        burst_s = limits.NEGOTIATED_TRACKS_BURST / limits.NEGOTIATED_TRACKS_PER_S
        self._taken_until = {sid: until for sid, until in self._taken_until.items() if until > now - burst_s}
        busy = 1 + sum(until > now for sid, until in self._taken_until.items() if sid != conference)
        start = max(self._taken_until.get(conference, now - burst_s), now - burst_s)
        taken_until = start + tracks * busy / limits.NEGOTIATED_TRACKS_PER_S
        if first:
            taken_until = max(start, min(taken_until, now + limits.NEGOTIATION_AHEAD_S))
        self._taken_until[conference] = taken_until
        return 0.0 if first else max(0.0, start - now)
