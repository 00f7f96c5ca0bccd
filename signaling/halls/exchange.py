"""The composition of halls: builds the parts that join terminals to conferences, and runs the parts.

There are two phases. `HallExchange.build` reads the stored data and makes every part; each part receives only what it uses.
`open` then starts to listen, and `work` runs until the server stops. SIP reports its events here, and `HallExchange` passes
each event to the part that handles the event. `HALLS.md` shows the parts and who calls whom.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from conference import Lobbies, Registry
from conference.halls.causes import Cause
from conference.ports.halls import LineOptions
from rooms.sealing import Seal
from rooms.store.database import Database
from signaling.halls.calls.arrivals import Arrivals
from signaling.halls.calls.entrance import Entrance
from signaling.halls.calls.incoming import Incoming
from signaling.halls.calls.lobby import WaitingHalls
from signaling.halls.calls.menu import Menus
from signaling.halls.calls.operator import Operator
from signaling.halls.calls.outgoing import Outgoing
from signaling.halls.calls.protection import Protection, Safety
from signaling.halls.calls.rooms import Meetings, Rooms
from signaling.halls.calls.table import Calls
from signaling.halls.dial.caller import Caller
from signaling.halls.ground import limits
from signaling.halls.pcs import HallPcs
from signaling.halls.sip.accounts import Register, stored_bans
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.halls.sip.roster import Rosters
from signaling.halls.sip.roster_access import Places
from signaling.halls.sip.saved_calls import SavedCalls
from signaling.halls.sip.side import Shared, SipSide
from signaling.halls.sip.signalling import SipSignalling
from signaling.halls.sip.trace import Traces
from signaling.host.tasks import Background
from signaling.host.throttle import NumberTries
from signaling.sip.agent.agent import Agent, Clock
from signaling.sip.agent.bans import BanStore
from signaling.sip.agent.registrar import Binding
from signaling.sip.agent.subscription import Subscription, SubscriptionEvents
from signaling.sip.call.call import Call
from signaling.sip.dialog.core import Config
from signaling.sip.driver import Driver

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """The objects that the composition root hands in. Each part receives only the objects that it uses."""

    database: Database
    seal: Seal
    key: bytes
    clock: Clock
    random_bytes: Callable[[int], bytes]
    live: Meetings
    lobbies: Lobbies
    config: Config
    options: LineOptions
    driver: Driver
    tokens: ContentTokens
    background: Background
    changed: Callable[[str], None]
    """Reports that something on the board of this date has changed."""
    pcs: HallPcs
    number_tries: NumberTries
    """The wrong tries of a meeting number with a PIN. Tries from browsers count together with tries from halls."""
    place: str = ""
    """A key of this machine and its SIP ports, at most 12 characters. Only one process can have the ports. So a process that
    has them knows that every earlier server with this key is dead.
    """
    safety: Safety = field(default_factory=Safety)
    servers: Sequence[str] = ()
    """The SIP addresses that users type into terminals."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)


