"""Records and chunks are split as the libraries do it, and dangerous ones are found before the libraries read them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ground import limits
from media.peers import datagrams
from tests.clients import sctp

LAST = sctp.OUR_TSN + 9
"""The last of ten chunks that we have sent, from OUR_TSN on."""


def record(content: bytes, kind: int = 23, epoch: int = 1) -> bytes:
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 7, len(content)) + content


@given(st.lists(st.binary(max_size=80), max_size=limits.RECORDS_OF_DATAGRAM))
def test_joined_records_are_split_again(contents: list[bytes]) -> None:
    made = [record(one) for one in contents]
    assert datagrams.records(b"".join(made)) == made


@given(st.binary(max_size=300))
def test_any_datagram_is_read(datagram: bytes) -> None:
    found = datagrams.records(datagram)
    assert datagram.startswith(b"".join(found))
    assert all(found)


def test_records_are_bounded() -> None:
    longest = record(bytes(limits.RECORD_BYTES - 13))
    assert datagrams.records(longest) == [longest]
    assert datagrams.records(record(b"a") + record(bytes(limits.RECORD_BYTES - 12)) + record(b"b")) == [record(b"a")]
    assert len(datagrams.records(record(b"") * (limits.RECORDS_OF_DATAGRAM + 1))) == limits.RECORDS_OF_DATAGRAM
    assert datagrams.records(record(b"a") + record(b"cut")[:-1]) == [record(b"a")]


def test_records_of_dtls_1_3() -> None:
    """Records of DTLS 1.3 are split (RFC 9147 §4), with and without a length, with numbers of 8 and 16 bits."""
    short, long = b"\x26\x07\x00\x03abc", b"\x2f\x00\x07\x00\x03abc"
    assert datagrams.records(short + long + b"\x2b\x00\x07rest") == [short, long, b"\x2b\x00\x07rest"]
    assert datagrams.records(b"\x26\x07\x00\x04abc") == []


def test_what_belongs_to_a_handshake() -> None:
    for made, fits in (
        (record(bytes(40), 22, 0), True),
        (record(b"", 22, 0), False),
        (record(b"\1", 20, 0), True),
        (record(bytes(40), 20, 0), False),
        (record(bytes(2), 21, 0), True),
        (record(bytes(40), 21, 0), False),
        (record(bytes(40), 23, 0), False),
        (record(bytes(40), 22, 1), True),
        (record(bytes(40), 23, 1), True),
        (record(bytes(40), 22, 2), False),
        (record(bytes(40), 24, 1), False),
        (b"\x26\x07\x00\x03abc", False),
    ):
        assert datagrams.fits_handshake(made) is fits, made
        assert datagrams.handshake_bytes(made) == (len(made) if made[:1] == b"\x16" and made[4] == 0 else 0)


def test_what_a_server_sends_in_its_handshake() -> None:
    def message(kind: int, number: int = 0) -> bytes:
        return bytes([kind, 0, 0, 2]) + number.to_bytes(2, "big") + bytes(3) + b"\0\0\2xx"

    for kind in range(256):  # ServerHello to ServerHelloDone, without HelloRequest, ClientHello and a client's answers
        fits = kind in (2, 3, 4, 11, 12, 13, 14, 22)
        assert datagrams.fits_handshake(record(message(kind), 22, 0), from_server=True) is fits, kind
        assert datagrams.fits_handshake(record(message(2) + message(kind), 22, 0), from_server=True) is fits, kind
    assert not datagrams.fits_handshake(record(message(3, 1), 22, 0), from_server=True), "a cookie is asked for once"
    assert datagrams.fits_handshake(record(message(2, 1), 22, 0), from_server=True), "behind the question for a cookie"
    assert not datagrams.fits_handshake(record(bytes(40), 23, 0), from_server=True)
    assert datagrams.fits_handshake(record(bytes(40), 23, 1), from_server=True)


def test_long_handshake_messages_are_seen_by_their_own_word() -> None:
    def piece(claimed: int) -> bytes:
        return b"\x01" + claimed.to_bytes(3, "big") + bytes(7) + b"\1x"

    limit = limits.HANDSHAKE_MESSAGE_BYTES
    assert not datagrams.claims_too_much(record(piece(limit), 22, 0))
    assert datagrams.claims_too_much(record(piece(limit + 1), 22, 0))
    assert not datagrams.claims_too_much(record(piece(limit + 1), 22, 1)), "sealed: nobody can know"
    assert not datagrams.claims_too_much(record(piece(limit) + piece(7), 22, 0))
    assert datagrams.claims_too_much(record(piece(limit) + piece(limit + 1), 22, 0)), "behind a harmless one"
    assert datagrams.claims_too_much(record(piece(limit) + b"\x01\0\0", 22, 0)), "cut"
    assert datagrams.claims_too_much(record(piece(limit)[:-1], 22, 0)), "shorter than it says"


@pytest.mark.parametrize("gaps", [[], [(2, 2)], [(2, 3), (5, 9)], [(2, 2), (4, 4), (6, 6), (8, 9)]])
def test_acknowledgements_of_what_was_sent(gaps: list[tuple[int, int]]) -> None:
    assert datagrams.fault_of(sctp.packet(sctp.sack(sctp.OUR_TSN, *gaps)), LAST) == ""


@pytest.mark.parametrize("gaps", [[(2, 10)], [(0, 1)], [(3, 2)], [(2, 3), (3, 4)], [(5, 6), (2, 3)], [(1, 65_535)]])
def test_acknowledgements_of_what_was_not_sent(gaps: list[tuple[int, int]]) -> None:
    assert datagrams.fault_of(sctp.packet(sctp.sack(sctp.OUR_TSN, *gaps)), LAST) == "malformed SCTP"


def test_acknowledgements_over_the_wrap_of_the_numbers() -> None:
    late = sctp.packet(sctp.sack(0xFFFFFFFE, (2, 4)))
    assert datagrams.fault_of(late, 2) == ""
    assert datagrams.fault_of(late, 1) == "malformed SCTP"
    assert datagrams.fault_of(sctp.packet(sctp.sack(5)), 4) == "malformed SCTP"


@pytest.mark.parametrize("kind", [1, 2, 4, 5, 6, 9, 130])
def test_parameters_step_forward(kind: int) -> None:
    head = bytes(16 if kind < 3 else 0)
    good, none, short = b"\0\1\0\5a\0\0\0\0\2\0\4", b"\0\1\0\0", b"\0\1\0\3"
    assert datagrams.fault_of(sctp.packet(sctp.chunk(kind, head + good)), LAST) == ""
    assert datagrams.fault_of(sctp.packet(sctp.chunk(kind, head + none)), LAST) == "malformed SCTP"
    assert datagrams.fault_of(sctp.packet(sctp.chunk(kind, head + good + short)), LAST) == "malformed SCTP"


def test_chunks_are_bounded() -> None:
    beat = sctp.chunk(sctp.HEARTBEAT)
    assert datagrams.fault_of(sctp.packet(beat * limits.CONTROL_CHUNKS, *[sctp.data(1, b"x")] * 60), LAST) == ""
    assert datagrams.fault_of(sctp.packet(beat * (limits.CONTROL_CHUNKS + 1)), LAST) == "too many chunks"
    resets = [b"\0\x11\0\x0c" + bytes(8)] * (limits.RECONFIGURATIONS + 1)
    assert datagrams.fault_of(sctp.packet(sctp.chunk(sctp.RECONFIGURE, b"".join(resets[1:]))), LAST) == ""
    assert datagrams.fault_of(sctp.packet(sctp.chunk(sctp.RECONFIGURE, b"".join(resets))), LAST) == "malformed SCTP"


@given(st.binary(max_size=200), st.integers(0, (1 << 32) - 1))
def test_any_packet_is_read(packet: bytes, last_tsn: int) -> None:
    assert datagrams.fault_of(packet, last_tsn) in ("", "malformed SCTP", "too many chunks")
