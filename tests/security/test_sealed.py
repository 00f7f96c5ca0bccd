"""DTLS records and SCTP packets from a peer with valid keys that must have no effect. Controls show their effect on aiortc and
OpenSSL alone (PROBLEMS.md, M03, M04, M15).
"""

from __future__ import annotations

import asyncio
import ctypes
import struct
from typing import Any

import pytest
from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcdatachannel import RTCDataChannelParameters
from aiortc.rtcsctptransport import HeartbeatAckChunk, parse_packet

from media import Router
from media.ground import limits
from media.peers import handshake
from tests.clients import offers, sctp
from tests.clients.ice_client import IceClient
from tests.clients.peers import Call, connect, end, port_of, waiting, works
from tests.security.floods import strangers
from tests.security.floods.strangers import Stranger

DATA = [offers.application()]


# -- M03: records too short to be encrypted


async def test_short_records_end_no_association(router: Router) -> None:
    """Records shorter than nonce and tag do not end an association, from the client's address or another (CVE-2026-75806)."""
    call = await connect(router, DATA)
    with Stranger("127.7.0.1", port_of(call)) as stranger:
        for number, record in enumerate(strangers.short_records()):
            call.client.send(record)
            stranger.send(record)
            if number % 100 == 0:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert stranger.listen() == 0
    assert await works(call)
    assert "failed" not in call.events.names()
    end(call)


async def test_a_control_short_record_under_the_seal_ends_it(router: Router) -> None:
    """A record of two bytes that the client encrypted ends the association, because close_notify is valid on the same path."""
    call = await connect(router, DATA)
    records = await sealed_by(call.client, lambda dtls: dtls._ssl.shutdown())
    assert [record[0] for record in records] == [21]
    call.client.send(records[0])
    assert await call.events.wait("failed") == ("failed", "closed by the peer")
    end(call)


async def sealed_by(client: IceClient, work: Any) -> list[bytes]:
    """Return the records that the client's library made. They are not sent."""
    assert client.dtls is not None
    work(client.dtls)
    made = []
    assert client.dtls._ssl is not None
    while True:
        try:
            made.append(client.dtls._ssl.bio_read(1500))
        except Exception:
            return made


# -- M04: fragments of handshake messages that claim to be long


def in_use_bytes() -> int:
    """Return the bytes that the C library has allocated (mallinfo2, glibc 2.33). These include OpenSSL's memory."""

    class Told(ctypes.Structure):
        _fields_ = [(f"{place}", ctypes.c_size_t) for place in range(10)]

    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Told
    told = library.mallinfo2()
    return int(getattr(told, "4") + getattr(told, "7"))  # hblkhd (separately mapped memory) and uordblks


SESSIONS, PIECES = 20, 500
OPENSSL_TAKES = 100 << 10
"""Bytes. From OpenSSL: the longest message that OpenSSL accepts by default. Larger: OpenSSL refuses the messages itself.
Smaller: the control uses less memory than it checks.
"""


async def in_pieces(router: Router, *claims: int) -> tuple[int, list[Call]]:
    """Return the bytes of memory that 10,000 fragments of unfinished messages cost, and the half-open calls."""
    calls = [await waiting(router, DATA) for _ in range(SESSIONS)]
    for call in calls:
        await call.client.check()
        call.client.send(await strangers.client_hello())
    await asyncio.sleep(0.3)
    before = in_use_bytes()
    for call in calls:
        for number, piece in enumerate(strangers.pieces(PIECES, *claims)):
            call.client.send(piece)
            if number % 50 == 0:
                await asyncio.sleep(0.005)
    await asyncio.sleep(0.5)
    return in_use_bytes() - before, calls


async def test_pieces_of_long_messages_get_no_memory(router: Router) -> None:
    """CVE-2026-95690: 10,000 fragments get no memory, if each claims 16 MiB or the longest message that OpenSSL accepts."""
    cost, calls = await in_pieces(router, (16 << 20) - 1, OPENSSL_TAKES)
    assert cost < 2 << 20
    assert all(call.peer.state == "connecting" and not call.events.seen[1:] for call in calls)
    end(*calls)


