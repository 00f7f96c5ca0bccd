"""The media of a scripted terminal (`quirks.py`): a canned H.264 picture, tones in G.711, RTP and RTCP packets.

It shares no code with the code under test.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import numpy as np

FPS = 15
KEYS = "0123456789*#ABCD"
"""The keys in the order of their numbers in RFC 4733 section 3.2."""


# -- pictures and sound ------------------------------------------------------------------------------------------------


@cache
def canned(
    colour: tuple[int, int, int], width: int = 640, height: int = 360, frames: int = 300, high: bool = False
) -> tuple[tuple[bytes, ...], ...]:
    """Return access units as NAL units without start codes, each at most 1200 bytes. Only the first unit is an IDR with its
    parameter sets. A square moves over the colour (RGB), so that a frozen picture is visible.
    """
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.options = {
        "preset": "superfast" if high else "ultrafast", "tune": "zerolatency", "profile": "high" if high else "baseline",
        "x264-params": "slice-max-size=1190:keyint=100000:scenecut=0:repeat-headers=1",
    }  # fmt: skip
    places = []
    side, top = width // 20, height // 18
    for left in range(0, width - 2 * side, side // 4):
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = colour
        picture[top : top + side, left : left + side] = 255 - np.array(colour, np.uint8)
        places.append(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p"))
    units = []
    for number in range(frames):
        frame = places[number % len(places)]
        frame.pts = number
        units += [bytes(packet) for packet in encoder.encode(frame)]
    units += [bytes(packet) for packet in encoder.encode(None)]
    return tuple(tuple(nal for nal in re.split(rb"\x00\x00\x00?\x01", unit) if nal) for unit in units)


@cache
def tone(hz: int, samples: int = 8000) -> bytes:
    """Return a second of G.711 A-law at half of full scale."""
    wave = (np.sin(2 * np.pi * hz * np.arange(samples) / 8000) * 16_000).astype(np.int16)
    return _alaw(wave)


def _alaw(wave: np.ndarray) -> bytes:
    encoder = av.CodecContext.create("pcm_alaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8000
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


def alaw_samples(alaw: bytes) -> np.ndarray:
    """Return the 16-bit samples of received G.711 A-law."""
    if not alaw:
        return np.zeros(0, np.int16)
    decoder = av.CodecContext.create("pcm_alaw", "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    return np.concatenate([frame.to_ndarray().ravel() for frame in decoder.decode(av.Packet(alaw))])


def loudest_hz(alaw: bytes) -> float:
    wave = alaw_samples(alaw).astype(float)
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(np.argmax(power)) * 8000 / len(wave)


class Viewer:
    """The screen of a terminal. It assembles the RTP payloads of H.264 and decodes them."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("h264", "r")
        self._unit = bytearray()
        self._broken = False
        self.frames = 0
        self.largest_nal = 0
        self.shapes: Counter[str] = Counter()
        self.profiles: set[int] = set()
        """The profile_idc of the received parameter sets."""
        self._frame: av.VideoFrame | None = None

    def packet(self, payload: bytes, marker: bool) -> None:
        kind = payload[0] & 31
        if kind == 28:
            self.shapes["FU-A"] += 1
            if payload[1] & 0x80:
                self._unit += b"\0\0\0\1" + bytes(((payload[0] & 0xE0) | (payload[1] & 0x1F),))
            self._unit += payload[2:]
        elif kind == 24:
            self.shapes["STAP-A"] += 1
            at = 1
            while at + 2 <= len(payload):
                (length,) = struct.unpack_from("!H", payload, at)
                self._unit += b"\0\0\0\1" + payload[at + 2 : at + 2 + length]
                at += 2 + length
        else:
            self.shapes["single"] += 1
            self.largest_nal = max(self.largest_nal, len(payload))
            self._unit += b"\0\0\0\1" + payload
        if marker:
            self._decode()

    def _decode(self) -> None:
        unit, self._unit = bytes(self._unit), bytearray()
        self.profiles |= {one[1] for one in unit.split(b"\0\0\0\1") if len(one) > 1 and one[0] & 31 == 7}
        with suppress(av.error.InvalidDataError):
            for frame in self._decoder.decode(av.Packet(unit)):
                self.frames += 1
                self._frame = frame

    @property
    def picture(self) -> np.ndarray | None:
        """The last picture, 8-bit RGB as (height, width, 3), or None."""
        return None if self._frame is None else self._frame.to_ndarray(format="rgb24")

    def forget(self) -> None:
        """Forget the last picture."""
        self._frame = None

    def colour(self) -> tuple[int, ...]:
        """Return the median colour of the last picture: the background of `canned`."""
        picture = self.picture
        assert picture is not None, "nothing was decoded"
        return tuple(int(value) for value in np.median(picture.reshape(-1, 3), axis=0))


