"""A real Chromium in front of a real server. Whatever the page's policy refused, or threw, fails the test that saw it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.conftest import LiveServer

CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
IN_WINDOW = "documentPictureInPicture.window?.document"
"""The small window above other programs."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMOOTH = "--use-fake-device-for-media-stream"
"""A camera of 20 pictures a second; the usual one gives half as many, for half the work of all who see it."""
DEVICES = (f"{SMOOTH}=fps=10", "--use-fake-ui-for-media-stream")
FAULTS = re.compile(r"Content Security Policy|Trusted|Permissions-Policy|Uncaught|WebGPU|Password forms")

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


@pytest.fixture
async def visit(live_server: LiveServer) -> AsyncIterator[Visit]:
    """`visit(width=…, height=…, devices=…, script=…, zone=…)` opens a page in a browser that has fake devices or none."""
    browsers: dict[tuple[str, ...], Browser] = {}
    visitors: list[Visitor] = []
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())

        async def browser(flags: tuple[str, ...]) -> Browser:
            if flags not in browsers:
                args = ["--no-sandbox", "--allow-loopback-in-peer-connection", *flags]
                browsers[flags] = await playwright.chromium.launch(executable_path=CHROMIUM, args=args)
                stack.push_async_callback(browsers[flags].close)
            return browsers[flags]

        async def opened(
            width: int = 1280,
            height: int = 800,
            flags: tuple[str, ...] = DEVICES,
            script: str = "",
            touch: bool = False,
            zone: str | None = None,
        ) -> Visitor:
            context = await (await browser(flags)).new_context(
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
    for visitor in visitors:
        assert visitor.faults == []


async def _page(context: BrowserContext, visitors: list[Visitor]) -> Visitor:
    visitor = Visitor(await context.new_page())
    visitors.append(visitor)
    visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
    visitor.page.on("console", lambda said: visitor.faults.append(said.text) if FAULTS.search(said.text) else None)
    return visitor
