"""The means of a participant against a weak line in the meeting, and the page's report about the line: modes, single pictures,
figures. Switches of devices that fail, or that open late.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.conftest import LiveServer
from tests.running.runs import LONG_RUN
from tests.waiting import until
from tests.web.test_pages import PATIENCE_MS, advance, new_meeting, tiles
from tests.web.visiting import DEVICES, SMOOTH, UNACCELERATED, Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FILTERED = "window.asked = []; const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);" + (
    "navigator.mediaDevices.getUserMedia = (wanted) => { window.asked.push(JSON.stringify(wanted.audio ?? null));"
    "return open(wanted); };"
)


FEWER_LINES = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted);
  for (const track of stream.getVideoTracks()) {
    if (track.label !== 'fake_device_2') continue;
    const apply = track.applyConstraints.bind(track);
    track.applyConstraints = () => apply({ width: { exact: 640 }, height: { exact: 480 } });
    await track.applyConstraints();
  }
  return stream;
};"""
"""The second camera has fewer lines."""


WAYS = """
window.ways = [];
window.RTCPeerConnection = class extends RTCPeerConnection { constructor(...given) { super(...given); window.ways.push(this); } };
"""
SENDERS = """(kind) => ways.flatMap((way) => way.getSenders()).map(({ track }) => track).filter((track) => track?.kind === kind)
  .map((track) => track.label)"""
"""A script that returns the labels of the tracks that a page with `WAYS` sends."""
SENDS = """(kind) => ways.flatMap((way) => way.getSenders()).map(({ track }) => track)
  .filter((track) => track?.kind === kind && track.readyState === 'live' && track.enabled).length"""
"""A script that returns the number of sent tracks that are live and enabled."""
LIGHT = """() => ways.flatMap((way) => way.getSenders())
  .filter(({ track }) => track?.kind === 'video' && track.readyState === 'live').length"""
"""A script that returns the number of open cameras, also if disabled."""
LISTEN = """(kind) => {
  window.leaked = 0;
  const turn = window.turn = (window.turn ?? 0) + 1;
  let before = performance.now();
  const look = () => {
    if (turn !== window.turn) return;
    const now = performance.now();
    if ((SENDS)(kind)) leaked += now - before;
    before = now;
    setTimeout(look, 1);
  };
  look();
}""".replace("SENDS", SENDS)
"""A script that adds up in `leaked`, in ms, how long any track is sent from now on. Another call of the script ends this sum."""
TROUBLED = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.trouble = { device: '', name: '', held: false };
window.opened = [];
window.asked = 0;
window.cameras = 0;
navigator.mediaDevices.getUserMedia = async (wanted) => {
  asked += 1;
  if (wanted.video) cameras += 1;
  while (trouble.held === true || wanted[trouble.held]) await new Promise((done) => setTimeout(done, 20));
  const stream = await open(wanted);
  opened.push(...stream.getTracks());
  if (!stream.getTracks().some(({ kind, label }) => [kind, label].includes(trouble.device))) return stream;
  stream.getTracks().forEach((track) => track.stop());
  if (trouble.name === 'OverconstrainedError') throw new OverconstrainedError('deviceId');
  throw new DOMException('in use', trouble.name);
};"""
"""A script that makes devices open only when `held` ends (for one kind, or for all). It can also make one device fail
(`audio`: no microphone).

