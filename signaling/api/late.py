"""An application that is built in a thread, at its first request or earlier. The module owns the single build."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

SWITCH_S = 0.0005
"""Seconds after which Python lets another thread run while a thread builds the REST API. Chosen: a tenth of Python's own
interval. Longer: people who join again after a restart wait, because each join needs some twenty switches. Shorter: the build
takes longer.
"""


class Late:
    """An application that is built later. The server serves calls before the REST API is built, so that participants who lost
    the previous server come back first. Requests wait until the build ends.
    """

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._built: ASGIApp | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._built or await self.built())(scope, receive, send)

    async def built(self) -> ASGIApp:
        """Return the application. Raise the errors of `build`."""
        async with self._turn:
            if self._built is None:
                self._built = await asyncio.to_thread(self._build_beside)
        return self._built

    def _build_beside(self) -> ASGIApp:
        """Build in a thread, with a short switch interval. Each system call of the event loop gives the interpreter to this
        thread, and the event loop gets it back only after the interval.
        """
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            return self._build()
        finally:
            sys.setswitchinterval(usual_s)
