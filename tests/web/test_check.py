"""`/test` in a real browser. The browser calls itself through the server, and gets a code. The help desk reads the code."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.conftest import LiveServer
from tests.web.tabs import tabs
from tests.web.test_pages import PATIENCE_MS, advance, new_meeting
from tests.web.visiting import DEVICES, SMOOTH, Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN_MS = 90_000
SMOOTH_FPS = 12
CHIME = {"check-chime": "Phát tiếng thử"}
VOICE = {"check-voice": "Nghe lại giọng của mình"}
FORBIDDEN = """window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor() { throw new DOMException('by the rules of this office', 'NotAllowedError'); }
};"""
KEPT = """window.opened = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted);
  window.opened.push(...stream.getAudioTracks());
  return stream;
};"""

LASTING = """[window.lasts, window.lengthened] = [false, 0];
const [set, made] = [window.setTimeout, AudioContext.prototype.createBufferSource];
window.setTimeout = (act, ms, ...more) => {
  const longer = window.lasts && ms > 1200 && ms < 1400;
  window.lengthened += longer;
  return set(act, longer ? 60_000 : ms, ...more);
};
AudioContext.prototype.createBufferSource = function () {
  window.lengthened += window.lasts;
  return Object.assign(made.call(this), { loop: window.lasts });
};"""
"""While `lasts` is true, a sound does not end by itself."""

NEAR = """const figures = RTCRtpReceiver.prototype.getStats;
RTCRtpReceiver.prototype.getStats = async function () {
  const near = (one) => ('currentRoundTripTime' in one ? { ...one, currentRoundTripTime: 0 } : one);
  return new Map([...(await figures.call(this))].map(([key, one]) => [key, near(one)]));
};"""
"""A script that fakes a very near server: every round-trip time is 0."""


async def answered(visitor: Visitor, answer: str, sounds: dict[str, str]) -> str:
    """Go through the whole check, play and stop each sound of `sounds`, and return the code."""
    await expect(visitor.part("check-yes")).to_be_visible(timeout=RUN_MS)
    assert await visitor.barriers() == []
    await expect(visitor.part("check-yes")).to_be_disabled()
    await expect(visitor.part("check-no")).to_be_disabled()
    await expect(visitor.part("check-none")).to_be_enabled()
    await visitor.part("check-chime").click()
    await expect(visitor.part("check-yes")).to_be_enabled(timeout=PATIENCE_MS)
    await visitor.page.evaluate("lasts = true")
    for name in sounds:
        await _stopped(visitor, name, sounds)
    assert await visitor.page.evaluate("lengthened") == len(sounds)
    await visitor.part(f"check-{answer}").click()
    await visitor.part("check-code").wait_for()
    return (await visitor.part("check-code").inner_text()).replace(" ", "")


async def _stopped(visitor: Visitor, name: str, sounds: dict[str, str]) -> None:
    """Check that the button of a playing sound stops the sound, and that no other button shows that it plays."""
    await visitor.part(name).click()
    for one, words in sounds.items():
        await expect(visitor.part(one)).to_have_text("Dừng" if one == name else words)
        await expect(visitor.part(one)).to_be_enabled(enabled=one == name)
    await visitor.part(name).click()
    for one, words in sounds.items():
        await expect(visitor.part(one)).to_have_text(words, timeout=5000)
        await expect(visitor.part(one)).to_be_enabled()


async def verdicts(visitor: Visitor) -> dict[str, str]:
    parts = await visitor.part("part").all()
    return {
        await part.get_attribute("data-part") or "": await part.get_attribute("data-verdict") or "" for part in parts
    }


async def test_the_check_of_a_good_machine_and_one_without_devices(visit: Visit, live_server: LiveServer) -> None:
    good = await visit(width=360, height=740, flags=(SMOOTH, DEVICES[1]), script=LASTING)
    bare = await visit(flags=(DEVICES[1],), script=LASTING + NEAR)
    await asyncio.gather(_good(good, live_server), _without_devices(bare, live_server))


async def _good(visitor: Visitor, live_server: LiveServer) -> None:
    """Go from a meeting's first page through the check and back."""
    link = await new_meeting(visitor, live_server)
    await visitor.part("prejoin-check").click()
    await visitor.part("preview-video").wait_for()
    assert await visitor.barriers() == []
    await visitor.part("check-start").click()
    await visitor.part("returned-video").wait_for(timeout=PATIENCE_MS)
    await advance(visitor)
    now = visitor.page.locator("[data-testid=check-stage][aria-current=step]")
    await expect(now).to_contain_text(re.compile(r"Lần đo \d+ trên 14\. Đã \d+ giây\."))
    assert re.fullmatch(r"\d{8}", await answered(visitor, "yes", VOICE | CHIME))
    found = await verdicts(visitor)
    assert (found["microphone"], found["speaker"]) == ("good", "good")
    assert found["network"] in ("good", "fair")
    await visitor.page.locator("summary").click()
    measures = await visitor.part("measures").inner_text()
    assert "UDP, trực tiếp" in measures
    shown = re.search(r"(\d+) × (\d+), (\d+) hình/giây", measures)
    assert shown
    assert int(shown[2]) >= 360
    assert int(shown[3]) > 0
    assert found["camera"] == ("good" if int(shown[3]) >= SMOOTH_FPS else "fair"), "with busy processors it is slow"
    await expect(visitor.page.locator("[data-part=microphone]")).to_contain_text(re.compile(r"lúc to nhất [1-9]\d* %"))
    assert re.search(r"được / được / không thử", measures), "both ways are open here, and there is no TURN server"
    assert await visitor.barriers() == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    await visitor.part("check-back").click()
    await visitor.part("join-name").wait_for()
    assert visitor.page.url == link


