"""Hostile WebSockets: floods, compression bombs, hostile messages, and pages of other origins. Controls show the danger."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import struct
import zlib
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest
import websockets
from aiortc.sdp import SessionDescription
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import serve

from signaling.rtc.wire import limits
from tests.clients import offers
from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.security.requests import mutations
from tests.waiting import until

FLOODERS = 20
MUTATIONS = int(os.environ.get("SIGNALLING_MUTATIONS", "500"))
TAKER = 101
"""Beside one of 101 hostile sockets, a participant subscribes to all tracks. The number is odd, so every second one of these
sockets publishes. Larger: fewer sockets have a subscriber. Smaller: the test takes longer.
"""
A_SOCKET = 100
"""The most mutated messages that one socket sends. A ping follows each message, and a closed client connects again. Larger:
fewer joins are tested. Smaller: the test takes longer.
"""
BOMB_BYTES = 32 * 1024 * 1024

pytestmark = pytest.mark.filterwarnings("ignore:remove second argument:DeprecationWarning")


def enter(
    server: LiveServer, identity: str, conference: str, *, origin: str | None = None, compression: str | None = None
) -> connect:
    """Open a socket of the form with two peer connections, which needs no join request."""
    headers = {"authorization": f"Bearer {token(server.api_key, server.api_secret, identity, conference)}"}
    if origin is not None:
        headers["origin"] = origin
    url = f"{server.ws_url}/rtc?protocol=17&auto_subscribe=1"
    return connect(url, additional_headers=headers, compression=compression, max_size=None)


async def close_code(socket: ClientConnection) -> int | None:
    with suppress(websockets.ConnectionClosed):
        async with asyncio.timeout(30):
            while True:
                await socket.recv()
    return socket.close_code


async def pings(socket: ClientConnection) -> bool:
    """Send a ping and wait for its answer. Return True."""
    await socket.send(rtc.SignalRequest(ping=7).SerializeToString())
    async with asyncio.timeout(30):
        while rtc.SignalResponse.FromString(bytes(await socket.recv())).WhichOneof("message") != "pong":  # type: ignore[arg-type]
            pass
    return True


async def talk(an: Person, binh: Person, text: str) -> None:
    await an.room.local_participant.publish_data(text)
    await until(lambda: any(packet.data == text.encode() for packet in binh.packets), f"message {text}")


# -- W01: floods and bombs


async def test_floods_end_only_the_flooding_sockets(server: LiveServer, person: Callable[..., Person]) -> None:
    ping = rtc.SignalRequest(ping=1).SerializeToString()

    async def flood(number: int) -> int | None:
        async with enter(server, f"flood-{number}", "flood") as socket:
            with suppress(websockets.ConnectionClosed):
                for _ in range(int(limits.MESSAGES_BURST) * 3):
                    await socket.send(ping)
            return await close_code(socket)

    async with (
        enter(server, "quiet", "flood") as quiet,
        person("an", "quiet-conference") as an,
        person("binh", "quiet-conference") as binh,
    ):
        await until(lambda: an.room.remote_participants, "both are there")
        floods = [asyncio.create_task(flood(number)) for number in range(FLOODERS)]
        for number in range(10):
            await talk(an, binh, f"during {number}")
        codes = await asyncio.gather(*floods)
        assert set(codes) == {1008}
        assert await pings(quiet)
        assert not {"reconnecting", "disconnected"} & {name for name, _ in an.events + binh.events}


async def test_a_message_in_endless_pieces_is_too_long(server: LiveServer) -> None:
    async with enter(server, "pieces", "pieces") as socket:

        async def endless() -> Any:
            """Send only a little too much. More data after the server's close would reset the connection before its close code
            arrives.
            """
            for _ in range(limits.MESSAGE_BYTES // 65_536 + 1):
                yield bytes(65_536)
            await socket.wait_closed()

        with suppress(websockets.ConnectionClosed):
            await socket.send(endless())
        assert await close_code(socket) == 1009


def compressed_frame() -> bytes:
    """Return a masked binary frame with RSV1 (RFC 7692) that inflates a thousandfold."""
    deflate = zlib.compressobj(wbits=-15)
    payload = deflate.compress(bytes(BOMB_BYTES)) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    return bytes([0xC2, 0x80 | 126]) + struct.pack("!H", len(payload)) + bytes(4) + payload


async def test_a_compressed_bomb_is_not_inflated(server: LiveServer) -> None:
    async with enter(server, "bomb", "bomb", compression="deflate") as socket:
        assert socket.response is not None
        assert "sec-websocket-extensions" not in socket.response.headers
        assert len(compressed_frame()) < 65_536
        socket.transport.write(compressed_frame())
        assert await close_code(socket) == 1002
    async with enter(server, "bomb", "bomb") as again:
        assert await pings(again)


async def test_a_control_with_compression_inflates_it() -> None:
    sizes: asyncio.Queue[int] = asyncio.Queue()

    async def take(socket: Any) -> None:
        async for message in socket:
            sizes.put_nowait(len(message))

    async with serve(take, "127.0.0.1", 0, compression="deflate", max_size=None) as control:
        port = control.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", compression="deflate") as socket:
            for _ in range(int(limits.MESSAGES_BURST) * 3):  # the control also accepts the flood
                await socket.send(b"x")
            socket.transport.write(compressed_frame())
            async with asyncio.timeout(60):
                while await sizes.get() != BOMB_BYTES:
                    pass


# -- W02: hostile messages


def arrive(server: LiveServer, number: int, conference: str) -> connect:
    """Connect in turn with two peer connections and no request, or with one that publishes a microphone from the first message
    on.
    """
    if number % 2 == 0:
        return enter(server, f"mutant-{number}", conference)
    microphone = offers.audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")
    wanted = rtc.JoinRequest(
        publisher_offer=rtc.SessionDescription(type="offer", sdp=offers.describe([microphone]), id=1),
        add_track_requests=[rtc.AddTrackRequest(cid="mic", type=models.TrackType.AUDIO)],
    )
    wrapped = rtc.WrappedJoinRequest(join_request=wanted.SerializeToString()).SerializeToString()
    packed = base64.urlsafe_b64encode(wrapped).decode()
    headers = {
        "authorization": f"Bearer {token(server.api_key, server.api_secret, f'mutant-{number}', conference)}",
    }
    url = f"{server.ws_url}/rtc/v1?join_request={packed}"
    return connect(url, additional_headers=headers, compression=None, max_size=None)


async def test_mutated_messages_do_not_affect_other_participants(
    server: LiveServer, person: Callable[..., Person]
) -> None:
    """Mutated messages change nothing for other participants. `SIGNALLING_MUTATIONS` is their number (`make sim`: a million).

    The two remaining participants do not subscribe to the hostile tracks. Their library keeps every track that it once had, and
    plays silence for ended tracks.
    """
    corpus = mutations.requests(20_26, MUTATIONS)
    async with person("an", "mutants", takes=()) as an, person("binh", "mutants", takes=("an",)) as binh:
        microphone = await an.speak(440)
        await until(lambda: binh.ear("an").hears(440), "the tone")
        sockets = sent = 0
        while sent < MUTATIONS:
            async with AsyncExitStack() as stack:
                if sockets % TAKER == 1:
                    await stack.enter_async_context(person("taker", "mutants", hears=()))
                socket = await stack.enter_async_context(arrive(server, sockets, "mutants"))
                sockets += 1
                with suppress(websockets.ConnectionClosed):
                    for message in itertools.islice(corpus, A_SOCKET):
                        sent += 1
                        await socket.send(message)
                        await pings(socket)
            if sockets % 50 == 0:
                await talk(an, binh, f"after {sockets}")
        assert MUTATIONS // A_SOCKET < sockets < MUTATIONS, "some ended their socket and some did not"
        await talk(an, binh, "after all")
        await until(lambda: set(binh.room.remote_participants) == {"an"}, "the hostile ones are gone")
        assert an.room.local_participant.identity == "an"
        assert binh.room.remote_participants["an"].metadata == ""
        assert [one.sid for one in binh.room.remote_participants["an"].track_publications.values()] == [microphone.sid]
        assert not microphone.muted
        await binh.ear("an").still_hears(440)
        assert not {"reconnecting", "disconnected"} & {name for name, _ in an.events + binh.events}


def test_a_control_that_trusts_the_messages_breaks() -> None:
    broken: set[str] = set()
    for data in mutations.requests(20_26, 2000):
        try:
            message = rtc.SignalRequest.FromString(data)
            if message.HasField("offer"):
                SessionDescription.parse(message.offer.sdp)
        except DecodeError:
            broken.add("message")
        except Exception as error:
            broken.add(type(error).__name__)
    assert "message" in broken
    assert len(broken) > 2


# -- W03: pages of other origins


def origins(server: LiveServer) -> list[str]:
    port = server.port
    return [
        "null",
        "",
        "https://evil.example",
        f"http://localhost.evil.example:{port}",
        f"http://evil-localhost:{port}",
        f"http://localhost:{port}.evil.example",
        f"http://localhost:{port + 1}",
        "http://localhost",
        f"http://127.0.0.2:{port}",
        f"http://LOCALHOST:{port}",
        f"HTTP://localhost:{port}",
        f"http://localhost:{port}/",
        f"http://localhost:{port}/rtc",
        f"http://user@localhost:{port}",
        f"http://evil.example@localhost:{port}",
        f"http://localhost.:{port}",
        f"ftp://localhost:{port}",
        f"file://localhost:{port}",
        f"http://localhost:{port}#x",
        f"http://localhost:{port}?x",
        f"http://localhost:{port} https://evil.example",
        f"//localhost:{port}",
        f"http://[::1]:{port}",
        "http://localhost:99999",
        "http://[",
    ]


async def test_a_page_of_any_origin_needs_its_own_token(server: LiveServer) -> None:
    """A page of any origin can connect with a token, as a program can. Without a token it is refused before the socket opens,
    even with cookies.
    """
    jwt = token(server.api_key, server.api_secret, "victim", "origins")
    for origin in origins(server):
        cookie = {"origin": origin, "cookie": f"access_token={jwt}; token={jwt}"}
        for path in ("/rtc?protocol=17", "/rtc/v1?join_request=CAESAA=="):
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with connect(server.ws_url + path, additional_headers=cookie):
                    pass
            assert refused.value.response.status_code == 401, origin
    for welcome in (None, server.url, "https://app.example", "null"):
        async with enter(server, "victim", "origins", origin=welcome) as socket:
            assert await pings(socket)


async def test_no_answer_lets_a_page_of_elsewhere_use_cookies(server: LiveServer) -> None:
    """No answer lets a foreign page use cookies or read what only a cookie opens. Those routes allow no foreign origin."""
    page, twirp = {"origin": "https://evil.example"}, "/twirp/livekit.RoomService/ListRooms"
    async with httpx.AsyncClient(base_url=server.url) as http:
        for method, path in (("GET", "/rtc"), ("GET", "/rtc/validate"), ("POST", twirp), ("OPTIONS", twirp)):
            answer = await http.request(method, path, headers=page, json={} if method == "POST" else None)
            assert answer.headers["access-control-allow-origin"] in ("*", "https://evil.example")
            assert "access-control-allow-credentials" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert answer.status_code == (204 if method == "OPTIONS" else 401), (method, path)
        for method in ("GET", "POST", "OPTIONS"):
            answer = await http.request(method, "/api/v1/session", headers=page)
            assert "access-control-allow-origin" not in answer.headers
            assert method != "POST" or (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


async def test_where_origins_are_listed_other_pages_open_no_socket(own_server: Callable[..., LiveServer]) -> None:
    server = own_server(DIEMCAU_TOKEN_ORIGINS="https://app.example")
    for origin in origins(server):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with enter(server, "victim", "origins", origin=origin):
                pass
        assert refused.value.response.status_code == 403, origin
    for ours in (None, server.url, "https://app.example"):
        async with enter(server, "victim", "origins", origin=ours) as socket:
            assert await pings(socket)


async def test_a_control_without_the_list_lets_them_in(server: LiveServer) -> None:
    for origin in origins(server):
        if origin:
            async with enter(server, "victim", "origins", origin=origin) as socket:
                assert await pings(socket)


async def test_a_control_with_a_token_the_same_page_is_answered(server: LiveServer) -> None:
    """With a token the same page gets an answer and its origin, so the test above can detect the headers."""
    jwt = api.AccessToken(server.api_key, server.api_secret).with_grants(api.VideoGrants(room_list=True)).to_jwt()
    headers = {"origin": "https://evil.example", "authorization": f"Bearer {jwt}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        answer = await http.post("/twirp/livekit.RoomService/ListRooms", json={})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://evil.example")
