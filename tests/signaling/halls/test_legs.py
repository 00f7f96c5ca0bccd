"""A row of the board and the calls of its hall: which of two calls counts, and that an end is never lost.

The door and the database are real, as in `test_lobby`. There is no SIP.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Conference, Wished
from conference.ground.events import Reason
from conference.halls.causes import Cause
from conference.halls.dialout import Event
from rooms import limits
from rooms.dialling import legs, planning
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg, LegAlarm, SipAccount, SipDialog
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.records import AuditEntry
from signaling.halls.board.board import board_of
from signaling.halls.board.orders import Order
from signaling.halls.board.watchers import Watchers
from signaling.halls.calls.leg import Failure, Party
from signaling.halls.conference_ports import ConferencePorts
from signaling.halls.ground import limits as bounds
from signaling.halls.sip.saved_calls import SavedCalls
from signaling.halls.sip.side import SipSide
from signaling.sip.call.causes import NORMAL, Kind, hall_cause
from signaling.sip.call.causes import Cause as SipCause
from signaling.sip.call.orphans import CallRecord
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import Address
from tests.conference.hall_doubles import OPTIONS
from tests.rooms.province import Province
from tests.signaling.halls.caller_doubles import Away, Refusing, again, broken, writers, written
from tests.signaling.halls.test_lobby import Exchange, Line, Wire

HALL = "terminal-xa1"


class Call(Line):
    """A call from us or from the hall. The test reports its end."""

    def begin_in(self, conference: Conference, mode: Any = "meeting") -> None:
        self.room = self.expect(conference, mode)

    def end(self, reason: str = "") -> None:
        self.hung_up_by_us = True
        super().end(reason)


class Agent:
    """An agent that records the calls that it dials."""

    def __init__(self) -> None:
        self.dialled: list[Call] = []
        self.registrar, self.calls = self, ()

    def find(self, alias: str) -> None:
        """Return None: no terminal has registered."""

    def record_of(self, target: Any, call_id: str) -> CallRecord:
        return CallRecord(call_id, Wire.local, Address(target.uri), target.uri)

    def dial(self, target: Any, offer: bytes, side: Any, *, call_id: str, **_: Any) -> Wire:
        self.dialled.append(side.leg)
        return Wire()


class Board(Exchange):
    """An exchange with one hall that is called and also dials in."""

    def __init__(self, database: Database, province: Province, now: datetime) -> None:
        super().__init__(database, province, now)
        self.agent = Agent()
        self.halls._sip.agent = self.halls._saved.agent = self.agent  # type: ignore[assignment]
        self.halls.outgoing.new_leg = self.ours  # type: ignore[method-assign]

    def ours(self, party: Party, attempt: Any, order: Any) -> Call:
        return Call(
            self.halls.outgoing, OPTIONS, party, attempt.side, order, self.clock.time(), dialing=self.halls.outgoing
        )

    async def comes(self) -> Call:
        """Return the hall's own call, which the hall has not confirmed yet."""
        party = Party(f"hall_terminal.{HALL}", "Xã 1", HALL)
        made = Call(self.halls.incoming_calls, OPTIONS, party, self.side, began=self.clock.time(), address="10.1.1.1")
        await self.dial(made)
        return made

    async def another(self) -> str:
        """Return the leg of a hall that has not dialled in."""

        async def work(session: AsyncSession) -> str:
            return (
                await planning.came(session, self.name.removeprefix("o-"), "terminal-khcn", self.halls.around.now())
            ).id

        return await self.database.transact(work)

    async def joined(self) -> Call:
        made = await self.comes()
        made.events.stands(made)
        await self.settle()
        return made

    async def settle(self) -> None:
        """Wait until all begun work is done."""
        running = self.halls.around.background.running
        while True:
            while begun := (*running, *writers(self.halls.caller)):
                await asyncio.gather(*begun)
                await asyncio.sleep(0)
            await again(self.halls.caller)
            if not running:
                return

    async def row(self, one: Call) -> DialLeg:
        async with self.database.reading() as session:
            return await session.get_one(DialLeg, one.party.leg_id)


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-03-03T01:00:00+00:00")


