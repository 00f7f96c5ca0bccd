"""Complete frames for the mixer process: the typed form of the plane's `FramePort`. This module needs no node and no asyncio.

The parent opens a line with `latch=False` and makes the other end with `connect(line.local)`. The parent sets this address on
the line with `line.set_remote(end.getsockname()[:2])`, and passes the descriptor to the mixer process, which calls
`Frames.open`.
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
"""The number of the RTP header extension for audio levels (RFC 6464) in packets of halls' voices from the mixer process. Chosen
from 1 to 14 (RFC 8285 §4.2). Another number in this range: no effect. Outside of it: the packet plane refuses the number, and
the mixer cannot start or send voices.
"""

Kind = Literal["frame", "lost", "keyframe", "clock", "bye"]


@dataclass(frozen=True, slots=True)
class FrameEvent:
    """An event of the frame port. Timestamps continue beyond 32 bits.

    - frame: a complete frame (H.264 with start codes, VP8, or one audio packet). Its first packet arrived at `time_us` of
      CLOCK_MONOTONIC.
    - lost: packets before the next frame are missing and will not arrive.
    - keyframe: the receiver requests a key frame of our `ssrc`.
    - clock: the sender's clock showed the Unix time `time_us` at `timestamp`.
    - bye: the source ended.
    """

    kind: Kind
    ssrc: int
    timestamp: int
    time_us: int
    data: bytes


class Frames:
    """The frame port of the mixer process. Any thread may call any method. Only `poll` waits, and it releases the interpreter's
    lock.
    """

    def __init__(self, port: FramePort) -> None:
        self._port = port

    @classmethod
    def open(cls, fd: int, cname: str = "mixer") -> Frames:
        """Open a port on `fd`, a connected UDP socket, which is duplicated. Raises `StaleLibrary`, `OSError`, `ValueError`."""
        return cls(load_plane().FramePort(fd, cname=cname))

    def expect(self, ssrc: int, codec: CodecName, clock_hz: int, jitter_ms: int = 60) -> None:
        """Receive frames of this SSRC. A packet waits `jitter_ms` for a missing packet before it. A second call starts from the
        beginning.
        """
        self._port.expect(ssrc, codec, clock_hz, jitter_ms)

    def forget(self, ssrc: int) -> None:
        self._port.forget(ssrc)

    def poll(self, timeout_ms: int, limit: int = 256) -> Iterator[FrameEvent]:
        """Return events as soon as there are some, or none after `timeout_ms`. Other threads run during the wait.

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
        """Send a coded picture (90 kHz). Return False if too many packets wait; the picture is then dropped, and the next
        picture must be a key frame.

        Raises `ValueError` without a picture, and for a NAL unit above 1200 bytes with packetization `mode` 0.
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
        """Send one audio packet. `level` is the audio level (RFC 6464): 0 is the loudest, 127 is silence, -1 sends no level."""
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
        """Send one audio packet to all listeners that hear the same mix, once for each (SSRC, payload type)."""
        self._port.send_mix(outputs, timestamp, packet, capture_us, clock_hz=clock_hz)

    def end(self, ssrc: int) -> None:
        """End the stream with this SSRC of ours."""
        self._port.end(ssrc)

    def request_keyframe(self, ssrc: int) -> None:
        """Request a key frame of an expected SSRC at once."""
        self._port.request_keyframe(ssrc)

    @property
    def dropped(self) -> int:
        """Return the number of events that were dropped because `poll` was called too late."""
        return self._port.dropped()

    def close(self) -> None:
        self._port.close()


def connect(line: tuple[str, int]) -> socket.socket:
    """Return the mixer's end of a line on this machine: a socket on a free port of the loopback."""
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        end.bind(("127.0.0.1", 0))
        end.connect(line)
    except OSError:
        end.close()
        raise
    return end