async def test_a_control_without_the_bound_gives_it(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_MESSAGE_BYTES", 1 << 24)
    cost, calls = await in_pieces(router, OPENSSL_TAKES)
    assert cost > 8 << 20
    end(*calls)


# -- M15: several records in one datagram


async def test_many_records_in_one_datagram_all_arrive(router: Router) -> None:
    """All records of one datagram arrive. aiortc reads one record per datagram, so the other records would stay in memory and
    arrive late.
    """
    call = await connect(router, DATA)
    assert await works(call)
    channel = next(iter(call.client.sctp._data_channels.values()))  # type: ignore[union-attr]
    datagrams: list[bytes] = []
    sent = call.client.send
    call.client.send = datagrams.append  # type: ignore[assignment, method-assign]
    for number in range(10):
        channel.send(bytes([number]))
    await asyncio.sleep(0.1)
    call.client.send = sent  # type: ignore[method-assign]
    records = [one for one in datagrams if 20 <= one[0] < 64]
    assert len(records) == 10
    call.client.send(b"".join(records))
    call.client.send = datagrams.append  # type: ignore[assignment, method-assign] # no retransmission leaves the client
    for number in range(10):
        assert await call.events.wait("message", "_reliable") == ("message", "_reliable", bytes([number]))
    end(call)


async def test_records_beyond_the_share_are_dropped(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records beyond a peer's share are dropped. The plane counts datagrams, but each record costs a turn of the event loop."""
    share = 60
    monkeypatch.setattr(limits, "RECORDS_PER_S", share)
    call = await connect(router, DATA)
    assert await works(call)
    read: list[bytes] = []
    put = handshake._Pipe.put

    def count(pipe: handshake._Pipe, record: bytes) -> None:
        read.append(record)
        put(pipe, record)

    monkeypatch.setattr(handshake._Pipe, "put", count)
    began = asyncio.get_running_loop().time()
    for _ in range(20):
        call.client.send(struct.pack("!BHHHIHB", 23, 0xFEFD, 1, 0, 1, 1, 0) * limits.RECORDS_OF_DATAGRAM)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)
    assert 16 <= len(read) <= share * (1 + asyncio.get_running_loop().time() - began)
    await asyncio.sleep(0.5)
    assert await works(call)
    end(call)


async def test_a_long_list_of_what_is_missing_does_not_break_dtls(router: Router) -> None:
    """A SACK with 600 gaps, which one packet cannot hold, does not break DTLS. Only every second chunk of 1,200 arrives at
    first.
    """
    call = await connect(router, DATA)
    assert await works(call)
    association = call.client.sctp
    assert association is not None
    first = association._local_tsn
    for number in range(1, 1200, 2):
        await send_packet(call, sctp.data(first + number, b"x", stream=9, protocol=99))
    await asyncio.sleep(0.2)
    for number in range(0, 1200, 2):
        await send_packet(call, sctp.data(first + number, b"x", stream=9, protocol=99))
    association._local_tsn = (first + 1200) % (1 << 32)
    association._last_sacked_tsn = association._advanced_peer_ack_tsn = association._local_tsn - 1
    assert await works(call)
    end(call)


async def send_packet(call: Call, *chunks: bytes) -> None:
    """Send a packet that bypasses the client's SCTP. The pause keeps below the plane's DTLS rate of one peer."""
    assert call.client.sctp is not None
    assert call.client.dtls is not None
    tag = call.client.sctp._remote_verification_tag
    await call.client.dtls._send_data(sctp.packet(*chunks, tag=tag))
    await asyncio.sleep(0.001)


# -- M15: packets that cost aiortc unlimited time or memory


ENDLESS = sctp.chunk(sctp.HEARTBEAT, b"\0\1\0\0")
"""A parameter of length zero. A reader that steps by the length stays at this parameter and stores one more copy each time."""
BEATS = sctp.chunk(sctp.HEARTBEAT) * 290
WIDE = sctp.sack(sctp.OUR_TSN - 1, *[(1, 65_535)] * 200)


@pytest.mark.parametrize(
    ("chunks", "reason"), [(ENDLESS, "malformed SCTP"), (BEATS, "too many chunks"), (WIDE, "malformed SCTP")]
)
async def test_packets_that_cost_without_end_end_their_session(router: Router, chunks: bytes, reason: str) -> None:
    call, other = await connect(router, DATA), await connect(router, DATA)
    assert await works(call)
    await send_packet(call, chunks)
    assert await call.events.wait("failed") == ("failed", reason)
    assert await works(other)
    end(call, other)


async def test_a_long_label_ends_the_session(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    assert call.client.sctp is not None
    RTCDataChannel(call.client.sctp, RTCDataChannelParameters(label="x" * (limits.CHANNEL_OPEN_BYTES - 12)))
    await call.events.wait("channel")
    RTCDataChannel(call.client.sctp, RTCDataChannelParameters(label="x" * (limits.CHANNEL_OPEN_BYTES - 11)))
    assert await call.events.wait("failed") == ("failed", "label too long")
    end(call)


async def test_channels_that_were_closed_are_forgotten(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    assert call.client.sctp is not None
    for number in range(3 * limits.CHANNELS):
        channel = RTCDataChannel(call.client.sctp, RTCDataChannelParameters(label=f"channel {number}"))
        await call.events.wait("channel")
        async with asyncio.timeout(10):
            while channel.readyState != "open":
                await asyncio.sleep(0.002)
            channel.close()
            while channel.readyState != "closed":
                await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)
    assert call.peer._transport._session._channels == {}
    assert await works(call)
    end(call)


def test_a_control_with_plain_aiortc_never_stops_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def look(*given: Any) -> tuple[Any, ...]:
        nonlocal looks
        looks += 1
        if looks > 10_000:
            raise TimeoutError
        return struct.unpack_from(*given)

    monkeypatch.setattr("aiortc.rtcsctptransport.unpack_from", look)
    with pytest.raises(TimeoutError):
        parse_packet(sctp.packet(ENDLESS))


async def test_a_control_without_bounds_answers_every_chunk() -> None:
    association, wire = await sctp.established(RTCSctpTransport)
    await association._handle_data(sctp.packet(BEATS))
    answers = [chunk for sent in wire.sent for chunk in sctp.chunks_of(sent)]
    assert len(answers) == 290
    assert all(isinstance(chunk, HeartbeatAckChunk) for chunk in answers)
    await association.stop()


async def test_control_without_bounds_every_gap_number_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Counted(set[int]):
        def add(self, number: int) -> None:
            nonlocal steps
            steps += 1

    association, _ = await sctp.established(RTCSctpTransport)
    monkeypatch.setattr("aiortc.rtcsctptransport.set", Counted, raising=False)
    await association._handle_data(sctp.packet(WIDE))
    assert steps == 200 * 65_535
    await association.stop()


async def test_control_without_bounds_streams_are_kept_forever() -> None:
    association, _ = await sctp.established(RTCSctpTransport)
    label = sctp.opening(b"x" * 1000)
    for number in range(5_000):
        await association._handle_data(
            sctp.packet(sctp.data(sctp.PEER_TSN + number, label, stream=number, protocol=50))
        )
    assert len(association._inbound_streams) == len(association._data_channels) == 5_000
    await association.stop()


# -- one peer and the other peers


async def bundles(association: RTCSctpTransport, packets: int) -> int:
    """Send packets of 50 messages each. Return how many messages were accepted."""
    first = association._last_received_tsn
    assert first is not None
    for number in range(packets):
        start = first + 1 + 50 * number
        await association._handle_data(sctp.packet(*(sctp.data(start + at, b"x", protocol=99) for at in range(50))))
    return int(association._last_received_tsn or 0) - first


async def test_chunks_without_end_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks beyond a peer's share are lost and can arrive later. One packet holds up to 70 messages."""
    association, wire = await sctp.established(lambda dtls: handshake._Association(dtls, pytest.fail))
    now = asyncio.get_running_loop().time()
    monkeypatch.setattr(association, "_time", lambda: now)
    assert await bundles(association, 3) == 150
    assert limits.CHUNKS_PER_S - 100 < 150 + await bundles(association, 300) <= limits.CHUNKS_PER_S
    assert len(wire.sent) <= 3 + limits.CHUNKS_PER_S // 50
    now += 0.5
    assert await bundles(association, 300) in (limits.CHUNKS_PER_S // 2, limits.CHUNKS_PER_S // 2 + 50)
    monkeypatch.undo()
    await association.stop()


async def test_a_control_without_the_share_takes_them_all() -> None:
    association, _ = await sctp.established(RTCSctpTransport)
    assert await bundles(association, 300) == 15_000
    await association.stop()


async def test_other_tasks_run_between_two_records_of_one_peer() -> None:
    pipe = handshake._Pipe(lambda _: None)
    for _ in range(limits.DATAGRAMS_WAITING + 1):
        pipe.put(b"\x17")
    taken = turns = 0

    async def take() -> None:
        nonlocal taken
        while not pipe.empty:
            await pipe._recv()
            taken += 1

    task = asyncio.ensure_future(take())
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert taken == limits.DATAGRAMS_WAITING
    assert turns >= taken
