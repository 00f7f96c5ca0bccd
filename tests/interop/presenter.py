"""A scripted terminal that presents. It has a second picture (`a=content:slides`) and a floor channel (BFCP over UDP or TCP)."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
from contextlib import suppress
from typing import Literal, Self

import numpy as np

from tests.interop.terminals.quirks import FPS, Quirk, Stream, Terminal, Viewer, canned, pair

Colour = tuple[int, int, int]
RED, GREEN = (200, 40, 40), (30, 180, 30)
FLOOR_REQUEST, FLOOR_RELEASE, REQUEST_STATUS, FLOOR_QUERY, FLOOR_STATUS = 1, 2, 4, 7, 8
CHAIR_ACTION, CHAIR_ACTION_ACK, ERROR = 9, 10, 13
UNAUTHORIZED = 5
ACKNOWLEDGES = {REQUEST_STATUS: 14, FLOOR_STATUS: 15}
DENIED, GRANTED, RELEASED, REVOKED = 4, 3, 6, 7


class Presenter(Terminal):
    """A terminal with a second picture, green by default, and a floor channel. `told` holds the states of its requests (RFC
    8855 §5.2.5).
    """

    def __init__(
        self,
        floor: Literal["udp", "tcp"],
        name: str,
        host: str,
        colour: Colour = RED,
        hz: int = 440,
        password: str = "",
        *,
        slide: Colour = GREEN,
        modes: tuple[int, ...] = (1, 0),
        low: bool = False,
    ) -> None:
        super().__init__(Quirk(floor=floor, modes=modes, low=low), name, host, colour, hz, password)
        self.slide_colour = slide
        self.slides = Stream(*pair(host), 109, secrets.randbits(32))
        self.slide_viewer = Viewer()
        self.told: list[int] = []
        self.request = 0
        self.answers: list[tuple[int, int]] = []
        """The answers to its orders as a floor chair: the primitive, and the code of an error."""
        self.shown: int | None = None
        """The request of the presenter, as the last FloorStatus shows the request. None: there is no presenter."""
        self._slide = 0
        self._transaction = 0
        self._held = b""
        self._stream: socket.socket | None = None

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        loop = asyncio.get_running_loop()
        loop.add_reader(self.slides.rtp, self._rtp, self.slides, self._see_slide)
        loop.add_reader(self.slides.rtcp, self._rtcp, self.slides)
        return self

    async def __aexit__(self, *why: object) -> None:
        loop = asyncio.get_running_loop()
        for one in (self.slides.rtp, self.slides.rtcp, self._floor, self._stream):
            if one is not None:
                loop.remove_reader(one)
        await super().__aexit__(*why)
        for one in (self.slides.rtp, self.slides.rtcp, self._stream):
            if one is not None:
                one.close()

    def _floor_lines(self) -> list[str]:
        pictures = self._picture_lines(109, self.quirk.modes[0])
        slides = [f"m=video {self.slides.port} RTP/AVP 109", *pictures, *self._promise_lines()]
        return [*super()._floor_lines(), "a=floorid:1 mstrm:12", *slides, "a=content:slides", "a=label:12"]

    async def open_floor(self) -> None:
        """Open the floor channel and send the slides. Call this method after the call is established."""
        text = self.remote_sdp
        floor = next(part for part in re.split(r"\r?\n(?=m=)", text) if "/BFCP" in part.splitlines()[0])
        slides = next(part for part in re.split(r"\r?\n(?=m=)", text) if "a=content:slides" in part)
        where = int(re.findall(r"m=video (\d+)", slides)[0])
        assert where
        assert "a=floorctrl:s-only" in floor
        rtcp = re.search(r"a=rtcp:(\d+)", slides)
        self.slides.remote = (self.server, where)
        self.slides.remote_rtcp = (self.server, int(rtcp[1]) if rtcp else where + 1)
        self.conference, self.user = (int(re.findall(rf"a={name}:(\d+)", floor)[0]) for name in ("confid", "userid"))
        address = self.server, int(re.findall(r"m=application (\d+)", floor)[0])
        channel = self._floor
        if self.quirk.floor == "tcp":
            channel = self._stream = socket.create_connection(address)
        else:
            channel.connect(address)
        channel.setblocking(False)
        asyncio.get_running_loop().add_reader(channel, self._told, channel)
        self._tasks.append(asyncio.ensure_future(self._show_slides()))

    async def _show_slides(self) -> None:
        units = canned(self.slide_colour)
        while True:
            packets = [one for nal in units[self._slide] for one in self._packets(nal)]
            for index, packet in enumerate(packets):
                self.slides.send(packet, marker=index == len(packets) - 1)
            self._slide = (self._slide + 1) % len(units)
            self.slides.timestamp = (self.slides.timestamp + 90_000 // FPS) & 0xFFFFFFFF
            await asyncio.sleep(1 / FPS)

    def _packets(self, nal: bytes) -> list[bytes]:
        """Return the RTP payloads of one NAL unit of a slide."""
        return [nal]

    def _keyframe(self) -> None:
        super()._keyframe()
        self._slide = 0

    def _see_slide(self, payload: bytes, marker: bool, _: int) -> None:
        if payload:
            self.slide_viewer.packet(payload, marker)

    # -- the floor channel

    def ask(self) -> None:
        self._transaction += 1
        self._say(FLOOR_REQUEST, self._transaction, struct.pack("!BBH", 2 << 1 | 1, 4, 1))

    def release(self) -> None:
        self._transaction += 1
        self._say(FLOOR_RELEASE, self._transaction, struct.pack("!BBH", 3 << 1 | 1, 4, self.request))

    def watch(self) -> None:
        """Ask for a notice of each new presenter."""
        self._transaction += 1
        self._say(FLOOR_QUERY, self._transaction, struct.pack("!BBH", 2 << 1 | 1, 4, 1))

    def revoke(self, request: int) -> None:
        """Order the end of a presentation, as the chair of the floor (RFC 8855 §5.3.9)."""
        self._transaction += 1
        status = struct.pack("!BBHBBBB", 17 << 1 | 1, 8, 1, 5 << 1 | 1, 4, REVOKED, 0)
        self._say(CHAIR_ACTION, self._transaction, struct.pack("!BBH", 15 << 1 | 1, 4 + len(status), request) + status)

    def _say(self, primitive: int, transaction: int, attributes: bytes = b"", response: bool = False) -> None:
        first = (1 if self.quirk.floor == "tcp" else 2) << 5 | (0x10 if response else 0)
        words = len(attributes) // 4
        head = struct.pack("!BBHIHH", first, primitive, words, self.conference, transaction, self.user)
        (self._stream or self._floor).send(head + attributes)

    def _told(self, channel: socket.socket) -> None:
        with suppress(BlockingIOError):
            self._held += channel.recv(4096)
        while len(self._held) >= 12:
            first, primitive, words, _, transaction, _ = struct.unpack_from("!BBHIHH", self._held)
            body, self._held = self._held[12 : 12 + 4 * words], self._held[12 + 4 * words :]
            if primitive == REQUEST_STATUS:
                # FLOOR-REQUEST-INFORMATION contains OVERALL-REQUEST-STATUS, which contains REQUEST-STATUS.
                self.request = struct.unpack_from("!H", body, 2)[0]
                self.told.append(body[body.index(bytes((18 << 1 | body[4] & 1,)), 4) + 6])
            elif primitive == FLOOR_STATUS:  # FLOOR-ID, then FLOOR-REQUEST-INFORMATION of a presenter
                self.shown = struct.unpack_from("!H", body, 6)[0] if len(body) > 8 else None
            elif primitive in (CHAIR_ACTION_ACK, ERROR):
                self.answers.append((primitive, body[2] if primitive == ERROR else 0))
            if self.quirk.floor == "udp" and primitive in ACKNOWLEDGES and not first & 0x10:
                self._say(ACKNOWLEDGES[primitive], transaction, response=True)


def shows(viewer: Viewer, channel: int) -> bool:
    """Report whether the presentation has the colour of this channel: 0 is red, 1 is green, 2 is blue. Only the upper part
    counts, because a test picture has its colour there.
    """
    picture = viewer.picture
    if picture is None:
        return False
    height, width = picture.shape[:2]
    part = picture[height * 15 // 100 : height * 24 // 100, width // 10 : width * 6 // 10]
    means = np.asarray(part, float).reshape(-1, 3).mean(axis=0)
    return bool(means[channel] > 40 + max(np.delete(means, channel)))