`opened`: every track that opened. `asked`: how often the page asked for devices. `cameras`: how often a camera was among them.
"""
SCREEN = """
window.screens = [];
window.choosing = false;
navigator.mediaDevices.getDisplayMedia = async () => {
  while (choosing) await new Promise((done) => setTimeout(done, 20));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const paper = canvas.getContext('2d');
  setInterval(() => paper.fillRect(0, 0, Math.random() * 640, 360), 100);
  const stream = canvas.captureStream(10);
  stream.addTrack(new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0]);
  screens.push(...stream.getTracks());
  return stream;
};"""
"""A screen with sound. The browser waits for the choice while `choosing` is true."""
MOMENT = 50
"""Milliseconds that a browser takes to report a change of its sent tracks."""
CAMERAS = (f"{SMOOTH}=device-count=4,fps=5", DEVICES[1], *UNACCELERATED)
CAMERA_OFF = "localStorage.setItem('diemcau.cameraOn', 'no');"
ALL_OFF = "for (const one of ['cameraOn', 'microphoneOn']) localStorage.setItem(`diemcau.${one}`, 'no');"
WAITING = """
const { createOffer } = RTCPeerConnection.prototype;
window.joins = false;
RTCPeerConnection.prototype.createOffer = async function (...given) {
  while (!joins) await new Promise((done) => setTimeout(done, 20));
  return createOffer.apply(this, given);
};"""
"""The page does not join before `joins` is true. It negotiates nothing new while `joins` is false."""


async def height(visitor: Visitor) -> Any:
    """Return the height of the picture that arrives from the other participant."""
    return await visitor.page.evaluate(
        "document.querySelector('[data-local=false] video:not([hidden])')?.videoHeight ?? 0"
    )


async def mode(visitor: Visitor, name: str) -> None:
    await visitor.part("settings-button").click()
    await visitor.part(f"saving-{name}").check()
    await visitor.page.keyboard.press("Escape")


async def test_a_camera_with_fewer_layers_obeys_the_saving_mode(visit: Visit, live_server: LiveServer) -> None:
    """The new camera has fewer layers than the old camera. The user chooses it while the camera is on, and again while it is
    off.
    """
    one, other = await visit(flags=CAMERAS, script=WAYS + FEWER_LINES), await visit(script=ALL_OFF)
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await enter(other, link, "Trần Thị Bình")
    await until(lambda: _at_least(other, 360), "the large camera")
    await choose(one, "camera", "fake_device_2")
    await obeys(one, other)
    await choose(one, "camera", "fake_device_0")
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_0"]
    await until(lambda: _is_large_camera(other), "the large camera again")
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", False)
    await expect(other.page.locator("[data-local=false] video")).to_have_count(0, timeout=PATIENCE_MS)
    await choose(one, "camera", "fake_device_2")
    await one.part("cam-toggle").click()
    await obeys(one, other)


async def obeys(one: Visitor, other: Visitor) -> None:
    """Check that the camera with fewer lines is sent whole, small, and whole again."""
    await until(lambda: _is_high(other, 480), "the other camera, whole")
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_2"]
    await mode(one, "low")
    await until(lambda: _at_most(other, 240), "it is sent small")
    await mode(one, "full")
    await until(lambda: _is_high(other, 480), "and whole again")


async def trouble(visitor: Visitor, device: str = "", name: str = "", held: bool | str = False) -> None:
    """Set the trouble of the devices from now on."""
    now = {"device": device, "name": name, "held": held}
    await visitor.page.evaluate("(now) => { window.trouble = now; }", now)


async def choose(visitor: Visitor, device: str, *names: str) -> None:
    await visitor.part("settings-button").click()
    for name in names:
        await visitor.part(f"select-{device}").select_option(label=name)
    await visitor.page.keyboard.press("Escape")


async def pressed(visitor: Visitor, control: str, on: bool) -> None:
    """Wait until the switch is no longer busy, and check its state."""
    await expect(visitor.part(control)).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
    await expect(visitor.part(control)).to_have_attribute("aria-pressed", str(on).lower(), timeout=PATIENCE_MS)


async def enter(visitor: Visitor, link: str, name: str = "Nguyễn Văn An") -> None:
    """Enter without a wait for a picture of the own camera."""
    await visitor.page.goto(link)
    await visitor.part("join-name").fill(name)
    await visitor.part("join-button").click()


async def test_a_device_that_fails_to_open_keeps_its_true_state(visit: Visit, live_server: LiveServer) -> None:
    """The old camera opened with the joining."""
    one, other = await visit(flags=CAMERAS, script=WAYS + TROUBLED), await visit(script=ALL_OFF)
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await enter(other, link, "Trần Thị Bình")
    await until(lambda: _at_least(other, 180), "the camera")
    await keeps_the_old_camera(one, other)
    await other.page.close()
    await trouble(one)
    await switches_despite_a_failed_drawing(one)
    await choose(one, "camera", "fake_device_2")
    await pressed(one, "cam-toggle", True)
    await opens_another_camera_only_if_the_chosen_one_is_gone(one)
    await microphone_is_not_muted(one)


async def keeps_the_old_camera(one: Visitor, other: Visitor | None) -> None:
    await trouble(one, device="fake_device_2", name="NotReadableError")
    await choose(one, "camera", "fake_device_2")
    await one.page.get_by_text("đang được chương trình khác sử dụng").first.wait_for(timeout=PATIENCE_MS)
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_0"]
    if other is not None:
        shown = await other.clocks()
        await until(lambda: _goes_on(other, shown), "its pictures go on")
    await trouble(one, device="fake_device_0", name="NotReadableError")
    await choose(one, "camera", "fake_device_2", "fake_device_0")
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_2"], "the one chosen just before"


async def microphone_is_not_muted(one: Visitor) -> None:
    """The old microphone is not on either. The switch is off, and it is on again in the next meeting."""
    await pressed(one, "mic-toggle", True)
    await trouble(one, device="audio", name="NotReadableError")
    await choose(one, "microphone", "Fake Audio Input 2")
    await one.page.get_by_text("Micro đang được chương trình khác sử dụng").first.wait_for(timeout=PATIENCE_MS)
    await pressed(one, "mic-toggle", False)
    assert await one.page.evaluate("localStorage.getItem('diemcau.microphoneOn')") != "no"
    await expect(one.page.get_by_text("Đã tắt micro")).to_have_count(0)


async def opens_another_camera_only_if_the_chosen_one_is_gone(one: Visitor) -> None:
    """Another camera may show something private, so the page must not open another camera unasked."""
    await uses(one, "fake_device_2")
    await turned_on(one, "NotReadableError", "đang được chương trình khác sử dụng", opens=False)
    await trouble(one)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", True)
    await uses(one, "fake_device_2")
    await turned_on(one, "OverconstrainedError", "Không thấy camera đã chọn", opens=True)
    await uses(one, "fake_device_0")
    await trouble(one)


async def turned_on(one: Visitor, error: str, told: str, opens: bool) -> None:
    """Turn the camera off and on, with this error of the chosen camera."""
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", False)
    await trouble(one, device="fake_device_2", name=error)
    await expect(one.page.get_by_text(told)).to_have_count(0)  # no notice of an earlier failure
    await one.part("cam-toggle").click()
    await one.page.get_by_text(told).first.wait_for(timeout=PATIENCE_MS)
    await pressed(one, "cam-toggle", opens)
    assert await one.page.evaluate(SENDS, "video") == int(opens)


async def uses(one: Visitor, camera: str) -> None:
    """Check that the page sends this camera, and that the settings name it."""
    assert await one.page.evaluate(SENDERS, "video") == [camera]
    await one.part("settings-button").click()
    await expect(one.part("select-camera").locator("option:checked")).to_have_text(camera)
    await one.page.keyboard.press("Escape")


async def switches_despite_a_failed_drawing(one: Visitor) -> None:
    await one.page.evaluate("""() => {
      const now = performance.now.bind(performance);
      window.failed = 0;
      performance.now = () => {
        if (!new Error().stack.includes('redraw')) return now();
        failed += 1;
        throw new Error('drawing');
      };
    }""")
    await choose(one, "camera", "fake_device_0")
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate("failed") > 0
    await one.page.evaluate("delete performance.now")
    await choose(one, "camera", "fake_device_1")
    await pressed(one, "cam-toggle", True)
    one.faults[:] = [fault for fault in one.faults if "drawing" not in fault]
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_1"]


async def test_presses_win_over_a_camera_that_is_being_opened(visit: Visit, live_server: LiveServer) -> None:
    """Off wins. After off and on again, the camera is on. The first camera opened in the call as the default camera."""
    one = await visit(flags=CAMERAS, script=WAYS + TROUBLED + ALL_OFF)
    link = await new_meeting(one, live_server)
    await enter(one, link)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", True)
    await keeps_the_old_camera(one, None)
    await trouble(one)
    await off_wins(one, "camera", "video", "cam-toggle", "fake_device_0")
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_0"]
    await trouble(one, held=True)
    await choose(one, "camera", "fake_device_1")
    await expect(one.part("cam-toggle")).to_have_attribute("aria-busy", "true")
    for on in ("false", "true"):
        await one.part("cam-toggle").click()
        await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", on)
    await trouble(one)
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(SENDERS, "video") == ["fake_device_1"]
    assert await one.page.evaluate(SENDS, "video") == 1


async def off_wins(one: Visitor, device: str, kind: str, control: str, name: str) -> None:
    """Turn a device off while another device of its kind opens, and on again."""
    await pressed(one, control, True)
    await trouble(one, held=True)
    await choose(one, device, name)
    await expect(one.part(control)).to_have_attribute("aria-busy", "true")
    await one.part(control).click()
    await one.page.evaluate(LISTEN, kind)
    await expect(one.part(control)).to_have_attribute("aria-pressed", "false")
    await trouble(one)
    await pressed(one, control, False)
    assert await one.page.evaluate("leaked") <= MOMENT
    if kind == "video":
        assert await one.page.evaluate(LIGHT) == 0
    await one.part(control).click()
    await pressed(one, control, True)
    assert await one.page.evaluate(SENDS, kind) == 1


async def test_a_device_that_opens_too_late_is_closed(visit: Visit, live_server: LiveServer) -> None:
    """Both devices open for the first time in this meeting: a microphone after its key was released, a camera after its user
    left. Before, each opening was taken back.
    """
    one = await visit(script=WAYS + TROUBLED + ALL_OFF)
    link = await new_meeting(one, live_server)
    await enter(one, link)
    await expect(one.part("call")).to_have_attribute("data-link", "steady", timeout=PATIENCE_MS)
    await second_press_takes_back_the_first(one)
    await key_is_released_before_the_microphone_opens(one)
    await one.part("mic-toggle").click()
    await off_wins(one, "microphone", "audio", "mic-toggle", "Fake Audio Input 2")
    await key_is_released_while_another_microphone_opens(one)
    await trouble(one, held=True)
    before = await one.page.evaluate("opened.length")
    await one.part("cam-toggle").click()
    await one.part("leave-button").click()
    await expect(one.part("call")).to_have_count(0)
    await trouble(one)
    await one.page.wait_for_function("(before) => opened.length === before + 1", arg=before, timeout=PATIENCE_MS)
    await one.page.wait_for_function("() => opened.every((track) => track.readyState === 'ended')", timeout=5000)


async def second_press_takes_back_the_first(one: Visitor) -> None:
    """This works while the device opens or while the browser's permission question is open."""
    for kind, control in (("video", "cam-toggle"), ("audio", "mic-toggle")):
        await trouble(one, held=True)
        await one.page.evaluate(LISTEN, kind)
        for on in ("true", "false", "true", "false"):
            await one.part(control).click()
            await expect(one.part(control)).to_have_attribute("aria-pressed", on)
            await expect(one.part(control)).to_have_attribute("aria-busy", "true")
        await trouble(one)
        await pressed(one, control, False)
        assert await one.page.evaluate("leaked") == 0, kind
        assert await one.page.evaluate("opened.every((track) => track.readyState === 'ended')"), kind


