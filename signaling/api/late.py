"""An application that is built when it is wanted, in a thread. Owns the one building of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

SWITCH_S = 0.0005
"""A tenth of Python's own: people who come back need some twenty turns of the interpreter each."""


class Late:
    """Calls are served before the REST API is built: people who lost a server come back first. Requests wait until then."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._built: ASGIApp | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._built or await self.built())(scope, receive, send)

    async def built(self) -> ASGIApp:
        """The application. Raises what `build` raises."""
        async with self._turn:
            if self._built is None:
                self._built = await asyncio.to_thread(self._build_beside)
        return self._built

    def _build_beside(self) -> ASGIApp:
        """Each system call of the event loop gives the interpreter away, and has it back when the interval is over."""
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            return self._build()
        finally:
            sys.setswitchinterval(usual_s)
