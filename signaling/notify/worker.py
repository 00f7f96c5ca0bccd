"""The loop that runs due jobs: it claims jobs for a time, runs a bounded number at once, and stores their results.

Several workers, also in several processes, can share one database. A failed job is retried after a growing pause. After the
last try the job is given up, and the audit trail gets an entry. The loop does not know the content of the jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.identifiers import new_id
from rooms.policy.actors import SYSTEM
from rooms.store import audit, outbox
from rooms.store.database import Database
from rooms.store.tables.records import Job
from signaling.host import tasks
from signaling.notify import limits

log = logging.getLogger(__name__)
Work = Callable[[dict[str, Any], datetime], Awaitable[None]]
"""A function of (payload, now). After any exception the job is retried, except after `GiveUp`."""
InTransaction = Callable[[AsyncSession, dict[str, Any], datetime], Awaitable[None]]


class GiveUp(Exception):
    """The job can never succeed. The message gives the reason, without secrets."""


class Later(Exception):
    """The job cannot run now: try again in `retry_s`."""

    def __init__(self, reason: str, retry_s: float) -> None:
        super().__init__(reason)
        self.retry_s = retry_s


@dataclass(frozen=True)
class Taken:
    """The data of a claimed job that the loop needs."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int


class Worker:
    """A worker. Start `run` as a task; call `wake` when this process has just written a job."""

    def __init__(self, database: Database, works: Mapping[str, Work], now: Callable[[], datetime]) -> None:
        self.name = new_id()
        self._database = database
        self._works = works
        self._now = now
        self._running: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self.done = 0
        self.given_up = 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Run jobs until cancelled. Running jobs then get `GRACE_S` to end. The other jobs are cancelled, and run again after
        their lease.
        """
        try:
            while True:
                await self._database.quiet()
                started = await self._start_due()
                if not started:
                    await self._rest()
        finally:
            if self._running:
                _, left = await asyncio.wait(self._running, timeout=limits.GRACE_S)
                await tasks.end(left)

    async def drain(self) -> int:
        """Run all due jobs, one round after another, and return the number of successful jobs: for commands and tests."""
        before = self.done
        while await self._start_due():
            await asyncio.gather(*self._running)
        return self.done - before

    async def _start_due(self) -> int:
        free = limits.JOBS_AT_ONCE - len(self._running)
        if free <= 0:
            return 0
        try:
            jobs = await self._database.transact(lambda s: self._claim(s, free))
        except Exception:  # the database may be away for a while: the loop must survive
            log.exception("jobs could not be claimed from the database")
            return 0
        for job in jobs:
            task = asyncio.create_task(self._do(job))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(jobs)

    async def _claim(self, session: AsyncSession, limit: int) -> list[Taken]:
        jobs: list[Job] = await outbox.claim(session, self._now(), tuple(self._works), self.name, limits.LEASE_S, limit)
        return [Taken(job.id, job.kind, dict(job.payload), job.attempts) for job in jobs]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._woken.set()

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.IDLE_S):
                await self._woken.wait()
        self._woken.clear()

    async def _do(self, job: Taken) -> None:
        try:
            async with asyncio.timeout(limits.LEASE_S * 0.9):
                await self._works[job.kind](job.payload, self._now())
        except GiveUp as error:
            await self._settle(job, str(error), None, final=True)
        except Later as error:
            await self._settle(job, str(error), error.retry_s)
        except Exception as error:  # after any error this job is retried and the others continue
            log.warning("job %s (%s) failed at try %d: %s", job.id, job.kind, job.attempts, type(error).__name__)
            await self._settle(job, _words(error), None)
        else:
            self.done += 1
            await self._write(lambda s: outbox.finish(s, job.id, self.name, self._now()))

    async def _settle(self, job: Taken, error: str, retry_s: float | None, *, final: bool = False) -> None:
        most = 1 if final else limits.ATTEMPTS

        async def write(session: AsyncSession) -> bool:
            now = self._now()
            held = await outbox.fail(session, job.id, self.name, now, error, retry_s, attempts_most=most)
            if held and job.attempts >= most:
                self.given_up += 1
                detail = {"kind": job.kind, "error": error[:200], "tries": job.attempts}
                await audit.record(session, now, SYSTEM, "job.given_up", "job", job.id, "", detail)
            return held

        await self._write(write)

    async def _write(self, work: Callable[[AsyncSession], Awaitable[bool]]) -> None:
        try:
            await self._database.transact(work)
        except Exception:  # the lease ends, and the job is claimed again
            log.exception("the result of a job could not be stored")


def in_transaction(database: Database, work: InTransaction) -> Work:
    """Return a `Work` that runs `work` in one transaction."""

    async def run(payload: dict[str, Any], now: datetime) -> None:
        await database.transact_job(lambda session: work(session, payload, now))

    return run


def _words(error: Exception) -> str:
    """Return the error text for the job's row and for the trail, without addresses and without text of a mail. Messages of mail
    servers and databases repeat both, so only the kind of error and its code are kept.
    """
    code = getattr(error, "code", None)
    return f"{type(error).__name__} {code}" if isinstance(code, int) else type(error).__name__
