"""A browser in a separate process that runs the check of the page `/test`. The process may run in another network namespace.

`python -m tests.interop.checker URL` starts it and prints the page's results as one line of JSON. A test calls `check`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from playwright.async_api import async_playwright

from tests.conftest import ROOT
from tests.interop.canvas import SMALL_CAMERA
from tests.interop.visitor import SETTINGS, WINDOW
from tests.web.visiting import CHROMIUM, DEVICES, SMOOTH

BOUND_S = 120.0
PHONE = WINDOW | {"viewport": {"width": 360, "height": 640}}
"""A small window, because a browser here draws by the processor."""
FOUND = """() => ({
  parts: Object.fromEntries([...document.querySelectorAll('[data-testid=part]')].map((one) => [one.dataset.part, {
    verdict: one.dataset.verdict, words: one.innerText }])),
  measures: document.querySelector('[data-testid=measures]').textContent,
  trouble: '',
})"""


async def check(url: str, *, prefix: Sequence[str]) -> dict[str, Any]:
    """Run the check and return its results. `prefix` is a command that runs the process elsewhere, such as `ip netns exec
    NAME`.
    """
    command = (*prefix, sys.executable, "-m", "tests.interop.checker", url)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), BOUND_S)
    finally:
        if process.returncode is None:
            process.terminate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


async def _run(url: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SETTINGS, SMOOTH, DEVICES[1]])
        page = await (await browser.new_context(**PHONE)).new_page()
        await page.add_init_script(SMALL_CAMERA)
        await page.goto(f"{url}/test")
        await page.get_by_test_id("preview-video").wait_for()
        await page.get_by_test_id("check-start").click()
        ended = page.locator("[data-testid=check-yes], [data-testid=check-trouble]")
        await ended.first.wait_for(timeout=BOUND_S * 1000)
        trouble = page.get_by_test_id("check-trouble")
        if await trouble.count():
            print(json.dumps({"parts": {}, "measures": "", "trouble": await trouble.inner_text()}))
        else:
            await page.get_by_test_id("check-chime").click()
            await page.get_by_test_id("check-yes").click()
            await page.get_by_test_id("check-code").wait_for()
            print(json.dumps(await page.evaluate(FOUND)))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