async def key_is_released_before_the_microphone_opens(one: Visitor) -> None:
    await trouble(one, held=True)
    await one.page.evaluate("document.activeElement.blur()")
    await one.page.evaluate(LISTEN, "audio")
    await one.page.keyboard.down(" ")
    await expect(one.part("mic-toggle")).to_have_attribute("aria-busy", "true")
    await one.page.keyboard.up(" ")
    await trouble(one)
    await pressed(one, "mic-toggle", False)
    assert await one.page.evaluate("leaked") == 0


async def key_is_released_while_another_microphone_opens(one: Visitor) -> None:
    """The user chose a microphone before while the microphone was off."""
    await one.part("mic-toggle").click()
    await pressed(one, "mic-toggle", False)
    await choose(one, "microphone", "Fake Audio Input 1")
    await pressed(one, "mic-toggle", False)
    await trouble(one, held=True)
    await one.page.evaluate("document.activeElement.blur()")
    await one.page.keyboard.down(" ")
    await one.part("settings-button").click()
    await one.part("select-microphone").select_option(label="Fake Audio Input 2")
    await expect(one.part("mic-toggle")).to_have_attribute("aria-busy", "true")
    await one.page.keyboard.up(" ")
    await one.page.evaluate(LISTEN, "audio")
    await trouble(one)
    await one.page.keyboard.press("Escape")
    await pressed(one, "mic-toggle", False)
    assert await one.page.evaluate("leaked") <= MOMENT
    assert await one.page.evaluate(SENDS, "audio") == 0


