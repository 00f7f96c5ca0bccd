"""Several packet threads on one port: the placement of conferences, and peers that reach their thread from any kernel thread."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import AsyncIterator, Iterator
from itertools import cycle

import pytest
from aiortc.rtp import RtpPacket

from media import Node, NodeSettings, Producer, Router, _plane
from media._plane import Plane
from media.node.placement import (
    BUSY,
    CONFERENCE_PACKETS,
    PARTICIPANT_PACKETS,
    PEERS_TOGETHER,
    Load,
    for_peer,
    least_loaded,
)
from tests.clients.ice_client import IceClient, rtp_packet
from tests.clients.offers import audio, video
from tests.clients.peers import Call, connect, end
from tests.media.node.test_plane_seam import DTLS, EVENT_WAIT_S, PWD, check, expect_answer
from tests.waiting import until

SHARDS = 2
PEERS = 40
"""With this many peers, the kernel certainly gives some to the wrong thread. The odds of none are 1 to 10^12."""
MIC = audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane(udp=[("127.0.0.1", 0)], tcp=[("127.0.0.1", 0)], shards=SHARDS)
    yield plane
    plane.close()


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    settings = NodeSettings(udp=[("127.0.0.1", 0)], tcp=[("127.0.0.1", 0)], shards=SHARDS)
    node = Node.open(settings, asyncio.get_running_loop())
    yield node
    IceClient.hang_up_all()
    node.close()
    await asyncio.sleep(0)


# Placement


def test_packets_count_and_what_is_to_be_expected() -> None:
    assert least_loaded([Load()]) == 0
    assert least_loaded([Load(), Load()]) == 0
    assert least_loaded([Load(packets_per_s=1000), Load(packets_per_s=999)]) == 1
    # Meetings that begin together have no measured load yet.
    assert least_loaded([Load(conferences=1), Load()]) == 1
    assert least_loaded([Load(participants=30, conferences=1), Load(participants=10, conferences=3)]) == 1
    # One loud conference counts more than some silent conferences.
    assert least_loaded([Load(packets_per_s=5000, participants=2, conferences=1), Load(conferences=10)]) == 1
    assert PARTICIPANT_PACKETS < CONFERENCE_PACKETS


def test_peers_stay_together_until_their_thread_is_full() -> None:
    full, idle = Load(busy=BUSY + 0.1), Load(busy=0.1)
    assert for_peer(1, 10, [idle, Load(busy=BUSY)]) == 1
    assert for_peer(1, 10, [idle, full]) == 0
    assert for_peer(0, 10, [full, idle, Load(busy=0.05)]) == 2
    assert for_peer(0, 10, [full, Load(busy=BUSY)]) == 0, "what spans costs more than it saves"
    # Many people join at once, and nothing is measured yet.
    assert for_peer(0, PEERS_TOGETHER - 1, [Load(participants=PEERS_TOGETHER), Load()]) == 0
    assert for_peer(0, PEERS_TOGETHER, [Load(participants=PEERS_TOGETHER), Load()]) == 1
    assert for_peer(0, PEERS_TOGETHER, [Load(participants=PEERS_TOGETHER), Load(participants=PEERS_TOGETHER)]) == 0


async def test_conferences_are_spread_and_closing_makes_room(node: Node) -> None:
    routers = [node.open_router() for _ in range(4)]
    assert [router.shard for router in routers] == [0, 1, 0, 1]
    routers[0].close()
    assert node.open_router().shard == 0
    assert [figures.conferences for figures in node.shards()] == [2, 2]
    assert node.open_router(shard=1).shard == 1


# The plane


def test_a_user_name_must_name_a_shard(plane: Plane) -> None:
    plane.open_router(1, 0)
    plane.open_router(2, 1)
    for router, ufrag in ((2, "cufrag"), (1, "+ufrag")):
        with pytest.raises(ValueError, match="shard"):
            plane.open_transport(router, 10, ufrag, PWD)
    plane.open_transport(2, 10, "bufrag", PWD)
    with pytest.raises(ValueError, match="shard"):
        plane.restart_ice(10, "aufrag", PWD)
    plane.restart_ice(10, "bnother", PWD)
    with pytest.raises(ValueError):
        plane.open_router(3, SHARDS)


def test_a_shared_port_is_not_shared_with_another_server(plane: Plane) -> None:
    with pytest.raises(OSError):
        Plane(udp=[("127.0.0.1", plane.udp_ports()[0])], shards=SHARDS)
    with pytest.raises(OSError):
        Plane(udp=[("127.0.0.1", plane.udp_ports()[0])])


def test_peers_reach_their_shard_from_any_kernel_thread(plane: Plane) -> None:
    for shard in range(SHARDS):
        plane.open_router(1 + shard, shard)
    names = [f"{'ab'[number % SHARDS]}peer{number}" for number in range(PEERS)]
    for number, name in enumerate(names):
        plane.open_transport(1 + number % SHARDS, 10 + number, name, PWD)
    with contextlib.ExitStack() as stack:
        for name in names:
            peer = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            peer.settimeout(EVENT_WAIT_S)
            peer.connect(("127.0.0.1", plane.udp_ports()[0]))
            peer.send(check(name))
            expect_answer(peer.recv(1500))
            # This packet follows at once. Any thread that gets it must know already whose path this is.
            peer.send(DTLS)
        events = take(plane, 2 * PEERS)
    assert {event[1] for event in events if event[0] == "ice"} == set(range(10, 10 + PEERS))
    assert sorted(event[1] for event in events if event[0] == "dtls") == list(range(10, 10 + PEERS))
    totals = counted(plane, "handed_over", 2)
    assert totals["handed_over"] % 2 == 0, "a check and what followed it"
    assert (totals["handover_drops"], totals["stranger_datagrams"], totals["bad_stun"]) == (0, 0, 0)
    assert sum(row[4] for row in plane.snapshot().shards()) == totals["handed_over"]


def test_connections_go_on_in_the_thread_of_their_peer(plane: Plane) -> None:
    """A TCP connection moves to its peer's thread, when the check arrives in two parts with DTLS in the last segment."""
    plane.open_router(1, 1)
    plane.open_transport(1, 10, "bufrag", PWD)
    with socket.create_connection(("127.0.0.1", plane.tcp_ports()[0]), EVENT_WAIT_S) as peer:
        request, frame = check("bufrag"), len(DTLS).to_bytes(2, "big") + DTLS
        framed = len(request).to_bytes(2, "big") + request + frame + frame[:3]
        peer.sendall(framed[:30])
        time.sleep(0.02)
        peer.sendall(framed[30:])
        size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL), "big")
        expect_answer(peer.recv(size, socket.MSG_WAITALL))
        peer.sendall(frame[3:])
        events = take(plane, 3)
        assert events[0] == ("ice", 10, "connected", f"tcp 127.0.0.1:{peer.getsockname()[1]}")
        assert events[1:] == [("dtls", 10, DTLS)] * 2
        plane.close_transport(10)
    # An unknown client that names this thread gets no answer from it.
    with socket.create_connection(("127.0.0.1", plane.tcp_ports()[0]), EVENT_WAIT_S) as peer:
        request = check("bnobody")
        peer.sendall(len(request).to_bytes(2, "big") + request)
        assert not select.select([peer], [], [], 0.1)[0]


