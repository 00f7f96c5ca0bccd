"""Draws the icons of the installed app and the picture of link previews from their SVG sources: `python -m tests.web.drawings`.

The results are committed, because a build has no browser.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

from playwright.async_api import async_playwright

from tests.web.visiting import CHROMIUM

WEB = Path(__file__).parents[2] / "web"
ASSETS = WEB / "public" / "assets"
FONTS = WEB / "node_modules" / "@fontsource" / "be-vietnam-pro" / "files"
DRAWINGS = {
    "icon-192.png": (ASSETS / "favicon.svg", 192, 192),
    "icon-512.png": (ASSETS / "favicon.svg", 512, 512),
    "maskable.png": (WEB / "docs" / "app" / "whole.svg", 512, 512),
    "touch-icon.png": (WEB / "docs" / "app" / "whole.svg", 180, 180),
    "preview.png": (WEB / "docs" / "app" / "preview.svg", 1200, 630),
}
"""By name: the source, the width and the height in pixels."""
SUBSETS = {
    "vietnamese": "U+0102-0103,U+0110-0111,U+0128-0129,U+0168-0169,U+01A0-01A1,U+01AF-01B0,U+1EA0-1EF9",
    "latin": "",
}


def fonts() -> str:
    """Return the style sheet of the pages' font, with the font itself: a page without an address reads no file."""
    rules = []
    for weight in (400, 600):
        for subset, signs in SUBSETS.items():
            data = base64.b64encode((FONTS / f"be-vietnam-pro-{subset}-{weight}-normal.woff2").read_bytes()).decode()
            shown = f"unicode-range: {signs};" if signs else ""
            rules.append(
                f"@font-face {{ font-family: 'Be Vietnam Pro'; font-weight: {weight}; {shown}"
                f" src: url(data:font/woff2;base64,{data}) }}"
            )
    return "\n".join(reversed(rules))


async def draw() -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        for name, (source, width, height) in DRAWINGS.items():
            await page.set_viewport_size({"width": width, "height": height})
            style = f"<style>{fonts()} * {{ margin: 0 }} svg {{ display: block; width: {width}px; height: {height}px }}</style>"
            await page.set_content(style + source.read_text())
            await page.evaluate("document.fonts.ready")
            await page.screenshot(path=ASSETS / name, omit_background=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(draw())
