"""The sockets of the floor channel: the asyncio driver of `server.py`, with one UDP and one TCP port for all conferences.

The channel owns sockets and one timer, and decides nothing. It accepts a datagram or connection only from the host in the leg's
description, with the leg's conference and user number. Other senders get no answer, and nothing is stored for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from conference import ContentTokenChange
from conference.ground.plan import BfcpPlan
from signaling.sip.floor.server import FloorServer
from signaling.sip.wire import bfcp
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire.bfcp import BfcpError

_log = logging.getLogger(__name__)
_READ_BYTES: Final = 4096
_UNSENT_BYTES: Final = 64 * 1024
"""Bytes of floor control (BFCP) that a terminal has not read. Chosen. With more, its connection is closed. Larger: a terminal
that does not read costs more memory. Smaller: good connections over slow networks are closed.
"""

Changed = Callable[[list[ContentTokenChange]], None]


@dataclass(slots=True)
class _Leg:
    """A terminal. `port` is the source port of its last accepted datagram, and at first the port in SDP. Some terminals do not
    send from the port in SDP.
    """

    server: FloorServer
    name: str
    plan: BfcpPlan
    changed: Changed
    port: int
    writer: asyncio.StreamWriter | None = None
    dialling: asyncio.Task[None] | None = None


class FloorChannel:
    """The channels of all terminals. Call `attach` and `detach` when plans begin and end. Call `flush` after other code changed
    a server.
    """

    def __init__(self) -> None:
        self._legs: dict[tuple[int, int], _Leg] = {}
        self._named: dict[tuple[FloorServer, str], _Leg] = {}
        self._datagrams: asyncio.DatagramTransport | None = None
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._per_host: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self.dropped = 0
        """Datagrams and connections from unknown senders."""

    async def open(self, host: str, udp_port: int = 0, tcp_port: int = 0) -> tuple[int, int]:
        """Listen on both transports and return the two ports. Port 0 takes any free port. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(host, udp_port))
        try:
            self._listener = await asyncio.start_server(self._accept, host, tcp_port, limit=_READ_BYTES)
        except OSError:
            self._datagrams.close()
            raise
        tcp: int = self._listener.sockets[0].getsockname()[1]
        udp: int = self._datagrams.get_extra_info("sockname")[1]
        return udp, tcp

    async def close(self) -> None:
        for key in list(self._legs):
            self._drop(key)
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.close()
        if self._datagrams is not None:
            self._datagrams.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def attach(self, server: FloorServer, leg: str, plan: BfcpPlan, changed: Changed) -> None:
        """Serve this terminal from now on. `changed` gets the token changes that its messages cause.

        Raises ValueError for our own mistakes: a number that a conference gives twice, or too many legs.
        """
        key = (plan.conference_id, plan.user_id)
        known = self._legs.get(key)
        if known is not None and (known.name, known.server) != (leg, server):
            raise ValueError("two legs have the same floor user number")
        before = self._named.get((server, leg))
        if before is not None and before is not known:
            self._drop((before.plan.conference_id, before.plan.user_id))
        if known is None and len(self._legs) >= limits.BFCP_LEGS:
            raise ValueError("too many floor legs")
        if known is not None and known.plan == plan:
            return  # a session refresh: the channel stays as it is
        if known is not None:
            self._drop(key)
        server.attach(leg, plan)
        found = _Leg(server, leg, plan, changed, plan.remote.port)
        self._legs[key] = self._named[server, leg] = found
        if plan.we_connect:
            found.dialling = self._task(self._dial(found))

    def detach(self, server: FloorServer, leg: str) -> list[ContentTokenChange]:
        """End the channel of a leg that ended or gave up its floor line. The token changes are sent to the other terminals and
        returned.
        """
        known = self._named.get((server, leg))
        if known is not None:
            self._drop((known.plan.conference_id, known.plan.user_id))
        changes = server.detach(leg, self._now())
        self.flush(server)
        return changes

    def flush(self, server: FloorServer) -> None:
        """Send the messages of the server, and set the timer for their retransmission."""
        self._deliver(server)
        self._wake(self._now() + limits.BFCP_T1_S, server)

    def _deliver(self, server: FloorServer) -> None:
        for leg, data in server.take():
            one = self._named.get((server, leg))
            if one is not None:
                self._send(one, data)

    # -- UDP -----------------------------------------------------------------------------------------------------------

    def datagram(self, data: bytes, address: tuple[str, int]) -> None:
        one = self._leg_of(data, address[0], "udp")
        if one is None:
            self.dropped += 1
            return
        one.port = address[1]
        self._received(one, data)

    def _leg_of(self, data: bytes, host: str, transport: str) -> _Leg | None:
        try:
            header = bfcp.read_header(data[: bfcp.HEADER_BYTES])
        except BfcpError:
            return None
        one = self._legs.get((header.conference_id, header.user_id))
        fits = one is not None and one.plan.transport == transport and one.plan.remote.host == host.partition("%")[0]
        return one if fits else None

    def _received(self, one: _Leg, data: bytes) -> None:
        changes = one.server.receive(one.name, data, self._now())
        if changes:
            one.changed(changes)
        self.flush(one.server)

    def _send(self, one: _Leg, data: bytes) -> None:
        if one.plan.transport == "udp":
            if self._datagrams is not None and not self._datagrams.is_closing():
                self._datagrams.sendto(data, (one.plan.remote.host, one.port))
            return
        if one.writer is None:
            return  # The terminal is not connected. It asks for the state after it connects.
        one.writer.write(data)
        transport = one.writer.transport
        if transport.get_write_buffer_size() > _UNSENT_BYTES:
            transport.abort()

    # -- TCP -----------------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("peername")[0].partition("%")[0]
        expected = any(one.plan.transport == "tcp" and one.plan.remote.host == host for one in self._legs.values())
        crowded = self._per_host[host] >= limits.BFCP_CONNECTIONS_PER_HOST
        task = asyncio.current_task()
        assert task is not None
        if not expected or crowded or len(self._connections) >= limits.BFCP_CONNECTIONS:
            self.dropped += 1
            writer.transport.abort()
            return
        self._connections.add(task)
        self._per_host[host] += 1
        try:
            await self._read(reader, writer, host, None)
        finally:
            self._connections.discard(task)
            self._per_host[host] -= 1
            if not self._per_host[host]:
                del self._per_host[host]

    async def _dial(self, one: _Leg) -> None:
        try:
            async with asyncio.timeout(limits.BFCP_FIRST_S):
                reader, writer = await asyncio.open_connection(*one.plan.remote, limit=_READ_BYTES)
        except (OSError, TimeoutError) as error:
            _log.info("floor channel of %s: cannot connect: %s", one.name, type(error).__name__)
            return
        await self._read(reader, writer, one.plan.remote.host, one)

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, one: _Leg | None
    ) -> None:
        """Read a connection until it ends. The first message of an accepted connection names its leg, and all later ones must
        name the same leg.
        """
        framer = bfcp.Framer()
        until = self._now() + limits.BFCP_FIRST_S
        if one is not None:
            self._take_over(one, writer)
        try:
            while True:
                async with asyncio.timeout_at(None if one is not None else until):
                    data = await reader.read(_READ_BYTES)
                if not data:
                    return
                for message in framer.feed(data):
                    found = self._leg_of(message, host, "tcp")
                    if one is None and found is not None:
                        one = found
                        self._take_over(one, writer)
                    if one is None or found is not one:
                        self.dropped += 1
                        return
                    self._received(one, message)
        except (OSError, TimeoutError, BfcpError):
            return
        finally:
            if one is not None and one.writer is writer:
                one.writer = None
            writer.transport.abort()

    def _take_over(self, one: _Leg, writer: asyncio.StreamWriter) -> None:
        """Use this connection for the leg. A terminal that connects again has lost its earlier connection."""
        if one.writer is not None and one.writer is not writer:
            one.writer.transport.abort()
        one.writer = writer

    def _task(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        return task

    def _drop(self, key: tuple[int, int]) -> None:
        one = self._legs.pop(key)
        self._named.pop((one.server, one.name), None)
        if one.dialling is not None:
            one.dialling.cancel()
        if one.writer is not None:
            one.writer.transport.abort()

    # -- time ----------------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wake(self, when: float, server: FloorServer) -> None:
        """Set the timer to `when`, unless an earlier time is set. No message that was just sent is due before `when`."""
        if not server.is_waiting or (self._timer is not None and self._timer.when() <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._now()
        for server in {server for server, _ in self._named}:
            server.tick(now)
            due = server.deadline
            self._deliver(server)
            if due is not None:
                self._wake(due, server)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, channel: FloorChannel) -> None:
        self._channel = channel

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._channel.datagram(data, (str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """Ignore ICMP errors of a terminal that is gone, because its call ends by itself."""
