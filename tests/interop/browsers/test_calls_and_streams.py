"""Data streams, RPC calls between participants, and the subscription permissions of a publisher, with the unmodified Python
SDK.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from livekit import api, rtc
from livekit.protocol import room

from tests.conftest import LiveServer
from tests.interop.person import Person
from tests.interop.proxy import Proxy
from tests.waiting import until

pytestmark = pytest.mark.native

AUDIO = rtc.TrackKind.KIND_AUDIO


def collect(person: Person) -> tuple[list[tuple[str, str]], list[tuple[str, bytes, str]]]:
    """Return two lists that fill with each complete stream on the topic `t`: texts with their senders, and byte streams with
    their senders and names.
    """
    texts: list[tuple[str, str]] = []
    files: list[tuple[str, bytes, str]] = []

    def text(reader: rtc.TextStreamReader, who: str) -> None:
        async def read() -> None:
            texts.append((who, await reader.read_all()))

        person.start(read())

    def stream(reader: rtc.ByteStreamReader, who: str) -> None:
        async def read() -> None:
            files.append((who, b"".join([chunk async for chunk in reader]), reader.info.name))

        person.start(read())

    person.room.register_text_stream_handler("t", text)
    person.room.register_byte_stream_handler("t", stream)
    return texts, files


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_texts_and_bytes_arrive_as_streams(person: Callable[..., Person], dual: bool) -> None:
    conference = f"streams-{dual}"
    async with (
        person("an", conference, dual=dual) as an,
        person("binh", conference, dual=dual) as binh,
        person("chi", conference, dual=not dual) as chi,
    ):
        (texts, files), (others_texts, others_files) = collect(binh), collect(chi)
        await until(lambda: len(an.room.remote_participants) == 2, "all are there")
        me = an.room.local_participant
        await me.send_text("Kính thưa các đồng chí", topic="t")
        writer = await me.stream_text(topic="t")
        for word in ("một ", "hai ", "ba"):
            await writer.write(word)
        await writer.aclose()
        data = bytes(range(256)) * 400
        out = await me.stream_bytes("scan.pdf", total_size=len(data), topic="t", destination_identities=["binh"])
        for at in range(0, len(data), 10_000):
            await out.write(data[at : at + 10_000])
        await out.aclose()
        await me.send_bytes(data[:5000], topic="t", name="small")
        await until(lambda: len(texts) == len(others_texts) == 2, "the texts")
        await until(lambda: len(files) == 2 and others_files, "the files")
        # The library reads each stream in a separate task, so the streams end in any order. `test_data` checks the order of
        # messages.
        assert sorted(texts) == sorted(others_texts) == [("an", "Kính thưa các đồng chí"), ("an", "một hai ba")]
        assert sorted(files) == sorted([("an", data, "scan.pdf"), ("an", data[:5000], "small")])
        assert others_files == [("an", data[:5000], "small")]


def answering(person: Person) -> None:
    async def greet(asked: rtc.RpcInvocationData) -> str:
        return f"{asked.caller_identity}: {asked.payload.upper()}"

    async def fail(asked: rtc.RpcInvocationData) -> str:
        raise rtc.RpcError(1234, "no seat is free", "row 4")

    async def sleep(asked: rtc.RpcInvocationData) -> str:
        await asyncio.sleep(30)
        return ""

    for method in (greet, fail, sleep):
        person.room.local_participant.register_rpc_method(method.__name__, method)


async def test_a_method_is_called_at_another_participant(person: Callable[..., Person]) -> None:
    async with person("an", "rpc") as an, person("binh", "rpc", dual=True) as binh:
        answering(binh)
        await until(lambda: an.room.remote_participants and binh.room.remote_participants, "both are there")
        me = an.room.local_participant
        assert await me.perform_rpc(destination_identity="binh", method="greet", payload="xin chào") == "an: XIN CHÀO"
        long = "x" * 14_000
        assert await me.perform_rpc(destination_identity="binh", method="greet", payload=long) == f"an: {long.upper()}"
        with pytest.raises(rtc.RpcError) as failed:
            await me.perform_rpc(destination_identity="binh", method="fail", payload="")
        assert (failed.value.code, failed.value.message) == (1234, "no seat is free")
        with pytest.raises(rtc.RpcError) as failed:
            await me.perform_rpc(destination_identity="binh", method="unheard", payload="")
        assert failed.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


async def test_the_server_api_calls_a_method(server: LiveServer, person: Callable[..., Person]) -> None:
    async with (
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk,
        person("an", "asked") as an,
        person("binh", "asked", dual=True) as binh,
    ):
        answering(an)
        await until(lambda: an.room.remote_participants and binh.room.remote_participants, "both are there")

        async def ask(identity: str, method: str, timeout_ms: int = 10_000, payload: str = "hỏi") -> str:
            grant = api.VideoGrants(room_admin=True, room="asked")
            request = room.PerformRpcRequest(
                room="asked",
                destination_identity=identity,
                method=method,
                payload=payload,
                response_timeout_ms=timeout_ms,
            )
            headers = lk.room._auth_header(grant)
            answer = await lk.room._client.request(
                "RoomService", "PerformRpc", request, headers, room.PerformRpcResponse
            )
            return str(answer.payload)

        assert (await ask("an", "greet")).endswith("HỎI")
        for identity, method, timeout_ms, payload, code in (
            ("an", "fail", 10_000, "", "aborted"),
            ("an", "unheard", 10_000, "", "aborted"),
            ("an", "sleep", 1000, "", "deadline_exceeded"),
            ("nobody", "greet", 10_000, "", "not_found"),
            ("an", "greet", 10_000, "x" * 16_000, "invalid_argument"),
        ):
            with pytest.raises(api.TwirpError) as refused:
                await ask(identity, method, timeout_ms, payload)
            assert refused.value.code == code, method
            if method == "fail":
                assert refused.value.metadata == {"rpc_code": "1234", "rpc_data": "row 4"}
        assert binh.packets == []


async def ends(person: Person, identity: str) -> None:
    """Wait until no more sound arrives. This client keeps the publication unchanged, so only the frames show the end."""
    before = -1
    while person.ear(identity).frames != before:
        before = person.ear(identity).frames
        await asyncio.sleep(1)


async def test_a_publisher_chooses_who_may_subscribe(person: Callable[..., Person]) -> None:
    async with person("an", "audience") as an, person("binh", "audience") as binh, person("chi", "audience") as chi:
        await until(lambda: len(an.room.remote_participants) == 2, "all are there")
        microphone = await an.speak(600)
        await until(lambda: binh.ear("an").hears(600) and chi.ear("an").hears(600), "the tone")
        only = rtc.ParticipantTrackPermission(participant_identity="binh", allowed_track_sids=[microphone.sid])
        me = an.room.local_participant
        me.set_track_subscription_permissions(allow_all_participants=False, participant_permissions=[only])
        await ends(chi, "an")
        async with person("dung", "audience") as late:
            await until(lambda: late.publication("an", AUDIO) is not None, "a late one knows the track")
            now = binh.ear("an").frames
            await until(lambda: binh.ear("an").frames > now + 20, "binh goes on hearing")
            assert late.ear("an").frames == 0
            me.set_track_subscription_permissions(allow_all_participants=True)
            now = chi.ear("an").frames
            await until(lambda: chi.ear("an").frames > now + 20 and late.ear("an").hears(600), "both hear")


@pytest.mark.parametrize(
    ("scenario", "anew"),
    [
        (rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT, False),
        (rtc.SimulateScenarioKind.SIMULATE_FORCE_TCP, True),
        (rtc.SimulateScenarioKind.SIMULATE_DISCONNECT_SIGNAL_ON_RESUME, True),
        (rtc.SimulateScenarioKind.SIMULATE_NODE_FAILURE, True),
        (rtc.SimulateScenarioKind.SIMULATE_MIGRATION, True),
    ],
    ids=["signal", "tcp", "cut-resume", "node-failure", "migration"],
)
async def test_a_client_survives_each_simulated_fault(
    person: Callable[..., Person], scenario: rtc.SimulateScenarioKind.ValueType, anew: bool
) -> None:
    conference = f"played-{scenario}"
    async with person("an", conference) as an, person("binh", conference) as binh:
        await an.speak(500)
        await until(lambda: binh.ear("an").hears(500), "the tone")
        sid = an.room.local_participant.sid
        await an.room.simulate_scenario(scenario)
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        before = binh.ear("an").frames
        await until(lambda: binh.ear("an").frames > before + 40 and binh.ear("an").hears(500), "the tone again")
        assert (an.room.local_participant.sid != sid) is anew


async def test_a_client_that_the_server_sends_away_is_gone(person: Callable[..., Person]) -> None:
    async with person("an", "sent-away") as an, person("binh", "sent-away") as binh:
        await until(lambda: binh.room.remote_participants, "both are there")
        await an.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SERVER_LEAVE)
        await until(lambda: an.saw("disconnected", "SERVER_SHUTDOWN"), "an is told")
        await until(lambda: not binh.room.remote_participants, "binh is told")


@pytest.mark.sim
async def test_many_come_back_at_once(server: LiveServer, person: Callable[..., Person]) -> None:
    """All participants resume after a proxy in front of them restarts while a native client speaks."""
    names = [f"p{number}" for number in range(6)]
    async with Proxy(server.port) as proxy, person("an", "return") as an:
        people = [person(name, "return", url=proxy.url, dual=number % 2 == 1) for number, name in enumerate(names)]
        await asyncio.gather(*(one.join() for one in people))
        try:
            await an.speak(700)
            await until(lambda: all(one.ear("an").hears(700) for one in people), "all hear")
            sids = [one.room.local_participant.sid for one in people]
            proxy.cut()
            await until(lambda: all(one.saw("reconnecting", "") for one in people), "all notice")
            proxy.mend()
            await until(lambda: all(one.saw("reconnected", "") for one in people), "all are back")
            assert [one.room.local_participant.sid for one in people] == sids
            heard = [one.ear("an").frames for one in people]
            await until(
                lambda: all(one.ear("an").frames > n + 20 for one, n in zip(people, heard, strict=True)), "sound"
            )
            assert not [event for event in an.events if event[0] == "participant_disconnected"]
        finally:
            await asyncio.gather(*(one.leave() for one in people))


async def test_a_client_resumes_with_its_renewed_token(server: LiveServer) -> None:
    """A client whose first token has expired resumes with the token that the server gave later."""
    grant = api.VideoGrants(room_join=True, room="renewed")
    key = api.AccessToken(server.api_key, server.api_secret).with_identity("an").with_grants(grant)
    # The server accepts a token for ten seconds after its end. The library accepts no lifetime below zero.
    jwt = key.with_ttl(timedelta(seconds=-4)).to_jwt()
    ends = time.time() + 7
    async with Proxy(server.port) as proxy:
        one = Person(proxy.url, jwt)
        await one.join()
        try:
            sid = one.room.local_participant.sid
            while time.time() < ends:
                await asyncio.sleep(0.5)
            proxy.cut()
            await until(lambda: one.saw("reconnecting", ""), "it notices")
            proxy.mend()
            await until(lambda: one.saw("reconnected", ""), "it is back")
            assert one.room.local_participant.sid == sid
        finally:
            await one.leave()


async def test_a_long_file_arrives_complete(person: Callable[..., Person]) -> None:
    """A long file arrives complete, although the sender's library sends it faster than the receiver's path carries it."""
    async with person("an", "file") as an, person("binh", "file") as binh:
        _, files = collect(binh)
        data = bytes(range(256)) * 4096 * 8
        await until(lambda: an.room.remote_participants, "both are there")
        out = await an.room.local_participant.stream_bytes("film.mp4", total_size=len(data), topic="t")
        await out.write(data)
        await out.aclose()
        await until(lambda: files, "the file")
        assert [(name, len(found), found == data) for _, found, name in files] == [("film.mp4", len(data), True)]
