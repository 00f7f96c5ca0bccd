"""The server is killed and another server starts on its port. Rooms of the published `livekit-client`, and our own page, show
pictures again.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage
from playwright.async_api import TimeoutError as PlaywrightTimeout

from tests.conftest import LiveServer, start_server
from tests.interop.canvas import CLIENT, PAINTED, SMALL_CAMERA
from tests.interop.person import token
from tests.ports import free_port
from tests.web.test_pages import new_meeting
from tests.web.visiting import USUAL, Chromiums, Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.heavy, pytest.mark.slow]

OURS = "Trần Thị Bình"
"""The name of the participant in our page."""
KEY = {"DIEMCAU_API_KEY": "again", "DIEMCAU_API_SECRET": "a" * 32}
BOUND_S, PAGE_BOUND_S = 36.0, 22.0
"""Seconds. Ten times the median that `tests/bench/returns/again.py` measures. Two seconds of `BOUND_S` are a sleep of the
library. Larger: the test misses a slow return. Smaller: the test fails on a busy machine.
"""
JITTER_MS = 500
"""Milliseconds. From `livekit-client`: the longest wait after a `leave` with RECONNECT. Later steps of its backoff are longer.
Larger: the test misses a client in a later step. Smaller: the test fails for a correct client.
"""
JOIN = """async ([url, jwt, name, dual]) => {
  LivekitClient.setLogLevel('debug');
  const room = new LivekitClient.Room({ singlePeerConnection: !dual });
  const one = ((window.people ??= {})[name] = { room, frames: {} });
  room.on('trackSubscribed', (track, _, { name: from }) => {
    const picture = track.attach();
    document.body.append(picture);
    if (track.kind !== 'video') return;
    const count = () => { one.frames[from] = (one.frames[from] ?? 0) + 1; picture.requestVideoFrameCallback(count); };
    picture.requestVideoFrameCallback(count);
  });
  await room.connect(url, jwt);
  if (name === 'speaker') await room.localParticipant.publishTrack((PAINTED)(320, 180, 10), { source: 'camera' });
}""".replace("PAINTED", PAINTED)
SEE = """() => ['one', 'two'].every((name) => ['speaker', 'OURS'].every((from) => people[name].frames[from] > 5))""".replace(
    "OURS", OURS
)
WATCH = """() => Object.values(people).forEach((one) => {
  one.room.once('reconnecting', () => Object.assign(one, { frames: {}, again: true }));
})"""
"""Count pictures only after the client gives up the old connection."""
SEE_AGAIN = SEE.replace("['speaker'", "people[name].again && ['speaker'")
LINKS = """() => {
  const call = document.querySelector('[data-testid=call]');
  window.links = [];
  new MutationObserver(() => links.push(call.dataset.link)).observe(call, { attributeFilter: ['data-link'] });
}"""
MOVES = """() => {
  const [picture] = document.querySelectorAll('[data-testid=tile][data-local=false] video');
  if (links.at(-1) !== 'steady' || !links.includes('media-lost') || !picture) return false;
  window.since = Math.min(window.since ?? Infinity, picture.currentTime);
  return picture.currentTime > since + 0.5;
}"""
PICTURES = """() => [...document.querySelectorAll('video')].map(({ videoWidth, readyState, currentTime, paused, srcObject }) => [
  videoWidth, readyState, currentTime, paused, srcObject?.getTracks().map((one) => [one.kind, one.readyState, one.muted]),
])"""

Restart = Callable[[], float]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """Start a server on a fixed free port, so that the next server can use the same port."""
    made = start_server(tmp_path, "--http-port", str(free_port()), **KEY)
    yield made
    made.stop()


@pytest.fixture
def restart(server: LiveServer, tmp_path: Path) -> Iterator[Restart]:
    """Give a function that kills the server and starts the next server. The function returns the time of the kill, after the
    next server has started.
    """
    begun: list[LiveServer] = []

    def again() -> float:
        server.stop(signal.SIGKILL)
        at = time.monotonic()
        begun.append(start_server(tmp_path, "--http-port", str(server.port), **KEY))
        return at

    yield again
    for one in begun:
        one.stop()


async def test_our_page_and_published_clients_see_again(
    server: LiveServer, restart: Restart, visit: Visit, chromiums: Chromiums
) -> None:
    """Two published clients see our page and a third published client, and our page sees the third client."""
    told: list[str] = []
    ours = await visit(width=900, height=600, script=SMALL_CAMERA)
    link = await new_meeting(ours, server)
    await ours.join(link, OURS)
    async with await (await chromiums.get(USUAL)).new_context(bypass_csp=True) as context:
        page = await context.new_page()
        page.on("console", lambda message: _note(told, message))
        await page.goto(f"{server.url}/healthz")
        await page.evaluate(CLIENT.read_text())
        for name, dual in (("speaker", False), ("one", False), ("two", True)):
            jwt = token(server.api_key, server.api_secret, name, link.split("/m/")[1].split("#")[0])
            await page.evaluate(JOIN, [server.ws_url, jwt, name, dual])
        await page.wait_for_function(SEE, timeout=60_000)
        await page.evaluate(WATCH)
        await ours.page.evaluate(LINKS)
        killed = await asyncio.to_thread(restart)
        await _our_page_sees_again(ours, killed)
        await page.wait_for_function(SEE_AGAIN, timeout=(BOUND_S - time.monotonic() + killed) * 1000)
    for name in ("one", "two"):
        _joined_without_backoff([line for line in told if f"participant: {name}" in line])


async def _our_page_sees_again(ours: Visitor, killed: float) -> None:
    try:
        await ours.page.wait_for_function(MOVES, timeout=(PAGE_BOUND_S - time.monotonic() + killed) * 1000)
    except PlaywrightTimeout:
        print("the connection of our page:", await ours.page.evaluate("links"))
        print("pictures, with their tracks:", await ours.page.evaluate(PICTURES))
        raise
    links = await ours.page.evaluate("links")
    assert links.index("media-lost") < links.index("steady")
    assert "gone" not in links


def _joined_without_backoff(mine: list[str]) -> None:
    """Check what one published client wrote to its log."""
    resumed = _index(mine, "client leave request")
    waits = mine[resumed + _index(mine[resumed:], "reconnecting in ")]
    assert float(re.findall(r"[0-9.]+", waits)[0]) <= JITTER_MS
    assert not any(line.startswith("resuming signal") for line in mine[resumed : _index(mine, "fully reconnected")])
    assert not any("Received leave request while" in line for line in mine), "a resume that counts as failed waits"


def _note(told: list[str], message: ConsoleMessage) -> None:
    told.append(message.text)


def _index(lines: list[str], begin: str) -> int:
    found = [at for at, line in enumerate(lines) if line.startswith(begin)]
    assert found, f"{begin!r} is not among {lines}"
    return found[0]