async def _without_devices(visitor: Visitor, live_server: LiveServer) -> None:
    """Check that the line is tested also without devices, with a drawn picture."""
    await visitor.page.goto(live_server.url)
    await visitor.part("check-link").click()
    await visitor.part("failure").first.wait_for()
    await visitor.part("check-start").click()
    await expect(visitor.part("check-step")).to_have_text("Đang đo đường truyền…", timeout=PATIENCE_MS)
    await expect(visitor.page.get_by_text("Hình vẽ sẵn, quay về từ máy chủ")).to_be_visible(timeout=PATIENCE_MS)
    await answered(visitor, "no", CHIME)
    found = await verdicts(visitor)
    assert (found["microphone"], found["camera"], found["speaker"]) == ("bad", "bad", "bad")
    assert found["network"] in ("good", "fair")
    await visitor.page.locator("summary").click()
    assert re.search(r"được / được / không thử", await visitor.part("measures").inner_text())
    assert await visitor.barriers() == []
    await visitor.part("join-number").fill("abc-defg-hij")
    await visitor.part("number-button").click()
    await expect(visitor.page.locator("#join-trouble")).to_contain_text("Không có cuộc họp nào")
    assert visitor.page.url == f"{live_server.url}/test"


async def test_a_hidden_page_stops_the_check_and_offers_a_restart(live_server: LiveServer, tmp_path: Path) -> None:
    part = "document.querySelector('[data-testid={}]')".format
    async with tabs(tmp_path) as browser:
        page = await browser.open(f"{live_server.url}/test")
        await page.until(f"{part('preview-video')}?.currentTime > 0")
        await page.tell(f"{part('check-start')}.click()")
        await page.until(f"{part('returned-video')}?.currentTime > 0")
        await browser.open("about:blank")
        await page.until("document.hidden")
        await page.until(f"{part('check-page')}.dataset.phase === 'ready'")
        await page.show()
        assert "vừa bị che" in await page.tell(f"{part('check-trouble')}.innerText")
        await page.tell(f"{part('check-start')}.click()")
        await page.until(f"{part('returned-video')}?.currentTime > 0")
        assert await page.tell(part("check-trouble")) is None


async def test_what_is_no_fault_of_the_network_is_not_laid_on_it(visit: Visit, live_server: LiveServer) -> None:
    """A browser forbids calls, and a server accepts no call. In neither case does the page blame the network."""
    without, refused = await visit(script=FORBIDDEN), await visit(script=KEPT)

    async def spoil(route: Route) -> None:
        answer = await route.fetch()
        opened = await answer.json()
        await route.fulfill(response=answer, body=json.dumps({**opened, "sender": opened["sender"] + "x"}))

    await refused.page.route("**/api/v1/checks", spoil)
    for visitor, words in ((without, "(NotAllowedError), không phải do mạng"), (refused, "không nhận cuộc gọi thử")):
        await visitor.page.goto(f"{live_server.url}/test")
        await visitor.part("preview-video").wait_for()
        await visitor.part("check-start").click()
        await expect(visitor.part("check-trouble")).to_contain_text(words, timeout=PATIENCE_MS)
        await expect(visitor.part("check-start")).to_be_enabled()
        assert await visitor.barriers() == []
    await expect(refused.part("hearing")).to_contain_text("hoạt động tốt", timeout=PATIENCE_MS)
    await refused.page.evaluate("opened.forEach((track) => (track.enabled = false))")
    await expect(refused.part("hearing-now")).to_have_text("Đang không có tiếng.")
    assert await refused.barriers() == []
