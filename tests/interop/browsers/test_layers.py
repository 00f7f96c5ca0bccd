"""Layers of a track. livekit-client in a real Chromium publishes VP9 and AV1 with layers in one stream (SVC), and VP8 in three
streams.

Each viewer gets the size and the frame rate that it asked for, in a codec that it decodes. The encoder makes no layer that no
viewer receives.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.conftest import LiveServer
from tests.interop.canvas import CLIENT, PAINTED
from tests.interop.person import token
from tests.running.runs import LONG_RUN
from tests.web.visiting import USUAL, Chromiums

pytestmark = [
    pytest.mark.browser,
    pytest.mark.heavy,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="session"),  # the loop of the browser
]

BOUND_S = 60.0
LOW, HIGH = 0, 2
SIZE, FPS = (960, 540), 10
SMALL, SMOOTH_FPS = (320, 180), 15
"""For the tests that compare numbers of pictures, not their sizes."""
WIDTHS = {LOW: SIZE[0] // 4, HIGH: SIZE[0]}

PUBLISH = """async ([url, jwt, codec, mode, backupCodec, [width, height], fps]) => {
  const room = new LivekitClient.Room({ dynacast: true });
  await room.connect(url, jwt);
  const track = (PAINTED)(width, height, fps);
  const options = { source: 'camera', videoCodec: codec, scalabilityMode: mode, backupCodec, simulcast: mode === null };
  await room.localParticipant.publishTrack(track, { ...options, videoEncoding: { maxBitrate: 1_200_000, maxFramerate: fps } });
  window.publisher = room;
}""".replace("PAINTED", PAINTED)
WATCH = """async ([url, jwt, name]) => {
  const room = new LivekitClient.Room();
  (window.viewers ??= {})[name] = room;
  room.on('trackSubscribed', (track) => document.body.append(track.attach()));
  await room.connect(url, jwt);
}"""
WITHOUT = """(mime) => {
  const { addTransceiver } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.addTransceiver = function (...given) {
    const made = addTransceiver.apply(this, given);
    if (made.receiver.track.kind === 'video') {
      const all = RTCRtpReceiver.getCapabilities('video').codecs;
      made.setCodecPreferences(all.filter((codec) => codec.mimeType !== mime));
    }
    return made;
  };
}"""
WANT = """([name, quality]) => {
  const [publisher] = window.viewers[name].remoteParticipants.values();
  publisher.getTrackPublication('camera').setVideoQuality(quality);
}"""
WANT_FPS = """([name, fps]) => {
  const [publisher] = window.viewers[name].remoteParticipants.values();
  publisher.getTrackPublication('camera').setVideoFPS(fps);
}"""
SEES = """async (name) => {
  const [publisher] = window.viewers[name].remoteParticipants.values();
  const track = publisher?.getTrackPublication('camera')?.track;
  if (!track) return null;
  const stats = await track.receiver.getStats();
  const codec = (one) => stats.get(one.codecId)?.mimeType;
  for (const [, one] of stats)
    if (one.type === 'inbound-rtp') return {
      width: one.frameWidth ?? 0, decoded: one.framesDecoded, bytes: one.bytesReceived, plis: one.pliCount, mime: codec(one),
    };
  return null;
}"""
SENT = """async () => {
  const track = window.publisher.localParticipant.getTrackPublication('camera').track;
  for (const [, one] of await track.sender.getStats())
    if (one.type === 'outbound-rtp') return { mode: one.scalabilityMode, keys: one.keyFramesEncoded, active: one.active };
  return null;
}"""


MADE = """async () => {
  const track = window.publisher.localParticipant.getTrackPublication('camera').track, made = {};
  for (const [, one] of await track.sender.getStats()) if (one.type === 'outbound-rtp') made[one.rid] = one.framesEncoded ?? 0;
  return made;
}"""
COUNTED = """async () => {
  const decoded = {};
  for (const name in window.viewers) decoded[name] = (await (SEES)(name)).decoded;
  return { decoded, made: Object.values(await (MADE)()).reduce((sum, one) => sum + one, 0) };
}""".replace("SEES", SEES).replace("MADE", MADE)
"""How many pictures each viewer has decoded, and how many the publisher has made."""
PERIOD_S = 1.5
"""Seconds. Chosen: 22 pictures. Longer: each change takes longer. Shorter: a late picture changes the share too much."""


@pytest_asyncio.fixture(loop_scope="session")
async def page(server: LiveServer, chromiums: Chromiums) -> AsyncIterator[Page]:
    """Open a page with the library alone. It is small, because the browser draws each picture by the processor."""
    browser = await chromiums.get(USUAL)
    context = await browser.new_context(bypass_csp=True, viewport={"width": 320, "height": 240})
    made = await context.new_page()
    await made.goto(f"{server.url}/healthz")
    await made.evaluate(CLIENT.read_text())
    yield made
    await context.close()


def jwt(server: LiveServer, identity: str, conference: str) -> str:
    return token(server.api_key, server.api_secret, identity, conference)


async def sees(page: Page, viewer: str, width: int, more: int = 10) -> dict[str, Any]:
    """Wait until the viewer decodes `more` pictures of this width, and return its report."""
    deadline, first = time.monotonic() + BOUND_S, None
    while True:
        report: dict[str, Any] | None = await page.evaluate(SEES, viewer)
        if report is None or report["width"] != width:
            first = None
        elif first is None:
            first = report["decoded"]
        elif report["decoded"] >= first + more:
            return report
        assert time.monotonic() < deadline, f"{viewer} sees no pictures of width {width}: {report}"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("codec", "mode"), [("vp9", "L3T3_KEY"), pytest.param("av1", "L3T3_KEY", marks=pytest.mark.sim)]
)
async def test_each_viewer_gets_its_size_and_a_codec_it_decodes(
    server: LiveServer, page: Page, codec: str, mode: str
) -> None:
    """The viewers ask for sizes. Then a viewer without the codec comes, and gets the backup codec."""
    conference, backup = f"layers-{codec}", {"codec": "vp8"}
    await page.evaluate(PUBLISH, [server.ws_url, jwt(server, "an", conference), codec, mode, backup, SIZE, FPS])
    for name in ("binh", "chi"):
        await page.evaluate(WATCH, [server.ws_url, jwt(server, name, conference), name])
    for name in ("binh", "chi"):
        await sees(page, name, WIDTHS[HIGH])
    assert (await page.evaluate(SENT))["mode"] == mode
    for quality in (LOW, HIGH, LOW):
        keys = (await page.evaluate(SENT))["keys"]
        await page.evaluate(WANT, ["binh", quality])
        small = await sees(page, "binh", WIDTHS[quality])
        if quality == LOW:
            assert (await page.evaluate(SENT))["keys"] == keys, "going down needs no key frame"
    large = await sees(page, "chi", WIDTHS[HIGH])
    assert small["bytes"] < large["bytes"]
    assert (small["plis"], large["plis"]) == (0, 0), "no decoder ever lacked anything"
    await page.evaluate(WITHOUT, f"video/{codec.upper()}")
    await page.evaluate(WATCH, [server.ws_url, jwt(server, "dung", conference), "dung"])
    assert (await sees(page, "dung", WIDTHS[HIGH]))["mime"] == "video/VP8"
    assert (await sees(page, "chi", WIDTHS[HIGH]))["mime"] == f"video/{codec.upper()}"


async def rests(page: Page, layers: set[str]) -> None:
    """Wait until exactly these streams make no picture for two seconds."""
    deadline = time.monotonic() + BOUND_S
    while True:
        before: dict[str, int] = await page.evaluate(MADE)
        await asyncio.sleep(2)
        after: dict[str, int] = await page.evaluate(MADE)
        assert set(after) == {"q", "h", "f"}
        if {name for name in after if after[name] == before[name]} == layers:
            return
        assert time.monotonic() < deadline, f"not only {layers} rest: {before}, {after}"


@pytest.mark.sim
async def test_layers_without_a_viewer_are_not_encoded(server: LiveServer, page: Page) -> None:
    """Dynacast: the publisher's encoder stops the layers that no viewer receives."""
    await page.evaluate(PUBLISH, [server.ws_url, jwt(server, "an", "dynacast"), "vp8", None, False, SIZE, FPS])
    await page.evaluate(WATCH, [server.ws_url, jwt(server, "binh", "dynacast"), "binh"])
    await sees(page, "binh", SIZE[0])
    await rests(page, set())  # a viewer of the largest layer may need a smaller layer at once
    await page.evaluate(WANT, ["binh", LOW])
    await sees(page, "binh", SIZE[0] // 3)
    await rests(page, {"h", "f"})
    await page.evaluate(WANT, ["binh", HIGH])
    await sees(page, "binh", SIZE[0])
    await page.evaluate("() => window.viewers.binh.disconnect()")
    await rests(page, {"q", "h", "f"})
    await page.evaluate(WATCH, [server.ws_url, jwt(server, "chi", "dynacast"), "chi"])
    await sees(page, "chi", SIZE[0])


async def get(page: Page, **bounds: tuple[float, float]) -> None:
    """Wait until each viewer gets a share of the pictures within its bounds, in two periods of `PERIOD_S` each."""
    deadline, shares = time.monotonic() + BOUND_S, list[dict[str, float]]()
    while len(shares) < 2 or not all(
        least < one[name] < most for one in shares[-2:] for name, (least, most) in bounds.items()
    ):
        assert time.monotonic() < deadline, f"the shares of the pictures are {shares}, not {bounds}"
        before = await page.evaluate(COUNTED)
        await asyncio.sleep(PERIOD_S)
        after = await page.evaluate(COUNTED)
        made = max(1, after["made"] - before["made"])
        shares.append({name: (after["decoded"][name] - before["decoded"][name]) / made for name in bounds})


RATES = ((5, 0.15, 0.4), (15, 0.4, 0.65), (30, 0.9, 1.1), (5, 0.15, 0.4))[0 if LONG_RUN else 1 :]
"""The wishes of a viewer, and the bounds of its share of the pictures."""


@pytest.mark.longer
async def test_a_viewer_gets_the_frame_rate_that_it_asks_for(server: LiveServer, page: Page) -> None:
    """A viewer of VP9 gets a quarter, half or all of the pictures, as it asks. No change of the temporal layer needs a key
    frame.
    """
    await page.evaluate(PUBLISH, [server.ws_url, jwt(server, "an", "fewer"), "vp9", "L1T3", False, SMALL, SMOOTH_FPS])
    for name in ("binh", "chi"):
        await page.evaluate(WATCH, [server.ws_url, jwt(server, name, "fewer"), name])
        await sees(page, name, SMALL[0])
    sent = await page.evaluate(SENT)
    assert sent["mode"] == "L1T3"
    for fps, least, most in RATES:
        await page.evaluate(WANT_FPS, ["binh", fps])
        await get(page, binh=(least, most), chi=(0.9, 1.1))
    assert (await page.evaluate(SENT))["keys"] == sent["keys"], "none was needed"
    for name in ("binh", "chi"):
        assert (await page.evaluate(SEES, name))["plis"] == 0, "no decoder ever lacked anything"
