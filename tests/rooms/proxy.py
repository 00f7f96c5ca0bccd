"""A proxy in front of a real PostgreSQL. It cuts the server's answers off where a test wants."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.rooms.postgres import Postgres

PORT = 5432


class Proxy:
    """A proxy in front of a real server. It closes each connection after `left` bytes of the server's answers. It holds the
    answers back until `talks` is set.
    """

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.left = self.heard = 1 << 30
        self.talks = asyncio.Event()
        self.talks.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(self.server.folder / f".s.PGSQL.{PORT}")
        asking = asyncio.create_task(self.ask(reader, ours))
        try:
            while self.left and (words := (await theirs.read(min(self.left, 65_536)))[: self.left]):
                await self.talks.wait()
                self.left -= len(words)
                self.heard += len(words)
                writer.write(words)
        finally:
            asking.cancel()
            writer.close()
            ours.close()

    async def ask(self, reader: asyncio.StreamReader, ours: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while words := await reader.read(65_536):
                ours.write(words)


@asynccontextmanager
async def before(server: Postgres, name: str = "postgres") -> AsyncIterator[tuple[Proxy, str]]:
    """Yield the proxy, and the URL of the database behind the proxy."""
    proxy = Proxy(server)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        async with await asyncio.start_unix_server(proxy.serve, Path(folder) / f".s.PGSQL.{PORT}"):
            yield proxy, f"postgresql://postgres@/{name}?host={folder}"
