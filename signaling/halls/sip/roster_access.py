"""The rights of terminals to read rosters (`roster.Places`): their call, their meeting, the title. The module has no state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from conference import Conference, Refusal, Registry
from rooms.dialling import entering
from rooms.store.database import Database
from signaling.halls.calls import titles
from signaling.halls.calls.leg import Leg
from signaling.halls.sip.accounts import Register
from signaling.halls.sip.roster import Known
from signaling.halls.sip.side import SipSide
from signaling.host.dates import PREFIX
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.subscription import Subscription


class Places:
    def __init__(
        self,
        agent: Agent,
        registry: Registry,
        register: Register,
        database: Database,
        clock: Callable[[], datetime],
    ) -> None:
        self._agent, self._registry, self._register = agent, registry, register
        self._database, self._clock = database, clock

    def call_for(self, subscription: Subscription) -> Leg | None:
        sides = [(call, call.events) for call in self._agent.calls if isinstance(call.events, SipSide)]
        dialog, known = subscription.dialog, self._register.known(subscription.identity)
        inside = (one for call, one in sides if (call.call_id, call.local.tag) == (dialog.call_id, dialog.local.tag))
        by_terminal = (one for _, one in sides if known is not None and one.leg.party.terminal == known.terminal_id)
        found = next(inside, None) or next(by_terminal, None)
        return found.leg if found is not None else None

    def conference_named(self, name: str) -> Conference | None:
        if not name.startswith(PREFIX):
            return None
        try:
            return self._registry.get(name)
        except Refusal:
            return None

    async def may_read(self, subscription: Subscription) -> Known | None:
        known = self._register.known(subscription.identity)
        if known is None:
            return None
        number, terminal = subscription.resource, known.terminal_id
        now = self._clock()
        async with self._database.reading() as session:
            found = await entering.by_number(session, number, "", terminal, subscription.host, now)
        if found is None or not found.verdict.allowed or not found.exempt:
            return None
        return Known(PREFIX + found.occurrence.id, found.meeting.title)

    async def title_of(self, conference: str) -> str:
        return (await titles.meeting_of(self._database, conference)).title
