"""Several packet threads on one port: where conferences go, and that peers reach theirs whatever the kernel chose."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from aiortc.rtp import RtpPacket

from media import Node, NodeSettings, Router, _plane
from media._plane import Plane
from media.placement import CONFERENCE_PACKETS, PARTICIPANT_PACKETS, Load, least_loaded
from tests.clients.ice_client import IceClient, rtp_packet
from tests.clients.offers import audio
from tests.clients.peers import connect, end
from tests.media.test_plane_seam import EVENT_WAIT_S, PWD, check, expect_answer

SHARDS = 2
PEERS = 40
"""With so many of them the kernel gives some to the wrong thread: none at odds of 1 to 10^12."""
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
    # Nothing was measured yet of meetings that begin together.
    assert least_loaded([Load(conferences=1), Load()]) == 1
    assert least_loaded([Load(participants=30, conferences=1), Load(participants=10, conferences=3)]) == 1
    # One loud conference is more than some silent ones.
    assert least_loaded([Load(packets_per_s=5000, participants=2, conferences=1), Load(conferences=10)]) == 1
    assert PARTICIPANT_PACKETS < CONFERENCE_PACKETS


async def test_conferences_are_spread_and_closing_makes_room(node: Node) -> None:
    routers = [node.open_router() for _ in range(4)]
    assert [router.shard for router in routers] == [0, 1, 0, 1]
    routers[0].close()
    assert node.open_router().shard == 0
    assert [figures.conferences for figures in node.shards()] == [2, 2]
    assert node.open_router(shard=1).shard == 1


# The plane


def test_a_user_name_must_name_the_shard_of_its_router(plane: Plane) -> None:
    plane.open_router(1, 0)
    plane.open_router(2, 1)
    for router, ufrag in ((1, "bufrag"), (2, "aufrag"), (2, "cufrag"), (2, "+ufrag")):
        with pytest.raises(ValueError, match="shard"):
            plane.open_transport(router, 10, ufrag, PWD)
    plane.open_transport(2, 10, "bufrag", PWD)
    with pytest.raises(ValueError, match="shard"):
        plane.restart_ice(10, "aufrag", PWD)
    plane.restart_ice(10, "bnother", PWD)
    with pytest.raises(ValueError):
        plane.open_router(3, SHARDS)


def test_a_port_that_threads_share_is_shared_with_no_other_server(plane: Plane) -> None:
    with pytest.raises(OSError):
        Plane(udp=[("127.0.0.1", plane.udp_ports()[0])], shards=SHARDS)
    with pytest.raises(OSError):
        Plane(udp=[("127.0.0.1", plane.udp_ports()[0])])


def test_peers_reach_their_shard_whichever_thread_the_kernel_chose(plane: Plane) -> None:
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
            # At once: whoever gets it has to know by now whose path this is.
            peer.send(b"\x16" + bytes(19))
        events = take(plane, 2 * PEERS)
    assert {event[1] for event in events if event[0] == "ice"} == set(range(10, 10 + PEERS))
    assert sorted(event[1] for event in events if event[0] == "dtls") == list(range(10, 10 + PEERS))
    totals = counted(plane, "handed_over", 2)
    assert totals["handed_over"] % 2 == 0, "a check and what followed it"
    assert (totals["handover_drops"], totals["stranger_datagrams"], totals["bad_stun"]) == (0, 0, 0)
    assert sum(row[3] for row in plane.snapshot().shards()) == totals["handed_over"]


def test_connections_go_on_in_the_thread_of_their_peer(plane: Plane) -> None:
    """The listener is the first one's. A check in pieces, with DTLS in the same segment as its end."""
    plane.open_router(1, 1)
    plane.open_transport(1, 10, "bufrag", PWD)
    with socket.create_connection(("127.0.0.1", plane.tcp_ports()[0]), EVENT_WAIT_S) as peer:
        request, dtls = check("bufrag"), b"\x16" + bytes(19)
        framed = len(request).to_bytes(2, "big") + request + len(dtls).to_bytes(2, "big") + dtls + b"\x00\x14\x16"
        peer.sendall(framed[:30])
        time.sleep(0.02)
        peer.sendall(framed[30:])
        size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL), "big")
        expect_answer(peer.recv(size, socket.MSG_WAITALL))
        peer.sendall(bytes(19))
        events = take(plane, 3)
        assert events[0] == ("ice", 10, "connected", f"tcp 127.0.0.1:{peer.getsockname()[1]}")
        assert events[1:] == [("dtls", 10, dtls)] * 2
        plane.close_transport(10)
    # A stranger who names a thread is one there too: an answer he does not get.
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
    """The totals, which are a second old at most."""
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
