"""Entry over real HTTP and WebSockets: refusals before it, the server API and unmodified clients behind it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import rtc as proto

from conference import Grants
from signaling.host.tokens import Authenticator
from signaling.rtc.wire import limits
from tests.conftest import LiveServer
from tests.waiting import until

pytestmark = pytest.mark.native


def token(server: LiveServer, identity: str, room: str, **grants: Any) -> str:
    """Return a token. `grants` uses the conference's names. The token may join `room` unless `grants` says otherwise."""
    options: dict[str, Any] = {"identity": identity, "conference": room, "join": True} | grants
    given = Grants(**options)
    return Authenticator({server.api_key: server.api_secret}).sign(given, 600, time.time())


@contextlib.asynccontextmanager
async def administration(server: LiveServer) -> AsyncIterator[api.LiveKitAPI]:
    made = api.LiveKitAPI(server.url, server.api_key, server.api_secret)
    try:
        yield made
    finally:
        await made.aclose()


@contextlib.asynccontextmanager
async def guest(
    server: LiveServer, identity: str, room: str, *, url: str = "", dual: bool = False, **grants: Any
) -> Any:
    made = rtc.Room()
    await made.connect(server.ws_url, token(server, identity, room))
    try:
        yield made
    finally:
        await made.disconnect()


# -- strangers


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_strangers_are_refused_before_the_socket_opens(live_server: LiveServer, path: str) -> None:
    fine = token(live_server, "ann", "door")
    cases = {
        "": 401,
        "garbage": 401,
        fine[:-3] + "abc": 401,
        token(live_server, "ann", "door", join=False): 401,
        token(live_server, "", "door"): 400,
    }
    async with aiohttp.ClientSession() as http:
        for given, status in cases.items():
            headers = {"authorization": f"Bearer {given}"} if given else {}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(live_server.url + path, headers=headers)
            assert refused.value.status == status
            async with http.get(f"{live_server.url}{path}/validate", headers=headers) as answer:
                text = await answer.text()
                assert answer.status == status
                assert answer.headers["access-control-allow-origin"] == "*"
                assert text
                assert given == "" or given not in text


