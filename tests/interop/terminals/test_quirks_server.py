"""Scripted terminals with behaviours that baresip lacks (`quirks.py`), against a real server with its mixer, and a browser in
the same meeting. Each terminal sees the program and hears, and the browser sees and hears the terminal.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from typing import Any

import pytest

from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, There, upper
from tests.interop.person import BOUND_S, Person
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import QUIRKS, Message, Quirk, Terminal, loudest_hz
from tests.ports import free_port
from tests.running.groups import turn
from tests.waiting import until

pytestmark = pytest.mark.slow

HALL = "hall_terminal.hall-a"
SETTINGS = {"DIEMCAU_SIP_HOST": HOST}


def serve(tmp_path_factory: pytest.TempPathFactory, **settings: str) -> Iterator[There]:
    folder, port, tls_port = tmp_path_factory.mktemp("quirks"), free_port(), free_port()
    halls = tuple(f"hall-{letter}" for letter in "abcde")
    booked = hallnet.prepare(folder, halls, ("127.0.0.0/8",), lobby=False, register={"hall-e": {"profile": "1080p"}})
    ports = {"DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    ports["DIEMCAU_SIP_TLS_PORT"] = str(tls_port)
    server = start_server(folder / "data", "--halls", **{**SETTINGS, **ports, **settings})
    try:
        yield There(server, booked, port, tls_port)
    finally:
        server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


@pytest.fixture(scope="module", autouse=True)
def signs_of_life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[None]]:
    """Begin `give_signs_of_life` on two other servers, beside the other tests of this file, because it takes 60 s."""
    if not any(item.name == "test_a_terminal_without_a_sign_of_life_is_hung_up" for item in request.session.items):
        yield Future()
        return
    patient = contextmanager(serve)(tmp_path_factory)
    impatient = contextmanager(serve)(tmp_path_factory, DIEMCAU_HALL_SILENT_S=str(SILENT_S))
    with turn(), patient as there, impatient as other, ThreadPoolExecutor(1) as thread:
        yield thread.submit(asyncio.run, give_signs_of_life(there, other))


class Recorder(Terminal):
    """A terminal that keeps every final answer."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.finals: list[Message] = []
        self.first_source = self.video.ssrc

    def _received(self, message: Message) -> None:
        if message.status >= 200:
            self.finals.append(message)
        super()._received(message)


def recorder(there: There, quirk: Quirk, name: str = "hall-a") -> Recorder:
    return Recorder(quirk, name, HOST, (200, 40, 40), 440, there.booked.passwords[name])


async def sees_and_hears(terminal: Terminal) -> None:
    """Wait until the terminal sees the browser's blue picture and hears 880 Hz from the mixer."""
    await until(lambda: upper(terminal)[2] > upper(terminal)[0] + 40, "the hall sees the browser's picture")
    await until(lambda: heard_hz(terminal) == pytest.approx(880, abs=10), "the hall hears the browser")


def heard_hz(terminal: Terminal) -> float:
    return loudest_hz(bytes(terminal.heard[-8000:])) if len(terminal.heard) >= 8000 else 0.0


async def is_seen_and_heard(ann: Person) -> None:
    await until(lambda: HALL in {who for who, _ in ann.views}, "the hall's picture is announced")
    view = ann.view(HALL)
    await until(lambda: view.frames > 10 and view.tint == "red", "the browser sees the hall")
    await ann.ear(HALL).gets(440)


TOGETHER = [
    ("mode 0 only", "long INVITE by UDP", "RTCP elsewhere"),
    ("no PLI", "AVPF refused", "BFCP by UDP"),
    ("INFO only", "keep-alives", "header extensions and padding"),
    ("late offer", "wrong SSRC", "High profile"),
    ("BFCP by TCP", "long INVITE by TCP"),
]
"""Quirks of each terminal. They do not exclude each other. Other tests use the other `QUIRKS`.
`tests/interop/halls/test_present.py` presents by BFCP.
"""
ALONE = ["well behaved", "late offer by TCP", "empty packets first", *(name for names in TOGETHER for name in names)]


