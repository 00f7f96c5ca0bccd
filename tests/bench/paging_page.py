"""The meeting page in a real Chromium whose processor is slowed down, with more pictures than fit on one page of 25 tiles.

`python -m tests.bench.paging_page`. Turned: from the press on "next page" until every picture of the new page has shown a
frame. Smooth: the number of times a second that the page draws itself, and the longest task, during five seconds of a full
page. The participants come from `diemcau bot`. Their encoding uses this machine's processors too, so compare slow-downs, not
machines.
"""

import asyncio
import os
import subprocess
import sys
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

from tests.bench import peers

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--allow-loopback-in-peer-connection", "--use-fake-device-for-media-stream"]
FLAGS += ["--use-fake-ui-for-media-stream"]
BOTS = 40
SLOWER = (1, 4)
WATCH_S = 5.0
PATIENCE_S, ASKED_S = 60.0, 0.05
WATCH = """
window.seen = { drawn: 0, longest: 0 };
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.seen.longest = Math.max(window.seen.longest, one.duration);
}).observe({ type: 'longtask' });
const look = () => { window.seen.drawn += 1; requestAnimationFrame(look); };
requestAnimationFrame(look);
"""
STAND = """(() => {
  const tiles = [...document.querySelectorAll('[data-testid=tile][data-local=false]')];
  const videos = tiles.map((one) => one.querySelector('video'));
  return [tiles.length, videos.filter((one) => one !== null && one.videoWidth > 0 && one.currentTime > 0).length];
})()"""


async def measure() -> dict[str, str]:
    found: dict[str, str] = {}
    with peers.diemcau(OPEN_CREATION="true") as server:
        address = f"http://127.0.0.1:{server.port}"
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
            await page.add_init_script(WATCH)
            await page.goto(address)
            await page.get_by_test_id("start-button").click()
            await page.get_by_test_id("join-name").fill("Đo")
            bots = _bots(server, page.url.split("/m/")[1].split("#")[0])
            try:
                await page.get_by_test_id("join-button").click()
                await page.get_by_test_id("page-next").wait_for(timeout=PATIENCE_S * 1000)
                await _settled(page)
                throttle = await page.context.new_cdp_session(page)
                for slower in SLOWER:
                    found |= await _turned(page, throttle, slower)
            finally:
                bots.terminate()
                bots.wait()
                await browser.close()
    return found


def _bots(server: peers.Server, conference: str) -> "subprocess.Popen[bytes]":
    environ = os.environ | {"DIEMCAU_API_KEY": server.key, "DIEMCAU_API_SECRET": server.secret}
    words = [sys.executable, "-m", "signaling", "bot", "join", conference, "--count", str(BOTS)]
    words += ["--url", f"ws://127.0.0.1:{server.port}"]
    return subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL)


async def _turned(page: Page, throttle: CDPSession, slower: int) -> dict[str, str]:
    await throttle.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    loop, times = asyncio.get_running_loop(), []
    for way in ("page-next", "page-previous"):
        begun = loop.time()
        await page.get_by_test_id(way).click()
        tiles = await _settled(page)
        times.append((loop.time() - begun) * 1000)
    await page.evaluate("seen.drawn = 0; seen.longest = 0")
    await asyncio.sleep(WATCH_S)
    seen: dict[str, Any] = await page.evaluate("seen")
    await throttle.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return {
        f"meeting page, {BOTS} others, processor {slower}x slower": (
            f"page turned in {times[0]:.0f} ms, back to {tiles} pictures in {times[1]:.0f} ms; then drawn "
            f"{seen['drawn'] / WATCH_S:.0f} times a second, longest task {seen['longest']:.0f} ms"
        )
    }


async def _settled(page: Page) -> int:
    """Wait until every tile of other participants has a picture. Return the number of tiles."""
    for _ in range(int(PATIENCE_S / ASKED_S)):
        tiles, shown = await page.evaluate(STAND)
        if 0 < tiles == shown:
            return int(tiles)
        await asyncio.sleep(ASKED_S)
    raise RuntimeError(f"{shown} of {tiles} pictures came")


if __name__ == "__main__":
    for name, value in asyncio.run(measure()).items():
        print(f"{name}: {value}")
