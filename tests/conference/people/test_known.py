"""A client knows every participant that an event names. Clients drop events about unknown participants."""

from __future__ import annotations

from typing import Any

import pytest

from conference import Entry, Grants, Permission, Refusal, data_tracks, limits
from conference.data.packets import NoPackets
from conference.ground.events import (
    DataTrackHandles,
    Event,
    QualityChanged,
    RosterChanged,
    SpeakersChanged,
    SubscriptionAllowed,
    TrackUnpublished,
    Welcome,
)
from conference.ground.outbox import Outbox
from conference.tracks import publishing
from tests.conference.doubles import Listener, World, figures
from tests.conference.parties import CAMERA, MICROPHONE, Party
from tests.conference.people.test_large import told


@pytest.fixture
def world() -> World:
    return World()


def meet(world: World, count: int = limits.TOLD_PERSONS + 1) -> tuple[Party, Party]:
    """Let `count` participants and two more join. Return eve, who subscribes to no tracks, and ben, who joined a moment ago and
    is not yet reported to eve.
    """
    eve = Party(world, "eve", auto_subscribe=False, auto_subscribe_data=True)
    for number in range(count - 1):
        Party(world, f"p{number}", auto_subscribe=False)
    world.time.advance(limits.TOLD_S)
    Party(world, "ann", auto_subscribe=False)
    eve.client.clear()
    ben = Party(world, "ben", auto_subscribe=False)
    if count > limits.TOLD_PERSONS:
        assert told(eve) == []
    return eve, ben


def knows(events: list[Event], kind: type[Any], sid: str) -> bool:
    """Report whether the participant `sid` was reported before the last event of this kind."""
    at = max(index for index, event in enumerate(events) if isinstance(event, kind))
    known = [view for event in events[:at] if isinstance(event, RosterChanged) for view in event.participants]
    return any(view.sid == sid for view in known)


def test_the_active_speaker_is_known_to_the_receiver(world: World) -> None:
    eve, ben = meet(world)
    (sid,) = ben.publish(MICROPHONE)
    world.media.routers[0].on_speakers([(ben.participant.tracks[sid].producer, 1.0)])
    world.time.turn()
    assert eve.client.last(SpeakersChanged).speakers[0].participant_sid == ben.sid
    assert knows(eve.client.events, SpeakersChanged, ben.sid)


def test_a_graded_participant_is_known_to_the_receiver(world: World) -> None:
    eve, ben = meet(world)
    ben.conference.meter.measure({ben.peer.id: figures()}, world.time.now + limits.QUALITY_S)
    assert eve.client.last(QualityChanged).grades[0].participant_sid == ben.sid
    assert knows(eve.client.events, QualityChanged, ben.sid)


def test_the_sender_to_all_is_announced_once(world: World) -> None:
    eve, ben = meet(world)
    ben.peer.hear("_reliable", b"|hello")
    assert eve.heard()[-1] == b"ben|hello"
    assert told(eve) == [{"ben"}]
    ben.peer.hear("_reliable", b"|again")
    assert len(told(eve)) == 1


def test_the_sender_to_one_is_announced_only_to_that_receiver(world: World) -> None:
    eve, _ = meet(world)
    others = [party for party in eve.conference.participants.values() if party is not eve.participant]
    newcomers = [Party(world, f"n{number}", auto_subscribe=False) for number in range(5)]
    heard = {one.identity: len(one.client.events) for one in others}  # type: ignore[union-attr]
    for one in newcomers:
        one.peer.hear("_reliable", b"eve|hi")
    assert told(eve) == [{one.participant.identity} for one in newcomers]
    assert heard == {one.identity: len(one.client.events) for one in others}  # type: ignore[union-attr]
    world.time.advance(limits.TOLD_S)
    assert told(eve)[-1] >= {one.participant.identity for one in newcomers}


def test_a_repeated_sender_is_announced_once_per_change(world: World) -> None:
    eve, ben = meet(world)
    for _ in range(20):
        ben.peer.hear("_reliable", b"eve|hi")
    assert told(eve) == [{"ben"}]
    ben.publish(MICROPHONE)
    for _ in range(20):
        ben.peer.hear("_reliable", b"eve|hi")
    assert told(eve) == [{"ben"}, {"ben"}]


