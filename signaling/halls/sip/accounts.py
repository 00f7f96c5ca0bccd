"""The accounts of terminals and the bans, in the form that the SIP core needs: kept in memory, stored in the register.

The module keeps only copies. It makes a new `Directory` each time it reads the register. It decides nothing about calls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rooms.dialling import accounts
from rooms.dialling.devices import profiles as stored_profiles
from rooms.sealing import Seal, SealBroken
from rooms.store.database import Database
from signaling.halls.sip.profile_book import in_force
from signaling.sip.agent.bans import Ban
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.registrar import Account, Trunk
from signaling.sip.media.profiles import Profiles

log = logging.getLogger(__name__)


class Directory:
    """The accounts and networks in memory (`signaling.sip.agent.registrar.Directory`). Each reading of the register makes a new
    one.
    """

    def __init__(
        self,
        known: Sequence[accounts.Known] = (),
        heard: Sequence[str] = (),
        closed: Sequence[str] = (),
        devices: Mapping[str, accounts.Device] | None = None,
    ) -> None:
        everywhere = Networks(heard)
        self.known = {one.alias: one for one in known}
        self.of_terminal = {one.terminal_id: one for one in known}
        """The accounts, by terminal."""
        self.devices: Mapping[str, accounts.Device] = devices or {}
        """The fields that shape calls, by terminal."""
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
        """The networks that terminals call from, as CIDR."""
        self.closed_ranges = tuple(closed)
        """The closed networks alone."""
        self.closed = Networks(closed)

    def account(self, alias: str) -> Account | None:
        return self._accounts.get(alias)

    def trunk(self, host: str) -> Trunk | None:
        return None

    def share(self, host: str) -> int:
        return len(self._accounts)

    def algorithms(self) -> Any:
        return self._algorithms


class Register:
    """A process has one object of this class. Implements `signaling.sip.agent.registrar.Directory`."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database, self._seal = database, seal
        self.directory = Directory()
        self.profiles = Profiles()

    async def read(self) -> None:
        """Read the register again. Raise the errors of the database."""
        async with self._database.reading() as session:
            try:
                known = await accounts.every(session, self._seal)
            except SealBroken:
                log.exception("the secrets of the terminals were sealed with another key")
                known = []
            networks = (await accounts.heard(session), await accounts.closed_ranges(session))
            self.directory = Directory(known, *networks, await accounts.devices(session))
            self.profiles = in_force(await stored_profiles.every(session))

    def known(self, alias: str) -> accounts.Known | None:
        return self.directory.known.get(alias)

    def alias_of(self, terminal_id: str) -> str:
        """Return the alias that the terminal registers with. Empty: the terminal has no account."""
        known = self.directory.of_terminal.get(terminal_id)
        return known.alias if known is not None else ""

    def device(self, terminal_id: str) -> accounts.Device | None:
        """Return the fields that shape the calls of a terminal. None: the register does not have the terminal."""
        return self.directory.devices.get(terminal_id)

    def account(self, alias: str) -> Account | None:
        return self.directory.account(alias)

    def trunk(self, host: str) -> Trunk | None:
        return self.directory.trunk(host)

    def share(self, host: str) -> int:
        return self.directory.share(host)

    def algorithms(self) -> Any:
        return self.directory.algorithms()


async def stored_bans(database: Database, now: datetime, write: Callable[[Coroutine[Any, Any, Any]], None]) -> Bans:
    """Return the bans that have not ended. Raise the errors of the database."""
    async with database.reading() as session:
        rows = await accounts.bans(session, now)
    return Bans([Ban(one.subject, one.until.timestamp(), one.times, one.reason) for one in rows], write, database)


class Bans:
    """The `signaling.sip.agent.bans.BanStore` over the database. It writes in the background."""

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
