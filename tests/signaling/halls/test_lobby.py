"""The lobby on the side of halls: who waits, what admits them, and ways around the lobby.

The lobby, the door and the database are real. There is no SIP (see tests/interop), so a call here agrees to every room at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from conference import About, Conference, Lobbies, Passage, Refusal, Registry
from conference import limits as bounds
from conference.halls.hall import Hall
from rooms import errors
from rooms.booking.planning.requests import AttendeeRequest
from rooms.dialling import legs
from rooms.policy import classes
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.api.routes.calendar import planning
from signaling.halls.calls import titles
from signaling.halls.calls.leg import Leg, Party, language_of
from signaling.halls.calls.rooms import RECEPTION
from signaling.halls.exchange import HallExchange, Surroundings
from signaling.halls.ground import limits
from signaling.halls.pcs import HallPcs
from signaling.halls.sip.accounts import Register
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.halls.sip.side import SipSide
from signaling.host import limits as host_limits
from signaling.host.tasks import Background
from signaling.host.throttle import NumberTries
from signaling.meetings.booked import BookedMeetings
from signaling.sip.agent.bans import MemoryBans
from signaling.sip.dialog.core import Config
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.media import profiles
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import Address, Uri
from tests.clock import Clock
from tests.conference.doubles import FakeMedia, Time
from tests.conference.hall_doubles import OPTIONS, FakePorts, plan
from tests.rooms import invited
from tests.rooms.province import Province

HALL = Uri("sip", "hall", "10.1.1.1")


class Wire:
    """The SIP messages that the terminal gets. The terminal called over TLS."""

    request = None
    call_id = "call"
    local = Address(Uri("sip", "server", "10.0.0.9"), parameters=(("tag", "ours"),))
    dialog: Any = Dialog("call", local, Address(HALL), HALL, Hop("tls", "10.1.1.1", 5061))
    user_agent = ""

    def __init__(self) -> None:
        self.said: list[str] = []

    offer = b""

    def ring(self, body: bytes = b"") -> None:
        self.said.append("ring")

    def refuse(self, status: int, *_: Any) -> None:
        self.said.append(f"refuse {status}")


class Line(Leg):
    """A leg that enters as the real one does, by `expect` and `welcome_hall`. The conference's door checks it both times."""

    def accept_in(self, conference: Conference, mode: Any = "meeting") -> None:
        self.room = self.expect(conference, mode)
        conference.halls.welcome(self.room.hall)
        self.stood = True

    def move(self, conference: Conference, done: Callable[[bool], None], mode: Any = "meeting") -> None:
        before, self.room = self.room, self.expect(conference, mode)
        conference.halls.welcome(self.room.hall)
        assert before is not None
        before.hall.hung_up()
        done(True)

    def end(self, reason: str = "") -> None:
        self.told.append(f"end {reason}")

    @property
    def told(self) -> list[str]:
        said: list[str] = self.side.call.said  # type: ignore[attr-defined]
        return said

    @property
    def where(self) -> str:
        return self.room.conference.name if self.room is not None else ""


