"""A rate limit for each address: a bucket that fills evenly. A shared table bounds the number of addresses."""

import ipaddress

from conference import Fill, TokenBucket
from conference.ports.shared import Shared
from signaling.host import limits

OWNER = "throttles"
"""Of their tables."""


class Throttle:
    """`per_minute` requests a minute for one address, as many at once after a pause, or `at_once`."""

    def __init__(
        self,
        shared: Shared,
        kind: str,
        per_minute: float,
        remembered: int = limits.SOURCES_REMEMBERED,
        at_once: float | None = None,
    ) -> None:
        """`kind`: which requests; throttles of one kind count together."""
        self._rate = per_minute / 60
        self._most = float(per_minute if at_once is None else at_once)
        self._fills = shared.table(OWNER, kind, remembered, Fill)

    def takes(self, address: str, now: float) -> bool:
        """Counts one request at `now` (seconds that never jump); False: too many."""
        return self.takes_key(network(address), now)

    def takes_key(self, source: str, now: float) -> bool:
        """The same for whatever is short: a meeting's number."""
        bucket = TokenBucket(self._rate, self._most, self._fills.get(source))
        taken = bucket.take_or_empty(now)
        self._fills.put(source, bucket.fill)
        return taken

    def gives_back(self, address: str) -> None:
        """A request that `takes` counted does not count after all."""
        self.gives_back_key(network(address))

    def gives_back_key(self, source: str) -> None:
        fill = self._fills.get(source)
        if fill is not None:
            bucket = TokenBucket(self._rate, self._most, fill)
            bucket.give_back()
            self._fills.put(source, bucket.fill)


class NumberTries:
    """Tries of meeting numbers with their PINs. One network has few a minute. At one number all networks together have few, so
    that a PIN of six digits holds for weeks. Beside them each network has a few tries of its own at each number, so that
    strangers cannot lock a meeting for everybody else. A terminal that has shown its password has tries of its own instead.
    """

    def __init__(self, shared: Shared) -> None:
        own, terminal = limits.OWN_TRIES_PER_HOUR, limits.TERMINAL_TRIES_PER_HOUR
        self._network = Throttle(shared, "numbers of a network", limits.NUMBERS_PER_MINUTE)
        self._own = Throttle(shared, "own tries", own / 60, limits.NUMBERS_REMEMBERED, own)
        self._common = Throttle(shared, "common tries", limits.TRIES_PER_MINUTE, limits.NUMBERS_REMEMBERED)
        self._terminals = Throttle(shared, "tries of a terminal", terminal / 60, at_once=terminal)

    def takes(self, number: str, address: str, now: float, terminal: str = "") -> bool:
        """Count one try; False: too many were wrong lately."""
        if terminal:
            return self._terminals.takes_key(terminal, now)
        if not self._network.takes(address, now):
            return False
        return self._own.takes_key(f"{number} {network(address)}", now) or self._common.takes_key(number, now)

    def gives_back(self, number: str, address: str, terminal: str = "") -> None:
        """The try that `takes` counted was right: a whole province comes at one minute, much of it through one address."""
        if terminal:
            self._terminals.gives_back_key(terminal)
            return
        self._network.gives_back(address)
        self._own.gives_back_key(f"{number} {network(address)}")
        self._common.gives_back_key(number)


def network(address: str) -> str:
    """One household: the address itself, for IPv6 its /64."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
