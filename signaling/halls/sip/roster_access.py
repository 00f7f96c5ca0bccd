"""Which conference a terminal may read the roster of (`hallroster.Places`): its call, its meeting, the title. Keeps nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from conference import Conference, Refusal, Registry
from rooms.dialling import entering
from rooms.store.database import Database
from signaling.halls.calls import titles
from signaling.halls.calls.leg import HallCall
from signaling.halls.sip.accounts import Directory
from signaling.halls.sip.roster import Known
from signaling.host.dates import PREFIX
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.subscription import Subscription


class Exchange(Protocol):
    """What is needed of `halls.py`."""

    agent: Agent | None
    registry: Registry | None
    directory: Directory

    def clock(self) -> datetime: ...


class Places:
    def __init__(self, exchange: Exchange, database: Database) -> None:
        self._exchange, self._database = exchange, database

    def call_for(self, subscription: Subscription) -> HallCall | None:
        assert self._exchange.agent is not None
        ours = [(call, call.events) for call in self._exchange.agent.calls if isinstance(call.events, HallCall)]
        dialog, known = subscription.dialog, self._exchange.directory.known.get(subscription.identity)
        inside = (one for call, one in ours if (call.call_id, call.local.tag) == (dialog.call_id, dialog.local.tag))
        by_terminal = (one for _, one in ours if known is not None and one.party.terminal == known.terminal_id)
        return next(inside, None) or next(by_terminal, None)

    def conference_named(self, name: str) -> Conference | None:
        if self._exchange.registry is None or not name.startswith(PREFIX):
            return None
        try:
            return self._exchange.registry.get(name)
        except Refusal:
            return None

    async def may_read(self, subscription: Subscription) -> Known | None:
        known = self._exchange.directory.known.get(subscription.identity)
        if known is None:
            return None
        number, terminal = subscription.resource, known.terminal_id
        now = self._exchange.clock()
        async with self._database.reading() as session:
            found = await entering.by_number(session, number, "", terminal, subscription.host, now)
        if found is None or not found.verdict.allowed or not found.exempt:
            return None
        return Known(PREFIX + found.occurrence.id, found.meeting.title)

    async def title_of(self, conference: str) -> str:
        return (await titles.meeting_of(self._database, conference))[0]