class Exchange:
    """Halls on a registry, and one meeting whose door is open."""

    def __init__(self, database: Database, province: Province, now: datetime) -> None:
        self.database, self.province = database, province
        self.clock = Clock(now)
        self.lobbies = Lobbies(iter(f"{n:016x}" for n in range(10**6)).__next__)
        self.live = BookedMeetings(self.clock.time, self.lobbies)
        self.registry = Registry(
            FakeMedia(), Time(), Time(), watcher=self.live, lobbies=self.lobbies, halls=FakePorts()
        )
        self.live.registry = self.registry
        nothing: Any = None
        around = Surroundings(
            database=database,
            seal=nothing,
            key=b"k" * 32,
            clock=self.clock,
            random_bytes=lambda count: bytes(count),
            live=self.live,
            lobbies=self.lobbies,
            config=Config("diemcau", b"k" * 32),
            options=OPTIONS,
            driver=nothing,
            tokens=ContentTokens(OPTIONS, self.clock.monotonic, lambda count: bytes(count)),
            background=Background("a hall"),
            changed=lambda occurrence_id: None,
            pcs=HallPcs(database, lambda work: work.close()),
            number_tries=NumberTries(self.lobbies.shared),
        )
        self.halls = HallExchange(around, self.registry, Register(database, nothing), MemoryBans())
        self.meeting: Meeting = nothing
        self.name = ""
        self._numbers = iter(range(1000))

    async def book(self, units: tuple[str, ...] = (), **changes: Any) -> None:
        async def work(session: Any) -> tuple[Meeting, str]:
            guest = AttendeeRequest(person_id=self.province.people["yt-1"])
            sites = tuple(AttendeeRequest(unit_id=self.province.units[one]) for one in units)
            wanted = invited.Wanted(starts=(self.clock.at,), attendees=(guest, *sites))
            made = await invited.meeting(session, self.province, wanted, self.clock.at)
            for name, value in changes.items():
                setattr(made, name, value)
            await session.flush()
            return made, (await session.scalars(select(Occurrence.id))).one()

        self.meeting, date = await self.database.transact(work)
        self.name = f"o-{date}"

    def line(self, terminal: str = "", name: str = "softphone", address: str = "10.1.1.1") -> Line:
        who = terminal or f"guest.{next(self._numbers)}"
        party = Party(f"hall_terminal.{who}", name, terminal)
        return Line(self.halls.incoming_calls, OPTIONS, party, self.side, address=address)

    def side(self, leg: Leg) -> SipSide:
        """Return the side of an incoming call."""
        wire: Any = Wire()
        return SipSide(leg, self.halls._sip.shared, profiles.Profiles().find(""), 1, wire)

    async def dial(self, line: Line, pin: str | None = None) -> Line:
        await self.halls.incoming_calls.route(line, f"{self.meeting.number}*{self.meeting.pin if pin is None else pin}")
        return line

    def lobby(self) -> Any:
        return self.lobbies.get(self.name, self.clock.time())

    def waiting(self) -> list[Any]:
        return list(self.lobby().room.waiting.values())

    def inside(self) -> list[str]:
        try:
            return [one.grants.name for one in self.registry.get(self.name).participants.values()]
        except Refusal:
            return []


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-03-03T01:00:00+00:00")


@pytest.fixture
async def exchange(database: Database, province: Province, now: datetime) -> Exchange:
    return Exchange(database, province, now)


async def test_a_guest_with_the_pin_waits_and_is_let_in(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line())
    assert (line.where, exchange.inside()) == (RECEPTION, [])
    assert line in exchange.halls.waiting
    (knock,) = exchange.waiting()
    assert (knock.who.way, knock.who.name, knock.who.bearer) == ("hall_terminal", "softphone", "")
    exchange.lobby().admit([knock.id])
    assert (line.where, exchange.inside()) == (exchange.name, ["softphone"])
    assert line.passage is Passage.ADMITTED
    assert not exchange.halls.waiting
    assert line not in exchange.halls.waiting


async def test_a_denied_hall_is_refused_from_then_on(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line())
    (knock,) = exchange.waiting()
    exchange.lobby().deny(knock.id, "không mời", exchange.clock.time(), final=True)
    assert (line.where, exchange.inside(), len(exchange.halls.waiting)) == (RECEPTION, [], 0)
    again = await exchange.dial(exchange.line())
    assert again.told[-1] == "refuse 403"
    exchange.lobby().set(False, ())
    third = await exchange.dial(exchange.line())
    assert third.told[-1] == "refuse 403", "with the lobby off too"
    assert exchange.inside() == [], "with the lobby off too"


async def test_an_unknown_terminal_waits_even_with_the_lobby_off(exchange: Exchange) -> None:
    """Show that an unknown terminal waits with the lobby off, as a browser with number and PIN does. A known terminal enters."""
    await exchange.book(lobby=False)
    guest = await exchange.dial(exchange.line())
    assert (guest.where, exchange.inside()) == (RECEPTION, [])
    known = await exchange.dial(exchange.line("terminal-xa1", "Xã 1"))
    assert known.where == exchange.name
    assert len(exchange.inside()) == 1
    exchange.lobby().set(True, exchange.live.identities(exchange.name))
    exchange.lobby().set(False, ())
    assert guest.where == RECEPTION, "switching the lobby off does not let him in"
    forged = exchange.line()
    with pytest.raises(Refusal, match="lobby_waits"):  # the conference's own door refuses it too
        forged.expect(exchange.registry.create(exchange.name))


async def test_off_lets_a_terminal_in_that_waited_for_that(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line("terminal-xa1", "Xã 1"))
    assert line.where == RECEPTION
    exchange.lobby().set(False, ())
    assert line.where == exchange.name


async def test_an_important_meeting_takes_no_softphone(exchange: Exchange) -> None:
    await exchange.book(class_="important")
    line = await exchange.dial(exchange.line())
    assert line.told[-1] == "refuse 403"
    assert exchange.waiting() == []
    waited = exchange.line("terminal-xa1", "Xã 1", address="203.0.113.9")
    assert (await exchange.dial(waited)).told[-1] == "refuse 403", "registered, but from an open network"


