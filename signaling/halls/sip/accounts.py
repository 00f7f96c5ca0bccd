"""Who terminals are, and who is banned, as the SIP core asks for it: kept in memory, read from and written to the register.

Owns nothing but the copies; a Directory is made anew when the register changes. Decides nothing about calls.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

from rooms.dialling import accounts
from rooms.store.database import Database
from signaling.sip.agent.bans import Ban
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.registrar import Account, Trunk


class Directory:
    """Accounts and networks in memory (`signaling.sip.agent.registrar.Directory`); made anew when the register changes."""

    def __init__(
        self, known: Sequence[accounts.Known] = (), heard: Sequence[str] = (), closed: Sequence[str] = ()
    ) -> None:
        everywhere = Networks(heard)
        self.known = {one.alias: one for one in known}
        self._accounts = {
            one.alias: Account(
                one.alias,
                one.secret,
                Networks(one.ranges) if one.ranges else everywhere,
                "SHA-256" if one.algorithm == "SHA-256" else "MD5",
                one.behind_nat,
            )
            for one in known
        }
        self._algorithms = frozenset(one.algorithm for one in self._accounts.values())
        self.networks = everywhere
        self.ranges = tuple(heard)
        """Of the networks that terminals call from, as CIDR."""
        self.closed_ranges = tuple(closed)
        """Of the closed networks alone."""
        self.closed = Networks(closed)

    def account(self, alias: str) -> Account | None:
        return self._accounts.get(alias)

    def trunk(self, host: str) -> Trunk | None:
        return None

    def share(self, host: str) -> int:
        return len(self._accounts)

    def algorithms(self) -> Any:
        return self._algorithms


class Bans:
    """`signaling.sip.agent.bans.BanStore` over the database; writing goes on behind."""

    def __init__(
        self, found: Sequence[Ban], write: Callable[[Coroutine[Any, Any, Any]], None], database: Database
    ) -> None:
        self._found, self._write, self._database = found, write, database

    def load(self) -> Sequence[Ban]:
        return self._found

    def save(self, ban: Ban) -> None:
        until = datetime.fromtimestamp(ban.until, UTC)
        self._write(self._database.transact(lambda s: accounts.keep_ban(s, ban.subject, until, ban.times, ban.reason)))

    def remove(self, subject: str) -> None:
        self._write(self._database.transact(lambda s: accounts.lift_ban(s, subject)))
