"""The page of a call for its participants: a control bar for each width, several screens, notices, the browser's Back button."""

from __future__ import annotations

import math
import signal
import struct
import time
import wave
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.web.call.test_quality import ALL_OFF, SCREEN, enter
from tests.web.test_pages import PATIENCE_MS, named, new_meeting, silent, tiles
from tests.web.visiting import DEVICES, Visit, Visitor

pytestmark = pytest.mark.browser

CONTROLS = {
    *("mic-toggle", "cam-toggle", "share-toggle", "hand-toggle", "leave-button", "people-toggle", "chat-toggle"),
    *("lobby-toggle", "chair-toggle", "invite-button", "settings-button", "statistics-toggle"),
}
MENUS = {"microphone-devices", "camera-devices", "reactions"}
"""The small buttons beside controls. A bar without captions has none: devices are in the settings, reactions behind "more"."""
LACQUER = "rgb(179, 38, 30)"
"""The colour of a switch that is off, as on the page before the meeting."""
ON_BAR = """[...document.querySelectorAll('[data-testid=controls] button')].map((one) => {
  const { left, right, top, bottom } = one.getBoundingClientRect();
  const inside = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return [one.dataset.testid, inside && one.contains(hit)];
})"""


async def test_every_control_is_reached_at_every_width(visit: Visit, live_server: LiveServer) -> None:
    """Controls without room on the bar are behind "more". The microphone, the hand and the leave button are on every bar."""
    host = await visit(script=ALL_OFF)
    await enter(host, await new_meeting(host, live_server))
    await host.part("chair-toggle").wait_for()
    for width, height in (
        (1280, 800),
        (942, 700),
        (820, 1180),
        (683, 720),
        (610, 800),
        (390, 844),
        (360, 740),
        (844, 390),
        (320, 640),
    ):
        await host.page.set_viewport_size({"width": width, "height": height})
        found = await reachable(host)
        wide = width > 600 and height > 480
        wanted = CONTROLS | (MENUS | {"view-button", "shortcuts-button"} if wide else {"view-button"})
        assert found == wanted, width
    await host.part("more-button").click()
    await host.part("view-grid").wait_for()
    await host.part("react-clap").wait_for()
    assert await host.barriers() == []
    await host.part("statistics-toggle").click()
    await host.part("statistics-panel").wait_for()
    assert await host.barriers() == []


async def reachable(visitor: Visitor) -> set[str]:
    """Return the controls that a touch can reach, on the bar and behind "more"."""
    await visitor.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    on_bar: list[tuple[str, bool]] = await visitor.page.evaluate(ON_BAR)
    assert all(seen for _, seen in on_bar), on_bar
    found = {name for name, _ in on_bar}
    assert {"mic-toggle", "hand-toggle", "leave-button"} <= found
    if "more-button" not in found:
        return found
    await visitor.part("more-button").click()
    rows = visitor.part("more-sheet").locator("li button")
    behind = set(await rows.evaluate_all("(all) => all.map((one) => one.dataset.testid)"))
    assert not behind & found
    if await visitor.part("view-grid").count():
        behind.add("view-button")
    await visitor.part("more-sheet-close").click()
    await visitor.part("more-sheet").wait_for(state="detached")
    return (found | behind) - {"more-button"}


