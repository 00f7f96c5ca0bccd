"""Bodies of INFO: requests for a key frame (RFC 5168), and digits of terminals that do not send RTP events. Pure.

Code above decides which bodies a call gets and what follows. This module only reads and writes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from conference import PeerError
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire import markup

MEDIA_CONTROL: Final = "application/media_control+xml"
DTMF_RELAY: Final = "application/dtmf-relay"
DTMF: Final = "application/dtmf"

_DIGITS: Final = "0123456789*#ABCD"
_NAMED: Final = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "STAR": "*", "POUND": "#"}
"""RFC 4733 numbers and names, which some terminals write instead of the sign."""
_PRESS_MS: Final = 160
"""Milliseconds that a key counts as pressed, if the terminal names no duration. Chosen."""
_SIGNAL = re.compile(r"signal\s*=\s*(\S+)", re.IGNORECASE)
_DURATION = re.compile(r"duration\s*=\s*([0-9]{1,9})", re.IGNORECASE)
_FAST_UPDATE: Final = (
    '<?xml version="1.0" encoding="utf-8"?>\r\n<media_control><vc_primitive><to_encoder><picture_fast_update/>'
    "</to_encoder></vc_primitive></media_control>\r\n"
)


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """The terminal cannot decode our picture. `streams` are the labels that it named; empty: all streams that it receives."""

    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaFault:
    """The terminal could not do what we requested. `text` is the terminal's text; the code that shows it must clean it."""

    text: str


@dataclass(frozen=True, slots=True)
class Press:
    digit: str
    duration_ms: int


def keyframe_request() -> bytes:
    """Return the body that asks a terminal for a key frame."""
    return _FAST_UPDATE.encode()


def read(content_type: str, body: bytes) -> KeyframeWanted | MediaFault | Press | None:
    """Read a body. Return None for an unknown type or order; the caller then answers 415 or 200. Raises PeerError."""
    match content_type.partition(";")[0].strip().lower():
        case "application/media_control+xml":
            return _media_control(body)
        case "application/dtmf-relay":
            return _relay(body)
        case "application/dtmf":
            return Press(_digit(_text(body).strip()), _PRESS_MS)
    return None


def _media_control(body: bytes) -> KeyframeWanted | MediaFault | None:
    root = markup.read(body, limits.MEDIA_CONTROL_BYTES)
    if root.name != "media_control":
        raise PeerError("not a media control body")
    if root.has("picture_fast_update"):
        streams = [one.text.strip() for primitive in root.all("vc_primitive") for one in primitive.all("stream_id")]
        return KeyframeWanted(tuple(stream[:32] for stream in streams if stream))
    faults = [root.text_of("general_error"), *(one.text_of("general_error") for one in root.all("vc_primitive"))]
    return MediaFault(next((fault[:200] for fault in faults if fault), "")) if root.has("general_error") else None


def _relay(body: bytes) -> Press:
    text = _text(body)
    signal, duration = _SIGNAL.search(text), _DURATION.search(text)
    if signal is None:
        raise PeerError("no signal in a DTMF body")
    wanted = int(duration.group(1)) if duration else _PRESS_MS
    return Press(_digit(signal.group(1)), min(max(wanted, 1), limits.DTMF_MS))


def _text(body: bytes) -> str:
    if len(body) > limits.DTMF_BYTES or not body.isascii():
        raise PeerError("bad DTMF body")
    return body.decode()


def _digit(word: str) -> str:
    digit = _NAMED.get(word.upper(), word.upper())
    if len(digit) != 1 or digit not in _DIGITS:
        raise PeerError("no such DTMF digit")
    return digit
