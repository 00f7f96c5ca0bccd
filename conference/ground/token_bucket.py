"""A bucket of work: what one participant may cause in a time."""

from __future__ import annotations

from conference.ground import limits


class Budget:
    """Holds at most `burst`, refilled by `rate_per_s`. Starts full. As long as something is left all that is asked for is given;
    what that was too much is waited for afterwards.
    """

    def __init__(self, rate_per_s: float, burst: float) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._level = burst
        self._at = float("-inf")

    def wait_s(self, now: float) -> float:
        """Until something is left; 0: there is."""
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._level > 0 else max(-self._level / self._rate, limits.BUDGET_S)

    def spend(self, cost: float) -> None:
        self._level -= cost
