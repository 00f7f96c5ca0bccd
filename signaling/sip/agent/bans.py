"""Who may speak at all: networks, bans with growing length, challenges that nobody answers.

Owns the counting; nothing is remembered of a source outside of the networks. `now` of bans is Unix time, because a ban
outlives the process; the store is handed in. Does not check passwords (`digest`).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from signaling.host.throttle import network
from signaling.sip.transaction.transport import Hop, plain_address
from signaling.sip.wire import limits
from signaling.sip.wire.message import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """Membership of an address in a few networks, without a walk over all of them."""

    def __init__(self, networks: Iterable[Network | str] = ()) -> None:
        self._masks: dict[tuple[int, int], set[int]] = {}
        for one in networks:
            network = ipaddress.ip_network(one, strict=False) if isinstance(one, str) else one
            key = network.version, network.prefixlen
            self._masks.setdefault(key, set()).add(int(network.network_address))

    def __contains__(self, host: object) -> bool:
        try:
            address = ipaddress.ip_address(str(host))
        except ValueError:
            return False
        value, bits = int(address), address.max_prefixlen
        return any(
            version == address.version and (value >> (bits - length)) << (bits - length) in places
            for (version, length), places in self._masks.items()
        )


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
class _Record:
    failures: int = 0
    last: float = 0.0
    unanswered: OrderedDict[bytes, tuple[int, str]] = field(default_factory=OrderedDict)
    """Requests that were challenged and have not proven anything since: their port and Call-ID by a digest of all of it."""
    level: float = limits.MESSAGES_AT_ONCE
    seen: float = 0.0


def source(host: str) -> str:
    """The subject of a ban of an address, or of an IPv6 network of 64 bits."""
    return f"source:{network(host)}"


def lock(alias: str, host: str) -> str:
    """The subject of a ban of one account from one source. Nobody can lock an account for others."""
    return f"alias:{alias}@{network(host)}"


class Guard:
    """Bans by source, locks of an alias by source, and a rate for each source.

    A datagram proves no address: it may be forged to silence somebody else. So only a connection, or an answer to a challenge,
    which was sent to that address, counts as a failure.
    """

    def __init__(self, store: BanStore, now: float) -> None:
        self._store = store
        self._bans: OrderedDict[str, Ban] = OrderedDict()
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self.networks = Networks()
        for ban in store.load()[-limits.BANS :]:
            if ban.until + limits.FORGET_FAILURES_S > now:
                self._bans[ban.subject] = ban

    def knows(self, host: str) -> bool:
        return plain_address(host) in self.networks

    def banned(self, subject: str, now: float) -> bool:
        ban = self._bans.get(subject)
        return ban is not None and now < ban.until

    def admits(self, host: str, size: int, now: float) -> bool:
        """The rate of one source of our networks. Counts one message of `size` bytes."""
        record = self._record(f"rate:{host}")
        passed = max(0.0, now - record.seen)
        record.level = min(limits.MESSAGES_AT_ONCE, record.level + passed * limits.MESSAGES_PER_SECOND)
        record.level -= 1 + size // limits.MESSAGE_WEIGHT_BYTES
        record.seen = now
        if record.level < 0:
            record.level = 0.0
            return False
        return True

    def challenged(self, hop: Hop, request: Request, share: int) -> bool:
        """Count a challenge that goes out. The first ones are no failure, because a terminal has to ask in order to be
        challenged. `share`: accounts that may stand behind this address. True: too many of them stand unanswered.
        """
        free = min(max(limits.FREE_CHALLENGES, share), limits.SHARED_CHALLENGES_MOST)
        one = self._wait(self._record(f"flow:{hop.host}:{hop.port}"), hop, request, limits.FREE_CHALLENGES)
        all_ = self._wait(self._record(source(hop.host)), hop, request, free)
        return one or all_

    def pinged(self, hop: Hop, request: Request, now: float) -> bool:
        """Count a request of an unknown sender that is answered without a proof. True: too many within seconds."""
        record = self._record(f"ping:{hop.host}")
        if now - record.seen > limits.PING_SPACING_S:
            record.unanswered.clear()
        record.seen = now
        return self._wait(record, hop, request, limits.FREE_CHALLENGES)

    def find(self, subject: str) -> Ban | None:
        return self._bans.get(subject)

    @staticmethod
    def _wait(record: _Record, hop: Hop, request: Request, free: int) -> bool:
        """True: one too many waits. A request that is repeated to the letter is the same one, any other is not: neither a
        Call-ID nor a branch that never changes hides a scan.
        """
        rows = [str(hop.port), request.start_line(), *(value for _, value in request.headers.rows)]
        key = hashlib.blake2b("\n".join(rows).encode("utf-8", "surrogateescape"), digest_size=12).digest()
        if key in record.unanswered:
            return False
        record.unanswered[key] = hop.port, request.call_id
        if len(record.unanswered) <= free:
            return False
        record.unanswered.popitem(last=False)
        return True

    def failed(self, subject: str, now: float, reason: str) -> bool:
        """One failure; True: it was one too many."""
        record = self._record(subject)
        if now - record.last > limits.FORGET_FAILURES_S:
            record.failures = 0
        record.failures += 1
        record.last = now
        if record.failures < limits.FAILURES_TO_BAN:
            return False
        record.failures = 0
        self.ban(subject, now, reason)
        return True

    def ban(self, subject: str, now: float, reason: str) -> Ban:
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
        return made

    def proven(self, hop: Hop, alias: str) -> None:
        """A right password: neither what this address and port left open counts, nor earlier wrong ones for this alias."""
        self._records.pop(f"flow:{hop.host}:{hop.port}", None)
        wrong = self._records.pop(lock(alias, hop.host), None)
        record = self._records.get(source(hop.host))
        if record is not None:
            record.failures = max(0, record.failures - (wrong.failures if wrong else 0))
            for key in [key for key, (port, _) in record.unanswered.items() if port == hop.port]:
                del record.unanswered[key]

    def answered(self, hop: Hop, call_id: str) -> None:
        """A challenge was answered wrongly: that is counted for itself."""
        for subject in (f"flow:{hop.host}:{hop.port}", source(hop.host)):
            rows = self._records[subject].unanswered if subject in self._records else OrderedDict()
            for key in [key for key, value in rows.items() if value == (hop.port, call_id)]:
                del rows[key]

    def unban(self, subject: str) -> bool:
        """By the operator: as if nothing had been."""
        self._records.pop(subject, None)
        known = self._bans.pop(subject, None) is not None
        self._store.remove(subject)
        if subject.startswith("source:"):
            host = subject.removeprefix("source:")
            for key in [key for key in self._records if key.startswith((f"flow:{host}:", f"ping:{host}"))]:
                del self._records[key]
        return known

    def bans(self, now: float) -> list[Ban]:
        return [ban for ban in self._bans.values() if now < ban.until]

    def _record(self, key: str) -> _Record:
        record = self._records.pop(key, None) or _Record()
        self._records[key] = record
        if len(self._records) > limits.SOURCES_REMEMBERED * 2:
            self._records.popitem(last=False)
        return record
