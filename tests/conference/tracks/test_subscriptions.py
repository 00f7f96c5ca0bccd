"""The tracks that each participant receives, their size, and their negotiation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Permission, Settings, limits
from conference.ground.events import (
    Answered,
    LayersWanted,
    Offered,
    Quality,
    RosterChanged,
    SectionsWanted,
    StreamState,
    StreamStates,
    SubscriptionAllowed,
    SubscriptionFailed,
)
from conference.ground.permissions import Source
from conference.people.pace import Paced
from conference.people.participant import Participant
from conference.tracks import publishing, subscriptions
from conference.tracks.track import temporal_layer
from tests.conference.doubles import Listener, World
from tests.conference.parties import CAMERA, LAYERS, MICROPHONE, Party


@pytest.fixture
def world() -> World:
    return World()


def share(party: Party, sid: str) -> Any:
    track = party.conference.tracks.by_sid.get(sid)
    assert track is not None
    return track.subscriptions.get(party.sid)


def test_the_first_answer_holds_all_published_tracks(world: World) -> None:
    ann = Party(world, "ann")
    sids = ann.publish(MICROPHONE, CAMERA)
    ben = Party(world, "ben")
    assert set(ben.client.of(Answered)[0].tracks.values()) == set(sids)
    assert not ben.client.of(SectionsWanted)


def test_the_first_offer_holds_all_published_tracks(world: World) -> None:
    ann = Party(world, "ann")
    sids = ann.publish(MICROPHONE, CAMERA)
    ben = Party(world, "ben", dual=True)
    assert len(ben.client.of(Offered)) == 1
    assert set(ben.client.last(Offered).tracks.values()) == set(sids)


def test_later_tracks_are_announced_before_they_are_negotiated(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve", dual=True)
    ben.client.clear()
    eve.client.clear()
    ann.publish(CAMERA)
    kinds = [type(event) for event in ben.client.events]
    assert kinds == [RosterChanged, SectionsWanted]
    assert ben.client.last(SectionsWanted) == SectionsWanted(0, 0)  # a section is free, so the client only has to offer
    assert [type(event) for event in eve.client.events] == [RosterChanged, Offered]


def test_sections_are_requested_once_and_again_after_silence(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.publish(*(replace(CAMERA, cid=f"v{number}") for number in range(5)))
    assert ben.client.of(SectionsWanted) == [SectionsWanted(0, 3)]
    ben.offer("video sendonly own")  # sent before our request arrived
    world.time.turn()
    assert len(ben.client.of(SectionsWanted)) == 1
    world.pass_time(limits.SECTIONS_REPEAT_S + 1)
    assert ben.client.of(SectionsWanted)[1:] == [SectionsWanted(0, 3)]
    ben.offer("video recvonly", "video recvonly", "video recvonly")
    world.pass_time(10)
    assert len(ben.client.of(SectionsWanted)) == 2
    assert len(ben.peer.bound) == 5


def test_more_tracks_ask_only_for_what_is_new(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.publish(*(replace(MICROPHONE, cid=f"a{number}") for number in range(3)))
    ann.publish(replace(MICROPHONE, cid="a3"))
    assert ben.client.of(SectionsWanted) == [SectionsWanted(1, 0), SectionsWanted(1, 0)]


def test_no_sections_are_requested_before_the_first_offer(world: World) -> None:
    ann = Party(world, "ann")
    ben = Party(world, "ben", offer=False)
    ann.publish(CAMERA)
    world.pass_time(10)
    assert not ben.client.of(SectionsWanted)


def test_only_one_offer_is_open_at_a_time(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", dual=True)
    ann.publish(MICROPHONE)
    ann.publish(CAMERA)
    assert [event.offer_id for event in ben.client.of(Offered)] == [1, 2]
    ben.participant.receive_answer("m=x", 1)  # the answer to an older offer
    world.time.turn()
    assert len(ben.client.of(Offered)) == 2
    ben.participant.receive_answer("m=x", 0)
    world.time.turn()
    assert len(ben.client.last(Offered).tracks) == 2
    ben.participant.receive_answer("m=x", 3)
    world.pass_time(5)
    assert len(ben.client.of(Offered)) == 3


def test_unsubscribing_and_coming_back(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    ben.offer()
    subscriptions.choose(ben.participant, [sid], False)
    world.time.turn()
    assert share(ben, sid) is None
    assert ben.client.last(SectionsWanted) == SectionsWanted(0, 0)
    ben.offer()
    subscriptions.choose(ben.participant, [sid], True)
    assert share(ben, sid) is not None
    subscriptions.choose(ben.participant, ["TR_none"], True)
    assert ben.client.last(SubscriptionFailed).track_sid == "TR_none"


def test_selective_subscription(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    ben = Party(world, "ben", auto_subscribe=False)
    assert share(ben, sid) is None
    subscriptions.choose(ben.participant, [sid], True)
    assert share(ben, sid) is not None


def test_svc_layers_in_one_stream_can_be_chosen(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    ben = Party(world, "ben")
    track = share(ben, sid).track
    track.producer.layers = ("",)
    for mime, wanted in (("video/VP9", [0, 1, 2]), ("video/AV1", [0, 1, 2]), ("video/VP8", [0, 0, 0])):
        track.mime, got = mime, []
        for quality in Quality:
            subscriptions.set_settings(ben.participant, [sid], Settings(quality=quality))
            got.append(share(ben, sid).consumer.layer)
        assert got == wanted


def test_subscribing_needs_the_grant(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    ben = Party(world, "ben", can_subscribe=False)
    assert share(ben, sid) is None
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=True))
    assert share(ben, sid) is not None
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=False))
    assert share(ben, sid) is None


def test_a_publisher_chooses_its_audience(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    mic, cam = ann.publish(MICROPHONE, CAMERA)
    publishing.permit(ann.participant, Permission(False, {"ben": frozenset({mic})}, {eve.sid: None}))
    world.time.turn()
    assert share(ben, mic) is not None
    assert share(ben, cam) is None
    assert share(eve, cam) is not None
    assert ben.client.of(SubscriptionAllowed) == [SubscriptionAllowed(ann.sid, cam, False)]
    publishing.permit(ann.participant, Permission())
    world.time.turn()
    assert share(ben, cam) is not None
    assert ben.client.last(SubscriptionAllowed).allowed


def test_permissions_granted_during_a_loss_follow_the_resume(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    mic, cam = ann.publish(MICROPHONE, CAMERA)
    publishing.permit(ann.participant, Permission(False, {"ben": frozenset({mic})}))
    world.time.turn()
    ben.participant.detach(ben.client)
    publishing.permit(ann.participant, Permission(False, {"ben": frozenset({cam})}))
    world.time.turn()
    client = Listener()
    ben.conference.resume("ben", ben.sid, client)
    told = [SubscriptionAllowed(ann.sid, mic, False), SubscriptionAllowed(ann.sid, cam, True)]
    assert client.of(SubscriptionAllowed) == told
    ben.participant.detach(client)
    ann.end("mic")
    client.clear()
    ben.conference.resume("ben", ben.sid, client)
    assert client.of(SubscriptionAllowed) == told[1:]


def test_changes_of_permission_have_a_bounded_cost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, bea, _ = Party(world, "ann"), Party(world, "bea"), Party(world, "eve")
    ann.publish(MICROPHONE, CAMERA)
    bea.publish(MICROPHONE)
    offered: list[str] = []
    monkeypatch.setattr(subscriptions, "offer_to_all", lambda track: offered.append(track.owner.identity))
    for number in range(1001):
        publishing.permit(ann.participant, Permission(number % 2 == 0))
    assert offered == []
    world.time.turn()
    assert offered == ["ann", "ann"], "once for all of one turn"
    publishing.permit(ann.participant, Permission())
    world.time.advance(1)
    assert len(offered) == 2, "nothing has changed"
    for number in range(1000):
        publishing.permit(ann.participant, Permission(number % 2 == 1))
        publishing.permit(bea.participant, Permission(number % 2 == 1))
        world.time.advance(0.001)
    work = 3 * limits.PERMITTED_S  # work for one track: three participants are present
    for one in ("ann", "bea"):
        assert offered.count(one) > 100
    assert len(offered) * work <= 1 + 2 * limits.PACED_S + 2 * work


def test_a_failure_for_one_participant_does_not_stop_others(world: World) -> None:
    ann, ben, done = Party(world, "ann"), Party(world, "ben"), list[str]()

    def work(participant: Participant) -> float:
        if participant is ann.participant:
            raise ZeroDivisionError
        done.append(participant.identity)
        return 0.0

    paced = Paced(world.time, world.time, work)
    for one in (ann, ben):
        paced.add(one.participant)
    with pytest.raises(ZeroDivisionError):
        world.time.turn()
    world.time.turn()
    assert done == ["ben"]


def test_memory_of_refused_and_failed_tracks_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHOICES_PER_PARTICIPANT", 3)
    ann, ben = Party(world, "ann"), Party(world, "ben")
    publishing.permit(ann.participant, Permission(False))
    (sid,) = ann.publish(CAMERA)
    assert ben.participant.refused == {sid}
    ann.end("cam")
    assert ben.participant.refused == set()
    publishing.permit(ann.participant, Permission())
    ben.peer.lacks = frozenset(("video/VP8",))
    for number in range(5):
        ann.publish(replace(CAMERA, cid=f"v{number}"))
        ben.offer("video recvonly")
        ann.end(f"v{number}")
    assert len(ben.client.of(SubscriptionFailed)) == 5
    assert len(ben.participant.choices) == 3


def test_settings_choose_the_layer(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    consumer = share(ben, sid).consumer
    assert consumer.layer == 2
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.LOW))
    assert consumer.layer == 0
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.LOW, width=640, height=360))
    assert consumer.layer == 1
    subscriptions.set_settings(ben.participant, [sid], Settings(width=4000, height=3000))
    assert consumer.layer == 2
    subscriptions.set_settings(ben.participant, [sid], Settings(disabled=True))
    assert consumer.paused
    subscriptions.set_settings(ben.participant, [sid], Settings(fps=7))
    assert (consumer.paused, consumer.layer, consumer.temporal) == (False, 2, 0)


def test_visible_tracks_go_first_and_screens_before_cameras(world: World) -> None:
    ann = Party(world, "ann")
    camera, screen = ann.publish(CAMERA, replace(CAMERA, cid="s", source=Source.SCREEN_SHARE))
    ben = Party(world, "ben")
    consumers = share(ben, camera).consumer, share(ben, screen).consumer
    assert [one.priority for one in consumers] == [0, 1]
    subscriptions.set_settings(ben.participant, [camera], Settings(width=1280, height=720))
    subscriptions.set_settings(ben.participant, [screen], Settings(width=200, height=112))
    assert [one.priority for one in consumers] == [4, 1]
    subscriptions.set_settings(ben.participant, [screen], Settings(priority=1))
    assert [one.priority for one in consumers] == [4, 5]
    assert not any(one.keeps for one in consumers)


def test_a_client_may_want_no_picture_paused(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    assert share(Party(world, "ben", may_pause=False), sid).consumer.keeps


def test_paused_streams_are_reported_once_a_turn(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    sids = ann.publish(CAMERA, replace(CAMERA, cid="v2"))
    consumers = [share(ben, sid).consumer for sid in sids]
    for consumer in consumers:
        consumer.starve(True)
    world.time.turn()
    assert ben.client.of(StreamStates) == [StreamStates(tuple(StreamState(ann.sid, sid, True) for sid in sids))]
    consumers[0].starve(False)
    consumers[1].starve(False)
    consumers[1].starve(True)
    world.time.turn()
    states = ben.client.last(StreamStates).states
    assert [(one.track_sid, one.paused) for one in states] == [(sids[0], False), (sids[1], True)]
    assert not ann.client.of(StreamStates)


def test_stream_states_changed_meanwhile_are_sent_on_resume(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    first, second, third = ann.publish(CAMERA, replace(CAMERA, cid="v2"), replace(CAMERA, cid="v3"))
    consumers = {sid: share(ben, sid).consumer for sid in (first, second, third)}
    consumers[first].starve(True)
    world.time.turn()
    ben.participant.detach(ben.client)
    consumers[first].starve(False)
    consumers[second].starve(True)
    world.time.turn()
    ben.conference.resume("ben", ben.sid, ben.client)
    world.time.turn()
    states = ben.client.last(StreamStates).states
    assert {(one.track_sid, one.paused) for one in states} == {(first, False), (second, True)}
    subscriptions.choose(ben.participant, [second], False)
    consumers[second].starve(False)
    world.time.turn()
    assert len(ben.client.of(StreamStates)) == 2


def test_settings_outlive_the_subscription(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.LOW))
    subscriptions.choose(ben.participant, [sid], False)
    subscriptions.choose(ben.participant, [sid], True)
    assert share(ben, sid).consumer.layer == 0


def test_a_viewer_that_sends_sizes_later_starts_with_low_layer(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    ben = Party(world, "ben", first_quality_low=True)
    assert share(ben, sid).consumer.layer == 0


def test_two_layers_of_a_screen(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    publishing.announce(ann.participant, replace(CAMERA, layers=LAYERS[:2]))
    ann.offer("video sendonly cam q h")
    (sid,) = ann.participant.tracks
    consumer = share(ben, sid).consumer
    assert consumer.layer == 1
    subscriptions.set_settings(ben.participant, [sid], Settings(width=100, height=50))
    assert consumer.layer == 0


@pytest.mark.parametrize(("fps", "layer"), [(0, 3), (5, 0), (8, 0), (15, 1), (30, 3)])
def test_frame_rates(fps: int, layer: int) -> None:
    assert temporal_layer(fps) == layer


def test_unused_layers_stop_after_a_while_and_restart_at_once(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.LOW))
    world.pass_time(limits.LAYERS_DOWN_S - 1)
    assert not ann.client.of(LayersWanted)
    world.pass_time(2)
    assert ann.client.of(LayersWanted) == [LayersWanted(sid, "video/VP8", Quality.LOW)]
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.HIGH))
    assert ann.client.last(LayersWanted).highest is Quality.HIGH
    subscriptions.set_settings(ben.participant, [sid], Settings(disabled=True))
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert ann.client.last(LayersWanted).highest is None


def test_an_answer_repeats_the_wish(world: World) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA)
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert len(ann.client.of(LayersWanted)) == 1
    ann.offer()
    world.pass_time(limits.LAYERS_REPEAT_S + 1)
    assert len(ann.client.of(LayersWanted)) == 2
    world.pass_time(20)
    assert len(ann.client.of(LayersWanted)) == 2


def test_bounded_wishes(world: World) -> None:
    ann = Party(world, "ann")
    subscriptions.choose(ann.participant, [f"TR_{n}" for n in range(limits.CHOICES_PER_PARTICIPANT + 1)], False)
    subscriptions.set_settings(
        ann.participant, [f"TR_{n}" for n in range(limits.CHOICES_PER_PARTICIPANT + 1)], Settings()
    )
    assert len(ann.participant.choices) == limits.CHOICES_PER_PARTICIPANT
    assert len(ann.participant.settings) == limits.CHOICES_PER_PARTICIPANT


def test_leaving_puts_the_books_right(world: World) -> None:
    from conference.ground.events import Reason

    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    ben.participant.leave(Reason.CLIENT_INITIATED)
    assert ann.participant.tracks[sid].subscriptions == {}
    ann.participant.leave(Reason.CLIENT_INITIATED)
    assert world.registry.get("c").tracks.by_producer == {}


def test_wishes_about_long_ids_are_not_kept(world: World) -> None:
    ann = Party(world, "ann")
    long = "T" * (limits.SID_CHARACTERS + 1)
    subscriptions.choose(ann.participant, [long, long[1:]], False)
    subscriptions.set_settings(ann.participant, [long, long[1:]], Settings())
    assert set(ann.participant.choices) == set(ann.participant.settings) == {long[1:]}
