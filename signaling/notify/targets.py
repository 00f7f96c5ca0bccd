"""The permitted targets of webhooks: the host is looked up once, its address is checked, and the connection uses that address.

The check is against SSRF and DNS rebinding. Every address that is not public is refused: loopback, private, link-local with the
metadata addresses of clouds, multicast, documentation, …. An IPv4 address inside an IPv6 address is checked too. The operator
may allow a range. The module is sans-IO except the lookup, which is handed in.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

from signaling.notify import limits

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in ("169.254.0.0/16", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32")
)
"""Networks that are never allowed, even inside the operator's ranges."""
_NOT_PUBLIC = tuple(ipaddress.ip_network(text) for text in ("fec0::/10", "3fff::/20", "5f00::/16", "192.88.99.0/24"))
"""Networks that Python's own table may lack: site-local, documentation (RFC 9637), SRv6, the old 6to4 relays."""


class TargetRefused(Exception):
    """The webhook may not connect to this address."""


async def resolve(host: str, port: int, allowed: Sequence[Network], lookup: Lookup) -> str:
    """Return the address to connect to. Raises TargetRefused, and OSError if the name is unknown."""
    addresses = await lookup(host, port)
    if not addresses:
        raise OSError("no address")
    for text in addresses[: limits.WEBHOOK_ADDRESSES]:
        if not may_reach(ipaddress.ip_address(text.partition("%")[0]), allowed):
            raise TargetRefused("not a public address")
    return addresses[0]


def may_reach(address: Ip, allowed: Sequence[Network]) -> bool:
    """Report whether a webhook may connect to this address. Every IPv4 address inside it is checked too."""
    return all(_may_reach(one, allowed) for one in (address, *embedded(address)))


def embedded(address: Ip) -> Iterator[ipaddress.IPv4Address]:
    """Return the IPv4 addresses inside an IPv6 address: mapped, translated, compatible, NAT64, 6to4, Teredo, ISATAP."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    value = int(address)
    last = ipaddress.IPv4Address(value & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    hidden = any(address in network for network in (*_NAT64, _COMPATIBLE, _TRANSLATED))
    if hidden or (value >> 32) & 0xFFFFFFFF in (0x00005EFE, 0x02005EFE):
        yield last


async def system_lookup(host: str, port: int) -> list[str]:
    """Look up a host by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _may_reach(address: Ip, allowed: Sequence[Network]) -> bool:
    if any(address in network for network in _METADATA):
        return False
    if any(address in network for network in allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address) and next(embedded(address), None) is not None:
        return True  # the embedded IPv4 address decides
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
