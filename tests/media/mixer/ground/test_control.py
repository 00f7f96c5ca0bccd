"""The control channel: complete messages from parts, and an error for invalid bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ground import limits
from media.mixer.ground.control import ControlError, Message, Unpacker, pack

MESSAGES: list[Message] = [
    {"type": "keyframe", "ssrc": 7},
    {"type": "scene", "scene": {"label": "UBND xã Ea Sô"}},
    {"type": "stop"},
]


@given(st.lists(st.integers(1, 40), max_size=60))
def test_messages_come_in_any_pieces(sizes: list[int]) -> None:
    data = b"".join(pack(message) for message in MESSAGES)
    unpacker, found = Unpacker(), []
    for size in [*sizes, len(data)]:
        found += unpacker.feed(data[:size])
        data = data[size:]
    assert found == MESSAGES


def test_a_message_is_bounded_both_ways() -> None:
    frame = len(json.dumps({"type": ""}, separators=(",", ":")))
    longest = {"type": "x" * (limits.MIXER_MESSAGE_BYTES - frame)}
    assert Unpacker().feed(pack(longest)) == [longest]
    with pytest.raises(ControlError):
        pack({"type": "x" * (limits.MIXER_MESSAGE_BYTES - frame + 1)})
    with pytest.raises(ControlError):
        Unpacker().feed((limits.MIXER_MESSAGE_BYTES + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"type":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_message_ends_the_channel(body: bytes) -> None:
    with pytest.raises(ControlError):
        Unpacker().feed(len(body).to_bytes(4, "big") + body)
