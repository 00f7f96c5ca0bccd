"""Hall terminals joined to everything else: SIP, conferences, the register and the calendar.

Owns who may enter where by telephone number (the dial plan has three targets: a meeting, the test room, the operator), the calls
that stand, and what is kept in memory of accounts and networks. Does not read SIP or SDP (`signaling.sip`), does not decide
when a hall is called (`dial/caller.py`) nor what it sees (`conference`).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from conference import (
    Conference,
    ContentTokenChange,
    Hall,
    Knock,
    Knocker,
    Lobbies,
    Passage,
    PeerError,
    Refusal,
    Registry,
    Wished,
    spoken_texts,
)
from conference import State as Waits
from conference.announcements.spoken_texts import Language
from conference.ground.plan import Encryption, Policy
from conference.halls.dialout import Event
from conference.ports.halls import DialOrder, LineOptions
from conference.ports.media import MixerDoor
from rooms import errors
from rooms.dialling import accounts, entering, legs, planning
from rooms.dialling import profiles as stored_profiles
from rooms.dialling.legs import Standing
from rooms.policy import classes
from rooms.policy.classes import IMPORTANT, Verdict
from rooms.sealing import Seal, SealBroken
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from signaling.halls.calls import protection, titles
from signaling.halls.calls.leg import FULL_AGAIN_S, HallCall, Party, language_of, party_of, refusal_of
from signaling.halls.calls.meetings import Meetings
from signaling.halls.calls.menu import RECEPTION, Menus, leads_somewhere, say
from signaling.halls.calls.operator import NAMES as OPERATOR
from signaling.halls.calls.operator import Operator
from signaling.halls.calls.protection import Protection, Safety
from signaling.halls.dial import readiness
from signaling.halls.dial.caller import Caller
from signaling.halls.dial.registered import reached
from signaling.halls.dial.rows import order_of
from signaling.halls.profiles import in_force
from signaling.halls.sip import probe
from signaling.halls.sip.accounts import Bans, Directory
from signaling.halls.sip.content_tokens import HallFloors
from signaling.halls.sip.roster import Rosters
from signaling.halls.sip.roster_access import Places
from signaling.halls.sip.saved_calls import Kept
from signaling.halls.sip.trace import Traces
from signaling.host import limits, tasks
from signaling.host.dates import GUEST, PREFIX
from signaling.host.throttle import NumberTries, network
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.bans import Ban
from signaling.sip.agent.registrar import Account, Binding, Trunk
from signaling.sip.agent.subscription import Subscription, SubscriptionEvents
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.causes import Cause, hall_cause
from signaling.sip.call.causes import Kind as Ended
from signaling.sip.call.states import State as CallState
from signaling.sip.dialog.core import Config
from signaling.sip.driver import Driver
from signaling.sip.media import profiles
from signaling.sip.media.plan import NotAcceptable
from signaling.sip.wire.fields import Malformed, read_uri

log = logging.getLogger(__name__)
ECHO: Final = ("echo", "test", "thu", "*43", "9196")
LAST_WORDS: Final = {486: "full", 404: "unknown_address"}
"""What is said before a call is refused so."""
ECHOES: Final = "hall-echo-"
TIRED_S: Final = 600.0
"""Nobody stays in the menu or the test room for longer."""


@dataclass(frozen=True)
class Surroundings:
    """What the composition root hands in."""

    database: Database
    seal: Seal
    key: bytes
    clock: Any
    """`time` and `monotonic`."""
    random_bytes: Callable[[int], bytes]
    live: Meetings
    lobbies: Lobbies
    open_mixer: Callable[[Any, Any], MixerDoor]
    config: Config
    options: LineOptions
    driver: Driver
    place: str = ""
    """This machine and its SIP ports: who has them, knows that every server before is dead. At most 12 characters."""
    safety: Safety = field(default_factory=Safety)
    servers: Sequence[str] = ()
    """Addresses of SIP, to be typed into terminals."""
    number_tries: NumberTries = field(default_factory=NumberTries)
    """Wrong tries of a number with a PIN; those of browsers count with them."""


class Halls:
    """One per process. Implements `conference.ports.halls.HallPorts` and `Dialer`, `signaling.sip.agent.agent.AgentEvents` and
    `hallcall.Owner`.
    """

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.registry: Registry | None = None
        self.directory = Directory()
        self.profiles = profiles.Profiles()
        self.agent: Agent | None = None
        self.traces = Traces(around.clock.time)
        self.protection = Protection(around.live, around.safety, lambda: self.directory)
        self.floors = HallFloors(around.options, around.clock.monotonic, around.random_bytes)
        self.rosters = Rosters(Places(self, around.database), around.config.realm, self._start)
        self.calls: dict[str, HallCall] = {}
        """By leg: those that stand or are on their way."""
        self._begun: dict[str, DialOrder] = {}
        """By leg: what is looked up to be dialled, unless the hall is dropped or comes by itself meanwhile."""
        self.menus = Menus(self, self._start)
        self.operator = Operator(self, around.database)
        self.waiting: dict[HallCall, tuple[str, Knock]] = {}
        """In the lobby of a conference."""
        self.changed: Callable[[str], None] = lambda occurrence_id: None
        """Told the date of which something on the board is different."""
        self._numbers = itertools.count(int.from_bytes(around.random_bytes(4), "big"))
        self._tasks: set[asyncio.Task[Any]] = set()
        worker = around.place + around.random_bytes(10).hex()
        self.kept = Kept(around.database, worker, around.place, around.clock, self._start)
        self.caller = Caller(
            around.database,
            self,
            key=around.key,
            worker=worker,
            place=around.place,
            now=around.clock.time,
            changed=lambda occurrence_id: self.changed(occurrence_id),
        )

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.around.clock.time(), UTC)

    # -- life

    async def open(self, registry: Registry) -> None:
        """Listens. Raises OSError when a port is taken."""
        self.registry = registry
        await self.floors.open()
        bans = await self._load_bans()
        await self.refresh()
        transports = self.traces.transports(self.around.driver)
        around, note = self.around, self.traces.received
        self.agent = Agent(around.config, transports, around.clock, around.random_bytes, self, self, bans, note)
        self.agent.allow(self.directory.networks)
        await self.kept.restore(self.agent, self.directory.account)
        await self.around.driver.open(self.agent)
        self._start(self.kept.end_all())

    async def work(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.caller.run())
            group.create_task(self._refresh_always())

    async def close(self) -> None:
        if self.agent is not None:
            self.rosters.close()
            self.agent.close()
            await self._answered(self.agent)
        await self.around.driver.close()
        await self.floors.close()
        await tasks.end(self._tasks)
        await self.caller.close()

    async def _answered(self, agent: Agent) -> None:
        """The far ends know that their calls have ended, or the time for that is over."""
        for _ in range(limits.GOODBYE_LOOKS):
            if not agent.awaits_answers:
                return
            await asyncio.sleep(limits.GOODBYE_S / limits.GOODBYE_LOOKS)

    async def refresh(self) -> None:
        """The register may have changed."""
        async with self.around.database.reading() as session:
            try:
                known = await accounts.every(session, self.around.seal)
            except SealBroken:
                log.exception("secrets of terminals were sealed with another key")
                known = []
            self.directory = Directory(known, await accounts.heard(session), await accounts.closed_ranges(session))
            self.profiles = in_force(await stored_profiles.every(session))
        if self.agent is not None:
            self.agent.allow(self.directory.networks)
            for alias in self.agent.registrar.aliases():
                if self.directory.account(alias) is None:
                    self.agent.registrar.remove(alias)

    async def _refresh_always(self) -> None:
        while True:
            await asyncio.sleep(limits.REGISTER_REFRESH_S)
            self._still_wait()
            try:
                await self.refresh()
            except (OSError, SQLAlchemyError) as error:
                log.warning("the register of terminals cannot be read: %s", error)

    def _still_wait(self) -> None:
        """A hall on the line has no window that asks for news: this is asked for it."""
        for name, knock in tuple(self.waiting.values()):
            lobby = self.around.lobbies.find(name)
            if lobby is not None:
                lobby.look(knock.ticket, self.around.clock.time())

    async def _load_bans(self) -> Bans:
        async with self.around.database.reading() as session:
            rows = await accounts.bans(session, self.clock())
        found = [Ban(one.subject, one.until.timestamp(), one.times, one.reason) for one in rows]
        return Bans(found, self._start, self.around.database)

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- the directory that the agent asks (it is replaced as a whole)

    def account(self, alias: str) -> Account | None:
        return self.directory.account(alias)

    def trunk(self, host: str) -> Trunk | None:
        return self.directory.trunk(host)

    def share(self, host: str) -> int:
        return self.directory.share(host)

    def algorithms(self) -> Any:
        return self.directory.algorithms()

    # -- calls out (ports.Dialer)

    def dial(self, order: DialOrder) -> None:
        there = self.calls.get(order.leg_id)
        if there is None or there.order is not None:  # else it has come by itself
            self._begun[order.leg_id] = order
            self._start(self._dial_or_fail(order))

    def probe(self, order: DialOrder) -> None:
        self._start(probe.probe(self, order))

    def cancel(self, leg_id: str) -> None:
        self.hang_up(leg_id)

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        one = self.calls.get(leg_id)
        if order in (None, self._begun.get(leg_id)):
            self._begun.pop(leg_id, None)
        if one is not None and order in (None, one.order):
            one.end("dropped")

    def call_again(self, leg_id: str) -> None:
        """An operator takes back that it was dropped."""
        self._start(self.caller.want(leg_id, "redial"))

    def live(self) -> frozenset[str]:
        return frozenset(self.calls)

    async def _dial_or_fail(self, order: DialOrder) -> None:
        """Whatever goes wrong is an outcome: a leg that waits for one would never be called again."""
        try:
            await self._dial(order)
        except Exception:
            log.exception("a hall could not be called")
            one = self.calls.get(order.leg_id)
            if one is not None and one.order is order:
                del self.calls[order.leg_id]
                if one.call is None:
                    one.abandon()
            self._refused(order)
        finally:
            if self._begun.get(order.leg_id) is order:
                del self._begun[order.leg_id]

    def _refused(self, order: DialOrder, **more: Any) -> None:
        """While the server stops that says nothing about the hall: whoever starts in its place repeats the try."""
        if self.registry is None or not self.registry.closed:
            self.caller.tell(order, Event.REFUSED, **more)

    async def _dial(self, order: DialOrder) -> None:
        async with self.around.database.reading() as session:
            standing = await legs.standing(session, order.leg_id)
            meeting = (await planning.date_of(session, order.occurrence))[1]
            strict = meeting.class_ == IMPORTANT
            target = self.target(standing, strict) if standing is not None else None
            verdict = await self.judge(session, meeting, order.terminal, target)
        if standing is None or self.agent is None or order_of(standing.leg, self.around.key) != order:
            return
        if standing.leg.state not in ("calling", "ringing") or self._begun.get(order.leg_id) is not order:
            return  # dropped, or come by itself, while we looked: nobody should hear it ring
        wanted: Encryption = (
            "required" if self.protection.safety.must_encrypt(strict) else self.protection.safety.encryption
        )
        ladder = profiles.ladder(self._profile_of(standing), wanted)
        if not verdict.allowed:
            self.caller.tell(order, Event.FORBID, why=readiness.why_not(verdict))
            return
        if target is None:
            self._nowhere(order, standing, len(ladder))
            return
        left = await self.kept.begin(order, target, lambda: self._begun.get(order.leg_id) is order)
        if left is None:
            return  # dropped, or come by itself
        one = self._new_call(party_of(standing), ladder[min(order.rung, len(ladder) - 1)], order)
        one.passage = Passage.EXEMPT  # we call it: the class policy allows it, and asks no lobby
        one.expected = True
        try:
            conference = self.conference_of(order.occurrence, meeting)
            # In an important meeting it is sent and taken nothing but what is protected; in others one sees when it stands.
            self.around.live.vouch(conference.name, one.party.identity, strict)
            one.begin_in(conference)
        except Refusal as refusal:
            self.kept.over(left.call_id, left.local.tag)
            status = refusal_of(refusal, "")[0]
            self._refused(order, cause=hall_cause(status), status=status, rungs=len(ladder))
            return
        one.rungs = len(ladder)
        self.calls[order.leg_id] = one
        target = self.target(standing, strict) or target  # it may have moved
        one.call = self.agent.dial(
            target,
            b"",
            one,
            call_id=order.call_id,
            offer_by=one.offer_by,
            tag=left.local.tag,
            branch=left.branch,
            keeps=self.kept.stands(order.leg_id),
        )
        self.traces.begin(order.call_id, order.leg_id)

    def _nowhere(self, order: DialOrder, standing: Standing, rungs: int) -> None:
        """It has no address. With an account it is waited for; it may have registered while we looked."""
        if not self.alias(standing):
            self._refused(order, cause=hall_cause(404), status=404, rungs=rungs)
        elif self.registry is None or not self.registry.closed:
            self.caller.tell(order, Event.AWAY)
            if self.target(standing, strict=False) is not None:
                self.caller.registered(order.leg_id)

    async def judge(self, session: AsyncSession, meeting: Meeting, terminal_id: str, target: Target | None) -> Verdict:
        """The class policy, now: by the address where it registered from or that is typed. Of a name the network of the register
        counts, and its addresses are looked up before anything is sent (`Target.networks`).
        """
        reached = await planning.reached(session, terminal_id)
        address = protection.typed_address(target) if target is not None else ""
        closed = await planning.closed_at(session, address) if address else reached.closed
        return planning.judge(meeting, closed, invited=True)

    def target(self, standing: Standing, strict: bool) -> Target | None:
        """Where it registered, else its address in the register, else where it dialled in from. `strict`: of an important
        meeting, so inside closed zones.
        """
        binding = self._binding(standing)
        if binding is None and not standing.terminal.sip_uri:
            binding = self.kept.seen(standing.leg.id)
        try:
            uri = binding.contact if binding is not None else read_uri(standing.terminal.sip_uri)
        except Malformed:
            return None
        return Target(
            uri,
            self._profile_of(standing).transports,
            encrypted=self.protection.safety.must_encrypt(strict),
            binding=binding,
            networks=self.directory.closed if strict else None,
        )

    def alias(self, standing: Standing) -> str:
        """What it registers as; empty: it has no account."""
        known = self.directory.known.values()
        return next((one.alias for one in known if one.terminal_id == standing.terminal.id), "")

    def _binding(self, standing: Standing) -> Binding | None:
        alias = self.alias(standing)
        return self.agent.registrar.find(alias) if alias and self.agent is not None else None

    def _profile_of(self, standing: Standing) -> profiles.Profile:
        """By what it says of itself, else by maker and model of the register."""
        binding = self._binding(standing)
        told = binding.user_agent if binding is not None else ""
        return self.profiles.find(told, f"{standing.terminal.vendor} {standing.terminal.model}")

    # -- what the operator's desk asks (halloperator.Exchange)

    def new_id(self) -> str:
        return self.around.random_bytes(16).hex()

    def name(self, one: HallCall, standing: Standing) -> None:
        one.party = replace(party_of(standing), language=one.party.language)
        self.traces.name(one.call.call_id if one.call else "", standing.leg.id)

    def vouch(self, conference: Conference, one: HallCall, closed: bool) -> None:
        self.protection.expect(conference.name, one, closed)

    def admits(self, one: HallCall, meeting: Meeting) -> bool:
        return self.protection.admits(one, meeting.class_)

    def operator_takes(self, one: HallCall) -> bool:
        try:
            if not one.party.terminal:
                return False
            self.operator.take(one)
        except Refusal:
            return False
        self.operator.tell(one)
        return True

    def conference_of(self, occurrence_id: str, meeting: Meeting) -> Conference:
        """Raises Refusal."""
        assert self.registry is not None
        name = self.around.live.name_of(occurrence_id, meeting.class_, meeting.version, meeting.lobby)
        return self.registry.create(name)

    def _new_call(self, party: Party, profile: profiles.Profile, order: DialOrder | None = None) -> HallCall:
        number = next(self._numbers) & 0x3FFFFFFF
        began = self.around.clock.time()
        return HallCall(self, profile, Policy(), self.around.options, number + 1, party, order, began=began)

    # -- calls in (sip.agent.AgentEvents)

    def incoming(self, call: Call) -> HallCall:
        known = self.directory.known.get(call.identity)
        suffix = self.around.random_bytes(5).hex()
        who = known.terminal_id if known is not None else GUEST
        identity = f"hall_terminal.{who}" + ("" if known else f".{suffix}")
        language = language_of(known.language) if known is not None else None
        party = Party(identity, call.identity, who if known else "", language=language)
        one = self._new_call(party, self.profiles.find(call.user_agent))
        one.call, one.address = call, call.dialog.hop.host if call.dialog else ""
        assert self.agent is not None
        if (
            sum(other.inbound and other.identity == call.identity for other in self.agent.calls)
            > limits.CALLS_OF_A_TERMINAL
        ):
            call.refuse(486, [("retry-after", str(FULL_AGAIN_S))])
            return one
        self.traces.begin(call.call_id, "")
        assert call.request is not None
        self._start(self._route(one, call.request.uri.alias))
        return one

    async def _route(self, one: HallCall, target: str) -> None:
        """One of three targets, or the menu; whatever else was dialled leads nowhere (no calls to outside, no other hall)."""
        call = one.call
        assert call is not None
        call.ring()
        await self.kept.came(call)
        try:
            if self.protection.safety.must_encrypt(False) and not one.by_tls:
                raise NotAcceptable("tls_needed")
            if target.lower() in ECHO:
                one.accept_in(self._test_room(), "echo")
                return
            if target.lower() in OPERATOR and one.party.terminal:
                self.operator.take(one)
                one.accept_in(self._room(RECEPTION), "reception")
                return
            number, _, pin = target.replace("#", "*").partition("*")
            if not leads_somewhere(number, (*OPERATOR, self.around.config.user)):
                self._refuse(one, 404, [])
                return
            arrival = await self.arrive(one, number, pin) if number.isdigit() else None
            if arrival is not None:
                await self.let_in(one, arrival)
                return
            if one.over:
                return  # given up while we looked
            self.menus.begin(one, number if number.isdigit() else "")
            one.accept_in(self._room(RECEPTION), "reception")
        except (Refusal, PeerError) as error:
            self.menus.gone(one)
            self.operator.gone(one)
            self._refuse(one, *refusal_of(error, self.around.options.announced or self.around.options.host))
        except errors.Refusal as refusal:
            call.refuse(403 if refusal.code == "class_forbids" else 480)
        except Exception:
            self.menus.gone(one)
            call.refuse(500)  # else it would ring for minutes
            raise

    def _refuse(self, one: HallCall, status: int, headers: list[tuple[str, str]]) -> None:
        """Whoever comes when all is full, or has dialled nobody, hears that first, as early media where the terminal can."""
        call = one.call
        assert call is not None
        try:
            listens = status in LAST_WORDS and one.listen_in(self._room(RECEPTION), "reception")
        except (Refusal, PeerError):
            listens = False
        if not listens:
            call.refuse(status, headers)
            return
        say(one, LAST_WORDS[status])
        asyncio.get_running_loop().call_later(limits.LAST_WORDS_S, _refuse_now, call, status, headers)

    async def arrive(self, one: HallCall, number: str, pin: str) -> entering.Arrival | None:
        """None also when too many were wrong lately: a PIN of six digits is not tried out by telephone either.

        A terminal that has shown the password of its account is no stranger: nobody else uses up its tries.
        """
        around, at = self.around, self.around.clock.time()
        if pin and not around.number_tries.takes(number, one.address, at, one.party.terminal):
            pin = ""
        try:
            async with around.database.reading() as session:
                found = await entering.by_number(session, number, pin, one.party.terminal, one.address, self.clock())
        except Exception:
            self._was_no_try(one, number, pin)
            raise
        if found is not None:
            self._was_no_try(one, number, pin)
        return found

    def _was_no_try(self, one: HallCall, number: str, pin: str) -> None:
        if pin:
            self.around.number_tries.gives_back(number, one.address, one.party.terminal)

    async def let_in(self, one: HallCall, arrival: entering.Arrival) -> None:
        """Into the meeting, or to its lobby. Raises Refusal of rooms when the class forbids or the door is shut."""
        if arrival.verdict.allowed and not self.protection.admits(one, arrival.meeting.class_):
            arrival = replace(arrival, verdict=classes.refused("encryption_needed"))
        if not arrival.verdict.allowed:
            await self.around.database.transact(
                lambda session: entering.refused(session, arrival, one.party.name, one.address, self.clock())
            )
            raise errors.Refusal("class_forbids", arrival.verdict.vietnamese, arrival.verdict.english)
        if arrival.refusal is not None:
            raise arrival.refusal
        await self._name(one, arrival)
        if one.over:
            return  # hung up meanwhile: nobody is left to wait
        conference = self.conference_of(arrival.occurrence.id, arrival.meeting)
        lobby = self.around.lobbies.get(conference.name, self.around.clock.time())
        if arrival.exempt:
            one.passage = Passage.EXEMPT
        self.protection.expect(
            conference.name, one, arrival.closed, invited=arrival.terminal is not None and arrival.invited
        )
        who = self._knocker(one, always=arrival.always)
        lobby.check_final(who)
        lobby.remember(who)
        if not arrival.exempt and (lobby.on or arrival.always):
            self._knock(one, conference, who)
        elif one.stood:
            one.move(conference, lambda well: None)
        else:
            one.accept_in(conference)

    async def _name(self, one: HallCall, arrival: entering.Arrival) -> None:
        """As the others see it; a terminal of the register has a row on the board."""
        terminal = arrival.terminal
        if terminal is None:
            return

        async def work(session: AsyncSession) -> Standing | None:
            leg = await planning.came(session, arrival.occurrence.id, terminal.id, self.clock())
            if one.call is not None:
                await self.kept.name(session, one.call, leg.id)
            return await legs.standing(session, leg.id)

        standing = await self.around.database.transact(work)
        assert standing is not None
        self.name(one, standing)

    def _knocker(self, one: HallCall, *, always: bool) -> Knocker:
        party, source = one.party, network(one.address)
        return Knocker(party.identity, party.name, "hall_terminal", key=party.terminal, always=always, source=source)

    def _knock(self, one: HallCall, conference: Conference, who: Knocker) -> None:
        """It waits, with a picture and words, until a host of the meeting opens. Raises Refusal."""
        knock = self.around.lobbies.knock(conference.name, who, "", self.around.clock.time())
        if knock.state is Waits.ADMITTED:
            self._admitted(one, conference)
            return
        self.waiting[one] = (conference.name, knock)
        knock.listen(lambda: self._decided(one, conference, knock))
        if not one.stood:
            one.accept_in(self._room(RECEPTION), "reception")
        else:
            say(one, "lobby")

    def _decided(self, one: HallCall, conference: Conference, knock: Knock) -> None:
        if one not in self.waiting:
            return
        if knock.state is Waits.WAITING:
            knock.listen(lambda: self._decided(one, conference, knock))
            return
        del self.waiting[one]
        if knock.state is Waits.ADMITTED:
            self._admitted(one, conference)
        else:
            say(one, "denied")
            asyncio.get_running_loop().call_later(limits.LAST_WORDS_S, one.end, "denied")

    def _admitted(self, one: HallCall, conference: Conference) -> None:
        one.passage = Passage.ADMITTED
        try:
            if one.stood:
                one.move(conference, lambda well: None)
            else:
                one.accept_in(conference)
        except (Refusal, PeerError) as error:
            log.info("a hall that was let in cannot enter: %s", error)
            one.end("full")

    def _room(self, name: str) -> Conference:
        """The reception or a test room. Raises Refusal."""
        assert self.registry is not None
        return self.registry.create(name)

    def _test_room(self) -> Conference:
        """A new one. Raises Refusal."""
        assert self.registry is not None
        taken = sum(one.name.startswith(ECHOES) and one.program is not None for one in self.registry.all())
        if taken >= limits.TEST_ROOMS:
            raise Refusal("conference_limit")
        return self._room(ECHOES + self.around.random_bytes(6).hex())

    def subscribed(self, subscription: Subscription) -> SubscriptionEvents | None:
        return self.rosters.take(subscription)

    def registered(self, alias: str, binding: Binding | None) -> None:
        log.info("terminal %s is %s", alias, "registered" if binding is not None else "gone")
        known = self.directory.known.get(alias)
        if binding is not None and known is not None:
            self._start(reached(self, self.around.database, known.terminal_id))

    def banned(self, subject: str, until: float, reason: str) -> None:
        log.warning("SIP: %s is banned: %s", subject, reason)

    # -- what calls tell (hallcall.Owner)

    def rang(self, one: HallCall) -> None:
        if one.order is not None:
            self.caller.tell(one.order, Event.RANG)

    def stands(self, one: HallCall) -> None:
        if one.order is not None:
            self.caller.tell(one.order, Event.ANSWERED)
        self._arrived(one)

    def _arrived(self, one: HallCall) -> None:
        """Its media run: a meeting's hall has a row; one in the reception hears what to do."""
        room = one.room
        if room is None:
            return
        self.protection.agreed(one)
        self._start(self.protection.keep(self.around.database, one, self.clock()))
        if one.party.leg_id and one.order is None and room.conference.name.startswith(PREFIX):
            self._begun.pop(one.party.leg_id, None)
            older, self.calls[one.party.leg_id] = self.calls.get(one.party.leg_id), one
            if older is not None and older is not one:
                older.end("came by itself")  # we were calling it: two calls would be one too many
            self.caller.came(one.party.leg_id)
        if one in self.menus.guests:
            self.menus.ask(one)
        elif one in self.waiting:
            say(one, "lobby")
        elif one in self.operator:
            self.operator.tell(one)
        elif room.conference.name.startswith(ECHOES):
            say(one, "echo")
        else:
            say(one, "joined")
            self._start(titles.name_meeting(self.around.database, room.conference))
        if not room.conference.name.startswith(PREFIX):
            one.watch = asyncio.get_running_loop().call_later(TIRED_S, self._tired, one, room)

    def moved(self, one: HallCall) -> None:
        """Into another room."""
        self.rosters.moved(one)
        self._arrived(one)

    def _tired(self, one: HallCall, room: Any) -> None:
        if one.room is not room or one in self.waiting:
            return
        if one in self.operator:
            self.operator.tired(one)
        else:
            one.end("idle")

    def failed(self, one: HallCall, status: int, retry_after_s: int) -> None:
        if one.order is not None and self._gives_up(one):
            cause, wait_s = hall_cause(status), float(retry_after_s)
            self._refused(one.order, cause=cause, status=status, retry_after_s=wait_s, rungs=one.rungs)

    def forbidden(self, one: HallCall, why: str) -> None:
        if one.order is not None and self._gives_up(one):
            self.caller.tell(one.order, Event.FORBID, why=why)

    def _gives_up(self, one: HallCall) -> bool:
        """False: another call has taken its place, or it was told before."""
        if one.call is not None:
            self.kept.over(one.call.call_id, one.call.local.tag)
        leg_id = one.order.leg_id if one.order is not None else ""
        if self.calls.get(leg_id) is not one:
            return False
        del self.calls[leg_id]
        return True

    def over(self, one: HallCall, cause: Cause) -> None:
        if one.watch is not None:
            one.watch.cancel()
        if one.call is not None:
            self.kept.over(one.call.call_id, one.call.local.tag)
        self.rosters.left(one)
        self.menus.gone(one)
        self.operator.gone(one)
        waited = self.waiting.pop(one, None)
        lobby = self.around.lobbies.find(waited[0]) if waited is not None else None
        if waited is not None and lobby is not None:
            lobby.leave(waited[1].ticket)
        leg_id = one.party.leg_id
        if leg_id and self.calls.get(leg_id) is one:
            del self.calls[leg_id]
            if one.put_out is not None:
                self.caller.ended(leg_id, one.put_out, one.order)
            elif not one.hung_up_by_us:
                event = Event.HUNG_UP if cause.kind is Ended.NORMAL else Event.LOST
                self.caller.ended(leg_id, event, one.order)

    def pressed(self, one: HallCall, key: str) -> bool:
        room = one.room
        if room is not None and room.conference.name.startswith(ECHOES):
            if key == "#":
                one.end("test ended")
            return True
        return self.menus.pressed(one, key)

    # -- what conferences want (ports.HallPorts)

    def open_mixer(self, router: Any, events: Any) -> MixerDoor:
        return self.around.open_mixer(router, events)

    def announcement(self, code: str, language: Language) -> str:
        return str(spoken_texts.recording(code, language))

    def wished(self, conference: str, wished: Wished) -> None:
        one = self.call_of(wished.hall)
        if one is None:
            return
        if wished.what == "operator" and one.party.leg_id:
            self._start(
                self.around.database.transact(
                    lambda session: legs.raise_alarm(session, one.party.leg_id, "operator", self.clock())
                )
            )
        self.changed(conference.removeprefix(PREFIX))

    def floor_moved(self, program: Any, changes: Sequence[ContentTokenChange]) -> None:
        self.floors.moved(program, changes)

    def silent(self, conference: str, hall: Hall) -> None:
        """Half a minute without packets: a re-INVITE asks whether it is there; without an answer the call ends by itself."""
        one = self.call_of(hall)
        if one is not None:
            one.renegotiate()

    def call_of(self, hall: Hall) -> HallCall | None:
        return hall.signal if isinstance(hall.signal, HallCall) else None


def _refuse_now(call: Call, status: int, headers: list[tuple[str, str]]) -> None:
    if call.state is CallState.OFFERED:  # else it was given up meanwhile
        call.refuse(status, headers)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception:  # one hall's trouble is no other's
        log.exception("a hall")