async def test_a_press_while_joining_switches_the_devices(visit: Visit, live_server: LiveServer) -> None:
    """A press turns a device off if it was on, and on if it was off. The switch shows the wanted state."""
    one = await visit(script=WAYS + WAITING + TROUBLED)
    await new_meeting(one, live_server)
    await one.page.wait_for_function("() => opened.length === 2", timeout=PATIENCE_MS)
    await pressed_while_joining(one, before=True)
    for on in (True, False):
        await switched(one, on)
    await one.page.reload()
    await pressed_while_joining(one, before=False)


async def pressed_while_joining(one: Visitor, before: bool) -> None:
    await one.part("join-name").fill("Nguyễn Văn An")
    await one.part("join-button").click()
    for control in ("mic-toggle", "cam-toggle"):
        await expect(one.part(control)).to_have_attribute("aria-pressed", str(before).lower())
    await one.page.evaluate(
        "['mic-toggle', 'cam-toggle'].forEach((id) => document.querySelector(`[data-testid=${id}]`).click())"
    )
    assert await one.part("call").get_attribute("data-link") == "joining"
    await one.page.evaluate("joins = true")
    for control, kind in (("mic-toggle", "audio"), ("cam-toggle", "video")):
        await pressed(one, control, not before)
        assert await one.page.evaluate(SENDS, kind) == int(not before)