def joined(*names: str) -> Quirk:
    """Return a terminal with all these quirks. Fail if two of them set a field to different values."""
    changes: dict[str, Any] = {}
    for name in names:
        for one in fields(Quirk):
            value = getattr(QUIRKS[name], one.name)
            if value != getattr(Quirk(), one.name):
                assert changes.setdefault(one.name, value) == value, f"{name}: another quirk sets {one.name} too"
    return replace(Quirk(), **changes)


@pytest.mark.parametrize(
    "names",
    [*TOGETHER, *(pytest.param((name,), marks=pytest.mark.sim) for name in ALONE)],
    ids=lambda names: " + ".join(names),
)
async def test_each_terminal_takes_part_in_a_meeting(there: There, names: tuple[str, ...]) -> None:
    """Each terminal takes part. The browser joins last, after the terminal's only key frame of 20 s.

    The pictures of terminals that take any NAL unit are small, because the test looks at no detail of these pictures.
    """
    quirk = joined(*names)
    quirk = replace(quirk, low=quirk.modes != (0,))
    async with recorder(there, quirk) as terminal:
        assert await there.dial(terminal) == 200
        await until(lambda: terminal.viewer.frames > 0, "the program before anybody else is there")
        async with there.person("ann") as ann:
            await ann.show("blue", size=(320, 180), fps=10)
            await ann.speak(880)
            await sees_and_hears(terminal)
            await is_seen_and_heard(ann)
            await follows_its_manner(terminal, ann)
        assert await terminal.hang_up() == 200
    # The server calls a hall once more after its first hang-up. After the second hang-up it does not call.
    await until(lambda: "connected" not in {row["state"] for row in there.rows()}, "the board knows that it left")


async def follows_its_manner(terminal: Recorder, ann: Person) -> None:
    """Check what the special behaviours of this terminal cause. `refuses_avpf`, `late_offer` and `rtcp_apart` have no check of
    their own: the terminal behaves so in the call.
    """
    quirk = terminal.quirk
    if quirk.modes == (0,):
        assert set(terminal.viewer.shapes) == {"single"}
        assert terminal.viewer.largest_nal <= 1200
    if quirk.long_invite:
        assert terminal.invite_bytes > 1300
    if quirk.wrong_ssrc:
        first = terminal.first_source
        await until(lambda: terminal.video.ssrc != first, "its source changes")
        before = ann.view(HALL).frames
        await until(lambda: ann.view(HALL).frames > before + 20, "it is seen under the new source")
    if quirk.obeys == {"fir", "info"}:
        # A cached key frame may have served the browser, so a key frame is needed now.
        before = terminal.video.asked["fir"]
        terminal.video.lose(3)
        await until(lambda: terminal.video.asked["fir"] > before, "a key frame is asked for by FIR")
        assert not terminal.video.asked["pli"]
    if quirk.obeys == {"info"}:
        before = terminal.asked_by_info
        terminal.video.lose(3)
        await until(lambda: terminal.asked_by_info > before, "a key frame is asked for by INFO")
        assert not terminal.video.asked["fir"]
    if quirk.high:
        assert terminal.viewer.profiles == {100}
    if quirk.floor:
        await until(lambda: terminal.requests.count("INVITE"), "it is offered a line for slides afterwards, once")
        assert await greets_floor(terminal)
    if quirk.keep_alives or quirk.openers or quirk.adorned:
        before, rounds = ann.view(HALL).frames, terminal.video.sent
        await until(lambda: terminal.video.sent > rounds + 100, "some more of it")
        await until(lambda: ann.view(HALL).frames > before + 20, "the picture goes on")
        await ann.ear(HALL).gets(440)
    assert terminal.video.rtcp_received
    assert terminal.audio.rtcp_received
    assert not terminal.video.muxed
    assert not terminal.audio.muxed
    assert "rtcp-mux" not in terminal.remote_sdp


