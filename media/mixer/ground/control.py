"""The channel between a mixer and its process: JSON objects, each after its length (4 bytes, network order). Sans-IO.

Both ends are this program. But a faulty process must not fill the memory of the server, so lengths are limited.
"""

from __future__ import annotations

import json
from typing import Any

from media.ground import limits

Message = dict[str, Any]
"""A message. `type` is its kind; `process.py` and `mixer.py` know the other fields."""


class ControlError(ValueError):
    """The other end sent bytes that are not a message. The owner ends the process."""


def pack(message: Message) -> bytes:
    """Pack a message. Raises `ControlError` above `limits.MIXER_MESSAGE_BYTES`."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > limits.MIXER_MESSAGE_BYTES:
        raise ControlError(f"a message of {len(body)} bytes")
    return len(body).to_bytes(4, "big") + body


class Unpacker:
    """A converter from received bytes to complete messages."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """Add bytes and return the complete messages. Raises `ControlError`."""
        self._held += data
        messages = []
        while len(self._held) >= 4:
            length = int.from_bytes(self._held[:4], "big")
            if length > limits.MIXER_MESSAGE_BYTES:
                raise ControlError(f"a message of {length} bytes")
            if len(self._held) < 4 + length:
                break
            messages.append(_read(bytes(self._held[4 : 4 + length])))
            del self._held[: 4 + length]
        return messages


def _read(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ControlError("not JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ControlError("not a message")
    return message
