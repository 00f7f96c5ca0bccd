"""A browser in a separate process that opens the home page, starts a meeting and joins it. The process may run in another
network namespace.

`python -m tests.interop.visitor URL NAME` starts it. The first line on standard output is the address of the meeting. For every
line on standard input it prints a report, one line of JSON. At the end of input the browser closes. A test uses `Visiting`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

from playwright.async_api import async_playwright

from tests.conftest import ROOT
from tests.interop.canvas import SMALL_CAMERA
from tests.waiting import until
from tests.web.visiting import CHROMIUM, DEVICES

SETTINGS = (
    "--no-sandbox",
    "--ignore-certificate-errors",  # including those of the TURN server, which the page cannot accept itself
)
WINDOW: Any = {"locale": "vi-VN", "ignore_https_errors": True, "viewport": {"width": 900, "height": 600}}
"""A window just wide enough for the page of a computer, because a browser here draws by the processor."""
KEEP_PEERS = """window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.peers.push(this); }
};"""
READ = """async () => {
  const found = { frames: 0, paths: [], states: window.peers.map((peer) => peer.iceConnectionState) };
  for (const peer of window.peers) {
    const stats = await peer.getStats();
    for (const one of stats.values()) {
      if (one.type === 'inbound-rtp' && one.kind === 'video') found.frames += one.framesDecoded ?? 0;
      if (one.type !== 'transport' || !one.selectedCandidatePairId) continue;
      const pair = stats.get(one.selectedCandidatePairId), local = stats.get(pair.localCandidateId);
      found.paths.push({ type: local.candidateType, protocol: local.relayProtocol ?? local.protocol, url: local.url ?? '' });
    }
  }
  return found;
}"""
BOUND_S = 90.0


class Visiting:
    """The test's control of one such process."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self._process = process
        self.address = address

    @classmethod
    async def start(cls, url: str, name: str, *, prefix: Sequence[str]) -> Self:
        """Start the process. `prefix` is a command that runs the process elsewhere, such as `ip netns exec NAME`."""
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "tests.interop.visitor", url, name),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), BOUND_S)
        assert line, f"the browser did not come in: {await process.wait()}"
        return cls(process, line.decode().strip())

    async def report(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"report\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), BOUND_S)
        found: dict[str, Any] = json.loads(line)
        return found

    async def until(self, condition: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        async def met() -> object:
            found.clear()
            found.update(await self.report())
            return condition(found)

        await until(met, lambda: f"{what}: {found}", BOUND_S)
        return found

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), BOUND_S)


async def _visit(url: str, name: str) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*SETTINGS, *DEVICES])
        page = await (await browser.new_context(**WINDOW)).new_page()
        await page.add_init_script(KEEP_PEERS + SMALL_CAMERA)
        await page.goto(url)
        await page.get_by_test_id("start-button").click()
        await page.get_by_test_id("preview-video").wait_for()
        address = page.url
        await page.get_by_test_id("join-name").fill(name)
        await page.get_by_test_id("join-button").click()
        print(address, flush=True)
        while await lines.readline():
            print(json.dumps(await page.evaluate(READ)), flush=True)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(_visit(sys.argv[1], sys.argv[2]))
