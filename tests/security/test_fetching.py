"""W10: no request of the server reaches an internal address, neither by a redirect nor by a name that changes its address.
Controls show the danger.

Two sites use one port of loopback. 127.0.0.2 stands for a public address, and 127.0.0.1 for an internal, forbidden address.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpx2
import pytest

from rooms.sealing import Seal
from signaling.notify import targets
from signaling.notify.webhooks import Deliverer, Order
from tests.ports import free_port
from tests.rooms.invited import KEY

OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.1"
ALLOWED = (f"{OUTSIDE}/32",)
NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
FOLLOWED = (301, 302, 303, 307, 308)
STATUSES = (300, *FOLLOWED, 305, 306)
SECRET = "whsec_" + "A" * 32


@dataclass
class Site:
    """A site that gives a fixed answer and counts the requests."""

    status: int = 200
    location: str = ""
    hosts: list[str] = field(default_factory=list)
    port: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        names = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(names.get("content-length", "0")))
        self.hosts.append(names["host"])
        more = f"location: {self.location}\r\nrefresh: 0;url={self.location}\r\n" if self.location else ""
        writer.write(f"HTTP/1.1 {self.status} X\r\n{more}connection: close\r\ncontent-length: 0\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@dataclass
class World:
    """Both sites. The arguments of `deliver` after the URL are the name service's answers in turn; the last answer stays."""

    outside: Site
    inside: Site

    @property
    def port(self) -> int:
        return self.outside.port

    def deliverer(self, *answers: str) -> Deliverer:
        waiting = list(answers or (OUTSIDE,))

        async def lookup(_host: str, _port: int) -> list[str]:
            return [waiting.pop(0) if len(waiting) > 1 else waiting[0]]

        return Deliverer(cast(Any, None), Seal(KEY), ALLOWED, lookup)

    async def deliver(self, url: str, *answers: str) -> tuple[int, str]:
        order = Order("delivery", url, SECRET, json.dumps({"type": "x"}).encode(), 0)
        return await self.deliverer(*answers)._post(order, NOW)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(Site(), Site())
    made.outside.port = made.inside.port = free_port()
    first = await asyncio.start_server(made.outside.serve, OUTSIDE, made.port)
    second = await asyncio.start_server(made.inside.serve, INSIDE, made.port)
    async with first, second:
        yield made
        await asyncio.gather(*made.outside.tasks, *made.inside.tasks, return_exceptions=True)


def ways_inside(port: int) -> list[str]:
    return [
        f"http://localhost:{port}/",
        f"http://{INSIDE}:{port}/",
        f"//localhost:{port}/",
        f"http://[::ffff:{INSIDE}]:{port}/",
        f"http://127.1:{port}/",
        f"http://2130706433:{port}/",
        f"http://world.example@{INSIDE}:{port}/",
    ]


async def test_no_redirect_leads_inside(world: World) -> None:
    asked = 0
    for status in STATUSES:
        for location in ways_inside(world.port):
            world.outside.status, world.outside.location = status, location
            assert await world.deliver(f"http://world.example:{world.port}/") == (status, "redirects are not followed")
            asked += 1
    assert world.outside.hosts == [f"world.example:{world.port}"] * asked
    assert world.inside.hosts == []


@pytest.mark.parametrize("status", FOLLOWED)
async def test_a_control_that_follows_redirects_reaches_the_inside(world: World, status: int) -> None:
    """A client that follows redirects reaches the inside, although the first address passes our check."""
    world.outside.status, world.outside.location = status, f"http://localhost:{world.port}/"
    allowed = [ipaddress.ip_network(one) for one in ALLOWED]
    assert targets.may_reach(ipaddress.ip_address(OUTSIDE), allowed)
    async with httpx2.AsyncClient(follow_redirects=True, trust_env=False) as client:
        await client.post(f"http://{OUTSIDE}:{world.port}/", content=b"{}")
    assert world.inside.hosts == [f"localhost:{world.port}"]


async def test_a_name_that_changes_its_mind_is_pinned(world: World) -> None:
    """The checked address of `localhost` is used. A second look-up by the system's resolver would give the internal address."""
    assert await world.deliver(f"http://localhost:{world.port}/x", OUTSIDE, INSIDE) == (200, "")
    assert world.outside.hosts == [f"localhost:{world.port}"]
    assert world.inside.hosts == []
    assert await world.deliver(f"http://localhost:{world.port}/x", INSIDE, OUTSIDE) == (
        0,
        "refused: not a public address",
    )
    assert world.inside.hosts == []


async def test_a_control_that_connects_by_name_reaches_the_inside(world: World) -> None:
    """The address passes the check, but then the library looks the name up again and reaches the inside."""

    async def lookup(_host: str, _port: int) -> list[str]:
        return [OUTSIDE]

    allowed = [ipaddress.ip_network(one) for one in ALLOWED]
    assert await targets.resolve("localhost", world.port, allowed, lookup) == OUTSIDE
    async with httpx2.AsyncClient(trust_env=False) as client:
        await client.post(f"http://localhost:{world.port}/x", content=b"{}")
    assert world.inside.hosts == [f"localhost:{world.port}"]