async def switched(one: Visitor, on: bool) -> None:
    """Switch both devices."""
    for control, kind in (("mic-toggle", "audio"), ("cam-toggle", "video")):
        await one.part(control).click()
        await pressed(one, control, on)
        assert await one.page.evaluate(SENDS, kind) == int(on)


async def test_modes_save_data_and_their_note_covers_no_picture(visit: Visit, live_server: LiveServer) -> None:
    one, other = await visit(width=1440, height=900), await visit(script=FILTERED + SCREEN)
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await other.join(link, "Trần Thị Bình")
    await tiles(one, 2)
    await until(lambda: _at_least(one, 360), "a large picture")
    await until(lambda: _at_least(other, 360), "and one of the own camera")

    await mode(one, "low")
    await expect(one.part("saving-note")).to_be_visible()
    await until(lambda: _at_most(one, 180), "a small picture of the other")
    await until(lambda: _at_most(other, 216), "the own camera is sent small")
    await advance(other)
    assert await height(other) >= 180, "small, and still to be seen"
    await mode(one, "full")
    await until(lambda: _at_least(one, 360), "a large picture again")
    await until(lambda: _at_least(other, 360), "the own camera is sent large again")

    await one.part("wish").select_option("low")
    await until(lambda: _at_most(one, 180), "one picture is wanted small")
    await one.part("wish").select_option("none")
    await _receives_again(one, other)

    await mode(one, "sound")
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await expect(one.page.locator("[data-testid=tile] video")).to_have_count(0)
    await other.part("share-toggle").click()
    await _watches(one)
    await _note_on_a_phone(one)

    await other.part("settings-button").click()
    await other.part("noise-filter").uncheck()
    await until(lambda: _asked_plain(other), "the microphone is opened without the filter")


async def _note_on_a_phone(one: Visitor) -> None:
    """Check that the note leads back to the setting of the mode. On a phone it would cover a person."""
    await one.page.set_viewport_size({"width": 360, "height": 740})
    told, stage = await one.part("saving-note").bounding_box(), await one.part("stage").bounding_box()
    assert told
    assert stage
    assert told["y"] + told["height"] <= stage["y"]
    assert await one.barriers() == []
    await one.part("saving-change").click()
    await one.part("saving-full").check()
    await expect(one.part("saving-note")).to_have_count(0)
    assert await one.barriers() == []
    await one.page.keyboard.press("Escape")