@pytest.mark.sim
async def test_a_terminal_marked_1080p_gets_1080_lines(there: There) -> None:
    """Another terminal with the same description is marked 720p."""
    quirk = Quirk(full_hd=True)
    async with recorder(there, quirk, "hall-e") as sharp, recorder(there, quirk, "hall-d") as usual:
        for terminal, lines, blocks in ((sharp, 1080, 8192), (usual, 720, 3600)):
            assert await there.dial(terminal) == 200
            assert f"max-fs={blocks}" in terminal.remote_sdp
            await until(partial(has_lines, terminal, lines), f"a picture of {lines} lines")
        assert has_lines(sharp, 1080)
        for terminal in (sharp, usual):
            assert await terminal.hang_up() == 200


def has_lines(terminal: Terminal, count: int) -> bool:
    picture = terminal.viewer.picture
    return picture is not None and len(picture) == count


async def greets_floor(terminal: Terminal) -> bool:
    """Report whether a Hello (RFC 8855 section 5.3.11) on the negotiated channel gets a HelloAck."""
    floor = next(part for part in re.split(r"\r?\n(?=m=)", terminal.remote_sdp) if "/BFCP" in part.splitlines()[0])
    conference, user = (int(re.findall(rf"a={name}:(\d+)", floor)[0]) for name in ("confid", "userid"))
    port = int(re.findall(r"m=application (\d+)", floor)[0])
    stream = terminal.quirk.floor == "tcp"
    hello = struct.pack("!BBHIHH", (1 if stream else 2) << 5, 11, 0, conference, 1, user)
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_STREAM) if stream else terminal._floor.dup() as channel:
        channel.setblocking(False)
        await loop.sock_connect(channel, (HOST, port))
        await loop.sock_sendall(channel, hello)
        async with asyncio.timeout(20):
            answer = await loop.sock_recv(channel, 1024)
    return answer[1] == 12


