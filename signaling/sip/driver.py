"""The sockets of the SIP core on asyncio: UDP, TCP and TLS. The driver owns connections and their limits, the timer, and name
resolution.

All SIP logic is in `Agent`. The driver only moves bytes. It closes a connection before the TLS handshake if the agent reads
nothing from its address.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from conference import TokenBucket
from signaling.sip.agent.agent import Agent
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import PING, PONG, Framer, Hop, plain_address
from signaling.sip.wire.fields import Malformed

log = logging.getLogger(__name__)
_PAUSE_S: Final = 0.1
"""Seconds that the server stops accepting SIP connections after no file descriptor was free. Chosen. Longer: new connections
wait. Shorter: failing accepts use up the processor.
"""


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on. Port 0 takes any free port (tests)."""

    transport: str
    host: str
    port: int


class Driver:
    """The implementation of `Transports`.

    `announced`: the address for terminals if the server listens on a wildcard.
    """

    def __init__(
        self,
        listens: Sequence[Listen],
        *,
        announced: str = "",
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listens = tuple(listens)
        self._announced = announced
        self._server_tls = server_tls
        self._client_tls = client_tls
        self._agent: Agent | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._datagrams: dict[int, asyncio.DatagramTransport] = {}
        self._flows: dict[int, Connection] = {}
        self._out: dict[tuple[str, str, int, str], Connection | list[bytes]] = {}
        """Our outgoing connections by destination. A list holds the messages that wait for a connection."""
        self.per_source: Counter[str] = Counter()
        self._read: dict[str, TokenBucket] = {}
        """Limits of bytes to read, by the source of incoming connections."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[socket.socket] = []
        self._ports: dict[tuple[str, int], tuple[str, int]] = {}
        self._next_flow = 0
        self._timer: asyncio.TimerHandle | None = None

    # --- life

    async def open(self, agent: Agent) -> None:
        """Listen on every address of `listens`. Raises OSError when a port is taken."""
        self._agent, self._loop = agent, asyncio.get_running_loop()
        agent.core.timers.on_earlier = self._rearm
        try:
            for listen in self._listens:
                await self._listen(listen)
        except OSError:
            await self.close()
            raise
        self._rearm()

    async def _listen(self, listen: Listen) -> None:
        assert self._loop is not None
        kind = socket.SOCK_DGRAM if listen.transport == "udp" else socket.SOCK_STREAM
        made = bound(kind, listen.host, listen.port)
        family = made.family
        self._ports[listen.transport, family] = listen.host, made.getsockname()[1]
        if listen.transport == "udp":
            transport, _ = await self._loop.create_datagram_endpoint(lambda: Datagrams(self), sock=made)
            self._datagrams[family] = transport
            return
        made.listen(limits.CONNECTIONS_PER_SOURCE)
        self._sockets.append(made)
        self._start(self._accept(listen.transport, made))

    def port(self, transport: str, family: int = socket.AF_INET) -> int:
        """Return the port on which the driver listens."""
        return self._ports[transport, family][1]

    async def close(self) -> None:
        """Close all sockets at once. Call `Agent.close` before, and leave a moment for the answers."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._datagrams.values():
            transport.close()
        for connection in [*self._flows.values(), *self._out.values()]:
            if isinstance(connection, Connection):
                connection.abort()
        for one in self._sockets:
            one.close()
        await asyncio.sleep(0)

    # --- Transports

    def send(self, hop: Hop, data: bytes) -> None:
        if hop.transport == "udp":
            family = socket.AF_INET6 if ":" in hop.host else socket.AF_INET
            transport = self._datagrams.get(family)
            if transport is None or transport.is_closing():
                self._later(lambda: self._lost(hop))
            else:
                transport.sendto(data, (hop.host, hop.port))
            return
        if hop.flow:
            connection = self._flows.get(hop.flow)
            if connection is None:
                self._later(lambda: self._lost(hop))
            else:
                connection.write(data)
            return
        self._send_out(hop, data)

    def _send_out(self, hop: Hop, data: bytes) -> None:
        key = key_of(hop)
        found = self._out.get(key)
        if isinstance(found, Connection):
            found.write(data)
        elif found is not None:
            if sum(map(len, found)) + len(data) <= limits.WRITE_BYTES:
                found.append(data)
        elif len(self._flows) + len(self._out) >= limits.CONNECTIONS:
            self._later(lambda: self._lost(hop))
        else:
            self._out[key] = [data]
            self._start(self._connect(hop, key))

    def local(self, hop: Hop) -> tuple[str, int]:
        family = socket.AF_INET6 if ":" in hop.host else socket.AF_INET
        known = self._ports.get((hop.transport, family)) or next(iter(self._ports.values()))
        host, port = known
        return (self._announced or host) if _is_wildcard(host) else host, port

    def resolve(self, name: str, done: Callable[[Sequence[str]], None]) -> None:
        if _is_address(name):
            done([name])
        else:
            self._start(self._resolve(name, done))

    async def _resolve(self, name: str, done: Callable[[Sequence[str]], None]) -> None:
        assert self._loop is not None
        found: list[str] = []
        try:
            async with asyncio.timeout(limits.RESOLVE_S):
                rows = await self._loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            found = [str(row[4][0]) for row in rows]
        except (OSError, TimeoutError, UnicodeError):
            log.info("no address was found for a dialled host")
        done(list(dict.fromkeys(found)))

    # --- connections

    async def _accept(self, transport: str, listener: socket.socket) -> None:
        assert self._loop is not None
        assert self._agent is not None
        while True:
            try:
                made, peer = await self._loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(_PAUSE_S)
                continue
            host = plain_address(peer[0])
            full = (
                self.per_source.total() >= limits.CONNECTIONS or self.per_source[host] >= limits.CONNECTIONS_PER_SOURCE
            )
            if full or not self._agent.hears(host):
                made.close()
                continue
            self._start(self._welcome(transport, made, host, peer[1]))

    async def _welcome(self, transport: str, made: socket.socket, host: str, port: int) -> None:
        assert self._loop is not None
        self._next_flow += 1
        hop = Hop(transport, host, port, self._next_flow)
        self.per_source[host] += 1
        tls = self._server_tls if transport == "tls" else None
        # With TLS, asyncio ends a handshake that takes longer than this.
        handshake = limits.FIRST_MESSAGE_S if tls else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self, hop, None), made, ssl=tls, ssl_handshake_timeout=handshake
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            made.close()
            if hop.flow not in self._flows:
                self.left(host)

    async def _connect(self, hop: Hop, key: tuple[str, str, int, str]) -> None:
        assert self._loop is not None
        tls = self._client_tls if hop.transport == "tls" else None
        if hop.transport == "tls" and tls is None:
            self._give_up(hop, key)
            return
        name = (hop.name or hop.host) if tls else None
        try:
            async with asyncio.timeout(limits.CONNECT_S):
                await self._loop.create_connection(
                    lambda: Connection(self, hop, key), hop.host, hop.port, ssl=tls, server_hostname=name
                )
        except (OSError, ssl.SSLError, TimeoutError) as error:
            log.info("no connection to %s: %s", hop, type(error).__name__)
            self._give_up(hop, key)

    def _give_up(self, hop: Hop, key: tuple[str, str, int, str]) -> None:
        self._out.pop(key, None)
        self._lost(hop)

    def connected(self, connection: Connection) -> list[bytes]:
        """Register a connection, and return the messages that waited for it."""
        if connection.key is None:
            self._flows[connection.hop.flow] = connection
            return []
        waited = self._out.get(connection.key)
        self._out[connection.key] = connection
        return waited if isinstance(waited, list) else []

    def ended(self, connection: Connection) -> None:
        if connection.key is None:
            if self._flows.pop(connection.hop.flow, None) is not None:
                self.left(connection.hop.host)
        elif self._out.get(connection.key) is connection:
            del self._out[connection.key]
        self._lost(connection.hop)

    def left(self, host: str) -> None:
        self.per_source[host] -= 1
        if self.per_source[host] <= 0:
            del self.per_source[host]
            self._read.pop(host, None)

    def spend(self, host: str, count: int) -> float:
        """Count the bytes that were read from `host`. Return the seconds for which nothing more should be read from there."""
        assert self._loop is not None
        now = self._loop.time()
        if host not in self._read:
            self._read[host] = TokenBucket(limits.STREAM_BYTES_PER_SECOND, limits.STREAM_BYTES_AT_ONCE)
        bucket = self._read[host]
        bucket.refill(now)
        bucket.spend(count)
        return bucket.wait_s(now)

    def trusts(self, hop: Hop) -> bool:
        assert self._agent is not None
        return self._agent.trusts(hop)

    def took(self, data: bytes, hop: Hop) -> bool:
        assert self._agent is not None
        return self._agent.receive(data, hop)

    def _lost(self, hop: Hop) -> None:
        if self._agent is not None:
            self._agent.unreachable(hop)

    # --- time and tasks

    def _later(self, call: Callable[[], None]) -> None:
        assert self._loop is not None
        self._loop.call_soon(call)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _rearm(self) -> None:
        assert self._agent is not None
        assert self._loop is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._agent.next_due
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self._agent.core.now), self._ring)

    def _ring(self) -> None:
        assert self._agent is not None
        self._timer = None
        self._agent.advance()
        self._rearm()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if data.strip(b"\r\n\x00"):
            self._driver.took(data, Hop("udp", str(addr[0]), addr[1]))

    def error_received(self, exc: Exception) -> None:
        log.debug("UDP: %s", exc)


