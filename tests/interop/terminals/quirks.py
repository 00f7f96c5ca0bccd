"""A scripted hall terminal with behaviours that baresip lacks: SIP over UDP or TCP, RTP pairs, a canned H.264 picture, BFCP.

It runs against a real server. It has its own small SIP, SDP, RTP and BFCP. It shares no code with the code under test, so
that both cannot share a mistake. `QUIRKS` names the behaviours. `Terminal` calls or receives a call and records what it gets.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self

from tests.interop.terminals.terminal_media import (
    FPS,
    Stream,
    Viewer,
    _alaw,
    alaw_samples,
    canned,
    loudest_hz,
    pair,
    tone,
)

__all__ = [
    "FPS",
    "QUIRKS",
    "Message",
    "Quirk",
    "Stream",
    "Terminal",
    "Viewer",
    "_alaw",
    "alaw_samples",
    "canned",
    "loudest_hz",
    "pair",
    "tone",
]

VIDEO_TYPE, AUDIO_TYPE, EVENT_TYPE, CAMERA_TYPE = 109, 8, 101, 115
MODE_0_TYPE, MODE_1_TYPE = 109, 110
HIGH_TYPE = 98
"""The payload type of High in the server's offers."""
HEARD = 80_000
"""Samples that a terminal keeps: ten seconds. Chosen. Larger: more memory. Smaller: tests that compare longer sound fail."""
Obeys = Literal["pli", "fir", "info"]


@dataclass(frozen=True)
class Quirk:
    """The behaviour of one terminal. The defaults are a standard terminal."""

    transport: Literal["udp", "tcp", "tls"] = "udp"
    """With TLS the terminal only calls, and it accepts any certificate."""
    modes: tuple[int, ...] = (1, 0)
    obeys: frozenset[Obeys] = frozenset({"pli", "fir", "info"})
    """The key frame requests that the terminal understands."""
    promises: bool = True
    """True if the terminal writes a=rtcp-fb for them."""
    refuses_avpf: bool = False
    late_offer: bool = False
    wrong_ssrc: bool = False
    """RTCP has another SSRC than RTP, and RTP changes its SSRC after two seconds."""
    silent: bool = False
    floor: Literal["", "udp", "tcp"] = ""
    long_invite: bool = False
    """The INVITE lists unknown codecs until it is longer than 1300 bytes."""
    openers: bool = False
    """RTP packets without payload come before the first real packet."""
    keep_alives: bool = False
    """The terminal sends all the keep-alives of RFC 6263 twice a second: empty and tiny datagrams, comfort noise, unknown
    types.
    """
    adorned: bool = False
    """Packets have header extensions of both kinds, contributing sources and padding."""
    rtcp_apart: bool = False
    """RTCP uses a port that does not follow the RTP port. a=rtcp names the port."""
    timer: Literal["", "uac", "uas"] = ""
    """The refresher of the shortest session timer: this terminal when it calls (uac), or the other side (uas)."""
    update: bool = False
    """The terminal allows UPDATE."""
    camera: bool = False
    """The terminal offers a line of H.224 (RFC 4573), so that its camera may be moved."""
    small: bool = False
    """The terminal decodes level 1.1 at most, so the mixer makes a picture of 176x144 for it, with little work. Its
    own picture is small too.
    """
    low: bool = False
    """The terminal decodes level 2.2 at most, so the mixer makes a picture of 640x360 at 15 fps for it, with less
    work. Its own picture is small too.
    """
    full_hd: bool = False
    """The terminal decodes 1080p30, with 4 Mbit/s."""
    high: bool = False
    """The terminal is of a make with H.264 High, which it takes first and sends."""


