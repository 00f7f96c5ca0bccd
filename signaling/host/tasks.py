"""Background tasks, and their end when the server stops."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from signaling.host import limits

log = logging.getLogger(__name__)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the given tasks and wait for their end. After `ENDING_S` a task that still runs is logged, and the server stops
    without waiting for it.
    """
    ending = set(tasks)
    for task in ending:
        task.cancel()
    if ending:
        _, late = await asyncio.wait(ending, timeout=limits.ENDING_S)
        for task in late:
            log.warning("the server stops before this task has ended: %s", task.get_coro())


class Background:
    """Work in the background. `what`: the log text when a task fails."""

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
        except Exception:  # the failure of one hall must not affect other halls
            log.exception(self._what)

    async def close(self) -> None:
        await end(self.running)