async def test_the_class_is_raised_while_somebody_waits(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line())
    known = await exchange.dial(exchange.line("terminal-xa1", "Xã 1", address="203.0.113.9"))
    assert len(exchange.waiting()) == 2
    tickets = [one.id for one in exchange.waiting()]
    exchange.live.set_door(exchange.name.removeprefix("o-"), "important", 99)
    assert exchange.waiting() == []
    exchange.lobby().admit(tickets)
    assert exchange.inside() == []
    assert (line.where, known.where) == (RECEPTION, RECEPTION)


async def test_raising_the_class_drops_uninvited_or_outside_halls(exchange: Exchange) -> None:
    """Show which halls a raised class sends away, by the same facts as `POST /meetings/{id}/class` (`planning._presence`)."""
    await exchange.book(("khcn", "tinh"), lobby=False)
    known = await exchange.dial(exchange.line("terminal-khcn", "Sở KHCN"))
    open_network = await exchange.dial(exchange.line("terminal-tinh", "UBND tỉnh", address="203.0.113.9"))
    uninvited = await exchange.dial(exchange.line("terminal-xa1", "Xã 1"))
    guest = await exchange.dial(exchange.line())
    exchange.lobby().admit([one.id for one in exchange.waiting()])
    lines = (known, open_network, uninvited, guest)
    assert {one.where for one in lines} == {exchange.name}, "an ordinary meeting takes all of them"
    date = exchange.name.removeprefix("o-")
    here = exchange.live.present(date)
    assert {one.identity: one.closed for one in here} == {
        known.party.identity: True,
        open_network.party.identity: False,
        uninvited.party.identity: False,
        guest.party.identity: False,
    }
    assert [bool(classes.dropped("important", [planning._presence(one)])) for one in here] == [False, True, True, True]
    exchange.live.set_door(date, "important", 99)
    conference = exchange.registry.get(exchange.name)
    again = replace(known.party, identity=guest.party.identity)
    with pytest.raises(Refusal, match="class_forbids"):
        replace_party(exchange.line(), again).expect(conference)
    replace_party(exchange.line(), known.party).expect(conference)


def replace_party(line: Line, party: Party) -> Line:
    line.party, line.passage = party, Passage.ADMITTED
    return line


async def test_the_meeting_is_called_off_while_somebody_waits(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line())
    exchange.live.set_door(exchange.name.removeprefix("o-"), "ordinary", 99, open_=False)
    assert exchange.waiting() == []
    assert not exchange.halls.waiting
    assert line.where == RECEPTION


async def test_hanging_up_ends_the_waiting_and_silence_does_not(exchange: Exchange) -> None:
    await exchange.book()
    line = await exchange.dial(exchange.line())
    for _ in range(3):
        exchange.clock.pass_s(bounds.LOBBY_SILENT_S * 0.9)
        exchange.halls.waiting.look()
    assert len(exchange.waiting()) == 1, "a hall asks for no news itself"
    line.events.over(line, hung_up=True)
    assert exchange.waiting() == []
    assert not exchange.halls.waiting


async def test_a_hall_that_hung_up_meanwhile_does_not_wait(exchange: Exchange) -> None:
    await exchange.book()
    line = exchange.line()
    line.over = True
    await exchange.dial(line)
    assert exchange.waiting() == []
    assert not exchange.halls.waiting