QUIRKS: dict[str, Quirk] = {
    "well behaved": Quirk(),
    "mode 0 only": Quirk(modes=(0,)),
    "no PLI": Quirk(obeys=frozenset({"fir", "info"})),
    "INFO only": Quirk(obeys=frozenset({"info"}), promises=False),
    "AVPF refused": Quirk(refuses_avpf=True),
    "late offer": Quirk(late_offer=True),
    "late offer by TCP": Quirk(transport="tcp", late_offer=True),
    "wrong SSRC": Quirk(wrong_ssrc=True),
    "silent": Quirk(silent=True),
    "BFCP by TCP": Quirk(transport="tcp", floor="tcp"),
    "BFCP by UDP": Quirk(floor="udp"),
    "long INVITE by TCP": Quirk(transport="tcp", long_invite=True),
    "long INVITE by UDP": Quirk(long_invite=True),
    "empty packets first": Quirk(openers=True),
    "keep-alives": Quirk(openers=True, keep_alives=True),
    "header extensions and padding": Quirk(adorned=True),
    "RTCP elsewhere": Quirk(rtcp_apart=True),
    "refreshed by re-INVITE": Quirk(timer="uas"),
    "refreshed by UPDATE": Quirk(timer="uas", update=True),
    "never refreshes": Quirk(timer="uac"),
    "its camera may be moved": Quirk(camera=True),
    "High profile": Quirk(high=True),
}
"""No terminal multiplexes RTCP with RTP."""


# -- the terminal ------------------------------------------------------------------------------------------------------


@dataclass
class Message:
    """A SIP message, parsed as far as this terminal needs."""

    first: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.first.split()[0]

    def data(self) -> bytes:
        lines = [
            self.first,
            *(f"{key}: {value}" for key, value in self.headers),
            f"Content-Length: {len(self.body)}",
            "",
            "",
        ]
        return "\r\n".join(lines).encode() + self.body

    @classmethod
    def read(cls, data: bytes) -> Message:
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        headers = [(line.partition(":")[0].strip(), line.partition(":")[2].strip()) for line in lines]
        return cls(first, [one for one in headers if one[0].lower() != "content-length"], body)


