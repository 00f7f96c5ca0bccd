"""Very large conferences: notifications and negotiations must not grow with the square of the number of participants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Refusal, Terms, limits
from conference.ground.events import LayersWanted, Presence, Quality, Reason, RosterChanged, SectionsWanted
from conference.people.pace import Pace
from conference.tracks import subscriptions
from conference.tracks.track import Settings
from tests.conference.doubles import Listener, World
from tests.conference.parties import CAMERA, LAYERS, MICROPHONE, Party


@pytest.fixture
def world() -> World:
    return World()


def crowd(world: World, count: int = limits.TOLD_PERSONS + 1) -> list[Party]:
    parties = [Party(world, f"p{number}") for number in range(count)]
    world.time.advance(limits.TOLD_S)
    for party in parties:
        party.client.clear()
    return parties


def told(party: Party) -> list[set[str]]:
    return [{view.identity for view in event.participants} for event in party.client.of(RosterChanged)]


def test_after_a_rest_the_first_join_is_sent_alone_then_batches(world: World) -> None:
    first, *_, last = crowd(world)
    Party(world, "ann")
    assert told(first) == [{"ann"}]
    Party(world, "ben")
    Party(world, "eve")
    assert len(told(first)) == 1
    world.time.advance(limits.TOLD_S)
    assert told(last)[-1] == {"ben", "eve"}
    assert len(told(first)) == 2
    assert {view.presence for view in first.client.last(RosterChanged).participants} == {Presence.ACTIVE}


def test_a_publisher_is_announced_before_its_tracks(world: World) -> None:
    first, *_ = crowd(world)
    Party(world, "ann")
    first.client.clear()
    for name in ("ben", "eve", "dan"):
        Party(world, name).publish(MICROPHONE)
    events = [event for event in first.client.events if isinstance(event, RosterChanged | SectionsWanted)]
    assert isinstance(events[-1], SectionsWanted)
    known = {view.identity for event in events if isinstance(event, RosterChanged) for view in event.participants}
    assert known >= {"ben", "eve", "dan"}


def test_a_returning_identity_replaces_its_old_session(world: World) -> None:
    first, *_ = crowd(world)
    Party(world, "ann")
    ben = Party(world, "ben")
    world.time.advance(limits.TOLD_S)
    Party(world, "eve")
    first.client.clear()
    ben.participant.leave(Reason.CLIENT_INITIATED)
    world.time.turn()
    assert not told(first)
    again = Party(world, "ben")
    gone = [view for event in first.client.of(RosterChanged) for view in event.participants if view.sid == ben.sid]
    assert [view.presence for view in gone] == [Presence.DISCONNECTED]
    own = [view for event in again.client.of(RosterChanged) for view in event.participants if view.identity == "ben"]
    assert {view.sid for view in own} <= {again.sid}


def test_a_small_conference_hears_of_everything_at_once(world: World) -> None:
    first, *_ = crowd(world, 3)
    for name in ("ann", "ben"):
        Party(world, name)
        assert {name} in told(first)


def test_many_tracks_are_negotiated_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEGOTIATION_TRACKS", 2)
    ann, ben = Party(world, "ann"), Party(world, "ben", dual=False)
    sids = ann.publish(MICROPHONE, CAMERA)
    ben.offer()
    ann.publish(*(_other(MICROPHONE, f"m{number}") for number in range(3)))
    asked = len(ben.client.of(SectionsWanted))
    assert asked == 1, "the first after a rest is not held up"
    ben.offer("audio recvonly", "audio recvonly", "audio recvonly")
    later = [ann.publish(_other(MICROPHONE, f"n{number}"))[0] for number in range(2)]
    assert len(ben.client.of(SectionsWanted)) == asked
    world.time.advance(limits.NEGOTIATION_S)
    assert len(ben.client.of(SectionsWanted)) == asked + 1
    ben.offer("audio recvonly", "audio recvonly")
    assert {*sids, *later} <= {one.track_id for one in ben.peer.bound.values()}


def test_single_joins_keep_descriptions_within_the_pace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEGOTIATION_TRACKS", 2)
    monkeypatch.setattr(limits, "NEGOTIATION_TRACK_S", 0.0)
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_PER_S", 100)
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_BURST", 10)
    parties: list[Party] = []
    asked: dict[str, int] = {}
    described = 0

    def serve() -> None:
        nonlocal described
        for party in parties:
            while len(wishes := party.client.of(SectionsWanted)) > asked.get(party.sid, 0):
                wish = wishes[asked.get(party.sid, 0)]
                asked[party.sid] = asked.get(party.sid, 0) + 1
                party.offer(*["audio recvonly"] * wish.audio, *["video recvonly"] * wish.video)
                described += len(party.peer.bound)

    count, apart_s = 24, 0.2
    for number in range(count):
        parties.append(Party(world, f"p{number}"))
        parties[-1].publish(CAMERA)
        world.time.advance(apart_s)
        serve()
    first_ones = count * count  # a first description with all participants is sent at once, without a wait
    assert described <= first_ones + limits.NEGOTIATED_TRACKS_BURST + count * apart_s * limits.NEGOTIATED_TRACKS_PER_S
    for _ in range(count):
        world.time.advance(count * count / limits.NEGOTIATED_TRACKS_PER_S)
        serve()
    assert {len(party.peer.bound) for party in parties} == {count - 1}, "in the end everybody has everybody"


def test_conferences_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_PER_S", 1_000)
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_BURST", 100)
    pace = Pace()
    waits = [pace.claim("large", 500, 0.0) for _ in range(100)]
    assert waits == sorted(waits)
    assert waits[0] == 0
    assert waits[-1] == pytest.approx(98 * 0.5 + 0.4)
    assert pace.claim("other", 500, 0.0) == 0
    assert pace.claim("other", 500, 0.0) == pytest.approx(0.9), "two share the rate"
    assert pace.claim("large", 500, 60.0) == 0


def test_returning_participants_delay_others_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_PER_S", 1_000)
    pace = Pace()
    for _ in range(1_000):
        assert pace.claim("one", 500, 0.0, first=True) == 0
    assert 0 < pace.claim("one", 500, 0.0) <= limits.NEGOTIATION_AHEAD_S


def test_small_and_returning_descriptions_do_not_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEGOTIATION_TRACKS", 2)
    monkeypatch.setattr(limits, "NEGOTIATION_TRACK_S", 0.0)
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_PER_S", 1)
    monkeypatch.setattr(limits, "NEGOTIATED_TRACKS_BURST", 1)
    ann, ben, few = Party(world, "ann"), Party(world, "ben"), Party(world, "few", room="other")
    ann.publish(*(_other(MICROPHONE, f"m{number}") for number in range(4)))
    ben.offer("audio recvonly")
    ben.offer("audio recvonly")
    ben.client.clear()
    ann.publish(_other(MICROPHONE, "last"))
    assert not ben.client.of(SectionsWanted), "the next one has to wait"
    for number in range(2):
        few.client.clear()
        Party(world, f"q{number}", room="other").publish(_other(MICROPHONE, "m"))
        assert few.client.of(SectionsWanted)
        few.offer()
    returned = Listener()
    world.registry.get("c").resume("ben", ben.sid, returned)
    assert returned.of(SectionsWanted), "who comes back has missed enough"


def _other(announcement: Any, cid: str) -> Any:
    return replace(announcement, cid=cid)


def test_the_wanted_quality_follows_all_subscribers(world: World) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(CAMERA)
    track = ann.participant.tracks[sid]
    viewers = [Party(world, name, first_quality_low=True) for name in ("ben", "eve", "dan")]
    assert track.wanted_quality() is Quality.LOW
    subscriptions.set_settings(viewers[0].participant, [sid], Settings(width=640, height=360))
    assert track.wanted_quality() is Quality.MEDIUM
    subscriptions.set_settings(viewers[1].participant, [sid], Settings(quality=Quality.HIGH))
    assert track.wanted_quality() is Quality.HIGH
    viewers[1].participant.leave(Reason.CLIENT_INITIATED)
    assert track.wanted_quality() is Quality.MEDIUM
    track.set_layers(LAYERS[:1])
    assert track.wanted_quality() is Quality.LOW
    track.set_layers(LAYERS)
    assert track.wanted_quality() is Quality.MEDIUM
    for party in (viewers[0], viewers[2]):
        subscriptions.set_settings(party.participant, [sid], Settings(disabled=True))
    assert track.wanted_quality() is None
    world.pass_time(limits.LAYERS_DOWN_S + 1)
    assert ann.client.last(LayersWanted).highest is None


def test_a_raised_participant_limit_does_not_apply_with_halls(world: World) -> None:
    usual = world.registry.create("usual", Terms())
    large = world.registry.create("large", Terms(max_participants=3000))
    endless = world.registry.create("endless", Terms(max_participants=2**31 - 1))
    found = [one.max_participants for one in (usual, large, endless)]
    assert found == [limits.PARTICIPANTS, 3000, limits.PARTICIPANTS_MOST]
    large.participants.update({str(number): None for number in range(limits.PARTICIPANTS + 1)})  # type: ignore[misc]
    monkey: Any = large.halls
    monkey._ports = object()
    with pytest.raises(Refusal, match="hall_limit"):
        large.halls.expect(None, None, None)  # type: ignore[arg-type]
