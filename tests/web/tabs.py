"""A Chromium whose tabs really cover each other. The library of the other tests makes every page believe that the page is
visible.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import until
from tests.web.visiting import DEVICES, WINDOWED

BOUND_S = 30.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--lang=vi",
    "--allow-loopback-in-peer-connection",
    *DEVICES,
)


class DevToolsError(Exception):
    """An error that the browser answered."""


class Tabs:
    """A connection to one browser by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        await self._socket.send(json.dumps(message))
        async with asyncio.timeout(BOUND_S):
            while (answer := json.loads(await self._socket.recv())).get("id") != number:
                pass
        if "error" in answer:
            raise DevToolsError(answer["error"])
        found: dict[str, Any] = answer["result"]
        return found

    async def open(self, url: str) -> Tab:
        """Open a tab in front of the other tabs."""
        target = (await self.call("Target.createTarget", url=url))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        return Tab(self, target, session)


class Tab:
    def __init__(self, tabs: Tabs, target: str, session: str) -> None:
        self._tabs = tabs
        self._target = target
        self._session = session

    async def show(self) -> None:
        """Bring the tab in front of the other tabs."""
        await self._tabs.call("Target.activateTarget", targetId=self._target)

    async def tell(self, expression: str) -> Any:
        answer = await self._tabs.call("Runtime.evaluate", self._session, expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def until(self, expression: str, bound_s: float = BOUND_S) -> None:
        async def met() -> object:
            with suppress(DevToolsError):  # between two documents no document can answer
                return await self.tell(expression)
            return False

        await until(met, expression, bound_s)


@asynccontextmanager
async def tabs(folder: Path) -> AsyncIterator[Tabs]:
    browser = await asyncio.create_subprocess_exec(
        WINDOWED, *FLAGS, f"--user-data-dir={folder}", "about:blank", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        door = folder / "DevToolsActivePort"
        async with asyncio.timeout(BOUND_S):
            while not door.exists() or len(door.read_text().splitlines()) < 2:
                await asyncio.sleep(0.05)
        port, path = door.read_text().splitlines()
        async with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as socket:
            yield Tabs(socket)
    finally:
        with suppress(ProcessLookupError):
            browser.terminate()
        await browser.wait()
