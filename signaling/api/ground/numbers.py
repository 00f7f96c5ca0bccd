"""The numbers of meetings that were started without a booking. A number opens its meeting without the invitation.

Every number that `add` took is a row, so that it survives a restart. A shared table has a copy of all numbers with their
titles, so a guessed number costs no query.
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
    """The store of numbers. Each method raises the errors of the database; then nothing has changed."""

    async def keep(self, number: str, title: str, source: str) -> list[str]:
        """Store a number, and return the numbers that were deleted to make room."""

    async def renew(self, used: Iterable[str]) -> list[str]:
        """Renew the used numbers, and return the numbers that ended. `used`: numbers of meetings that a participant has
        entered.
        """


class Rows:
    """The numbers as rows of the database."""

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
        """Return each number with its title."""
        async with self._database.reading() as session:
            return await numbers.stored(session)


class Numbers:
    """The numbers that open a meeting now."""

    def __init__(self, shared: Shared, shelf: Shelf | None = None) -> None:
        """Set up the numbers. Without a shelf they live as long as the shared table."""
        self._shelf = shelf
        self._titles = shared.table("numbers", "titles", limits.INSTANT_NUMBERS, str)
        self._used: set[str] = set()
        self._printed: set[str] = set()

    def __contains__(self, number: str) -> bool:
        return number in self._titles

    def title(self, number: str) -> str:
        """Return the title. Empty: the number has no title, or it is not known."""
        return self._titles.get(number) or ""

    def restore(self, found: Iterable[tuple[str, str]]) -> None:
        for number, title in found:
            if number not in self._titles:
                self._titles.put(number, title)

    async def add(self, number: str, title: str, source: str) -> None:
        """Add a number. `source`: the network or the account that made the number."""
        gone = await self._shelf.keep(number, title, source) if self._shelf is not None else []
        self._forget(gone)
        self._titles.put(number, title)

    def announce(self, number: str) -> None:
        """Announce a number that the server prints in a link. It becomes a row when a participant first uses it."""
        self._titles.put(number, "")
        self._printed.add(number)

    async def use(self, number: str) -> None:
        """Note that a participant enters with this number."""
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
        """Renew the numbers of meetings with participants, and forget the numbers that ended."""
        if self._shelf is None:
            return
        used = {one for one in (*live, *self._used) if one in self._titles}
        self._forget(await self._shelf.renew(used))
        self._used = {one for one in self._used - used if one in self._titles}

    def _forget(self, gone: Iterable[str]) -> None:
        for number in gone:
            self._titles.pop(number)
            self._used.discard(number)