@pytest.fixture
async def board(database: Database, province: Province, now: datetime) -> Board:
    made = Board(database, province, now)
    await made.book(lobby=False)
    return made


def ended(leg: Call, cause: SipCause) -> None:
    side = cast(SipSide, leg.side)
    side.ended(cast(Any, side.call), cause)


async def test_a_hall_that_dials_in_while_called_keeps_its_own_call(board: Board) -> None:
    """Show that our call ends, and that later news of it is ignored."""
    halls, own = board.halls, await board.comes()
    leg_id = own.party.leg_id
    await halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    halls.outgoing.rang(ours)
    await board.settle()
    assert ((await board.row(own)).state, halls.calls.by_row[leg_id]) == ("ringing", ours)
    own.events.stands(own)
    await board.settle()
    assert ((await board.row(own)).state, halls.calls.by_row[leg_id]) == ("connected", own)
    assert (ours.told, own.told) == (["end came by itself"], ["ring"])
    before = await board.row(own)
    halls.outgoing.failed(ours, Failure(hall_cause(487), 487))  # the answer to its CANCEL
    await board.settle()
    after = await board.row(own)
    assert halls.calls.by_row == {leg_id: own}
    assert (after.state, after.attempt) == ("connected", before.attempt)
    own.events.over(own, hung_up=True)
    await board.settle()
    assert (halls.calls.by_row, (await board.row(own)).reason) == ({}, "hung_up")


async def test_a_call_is_saved_for_the_next_server_and_traced(board: Board) -> None:
    leg_id = await board.another()
    await board.halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    async with board.database.reading() as session:
        (dialog,) = await session.scalars(select(SipDialog))
    assert ours.order is not None
    assert (dialog.leg_id, dialog.call_id) == (leg_id, ours.order.call_id)
    board.halls.traces.add(ours.order.call_id, "200 OK")
    assert "200 OK" in board.halls.traces.of(leg_id)


@pytest.mark.parametrize(("transport", "host", "is_seen"), [("udp", "192.0.2.7", True), ("tcp", "198.51.100.1", False)])
async def test_the_next_server_knows_where_a_hall_has_called_from(
    board: Board, transport: str, host: str, is_seen: bool
) -> None:
    """Show that the next server learns a hall's address from a call over UDP. A TCP connection through NAT leads back to no
    terminal.
    """
    leg_id = (await board.joined()).party.leg_id
    left = SipDialog(
        id="left", leg_id=leg_id, worker="here0", call_id="call", local="<sip:a@10.0.0.9>;tag=ours", port=5060
    )
    left.remote, left.target, left.routes, left.cseq = "<sip:hall@192.0.2.7>;tag=theirs", "sip:hall@192.0.2.7", [], 1
    left.transport, left.host, left.at = transport, host, board.halls.around.now()

    async def write(session: AsyncSession) -> None:
        session.add(left)

    await board.database.transact(write)
    agent: Any = SimpleNamespace(registrar=SimpleNamespace(restore=list, noted=None))
    saved = SavedCalls(agent, board.database, "here1", "here", board.clock, lambda work: None)
    await saved.restore(lambda alias: None)
    found = saved.seen(leg_id)
    assert (found is not None and found.hop.host == host) is is_seen
    assert saved.seen("another") is None