def test_a_data_track_publisher_is_known_to_the_receiver(world: World) -> None:
    eve, ben = meet(world)
    data_tracks.publish(ben.participant, 1, "points", None)
    world.time.turn()
    assert eve.client.last(DataTrackHandles).handles
    assert knows(eve.client.events, DataTrackHandles, ben.sid)


@pytest.mark.parametrize("count", [3, limits.TOLD_PERSONS + 1])
def test_the_publisher_of_a_forbidden_track_is_known_first(world: World, count: int) -> None:
    """The client looks for the track in the publisher's entry that it received earlier."""
    meet(world, count)
    dan = Party(world, "dan")
    ben = Party(world, "bea", auto_subscribe=False)
    publishing.permit(ben.participant, Permission(False, {}, {}))
    dan.client.clear()
    (sid,) = ben.publish(CAMERA)
    world.time.advance(limits.TOLD_S)
    assert dan.client.of(SubscriptionAllowed) == [SubscriptionAllowed(ben.sid, sid, False)]
    at = dan.client.events.index(dan.client.last(SubscriptionAllowed))
    views = [
        view for event in dan.client.events[:at] if isinstance(event, RosterChanged) for view in event.participants
    ]
    assert any(track.sid == sid for view in views for track in view.tracks)
    assert not dan.client.of(Welcome)


def test_a_hidden_sender_is_never_announced(world: World) -> None:
    eve, _ = meet(world)
    recorder = Party(world, "recorder", auto_subscribe=False, hidden=True)
    recorder.peer.hear("_reliable", b"|hello")
    recorder.peer.hear("_reliable", b"eve|hello")
    assert told(eve) == []
    world.time.advance(limits.TOLD_S)
    assert told(eve) == [{"ben"}]


# -- the end of a change

FIRST, SECOND, CAUSED = (TrackUnpublished(sid) for sid in ("1", "2", "3"))


class Answering(Listener):
    """A listener that causes one more event for each event it receives, as a hall does."""

    def __init__(self, outbox: Outbox, later: Listener) -> None:
        super().__init__()
        self._outbox, self._later = outbox, later

    def deliver(self, event: Any) -> None:
        super().deliver(event)
        self._outbox.put(self._later, CAUSED)


def test_events_go_at_the_end_of_the_outer_change() -> None:
    outbox, one = Outbox(), Listener()
    with outbox:
        with outbox:
            outbox.put(one, FIRST)
        assert one.events == []
        outbox.put(one, SECOND)
    assert one.events == [FIRST, SECOND]


def test_an_event_outside_a_change_is_sent_at_once() -> None:
    outbox, one = Outbox(), Listener()
    outbox.put(one, FIRST)
    assert one.events == [FIRST]


def test_an_event_caused_by_another_event_is_sent_last() -> None:
    outbox, last = Outbox(), Listener()
    with outbox:
        outbox.put(Answering(outbox, last), FIRST)
        outbox.put(last, SECOND)
    assert last.events == [SECOND, CAUSED]


def test_events_go_although_the_change_failed() -> None:
    outbox, one = Outbox(), Listener()
    with pytest.raises(Refusal), outbox:
        outbox.put(one, FIRST)
        raise Refusal("removed")
    assert one.events == [FIRST]


def test_a_change_is_sent_only_when_it_is_complete(world: World) -> None:
    """All subscriptions are complete before the newcomer's welcome is sent."""
    ann = Party(world, "ann")
    ann.publish(MICROPHONE)
    seen: list[int] = []

    class Watching(Listener):
        def deliver(self, event: Any) -> None:
            super().deliver(event)
            seen.append(len(ann.conference.tracks.by_sid[next(iter(ann.participant.tracks))].subscriptions))

    grants = Grants(identity="ben", conference="c", join=True)
    world.registry.join(Entry(grants=grants, dual=True, packets=NoPackets()), Watching())
    assert seen[0] == 1


class Broken(Listener):
    """A receiver that has a bug of the server."""

    def deliver(self, event: Event) -> None:
        raise RuntimeError("a defect")


def test_a_failing_receiver_does_not_block_events_for_others() -> None:
    outbox, one = Outbox(), Listener()
    with pytest.raises(RuntimeError), outbox:
        outbox.put(Broken(), FIRST)
        outbox.put(one, FIRST)
        assert one.events == []
    assert one.events == [FIRST]
    with outbox:
        outbox.put(one, SECOND)
        assert one.events == [FIRST]
    assert one.events == [FIRST, SECOND]
