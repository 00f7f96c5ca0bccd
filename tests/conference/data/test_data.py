"""Data packets and data tracks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import Refusal, data_tracks, limits
from conference.ground.events import DataTrackHandles, Left, Reason, RosterChanged
from media.ground.limits import WINDOW_BYTES
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
    assert ben.peer.sent == []  # a new packet never overtakes older packets
    world.pass_time(0.5)
    assert [payload for _, payload in ben.peer.sent] == [b"ann|0", b"ann|1", b"ann|2", b"ann|3"]


def test_sending_goes_on_as_soon_as_the_channel_has_room(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", dual=True)
    ben.receiver.full = True
    for number in range(3):
        ann.peer.hear("_reliable", b"|%d" % number)
    ben.receiver.drain()
    ann.peer.hear("_reliable", b"|3")
    assert ben.heard() == [b"ann|0", b"ann|1", b"ann|2", b"ann|3"]


def test_only_the_flooding_sender_is_slowed_down(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    others = [Party(world, f"g{number}") for number in range(18)]
    receivers = [ben, *others]
    drops, most = world.registry.around.data_drops, int(limits.DATA_UNITS_BURST / len(receivers)) + 1
    for _ in range(10_000):
        ann.peer.hear("_lossy", b"|noise")
    assert 0.9 * most < len(ben.heard()) <= most
    assert drops == {"lossy": 10_000 - len(ben.heard())}
    before = len(ben.heard())
    for number in range(limits.HELD_PACKETS + 1):
        ann.peer.hear("_reliable", b"|%d" % number)
    assert (len(ben.heard()), drops["reliable"]) == (before, 1)
    others[0].peer.hear("_reliable", b"|sense")
    assert ben.heard()[-1] == b"g0|sense"
    world.time.advance(1)
    passed = len(ben.heard()) - before - 1
    assert 0.9 < passed * len(receivers) / limits.DATA_UNITS_PER_S < 1.1
    world.time.advance(60)
    assert [one for one in ben.heard()[before:] if one.startswith(b"ann")] == [
        b"ann|%d" % number for number in range(limits.HELD_PACKETS)
    ]
    for _ in range(limits.HELD_PACKETS):  # the budget is full again after a pause
        ann.peer.hear("_lossy", b"ben|once more")
    assert ben.heard()[-1] == b"ann|once more"
    assert drops["lossy"] == 10_000 - before


def test_a_sender_that_leaves_drops_its_held_packets(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    big = b"|" + b"x" * (limits.PACKET_BYTES - 10)
    count = limits.DATA_UNITS_BURST // 64 + limits.HELD_BYTES // len(big) + 2
    for _ in range(count):
        ann.peer.hear("_reliable", big)
    passed = len(ben.heard())
    assert ann.conference.around.data_drops["reliable"] > 0
    assert len(ann.participant.data.outgoing.held) == limits.HELD_BYTES // len(big)
    assert ann.peer.unread == ann.participant.data.outgoing.held_bytes > limits.HELD_BYTES - len(big)
    ann.participant.leave(Reason.CLIENT_INITIATED)
    world.time.advance(60)
    assert len(ben.heard()) == passed
    assert not ann.participant.data.outgoing.held


def hold_small(party: Party, count: int) -> None:
    """Spend the party's budget, and let `count` small packets wait."""
    for _ in range(limits.DATA_UNITS_BURST):
        party.peer.hear("_lossy", b"|noise")
    for number in range(count):
        party.peer.hear("_reliable", b"|%d" % number)


def test_held_packets_reduce_what_a_sender_may_send(world: World) -> None:
    ann, _ = Party(world, "ann"), Party(world, "ben")
    hold_small(ann, 500)
    before = ann.peer.unread
    assert before == 500 * limits.HELD_PACKET_BYTES_MIN > ann.participant.data.outgoing.held_bytes > 0
    world.time.advance(0.01)
    assert 0 < ann.peer.unread < before
    world.time.advance(10)
    assert ann.peer.unread == 0


def test_small_messages_close_the_window_before_the_count_bound(world: World) -> None:
    ann, _ = Party(world, "ann"), Party(world, "ben")
    hold_small(ann, 97)
    assert ann.peer.unread >= WINDOW_BYTES, "all that a client may have under way"
    assert len(ann.participant.data.outgoing.held) < limits.HELD_PACKETS / 16


