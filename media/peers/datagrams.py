"""The shape of DTLS datagrams and SCTP packets, looked at before libraries that believe what stands in them.

Functions over bytes; knows no session and keeps nothing. Sources: RFC 6347 §4.1 and RFC 9147 §4 (records), RFC 9260 §3
(packets, chunks, parameters), RFC 6525 §3.1 (reconfiguration). Lengths are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from media.ground import limits

_TSNS = 1 << 32
_RECORD_HEADER, _PIECE_HEADER = 13, 12
_CHANGE, _ALERT, _HANDSHAKE, _DATA_OF_USERS = 20, 21, 22, 23
_CLIENT_HELLO, _HELLO_VERIFY_REQUEST = 1, 3
_OF_SERVER = frozenset({2, _HELLO_VERIFY_REQUEST, 4, 11, 12, 13, 14, 22})
"""Messages of a server before it changes the ciphers (RFC 5246 §7.4, RFC 6347 §4.3.2, RFC 6066 §8). HelloRequest is none."""
_COMMON_HEADER = 12
_CHUNK_HEADER = 4
_DATA, _SACK, _RECONFIGURE = 0, 3, 130
_PARAMETERS_AT = {1: 16, 2: 16, 4: 0, 5: 0, 6: 0, 9: 0, _RECONFIGURE: 0}
"""Of chunks whose value holds parameters or causes: INIT, INIT ACK, HEARTBEAT, HEARTBEAT ACK, ABORT, ERROR, RE-CONFIG."""


def records(datagram: bytes) -> list[bytes]:
    """The DTLS records of a datagram, each by itself, up to the first of a false or too great length.

    aiortc reads one record for each piece that it is given, the first 1,500 bytes of it; what is left over stays in the
    library's memory for good, and every later record comes late by as many pieces.
    """
    found: list[bytes] = []
    at = 0
    while at < len(datagram) and len(found) < limits.RECORDS_OF_DATAGRAM:
        end = _end_of_record(datagram, at)
        if end > len(datagram) or end - at > limits.RECORD_BYTES:
            break
        found.append(datagram[at:end])
        at = end
    return found


def claims_too_much(record: bytes) -> bool:
    """In clear, with any piece of a handshake message that says it has more bytes than any that we take (RFC 6347 §4.2.2): the
    library gets memory for all of it (CVE-2026-95690, CVE-2022-29190). So has a record that its pieces do not fill.
    """
    if record[:1] != b"\x16" or record[3:5] != b"\0\0":
        return False
    at = _RECORD_HEADER
    while at < len(record):
        if int.from_bytes(record[at + 1 : at + 4], "big") > limits.HANDSHAKE_MESSAGE_BYTES:
            return True
        at += _PIECE_HEADER + int.from_bytes(record[at + 9 : at + 12], "big")
    return at != len(record)


def fits_handshake(record: bytes, *, from_server: bool = False) -> bool:
    """Whether a client, or a server, sends this before its handshake is complete. In clear: pieces of messages, one byte that
    changes the ciphers, an alert; sealed by the keys that come of it: anything (RFC 6347 §4.1, RFC 5246 §7). Everything else is
    noise.
    """
    kind, content = record[0], len(record) - _RECORD_HEADER
    if record[1:2] != b"\xfe" or kind not in (_CHANGE, _ALERT, _HANDSHAKE, _DATA_OF_USERS):
        return False
    if record[3:5] != b"\0\0":
        return record[3:5] == b"\0\1"
    if kind == _HANDSHAKE:
        return content > 0 and not any(_is_out_of_place(*piece, from_server) for piece in _pieces(record))
    return (kind, content) in ((_CHANGE, 1), (_ALERT, 2))


def _is_out_of_place(message: int, number: int, from_server: bool) -> bool:
    """A message that no peer of ours sends there in its handshake. Anybody can forge one, and the library gives up for it.

    We ask for no cookie (RFC 6347 §4.2.1), so a client sends its ClientHello as the first message only. A server may ask for one,
    by its first message only.
    """
    if from_server:
        return message not in _OF_SERVER or (message == _HELLO_VERIFY_REQUEST and number != 0)
    return message == _CLIENT_HELLO and number != 0


def _pieces(record: bytes) -> Iterator[tuple[int, int]]:
    """The kind and the number of each message of which the record holds a piece."""
    at = _RECORD_HEADER
    while at + _PIECE_HEADER <= len(record):
        yield record[at], int.from_bytes(record[at + 4 : at + 6], "big")
        at += _PIECE_HEADER + int.from_bytes(record[at + 9 : at + 12], "big")


def handshake_bytes(record: bytes) -> int:
    """Of pieces of handshake messages in clear; 0 for any other record."""
    return len(record) if record[0] == _HANDSHAKE and record[3:5] == b"\0\0" else 0


def _end_of_record(datagram: bytes, at: int) -> int:
    first = datagram[at]
    if first >> 5 != 1:  # everything before DTLS 1.3, and what it sends in clear
        head = 13
    elif first & 0b100:
        head = 4 + (first >> 3 & 1)  # 001CSLEE with a length; C, a connection identifier, is never agreed
    else:
        return len(datagram)
    return at + head + int.from_bytes(datagram[at + head - 2 : at + head], "big")


def fault_of(packet: bytes, last_tsn: int) -> str:
    """Why an SCTP packet ends its association; empty: it does not. `last_tsn`: the last that we have given out.

    A packet whose chunks do not fit it is left to the library, which ignores it.
    """
    controls = 0
    for kind, value in _chunks(packet):
        controls += kind != _DATA
        if controls > limits.CONTROL_CHUNKS:
            return "too many chunks"
        if kind == _SACK and not _acknowledges_what_was_sent(value, last_tsn):
            return "malformed SCTP"
        if kind in _PARAMETERS_AT:
            count = _count_parameters(value, _PARAMETERS_AT[kind])
            if count is None or (kind == _RECONFIGURE and count > limits.RECONFIGURATIONS):
                return "malformed SCTP"
    return ""


def count_chunks(packet: bytes) -> int:
    return sum(1 for _ in _chunks(packet))


def _chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    at = _COMMON_HEADER
    while at + _CHUNK_HEADER <= len(packet):
        kind, _, length = unpack_from("!BBH", packet, at)
        if length < _CHUNK_HEADER or at + length > len(packet):
            return
        yield kind, packet[at + _CHUNK_HEADER : at + length]
        at += _padded(length)


def _count_parameters(value: bytes, at: int) -> int | None:
    """None: one is shorter than its own head, and who steps by its length never comes to an end."""
    count = 0
    while at + 4 <= len(value):
        length = int.from_bytes(value[at + 2 : at + 4], "big")
        if length < 4:
            return None
        at += _padded(length)
        count += 1
    return count


def _acknowledges_what_was_sent(value: bytes, last_tsn: int) -> bool:
    """Every TSN of a SACK was given out, and its gap blocks ascend (RFC 9260 §3.3.4): aiortc walks each TSN of each block."""
    if len(value) < 12:
        return True
    cumulative, _, blocks, _ = unpack_from("!LLHH", value)
    outstanding = (last_tsn - cumulative) % _TSNS
    if outstanding >= _TSNS // 2:
        return False
    before = 0
    for at in range(12, min(12 + 4 * blocks, len(value) - 3), 4):
        start, end = unpack_from("!HH", value, at)
        if not before < start <= end <= outstanding:
            return False
        before = end
    return True


def _padded(length: int) -> int:
    return length + 3 & ~3
