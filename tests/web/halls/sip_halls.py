"""Halls that are called, see, hear and send pictures: scripted terminals in a separate thread, beside the browser of a test."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Self, TypeVar

from tests.interop.terminals.quirks import Message, Terminal

T = TypeVar("T")
PATIENCE_S = 30


class Hall(Terminal):
    """A terminal that can be called several times. `readiness`: the status of its answer to OPTIONS. `probes`: the number of
    OPTIONS requests.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.readiness = 200
        self.probes = 0
        self._asked: set[tuple[str, str]] = set()
        self.offered = ""
        """The session description of the last call."""

    def _see(self, payload: bytes, marker: bool, _: int) -> None:
        """Decode no picture. The tests with browsers look at pages, not at the screens of halls."""

    def _received(self, message: Message) -> None:
        if message.method == "OPTIONS":
            self._asked.add((message["Call-ID"], message["CSeq"]))
            self.probes = len(self._asked)  # retransmissions do not count
            self._reply(message, self.readiness)
        else:
            super()._received(message)

    def _invited(self, message: Message) -> None:
        if self._to and message["Call-ID"] != self._call_id:
            self._to, self._from_tag = "", secrets.token_hex(4)
            self.answered.clear()
            self.ended.clear()
        self.offered = message.body.decode()
        super()._invited(message)


class Halls:
    """The thread of the halls."""

    def __init__(self, halls: Sequence[Hall]) -> None:
        self.halls = halls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        for hall in self.halls:
            self.do(hall.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        for hall in self.halls:
            self.do(hall.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine in the halls' thread, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def later(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine in the halls' thread, from the event loop of a test."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
