"""Reports of conferences to the database: their beginning, their end, the decisions of hosts. A report is repeated until it
is stored.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from rooms.store.database import reason
from signaling.host import limits
from signaling.host.dates import PREFIX

log = logging.getLogger(__name__)
Told = Callable[[str, datetime], Awaitable[None]]


class Reports:
    """The reports that are not stored yet. `what`: the subject of the log lines. `most`: reports of one conference that wait;
    then the earliest is forgotten.
    """

    def __init__(self, now: Callable[[], float], what: str, most: int) -> None:
        self._now, self._what, self._most = now, what, most
        self._untold: dict[str, deque[tuple[Told, datetime]]] = {}
        """The reports by conference, in order."""
        self.telling: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        """Set while the server stops and waits for the reports."""

    def tell(self, conference: str, told: Told) -> None:
        """Report an event of this moment by `told`."""
        waiting = self._untold.get(conference)
        begins = waiting is None
        if waiting is None:
            waiting = self._untold[conference] = deque(maxlen=self._most)
        waiting.append((told, datetime.fromtimestamp(self._now(), UTC)))
        if begins:
            task = asyncio.get_running_loop().create_task(self._write(conference))
            self.telling.add(task)
            task.add_done_callback(self.telling.discard)

    async def settle(self) -> None:
        """Wait until all reported events are written. Each event gets one more attempt."""
        self._hurry.set()
        while self.telling:
            await asyncio.gather(*self.telling, return_exceptions=True)
        self._hurry.clear()

    async def _write(self, conference: str) -> None:
        """Store the reports of a conference in order. Repeat while the database is away."""
        waiting, wait_s = self._untold[conference], limits.TELL_AGAIN_S
        while waiting:
            told, at = waiting[0]
            hurried = self._hurry.is_set()
            try:
                await told(conference.removeprefix(PREFIX), at)
            except (OSError, SQLAlchemyError) as error:
                if not hurried:
                    log.warning("%s is not stored yet: %s", self._what, reason(error))
                    await self._rest(wait_s)
                    wait_s = min(2 * wait_s, limits.TELL_AGAIN_MOST_S)
                    continue
                log.exception("%s could not be stored", self._what)
            except Exception:  # our own bug: the call and the later reports go on
                log.exception("%s could not be stored", self._what)
            if waiting and waiting[0] == (told, at):
                waiting.popleft()
        del self._untold[conference]

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
