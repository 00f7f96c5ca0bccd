"""The halls that a real server calls again. A removed hall is not called, and a hall whose call broke is called. A hall that
refuses is not called for the time in the retry table.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from livekit import api
from sqlalchemy import update

from rooms.store.database import Database
from rooms.store.tables.sites import Terminal as TerminalRow
from signaling.halls.ground import limits
from tests.conftest import ROOT, LiveServer, start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import Message, Quirk, Terminal
from tests.interop.terminals.test_quirks_server import Recorder
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.slow

HALLS = tuple(f"hall-{letter}" for letter in "abcdefghi")
"""Each walk has its own halls, because a hall's row keeps the hall's earlier calls."""
SILENT_S = 1
LEASE_S, PLAN_S = 8.0, 4.0
"""Seconds of the lease and of the schedule in the first test, which waits for both. Larger: the test takes longer. Smaller: a
busy machine loses the lease.
"""
HURRIED = f"""
from signaling.halls.ground import limits

limits.LEG_LEASE_S, limits.CALLER_PLAN_S = {LEASE_S}, {PLAN_S}
"""
"""A patch of the server."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder, port = tmp_path_factory.mktemp("redial"), free_port()
    booked = hallnet.prepare(folder, HALLS, ("127.0.0.0/8",), lobby=False, connect="call")
    (folder / "sitecustomize.py").write_text(HURRIED)
    made = There(serve(folder / "data", port, hurried=True), booked, port)
    yield made
    stop(made.server)


def serve(data: Path, port: int, *, hurried: bool = False) -> LiveServer:
    ports = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    own = {"DIEMCAU_SIP_TLS_PORT": "-1", "DIEMCAU_HALL_SILENT_S": str(SILENT_S)}
    if hurried:
        own["PYTHONPATH"] = f"{data.parent}:{ROOT}"
    return start_server(data, "--halls", **ports, **own)


def stop(server: LiveServer) -> None:
    server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


class Called(Recorder):
    """A terminal that the server calls. It answers each call with `status`; 200 accepts the call. `calls` holds the Call-IDs."""

    def __init__(self, there: There, name: str, status: int = 200) -> None:
        super().__init__(Quirk(small=True), name, HOST, (200, 40, 40), 440, there.booked.passwords[name])
        self.status = status
        self.calls: list[str] = []
        self.forgets = False
        """True after the terminal was switched off and on, so that it knows of no call."""

    def _received(self, message: Message) -> None:
        if message.method == "ACK" and self.status != 200:
            return
        super()._received(message)

    def _invited(self, message: Message) -> None:
        if "tag=" in message["To"]:
            if self.forgets:
                self._reply(message, 481)
            else:
                super()._invited(message)
            return
        if message["Call-ID"] not in self.calls:
            self.calls.append(message["Call-ID"])
            self._to = ""
            self.ended.clear()
        if self.status == 200:
            self.forgets = False
            super()._invited(message)
        else:
            self._reply(message, self.status)


class Rings(Called):
    """A terminal that rings until the server cancels the call."""

    def __init__(self, there: There, name: str) -> None:
        super().__init__(there, name, 180)
        self._invite: Message | None = None
        self.callers: set[str] = set()
        """The From headers of the calls. Each call has a new From header, even a retry of the same call."""

    def _received(self, message: Message) -> None:
        super()._received(message)
        if message.method == "INVITE":
            self._invite = message
            self.callers.add(message["From"])
        elif message.method == "CANCEL" and self._invite is not None:
            self._reply(self._invite, 487)


async def reach(there: There, *terminals: Called) -> None:
    """Store the terminals' addresses in the register, and have the operator call them."""
    # In a thread, because a request of another walk blocks this loop, and would wait for the lock of our transaction.
    await asyncio.to_thread(asyncio.run, enter(there, *terminals))
    await until(lambda: len(there.rows()) == len(HALLS), "the schedule has made its legs")
    there.command("call", *(row(there, one)["leg_id"] for one in terminals))


