"""Wrong attempts make the next ones wait: longer each time, for names that exist and for those that do not alike.

In memory and bounded; a restart forgets. An attempt counts as wrong before its answer is known, so that a hundred at once
are a hundred.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from rooms.accounts import limits as accounts
from signaling.access import limits, refusals


@dataclass
class _Record:
    failures: int
    blocked_until: datetime
    last: datetime


class Backoff:
    """Attempts by key: a typed name, a browser that is known for that name, an account's codes."""

    def __init__(self, remembered: int = limits.NAMES_REMEMBERED) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._remembered = remembered

    def admit(self, key: str, now: datetime) -> None:
        """Count an attempt. Raises Refusal `sign_in_slowed` without counting while earlier ones still have to wait."""
        record = self._records.pop(key, None)
        if record is None or now - record.last > accounts.FORGET_FAILURES:
            record = _Record(0, now, now)
        self._records[key] = record
        if len(self._records) > self._remembered:
            self._records.popitem(last=False)
        if now < record.blocked_until:
            raise refusals.slowed(ceil((record.blocked_until - now).total_seconds()))
        record.failures += 1
        record.last = now
        record.blocked_until = now + pause(record.failures)

    def forgive(self, key: str) -> None:
        """It was right after all: nothing before it counts."""
        self._records.pop(key, None)

    def uncount(self, key: str, now: datetime) -> None:
        """The attempt could not be judged."""
        record = self._records.get(key)
        if record is not None and record.failures:
            record.failures -= 1
            record.blocked_until = now

    def failures(self, key: str) -> int:
        record = self._records.get(key)
        return record.failures if record else 0


def pause(failures: int) -> timedelta:
    """None for the first few, then 2 s, 4 s, … 15 min."""
    over = failures - accounts.FREE_FAILURES
    if over < 0:
        return timedelta(0)
    doubled: timedelta = accounts.FIRST_PAUSE * (1 << min(over, 20))
    return min(doubled, accounts.LONGEST_PAUSE)
