"""A measurement of the memory that clients cost when they ask to join: `python -m tests.security.floods.memory FOLDER`
prints the `Bill` of each kind of client as JSON.

The server runs in this process, so that tracemalloc can separate its allocations from the test's. Nothing else runs here,
because each snapshot takes seconds among the objects of other tests. Only allocations below the code of the server and its
libraries count. Allocations of the packet plane and of TLS outside Python are not counted. The test asks the plane whether a
transport exists.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import socket
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from conference import Grants
from signaling import server
from signaling.front import strangers
from signaling.front.door import Door
from signaling.host import limits
from signaling.host.settings import Settings
from signaling.host.tokens import Authenticator
from signaling.ops.journal import Strangers
from tests.clients.peers import open_transports

STRANGERS = 150
BOUND_S = 140
TOLD_S = 1.2
"""Seconds. The packet plane reports its figures once per second, so after this time the report is new. Shorter: the test reads
old figures. Longer: the test takes longer.
"""
CONFERENCE = "memory"


@dataclass
class Things:
    """The objects that exist for the clients."""

    conferences: int
    connections: int
    transports: int
    """The number from the packet plane, which reports once per second."""


@dataclass
class Here:
    """The server that runs in this process."""

    composition: server.Composition
    port: int
    http: server._Server

    async def settle(self, connections: int) -> None:
        """Wait until the server has exactly `connections` and has finished the work of the closed connections."""
        state = self.http.server_state
        while len(state.connections) != connections or len(state.tasks) > connections:
            await asyncio.sleep(0.005)
        for _ in range(40):
            await asyncio.sleep(0.005)

    @property
    def things(self) -> Things:
        running = self.composition.running
        assert running is not None
        return Things(len(running.registry), len(open_transports(running.node)), len(running.node.statistics().peers))

    def token(self, identity: str, secret: str = "") -> str:
        settings = self.composition.settings
        grants = Grants(identity=identity, conference=CONFERENCE, join=True)
        return Authenticator({settings.api_key: secret or settings.api_secret}).sign(grants, 600, time.time())


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Here]:
    settings = Settings(
        host=("127.0.0.1",),
        media_host=("127.0.0.1",),
        media_port=0,
        http_port=0,
        data_dir=folder,
        api_key="k",
        api_secret="s" * 40,
        database_upgrade=True,
    )
    logging.getLogger("uvicorn.error").addFilter(Strangers())  # the filter that `journal.start` installs
    composition = server.build(settings)
    config = server._uvicorn_config(composition)
    config.load()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)
        port = listener.getsockname()[1]
        running = server._Server(config, composition, Door([listener], strangers.Strangers(limits.STRANGERS), None))
        running.lifespan = config.lifespan_class(config)
        await running.startup()
        assert running.started
        try:
            yield Here(composition, port, running)
        finally:
            await running.shutdown()


def request(token: str) -> bytes:
    """Return a browser's request to join."""
    headers = ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    headers += [
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {token}",
        "User-Agent: " + "x" * 120,
    ]
    return ("GET /rtc?protocol=17&sdk=js&auto_subscribe=1 HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n").encode()


class Crowd:
    """Plain sockets that are made before the measurement begins."""

    def __init__(self, here: Here, count: int) -> None:
        self._here = here
        self.sockets = [socket.socket() for _ in range(count)]
        self.said: list[str] = []
        """The start of each answer, up to its status."""

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            one.setblocking(False)
            await loop.sock_connect(one, ("127.0.0.1", self._here.port))

    async def send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            await loop.sock_sendall(one, data)

    async def hear(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            self.said.append((await loop.sock_recv(one, 65_536))[:12].decode("latin-1"))

    async def close(self) -> None:
        for one in self.sockets:
            one.close()
        await self._here.settle(0)


def held() -> int:
    """Return the bytes of living objects that were allocated since the count began. Objects of this file and of tracemalloc do
    not count.
    """
    gc.collect()
    mine = tracemalloc.Filter(False, __file__)
    own = tracemalloc.Filter(False, tracemalloc.__file__)
    return sum(one.size for one in tracemalloc.take_snapshot().filter_traces((mine, own)).traces)


@contextlib.contextmanager
def counting() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@contextlib.asynccontextmanager
async def gathered(here: Here) -> AsyncIterator[Crowd]:
    """Yield a crowd that has not connected yet. Other clients have connected and left before, and one of them caused the REST
    API to be built.
    """
    pages = Crowd(here, 1)
    await pages.connect()
    await pages.send(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await pages.hear()
    await pages.close()
    warm, made = Crowd(here, 5), Crowd(here, STRANGERS)
    await warm.connect()
    await warm.send(request(here.token("stranger", "w" * 40)))
    await warm.hear()
    await warm.close()
    try:
        yield made
    finally:
        await made.close()


async def cost(here: Here, crowd: Crowd, data: bytes) -> float:
    """Return the bytes per client when all clients of the crowd have connected and sent the data."""
    with counting():
        before = held()
        await crowd.connect()
        await crowd.send(data)
        await here.settle(STRANGERS)
        return (held() - before) / STRANGERS


@dataclass
class Bill:
    """Bytes per client, and the objects that the server has for the clients."""

    asking: float
    while_asking: Things
    answers: list[str]
    afterwards: Things
    left: float = 0.0


async def stranger(here: Here, crowd: Crowd) -> Bill:
    """Measure clients that send almost a whole request, and then its end. A wrong key signed their token."""
    whole = request(here.token("stranger", "w" * 40))
    asking = await cost(here, crowd, whole[:-2])
    await asyncio.sleep(TOLD_S)
    while_asking = here.things
    with counting():
        before = held()
        await crowd.send(whole[-2:])
        await crowd.hear()
        await crowd.close()
        left = (held() - before) / STRANGERS
    await asyncio.sleep(TOLD_S)
    return Bill(asking, while_asking, crowd.said, here.things, left)


async def guest(here: Here, crowd: Crowd) -> Bill:
    """Measure clients that send the same request with a valid key."""
    asking = await cost(here, crowd, request(here.token("guest")))
    await asyncio.sleep(TOLD_S)
    while_asking = here.things
    await crowd.hear()
    return Bill(asking, while_asking, crowd.said, here.things)


KINDS = {"stranger": stranger, "guest": guest}


async def main(folder: Path) -> dict[str, Bill]:
    made = {}
    async with served(folder) as here:
        for kind, measure in KINDS.items():
            async with asyncio.timeout(BOUND_S), gathered(here) as crowd:
                made[kind] = await measure(here, crowd)
    return made


if __name__ == "__main__":
    print(json.dumps({kind: asdict(bill) for kind, bill in asyncio.run(main(Path(sys.argv[1]))).items()}))
