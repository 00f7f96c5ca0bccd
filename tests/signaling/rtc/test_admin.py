"""The server API through the `livekit-api` package: each refusal has the right code."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import aiohttp
import pytest
from livekit import api, rtc
from livekit.protocol import room

from tests.conftest import LiveServer
from tests.signaling.rtc.test_door import administration, guest, token
from tests.waiting import until

pytestmark = pytest.mark.native


async def validated(server: LiveServer, headers: dict[str, str]) -> int:
    """Return the status of a request that asks whether a socket would open."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.url}/rtc/validate", headers=headers) as answer,
    ):
        return answer.status


def is_gone(one: rtc.Room) -> bool:
    return one.connection_state == rtc.ConnectionState.CONN_DISCONNECTED


async def test_move_and_forward_are_unimplemented(live_server: LiveServer) -> None:
    name = "admin-move"
    async with administration(live_server) as lk, guest(live_server, "ann", name):
        asked: list[tuple[Any, Any]] = [
            (lk.room.move_participant, api.MoveParticipantRequest),
            (lk.room.forward_participant, api.ForwardParticipantRequest),
        ]
        for method, request in asked:
            with pytest.raises(api.TwirpError) as refused:
                await method(request(room=name, identity="ann", destination_room="elsewhere"))
            assert (refused.value.code, refused.value.status) == ("unimplemented", 501)
            with pytest.raises(api.TwirpError) as refused:
                await method(request(room=name, identity="nobody", destination_room="elsewhere"))
            assert refused.value.code == "not_found"
    rights = token(live_server, "admin", name, join=False, admin=True)
    headers = {"authorization": f"Bearer {rights}", "content-type": "application/json"}
    body = {"room": name, "identity": "ann", "destination_room": "elsewhere"}
    url = f"{live_server.url}/twirp/livekit.RoomService/MoveParticipant"
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, "unauthenticated"), "without destinationRoom"


async def test_other_services_are_not_there(live_server: LiveServer) -> None:
    async with administration(live_server) as lk:
        for call in (lk.egress.list_egress(api.ListEgressRequest()), lk.ingress.list_ingress(api.ListIngressRequest())):
            with pytest.raises(api.TwirpError) as refused:
                await call
            assert (refused.value.code, refused.value.status) == ("bad_route", 404)


async def test_a_room_with_what_is_not_here_is_not_made(live_server: LiveServer) -> None:
    async with administration(live_server) as lk:
        for wanted in (
            api.CreateRoomRequest(name="admin-agents", agents=[api.RoomAgentDispatch(agent_name="x")]),
            api.CreateRoomRequest(name="admin-agents", room_preset="x"),
            api.CreateRoomRequest(name="admin-agents", egress=api.RoomEgress()),
        ):
            with pytest.raises(api.TwirpError) as refused:
                await lk.room.create_room(wanted)
            assert refused.value.code == "unimplemented"
        assert not (await lk.room.list_rooms(api.ListRoomsRequest(names=["admin-agents"]))).rooms


async def test_orders_are_kept(live_server: LiveServer) -> None:
    async with administration(live_server) as lk:
        order: dict[str, Any] = {"empty_timeout": 77, "departure_timeout": 8, "max_participants": 1, "metadata": "m"}
        made = await lk.room.create_room(api.CreateRoomRequest(name="admin-order", **order))
        assert (made.empty_timeout, made.departure_timeout, made.max_participants) == (77, 8, 1)
        async with guest(live_server, "ann", "admin-order"):
            headers = {"authorization": f"Bearer {token(live_server, 'ben', 'admin-order')}"}
            assert await validated(live_server, headers) == 403, "full"
        configuration = room.RoomConfiguration(**order)
        grant = api.VideoGrants(room_join=True, room="admin-token")
        key = api.AccessToken(live_server.api_key, live_server.api_secret).with_identity("ann").with_grants(grant)
        headers = {"authorization": f"Bearer {key.with_room_config(configuration).to_jwt()}"}
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{live_server.url}/rtc", headers=headers) as socket,
        ):
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
            found = (await lk.room.list_rooms(api.ListRoomsRequest(names=["admin-token"]))).rooms[0]
            assert (found.empty_timeout, found.departure_timeout, found.max_participants, found.metadata) == (
                77,
                8,
                1,
                "m",
            )


async def test_subscriptions_by_the_server_api(live_server: LiveServer) -> None:
    name = "admin-subscriptions"
    async with administration(live_server) as lk, guest(live_server, "ann", name):
        wanted = api.UpdateSubscriptionsRequest(room=name, identity="ann", track_sids=["TR_unknown"], subscribe=False)
        await lk.room.update_subscriptions(wanted)
        with pytest.raises(api.TwirpError) as refused:
            await lk.room.update_subscriptions(api.UpdateSubscriptionsRequest(room=name, identity="nobody"))
        assert refused.value.code == "not_found"


async def test_a_removal_sets_from_when_tokens_are_void(live_server: LiveServer) -> None:
    name = "admin-revoked"
    async with administration(live_server) as lk, guest(live_server, "keeper", name):
        hour_ago = int(time.time()) - 3600
        for identity, revoked_at, status in (("old", 0, 403), ("spared", hour_ago, 200), ("ms", hour_ago * 1000, 200)):
            jwt = token(live_server, identity, name)
            async with guest(live_server, identity, name) as one:
                await lk.room.remove_participant(
                    api.RoomParticipantIdentity(room=name, identity=identity, revoke_token_ts=revoked_at)
                )
                await until(partial(is_gone, one))
            headers = {"authorization": f"Bearer {jwt}"}
            assert await validated(live_server, headers) == status, identity
