"""The time for which pictures stand still when the server is killed, is stopped and started again, or asks for a full
reconnect.

`make bench` runs all of it in four minutes. To run a part: `python tests/bench/returns/again.py --how killed,full --rounds 5
--client page`. Half of the `--people` are viewers. `--rooms` of them are rooms of `livekit-client` in Chromium, and the load
generator makes the others. Each room has its own page and context, because each person has a browser. Chromium lets the rooms
of one page connect only one after another. In Chromium each viewer looks at the small picture of one other room. `--client` is
`page` (the library and the backoff as our page has them) or another version's `livekit-client.umd.js`. The next server starts
on the same port 0.2 s after the signal, or when the old server has ended if that is later.
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
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from playwright.async_api import Browser, Page, async_playwright

from tests.bench import peers
from tests.interop.canvas import CLIENT, PAINTED
from tests.interop.person import token
from tests.ports import free_port
from tests.web.visiting import WINDOWED

Start = Callable[[], AbstractContextManager[peers.Server]]
WEB = Path(__file__).resolve().parents[3] / "web"
PAGE = "page"
FLAGS = ["--no-sandbox", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required"]
GAP_S = 0.2
BOUND_S = 90.0
SETTLED_S = 2.0
"""Seconds between rounds. In this time the pictures must move again. Shorter: the end of one return disturbs the next round."""
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
  if (!seen) await room.localParticipant.publishTrack((PAINTED)(160, 90, 20), { source: 'camera', simulcast: false });
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


HOW = {"killed": (2.5, 4.0), "stopped": (1.5, None), "full": (0.5, None)}
"""Events, each with its aims for p50 and p95 in seconds."""


@dataclass
class Row:
    """Results of one kind of client and one `how`, all rounds."""

    client: str
    how: str
    stood_s: list[float] = field(default_factory=list)
    """Seconds, one value for each viewer in Chromium."""
    crowd_s: list[float] = field(default_factory=list)
    """Seconds from the loss of the socket to the first key frame, one value for each viewer of the generator."""
    served_s: list[float] = field(default_factory=list)
    """Seconds from the signal to the first answer of the next server, one value for each round."""
    load: float = 0.0


class Crowd:
    """The participants of the load generator. They join at the start of `async with`, and leave at its end."""

    def __init__(self, server: peers.Server, secret: str, people: int) -> None:
        arguments = {"server": server.url, "pid": server.pid, "key": peers.KEY, "secret": secret, "conference": "again"}
        words = [str(word) for name, value in arguments.items() for word in (f"--{name}", value)]
        self._words = [str(peers.build_generator()), "again", *words, "--viewers", str(people)]

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._words, stdin=pipe, stdout=pipe)
        await self.seconds()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def seconds(self) -> list[float]:
        """Return how long each viewer took to come back since the last call of this method. All viewers are back by then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(BOUND_S):
            line = await self._process.stdout.readline()
        found: list[float] = json.loads(line)["viewers"]
        return found


def _client(client: str) -> list[Any]:
    if client != PAGE:
        return [Path(client).read_text(), True, None]
    made = subprocess.run(["node", "-e", LIBRARY], cwd=WEB, capture_output=True, text=True, check=True)
    page = (WEB / "src" / "call" / "live" / "room.ts").read_text()
    found = re.search(r"RETRY_MS = (\[[^\]]+\])", page)
    assert found is not None
    return [made.stdout, False, json.loads(found[1])]


async def measure(given: argparse.Namespace, client: str) -> list[Row]:
    port, secret, rows = free_port(), secrets.token_hex(24), [Row(_name(client), how) for how in given.how]
    with tempfile.TemporaryDirectory(prefix="again-") as folder, ExitStack() as servers:
        start = partial(peers.diemcau, HTTP_PORT=str(port), API_SECRET=secret, DATA_DIR=folder)
        server = servers.enter_context(start())
        async with AsyncExitStack() as stack:
            crowd = await stack.enter_async_context(Crowd(server, secret, given.people - given.rooms))
            playwright = await stack.enter_async_context(async_playwright())
            browser = await playwright.chromium.launch(executable_path=WINDOWED, args=FLAGS)
            pages = [await _room(browser, client, server, secret, number) for number in range(given.rooms)]
            for row, _ in itertools.product(rows, range(given.rounds)):
                await asyncio.gather(*(page.wait_for_function(SEES, arg=0, timeout=BOUND_S * 1000) for page in pages))
                await asyncio.sleep(SETTLED_S)
                await asyncio.gather(crowd.seconds(), *(page.evaluate(FRAMES) for page in pages))
                row.load, begin = os.getloadavg()[0], time.time()
                if row.how == "full":
                    await asyncio.gather(*(page.evaluate(RECONNECT) for page in pages))
                else:
                    server = await _restart(servers, server, start, row.how == "killed")
                    row.served_s.append(time.time() - begin)
                row.stood_s += itertools.chain(*await asyncio.gather(*(_pauses(page, begin) for page in pages)))
                row.crowd_s += await crowd.seconds()
            await browser.close()
    return rows


