"""The small window above other programs: up to four faces, hand, chat and the way out."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.web.test_pages import new_meeting, silent
from tests.web.visiting import IN_WINDOW, WINDOWED, Visit

pytestmark = pytest.mark.browser
CUT = """() => {
  const { document, innerWidth, innerHeight } = documentPictureInPicture.window;
  const boxes = [...document.querySelectorAll('button.control')].map((one) => one.getBoundingClientRect());
  return boxes.filter((box) => box.left < 0 || box.right > innerWidth || box.bottom > innerHeight).length;
}"""
SMALL = (420, 340)
"""The size that the page asks for (`floating.svelte.ts`). Playwright gives the window the size of its page."""


async def test_four_faces_the_hand_and_the_way_out(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit(program=WINDOWED)
    link = await new_meeting(visitor, live_server)
    conference = link.split("/m/")[1].split("#")[0]
    await visitor.join(link, "Nguyễn Văn An")
    await visitor.part("floating-toggle").click()
    window = f"{IN_WINDOW}?.querySelector('.faces')?.dataset.faces"
    await visitor.page.wait_for_function(f"() => {window} === '1'")
    async with AsyncExitStack() as stack:
        for number in range(1, 7):
            await stack.enter_async_context(silent(live_server, conference, f"Đại biểu {number}"))
        await visitor.page.wait_for_function(f"() => {window} === '4'")
        await visitor.page.context.pages[-1].set_viewport_size({"width": SMALL[0], "height": SMALL[1]})
        assert await visitor.page.evaluate("documentPictureInPicture.window.innerWidth") == SMALL[0]
        assert await visitor.page.evaluate(CUT) == 0
        await visitor.page.evaluate(f"{IN_WINDOW}.querySelector('[data-testid=floating-hand]').click()")
        await expect(visitor.part("hand-toggle")).to_have_attribute("aria-pressed", "true")
        await visitor.page.evaluate(f"{IN_WINDOW}.querySelector('[data-testid=floating-chat]').click()")
        await expect(visitor.part("chat-input")).to_be_visible()
        await expect(visitor.part("floating-toggle")).to_have_attribute("aria-pressed", "false")
        await visitor.part("floating-toggle").click()
        await visitor.page.wait_for_function(f"() => {window} === '4'")
        await visitor.page.evaluate(f"{IN_WINDOW}.querySelector('[data-testid=floating-leave]').click()")
        await visitor.part("left-page").wait_for()
