"""Raw bytes to HTTP servers, and servers of one's own for controls: the real uvicorn behind the parser that the test names."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from signaling.front.intake import BoundedHttp

WAIT_S = 5.0
"""Of whoever waits for more bytes; nothing that is refused or answered takes so long."""


@dataclass
class Answers:
    """What came back on one connection."""

    data: bytes
    closed: bool
    """By the server; otherwise it waits for more."""

    @property
    def statuses(self) -> list[int]:
        """Of each answer: these servers say a length each time, and no body of theirs holds a status line."""
        return [int(one[:3]) for one in self.data.split(b"HTTP/1.1 ")[1:]]


async def tell(port: int, data: bytes, wait_s: float = WAIT_S) -> Answers:
    """Send all of it and read until the server closes, or says nothing any more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    closed = False
    try:
        writer.write(data)
        async with asyncio.timeout(wait_s):
            while part := await reader.read(65_536):
                got += part
            closed = True
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return Answers(got, closed)


@dataclass
class Counter:
    """An application that takes everything and remembers what was asked; it reads bodies to their end."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(f"{scope['method']} {scope['path']}")
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def served(
    app: Any, http: type[asyncio.Protocol] = BoundedHttp, *, ws: Any = "none", **options: Any
) -> AsyncIterator[int]:
    """The port of `app` on loopback, behind uvicorn as this server sets it; `options` of its `Config`."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        config = uvicorn.Config(
            app, http=http, ws=ws, lifespan="off", log_config=None, **({"access_log": False} | options)
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        try:
            yield listener.getsockname()[1]
        finally:
            await server.shutdown(sockets=[listener])
