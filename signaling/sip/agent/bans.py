"""Bans of growing length after failures in a row.

`now` is Unix time, because a ban outlives the process; the store is handed in. Does not check passwords (`digest`).
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
    """`subject`: see `source` and `lock`. Unix seconds."""

    subject: str
    until: float
    times: int
    """How often in a row: each doubles the next."""
    reason: str


class BanStore(Protocol):
    """Keeps bans over a restart. Each call returns at once; what cannot be written is the store's to tell."""

    def load(self) -> Sequence[Ban]: ...
    def save(self, ban: Ban) -> None: ...
    def remove(self, subject: str) -> None: ...


class MemoryBans:
    """A store that forgets with the process."""

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
    """The subject of a ban of an address, or of an IPv6 network of 64 bits."""
    return f"source:{network(host)}"


def lock(alias: str, host: str) -> str:
    """The subject of a ban of one account from one source. Nobody can lock an account for others."""
    return f"alias:{alias}@{network(host)}"


class Bans:
    """Bans by source, locks of an alias by source. `tell` hears of each ban that failures bring.

    A datagram proves no address: it may be forged to silence somebody else. So only a connection, or an answer to a challenge,
    which was sent to that address, counts as a failure.
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
        """One failure; True: it was one too many."""
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
        """60 s, and twice as long each time in a row, up to an hour."""
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
        """A right password: earlier wrong ones for this alias do not count."""
        wrong, known = self._failures.pop(lock(alias, host), None), self._failures.get(source(host))
        if wrong is not None and known is not None:
            known.count = max(0, known.count - wrong.count)

    def unban(self, subject: str) -> bool:
        """By the operator: as if nothing had been."""
        self._failures.pop(subject, None)
        known = self._bans.pop(subject, None) is not None
        self._store.remove(subject)
        return known

    def standing(self, now: float) -> list[Ban]:
        """Bans that have not run out."""
        return [ban for ban in self._bans.values() if now < ban.until]
