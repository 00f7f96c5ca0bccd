"""Audio codecs: packets to 48 kHz blocks and back. G.711 uses tables (ITU-T G.711), G.722 and Opus use FFmpeg's libraries.

A decoder or encoder belongs to one stream and one thread.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from media.mixer.ground.scene import AudioCodec
from media.mixer.sound.rates import BLOCK, RATE_HZ, Down, Samples, Up

OPUS_BPS = 32_000
"""Bit/s of the sound that the mixer encodes with Opus: mixes for halls, and halls' voices for browsers. Mono speech of full
band needs 28 to 40 kbit/s (RFC 7587 §3.1.1). Higher: more bandwidth for each hall and browser. Lower: speech is less clear.
"""
_PACKET_S = 0.12
"""Seconds of sound in one packet; a longer packet is dropped. Source: the longest Opus packet (RFC 6716 §2.1.4). No sender uses
longer packets of G.711 and G.722. Longer: little effect, because 1,500 bytes of G.711 or G.722 last 0.19 s. Shorter: long
packets are lost.
"""

_NATIVE_HZ = {"opus": 48000, "g722": 16000, "pcma": 8000, "pcmu": 8000}


class AudioDecoder(Protocol):
    def decode(self, payload: bytes) -> Samples:
        """Return the samples at 48 kHz, or none if the payload was wrong."""


class AudioEncoder(Protocol):
    def encode(self, block: Samples) -> bytes:
        """Encode 20 ms at 48 kHz to the payload of one packet."""


def open_decoder(codec: AudioCodec) -> AudioDecoder:
    return G711Decoder(codec) if codec in ("pcma", "pcmu") else LibraryDecoder(codec)


def open_encoder(codec: AudioCodec) -> AudioEncoder:
    return G711Encoder(codec) if codec in ("pcma", "pcmu") else LibraryEncoder(codec)


class G711Decoder:
    def __init__(self, codec: AudioCodec) -> None:
        self._table = expansion(codec).astype(np.float32)
        self._up = Up(6)

    def decode(self, payload: bytes) -> Samples:
        if not payload or len(payload) > 8000 * _PACKET_S:
            return np.zeros(0, np.float32)
        return self._up.convert(self._table[np.frombuffer(payload, np.uint8)])


class G711Encoder:
    def __init__(self, codec: AudioCodec) -> None:
        self._table = compression(codec)
        self._down = Down(6)

    def encode(self, block: Samples) -> bytes:
        return self._table[to_int16(self._down.convert(block)).view(np.uint16)].tobytes()


class LibraryDecoder:
    """A decoder of G.722 or Opus. Stereo becomes mono."""

    def __init__(self, codec: AudioCodec) -> None:
        self._context = cast("av.AudioCodecContext", av.CodecContext.create(_library(codec), "r"))
        self._context.sample_rate = _NATIVE_HZ[codec]
        self._context.layout = "mono"
        self._up = Up(RATE_HZ // _NATIVE_HZ[codec]) if _NATIVE_HZ[codec] != RATE_HZ else None
        self._most = round(_NATIVE_HZ[codec] * _PACKET_S)
        self._context.open()

    def decode(self, payload: bytes) -> Samples:
        try:
            frames = self._context.decode(av.Packet(payload)) if payload else []
        except FFmpegError:
            return np.zeros(0, np.float32)
        blocks = [
            np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples).astype(np.float32)
            for frame in frames
            if frame.samples <= self._most
        ]
        joined = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        return self._up.convert(joined) if self._up and len(joined) else joined


class LibraryEncoder:
    def __init__(self, codec: AudioCodec) -> None:
        rate = _NATIVE_HZ[codec]
        context = cast("av.AudioCodecContext", av.CodecContext.create(_library(codec), "w"))
        context.sample_rate, context.layout, context.format = rate, "mono", "s16"
        if codec == "opus":
            context.bit_rate = OPUS_BPS
            context.options = {
                "application": "voip",
                "frame_duration": "20",
                "compression_level": "5",
                "fec": "1",
                "packet_loss": "5",
            }
        context.open()
        self._context = context
        self._down = Down(RATE_HZ // rate) if rate != RATE_HZ else None
        self._frame = av.AudioFrame("s16", "mono", rate // 50)
        self._frame.sample_rate = rate
        self._samples = np.frombuffer(memoryview(self._frame.planes[0]), np.int16)[: rate // 50]
        self._at = 0

    def encode(self, block: Samples) -> bytes:
        self._samples[:] = to_int16(self._down.convert(block) if self._down else block)
        self._frame.pts = self._at
        self._at += len(self._samples)
        return b"".join(bytes(packet) for packet in self._context.encode(self._frame))


def _library(codec: AudioCodec) -> str:
    return "libopus" if codec == "opus" else codec


def to_int16(block: Samples) -> NDArray[np.int16]:
    return np.clip(np.rint(block), -32768, 32767).astype(np.int16)


def silence(length: int = BLOCK) -> Samples:
    return np.zeros(length, np.float32)


@cache
def expansion(codec: str) -> NDArray[np.int16]:
    """Return the 16-bit value of each of the 256 codes."""
    code = np.arange(256)
    if codec == "pcmu":
        code = ~code & 0xFF
        exponent, mantissa = code >> 4 & 7, code & 15
        size = ((mantissa << 3) + 132 << exponent) - 132
        return np.where(code & 0x80, -size, size).astype(np.int16)
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = np.where(exponent, (mantissa << 4) + 264 << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
    return np.where(code & 0x80, size, -size).astype(np.int16)


@cache
def compression(codec: str) -> NDArray[np.uint8]:
    """Return the nearest code of each 16-bit sample. The index is the sample read as unsigned."""
    values = expansion(codec).astype(np.int32)
    order = np.argsort(values, kind="stable")
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    middles = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8)
