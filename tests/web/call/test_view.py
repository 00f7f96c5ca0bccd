"""How a participant views a call: full screen, an enlarged presentation, the layout, two people, keys."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.waiting import until
from tests.web.call.test_in_call import is_large
from tests.web.call.test_quality import ALL_OFF, SCREEN, enter
from tests.web.test_pages import new_meeting, silent, tiles
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

LARGE = ".main[data-source=screen] video"
DOUBLE_TAP = """(tile) => {
  const { left, top, width, height } = tile.getBoundingClientRect();
  const where = { clientX: left + width * 0.25, clientY: top + height / 2, pointerId: 7, pointerType: 'touch', bubbles: true };
  for (const name of ['pointerdown', 'pointerup', 'pointerdown', 'pointerup']) tile.dispatchEvent(new PointerEvent(name, where));
}"""


@pytest.mark.slow
async def test_a_presentation_is_enlarged_and_fills_the_screen(visit: Visit, live_server: LiveServer) -> None:
    """A computer enlarges the picture by wheel, keys and mouse. A phone does so by two fingers and by a double tap."""
    presenter, viewer = await visit(script=ALL_OFF + SCREEN), await visit(script=ALL_OFF)
    phone = await visit(width=390, height=844, touch=True, script=ALL_OFF)
    link = await new_meeting(presenter, live_server)
    await enter(presenter, link)
    await enter(viewer, link, "Trần Thị Bình")
    await enter(phone, link, "Lê Hoàng Cường")
    await presenter.part("share-toggle").click()
    for visitor in (viewer, phone):
        await is_large(visitor, "Nguyễn Văn An")
        await is_drawn(visitor)
    await by_wheel_keys_and_mouse(viewer)
    await by_fingers(phone)
    await in_full_screen(viewer)
    assert await viewer.barriers() == []
    assert await phone.barriers() == []


async def by_wheel_keys_and_mouse(viewer: Visitor) -> None:
    whole = await box(viewer)
    await viewer.page.keyboard.press("+")
    await expect(viewer.part("zoom-whole")).to_have_text("125 %")
    larger = await box(viewer)
    assert larger["width"] == pytest.approx(whole["width"] * 1.25, abs=2)
    await viewer.page.keyboard.press("0")
    await viewer.page.mouse.move(whole["x"] + whole["width"] / 4, whole["y"] + whole["height"] / 2)
    await viewer.page.mouse.wheel(0, -500)
    await until(lambda: _is_wider(viewer, whole["width"] * 2), "the wheel enlarges")
    turned = await box(viewer)
    # The point under the pointer stays: what is left of it grows as much as the picture.
    assert whole["x"] - turned["x"] == pytest.approx((turned["width"] - whole["width"]) / 4, abs=4)
    await viewer.page.mouse.down()
    await viewer.page.mouse.move(whole["x"] + whole["width"] / 4 - 60, whole["y"] + whole["height"] / 2, steps=3)
    await viewer.page.mouse.up()
    assert (await box(viewer))["x"] == pytest.approx(turned["x"] - 60, abs=2)
    await viewer.page.locator("h1").focus()
    await viewer.page.keyboard.press("ArrowLeft")
    assert (await box(viewer))["x"] == pytest.approx(turned["x"] + 20, abs=2)
    assert await viewer.barriers() == []
    await viewer.part("zoom-whole").click()
    assert await box(viewer) == whole


async def by_fingers(phone: Visitor) -> None:
    whole = await box(phone)
    touches = await phone.page.context.new_cdp_session(phone.page)
    x, y = whole["x"] + whole["width"] / 2, whole["y"] + whole["height"] / 2

    async def touch(kind: str, *apart: int) -> None:
        points = [{"x": x + side, "y": y, "id": number} for one in apart for number, side in enumerate((-one, one))]
        await touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    await touch("touchStart", 30)
    for apart in (45, 60, 75, 90):
        await touch("touchMove", apart)
    await touch("touchEnd")
    await until(lambda: _is_wider(phone, whole["width"] * 2), "two fingers enlarge")
    await phone.part("zoom-whole").click()
    await until(lambda: _is(phone, whole), "the whole picture")
    await phone.page.locator(".main[data-source=screen]").evaluate(DOUBLE_TAP)
    await until(lambda: _is_wider(phone, whole["width"] * 2), "a double tap enlarges")


async def in_full_screen(viewer: Visitor) -> None:
    """Only the presentation is left. The name and the controls go while the pointer rests, and come back with it."""
    await viewer.page.keyboard.press("f")
    await expect(viewer.part("full-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(viewer.part("tile")).to_have_count(1)
    await expect(viewer.page.locator("header").first).to_be_hidden()
    await until(lambda: _is_wider(viewer, 1250), "the picture fills the width")
    for hidden in (viewer.page.locator(".main .plate"), viewer.part("controls")):
        await expect(hidden).to_have_css("opacity", "0")
    await viewer.page.mouse.move(300, 300)
    await viewer.page.mouse.move(320, 320)
    for shown in (viewer.page.locator(".main .plate"), viewer.part("controls")):
        await expect(shown).to_have_css("opacity", "1")
    await viewer.part("full-toggle").click()
    await expect(viewer.page.locator("header").first).to_be_visible()
    await expect(viewer.part("tile")).to_have_count(4)


async def test_two_people_see_the_other_large_and_themselves_small(visit: Visit, live_server: LiveServer) -> None:
    """The own picture moves by a button and by the mouse, and can be hidden. The layout is chosen from pictures."""
    one, other = await visit(script=ALL_OFF), await visit(script=ALL_OFF)
    link = await new_meeting(one, live_server)
    await enter(one, link)
    await enter(other, link, "Trần Thị Bình")
    await tiles(one, 2)
    own = one.part("own-tile")
    small, large = await own.bounding_box(), await one.page.locator(".pair .main").bounding_box()
    assert small
    assert large
    assert large["width"] > 1_000
    assert small["width"] < 260
    await expect(one.part("duration")).to_contain_text("Đã họp")
    assert await one.barriers() == []
    await own.hover()
    await one.part("own-move").click()
    await expect(own).to_have_attribute("data-corner", "bottom-left")
    moved = await own.bounding_box()
    assert moved
    await one.page.mouse.move(moved["x"] + 20, moved["y"] + 70)
    await one.page.mouse.down()
    await one.page.mouse.move(1_100, 200, steps=4)
    await one.page.mouse.up()
    await expect(own).to_have_attribute("data-corner", "top-right")
    await one.part("own-hide").focus()
    await one.page.keyboard.press("Enter")
    await tiles(one, 1)
    await one.part("own-show").click()
    await tiles(one, 2)
    await other.part("chat-toggle").click()
    await other.part("chat-input").fill("Đề nghị gửi báo cáo.")
    await other.page.keyboard.press("Enter")
    await expect(one.page).to_have_title(re.compile(r"^\(1\) "))
    await one.page.locator("h1").focus()
    await one.page.keyboard.press("c")
    await expect(one.part("chat-input")).to_be_focused()
    await expect(one.page).to_have_title(re.compile(r"^Cuộc họp"))
    await one.page.keyboard.press("Escape")
    await one.page.locator("h1").focus()
    await one.page.keyboard.press("v")
    await one.part("layout-sheet").wait_for()
    assert await one.barriers() == []
    await one.part("view-grid").click()
    await expect(own).to_have_count(0)
    await tiles(one, 2)


async def test_reactions_are_seen_and_devices_are_beside_their_switch(visit: Visit, live_server: LiveServer) -> None:
    """A computer and a phone react. The picture shows the reaction for some seconds, and a notice names the person."""
    one, phone = await visit(), await visit(width=390, height=844, touch=True, script=ALL_OFF)
    link = await new_meeting(one, live_server)
    await one.join(link, "Nguyễn Văn An")
    await enter(phone, link, "Trần Thị Bình")
    await tiles(one, 2)
    await tiles(phone, 2)
    await one.part("reactions").click()
    await expect(one.part("react-agree")).to_be_focused()
    assert await one.barriers() == []
    await one.part("react-agree").click()
    await expect(one.part("reactions-list")).to_have_count(0)
    await expect(phone.part("tile-reaction")).to_have_attribute("data-reaction", "agree")
    await expect(phone.part("notice").filter(has_text="Nguyễn Văn An đồng ý")).to_have_count(1)
    await phone.part("more-button").click()
    await phone.part("react-clap").click()
    await expect(one.part("notice").filter(has_text="Trần Thị Bình vỗ tay")).to_have_count(1)
    await expect(one.part("tile-reaction")).to_have_count(0)
    await one.part("microphone-devices").click()
    await expect(one.part("device-microphone").first).to_be_focused()
    await expect(one.page.locator("[data-testid=device-microphone][aria-pressed=true]")).to_have_count(1)
    assert await one.barriers() == []
    await one.page.keyboard.press("Escape")
    await expect(one.part("microphone-devices")).to_be_focused()
    await one.part("camera-devices").click()
    await one.part("device-camera").first.click()
    await expect(one.part("camera-devices-list")).to_have_count(0)


async def test_a_raised_hand_comes_to_the_first_page_with_its_number(visit: Visit, live_server: LiveServer) -> None:
    """On a phone with four pictures a page, the person who asks to speak was on the second page. Keys reach every part. The list
    has the people by unit.
    """
    phone, late = await visit(width=390, height=844, touch=True, script=ALL_OFF), await visit(script=ALL_OFF)
    link = await new_meeting(phone, live_server)
    await enter(phone, link)
    conference = link.split("/m/")[1].split("#")[0]
    async with AsyncExitStack() as stack:
        for number, unit in enumerate(("Sở Y tế", "UBND xã 10", "UBND xã 2", "")):
            await stack.enter_async_context(silent(live_server, conference, f"Đại biểu {number}", unit))
        await phone.part("stage").wait_for()
        await phone.part("more-button").click()
        await phone.part("view-grid").click()
        await expect(phone.part("page-number")).to_contain_text("1/2")
        await enter(late, link, "Trần Thị Bình")
        binh = phone.page.locator("[data-testid=tile][aria-label^='Trần Thị Bình']")
        await expect(phone.part("present-count")).to_contain_text("6")
        await expect(binh).to_have_count(0)
        await late.part("stage").wait_for()
        await late.page.locator("h1").focus()
        await late.page.keyboard.press("h")
        await expect(late.part("hand-toggle")).to_have_attribute("aria-pressed", "true")
        await expect(binh.locator(".hand")).to_have_text("1")
        await expect(binh).to_have_accessible_name(re.compile("đang giơ tay, thứ 1"))
        await expect(phone.part("more-button")).to_have_attribute("aria-label", re.compile(r"\(1\)"))
        await phone.part("more-button").click()
        await expect(phone.part("people-toggle")).to_contain_text("1")
        assert await phone.barriers() == []
        await phone.part("people-toggle").click()
        groups = ["Chủ trì, thư ký (1)", "Sở Y tế (1)", "UBND xã 2 (1)", "UBND xã 10 (1)", "Người dự khác (2)"]
        await expect(phone.part("people-group")).to_have_text(groups)
        assert await phone.barriers() == []
        await expect(late.part("people-toggle")).to_have_attribute("aria-label", "Người dự họp, có người giơ tay (1)")
        for part in ("stage", "controls"):
            await late.page.keyboard.press("F6")
            await expect(late.part(part).locator(":focus")).to_have_count(1)


async def box(visitor: Visitor) -> Any:
    await visitor.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = await visitor.page.locator(LARGE).bounding_box()
    assert found is not None
    return found


async def is_drawn(visitor: Visitor) -> None:
    """Wait for the first picture of the screen."""
    large = await visitor.page.locator(LARGE).element_handle()
    await visitor.page.wait_for_function("(video) => video.videoWidth > 0", arg=large)


async def _is_wider(visitor: Visitor, width: float) -> bool:
    return bool((await box(visitor))["width"] > width)


async def _is(visitor: Visitor, whole: Any) -> bool:
    return bool(await box(visitor) == whole)
