"""Hall terminals of the bench: the scripted terminals of the tests (`tests/interop/terminals/quirks.py`) with SRTP, steady
clocks and marks.

`Listener` makes a call, and another program reads its sockets. `Camera` shows a film with flashes and speaks in bursts.
`Witness` keeps the packets that arrive, with the kernel's time. `Timed` notes the time of its call and of its first picture.
The rows of the table are not in this module.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import av
import numpy as np
import pylibsrtp
from av.codec.context import Flags

from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.planes import new_picture, planes_of
from tests.interop.terminals.quirks import Message, Quirk, Stream, Terminal, Viewer, _alaw, _Link

LIMIT_KBPS = 2300
"""The limit of all media, as the description says: enough for a program of 2 Mbit/s and sound."""
CODECS = {"g722": (9, "G722/8000"), "opus": (114, "opus/48000/2"), "pcma": (8, "PCMA/8000")}
"""The payload types and the names of codecs in a description."""
SUITE = "AES_CM_128_HMAC_SHA1_80"
SECOND_NS = 1_000_000_000
NTP_EPOCH_S = 2_208_988_800
PACKET_NS = 20_000_000
SILENCE = b"\xd5" * 160
BURST_PACKETS = 5
BURST_HZ = 1000
FILM_FPS, FILM_S = 30, 6
CAMERA = (640, 360)
FLASH_FRAMES = 6
_TIMESTAMP = 35  # SO_TIMESTAMPNS; the kernel's message has the same number


class Listener(Terminal):
    """A terminal that sees one picture and hears one mix. Another program reads its sockets. `keys` (SRTP key and salt) protect
    the packets that the terminal sends.
    """

    def __init__(
        self,
        name: str,
        password: str,
        host: str,
        *,
        sound: bool = True,
        sees: bool = True,
        shows: bool = False,
        secure: bool = False,
        codec: str = "pcma",
    ) -> None:
        super().__init__(Quirk(transport="tls") if secure else Quirk(), name, host, password=password)
        self.sound, self.sees, self.shows, self.codec = sound, sees, shows, codec
        self.audio.payload_type = CODECS[codec][0]
        self.keys = {kind: secrets.token_bytes(30) for kind in ("audio", "video")} if secure else {}
        self.server_keys: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        if self.quirk.transport == "udp":
            await self._listen(0)
        return self

    async def _listen(self, port: int) -> None:
        link = _Link(self._received)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: link, local_addr=(self.host, port))
        self._link, self.port = link, link.port

    async def _connect(self, host: str, port: int) -> None:
        await super()._connect(host, port)
        if self.quirk.transport != "udp":
            assert self._link is not None
            self.port = self._link.port  # the server refuses port 0 in Via and Contact

    def _start(self) -> None:
        if self.remote_sdp:
            self._aim(self.remote_sdp)
        self.answered.set()

    def offer(self, direction: str = "sendrecv") -> bytes:
        return self._dress(super().offer(direction))

    def answer(self, offer: str) -> bytes:
        return self._dress(super().answer(offer))

    def _dress(self, body: bytes) -> bytes:
        text = body.decode().replace("b=AS:1024", f"b=AS:{LIMIT_KBPS}")
        head, *sections = re.split(r"\r\n(?=m=)", text.rstrip())
        return "\r\n".join([head, *(one for section in sections if (one := self._section(section))), ""]).encode()

    def _section(self, section: str) -> str:
        kind = section[2:].split()[0]
        if kind == "audio" and not self.sound:
            return re.sub(r"^m=audio \d+", "m=audio 0", section)
        if kind == "video" and not self.sees:
            return re.sub(r"^m=video \d+", "m=video 0", section)
        if kind == "audio" and self.codec != "pcma":
            number, name = CODECS[self.codec]
            section = section.replace("RTP/AVP 8 0 ", f"RTP/AVP {number} ")
            section = re.sub(r"a=rtpmap:(8|0) .*\r\n", "", section) + f"\r\na=rtpmap:{number} {name}"
        if kind == "video" and not self.shows:
            section = section.replace("a=sendrecv", "a=recvonly")
        if kind in self.keys:
            key = base64.b64encode(self.keys[kind]).decode()
            section = section.replace("RTP/AVP", "RTP/SAVP", 1) + f"\r\na=crypto:1 {SUITE} inline:{key}"
        return section

    def _aim(self, description: str) -> None:
        super()._aim(description)
        for kind, rest in re.findall(r"(?s)m=(\w+) [1-9]\d* (.*?)(?=\r\nm=|$)", description):
            found = re.search(rf"a=crypto:\d+ {SUITE} inline:([A-Za-z0-9+/=]+)", rest)
            if found and "content:slides" not in rest:
                self.server_keys[kind] = base64.b64decode(found.group(1))

    def streams(self) -> list[tuple[str, Stream]]:
        """Return the streams that the call uses."""
        found = [("audio", self.audio), ("video", self.video)]
        return [
            (kind, stream)
            for kind, stream in found
            if stream.remote is not None and (self.sound if kind == "audio" else self.sees)
        ]


class Camera(Listener):
    """A terminal that shows `film` at 30 frames/s and sends bursts of 1 kHz. It sends a burst every `every` packets of 20 ms,
    from packet `first` after `origin`. `origin` is in the loop's time and equal for all, so that no two terminals send a
    burst together.
    """

    def __init__(
        self, name: str, password: str, host: str, film: Film, *, origin: float, first: int, every: int, **more: Any
    ) -> None:
        super().__init__(name, password, host, shows=True, **more)
        self.film, self.origin, self.first, self.every = film, origin, first, every
        self.bursts: list[int] = []
        """Unix time in ns at which the terminal gave the first packet of each burst to the kernel."""
        self.flashes: list[int] = []
        self._anchors: dict[int, tuple[int, int]] = {}
        for kind, stream in (("audio", self.audio), ("video", self.video)):
            if self.keys:
                key, every = self.keys[kind], pylibsrtp.Policy.SSRC_ANY_OUTBOUND
                profile = pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
                session = pylibsrtp.Session(pylibsrtp.Policy(key, every, srtp_profile=profile))
                stream.rtp = _Sealed(stream.rtp, session.protect)  # type: ignore[assignment]
                stream.rtcp = _Sealed(stream.rtcp, session.protect_rtcp)  # type: ignore[assignment]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        loop = asyncio.get_running_loop()
        for stream in (self.audio, self.video):
            loop.add_reader(stream.rtcp, self._rtcp, stream)
        return self

    def _start(self) -> None:
        super()._start()
        if not self._tasks:
            works = [self._show(), self._report()] + ([self._speak()] if self.sound else [])
            self._tasks = [asyncio.ensure_future(work) for work in works]

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        # The start is not in step with the mixer or with the other terminals.
        phase, burst = self.first // 20 % 9 * 0.0022, _burst()
        begun = int((loop.time() - self.origin) / 0.02) + 1
        start = self.origin + phase + begun * 0.02
        await asyncio.sleep(max(0.0, start - loop.time()))
        for number in itertools.count():
            place = (begun + number - self.first) % self.every
            said = burst[place] if place < BURST_PACKETS else SILENCE
            now = time.time_ns()
            if place == 0 and number > 0:
                self.bursts.append(now)
            self._anchors[self.audio.ssrc] = self.audio.timestamp, now - PACKET_NS  # time of its first sample
            self.audio.send(said, marker=number == 0)
            self.audio.timestamp = (self.audio.timestamp + 160) & 0xFFFFFFFF
            await asyncio.sleep(max(0.0, start + (number + 1) * 0.02 - loop.time()))

    async def _show(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time() + self.first % 7 * 0.0047
        for number in itertools.count():
            await asyncio.sleep(max(0.0, start + number / FILM_FPS - loop.time()))
            unit = self._unit
            self._unit = (unit + 1) % len(self.film.units)
            now = time.time_ns()
            if unit in self.film.flashes:
                self.flashes.append(now)
            self._anchors[self.video.ssrc] = self.video.timestamp, now
            nals = self.film.units[unit]
            for index, nal in enumerate(nals):
                self.video.send(nal, marker=index == len(nals) - 1)
            self.video.timestamp = (self.video.timestamp + 90_000 // FILM_FPS) & 0xFFFFFFFF

    async def _report(self) -> None:
        """Send sender reports with one clock for audio and video, because lip sync needs this."""
        while True:
            await asyncio.sleep(1)
            for stream, clock_hz in ((self.audio, 8000), (self.video, 90_000)):
                if stream.ssrc in self._anchors and stream.remote_rtcp is not None:
                    with suppress(OSError):
                        stream.rtcp.sendto(self._sender_report(stream, clock_hz), stream.remote_rtcp)

    def _sender_report(self, stream: Stream, clock_hz: int) -> bytes:
        timestamp, sent_ns = self._anchors[stream.ssrc]
        now = time.time_ns()
        stamp = (timestamp + (now - sent_ns) * clock_hz // SECOND_NS) & 0xFFFFFFFF
        seconds, rest = divmod(now, SECOND_NS)
        ntp = (seconds + NTP_EPOCH_S) << 32 | (rest << 32) // SECOND_NS
        report = struct.pack("!BBHIQIII", 0x80, 200, 6, stream.ssrc, ntp, stamp, stream.sent, 0)
        return report + struct.pack("!BBHIBB6s", 0x81, 202, 3, stream.ssrc, 1, 4, b"hall\0\0")


class _Sealed:
    """A socket that encrypts the packets it sends (RFC 3711)."""

    def __init__(self, end: socket.socket, protect: Callable[[bytes], bytes]) -> None:
        self._end, self._protect = end, protect

    def sendto(self, data: bytes, remote: tuple[str, int]) -> int:
        return self._end.sendto(self._protect(data), remote)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)


@dataclass(frozen=True)
class Arrived:
    """An RTP packet. `at_ns` is the Unix time of the kernel."""

    at_ns: int
    data: bytes

    @property
    def marker(self) -> bool:
        return bool(self.data[1] & 0x80)

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.data[2:4], "big")


@dataclass
class _Kept:
    audio: list[Arrived] = field(default_factory=list)
    video: list[Arrived] = field(default_factory=list)


class Witness(Listener):
    """A terminal that keeps all packets, which are decoded later."""

    def __init__(self, name: str, password: str, host: str) -> None:
        super().__init__(name, password, host)
        self.kept = _Kept()
        for stream in (self.audio, self.video):
            stream.rtp.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
            stream.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 << 20)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.audio.rtp, self._keep, self.audio.rtp, self.kept.audio)
        loop.add_reader(self.video.rtp, self._keep, self.video.rtp, self.kept.video)
        return self

    def _keep(self, end: socket.socket, kept: list[Arrived]) -> None:
        with suppress(BlockingIOError):
            for _ in range(256):
                data, extra, _, _ = end.recvmsg(2048, 64)
                seconds, rest = struct.unpack("@qq", next(one for _, kind, one in extra if kind == _TIMESTAMP))
                if len(data) > 12:
                    kept.append(Arrived(seconds * SECOND_NS + rest, data))


class _First(Viewer):
    """A viewer that notes the time of the first decoded picture."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 0.0
        self.seen = asyncio.Event()
        self._decoder.flags |= Flags.low_delay

    def _decode(self) -> None:
        if self.frames == 0:
            super()._decode()
            if self.frames:
                self.at_s = time.monotonic()
                self.seen.set()