class HallExchange:
    """A process has one object of this class. Implements `signaling.sip.agent.agent.AgentEvents`."""

    def __init__(self, around: Surroundings, registry: Registry, register: Register, bans: BanStore) -> None:
        self.around = around
        self.registry = registry
        self.calls = Calls()
        self.traces = Traces(around.clock.time)
        self._register = register
        worker = around.place + around.random_bytes(10).hex()
        self.agent = self._new_agent(bans)
        self._saved = SavedCalls(
            self.agent, around.database, worker, around.place, around.clock, around.background.start
        )
        places = Places(self.agent, registry, register, around.database, around.now)
        self._rosters = Rosters(places, around.config.realm, around.background.start)
        protection = Protection(around.live, around.safety, lambda: register.directory)
        shared = Shared(protection, around.tokens, self._saved, self._rosters, self.traces)
        self._sip = SipSignalling(self.agent, register, protection, shared, around.clock, around.random_bytes)
        rooms = Rooms(registry, around.live, around.random_bytes)
        self.waiting = WaitingHalls(around.lobbies, rooms, around.clock.time)
        self.operator = Operator(around.database, rooms, protection, around.now, around.random_bytes)
        entrance = Entrance(
            around.database, around.number_tries, around.now, around.lobbies, self.waiting, protection, rooms
        )
        self.menus = Menus(entrance, self.operator, around.background.start)
        arrivals = Arrivals(
            self.menus, self.operator, self.waiting, protection, around.database, around.now, around.background.start
        )
        self.outgoing = Outgoing(
            around.database,
            self._sip,
            rooms,
            around.live,
            around.key,
            arrivals,
            self.calls,
            around.options,
            around.clock.time,
            around.background.start,
            lambda dialer: Caller(
                around.database,
                dialer,
                key=around.key,
                worker=worker,
                place=around.place,
                now=around.clock.time,
                changed=around.changed,
            ),
        )
        self.caller = self.outgoing.caller
        around.pcs.connect(registry, self.calls, self.caller)
        self.incoming_calls = Incoming(
            around.config.user,
            around.safety,
            rooms,
            self.menus,
            self.operator,
            entrance,
            arrivals,
            self.calls,
            self.caller,
            around.background.start,
        )

    @classmethod
    async def build(cls, around: Surroundings, registry: Registry) -> HallExchange:
        """Read the bans and the register, and return the exchange. Raise the errors of the database."""
        bans = await stored_bans(around.database, around.now(), around.background.start)
        register = Register(around.database, around.seal)
        await register.read()
        return cls(around, registry, register, bans)

    def _new_agent(self, bans: BanStore) -> Agent:
        around = self.around
        transports = self.traces.transports(around.driver)
        note, register = self.traces.received, self._register
        agent = Agent(around.config, transports, around.clock, around.random_bytes, self, register, bans, note)
        agent.allow(self._register.directory.networks)
        return agent

    # -- start, work and end

    async def open(self) -> None:
        """Start to listen, restore the registrations, and begin to end the calls of earlier servers. Raise OSError when another
        program uses a port. Raise the errors of the database.
        """
        await self.around.tokens.open()
        await self._saved.restore(self._register.account)
        await self.around.driver.open(self.agent)
        self.around.background.start(self._saved.end_all())

    async def work(self) -> None:
        """Run until the task is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.caller.run())
            group.create_task(self._refresh_always())

    async def close(self) -> None:
        self._rosters.close()
        self.agent.close()
        await self._answered()
        await self.around.driver.close()
        await self.around.tokens.close()
        await self.around.background.close()
        await self.caller.close()

    async def _answered(self) -> None:
        """Wait until the far ends have confirmed the end of their calls, at most `GOODBYE_S`."""
        for _ in range(limits.GOODBYE_LOOKS):
            if not self.agent.awaits_answers:
                return
            await asyncio.sleep(limits.GOODBYE_S / limits.GOODBYE_LOOKS)

    async def refresh(self) -> None:
        """Read the register again, because it may have changed."""
        await self._register.read()
        self._sip.refresh()

    async def _refresh_always(self) -> None:
        while True:
            await asyncio.sleep(limits.REGISTER_REFRESH_S)
            self.waiting.look()
            try:
                await self.refresh()
            except (OSError, SQLAlchemyError) as error:
                log.warning("the register of terminals cannot be read: %s", error)

    def states(self) -> dict[str, int]:
        """Return the number of current calls for the statistics: calls with a row by state, halls in the menu, halls in a
        lobby.
        """
        calls = [leg.side.call for leg in self.calls.by_row.values() if isinstance(leg.side, SipSide)]
        found = Counter(call.state.name.lower() for call in calls if call is not None)
        return {**found, "menu": len(self.menus.guests), "lobby": len(self.waiting)}

    # -- events from SIP (AgentEvents)

    def incoming(self, call: Call) -> SipSide:
        side = self._sip.answer(call, self.incoming_calls, self.around.options)
        if self._sip.has_too_many(call):
            side.refuse(Cause.BUSY)
            return side
        self.traces.begin(call.call_id, "")
        assert call.request is not None
        self.incoming_calls.take(side.leg, call.request.uri.alias)
        return side

    def subscribed(self, subscription: Subscription) -> SubscriptionEvents | None:
        return self._rosters.take(subscription)

    def registered(self, alias: str, binding: Binding | None) -> None:
        log.info("terminal %s is %s", alias, "registered" if binding is not None else "no longer registered")
        known = self._register.known(alias)
        if binding is not None and known is not None:
            self.around.background.start(self.outgoing.registered(known.terminal_id))

    def banned(self, subject: str, until: float, reason: str) -> None:
        log.warning("SIP: %s is banned: %s", subject, reason)
