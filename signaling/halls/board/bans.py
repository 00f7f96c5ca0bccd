"""The banned sources and accounts of halls, and how an operator lifts a ban (`signaling.sip.agent.bans`).

An operator of one branch sees the bans of the terminals of that branch. Only operators of all units see bans of whole sources.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.database import Database
from rooms.store.tables.dialling import SipAccount
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Site, Terminal
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.bans import Ban

OPERATE: Final = "halls.operate"
GONE: Final = ("Lệnh chặn này không còn nữa.", "this ban has ended already")


class Bans:
    def __init__(self, agent: Agent, database: Database, clock: Callable[[], datetime]) -> None:
        self._agent, self._database, self._clock = agent, database, clock

    async def rows(self, actor: Actor) -> list[dict[str, Any]]:
        """Return the bans that this operator may see, the newest first."""
        found = self._agent.bans.standing(self._clock().timestamp())
        async with self._database.reading() as session:
            shown = [await _shown(session, one, actor) for one in reversed(found)]
        return [one for one in shown if one is not None]

    async def lift(self, subject: str, actor: Actor) -> None:
        """Lift a ban. Raise Refusal `ban_gone` if there is no such ban or this operator may not lift it."""
        if subject not in {row["subject"] for row in await self.rows(actor)}:
            raise Refusal("ban_gone", *GONE)
        self._agent.unban(subject)
        now = self._clock()
        await self._database.transact(
            lambda session: audit.record(session, now, actor, "hall.lift_ban", "terminal", "", "", {"subject": subject})
        )


async def _shown(session: AsyncSession, ban: Ban, actor: Actor) -> dict[str, Any] | None:
    """Return the row of a ban, or None if this operator may not see the ban."""
    kind, _, rest = ban.subject.partition(":")
    alias, _, source = rest.rpartition("@") if kind == "alias" else ("", "", rest)
    terminal = site = path = ""
    if alias:
        row = (await session.execute(_PLACE.where(SipAccount.alias == alias))).first()
        terminal, site, path = row if row is not None else ("", "", "")
    if not (roles.allows(actor, OPERATE, path) if path else roles.everywhere(actor, OPERATE)):
        return None
    return {
        "subject": ban.subject,
        "terminal": terminal or alias,
        "site": site,
        "source": source,
        "reason": ban.reason,
        "until": datetime.fromtimestamp(ban.until, UTC),
    }


_PLACE = (
    select(Terminal.name, Site.name, Unit.path)
    .join(SipAccount, SipAccount.terminal_id == Terminal.id)
    .join(Site, Site.id == Terminal.site_id)
    .join(Unit, Unit.id == Site.unit_id)
)
