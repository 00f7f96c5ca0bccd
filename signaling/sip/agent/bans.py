"""Bans after failures in a row. Each further ban is longer.

`now` is Unix time, because a ban outlives the process. The caller gives the store. This module does not check passwords
(`digest`).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from signaling.host.throttle import network
from signaling.sip.ground import limits

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ban:
    """A ban. `subject`: see `source` and `lock`. `until`: Unix seconds."""

    subject: str
    until: float
    times: int
    """Bans in a row; each doubles the next."""
    reason: str


class BanStore(Protocol):
    """A store that keeps bans over a restart. Each call returns at once. The store itself reports failed writes."""

    def load(self) -> Sequence[Ban]: ...
    def save(self, ban: Ban) -> None: ...
    def remove(self, subject: str) -> None: ...


class MemoryBans:
    """A store in memory, which ends with the process."""

    def __init__(self) -> None:
        self.kept: dict[str, Ban] = {}

    def load(self) -> Sequence[Ban]:
        return list(self.kept.values())

    def save(self, ban: Ban) -> None:
        self.kept[ban.subject] = ban

    def remove(self, subject: str) -> None:
        self.kept.pop(subject, None)


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0


def source(host: str) -> str:
    """Return the subject of a ban of an address, or of an IPv6 network of 64 bits."""
    return f"source:{network(host)}"


def lock(alias: str, host: str) -> str:
    """Return the subject of a ban of one account from one source. An attacker cannot lock an account for other sources."""
    return f"alias:{alias}@{network(host)}"


class Bans:
    """Bans by source, and locks of an alias by source. `tell` gets each new ban.

    A datagram proves no address: it may be forged to silence another terminal. So a failure counts only on a connection, or in
    an answer to a challenge, because the challenge went to that address.
    """

    def __init__(self, store: BanStore, now: float, tell: Callable[[Ban], None]) -> None:
        self._store = store
        self._tell = tell
        self._bans: OrderedDict[str, Ban] = OrderedDict()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        for ban in store.load()[-limits.BANS :]:
            if ban.until + limits.FORGET_FAILURES_S > now:
                self._bans[ban.subject] = ban

    def banned(self, subject: str, now: float) -> bool:
        ban = self._bans.get(subject)
        return ban is not None and now < ban.until

    def failed(self, subject: str, now: float, reason: str) -> bool:
        """Count one failure. Return True if it led to a ban."""
        failures = self._failures.pop(subject, None) or _Failures()
        self._failures[subject] = failures
        if len(self._failures) > limits.SOURCES_REMEMBERED * 2:
            self._failures.popitem(last=False)
        if now - failures.last > limits.FORGET_FAILURES_S:
            failures.count = 0
        failures.count += 1
        failures.last = now
        if failures.count < limits.FAILURES_TO_BAN:
            return False
        failures.count = 0
        self.ban(subject, now, reason)
        return True

    def ban(self, subject: str, now: float, reason: str) -> None:
        """Ban for 60 s. Each further ban in a row is twice as long, up to an hour."""
        before = self._bans.pop(subject, None)
        times = 1
        if before is not None and now - before.until <= limits.FORGET_FAILURES_S:
            times = before.times + 1
        length = min(limits.BAN_FIRST_S << min(times - 1, 16), limits.BAN_MOST_S)
        made = Ban(subject, now + length, times, reason)
        self._bans[subject] = made
        if len(self._bans) > limits.BANS:
            self._store.remove(self._bans.popitem(last=False)[0])
        self._store.save(made)
        log.warning("%s is banned: %s", ascii(subject), reason)
        self._tell(made)

    def proven(self, alias: str, host: str) -> None:
        """Forget earlier wrong passwords of this source for this alias, because a right password arrived."""
        wrong, known = self._failures.pop(lock(alias, host), None), self._failures.get(source(host))
        if wrong is not None and known is not None:
            known.count = max(0, known.count - wrong.count)

    def unban(self, subject: str) -> bool:
        """Remove a ban and the counted failures on the operator's order. Return whether there was a ban."""
        self._failures.pop(subject, None)
        known = self._bans.pop(subject, None) is not None
        self._store.remove(subject)
        return known

    def standing(self, now: float) -> list[Ban]:
        """Return the bans that have not run out."""
        return [ban for ban in self._bans.values() if now < ban.until]
