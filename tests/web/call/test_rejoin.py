"""A call that reconnects from the beginning: a device that was open before is open again or closed. Its switch works all the
time.
"""

from __future__ import annotations

import asyncio

import pytest
from livekit.protocol.rtc import SignalRequest, SimulateScenario
from playwright.async_api import Route, expect

from tests.conftest import LiveServer
from tests.web.call.test_blur import Gate, switch
from tests.web.call.test_quality import ALL_OFF, CAMERA_OFF, SCREEN, TROUBLED, WAITING, WAYS, enter, pressed, trouble
from tests.web.test_pages import PATIENCE_MS, new_meeting
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFUSING = """
window.refusals = 0;
window.refused = 'audio';
const { addTransceiver } = RTCPeerConnection.prototype;
RTCPeerConnection.prototype.addTransceiver = function (track, ...given) {
  if (track.kind !== refused || refusals === 0) return addTransceiver.call(this, track, ...given);
  refusals -= 1;
  throw new DOMException('refused', 'OperationError');
};
window.sockets = [];
window.unsent = null;
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    if (new URL(this.url).pathname.includes('/rtc')) window.sockets.push(this);
  }
  send(said) {
    if (unsent === null || !window.sockets.includes(this)) super.send(said);
    else unsent.push(new Uint8Array(said)[0] >> 3);
  }
};
"""
"""A script that refuses the next `refusals` tracks of the kind `refused`. `sockets`: the connections of the call, without those
of the chair's channel. If `unsent` is a list, no message of the call goes to the server, and the list gets the message types
instead.
"""
LOOKED_AT = "screens.filter(({ readyState }) => readyState === 'live').length"
"""The number of live screen tracks."""
BY_BROWSER = "screens.forEach((one) => { one.stop(); one.dispatchEvent(new Event('ended')); })"
"""A script that ends the screen as the browser's own bar does."""
TOLD = """() => {
  window.told = [];
  const look = (changes) => told.push(...changes.flatMap((one) => [...one.addedNodes]).map((one) => one.textContent));
  new MutationObserver(look).observe(document.querySelector('[data-testid=notices]'), { childList: true, subtree: true });
}"""
"""A script that records all new notices from now on."""
LIVE = "opened.filter(({ kind, readyState, enabled }) => kind === 'audio' && readyState === 'live' && enabled).length"
"""The open microphones of a page with `TROUBLED`."""
LIT = "opened.filter(({ kind, readyState }) => kind === 'video' && readyState === 'live').length"
"""The open cameras of a page with `TROUBLED`."""
SENT = """(kinds) => ways.filter(({ connectionState }) => connectionState !== 'closed').flatMap((way) => way.getSenders())
  .filter(({ track }) => kinds.includes(track?.kind)).map(({ track }) => track.readyState).join()"""
"""A script that returns the states of the tracks that a page with `WAYS` sends in the current call."""
COMES_IN = "window.joins = true;"
"""A script that lets a page with `WAITING` join immediately."""
HALFWAY = """
const { addTransceiver: take } = RTCPeerConnection.prototype;
window.halfway = false;
RTCPeerConnection.prototype.addTransceiver = function (track, ...given) {
  if (halfway && track.kind === 'video') joins = false;
  return take.call(this, track, ...given);
};"""
"""With `halfway` true, a page with `WAITING` begins to send a picture and then waits."""
SILENCE = """() => {
  const call = document.querySelector('[data-testid=call]');
  const watch = new MutationObserver(() => {
    if (call.dataset.link !== 'steady') return;
    unsent = [];
    watch.disconnect();
  });
  watch.observe(call, { attributeFilter: ['data-link'] });
}"""
"""When the call is connected again, no further message reaches the server."""
ADD_TRACK = SignalRequest.ADD_TRACK_FIELD_NUMBER


