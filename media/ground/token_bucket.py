"""The token bucket: the only limiter of rates in Python. Exponential delays and windows of one second are other mechanisms."""

from __future__ import annotations

from typing import NamedTuple

from media.ground import limits


class Fill(NamedTuple):
    """The content of a bucket at a time, in seconds of its clock. A shared table can store the content between two calls."""

    level: float
    at: float


class TokenBucket:
    """A bucket that holds at most `burst` tokens and gains `rate_per_s`. It starts full, or with `fill`. `now` is in seconds of
    a clock that never jumps.
    """

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate_per_s: float, burst: float, fill: Fill | None = None) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._level, self._at = fill or (float(burst), float("-inf"))

    @property
    def fill(self) -> Fill:
        return Fill(self._level, self._at)

    def refill(self, now: float) -> None:
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens. Return False, and take nothing, if the bucket has too few."""
        self.refill(now)
        if self._level < cost:
            return False
        self._level -= cost
        return True

    def take_or_empty(self, now: float, cost: float = 1.0) -> bool:
        """Take `cost` tokens. Return False, and empty the bucket, if the bucket has too few. So a client that hurries waits
        longer.
        """
        self.refill(now)
        enough = self._level >= cost
        self._level = max(0.0, self._level - cost)
        return enough

    def give_back(self, cost: float = 1.0) -> None:
        self._level = min(self._burst, self._level + cost)

    def spend(self, cost: float) -> None:
        """Take `cost` tokens, even below zero. The caller waits afterwards until the bucket is positive again."""
        self._level -= cost

    def wait_s(self, now: float) -> float:
        """Return the seconds until the bucket is positive, or 0 if it is."""
        self.refill(now)
        return 0.0 if self._level > 0 else max(-self._level / self._rate, limits.TOKEN_WAIT_S_MIN)
