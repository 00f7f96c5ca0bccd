"""The live channel of notices: it wakes the open pages of an account when a notice of the account was written, read or settled.

Several processes share one database, and any of them may write a notice. So each process looks at the changed rows every
`NOTICE_LOOK_S` seconds while a page is open: one query for all its pages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from rooms import limits as rooms_limits
from rooms.errors import Refusal
from rooms.notices import records
from rooms.store.database import Database
from signaling.host import limits

log = logging.getLogger(__name__)


class NoticeBoard:
    """A process has one object of this class. Run `run` as a task; call `close` when the server stops."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._pages: dict[str, set[asyncio.Event]] = {}
        self._open = 0
        self._seen: set[tuple[str, datetime, str]] = set()
        self._looked_at = now()
        self._opened = asyncio.Event()
        self.closed = False

    def require_place(self, account_id: str) -> None:
        """Raise Refusal `too_many_requests` if this account cannot open another page."""
        if len(self._pages.get(account_id, ())) >= limits.NOTICE_PAGES_EACH or self._open >= limits.NOTICE_PAGES:
            raise Refusal(
                "too_many_requests",
                "Quá nhiều trang đang mở. Hãy đóng bớt rồi tải lại.",
                "too many pages are open: close some and load this page again",
            )

    @contextmanager
    def watching(self, account_id: str) -> Iterator[asyncio.Event]:
        """Register a page of this account, and yield the event that is set at each change. Raise Refusal `too_many_requests`."""
        self.require_place(account_id)
        pages = self._pages.setdefault(account_id, set())
        news = asyncio.Event()
        pages.add(news)
        self._open += 1
        self._opened.set()
        try:
            yield news
        finally:
            self._open -= 1
            pages.discard(news)
            if not pages:
                self._pages.pop(account_id, None)

    async def run(self) -> None:
        """Look for changes until cancelled, while at least one page is open."""
        while True:
            await self._opened.wait()
            try:
                await self.look()
            except (OSError, SQLAlchemyError) as error:  # the database may be away for a while: the loop must survive
                log.warning("changed notices could not be read: %s", type(error).__name__)
            if not self._open:
                self._opened.clear()
            await asyncio.sleep(limits.NOTICE_LOOK_S)

    async def look(self) -> None:
        """Wake the pages of the accounts whose notices have changed."""
        now = self._now()
        since = now - timedelta(seconds=limits.NOTICE_LATE_S)
        async with self._database.reading() as session:
            found = await records.changes(session, since)
        # A transaction may commit after a later one, so the rows of some time back are compared, not only the newest.
        accounts = {account for _, _, account in set(found) - self._seen}
        self._seen = set(found)
        # The rows that did not fit are the earliest. They count only if they are newer than the last look.
        all_of_them = len(found) >= rooms_limits.NOTICE_CHANGES and found[-1][1] > self._looked_at
        self._looked_at = now
        for account, pages in self._pages.items():
            if all_of_them or account in accounts:
                for news in pages:
                    news.set()

    def close(self) -> None:
        """End every open stream, so that the server need not wait for them."""
        self.closed = True
        for pages in self._pages.values():
            for news in pages:
                news.set()
