"""The networks of terminals and trunks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """A set of networks. The check of an address does not walk over all of them."""

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
