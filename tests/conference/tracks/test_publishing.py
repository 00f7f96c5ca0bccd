"""Tracks: announced, published, matched in any order, muted, ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import Announcement, PeerError, Refusal, Source, limits
from conference.ground.events import (
    Event,
    Left,
    MuteAsked,
    RosterChanged,
    TrackPublished,
    TrackSubscribed,
    TrackUnpublished,
)
from conference.tracks import publishing
from media import HELD_S
from tests.conference.doubles import FakePeer, Listener, World
from tests.conference.parties import CAMERA, MICROPHONE, Party


@pytest.fixture
def world() -> World:
    return World()


def test_announced_then_carried(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    publishing.announce(ann.participant, CAMERA)
    told = ann.client.last(TrackPublished)
    assert told.cid == "cam"
    assert told.track.sid.startswith("TR_VC")
    world.time.turn()
    assert not any(v.tracks for e in ben.client.of(RosterChanged) for v in e.participants)
    ann.offer("video sendonly cam q h f")
    world.time.turn()
    view = ben.client.last(RosterChanged).participants[-1]
    assert [(t.sid, t.mime, t.mid, t.simulcast) for t in view.tracks] == [(told.track.sid, "video/VP8", "5", True)]


def test_carried_then_announced(world: World) -> None:
    ann = Party(world, "ann")
    ann.offer("audio sendonly mic")
    assert not ann.participant.tracks
    publishing.announce(ann.participant, MICROPHONE)
    assert [track.mid for track in ann.participant.tracks.values()] == ["5"]
    assert not ann.participant.unclaimed


def test_sound_of_a_screen_is_no_voice_among_others(world: World) -> None:
    ann = Party(world, "ann")
    ann.publish(MICROPHONE)
    ann.publish(Announcement("film", "audio", Source.SCREEN_SHARE_AUDIO))
    kept = {track.source: getattr(track.producer, "kept", None) for track in ann.participant.tracks.values()}
    assert kept == {Source.MICROPHONE: False, Source.SCREEN_SHARE_AUDIO: True}


def test_two_tracks_of_one_kind_are_matched_by_their_ids(world: World) -> None:
    ann = Party(world, "ann")
    screen = Announcement("screen", "video", Source.SCREEN_SHARE)
    publishing.announce(ann.participant, CAMERA)
    ann.offer("video sendonly screen", "video sendonly cam q h f")
    publishing.announce(ann.participant, screen)
    sources = {track.mid: track.source for track in ann.participant.tracks.values()}
    assert sources == {"5": Source.SCREEN_SHARE, "6": Source.CAMERA}


def test_a_section_with_a_foreign_id_is_matched_after_a_while(world: World) -> None:
    ann = Party(world, "ann")
    publishing.announce(ann.participant, MICROPHONE)
    ann.offer("audio sendonly another")
    world.pass_time(0.5)
    assert not ann.participant.tracks
    world.pass_time(limits.LEFTOVER_S)
    assert len(ann.participant.tracks) == 1


def test_announcing_twice_keeps_the_track(world: World) -> None:
    ann = Party(world, "ann")
    publishing.announce(ann.participant, CAMERA)
    publishing.announce(ann.participant, CAMERA)
    first, second = ann.client.of(TrackPublished)
    assert first.track.sid == second.track.sid


def test_mute_pauses_the_track_and_is_reported_to_all(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(MICROPHONE)
    publishing.mute(ann.participant, sid, True)
    world.time.turn()
    assert ann.participant.tracks[sid].producer.paused  # type: ignore[union-attr]
    for party in (ann, ben):
        assert party.client.last(RosterChanged).participants[-1].tracks[0].muted
    publishing.mute(ann.participant, "TR_unknown", True)


def test_a_track_announced_muted_starts_silent(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(replace(MICROPHONE, muted=True))
    assert ann.participant.tracks[sid].producer.paused  # type: ignore[union-attr]


def test_muted_from_outside(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(MICROPHONE)
    conference = world.registry.get("c")
    publishing.mute_from_outside(conference.get("ann"), sid, True)
    assert ann.client.last(MuteAsked) == MuteAsked(sid, True)
    assert ann.participant.tracks[sid].producer.paused  # type: ignore[union-attr]
    with pytest.raises(Refusal) as refused:
        publishing.mute_from_outside(conference.get("ann"), sid, False)
    assert refused.value.code == "unmute_denied"
    with pytest.raises(Refusal):
        publishing.mute_from_outside(conference.get("ann"), "TR_x", True)


@pytest.mark.parametrize("by_track", [True, False])
def test_muted_between_the_announcement_and_the_section(world: World, by_track: bool) -> None:
    """A host mutes a person who is just switching the microphone on. The client knows the track only when it is live."""
    ann = Party(world, "ann")
    track = publishing.announce(ann.participant, MICROPHONE)
    if by_track:
        publishing.mute_from_outside(ann.participant, track.sid, True)
    else:
        assert ann.participant.silence()
    asked = len(ann.client.of(MuteAsked))
    (sid,) = ann.publish(MICROPHONE)
    assert sid == track.sid
    assert ann.participant.tracks[sid].producer.paused  # type: ignore[union-attr]
    assert len(ann.client.of(MuteAsked)) == asked + 1


def test_unpublished_by_its_section(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(CAMERA)
    ann.end("cam")
    assert sid not in ann.participant.tracks
    assert ben.client.last(RosterChanged).participants[-1].tracks == ()
    assert not ann.client.of(TrackUnpublished)
    assert not world.registry.get("c").tracks.by_producer


def test_a_track_can_be_published_again_under_the_same_id(world: World) -> None:
    ann = Party(world, "ann")
    (first,) = ann.publish(CAMERA)
    publishing.announce(ann.participant, CAMERA)  # before the old section has ended
    ann.end("cam")
    ann.offer("video sendonly cam q h f")
    (second,) = ann.participant.tracks
    assert second != first


def test_publishing_needs_the_grant(world: World) -> None:
    ann = Party(world, "ann", can_publish=False)
    with pytest.raises(Refusal) as refused:
        publishing.announce(ann.participant, CAMERA)
    assert refused.value.code == "publish_denied"
    ann.offer("video sendonly cam")
    assert not ann.participant.unclaimed
    ben = Party(world, "ben", can_publish_sources=frozenset({Source.MICROPHONE}))
    publishing.announce(ben.participant, MICROPHONE)
    with pytest.raises(Refusal):
        publishing.announce(ben.participant, CAMERA)


def test_a_revoked_right_stops_the_tracks(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    sids = ann.publish(MICROPHONE, CAMERA)
    ann.participant.change_grants(replace(ann.participant.grants, can_publish=False))
    world.time.turn()
    assert [event.track_sid for event in ann.client.of(TrackUnpublished)] == sids
    assert ben.client.last(RosterChanged).participants[-1].tracks == ()
    assert not ben.peer.bound


def test_bounds(world: World) -> None:
    ann = Party(world, "ann")
    for number in range(limits.PENDING_TRACKS):
        publishing.announce(ann.participant, replace(MICROPHONE, cid=str(number)))
    assert len(ann.participant.pending) == limits.PENDING_TRACKS
    ben = Party(world, "ben")
    ben.offer(*(f"audio sendonly m{number}" for number in range(limits.UNCLAIMED_SECTIONS + 1)))
    assert len(ben.participant.unclaimed) <= limits.UNCLAIMED_SECTIONS
    eve = Party(world, "eve")
    for number in range(limits.TRACKS_PER_PARTICIPANT):
        eve.publish(replace(MICROPHONE, cid=f"m{number}"))
    with pytest.raises(Refusal) as refused:
        publishing.announce(eve.participant, CAMERA)
    assert refused.value.code == "track_limit"


def test_what_is_announced_counts_as_tracks_for_a_while(world: World) -> None:
    ann = Party(world, "ann")
    ann.publish(*(replace(MICROPHONE, cid=f"m{number}") for number in range(limits.TRACKS_PER_PARTICIPANT - 2)))
    announced = ("a", "b")
    for cid in announced:
        publishing.announce(ann.participant, replace(MICROPHONE, cid=cid))
    publishing.announce(ann.participant, replace(MICROPHONE, cid="b"))
    with pytest.raises(Refusal) as refused:
        publishing.announce(ann.participant, CAMERA)
    assert refused.value.code == "track_limit"
    assert tuple(ann.participant.pending) == announced
    world.time.advance(limits.ANNOUNCED_S + 1)
    publishing.announce(ann.participant, CAMERA)
    assert tuple(ann.participant.pending) == ("b", "cam"), "the oldest makes room"
    ann.offer("video sendonly cam q h f", "audio sendonly b")
    assert len(ann.participant.tracks) == limits.TRACKS_PER_PARTICIPANT
    with pytest.raises(Refusal):
        publishing.announce(ann.participant, replace(CAMERA, cid="more"))


def test_malformed_sdp_is_a_peer_error(world: World) -> None:
    ann = Party(world, "ann")
    with pytest.raises(PeerError):
        ann.participant.receive_offer("garbage", 2)
    assert not ann.client.of(Left)


def test_the_publisher_is_notified_of_its_first_subscriber(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(MICROPHONE)
    assert not ann.client.of(TrackSubscribed)
    Party(world, "ben")
    Party(world, "eve")
    assert ann.client.of(TrackSubscribed) == [TrackSubscribed(sid)]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (Source.MICROPHONE, "video"),
        (Source.SCREEN_SHARE_AUDIO, "video"),
        (Source.CAMERA, "audio"),
        (Source.SCREEN_SHARE, "audio"),
    ],
)
def test_a_track_kind_must_match_its_source(world: World, source: Source, kind: str) -> None:
    ann = Party(world, "ann", can_publish_sources=frozenset({source}))
    with pytest.raises(Refusal) as refused:
        publishing.announce(ann.participant, Announcement("x", kind, source))
    assert refused.value.code == "track_kind_bad"


class Moment(Listener):
    """A client that records whether pictures were held at the moment when its track was announced."""

    def __init__(self) -> None:
        super().__init__()
        self.peer: FakePeer | None = None
        self.held: list[bool] = []

    def deliver(self, event: Event) -> None:
        super().deliver(event)
        if isinstance(event, TrackPublished) and self.peer is not None:
            self.held.append(self.peer.held)


def test_no_video_reaches_a_library_that_reopens_its_decoders(world: World) -> None:
    ann = Party(world, "ann", renews_decoders=True)
    ann.participant.client = moment = Moment()
    moment.peer = ann.peer
    publishing.announce(ann.participant, MICROPHONE)
    publishing.announce(ann.participant, CAMERA)
    assert moment.held == [False, True]
    ann.offer("audio sendonly mic")  # sent before the announcement of the camera arrived
    assert ann.peer.held
    ann.offer("video sendonly cam q h f")
    assert not ann.peer.held
    ann.offer("video sendonly screen")
    # announced after its section arrived
    publishing.announce(ann.participant, Announcement("screen", "video", Source.SCREEN_SHARE))
    assert not ann.peer.held


def test_an_unoffered_track_blocks_no_later_track(world: World) -> None:
    ann = Party(world, "ann", renews_decoders=True)
    publishing.announce(ann.participant, CAMERA)
    screen = Announcement("screen", "video", Source.SCREEN_SHARE)
    world.time.advance(HELD_S - 1.0)
    publishing.announce(ann.participant, screen)
    ann.offer("video sendonly screen")
    assert ann.peer.held, "the camera's offer may still come"
    world.time.advance(1.0)
    publishing.announce(ann.participant, replace(screen, cid="again"))
    assert ann.peer.held
    ann.offer("video sendonly screen", "video sendonly again")
    assert not ann.peer.held


@pytest.mark.parametrize(("renews", "dual"), [(False, False), (True, True)])
def test_other_clients_go_on_seeing(world: World, renews: bool, dual: bool) -> None:
    ann = Party(world, "ann", renews_decoders=renews, dual=dual)
    publishing.announce(ann.participant, CAMERA)
    assert not ann.peer.held
    assert not ann.receiver.held
