"""Whole frames for the mixer process: the typed face of the plane's `FramePort`. Runs without a node and without asyncio.

The parent opens a line with `latch=False`, makes the other end with `connect(line.local)`, tells the line where that is
(`line.set_remote(end.getsockname()[:2])`) and gives the descriptor to the process, which calls `Frames.open` with it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from media.ground.library import load_plane
from media.ground.parameters import CodecName

if TYPE_CHECKING:
    from media._plane import FramePort

AUDIO_LEVEL_ID = 1
"""The header extension of audio levels on the mixer's line: `line.accept_audio_levels(AUDIO_LEVEL_ID)`."""

Kind = Literal["frame", "lost", "keyframe", "clock", "bye"]


@dataclass(frozen=True, slots=True)
class FrameEvent:
    """frame: one whole frame (H.264 with start codes, VP8, one packet of sound) whose first packet came at `time_us` of
    CLOCK_MONOTONIC. lost: packets before the next frame are missing for good. keyframe: one of `ssrc`, ours, is wanted.
    clock: `timestamp` was at `time_us` of Unix time. bye: the source ended. Timestamps are counted on beyond 32 bits."""

    kind: Kind
    ssrc: int
    timestamp: int
    time_us: int
    data: bytes


class Frames:
    """Every method may be called from any thread. Each call is short but `poll`, which waits without the interpreter's lock."""

    def __init__(self, port: FramePort) -> None:
        self._port = port

    @classmethod
    def open(cls, fd: int, cname: str = "mixer") -> Frames:
        """`fd`: a connected UDP socket; duplicated. Raises `StaleLibrary`, `OSError`, `ValueError`."""
        return cls(load_plane().FramePort(fd, cname=cname))

    def expect(self, ssrc: int, codec: CodecName, clock_hz: int, jitter_ms: int = 60) -> None:
        """Frames of this SSRC are wanted; a packet waits `jitter_ms` for one before it. Again: it starts anew."""
        self._port.expect(ssrc, codec, clock_hz, jitter_ms)

    def forget(self, ssrc: int) -> None:
        self._port.forget(ssrc)

    def poll(self, timeout_ms: int, limit: int = 256) -> Iterator[FrameEvent]:
        """Events as soon as there is one, none after `timeout_ms`. Other threads run while it waits.

        Raises `RuntimeError` when the port is closed.
        """
        return (FrameEvent(*row) for row in self._port.poll(timeout_ms, limit))

    def send_video(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        picture: bytes,
        capture_us: int,
        *,
        codec: Literal["h264", "vp8"] = "h264",
        mode: int = 1,
    ) -> bool:
        """One coded picture (90 kHz). False: too much waits, it was not taken, and the next one must be a key frame.

        Raises `ValueError`: no picture, or with packetization `mode` 0 a NAL unit above 1200 bytes.
        """
        try:
            self._port.send_video(ssrc, payload_type, timestamp, picture, capture_us, codec=codec, mode=mode)
        except BlockingIOError:
            return False
        return True

    def send_audio(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        packet: bytes,
        capture_us: int,
        *,
        clock_hz: int = 48000,
        marker: bool = False,
        level: int = -1,
    ) -> None:
        """One packet of sound; `level` 0 (loudest) .. 127 tells who speaks (RFC 6464), -1: not told."""
        self._port.send_audio(
            ssrc,
            payload_type,
            timestamp,
            packet,
            capture_us,
            clock_hz=clock_hz,
            marker=marker,
            level=level,
            level_id=AUDIO_LEVEL_ID,
        )

    def send_mix(
        self, outputs: Sequence[tuple[int, int]], timestamp: int, packet: bytes, capture_us: int, *, clock_hz: int
    ) -> None:
        """One packet of sound to all that hear the same: under each (SSRC, payload type)."""
        self._port.send_mix(outputs, timestamp, packet, capture_us, clock_hz=clock_hz)

    def end(self, ssrc: int) -> None:
        """Nothing more under this SSRC of ours."""
        self._port.end(ssrc)

    def request_keyframe(self, ssrc: int) -> None:
        """Of an expected SSRC, now."""
        self._port.request_keyframe(ssrc)

    @property
    def dropped(self) -> int:
        """Events that nobody polled in time."""
        return self._port.dropped()

    def close(self) -> None:
        self._port.close()


def connect(line: tuple[str, int]) -> socket.socket:
    """The mixer's end of a line on this machine, bound to a free port of the loopback."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        end.bind(("127.0.0.1", 0))
        end.connect(line)
    except OSError:
        end.close()
        raise
    return end
