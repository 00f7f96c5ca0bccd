"""Hostile signalling messages that fit the schema, and bytes that almost fit it. A seed makes them repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from livekit.protocol import rtc

from tests.clients import offers

DEPTH = 4
INTEGERS = [0, 1, 2, 7, 127, 255, 1 << 15, (1 << 31) - 1]
NEGATIVE = [-1, -(1 << 31)]
TEXTS = [
    "",
    "\0",
    "x" * 70_000,
    "../../etc/passwd",
    "TR_x",
    "PA_x",
    "'; --",
    "\u202e\uffff",
    "v=0\r\n",
    "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=audio 9 X 0\r\na=mid:0\r\na=rtpmap:x y/z\r\n",
    "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video -1 UDP/TLS/RTP/SAVPF a b\r\na=candidate:x\r\na=extmap:0 a\r\n",
    '{"candidate":"candidate:1 1 udp x y z","sdpMid":1,"sdpMLineIndex":"a"}',
    "{" * 2000,
    "a=ice-ufrag:\r\n" * 3000,
]


def requests(seed: int, count: int) -> Iterator[bytes]:
    """Yield messages of every kind in turn. One in four then has bytes changed, removed or doubled."""
    source = random.Random(seed)
    kinds = rtc.SignalRequest.DESCRIPTOR.oneofs_by_name["message"].fields
    for number in range(count):
        message = rtc.SignalRequest()
        _fill(message, kinds[number % len(kinds)], source, DEPTH)
        data = message.SerializeToString()
        yield _damage(bytearray(data), source) if number % 4 == 3 else data


def _fill(message: Message, one: Any, source: random.Random, depth: int) -> None:
    repeated = one.is_repeated
    count = source.choice([0, 1, 3, 40]) if repeated else 1
    for _ in range(count):
        if one.message_type is not None:
            if one.message_type.GetOptions().map_entry:
                _fill_map(getattr(message, one.name), one, source)
                return
            child = getattr(message, one.name).add() if repeated else getattr(message, one.name)
            if not repeated:
                child.SetInParent()
            _fill_all(child, source, depth - 1)
            if isinstance(child, rtc.SessionDescription) and source.random() < 0.5:
                child.sdp = _description(source)
        elif repeated:
            getattr(message, one.name).append(_value(one, source))
        else:
            setattr(message, one.name, _value(one, source))


def _fill_all(message: Message, source: random.Random, depth: int) -> None:
    if depth == 0:
        return
    for one in message.DESCRIPTOR.fields:
        if source.random() < 0.6:
            _fill(message, one, source, depth)


def _fill_map(entries: dict[Any, Any], one: Any, source: random.Random) -> None:
    key, value = one.message_type.fields_by_name["key"], one.message_type.fields_by_name["value"]
    for _ in range(source.choice([0, 1, 200])):
        if value.message_type is None:
            entries[_value(key, source)] = _value(value, source)


def _value(one: Any, source: random.Random) -> object:
    kind = one.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = source.choice(TEXTS) + source.choice(["", str(source.randrange(1000))])
        return text.encode() if one.type == FieldDescriptor.TYPE_BYTES else text
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return source.random() < 0.5
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return source.choice([0.0, -1.0, 1e30, float("nan"), float("inf")])
    signed = kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_ENUM)
    return source.choice(INTEGERS + NEGATIVE if signed else INTEGERS)


def _description(source: random.Random) -> str:
    """Return a real offer with a line removed, doubled, changed or moved."""
    lines = offers.describe([offers.audio("sendrecv"), offers.video("recvonly"), offers.application()]).split("\r\n")
    for _ in range(source.choice([1, 1, 2, 5])):
        at = source.randrange(len(lines))
        change = source.randrange(4)
        if change == 0:
            del lines[at]
        elif change == 1:
            lines.insert(at, source.choice(lines))
        elif change == 2:
            place = source.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + source.choice([" ", ":", "-1", "\0", "9" * 30]) + lines[at][place + 1 :]
        else:
            lines.append(lines.pop(at))
    return "\r\n".join(lines)


def _damage(data: bytearray, source: random.Random) -> bytes:
    for _ in range(source.choice([1, 1, 4])):
        if not data:
            break
        at = source.randrange(len(data))
        change = source.randrange(4)
        if change == 0:
            data[at] = source.randrange(256)
        elif change == 1:
            del data[at:]
        elif change == 2:
            data[at:at] = source.randbytes(4)
        else:
            data += data[:at]
    return bytes(data)
