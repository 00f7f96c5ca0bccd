"""Many hall terminals that stay in a call when its server dies. They speak SIP over UDP and TCP with transactions and dialogs.
They negotiate sound but never send it.

The module shares no code with the code under test. A terminal has one line, which is busy while it rings, waits for its ACK or
has a call. A further call gets 486 and is noted in `doubled`. A terminal leaves a call after BYE or CANCEL, or when no ACK
arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, Self

from tests.interop.terminals.quirks import Message, _Link

T1_S, T2_S, GIVES_UP_S = 0.5, 4.0, 32.0
EXPIRES_S: Final = 300
Way = Literal["udp", "tcp", "nat"]
"""The transport of a terminal. A `nat` terminal uses TCP, and the server can reach it only over the connection that it opened.
"""
Send = Callable[[bytes], None]


@dataclass(eq=False)
class Line:
    """A call at the terminal."""

    call_id: str
    theirs: str
    """The tag of the server."""
    ours: str
    invite: Message
    send: Send
    state: Literal["rings", "answered", "stands"] = "rings"
    waits: asyncio.Task[None] | None = None


class Phone:
    """A terminal. `async with Phone(...)` listens, and `register` sends its address to the server."""

    def __init__(self, name: str, password: str, host: str, server: tuple[str, int], way: Way = "udp") -> None:
        self.name, self.password, self.host, self.server, self.way = name, password, host, server, way
        self.rings_s = 0.0
        """Seconds that the phone rings before it answers."""
        self.busy = self.deaf = False
        """`busy`: each call gets 486. `deaf`: calls get no response."""
        self.lines: list[Line] = []
        self.doubled: list[str] = []
        self.told: list[str] = []
        """The events of the phone, in order: INVITE, busy, answered, BYE, CANCEL, REGISTER."""
        self.called = 0
        self.stood_at: list[float] = []
        """The monotonic time when each call of the server was established."""
        self._sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sound.bind((host, 0))
        self._cseq = itertools.count(1)
        self._register_id = secrets.token_hex(8)
        self._replies: dict[str, asyncio.Future[Message]] = {}
        self._link: _Link | None = None
        self._listener: asyncio.Server | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._from_tag = ""
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self.way == "udp":
            link = self._link = _Link(self._received)
            await loop.create_datagram_endpoint(lambda: link, local_addr=(self.host, 0))
            self.port, link.remote = link.port, self.server
        else:
            self._listener = await loop.create_server(self._accepted, self.host, 0)
            self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        works = [one.waits for one in self.lines if one.waits is not None] + ([self._keeper] if self._keeper else [])
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        if self._link is not None:
            self._link.close()
        if self._listener is not None:
            self._listener.close()
        self._sound.close()

    @property
    def stands(self) -> bool:
        return [one.state for one in self.lines] == ["stands"]

    # -- registration

    async def register(self) -> None:
        """Register. A terminal behind address translation registers again whenever its connection breaks."""
        await self._register()
        if self.way == "nat" and self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def _register(self) -> None:
        if self.way != "udp":
            await self._connect()
        reply = await self._ask("REGISTER", f"sip:{self.server[0]}", self._register_id, self._own)
        assert reply.status == 200, reply.first
        self.told.append("REGISTER")

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            assert self._link is not None
            if self._link.is_open:
                continue
            with suppress(OSError, TimeoutError, AssertionError):
                await self._register()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._link = await loop.create_connection(
            lambda: _Link(self._received), *self.server, local_addr=(self.host, 0)
        )

    def _accepted(self) -> _Link:
        link = _Link(lambda message: None)
        link._received = lambda message: self._taken(message, link.send)
        return link

    # -- outgoing calls

    async def dial(self, number: str) -> None:
        """Dial into the meeting and stay."""
        if self.way != "udp":
            await self._connect()
        call_id, target = secrets.token_hex(8), f"sip:{number}@{self.server[0]}:{self.server[1]}"
        reply = await self._ask("INVITE", target, call_id, f"<{target}>", self._sdp(None))
        assert reply.status == 200, reply.first
        theirs = _tag(reply["To"])
        invite = Message("INVITE x SIP/2.0", [("From", reply["To"])])
        assert self._link is not None
        self.lines.append(Line(call_id, theirs, self._from_tag, invite, self._link.send, "stands"))
        number_of = reply["CSeq"].split()[0]
        self._link.send(self._request("ACK", target, call_id, reply["To"], int(number_of)))

    async def press(self, keys: str) -> None:
        """Press keys in the call, one INFO for each key."""
        (line,) = self.lines
        self._from_tag = line.ours
        target = line.invite["Contact"].strip("<>").partition(">")[0]
        for key in keys:
            number, body = next(self._cseq), f"Signal={key}\r\nDuration=160\r\n".encode()
            kind = "application/dtmf-relay"
            data = self._request("INFO", target, line.call_id, line.invite["From"], number, body, kind=kind)
            reply = await self._exchange(f"{line.call_id} {number}", data)
            assert reply.status == 200, reply.first

    async def _ask(self, method: str, target: str, call_id: str, to: str, body: bytes = b"") -> Message:
        """Send a request and return its final answer. The request is sent again with a digest if the server challenges it."""
        self._from_tag, proof = secrets.token_hex(4), ""
        for _ in range(3):
            number = next(self._cseq)
            data = self._request(method, target, call_id, to, number, body, proof)
            reply = await self._exchange(f"{call_id} {number}", data)
            if method == "INVITE" and reply.status >= 300:
                assert self._link is not None
                self._link.send(self._request("ACK", target, call_id, reply["To"], number))
            if reply.status != 401:
                return reply
            proof = self._digest(reply["WWW-Authenticate"], method, target)
        return reply

    async def _exchange(self, key: str, data: bytes) -> Message:
        done = self._replies[key] = asyncio.get_running_loop().create_future()
        link, wait_s = self._link, T1_S
        assert link is not None
        link.send(data)
        async with asyncio.timeout(GIVES_UP_S):
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        return await asyncio.shield(done)
                if self.way == "udp":
                    wait_s = min(2 * wait_s, T2_S)
                    link.send(data)
                elif not link.is_open:
                    raise ConnectionResetError("the server closed the connection without an answer")

    # -- received messages

    def _received(self, message: Message) -> None:
        assert self._link is not None
        self._taken(message, self._link.send)

    def _taken(self, message: Message, send: Send) -> None:
        if message.status:
            done = self._replies.get(f"{message['Call-ID']} {message['CSeq'].split()[0]}")
            if message.status >= 200 and done is not None and not done.done():
                done.set_result(message)
            return
        line = self._line(message)
        match message.method:
            case "INVITE":
                self._invited(message, line, send)
            case "ACK":
                if line is not None and line.state == "answered":
                    line.state = "stands"
                    self.stood_at.append(time.monotonic())
                    self.told.append("stands")
            case "CANCEL":
                self._cancelled(message, send)
            case "BYE":
                self._answer(message, 481 if line is None else 200, send)
                if line is not None:
                    self.told.append("BYE")
                    self._end(line)
            case _:
                self._answer(message, 200 if line is not None or message.method == "OPTIONS" else 481, send)

    def _line(self, message: Message) -> Line | None:
        """Find a call by Call-ID and both tags. A request without our tag is matched by its branch."""
        call_id, theirs, ours = message["Call-ID"], _tag(message["From"]), _tag(message["To"])
        for one in self.lines:
            same = (one.call_id, one.theirs) == (call_id, theirs)
            if same and (one.ours == ours or (not ours and _branch(one.invite) == _branch(message))):
                return one
        return None

    def _invited(self, message: Message, line: Line | None, send: Send) -> None:
        if _tag(message["To"]):
            self._answer(message, 200 if line is not None else 481, send, self._sdp(message) if line else b"")
        elif line is None and self.lines:
            self.doubled.append(f"{self.name}: {[one.state for one in self.lines]}")
            self._answer(message, 486, send)
        elif line is None and self.deaf:
            self.called += 1
        elif line is None and self.busy:
            self.called += 1
            self.told.append("busy")
            self._answer(message, 486, send)
        elif line is None:
            self.called += 1
            self.told.append("INVITE")
            line = Line(message["Call-ID"], _tag(message["From"]), secrets.token_hex(4), message, send)
            self.lines.append(line)
            self._answer(message, 180, send, line=line)
            line.waits = asyncio.create_task(self._ring(line))
        else:
            line.send = send

    async def _ring(self, line: Line) -> None:
        await asyncio.sleep(self.rings_s)
        line.state = "answered"
        body, waited_s, wait_s = self._sdp(line.invite), 0.0, T1_S
        while line.state == "answered" and waited_s < GIVES_UP_S:
            self._answer(line.invite, 200, self._way_back(line), body, line=line)
            await asyncio.sleep(wait_s)
            waited_s, wait_s = waited_s + wait_s, min(2 * wait_s, T2_S)
        if line.state == "answered":
            self.told.append("nobody took its answer")
            self.lines.remove(line)

    def _way_back(self, line: Line) -> Send:
        """Return a function that sends an answer over the connection of the request, or over a new connection if that one is
        closed (RFC 3261 section 18.2.2).
        """
        if self.way == "udp":
            return line.send

        def send(data: bytes) -> None:
            self._sending.add(work := asyncio.ensure_future(self._send_back(line, data)))
            work.add_done_callback(self._sending.discard)

        return send

    async def _send_back(self, line: Line, data: bytes) -> None:
        owner = getattr(line.send, "__self__", None)
        if isinstance(owner, _Link) and not owner.is_open:
            with suppress(OSError):
                _, link = await asyncio.get_running_loop().create_connection(
                    self._accepted, *self.server, local_addr=(self.host, 0)
                )
                line.send = link.send
        line.send(data)

    def _cancelled(self, message: Message, send: Send) -> None:
        line = next((one for one in self.lines if _branch(one.invite) == _branch(message)), None)
        self._answer(message, 481 if line is None else 200, send, line=line)
        if line is not None and line.state == "rings":
            self.told.append("CANCEL")
            self._answer(line.invite, 487, send, line=line)
            self._end(line)

    def _end(self, line: Line) -> None:
        if line.waits is not None:
            line.waits.cancel()
        self.lines.remove(line)

    # -- messages

    @property
    def _own(self) -> str:
        return f"<sip:{self.name}@{self.server[0]}>"

    @property
    def _contact(self) -> str:
        place = "192.168.1.20:5060" if self.way == "nat" else f"{self.host}:{self.port}"
        return f"<sip:{self.name}@{place}{'' if self.way == 'udp' else ';transport=tcp'}>"

    def _request(
        self,
        method: str,
        target: str,
        call_id: str,
        to: str,
        number: int,
        body: bytes = b"",
        proof: str = "",
        kind: str = "application/sdp",
    ) -> bytes:
        via = f"SIP/2.0/{'UDP' if self.way == 'udp' else 'TCP'} {self.host}:{self.port};rport"
        headers = [
            ("Via", f"{via};branch=z9hG4bK{secrets.token_hex(8)}"),
            ("Max-Forwards", "70"),
            ("From", f"{self._own};tag={self._from_tag}"),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            ("Contact", self._contact),
            *([("Expires", str(EXPIRES_S))] if method == "REGISTER" else []),
            *([("Authorization", proof)] if proof else []),
            *([("Content-Type", kind)] if body else []),
        ]
        return Message(f"{method} {target} SIP/2.0", headers, body).data()

    def _answer(self, message: Message, status: int, send: Send, body: bytes = b"", line: Line | None = None) -> None:
        kept = [(name, value) for name, value in message.headers if name.lower() in ("via", "from", "call-id", "cseq")]
        to = (
            message["To"]
            if _tag(message["To"])
            else f"{message['To']};tag={line.ours if line else secrets.token_hex(4)}"
        )
        more = [("Content-Type", "application/sdp")] if body else []
        send(Message(f"SIP/2.0 {status} Answer", [*kept, ("To", to), ("Contact", self._contact), *more], body).data())

    def _sdp(self, invite: Message | None) -> bytes:
        """Return an answer that accepts A-law and refuses every other line. Without an INVITE, return an offer."""
        port = self._sound.getsockname()[1]
        lines = ["v=0", f"o=phone 1 1 IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0"]
        if invite is None:
            return "\r\n".join([*lines, f"m=audio {port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000", ""]).encode()
        for section in re.split(r"\r?\n(?=m=)", invite.body.decode().strip())[1:]:
            kind, _, protocol, *formats = section.splitlines()[0][2:].split()
            if kind == "audio" and "8" in formats:
                lines += [f"m=audio {port} {protocol} 8", "a=rtpmap:8 PCMA/8000"]
            else:
                lines.append(f"m={kind} 0 {protocol} {' '.join(formats)}")
        return "\r\n".join([*lines, ""]).encode()

    def _digest(self, challenge: str, method: str, target: str) -> str:
        given, cnonce = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge)), secrets.token_hex(4)

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode()).hexdigest()

        mine, theirs = md5(self.name, given["realm"], self.password), md5(method, target)
        response = md5(mine, given["nonce"], "00000001", cnonce, "auth", theirs)
        text = f'Digest username="{self.name}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{target}"'
        return f'{text}, algorithm=MD5, response="{response}", qop=auth, nc=00000001, cnonce="{cnonce}"'


def _tag(address: str) -> str:
    found = re.search(r";tag=([^;>\s]+)", address)
    return found[1] if found else ""


def _branch(message: Message) -> str:
    found = re.search(r"branch=([^;\s,]+)", message["Via"])
    return found[1] if found else ""
