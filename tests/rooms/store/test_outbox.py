"""Due jobs, on both databases. A job is stored with its transaction or not at all. It runs in one worker at a time, and runs
again if its worker dies.
"""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.store import outbox
from rooms.store.database import Database
from rooms.store.tables.records import Job

KIND = "mail.reminder"


async def put(database: Database, now: datetime, key: str | None = None, after_s: float = 0, kind: str = KIND) -> None:
    due = now + timedelta(seconds=after_s)
    await database.transact(lambda session: outbox.enqueue(session, kind, {"n": 1}, due, now, key))


async def take(database: Database, now: datetime, worker: str = "w1", limit: int = 10) -> list[Job]:
    return await database.transact(lambda session: outbox.claim(session, now, [KIND], worker, 60, limit))


async def failed(database: Database, job_id: str, now: datetime, error: str, **more: int) -> bool:
    return await database.transact(
        lambda session: outbox.fail(
            session, job_id, "w1", now, error, None, more.get("attempts_most", limits.JOB_ATTEMPTS)
        )
    )


async def finished(database: Database, job_id: str, now: datetime) -> bool:
    return await database.transact(lambda session: outbox.finish(session, job_id, "w1", now))


async def test_a_worker_takes_only_due_jobs_of_its_kind(database: Database, now: datetime) -> None:
    await put(database, now, after_s=1)
    await put(database, now, kind="other")
    assert await take(database, now) == []
    (job,) = await take(database, now + timedelta(seconds=1))
    assert job.payload == {"n": 1}
    assert job.attempts == 1


async def test_what_is_rolled_back_is_not_due(database: Database, now: datetime) -> None:
    async def fails(session: AsyncSession) -> None:
        await outbox.enqueue(session, KIND, {}, now, now)
        raise Refusal("no", "", "")

    with pytest.raises(Refusal):
        await database.transact(fails)
    assert await take(database, now) == []


async def test_the_same_key_is_queued_once(database: Database, now: datetime) -> None:
    await put(database, now, "k")
    await put(database, now, "k")
    (job,) = await take(database, now)
    assert await database.transact(lambda session: outbox.finish(session, job.id, "w1", now))
    await put(database, now, "k")
    assert await take(database, now) == []


async def test_cancelled_work_is_not_done_and_its_key_is_free(database: Database, now: datetime) -> None:
    await put(database, now, "k")
    (job,) = await take(database, now)
    assert await database.transact(lambda session: outbox.cancel(session, "k"))
    assert not await database.transact(lambda session: outbox.cancel(session, "k"))
    assert not await database.transact(lambda session: outbox.finish(session, job.id, "w1", now))
    await put(database, now, "k")
    assert len(await take(database, now)) == 1


async def test_another_worker_takes_an_expired_lease_and_is_fenced(database: Database, now: datetime) -> None:
    await put(database, now)
    (job,) = await take(database, now)
    assert await take(database, now + timedelta(seconds=59), "w2") == []
    (again,) = await take(database, now + timedelta(seconds=60), "w2")
    assert again.id == job.id
    assert again.attempts == 2
    assert not await database.transact(lambda session: outbox.finish(session, job.id, "w1", now))
    assert not await database.transact(lambda session: outbox.fail(session, job.id, "w1", now, "late"))
    assert await database.transact(lambda session: outbox.finish(session, job.id, "w2", now))


async def test_a_failing_job_is_retried_later_each_time_then_given_up(database: Database, now: datetime) -> None:
    await put(database, now)
    waits = []
    for _ in range(limits.JOB_ATTEMPTS):
        (job,) = await take(database, now)
        await failed(database, job.id, now, "x" * 501)
        async with database.reading() as session:
            kept = (await session.scalars(select(Job))).one()
        waits.append((kept.due_at - now).total_seconds())
        now = kept.due_at
    assert waits[:4] == [30, 60, 120, 240]
    assert waits[-1] == 0
    assert kept.failed
    assert kept.done_at is not None
    assert len(kept.error) == limits.JOB_ERROR_CHARS
    assert await take(database, now + timedelta(days=1)) == []


async def test_what_was_done_long_ago_is_purged(database: Database, now: datetime) -> None:
    for key in ("done", "failed"):
        await put(database, now, key)
        (job,) = await take(database, now)
        if key == "done":
            await finished(database, job.id, now)
        else:
            await failed(database, job.id, now, "x", attempts_most=1)
    assert await database.transact(lambda session: outbox.purge(session, now)) == 0
    assert await database.transact(lambda session: outbox.purge(session, now + timedelta(seconds=1))) == 1


async def test_many_workers_never_hold_the_same_job(database: Database, now: datetime) -> None:
    async def fill(session: AsyncSession) -> None:
        for _ in range(120):
            await outbox.enqueue(session, KIND, {}, now, now)

    await database.transact(fill)
    seen: Counter[str] = Counter()

    async def work(worker: str) -> None:
        while jobs := await take(database, now, worker, 7):
            seen.update(job.id for job in jobs)

    await asyncio.gather(*(work(f"w{n}") for n in range(8)))
    assert len(seen) == 120
    assert set(seen.values()) == {1}


async def test_a_job_gives_way_to_people(database: Database) -> None:
    """The transaction of a job that came first begins after the last person has finished."""
    order: list[str] = []

    async def job(_: AsyncSession) -> None:
        order.append("job")

    async def person(_: AsyncSession) -> None:
        order.append("person")

    async with database.reading():
        waiting = asyncio.create_task(database.transact_job(job))
        for _ in range(2):
            await database.transact(person)
    await waiting
    assert order == ["person", "person", "job"]


async def test_a_job_gives_way_only_for_a_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOB_WAIT_S", 0.01)

    async def job(_: AsyncSession) -> str:
        return "done"

    async with database.reading():
        assert await database.transact_job(job) == "done"


async def test_jobs_take_turns_while_people_are_busy(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few jobs run at a time, and each gives way before it begins, so that people never wait for many jobs. Every job comes to
    its turn.
    """
    monkeypatch.setattr(limits, "JOB_WAIT_S", 0.05)
    loop = asyncio.get_running_loop()
    running, most, done = 0, 0, 0

    async def job(_: AsyncSession) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        done += 1

    waits, quiet = 0, database.quiet

    async def counted() -> None:
        nonlocal waits
        waits += 1
        await quiet()

    monkeypatch.setattr(database, "quiet", counted)
    async with database.reading():
        begin = loop.time()
        await asyncio.gather(*(database.transact_job(job) for _ in range(6 * limits.JOB_WRITERS)))
    assert waits == 6 * limits.JOB_WRITERS, "each job gives way once"
    assert done == 6 * limits.JOB_WRITERS
    assert most <= limits.JOB_WRITERS
    assert loop.time() - begin > 5 * 0.05
