"""The worker that does due jobs: its limits, several workers at once, and failures."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiosmtplib
import pytest
from sqlalchemy import func, select

from rooms.store import outbox
from rooms.store.database import Database
from rooms.store.tables.records import AuditEntry, Job
from signaling.host import limits as server_limits
from signaling.notify import limits
from signaling.notify.worker import GiveUp, Later, Worker, in_transaction

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
Work = Callable[[dict[str, Any], datetime], Awaitable[None]]


async def put(database: Database, count: int = 1, kind: str = "x") -> None:
    async def work(session: Any) -> None:
        for number in range(count):
            await outbox.enqueue(session, kind, {"n": number}, NOW, NOW)

    await database.transact(work)


async def test_each_job_once_by_many_workers(database: Database) -> None:
    done: Counter[int] = Counter()
    most = 0
    now_running = 0

    async def work(payload: dict[str, Any], _now: datetime) -> None:
        nonlocal most, now_running
        now_running += 1
        most = max(most, now_running)
        await asyncio.sleep(0.001)
        done[payload["n"]] += 1
        now_running -= 1

    await put(database, 100)
    workers = [Worker(database, {"x": work}, lambda: NOW) for _ in range(3)]
    await asyncio.gather(*(one.drain() for one in workers))
    assert done == Counter(range(100))
    assert most <= 3 * limits.JOBS_AT_ONCE
    assert sum(one.done for one in workers) == 100


async def test_a_failing_job_is_retried_later_each_time_then_given_up(database: Database) -> None:
    at = NOW
    tries: list[datetime] = []

    async def work(_payload: dict[str, Any], now: datetime) -> None:
        tries.append(now)
        raise OSError("secret-token-in-an-error" * 100)

    await put(database)
    worker = Worker(database, {"x": work}, lambda: at)
    for _ in range(3000):
        await worker.drain()
        at += timedelta(seconds=60)
        if worker.given_up:
            break
    gaps = [after - before for before, after in itertools.pairwise(tries)]
    assert len(tries) == limits.ATTEMPTS
    assert gaps == sorted(gaps)
    async with database.reading() as session:
        job = await session.scalar(select(Job))
        assert job is not None
        assert job.failed
        assert job.error == "OSError"
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "job.given_up"))
        assert entry is not None
        assert entry.detail["kind"] == "x"
        assert "secret-token" not in str(entry.detail), "the trail is for ever"


async def test_of_what_a_mail_server_says_only_the_code_is_kept(database: Database) -> None:
    async def refused(_payload: dict[str, Any], _now: datetime) -> None:
        raise aiosmtplib.SMTPResponseException(450, "4.2.1 <uoc@khach.example.vn>: try later")

    await put(database)
    await Worker(database, {"x": refused}, lambda: NOW).drain()
    async with database.reading() as session:
        job = await session.scalar(select(Job))
    assert job is not None
    assert job.error == "SMTPResponseException 450"


async def test_words_of_a_job_about_itself(database: Database) -> None:
    async def never(_payload: dict[str, Any], _now: datetime) -> None:
        raise GiveUp("no such mailbox")

    async def later(_payload: dict[str, Any], _now: datetime) -> None:
        raise Later("busy", 1234.0)

    await put(database, kind="never")
    await put(database, kind="later")
    worker = Worker(database, {"never": never, "later": later}, lambda: NOW)
    await worker.drain()
    async with database.reading() as session:
        jobs = {job.kind: job for job in await session.scalars(select(Job))}
    assert jobs["never"].failed
    assert jobs["never"].error == "no such mailbox"
    assert jobs["later"].due_at == NOW + timedelta(seconds=1234)


async def test_a_slow_job_is_stopped_within_its_lease(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEASE_S", 0.2)

    async def forever(_payload: dict[str, Any], _now: datetime) -> None:
        await asyncio.sleep(60)

    await put(database)
    worker = Worker(database, {"x": forever}, lambda: NOW)
    await asyncio.wait_for(worker.drain(), 10)
    async with database.reading() as session:
        job = await session.scalar(select(Job))
        assert job is not None
        assert job.error.startswith("TimeoutError")
        assert job.done_at is None


async def test_the_worker_loop_wakes_for_a_job_and_can_be_cancelled(database: Database) -> None:
    started, done = asyncio.Event(), asyncio.Event()

    async def work(payload: dict[str, Any], _now: datetime) -> None:
        started.set()
        if payload["n"] == 1:
            await asyncio.sleep(60)
        done.set()

    worker = Worker(database, {"x": work}, lambda: NOW)
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0.1)
    await put(database, 1)
    worker.wake()
    await asyncio.wait_for(done.wait(), 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).where(Job.done_at.is_(None))) == 0


async def test_cancelling_the_worker_as_it_wakes_stops_it(database: Database) -> None:
    for turns in range(4):
        worker = Worker(database, {}, lambda: NOW)
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0.1)
        worker.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"{turns} turns after"
        assert task.cancelled(), f"{turns} turns after"


async def test_a_job_that_is_cancelled_has_ended_when_the_loop_has(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "GRACE_S", 0.05)
    started, tidied = asyncio.Event(), False

    async def work(_payload: dict[str, Any], _now: datetime) -> None:
        nonlocal tidied
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            tidied = True

    await put(database)
    task = asyncio.create_task(Worker(database, {"x": work}, lambda: NOW).run())
    await asyncio.wait_for(started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tidied


async def test_an_endless_cleanup_job_does_not_delay_the_stop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that a job with an endless cleanup does not delay the stop. A mail client whose server is silent waits half a minute
    to close.
    """
    monkeypatch.setattr(limits, "GRACE_S", 0.05)
    monkeypatch.setattr(server_limits, "ENDING_S", 0.05)
    started, silent = asyncio.Event(), asyncio.Event()

    async def work(_payload: dict[str, Any], _now: datetime) -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await silent.wait()

    await put(database)
    worker = Worker(database, {"x": work}, lambda: NOW)
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(started.wait(), 10)
    left = tuple(worker._running)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    assert done
    assert task.cancelled()
    assert not left[0].done()
    silent.set()
    await asyncio.wait(left)


async def test_a_job_of_a_dead_worker_is_done_after_its_lease(database: Database) -> None:
    """Show that the job of a dead worker is done again when its lease ends."""
    await put(database)
    await database.transact(lambda s: outbox.claim(s, NOW, ["x"], "dead", limits.LEASE_S, 1))
    seen: list[int] = []

    async def work(payload: dict[str, Any], _now: datetime) -> None:
        seen.append(payload["n"])

    await Worker(database, {"x": work}, lambda: NOW).drain()
    assert seen == []
    later = NOW + timedelta(seconds=limits.LEASE_S)
    await Worker(database, {"x": work}, lambda: later).drain()
    assert seen == [0]


async def test_a_job_in_one_transaction_is_all_or_nothing(database: Database) -> None:
    async def work(session: Any, payload: dict[str, Any], now: datetime) -> None:
        await outbox.enqueue(session, "child", payload, now, now)
        if payload["n"] == 1:
            raise ValueError("no")

    await put(database, 2)
    await Worker(database, {"x": in_transaction(database, work)}, lambda: NOW).drain()
    async with database.reading() as session:
        assert list(await session.scalars(select(Job.payload).where(Job.kind == "child"))) == [{"n": 0}]