class Tally:
    """A counter of the program's packets since the object was made."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._before = self._now()

    def _now(self) -> tuple[int, int]:
        return self._terminal.audio.received, self._terminal.video.received

    @property
    def audio(self) -> int:
        return self._now()[0] - self._before[0]

    @property
    def video(self) -> int:
        return self._now()[1] - self._before[1]


async def test_a_terminal_holds_the_call_and_resumes(there: There) -> None:
    async with recorder(there, Quirk(low=True)) as terminal, there.person("ann") as ann:
        assert await there.dial(terminal) == 200
        await ann.show("blue", size=(320, 180), fps=10)
        await ann.speak(880)
        await sees_and_hears(terminal)
        await is_seen_and_heard(ann)
        for way in ("sendonly", "c=0.0.0.0", "inactive"):
            await is_held(there, terminal, ann, way)
            await comes_back(terminal, ann)
        assert await terminal.hang_up() == 200


async def is_held(there: There, terminal: Terminal, ann: Person, way: str) -> None:
    """Hold the call and check the pictures. "inactive" must be the last way, because `ann` keeps its events."""
    await hold(terminal, way)
    await settles(terminal)
    held, view = Tally(terminal), ann.view(HALL)
    if way == "inactive":
        await until(lambda: ann.saw("unpublished", HALL), f"{way}: its picture is taken away")
    else:
        before = view.frames
        await until(lambda: view.frames > before + 30, f"{way}: who only holds is still seen")
    await asyncio.sleep(1)
    assert ann.saw("unpublished", HALL) == (way == "inactive"), f"{way}: only an inactive hall has no picture"
    assert (held.audio, held.video) == (0, 0), f"{way}: a hall on hold gets nothing"
    assert "connected" in {row["state"] for row in there.rows()}


async def comes_back(terminal: Terminal, ann: Person) -> None:
    view = ann.view(HALL)
    terminal.shown_host, terminal.paused = HOST, False
    terminal.viewer.forget()
    terminal.heard.clear()
    ann.ear(HALL).chunks.clear()
    before = view.frames
    assert await terminal.hold("sendrecv") == 200
    assert terminal.remote_sdp.count("a=sendrecv") == 2
    await sees_and_hears(terminal)
    await until(lambda: view.frames > before + 10 and view.tint == "red", "it is seen again")
    await ann.ear(HALL).gets(440)


async def hold(terminal: Terminal, way: str) -> None:
    """Hold the call. The answer must have the matching direction (RFC 3264 section 8.4)."""
    terminal.paused = way == "inactive"
    if way.startswith("c="):
        terminal.shown_host = "0.0.0.0"
        assert await terminal.hold("sendrecv") == 200
        return
    assert await terminal.hold(way) == 200
    assert terminal.remote_sdp.count({"sendonly": "a=recvonly", "inactive": "a=inactive"}[way]) == 2


async def settles(terminal: Terminal) -> None:
    """Wait until the packets on the way have arrived."""
    async with asyncio.timeout(BOUND_S):
        while True:
            before = Tally(terminal)
            await asyncio.sleep(0.3)
            if not before.audio and not before.video:
                return


class Colliding(Recorder):
    """A terminal that sends an offer when it receives one. Both offers must be refused with 491 and sent again."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.met = ""
        """The CSeq of the offer that collided."""
        self.work: asyncio.Future[None] | None = None
        self.collided: list[int] = []

    def _invited(self, message: Message) -> None:
        if self.answered.is_set() and not self.met:
            self.met = message["CSeq"]
            self.work = asyncio.ensure_future(self._collide(message))
        elif message["CSeq"] != self.met:
            super()._invited(message)

    async def _collide(self, message: Message) -> None:
        self.collided.append((await self.reinvite(self.offer())).status)
        self._reply(message, 491)
        await asyncio.sleep(3.9)  # RFC 3261 section 14.1: 2.1 to 4 s; the server's own offer comes again within 2 s
        self.collided.append((await self.reinvite(self.offer())).status)


async def test_two_offers_that_meet_are_both_made_again(there: There) -> None:
    quirk = replace(QUIRKS["BFCP by UDP"], low=True)  # the server offers slides a second after the call is established
    terminal = Colliding(quirk, "hall-a", HOST, (200, 40, 40), 440, there.booked.passwords["hall-a"])
    async with terminal, there.person("ann") as ann:
        await ann.show("blue", size=(320, 180), fps=10)
        await ann.speak(880)
        assert await there.dial(terminal) == 200
        await until(lambda: len(terminal.collided) == 2, "it has offered twice")
        assert terminal.collided == [491, 200]
        await until(lambda: terminal.requests.count("INVITE") >= 2, "the other offer is made again")
        await sees_and_hears(terminal)
        await is_seen_and_heard(ann)
        assert await terminal.hang_up() == 200


async def test_a_terminal_refreshes_its_session(there: There) -> None:
    """The same description in a re-INVITE, or an UPDATE, refreshes the session. Media do not change."""
    quirk = replace(QUIRKS["never refreshes"], low=True)
    async with recorder(there, quirk) as terminal, there.person("ann") as ann:
        assert await there.dial(terminal) == 200
        agreed = terminal.finals[-1]["Session-Expires"]
        assert agreed == "90;refresher=uac"
        await is_seen_and_heard(ann)
        sdp = terminal.remote_sdp
        same = terminal.last_offer
        reply = await terminal.reinvite(same)
        assert (reply.status, reply["Session-Expires"], terminal.remote_sdp) == (200, agreed, sdp)
        reply = await terminal.update()
        assert (reply.status, reply["Session-Expires"], reply.body) == (200, agreed, b"")
        before = ann.view(HALL).frames
        await until(lambda: ann.view(HALL).frames > before + 20, "the picture goes on")
        assert not ann.saw("unpublished", HALL)


SILENT_S = 10


