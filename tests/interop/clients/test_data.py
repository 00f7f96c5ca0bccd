"""Data messages, metadata and attributes between real clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from livekit import api, rtc

from tests.conftest import LiveServer
from tests.interop.person import Person
from tests.waiting import until

pytestmark = pytest.mark.native

MESSAGES = 1000


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_a_thousand_messages_keep_their_order(person: Callable[..., Person], dual: bool) -> None:
    conference = f"order-{dual}"
    async with (
        person("an", conference, dual=dual) as an,
        person("binh", conference, dual=dual) as binh,
        person("chi", conference, dual=not dual) as chi,
    ):
        await until(lambda: len(an.room.remote_participants) == 2, "all are there")
        for number in range(MESSAGES):
            await an.room.local_participant.publish_data(f"{number} " + "x" * (number % 700), topic="order")
        await until(lambda: len(binh.packets) >= MESSAGES and len(chi.packets) >= MESSAGES, "all messages")
        for one in (binh, chi):
            assert [int(packet.data.split()[0]) for packet in one.packets] == list(range(MESSAGES))
            assert {packet.participant and packet.participant.identity for packet in one.packets} == {"an"}
            assert {packet.topic for packet in one.packets} == {"order"}
        assert an.packets == []


async def test_messages_to_some_reach_only_them(person: Callable[..., Person]) -> None:
    async with person("an", "some") as an, person("binh", "some") as binh, person("chi", "some") as chi:
        await until(lambda: len(an.room.remote_participants) == 2, "all are there")
        send = an.room.local_participant.publish_data
        await send("for chi", destination_identities=["chi"])
        await send("for all")
        await until(lambda: binh.packets and len(chi.packets) == 2, "the messages")
        assert [packet.data for packet in binh.packets] == [b"for all"]
        assert [packet.data for packet in chi.packets] == [b"for chi", b"for all"]


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_lossy_messages_arrive_on_a_good_path(person: Callable[..., Person], dual: bool) -> None:
    conference = f"lossy-{dual}"
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        await until(lambda: an.room.remote_participants, "both are there")
        for number in range(100):
            await an.room.local_participant.publish_data(str(number), reliable=False)
            await asyncio.sleep(0.01)
        await until(lambda: len(binh.packets) > 90, "nearly all")
        assert {packet.kind for packet in binh.packets} == {rtc.DataPacketKind.KIND_LOSSY}
        assert len({packet.data for packet in binh.packets}) == len(binh.packets), "none twice"


async def test_long_messages_and_texts_arrive_complete(person: Callable[..., Person]) -> None:
    long = bytes(range(256)) * 56
    text = "Kính thưa các đồng chí. " * 4000
    async with person("an", "long") as an, person("binh", "long") as binh:
        texts: list[str] = []

        def opened(reader: rtc.TextStreamReader, _: str) -> None:
            async def read() -> None:
                texts.append(await reader.read_all())

            binh.start(read())

        binh.room.register_text_stream_handler("speech", opened)
        await until(lambda: an.room.remote_participants, "both are there")
        await an.room.local_participant.publish_data(long)
        await an.room.local_participant.send_text(text, topic="speech")
        await until(lambda: binh.packets and texts, "both")
        assert binh.packets[0].data == long
        assert texts == [text]


async def test_the_server_api_sends_to_all_and_to_one(server: LiveServer, person: Callable[..., Person]) -> None:
    async with (
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as administration,
        person("an", "announce") as an,
        person("binh", "announce") as binh,
    ):
        await until(lambda: an.room.remote_participants, "both are there")
        for to, data in ((["binh"], b"only binh"), ([], b"everybody")):
            await administration.room.send_data(
                api.SendDataRequest(
                    room="announce", data=data, kind=api.DataPacket.Kind.RELIABLE, destination_identities=to
                )
            )
        await until(lambda: an.packets and len(binh.packets) == 2, "the messages")
        assert [packet.data for packet in an.packets] == [b"everybody"]
        assert [packet.data for packet in binh.packets] == [b"only binh", b"everybody"]


async def test_without_the_grant_a_client_sends_no_messages(person: Callable[..., Person]) -> None:
    async with person("an", "mum", grants={"can_publish_data": False}) as an, person("binh", "mum") as binh:
        await until(lambda: an.room.remote_participants, "both are there")
        await an.room.local_participant.publish_data("psst")
        await binh.room.local_participant.publish_data("hello")
        await until(lambda: an.packets, "the permitted direction")
        async with person("chi", "mum") as chi:
            await until(lambda: binh.room.remote_participants.keys() == {"an", "chi"}, "chi is there")
            await an.room.local_participant.publish_data("psst")
            await chi.room.local_participant.publish_data("end")
            await until(lambda: binh.packets, "a message")
        assert [packet.data for packet in binh.packets] == [b"end"]


@pytest.mark.parametrize("dual", [pytest.param(False, marks=pytest.mark.sim), True], ids=["single", "dual"])
async def test_name_metadata_and_attributes_reach_the_others(person: Callable[..., Person], dual: bool) -> None:
    conference = f"facts-{dual}"
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        me = an.room.local_participant
        await me.set_name("Ủy ban nhân dân xã")
        # The client sends its known name and metadata again with each next change, so the test waits here.
        await until(lambda: me.name == "Ủy ban nhân dân xã", "an knows the own new name")
        await me.set_metadata('{"seat": 4}')
        await until(lambda: me.metadata == '{"seat": 4}', "an knows the own metadata")
        await me.set_attributes({"hand": "1", "site": "Lào Cai"})
        await until(lambda: "an" in binh.room.remote_participants, "an is known")
        seen = binh.room.remote_participants["an"]
        await until(lambda: seen.name == "Ủy ban nhân dân xã" and seen.metadata == '{"seat": 4}', "name and metadata")
        # The server replaces the value of a raised hand by its own time in ms: the hand is a request in the queue.
        await until(lambda: set(seen.attributes) == {"hand", "site"}, "attributes")
        assert abs(int(seen.attributes["hand"]) / 1000 - time.time()) < 60
        assert seen.attributes["site"] == "Lào Cai"
        await me.set_attributes({"hand": ""})
        await until(lambda: dict(seen.attributes) == {"site": "Lào Cai"}, "an attribute taken back")
        async with person("chi", conference, dual=dual) as chi:
            late = chi.room.remote_participants["an"]
            assert (late.name, late.metadata, dict(late.attributes)) == (
                "Ủy ban nhân dân xã",
                '{"seat": 4}',
                {"site": "Lào Cai"},
            )
