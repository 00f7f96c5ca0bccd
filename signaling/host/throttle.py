"""A rate limit for each address: a bucket that fills evenly. Bounded in the number of addresses that it remembers."""

import ipaddress
from collections import OrderedDict

from conference import TokenBucket
from signaling.host import limits


class Throttle:
    """`per_minute` requests a minute for one address, as many at once after a pause, or `at_once`."""

    def __init__(
        self, per_minute: float, remembered: int = limits.SOURCES_REMEMBERED, at_once: float | None = None
    ) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute if at_once is None else at_once)
        self._remembered = remembered
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def takes(self, address: str, now: float) -> bool:
        """Counts one request at `now` (seconds that never jump); False: too many."""
        return self.takes_key(network(address), now)

    def takes_key(self, source: str, now: float) -> bool:
        """The same for whatever is short: a meeting's number."""
        bucket = self._buckets.pop(source, None) or TokenBucket(self._rate, self._most)
        self._buckets[source] = bucket
        if len(self._buckets) > self._remembered:
            self._buckets.popitem(last=False)
        return bucket.take_or_empty(now)

    def gives_back(self, address: str) -> None:
        """A request that `takes` counted does not count after all."""
        self.gives_back_key(network(address))

    def gives_back_key(self, source: str) -> None:
        if source in self._buckets:
            self._buckets[source].give_back()


class NumberTries:
    """Tries of meeting numbers with their PINs. One network has few a minute. At one number all networks together have few, so
    that a PIN of six digits holds for weeks. Beside them each network has a few tries of its own at each number, so that
    strangers cannot lock a meeting for everybody else. A terminal that has shown its password has tries of its own instead.
    """

    def __init__(self) -> None:
        self._network = Throttle(limits.NUMBERS_PER_MINUTE)
        self._own = Throttle(limits.OWN_TRIES_PER_HOUR / 60, limits.NUMBERS_REMEMBERED, limits.OWN_TRIES_PER_HOUR)
        self._common = Throttle(limits.TRIES_PER_MINUTE, limits.NUMBERS_REMEMBERED)
        self._terminals = Throttle(limits.TERMINAL_TRIES_PER_HOUR / 60, at_once=limits.TERMINAL_TRIES_PER_HOUR)

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
