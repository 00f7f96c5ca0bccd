"""Tasks: work that runs on its own, and its end when the server stops."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from signaling.host import limits

log = logging.getLogger(__name__)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel those that there are now, and wait until each has ended, in whatever way; of those that tidy up for longer than
    `ENDING_S` the log tells, and nobody waits for them.
    """
    ending = set(tasks)
    for task in ending:
        task.cancel()
    if ending:
        _, late = await asyncio.wait(ending, timeout=limits.ENDING_S)
        for task in late:
            log.warning("the server stops without %s", task.get_coro())


class Background:
    """Work that runs on its own. `what`: the words of the log, where a work fails."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(self._logged(work))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _logged(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception:  # one hall's trouble is no other's
            log.exception(self._what)

    async def close(self) -> None:
        await end(self.running)
