"""A terminal that has registered: its legs that wait for it are due. Decides nothing about them (`conference.halls.dialout`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from rooms.dialling import legs
from rooms.store.database import Database
from signaling.halls.calls.leg import HallCall
from signaling.halls.dial.caller import Caller
from signaling.host import limits
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.call.states import State


class Exchange(Protocol):
    """What is needed of `halls.py`."""

    caller: Caller
    calls: dict[str, HallCall]

    def clock(self) -> datetime: ...


async def reached(exchange: Exchange, database: Database, terminal_id: str) -> None:
    """A call to where it was before is given up, unless it is answered soon."""
    await _due(exchange, database, terminal_id)
    waiting = unheard(exchange.calls, terminal_id)
    if not waiting:
        return
    await asyncio.sleep(limits.UNHEARD_S)
    for leg_id, one in waiting.items():
        if unheard(exchange.calls, terminal_id).get(leg_id) is one and one.call is not None:
            one.call.fail(Cause(Kind.UNREACHABLE, detail="registered elsewhere"))
    await _due(exchange, database, terminal_id)


async def _due(exchange: Exchange, database: Database, terminal_id: str) -> None:
    async with database.reading() as session:
        found = await legs.of_terminal(session, terminal_id, exchange.clock())
    for leg_id in found:
        exchange.caller.registered(leg_id)


def unheard(calls: Mapping[str, HallCall], terminal_id: str) -> dict[str, HallCall]:
    """Calls of ours to this terminal of which nothing has come back, by leg."""
    ours = {leg_id: one for leg_id, one in calls.items() if one.order is not None and one.party.terminal == terminal_id}
    return {leg_id: one for leg_id, one in ours.items() if one.call is not None and one.call.state is State.DIALLING}
