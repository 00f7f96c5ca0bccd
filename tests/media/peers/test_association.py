"""An association and a sender that loses packets and ignores the window: `handshake` without DTLS and network."""

from __future__ import annotations

import asyncio
import struct

import pytest
from aiortc import RTCDataChannel
from aiortc.rtcsctptransport import USERDATA_MAX_LENGTH, SackChunk

from media.ground import limits
from media.peers import handshake
from tests.clients import sctp

FIRST, LAST, BINARY = 2, 1, 53


class Sender:
    """A sender with one channel. Each call sends everything that is not acknowledged yet, without regard to the window."""

    def __init__(self, association: handshake._Association, wire: sctp.Wire) -> None:
        self._association, self._wire = association, wire
        self._number = 0
        self.open: dict[int, bytes] = {}
        self.heard: list[bytes] = []
        association.on("datachannel", self._listen)

    def _listen(self, channel: RTCDataChannel) -> None:
        channel.on("message", self.heard.append)

    def add(self, message: bytes, piece: int, protocol: int = BINARY) -> None:
        places = range(0, len(message), piece)
        for at in places:
            flags = (FIRST if at == 0 else 0) | (LAST if at == places[-1] else 0)
            tsn = sctp.PEER_TSN + len(self.open)
            part = message[at : at + piece]
            self.open[tsn] = sctp.data(tsn, part, number=self._number, protocol=protocol, flags=flags)
        self._number += 1

    async def send(self, *lost: int, last: int | None = None) -> None:
        """Send the chunks. `lost` and `last` are positions from the start. Chunks of `lost` are left out, and `last` goes after
        all others.
        """
        chosen = [tsn for tsn in self.open if tsn - sctp.PEER_TSN not in (*lost, last)]
        if last is not None and sctp.PEER_TSN + last in self.open:
            chosen.append(sctp.PEER_TSN + last)
        for tsn in chosen:
            if tsn in self.open:
                await self._association._handle_data(sctp.packet(self.open[tsn]))
                self._read()

    async def wait(self) -> None:
        """Wait for the SACKs that a closed window delays."""
        await asyncio.sleep(limits.LATE_SACK_S)
        self._read()

    def _read(self) -> None:
        for packet in self._wire.sent:
            for chunk in sctp.chunks_of(packet):
                if isinstance(chunk, SackChunk):
                    gone = [tsn for tsn in self.open if tsn <= chunk.cumulative_tsn]
                    told = [chunk.cumulative_tsn + at for start, end in chunk.gaps for at in range(start, end + 1)]
                    for tsn in (*gone, *told):
                        self.open.pop(tsn, None)
        self._wire.sent.clear()


async def sender(refused: list[str]) -> Sender:
    association, wire = await sctp.established(lambda dtls: handshake._Association(dtls, refused.append))
    one = Sender(association, wire)
    one.add(sctp.opening(b"file"), 100, 50)
    return one


@pytest.mark.parametrize("piece", [USERDATA_MAX_LENGTH, 1000, 300])
@pytest.mark.parametrize("lost", [(1,), (1, 100), (30, 31, 32, 150), tuple(range(1, 71))])
async def test_a_file_arrives_complete_despite_packet_loss(piece: int, lost: tuple[int, ...]) -> None:
    """A file arrives completely, although its sender ignores the window after a loss, as aiortc does."""
    refused: list[str] = []
    one = await sender(refused)
    messages = [struct.pack("!L", number) * 3750 for number in range(40)]
    for message in messages:
        one.add(message, piece)
    await one.send(*lost)
    assert len(one.open) >= len(lost)
    await one.send(last=lost[0])
    await one.wait()
    few = min(limits.CHUNKS_FILLING - limits.CHUNKS_AHEAD, limits.MESSAGE_BYTES // USERDATA_MAX_LENGTH)
    gaps = {sctp.PEER_TSN + place for place in lost[:few]}
    assert not gaps & one.open.keys(), "what fills few other gaps is taken though the first is there"
    for _ in range(60):
        if not one.open:
            break
        await one.send()
        # The time limits the chunks, as a sender's bit rate would, however fast this machine is.
        await one.wait()
    assert refused == []
    assert one.heard == messages


async def test_the_window_is_what_has_room() -> None:
    """The window in packets is smaller than the room for chunks behind a lost chunk, and than the room for records."""
    assert min(limits.CHUNKS_AHEAD, limits.DATAGRAMS_WAITING) > limits.WINDOW_BYTES / USERDATA_MAX_LENGTH
    assert limits.MESSAGE_BYTES / USERDATA_MAX_LENGTH < limits.CHUNKS_OF_STREAM - limits.CHUNKS_FILLING


async def test_a_chunk_that_is_not_accepted_is_missing_in_the_sack() -> None:
    association, wire = await sctp.established(lambda dtls: handshake._Association(dtls, pytest.fail))
    for number in range(limits.CHUNKS_AHEAD):
        await association._handle_data(sctp.packet(sctp.data(sctp.PEER_TSN + 1 + number, b"x", number=1 + number)))
    wire.sent.clear()
    await association._handle_data(sctp.packet(sctp.data(sctp.PEER_TSN + 1 + limits.CHUNKS_AHEAD, b"x", number=900)))
    (sack,) = sctp.chunks_of(wire.sent[-1])
    assert isinstance(sack, SackChunk)
    assert (sack.cumulative_tsn, sack.gaps) == (sctp.PEER_TSN - 1, [(2, limits.CHUNKS_AHEAD + 1)])
