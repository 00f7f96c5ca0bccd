"""Browsers that decode no H.264 get a composed picture of the halls in VP8. It exists while a browser needs it. Other browsers
are not notified of it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import Announcement, Source
from conference.ground.events import Presence, Reason, RosterChanged, SubscriptionFailed
from conference.picture.composed import IDENTITY
from conference.picture.scene import BROWSERS
from media.mixer.ground.scene import Group
from tests.conference.hall_doubles import HallParty, HallWorld, plan, video
from tests.conference.parties import CAMERA, MICROPHONE, Party

SCREEN = Announcement("screen", "video", Source.SCREEN_SHARE, width=1920, height=1080)
H264 = frozenset({"video/H264"})


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def poor(world: HallWorld, name: str, *, dual: bool = False) -> Party:
    """Let a client join whose browser lacks H.264."""
    party = Party(world, name, dual=dual)
    party.receiver.lacks = H264
    return party


def settle(world: HallWorld, *parties: Party) -> None:
    """Negotiate all requested subscriptions, as clients do."""
    for _ in range(4):
        world.settle()
        for party in parties:
            party.offer(*(["video recvonly"] * party.peer.missing_sections[1]))
    world.settle()


def group(world: HallWorld) -> Group | None:
    return next((one for one in world.scene().groups if one.id == BROWSERS), None)


def told_of(party: Party) -> list[Presence]:
    """Return the presences of the composed picture's participant, as they were reported to the party."""
    rosters = (event for event in party.client.events if isinstance(event, RosterChanged))
    return [who.presence for event in rosters for who in event.participants if who.identity == IDENTITY]


def composed_of(party: Party) -> list[str]:
    """Return the MIME types of the composed picture's tracks that the party receives."""
    program = party.conference.program
    assert program is not None
    tracks = program.composed.tracks.values() if program.composed is not None else ()
    return [track.mime for track in tracks if party.sid in track.subscriptions]


def test_browsers_that_decode_halls_need_no_composed_picture(world: HallWorld) -> None:
    ann = Party(world, "ann")
    HallParty(world, "hall")
    settle(world, ann)
    assert group(world) is None
    assert told_of(ann) == []


def test_a_browser_without_h264_gets_one_vp8_picture_of_halls(world: HallWorld) -> None:
    ann, ben = Party(world, "ann"), poor(world, "ben")
    ben.publish(CAMERA, MICROPHONE)
    halls = [HallParty(world, f"hall{number}") for number in range(3)]
    settle(world, ann, ben)
    failed = [event for event in ben.client.events if isinstance(event, SubscriptionFailed)]
    assert len(failed) == 3
    assert all(event.codec for event in failed)
    made = group(world)
    assert made is not None
    assert (made.codec, made.layout) == ("vp8", "2x2")
    assert set(made.cells) == {hall.sid for hall in halls}, "what comes in VP8 is seen as it is"
    assert composed_of(ben) == ["video/VP8"]
    assert composed_of(ann) == []
    assert told_of(ben)[-1] is Presence.JOINED
    assert told_of(ann) == []
    assert IDENTITY not in ben.conference.participants


def test_a_dual_client_gets_the_composed_picture_too(world: HallWorld) -> None:
    ben = poor(world, "ben", dual=True)
    HallParty(world, "hall")
    for offer_id in range(2, 6):
        world.settle()
        ben.participant.receive_answer("m=video", offer_id)
    world.settle()
    assert group(world) is not None
    assert composed_of(ben) == ["video/VP8"]


def test_one_encoder_serves_all_and_stops_after_the_last_viewer(world: HallWorld) -> None:
    ben, eve = poor(world, "ben"), poor(world, "eve")
    HallParty(world, "hall")
    settle(world, ben, eve)
    assert [one.id for one in world.scene().groups].count(BROWSERS) == 1
    assert composed_of(ben) == composed_of(eve) == ["video/VP8"]
    for party in (ben, eve):
        assert group(world) is not None
        party.participant.leave(Reason.CLIENT_INITIATED)
        world.settle()
    assert group(world) is None


def test_the_composed_picture_ends_when_the_last_hall_leaves(world: HallWorld) -> None:
    ben = poor(world, "ben")
    hall = HallParty(world, "hall")
    settle(world, ben)
    hall.hall.hung_up()
    settle(world, ben)
    assert told_of(ben)[-1] is Presence.DISCONNECTED
    assert ben.conference.program is None
    assert not any(track.owner.identity == IDENTITY for track in ben.conference.tracks.by_sid.values())
    HallParty(world, "again")
    settle(world, ben)
    assert composed_of(ben) == ["video/VP8"]


def test_slides_of_halls_are_composed_but_not_of_browsers(world: HallWorld) -> None:
    ben = poor(world, "ben")
    one, _two = HallParty(world, "one", plan(content=True)), HallParty(world, "two")
    settle(world, ben)
    conference = one.conference
    assert conference.program is not None
    conference.program.content_token.ask(one.sid)
    one.hall.let_present(True)
    settle(world, ben)
    made = group(world)
    assert made is not None
    assert (made.layout, made.content) == ("slides", one.sid)
    one.hall.let_present(False)
    ann = Party(world, "ann")
    ann.publish(SCREEN)
    settle(world, ben)
    made = group(world)
    assert made is not None
    assert made.content == ""


def test_without_capacity_the_halls_keep_their_programs(world: HallWorld) -> None:
    ben = poor(world, "ben")
    halls = [
        HallParty(world, "new"),
        HallParty(world, "old", replace(plan(), video=video(max_fs=396, max_mbps=11_880))),
    ]
    settle(world, ben)
    before = [hall.sends("video").producer for hall in halls]
    assert before[0] is not before[1]
    for _ in before:
        world.mixer.events.refused(None, BROWSERS, "no_capacity")
        settle(world, ben)
    assert group(world) is not None
    assert [hall.sends("video").producer for hall in halls] == before


def test_a_resumed_client_gets_the_composed_picture_again(world: HallWorld) -> None:
    ben = poor(world, "ben")
    HallParty(world, "hall")
    settle(world, ben)
    client = type(ben.client)()
    ben.conference.resume("ben", ben.sid, client)
    (resumed,) = [event for event in client.events if hasattr(event, "participants") and hasattr(event, "conference")]
    assert IDENTITY in {who.identity for who in resumed.participants}
