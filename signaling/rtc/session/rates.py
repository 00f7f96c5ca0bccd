"""Token buckets: how much a participant may send."""

from __future__ import annotations

from signaling.rtc.wire import limits


class Bucket:
    """Holds at most `burst`, refilled by `rate_per_s`. Starts full."""

    def __init__(self, rate_per_s: float, burst: float, now: float) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, now: float, cost: float = 1.0) -> bool:
        """False: too many."""
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._level < cost:
            return False
        self._level -= cost
        return True


class Rates:
    """Of one participant, whichever sockets it comes by: a new one brings no new ones."""

    def __init__(self, now: float) -> None:
        self.messages = Bucket(limits.MESSAGES_PER_S, limits.MESSAGES_BURST, now)
        self.bytes = Bucket(limits.BYTES_PER_S, limits.BYTES_BURST, now)
        self.facts = Bucket(limits.METADATA_BYTES_PER_S, limits.METADATA_BYTES_BURST, now)