class Terminal:
    """A terminal. `async with Terminal(...)` listens; then use `call` or wait for a call. Its fields record what it received."""

    def __init__(
        self,
        quirk: Quirk,
        name: str = "hall",
        host: str = "127.0.0.1",
        colour: tuple[int, int, int] = (200, 40, 40),
        hz: int = 440,
        password: str = "",
    ) -> None:
        self.quirk, self.name, self.host, self.colour, self.hz, self.password = quirk, name, host, colour, hz, password
        self.audio, self.video, self.camera = (
            Stream(*pair(host, apart=quirk.rtcp_apart), kind, secrets.randbits(32), adorned=quirk.adorned)
            for kind in (AUDIO_TYPE, VIDEO_TYPE, CAMERA_TYPE)
        )
        self.orders: list[bytes] = []
        """The received H.224 frames."""
        self.shown_host = host
        """The address in c=. 0.0.0.0 is an old way to hold."""
        self.paused = False
        """True while the terminal sends no RTP."""
        self.event_type = 0
        """The payload type of the keys. 0 if none was negotiated."""
        self.viewer = Viewer()
        self.heard = bytearray()
        self.asked_by_info = 0
        self.keyframes_sent = 0
        self.obeyed = 0
        """The key frame requests that the terminal understood."""
        self.statuses: list[int] = []
        self.requests: list[str] = []
        """The methods of received requests. A retransmission counts once."""
        self._known: set[tuple[str, str]] = set()
        self.invite_bytes = 0
        self.remote_sdp = ""
        self.last_offer = b""
        self.last_request = b""
        self.answered, self.ended = asyncio.Event(), asyncio.Event()
        self._floor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._floor.bind((host, 0))
        self._from_tag, self._call_id, self._to = secrets.token_hex(4), secrets.token_hex(8), ""
        self._target, self._local, self._cseq = "", f"<sip:{name}@{host}>;tag={self._from_tag}", itertools.count(1)
        self._replies: asyncio.Queue[Message] = asyncio.Queue()
        self._link: _Link | None = None
        self._listener: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unit = 0
        self.port = 0
        self.server = ""
        """The host that the terminal called."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self.quirk.transport == "udp":
            link = _Link(self._received)
            await loop.create_datagram_endpoint(lambda: link, local_addr=(self.host, 0))
            self._link, self.port = link, link.port
        else:
            self._listener = await loop.create_server(self._accept, self.host, 0)
            self.port = self._listener.sockets[0].getsockname()[1]
        for stream, heard in ((self.audio, self._hear), (self.video, self._see), (self.camera, self._obey)):
            loop.add_reader(stream.rtp, self._rtp, stream, heard)
            loop.add_reader(stream.rtcp, self._rtcp, stream)
        return self

    async def __aexit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in (self.audio, self.video, self.camera):
            for one in (stream.rtp, stream.rtcp):
                loop.remove_reader(one)
                one.close()
        self._floor.close()
        if self._link is not None:
            self._link.close()
        if self._listener is not None:
            self._listener.close()
        if self.quirk.transport == "tls":
            await asyncio.sleep(0.05)  # the socket below needs time to close

    def _accept(self) -> _Link:
        self._link = _Link(self._received)
        return self._link

    # -- calls ---------------------------------------------------------------------------------------------------------

    async def call(self, target: str, host: str, port: int) -> int:
        """Dial `target` ("12345678@host") at this address and return the final status. Answer a digest challenge if a password
        was given.
        """
        await self._connect(host, port)
        self.server = host
        self._target, self._to = f"sip:{target}", f"<sip:{target}>"
        body = b"" if self.quirk.late_offer else self.offer()
        authorization = ""
        for _ in range(3):
            number = next(self._cseq)
            extra = [*self._timer_rows, *([("Authorization", authorization)] if authorization else [])]
            reply = await self._transact("INVITE", number, body, extra)
            self._to = reply["To"]
            if reply.status in (401, 407) and self.password:
                self._ack(number)
                authorization = self._digest(reply, "INVITE")
                self._to = f"<sip:{target}>"
                continue
            break
        if reply.status == 200:
            self.remote_sdp = reply.body.decode()
            self._target = reply["Contact"].strip("<>").partition(">")[0] or self._target
            self._ack(number, self.answer(self.remote_sdp) if self.quirk.late_offer else b"")
            self._start()
        else:
            self._ack(number)
        return reply.status

    async def hang_up(self) -> int:
        reply = await self._transact("BYE", next(self._cseq))
        self.ended.set()
        return reply.status

    async def info(self, kind: str, body: bytes) -> int:
        return (await self._transact("INFO", next(self._cseq), body, [("Content-Type", kind)])).status

    async def press(self, keys: str, by: Literal["packets", "info", "both"] = "packets") -> None:
        """Press keys on the remote control. They are sent as packets (RFC 4733), by INFO, or by both."""
        for key in keys:
            if by != "info":
                assert self.event_type, "no telephone-event was agreed on"
                await self.audio.key(self.event_type, key)
            if by != "packets":
                body = f"Signal={key}\r\nDuration=160\r\n".encode()
                assert await self.info("application/dtmf-relay", body) == 200
            await asyncio.sleep(0.1)

    async def hold(self, direction: str) -> int:
        """Send a re-INVITE with another direction: "sendonly" holds, "sendrecv" resumes."""
        return (await self.reinvite(self.offer(direction))).status

    async def reinvite(self, body: bytes) -> Message:
        number = next(self._cseq)
        reply = await self._transact("INVITE", number, body, self._timer_rows)
        self._ack(number)
        if reply.status == 200:
            self.remote_sdp = reply.body.decode()
        return reply

    async def update(self) -> Message:
        """Refresh the session by UPDATE, without an offer."""
        return await self._transact("UPDATE", next(self._cseq), b"", self._timer_rows)

    @property
    def _timer_rows(self) -> list[tuple[str, str]]:
        allow = "INVITE, ACK, CANCEL, BYE, INFO, OPTIONS" + (", UPDATE" if self.quirk.update else "")
        rows = [("Allow", allow)]
        if self.quirk.timer:
            rows += [("Supported", "timer"), ("Session-Expires", f"90;refresher={self.quirk.timer}")]
        return rows

    async def _connect(self, host: str, port: int) -> None:
        if self.quirk.transport != "udp":
            secure = unverified() if self.quirk.transport == "tls" else None
            _, self._link = await asyncio.get_running_loop().create_connection(
                lambda: _Link(self._received), host, port, ssl=secure, local_addr=(self.host, 0)
            )
        assert self._link is not None
        self._link.remote = (host, port)

    async def _transact(
        self, method: str, number: int, body: bytes = b"", extra: list[tuple[str, str]] | None = None
    ) -> Message:
        """Send a request until its final answer arrives (RFC 3261 timers A and E, with shorter limits)."""
        data = self.last_request = self._request(method, number, body, extra or [])
        if method == "INVITE":
            self.invite_bytes = len(data)
        assert self._link is not None
        async with asyncio.timeout(20):
            for wait in (0.5, 1, 2, 4, 4, 4, 4):
                self._link.send(data)
                try:
                    async with asyncio.timeout(wait if self.quirk.transport == "udp" else 20):
                        return await self._final(number, method)
                except TimeoutError:
                    continue
        raise TimeoutError(method)

    async def _final(self, number: int, method: str) -> Message:
        while True:
            reply = await self._replies.get()
            self.statuses.append(reply.status)
            if reply["CSeq"] == f"{number} {method}" and reply.status >= 200:
                return reply

    def _request(self, method: str, number: int, body: bytes, extra: list[tuple[str, str]]) -> bytes:
        via = (
            f"SIP/2.0/{self.quirk.transport.upper()} {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"
        )
        headers = [
            ("Via", via),
            ("Max-Forwards", "70"),
            ("From", self._local),
            ("To", self._to),
            ("Call-ID", self._call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self._contact),
            ("User-Agent", "PolycomRealPresenceGroup310/6.2" if self.quirk.high else "QuirkTerminal/1"),
            *extra,
        ]
        if body and not any(name == "Content-Type" for name, _ in extra):
            headers.append(("Content-Type", "application/sdp"))
        return Message(f"{method} {self._target} SIP/2.0", headers, body).data()

    @property
    def _contact(self) -> str:
        return f"<sip:{self.name}@{self.host}:{self.port};transport={self.quirk.transport}>"

    def _ack(self, number: int, body: bytes = b"") -> None:
        assert self._link is not None
        self._link.send(self._request("ACK", number, body, []))

    def _digest(self, reply: Message, method: str) -> str:
        challenge = reply["WWW-Authenticate"] or reply["Proxy-Authenticate"]
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        nonce, realm, cnonce = given["nonce"], given["realm"], secrets.token_hex(4)

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        first, second = md5(f"{self.name}:{realm}:{self.password}"), md5(f"{method}:{self._target}")
        middle = f"{nonce}:00000001:{cnonce}:auth" if "qop" in given else nonce
        text = f'Digest username="{self.name}", realm="{realm}", nonce="{nonce}", uri="{self._target}", algorithm=MD5'
        text += f', response="{md5(f"{first}:{middle}:{second}")}"'
        return text + (f', qop=auth, nc=00000001, cnonce="{cnonce}"' if "qop" in given else "")

    # -- received messages ---------------------------------------------------------------------------------------------

    def _received(self, message: Message) -> None:
        if message.status:
            self._replies.put_nowait(message)
            return
        if (which := (message["Call-ID"], message["CSeq"])) not in self._known:
            self._known.add(which)
            self.requests.append(message.method)
        match message.method:
            case "INVITE":
                self._invited(message)
            case "ACK":
                if message.body:
                    self._aim(message.body.decode())
                if not self.answered.is_set():
                    self._start()
            case "BYE":
                self._reply(message, 200)
                self.ended.set()
            case "INFO":
                self.asked_by_info += b"picture_fast_update" in message.body
                understood = "info" in self.quirk.obeys
                self._reply(message, 200 if understood else 488)
                if understood and b"picture_fast_update" in message.body:
                    self._keyframe()
            case _:
                self._reply(message, 200)

    def _invited(self, message: Message) -> None:
        offer = message.body.decode()
        if self.quirk.refuses_avpf and "RTP/AVPF" in offer:
            self._reply(message, 488)
            return
        if not self._to:
            self._reply(message, 180)
            self._to, self._call_id = message["From"], message["Call-ID"]
            self._local = f"{message['To']};tag={self._from_tag}"
            self._target = message["Contact"].strip("<>").partition(">")[0]
        body = self.answer(offer) if offer else self.offer()
        self._reply(message, 200, body)

    def _reply(self, message: Message, status: int, body: bytes = b"") -> None:
        to = message["To"] if "tag=" in message["To"] else f"{message['To']};tag={self._from_tag}"
        copied = [(key, value) for key, value in message.headers if key.lower() in ("via", "from", "call-id", "cseq")]
        copied += [(key, value) for key, value in message.headers if key.lower() == "session-expires"]
        kind = [("Content-Type", "application/sdp")] if body else []
        head = f"SIP/2.0 {status} {'OK' if status == 200 else 'Answer'}"
        reply = Message(
            head, [*copied, ("To", to), ("Contact", self._contact), ("Server", "QuirkTerminal/1"), *kind], body
        )
        assert self._link is not None
        self._link.send(reply.data())

    # -- descriptions --------------------------------------------------------------------------------------------------

    def offer(self, direction: str = "sendrecv") -> bytes:
        """Return this terminal's offer: RTP/AVP, feedback lines if `promises` is set, no rtcp-mux, no BUNDLE."""
        types = [MODE_1_TYPE if mode else MODE_0_TYPE for mode in self.quirk.modes]
        lines = [*self._head(), f"m=audio {self.audio.port} RTP/AVP 8 0 {EVENT_TYPE}"]
        lines += [
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            f"a=rtpmap:{EVENT_TYPE} telephone-event/8000",
            *self._rtcp_lines(self.audio),
            f"a={direction}",
        ]
        unknown = [str(other) for other in range(60, 72)] if self.quirk.long_invite else []
        lines.append(f"m=video {self.video.port} RTP/AVP {' '.join([*map(str, types), *unknown])}")
        for mode, number in zip(self.quirk.modes, types, strict=True):
            lines += self._picture_lines(number, mode)
        for name in unknown:
            lines += [
                f"a=rtpmap:{name} x-nobody-knows-{name}/90000",
                f"a=fmtp:{name} nonsense=1;{'more=2;' * 8}last=3",
            ]
        lines += [*self._promise_lines(), *self._rtcp_lines(self.video), f"a={direction}", *self._floor_lines()]
        if self.quirk.camera:
            lines += self._camera_lines("RTP/AVP", CAMERA_TYPE)
        self.last_offer = self._text(lines)
        return self.last_offer

    def answer(self, offer: str) -> bytes:
        """Return an answer. It accepts A-law, the first H.264 payload with a known mode, and the floor line if the terminal has
        one. It refuses other lines.
        """
        lines = self._head()
        for section in re.split(r"\r?\n(?=m=)", offer.strip())[1:]:
            first = section.splitlines()[0]
            kind, _, protocol, *formats = first[2:].split()
            if kind == "audio" and "8" in formats:
                events = re.search(r"a=rtpmap:(\d+) telephone-event/8000", section)
                lines += [f"m=audio {self.audio.port} {protocol} 8 {events[1] if events else ''}".rstrip()]
                lines += ["a=rtpmap:8 PCMA/8000", *([events[0]] if events else []), "a=sendrecv"]
            elif kind == "video" and "content:slides" not in section and (chosen := self._choose(section, formats)):
                number, mode = chosen
                self.video.payload_type = number
                lines += [f"m=video {self.video.port} {protocol} {number}", *self._picture_lines(number, mode)]
                lines += [*self._promise_lines(), "a=sendrecv"]
            elif self.quirk.camera and "H224/4800" in section:
                self.camera.payload_type = int(formats[0])
                lines += self._camera_lines(protocol, self.camera.payload_type)
            elif "BFCP" in protocol and self.quirk.floor and protocol.lower().startswith(self.quirk.floor):
                lines += [
                    f"m=application {self._floor.getsockname()[1]} {protocol} *",
                    "a=floorctrl:c-only",
                    "a=setup:active",
                ]
            else:
                lines.append(f"m={kind} 0 {protocol} {' '.join(formats)}")
        self._aim(offer)
        return self._text(lines)

    def _choose(self, section: str, formats: list[str]) -> tuple[int, int] | None:
        for number in formats:
            parameters = re.search(rf"a=fmtp:{number} (.*)", section)
            if re.search(rf"a=rtpmap:{number} H264/90000", section):
                mode = 1 if parameters and "packetization-mode=1" in parameters.group(1) else 0
                if mode in self.quirk.modes:
                    return int(number), mode
        return None

    def _head(self) -> list[str]:
        return [
            "v=0",
            f"o=quirk 1 {secrets.randbelow(10**6) + 1} IN IP4 {self.host}",
            "s=-",
            f"c=IN IP4 {self.shown_host}",
            "b=AS:6000" if self.quirk.full_hd else "b=AS:1024",
            "t=0 0",
        ]

    def _picture_lines(self, number: int, mode: int) -> list[str]:
        level = "42800b" if self.quirk.small else "428016" if self.quirk.low else "42801f;max-mbps=54000;max-fs=3600"
        level = "428028" if self.quirk.full_hd else level
        level = f"6400{level[4:]}" if self.quirk.high and number == HIGH_TYPE else level
        extra = ";packetization-mode=1" if mode else ""
        return [f"a=rtpmap:{number} H264/90000", f"a=fmtp:{number} profile-level-id={level}{extra}"]

    def _rtcp_lines(self, stream: Stream) -> list[str]:
        return [f"a=rtcp:{stream.rtcp.getsockname()[1]}"] if self.quirk.rtcp_apart else []

    def _promise_lines(self) -> list[str]:
        if not self.quirk.promises:
            return []
        return [
            f"a=rtcp-fb:* {text}"
            for kind, text in (("pli", "nack pli"), ("fir", "ccm fir"))
            if kind in self.quirk.obeys
        ]

    def _camera_lines(self, protocol: str, number: int) -> list[str]:
        rows = [f"m=application {self.camera.port} {protocol} {number}", f"a=rtpmap:{number} H224/4800"]
        return [*rows, *self._rtcp_lines(self.camera), "a=sendrecv"]

    def _floor_lines(self) -> list[str]:
        if not self.quirk.floor:
            return []
        port = self._floor.getsockname()[1]
        return [
            f"m=application {port} {self.quirk.floor.upper()}/BFCP *",
            "a=floorctrl:c-only",
            "a=setup:active",
            "a=connection:new",
        ]

    def _text(self, lines: list[str]) -> bytes:
        return ("\r\n".join(lines) + "\r\n").encode()

    def _aim(self, description: str) -> None:
        """Read where the other side wants our packets. RTCP goes to the port of a=rtcp or to the odd port."""
        head, *sections = re.split(r"\r?\n(?=m=)", description.strip())
        for section in sections:
            kind, port = re.match(r"m=(\w+) (\d+)", section).groups()  # type: ignore[union-attr]
            stream = {"audio": self.audio, "video": self.video}.get(kind)
            if "H224/4800" in section:
                stream = self.camera
            where = re.search(r"c=IN IP4 (\S+)", section) or re.search(r"c=IN IP4 (\S+)", head)
            if stream is None or port == "0" or where is None or "content:slides" in section:
                continue
            rtcp = re.search(r"a=rtcp:(\d+)", section)
            events = re.search(r"a=rtpmap:(\d+) telephone-event/8000", section)
            if kind == "audio":
                self.event_type = int(events[1]) if events else 0
            stream.remote = (where.group(1), int(port))
            stream.remote_rtcp = (where.group(1), int(rtcp.group(1)) if rtcp else int(port) + 1)
            if kind == "video" and (chosen := self._choose(section, section.splitlines()[0].split()[3:])):
                stream.payload_type = chosen[0]

    # -- media ---------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self.remote_sdp:
            self._aim(self.remote_sdp)
        self.answered.set()
        if not self.quirk.silent and not self._tasks:
            works = [self._speak(), self._show(), self._report()]
            works += [self._keep_alive()] if self.quirk.keep_alives else []
            self._tasks = [asyncio.ensure_future(work) for work in works]

    async def _speak(self) -> None:
        loop, second = asyncio.get_running_loop(), tone(self.hz)
        start = loop.time()
        if self.quirk.openers:
            self.audio.send(b"", marker=False)
        for number in itertools.count():
            if not self.paused:
                self.audio.send(second[number % 50 * 160 : (number % 50 + 1) * 160], marker=number == 0)
            self.audio.timestamp = (self.audio.timestamp + 160) & 0xFFFFFFFF
            await asyncio.sleep(max(0.0, start + (number + 1) * 0.02 - loop.time()))

    async def _show(self) -> None:
        size = (320, 180) if self.quirk.small or self.quirk.low else (640, 360)
        units, loop = canned(self.colour, *size, high=self.quirk.high), asyncio.get_running_loop()
        start = loop.time()
        if self.quirk.openers:
            self.video.send(b"", marker=False)
        for number in itertools.count():
            if self.quirk.wrong_ssrc and number == 2 * FPS:
                self.video.ssrc, self._unit = secrets.randbits(32), 0
            self.keyframes_sent += self._unit == 0
            nals = units[self._unit]
            for index, nal in enumerate(nals if not self.paused else ()):
                self.video.send(nal, marker=index == len(nals) - 1)
            # For 20 s no further key frame comes, so a viewer without a picture must request one.
            self._unit = (self._unit + 1) % len(units)
            self.video.timestamp = (self.video.timestamp + 90_000 // FPS) & 0xFFFFFFFF
            await asyncio.sleep(max(0.0, start + (number + 1) / FPS - loop.time()))

    async def _report(self) -> None:
        while True:
            for stream in (self.audio, self.video):
                stream.report(stream.ssrc ^ (0x5555 if self.quirk.wrong_ssrc else 0))
            await asyncio.sleep(1)

    async def _keep_alive(self) -> None:
        while True:
            for stream in (self.audio, self.video):
                stream.keep_alive()
            await asyncio.sleep(0.5)

    def _keyframe(self) -> None:
        self._unit = 0
        self.obeyed += 1

    def _rtp(self, stream: Stream, heard: object) -> None:
        with suppress(BlockingIOError):
            for _ in range(64):
                data = stream.rtp.recv(2048)
                stream.muxed += len(data) > 1 and 192 <= data[1] <= 223
                if len(data) >= 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:
                    stream.received += 1
                    stream.types[data[1] & 127] += 1
                    stream.sources.add(struct.unpack_from("!I", data, 8)[0])
                    (stream.highest,) = struct.unpack_from("!H", data, 2)
                    assert callable(heard)
                    heard(data[12:], bool(data[1] & 0x80), data[1] & 127)

    def _rtcp(self, stream: Stream) -> None:
        with suppress(BlockingIOError):
            for _ in range(64):
                data = stream.rtcp.recv(2048)
                stream.rtcp_received += 1
                if any(name in self.quirk.obeys for name in stream.feedback(data)):
                    self._keyframe()

    def _hear(self, payload: bytes, _: bool, kind: int) -> None:
        if kind == AUDIO_TYPE:
            self.heard += payload
            del self.heard[:-HEARD]

    def _obey(self, payload: bytes, _: bool, kind: int) -> None:
        assert kind == self.camera.payload_type
        self.orders.append(payload)

    def _see(self, payload: bytes, marker: bool, _: int) -> None:
        if payload:
            self.viewer.packet(payload, marker)


def unverified() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


class _Link(asyncio.Protocol, asyncio.DatagramProtocol):
    """A TCP connection, or the datagrams of one UDP socket."""

    def __init__(self, received: object) -> None:
        self._received = received
        self._transport: object = None
        self._held = b""
        self.remote: tuple[str, int] | None = None
        self.port = 0
        self.is_open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.remote = addr
        if data.strip():
            assert callable(self._received)
            self._received(Message.read(data))

    def data_received(self, data: bytes) -> None:
        self._held = (self._held + data).lstrip(b"\r\n")  # keep-alive line ends may come between messages
        while b"\r\n\r\n" in self._held:
            head, _, rest = self._held.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
            size = int(length.group(1)) if length else 0
            if len(rest) < size:
                return
            self._held = rest[size:].lstrip(b"\r\n")
            assert callable(self._received)
            self._received(Message.read(head + b"\r\n\r\n" + rest[:size]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False

    def send(self, data: bytes) -> None:
        # Before Python 3.12 the loop's datagram transport was not an asyncio.DatagramTransport, so this does not check the
        # class.
        if hasattr(self._transport, "sendto"):
            self._transport.sendto(data, self.remote)
        elif isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(data)

    def close(self) -> None:
        if isinstance(self._transport, asyncio.WriteTransport) and self._transport.get_extra_info("sslcontext"):
            self._transport.abort()  # close would wait for the other side's TLS close message
        elif isinstance(self._transport, asyncio.BaseTransport):
            self._transport.close()