async def enter(there: There, *terminals: Called) -> None:
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")

    async def work(session: Any) -> None:
        for one in terminals:
            uri = f"sip:{one.name}@{HOST}:{one.port}"
            await session.execute(update(TerminalRow).where(TerminalRow.id == one.name).values(sip_uri=uri))

    await database.transact(work)
    await database.close()


def row(there: There, terminal: Called) -> dict[str, Any]:
    return next(one for one in there.rows() if one["terminal_id"] == terminal.name)


def stands(there: There, terminal: Called) -> tuple[str, str]:
    found = row(there, terminal)
    return found["state"], found["reason"]["code"]


async def put_out(there: There, terminal: Called) -> None:
    """Remove the terminal from the meeting, as a host does."""
    async with api.LiveKitAPI(there.server.url, there.server.api_key, there.server.api_secret) as client:
        name, identity = f"o-{there.booked.occurrence}", f"hall_terminal.{terminal.name}"
        await client.room.remove_participant(api.RoomParticipantIdentity(room=name, identity=identity))


async def take_off(there: There, *terminals: Called) -> None:
    """Have the operator drop the terminals, so that the server calls them no more."""
    there.command("drop", *(row(there, one)["leg_id"] for one in terminals))
    for one in terminals:
        await until(lambda one=one: stands(there, one)[0] == "left", f"{one.name} is dropped")  # type: ignore[misc]


async def test_halls_are_called_again_only_if_they_should_be(there: There) -> None:
    """A server is killed, and another starts. Then four walks run at once, because each one mostly waits."""
    async with Called(there, "hall-a") as terminal, there.terminal("hall-a", small=True) as own:
        await a_hall_dials_a_restarted_server(there, terminal, own)
        async with asyncio.TaskGroup() as walks:
            walks.create_task(a_hall_that_dialled_a_restarted_server_stays_connected(there, terminal, own))
            walks.create_task(who_was_put_out_or_has_refused_is_left_alone(there))
            walks.create_task(one_whose_call_broke_is_called_again(there))
            walks.create_task(one_that_dials_in_while_it_rings_stays_by_its_own_call(there))


async def a_hall_dials_a_restarted_server(there: There, terminal: Called, own: Terminal) -> None:
    await reach(there, terminal)
    await until(lambda: stands(there, terminal)[0] == "connected", "it is in")
    await asyncio.to_thread(there.server.stop, signal.SIGKILL)
    there.server = await asyncio.to_thread(serve, there.server.data_dir, there.port, hurried=True)
    assert await there.dial(own) == 200
    await until(lambda: own.viewer.frames > 10, "it sees the program")


async def a_hall_that_dialled_a_restarted_server_stays_connected(there: There, terminal: Called, own: Terminal) -> None:
    """A hall that dials a restarted server stays connected, although its row still belongs to the lease of the killed process."""
    await asyncio.sleep(LEASE_S + PLAN_S)  # by then another process has the lease
    assert not own.ended.is_set()
    assert stands(there, terminal) == ("connected", "")
    assert len(terminal.calls) == 1
    await take_off(there, terminal)


