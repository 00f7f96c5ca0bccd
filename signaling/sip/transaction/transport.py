"""The sources and destinations of messages: hops, the framing of a stream, Via in both directions (RFC 3261 section 18, RFC
3581, RFC 5626).

This module is sans-IO. It owns no sockets (`driver`), and does not decide who may send (`agent`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from signaling.sip.ground import limits
from signaling.sip.wire.fields import Malformed, bad, listed, number, write_host
from signaling.sip.wire.message import Request, read_head

RELIABLE: Final = {"tcp", "tls"}
PORTS: Final = {"udp": 5060, "tcp": 5060, "tls": 5061}


@dataclass(frozen=True, slots=True)
class Hop:
    """The source or destination of a message. `host` is an address, never a name. `flow` is the number of a connection, 0
    without a connection.

    Without a connection, the driver opens one or uses a connection that it opened to the same address.
    """

    transport: str
    host: str
    port: int
    flow: int = 0
    name: str = field(default="", compare=False)
    """The name that the TLS certificate of the other side must contain."""

    @property
    def reliable(self) -> bool:
        return self.transport in RELIABLE

    def __str__(self) -> str:
        return f"{self.transport}:{write_host(self.host)}:{self.port}"


class Transports(Protocol):
    """The methods that the agent needs from the driver. Every method returns at once."""

    def send(self, hop: Hop, data: bytes) -> None:
        """Send bytes. `Agent.unreachable(hop)` reports a failure later."""

    def local(self, hop: Hop) -> tuple[str, int]:
        """Return our address and port for Via and Contact in messages to this hop."""

    def resolve(self, name: str, done: Callable[[Sequence[str]], None]) -> None:
        """Pass the addresses of a host name to `done`; an empty list if it has none."""


PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"
_BLANK: Final = re.compile(rb"(?:\r\n)+")


class Framer:
    """The cutter of a stream into messages by Content-Length. It holds at most one incomplete message."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._scanned = 0
        self._blank = 0
        self.pings = 0
        """Double line ends between messages that need a PONG (RFC 5626 section 3.5.1). The code that answers sets it to 0."""

    def take(self, data: bytes) -> list[bytes]:
        """Return the complete messages. Raises Malformed when the stream can no longer be followed."""
        self._held += data
        found: list[bytes] = []
        while (message := self._cut()) is not None:
            found.append(message)
        return found

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    def _cut(self) -> bytes | None:
        self._skip_blank()
        end = self._held.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(self._held)
            if self._scanned > limits.MESSAGE_BYTES:
                bad("the header has no end", 513)
            return None
        length = content_length(bytes(self._held[:end]))
        whole = end + 4 + length
        if whole > limits.MESSAGE_BYTES:
            bad("message too long", 513)
        if len(self._held) < whole:
            return None
        message = bytes(self._held[:whole])
        del self._held[:whole]
        self._scanned = self._blank = 0
        return message

    def _skip_blank(self) -> None:
        if blank := _BLANK.match(self._held):
            end = blank.end()
            del blank  # as long as the match exists, Python forbids a deletion in the bytearray
            del self._held[:end]
            self._scanned = 0
            before, self._blank = self._blank, self._blank + end // len(PONG)
            self.pings += self._blank // 2 - before // 2


def content_length(head: bytes) -> int:
    """Return the Content-Length of a raw header. Raises Malformed, because a stream without a length has no next message."""
    if len(head) > limits.MESSAGE_BYTES:
        bad("message too long", 513)
    _, rows = read_head(head)
    found = {value for name, value in rows if name == "content-length"}
    if len(found) != 1:
        bad("a message on a stream needs exactly one Content-Length")
    return number(found.pop(), limits.MESSAGE_BYTES, "Content-Length")


def arrived(request: Request, hop: Hop) -> None:
    """Write the source of the request into the topmost Via.

    A request with `rport` always gets `received` (RFC 3581 section 4).
    """
    try:
        via = request.via
    except Malformed:
        return
    asked = any(name == "rport" for name, _ in via.parameters)
    if asked:
        via = via.with_parameter("rport", str(hop.port))
    if asked or not same_host(via.host, hop.host):
        via = via.with_parameter("received", hop.host)
    if via != request.via:
        rest = request.headers.all("via")
        values = [str(via), *listed(rest[:1])[1:], *rest[1:]]
        request.headers.remove("via")
        request.headers.rows[:0] = [("via", value) for value in values]
        request.via = via


def answer_hop(request: Request, hop: Hop) -> Hop:
    """Return the hop for an answer (RFC 3261 section 18.2.2). The host is always the source address, because a Via may lie.
    Over UDP without `rport` the port comes from Via.
    """
    if hop.reliable:
        return hop
    try:
        via = request.via
    except Malformed:
        return hop
    if any(name == "rport" for name, _ in via.parameters):
        return hop
    return replace(hop, port=via.port or PORTS["udp"])


def same_host(one: str, other: str) -> bool:
    """Report whether two texts are spellings of one address. A name equals only itself."""
    if one == other:
        return True
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def plain_address(host: str) -> str:
    """Return the one spelling of an address: IPv4 inside IPv6 becomes IPv4, and zones are removed."""
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)


METADATA: Final = {"169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "168.63.129.16"}
"""Addresses at which cloud machines offer credentials."""


def may_dial(host: str, *, loopback: bool = False) -> bool:
    """Report whether calls to the address `host` are allowed. Loopback (without `loopback`), link-local, multicast and reserved
    addresses and the metadata services of clouds are not.
    """
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None:
            return may_dial(str(inner), loopback=loopback)
        if parsed in _TRANSLATED:
            return may_dial(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)), loopback=loopback)
    if parsed.is_loopback:
        return loopback
    forbidden = parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed.is_reserved
    return not forbidden and str(parsed) not in METADATA and not (parsed.version == 4 and int(parsed) < 2**24)


_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")


def orders(transports: Sequence[str], encrypted: bool) -> tuple[str, ...]:
    """Return the allowed transports in the given order. `sips:` and a policy that requires encryption allow only TLS."""
    return tuple(name for name in dict.fromkeys(transports) if name in PORTS and (name == "tls" or not encrypted))
