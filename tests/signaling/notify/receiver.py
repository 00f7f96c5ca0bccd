"""A receiver of webhooks that keeps the requests and answers as configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from aiohttp import web

from tests.waiting import until


class Receiver:
    """A receiver with given answers. With `async with Receiver(500, 200) as receiver` the first request gets 500 and all later
    ones get
    200. With 0 it sends no answer and closes the connection.
    """

    def __init__(self, *statuses: int) -> None:
        self.requests: list[tuple[dict[str, str], str]] = []
        """The headers (in lower case) and the body of each request."""
        self.url = ""
        self._statuses = list(statuses or (200,))
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/hook", self._take)
        application.router.add_post("/elsewhere", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def bodies(self) -> list[str]:
        return [body for _, body in self.requests]

    async def until(self, condition: Callable[[], object], bound_s: float = 30.0) -> None:
        await until(condition, lambda: f"only {self.bodies}", bound_s)

    async def _take(self, request: web.Request) -> web.Response:
        headers: Iterable[tuple[str, str]] = request.headers.items()
        self.requests.append(({name.lower(): value for name, value in headers}, await request.text()))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, headers={"location": "/elsewhere"} if status == 307 else {})
