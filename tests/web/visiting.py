"""A real Chromium in front of a real server. Whatever the page's policy refused, or threw, fails the test that saw it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright, async_playwright, expect

from tests.conftest import LiveServer

expect.set_options(timeout=20_000)  # ms; of waits that a busy machine may lengthen. What has a bound of its own says so
CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
IN_WINDOW = "documentPictureInPicture.window?.document"
"""The small window above other programs."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMOOTH = "--use-fake-device-for-media-stream"
"""A camera of 20 pictures a second; the usual one gives half as many, for half the work of all who see it."""
DEVICES = (f"{SMOOTH}=fps=10", "--use-fake-ui-for-media-stream")
FAULTS = re.compile(r"Content Security Policy|Trusted|Permissions-Policy|Uncaught|WebGPU|Password forms")

STATE = """() => [location.pathname, document.body.innerText.slice(0, 600), [...document.querySelectorAll('video')].map(
  (one) => [one.closest('[data-testid=tile]')?.dataset.local, one.videoWidth, one.readyState, one.currentTime])]"""
FAILED = pytest.StashKey[bool]()
CLOSING_S = 15

_CHECK = """async (rules) => (await axe.run(document, { runOnly: rules, resultTypes: ['violations'] })).violations.map(
  (found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`)"""


@dataclass
class Visitor:
    """One page, what it must not say, and the steps that many tests take."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def part(self, name: str) -> Any:
        """The control of that `data-testid`."""
        return self.page.get_by_test_id(name)

    async def join(self, link: str, name: str) -> None:
        """Through the pre-join page with camera and microphone, until the meeting is there."""
        await self.page.goto(link)
        await self.part("preview-video").wait_for()
        await self.part("join-name").fill(name)
        await self.part("join-button").click()
        await self.part("stage").wait_for()

    async def barriers(self) -> list[str]:
        """What axe finds on the page as it is now."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text())
        found: list[str] = await self.page.evaluate(_CHECK, RULES)
        return found

    async def clocks(self) -> list[float]:
        """Where each picture stands, in seconds."""
        found: list[float] = await self.page.evaluate(
            "[...document.querySelectorAll('video')].map((v) => v.currentTime)"
        )
        return found


Visit = Callable[..., Awaitable[Visitor]]


class Chromiums:
    """One for each set of flags, kept for all tests of this worker: to start one takes as long as many a test."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._open: dict[tuple[str, ...], Browser] = {}

    async def get(self, flags: tuple[str, ...]) -> Browser:
        """The one that was left last with these flags, or a new one where that has crashed."""
        found = self._open.get(flags)
        if found is None or not found.is_connected():
            args = ["--no-sandbox", "--allow-loopback-in-peer-connection", *flags]
            found = self._open[flags] = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=args)
        return found

    async def tidy(self, suspect: bool) -> None:
        """After a test: nothing of it is left in the usual one; those with other devices, which few tests want, are closed, and
        all of them where it failed, or do not answer.
        """
        for flags, browser in list(self._open.items()):
            try:
                async with asyncio.timeout(CLOSING_S):
                    for context in browser.contexts:
                        await context.close()
            except (Error, TimeoutError):
                suspect = True
            if suspect or flags != DEVICES:
                with suppress(Error):
                    await self._open.pop(flags).close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromiums() -> AsyncIterator[Chromiums]:
    async with async_playwright() as playwright:
        yield Chromiums(playwright)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(request: pytest.FixtureRequest, live_server: LiveServer, chromiums: Chromiums) -> AsyncIterator[Visit]:
    """`visit(width=…, height=…, flags=…, script=…, zone=…)` opens a page in a browser that has fake devices or none."""
    visitors: list[Visitor] = []
    request.node.stash[FAILED] = False

    async def opened(
        width: int = 1280,
        height: int = 800,
        flags: tuple[str, ...] = DEVICES,
        script: str = "",
        touch: bool = False,
        zone: str | None = None,
    ) -> Visitor:
        context = await (await chromiums.get(flags)).new_context(
            viewport={"width": width, "height": height},
            locale="vi-VN",
            has_touch=touch,
            is_mobile=touch,
            timezone_id=zone,
        )
        if script:
            await context.add_init_script(script)
        return await _page(context, visitors)

    yield opened
    if request.node.stash[FAILED]:
        await _end(request.node)
        for visitor in visitors:
            await tell(visitor)
    await chromiums.tidy(suspect=request.node.stash[FAILED])
    for visitor in visitors:
        assert visitor.faults == []


async def _end(item: pytest.Item) -> None:
    """One that took too long is only left by its runner, and would go on beside later tests."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__name__", "") == getattr(item, "originalname", item.name):
            task.cancel()
            await asyncio.wait([task], timeout=CLOSING_S)


async def tell(visitor: Visitor) -> None:
    """What somebody who stood before the screen of a failed test would have seen."""
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(5):
            print(await visitor.page.evaluate(STATE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browsers that outlive a test live in one event loop, and so does whatever uses them."""
    for item in items:
        if "visit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


async def _page(context: BrowserContext, visitors: list[Visitor]) -> Visitor:
    visitor = Visitor(await context.new_page())
    visitors.append(visitor)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    visitor.page.on("console", lambda said: visitor.faults.append(said.text) if FAULTS.search(said.text) else None)
    return visitor
