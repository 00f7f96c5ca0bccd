"""Closing and muting commands, which cannot be lost: those that find the plane's queue full are given again, in their order.

A thing that Python has forgotten and the plane has not would be forwarded to for ever, and whoever was muted be heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from media.ground import limits


class Endings:
    """Of one plane. What waits is bounded by what is open there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[Callable[[int], None], int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def end(self, command: Callable[[int], None], number: int) -> None:
        """`command(number)` now, or as soon as the plane takes it."""
        if not self._waiting and _takes(command, number):
            return
        if not self._waiting:
            self._loop.call_later(limits.ENDINGS_S, self._again)
        self._waiting.append((command, number))

    def clear(self) -> None:
        """The plane itself closes."""
        self._waiting.clear()

    def _again(self) -> None:
        while self._waiting and _takes(*self._waiting[0]):
            self._waiting.popleft()
        if self._waiting:
            self._loop.call_later(limits.ENDINGS_S, self._again)


def _takes(command: Callable[[int], None], number: int) -> bool:
    try:
        command(number)
    except OverflowError:
        return False
    return True