@pytest.mark.slow
async def test_two_people_show_their_screens(visit: Visit, live_server: LiveServer) -> None:
    """The newest screen is large, and a user can choose the other screen. Each presenter sees that their screen is shared."""
    an, binh = await visit(script=ALL_OFF + SCREEN), await visit(script=ALL_OFF + SCREEN)
    phone = await visit(width=390, height=844, touch=True, script=ALL_OFF)
    link = await new_meeting(an, live_server)
    await enter(an, link)
    await enter(binh, link, "Trần Thị Bình")
    await enter(phone, link, "Lê Hoàng Cường")
    await an.part("share-toggle").click()
    await is_large(phone, "Nguyễn Văn An")
    await binh.part("share-toggle").click()
    await is_large(phone, "Trần Thị Bình")
    for presenter, seen in ((an, "Trần Thị Bình"), (binh, "Nguyễn Văn An")):
        await is_large(presenter, seen)
        await expect(presenter.part("own-screen")).to_contain_text("Đang chia sẻ màn hình")
    await phone.part("choose-screen").click()
    await is_large(phone, "Nguyễn Văn An")
    await expect(phone.part("choose-screen")).to_have_attribute("aria-label", "Xem lớn màn hình của Trần Thị Bình")
    for visitor in (an, phone):
        assert await visitor.barriers() == []
    await an.part("own-screen-stop").click()
    await is_large(phone, "Trần Thị Bình")
    await expect(an.part("own-screen")).to_have_count(0)
    await expect(an.part("share-toggle")).to_have_attribute("aria-pressed", "false")
    await an.part("people-toggle").click()
    person = an.part("person").filter(has_text="Trần Thị Bình")
    await person.get_by_test_id("host-more").click()
    await person.get_by_test_id("host-stop-share").click()  # the chair takes the presentation back
    await expect(binh.part("own-screen")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(binh.part("share-toggle")).to_have_attribute("aria-pressed", "false")
    await expect(phone.part("stage")).to_have_attribute("data-view", "grid")
    await tiles(phone, 3)


async def is_large(visitor: Visitor, name: str) -> None:
    """Check that this person's screen has the large place, and that its video is there."""
    large = visitor.page.locator(".main[data-source=screen]")
    await expect(large).to_have_attribute("aria-label", f"Màn hình của {name}", timeout=PATIENCE_MS)
    await expect(large.locator("video")).to_have_count(1, timeout=PATIENCE_MS)


async def is_above(visitor: Visitor, part: str) -> None:
    """The newest notice ends above this part of the page."""
    notice, below = await visitor.part("notice").last.bounding_box(), await visitor.part(part).bounding_box()
    assert notice
    assert below
    assert notice["y"] + notice["height"] <= below["y"] + 1


@pytest.mark.slow
async def test_a_chat_message_shows_a_notice_that_opens_the_chat(visit: Visit, live_server: LiveServer) -> None:
    """Each writer has at most one notice. No notice covers a face, and on a phone no notice covers the open chat. The newest
    message stays visible above the keyboard. A person who comes late reads all messages. Its time is the time of the province.
    """
    writer, phone = await visit(script=ALL_OFF), await visit(width=390, height=844, touch=True, script=ALL_OFF)
    link = await new_meeting(writer, live_server)
    await enter(writer, link, "Trần Thị Bình")
    await enter(phone, link)
    await tiles(phone, 2)
    await writer.part("chat-toggle").click()
    for number in range(12):
        await say(writer, f"Đề nghị các xã gửi báo cáo số {number} trước 16 giờ.")
    await expect(phone.part("notice").last).to_contain_text("Trần Thị Bình: Đề nghị các xã gửi báo cáo số 11")
    told = await phone.part("notice").all_inner_texts()
    assert len([one for one in told if "báo cáo" in one]) == 1
    await is_above(phone, "stage")
    assert await phone.barriers() == []
    # A notice stays for six seconds. A busy machine needs that time for the checks above, so the test sends a new message.
    await say(writer, "Đề nghị các xã gửi báo cáo số 12 trước 16 giờ.")
    await phone.part("notice").filter(has_text="số 12").click()
    await expect(phone.part("chat-message")).to_have_count(13)
    await expect(phone.part("notice").filter(has_text="báo cáo")).to_have_count(0)
    await writer.part("hand-toggle").click()
    await expect(phone.part("notice")).to_contain_text("giơ tay")
    await is_above(phone, "chat-panel")
    await phone.page.set_viewport_size({"width": 390, "height": 460})
    newest = phone.part("chat-message").last
    await expect(newest).to_be_in_viewport(ratio=0.9)
    line, field = await newest.bounding_box(), await phone.part("chat-input").bounding_box()
    assert line
    assert field
    assert line["y"] + line["height"] <= field["y"]
    late = await visit(script=ALL_OFF, zone="America/New_York")
    await enter(late, link, "Lê Hoàng Cường")
    await expect(writer.part("notice").last).to_contain_text("Lê Hoàng Cường vừa vào họp")
    await is_above(writer, "stage")
    await late.part("chat-toggle").click()
    said = writer.part("chat-message").first.locator("time")
    await expect(late.part("chat-message").first.locator("time")).to_have_text(await said.inner_text())
    await expect(late.part("chat-message")).to_have_count(13)
    await expect(late.part("chat-message").first).to_contain_text("báo cáo số 0")
    await expect(late.part("notice").filter(has_text="báo cáo")).to_have_count(0)
    await _writes_alone(late, writer, phone)
    await writer.part("chat-input").press("Escape")
    await expect(writer.part("chat-panel")).to_have_count(0)
    await expect(writer.part("chat-toggle")).to_be_focused()


async def _writes_alone(late: Visitor, writer: Visitor, phone: Visitor) -> None:
    """Check that a private line and its answer reach two people, and that an answer shows the line that it answers."""
    secret, answer = "Tôi vào họp muộn, xin phép đồng chí.", "Tôi đã ghi nhận."
    await late.part("chat-to").select_option(label="Trần Thị Bình")
    await expect(late.part("chat-private")).to_contain_text("người khác không đọc được")
    await say(late, secret)
    got = writer.part("chat-message").filter(has_text=secret)
    await expect(got.get_by_test_id("chat-alone")).to_contain_text("Tin gửi riêng")
    assert await writer.barriers() == []
    await got.get_by_test_id("chat-reply").click()
    await expect(writer.part("chat-to").locator("option:checked")).to_have_text("Lê Hoàng Cường")
    await expect(writer.part("chat-answered")).to_contain_text(secret)
    await say(writer, answer)
    back = late.part("chat-message").filter(has_text=answer)
    await expect(back.get_by_test_id("chat-quote")).to_contain_text(secret)
    await writer.part("chat-to").select_option(label="Mọi người")
    await say(writer, "Xin mời tiếp tục.")
    await expect(phone.part("chat-message").last).to_contain_text("Xin mời tiếp tục.")
    await expect(phone.part("chat-message")).to_have_count(14)


async def say(visitor: Visitor, words: str) -> None:
    await visitor.part("chat-input").fill(words)
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.part("chat-input")).to_have_value("")