class Connection(asyncio.Protocol):
    """A TCP or TLS connection. `key` is None for a connection that the peer opened."""

    def __init__(self, driver: Driver, hop: Hop, key: tuple[str, str, int, str] | None) -> None:
        self._driver = driver
        self.hop = hop
        self.key = key
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._spoken = False
        self._last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not a subclass
        self._transport.set_write_buffer_limits(high=limits.WRITE_BYTES)
        self._last = self._loop.time()
        for data in self._driver.connected(self):
            self.write(data)
        self._timer = self._loop.call_later(limits.FIRST_MESSAGE_S if self.key is None else limits.PING_S, self._look)

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        if (
            self.key is None
            and self._transport is not None
            and (wait_s := self._driver.spend(self.hop.host, len(data)))
        ):
            self._transport.pause_reading()
            self._loop.call_later(wait_s, self._read_on)
        try:
            messages = self._framer.take(data)
        except Malformed as fault:
            log.info("SIP from %s: %s", self.hop, fault.reason)
            self.abort()
            return
        if self._framer.pings:
            # Several pings that arrive together get one answer.
            self._framer.pings = 0
            self.write(PONG)
        for message in messages:
            self._spoken = True
            if self._transport is None or self._transport.is_closing():
                return
            if not self._driver.took(message, self.hop):
                self.finish()
                return

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._driver.ended(self)

    def _read_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Write `data`. A peer that does not read loses its connection."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > limits.WRITE_BYTES:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Close after the written bytes are sent. If the peer does not read them in time, abort."""
        if self._transport is not None:
            self._transport.close()
            self._loop.call_later(limits.FINISH_S, self.abort)

    def _look(self) -> None:
        """Close a silent connection, or send a ping on a connection that we opened (RFC 5626 section 4.4.1: pings keep a NAT
        open).

        A peer that has proven nothing may not keep a silent connection for long.
        """
        idle = self._loop.time() - self._last
        quiet_s = limits.IDLE_S if self.key is not None or self._driver.trusts(self.hop) else limits.FIRST_MESSAGE_S
        if idle > quiet_s or (self.key is None and not self._spoken):
            self.finish()
            return
        if self.key is not None:
            self.write(PING)
        self._timer = self._loop.call_later(limits.PING_S, self._look)


def key_of(hop: Hop) -> tuple[str, str, int, str]:
    return hop.transport, hop.host, hop.port, hop.name if hop.transport == "tls" else ""


def bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _is_address(name: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


def _is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # noqa: S104
