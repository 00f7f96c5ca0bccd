"""Webhooks of live conferences over real sockets: order, retries, limits, and a receiver that is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from signaling.notify import limits
from signaling.notify.live import LiveWebhooks
from tests.signaling.notify.receiver import Receiver


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_WEBHOOK_RETRY_S", (0.01, 0.01, 0.01))


@contextlib.asynccontextmanager
async def running(*urls: str) -> AsyncIterator[LiveWebhooks[str]]:
    webhooks: LiveWebhooks[str] = LiveWebhooks(
        urls, lambda event, dropped: f"{event} {dropped}".encode(), lambda body: f"signed {body.decode()}"
    )
    task = asyncio.create_task(webhooks.run())
    try:
        yield webhooks
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_in_order_to_each_address() -> None:
    async with Receiver() as one, Receiver() as two, running(one.url, two.url) as webhooks:
        for number in range(50):
            webhooks.put(str(number))
        await webhooks.finish()
        assert one.bodies == two.bodies == [f"{number} 0" for number in range(50)]
        headers, body = one.requests[7]
        assert (headers["authorization"], headers["content-type"]) == (f"signed {body}", "application/webhook+json")
        assert (webhooks.waiting, webhooks.count.delivered) == (0, 100)


@pytest.mark.parametrize("failure", [500, 503, 429, 408, 0])
async def test_temporary_failures_are_retried_in_order(failure: int) -> None:
    async with Receiver(failure, failure, 200) as receiver, running(receiver.url) as webhooks:
        webhooks.put("a")
        webhooks.put("b")
        await receiver.until(lambda: webhooks.count.delivered == 2)
        assert receiver.bodies == ["a 0", "a 0", "a 0", "b 0"]


@pytest.mark.parametrize("answer", [400, 401, 404, 410, 307])
async def test_what_is_refused_is_not_repeated(answer: int) -> None:
    async with Receiver(answer, 200) as receiver, running(receiver.url) as webhooks:
        webhooks.put("a")
        webhooks.put("b")
        await receiver.until(lambda: webhooks.count.delivered == 1)
        assert receiver.bodies == ["a 0", "b 1"], "the receiver is told that one was lost; redirects are not followed"
        assert webhooks.count.failed == 1


async def test_a_failing_event_is_given_up_and_counted_as_dropped() -> None:
    async with Receiver(500, 500, 500, 500, 200) as receiver, running(receiver.url) as webhooks:
        for event in "abc":
            webhooks.put(event)
        await receiver.until(lambda: webhooks.count.delivered == 2)
        assert receiver.bodies == ["a 0"] * 4 + ["b 1", "c 0"]


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_WEBHOOK_QUEUE", 3)
    async with Receiver() as receiver, running(receiver.url) as webhooks:
        for number in range(10):
            webhooks.put(str(number))
        await webhooks.finish()
        webhooks.put("later")
        await webhooks.finish()
        assert receiver.bodies == ["0 7", "1 0", "2 0", "later 0"]
        assert webhooks.count.dropped == 7


async def test_an_internal_error_loses_only_one_event() -> None:
    def write(event: str, dropped: int) -> bytes:
        return f"{event} {dropped}".encode("ascii")

    async with Receiver() as receiver:
        webhooks: LiveWebhooks[str] = LiveWebhooks([receiver.url, "http://[::bad/hook"], write, lambda body: "signed")
        task = asyncio.create_task(webhooks.run())
        for event in ("a", "không", "b"):
            webhooks.put(event)
        await receiver.until(lambda: receiver.bodies == ["a 0", "b 1"] and not webhooks.waiting)
        assert not task.done()
        assert (webhooks.count.delivered, webhooks.count.failed) == (2, 4)
        task.cancel()


async def test_an_unreachable_receiver_does_not_delay_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_WEBHOOK_GRACE_S", 0.1)
    monkeypatch.setattr(limits, "LIVE_WEBHOOK_RETRY_S", (60.0,))
    async with Receiver() as receiver, running("http://127.0.0.1:9/hook", receiver.url) as webhooks:
        webhooks.put("a")
        await receiver.until(lambda: receiver.bodies == ["a 0"])
        await webhooks.finish()
        assert webhooks.waiting == 1
