"""The numbers of meetings that were started without a booking: each opens its meeting without the invitation.

Every number that `add` took is a row, so that it lives through a restart. A copy of all of them with their titles is in a shared
table: a guess at a number costs no question to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference.ports.shared import Shared
from rooms import limits
from rooms.meetings import numbers
from rooms.store.database import Database

PRINTED = "server"
"""The source of the number in the link that `diemcau dev` prints."""


class Shelf(Protocol):
    """Where numbers are kept. Each method raises what the database raises: then nothing has changed."""

    async def keep(self, number: str, title: str, source: str) -> list[str]:
        """The numbers that made room for it."""

    async def renew(self, used: Iterable[str]) -> list[str]:
        """`used`: somebody is or was there. The numbers that ended."""


class Rows:
    """The shelf of a server."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, number: str, title: str, source: str) -> list[str]:
        return await self._database.transact(
            lambda session: numbers.store(session, number, title, source, self._clock())
        )

    async def renew(self, used: Iterable[str]) -> list[str]:
        async def work(session: AsyncSession) -> list[str]:
            await numbers.touch(session, used, self._clock())
            return await numbers.expire(session, self._clock())

        return await self._database.transact(work)

    async def all(self) -> list[tuple[str, str]]:
        """Each with its title."""
        async with self._database.reading() as session:
            return await numbers.stored(session)


class Numbers:
    """Those that open a meeting now."""

    def __init__(self, shared: Shared, shelf: Shelf | None = None) -> None:
        """Without a shelf they live as long as the table."""
        self._shelf = shelf
        self._titles = shared.table("numbers", "titles", limits.INSTANT_NUMBERS, str)
        self._used: set[str] = set()
        self._printed: set[str] = set()

    def __contains__(self, number: str) -> bool:
        return number in self._titles

    def title(self, number: str) -> str:
        """Empty where nobody gave it one, or it is none of these."""
        return self._titles.get(number) or ""

    def restore(self, found: Iterable[tuple[str, str]]) -> None:
        for number, title in found:
            if number not in self._titles:
                self._titles.put(number, title)

    async def add(self, number: str, title: str, source: str) -> None:
        """`source`: the network or the account that made it."""
        gone = await self._shelf.keep(number, title, source) if self._shelf is not None else []
        self._forget(gone)
        self._titles.put(number, title)

    def announce(self, number: str) -> None:
        """It stands in the link that the server prints, and becomes a row when somebody comes by it."""
        self._titles.put(number, "")
        self._printed.add(number)

    async def use(self, number: str) -> None:
        """Somebody is let in."""
        if number in self._printed:
            self._printed.discard(number)
            try:
                await self.add(number, "", PRINTED)
            except Exception:
                self._printed.add(number)
                raise
        elif number in self._titles:
            self._used.add(number)

    async def renew(self, live: Iterable[str]) -> None:
        """The numbers of meetings in which somebody is live on; those that ended are forgotten."""
        if self._shelf is None:
            return
        used = {one for one in (*live, *self._used) if one in self._titles}
        self._forget(await self._shelf.renew(used))
        self._used = {one for one in self._used - used if one in self._titles}

    def _forget(self, gone: Iterable[str]) -> None:
        for number in gone:
            self._titles.pop(number)
            self._used.discard(number)
