"""The hall schedule in a real Chromium: every hall for a whole week, from the address to a page that answers.

Drawn: the first entry is visible on the screen. Interactive: after this moment no task blocked the page for 50 ms (Long Tasks
API) during one second. Each measurement has its own browser context, so that nothing is cached.
"""

import asyncio
import statistics
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.bench import peers

CHROMIUM = "/usr/bin/chromium"
TIMES = 3
QUIET_MS = 1000
ASKED_S, MOST_ASKED = 0.25, 480
WATCH = """
window.seen = { drawn: 0, busyUntil: 0, entries: 0 };
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.seen.busyUntil = Math.max(window.seen.busyUntil, one.startTime + one.duration);
}).observe({ type: 'longtask', buffered: true });
const look = () => {
  const entries = document.querySelectorAll('SELECTOR').length;
  if (entries > 0 && window.seen.drawn === 0) window.seen.drawn = performance.now();
  window.seen.entries = entries;
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
LOOKS = {"picture": "[data-testid=timeline] .entry", "table": "[data-testid=board-table] tbody tr"}


async def measure(url: str, cookie: str) -> dict[str, str]:
    """Measure the page of each look. `url` is the address of the database. `cookie` belongs to a user who may see the board."""
    found = {}
    with peers.diemcau(DATABASE=url) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            address = f"http://127.0.0.1:{server.port}"
            for look, selector in LOOKS.items():
                seen = [await _open(browser, address, cookie, look, selector) for _ in range(TIMES)]
                drawn, ready, entries = (statistics.median(part) for part in zip(*seen, strict=True))
                found[f"board page, 240 halls x a week, {look}: time to interactive"] = (
                    f"{ready:.0f} ms (drawn after {drawn:.0f}; {entries:.0f} elements)"
                )
            await browser.close()
    return found


async def _open(browser: Browser, address: str, cookie: str, look: str, selector: str) -> tuple[float, float, int]:
    """Return (drawn, interactive) in ms after the beginning of the navigation, and the number of entries drawn."""
    name, _, value = cookie.partition("=")
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        await context.add_cookies([{"name": name, "value": value, "url": address}])
        page = await context.new_page()
        await page.add_init_script(WATCH.replace("SELECTOR", selector))
        await page.goto(f"{address}/board?span=week&view={look}", wait_until="commit")
        # The page's content security policy refuses a script that would wait here. So the bench asks the page again and again.
        for _ in range(MOST_ASKED):
            if await page.evaluate(
                f"seen.drawn > 0 && performance.now() - Math.max(seen.drawn, seen.busyUntil) > {QUIET_MS}"
            ):
                break
            await asyncio.sleep(ASKED_S)
        else:
            raise RuntimeError("the board was not drawn")
        seen = await page.evaluate("seen")
        return seen["drawn"], max(seen["drawn"], seen["busyUntil"]), seen["entries"]
    finally:
        await context.close()


def measured(url: str, cookie: str) -> dict[str, str]:
    return asyncio.run(measure(url, cookie)) if Path(CHROMIUM).exists() else {}
