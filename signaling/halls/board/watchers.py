"""The clients that watch the board of a date, and the notice to each client when the board changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rooms.errors import Refusal
from signaling.halls.ground import limits


class Watchers:
    """A process has one object of this class."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._changes: dict[str, int] = {}
        """The number of changes of each watched date."""

    @contextmanager
    def watching(self, occurrence_id: str) -> Iterator[asyncio.Event]:
        """Register a watcher of this date, and yield the event that is set at each change. Raise Refusal `too_many_requests`."""
        watchers = self._watchers.setdefault(occurrence_id, set())
        if len(watchers) >= limits.BOARD_WATCHERS:
            raise Refusal(
                "too_many_requests",
                "Quá nhiều người đang xem bảng này.",
                "too many users are looking at this board: try again later",
            )
        news = asyncio.Event()
        watchers.add(news)
        try:
            yield news
        finally:
            watchers.discard(news)
            if not watchers:
                self._watchers.pop(occurrence_id, None)
                self._changes.pop(occurrence_id, None)

    def has(self, occurrence_id: str) -> bool:
        return occurrence_id in self._watchers

    def changes(self, occurrence_id: str) -> int:
        """Return the number of changes of this date since its first watcher came."""
        return self._changes.get(occurrence_id, 0)

    def changed(self, occurrence_id: str) -> None:
        if occurrence_id in self._watchers:
            self._changes[occurrence_id] = self.changes(occurrence_id) + 1
        for news in self._watchers.get(occurrence_id, ()):
            news.set()