class Dead(Recorder):
    """A terminal that stops answering INVITEs after the call is established."""

    def _invited(self, message: Message) -> None:
        return


async def test_a_terminal_without_a_sign_of_life_is_hung_up(signs_of_life: Future[None]) -> None:
    await asyncio.wrap_future(signs_of_life)


async def give_signs_of_life(there: There, impatient: There) -> None:
    """Two servers hang up halls without a sign of life. Both cases run at once, because they take 60 s and 40 s.

    `impatient` soon sends an INVITE to a silent hall. The session timers count INVITEs, so they need a server that waits longer.
    """
    async with asyncio.TaskGroup() as both:
        both.create_task(sessions_are_refreshed_as_the_terminal_can_or_end(there))
        both.create_task(a_silent_one_is_asked_and_only_a_dead_one_leaves(impatient))


async def sessions_are_refreshed_as_the_terminal_can_or_end(there: There) -> None:
    """Check three session timers at once, because the shortest session is 90 s. The server refreshes after 45 s and gives up
    after 60 s.
    """
    by_invite, by_update, never = (
        recorder(there, replace(QUIRKS[name], small=True), hall)
        for name, hall in (
            ("refreshed by re-INVITE", "hall-a"),
            ("refreshed by UPDATE", "hall-b"),
            ("never refreshes", "hall-c"),
        )
    )
    async with by_invite, by_update, never:
        for one in (never, by_invite, by_update):
            assert await there.dial(one) == 200
            assert one.finals[-1]["Session-Expires"] == f"90;refresher={one.quirk.timer}"
        await until(lambda: any(one.ended.is_set() for one in (by_invite, by_update, never)), "one is hung up", 90)
        assert never.ended.is_set(), [there.trace(one.name) for one in (by_invite, by_update) if one.ended.is_set()]
        assert by_invite.requests.count("INVITE") == 1
        assert "UPDATE" not in by_invite.requests
        assert by_update.requests.count("UPDATE") == 1
        assert "INVITE" not in by_update.requests
        assert not by_invite.ended.is_set()
        assert not by_update.ended.is_set()
        for one in (by_invite, by_update):
            assert await one.hang_up() == 200


async def a_silent_one_is_asked_and_only_a_dead_one_leaves(there: There) -> None:
    password, quirk = there.booked.passwords["hall-e"], replace(QUIRKS["silent"], small=True)
    async with (
        recorder(there, quirk, "hall-d") as silent,
        Dead(quirk, "hall-e", HOST, (0, 0, 0), 0, password) as dead,
    ):
        assert await there.dial(silent) == 200
        assert await there.dial(dead) == 200
        await until(lambda: "INVITE" in silent.requests and "INVITE" in dead.requests, "both are asked")
        await until(dead.ended.is_set, "who does not answer is hung up", 90)
        # 30 s later: the terminal that answered was asked only once, sees the program, and is still connected.
        assert silent.requests.count("INVITE") == 1
        assert not silent.ended.is_set()
        seen = silent.viewer.frames
        await until(lambda: silent.viewer.frames > seen, "the program goes on")
        states = {row["terminal_id"]: row["state"] for row in there.rows()}
        assert states["hall-d"] == "connected"
        assert states["hall-e"] != "connected"


async def test_a_terminal_dials_again_after_a_power_failure(there: There) -> None:
    """A terminal whose power failed dials again while its old call is still open. The new call replaces the old one, and the
    browser sees and hears the terminal each time.
    """
    async with there.person("ann") as ann:
        await ann.show("blue", size=(320, 180), fps=10)
        await ann.speak(880)
        for _ in range(2):
            async with recorder(there, Quirk(low=True)) as terminal:
                assert await there.dial(terminal) == 200
                await sees_and_hears(terminal)
                before = ann.view(HALL).frames
                await until(lambda before=before: ann.view(HALL).frames > before + 10, "it is seen")  # type: ignore[misc]
                ann.ear(HALL).chunks.clear()
                await ann.ear(HALL).gets(440)