def test_losing_the_data_grant_drops_held_packets(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    big = b"|" + b"x" * (limits.PACKET_BYTES - 10)
    for _ in range(limits.DATA_UNITS_BURST // 64 + 20):
        ann.peer.hear("_reliable", big)
    outgoing, passed = ann.participant.data.outgoing, len(ben.heard())
    assert outgoing.held
    may = ann.participant.grants
    ann.participant.change_grants(replace(may, can_publish_data=False))
    world.time.advance(60)
    assert len(ben.heard()) == passed
    assert (len(outgoing.held), outgoing.held_bytes) == (0, 0)
    ann.participant.change_grants(may)
    for _ in range(limits.DATA_UNITS_BURST // 64 + 20):
        ann.peer.hear("_reliable", big)
    assert outgoing.held
    world.time.advance(60)
    assert len(ben.heard()) == passed + limits.DATA_UNITS_BURST // 64 + 20


def test_a_flood_of_frames_is_thinned(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", auto_subscribe_data=True)
    data_tracks.publish(ann.participant, 7, "pose", None)
    for _ in range(limits.DATA_UNITS_BURST + 1000):
        ann.peer.hear("_data_track", b"7:x")
    assert limits.DATA_UNITS_BURST * 0.95 < len(ben.heard()) <= limits.DATA_UNITS_BURST
    assert ann.conference.around.data_drops["frames"] >= 1000


def test_a_file_for_one_receiver_is_never_held(world: World) -> None:
    """A sender delivers 32 MiB at 4 MiB a second, in pieces of the size that clients use."""
    ann, ben, _ = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    piece = b"ben|" + b"x" * 15_000
    for _ in range(32 * 1024 * 1024 // 15_000):
        ann.peer.hear("_reliable", piece)
        assert not ann.participant.data.outgoing.held
        world.time.advance(15_000 / (4 * 1024 * 1024))
    assert len(ben.heard()) == 32 * 1024 * 1024 // 15_000


def test_what_waits_is_bounded(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ben.peer.full = True
    for _ in range(limits.WAITING_PACKETS + 1):
        ann.peer.hear("_reliable", b"|x")
    assert ben.participant.connection.channels.dropped_packets == 1
    big = b"|" + b"x" * (limits.PACKET_BYTES - 10)
    eve = Party(world, "eve")
    eve.peer.full = True
    for _ in range(limits.WAITING_BYTES // len(big) + 2):
        ann.peer.hear("_reliable", big)
    assert eve.participant.connection.channels.dropped_packets >= 1


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
    view = data_tracks.publish(ann.participant, 7, "telemetry", None)
    world.time.turn()
    assert ben.client.last(RosterChanged).participants[-1].data_tracks == (view,)
    ann.peer.hear("_data_track", b"7:early")
    data_tracks.choose(ben.participant, view.sid, True)
    world.time.turn()
    (handle,) = ben.client.last(DataTrackHandles).handles
    ann.peer.hear("_data_track", b"7:now")
    assert ben.peer.sent == [("_data_track", b"%d:now" % handle)]
    data_tracks.choose(ben.participant, view.sid, False)
    ann.peer.hear("_data_track", b"7:late")
    assert len(ben.peer.sent) == 1
    data_tracks.choose(ben.participant, view.sid, True)
    data_tracks.unpublish(ann.participant, 7)
    world.time.turn()
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
    data_tracks.publish(ann.participant, 1, "one", None)
    with pytest.raises(Refusal) as refused:
        data_tracks.publish(ann.participant, handle, name, None)
    assert refused.value.code == code


def test_data_tracks_are_bounded_and_revocable(world: World) -> None:
    ann = Party(world, "ann")
    for number in range(1, limits.DATA_TRACKS_PER_PARTICIPANT + 1):
        data_tracks.publish(ann.participant, number, str(number), None)
    with pytest.raises(Refusal) as refused:
        data_tracks.publish(ann.participant, 1000, "more", None)
    assert refused.value.code == "track_limit"
    ann.participant.change_grants(replace(ann.participant.grants, can_publish_data=False))
    assert ann.participant.data.published == {}


def test_auto_subscribe_data_receives_every_data_track(world: World) -> None:
    ann = Party(world, "ann")
    data_tracks.publish(ann.participant, 1, "one", None)
    ben = Party(world, "ben", auto_subscribe_data=True)
    assert len(ben.client.last(DataTrackHandles).handles) == 1
    data_tracks.publish(ann.participant, 2, "two", None)
    world.time.turn()
    assert len(ben.client.last(DataTrackHandles).handles) == 2


def test_a_packet_that_grew_too_long_does_not_block_the_next(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.peer.hear(
        "_reliable", b"|" + b"x" * (limits.PACKET_BYTES - 2)
    )  # fits until the server adds the sender to the packet
    ann.peer.hear("_reliable", b"|next")
    assert ben.heard() == [b"ann|next"]


def test_without_the_subscribe_grant_no_frames_arrive(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben", auto_subscribe_data=True)
    data_tracks.publish(ann.participant, 7, "pose", None)
    ann.peer.hear("_data_track", b"7:one")
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=False))
    ann.peer.hear("_data_track", b"7:two")
    world.time.turn()
    assert len(ben.heard()) == 1
    assert ben.client.last(DataTrackHandles).handles == {}
    ben.participant.change_grants(replace(ben.participant.grants, can_subscribe=True))
    ann.peer.hear("_data_track", b"7:three")
    assert len(ben.heard()) == 2


def test_a_data_track_ends_when_its_publisher_leaves(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    sid = data_tracks.publish(ann.participant, 7, "pose", None).sid
    data_tracks.choose(ben.participant, sid, True)
    assert len(ben.participant.data.received) == 1
    ann.participant.leave(Reason.CLIENT_INITIATED)
    assert ben.participant.data.received == {}
    assert ann.conference.data.tracks == {}


def test_handle_tables_are_sent_once_a_turn_and_paced(world: World) -> None:
    ann = Party(world, "ann")
    takers = [Party(world, f"g{number}", auto_subscribe_data=True) for number in range(10)]
    for number in range(1, 31):
        data_tracks.publish(ann.participant, number, str(number), None)
    world.time.advance(1)
    assert [len(one.client.of(DataTrackHandles)) for one in takers] == [1] * 10
    assert len(takers[0].client.last(DataTrackHandles).handles) == 30
    for _ in range(1000):
        data_tracks.unpublish(ann.participant, 30)
        data_tracks.publish(ann.participant, 30, "again", None)
        world.time.advance(0.001)
    told = sum(len(one.client.of(DataTrackHandles)) - 1 for one in takers)
    assert 1000 < told <= 1 / (30 * limits.HANDLE_S) + 2 * limits.PACED_S / (30 * limits.HANDLE_S)
    world.time.advance(1)
    assert all(set(one.participant.data.received) == set(one.client.last(DataTrackHandles).handles) for one in takers)


def test_a_hidden_participant_withdraws_data_tracks_for_a_time(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    sid = data_tracks.publish(ann.participant, 7, "pose", None).sid
    for one in (ben, eve):
        data_tracks.choose(one.participant, sid, True)
    ann.participant.change_grants(replace(ann.participant.grants, hidden=True))
    world.time.turn()
    ann.peer.hear("_data_track", b"7:secret")
    assert ben.heard() == []
    assert ben.client.last(DataTrackHandles).handles == {}
    dan = Party(world, "dan", auto_subscribe_data=True)
    gone = Party(world, "gone", auto_subscribe_data=True)
    gone.participant.leave(Reason.CLIENT_INITIATED)
    data_tracks.choose(eve.participant, sid, False)
    ann.participant.change_grants(replace(ann.participant.grants, hidden=False))
    world.time.turn()
    ann.peer.hear("_data_track", b"7:public")
    for one in (ben, dan):
        (handle,) = one.client.last(DataTrackHandles).handles
        assert one.heard() == [b"%d:public" % handle]
    assert eve.heard() == []
    assert gone.sid not in ann.conference.data.tracks[sid].subscribers


def test_a_hidden_sender_is_never_named(world: World) -> None:
    ann, ben = Party(world, "ann", hidden=True), Party(world, "ben")
    ann.peer.hear("_reliable", b"|boo")
    ann.peer.hear("_lossy", b"ben|boo")
    assert ben.heard() == [b"|boo", b"|boo"]
