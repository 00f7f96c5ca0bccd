"""What pictures and sound need of the frame port: whole frames in and out, no packets. `media.frames.port.Frames` is it.

Tests of pictures and sound stand something that only keeps in its place; everything else runs over the real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from media.frames.port import FrameEvent
    from media.ground.parameters import CodecName


class Frames(Protocol):
    """Called from several threads; each call is short but `poll`, which waits without the interpreter's lock."""

    def expect(self, ssrc: int, codec: CodecName, clock_hz: int, jitter_ms: int = 60) -> None: ...
    def forget(self, ssrc: int) -> None: ...
    def poll(self, timeout_ms: int, limit: int = 256) -> Iterator[FrameEvent]: ...
    def send_video(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        picture: bytes,
        capture_us: int,
        *,
        codec: Literal["h264", "vp8"] = "h264",
    ) -> bool:
        """False: it was not taken, and the next one must be a key frame."""

    def send_audio(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        packet: bytes,
        capture_us: int,
        *,
        clock_hz: int = 48000,
        level: int = -1,
    ) -> None: ...
    def send_mix(
        self, outputs: Sequence[tuple[int, int]], timestamp: int, packet: bytes, capture_us: int, *, clock_hz: int
    ) -> None: ...
    def end(self, ssrc: int) -> None: ...
    def request_keyframe(self, ssrc: int) -> None: ...