async def test_the_board_shows_which_terminals_are_registered(board: Board) -> None:
    async def write(session: AsyncSession) -> None:
        for terminal, alias in ((HALL, "xa1"), ("terminal-khcn", "khcn")):
            session.add(
                SipAccount(terminal_id=terminal, alias=alias, algorithm="MD5", secret="", changed_at=board.clock.at)
            )

    await board.database.transact(write)
    here = SimpleNamespace(hop=Hop("udp", "192.0.2.7", 5060), user_agent="Room")
    registrar: Any = SimpleNamespace(find=lambda alias: here if alias == "xa1" else None)
    board.halls.agent = cast(Any, SimpleNamespace(registrar=registrar))
    terminals = board_of(board.halls, Watchers()).terminals
    states = await terminals.states(board.clock.at)
    assert {(one["terminal_id"], one["registered"], one["user_agent"]) for one in states} == {
        (HALL, True, "Room"),
        ("terminal-khcn", False, ""),
    }
    other, at = await board.another(), board.clock.at

    async def answered(session: AsyncSession) -> str:
        leg = await session.get_one(DialLeg, other)
        leg.answered_at, leg.reason = at, "busy"
        return leg.terminal_id

    terminal = await board.database.transact(answered)

    async def last_call(now: datetime) -> list[datetime | None]:
        return [one["last_call_at"] for one in await terminals.states(now) if one["terminal_id"] == terminal]

    assert await last_call(at) == [at]
    assert await last_call(at + timedelta(days=limits.LAST_CALL_DAYS)) == [None]


async def test_an_answered_outgoing_call_is_connected_in_its_row(board: Board) -> None:
    leg_id = await board.another()
    await board.halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    ours.events.stands(ours)
    await board.settle()
    assert (await board.row(ours)).state == "connected"


async def test_a_silent_call_ends_after_a_registration_elsewhere(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that a silent call ends. A call that is answered in time stays, and so does a newer call of the row."""
    monkeypatch.setattr(bounds, "UNHEARD_S", 0.01)
    leg_id, ended = await board.another(), list[str]()
    await board.halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    side: Any = SimpleNamespace(is_unheard=True, give_up=ended.append)
    ours.side = side
    registering = asyncio.create_task(board.halls.outgoing.registered(ours.party.terminal))
    await asyncio.sleep(0)
    side.is_unheard = False
    await registering
    assert ended == []
    side.is_unheard = True
    await board.halls.outgoing.registered(ours.party.terminal)
    assert ended == ["registered elsewhere"]


async def test_a_hall_that_needs_the_operator_raises_an_alarm(board: Board) -> None:
    own, started, changed = await board.joined(), list[Any](), list[str]()
    clock, nothing = board.halls.around.now, cast(Any, None)
    ports = ConferencePorts(nothing, nothing, board.database, nothing, clock, started.append, changed.append)
    stranger = board.line()
    for leg, what in ((own, "floor"), (stranger, "operator"), (own, "operator")):
        ports.wished(board.name, cast(Any, SimpleNamespace(hall=SimpleNamespace(signal=leg), what=what)))
    assert len(started) == 1
    assert changed == [board.name.removeprefix("o-")] * 3
    await asyncio.gather(*started)
    async with board.database.reading() as session:
        alarms = list(await session.scalars(select(LegAlarm)))
    assert [(one.leg_id, one.code) for one in alarms] == [(own.party.leg_id, "operator")]


async def test_called_halls_wait_until_the_chairs_hall_opens_the_meeting(
    database: Database, province: Province, now: datetime
) -> None:
    """Only a hall of the host unit opens the meeting by its key. A hall that comes after a restart does not wait."""
    board = Board(database, province, now)
    await board.book(lobby=False, connect="call", host_unit_id=province.units["khcn"])
    other, leg_id, started = await board.joined(), await board.another(), list[Any]()
    await board.halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (own,) = board.agent.dialled
    own.accept_in(board.registry.get(board.name))
    own.events.stands(own)
    await board.settle()
    desk, date = board_of(board.halls, Watchers()), board.name.removeprefix("o-")
    assert [row["waits"] for row in await desk.rows.rows(date)] == [True, True]
    async with board.database.reading() as session:
        found = await session.get_one(Occurrence, date)
        assert (found.state, found.opened_at, found.begun_at) == ("planned", None, None)
    clock, nothing = board.halls.around.now, cast(Any, None)
    live = board.live
    ports = ConferencePorts(nothing, nothing, board.database, live, clock, started.append, lambda date: None)
    for leg, waits in ((other, [True, True]), (own, [False, False]), (own, [False, False])):
        assert leg.room is not None
        ports.wished(board.name, Wished(leg.room.hall, "begin"))
        await started.pop()
        await live.reports.settle()
        assert [row["waits"] for row in await desk.rows.rows(date)] == waits
    assert other.room is not None
    assert own.room is not None
    assert (other.room.hall.muted, own.room.hall.muted) == (True, False)
    async with board.database.reading() as session:
        found = await session.get_one(Occurrence, date)
        assert found.begun_at == board.clock.at
        deeds = await session.scalars(select(AuditEntry.action).where(AuditEntry.action == "meeting.begin"))
        assert len(list(deeds)) == 1
    board.registry.delete(board.name)
    again_there = await board.joined()
    assert again_there.room is not None
    assert not again_there.room.hall.muted


async def test_results_of_our_call_before_an_arrival_do_not_count(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    halls, own = board.halls, await board.comes()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    away = Away(monkeypatch, "change")
    own.events.stands(own)
    halls.outgoing.failed(ours, Failure(hall_cause(404), 404))
    await away.tried(board.halls.caller)
    away.back = True
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.attempt, halls.calls.by_row) == ("connected", 1, {own.party.leg_id: own})


async def test_a_hall_that_has_come_is_not_called_any_more(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that an arrived hall is not called, although it was due before and its arrival is not written yet."""
    halls, own = board.halls, await board.comes()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    away = Away(monkeypatch, "change")
    own.events.stands(own)
    await asyncio.gather(*halls.around.background.running)
    assert (board.agent.dialled, halls.calls.by_row) == ([], {own.party.leg_id: own})
    away.back = True
    await board.settle()
    assert (await board.row(own)).state == "connected"
    assert own.told == ["ring"]


@pytest.mark.parametrize(
    ("cause", "reason"),
    [(SipCause(Kind.NO_ANSWER), "no_answer"), (SipCause(Kind.UNREACHABLE), "unreachable")],
    ids=["rang in vain", "nobody there"],
)
async def test_an_unanswered_ring_differs_from_an_absent_hall(board: Board, cause: SipCause, reason: str) -> None:
    halls, own = board.halls, await board.comes()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    ended(ours, cause)
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.reason) == ("failed", reason)


