"""Messages of the Binary Floor Control Protocol as bytes (RFC 8855 §5; version 1 is RFC 4582). Pure.

This module reads and writes, and keeps no state. `conference.ContentToken` decides who has the floor, and
`signaling/sip/floor/server.py` decides what is sent again. Any byte may come from an attacker, so lengths and depth have
limits. A wrong message raises `BfcpError` with the code for its sender.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from signaling.sip.wire import body_limits as limits

HEADER_BYTES: Final = 12
RELIABLE: Final = 1
UNRELIABLE: Final = 2
"""The protocol version of floor control (BFCP) over UDP; RELIABLE is the version over TCP. Source: RFC 8855 §5.1. Larger or
smaller: terminals refuse our messages over UDP.
"""


class Primitive(IntEnum):
    FLOOR_REQUEST = 1
    FLOOR_RELEASE = 2
    FLOOR_REQUEST_QUERY = 3
    FLOOR_REQUEST_STATUS = 4
    USER_QUERY = 5
    USER_STATUS = 6
    FLOOR_QUERY = 7
    FLOOR_STATUS = 8
    CHAIR_ACTION = 9
    CHAIR_ACTION_ACK = 10
    HELLO = 11
    HELLO_ACK = 12
    ERROR = 13
    FLOOR_REQUEST_STATUS_ACK = 14
    FLOOR_STATUS_ACK = 15
    GOODBYE = 16
    GOODBYE_ACK = 17


class Kind(IntEnum):
    """Types of attributes (§5.2)."""

    BENEFICIARY_ID = 1
    FLOOR_ID = 2
    FLOOR_REQUEST_ID = 3
    PRIORITY = 4
    REQUEST_STATUS = 5
    ERROR_CODE = 6
    ERROR_INFO = 7
    PARTICIPANT_PROVIDED_INFO = 8
    STATUS_INFO = 9
    SUPPORTED_ATTRIBUTES = 10
    SUPPORTED_PRIMITIVES = 11
    USER_DISPLAY_NAME = 12
    USER_URI = 13
    BENEFICIARY_INFORMATION = 14
    FLOOR_REQUEST_INFORMATION = 15
    REQUESTED_BY_INFORMATION = 16
    FLOOR_REQUEST_STATUS = 17
    OVERALL_REQUEST_STATUS = 18


class Status(IntEnum):
    PENDING = 1
    ACCEPTED = 2
    GRANTED = 3
    DENIED = 4
    CANCELLED = 5
    RELEASED = 6
    REVOKED = 7


class Fault(IntEnum):
    """Error codes (§5.2.6)."""

    NO_CONFERENCE = 1
    NO_USER = 2
    UNKNOWN_PRIMITIVE = 3
    UNKNOWN_ATTRIBUTE = 4
    UNAUTHORIZED = 5
    INVALID_FLOOR = 6
    NO_REQUEST = 7
    TOO_MANY_REQUESTS = 8
    USE_TLS = 9
    UNPARSABLE = 10
    USE_DTLS = 11
    UNSUPPORTED_VERSION = 12
    BAD_LENGTH = 13
    GENERIC = 14


GROUPED: Final = frozenset(range(Kind.BENEFICIARY_INFORMATION, Kind.OVERALL_REQUEST_STATUS + 1))
_KNOWN: Final = frozenset(Kind)
_NUMBERS: Final = frozenset(
    {Kind.BENEFICIARY_ID, Kind.FLOOR_ID, Kind.FLOOR_REQUEST_ID, Kind.PRIORITY, Kind.REQUEST_STATUS}
)


class BfcpError(Exception):
    """The message is refused. `fault` is for the sender; `details` are the unknown attribute types of UNKNOWN_ATTRIBUTE."""

    def __init__(self, fault: Fault, details: bytes = b"") -> None:
        super().__init__(fault.name)
        self.fault, self.details = fault, details


@dataclass(frozen=True, slots=True)
class Header:
    """The header (§5.1). `words` counts the payload in units of 4 octets."""

    version: int
    response: bool
    fragment: bool
    primitive: int
    words: int
    conference_id: int
    transaction: int
    user_id: int

    @property
    def bytes_after(self) -> int:
        """The bytes of the message after these 12. A fragment has 4 more."""
        return self.words * 4 + (4 if self.fragment else 0)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute. `number` is the 16-bit value of a plain attribute, or the id of a group. `data` holds the octets of every
    other attribute.
    """

    kind: int
    number: int = 0
    data: bytes = b""
    inner: tuple[Attribute, ...] = ()
    mandatory: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    primitive: Primitive
    conference_id: int
    transaction: int
    user_id: int
    attributes: tuple[Attribute, ...] = ()
    version: int = RELIABLE
    response: bool = False

    def number(self, kind: Kind) -> int | None:
        """Return the number of the first attribute of that kind, or None."""
        return next(self.numbers(kind), None)

    def numbers(self, kind: Kind) -> Iterator[int]:
        return (one.number for one in self.attributes if one.kind == kind)


def read_header(data: bytes) -> Header:
    """Read the first 12 bytes. Raises BfcpError for fewer bytes. `decode` checks the version."""
    if len(data) < HEADER_BYTES:
        raise BfcpError(Fault.BAD_LENGTH)
    first, primitive, words, conference, transaction, user = struct.unpack_from("!BBHIHH", data)
    return Header(first >> 5, bool(first & 0x10), bool(first & 0x08), primitive, words, conference, transaction, user)