async def who_was_put_out_or_has_refused_is_left_alone(there: There) -> None:
    dropped, removed, declines, busy = (
        Called(there, name, status) for name, status in zip(HALLS[1:5], (200, 200, 603, 486), strict=True)
    )
    async with dropped, removed, declines, busy:
        await reach(there, dropped, removed, declines)
        for one in (dropped, removed):
            await until(lambda one=one: stands(there, one)[0] == "connected", f"{one.name} is in")  # type: ignore[misc]
        there.command("drop", row(there, dropped)["leg_id"])
        await put_out(there, removed)
        for one in (dropped, removed):
            await until(one.ended.is_set, f"{one.name} is hung up")
            await until(lambda one=one: stands(there, one) == ("left", "dropped"), "the board says so")  # type: ignore[misc]
        await until(lambda: stands(there, declines) == ("given_up", "declined"), "it has declined")
        assert [alarm["code"] for alarm in row(there, declines)["alarms"]][-1] == "declined"
        # The busy hall is called last, because its next call comes 30 s later, and the wait takes 9 s.
        await reach(there, busy)
        await until(lambda: stands(there, busy) == ("failed", "busy"), "it is busy")
        await asyncio.sleep(PLAN_S + 5 * limits.CALLER_TICK_S)  # wait until the schedule has run again
        assert [len(one.calls) for one in (dropped, removed, declines, busy)] == [1, 1, 1, 1]
        assert [stands(there, one)[0] for one in (dropped, removed)] == ["left", "left"]
        there.command("call", row(there, removed)["leg_id"])
        there.command("redial", row(there, dropped)["leg_id"])
        for one in (dropped, removed):
            await until(lambda one=one: len(one.calls) == 2, f"{one.name} is called by hand")  # type: ignore[misc]
            await until(lambda one=one: stands(there, one)[0] == "connected", f"{one.name} comes")  # type: ignore[misc]
        await take_off(there, dropped, removed, busy)


async def one_whose_call_broke_is_called_again(there: There) -> None:
    async with Called(there, "hall-f") as terminal:
        await reach(there, terminal)
        await until(lambda: stands(there, terminal)[0] == "connected", "it is in")
        await until(lambda: terminal.viewer.frames > 10, "and sees the program")
        terminal.forgets = terminal.paused = (
            True  # switched off and on: the terminal sends no packets and knows of no call
        )
        for task in terminal._tasks:
            task.cancel()
        await until(lambda: stands(there, terminal)[0] != "connected", "that is noticed")
        assert stands(there, terminal) in {("failed", "lost"), ("calling", "lost"), ("connected", "")}
        await until(lambda: len(terminal.calls) == 2, "it is called again")
        await until(lambda: stands(there, terminal)[0] == "connected", "it is in again")
        await take_off(there, terminal)


async def one_that_dials_in_while_it_rings_stays_by_its_own_call(there: There) -> None:
    async with Rings(there, "hall-g") as rings, there.terminal("hall-g", small=True) as own:
        await reach(there, rings)
        await until(lambda: stands(there, rings)[0] == "ringing", "it rings")
        assert await there.dial(own) == 200
        await until(lambda: stands(there, rings)[0] == "connected", "it is in")
        await until(lambda: "CANCEL" in rings.requests, "and rings no more")
        await until(lambda: own.viewer.frames > 10, "it sees the program")
        await asyncio.sleep(3 * limits.CALLER_TICK_S)
        assert not own.ended.is_set()
        assert stands(there, rings) == ("connected", "")
        assert len(rings.calls) == 1
        await take_off(there, rings)


async def test_a_new_server_redials_connected_and_ringing_halls(there: There) -> None:
    """A server stops, and another starts. The halls that were connected or rang are called again at once, because they caused no
    failure. While a hall rings, the board shows no failure of an earlier call.
    """
    async with Called(there, "hall-h") as terminal, Rings(there, "hall-i") as rings:
        await until(lambda: len(there.rows()) == len(HALLS), "the schedule has made its legs")
        await until(lambda: stands(there, rings) == ("failed", "not_registered"), "the schedule found no address")
        await reach(there, terminal, rings)
        await until(lambda: stands(there, terminal)[0] == "connected", "it is in")
        await until(lambda: stands(there, rings) == ("ringing", ""), "it rings")
        await asyncio.to_thread(stop, there.server)
        await until(terminal.ended.is_set, "it is hung up")
        await until(lambda: "CANCEL" in rings.requests, "its call is taken back")
        there.server = await asyncio.to_thread(serve, there.server.data_dir, there.port)
        await until(lambda: len(terminal.calls) == 2, "it is called again")
        await until(lambda: stands(there, terminal)[0] == "connected", "it is in again")
        await until(lambda: len(rings.callers) == 2, "it is called again", limits.CALLER_PLAN_S)
        await until(lambda: stands(there, rings) == ("ringing", ""), "it rings again")
        assert row(there, rings)["attempts"] == 1
