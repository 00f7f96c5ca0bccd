"""Sources for tests of the mixer: coded pictures of one colour with a counter, tones, and a port that only stores."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

from media.frames.port import Frames
from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.planes import new_picture
from media.mixer.sound.codecs import open_decoder, open_encoder
from media.mixer.sound.rates import BLOCK, RATE_HZ, Samples

GREY = 128
COUNTER_BITS = 8


@dataclass
class KeptPort:
    """A replacement for the plane's frame port. It stores all sent packets."""

    video: dict[int, list[tuple[int, bytes, int]]] = field(default_factory=dict)
    audio: dict[int, list[tuple[int, bytes, int]]] = field(default_factory=dict)
    busy: bool = False
    levels: dict[int, list[int]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    expected: dict[int, str] = field(default_factory=dict)

    def opened(self) -> Frames:
        return Frames(cast(Any, self))

    def expect(self, ssrc: int, codec: str, clock_hz: int, jitter_ms: int) -> None:
        self.expected[ssrc] = codec

    def forget(self, ssrc: int) -> None:
        self.expected.pop(ssrc, None)

    def send_video(
        self, ssrc: int, payload_type: int, timestamp: int, picture: bytes, capture_us: int, *, codec: str, mode: int
    ) -> None:
        if self.busy:
            raise BlockingIOError
        self.video.setdefault(ssrc, []).append((timestamp, picture, capture_us))

    def send_audio(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        packet: bytes,
        capture_us: int,
        *,
        clock_hz: int,
        marker: bool = False,
        level: int = -1,
        level_id: int = 1,
    ) -> None:
        self.audio.setdefault(ssrc, []).append((timestamp, packet, capture_us))
        self.levels.setdefault(ssrc, []).append(level)

    def send_mix(
        self, outputs: Sequence[tuple[int, int]], timestamp: int, packet: bytes, capture_us: int, *, clock_hz: int
    ) -> None:
        for ssrc, payload_type in outputs:
            self.send_audio(ssrc, payload_type, timestamp, packet, capture_us, clock_hz=clock_hz)

    def end(self, ssrc: int) -> None:
        self.ended.append(ssrc)

    def request_keyframe(self, ssrc: int) -> None:
        self.asked.append(ssrc)


class Camera:
    """A source of access units of one colour. A row of black and white squares at the top counts frames in binary, lowest bit
    left.
    """

    def __init__(self, colour: tuple[int, int, int], codec: str = "h264", size: tuple[int, int] = (320, 180)) -> None:
        self.colour = colour
        self.number = 0
        settings = EncoderSettings(codec, "baseline", *size, 30, 400_000, "ultrafast")  # type: ignore[arg-type]
        self._encoder = Encoder(settings)
        self._frame, self._planes = new_picture(*size)

    def take(self, key: bool = False) -> bytes:
        self._planes.fill(self.colour)
        height, width = self._planes.y.shape
        side = width // COUNTER_BITS
        for bit in range(COUNTER_BITS):
            self._planes.y[: height // 4, bit * side : (bit + 1) * side] = 235 if self.number >> bit & 1 else 16
        unit, _ = self._encoder.encode(self._frame, self.number * 3000, key)
        self.number += 1
        return unit


def read_counter(y: NDArray[np.uint8]) -> int:
    """Read the counter of a camera's picture at any size. No label may cover its upper quarter."""
    height, width = y.shape
    side = width / COUNTER_BITS
    squares = [y[height // 12 : height // 6, int(side * (bit + 0.3)) : int(side * (bit + 0.7))] for bit in range(8)]
    return sum(1 << bit for bit, square in enumerate(squares) if square.mean() > GREY)


@dataclass
class Screen:
    """A hall's decoder for a program."""

    codec: str = "h264"

    def __post_init__(self) -> None:
        self._context = cast("av.VideoCodecContext", av.CodecContext.create(self.codec, "r"))
        self._context.thread_count = 1

    def show(self, unit: bytes) -> NDArray[np.uint8] | None:
        """Return h x w x 3 (Y, Cb, Cr, with doubled chroma), or None if nothing was decoded."""
        frames = self._context.decode(av.Packet(unit))
        if not frames:
            return None
        frame = frames[-1]
        y, u, v = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            for plane in frame.planes
        )
        doubled = [plane.repeat(2, 0).repeat(2, 1) for plane in (u, v)]
        return np.stack([y, *doubled], -1)


def tone(hz: float, seconds: float, amplitude: float = 6000) -> Samples:
    at = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    return (amplitude * np.sin(2 * math.pi * hz * at)).astype(np.float32)


def packets(codec: str, samples: Samples) -> Iterator[bytes]:
    encoder = open_encoder(codec)  # type: ignore[arg-type]
    for at in range(0, len(samples) - BLOCK + 1, BLOCK):
        yield encoder.encode(samples[at : at + BLOCK])


def listen(codec: str, payloads: Sequence[bytes]) -> Samples:
    decoder = open_decoder(codec)  # type: ignore[arg-type]
    return np.concatenate([decoder.decode(one) for one in payloads])


def strength(samples: Samples, hz: float) -> float:
    """Return the amplitude of a tone in the last second, by FFT. An input of 6000 should give 6000."""
    part = samples[-RATE_HZ:]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) * 4 / len(part)
    at = round(hz * len(part) / RATE_HZ)
    return float(spectrum[at - 2 : at + 3].max())


def nal_units(unit: bytes) -> list[bytes]:
    """Return the NAL units of an access unit in Annex B, without start codes."""
    parts = unit.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [part for part in parts if part]