def take(plane: Plane, count: int) -> list[_plane.Event]:
    events: list[_plane.Event] = []
    while len(events) < count:
        assert select.select([plane.event_fd()], [], [], EVENT_WAIT_S)[0], events
        events += plane.poll()
    return events


def counted(plane: Plane, name: str, at_least: int) -> dict[str, int]:
    """Return the totals, when `name` has reached `at_least`. They are at most a second old."""
    for _ in range(100):
        if plane.snapshot().totals[name] >= at_least:
            break
        time.sleep(0.05)
    time.sleep(0.05)
    return plane.snapshot().totals


# Calls


async def speak_and_hear(router: Router, protocol: str) -> None:
    sender = await connect(router, [MIC], protocol=protocol)
    producers = [one.producer for one in sender.answer.published]
    receiver = await connect(router, [audio("recvonly")], forward=producers, protocol=protocol)
    for number in range(3):
        payload = b"voice%d" % number
        sender.client.send_rtp(
            rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=payload)
        )
    packets = [RtpPacket.parse(await receiver.client.receive_rtp()) for _ in range(3)]
    assert [packet.payload for packet in packets] == [b"voice0", b"voice1", b"voice2"]
    end(sender, receiver)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_calls_on_every_shard(node: Node, protocol: str) -> None:
    routers = [node.open_router() for _ in range(2 * SHARDS)]
    assert {router.shard for router in routers} == set(range(SHARDS))
    await asyncio.gather(*(speak_and_hear(router, protocol) for router in routers))
    assert node.measurements()["faults"] == 0


# Conferences on several shards

