"""W15: what a stranger costs who asks to come in: less than 8 KiB while he asks, nothing afterwards; with a control.

The whole server in this process, so that its allocations can be told from those of the test: only what is allocated below its
own code and its libraries' counts. What the packet plane and TLS allocate outside of Python is not seen here; that there is no
transport is asked of the plane itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conference import Grants
from signaling import server
from signaling.auth import Authenticator
from signaling.config import Settings
from signaling.journal import Strangers

MOST_BYTES = 8 * 1024
STRANGERS = 150
CONFERENCE = "memory"


@dataclass
class Here:
    """The server that runs in this process."""

    composition: server.Composition
    port: int

    @property
    def things(self) -> tuple[int, int, int]:
        """Conferences, connections, transports of the packet plane."""
        running = self.composition.running
        assert running is not None
        return len(running.registry), len(running.node.transports), len(running.node.statistics().peers)

    def token(self, identity: str, secret: str = "") -> str:
        settings = self.composition.settings
        grants = Grants(identity=identity, conference=CONFERENCE, join=True)
        return Authenticator({settings.api_key: secret or settings.api_secret}).sign(grants, 600, time.time())


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    settings = Settings(
        host=("127.0.0.1",),
        media_host=("127.0.0.1",),
        media_port=0,
        http_port=0,
        data_dir=tmp_path,
        api_key="k",
        api_secret="s" * 40,
        database_upgrade=True,
    )
    quiet = Strangers()
    logging.getLogger("uvicorn.error").addFilter(
        quiet
    )  # as `journal.start` does; what is logged would be kept for this test
    composition = server.build(settings)
    config = server._uvicorn_config(composition, None)
    config.load()
    running = server._Server(config, composition)
    running.lifespan = config.lifespan_class(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)
        await running.startup(sockets=[listener])
        assert running.started
        try:
            yield Here(composition, listener.getsockname()[1])
        finally:
            await running.shutdown(sockets=[listener])
            logging.getLogger("uvicorn.error").removeFilter(quiet)


def request(token: str) -> bytes:
    """As a browser asks, with a session description in it."""
    headers = ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    headers += [
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {token}",
        "User-Agent: " + "x" * 120,
    ]
    return ("GET /rtc?protocol=17&sdk=js&auto_subscribe=1 HTTP/1.1\r\n" + "\r\n".join(headers) + "\r\n\r\n").encode()


class Crowd:
    """Plain sockets, made before anything is counted."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self.sockets = [socket.socket() for _ in range(count)]
        self.answers: list[bytes] = []

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            one.setblocking(False)
            await loop.sock_connect(one, ("127.0.0.1", self._port))

    async def send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for one in self.sockets:
            await loop.sock_sendall(one, data)

    async def hear(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            for one in self.sockets:
                self.answers.append((await loop.sock_recv(one, 65_536))[:13])

    async def close(self) -> None:
        for one in self.sockets:
            one.close()
        await settle()


def held() -> int:
    """Bytes of what is alive and was allocated since the count began, without this file's own."""
    gc.collect()
    mine = tracemalloc.Filter(False, __file__)
    own = tracemalloc.Filter(False, tracemalloc.__file__)
    return sum(one.size for one in tracemalloc.take_snapshot().filter_traces((mine, own)).traces)


async def settle() -> None:
    """Until the server has done what it had to do."""
    for _ in range(40):
        await asyncio.sleep(0.005)


@contextlib.contextmanager
def counting() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.fixture
async def crowd(here: Here) -> AsyncIterator[Crowd]:
    """It has not connected yet; some others have asked before it and are gone."""
    warm, made = Crowd(here.port, 5), Crowd(here.port, STRANGERS)
    await warm.connect()
    await warm.send(request(here.token("stranger", "w" * 40)))
    await warm.hear()
    await warm.close()
    yield made
    await made.close()


async def cost(crowd: Crowd, data: bytes) -> float:
    """Bytes for each of the crowd when all have connected and said so much."""
    with counting():
        before = held()
        await crowd.connect()
        await crowd.send(data)
        await settle()
        return (held() - before) / STRANGERS


async def test_whoever_asks_costs_little_and_leaves_nothing(here: Here, crowd: Crowd) -> None:
    """Nearly the whole of a request, held back; then its end, with a token that is signed by nobody."""
    whole = request(here.token("stranger", "w" * 40))
    assert 0 < await cost(crowd, whole[:-2]) < MOST_BYTES, "while it asks"
    assert here.things == (0, 0, 0)
    with counting():
        before = held()
        await crowd.send(whole[-2:])
        await crowd.hear()
        await crowd.close()
        left = (held() - before) / STRANGERS
    assert all(answer.startswith(b"HTTP/1.1 401 ") for answer in crowd.answers)
    assert left < MOST_BYTES / 8, "afterwards: what libraries keep once for all"
    assert here.things == (0, 0, 0)


async def test_a_control_whoever_may_come_in_costs_more(here: Here, crowd: Crowd) -> None:
    """The same question with a good key: the count sees a session, and the plane has a transport."""
    each = await cost(crowd, request(here.token("guest")))
    await crowd.hear()
    assert all(answer.startswith(b"HTTP/1.1 101 ") for answer in crowd.answers)
    assert each > MOST_BYTES
    conferences, transports, _ = here.things
    assert conferences == 1 and transports > 0
