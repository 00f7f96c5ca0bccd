"""600 browsers behind one address join, although another address holds all connections that it can get."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import aiohttp
import pytest
from livekit.protocol import rtc

from conference import Grants
from signaling.host.tokens import Authenticator
from tests.conftest import LiveServer

HOLDER, OFFICE = "127.0.0.2", "127.0.0.1"
IDLE, BROWSERS, MEETINGS = 8200, 600, 30
BOUND_S = 60
"""Seconds for all browsers together: the promised time for an office that starts its day. Larger: the test misses a slow start.
Smaller: the test fails although the promise is kept.
"""

pytestmark = [pytest.mark.whole_machine, pytest.mark.slow]


@contextmanager
def idle_sockets(port: int) -> Iterator[list[socket.socket]]:
    """Hold idle connections from one address."""
    with ExitStack() as stack:
        held = []
        for _ in range(IDLE):
            held.append(stack.enter_context(socket.socket()))
            held[-1].bind((HOLDER, 0))
            held[-1].connect((OFFICE, port))
        yield held


async def joins(http: aiohttp.ClientSession, server: LiveServer, number: int) -> aiohttp.ClientWebSocketResponse:
    """Load the page, then open the call's WebSocket and wait for the join answer."""
    grants = Grants(identity=f"person-{number}", conference=f"morning-{number % MEETINGS}", join=True)
    token = Authenticator({server.api_key: server.api_secret}).sign(grants, 600, time.time())
    async with http.get(f"{server.url}/") as page:
        assert page.status == 200
        await page.read()
    call = await http.ws_connect(
        f"{server.ws_url}/rtc?protocol=17&auto_subscribe=0", headers={"Authorization": f"Bearer {token}"}
    )
    answer = rtc.SignalResponse.FromString((await call.receive(BOUND_S)).data)
    assert answer.WhichOneof("message") == "join"
    return call


async def test_an_office_can_join_despite_idle_sockets(live_server: LiveServer) -> None:
    with idle_sockets(live_server.port):
        connector = aiohttp.TCPConnector(local_addr=(OFFICE, 0), limit=0)
        async with aiohttp.ClientSession(connector=connector) as http, asyncio.timeout(BOUND_S):
            begun = time.monotonic()
            turns = asyncio.Semaphore(20)

            async def one(number: int) -> aiohttp.ClientWebSocketResponse:
                async with turns:
                    return await joins(http, live_server, number)

            calls = await asyncio.gather(*(one(number) for number in range(BROWSERS)))
            print(f"{BROWSERS} browsers in {time.monotonic() - begun:.1f} s")
            assert not any(call.closed for call in calls), "who came in stays"
            await asyncio.gather(*(call.close() for call in calls))