CAMERA = video("sendonly", "a=msid:s cam", "a=ssrc:2222 cname:c")
KEYFRAME = b"\x10" + b"\x00\x00\x00\x9d\x01\x2a" + bytes(60)


@pytest.fixture
def spread(node: Node, monkeypatch: pytest.MonkeyPatch) -> Router:
    """A conference whose peers go to the shards in turn."""
    turns = cycle(range(SHARDS))
    monkeypatch.setattr(node._placement, "for_peer", lambda _home, _there: next(turns))
    return node.open_router(shard=0)


def voice(call: Call, number: int, level: int = 20) -> None:
    call.client.send_rtp(
        rtp_packet(
            payload_type=111,
            sequence=number,
            timestamp=960 * number,
            ssrc=1111,
            payload=b"voice%d" % number,
            extensions={1: bytes([0x80 | level])},
        )
    )


async def hear(call: Call, count: int) -> list[bytes]:
    """Return the next `count` payloads. A packet with only padding is a bandwidth probe and is skipped."""
    heard: list[bytes] = []
    while len(heard) < count:
        if payload := RtpPacket.parse(await call.client.receive_rtp()).payload:
            heard.append(payload)
    return heard


def only(call: Call) -> Producer:
    (published,) = call.answer.published
    return published.producer


def open_things(node: Node) -> tuple[int, int, int]:
    """Return the numbers of transports, producers and consumers. They are at most a second old."""
    totals = node.measurements()
    return totals["transports"], totals["producers"], totals["consumers"]


@pytest.mark.parametrize("first", [0, 1])
async def test_all_participants_get_one_list_of_active_speakers(spread: Router, first: int) -> None:
    others = [await connect(spread, [audio("recvonly")]) for _ in range(first)]
    speaker = await connect(spread, [MIC])
    producer = only(speaker)
    listeners = [await connect(spread, [audio("recvonly")], forward=[producer]) for _ in range(4)]
    assert {listener.peer.shard for listener in listeners} == {0, 1}
    spoken: asyncio.Queue[list[tuple[Producer, float]]] = asyncio.Queue()
    spread.on_speakers = spoken.put_nowait
    for number in range(60):
        voice(speaker, number)
        await asyncio.sleep(0.01)
    heard = [await hear(listener, 60) for listener in listeners]
    assert heard == [[b"voice%d" % number for number in range(60)]] * 4
    assert (await asyncio.wait_for(spoken.get(), EVENT_WAIT_S))[0][0] is producer
    end(speaker, *listeners, *others)


async def test_a_picture_is_asked_for_seen_muted_and_ended_across(node: Node, spread: Router) -> None:
    publisher = await connect(spread, [CAMERA])
    producer = only(publisher)
    viewer = await connect(spread, [video("recvonly")], forward=[producer])
    assert (publisher.peer.shard, viewer.peer.shard) == (0, 1)
    assert await publisher.client.receive_rtcp(206), "the viewer's wish for a key frame"

    def show(number: int) -> None:
        packet = rtp_packet(
            payload_type=96, sequence=number, timestamp=3000 * number, ssrc=2222, payload=KEYFRAME, marker=True
        )
        publisher.client.send_rtp(packet)

    show(1)
    assert (await hear(viewer, 1))[0].startswith(KEYFRAME)
    (consumer,) = viewer.answer.bound
    await until(lambda: consumer.layer == 0)
    producer.pause(True)
    show(2)
    producer.pause(False)
    show(3)
    assert (await hear(viewer, 1))[0].startswith(KEYFRAME)
    await until(lambda: [len(node.statistics().producers.get(producer.id, []))] == [1])
    await until(lambda: open_things(node) == (2, 1, 1))  # mirrors are not counted
    stale = node.measurements()["stale_commands"]
    consumer.close()
    producer.close()
    end(publisher, viewer)
    await until(lambda: open_things(node) == (0, 0, 0))
    await until(lambda: node.measurements()["memory_bytes"] == 0)
    assert (node.measurements()["stale_commands"], node.measurements()["faults"]) == (stale, 0)


async def test_a_listener_on_a_new_shard_hears_earlier_tracks(spread: Router) -> None:
    """A listener on a new shard hears tracks that were published before the conference used this shard."""
    speaker = await connect(spread, [MIC])
    voice(speaker, 0)
    listener = await connect(spread, [audio("recvonly")], forward=[only(speaker)])
    for number in range(1, 4):
        voice(speaker, number)
    assert (await hear(listener, 3))[-1] == b"voice3"
    speaker.peer.close()
    listener.client.hang_up()
    spread.close()