READING = "Đang đo…"
SOUND_KBPS = 150
"""Kilobits per second. A voice and its redundancy use less, and the smallest picture with a voice uses more."""
LACKING = """const add = RTCPeerConnection.prototype.addTransceiver;
RTCPeerConnection.prototype.addTransceiver = function (what, init) {
  const made = add.call(this, what, init);
  const known = RTCRtpReceiver.getCapabilities('video').codecs;
  if (what === 'video') made.setCodecPreferences(known.filter((one) => one.mimeType !== 'video/VP8'));
  return made;
};"""


async def test_a_picture_that_cannot_be_decoded_shows_a_note(visit: Visit, live_server: LiveServer) -> None:
    """The first browser cannot receive VP8, which the other sends. Without a note the camera would seem to be off."""
    one, other = await visit(script=LACKING), await visit()
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await other.join(link, "Trần Thị Bình")
    await tiles(one, 2)
    await expect(one.part("undecoded")).to_contain_text("không giải mã được hình", timeout=PATIENCE_MS)
    assert await one.barriers() == []
    await expect(other.part("undecoded")).to_have_count(0)
    await other.part("cam-toggle").click()
    await expect(one.part("undecoded")).to_have_count(0)


LIMITED = """window.limited = false;
const { getStats } = RTCRtpSender.prototype;
RTCRtpSender.prototype.getStats = async function () {
  const report = await getStats.call(this);
  const sent = (one) => one.kind === 'video' && one.type === 'outbound-rtp';
  const held = ([id, one]) => [id, sent(one) ? { ...one, qualityLimitationReason: 'cpu' } : one];
  return limited ? new Map([...report].map(held)) : report;
};"""
"""While `limited` is true, the browser reports that the processor limits the camera's bitrate."""


@pytest.mark.longer
async def test_the_panel_shows_figures_and_says_what_is_wrong(visit: Visit, live_server: LiveServer) -> None:
    """A camera without viewers sends nothing, and a user who wants no pictures receives none. The panel does not blame the line.
    The page shows an overload only while the server or the browser reports it.
    """
    one, other, busy = await visit(script=LIMITED), await visit(), True

    async def answer(route: Route) -> None:
        said = await route.fetch()
        await route.fulfill(response=said, json={**await said.json(), "busy": busy})

    await one.page.route("**/api/v1/health", answer)
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await one.part("statistics-toggle").click()
    sent, seen = one.part("figure-sent"), one.part("figure-seen")
    await expect(sent).to_have_text("không có: chưa ai xem hình này", timeout=PATIENCE_MS)
    await expect(seen).to_have_text("không có")
    server = one.page.locator("[data-testid=finding][data-cause=server]")
    await expect(server).to_contain_text("Máy chủ đang quá tải", timeout=PATIENCE_MS)
    await expect(server).to_contain_text("Hãy báo cán bộ kỹ thuật")
    busy = False
    await expect(server).to_have_count(0, timeout=PATIENCE_MS)
    if LONG_RUN:
        await _machine_is_busy(one)
    await other.join(link, "Trần Thị Bình")
    await expect(sent).to_contain_text("×", timeout=PATIENCE_MS)
    await expect(seen).to_contain_text("×", timeout=PATIENCE_MS)
    await one.part("wish").select_option("none")
    await expect(seen).to_have_text("không có: đã chọn không nhận hình", timeout=PATIENCE_MS)
    await one.part("wish").select_option("auto")
    await _figures(one)


async def _machine_is_busy(one: Visitor) -> None:
    machine = one.page.locator("[data-testid=finding][data-cause=machine]")
    await expect(one.part("finding-unknown")).to_have_count(0, timeout=PATIENCE_MS)
    # A busy machine is reported first, and a few seconds longer than it is busy.
    await expect(machine).to_have_count(0, timeout=3 * PATIENCE_MS)
    await one.page.evaluate("limited = true")
    await expect(machine).to_contain_text("Máy này xử lý hình không kịp", timeout=PATIENCE_MS)
    await one.page.evaluate("limited = false")
    await expect(machine).to_have_count(0, timeout=PATIENCE_MS)


