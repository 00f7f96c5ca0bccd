"""Whether a hall is there before its meeting: what is known without asking comes first, then one OPTIONS. Keeps nothing."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference.ports.halls import DialOrder
from rooms.dialling import legs, planning
from rooms.dialling.legs import Standing
from rooms.policy.classes import IMPORTANT, Verdict
from rooms.store.tables.meetings import Meeting
from signaling.halls.calls import protection
from signaling.halls.dial import readiness
from signaling.halls.dial.caller import Caller
from signaling.halls.sip.accounts import Directory
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.targets import Target
from signaling.sip.call.causes import Cause
from signaling.sip.wire.message import Response

log = logging.getLogger(__name__)


class Prober(Protocol):
    """What is needed of `halls.py`."""

    around: Any
    agent: Agent | None
    caller: Caller
    directory: Directory

    def target(self, standing: Standing, strict: bool) -> Target | None: ...
    def alias(self, standing: Standing) -> str: ...
    async def judge(
        self, session: AsyncSession, meeting: Meeting, terminal_id: str, target: Target | None
    ) -> Verdict: ...


async def probe(halls: Prober, order: DialOrder) -> None:
    """Whatever goes wrong is an outcome, as of a call."""
    try:
        await _look(halls, order)
    except Exception:
        log.exception("a hall could not be looked at")
        halls.caller.probed(order, "unknown", "")


async def _look(halls: Prober, order: DialOrder) -> None:
    """Tells the caller how ready a hall is."""
    async with halls.around.database.reading() as session:
        standing = await legs.standing(session, order.leg_id)
        if standing is None or halls.agent is None:
            return
        meeting = (await planning.date_of(session, order.occurrence))[1]
        target = halls.target(standing, meeting.class_ == IMPORTANT)
        verdict = await halls.judge(session, meeting, order.terminal, target)
        elsewhere = await legs.elsewhere(session, standing.leg)
    has_account = bool(halls.alias(standing))
    found = readiness.known(verdict, reachable=target is not None, has_account=has_account, elsewhere=elsewhere)
    if found is not None or target is None:
        halls.caller.probed(order, *(found or ("unknown", "")))
        return
    asked = protection.for_probe(target, halls.directory.networks)
    if asked is None:
        halls.caller.probed(order, "amber", "outside_zones")
    else:
        _ask(halls, order, asked)


def _ask(halls: Prober, order: DialOrder, target: Target) -> None:
    assert halls.agent is not None
    clock = halls.around.clock
    started = clock.monotonic()

    def done(cause: Cause | None, response: Response | None) -> None:
        halls.caller.probed(order, *readiness.answered(cause, response, clock.monotonic() - started))

    halls.agent.probe(target, done)