async def call_anew(visitor: Visitor) -> None:
    """Make the server order a page with `REFUSING` to reconnect its call from the beginning."""
    anew = SignalRequest(simulate=SimulateScenario(leave_request_full_reconnect=True)).SerializeToString()
    await visitor.page.evaluate(f"sockets.at(-1).send(new Uint8Array({list(anew)}))")


async def refuse(visitor: Visitor, kind: str, times: int) -> None:
    """Refuse this kind of track from now on. The page's reports about it are not faults."""
    await visitor.page.evaluate("(now) => { [window.refused, window.refusals] = now; }", [kind, times])


def forgive(visitor: Visitor) -> None:
    """Remove the page's reports about refused tracks from its faults."""
    visitor.faults[:] = [fault for fault in visitor.faults if "refused" not in fault]


async def link_is(visitor: Visitor, link: str) -> None:
    await expect(visitor.part("call")).to_have_attribute("data-link", link, timeout=PATIENCE_MS)


async def speaker(visit: Visit, live_server: LiveServer, camera: bool = True) -> Visitor:
    """Join with an open microphone, and with an open camera or none."""
    one = await visit(script=WAYS + TROUBLED + REFUSING + ("" if camera else CAMERA_OFF))
    link = await new_meeting(one, live_server)
    if camera:
        await one.join(link, "Nguyễn Văn An")
    else:
        await enters_before_a_device_is_asked_for(one, link)
    await link_is(one, "steady")
    await pressed(one, "mic-toggle", True)
    assert await one.page.evaluate(LIVE) == 1
    return one


async def enters_before_a_device_is_asked_for(one: Visitor, link: str) -> None:
    """Join while the page still looks the meeting up. The call opens the microphone."""
    found = asyncio.Event()

    async def hold(route: Route) -> None:
        await found.wait()
        await route.continue_()

    await one.page.route("**/look", hold)
    await enter(one, link)
    await pressed(one, "mic-toggle", True)
    found.set()


async def presenter(visit: Visit, live_server: LiveServer) -> Visitor:
    """Join with only a shared screen."""
    one = await visit(script=WAYS + REFUSING + SCREEN + ALL_OFF + WAITING + HALFWAY + COMES_IN)
    link = await new_meeting(one, live_server)
    await enter(one, link)
    await link_is(one, "steady")
    await share(one)
    assert await one.page.evaluate(LOOKED_AT) == 2
    return one


async def share(one: Visitor) -> None:
    await one.part("share-toggle").click()
    await pressed(one, "share-toggle", True)


async def sends(visitor: Visitor, kinds: list[str], count: int) -> None:
    """Wait until the page sends this number of tracks of these kinds, all live."""
    wanted = ",".join(["live"] * count)
    await visitor.page.wait_for_function(f"([kinds, wanted]) => ({SENT})(kinds) === wanted", arg=[kinds, wanted])


async def microphone(one: Visitor, on: bool) -> None:
    """Press the switch of the microphone, and check that the microphone is open or closed."""
    await one.part("mic-toggle").click()
    await pressed(one, "mic-toggle", on)
    assert await one.page.evaluate(LIVE) == int(on)


async def test_a_microphone_obeys_its_switch_in_each_new_call(visit: Visit, live_server: LiveServer) -> None:
    """No microphone stays open if no participant receives it and no switch closes it. A microphone that was switched off during
    a rejoin stays off, whether the call accepts the old microphone or refuses it once.
    """
    one = await speaker(visit, live_server, camera=False)
    await enters_the_next_call(one, "mic-toggle", "audio")
    for refusals in (1, 2):
        await is_reopened_or_closed(one, refusals)
        await microphone(one, refusals == 2)
        await microphone(one, refusals == 1)
    await microphone(one, True)
    for refusals in (0, 1):
        await stays_off(one, refusals)
        await microphone(one, True)
    forgive(one)


async def is_reopened_or_closed(one: Visitor, refusals: int) -> None:
    """Check a new call that rejects the open microphone. The page opens it again once."""
    await refuse(one, "audio", refusals)
    await call_anew(one)
    await one.page.wait_for_function("() => refusals === 0", timeout=PATIENCE_MS)
    await link_is(one, "steady")
    await pressed(one, "mic-toggle", refusals == 1)
    assert await one.page.evaluate(LIVE) == int(refusals == 1)


