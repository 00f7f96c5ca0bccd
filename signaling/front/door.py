"""The acceptance of connections: each is accepted here, counted by network, and given to the HTTP protocol, with TLS if it is
on.

The loop's own server would create the protocol of a TLS connection only after the handshake. Then connections without a
handshake would have no limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Sequence

from signaling.front.intake import BoundedHttp
from signaling.front.strangers import Stranger, Strangers
from signaling.host import limits

log = logging.getLogger(__name__)

_AT_ONCE = 64
"""Connections accepted from one listening socket before the event loop does other work. Chosen. Larger: many new clients delay
the connected ones. Smaller: many new clients wait longer for each other.
"""
_REST_S = 1.0
"""Seconds that the server stops accepting connections after the system ran out of file descriptors. Chosen. Longer: new clients
wait. Shorter: failing accepts use up the processor.
"""
_SHORTAGE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Proxies:
    """The addresses of trusted proxies. The server believes the client address that a trusted proxy sends."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(text, strict=False) for text in networks]

    def __contains__(self, address: object) -> bool:
        if not self._networks:
            return False
        try:
            parsed = ipaddress.ip_address(str(address).split("%")[0])
        except ValueError:
            return False
        return any(parsed.version == network.version and parsed in network for network in self._networks)


class Door:
    """The listeners of one server."""

    def __init__(
        self, listeners: Sequence[socket.socket], strangers: Strangers, context: Callable[[], ssl.SSLContext] | None
    ) -> None:
        self._listeners = listeners
        self._strangers = strangers
        self._context = context
        self._arriving: set[asyncio.Task[None]] = set()

    def open(self, make: Callable[[], BoundedHttp]) -> None:
        """Accept in the running loop. `make` returns a protocol for each connection."""
        self._loop, self._make = asyncio.get_running_loop(), make
        for listener in self._listeners:
            listener.setblocking(False)
            self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for task in self._arriving:
            task.cancel()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGE:
                    raise
                log.warning("new connections must wait: %s", error)
                self._loop.remove_reader(listener)
                self._loop.call_later(_REST_S, self._go_on, listener)
                return
            self._take(connection, address[0])

    def _go_on(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._loop.add_reader(listener, self._accept, listener)

    def _take(self, connection: socket.socket, address: str) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def end() -> None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        stranger = Stranger(self._strangers, end)
        stranger.come_from(address)
        task = self._loop.create_task(self._bring_in(connection, stranger))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _bring_in(self, connection: socket.socket, stranger: Stranger) -> None:
        def made() -> BoundedHttp:
            protocol = self._make()
            protocol.stranger = stranger
            return protocol

        context = self._context() if self._context is not None else None
        handshake_s = limits.TLS_HANDSHAKE_S if context is not None else None
        try:
            await self._loop.connect_accepted_socket(made, connection, ssl=context, ssl_handshake_timeout=handshake_s)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            stranger.leave()
            connection.close()
