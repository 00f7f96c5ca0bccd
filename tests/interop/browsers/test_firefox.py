"""A second browser engine. Firefox ESR opens the server's page, together with Chromium or a native client. The tests check the
decoded media.

Firefox has its default preferences. The tests therefore also show whether Firefox can reach a server that listens on loopback
only.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from livekit import rtc

from tests.conftest import LiveServer
from tests.interop import firefox
from tests.interop.firefox import Firefox, FirefoxWindow
from tests.interop.person import Person
from tests.interop.terminals.hallnet import COLOURS, colour_of
from tests.interop.window import LOUD_DB, MADE_UP, MIDDLE, SPECTRA
from tests.waiting import until
from tests.web.visiting import Visit, Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.sim,
    pytest.mark.skipif(bool(firefox.missing()), reason=firefox.missing() or "-"),
    pytest.mark.asyncio(loop_scope="session"),  # the same loop as `visit`
]

AN, BINH = "Ánh", "Bình"
VIDEO = "(who, source) => [...document.querySelectorAll(`[data-testid=tile][data-source=${source}]`)]" + (
    ".filter((one) => one.innerText.includes(who)).map((one) => one.querySelector('video'))[0]"
)
SEEN = f"(who, source) => {{ const video = ({VIDEO})(who, source); return video ? ({MIDDLE})(video) : [0, 0, 0]; }}"
MUTED = f"(who) => ({VIDEO})(who, 'camera')?.closest('[data-testid=tile]').dataset.muted"
CODECS = """async (type) => {
  const found = new Set();
  for (const peer of window.peers) {
    const stats = await peer.getStats();
    for (const one of stats.values())
      if (one.type === type && one.kind === 'video' && (one.framesDecoded ?? one.framesEncoded) > 0)
        found.add(stats.get(one.codecId).mimeType.toLowerCase());
  }
  return [...found];
}"""
BLURS = """() => localStorage.getItem('diemcau.blur') === 'yes' && !('MediaStreamTrackGenerator' in window)
  && document.querySelector('[data-testid=cam-toggle]').ariaPressed === 'true'"""
LAYERS = """async () => {
  let found = [];
  for (const peer of window.peers) for (const one of (await peer.getStats()).values())
    if (one.type === 'outbound-rtp' && one.kind === 'video' && one.framesEncoded > 0) found.push(one.rid ?? '');
  return found.sort();
}"""


@dataclass
class Page:
    """A page of either browser, with the sources that the test gives it: a colour and a tone."""

    window: FirefoxWindow | Visitor
    evaluate: Callable[..., Awaitable[Any]]

    async def sees(self, who: str, colour: str, source: str = "camera") -> None:
        async def shown() -> bool:
            red, green, blue = await self.evaluate(SEEN, who, source)
            return colour_of((red, green, blue)) == colour

        await until(shown, f"{who} in {colour}")

    async def hears(self, *wanted: int) -> None:
        """Wait until the page hears exactly these frequencies."""

        async def sounds() -> bool:
            order = [440, 1000, 1500]
            spectra: list[list[float]] = await self.evaluate(SPECTRA, order)
            loud = {hz for one in spectra for hz, level in zip(order, one, strict=True) if level > LOUD_DB}
            return loud == set(wanted)

        await until(sounds, f"the tones {wanted}")

    async def finds(self, function: str, wanted: object, what: str, *given: str) -> None:
        async def found() -> bool:
            return bool(await self.evaluate(function, *given) == wanted)

        await until(found, what)


def _script(colour: str, hz: int, screen: str) -> str:
    rgb = ["rgb({} {} {})".format(*COLOURS[one]) for one in (colour, screen)]
    return f"if (navigator.mediaDevices) ({MADE_UP})({json.dumps([rgb[0], hz, rgb[1]])});"


@pytest_asyncio.fixture(loop_scope="session")
async def browser(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Firefox]:
    more: dict[str, firefox.Preference] = getattr(request, "param", {})
    async with firefox.firefox(tmp_path, more=more) as found:
        yield found


async def _open(browser: Firefox) -> Page:
    window = await browser.open(script=_script("red", 440, "green"))
    return Page(window, window.evaluate)


async def _chromium(visit: Visit, server: LiveServer) -> tuple[Page, Visitor]:
    visitor = await visit(script=_script("blue", 1000, "yellow"))
    await visitor.page.goto(server.url)
    await visitor.part("start-button").click()
    await visitor.part("preview-video").wait_for()
    await visitor.join(visitor.page.url, BINH)

    async def evaluate(function: str, *given: Any) -> Any:
        return await visitor.page.evaluate(f"(given) => ({function})(...given)", list(given))

    return Page(visitor, evaluate), visitor


async def test_firefox_and_chromium_see_and_hear_each_other(
    visit: Visit, server: LiveServer, browser: Firefox, tmp_path: Path
) -> None:
    binh, chromium = await _chromium(visit, server)
    link = chromium.page.url
    an = await _open(browser)
    window = an.window
    assert isinstance(window, FirefoxWindow)
    await window.join(link, AN)
    await _meet(an, binh)
    await an.finds(LAYERS, ["h", "q"], "two layers are sent")
    assert await an.evaluate(CODECS, "inbound-rtp") == await an.evaluate(CODECS, "outbound-rtp") == ["video/vp8"]
    await _mute(window, an, chromium, binh)
    await _share(window, an, chromium, binh)
    await _write(window, chromium)
    await window.picture(tmp_path / "call.png")
    await window.reload()
    await window.has("preview-video")
    await window.click("blur")
    await window.click("join-button")
    await window.has("stage")
    await _meet(an, binh)
    assert await an.evaluate(BLURS), "a camera that is on with the wish is blurred, here picture by picture"
    await window.click("leave-button")
    await binh.finds("() => document.querySelectorAll('[data-testid=tile]').length", 1, "Firefox has left")
    assert window.faults == []


async def _meet(an: Page, binh: Page) -> None:
    await an.sees(BINH, "blue")
    await binh.sees(AN, "red")
    await an.hears(1000)
    await binh.hears(440)


async def _mute(window: FirefoxWindow, an: Page, chromium: Visitor, binh: Page) -> None:
    await window.click("mic-toggle")
    await binh.finds(MUTED, "true", "Firefox is muted", AN)
    await binh.hears()
    await chromium.part("mic-toggle").click()
    await an.finds(MUTED, "true", "Chromium is muted", BINH)
    await an.hears()
    await window.click("mic-toggle")
    await chromium.part("mic-toggle").click()
    await binh.hears(440)
    await an.hears(1000)


async def _share(window: FirefoxWindow, an: Page, chromium: Visitor, binh: Page) -> None:
    await window.click("share-toggle")
    await binh.sees(AN, "green", "screen")
    await window.click("share-toggle")
    await binh.finds(SEEN, [0, 0, 0], "no screen", AN, "screen")
    await chromium.part("share-toggle").click()
    await an.sees(BINH, "yellow", "screen")
    await chromium.part("share-toggle").click()
    await an.finds(SEEN, [0, 0, 0], "no screen", BINH, "screen")


async def _write(window: FirefoxWindow, chromium: Visitor) -> None:
    await chromium.part("chat-toggle").click()
    await chromium.part("chat-input").fill("Kính chào")
    await chromium.part("chat-send").click()
    await window.click("chat-toggle")
    await window.type("chat-input", "Xin chào các điểm cầu")
    await window.click("chat-send")
    for read in (lambda: window.text("[data-testid=stage] ~ *, body"), lambda: chromium.page.inner_text("body")):

        async def both(read: Callable[[], Awaitable[str]] = read) -> bool:
            text = await read()
            return "Kính chào" in text and "Xin chào các điểm cầu" in text

        await until(both, "both messages")


@pytest.mark.native
@pytest.mark.parametrize("browser", [firefox.H264], indirect=True)
async def test_firefox_gets_h264(server: LiveServer, browser: Firefox, person: Callable[..., Person]) -> None:
    an = await _open(browser)
    window = an.window
    assert isinstance(window, FirefoxWindow)
    await window.join(server.link, AN)
    conference = server.link.split("/m/")[1].split("#")[0]
    async with person("binh", conference) as binh:
        await binh.show("blue", codec=rtc.VideoCodec.H264)
        await binh.speak(1000)
        await an.hears(1000)
        await an.finds(CODECS, ["video/h264"], "H.264 is decoded", "inbound-rtp")
        await until(lambda: any(view.tint == "red" for view in binh.views.values()), "the page's picture")
        await until(lambda: any(ear.hears(440) for ear in binh.ears.values()), "the page's tone")
    assert window.faults == []
