"""The server is killed and another server starts on its port. Pages with the published `livekit-client`, and our own pages,
show pictures again.
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
from tests.web.visiting import USUAL, Chromiums, Visit

pytestmark = [pytest.mark.browser, pytest.mark.heavy, pytest.mark.slow]

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
  const one = ((window.people ??= {})[name] = { room, frames: 0 });
  room.on('trackSubscribed', (track) => {
    const picture = track.attach();
    document.body.append(picture);
    const count = () => { one.frames += 1; picture.requestVideoFrameCallback(count); };
    picture.requestVideoFrameCallback(count);
  });
  await room.connect(url, jwt);
  if (name === 'speaker') await room.localParticipant.publishTrack((PAINTED)(320, 180, 10), { source: 'camera' });
}""".replace("PAINTED", PAINTED)
SEE = "() => Object.entries(people).every(([name, { frames }]) => name === 'speaker' || frames > 5)"
WATCH = """() => Object.values(people).forEach((one) => {
  one.room.once('reconnecting', () => Object.assign(one, { frames: 0, again: true }));
})"""
"""Count pictures only after the client gives up the old connection."""
SEE_AGAIN = SEE.replace("[name, { frames }]", "[name, { frames, again }]").replace(
    "frames > 5", "(again && frames > 5)"
)
LINKS = """() => {
  const call = document.querySelector('[data-testid=call]');
  window.links = [];
  new MutationObserver(() => links.push(call.dataset.link)).observe(call, { attributeFilter: ['data-link'] });
}"""
MOVES = """() => {
  const [picture] = document.querySelectorAll('[data-testid=tile][data-local=false] video');
  return links.at(-1) === 'steady' && links.includes('media-lost') && picture?.currentTime > 0.5;
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


@pytest.mark.asyncio(loop_scope="session")  # the loop of the browser
async def test_a_published_client_joins_without_its_backoff(
    server: LiveServer, restart: Restart, chromiums: Chromiums
) -> None:
    told: list[str] = []
    async with await (await chromiums.get(USUAL)).new_context(bypass_csp=True) as context:
        page = await context.new_page()
        page.on("console", lambda message: _note(told, message))
        await page.goto(f"{server.url}/healthz")
        await page.evaluate(CLIENT.read_text())
        for name, dual in (("speaker", False), ("one", False), ("two", True)):
            jwt = token(server.api_key, server.api_secret, name, "again")
            await page.evaluate(JOIN, [server.ws_url, jwt, name, dual])
        await page.wait_for_function(SEE, timeout=60_000)
        await page.evaluate(WATCH)
        killed = await asyncio.to_thread(restart)
        await page.wait_for_function(SEE_AGAIN, timeout=(BOUND_S - time.monotonic() + killed) * 1000)
        for name in ("one", "two"):
            mine = [line for line in told if f"participant: {name}" in line]
            resumed = _index(mine, "client leave request")
            waits = mine[resumed + _index(mine[resumed:], "reconnecting in ")]
            assert float(re.findall(r"[0-9.]+", waits)[0]) <= JITTER_MS
            assert not any(
                line.startswith("resuming signal") for line in mine[resumed : _index(mine, "fully reconnected")]
            )
            assert not any("Received leave request while" in line for line in mine), (
                "a resume that counts as failed waits"
            )


def _note(told: list[str], message: ConsoleMessage) -> None:
    told.append(message.text)


def _index(lines: list[str], begin: str) -> int:
    found = [at for at, line in enumerate(lines) if line.startswith(begin)]
    assert found, f"{begin!r} is not among {lines}"
    return found[0]


async def test_our_page_sees_again(server: LiveServer, restart: Restart, visit: Visit) -> None:
    speaker, viewer = [await visit(width=900, height=600, script=SMALL_CAMERA) for _ in range(2)]
    link = await new_meeting(speaker, server)
    await speaker.join(link, "Nguyễn Văn An")
    await viewer.join(link, "Trần Thị Bình")
    await viewer.page.evaluate(LINKS)
    killed = await asyncio.to_thread(restart)
    try:
        await viewer.page.wait_for_function(MOVES, timeout=(PAGE_BOUND_S - time.monotonic() + killed) * 1000)
    except PlaywrightTimeout:
        print("the connection of the viewer:", await viewer.page.evaluate("links"))
        for visitor in (speaker, viewer):
            print("pictures, with their tracks:", await visitor.page.evaluate(PICTURES))
        raise
    links = await viewer.page.evaluate("links")
    assert links.index("media-lost") < links.index("steady")
    assert "gone" not in links
