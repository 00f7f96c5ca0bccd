"""Commands that must not be lost: they close, mute or mark an object. If the plane's queue is full, they are sent again in
their order.

If such a command were lost, the plane would still forward packets of a closed track, and a muted person would be heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from media.ground import limits


class Endings:
    """The commands of one plane that wait for room in the queue. Their number is limited by the number of open things in the
    plane.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[tuple[Callable[[int], None], int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def end(self, command: Callable[[int], None], number: int) -> None:
        """Call `command(number)` now, or as soon as the plane has room for the command."""
        if not self._waiting and _takes(command, number):
            return
        if not self._waiting:
            self._loop.call_later(limits.ENDINGS_S, self._again)
        self._waiting.append((command, number))

    def clear(self) -> None:
        """Forget all commands, because the plane itself closes."""
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
