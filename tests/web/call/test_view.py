"""How a participant views a call: full screen, an enlarged presentation, the layout, two people, keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.waiting import until
from tests.web.call.test_in_call import is_large
from tests.web.call.test_quality import ALL_OFF, SCREEN, enter
from tests.web.test_pages import new_meeting
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
