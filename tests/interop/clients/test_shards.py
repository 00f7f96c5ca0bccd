"""A server with two packet threads. Either two conferences run on the threads, or one conference uses both. The SDK sees and
hears in each case.
"""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.waiting import until

pytestmark = pytest.mark.native

TOKEN = "m" * 32
ROOT = Path(__file__).parents[3]
CROWDED = "from media.node import placement\n\nplacement.PEERS_TOGETHER = 1\n"
"""A patch that limits a thread to one peer of a conference, so that two peers use two threads."""


def figures(server: LiveServer, name: str) -> dict[str, float]:
    """Return the values of a metric, by shard."""
    request = urllib.request.Request(f"{server.url}/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    return {shard: float(value) for shard, value in re.findall(rf'^{name}{{shard="(\d+)"}} (\S+)$', text, re.MULTILINE)}


async def test_conferences_on_two_shards(own_server: Callable[..., LiveServer]) -> None:
    server = own_server("--shards", "2", DIEMCAU_METRICS_TOKEN=TOKEN)
    async with AsyncExitStack() as stack:

        async def person(identity: str, conference: str) -> Person:
            jwt = token(server.api_key, server.api_secret, identity, conference)
            return await stack.enter_async_context(Person(server.ws_url, jwt))

        pairs = [(await person("an", name), await person("binh", name)) for name in ("first", "second")]
        for (an, binh), colour, hz in zip(pairs, ("red", "blue"), (440, 1000), strict=True):
            await an.show(colour, size=(160, 120), fps=8)
            await binh.speak(hz)
        for (an, binh), colour, hz in zip(pairs, ("red", "blue"), (440, 1000), strict=True):
            await binh.view("an").shows(colour)
            await binh.view("an").goes_on()
            await until(partial(an.ear("binh").hears, hz), "the tone")
        await until(lambda: sum(figures(server, "diemcau_shard_transports").values()) >= 4, "the figures of now")
        assert figures(server, "diemcau_shard_conferences") == {"0": 1, "1": 1}
        assert set(figures(server, "diemcau_shard_transports")) == {"0", "1"}
        assert set(figures(server, "diemcau_shard_handed_over_packets_total")) == {"0", "1"}


async def _sees_and_hears(one: Person) -> None:
    for other, colour in (("an", "red"), ("binh", "blue")):
        if one.identity != other:
            await one.view(other).shows(colour)
            await one.view(other).goes_on()
    for other, hz in (("chi", 440), ("dung", 1000)):
        if one.identity != other:
            await until(partial(one.ear(other).hears, hz), f"{one.identity} hears {other}")


async def test_a_conference_on_both_shards(own_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(CROWDED)
    server = own_server("--shards", "2", DIEMCAU_METRICS_TOKEN=TOKEN, PYTHONPATH=f"{tmp_path}:{ROOT}")
    async with AsyncExitStack() as stack:
        people: dict[str, Person] = {}
        for identity in ("an", "binh", "chi", "dung"):
            jwt = token(server.api_key, server.api_secret, identity, "one")
            people[identity] = await stack.enter_async_context(Person(server.ws_url, jwt))
        await people["an"].show("red", size=(160, 120), fps=8)
        await people["binh"].show("blue", size=(160, 120), fps=8)
        await people["chi"].speak(440)
        await people["dung"].speak(1000)
        await asyncio.gather(*(_sees_and_hears(one) for one in people.values()))
        await until(lambda: min(figures(server, "diemcau_shard_transports").values()) >= 1, "peers on both")
        assert figures(server, "diemcau_shard_conferences") == {"0": 1, "1": 0}
        assert not [line for line in server.output if "Traceback" in line or "panicked" in line]
