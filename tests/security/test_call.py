"""A call between real clients while strangers shout at the media port of the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.conftest import LiveServer
from tests.interop.conftest import FAULTS
from tests.interop.person import Person, token, until
from tests.security import strangers

pytestmark = pytest.mark.native

FREEZE = 15
"""Pictures; one second."""


def free_port() -> int:
    """Free for UDP and TCP when asked."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


async def test_a_call_goes_on_among_strangers(own_server: Callable[..., LiveServer]) -> None:
    port = free_port()
    server = own_server("--media-port", str(port))
    tokens = [token(server.api_key, server.api_secret, name, "call") for name in ("an", "binh", "chi")]
    an, binh, chi = (Person(server.ws_url, one) for one in tokens)
    crowd = strangers.crowd(("127.0.0.1", port), 100)
    noise = [*strangers.attacks(await strangers.client_hello(), "nobody"), *strangers.wild(longest=16)]
    shouting = asyncio.get_running_loop().create_task(strangers.flood(crowd, noise, per_s=2000))
    try:
        async with an, binh:  # they come in while the strangers shout
            camera = await an.show("red")
            await an.speak(440)
            view = binh.view("an")
            await until(lambda: len(view.sights) > 5 and binh.ear("an").hears(440), "picture and tone")
            start = camera.counter
            await until(lambda: camera.counter > start + 75, "five seconds")
            async with chi:
                await until(lambda: chi.view("an").counter and chi.ear("an").hears(440), "one more comes in")
            assert view.gap(start) <= FREEZE
            assert binh.ear("an").hears(440)
            assert not {"reconnecting", "disconnected"} & {name for name, _ in an.events + binh.events}
        assert sum(one.listen() for one in crowd) == 0
        assert sum(one.sent_bytes for one in crowd) > 100_000
        assert not FAULTS.search("".join(server.output))
    finally:
        shouting.cancel()
        with suppress(asyncio.CancelledError):
            await shouting
        for one in crowd:
            one.close()
