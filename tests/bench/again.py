"""How long pictures stand still in browsers when the server is killed or stopped and started again, or asks for a full reconnect.

`python tests/bench/again.py --people 50 --rounds 3 --how killed`. The people are rooms of `livekit-client` in one Chromium: half
of them send a small picture, each of the others looks at one. `--client FILE` takes another version of the library (its
`livekit-client.umd.js`), `--page` the library and the backoff as our page has them. The next server is started 0.2 s after the
signal, on the same port.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.async_api import Page, async_playwright

from tests.bench import peers
from tests.interop.canvas import CLIENT, PAINTED
from tests.interop.person import token
from tests.ports import free_port
from tests.web.visiting import CHROMIUM

Start = Callable[[], AbstractContextManager[peers.Server]]
WEB = Path(__file__).resolve().parents[2] / "web"
GAP_S = 0.2
BOUND_S = 90.0
SETTLED_S = 3.0
"""Without a pause of the pictures, before the next round."""
LOAD = """async ([code, umd, retries]) => {
  if (umd) (0, eval)(code);
  else window.LivekitClient = await import(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
  window.options = retries ? { reconnectPolicy: new LivekitClient.DefaultReconnectPolicy(retries) } : {};
}"""
JOIN = """async ([url, jwt, name, seen]) => {
  const room = new LivekitClient.Room(options);
  const one = ((window.people ??= {})[name] = { room, seen, frames: [] });
  const look = (publication, who) => { if (who.identity === seen) publication.setSubscribed(true); };
  const lookAll = () => room.remoteParticipants.forEach((who) => who.trackPublications.forEach((one) => look(one, who)));
  room.on('trackPublished', look).on('reconnected', lookAll).on('trackSubscribed', (track) => {
    const picture = track.attach();
    document.body.append(picture);
    const count = () => { one.frames.push(Date.now()); picture.requestVideoFrameCallback(count); };
    picture.requestVideoFrameCallback(count);
  });
  await room.connect(url, jwt, { autoSubscribe: false });
  lookAll();
  if (!seen) await room.localParticipant.publishTrack((PAINTED)(160, 90, 10), { source: 'camera', simulcast: false });
}""".replace("PAINTED", PAINTED)
SEES = """(since) => Object.values(people).every(({ seen, frames }) => !seen ||
  (frames.filter((at) => at > since).length > 5 && Date.now() - frames.at(-1) < 500))"""
RECONNECT = (
    "() => Object.values(people).forEach(({ room, seen }) => seen && room.simulateScenario('leave-full-reconnect'))"
)
FRAMES = (
    "() => Object.values(people).filter(({ seen }) => seen).map(({ frames }) => frames.splice(0, frames.length - 1))"
)
LIBRARY = """
const fs = require('fs'), ts = require('typescript'), made = { exports: {} };
const read = (name) => fs.readFileSync(name, 'utf8'), compilerOptions = { module: 'commonjs', target: 'es2022' };
const text = ts.transpileModule(read('tools/prompt.ts'), { compilerOptions }).outputText;
new Function('exports', 'require', text)(made.exports, require);
process.stdout.write(made.exports.changed(read('node_modules/livekit-client/dist/livekit-client.esm.mjs')));
"""
"""Prints the library as the build of our page changes it."""


def _client(given: argparse.Namespace) -> list[Any]:
    if not given.page:
        return [given.client.read_text(), True, None]
    made = subprocess.run(["node", "-e", LIBRARY], cwd=WEB, capture_output=True, text=True, check=True)
    page = (WEB / "src" / "call" / "conference.svelte.ts").read_text()
    found = re.search(r"RETRY_MS = (\[[^\]]+\])", page)
    assert found is not None
    return [made.stdout, False, json.loads(found[1])]


async def measure(given: argparse.Namespace) -> list[float]:
    """Seconds without a picture, of each viewer in each round."""
    port, secret, stood = free_port(), secrets.token_hex(24), []
    with tempfile.TemporaryDirectory(prefix="again-") as folder, ExitStack() as servers:
        start = partial(peers.diemcau, HTTP_PORT=str(port), API_SECRET=secret, DATA_DIR=folder)
        server = servers.enter_context(start())
        async with async_playwright() as playwright:
            flags = [
                "--no-sandbox",
                "--allow-loopback-in-peer-connection",
                "--autoplay-policy=no-user-gesture-required",
            ]
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            page = await (await browser.new_context(bypass_csp=True)).new_page()
            await page.goto(f"http://127.0.0.1:{port}/healthz")
            await page.evaluate(LOAD, _client(given))
            for number in range(given.people):
                seen = f"p{number - 1}" if number % 2 else ""
                jwt = token(peers.KEY, secret, f"p{number}", "again")
                await page.evaluate(JOIN, [f"ws://127.0.0.1:{port}", jwt, f"p{number}", seen])
            for _ in range(given.rounds):
                await page.wait_for_function(SEES, arg=0, timeout=BOUND_S * 1000)
                await asyncio.sleep(SETTLED_S)
                await page.evaluate(FRAMES)
                begin = time.time()
                if given.how == "full":
                    await page.evaluate(RECONNECT)
                else:
                    server = await _restart(servers, server, start, given.how == "killed")
                stood += await _pauses(page, begin)
            await browser.close()
    return stood


async def _restart(servers: ExitStack, old: peers.Server, start: Start, killed: bool) -> peers.Server:
    """The next one listens and serves; its start is part of what is measured."""
    begin = time.monotonic()
    os.kill(old.pid, signal.SIGKILL if killed else signal.SIGTERM)
    while _runs(old.pid):
        await asyncio.sleep(0.01)
    await asyncio.sleep(max(0.0, GAP_S - (time.monotonic() - begin)))
    return await asyncio.to_thread(servers.enter_context, start())


def _runs(pid: int) -> bool:
    """Not ended, or not yet waited for."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def _pauses(page: Page, begin: float) -> list[float]:
    """The longest time between two pictures, of each viewer, once all see again."""
    await asyncio.sleep(1.0)
    await page.wait_for_function(SEES, arg=(begin + 1.0) * 1000, timeout=BOUND_S * 1000)
    seen: list[list[float]] = await page.evaluate(FRAMES)
    return [max((later - earlier) / 1000 for earlier, later in itertools.pairwise(one)) for one in seen]


def tell(given: argparse.Namespace, stood: list[float]) -> str:
    ordered = sorted(stood)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    who = "page" if given.page else given.client.parts[-3]
    return (
        f"{given.people} people, {given.how}, {who}: pictures stood still p50 {p50:.2f} p95 {p95:.2f} max {ordered[-1]:.2f} s "
        f"(n={len(ordered)}, load {os.getloadavg()[0]:.1f})"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--how", choices=("killed", "stopped", "full"), default="killed", help="full: full reconnects")
    parser.add_argument("--client", type=Path, default=CLIENT, help="livekit-client.umd.js of another version")
    parser.add_argument("--page", action="store_true", help="the library and the backoff as our page has them")
    options = parser.parse_args()
    print(tell(options, asyncio.run(measure(options))))