async def test_a_pin_is_not_tried_out_by_telephone(exchange: Exchange) -> None:
    """Show that the tries of a PIN by phone are limited. At the limit the right PIN fails too, where a caller has tried. Other
    networks and known terminals still enter.
    """
    await exchange.book(lobby=False)
    for place in range(host_limits.TRIES_PER_MINUTE // 10):
        for _ in range(host_limits.OWN_TRIES_PER_HOUR + 10):
            wrong = await exchange.dial(exchange.line(address=f"10.2.{place}.1"), "000000")
            assert wrong in exchange.halls.menus.guests, "asked again"
    right = await exchange.dial(exchange.line(address="10.2.0.1"))
    assert right in exchange.halls.menus.guests
    assert exchange.waiting() == []
    elsewhere = await exchange.dial(exchange.line(address="10.3.1.1"))
    assert elsewhere not in exchange.halls.menus.guests
    assert len(exchange.waiting()) == 1
    exchange.clock.pass_s(60)
    later = await exchange.dial(exchange.line(address="10.2.0.1"))
    assert later not in exchange.halls.menus.guests
    assert len(exchange.waiting()) == 2
    for _ in range(host_limits.TRIES_PER_MINUTE + host_limits.NUMBERS_PER_MINUTE):
        known = await exchange.dial(exchange.line("terminal-xa1", "Xã 1"))
        assert known not in exchange.halls.menus.guests, "right ones do not count"
        known.room.hall.hung_up()  # type: ignore[union-attr]


async def test_an_arrival_during_an_outage_is_on_the_board_later(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange.book(lobby=False)
    line, change = await exchange.dial(exchange.line("terminal-xa1", "Xã 1")), legs.change
    tries: list[str] = []

    async def away_once(session: Any, leg_id: str, *given: Any) -> DialLeg | None:
        tries.append(leg_id)
        if len(tries) == 1:
            raise OSError("the database is away")
        return await change(session, leg_id, *given)

    monkeypatch.setattr(legs, "change", away_once)
    monkeypatch.setattr(limits, "NEWS_AGAIN_S", 0)
    line.events.stands(line)
    await exchange.halls.caller.close()
    async with exchange.database.reading() as session:
        leg = await session.get_one(DialLeg, line.party.leg_id)
    assert (line.where, leg.state, len(tries)) == (exchange.name, "connected", 2)


async def test_a_hall_reads_title_and_number_but_not_in_the_reception(exchange: Exchange) -> None:
    await exchange.book(lobby=False)
    for line in (await exchange.dial(exchange.line("terminal-xa1", "Xã 1")), await exchange.dial(exchange.line())):
        await titles.name_meeting(exchange.database, exchange.registry.get(line.where))
    inside, reception = (exchange.registry.get(name).program for name in (exchange.name, RECEPTION))
    assert inside is not None
    assert (inside.splash.about.title, inside.splash.about.number) == (exchange.meeting.title, exchange.meeting.number)
    assert reception is not None
    assert reception.splash.about == About()


async def test_each_sdp_has_its_own_session_number(exchange: Exchange) -> None:
    """Show that each description has its own session number (RFC 8866 §5.2). Some terminals take at most 31 bits."""
    numbers = [exchange.halls._sip.number() for _ in range(100)]
    assert len(set(numbers)) == 100
    assert all(0 < one < 1 << 31 for one in numbers)


@pytest.mark.parametrize(("told", "spoken"), [("en", "en"), ("vi", "vi"), ("", "vi"), ("fr", "vi")])
def test_a_terminal_hears_its_language_or_vietnamese(told: str, spoken: str) -> None:
    assert language_of(told) == spoken


async def test_a_silent_hall_is_prompted_after_consent_until_the_end(exchange: Exchange) -> None:
    await exchange.book(lobby=False)
    line, offered = exchange.line("terminal-xa1", "Xã 1"), list[Hall]()
    await exchange.dial(line)
    side: Any = SimpleNamespace(plan=plan(), offer=offered.append)
    line.side, room, line.room = side, line.room, None
    line.renegotiate()
    assert offered == [], "it is in no room yet"
    line.room, side.plan = room, None
    line.renegotiate()
    assert offered == [], "it has agreed on nothing yet"
    side.plan = plan()
    line.renegotiate()
    assert room is not None
    assert offered == [room.hall]
    line.over = True
    line.renegotiate()
    assert offered == [room.hall]


async def test_only_an_operator_of_the_hall_may_end_its_call(exchange: Exchange) -> None:
    await exchange.book(lobby=False)
    line, operator = exchange.line("terminal-xa1", "Xã 1"), exchange.halls.operator
    line.accept_in(exchange.halls.operator._rooms.reception(), "reception")
    operator.take(line)
    (row,) = await operator.rows(COMMAND)
    stranger, date = exchange.province.actor("operator", "yt"), exchange.name.removeprefix("o-")
    for deed in (
        operator.acknowledge(row["id"], stranger),
        operator.place(row["id"], date, stranger),
        operator.end(row["id"], stranger),
    ):
        with pytest.raises(errors.Refusal, match="denied"):
            await deed
    assert (await operator.rows(COMMAND))[0]["seen_by"] == ""
    assert line.where == RECEPTION
    with pytest.raises(Refusal, match="call_gone"):
        await operator.place("gone", date, COMMAND)
    await operator.place(row["id"], date, COMMAND)
    assert (line.where, line in operator, line.passage) == (exchange.name, False, Passage.EXEMPT)
