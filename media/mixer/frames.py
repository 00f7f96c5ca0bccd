"""What the mixer process needs of the Rust frame port: whole frames in and out, no packets. Implemented by `media/frames.py`.

Tests of pictures and sound stand a queue in its place; everything else runs over the real one.
"""

from __future__ import annotations

from typing import Literal, Protocol

FrameKind = Literal["frame", "lost", "keyframe", "report"]

Arrival = tuple[FrameKind, int, int, int, bytes]
"""(kind, SSRC, RTP timestamp unwrapped, arrival in monotonic µs, payload). "frame": a whole access unit (Annex B), a whole
VP8 frame or one packet of sound; "lost": something before the next frame is gone; "keyframe": the other end wants one of an
SSRC of ours; "report": a sender report, the timestamp is that of the NTP time in the arrival's place (µs)."""


class Frames(Protocol):
    """Called from several threads; each call is short but `poll`, which waits without the interpreter's lock."""

    def expect(self, ssrc: int, codec: str, clock_hz: int, jitter_ms: int) -> None: ...
    def forget(self, ssrc: int) -> None: ...
    def poll(self, timeout_ms: int, limit: int) -> list[Arrival]: ...
    def send_video(self, ssrc: int, payload_type: int, timestamp: int, access_unit: bytes, capture_us: int) -> None: ...
    def send_audio(self, ssrc: int, payload_type: int, timestamp: int, payload: bytes, capture_us: int) -> None: ...
    def request_keyframe(self, ssrc: int) -> None: ...