def decode(data: bytes) -> Message:
    """Read exactly one message. Raises BfcpError."""
    header = read_header(data)
    if header.version not in (RELIABLE, UNRELIABLE):
        raise BfcpError(Fault.UNSUPPORTED_VERSION)
    if header.fragment:
        raise BfcpError(Fault.UNPARSABLE)  # no message that we accept is longer than one datagram
    if len(data) != HEADER_BYTES + header.bytes_after or len(data) > limits.BFCP_BYTES:
        raise BfcpError(Fault.BAD_LENGTH)
    try:
        primitive = Primitive(header.primitive)
    except ValueError:
        raise BfcpError(Fault.UNKNOWN_PRIMITIVE) from None
    attributes = _attributes(data[HEADER_BYTES:], 0)
    unknown = sorted({one.kind for one in attributes if one.mandatory and one.kind not in _KNOWN})
    if unknown:
        raise BfcpError(Fault.UNKNOWN_ATTRIBUTE, bytes(kind << 1 for kind in unknown))
    return Message(
        primitive,
        header.conference_id,
        header.transaction,
        header.user_id,
        attributes,
        header.version,
        header.response,
    )


def encode(message: Message) -> bytes:
    payload = b"".join(map(_attribute, message.attributes))
    first = message.version << 5 | (0x10 if message.response else 0)
    return (
        struct.pack(
            "!BBHIHH",
            first,
            message.primitive,
            len(payload) // 4,
            message.conference_id,
            message.transaction,
            message.user_id,
        )
        + payload
    )


class Framer:
    """The cutter of a TCP stream into messages (RFC 8855 §6.1). A length above the limit raises BfcpError and ends the
    connection.
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._held += data
        found = []
        while len(self._held) >= HEADER_BYTES:
            length = HEADER_BYTES + read_header(bytes(self._held[:HEADER_BYTES])).bytes_after
            if length > limits.BFCP_BYTES:
                raise BfcpError(Fault.BAD_LENGTH)
            if len(self._held) < length:
                break
            found.append(bytes(self._held[:length]))
            del self._held[:length]
        return found


# -- attributes --------------------------------------------------------------------------------------------------------


def status(value: Status, position: int = 0) -> Attribute:
    return Attribute(Kind.REQUEST_STATUS, value << 8 | min(position, 255))


def text(kind: Kind, value: str, most: int = 120) -> Attribute:
    """Return a text attribute in UTF-8, cut to `most` bytes between characters."""
    return Attribute(kind, data=value.encode()[:most].decode("utf-8", "ignore").encode(), mandatory=False)


def _attributes(data: bytes, depth: int) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    at = 0
    while at < len(data):
        if len(found) >= limits.BFCP_ATTRIBUTES or len(data) - at < 2:
            raise BfcpError(Fault.UNPARSABLE)
        first, length = data[at], data[at + 1]
        if length < 2 or at + length > len(data):
            raise BfcpError(Fault.UNPARSABLE)
        found.append(_read(first >> 1, bool(first & 1), data[at + 2 : at + length], depth))
        at += length + (-length % 4)
    return tuple(found)


def _read(kind: int, mandatory: bool, value: bytes, depth: int) -> Attribute:
    if kind in _NUMBERS or kind in GROUPED:
        if len(value) < 2 or (kind in _NUMBERS and len(value) != 2):
            raise BfcpError(Fault.UNPARSABLE)
        if kind in GROUPED and len(value) > 2 and depth >= limits.BFCP_DEPTH:
            raise BfcpError(Fault.UNPARSABLE)
        inner = _attributes(value[2:], depth + 1) if kind in GROUPED else ()
        return Attribute(kind, int.from_bytes(value[:2], "big"), b"", inner, mandatory)
    return Attribute(kind, 0, value, (), mandatory)


def _attribute(one: Attribute) -> bytes:
    if one.kind in _NUMBERS:
        value = one.number.to_bytes(2, "big")
    elif one.kind in GROUPED:
        value = one.number.to_bytes(2, "big") + b"".join(map(_attribute, one.inner))
    else:
        value = one.data
    length = len(value) + 2
    if length > 255:
        raise ValueError("an attribute to be sent is too long")
    return bytes((one.kind << 1 | one.mandatory, length)) + value + bytes(-length % 4)


def supported() -> tuple[Attribute, ...]:
    """Return the attributes of HelloAck (§5.3.12)."""
    primitives = bytes(Primitive)
    kinds = bytes(kind << 1 for kind in Kind)
    return Attribute(Kind.SUPPORTED_PRIMITIVES, data=primitives), Attribute(Kind.SUPPORTED_ATTRIBUTES, data=kinds)


def request_information(
    request_id: int, floor_id: int, state: Attribute, beneficiary: int | None = None, name: str = ""
) -> Attribute:
    """Return FLOOR-REQUEST-INFORMATION with one floor."""
    inner: list[Attribute] = [
        Attribute(Kind.OVERALL_REQUEST_STATUS, request_id, inner=(state,)),
        Attribute(Kind.FLOOR_REQUEST_STATUS, floor_id, inner=(state,)),
    ]
    if beneficiary is not None:
        names: Iterable[Attribute] = [text(Kind.USER_DISPLAY_NAME, name)] if name else []
        inner.append(Attribute(Kind.BENEFICIARY_INFORMATION, beneficiary, inner=tuple(names)))
    return Attribute(Kind.FLOOR_REQUEST_INFORMATION, request_id, inner=tuple(inner))
