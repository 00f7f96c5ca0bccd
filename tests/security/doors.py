"""Functions that send raw bytes to HTTP servers, and servers for controls. These servers are the real uvicorn with the parser
that a test names.
"""

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
"""Seconds of silence after which the server is taken to wait for more bytes. Chosen. Longer: the tests take longer. Shorter: a
slow answer is missed.
"""


@dataclass
class Answers:
    """The bytes that the server sent on one connection."""

    data: bytes
    closed: bool
    """True if the server closed the connection. False if the server waits for more bytes."""

    @property
    def statuses(self) -> list[int]:
        """Return the status of each answer. Each answer has a length, and no body contains a status line."""
        return [int(one[:3]) for one in self.data.split(b"HTTP/1.1 ")[1:]]


async def tell(port: int, data: bytes, wait_s: float = WAIT_S) -> Answers:
    """Send all bytes. Read until the server closes the connection or is silent for `wait_s`."""
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
    """An application that accepts every request, remembers it, and reads its body to the end."""

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
    """Give the port of `app` on loopback, behind uvicorn with the settings of this server. `options` are `uvicorn.Config`'s."""
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
