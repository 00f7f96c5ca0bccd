"""Time: turns of the event loop and the clock. Implemented by asyncio and the composition root, and by hand in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Turns(Protocol):
    """The event loop, or a hand-turned one in tests."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> Cancellable: ...
    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Cancellable: ...


class Clock(Protocol):
    def time(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds that never jump."""
