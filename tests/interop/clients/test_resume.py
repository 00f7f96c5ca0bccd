"""Media continues while the signalling connection is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from livekit import rtc
from livekit.protocol import models

from tests.clients.listener import Listener
from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.interop.proxy import Proxy
from tests.waiting import until

pytestmark = pytest.mark.native

FREEZE = 30
"""Pictures. Chosen: two seconds. Larger: the test misses a freeze. Smaller: the test fails on a busy machine."""
CROWD = 100
MORE = 25
"""Audio packets. Chosen: half a second. Larger: the test takes longer. Smaller: packets from before the cut may be enough."""


@pytest.mark.parametrize("dual", [False, pytest.param(True, marks=pytest.mark.sim)], ids=["single", "dual"])
async def test_media_goes_on_while_the_socket_is_cut(
    server: LiveServer, person: Callable[..., Person], dual: bool
) -> None:
    conference = f"cut-{dual}"
    async with (
        Proxy(server.port) as proxy,
        person("an", conference, dual=dual, url=proxy.url) as an,
        person("binh", conference, dual=dual) as binh,
    ):
        camera, back = await an.show("red"), await binh.show("blue")
        await an.speak(440)
        view, own = binh.view("an"), an.view("binh")
        await until(lambda: len(view.sights) > 5 and len(own.sights) > 5, "pictures both ways")
        start, back_start = camera.counter, back.counter
        sid = an.room.local_participant.sid
        proxy.cut()
        await until(lambda: an.saw("reconnecting", ""), "the client notices")
        during = camera.counter
        await until(lambda: view.counter > during + 10, "pictures of the cut client while it is cut")
        during = back.counter
        await until(lambda: own.counter > during + 10, "pictures at the cut client while it is cut")
        proxy.mend()
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        after = camera.counter
        await until(lambda: view.counter > after + 30 and binh.ear("an").hears(440), "pictures and tone after")
        assert an.room.local_participant.sid == sid, "it resumed, it did not join anew"
        assert [e for e in binh.events if e[0] == "participant_disconnected"] == []
        assert max(view.gap(start), own.gap(back_start)) <= FREEZE
        await _still_works(an, binh)


async def test_changes_during_the_cut_are_sent_after_it(server: LiveServer, person: Callable[..., Person]) -> None:
    async with (
        Proxy(server.port) as proxy,
        person("an", "meanwhile", url=proxy.url) as an,
        person("binh", "meanwhile") as binh,
    ):
        chi = person("chi", "meanwhile")
        await chi.join()
        await until(lambda: len(an.room.remote_participants) == 2, "all are there")
        proxy.cut()
        await until(lambda: an.saw("reconnecting", ""), "the client notices")
        await chi.leave()
        await binh.show("green")
        await binh.room.local_participant.set_metadata("new")
        await until(lambda: "chi" not in binh.room.remote_participants, "chi has left")
        proxy.mend()
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        await until(lambda: "chi" not in an.room.remote_participants, "an knows that chi left")
        await until(lambda: an.room.remote_participants["binh"].metadata == "new", "an knows the metadata")
        await until(lambda: an.view("binh").colour == "green", "an sees the new track")


@pytest.mark.parametrize("dual", [pytest.param(False, marks=pytest.mark.sim), True], ids=["single", "dual"])
async def test_the_client_joins_again_when_asked(person: Callable[..., Person], dual: bool) -> None:
    conference = f"anew-{dual}"
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        await an.show("red")
        await until(lambda: binh.view("an").counter, "pictures")
        await an.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        before = binh.view("an").counter
        await until(lambda: binh.view("an").counter > before + 20, "pictures after")


@pytest.mark.heavy
async def test_a_hundred_clients_resume_at_the_same_time(server: LiveServer, person: Callable[..., Person]) -> None:
    """A hundred clients lose their sockets together, as when a proxy restarts, and resume together. No client loses its media."""
    async with (
        Proxy(server.port) as proxy,
        person("an", "crowd-returns") as an,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        await an.speak(700)
        keys = [token(server.api_key, server.api_secret, f"p{n}", "crowd-returns") for n in range(CROWD)]
        crowd = [Listener(http, proxy.url, key) for key in keys]
        try:
            await asyncio.gather(*(one.join() for one in crowd))
            await _hear_more(crowd, "all hear")
            proxy.cut()
            await until(lambda: all(one.is_cut for one in crowd), "all notice")
            await _hear_more(crowd, "sound while no socket is there")
            back = [asyncio.create_task(one.resume()) for one in crowd]
            await until(lambda: proxy.waiting == CROWD, "all stand at the door")
            proxy.mend()
            await asyncio.gather(*back)
            await until(lambda: all("refresh_token" in one.kinds() for one in crowd), "all are told")
            for one in crowd:
                assert one.kinds()[:2] == ["reconnect", "update"]
                assert len(one.told[1].update.participants) == CROWD + 1
            await _hear_more(crowd, "sound after")
            await an.room.local_participant.set_metadata("after")
            await until(lambda: all(_says(one, "after") for one in crowd), "what changes is told after")
            states = {info.state for one in crowd for told in one.told for info in told.update.participants}
            assert states == {models.ParticipantInfo.ACTIVE}, "nobody was gone"
            assert not [event for event in an.events if event[0] == "participant_disconnected"]
        finally:
            await asyncio.gather(*(one.leave() for one in crowd))


async def _hear_more(crowd: list[Listener], what: str) -> None:
    before = [one.heard for one in crowd]
    await until(lambda: all(one.heard > n + MORE for one, n in zip(crowd, before, strict=True)), what)


def _says(listener: Listener, metadata: str) -> bool:
    return any(info.metadata == metadata for told in listener.told for info in told.update.participants)


async def _still_works(an: Person, binh: Person) -> None:
    await an.room.local_participant.set_metadata("after")
    await until(lambda: binh.room.remote_participants["an"].metadata == "after", "metadata after the cut")
    await binh.room.local_participant.publish_data("after")
    await until(lambda: any(packet.data == b"after" for packet in an.packets), "a message after the cut")
