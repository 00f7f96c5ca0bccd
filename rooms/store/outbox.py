"""Jobs: work that is stored in the same transaction that makes it necessary, and done at least once.

A worker claims jobs for a time (a lease). If the worker dies, another worker claims the jobs after that time. So every kind of
job must tolerate a second run. The modules that enqueue jobs define the kinds of jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_id
from rooms.store.tables.columns import Utc
from rooms.store.tables.records import Job


async def enqueue(
    session: AsyncSession,
    kind: str,
    payload: Mapping[str, Any],
    due_at: datetime,
    now: datetime,
    dedupe_key: str | None = None,
) -> None:
    """Store a job for `due_at`. Nothing is added if a job with this `dedupe_key` exists or existed, unless that job was
    cancelled.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = job(kind, payload, due_at, now, dedupe_key)
    await session.execute(insert(Job).values(values).on_conflict_do_nothing(index_elements=["dedupe_key"]))


def job(
    kind: str, payload: Mapping[str, Any], due_at: datetime, now: datetime, dedupe_key: str | None = None
) -> dict[str, Any]:
    """Return the row of a job, for a caller that inserts several rows together. The caller must skip a row whose key exists
    already.
    """
    return {
        "id": new_id(),
        "kind": kind,
        "dedupe_key": dedupe_key,
        "payload": dict(payload),
        "due_at": due_at,
        "created_at": now,
        "leased_by": "",
        "attempts": 0,
        "failed": False,
        "error": "",
    }


async def claim(
    session: AsyncSession, now: datetime, kinds: Collection[str], worker: str, lease_s: float, limit: int
) -> list[Job]:
    """Give at most `limit` due jobs to this worker for `lease_s` seconds, the oldest first. Commit before you do the jobs.

    `attempts` of each job includes this claim. Two workers never hold the same job: PostgreSQL skips rows that another
    transaction has locked, and SQLite has one writer.
    """
    jobs = list(await session.scalars(_DUE, {"now": now, "kinds": list(kinds), "most": limit}))
    for job in jobs:
        job.leased_by = worker
        job.lease_until = now + timedelta(seconds=lease_s)
        job.attempts += 1
    await session.flush()
    return jobs


_NOW = bindparam("now", type_=Utc)
_DUE = (
    select(Job)
    .where(Job.done_at.is_(None), Job.due_at <= _NOW, or_(Job.lease_until.is_(None), Job.lease_until <= _NOW))
    .where(Job.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(Job.due_at, Job.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
    .execution_options(populate_existing=True)
)


async def finish(session: AsyncSession, job_id: str, worker: str, now: datetime) -> bool:
    """Mark the job as done. Return False if another worker has the lease now, or if the job was cancelled."""
    return await _settle(session, job_id, worker, {"done_at": now, "lease_until": None, "error": ""})


async def fail(
    session: AsyncSession,
    job_id: str,
    worker: str,
    now: datetime,
    error: str,
    retry_s: float | None = None,
    attempts_most: int = limits.JOB_ATTEMPTS,
) -> bool:
    """Record a failure. Retry after `retry_s` seconds (None: twice the last delay), or give up after `attempts_most` attempts.

    Return False if this worker no longer has the lease.
    """
    job = await session.get(Job, job_id, populate_existing=True)
    if job is None or job.leased_by != worker:
        return False
    after_s = retry_s if retry_s is not None else limits.JOB_RETRY_S * 2 ** (job.attempts - 1)
    values: dict[str, Any] = {"lease_until": None, "error": error[: limits.JOB_ERROR_CHARS]}
    if job.attempts >= attempts_most:
        values |= {"done_at": now, "failed": True}
    else:
        values |= {"due_at": now + timedelta(seconds=after_s), "leased_by": ""}
    return await _settle(session, job_id, worker, values)


async def cancel(session: AsyncSession, dedupe_key: str) -> bool:
    """Delete a job that is not done yet. The key can be used again. Return False if there was no such job."""
    gone = await session.execute(
        delete(Job).where(Job.dedupe_key == dedupe_key, Job.done_at.is_(None)).returning(Job.id)
    )
    return gone.first() is not None


async def purge(session: AsyncSession, before: datetime) -> int:
    """Delete the jobs that were done before this time, and return their number. Jobs that were given up stay for inspection."""
    gone = await session.execute(delete(Job).where(Job.done_at < before, Job.failed.is_(False)).returning(Job.id))
    return len(gone.all())


async def count_waiting(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Count the jobs that are due and not done, and the jobs that were given up."""
    open_ = await session.scalar(select(func.count()).select_from(Job).where(Job.done_at.is_(None), Job.due_at <= now))
    failed = await session.scalar(select(func.count()).select_from(Job).where(Job.failed.is_(True)))
    return {"jobs": open_ or 0, "jobs_given_up": failed or 0}


async def _settle(session: AsyncSession, job_id: str, worker: str, values: Mapping[str, Any]) -> bool:
    mine = (Job.id == job_id, Job.leased_by == worker, Job.done_at.is_(None))
    return (await session.execute(update(Job).where(*mine).values(values).returning(Job.id))).first() is not None
