"""A rate limit for each network of a client: a token bucket. A shared table bounds the number of buckets."""

import ipaddress

from conference import Fill, TokenBucket
from conference.ports.shared import Shared
from signaling.host import limits

OWNER = "throttles"
"""The owner name of the shared tables."""


class Throttle:
    """A limit of `per_minute` requests for one network of a client. After a pause, `at_once` requests may arrive together;
    without `at_once`, as many as `per_minute`.
    """

    def __init__(
        self,
        shared: Shared,
        kind: str,
        per_minute: float,
        remembered: int = limits.SOURCES_REMEMBERED,
        at_once: float | None = None,
    ) -> None:
        """`kind`: the kind of requests; throttles of one kind share their counts."""
        self._rate = per_minute / 60
        self._most = float(per_minute if at_once is None else at_once)
        self._fills = shared.table(OWNER, kind, remembered, Fill)

    def takes(self, address: str, now: float) -> bool:
        """Count one request from `address` at `now` (Unix seconds). Returns False if there are too many."""
        return self.takes_key(network(address), now)

    def takes_key(self, source: str, now: float) -> bool:
        """Count one request for a short key, for example a meeting's number."""
        bucket = TokenBucket(self._rate, self._most, self._fills.get(source))
        taken = bucket.take_or_empty(now)
        self._fills.put(source, bucket.fill)
        return taken

    def gives_back(self, address: str) -> None:
        """Take back the count of a request that `takes` counted."""
        self.gives_back_key(network(address))

    def gives_back_key(self, source: str) -> None:
        fill = self._fills.get(source)
        if fill is not None:
            bucket = TokenBucket(self._rate, self._most, fill)
            bucket.give_back()
            self._fills.put(source, bucket.fill)


class NumberTries:
    """The tries of meeting numbers with their PINs. Each network has few tries a minute. All networks together have few tries
    at one number, so that a PIN of six digits withstands weeks of guessing. Each network also has a few own tries at each
    number, so that strangers cannot lock a meeting for all others. A terminal that has shown its password has its own tries
    instead.
    """

    def __init__(self, shared: Shared) -> None:
        own, terminal = limits.OWN_TRIES_PER_HOUR, limits.TERMINAL_TRIES_PER_HOUR
        self._network = Throttle(shared, "numbers of a network", limits.NUMBERS_PER_MINUTE)
        self._own = Throttle(shared, "own tries", own / 60, limits.NUMBERS_REMEMBERED, own)
        self._common = Throttle(shared, "common tries", limits.TRIES_PER_MINUTE, limits.NUMBERS_REMEMBERED)
        self._terminals = Throttle(shared, "tries of a terminal", terminal / 60, at_once=terminal)

    def takes(self, number: str, address: str, now: float, terminal: str = "") -> bool:
        """Count one try. Returns False if there were too many wrong tries recently."""
        if terminal:
            return self._terminals.takes_key(terminal, now)
        if not self._network.takes(address, now):
            return False
        return self._own.takes_key(f"{number} {network(address)}", now) or self._common.takes_key(number, now)

    def gives_back(self, number: str, address: str, terminal: str = "") -> None:
        """Take back a counted try, because the PIN was right: a whole province joins in one minute, much of it through one
        address.
        """
        if terminal:
            self._terminals.gives_back_key(terminal)
            return
        self._network.gives_back(address)
        self._own.gives_back_key(f"{number} {network(address)}")
        self._common.gives_back_key(number)


class CodeTries:
    """The tries of codes for the enrolment of PCs. A code names no PC, so each try is a try at all open codes. Therefore all
    networks together have few tries a minute.
    """

    def __init__(self, shared: Shared) -> None:
        self._network = Throttle(shared, "PC codes of a network", limits.PC_CODES_PER_MINUTE)
        self._common = Throttle(shared, "PC codes", limits.PC_CODES_OF_ALL_PER_MINUTE, remembered=1)

    def takes(self, address: str, now: float) -> bool:
        """Count one try. Returns False if there were too many wrong tries recently."""
        return self._network.takes(address, now) and self._common.takes_key("all", now)

    def gives_back(self, address: str) -> None:
        """Take back a counted try, because the code was right."""
        self._network.gives_back(address)
        self._common.gives_back_key("all")


def network(address: str) -> str:
    """Return the network of one household: the IPv4 address itself, or the /64 of an IPv6 address. A text that is no address
    gives `?`.
    """
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
