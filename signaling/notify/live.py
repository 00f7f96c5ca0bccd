"""Webhooks of live conferences. Each address of the settings has a queue in memory and one sender. Events are signed, kept in
order, and sent again after a failure.

The module does not touch the database, so that calls do not depend on the database. The caller hands in two functions: `write`
makes the body of a request, and `sign` makes its signature. The operator chose the addresses, so any network may be reached.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from signaling.notify import limits

if TYPE_CHECKING:  # a heavy import: each method imports it when needed
    import httpx2

log = logging.getLogger(__name__)

Event = TypeVar("Event")
AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 after which the server tries again. It also tries again after every status from 500."""


@dataclass
class Count:
    """The counts since the start of the process."""

    delivered: int = 0
    failed: int = 0
    """Events that the receiver refused, that failed in all tries, or that an error of this server stopped."""
    dropped: int = 0
    """Events lost because the queue was full."""


class LiveWebhooks(Generic[Event]):
    """The webhooks of all addresses. Call `put` in the event loop, `run` until cancelled, and `finish` before the end."""

    def __init__(self, urls: Sequence[str], write: Callable[[Event, int], bytes], sign: Callable[[bytes], str]) -> None:
        """`write`: returns the body of an event, given the number of lost events before it; `sign`: returns its Authorization
        header.
        """
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
        """Wait a moment for queued events: the events of the stop must also be sent."""
        try:
            async with asyncio.timeout(limits.LIVE_WEBHOOK_GRACE_S):
                await asyncio.gather(*(line.empty.wait() for line in self._lines))
        except TimeoutError:
            log.warning("%d webhook events were not delivered before the server stopped", self.waiting)


class Line(Generic[Event]):
    """The queue and the sender of one address."""

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
        """Queue an event. A full queue drops the new event and counts it; the receiver gets the count."""
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
        """Deliver an event. Log an unexpected error and drop the event: the task must not fail, because a failed task stops the
        server.
        """
        try:
            await self._deliver(client, event)
        except Exception:
            self._lost += 1
            self._count.failed += 1
            log.exception("a webhook event could not be sent")

    async def _deliver(self, client: httpx2.AsyncClient, event: Event) -> None:
        """Try until the receiver takes the event, refuses it for good, or the last try fails. Later events wait, to keep the
        order.
        """
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
        log.warning("a webhook event was dropped after the last try: %s", f"status {status}" if status else "no answer")

    async def _post(self, client: httpx2.AsyncClient, body: bytes) -> int:
        """Return the status, or 0 without an answer. Each try has a new signature, because a signature is valid for minutes
        only.
        """
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
