"""Checks of DTLS datagrams and SCTP packets, before libraries that trust the contents read them.

The functions work on bytes and keep no state. Sources: RFC 6347 §4.1 and RFC 9147 §4 (records), RFC 9260 §3 (packets, chunks,
parameters), RFC 6525 §3.1 (reconfiguration). Lengths are in bytes.
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
"""Messages of a server before it changes the ciphers (RFC 5246 §7.4, RFC 6347 §4.3.2, RFC 6066 §8). HelloRequest is not among
them.
"""
_COMMON_HEADER = 12
_CHUNK_HEADER = 4
_DATA, _SACK, _RECONFIGURE = 0, 3, 130
_PARAMETERS_AT = {1: 16, 2: 16, 4: 0, 5: 0, 6: 0, 9: 0, _RECONFIGURE: 0}
"""The offset of the parameters or causes in the chunks that have some: INIT, INIT ACK, HEARTBEAT, HEARTBEAT ACK, ABORT, ERROR,
RE-CONFIG.
"""


def records(datagram: bytes) -> list[bytes]:
    """Split a datagram into its DTLS records. Stop at the first record with a wrong or too large length.

    aiortc reads one record for each datagram, and at most 1,500 bytes. The rest would stay in the library's memory, and all
    later records would be late.
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
    """Report whether an unencrypted record holds a handshake message that states too many bytes (RFC 6347 §4.2.2).

    The library reserves memory for the stated length (CVE-2026-95690, CVE-2022-29190). A record whose messages do not fill it
    exactly is reported too.
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
    """Report whether a client (or a server) can send this record before its handshake is complete.

    An unencrypted record holds parts of messages, one byte that changes the ciphers, or an alert. A record that is encrypted
    with the new keys can hold anything (RFC 6347 §4.1, RFC 5246 §7). Other records are noise.
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
    """Report whether no honest peer sends this message at this place. Anyone can forge such a message, and the library gives up
    when it reads one.

    We ask for no cookie (RFC 6347 §4.2.1), so a client sends only one ClientHello, as its first message. A server can ask for a
    cookie only in its first message.
    """
    if from_server:
        return message not in _OF_SERVER or (message == _HELLO_VERIFY_REQUEST and number != 0)
    return message == _CLIENT_HELLO and number != 0


def _pieces(record: bytes) -> Iterator[tuple[int, int]]:
    """Yield the kind and the number of each message that the record holds, whole or in part."""
    at = _RECORD_HEADER
    while at + _PIECE_HEADER <= len(record):
        yield record[at], int.from_bytes(record[at + 4 : at + 6], "big")
        at += _PIECE_HEADER + int.from_bytes(record[at + 9 : at + 12], "big")


def handshake_bytes(record: bytes) -> int:
    """Return the bytes of handshake messages in an unencrypted record, or 0 for any other record."""
    return len(record) if record[0] == _HANDSHAKE and record[3:5] == b"\0\0" else 0


def _end_of_record(datagram: bytes, at: int) -> int:
    first = datagram[at]
    if first >> 5 != 1:  # DTLS before 1.3, and the unencrypted records of 1.3
        head = 13
    elif first & 0b100:
        head = 4 + (first >> 3 & 1)  # header 001CSLEE with a length; the connection identifier C is never agreed
    else:
        return len(datagram)
    return at + head + int.from_bytes(datagram[at + head - 2 : at + head], "big")


def fault_of(packet: bytes, last_tsn: int) -> str:
    """Return why an SCTP packet must end its association, or "" if it must not. `last_tsn` is the last TSN that we have sent.

    A packet with chunks of a wrong length goes to the library, which ignores it.
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
    """Count the parameters. Return None if one is shorter than its own header, because a loop over such lengths never ends."""
    count = 0
    while at + 4 <= len(value):
        length = int.from_bytes(value[at + 2 : at + 4], "big")
        if length < 4:
            return None
        at += _padded(length)
        count += 1
    return count


def _acknowledges_what_was_sent(value: bytes, last_tsn: int) -> bool:
    """Report whether every TSN of a SACK was sent, and its gap blocks ascend (RFC 9260 §3.3.4). aiortc loops over each TSN of
    each block.
    """
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
