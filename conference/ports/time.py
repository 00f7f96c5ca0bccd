"""Time: turns of the event loop, and the clock. Asyncio and the composition root implement the Protocols; tests have doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Turns(Protocol):
    """The event loop, or a loop that a test advances by hand."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> Cancellable: ...
    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Cancellable: ...


class Clock(Protocol):
    def time(self) -> float:
        """Return Unix seconds."""

    def monotonic(self) -> float:
        """Return seconds that never jump."""
