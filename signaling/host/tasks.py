"""Tasks of whoever stops."""

import asyncio
import logging
from collections.abc import Iterable
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
