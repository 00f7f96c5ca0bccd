"""The terminals of the register, for the pages of operators: their accounts, and whether they are registered now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from rooms.dialling import accounts, legs
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg, SipAccount
from signaling.halls import listening
from signaling.halls.board.values import Row, reason_row
from signaling.sip.agent.agent import Agent


class Terminals:
    """A process has one object of this class. `servers`: SIP addresses that users type into terminals. `refresh` reads the
    register again. `wake` tells the caller of halls that a call may be due now.
    """

    def __init__(
        self,
        database: Database,
        agent: Agent,
        realm: str,
        servers: Sequence[str],
        refresh: Callable[[], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self._database, self._agent = database, agent
        self.realm, self.servers = realm, servers
        self.refresh, self.wake = refresh, wake

    def digest(self, algorithm: str, alias: str, password: str) -> str:
        return listening.secret(algorithm, alias, self.realm, password)

    async def states(self, now: datetime) -> list[Row]:
        async with self._database.reading() as session:
            known = await accounts.aliases(session)
            last = await legs.of_terminals(session, list(known), now)
        return [self._state(account, last.get(account.terminal_id)) for account in known.values()]

    async def registered(self) -> dict[str, bool]:
        """Report of each terminal with an account whether it is registered now."""
        async with self._database.reading() as session:
            known = await accounts.aliases(session)
        return {one.terminal_id: self._agent.registrar.find(one.alias) is not None for one in known.values()}

    def _state(self, account: SipAccount, leg: DialLeg | None) -> Row:
        binding = self._agent.registrar.find(account.alias)
        return {
            "terminal_id": account.terminal_id,
            "alias": account.alias,
            "algorithm": account.algorithm,
            "behind_nat": account.behind_nat,
            "registered": binding is not None,
            "address": str(binding.hop) if binding is not None else "",
            "user_agent": binding.user_agent if binding is not None else "",
            "last_call_at": leg.answered_at if leg is not None else None,
            "last_call_reason": reason_row(leg.reason) if leg is not None else None,
        }
