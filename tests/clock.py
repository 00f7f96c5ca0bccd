"""The clock of tests that run in one process with the code under test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
MONOTONIC_START_S = 1000.0
"""Seconds. Chosen. Far from `time`, so that a test fails if the code uses one for the other."""


class Clock:
    """A clock that moves only when the test moves the clock. `tests.process_clock` is for servers in a separate process."""

    def __init__(self, at: datetime = START) -> None:
        self._began = at.timestamp()
        self._passed = 0.0

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def now(self) -> datetime:
        return self.at

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self._began + self._passed

    def monotonic(self) -> float:
        return MONOTONIC_START_S + self._passed

    def pass_s(self, seconds: float) -> None:
        self._passed += seconds

    def pass_time(self, **parts: float) -> None:
        """Move the clock by the parts of a `timedelta`, like `days=5`."""
        self.pass_s(timedelta(**parts).total_seconds())

    def move_to(self, seconds: float) -> None:
        """Move the clock to a time of `monotonic`, never back."""
        self._passed = max(self._passed, seconds - MONOTONIC_START_S)
