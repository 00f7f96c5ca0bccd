"""Screenshots for people who look at them after `make sim`. No test reads them."""

from __future__ import annotations

from pathlib import Path

from tests.running.runs import LONG_RUN
from tests.web.visiting import Visitor

DRAWN = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
WIDTHS = (1280, 820, 390)


async def shot(visitor: Visitor, path: Path) -> None:
    if LONG_RUN:
        await visitor.page.screenshot(path=path, full_page=True)


async def shots(visitor: Visitor, folder: Path, name: str) -> None:
    """Take a screenshot at each of WIDTHS."""
    for width in WIDTHS if LONG_RUN else ():
        await resize(visitor, width, 844)
        await shot(visitor, folder / f"{name}-{width}.png")


async def resize(visitor: Visitor, width: int, height: int) -> None:
    """Change the size of the window, and wait until the page has drawn itself in the new size."""
    await visitor.page.set_viewport_size({"width": width, "height": height})
    await visitor.page.evaluate(DRAWN)
