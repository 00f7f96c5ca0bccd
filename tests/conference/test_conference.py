"""Participants that join, leave and resume, and the events about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Refusal, Terms, data_tracks, limits
from conference.ground.events import (
    Action,
    Answered,
    ConferenceChanged,
    DataTrackHandles,
    GrantsChanged,
    LayersWanted,
    Left,
    Offered,
    Presence,
    Reason,
    Resumed,
    RosterChanged,
    SectionsWanted,
    Superseded,
    Welcome,
)
from conference.ground.marks import HAND, UNMUTE_ASKED
from conference.tracks import publishing
from tests.conference.doubles import FakePeer, FakeRouter, Listener, World, peer_of
from tests.conference.parties import CAMERA, MICROPHONE, Party


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_event_welcomes_and_names_the_others(world: World) -> None:
    ann = Party(world, "ann")
    ben = Party(world, "ben")
    first = ben.client.events[0]
    assert isinstance(first, Welcome)
    assert first.own.sid == ben.sid
    assert [view.identity for view in first.others] == ["ann"]
    assert [view.identity for event in ann.client.of(RosterChanged) for view in event.participants][-1] == "ben"


def test_one_turn_sends_one_roster_change(world: World) -> None:
    ann = Party(world, "ann")
    ann.client.clear()
    for name in ("b", "c"):
        world.registry.get("c").changed(ann.participant)
        ann.participant.changed()
        assert name
    world.time.turn()
    assert len(ann.client.of(RosterChanged)) == 1


def test_the_same_event_object_goes_to_all(world: World) -> None:
    parties = [Party(world, name) for name in ("a", "b", "c")]
    publishing.mute(parties[0].participant, parties[0].publish(MICROPHONE)[0], True)
    world.time.turn()
    assert len({id(party.client.last(RosterChanged)) for party in parties}) == 1


def test_versions_grow(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.publish(MICROPHONE)
    publishing.mute(ben.participant, next(iter(ben.participant.tracks)), True)
    world.time.turn()
    told = [v.version for e in ann.client.of(RosterChanged) for v in e.participants if v.identity == "ben"]
    assert told == sorted(set(told))
    assert len(told) >= 3


def test_active_when_media_connects(world: World) -> None:
    ann = Party(world, "ann", offer=False)
    assert ann.participant.view().presence.value == "joined"
    ann.offer()
    peer_of(ann.participant).connect()
    assert ann.participant.view().presence is Presence.ACTIVE


def test_leaving_is_reported_with_its_reason(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.participant.leave(Reason.CLIENT_INITIATED)
    world.time.turn()
    view = ann.client.last(RosterChanged).participants[-1]
    assert (view.identity, view.presence, view.reason) == ("ben", Presence.DISCONNECTED, Reason.CLIENT_INITIATED)
    assert ben.peer.closed


def test_the_same_identity_replaces(world: World) -> None:
    first = Party(world, "ann")
    second = Party(world, "ann")
    assert first.client.last(Left).reason is Reason.DUPLICATE_IDENTITY
    assert list(world.registry.get("c").participants.values()) == [second.participant]
    assert first.peer.closed


def test_hidden_participants_are_not_announced(world: World) -> None:
    ann = Party(world, "ann")
    ann.client.clear()
    ghost = Party(world, "ghost", hidden=True)
    ben = Party(world, "ben")
    assert {v.identity for e in ann.client.of(RosterChanged) for v in e.participants} == {"ben"}
    assert [view.identity for view in ben.client.of(Welcome)[0].others] == ["ann"]
    assert any(v.identity == "ghost" for e in ghost.client.of(RosterChanged) for v in e.participants)
    assert world.registry.get("c").summary.view().participants == 2


def test_a_participant_hidden_later_disappears_for_the_others(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    sid = ann.publish(CAMERA)[0]
    track = ben.conference.tracks.by_sid.get(sid)
    assert track is not None
    ben.client.clear()
    ann.client.clear()
    ann.participant.change_grants(replace(ann.participant.grants, hidden=True))
    world.time.turn()
    told = [(v.identity, v.presence) for event in ben.client.of(RosterChanged) for v in event.participants]
    assert told == [("ann", Presence.DISCONNECTED)]
    assert track.subscriptions == {}
    assert [v.presence for event in ann.client.of(RosterChanged) for v in event.participants] == [Presence.ACTIVE]
    ann.participant.change_grants(replace(ann.participant.grants, hidden=False))
    world.time.turn()
    assert ben.client.last(RosterChanged).participants[0].presence is Presence.ACTIVE
    assert list(track.subscriptions) == [ben.sid]


def test_what_a_newcomer_brings_is_bounded(world: World) -> None:
    Party(world, "ann")
    with pytest.raises(Refusal) as refused:
        Party(world, "ann", metadata="x" * (limits.METADATA_BYTES + 1))
    assert refused.value.code == "metadata_too_long"
    assert list(world.registry.get("c").participants) == ["ann"]  # a refused client replaces no participant


def test_a_full_conference_refuses_but_lets_a_member_return(world: World) -> None:
    world.registry.create("c", Terms(max_participants=1))
    Party(world, "ann")
    with pytest.raises(Refusal) as refused:
        Party(world, "ben")
    assert refused.value.code == "conference_full"
    Party(world, "ann")


@pytest.mark.parametrize(
    ("grants", "code"),
    [
        ({"identity": "x", "join": False}, "join_denied"),
        ({"identity": ""}, "identity_empty"),
        ({"identity": "x" * (limits.IDENTITY_BYTES + 1)}, "identity_too_long"),
        ({"identity": "an\x1f2"}, "identity_bad"),
        ({"identity": "x", "conference": ""}, "conference_name_bad"),
        ({"identity": "x", "conference": "a\nb"}, "conference_name_bad"),
    ],
)
def test_bad_tokens_are_refused(world: World, grants: dict[str, object], code: str) -> None:
    from conference import Grants

    options: dict = {"conference": "c", "join": True} | grants
    with pytest.raises(Refusal) as refused:
        world.registry.check(Grants(**options))
    assert refused.value.code == code
    assert len(world.registry) == 0


def test_without_auto_create_only_a_creator_opens() -> None:
    world = World(auto_create=False)
    with pytest.raises(Refusal) as refused:
        Party(world, "ann")
    assert refused.value.code == "conference_not_found"
    Party(world, "ann", create=True)


def test_a_removed_participant_cannot_use_its_old_token(world: World) -> None:
    ann = Party(world, "ann", issued_at=world.time.time() - 5)
    world.registry.get("c").kick("ann")
    assert ann.client.last(Left) == Left(Reason.REMOVED, Action.DISCONNECT)
    assert ann.peer.closed
    Party(world, "ben")
    with pytest.raises(Refusal) as refused:
        Party(world, "ann", issued_at=world.time.time() - 5)
    assert refused.value.code == "removed"
    with pytest.raises(Refusal):
        world.registry.get("c").resume("ann", ann.sid, Listener())
    world.time.advance(1)
    Party(world, "ann", issued_at=world.time.time())


def test_a_control_that_forgets_removals_admits_the_old_token(world: World) -> None:
    Party(world, "ann", issued_at=world.time.time() - 5)
    Party(world, "ben")
    conference = world.registry.get("c")
    conference.kick("ann")
    conference.removed.clear()
    Party(world, "ann", issued_at=world.time.time() - 5)
    assert conference.participants.keys() == {"ann", "ben"}


def test_conferences_end_by_themselves(world: World) -> None:
    world.registry.create("empty")
    ann = Party(world, "ann")
    ann.participant.leave(Reason.CLIENT_INITIATED)
    world.pass_time(limits.DEPARTURE_S + 1)
    assert [one.name for one in world.registry.all()] == ["empty"]
    world.pass_time(limits.EMPTY_S)
    assert len(world.registry) == 0
    assert all(router.closed for router in world.media.routers)


def test_deleting_tells_everybody(world: World) -> None:
    ann = Party(world, "ann")
    world.registry.delete("c")
    assert ann.client.last(Left).reason is Reason.CONFERENCE_DELETED
    with pytest.raises(Refusal):
        world.registry.get("c")


def test_closing_the_server_tells_everybody_to_come_again(world: World) -> None:
    ann = Party(world, "ann")
    world.registry.close()
    assert ann.client.last(Left) == Left(Reason.SERVER_SHUTDOWN, Action.RECONNECT)
    with pytest.raises(Refusal):
        Party(world, "ben")


def test_counts_and_metadata_are_reported(world: World) -> None:
    ann = Party(world, "ann")
    world.pass_time(2)
    assert ann.client.last(ConferenceChanged).conference.participants == 1
    world.registry.get("c").summary.set_metadata("m")
    assert ann.client.last(ConferenceChanged).conference.metadata == "m"
    before = len(ann.client.of(ConferenceChanged))
    world.pass_time(5)
    assert len(ann.client.of(ConferenceChanged)) == before


# -- losing the signalling connection


def test_resume_tells_everything_and_media_is_untouched(world: World) -> None:
    ann, ben, eve = (Party(world, name) for name in ("ann", "ben", "eve"))
    sid = ann.publish(CAMERA)[0]
    track = ben.conference.tracks.by_sid.get(sid)
    assert track is not None
    consumer: Any = track.subscriptions[ben.sid].consumer
    ben.participant.detach(ben.client)
    eve.participant.leave(Reason.CLIENT_INITIATED)
    world.pass_time(5)
    client = Listener()
    resumed = world.registry.get("c").resume("ben", ben.sid, client)
    assert resumed is ben.participant
    told = client.events[0]
    assert isinstance(told, Resumed)
    states = {view.identity: view.presence for view in told.participants}
    assert states == {"ben": Presence.ACTIVE, "ann": Presence.ACTIVE, "eve": Presence.DISCONNECTED}
    assert not consumer.closed
    assert not ben.peer.closed


def test_a_resume_tells_that_no_data_track_is_left(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben", auto_subscribe_data=True), Party(world, "eve")
    data_tracks.publish(ann.participant, 7, "points", None)
    world.time.turn()
    ben.participant.detach(ben.client)
    data_tracks.unpublish(ann.participant, 7)
    world.time.turn()
    for party, tables in ((ben, 1), (eve, 0)):
        client = Listener()
        party.conference.resume(party.participant.identity, party.sid, client)
        assert [told.handles for told in client.of(DataTrackHandles)] == [{}] * tables


def test_a_dual_client_gets_a_new_offer_on_resume(world: World) -> None:
    ann = Party(world, "ann", dual=True)
    ann.participant.detach(ann.client)
    client = Listener()
    world.registry.get("c").resume("ann", ann.sid, client)
    assert ann.receiver.restarts == 1
    assert client.of(Offered)


def test_a_resume_reports_departures_before_the_loss_was_seen(world: World) -> None:
    ben, eve, old = (Party(world, name) for name in ("ben", "eve", "ann"))
    eve.participant.leave(Reason.CLIENT_INITIATED)  # sent into a socket that is already dead
    old.participant.leave(Reason.CLIENT_INITIATED)
    ann = Party(world, "ann")
    client = Listener()
    world.registry.get("c").resume("ben", ben.sid, client)
    told = [(view.identity, view.sid, view.presence) for view in client.last(Resumed).participants]
    assert ("eve", eve.sid, Presence.DISCONNECTED) in told
    # a participant that came back is not reported as gone
    assert [one for one in told if one[0] == "ann"] == [("ann", ann.sid, Presence.ACTIVE)]


def test_a_resumed_client_gets_the_wanted_layers(world: World) -> None:
    ann = Party(world, "ann")
    sid = ann.publish(CAMERA)[0]
    client = Listener()
    world.registry.get("c").resume("ann", ann.sid, client)
    assert [event.track_sid for event in client.of(LayersWanted)] == [sid]


def test_the_newer_connection_wins_silently(world: World) -> None:
    ann = Party(world, "ann")
    client = Listener()
    world.registry.get("c").resume("ann", ann.sid, client)
    assert isinstance(ann.client.events[-1], Superseded)
    ann.participant.detach(ann.client)  # the old socket closes later
    assert ann.participant.client is client


@pytest.mark.parametrize(("identity", "sid"), [("ann", "PA_other"), ("nobody", "PA_x")])
def test_an_unknown_session_cannot_resume(world: World, identity: str, sid: str) -> None:
    Party(world, "ann")
    with pytest.raises(Refusal) as refused:
        world.registry.get("c").resume(identity, sid, Listener())
    assert refused.value.code == "state_mismatch"


def test_without_media_a_lost_socket_is_the_end(world: World) -> None:
    ann = Party(world, "ann", offer=False)
    ann.participant.detach(ann.client)
    assert ann.participant.left


@pytest.mark.parametrize(
    ("state", "limit_s"),
    [
        ("connected", limits.DETACHED_S),
        ("disconnected", limits.DETACHED_QUIET_S),
        ("failed", limits.DETACHED_SILENT_S),
    ],
)
def test_a_ghost_is_kept_as_long_as_its_media_allows(world: World, state: str, limit_s: float) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.participant.detach(ben.client)
    ben.peer.ice(state)
    world.pass_time(limit_s - 1)
    assert "ben" in ben.conference.participants
    world.pass_time(2)
    assert "ben" not in ben.conference.participants
    assert ann.client.last(RosterChanged).participants[-1].presence is Presence.DISCONNECTED


def test_a_failed_path_asks_for_a_resume(world: World) -> None:
    ann = Party(world, "ann")
    ann.peer.ice("disconnected")
    ann.peer.ice("failed")
    assert ann.client.last(Left) == Left(Reason.MEDIA_FAILURE, Action.RESUME)
    client = Listener()
    world.registry.get("c").resume("ann", ann.sid, client)
    ann.peer.ice("connected")
    world.pass_time(60)
    assert not ann.participant.left


def test_a_broken_association_asks_the_client_to_reconnect(world: World) -> None:
    ann = Party(world, "ann")
    assert ann.participant.negotiated is not None
    ann.participant.negotiated.failed(ann.peer.id, "closed by the peer")
    assert ann.client.last(Left).action is Action.RECONNECT
    assert ann.participant.left


def test_events_for_the_absent_are_not_kept(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.participant.detach(ben.client)
    ben.client.clear()
    ann.publish(MICROPHONE)
    assert ben.client.events == []
    client = Listener()
    world.registry.get("c").resume("ben", ben.sid, client)
    ben.participant.client = client
    ben.offer()
    assert client.last(Answered).tracks


# -- facts about the participant itself


def test_names_cannot_hold_direction_marks_or_line_breaks(world: World) -> None:
    ann = Party(world, "ann", can_update_own_metadata=True)
    ann.participant.update_own(name="A\u0301n\n\u202e gnoud\x07", metadata=None, attributes=None)
    assert ann.participant.grants.name == "Án gnoud"
    ann.participant.update_own(name="\u202e", metadata=None, attributes=None)
    assert ann.participant.grants.name == "Án gnoud"


def test_own_facts_need_the_grant(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", can_update_own_metadata=True, attributes={"a": "1", "b": "2"})
    with pytest.raises(Refusal) as refused:
        ann.participant.update_own(name="x", metadata=None, attributes=None)
    assert refused.value.code == "metadata_denied"
    ben.participant.update_own(name="Bé", metadata="m", attributes={"a": "", "c": "3"})
    world.time.turn()
    view = ann.client.last(RosterChanged).participants[-1]
    assert (view.grants.name, view.grants.metadata) == ("Bé", "m")
    assert view.grants.attributes == {"b": "2", "c": "3"}
    assert ben.client.last(GrantsChanged).grants is ben.participant.grants


def test_a_raised_hand_does_not_answer_a_request_to_unmute(world: World) -> None:
    ann = Party(world, "ann", raises_hand=True)
    ann.participant.ask_to_unmute()
    for attributes in ({HAND: "1"}, {UNMUTE_ASKED: "1"}):
        ann.participant.update_own(name=None, metadata=None, attributes=attributes)
        assert set(ann.participant.grants.attributes) == {HAND, UNMUTE_ASKED}
    ann.participant.update_own(name=None, metadata=None, attributes={UNMUTE_ASKED: ""})
    assert set(ann.participant.grants.attributes) == {HAND}


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "n" * (limits.NAME_BYTES + 1)},
        {"metadata": "m" * (limits.METADATA_BYTES + 1)},
        {"attributes": {"k": "v" * limits.ATTRIBUTES_BYTES}},
    ],
)
def test_facts_are_bounded(world: World, facts: dict) -> None:
    ann = Party(world, "ann", can_update_own_metadata=True)
    with pytest.raises(Refusal) as refused:
        ann.participant.update_own(**({"name": None, "metadata": None, "attributes": None} | facts))
    assert refused.value.code == "metadata_too_long"


def test_an_idle_conference_sends_nothing(world: World) -> None:
    ann = Party(world, "ann")
    world.pass_time(10)
    ann.client.clear()
    world.pass_time(60)
    assert ann.client.events == []
    assert not ann.client.of(SectionsWanted)


def test_one_failing_connection_does_not_affect_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben", dual=True), Party(world, "eve", dual=True)

    def full() -> None:
        raise OverflowError

    monkeypatch.setattr(ben.receiver, "offer", full)
    ann.publish(CAMERA)
    assert ben.client.last(Left).action is Action.RECONNECT
    assert "ben" not in ann.conference.participants
    assert eve.client.last(Offered).tracks


def overflow(*_: object, **__: object) -> None:
    raise OverflowError


def test_a_failed_join_leaves_no_participant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = Party(world, "ann")
    monkeypatch.setattr(FakePeer, "offer", overflow)
    with pytest.raises(OverflowError):
        Party(world, "ben", dual=True)
    world.time.turn()
    assert list(ann.conference.participants) == ["ann"]
    assert all(peer.closed for peer in world.media.routers[0].peers[1:])


def test_a_failed_resume_leaves_no_participant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = Party(world, "ann", dual=True)
    monkeypatch.setattr(FakePeer, "restart_ice", overflow)
    with pytest.raises(OverflowError):
        ann.conference.resume("ann", ann.sid, Listener())
    assert ann.participant.left
    assert ann.conference.participants == {}


def test_the_first_peer_closes_when_the_second_fails_to_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = Party(world, "ann")
    router = world.media.routers[0]
    opened = FakeRouter.open_peer
    monkeypatch.setattr(
        FakeRouter, "open_peer", lambda _, owner: overflow() if len(router.peers) > 1 else opened(router, owner)
    )
    with pytest.raises(OverflowError):
        Party(world, "ben", dual=True)
    assert [peer.closed for peer in router.peers] == [False, True]
    assert list(ann.conference.participants) == ["ann"]


def test_a_failing_conference_does_not_stop_the_clockwork(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann, ben = Party(world, "ann", room="a"), Party(world, "ben", room="b")
    monkeypatch.setattr(ann.conference, "tick", lambda *_: 1 / 0)
    ben.participant.leave(Reason.CLIENT_INITIATED)
    world.pass_time(limits.DEPARTURE_S + 1)
    assert [one.name for one in world.registry.all()] == ["a"]
    assert "ZeroDivisionError" in caplog.text


def test_a_busy_plane_at_a_tick_ends_one_participant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    monkeypatch.setattr(ann.participant.connection.channels, "flush", overflow)
    world.pass_time(1)
    assert ann.client.last(Left).action is Action.RECONNECT
    assert list(ben.conference.participants) == ["ben"]
