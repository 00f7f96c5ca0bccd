"""A TCP path to the server that a test can cut. Only signalling uses the path."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self


class Proxy:
    """A proxy on loopback. `async with Proxy(port) as proxy` listens on `proxy.port` and forwards bytes."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.waiting = 0
        """The accepted connections that do not forward yet."""
        self._target = port
        self._open = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._open.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self._open.set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Abort all connections without a WebSocket close. Accept new connections, but forward nothing."""
        self._open.clear()
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Forward the waiting connections."""
        self._open.set()

    def lead_to(self, port: int) -> None:
        """Connect new connections to another port."""
        self._target = port

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        await self._open.wait()
        self.waiting -= 1
        try:
            with suppress(ConnectionError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
                both = {writer, far_writer}
                self._writers |= both
                await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
                self._writers -= both
        finally:
            writer.close()  # also if the target is gone


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError):
        writer.close()
