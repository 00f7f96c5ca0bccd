"""A second codec of a track, for participants whose browsers do not decode the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Refusal, Settings, limits
from conference.ground.events import LayersWanted, Quality, Reason, Resumed, SubscriptionFailed, TrackPublished
from conference.tracks import publishing, subscriptions
from tests.conference.doubles import Listener, World
from tests.conference.parties import CAMERA, LAYERS, Party

VP9 = replace(CAMERA, codec="video/VP9", backup="video/VP8")
VP8 = replace(CAMERA, cid="second", codec="video/VP8")


@pytest.fixture
def world() -> World:
    return World()


def meet(world: World) -> tuple[Party, Party, Party, str]:
    """Let Ann publish VP9. Ben does not decode VP9, but Eve does."""
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    ben.peer.lacks = frozenset(("video/VP9",))
    (sid,) = ann.publish(VP9)
    for party in (ben, eve):
        party.offer()
    world.time.turn()
    return ann, ben, eve, sid


def back_up(ann: Party, sid: str, *others: Party) -> None:
    publishing.announce_backup(ann.participant, sid, VP8)
    ann.offer("video sendonly second q h f")
    for party in others:
        party.offer()
    ann.world.time.turn()


def seen(party: Party, sid: str) -> Any:
    """Return the consumer, or None if the party receives no packets of the track."""
    track = party.conference.tracks.by_sid.get(sid)
    given = track.given_to(party.sid) if track is not None else None
    return given.subscriptions[party.sid].consumer if given is not None and party.sid in given.subscriptions else None


def test_a_viewer_without_the_codec_gets_the_backup_codec(world: World) -> None:
    ann, ben, eve, sid = meet(world)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", Quality.HIGH, ("video/VP8", Quality.HIGH))
    assert not ben.client.of(SubscriptionFailed)
    assert seen(ben, sid) is None
    back_up(ann, sid, ben)
    assert ann.client.last(TrackPublished).cid == "second"
    assert ann.client.last(TrackPublished).track.sid == sid
    assert seen(ben, sid).producer.mime == "video/VP8"
    assert seen(ben, sid).mid is not None
    assert seen(eve, sid).producer.mime == "video/VP9"
    assert list(ann.participant.tracks) == [sid]


def test_each_codec_is_sent_as_large_as_its_viewers_want_it(world: World) -> None:
    ann, ben, eve, sid = meet(world)
    back_up(ann, sid, ben)
    subscriptions.set_settings(ben.participant, [sid], Settings(quality=Quality.LOW))
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", Quality.HIGH, ("video/VP8", Quality.LOW))
    assert seen(ben, sid).layer == 0
    subscriptions.set_settings(eve.participant, [sid], Settings(disabled=True))
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", None, ("video/VP8", Quality.LOW))
    ben.conference.remove(ben.participant, Reason.CLIENT_INITIATED)
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", None, ("video/VP8", None))


def test_after_the_viewer_leaves_no_backup_is_requested(world: World) -> None:
    ann, ben, _, sid = meet(world)
    ben.conference.remove(ben.participant, Reason.CLIENT_INITIATED)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", Quality.HIGH)


def test_the_backup_is_muted_and_ended_with_its_track(world: World) -> None:
    ann, ben, _, sid = meet(world)
    publishing.mute(ann.participant, sid, True)
    back_up(ann, sid, ben)
    track = ann.participant.tracks[sid]
    assert track.backup is not None
    second: Any = track.backup.producer
    assert second.paused
    publishing.mute(ann.participant, sid, False)
    assert not second.paused
    ann.end("cam")
    assert second.closed
    assert seen(ben, sid) is None
    assert not ann.participant.tracks
    assert not ann.conference.tracks.by_producer


def test_the_second_may_end_and_come_again(world: World) -> None:
    ann, ben, eve, sid = meet(world)
    back_up(ann, sid, ben)
    ann.end("second")
    assert seen(ben, sid) is None
    assert seen(eve, sid).producer.mime == "video/VP9"
    assert ann.client.last(LayersWanted).backup == ("video/VP8", Quality.HIGH)
    publishing.announce_backup(ann.participant, sid, replace(VP8, cid="third"))
    ann.offer("video sendonly third q h f")
    ben.offer()
    world.time.turn()
    assert seen(ben, sid).producer.mime == "video/VP8"


def test_a_viewer_that_decodes_neither_codec_gets_an_error(world: World) -> None:
    ann, ben, _, sid = meet(world)
    ben.peer.lacks = frozenset(("video/VP9", "video/VP8"))
    back_up(ann, sid, ben)
    assert ben.client.last(SubscriptionFailed) == SubscriptionFailed(sid, codec=True)
    assert seen(ben, sid) is None


def test_without_an_announced_backup_no_backup_is_requested(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.peer.lacks = frozenset(("video/VP9",))
    (sid,) = ann.publish(replace(VP9, backup=None))
    ben.offer()
    assert ben.client.last(SubscriptionFailed) == SubscriptionFailed(sid, codec=True)
    assert all(event.backup is None for event in ann.client.of(LayersWanted))


def test_what_is_no_second_codec_is_refused(world: World) -> None:
    ann, ben, _, sid = meet(world)
    for track, announcement in (("TR_none", VP8), (sid, VP9), (sid, replace(VP8, codec=None))):
        with pytest.raises(Refusal):
            publishing.announce_backup(ann.participant, track, announcement)
    back_up(ann, sid, ben)
    with pytest.raises(Refusal):
        publishing.announce_backup(ann.participant, sid, replace(VP8, cid="third"))
    assert ann.participant.tracks[sid].layers == LAYERS


def send(ann: Party, sid: str) -> None:
    """Let the first packet of the backup codec arrive."""
    second = ann.participant.tracks[sid].backup
    assert second is not None
    assert second.producer is not None
    second.producer.active_layers.add(0)


def test_a_missing_backup_is_requested_again_then_reported(world: World) -> None:
    ann, ben, eve, sid = meet(world)
    ann.client.clear()
    world.pass_time(limits.BACKUP_S - 1)
    assert len(ann.client.of(LayersWanted)) == (limits.BACKUP_S - 1) // limits.BACKUP_ASK_S
    assert ann.client.last(LayersWanted).backup == ("video/VP8", Quality.HIGH)
    assert not ben.client.of(SubscriptionFailed)
    world.pass_time(2)
    assert ben.client.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)]
    assert not eve.client.of(SubscriptionFailed)
    ann.client.clear()
    world.pass_time(10 * limits.BACKUP_S)
    assert ben.client.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)], "told once"
    assert not ann.client.of(LayersWanted), "and not asked for for ever"


def test_an_announced_backup_is_not_requested_again(world: World) -> None:
    ann, ben, _, sid = meet(world)
    publishing.announce_backup(ann.participant, sid, VP8)
    ann.client.clear()
    world.pass_time(limits.BACKUP_S + 1)
    assert not ann.client.of(LayersWanted)
    assert ben.client.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)], "all the same"


def test_one_backup_request_serves_all_viewers(world: World) -> None:
    ann, _, _, sid = meet(world)
    ann.client.clear()
    for name in ("dan", "kim"):
        party = Party(world, name, offer=False)
        party.peer.lacks = frozenset(("video/VP9",))
        party.offer()
    assert not ann.client.of(LayersWanted)
    assert len(ann.participant.tracks[sid].lacking) == 3


def test_a_late_backup_still_reaches_the_viewers(world: World) -> None:
    ann, ben, _, sid = meet(world)
    world.pass_time(limits.BACKUP_S + 1)
    dan = Party(world, "dan", offer=False)
    dan.peer.lacks = frozenset(("video/VP9",))
    ann.client.clear()
    dan.offer()
    assert dan.client.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)], (
        "at once: it was waited for already"
    )
    assert ann.client.last(LayersWanted).backup == ("video/VP8", Quality.HIGH)
    back_up(ann, sid, ben, dan)
    send(ann, sid)
    world.pass_time(2 * limits.BACKUP_S)
    for viewer in (ben, dan):
        assert seen(viewer, sid).producer.mime == "video/VP8"
        assert len(viewer.client.of(SubscriptionFailed)) == 1


def test_a_backup_that_sends_is_not_reported_missing(world: World) -> None:
    ann, ben, _, sid = meet(world)
    back_up(ann, sid, ben)
    send(ann, sid)
    world.pass_time(3 * limits.BACKUP_S)
    assert not ben.client.of(SubscriptionFailed)


def test_a_section_without_a_packet_is_none(world: World) -> None:
    ann, ben, _, sid = meet(world)
    back_up(ann, sid, ben)
    world.pass_time(limits.BACKUP_S + 1)
    assert ben.client.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)]


def test_a_muted_or_unviewed_track_misses_no_backup(world: World) -> None:
    ann, ben, _, sid = meet(world)
    publishing.mute(ann.participant, sid, True)
    world.pass_time(2 * limits.BACKUP_S)
    publishing.mute(ann.participant, sid, False)
    back_up(ann, sid, ben)
    subscriptions.set_settings(ben.participant, [sid], Settings(disabled=True))
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    world.pass_time(2 * limits.BACKUP_S)
    assert not ben.client.of(SubscriptionFailed)
    subscriptions.set_settings(ben.participant, [sid], Settings())
    world.pass_time(limits.BACKUP_S + 1)
    assert ben.client.of(SubscriptionFailed)


def test_a_resumed_viewer_learns_of_the_failed_subscription(world: World) -> None:
    _, ben, _, sid = meet(world)
    ben.participant.detach(ben.client)
    world.pass_time(limits.BACKUP_S + 1)
    again = Listener()
    ben.conference.resume("ben", ben.sid, again)
    assert again.of(Resumed)
    assert again.of(SubscriptionFailed) == [SubscriptionFailed(sid, codec=True)]


def test_a_join_during_the_backup_start_reports_no_gap(world: World) -> None:
    ann, ben, _, sid = meet(world)
    world.pass_time(limits.BACKUP_S + 1)
    back_up(ann, sid, ben)
    send(ann, sid)
    dan = Party(world, "dan", offer=False)
    dan.peer.lacks = frozenset(("video/VP9",))
    dan.offer()
    assert not dan.client.of(SubscriptionFailed)
    assert seen(dan, sid).producer.mime == "video/VP8"