class Timed(Listener):
    """A hall that calls, or that is called at `port` and answers at once."""

    def __init__(self, name: str, password: str, host: str, port: int = 0) -> None:
        super().__init__(name, password, host)
        self._wanted_port = port
        self.called_at_s = 0.0
        self.viewer = _First()

    async def __aenter__(self) -> Self:
        await self._listen(self._wanted_port)
        loop = asyncio.get_running_loop()
        for stream, take in ((self.audio, self._hear), (self.video, self._see)):
            loop.add_reader(stream.rtp, self._rtp, stream, take)
            loop.add_reader(stream.rtcp, self._rtcp, stream)
        return self

    async def call(self, target: str, host: str, port: int) -> int:
        self.called_at_s = time.monotonic()
        return await super().call(target, host, port)

    def _invited(self, message: Message) -> None:
        self.called_at_s = self.called_at_s or time.monotonic()
        super()._invited(message)

    async def first_frame_ms(self, most_s: float) -> float:
        """Return the time from the INVITE to the first decoded picture. Raise TimeoutError after `most_s`."""
        assert isinstance(self.viewer, _First)
        await asyncio.wait_for(self.viewer.seen.wait(), most_s)
        return (self.viewer.at_s - self.called_at_s) * 1e3


# -- films and sound


@dataclass(frozen=True)
class Film:
    """The NAL units of each picture, and the numbers of the pictures that begin a flash. The first picture is a key frame."""

    units: tuple[tuple[bytes, ...], ...]
    flashes: frozenset[int]