async def _receives_again(one: Visitor, other: Visitor) -> None:
    """Check that an unwanted picture has its own note and does not look like a camera that is off."""
    tile = one.page.locator("[data-local=false]")
    await expect(tile.locator("video")).to_have_count(0)
    await expect(one.part("unwanted")).to_contain_text("Đang không nhận hình")
    await expect(tile).to_have_accessible_name(re.compile("Đang không nhận hình"))
    await expect(tile.get_by_test_id("camera-off")).to_have_count(0)
    assert await one.barriers() == []
    await other.part("cam-toggle").click()
    await expect(tile.get_by_test_id("camera-off")).to_be_visible()
    await expect(tile).to_have_accessible_name(re.compile("camera tắt"))
    await expect(one.part("unwanted")).to_have_count(0)
    await other.part("cam-toggle").click()
    await one.part("receive").click()
    await expect(one.part("wish")).to_have_value("auto")
    await expect(tile.locator("video")).to_have_count(1, timeout=PATIENCE_MS)
    await advance(one)


async def _watches(visitor: Visitor) -> None:
    """Check a presentation in the sound-only mode: the note reports it as long as it runs, and ends it."""
    screen, note = visitor.page.locator("[data-source=screen] video"), visitor.part("saving-note")
    await expect(note).to_contain_text("không nhận hình")
    for presses in (("unsee-screen",), ("view-button", "view-grid")):
        await visitor.part("see-screen").click()
        await expect(screen).to_have_count(1, timeout=PATIENCE_MS)
        await advance(visitor)
        await expect(note).not_to_contain_text("không nhận hình")
        await expect(note).to_contain_text("xem trình chiếu")
        for press in presses:
            await visitor.part(press).click()
        await expect(screen).to_have_count(0)
        await expect(note).to_contain_text("không nhận hình")
    assert await visitor.barriers() == []


async def _figures(one: Visitor) -> None:
    await expect(one.part("finding-none")).to_contain_text("đều tốt", timeout=3 * PATIENCE_MS)
    await expect(one.part("figure-way")).to_contain_text("UDP")
    await expect(one.part("figure-seen")).to_contain_text("×", timeout=PATIENCE_MS)
    rates = await one.part("plot").all_inner_texts()
    assert len(rates) == 5
    assert all("bit/s" in rate for rate in rates[:2])
    assert await one.barriers() == []
    await _camera_off(one)
    await mode(one, "low")
    await expect(one.page.locator("[data-cause=chosen]")).to_be_visible(timeout=PATIENCE_MS)


async def _camera_off(visitor: Visitor) -> None:
    """Turn the camera off, and check that all figures of its sent picture end."""
    upwards = visitor.part("plot-value").first
    await visitor.part("cam-toggle").click()
    await expect(visitor.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    shown = await upwards.inner_text()
    if shown != READING:
        assert _kilobits(shown) < SOUND_KBPS
    await expect(upwards).not_to_have_text(READING, timeout=PATIENCE_MS)
    assert _kilobits(await upwards.inner_text()) < SOUND_KBPS
    await expect(visitor.part("figure-sent")).to_have_text("không có")
    await visitor.part("cam-toggle").click()
    await expect(visitor.part("cam-toggle")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)


def _kilobits(shown: str) -> float:
    number, unit = shown.split()
    return float(number.replace(",", ".")) * (1000 if unit == "Mbit/s" else 1)


async def _goes_on(visitor: Visitor, shown: list[float]) -> bool:
    return all(now > before for now, before in zip(await visitor.clocks(), shown, strict=True))


async def _is_high(visitor: Visitor, lines: int) -> bool:
    return bool(await height(visitor) == lines)


async def _is_large_camera(visitor: Visitor) -> bool:
    """Report whether a large picture arrives that is not from the camera with fewer lines. That camera has 480 lines."""
    lines = await height(visitor)
    return bool(lines >= 360 and lines != 480)


async def _at_least(visitor: Visitor, lines: int) -> bool:
    return bool(await height(visitor) >= lines)


async def _at_most(visitor: Visitor, lines: int) -> bool:
    return 0 < await height(visitor) <= lines


async def _asked_plain(visitor: Visitor) -> bool:
    return '"noiseSuppression":false' in await visitor.page.evaluate("window.asked.at(-1)")
