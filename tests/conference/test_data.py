"""Data packets and data tracks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import Refusal, data, limits
from conference.events import DataTrackHandles, Left, Reason, RosterChanged
from tests.conference.doubles import World
from tests.conference.parties import Party


@pytest.fixture
def world() -> World:
    return World()


def test_to_all_but_the_sender_with_its_true_name(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben", dual=True), Party(world, "eve")
    ann.peer.hear("_reliable", b"|hello")
    assert ben.receiver.sent == eve.peer.sent == [("_reliable", b"ann|hello")]
    assert ann.peer.sent == []


def test_to_some(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    ann.peer.hear("_lossy", b"eve,nobody|x")
    assert (ben.peer.sent, eve.peer.sent) == ([], [("_lossy", b"ann|x")])


def test_needs_the_grant(world: World) -> None:
    ann, ben = Party(world, "ann", can_publish_data=False), Party(world, "ben")
    ann.peer.hear("_reliable", b"|x")
    assert ben.peer.sent == []


def test_reliable_ones_wait_in_order_for_their_channel(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.peer.full = True
    for number in range(3):
        ann.peer.hear("_reliable", b"|%d" % number)
    ann.peer.hear("_lossy", b"|lost")
    ben.peer.full = False
    ann.peer.hear("_reliable", b"|3")
    assert ben.peer.sent == []  # never before the older ones
    world.pass_time(0.5)
    assert [payload for _, payload in ben.peer.sent] == [b"ann|0", b"ann|1", b"ann|2", b"ann|3"]


def test_they_go_on_as_soon_as_their_channel_takes_more(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", dual=True)
    ben.receiver.full = True
    for number in range(3):
        ann.peer.hear("_reliable", b"|%d" % number)
    ben.receiver.drain()
    ann.peer.hear("_reliable", b"|3")
    assert ben.heard() == [b"ann|0", b"ann|1", b"ann|2", b"ann|3"]


def test_what_waits_is_bounded(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.peer.full = True
    for _ in range(limits.WAITING_PACKETS + 1):
        ann.peer.hear("_reliable", b"|x")
    assert ben.participant.connection.dropped_packets == 1
    big = b"|" + b"x" * (limits.PACKET_BYTES - 10)
    eve = Party(world, "eve")
    eve.peer.full = True
    for _ in range(limits.WAITING_BYTES // len(big) + 2):
        ann.peer.hear("_reliable", big)
    assert eve.participant.connection.dropped_packets >= 1


def test_too_long_ones_are_dropped(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.peer.hear("_reliable", b"|" + b"x" * limits.PACKET_BYTES)
    assert ben.peer.sent == []


def test_bytes_of_no_format_end_their_sender(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.peer.hear("_reliable", b"no bar")
    assert ann.participant.left
    assert ann.client.of(Left)
    assert not ben.participant.left


def test_a_data_track(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    view = data.publish(ann.participant, 7, "telemetry", None)
    world.time.turn()
    assert ben.client.last(RosterChanged).participants[-1].data_tracks == (view,)
    ann.peer.hear("_data_track", b"7:early")
    data.choose(ben.participant, view.sid, True)
    data.tell_handles(ben.participant)
    (handle,) = ben.client.last(DataTrackHandles).handles
    ann.peer.hear("_data_track", b"7:now")
    assert ben.peer.sent == [("_data_track", b"%d:now" % handle)]
    data.choose(ben.participant, view.sid, False)
    ann.peer.hear("_data_track", b"7:late")
    assert len(ben.peer.sent) == 1
    data.choose(ben.participant, view.sid, True)
    data.unpublish(ann.participant, 7)
    assert ben.client.last(DataTrackHandles).handles == {}
    assert ben.participant.data.received == {}


@pytest.mark.parametrize(
    ("handle", "name", "code"),
    [
        (0, "n", "handle_bad"),
        (65536, "n", "handle_bad"),
        (1, "n", "handle_taken"),
        (2, "one", "name_taken"),
        (2, "", "name_bad"),
    ],
)
def test_bad_data_tracks(world: World, handle: int, name: str, code: str) -> None:
    ann = Party(world, "ann")
    data.publish(ann.participant, 1, "one", None)
    with pytest.raises(Refusal) as refused:
        data.publish(ann.participant, handle, name, None)
    assert refused.value.code == code


def test_data_tracks_are_bounded_and_revocable(world: World) -> None:
    ann = Party(world, "ann")
    for number in range(1, limits.DATA_TRACKS_PER_PARTICIPANT + 1):
        data.publish(ann.participant, number, str(number), None)
    with pytest.raises(Refusal) as refused:
        data.publish(ann.participant, 1000, "more", None)
    assert refused.value.code == "track_limit"
    ann.participant.change_grants(replace(ann.participant.grants, can_publish_data=False))
    assert ann.participant.data.published == {}


def test_whoever_wants_every_data_track_gets_them(world: World) -> None:
    ann = Party(world, "ann")
    data.publish(ann.participant, 1, "one", None)
    ben = Party(world, "ben", auto_subscribe_data=True)
    assert len(ben.client.last(DataTrackHandles).handles) == 1
    data.publish(ann.participant, 2, "two", None)
    assert len(ben.client.last(DataTrackHandles).handles) == 2


def test_one_that_grew_too_long_does_not_hold_up_the_others(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.peer.hear("_reliable", b"|" + b"x" * (limits.PACKET_BYTES - 2))  # fits until its sender is written into it
    ann.peer.hear("_reliable", b"|next")
    assert ben.heard() == [b"ann|next"]


def test_whoever_may_no_longer_receive_gets_no_frames(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", auto_subscribe_data=True)
    data.publish(ann.participant, 7, "pose", None)
    ann.peer.hear("_data_track", b"7:one")
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=False))
    ann.peer.hear("_data_track", b"7:two")
    assert len(ben.heard()) == 1
    assert ben.client.last(DataTrackHandles).handles == {}
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=True))
    ann.peer.hear("_data_track", b"7:three")
    assert len(ben.heard()) == 2


def test_tracks_are_found_by_their_id_as_long_as_they_last(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    sid = data.publish(ann.participant, 7, "pose", None).sid
    data.choose(ben.participant, sid, True)
    assert len(ben.participant.data.received) == 1
    ann.participant.leave(Reason.CLIENT_INITIATED)
    assert ben.participant.data.received == {}
    assert ann.conference.data_tracks == {}