@cache
def film(seed: int) -> Film:
    """Return six seconds of moving forms with noise, 640x360 at 30 frames/s and 600 kbit/s. The middle turns white at four
    moments. Each film has other moments, so that a flash shows which film was seen.
    """
    width, height = CAMERA
    rng = np.random.default_rng(seed)
    flashes = frozenset(int(one) for one in np.arange(4) * 45 + 8 + rng.integers(0, 22, 4))
    white = {start + more for start in flashes for more in range(FLASH_FRAMES)}
    y, x = np.mgrid[0:height, 0:width]
    encoder = Encoder(EncoderSettings("h264", "baseline", width, height, FILM_FPS, 600_000))
    frame, planes = new_picture(width, height)
    noise = rng.normal(0, 4, (height * 2, width * 2))
    units = []
    for number in range(FILM_S * FILM_FPS):
        turn = number / FILM_FPS * 2 * np.pi / FILM_S
        shape = 50 * np.sin(x / 37 + 4 * turn + seed) + 30 * np.cos(y / 23 - 3 * turn)
        at = rng.integers(0, height, 2)
        planes.y[:] = np.clip(100 + shape + noise[at[0] : at[0] + height, at[1] : at[1] + width], 16, 200)
        planes.u[:] = 128 + 40 * np.sin(x[::2, ::2] / 90 + turn * 2)
        planes.v[:] = 128 + 40 * np.cos(y[::2, ::2] / 70 - turn)
        if number in white:
            planes.y[height // 3 : height * 2 // 3, width // 3 : width * 2 // 3] = 235
        unit, _ = encoder.encode(frame, number * 3000, False)
        units.append(tuple(nal for nal in re.split(rb"\x00\x00\x00?\x01", unit) if nal))
    return Film(tuple(units), flashes)


@cache
def _burst() -> Sequence[bytes]:
    at = np.arange(BURST_PACKETS * 160) / 8000
    said = _alaw((np.sin(2 * np.pi * BURST_HZ * at) * 16_000).astype(np.int16))
    return tuple(said[first : first + 160] for first in range(0, len(said), 160))


def pictures(packets: Sequence[Arrived]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (Unix ns of the last packet, luma) of each picture that could be decoded."""
    viewer = _Luma()
    for one in sorted(packets, key=lambda one: one.at_ns):
        viewer.packet(one.data[12:], one.marker)
        for luma in viewer.taken:
            yield one.at_ns, luma
        viewer.taken.clear()


class _Luma(Viewer):
    """A viewer that keeps only the luma of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[np.ndarray] = []
        self._decoder.flags |= Flags.low_delay
        self._decoder.thread_count = 1  # with more threads the decoder would return pictures later than they arrive

    def _decode(self) -> None:
        unit, self._unit = bytes(self._unit), bytearray()
        with suppress(av.error.InvalidDataError):
            for frame in self._decoder.decode(av.Packet(unit)):
                self.taken.append(planes_of(frame).y)
