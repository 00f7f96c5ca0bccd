"""Webhooks of live conferences: to each address of the settings a queue in memory and one sender, in order, signed, tried again.

Nothing here touches the database: a call neither waits for it nor needs it. What each request says is given by whoever owns the
form (`write`, `sign`). The addresses are the operator's own, so any network may be reached.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from signaling.notify import limits

if TYPE_CHECKING:  # heavy: each method imports what it uses
    import httpx2

log = logging.getLogger(__name__)

Event = TypeVar("Event")
AGAIN = frozenset({408, 425, 429})
"""Answers, beside those from 500 on, after which a request is worth repeating."""


@dataclass
class Count:
    """Since the start of the process."""

    delivered: int = 0
    failed: int = 0
    """Refused by the receiver, or tried in vain."""
    dropped: int = 0
    """The queue was full."""


class LiveWebhooks(Generic[Event]):
    """All addresses. `put` from the event loop; `run` until cancelled; `finish` before that."""

    def __init__(self, urls: Sequence[str], write: Callable[[Event, int], bytes], sign: Callable[[bytes], str]) -> None:
        """`write`: the body of an event after so many lost ones; `sign`: its Authorization header."""
        self.count = Count()
        self._lines = [Line(url, write, sign, self.count) for url in urls]

    def put(self, event: Event) -> None:
        for line in self._lines:
            line.put(event)

    @property
    def waiting(self) -> int:
        return sum(line.waiting for line in self._lines)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.run())

    async def finish(self) -> None:
        """Waits a moment for what is under way: the end of the server is told too."""
        try:
            async with asyncio.timeout(limits.LIVE_WEBHOOK_GRACE_S):
                await asyncio.gather(*(line.empty.wait() for line in self._lines))
        except TimeoutError:
            log.warning("%d webhook events were not delivered before the end", self.waiting)


class Line(Generic[Event]):
    """One address."""

    def __init__(
        self, url: str, write: Callable[[Event, int], bytes], sign: Callable[[bytes], str], count: Count
    ) -> None:
        self._url = url
        self._write = write
        self._sign = sign
        self._count = count
        self._queue: deque[Event] = deque()
        self._lost = 0
        self._wake = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(self, event: Event) -> None:
        """When the queue is full the newest is lost, and counted: the receiver is told how many."""
        if len(self._queue) >= limits.LIVE_WEBHOOK_QUEUE:
            self._lost += 1
            self._count.dropped += 1
            return
        self._queue.append(event)
        self.empty.clear()
        self._wake.set()

    async def run(self) -> None:
        import httpx2

        timeout = httpx2.Timeout(limits.WEBHOOK_WAIT_S, connect=limits.WEBHOOK_CONNECT_S)
        async with httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
            while True:
                while self._queue:
                    await self._deliver_safely(client, self._queue[0])
                    self._queue.popleft()
                self.empty.set()
                self._wake.clear()
                await self._wake.wait()

    async def _deliver_safely(self, client: httpx2.AsyncClient, event: Event) -> None:
        """A fault of ours loses this event: the task must live, the server ends when one of its tasks does."""
        try:
            await self._deliver(client, event)
        except Exception:
            self._lost += 1
            self._count.failed += 1
            log.exception("a webhook event could not be sent")

    async def _deliver(self, client: httpx2.AsyncClient, event: Event) -> None:
        """Until it is taken or hopeless; the later ones wait, so that order is kept."""
        lost = self._lost
        body = self._write(event, lost)
        status = 0
        for wait_s in (*limits.LIVE_WEBHOOK_RETRY_S, None):
            status = await self._post(client, body)
            if 200 <= status < 300:
                self._lost -= lost
                self._count.delivered += 1
                return
            if wait_s is None or (status and status < 500 and status not in AGAIN):
                break
            await asyncio.sleep(wait_s)
        self._lost += 1
        self._count.failed += 1
        log.warning("a webhook event was given up: %s", f"status {status}" if status else "no answer")

    async def _post(self, client: httpx2.AsyncClient, body: bytes) -> int:
        """The status; 0: no answer. Signed anew each time: a signature holds for minutes."""
        import httpx2

        headers = {
            "content-type": "application/webhook+json",
            "user-agent": "diemcau",
            "authorization": self._sign(body),
        }
        try:
            async with client.stream("POST", self._url, content=body, headers=headers) as answer:
                read = 0
                async for chunk in answer.aiter_raw():
                    read += len(chunk)
                    if read > limits.WEBHOOK_ANSWER_BYTES:
                        break
                return answer.status_code
        except (httpx2.HTTPError, OSError):
            return 0
