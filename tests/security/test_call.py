"""A call between real clients while unknown hosts flood the server's media port."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from aioice import stun

from tests.conftest import LiveServer
from tests.interop.conftest import FAULTS
from tests.interop.person import Person, token
from tests.ports import free_port
from tests.security.floods import strangers
from tests.waiting import until

pytestmark = pytest.mark.native

FREEZE = 15
"""Pictures. Chosen: one second. Larger: the test misses a freeze. Smaller: the test fails on a busy machine."""


async def test_a_call_goes_on_during_a_flood_of_strangers(own_server: Callable[..., LiveServer]) -> None:
    port = free_port()
    server = own_server("--media-port", str(port))
    tokens = [token(server.api_key, server.api_secret, name, "call") for name in ("an", "binh", "chi")]
    an, binh, chi = (Person(server.ws_url, one) for one in tokens)
    crowd = strangers.crowd(("127.0.0.1", port), 100)
    noise = [*strangers.attacks(await strangers.client_hello(), "nobody"), *strangers.wild(longest=16)]
    shouting = asyncio.get_running_loop().create_task(strangers.flood(crowd, noise, per_s=2000))
    try:
        async with an, binh:  # both join during the flood
            camera = await an.show("red")
            await an.speak(440)
            view = binh.view("an")
            await until(lambda: len(view.sights) > 5 and binh.ear("an").hears(440), "picture and tone")
            start = camera.counter
            await until(
                lambda: camera.counter > start + 75 and sum(one.sent_bytes for one in crowd) > 100_000,
                "five loud seconds",
            )
            async with chi:
                await until(lambda: chi.view("an").counter and chi.ear("an").hears(440), "one more comes in")
            assert view.gap(start) <= FREEZE
            await binh.ear("an").still_hears(440)
            assert not {"reconnecting", "disconnected"} & {name for name, _ in an.events + binh.events}
        assert sum(one.listen() for one in crowd) == 0
        assert not FAULTS.search("".join(server.output))
    finally:
        shouting.cancel()
        with suppress(asyncio.CancelledError):
            await shouting
        for one in crowd:
            one.close()


SO_ATTACH_FILTER = 26
"""The option of Linux that Python does not name."""


def checks_to(port: int) -> bytes:
    """Return a packet filter (classic BPF) for packets that begin with the IP header. It takes the ICE checks in UDP to a port,
    except those of `strangers.crowd`.
    """
    steps = [
        (0x30, 0, 0, 9),  # the protocol
        (0x15, 0, 9, socket.IPPROTO_UDP),
        (0x20, 0, 0, 12),  # the address of the sender
        (0x54, 0, 0, 0xFFFF0000),
        (0x15, 6, 0, 0x7F070000),
        (0xB1, 0, 0, 0),  # X: the length of the IP header
        (0x48, 0, 0, 2),  # the port of the receiver
        (0x15, 0, 3, port),
        (0x48, 0, 0, 8),  # the kind of the STUN message
        (0x15, 0, 1, 1),  # a check
        (0x06, 0, 0, 65_536),
        (0x06, 0, 0, 0),
    ]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


class Ear:
    """A reader of the ICE checks to one UDP port of loopback, as an attacker on the path can be (AF_PACKET: only root may). The
    kernel leaves out all other packets: the media of this call, and of the tests that run beside it.
    """

    def __init__(self, port: int) -> None:
        steps = checks_to(port)
        kept = ctypes.create_string_buffer(steps)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        program = struct.pack("HP", len(steps) // 8, ctypes.addressof(kept))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        self._socket.bind(("lo", 0x0800))
        self._socket.setblocking(False)

    def checks(self) -> list[bytes]:
        """Return the ICE checks since the last call, each once."""
        found: dict[bytes, None] = {}
        with suppress(BlockingIOError):
            while packet := self._socket.recv(2048):
                found[packet[(packet[0] & 15) * 4 + 8 :]] = None
        return list(found)

    def close(self) -> None:
        self._socket.close()


async def test_checks_that_were_overheard_move_no_media(own_server: Callable[..., LiveServer]) -> None:
    """Media does not move when each check of both clients arrives again from another address, together with forged checks."""
    port = free_port()
    server = own_server("--media-port", str(port))
    an, binh = (
        Person(server.ws_url, token(server.api_key, server.api_secret, name, "call")) for name in ("an", "binh")
    )
    ear, crowd, heard = Ear(port), strangers.crowd(("127.0.0.1", port), 20), 0
    try:
        async with an, binh:
            camera = await an.show("red")
            view = binh.view("an")
            await until(lambda: len(view.sights) > 5, "a picture")
            start = camera.counter
            while (
                camera.counter < start + 150 or heard < 4
            ):  # five seconds; each client sends a check about every two seconds
                for check in ear.checks():
                    heard += 1
                    name = stun.parse_message(check).attributes["USERNAME"]
                    for number, one in enumerate(crowd):
                        one.send(check if number % 2 else strangers.binding(name, None))
                        one.send(strangers.binding(name, "wrong password, 22 char"))
                await asyncio.sleep(0.02)
            await until(lambda: view.counter > start + 150, "the picture goes on")
            assert view.gap(start) <= FREEZE
            assert not {"reconnecting", "disconnected"} & {name for name, _ in an.events + binh.events}
        assert sum(one.listen() for one in crowd) == 0
    finally:
        ear.close()
        for one in crowd:
            one.close()
