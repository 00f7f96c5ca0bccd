"""Far end camera control: H.281 orders in H.224 frames, each the payload of one RTP packet (RFC 4573, H.323 annex Q). Pure.

A frame has a Q.922 address and control octet, an H.224 header and the client's data. Over RTP it has no flags, no stuffed bits
and no check sequence. A movement is started, continued by repeated orders, and stopped. A camera stops by itself if no continue
order arrives in time (H.281 §5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

from conference import PeerError
from signaling.sip.wire import body_limits as limits

CONTINUE_S: Final = 0.4
"""While an operator turns a hall's camera, the order "continue" is repeated after these seconds. Chosen: half of the time after
which the camera stops by itself. Longer: the camera stops after one lost packet. Shorter: more packets.
"""

_ADDRESS_LOW: Final = b"\x00\x61\x03"
"""DLCI 6, low priority, unnumbered information: capabilities."""
_ADDRESS_HIGH: Final = b"\x00\x71\x03"
"""DLCI 7, high priority: cameras."""
_BROADCAST: Final = b"\x00\x00\x00\x00"
"""Destination and source terminal 0, because there are only two ends."""
_WHOLE: Final = 0xC0
"""The bits ES and BS of the segment octet in an H.224 message (camera control): the message begins and ends in this segment.
Source: ITU-T H.224. Larger or smaller: terminals wait for another segment, and whole messages of terminals are ignored.
"""
_HEADER_BYTES: Final = 9
_CLIENT_MANAGEMENT: Final = 0x00
_CLIENT_CAMERA: Final = 0x01
_TIME_OUT_800_MS: Final = 0x00
_CLIENT_LIST: Final = 0x01
_TOLD, _ASKED = 0x00, 0xFF


class Order(IntEnum):
    """The orders of H.281 §5."""

    START = 0x01
    CONTINUE = 0x02
    STOP = 0x03
    SELECT_SOURCE = 0x04
    SOURCE_SWITCHED = 0x05
    STORE_PRESET = 0x06
    ACTIVATE_PRESET = 0x07


@dataclass(frozen=True, slots=True)
class Move:
    """The directions of a movement. Several axes may move at once."""

    pan: Literal["", "left", "right"] = ""
    tilt: Literal["", "up", "down"] = ""
    zoom: Literal["", "in", "out"] = ""
    focus: Literal["", "in", "out"] = ""

    def __bool__(self) -> bool:
        return bool(self.pan or self.tilt or self.zoom or self.focus)


@dataclass(frozen=True, slots=True)
class Command:
    """An order from the far end. `number` is the preset or the video source."""

    order: Order
    move: Move = Move()
    number: int = 0


@dataclass(frozen=True, slots=True)
class CapabilitiesWanted:
    """The far end asks for the list of our clients."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The H.224 clients of the far end."""

    clients: tuple[int, ...]

    @property
    def camera(self) -> bool:
        return _CLIENT_CAMERA in self.clients


def start(move: Move) -> bytes:
    """Return the order that starts a movement. Raises ValueError for a movement without a direction."""
    if not move:
        raise ValueError("no direction")
    return _frame(bytes((Order.START, _bits(move), _TIME_OUT_800_MS)))


def go_on(move: Move) -> bytes:
    return _frame(bytes((Order.CONTINUE, _bits(move))))


def stop(move: Move) -> bytes:
    return _frame(bytes((Order.STOP, _bits(move))))


def preset(number: int, *, store: bool) -> bytes:
    """Return the order that stores the present position under a number, or moves the camera there (H.281 §5). `number`: 0..15."""
    order = Order.STORE_PRESET if store else Order.ACTIVATE_PRESET
    return _frame(bytes((order, number << 4)))


def capabilities() -> bytes:
    """Return the list of our clients (H.224 §9). A terminal shows a camera key only after it has read the list."""
    return _ADDRESS_LOW + _BROADCAST + bytes((_CLIENT_MANAGEMENT, _WHOLE, _CLIENT_LIST, _TOLD, 1, _CLIENT_CAMERA))


def read(payload: bytes) -> Command | Capabilities | CapabilitiesWanted | None:
    """Read one RTP payload. Return None for an unknown order or client. Raises PeerError."""
    if not _HEADER_BYTES < len(payload) <= limits.H224_BYTES or payload[2] != 0x03:
        raise PeerError("not an H.224 frame")
    client, segment, data = payload[7] & 0x7F, payload[8], payload[_HEADER_BYTES:]
    if segment & _WHOLE != _WHOLE:
        return None  # no camera message is longer than one segment
    if client == _CLIENT_MANAGEMENT:
        return _read_clients(data)
    return _read_camera(data) if client == _CLIENT_CAMERA else None


class Movement:
    """A movement of a camera while a user holds a key. It gives the frames to send and the time of the next frame."""

    def __init__(self, move: Move, now: float, most_s: float = 10.0) -> None:
        self._move = move
        self._ends = now + most_s
        self.due: float | None = now
        self._started = False

    def tick(self, now: float) -> bytes | None:
        """Return the frame to send now. The movement stops after `most_s`, because a closed browser must not turn a camera
        without end.
        """
        if self.due is None or now < self.due:
            return None
        if now >= self._ends:
            return self.stop()
        self.due = min(now + CONTINUE_S, self._ends)
        if self._started:
            return go_on(self._move)
        self._started = True
        return start(self._move)

    def stop(self) -> bytes | None:
        if self.due is None or not self._started:
            self.due = None
            return None
        self.due = None
        return stop(self._move)


_PAN: Final = {"": 0, "left": 0x80, "right": 0xC0}
_TILT: Final = {"": 0, "down": 0x20, "up": 0x30}
_ZOOM: Final = {"": 0, "out": 0x08, "in": 0x0C}
_FOCUS: Final = {"": 0, "out": 0x02, "in": 0x03}


def _bits(move: Move) -> int:
    return _PAN[move.pan] | _TILT[move.tilt] | _ZOOM[move.zoom] | _FOCUS[move.focus]


def _frame(data: bytes) -> bytes:
    return _ADDRESS_HIGH + _BROADCAST + bytes((_CLIENT_CAMERA, _WHOLE)) + data


def _read_clients(data: bytes) -> Capabilities | CapabilitiesWanted | None:
    if data[0] != _CLIENT_LIST or len(data) < 2:
        return None
    if data[1] == _ASKED:
        return CapabilitiesWanted()
    if data[1] != _TOLD or len(data) < 3:
        return None
    found = data[3 : 3 + data[2]]
    if len(found) != data[2]:
        raise PeerError("an incomplete H.224 client list")
    return Capabilities(tuple(client & 0x7F for client in found))


def _read_camera(data: bytes) -> Command | None:
    if len(data) < 2 or data[0] not in frozenset(Order):
        return None
    order, second = Order(data[0]), data[1]
    if order in (Order.START, Order.CONTINUE, Order.STOP):
        return Command(order, _read_move(second))
    return Command(order, number=second >> 4)


def _read_move(bits: int) -> Move:
    return Move(
        ("right" if bits & 0x40 else "left") if bits & 0x80 else "",
        ("up" if bits & 0x10 else "down") if bits & 0x20 else "",
        ("in" if bits & 0x04 else "out") if bits & 0x08 else "",
        ("in" if bits & 0x01 else "out") if bits & 0x02 else "",
    )