async def stays_off(one: Visitor, refusals: int) -> None:
    """Switch the microphone off while it opens in a new call."""
    await refuse(one, "audio", refusals)
    before, asked = await one.page.evaluate("[opened.length, asked]")
    await trouble(one, held=True)
    await call_anew(one)
    await link_is(one, "media-lost")
    # Without this wait the press can come before the new call asks for the microphone. Then the microphone does not open at all.
    await one.page.wait_for_function("(before) => asked > before", arg=asked)
    await one.part("mic-toggle").click()
    await expect(one.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await trouble(one)
    await one.page.wait_for_function("(before) => opened.length > before && refusals === 0", arg=before)
    await link_is(one, "steady")
    await pressed(one, "mic-toggle", False)
    assert await one.page.evaluate(LIVE) == 0


async def enters_the_next_call(one: Visitor, control: str, kind: str) -> None:
    """Check a device that a new call refuses once. The second attempt goes to a call that also breaks."""
    await refuse(one, kind, 1)
    await one.page.evaluate(TOLD)
    await one.page.evaluate(SILENCE)
    await call_anew(one)
    await one.page.wait_for_function(f"() => unsent?.includes({ADD_TRACK})", timeout=PATIENCE_MS)
    await one.page.evaluate("unsent = null")
    before = await one.page.evaluate("sockets.length")
    await call_anew(one)
    await one.page.wait_for_function("(before) => sockets.length > before", arg=before, timeout=PATIENCE_MS)
    await link_is(one, "steady")
    await pressed(one, control, True)
    await sends(one, [kind], 1)
    assert not [text for text in await one.page.evaluate("told") if "Không" in text]


async def test_a_screen_is_shared_only_while_its_switch_is_on(visit: Visit, live_server: LiveServer) -> None:
    """The calls reconnect from the beginning. A screen that is chosen after the call is not captured."""
    one = await presenter(visit, live_server)
    await enters_the_next_call(one, "share-toggle", "video")
    for refusals in (1, 2):
        await is_offered_again(one, refusals)
        await share(one)
    for ended_by in ("switch", "browser"):
        await is_ended_on_its_way(one, ended_by)
        await share(one)
    await one.part("share-toggle").click()
    await pressed(one, "share-toggle", False)
    await is_not_captured_after_the_call(one)
    forgive(one)


async def is_offered_again(one: Visitor, refusals: int) -> None:
    """Check a new call that rejects only the picture of the screen. The sound ends together with the picture."""
    await refuse(one, "video", refusals)
    await one.page.evaluate(TOLD)
    await call_anew(one)
    await one.page.wait_for_function("() => refusals === 0", timeout=PATIENCE_MS)
    await link_is(one, "steady")
    await pressed(one, "share-toggle", refusals == 1)
    if refusals == 1:
        await sends(one, ["audio"], 1)
        await sends(one, ["video"], 1)
        assert await one.page.evaluate(LOOKED_AT) == 2
        await one.part("share-toggle").click()
        await pressed(one, "share-toggle", False)
    assert await one.page.evaluate(LOOKED_AT) == 0
    await sends(one, ["audio", "video"], 0)
    told = [text for text in await one.page.evaluate("told") if "Không chia sẻ được màn hình" in text]
    assert bool(told) == (refusals == 2)


async def is_ended_on_its_way(one: Visitor, ended_by: str) -> None:
    """End a screen on its way into a new call. The switch shows the screen as shared, although no participant receives it yet.
    After its end the screen does not return by itself.
    """
    before = await one.page.evaluate("screens.length")
    await one.page.evaluate("halfway = true")
    await call_anew(one)
    await link_is(one, "media-lost")
    await expect(one.part("own-screen")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(one.part("share-toggle")).to_have_attribute("aria-pressed", "true")
    if ended_by == "switch":
        await one.part("share-toggle").click()
    else:
        await one.page.evaluate(BY_BROWSER)
    await expect(one.part("share-toggle")).to_have_attribute("aria-pressed", "false")
    assert await one.page.evaluate(LOOKED_AT) == 0
    await one.page.evaluate("[halfway, joins] = [false, true]")
    await link_is(one, "steady")
    await sends(one, ["audio", "video"], 0)
    await pressed(one, "share-toggle", False)
    await expect(one.part("own-screen")).to_have_count(0)
    assert await one.page.evaluate("screens.length") == before, "nobody was asked again"


async def is_not_captured_after_the_call(one: Visitor) -> None:
    """Leave while the browser asks for a screen, and choose one then."""
    before = await one.page.evaluate("screens.length")
    await one.page.evaluate("choosing = true")
    await one.part("share-toggle").click()
    await expect(one.part("share-toggle")).to_have_attribute("aria-busy", "true")
    await one.part("leave-button").click()
    await expect(one.part("call")).to_have_count(0)
    await one.page.evaluate("choosing = false")
    chosen = f"(before) => screens.length === before + 2 && {LOOKED_AT} === 0"
    await one.page.wait_for_function(chosen, arg=before, timeout=5000)


async def test_a_camera_obeys_its_switch_in_each_new_call(visit: Visit, live_server: LiveServer) -> None:
    one = await speaker(visit, live_server)
    await pressed(one, "cam-toggle", True)
    await microphone(one, False)
    await is_turned_on_despite_failures(one)
    await can_be_switched_off_while_others_open(one)
    await microphone(one, False)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", True)
    await stays_dark(one)
    forgive(one)


async def is_turned_on_despite_failures(one: Visitor) -> None:
    """The microphone waits for the camera, and the new call refuses the camera once."""
    await one.page.evaluate(TOLD)
    await refuse(one, "video", 1)
    await trouble(one, held="video")
    await call_anew(one)
    await link_is(one, "media-lost")
    await one.part("mic-toggle").click()
    await one.page.wait_for_function(f"() => {LIVE} === 1", timeout=PATIENCE_MS)
    await trouble(one)
    await one.page.wait_for_function("() => refusals === 0", timeout=PATIENCE_MS)
    await link_is(one, "steady")
    for control in ("mic-toggle", "cam-toggle"):
        await pressed(one, control, True)
    await sends(one, ["audio", "video"], 2)
    assert await one.page.evaluate(LIVE) == 1
    assert await one.page.evaluate(LIT) == 1
    assert not [text for text in await one.page.evaluate("told") if "Không mở được" in text]


async def can_be_switched_off_while_others_open(one: Visitor) -> None:
    """In the new call the camera opens after the press for off, while the microphone is still opening."""
    before, cameras = await one.page.evaluate("[opened.length, cameras]")
    await trouble(one, held=True)
    await call_anew(one)
    await link_is(one, "media-lost")
    # Without this wait the press can come before the new call asks for the camera. Then the camera does not open at all.
    await one.page.wait_for_function("(before) => cameras > before", arg=cameras)
    await one.part("cam-toggle").click()
    await expect(one.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await trouble(one, held="audio")
    await one.page.wait_for_function("(before) => opened.length > before", arg=before)
    await one.page.wait_for_function(f"() => {LIT} === 0", timeout=5000)
    await link_is(one, "media-lost")
    await trouble(one)
    await link_is(one, "steady")
    await pressed(one, "mic-toggle", True)
    await pressed(one, "cam-toggle", False)
    assert await one.page.evaluate(LIT) == 0


async def stays_dark(one: Visitor) -> None:
    """Switch the camera off in a new call. The microphone fails in that call. The camera is still opening when everything else
    is finished.
    """
    await refuse(one, "audio", 1)
    await trouble(one, held=True)
    before, cameras = await one.page.evaluate("[opened.length, cameras]")
    await call_anew(one)
    passing = "() => document.querySelector('[data-testid=call]').dataset.link === 'media-lost'"
    await one.page.wait_for_function(
        passing, timeout=PATIENCE_MS
    )  # checked in each frame, because the state may be short
    await one.page.wait_for_function(
        "(before) => cameras > before", arg=cameras
    )  # the camera is held, so it is not open yet
    await one.part("cam-toggle").click()
    await link_is(one, "steady")
    await trouble(one)
    await one.page.wait_for_function("(before) => opened.length > before && refusals === 0", arg=before)
    await pressed(one, "cam-toggle", False)
    await one.page.wait_for_function(f"() => {LIT} === 0", timeout=PATIENCE_MS)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(LIT) == 1
    await sends(one, ["video"], 1)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", False)
    await one.page.wait_for_function(f"() => {LIT} === 0", timeout=PATIENCE_MS)


async def test_a_camera_stays_dark_until_its_blur_is_ready(visit: Visit, live_server: LiveServer) -> None:
    one = await speaker(visit, live_server)
    await one.part("cam-toggle").click()
    await pressed(one, "cam-toggle", False)
    await opens_while_the_blur_starts(one)
    await switch(one, False)
    await pressed(one, "cam-toggle", True)
    await enters_a_call_while_the_blur_starts(one)


async def gate_of(one: Visitor) -> Gate:
    """Return the gate of the next blur: its model loads when the gate opens."""
    gate = Gate("held")
    await one.page.route("**/*.tflite", gate)
    return gate


async def opens_while_the_blur_starts(one: Visitor) -> None:
    gate, before = await gate_of(one), await one.page.evaluate("opened.length")
    await trouble(one, held="video")
    await one.part("cam-toggle").click()
    await switch(one, True)
    await gate.reached(1)
    await trouble(one)
    await one.page.wait_for_function("(before) => opened.length > before", arg=before)
    await one.page.wait_for_function(f"() => {LIT} === 0", timeout=5000)
    gate.open()
    await pressed(one, "cam-toggle", True)
    assert await one.page.evaluate(LIT) == 1


async def enters_a_call_while_the_blur_starts(one: Visitor) -> None:
    """The new call has the camera, but not yet the microphone."""
    gate, before = await gate_of(one), await one.page.evaluate("opened.length")
    await trouble(one, held="audio")
    await call_anew(one)
    await one.page.wait_for_function("(before) => opened.length > before", arg=before)
    await switch(one, True)
    await one.page.wait_for_function(f"() => {LIT} === 0", timeout=5000)
    await gate.reached(1)
    await link_is(one, "media-lost")
    gate.open()
    await trouble(one)
    await link_is(one, "steady")
    for control in ("cam-toggle", "mic-toggle"):
        await pressed(one, control, True)
    assert await one.page.evaluate(LIT) == 1


async def test_a_returning_participant_gets_no_notice_of_the_others(visit: Visit, live_server: LiveServer) -> None:
    one, other = await visit(script=REFUSING + ALL_OFF), await visit(script=SCREEN + ALL_OFF)
    link = await new_meeting(one, live_server)
    await enter(one, link)
    await enter(other, link, "Trần Thị Bình")
    await expect(one.part("notices")).to_contain_text("Trần Thị Bình vừa vào họp", timeout=PATIENCE_MS)
    await other.part("share-toggle").click()
    await expect(one.part("notices")).to_contain_text("Trần Thị Bình đang chia sẻ màn hình", timeout=PATIENCE_MS)
    await one.page.evaluate(TOLD)
    await call_anew(one)
    await expect(one.part("notices")).to_contain_text("Đã kết nối lại", timeout=PATIENCE_MS)
    await expect(one.part("notices")).not_to_contain_text("Đã kết nối lại", timeout=PATIENCE_MS)
    assert not [text for text in await one.page.evaluate("told") if "Bình" in text]
    await other.part("leave-button").click()
    await expect(one.part("notices")).to_contain_text("Trần Thị Bình", timeout=PATIENCE_MS)
