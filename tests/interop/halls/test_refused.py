"""Calls that a real server refuses. Each test checks the answer to the terminal and the state that the server keeps.

A class that forbids halls (403 and an audit entry) is in `test_halls_and_browsers.py`. Wrong PINs are in `test_halls.py`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.quirks import Message, Quirk, Terminal
from tests.interop.terminals.test_quirks_server import Recorder, serve
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory, DIEMCAU_HALL_ENCRYPTION="required")


class Foreign(Recorder):
    """A terminal whose offer has some texts replaced."""

    def __init__(self, there: There, *words: tuple[str, str], transport: Any = "udp") -> None:
        super().__init__(
            Quirk(transport=transport), "hall-a", HOST, (200, 40, 40), 440, there.booked.passwords["hall-a"]
        )
        self._words = words

    def offer(self, direction: str = "sendrecv") -> bytes:
        text = super().offer(direction).decode()
        for old, new in self._words:
            assert old in text
            text = text.replace(old, new)
        return text.encode()


async def test_a_call_without_a_common_codec_gets_a_warning(there: There) -> None:
    codecs = ("H264", "X-VIDEO"), ("PCMA", "X-LAW"), ("PCMU", "Y-LAW")
    async with Foreign(there, *codecs) as terminal:
        assert await there.dial(terminal) == 488
    assert re.fullmatch(rf'305 {HOST} "Incompatible media format"', terminal.finals[-1]["Warning"])


ANSWERED_S = 3.0
"""Seconds until an answer by UDP counts as none: ten times 0.3 s, which a busy machine may need."""
KEY = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4"
UNKNOWN_SUITE = ("RTP/AVP", "RTP/SAVP"), ("a=sendrecv", f"a=crypto:1 AES_256_CM_HMAC_SHA1_80 {KEY}\r\na=sendrecv")


@pytest.mark.parametrize(
    ("words", "warning"),
    [((), "SRTP is required"), (UNKNOWN_SUITE, "No common SRTP crypto suite")],
    ids=["plain", "unknown suite"],
)
async def test_a_call_without_srtp_is_refused_where_srtp_is_required(
    strict: There, words: tuple[tuple[str, str], ...], warning: str
) -> None:
    async with Foreign(strict, *words, transport="tls") as terminal:
        assert await strict.dial(terminal) == 488
    assert terminal.finals[-1]["Warning"] == f'399 {HOST} "{warning}"'
    async with Foreign(strict, *words) as terminal:
        assert await strict.dial(terminal) == 488
    assert terminal.finals[-1]["Warning"] == f'399 {HOST} "Call by TLS: SRTP is required"', "keys never go by UDP"


class Listener(Recorder):
    """A terminal that receives early media."""

    def _received(self, message: Message) -> None:
        if message.status == 183 and message.body:
            self.remote_sdp = message.body.decode()
            self._aim(self.remote_sdp)
        super()._received(message)

    @property
    def loud(self) -> int:
        """Return how many received A-law samples are not silence."""
        return len(self.heard) - sum(self.heard.count(byte) for byte in b"\x55\xd5\x54\xd4")


async def test_a_caller_of_a_full_meeting_hears_when_to_call_again(there: There) -> None:
    await make_full(there)
    password = there.booked.passwords["hall-b"]
    async with there.person("ann"), Listener(Quirk(small=True), "hall-b", HOST, (0, 0, 0), 0, password) as terminal:
        assert await there.dial(terminal) == 486
        assert terminal.statuses[-1] == 486
        assert {180, 183} <= set(terminal.statuses)
        assert (terminal.finals[-1]["Retry-After"], terminal.finals[-1]["Warning"][:3]) == ("60", "399")
        assert terminal.loud > 4000, "words, and a picture with them"
        assert terminal.viewer.frames > 0, "words, and a picture with them"
        await asyncio.sleep(0.1)  # packets that are already on the way arrive
        sent = terminal.audio.received
        await asyncio.sleep(0.5)
        assert terminal.audio.received == sent, "nothing is sent after the refusal"
    late = Quirk(late_offer=True)
    async with there.person("ann"), Listener(late, "hall-b", HOST, (0, 0, 0), 0, password) as terminal:
        assert await there.dial(terminal) == 486
        assert 183 not in terminal.statuses, "no words for whoever wants our offer"


async def test_an_unknown_number_gets_a_prompt_and_then_404(there: There) -> None:
    """No terminal has the name or the short number. Both calls run at once, because the prompt takes six seconds."""
    async with asyncio.TaskGroup() as both:
        both.create_task(dials_nobody(there, "hall-c", "frank"))
        both.create_task(dials_nobody(there, "hall-d", "1000"))


async def dials_nobody(there: There, name: str, alias: str) -> None:
    password = there.booked.passwords[name]
    async with Listener(Quirk(small=True), name, HOST, (0, 0, 0), 0, password) as terminal:
        assert await there.dial(terminal, alias) == 404, alias
        assert {180, 183} <= set(terminal.statuses), alias
        assert terminal.loud > 4000, f"{alias}: words, and a picture with them"
        assert terminal.viewer.frames > 0, f"{alias}: words, and a picture with them"


async def test_a_call_cancelled_during_a_prompt_leaves_nothing(there: There) -> None:
    await make_full(there)
    password = there.booked.passwords["hall-b"]
    async with there.person("ann"), Listener(Quirk(), "hall-b", HOST, (0, 0, 0), 0, password) as terminal:
        call = asyncio.ensure_future(there.dial(terminal))
        await until(lambda: 183 in terminal.statuses, "words")
        link = terminal._link
        assert link is not None
        link.send(terminal.last_request.replace(b"INVITE ", b"CANCEL ", 1).replace(b" INVITE", b" CANCEL", 1))
        assert await call == 487
        await until(lambda: not [one for one in there.rows() if one["state"] == "connected"], "nothing stands")


async def make_full(there: There) -> None:
    """Create the conference of the date with a limit of one participant."""
    from livekit import api

    async with api.LiveKitAPI(there.server.url, there.server.api_key, there.server.api_secret) as client:
        name = f"o-{there.booked.occurrence}"
        with suppress(api.TwirpError):
            await client.room.delete_room(api.DeleteRoomRequest(room=name))
        await client.room.create_room(api.CreateRoomRequest(name=name, max_participants=1))


def words_of(message: Message) -> list[tuple[str, str]]:
    """Return the parts of a message that can differ: not the random values, and not the values of the request."""
    own = ("via", "from", "to", "call-id", "cseq")
    rows = [(name, value if name.lower() not in own else "") for name, value in message.headers]
    return [("", message.first), *((name, re.sub(r'nonce="[^"]*"', "", value)) for name, value in rows)]


async def test_wrong_alias_and_wrong_password_are_answered_alike(there: There) -> None:
    seen = []
    # Each attempt comes from its own address, so that an earlier attempt does not count against it.
    for number, (name, secret) in enumerate((("hall-a", "wrong"), ("nobody", "wrong"), ("hall-c", "")), 21):
        async with Recorder(Quirk(), name, f"127.0.0.{number}", (0, 0, 0), 0, secret or "x") as stranger:
            assert await there.dial(stranger) == 403
            seen.append([words_of(one) for one in stranger.finals])
    assert len(seen[0]) == 2
    assert seen[0] == seen[1] == seen[2]


async def test_a_scanner_learns_no_name_and_blocks_no_terminal(there: There) -> None:
    """A scanner learns no name. A terminal can still dial from an address whose datagrams a scanner has forged."""
    address = "127.0.0.31"
    with socket.socket(type=socket.SOCK_DGRAM) as scanner:
        scanner.bind((address, 0))
        scanner.setblocking(False)
        heard = 0
        for number in range(100, 130):
            scanner.sendto(register(f"{number}", *scanner.getsockname()), (HOST, there.port))
            async with asyncio.timeout(ANSWERED_S):
                answer = await asyncio.get_running_loop().sock_recv(scanner, 2048)
            assert answer.startswith(b"SIP/2.0 401 ")
            heard += 1
        scanner.sendto(register("100", *scanner.getsockname(), agent="friendly-scanner"), (HOST, there.port))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.get_running_loop().sock_recv(scanner, 2048)
    assert heard == 30
    password = there.booked.passwords["hall-c"]
    async with Terminal(Quirk(), "hall-c", address, (0, 0, 0), 0, password) as terminal:
        assert await there.dial(terminal, "echo") == 200


async def test_an_operator_sees_a_lock_and_lifts_it(there: There) -> None:
    address, password = "127.0.0.41", there.booked.passwords["hall-b"]

    async def dials(secret: str, host: str = address) -> int:
        async with Recorder(Quirk(), "hall-b", host, (0, 0, 0), 0, secret) as terminal:
            return await there.dial(terminal, "echo")

    assert there.ask("GET", "/hall-bans").status_code == 200, there.ask("GET", "/hall-bans").text
    while not (locks := [one for one in there.ask("GET", "/hall-bans").json() if one["terminal"]]):
        assert await dials("wrong") == 403
    assert (locks[0]["source"], locks[0]["reason"]) == (address, "wrong password")
    assert locks[0]["site"]
    assert await dials(password, "127.0.0.42") == 200, "only its own source is locked"
    for ban in there.ask("GET", "/hall-bans").json():
        assert there.ask("DELETE", f"/hall-bans/{ban['subject']}").status_code == 204
    assert await dials(password) == 200
    assert there.ask("GET", "/hall-bans").json() == []
    assert there.ask("DELETE", f"/hall-bans/{locks[0]['subject']}").status_code == 410


def register(alias: str, host: str, port: int, *, agent: str = "") -> bytes:
    rows = [
        f"REGISTER sip:{HOST} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(6)};rport",
        f"From: <sip:{alias}@{HOST}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{alias}@{HOST}>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 REGISTER",
        f"Contact: <sip:{alias}@{host}:{port}>",
        "Max-Forwards: 70",
        *([f"User-Agent: {agent}"] if agent else []),
        "Content-Length: 0",
    ]
    return "\r\n".join([*rows, "", ""]).encode()


class Wiretap(Phone):
    """A phone that keeps every message that it receives."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.heard: list[str] = []

    def _taken(self, message: Message, send: Any) -> None:
        self.heard.append(f"{message.first}\r\n{message.body.decode()}")
        super()._taken(message, send)


async def test_where_srtp_is_required_no_key_is_sent_by_udp(strict: There) -> None:
    """A call to a terminal that registered by UDP carries no key, if SRTP is required. The board shows the cause."""
    secret, legs = strict.booked.passwords["hall-b"], f"/occurrences/{strict.booked.occurrence}/legs"
    async with Wiretap("hall-b", secret, "127.0.0.51", (HOST, strict.port)) as phone:
        await phone.register()
        called = strict.ask("POST", legs, json={"terminal_id": "hall-b"})
        assert called.status_code == 200, called.text

        def reason() -> str:
            (row,) = (one for one in strict.rows() if one["terminal_id"] == "hall-b")
            return str(row["reason"]["code"])

        await until(reason, "the board says why")
        assert reason() == "needs_encryption"
        assert phone.heard
        assert not [one for one in phone.heard if "a=crypto" in one or one.startswith("INVITE")]