@pytest.mark.parametrize(
    ("cause", "put_out", "then"),
    [
        (NORMAL, None, ("left", "hung_up")),
        (SipCause(Kind.NO_ANSWER), None, ("failed", "lost")),
        (NORMAL, Event.DROP, ("left", "dropped")),
        (NORMAL, Event.END, ("left", "ended")),
    ],
    ids=["hung up", "lost", "put out", "ended"],
)
async def test_the_end_of_a_call_is_written_when_the_database_is_back(
    board: Board, monkeypatch: pytest.MonkeyPatch, cause: SipCause, put_out: Event | None, then: tuple[str, str]
) -> None:
    """Show that the end is written later. Otherwise the board would show the hall in the meeting, and no server would call it
    again.
    """
    own = await board.joined()
    own.put_out, own.hung_up_by_us = put_out, put_out is not None
    away = Away(monkeypatch, "change")
    own.events.over(own, hung_up=cause.kind is Kind.NORMAL)
    await away.tried(board.halls.caller)
    away.back = True
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.reason) == then


@pytest.mark.parametrize(
    ("reason", "then"),
    [
        (Reason.REMOVED, ("left", "dropped")),
        (Reason.CONFERENCE_DELETED, ("left", "ended")),
        (Reason.SERVER_SHUTDOWN, ("connected", "")),
    ],
)
async def test_a_dropped_hall_stays_out_unless_the_server_stops(
    board: Board, reason: Reason, then: tuple[str, str]
) -> None:
    """Show that a stop of the server keeps the rows of its halls connected. The next server calls those halls again."""
    own = await board.joined()
    own.hang_up(reason.value)
    own.events.over(own, hung_up=True)
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.reason) == then


