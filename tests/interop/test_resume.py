"""Signalling is lost while media goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from livekit import rtc

from tests.conftest import LiveServer
from tests.interop.person import Person, until
from tests.interop.proxy import Proxy

pytestmark = pytest.mark.native

FREEZE = 30
"""Pictures; two seconds."""


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
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


async def test_what_changed_meanwhile_is_told_after_the_cut(server: LiveServer, person: Callable[..., Person]) -> None:
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


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_the_client_joins_anew_when_asked(person: Callable[..., Person], dual: bool) -> None:
    conference = f"anew-{dual}"
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        await an.show("red")
        await until(lambda: binh.view("an").counter, "pictures")
        await an.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        before = binh.view("an").counter
        await until(lambda: binh.view("an").counter > before + 20, "pictures after")


async def _still_works(an: Person, binh: Person) -> None:
    await an.room.local_participant.set_metadata("after")
    await until(lambda: binh.room.remote_participants["an"].metadata == "after", "metadata after the cut")
    await binh.room.local_participant.publish_data("after")
    await until(lambda: any(packet.data == b"after" for packet in an.packets), "a message after the cut")
