"""SCTP packets built byte by byte, and an association that receives them without DTLS (RFC 9260). The association is the
server's or aiortc's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import SCTP_STATE_COOKIE, Chunk, InitAckChunk, RTCSctpCapabilities, parse_packet
from google_crc32c import value as crc32c

Association = TypeVar("Association", bound=RTCSctpTransport)

PORT = 5000
OUR_TAG, PEER_TAG = 0x0A0A0A0A, 0x0B0B0B0B
OUR_TSN, PEER_TSN = 500_000, 900_000
DATA, INIT, SACK, HEARTBEAT, ABORT, COOKIE_ECHO, RECONFIGURE, FORWARD = 0, 1, 3, 4, 6, 10, 130, 192


def chunk(kind: int, value: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("!BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)


def data(tsn: int, payload: bytes, *, stream: int = 1, number: int = 0, protocol: int = 53, flags: int = 3) -> bytes:
    return chunk(DATA, struct.pack("!LHHL", tsn & 0xFFFFFFFF, stream, number, protocol) + payload, flags)


def sack(cumulative: int, *gaps: tuple[int, int]) -> bytes:
    head = struct.pack("!LLHH", cumulative & 0xFFFFFFFF, 1 << 20, len(gaps), 0)
    return chunk(SACK, head + b"".join(struct.pack("!HH", *gap) for gap in gaps))


def opening(label: bytes, protocol: bytes = b"") -> bytes:
    """Return a DATA_CHANNEL_OPEN message for a reliable, ordered channel (RFC 8832 §5.1)."""
    return struct.pack("!BBHLHH", 3, 0, 0, 0, len(label), len(protocol)) + label + protocol


def packet(*chunks: bytes, tag: int = OUR_TAG) -> bytes:
    head, body = struct.pack("!HHL", PORT, PORT, tag), b"".join(chunks)
    return head + struct.pack("<L", crc32c(head + bytes(4) + body)) + body


class Wire:
    """The object that an association uses as connected DTLS. It keeps the data that the association sends."""

    state: ClassVar[str] = "connected"
    _role: ClassVar[str] = "server"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def _register_data_receiver(self, receiver: Any) -> None: ...
    def _unregister_data_receiver(self, receiver: Any) -> None: ...

    async def _send_data(self, data: bytes) -> None:
        self.sent.append(data)


async def established(make: Callable[[Any], Association]) -> tuple[Association, Wire]:
    """Return an established association with known tags and sequence numbers. The wire's list is empty."""
    wire = Wire()
    association = make(wire)
    association._local_verification_tag = OUR_TAG
    association._local_tsn = OUR_TSN
    association._last_sacked_tsn = association._advanced_peer_ack_tsn = OUR_TSN - 1
    association._reconfig_request_seq = OUR_TSN
    await association.start(RTCSctpCapabilities(65_535), PORT)
    offer = struct.pack("!LLHHL", PEER_TAG, 1 << 20, 65_535, 65_535, PEER_TSN)
    await association._handle_data(packet(chunk(INIT, offer), tag=0))
    answer = chunks_of(wire.sent[-1])[0]
    assert isinstance(answer, InitAckChunk)
    cookie = next(value for kind, value in answer.params if kind == SCTP_STATE_COOKIE)
    await association._handle_data(packet(chunk(COOKIE_ECHO, cookie)))
    assert association.state == "connected"
    wire.sent.clear()
    return association, wire


def chunks_of(sent: bytes) -> list[Chunk]:
    return parse_packet(sent)[3]