async def test_an_end_that_is_written_late_ends_no_newer_call(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    halls, own = board.halls, await board.joined()
    away = Away(monkeypatch, "change")
    own.events.over(own, hung_up=True)
    await away.tried(board.halls.caller)
    newer = await board.comes()
    newer.events.stands(newer)
    await away.tried(halls.caller)
    away.back = True
    await board.settle()
    row = await board.row(newer)
    assert (row.state, row.attempt, row.redialled) == ("connected", 1, False)
    assert halls.calls.by_row == {newer.party.leg_id: newer}


@pytest.mark.parametrize("meanwhile", ["comes and goes", "dropped"])
async def test_a_hall_is_not_rung_for_an_outdated_reason(
    board: Board, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """Show that a hall is not rung when it came and left, or was dropped, during the look-up.

    The end of its own call is not written yet. If our call rang and failed, that end would count for an older call. The board
    would then show the hall in the meeting.
    """
    halls, own, read = board.halls, await board.comes(), planning.date_of
    leg_id, looks, goes_on = own.party.leg_id, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> Any:
        looks.set()
        await goes_on.wait()
        return await read(*given)

    monkeypatch.setattr(planning, "date_of", slow)
    await halls.caller.happen(leg_id, Event.DUE)
    away = Away(monkeypatch, "change")
    away.back = True
    async with asyncio.timeout(10):
        await looks.wait()
        if meanwhile == "dropped":
            await halls.caller.happen(leg_id, Event.DROP)
        else:
            own.events.stands(own)
            await written(halls.caller)
            away.back = False
            own.events.over(own, hung_up=True)
            await away.tried(board.halls.caller)
        goes_on.set()
        await asyncio.gather(*halls.around.background.running)
        away.back = True
        await board.settle()
    row = await board.row(own)
    assert (board.agent.dialled, halls.calls.by_row) == ([], {})
    assert (row.state, row.reason) == ("left", "dropped" if meanwhile == "dropped" else "hung_up")


async def test_a_late_answer_of_a_dropped_call_keeps_the_own_call(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that the hall keeps its own call when the answer of our dropped call is written after the hall dialled in."""
    halls, own = board.halls, await board.comes()
    leg_id = own.party.leg_id
    await halls.caller.happen(leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    away = Away(monkeypatch, "change")
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0.2)
    assert ours.order is not None
    halls.caller.tell(ours.order, Event.ANSWERED)
    await away.tried(board.halls.caller)
    away.back = True
    await halls.caller.happen(leg_id, Event.DROP)
    own.events.stands(own)
    await board.settle()
    row = await board.row(own)
    assert (row.state, halls.calls.by_row, own.told) == ("connected", {leg_id: own}, ["ring"])


async def test_results_of_calls_during_a_stop_are_not_counted(board: Board) -> None:
    """Show that failures during a stop do not count. The next server repeats the try at once."""
    halls, own = board.halls, await board.comes()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    halls.outgoing.rang(ours)
    await board.settle()
    board.registry.close()
    halls.outgoing.failed(ours, Failure(hall_cause(0), 0))
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.attempt, row.failures, halls.calls.by_row) == ("ringing", 1, 0, {})


async def test_the_board_shows_a_hall_that_left_with_an_error(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(hall: Any) -> None:
        raise RuntimeError("a defect of ours")

    own = await board.joined()
    monkeypatch.setattr(board.halls.around.tokens, "leave", fail)
    with pytest.raises(RuntimeError):
        ended(own, NORMAL)
    await board.settle()
    assert (board.halls.calls.by_row, (await board.row(own)).reason) == ({}, "hung_up")


async def test_a_call_that_was_answered_in_vain_is_refused_once(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that an unfit call is refused once, with the fault and not with its end. The next try depends on the fault."""
    halls, own, told = board.halls, await board.comes(), list[Any]()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    monkeypatch.setattr(halls.caller, "tell", lambda order, event, **more: told.append((event, more["status"])))
    ours.unfit(Failure(Cause.PROFILE, 488))
    ended(ours, NORMAL)
    assert (told, halls.calls.by_row) == ([(Event.REFUSED, 488)], {})


@pytest.mark.parametrize("stood", [False, True], ids=["not answered before", "stood before"])
async def test_a_call_that_must_not_be_used_is_forbidden(
    board: Board, monkeypatch: pytest.MonkeyPatch, stood: bool
) -> None:
    """Show that the outcome is the meeting's demand, also for a connected call. Its later end is no second outcome."""
    halls, own, told = board.halls, await board.comes(), list[Any]()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    monkeypatch.setattr(halls.caller, "tell", lambda order, event, **more: told.append((event, more)))
    ours.stood = stood
    ours.unfit(Failure(Cause.PROFILE, 488), "needs_encryption")
    assert (told, halls.calls.by_row) == ([(Event.FORBID, {"why": "needs_encryption"})], {})
    assert ours.told == ["end unfit"]
    ended(ours, NORMAL)
    assert (len(told), halls.calls.by_row) == (1, {})


async def test_a_target_that_may_not_be_called_is_forbidden(board: Board) -> None:
    """Show that the hall is not called again automatically, and that the row says why."""
    halls, own = board.halls, await board.comes()
    await halls.caller.happen(own.party.leg_id, Event.DUE)
    await board.settle()
    (ours,) = board.agent.dialled
    ended(ours, SipCause(Kind.FORBIDDEN_TARGET, detail="network_open"))
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.reason, halls.calls.by_row) == ("given_up", "network_open", {})


async def test_a_failed_probe_does_not_leave_a_hall_in_probing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> Any:
        raise OSError("the database is away")

    own = await board.comes()
    monkeypatch.setattr(planning, "date_of", fail)
    await board.halls.caller.happen(own.party.leg_id, Event.PROBE)
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.readiness, row.readiness_at) == ("idle", "unknown", board.clock.at)


@pytest.mark.parametrize("trouble", ["refused", "refused with its wish", "away"])
@pytest.mark.parametrize("action", ["drop", "redial"])
async def test_refused_rows_of_a_hall_block_no_orders_for_others(
    board: Board, monkeypatch: pytest.MonkeyPatch, action: str, trouble: str
) -> None:
    async def refuse(*_: Any) -> None:
        raise OSError("the database is away") if trouble == "away" else broken()

    desk, own = board_of(board.halls, Watchers()).orders, await board.joined()
    one, other = own.party.leg_id, await board.another()
    refusing = Refusing(monkeypatch, one)
    if trouble != "refused":
        monkeypatch.setattr(legs, "set_wish", refuse)
    done = await desk.command(board.name.removeprefix("o-"), Order(action, (one, other)), COMMAND)
    told = [(row["leg_id"], row["ok"], row["code"]) for row in done["results"]]
    if trouble == "away":
        assert told == [(one, False, "not_taken"), (other, False, "not_taken")]
        return
    later = trouble == "refused"
    assert told == [(one, later, "later" if later else "not_taken"), (other, True, "")]
    assert (await board.row(own)).wish == (action if later else "")
    assert len(desk._undo[done["undo"]].steps if done["undo"] else ()) == (action == "drop" and later)
    refusing.refuses = False
    await board.halls.caller.tick()
    await board.settle()
    row = await board.row(own)
    assert row.state == ("connected" if not later else "left" if action == "drop" else "calling")


@pytest.mark.parametrize("trouble", ["refused", "elsewhere"])
async def test_an_undone_drop_redials_despite_a_failed_write(
    board: Board, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    desk, own = board_of(board.halls, Watchers()).orders, await board.joined()
    leg_id, date = own.party.leg_id, board.name.removeprefix("o-")
    done = await desk.command(date, Order("drop", (leg_id,)), COMMAND)
    own.events.over(own, hung_up=True)
    await board.settle()
    assert (await board.row(own)).state == "left"
    refusing = Refusing(monkeypatch, leg_id)
    if trouble == "elsewhere":
        refusing.refuses = False
        monkeypatch.setattr(legs, "change", nobody)
    desk.undo(date, done["undo"])
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.wish) == ("left", "redial")
    monkeypatch.undo()
    await board.halls.caller.tick()
    await board.settle()
    row = await board.row(own)
    assert (row.state, row.wish) == ("calling", "")


async def nobody(*_: Any) -> None:
    """Return None: another worker has the leg."""