# -- packets -----------------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """An RTP session. RTP uses an even port and RTCP the next odd port."""

    rtp: socket.socket
    rtcp: socket.socket
    payload_type: int
    ssrc: int
    remote: tuple[str, int] | None = None
    remote_rtcp: tuple[str, int] | None = None
    sequence: int = 0
    timestamp: int = 0
    adorned: bool = False
    sent: int = 0
    received: int = 0
    muxed: int = 0
    """RTCP packets on the RTP port."""
    rtcp_received: int = 0
    types: Counter[int] = field(default_factory=Counter)
    sources: set[int] = field(default_factory=set)
    highest: int = 0
    """The sequence number of the last received packet."""
    reported: tuple[int, int, float] | None = None
    """(source, middle of the NTP time, time of arrival) of the last received sender report."""
    asked: Counter[str] = field(default_factory=Counter)
    """The key frames and limits that the other side requested by RTCP."""

    @property
    def port(self) -> int:
        return int(self.rtp.getsockname()[1])

    def send(self, payload: bytes, marker: bool) -> None:
        if self.remote is None:
            return
        self.rtp_packet(self.payload_type, payload, marker)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.sent += 1

    def rtp_packet(self, kind: int, payload: bytes, marker: bool, timestamp: int | None = None) -> None:
        first, more, last = adornment(self.sequence) if self.adorned and payload else (0x80, b"", b"")
        second = kind | (0x80 if marker else 0)
        stamp = self.timestamp if timestamp is None else timestamp
        head = struct.pack("!BBHII", first, second, self.sequence, stamp, self.ssrc)
        self._throw(head + more + payload + last)

    def lose(self, packets: int) -> None:
        """Skip sequence numbers, as a network that loses these packets does."""
        self.sequence = (self.sequence + packets) & 0xFFFF

    async def key(self, kind: int, key: str) -> None:
        """Send the packets of one key press. All have the timestamp of its beginning, and the last packet is sent three times
        (RFC 4733 section 2.5.1).
        """
        begun, number = self.timestamp, KEYS.index(key)
        for duration, over in ((400, 0), (800, 0), (1200, 0), (1280, 0x80), (1280, 0x80), (1280, 0x80)):
            payload = struct.pack("!BBH", number, over | 10, duration)
            self.rtp_packet(kind, payload, marker=duration == 400, timestamp=begun)
            self.sequence = (self.sequence + 1) & 0xFFFF
            await asyncio.sleep(0 if over else 0.05)

    def _throw(self, data: bytes) -> None:
        if self.remote is not None:
            with suppress(OSError):
                self.rtp.sendto(data, self.remote)

    def keep_alive(self) -> None:
        """Send the keep-alives of RFC 6263 section 4. Comfort noise and the unknown type use sequence numbers of the stream."""
        for data in (b"", b"\0", b"\r\n\r\n", bytes(4), bytes((0, 17, 0, 0, 0x21, 0x12, 0xA4, 0x42)) + bytes(12)):
            self._throw(data)
        self.send(b"", marker=False)
        for kind, payload in ((13, b"\x40"), (126, b"")):
            self.rtp_packet(kind, payload, marker=False)
            self.sequence = (self.sequence + 1) & 0xFFFF

    def report(self, ssrc: int) -> None:
        """Send a sender report, a report block about the other side's stream, and a CNAME."""
        name = b"quirk@terminal"
        block = self._block()
        first, length = 0x80 | bool(block), 6 + len(block) // 4
        words = struct.pack("!BBHIQIII", first, 200, length, ssrc, 0xE0000000 << 32, self.timestamp, self.sent, 0)
        words += block
        item = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
        item += bytes(-len(item) % 4)
        if self.remote_rtcp is not None:
            with suppress(OSError):
                self.rtcp.sendto(words + struct.pack("!BBH", 0x81, 202, len(item) // 4) + item, self.remote_rtcp)

    def _block(self) -> bytes:
        """Return a report block without loss. Its delay since the last sender report lets the other side measure the round-trip
        time (RFC 3550 section 6.4.1).
        """
        if self.reported is None:
            return b""
        source, middle, at = self.reported
        return struct.pack("!IIIIII", source, 0, self.highest, 0, middle, int((time.monotonic() - at) * 65536))

    def feedback(self, data: bytes) -> list[str]:
        """Return the requests in a compound packet: "pli", "fir", "tmmbr"."""
        found, at = [], 0
        while at + 4 <= len(data):
            first, kind, words = struct.unpack_from("!BBH", data, at)
            name = {(206, 1): "pli", (206, 4): "fir", (205, 3): "tmmbr"}.get((kind, first & 31))
            found += [name] if name else []
            if kind == 200 and at + 16 <= len(data):
                source, middle = struct.unpack_from("!I", data, at + 4)[0], struct.unpack_from("!I", data, at + 10)[0]
                self.reported = (source, middle, time.monotonic())
            at += 4 + 4 * words
        self.asked.update(found)
        return found


EXTENSIONS = (
    b"\xbe\xde\0\2\x10\x95\x22\1\2\3\0\0",  # one-byte extensions, RFC 8285 section 4.2
    b"\x10\0\0\1\1\1\x95\0",  # two-byte extensions
    b"\x12\x34\0\0",  # an empty extension of a manufacturer
)


def adornment(number: int) -> tuple[int, bytes, bytes]:
    """Return (first byte, bytes after the fixed header, bytes after the payload). The number selects which are present."""
    extension, padding, source = number % 4 < 3, number % 3 == 0, number % 5 == 0
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension else 0) | (1 if source else 0)
    more = (b"\0\0\x12\x34" if source else b"") + (EXTENSIONS[number % 4] if extension else b"")
    size = number % 7 + 1
    return first, more, bytes(size - 1) + bytes((size,)) if padding else b""


def pair(host: str, *, apart: bool = False) -> tuple[socket.socket, socket.socket]:
    """Return an even UDP port and the next odd port. With `apart`, the second port is any other port."""
    for _ in range(200):
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtp.bind((host, 0))
        port = rtp.getsockname()[1]
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if port % 2 == 0:
                rtcp.bind((host, 0 if apart else port + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError("no pair of ports")
