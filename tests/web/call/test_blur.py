"""The page blurs the room behind a participant, before the meeting and in the meeting. The programs come from our own server.
The tests check the picture that other participants receive.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit.protocol.rtc import SignalRequest, SimulateScenario
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.running.runs import LONG_RUN
from tests.waiting import until
from tests.web.call.test_quality import ALL_OFF, enter
from tests.web.test_pages import PATIENCE_MS, advance, new_meeting, tiles
from tests.web.visiting import DEVICES, IN_WINDOW, UNACCELERATED, WINDOWED, Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT, CELL = 640, 360, 8
FPS = 6
"""Pictures a second of the camera. Each picture costs one run of the model for the blur."""
BY_HAND = "delete window.MediaStreamTrackGenerator; delete window.MediaStreamTrackProcessor;"
"""A script that removes the APIs that stream pictures, as in browsers without these APIs."""
NO_CANVAS = "delete window.OffscreenCanvas;"
GRAIN = """(selector) => {
  const video = document.querySelector(selector);
  if (!video || video.videoWidth === 0) return -1;
  const canvas = document.createElement('canvas'), context = canvas.getContext('2d', { willReadFrequently: true });
  canvas.width = 320;
  canvas.height = 180;
  context.drawImage(video, 0, 0, 320, 180);
  const { data } = context.getImageData(0, 0, 320, 180);
  let sum = 0;
  for (let at = 4; at < data.length; at += 4) sum += Math.abs(data[at + 1] - data[at - 3]);
  return sum / (data.length / 4);
}"""
"""A script that returns the mean difference between neighbouring pixels, 0 to 255; -1 without a picture."""
WATCH = """(selector) => {
  window.most = -1;
  let watched = null;
  const look = () => (window.most = Math.max(window.most, grain(selector)));
  const follow = (video) => video.requestVideoFrameCallback(() => {
    if (video !== watched) return;
    look();
    follow(video);
  });
  const find = () => {
    const video = document.querySelector(selector);
    if (video !== watched && video !== null) {
      look();
      follow(video);
    }
    watched = video;
    requestAnimationFrame(find);
  };
  find();
}"""
"""A script that keeps the largest GRAIN of any picture from now on in `window.most`. It looks once at each picture."""
SLOW = """() => {
  const look = OffscreenCanvasRenderingContext2D.prototype.getImageData;
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...given) {
    if (this.canvas.width > 256) Atomics.wait(new Int32Array(buffer), 0, 0, 200);
    return look.apply(this, given);
  };
}"""
"""A script that makes only the reading of the blurred picture slow. The input of the model is 256 pixels wide and stays fast. The
worker waits, and uses no processor time. A page without isolation gets shared memory only from WebAssembly.
"""
BROKEN = """() => {
  OffscreenCanvasRenderingContext2D.prototype.getImageData = () => { throw new Error('no memory'); };
}"""
NO_GENERATOR = """() => { window.MediaStreamTrackGenerator = class {
  constructor() {
    throw new Error('no memory');
  }
}; }"""
MINUTE = """(() => {
  const [set, clear] = [window.setTimeout, window.clearTimeout];
  let first = null;
  window.setTimeout = (act, ms, ...more) => {
    const made = set(act, ms, ...more);
    if (ms === 60000) first ??= { made, act: () => act(...more) };
    return made;
  };
  window.clearTimeout = (made) => {
    if (first !== null && first.made === made) first.act = () => undefined;
    clear(made);
  };
  window.passMinute = () => {
    clear(first.made);
    first.act();
  };
})();"""
"""`passMinute` ends the wait for the first load of the program, unless the page no longer waits for this load."""
MEANS = """(selector) => {
  const video = document.querySelector(selector);
  const sheet = new OffscreenCanvas(16, 16).getContext('2d');
  sheet.imageSmoothingQuality = 'high';
  sheet.drawImage(video, 0, 0, 16, 16);
  const { data } = sheet.getImageData(0, 0, 16, 16);
  return [0, 1, 2].map((at) => data.filter((_, index) => index % 4 === at).reduce((sum, one) => sum + one, 0) / 256);
}"""
DRIVER = """(() => {
  const { getCapabilities, getSettings, applyConstraints } = MediaStreamTrack.prototype;
  const blurring = new Set();
  let locked = false;
  Object.assign(MediaStreamTrack.prototype, {
    getCapabilities() {
      return { ...getCapabilities.call(this), backgroundBlur: [false, true] };
    },
    getSettings() {
      return { ...getSettings.call(this), backgroundBlur: blurring.has(this) };
    },
    applyConstraints({ backgroundBlur, ...others } = {}) {
      if (backgroundBlur === false) blurring.delete(this);
      if (backgroundBlur === true && !locked) blurring.add(this);
      return applyConstraints.call(this, others);
    },
  });
  window.driver = {
    blurs: () => blurring.size > 0,
    end() {
      const ended = [...blurring];
      locked = true;
      blurring.clear();
      for (const track of ended) track.dispatchEvent(new Event('configurationchange'));
    },
  };
})();"""
"""A camera whose driver claims to blur, until the system ends the driver's blur (`driver.end()`). The driver changes no pixel,
so a blurred picture shows that the page blurs.
"""
HURRIED = (
    "const set = window.setTimeout; window.setTimeout = (act, ms, ...more) => set(act, ms === 6000 ? 50 : ms, ...more);"
)
"""A notice that fades after six seconds fades immediately."""
TWO_CAMERAS = """(() => {
  const { mediaDevices } = navigator;
  const [list, open] = [mediaDevices.enumerateDevices.bind(mediaDevices), mediaDevices.getUserMedia.bind(mediaDevices)];
  window.opened = [];
  mediaDevices.enumerateDevices = async () => [
    ...(await list()),
    { kind: 'videoinput', deviceId: 'second', groupId: 'second', label: 'Camera 2' },
  ];
  mediaDevices.getUserMedia = (wanted) => {
    if (wanted.video) window.opened.push(JSON.stringify(wanted.video));
    return open(wanted.video ? { ...wanted, video: true } : wanted);
  };
  window.sockets = [];
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      if (new URL(this.url).pathname.includes('/rtc')) window.sockets.push(this);
    }
  };
})();"""
"""A camera under two names. `opened`: the video constraints of each request. `sockets`: the connections of the
call, without those of the chair's channel.
"""
KEPT = """(() => {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.kept = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await open(wanted);
    window.kept.push(...stream.getVideoTracks());
    return stream;
  };
})();"""
"""`kept`: every camera track that the page opened."""
WISHED = "localStorage.setItem('diemcau.blur', 'yes');"
WATCHED_S = 2.5
"""Seconds. In this time the client library (2.23.0) checks that a restored call stays connected. If the call breaks earlier,
the library counts one more failed attempt, waits longer each time, and gives up after ten. Shorter: the test's second break
counts as a failed attempt.
"""
SHARP, BLURRED = 20.0, 6.0
LIGHT = [77, 164, 69]
"""Means of red, green and blue of the chessboard, decoded as BT.601. If the sender used BT.709, green would be 15 higher."""
PREVIEW = "[data-testid=preview-video]"
OWN, OTHER = "[data-local=true] video", "[data-local=false] video"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Chromium flag for a camera that shows a chessboard in green light."""
    y = np.kron(np.indices((HEIGHT // CELL, WIDTH // CELL)).sum(0) % 2, np.ones((CELL, CELL))) * 160 + 40
    green = np.full(WIDTH * HEIGHT // 2, 90, np.uint8)
    path: Path = tmp_path_factory.mktemp("camera") / "chessboard.y4m"
    frame = b"FRAME\n" + y.astype(np.uint8).tobytes() + green.tobytes()
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420\n".encode() + frame * 3)
    return f"--use-file-for-fake-video-capture={path}"


def camera(pattern: str) -> tuple[str, ...]:
    """The flags of a browser with this camera. The blur needs no graphics card."""
    return *DEVICES, *UNACCELERATED, pattern


async def looks(visitor: Visitor, selector: str, blurred: bool, what: str) -> None:
    async def so() -> bool:
        grain: float = await visitor.page.evaluate(GRAIN, selector)
        return 0 <= grain < BLURRED if blurred else grain > SHARP

    await until(so, what)


async def lit(visitor: Visitor, selector: str, what: str) -> None:
    """Wait until the picture has the colours of LIGHT. The first pictures of an encoder have coarse colours."""

    async def so() -> bool:
        seen: list[float] = await visitor.page.evaluate(MEANS, selector)
        return seen == pytest.approx(LIGHT, abs=7)

    await until(so, what)


async def switch(visitor: Visitor, on: bool) -> None:
    await visitor.part("settings-button").click()
    await visitor.part("blur").set_checked(on)
    await visitor.page.keyboard.press("Escape")


class Gate:
    """A route that answers the requests for the model in order. A step is `held` (until `open`), `refused`, `silent` (no answer
    at all) or `given` (the usual answer).
    """

    def __init__(self, *steps: str) -> None:
        self.steps = list(steps)
        self.asked = 0
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, route: Any) -> None:
        self.asked += 1
        step = self.steps.pop(0) if self.steps else "given"
        if step == "held":
            await self._opened.wait()
        if step == "refused":
            await route.abort()
        elif step != "silent":
            await route.continue_()

    async def reached(self, times: int) -> None:
        async def so() -> bool:
            return self.asked >= times

        await until(so, f"the model is asked for {times} times")


async def watch(visitor: Visitor, selector: str) -> None:
    await visitor.page.evaluate(WATCH.replace("grain(", f"({GRAIN})("), selector)


async def most(visitor: Visitor) -> float:
    seen: float = await visitor.page.evaluate("window.most")
    return seen


async def pass_minute(visitor: Visitor) -> None:
    """Act as if the page had waited one minute for its first program."""
    await visitor.page.evaluate("passMinute()")


async def reconnects(one: Visitor, other: Visitor, how: str) -> None:
    """Break the signalling or the whole call. No participant may see the room in the meantime."""
    before = await one.page.evaluate("sockets.length")
    await one.page.evaluate(how)

    async def stands() -> bool:
        return bool(await one.page.evaluate("sockets.length") > before)

    await until(stands, "another way to the server")
    await expect(one.part("call")).to_have_attribute("data-link", "steady", timeout=PATIENCE_MS)
    await tiles(other, 2)
    await looks(other, OTHER, True, "blurred in the new call")
    await looks(one, OWN, True, "the own picture too")
    await advance(other)


async def is_off(one: Visitor, other: Visitor) -> None:
    """Check that the camera is off for all participants, and that a note says why beside the pictures."""
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
    assert await most(other) < BLURRED
    await expect(one.part("blur-lost")).to_be_visible()
    told, stage = await one.part("blur-lost").bounding_box(), await one.part("stage").bounding_box()
    assert told, "covers no picture"
    assert stage, "covers no picture"
    assert told["y"] + told["height"] <= stage["y"], "covers no picture"


async def shows_the_room(one: Visitor, other: Visitor) -> None:
    """Check the camera after its owner opened it with the room visible."""
    await looks(other, OTHER, False, "the room, opened by its owner")
    await expect(one.part("blur-lost")).to_have_count(0)
    await one.part("settings-button").click()
    await expect(one.part("blur")).not_to_be_checked()
    await one.page.keyboard.press("Escape")


async def opens_without(one: Visitor, other: Visitor) -> None:
    await is_off(one, other)
    await one.part("cam-toggle").click()
    await shows_the_room(one, other)


async def opens_from_the_small_window(one: Visitor, other: Visitor) -> None:
    """The small window warns of the room too."""
    await is_off(one, other)
    await one.part("floating-toggle").click()
    await one.page.wait_for_function(f"() => {IN_WINDOW}?.querySelector('[data-testid=tile]') != null")
    warning = f"{IN_WINDOW}.querySelector('[data-testid=floating-blur-lost]')?.innerText"
    assert "mọi người thấy phông nền" in (await one.page.evaluate(warning) or "")
    await one.page.evaluate(f"{IN_WINDOW}.querySelector('[data-testid=floating-camera]').click()")
    await shows_the_room(one, other)
    assert await one.page.evaluate(warning) is None
    await one.part("floating-toggle").click()
    await expect(one.part("floating-toggle")).to_have_attribute("aria-pressed", "false")


async def test_others_see_no_room(visit: Visit, live_server: LiveServer, pattern: str) -> None:
    one, other = await visit(flags=camera(pattern)), await visit(width=360, height=740, script=ALL_OFF)
    fetched: list[str] = []
    one.page.on("request", lambda request: fetched.append(request.url))
    link = await new_meeting(one, live_server)
    await looks(one, PREVIEW, False, "the room before the meeting")
    assert not [url for url in fetched if "blur" in url or ".wasm" in url]
    await one.part("blur").check()
    await looks(one, PREVIEW, True, "the blurred room before the meeting")
    assert await one.barriers() == []
    assert [url for url in fetched if url.endswith(".wasm")]
    assert [url for url in fetched if url.endswith(".tflite")]
    await _in_the_meeting(one, other, link)
    outside = [url for url in fetched if not url.startswith((live_server.url, live_server.ws_url, "blob:", "data:"))]
    assert outside == []


async def _in_the_meeting(one: Visitor, other: Visitor, link: str) -> None:
    await enter(other, link, "Trần Thị Bình")
    await one.part("join-name").fill("Nguyễn Văn An")
    await one.part("join-button").click()
    await tiles(other, 2)
    await looks(other, OTHER, True, "the other sees no room")
    await lit(other, OTHER, "blurred, in the same light")
    await looks(one, OWN, True, "nor does oneself")
    await advance(other)

    await one.part("cam-toggle").click()
    await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
    await one.part("cam-toggle").click()
    await looks(other, OTHER, True, "no room after the camera was off")
    await advance(other)

    await switch(one, False)
    await one.part("settings-button").click()
    assert await one.barriers() == []
    await one.page.keyboard.press("Escape")
    await looks(other, OTHER, False, "the room, switched off")
    await lit(other, OTHER, "sharp, in the same light")
    await looks(one, OWN, False, "the own room, switched off")
    await advance(other)
    await one.part("cam-toggle").click()
    await switch(one, True)
    await one.part("cam-toggle").click()
    await looks(other, OTHER, True, "no room: switched on while the camera was off")
    await advance(other)
    await one.page.reload()
    await expect(one.part("blur")).to_be_checked()
    await looks(one, PREVIEW, True, "remembered")


@pytest.mark.longer
async def test_the_room_is_not_shown_for_a_moment(visit: Visit, live_server: LiveServer, pattern: str) -> None:
    """No picture goes out before the blur program is loaded: at joining, when the camera opens later, with a second camera, and
    after a reconnect.
    """
    one, other = await visit(flags=camera(pattern), script=WISHED + TWO_CAMERAS), await visit(script=ALL_OFF)

    async def slowly(route: Any) -> None:
        await asyncio.sleep(2 if LONG_RUN else 0.5)
        await route.continue_()

    await one.page.route("**/*.tflite", slowly)
    link = await new_meeting(other, live_server)
    await enter(other, link, "Trần Thị Bình")
    await watch(other, OTHER)
    await one.page.goto(link)
    await one.part("preview-camera").click()
    await one.part("join-name").fill("Nguyễn Văn An")
    await one.part("join-button").click()
    await one.part("cam-toggle").click()
    await looks(other, OTHER, True, "a blurred picture")
    await advance(other)
    if LONG_RUN:
        await one.page.reload()
        await one.part("preview-video").wait_for()
        await one.part("join-name").fill("Nguyễn Văn An")
        await one.part("join-button").click()
        await looks(other, OTHER, True, "a blurred picture again")
        await advance(other)
    await one.part("settings-button").click()
    await one.part("select-camera").select_option("second")
    await one.page.wait_for_function("() => opened.at(-1).includes('second')")
    await one.page.keyboard.press("Escape")
    await looks(other, OTHER, True, "the other camera is blurred")
    await advance(other)
    await reconnects(one, other, "sockets.at(-1).close()")
    if LONG_RUN:
        await asyncio.sleep(WATCHED_S)
        anew = SignalRequest(simulate=SimulateScenario(leave_request_full_reconnect=True)).SerializeToString()
        await reconnects(one, other, f"sockets.at(-1).send(new Uint8Array({list(anew)}))")
    assert await most(other) < BLURRED


async def test_a_blur_that_fails_turns_the_camera_off(visit: Visit, live_server: LiveServer, pattern: str) -> None:
    """First the driver's blur ends and the page's blur replaces it. Then the page's blur fails, in two ways."""
    one, other = await visit(flags=camera(pattern), script=DRIVER + HURRIED), await visit(script=ALL_OFF)
    link = await new_meeting(other, live_server)
    await enter(other, link, "Trần Thị Bình")
    await one.join(link, "Nguyễn Văn An")
    await switch(one, True)
    await one.page.wait_for_function("() => driver.blurs()")
    await looks(other, OTHER, False, "left to the driver")
    assert one.page.workers == []
    await one.page.evaluate("driver.end()")
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await fails(one, other, SLOW, "không kịp làm mờ")
    await switch(one, True)
    await fails(one, other, BROKEN, "Không làm mờ phông nền được")


async def fails(one: Visitor, other: Visitor, death: str, words: str) -> None:
    await looks(other, OTHER, True, "blurred by the page")
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "true")
    await watch(other, OTHER)
    await one.page.workers[-1].evaluate(death)
    told = one.page.get_by_text(words)
    await expect(told).to_be_visible(timeout=PATIENCE_MS)
    await expect(told).to_contain_text("Camera đang tắt")
    await opens_without(one, other)


async def test_a_blur_that_fails_to_start_keeps_the_camera_off(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    """The camera opens before the meeting while the program loads. After a return it opens in the meeting."""
    one, other = await visit(flags=camera(pattern), script=WISHED), await visit(script=ALL_OFF)
    gate = Gate("silent", "refused", "refused")
    await one.page.route("**/*.tflite", gate)
    link = await new_meeting(other, live_server)
    await enter(other, link, "Trần Thị Bình")
    for before in (True, False):
        await watch(other, OTHER)
        await one.page.goto(link)
        await one.part("join-name").fill("Nguyễn Văn An")
        if before:
            await gate.reached(1)
        await one.part("join-button").click()
        if not before:
            await one.part("cam-toggle").click()
        told = one.page.get_by_text("Không làm mờ phông nền được")
        await expect(told).to_be_visible(timeout=PATIENCE_MS)
        await expect(told).to_contain_text("Camera đang tắt")
        await opens_without(one, other)
        await one.part("cam-toggle").click()
        await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
        await one.page.goto(live_server.url)


async def test_the_small_window_has_pictures_and_tells_a_lost_blur(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    """A blur that cannot be applied closes the camera."""
    one, other = await visit(program=WINDOWED, flags=camera(pattern)), await visit()
    link = await new_meeting(other, live_server)
    await other.join(link, "Trần Thị Bình")
    await one.join(link, "Nguyễn Văn An")
    await looks(other, OTHER, False, "the room")
    await one.page.evaluate(NO_GENERATOR)
    await switch(one, True)
    await expect(one.page.get_by_text("Không làm mờ phông nền được")).to_contain_text(
        "Camera đang tắt", timeout=PATIENCE_MS
    )
    await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
    await watch(other, OTHER)
    await opens_from_the_small_window(one, other)
    await floats(one)


async def floats(visitor: Visitor) -> None:
    """Check the small window: its picture moves, it has no picture if none is wanted, its switch works, and the same button
    closes it.
    """
    microphone = visitor.part("mic-toggle")
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await visitor.part("floating-toggle").click()
    moving = f"{IN_WINDOW}?.querySelector('video')?.currentTime > 0"
    await visitor.page.wait_for_function(f"() => {moving}", timeout=PATIENCE_MS)
    await visitor.page.evaluate(f"{IN_WINDOW}.querySelector('[data-testid=floating-mic]').click()")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await visitor.part("wish").select_option("none")
    await visitor.page.wait_for_function(f"() => {IN_WINDOW}?.querySelector('video') === null", timeout=PATIENCE_MS)
    await visitor.part("wish").select_option("auto")
    await visitor.page.wait_for_function(f"() => {moving}", timeout=PATIENCE_MS)
    await visitor.part("floating-toggle").click()
    await expect(visitor.part("floating-toggle")).to_have_attribute("aria-pressed", "false")
    assert await visitor.page.evaluate("documentPictureInPicture.window === null")
    await visitor.page.evaluate(
        "void (documentPictureInPicture.requestWindow = () => Promise.reject(new DOMException()))"
    )
    await visitor.part("floating-toggle").click()
    await expect(visitor.part("notice")).to_contain_text("không cho mở cửa sổ nhỏ")


async def test_the_picture_is_held_while_the_blur_gets_ready(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    """The user switches the blur on, off and on again while the camera is open. The timeout of the first load must not end the
    second load.
    """
    one, other = await visit(flags=camera(pattern), script=MINUTE), await visit(script=ALL_OFF)
    gate = Gate("silent", "held")
    await one.page.route("**/*.tflite", gate)
    link = await new_meeting(other, live_server)
    await enter(other, link, "Trần Thị Bình")
    await one.join(link, "Nguyễn Văn An")
    await looks(other, OTHER, False, "the room")
    await switch(one, True)
    await gate.reached(1)
    await expect(one.part("notices").get_by_text("Camera tạm tắt")).to_be_visible()
    await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
    await switch(one, False)
    await looks(other, OTHER, False, "the room, as it was")
    await switch(one, True)
    await gate.reached(2)
    await expect(other.page.locator(OTHER)).to_have_count(0, timeout=PATIENCE_MS)
    await watch(other, OTHER)
    await pass_minute(one)
    await one.part("settings-button").click()
    await expect(one.part("blur")).to_be_checked()
    await expect(one.page.get_by_text("Đang chuẩn bị…")).to_be_visible()
    await one.page.keyboard.press("Escape")
    gate.open()
    await looks(other, OTHER, True, "blurred")
    await advance(other)
    assert await most(other) < BLURRED
    await expect(one.page.get_by_text("Camera tạm tắt")).to_have_count(0)
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "true")


async def test_a_program_left_behind_before_the_meeting_ends_no_wish(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    visitor = await visit(flags=camera(pattern), script=MINUTE)
    gate = Gate("silent")
    await visitor.page.route("**/*.tflite", gate)
    await new_meeting(visitor, live_server)
    await visitor.part("blur").check()
    await gate.reached(1)
    await visitor.part("join-name").fill("Nguyễn Văn An")
    await visitor.part("join-button").click()
    await looks(visitor, OWN, True, "blurred")
    await pass_minute(visitor)
    assert await visitor.page.evaluate("localStorage.getItem('diemcau.blur')") == "yes"
    await looks(visitor, OWN, True, "still blurred")


async def test_blur_works_without_stream_support_of_the_browser(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    visitor = await visit(flags=camera(pattern), script=BY_HAND)
    link = await new_meeting(visitor, live_server)
    await visitor.part("blur").check()
    await looks(visitor, PREVIEW, True, "blurred by hand")
    await visitor.join(link, "Nguyễn Văn An")
    await looks(visitor, OWN, True, "blurred in the meeting")
    await advance(visitor)


async def test_leaving_while_the_blur_loads_closes_the_camera(
    visit: Visit, live_server: LiveServer, pattern: str
) -> None:
    one = await visit(flags=camera(pattern), script=WISHED + KEPT)
    gate = Gate("silent")
    await one.page.route("**/blur-*.js", gate)
    await new_meeting(one, live_server)
    await one.part("join-name").fill("Nguyễn Văn An")
    await gate.reached(1)
    await one.part("join-button").click()
    await expect(one.part("call")).to_have_attribute("data-link", "steady", timeout=PATIENCE_MS)
    assert await one.page.evaluate("kept.some((track) => track.readyState === 'live')")
    await one.part("leave-button").click()
    await one.page.wait_for_function("() => kept.every((track) => track.readyState === 'ended')", timeout=5000)


async def test_a_blur_that_cannot_be_says_why(visit: Visit, live_server: LiveServer, pattern: str) -> None:
    visitor = await visit(flags=camera(pattern))

    async def refuse(route: Any) -> None:
        await route.abort()

    await visitor.page.route("**/*.tflite", refuse)
    await new_meeting(visitor, live_server)
    for script, words in (("", "Hãy kiểm tra mạng"), (NO_CANVAS, "Trình duyệt này")):
        await visitor.page.evaluate(script)
        await visitor.part("blur").click()  # the switch returns to off by itself
        await expect(visitor.part("blur-trouble")).to_contain_text(words, timeout=PATIENCE_MS)
        await expect(visitor.part("blur")).not_to_be_checked()
        await looks(visitor, PREVIEW, False, "the camera as it is")
    assert await visitor.barriers() == []
