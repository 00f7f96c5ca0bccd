"""Growing pauses after wrong attempts, the same for names that exist and for names that do not.

A shared table bounds the number of keys; a restart clears the table. An attempt counts as wrong before its answer is known, so
that a hundred attempts at once count as a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from conference.ports.shared import Shared
from rooms.accounts import limits as accounts
from signaling.access import limits, refusals


@dataclass(frozen=True, slots=True)
class _Record:
    failures: int
    blocked_until: datetime
    last: datetime


class Backoff:
    """The attempts by key: a typed name, a browser that is known for that name, an account's codes."""

    def __init__(self, shared: Shared, kind: str, remembered: int = limits.NAMES_REMEMBERED) -> None:
        self._records = shared.table("backoff", kind, remembered, _Record)

    def admit(self, key: str, now: datetime) -> None:
        """Count an attempt. Raises Refusal `sign_in_slowed`, without counting, while the pause of earlier attempts runs."""
        record = self._records.get(key)
        if record is None or now - record.last > accounts.FORGET_FAILURES:
            record = _Record(0, now, now)
        if now < record.blocked_until:
            self._records.put(key, record)
            raise refusals.slowed(ceil((record.blocked_until - now).total_seconds()))
        failures = record.failures + 1
        self._records.put(key, _Record(failures, now + pause(failures), now))

    def forgive(self, key: str) -> None:
        """Clear the count of a key: the attempt was right."""
        self._records.pop(key)

    def uncount(self, key: str, now: datetime) -> None:
        """Take back a count: the attempt could not be checked."""
        record = self._records.get(key)
        if record is not None and record.failures:
            self._records.put(key, replace(record, failures=record.failures - 1, blocked_until=now))

    def failures(self, key: str) -> int:
        record = self._records.get(key)
        return record.failures if record else 0


def pause(failures: int) -> timedelta:
    """Return the pause after some failures: zero for the first few, then 2 s, 4 s, … 15 min."""
    over = failures - accounts.FREE_FAILURES
    if over < 0:
        return timedelta(0)
    doubled: timedelta = accounts.FIRST_PAUSE * (1 << min(over, 20))
    return min(doubled, accounts.LONGEST_PAUSE)