async def test_the_back_button_asks_before_it_leaves_the_call(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit(script=ALL_OFF)
    link = await new_meeting(visitor, live_server)
    await enter(visitor, link)
    await visitor.part("stage").wait_for()
    await visitor.page.go_back()
    await visitor.part("back-sheet").wait_for()
    assert await visitor.barriers() == []
    await visitor.part("back-stay").click()
    await expect(visitor.part("back-sheet")).to_have_count(0)
    await expect(visitor.part("stage")).to_be_visible()
    await expect(visitor.page).to_have_url(link)
    await visitor.page.go_back()
    await visitor.part("back-leave").click()
    await visitor.part("left-page").wait_for()
    await visitor.page.go_back()
    await visitor.part("join-button").wait_for()


@pytest.mark.heavy
@pytest.mark.slow
async def test_a_lost_connection_is_shown_but_a_quiet_one_is_not(visit: Visit, live_server: LiveServer) -> None:
    """The test freezes the server process. The page reports the loss before any transport gives up, and greys old pictures."""
    one, muted = (
        await visit(),
        await visit(
            script="for (const what of ['camera', 'microphone']) localStorage.setItem(`diemcau.${what}On`, 'no');"
        ),
    )
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await muted.page.goto(link)
    await muted.part("join-name").fill("Trần Thị Bình")
    await muted.part("join-button").click()
    for visitor in (one, muted):
        await tiles(visitor, 2)
    for control in ("mic-toggle", "cam-toggle"):
        await one.part(control).click()
        await expect(one.part(control)).to_have_attribute("aria-pressed", "false")
    for visitor in (one, muted):
        await visitor.page.evaluate(STALLS)
    await one.page.wait_for_timeout(6_000)
    for visitor in (one, muted):
        assert await visitor.page.evaluate("stalls") == 0, "nobody sends anything: that is no dead line"
    live_server.process.send_signal(signal.SIGSTOP)
    frozen_at = time.monotonic()
    try:
        for visitor in (one, muted):
            await expect(visitor.part("banner")).to_contain_text("Mất kết nối, đang chờ mạng")
        told_s = time.monotonic() - frozen_at
        assert told_s < 15, "some 3 s where the machine has nothing else to do"
        await expect(one.page.locator(".tile.cut")).to_have_count(2)
        assert await one.page.locator("[data-testid=tile] [data-testid=quality]").evaluate_all(
            "(all) => all.map((one) => one.dataset.quality)"
        ) == ["unknown", "unknown"]
        assert await one.barriers() == []
    finally:
        live_server.process.send_signal(signal.SIGCONT)
    for visitor in (one, muted):
        await expect(visitor.part("banner")).to_have_count(0, timeout=PATIENCE_MS)
        await expect(visitor.page.locator(".tile.cut")).to_have_count(0)


STALLS = """() => {
  window.stalls = 0;
  const call = document.querySelector('[data-testid=call]');
  const look = () => (window.stalls += call.dataset.stalled === 'true' ? 1 : 0);
  new MutationObserver(look).observe(call, { attributes: true, attributeFilter: ['data-stalled'] });
}"""


async def test_speaking_with_the_microphone_off_shows_a_warning(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    """The microphone sends nothing while the warning is shown. A press on the warning turns the microphone on. The tile of a
    person who is heard shows the loudness.
    """
    voice = tmp_path / "voice.wav"
    with wave.open(str(voice), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        tone = (int(12_000 * math.sin(2 * math.pi * 220 * at / 48_000)) for at in range(48_000 * 2))
        file.writeframes(b"".join(struct.pack("<h", level) for level in tone))
    talker = await visit(flags=(*DEVICES, f"--use-file-for-fake-audio-capture={voice}"))
    await talker.join(await new_meeting(talker, live_server), "Nguyễn Văn An")
    await expect(talker.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(talker.part("muted-talk")).to_have_count(0)
    await expect(talker.part("tile").get_by_test_id("level")).to_be_visible(timeout=PATIENCE_MS)
    await talker.part("mic-toggle").click()
    await expect(talker.part("level")).to_have_count(0)
    await expect(talker.part("muted-talk")).to_contain_text("Micro đang tắt")
    await talker.part("cam-toggle").click()
    await expect(talker.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await talker.page.mouse.move(5, 5)
    faces = talker.page.locator("[data-testid=mic-toggle] .face, [data-testid=cam-toggle] .face, .leave .face")
    for face in await faces.all():
        await expect(face).to_have_css("background-color", LACQUER)
    assert await barriers_beside(talker, "muted-talk") == []
    await talker.part("muted-talk").click()
    await expect(talker.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(talker.part("muted-talk")).to_have_count(0)


async def barriers_beside(visitor: Visitor, name: str) -> list[str]:
    """Return the faults that axe finds while the part is visible. The warning is shown for 4 s and rests for 10 s."""
    while True:
        await expect(visitor.part(name)).to_be_visible(timeout=PATIENCE_MS)
        found = await visitor.barriers()
        if await visitor.part(name).is_visible():
            return found


async def test_tab_stops_once_at_the_pictures_and_their_order_lasts(visit: Visit, live_server: LiveServer) -> None:
    """The arrow keys lead from one picture to the next. The large view does not change the order of the pictures."""
    visitor = await visit(script=ALL_OFF)
    link = await new_meeting(visitor, live_server)
    await enter(visitor, link)
    conference = link.split("/m/")[1].split("#")[0]
    async with AsyncExitStack() as stack:
        for number in range(1, 7):
            await stack.enter_async_context(silent(live_server, conference, f"Đại biểu {number}"))
        await tiles(visitor, 7)
        assert await visitor.page.locator(".grid .stop:not([tabindex='-1'])").count() == 1
        await visitor.page.locator("h1").focus()
        await visitor.page.keyboard.press("Shift+Tab")
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.part("mic-toggle")).to_be_focused()
        first = visitor.page.locator(".grid .stop[tabindex='0']")
        await first.focus()
        before = await first.get_attribute("aria-label")
        await visitor.page.keyboard.press("ArrowRight")
        await visitor.page.wait_for_function("(before) => document.activeElement.ariaLabel !== before", arg=before)
        assert await visitor.page.locator(".grid .stop:not([tabindex='-1'])").count() == 1
        await visitor.page.keyboard.press("Tab")
        assert await visitor.page.evaluate("document.activeElement.closest('.grid') === null")
        order = await named(visitor, ".grid")
        for view in ("grid", "speaker", "auto"):
            await visitor.part("view-button").click()
            await visitor.part(f"view-{view}").click()
            await expect(visitor.part("stage")).to_have_attribute(
                "data-view", "speaker" if view == "speaker" else "grid"
            )
        assert await named(visitor, ".grid") == order


COUNTS = """window.cameras = 0;
const open = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = function (wanted) { window.cameras += 1; return open.call(this, wanted); };"""


async def test_a_wrong_number_is_refused_before_the_camera_prompt(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit(width=360, height=740, script=COUNTS)
    for path, words in (("/m/xyz", "mang mã này"), ("/m/abc-defg-hij#k=wrong", "Đường dẫn mời")):
        await visitor.page.goto(live_server.url + path)
        await expect(visitor.part("unknown-meeting")).to_contain_text(words)
        await expect(visitor.page.locator("h1")).to_be_focused()
        assert await visitor.page.evaluate("cameras") == 0
        await expect(visitor.part("join-name")).to_have_count(0)
        assert await visitor.barriers() == []
    await visitor.part("home-button").click()
    await visitor.part("join-number").wait_for()
    await new_meeting(visitor, live_server, "Giao ban tuần")
    await expect(visitor.page.locator("h1")).to_have_text("Giao ban tuần")
    await visitor.part("preview-video").wait_for()
    assert await visitor.page.evaluate("cameras") > 0


@pytest.mark.slow
async def test_the_invitation_shows_the_present_entry_rule(visit: Visit, live_server: LiveServer) -> None:
    """The host switches the lobby on. Then the invitation shows the new rule to the host and to a guest."""
    host, guest = await visit(script=ALL_OFF), await visit(script=ALL_OFF)
    link = await new_meeting(host, live_server)
    await enter(host, link)
    await enter(guest, link, "Trần Thị Bình")
    for visitor in (host, guest):
        await says(visitor, "vào thẳng cuộc họp", "không cần đường dẫn hay PIN")
    await host.part("lobby-toggle").click()
    await host.part("lobby-switch").check()
    for visitor in (host, guest):
        await says(visitor, "Phòng chờ đang bật", "cũng xin vào được")


async def says(visitor: Visitor, who: str, number: str) -> None:
    await visitor.part("invite-button").click()
    await expect(visitor.part("invite-holds")).to_contain_text(who)
    await expect(visitor.part("invite-by-number")).to_contain_text(number)
    assert await visitor.barriers() == []
    await visitor.page.keyboard.press("Escape")
    await visitor.part("invite-sheet").wait_for(state="detached")
