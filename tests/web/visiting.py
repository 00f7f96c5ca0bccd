"""A real Chromium with a real server. If the page throws an error or the page's policy refuses something, the test fails."""

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
from tests.running.runs import LONG_RUN

# ms. Chosen for waits that a busy machine may lengthen. A wait with another limit sets that limit itself
expect.set_options(timeout=20_000)
WINDOWED = "/usr/bin/chromium"
"""The browser of users. Tests of covered tabs, of denied permissions and of the small window above other programs always use it.
All tests use it in `make sim`.
"""
CHROMIUM = WINDOWED if LONG_RUN else "/usr/bin/chromium-headless-shell"
"""In `make test`, the engine of `WINDOWED` in a program without windows and menus. These take half of the processor time of most
tests.
"""
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
IN_WINDOW = "documentPictureInPicture.window?.document"
"""The document of the small window above other programs."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMOOTH = "--use-fake-device-for-media-stream"
"""A fake camera with 20 pictures a second."""
DEVICES = (f"{SMOOTH}=fps=10", "--use-fake-ui-for-media-stream")
UNACCELERATED = (
    "--disable-gpu",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--disable-software-rasterizer",
)
"""Flags that draw pages without a simulated graphics card. A call of two pages then takes a tenth less processor time."""
CALM = (f"{SMOOTH}=fps=5", DEVICES[1], *UNACCELERATED)
"""The usual camera. Few pictures save the work of all viewers. The browser sends no fewer."""
FAULTS = re.compile(r"Content Security Policy|Trusted|Permissions-Policy|Uncaught|WebGPU|Password forms")

STATE = """() => [location.pathname, document.body.innerText.slice(0, 600), [...document.querySelectorAll('video')].map(
  (one) => [one.closest('[data-testid=tile]')?.dataset.local, one.videoWidth, one.readyState, one.currentTime])]"""
AT_REST = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime < Infinity)
  .map((one) => one.finished.catch(() => {})))"""
"""Waits for the end of animations. A notice that fades in has too little contrast for a moment."""
FAILED = pytest.StashKey[bool]()
CLOSING_S = 15

BARRIERS = """async (rules) => (await axe.run(document, { runOnly: rules, resultTypes: ['violations'] })).violations.map(
  (found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`)"""


@dataclass
class Visitor:
    """A page, its faults, and steps that many tests use."""

    page: Page
    faults: list[str] = field(default_factory=list)

    def part(self, name: str) -> Any:
        """Return the element with this `data-testid`."""
        return self.page.get_by_test_id(name)

    async def join(self, link: str, name: str) -> None:
        """Join through the pre-join page with camera and microphone, and wait for the stage."""
        if self.page.url != link:
            await self.page.goto(link)
        await self.part("preview-video").wait_for()
        await self.part("join-name").fill(name)
        await self.part("join-button").click()
        await self.part("stage").wait_for()

    async def barriers(self) -> list[str]:
        """Return the faults that axe finds on the current page."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text())
        await self.page.evaluate(AT_REST)
        found: list[str] = await self.page.evaluate(BARRIERS, RULES)
        return found

    async def clocks(self) -> list[float]:
        """Return the play time of each picture, in seconds."""
        found: list[float] = await self.page.evaluate(
            "[...document.querySelectorAll('video')].map((v) => v.currentTime)"
        )
        return found


Visit = Callable[..., Awaitable[Visitor]]
Kind = tuple[str, tuple[str, ...]]
"""The program of a browser, and its flags."""
USUAL: Kind = (CHROMIUM, CALM)


class Chromiums:
    """The browsers of this worker: the usual browser, and the last browser of another kind. Tests share them, because a start
    takes as long as many tests.
    """

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._open: dict[Kind, Browser] = {}

    async def get(self, kind: Kind) -> Browser:
        """Return the running browser of this kind, or start one."""
        program, flags = kind
        found = self._open.pop(kind, None)
        if found is None or not found.is_connected():
            args = ["--no-sandbox", "--allow-loopback-in-peer-connection", *flags]
            found = await self._playwright.chromium.launch(executable_path=program, args=args)
        self._open[kind] = found  # The last used kind comes last.
        return found

    async def tidy(self, suspect: bool) -> None:
        """Close all pages after a test, and all browsers except the usual browser and the last other one. If the test failed, or
        a browser does not answer, close these too.
        """
        kept = [USUAL, *[kind for kind in self._open if kind != USUAL][-1:]]
        for kind, browser in list(self._open.items()):
            try:
                async with asyncio.timeout(CLOSING_S):
                    for context in browser.contexts:
                        await context.close()
            except (Error, TimeoutError):
                suspect = True
            if suspect or kind not in kept:
                with suppress(Error):
                    await self._open.pop(kind).close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromiums() -> AsyncIterator[Chromiums]:
    async with async_playwright() as playwright:
        yield Chromiums(playwright)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(request: pytest.FixtureRequest, live_server: LiveServer, chromiums: Chromiums) -> AsyncIterator[Visit]:
    """A function `visit(width=…, height=…, flags=…, script=…, zone=…, program=…)` that opens a page in a browser with fake
    devices or none.
    """
    visitors: list[Visitor] = []
    request.node.stash[FAILED] = False

    async def opened(
        width: int = 1280,
        height: int = 800,
        flags: tuple[str, ...] = CALM,
        script: str = "",
        touch: bool = False,
        zone: str | None = None,
        program: str = CHROMIUM,
    ) -> Visitor:
        context = await (await chromiums.get((program, flags))).new_context(
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
    """Cancel the task of a test that timed out. The runner does not cancel the task, so it would run beside later tests."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__name__", "") == getattr(item, "originalname", item.name):
            task.cancel()
            await asyncio.wait([task], timeout=CLOSING_S)


async def tell(visitor: Visitor) -> None:
    """Print what the screen showed when the test failed."""
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
    """Browsers are kept between tests and belong to one event loop. So all tests that use a browser run in this loop."""
    for item in items:
        if "visit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


async def _page(context: BrowserContext, visitors: list[Visitor]) -> Visitor:
    visitor = Visitor(await context.new_page())
    visitors.append(visitor)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    visitor.page.on("console", lambda said: visitor.faults.append(said.text) if FAULTS.search(said.text) else None)
    return visitor