async def _room(browser: Browser, client: str, server: peers.Server, secret: str, number: int) -> Page:
    """Open a page with one room, which sends a picture or watches the picture of the previous room."""
    page = await (await browser.new_context(bypass_csp=True)).new_page()
    await page.goto(f"http://127.0.0.1:{server.port}/healthz")
    await page.evaluate(LOAD, _client(client))
    seen = f"p{number - 1}" if number % 2 else ""
    await page.evaluate(JOIN, [server.url, token(peers.KEY, secret, f"p{number}", "again"), f"p{number}", seen])
    return page


async def _restart(servers: ExitStack, old: peers.Server, start: Start, killed: bool) -> peers.Server:
    """Stop the old server and return the next server once it answers. The start of the next server is part of the measured
    time.
    """
    begin = time.monotonic()
    os.kill(old.pid, signal.SIGKILL if killed else signal.SIGTERM)
    while _runs(old.pid):
        await asyncio.sleep(0.01)
    await asyncio.sleep(max(0.0, GAP_S - (time.monotonic() - begin)))
    return await asyncio.to_thread(servers.enter_context, start())


def _runs(pid: int) -> bool:
    """Report whether the process has not ended. A zombie has ended."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def _pauses(page: Page, begin: float) -> list[float]:
    """Wait until all viewers see pictures again. Return the longest time between two pictures for each viewer."""
    await asyncio.sleep(1.0)
    await page.wait_for_function(SEES, arg=(begin + 1.0) * 1000, timeout=BOUND_S * 1000)
    seen: list[list[float]] = await page.evaluate(FRAMES)
    return [max((later - earlier) / 1000 for earlier, later in itertools.pairwise(one)) for one in seen]


def lines(given: argparse.Namespace, row: Row) -> list[str]:
    """Write rows of the table: one for the viewers in Chromium, and one for the participants of the generator, if any exist."""
    p50, p95 = HOW[row.how]
    aim = f"{p50:g}" if p95 is None else f"{p50:g} / {p95:g}"
    served = f", served after {statistics.median(row.served_s):.2f} s" if row.served_s else ""
    told = f"{given.people} people, {row.how}, {row.client}"
    where = f"n={len(row.stood_s)}, {given.rooms // 2} viewers in Chromium{served}, load {row.load:.1f}"
    made = [f"| {told}: pictures stood still p50 / p95 | {_told(row.stood_s)} ({where}) | {aim} s |"]
    if row.crowd_s:
        made.append(
            f"| the generator's viewers beside, back p50 / p95 | {_told(row.crowd_s)} (n={len(row.crowd_s)}) | {aim} s |"
        )
    return made


def _told(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.2f} / {ordered[int(len(ordered) * 0.95)]:.2f}, longest {ordered[-1]:.2f} s"


def _name(client: str) -> str:
    if client == PAGE:
        return "our page"
    package = json.loads((Path(client).resolve().parents[1] / "package.json").read_text())
    return f"{package['name']} {package['version']}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--rooms", type=int, default=4, help="of them in Chromium")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--how", type=lambda text: text.split(","), default=list(HOW), help="full: full reconnects")
    parser.add_argument(
        "--client", default=f"{PAGE},{CLIENT}", help="page, or livekit-client.umd.js of another version"
    )
    options = parser.parse_args()
    print("| | measured | aim |\n|---|---|---|")
    for one in options.client.split(","):
        for row in asyncio.run(measure(options, one)):
            print(*lines(options, row), sep="\n", flush=True)
