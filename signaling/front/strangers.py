"""Connections that have proved nothing yet, counted by network, and the choice of the connection to end when there are too
many.

A network is an IPv4 address, or an IPv6 network of 64 bits. The IPv6 networks within 48 bits count as one customer.

Beyond the limit, one connection ends, in the fullest network of the fullest customer: the oldest silent connection, or else the
oldest busy connection. The packet plane counts its TCP connections by the same rule (`media/plane/udp/src/strangers.rs`).
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Container, MutableMapping
from typing import Any, Final

KEY: Final = "diemcau.stranger"
"""The entry of an ASGI scope that holds the `Stranger` of its connection."""


class Stranger:
    """A connection from its acceptance to its end."""

    __slots__ = ("_all", "_networks", "_proxied", "_state", "end")

    def __init__(self, everyone: Strangers, end: Callable[[], None]) -> None:
        self._all = everyone
        self._networks: tuple[str, str] | None = None
        self._state = "silent"
        self._proxied = False
        self.end = end

    def come_from(self, address: str) -> None:
        """Count the connection at the address of its peer. A trusted proxy carries many clients, so its connection is not
        counted.
        """
        self._proxied = address in self._all.trusted
        if not self._proxied:
            self._all.place(self, networks(address))

    def speak_for(self, address: str) -> None:
        """Count this one request at the address of the client that a trusted proxy named."""
        if self._proxied and self._state != "proved":
            self._all.place(self, networks(address))

    def speak(self) -> None:
        """Mark the connection as busy: a whole request arrived and is being answered."""
        self._become("busy")

    def fall_silent(self) -> None:
        """Mark the connection as silent: the request was answered."""
        if self._proxied:
            self._all.place(self, None)
        self._become("silent")

    def prove(self) -> None:
        """Stop counting the connection, because its client has proved its identity."""
        self.leave()
        self._state = "proved"

    def leave(self) -> None:
        """Stop counting the connection, for example because it ended."""
        self._all.place(self, None)

    def _become(self, state: str) -> None:
        if self._state != "proved":
            self._all.place(self, self._networks, state)


class Strangers:
    """The unproved connections of one server, `most` at a time."""

    def __init__(self, most: int, trusted: Container[str] = ()) -> None:
        """`trusted`: addresses of proxies, which carry many clients."""
        self.trusted = trusted
        self._most = most
        self._count = 0
        self._customers = Sizes()
        self._networks: defaultdict[str, Sizes] = defaultdict(Sizes)
        self._members: defaultdict[str, dict[str, dict[Stranger, None]]] = defaultdict(
            lambda: {"silent": {}, "busy": {}}
        )

    def __len__(self) -> int:
        return self._count

    def place(self, stranger: Stranger, found: tuple[str, str] | None, state: str = "") -> None:
        """Move a connection to the end of the queue of its network. `found`: its customer and network; None removes the
        connection. Beyond the limit another connection is ended.
        """
        self._take_out(stranger)
        stranger._state = state or stranger._state
        if found is None:
            return
        if self._count >= self._most and (oldest := self._most_dispensable()) is not None:
            self._take_out(oldest)
            oldest.end()
        customer, network = stranger._networks = found
        self._members[network][stranger._state][stranger] = None
        self._customers.change(customer, 1)
        self._networks[customer].change(network, 1)
        self._count += 1

    def _take_out(self, stranger: Stranger) -> None:
        if stranger._networks is None:
            return
        (customer, network), stranger._networks = stranger._networks, None
        queues = self._members[network]
        for queue in queues.values():
            queue.pop(stranger, None)
        if not any(queues.values()):
            del self._members[network]
        self._networks[customer].change(network, -1)
        if not self._networks[customer]:
            del self._networks[customer]
        self._customers.change(customer, -1)
        self._count -= 1

    def _most_dispensable(self) -> Stranger | None:
        if not self._customers:
            return None
        queues = self._members[self._networks[self._customers.fullest()].fullest()]
        return next(iter(queues["silent"] or queues["busy"]))


class Sizes:
    """Counts by key, and the key with the highest count, each in constant time."""

    __slots__ = ("_by_size", "_largest", "_sizes")

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._by_size: dict[int, dict[str, None]] = {}
        self._largest = 0

    def __bool__(self) -> bool:
        return bool(self._sizes)

    def change(self, key: str, by: int) -> None:
        """Add one or subtract one (`by` is 1 or -1)."""
        before = self._sizes.get(key, 0)
        after = before + by
        if before:
            level = self._by_size[before]
            del level[key]
            if not level:
                del self._by_size[before]
        if after:
            self._sizes[key] = after
            self._by_size.setdefault(after, {})[key] = None
        else:
            del self._sizes[key]
        # A count changes by one, so the key that left the highest level is now just below it.
        self._largest = max(self._largest, after) if self._largest in self._by_size or by > 0 else after

    def fullest(self) -> str:
        return next(iter(self._by_size[self._largest]))


def networks(address: str) -> tuple[str, str]:
    """Return the customer and the network of an address; both are the address itself for IPv4."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "?", "?"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, 48), strict=False)), str(
                ipaddress.ip_network((parsed, 64), strict=False)
            )
        parsed = parsed.ipv4_mapped
    return str(parsed), str(parsed)


def prove(scope: MutableMapping[str, Any]) -> None:
    """Stop counting the connection of this request, because its client has proved its identity."""
    if (stranger := scope.get(KEY)) is not None:
        stranger.prove()
