"""The events of a participant's life: to join, mute, leave, join again, and be removed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from livekit import api, rtc

from tests.conftest import LiveServer
from tests.interop.person import Person, mute
from tests.waiting import until

pytestmark = pytest.mark.native

VIDEO = rtc.TrackKind.KIND_VIDEO
AUDIO = rtc.TrackKind.KIND_AUDIO


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_a_muted_microphone_is_silent_and_comes_back(person: Callable[..., Person], dual: bool) -> None:
    async with person("an", f"mute-{dual}", dual=dual) as an, person("binh", f"mute-{dual}", dual=dual) as binh:
        microphone = await an.speak(600)
        await until(lambda: binh.ear("an").hears(600), "the tone")
        mute(microphone, True)
        await until(lambda: binh.saw("muted", "an"), "word of the mute")
        assert binh.published("an", AUDIO).muted
        await until(lambda: binh.ear("an").is_silent(), "silence")
        mute(microphone, False)
        await until(lambda: binh.saw("unmuted", "an"), "word of the end of the mute")
        await until(lambda: binh.ear("an").hears(600), "the tone again")


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_a_muted_camera_stops_and_comes_back(person: Callable[..., Person], dual: bool) -> None:
    async with person("an", f"dark-{dual}", dual=dual) as an, person("binh", f"dark-{dual}", dual=dual) as binh:
        camera = await an.show("green")
        view = binh.view("an")
        await until(lambda: len(view.sights) > 5, "pictures")
        mute(camera.publication, True)
        await until(lambda: binh.saw("muted", "an"), "word of the mute")
        mute(camera.publication, False)
        await until(lambda: binh.saw("unmuted", "an"), "word of the end of the mute")
        now = camera.counter
        await until(lambda: view.counter > now, "pictures again")


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_a_participant_leaves_and_joins_again(person: Callable[..., Person], dual: bool) -> None:
    conference = f"again-{dual}"
    async with person("binh", conference, dual=dual) as binh:
        for colour, hz in (("red", 500), ("orange", 900)):
            async with person("an", conference, dual=dual) as an:
                camera = await an.show(colour)
                await an.speak(hz)
                await binh.view("an").shows(colour)
                await binh.ear("an").gets(hz)
                assert camera.counter >= binh.view("an").counter
            await until(lambda: "an" not in binh.room.remote_participants, "word that an left")
            binh.views.clear()
            binh.ears.clear()
        assert [name for name, who in binh.events if who == "an" and name.startswith("participant")] == [
            "participant_connected",
            "participant_disconnected",
        ] * 2


@pytest.mark.parametrize("dual", [False, True], ids=["single", "dual"])
async def test_a_track_is_withdrawn_and_another_takes_its_place(person: Callable[..., Person], dual: bool) -> None:
    conference = f"withdrawn-{dual}"
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        for colour in ("red", "green", "blue"):
            binh.views.clear()
            camera = await an.show(colour)
            await binh.view("an").shows(colour)
            await an.room.local_participant.unpublish_track(camera.publication.sid)
            await until(lambda: binh.publication("an", VIDEO) is None, "word that the track went")
        assert len([e for e in binh.events if e == ("unpublished", "an")]) == 3


async def test_the_same_identity_takes_the_place_of_the_first(person: Callable[..., Person]) -> None:
    async with person("binh", "twice") as binh, person("an", "twice") as first:
        await first.speak(500)
        await until(lambda: binh.ear("an").hears(500), "the first tone")
        async with person("an", "twice") as second:
            await until(lambda: first.saw("disconnected", "DUPLICATE_IDENTITY"), "the first is told")
            await second.speak(800)
            await until(lambda: binh.ear("an").hears(800), "the second tone")
            assert set(binh.room.remote_participants) == {"an"}


async def test_listening_starts_and_stops_at_the_listeners_wish(person: Callable[..., Person]) -> None:
    async with person("an", "wish") as an, person("binh", "wish") as binh:
        await an.speak(700)
        await until(lambda: binh.ear("an").hears(700), "the tone")
        binh.published("an", AUDIO).set_subscribed(False)
        await until(lambda: binh.published("an", AUDIO).track is None, "no track")
        binh.ears.clear()
        binh.published("an", AUDIO).set_subscribed(True)
        await until(lambda: binh.ear("an").hears(700), "the tone again")


async def test_the_active_speaker_is_named(person: Callable[..., Person]) -> None:
    async with person("an", "voices") as an, person("binh", "voices") as binh:
        await an.speak(300)
        await until(lambda: ["an"] in binh.speakers, "an is the speaker")


async def test_administration_lists_mutes_and_removes(server: LiveServer, person: Callable[..., Person]) -> None:
    async with (
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as administration,
        person("an", "kick") as an,
        person("binh", "kick") as binh,
    ):
        microphone = await an.speak(600)
        await until(lambda: binh.ear("an").hears(600), "the tone")
        rooms = administration.room
        present = await rooms.list_participants(api.ListParticipantsRequest(room="kick"))
        assert {one.identity for one in present.participants} == {"an", "binh"}
        assert [
            one.num_participants for one in (await rooms.list_rooms(api.ListRoomsRequest(names=["kick"]))).rooms
        ] == [2]
        await rooms.mute_published_track(
            api.MuteRoomTrackRequest(room="kick", identity="an", track_sid=microphone.sid, muted=True)
        )
        await until(lambda: binh.saw("muted", "an"), "word of the mute")
        await until(lambda: binh.ear("an").is_silent(), "silence")
        await rooms.remove_participant(api.RoomParticipantIdentity(room="kick", identity="an"))
        await until(lambda: an.saw("disconnected", "PARTICIPANT_REMOVED"), "an is told")
        await until(lambda: "an" not in binh.room.remote_participants, "binh is told")
        await rooms.delete_room(api.DeleteRoomRequest(room="kick"))
        await until(lambda: binh.saw("disconnected", "ROOM_DELETED"), "the end")
        assert not (await rooms.list_rooms(api.ListRoomsRequest(names=["kick"]))).rooms


async def _stands(one: Person, other: Person) -> bool:
    """Report whether `one` sees no new picture of `an` while `other` sees more than twenty."""
    seen, begun = one.view("an").counter, other.view("an").counter
    await until(lambda: other.view("an").counter > begun + 20, "the other's pictures go on")
    return one.view("an").counter == seen


async def test_administration_chooses_what_somebody_sees(server: LiveServer, person: Callable[..., Person]) -> None:
    async with (
        api.LiveKitAPI(server.url, server.api_key, server.api_secret) as administration,
        person("an", "chosen") as an,
        person("binh", "chosen") as binh,
        person("chi", "chosen") as chi,
    ):
        camera = await an.show("red")
        await binh.view("an").shows("red")
        for subscribe in (False, True):
            await administration.room.update_subscriptions(
                api.UpdateSubscriptionsRequest(
                    room="chosen", identity="binh", track_sids=[camera.publication.sid], subscribe=subscribe
                )
            )
            for _ in range(10):
                if await _stands(binh, chi) != subscribe:
                    break
            else:
                pytest.fail(f"binh's pictures, {subscribe}")


async def test_the_api_creates_a_conference_and_changes_a_participant(
    server: LiveServer, person: Callable[..., Person]
) -> None:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as administration:
        rooms = administration.room
        made = await rooms.create_room(api.CreateRoomRequest(name="made", metadata="giao ban", empty_timeout=60))
        assert made.name == "made"
        async with person("an", "made") as an, person("binh", "made") as binh:
            assert an.room.metadata == "giao ban"
            await rooms.update_room_metadata(api.UpdateRoomMetadataRequest(room="made", metadata="họp kín"))
            await until(lambda: an.room.metadata == binh.room.metadata == "họp kín", "new metadata")
            await an.speak(500)
            await until(lambda: binh.ear("an").hears(500), "the tone")
            listener = api.ParticipantPermission(can_publish=False, can_subscribe=True, can_publish_data=True)
            await rooms.update_participant(
                api.UpdateParticipantRequest(room="made", identity="an", permission=listener, name="An ở Hà Nội")
            )
            await until(lambda: binh.room.remote_participants["an"].name == "An ở Hà Nội", "the new name")
            await until(lambda: binh.publication("an", AUDIO) is None, "the track of a mere listener goes")
            with pytest.raises(TimeoutError):  # The library itself waits ten seconds for an answer.
                await asyncio.wait_for(an.show("red"), 3)
            assert binh.publication("an", VIDEO) is None