async def test_validate_succeeds_and_creates_no_room(live_server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {token(live_server, 'ann', 'door-validate')}"}
    async with aiohttp.ClientSession() as http, http.get(f"{live_server.url}/rtc/validate", headers=headers) as answer:
        assert (answer.status, await answer.text()) == (200, "success")
    async with administration(live_server) as lk:
        assert not (await lk.room.list_rooms(api.ListRoomsRequest(names=["door-validate"]))).rooms


@pytest.mark.parametrize("origin", ["https://app.example", "null"])
async def test_pages_of_any_origin_enter_only_with_a_token(live_server: LiveServer, origin: str) -> None:
    """Show that a cookie is no token, and that a foreign page cannot use an unknown host name."""
    ours = {"authorization": f"Bearer {token(live_server, 'ann', 'door')}", "origin": origin}
    cookie = {"origin": origin, "cookie": f"diemcau={ours['authorization'].split()[1]}; access_token=x"}
    url = f"{live_server.url}/rtc"
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url, headers=ours) as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
        for headers, status in (({"origin": origin}, 401), (cookie, 401), ({**ours, "host": "evil.example"}, 421)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(url, headers=headers)
            assert refused.value.status == status


async def test_invalid_bytes_close_the_socket_but_allow_a_new_join(live_server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {token(live_server, 'bad', 'door-bad')}"}
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(f"{live_server.url}/rtc", headers=headers) as socket:
            await socket.send_bytes(b"\xff\xff\xff")
            while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
            assert socket.close_code == 1007
        async with http.ws_connect(f"{live_server.url}/rtc", headers=headers) as socket:
            first = proto.SignalResponse.FromString((await socket.receive()).data)
            assert first.WhichOneof("message") == "join"


async def test_a_flood_closes_its_own_socket(live_server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {token(live_server, 'flood', 'door-flood')}"}
    ping = proto.SignalRequest(ping=1).SerializeToString()
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{live_server.url}/rtc", headers=headers) as socket:
        with contextlib.suppress(ConnectionError):
            for _ in range(int(limits.MESSAGES_BURST) * 3):
                await socket.send_bytes(ping)
        while (await socket.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
        assert socket.close_code == 1008


# -- the server API


async def test_the_server_api(live_server: LiveServer) -> None:
    name = "door-api"
    async with administration(live_server) as lk, guest(live_server, "ann", name) as ann:
        heard: list[Any] = []
        ann.on("data_received", heard.append)
        gone: list[Any] = []
        ann.on("disconnected", gone.append)
        created = await lk.room.create_room(api.CreateRoomRequest(name=name, metadata="ignored: it is there"))
        assert created.name == name
        assert [r.num_participants for r in (await lk.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms] == [1]
        people = (await lk.room.list_participants(api.ListParticipantsRequest(room=name))).participants
        assert [one.identity for one in people] == ["ann"]
        who = api.RoomParticipantIdentity(room=name, identity="ann")
        assert (await lk.room.get_participant(who)).sid == people[0].sid
        changed = api.UpdateParticipantRequest(
            room=name, identity="ann", metadata="m", name="Án", attributes={"k": "v"}
        )
        assert (await lk.room.update_participant(changed)).name == "Án"
        await lk.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=name, metadata="rm"))
        await until(lambda: ann.metadata == "rm" and ann.local_participant.attributes == {"k": "v"})
        await lk.room.send_data(api.SendDataRequest(room=name, data=b"hi", kind="RELIABLE", topic="t"))
        await until(lambda: bool(heard))
        assert (heard[0].data, heard[0].topic, heard[0].participant) == (b"hi", "t", None)
        await lk.room.remove_participant(who)
        await until(lambda: bool(gone))
        with pytest.raises(api.TwirpError) as refused:
            await lk.room.get_participant(who)
        assert (refused.value.code, refused.value.status) == ("not_found", 404)
        await lk.room.delete_room(api.DeleteRoomRequest(room=name))
        assert not (await lk.room.list_rooms(api.ListRoomsRequest(names=[name]))).rooms


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("POST", "RoomService/ListRooms", {}, "{}", 401, "unauthenticated"),
        ("POST", "RoomService/ListRooms", {"grants": "none"}, "{}", 401, "unauthenticated"),
        ("POST", "RoomService/ListParticipants", {"grants": "admin"}, '{"room": "other"}', 401, "unauthenticated"),
        ("POST", "RoomService/ListParticipants", {"grants": "admin"}, '{"room": "mine"}', 404, "not_found"),
        ("POST", "RoomService/Nope", {"grants": "admin"}, "{}", 404, "bad_route"),
        ("POST", "Other/ListRooms", {"grants": "admin"}, "{}", 404, "bad_route"),
        ("GET", "RoomService/ListRooms", {"grants": "admin"}, None, 404, "bad_route"),
        ("POST", "RoomService/ListRooms", {"grants": "admin", "content-type": "text/plain"}, "{}", 404, "bad_route"),
        ("POST", "RoomService/ListRooms", {"grants": "admin"}, "{nope", 400, "malformed"),
        ("POST", "RoomService/CreateRoom", {"grants": "admin"}, '{"name": ""}', 400, "invalid_argument"),
        ("POST", "RoomService/ListRooms", {"grants": "admin"}, " " * (limits.ADMIN_BODY_BYTES + 1), 400, "malformed"),
    ],
)
async def test_errors_of_the_server_api(
    live_server: LiveServer, method: str, path: str, headers: dict[str, str], body: str | None, status: int, code: str
) -> None:
    sent = {"content-type": "application/json"} | headers
    grants = sent.pop("grants", "")
    if grants:
        rights = {"admin": True, "list": True, "create": True} if grants == "admin" else {}
        sent["authorization"] = f"Bearer {token(live_server, 'admin', 'mine', join=False, **rights)}"
    async with aiohttp.ClientSession() as http:
        url = f"{live_server.url}/twirp/livekit.{path}"
        async with http.request(method, url, data=body, headers=sent) as answer:
            assert answer.status == status
            assert (await answer.json())["code"] == code


async def test_json_fields_of_the_server_api(live_server: LiveServer) -> None:
    headers = {"authorization": f"Bearer {token(live_server, 'admin', '', create=True)}"}
    async with aiohttp.ClientSession() as http:
        url = f"{live_server.url}/twirp/livekit.RoomService/CreateRoom"
        async with http.post(url, json={"name": "door-json", "maxParticipants": 3}, headers=headers) as answer:
            room = await answer.json()
    assert (room["name"], room["max_participants"], room["num_participants"]) == ("door-json", 3, 0)
    assert isinstance(room["creation_time"], str)
    assert room["sid"].startswith("RM_")
