"""The token bucket: the one bound of rates in Python. Exponential pauses and windows of a second are other mechanisms."""

from __future__ import annotations

from typing import NamedTuple

from media.ground import limits


class Fill(NamedTuple):
    """Content of a bucket at a time, in seconds of its clock. A shared table keeps the content between two takings."""

    level: float
    at: float


class TokenBucket:
    """Holds at most `burst`, refilled by `rate_per_s`. Starts full, or as `fill` says. `now`: seconds that never jump."""

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
        """Take `cost`. Returns: False if there is not enough; then nothing is taken."""
        self.refill(now)
        if self._level < cost:
            return False
        self._level -= cost
        return True

    def take_or_empty(self, now: float, cost: float = 1.0) -> bool:
        """Take `cost`. Returns: False if there is not enough; then the bucket is emptied, so that haste does not pay."""
        self.refill(now)
        enough = self._level >= cost
        self._level = max(0.0, self._level - cost)
        return enough

    def give_back(self, cost: float = 1.0) -> None:
        self._level = min(self._burst, self._level + cost)

    def spend(self, cost: float) -> None:
        """Take `cost`, also below zero: what is too much is waited for afterwards."""
        self._level -= cost

    def wait_s(self, now: float) -> float:
        """The seconds until something is left; 0 if something is."""
        self.refill(now)
        return 0.0 if self._level > 0 else max(-self._level / self._rate, limits.TOKEN_WAIT_S_MIN)
