"""Chromium pages of the server, and one page with a native client. The tests check the decoded media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from livekit import rtc
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.interop.canvas import SMALL_CAMERA
from tests.interop.person import Person
from tests.running.runs import LONG_RUN
from tests.waiting import until
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.heavy, pytest.mark.slow]

NAMES = ("An", "Bình", "Chi") if LONG_RUN else ("An", "Bình")
PATIENCE_MS = 60_000
WATCHED_S = 10.0 if LONG_RUN else 5.0
FREEZES_S = 1.0
"""Seconds of freezes in `WATCHED_S`. Chosen, because all browsers encode and decode on the same two cores. If another task
used the machine, the test watches a second period. Larger: the test misses a server that stops pictures. Smaller: the test
fails on a busy machine.
"""

KEEP_PEERS = """window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.peers.push(this); }
};"""
WINDOW = {"width": 900, "height": 600}
"""The size of a window. Just wide enough for the page of a computer, because a browser here draws by the processor."""
READ = """async (kind) => {
  const found = {};
  for (const peer of window.peers) for (const one of (await peer.getStats()).values())
    if (one.type === 'inbound-rtp' && one.kind === kind && one.bytesReceived > 0) found[one.trackIdentifier] = one;
  return found;
}"""
TOP_COLOUR = """(video) => {
  const canvas = new OffscreenCanvas(1, 1), context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 8, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""

Counters = dict[str, dict[str, Any]]
"""The inbound-rtp statistics (W3C webrtc-stats), by track."""


async def received(visitor: Visitor, kind: str) -> Counters:
    found: Counters = await visitor.page.evaluate(READ, kind)
    return found


async def sees(visitor: Visitor, count: int) -> None:
    """Wait until the page decodes `count` video tracks."""

    async def decodes() -> bool:
        found = await received(visitor, "video")
        return sum(one.get("framesDecoded", 0) > 5 for one in found.values()) == count

    await until(decodes, f"{count} pictures are decoded")


async def hears(visitor: Visitor, count: int) -> None:
    """Wait until `count` tracks carry sound that is not silence within about one second."""

    async def sounds() -> bool:
        before = await received(visitor, "audio")
        await asyncio.sleep(1.2)  # the fake microphone beeps once per second
        after = await received(visitor, "audio")
        grown = [after[one]["totalAudioEnergy"] - before[one]["totalAudioEnergy"] for one in before if one in after]
        return sum(energy > 1e-4 for energy in grown) == count

    await until(sounds, f"{count} voices are heard")


async def meet(visit: Visit, server: LiveServer, *names: str) -> list[Visitor]:
    """Let the first visitor start the meeting on the home page. The other visitors follow the link."""
    visitors = [await visit(script=KEEP_PEERS + SMALL_CAMERA, **WINDOW) for _ in names]
    first = visitors[0]
    await first.page.goto(server.url)
    await first.part("start-button").click()
    await first.part("preview-video").wait_for()
    link = first.page.url
    for visitor, name in zip(visitors, names, strict=True):
        await visitor.join(link, name)
    return visitors


def tile(visitor: Visitor, name: str) -> Any:
    return visitor.page.locator("[data-testid=tile][data-source=camera]", has_text=name)


@pytest.mark.longer
async def test_pages_see_and_hear_each_other(visit: Visit, server: LiveServer) -> None:
    an, binh, *_ = pages = await meet(visit, server, *NAMES)
    voices = len(pages) - 1
    for page in pages:
        await expect(page.part("tile")).to_have_count(len(pages), timeout=PATIENCE_MS)
        await sees(page, voices)
    watched = Watched(pages)
    await watched.begin()
    await asyncio.gather(*(hears(page, voices) for page in pages))
    await _mute(an, *pages[1:])
    await until(watched.had_no_freeze, "a period without a freeze")
    await _write_and_raise_hand(an, binh)
    await _share(binh, *(page for page in pages if page is not binh))
    leaving = pages.pop()
    await leaving.part("leave-button").click()
    for page in pages:
        await expect(page.part("tile")).to_have_count(len(pages), timeout=PATIENCE_MS)
        await sees(page, len(pages) - 1)


class Watched:
    """The pictures of all pages in a period of `WATCHED_S`. Other steps may run in this period."""

    def __init__(self, pages: list[Visitor]) -> None:
        self._pages = list(pages)
        self._ends = 0.0
        self._before: list[Counters] = []

    async def begin(self) -> None:
        self._ends = time.monotonic() + WATCHED_S
        self._before = [await received(page, "video") for page in self._pages]

    async def had_no_freeze(self) -> bool:
        """Check the pictures after the period, and begin the next period."""
        await asyncio.sleep(max(0.0, self._ends - time.monotonic()))
        frozen_s = 0.0
        for page, old in zip(self._pages, self._before, strict=True):
            new = await received(page, "video")
            assert new.keys() == old.keys()
            for track, then in old.items():
                assert new[track]["framesDecoded"] - then["framesDecoded"] > 20
                frozen_s = max(frozen_s, new[track]["totalFreezesDuration"] - then["totalFreezesDuration"])
        await self.begin()
        return frozen_s <= FREEZES_S


async def _mute(an: Visitor, *others: Visitor) -> None:
    """Check that each other page hears one voice less while An is muted."""
    await an.part("mic-toggle").click()
    for other in others:
        await expect(tile(other, "An")).to_have_attribute("data-muted", "true", timeout=PATIENCE_MS)
    await asyncio.gather(*(hears(other, len(others) - 1) for other in others))
    await an.part("mic-toggle").click()
    for other in others:
        await expect(tile(other, "An")).to_have_attribute("data-muted", "false", timeout=PATIENCE_MS)
    await asyncio.gather(*(hears(other, len(others)) for other in others))


async def _write_and_raise_hand(an: Visitor, binh: Visitor) -> None:
    await an.part("chat-toggle").click()
    await an.part("chat-input").fill("Kính chào các điểm cầu")
    await an.part("chat-send").click()
    await binh.part("chat-toggle").click()
    await expect(binh.part("chat-message")).to_contain_text("Kính chào các điểm cầu", timeout=PATIENCE_MS)
    await an.part("hand-toggle").click()
    await expect(tile(binh, "An").locator(".hand")).to_have_count(1, timeout=PATIENCE_MS)


async def _share(binh: Visitor, *others: Visitor) -> None:
    await binh.part("share-toggle").click()
    for other in others:
        await expect(other.page.locator("[data-source=screen] video")).to_have_count(1, timeout=PATIENCE_MS)
        await sees(other, len(others) + 1)
    await binh.part("share-toggle").click()
    for other in others:
        await expect(other.page.locator("[data-source=screen]")).to_have_count(0, timeout=PATIENCE_MS)


@pytest.mark.native
async def test_a_page_and_a_native_client_meet(visit: Visit, server: LiveServer, person: Callable[..., Person]) -> None:
    """Clients with VP8 and with H.264 come to the page, one after the other."""
    [page] = await meet(visit, server, "Bình")
    conference = page.page.url.split("/m/")[1].split("#")[0]
    for codec in ("VP8", "H264"):
        await _meet_native(page, person(f"an-{codec}", conference), codec)
        await expect(page.part("tile")).to_have_count(1, timeout=PATIENCE_MS)


async def _meet_native(page: Visitor, an: Person, codec: str) -> None:
    async with an:
        await an.show("red", codec=rtc.VideoCodec.Value(codec))
        await an.speak(440)
        await sees(page, 1)
        await hears(page, 1)

        async def red() -> bool:
            video = page.page.locator("[data-testid=tile][data-local=false] video")
            r, g, b, _ = await video.evaluate(TOP_COLOUR)
            return bool(r > g + 60 and r > b + 60)

        await until(red, f"the right picture in the page, by {codec}")
        await until(
            lambda: any(view.frames > 10 for view in an.views.values()), "the page's picture in the native client"
        )
        await until(lambda: any(ear.hz > 100 for ear in an.ears.values()), "the page's beep in the native client")
        assert len(an.views) == len(an.ears) == 1
        await _write_to_each_other(page, an)


async def _write_to_each_other(page: Visitor, an: Person) -> None:
    """The page and a client that knows nothing of our chat read each other's lines once."""
    read: list[tuple[str, str]] = []

    def opened(reader: rtc.TextStreamReader, who: str) -> None:
        async def whole() -> None:
            read.append((an.room.remote_participants[who].name, await reader.read_all()))

        an.start(whole())

    an.room.register_text_stream_handler("lk.chat", opened)
    before, mine = await page.part("chat-message").count(), f"Chào {an.identity}"
    if not await page.part("chat-input").count():
        await page.part("chat-toggle").click()
    await page.part("chat-input").fill(mine)
    await page.part("chat-send").click()
    await until(lambda: read, "the page's line in the native client")
    await an.room.local_participant.send_text("Chào các đồng chí", topic="lk.chat")
    await expect(page.part("chat-message").last).to_contain_text("Chào các đồng chí", timeout=PATIENCE_MS)
    await expect(page.part("chat-message")).to_have_count(before + 2)
    assert read == [("Bình", mine)]
