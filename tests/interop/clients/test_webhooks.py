"""Webhooks of a real server. The `livekit-api` package reads and verifies them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from livekit import api
from livekit.protocol import models

from tests.conftest import LiveServer, start_server
from tests.interop.person import Person, token
from tests.signaling.notify.receiver import Receiver
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.asyncio(loop_scope="module")]  # the loop of the receiver


CONFERENCES = {"told", "forged", "aborted", "goes-on"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def server(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server for the tests of this file that do not stop it. Each test has its own conference."""
    made = start_server(tmp_path_factory.mktemp("server"), DIEMCAU_WEBHOOK_URLS=receiver.url)
    yield made
    made.stop()


def told(server: LiveServer, receiver: Receiver, conference: str) -> list[Any]:
    """Return the events of the conference. Fail if a signature is wrong or an event belongs to no conference of this file."""
    reader = api.WebhookReceiver(api.TokenVerifier(server.api_key, server.api_secret))
    events = [reader.receive(body, headers["authorization"]) for headers, body in receiver.requests]
    assert {one.room.name for one in events} <= CONFERENCES
    return [one for one in events if one.room.name == conference]


async def test_webhooks_report_a_conference_in_order(server: LiveServer, receiver: Receiver) -> None:
    def names() -> list[str]:
        return [one.event for one in told(server, receiver, "told")]

    an = Person(server.ws_url, token(server.api_key, server.api_secret, "an", "told"))
    await an.join()
    microphone = await an.speak(500)
    await receiver.until(lambda: "track_published" in names())
    await an.room.local_participant.unpublish_track(microphone.sid)
    await receiver.until(lambda: "track_unpublished" in names())
    await an.leave()
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
        await lk.room.delete_room(api.DeleteRoomRequest(room="told"))
    await receiver.until(lambda: "room_finished" in names())
    assert names() == [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    events = told(server, receiver, "told")
    assert len({one.id for one in events}) == 6
    assert {one.participant.identity for one in events[1:5]} == {"an"}
    assert events[2].track.source == models.TrackSource.MICROPHONE
    assert events[2].track.sid == events[3].track.sid == microphone.sid
    # This client sometimes closes its media before it sends its leave message.
    ways = (models.DisconnectReason.CLIENT_INITIATED, models.DisconnectReason.MEDIA_FAILURE)
    assert events[4].participant.disconnect_reason in ways
    assert events[5].room_end_reason == models.RoomEndReason.ROOM_END_API_DELETE
    assert all(one.created_at > 1_700_000_000 and one.num_dropped == 0 for one in events)


async def test_a_forged_or_altered_event_is_not_believed(server: LiveServer, receiver: Receiver) -> None:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
        await lk.room.create_room(api.CreateRoomRequest(name="forged"))
    await receiver.until(lambda: told(server, receiver, "forged"))
    headers, body = next(one for one in receiver.requests if "forged" in one[1])
    reader = api.TokenVerifier(server.api_key, server.api_secret)
    assert api.WebhookReceiver(reader).receive(body, headers["authorization"]).room.name == "forged"
    with pytest.raises(Exception, match="hash mismatch"):
        api.WebhookReceiver(reader).receive(body.replace("forged", "other"), headers["authorization"])
    with pytest.raises(Exception, match=r"(?i)signature"):
        api.WebhookReceiver(api.TokenVerifier(server.api_key, "x" * 32)).receive(body, headers["authorization"])


async def test_a_participant_that_never_connected_is_aborted(server: LiveServer, receiver: Receiver) -> None:
    headers = {"authorization": f"Bearer {token(server.api_key, server.api_secret, 'an', 'aborted')}"}
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/rtc", headers=headers) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY
    await receiver.until(lambda: len(told(server, receiver, "aborted")) == 2)
    events = told(server, receiver, "aborted")
    assert [one.event for one in events] == ["room_started", "participant_connection_aborted"]


async def test_a_call_survives_a_lost_receiver_and_reports_the_end(
    own_server: Callable[..., LiveServer],
) -> None:
    async with Receiver(503, 503, 200) as receiver:
        server = own_server(DIEMCAU_WEBHOOK_URLS=f"http://127.0.0.1:9/nobody,{receiver.url}")
        async with (
            Person(server.ws_url, token(server.api_key, server.api_secret, "an", "goes-on")) as an,
            Person(server.ws_url, token(server.api_key, server.api_secret, "binh", "goes-on")) as binh,
        ):
            await an.speak(440)
            await until(lambda: binh.ear("an").hears(440), "the tone")
            await receiver.until(lambda: receiver.bodies[:3] == [receiver.bodies[0]] * 3 and len(receiver.bodies) > 3)
            await asyncio.to_thread(server.stop)
            await receiver.until(lambda: "room_finished" in receiver.bodies[-1])
        events = told(server, receiver, "goes-on")
        assert events[-1].room_end_reason == models.RoomEndReason.ROOM_END_SERVER_SHUTDOWN
