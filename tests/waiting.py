"""The wait of every test for a condition that becomes true by itself."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable

BOUND_S = 60.0
"""Seconds until a wait fails. Chosen. The limit shows a fault, it is not a claim of speed. Larger: a failing test takes longer.
Smaller: a busy machine fails a good test.
"""
PAUSE_S = 0.05
"""Seconds between two checks. Chosen. Larger: each wait may take longer. Smaller: the checks use processor time."""


async def until(
    condition: Callable[[], object],
    what: str | Callable[[], str] = "the condition holds",
    bound_s: float = BOUND_S,
    *,
    in_thread: bool = False,
) -> float:
    """Wait until the condition holds, and return the seconds that this took. Fail with `what` after the bound.

    The condition may be a coroutine function. `in_thread` is for a condition that blocks, like a command to a terminal.
    """
    began = time.monotonic()
    while True:
        found = await asyncio.to_thread(condition) if in_thread else condition()
        if await found if inspect.isawaitable(found) else found:
            return time.monotonic() - began
        if time.monotonic() - began > bound_s:
            raise AssertionError(_failure(what, bound_s))
        await asyncio.sleep(PAUSE_S)


def until_blocking(condition: Callable[[], object], what: str | Callable[[], str], bound_s: float = BOUND_S) -> None:
    """Wait like `until` in a test without an event loop."""
    ends = time.monotonic() + bound_s
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(_failure(what, bound_s))
        time.sleep(PAUSE_S)


def _failure(what: str | Callable[[], str], bound_s: float) -> str:
    return f"not in {bound_s:.0f} s: {what if isinstance(what, str) else what()}"[:4000]
