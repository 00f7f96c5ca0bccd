"""Encoders of programs: H.264 by x264 and VP8 by libvpx, both without delay: no frame waits for another frame.

H.264 slices fit into a packet (every NAL unit <= 1200 bytes). So one program serves packetization modes 0 and 1 and H.241 Annex
A. Parameter sets are repeated before every IDR. A rate buffer of half a second limits the size of a key frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import av
from av.video.frame import PictureType

from media.mixer.ground.load import Preset

NAL_BYTES = 1200
KEY_INTERVAL_S = 20
"""Seconds between two key frames of a moving composed picture. A picture without changes has a fifth of the frames
(STILL_TICKS), so the interval is five times as long. Chosen for halls that never request a key frame; the others get one on
request. Longer: after a packet loss such a hall sees a damaged picture longer. Shorter: more bandwidth for key frames.
"""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    codec: Literal["h264", "vp8"]
    profile: Literal["baseline", "high"]
    width: int
    height: int
    fps: int
    bitrate_bps: int
    preset: Preset = "superfast"


class Encoder:
    """An encoder, used by one thread. New settings need a new encoder, which begins with a key frame."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        name = "libx264" if settings.codec == "h264" else "libvpx"
        self._context = context = cast("av.VideoCodecContext", av.CodecContext.create(name, "w"))
        context.width, context.height, context.pix_fmt = settings.width, settings.height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 90000), Fraction(settings.fps, 1)
        context.bit_rate = settings.bitrate_bps
        context.gop_size = settings.fps * KEY_INTERVAL_S
        context.max_b_frames = 0
        context.thread_count = 1  # groups are encoded in parallel; threads for the slices of one group would cost more
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1  # BT.709
        context.options = _x264(settings) if settings.codec == "h264" else _vpx(settings)
        context.open()

    def encode(self, frame: av.VideoFrame, timestamp: int, key: bool) -> tuple[bytes, bool]:
        """Return one access unit (Annex B) or VP8 frame, and whether it is a key frame. `timestamp` is at 90 kHz and grows."""
        frame.pts = timestamp
        frame.time_base = Fraction(1, 90000)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


def _rate(settings: EncoderSettings) -> dict[str, str]:
    bps = settings.bitrate_bps
    return {"maxrate": str(bps), "bufsize": str(bps // 2)}


def _x264(settings: EncoderSettings) -> dict[str, str]:
    return {
        **_rate(settings),
        "preset": settings.preset,
        "tune": "zerolatency",
        "profile": settings.profile,
        "level": level(settings),
        "forced-idr": "1",
        "x264-params": f"slice-max-size={NAL_BYTES}:scenecut=0:repeat-headers=1:annexb=1",
    }


def _vpx(settings: EncoderSettings) -> dict[str, str]:
    return {
        **_rate(settings),
        "deadline": "realtime",
        "cpu-used": "-10" if settings.preset == "superfast" else "-16",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "error-resilient": "default",
        "static-thresh": "100",
        "max-intra-rate": "900",  # percent of the average frame size
    }


def level(settings: EncoderSettings) -> str:
    """Return the lowest of these H.264 levels (Table A-1) that allows this frame size and macroblock rate, or else 4.2."""
    blocks = -(-settings.width // 16) * -(-settings.height // 16)
    rate = blocks * settings.fps
    for name, frame_blocks, blocks_per_s in (
        ("1.3", 396, 11880),
        ("2.1", 792, 19800),
        ("3.0", 1620, 40500),
        ("3.1", 3600, 108000),
        ("3.2", 5120, 216000),
        ("4.0", 8192, 245760),
    ):
        if blocks <= frame_blocks and rate <= blocks_per_s:
            return name
    return "4.2"
