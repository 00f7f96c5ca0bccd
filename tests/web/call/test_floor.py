"""The floor on the page of a call: the queue, the call to speak with its undo, the modes, and the panel of the chair."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from conference import limits
from tests.conftest import LiveServer
from tests.web.call.test_quality import ALL_OFF, enter
from tests.web.test_pages import PATIENCE_MS, new_meeting, silent, tiles
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

CHAIR, BINH, CUONG = "Nguyễn Văn An", "Trần Thị Bình", "Lê Hoàng Cường"
IN_VIEW = """(part) => {
  const { left, right, top, bottom } = part.getBoundingClientRect();
  const inside = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
  return inside && part.contains(document.elementFromPoint((left + right) / 2, (top + bottom) / 2));
}"""


class Presses:
    """The panel of a chair, with a count of its presses."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.made = 0

    async def press(self, testid: str) -> None:
        self.made += 1
        await self.visitor.part(testid).first.click()

    def taken(self) -> int:
        """Return the presses since the last question."""
        made, self.made = self.made, 0
        return made


async def large(visitor: Visitor, name: str) -> None:
    await expect(visitor.page.locator(".main[data-testid=tile]")).to_have_attribute(
        "aria-label", re.compile(f"^{name}"), timeout=PATIENCE_MS
    )


async def test_the_chair_passes_the_floor_and_takes_it_back(visit: Visit, live_server: LiveServer) -> None:
    """Ask by one press or by the key H, call by one press, undo by one press. The others cannot unmute, and see
    the speaker large.
    """
    an, binh, cuong = (
        await visit(script=ALL_OFF),
        await visit(script=ALL_OFF),
        await visit(width=390, height=844, touch=True, script=ALL_OFF),
    )
    link = await new_meeting(an, live_server)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await enter(cuong, link, CUONG)
    await tiles(an, 3)
    chair = Presses(an)
    await an.part("chair-toggle").click()
    await an.part("mode-one").click()
    for member in (binh, cuong):
        await expect(member.part("chair-toggle")).to_have_count(0)
        await expect(member.part("microphone-why")).to_contain_text("Một micro")
    await binh.part("mic-toggle").click()
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "false")

    await binh.page.locator("h1").focus()
    await binh.page.keyboard.press("h")
    await expect(binh.part("own-place")).to_have_text("Thứ 1 trong hàng chờ")
    for width, height in ((1280, 800), (820, 1180), (390, 844)):
        await cuong.page.set_viewport_size({"width": width, "height": height})
        await expect(cuong.part("controls")).to_be_visible()
        assert await cuong.part("hand-toggle").evaluate(IN_VIEW), width
    await cuong.part("hand-toggle").click()
    await expect(cuong.part("own-place")).to_have_text("Thứ 2 trong hàng chờ")
    await cuong.part("own-kind").select_option("order")
    await expect(cuong.part("own-place")).to_have_text("Thứ 1 trong hàng chờ")
    await expect(an.part("asking")).to_have_count(2)
    await expect(an.part("asking").first).to_contain_text("Ý kiến về thể thức")
    for visitor in (an, cuong):
        assert await visitor.barriers() == []

    await an.part("asking").first.get_by_test_id("queue-down").click()
    await expect(an.part("asking").first).to_contain_text(BINH)
    await an.part("turn-time").select_option("3")
    await chair.press("call-speaker")
    assert chair.taken() == 1
    for visitor in (an, cuong):
        await expect(visitor.part("floor-turn")).to_contain_text(BINH)
        await expect(visitor.part("floor-strip").get_by_test_id("turn-timer")).to_contain_text("còn 2:")
    await large(an, BINH)
    await expect(cuong.part("own-place")).to_have_text("Thứ 1 trong hàng chờ")
    await expect(binh.part("floor-turn")).to_contain_text("Đến lượt mình")
    await binh.part("unmute-yes").click()
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "true")

    await chair.press("chair-undo")
    assert chair.taken() == 1
    await expect(an.part("floor-turn")).to_have_count(0)
    await expect(an.part("asking")).to_have_count(2)
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await expect(binh.part("own-place")).to_have_text("Thứ 1 trong hàng chờ")
    await expect(an.part("stage")).to_have_attribute("data-view", "grid")

    await an.part("turn-time").select_option("0")
    budget = an.part("budget").filter(has_text=BINH)
    await budget.get_by_test_id("budget-time").select_option("3")
    await an.part("asking").filter(has_text=BINH).get_by_test_id("call-speaker").click()
    for visitor in (an, cuong):  # the turn has the rest of the delegation's time
        await expect(visitor.part("floor-strip").get_by_test_id("turn-timer")).to_contain_text("còn 2:")
    await binh.part("unmute-yes").click()
    await an.part("chair-part-people").click()
    await expect(an.part("chair-mute-all")).to_contain_text("trừ người phát biểu")
    await an.part("chair-mute-all").click()
    await expect(an.part("chair-said")).to_contain_text("Không có micro")
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "true")


async def test_the_chair_mutes_rules_shares_the_lead_and_ends(visit: Visit, live_server: LiveServer) -> None:
    """Mute all is one press, and its undo asks again. A rule stands at the button. The chair goes to another person, whose
    page then has the panel. The end for all is two presses. A refused order shows the server's sentence.
    """
    an = await visit(script=ALL_OFF)
    binh = await visit(width=820, height=1180, script="localStorage.setItem('diemcau.cameraOn', 'no');")
    link = await new_meeting(an, live_server)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await tiles(an, 2)
    chair = Presses(an)
    await an.part("chair-toggle").click()
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
    await an.part("chair-part-people").click()
    await an.part("mute-person").wait_for()
    await chair.press("chair-mute-all")
    assert chair.taken() == 1
    await expect(an.part("chair-said")).to_contain_text("Đã tắt 1 micro")
    await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await chair.press("chair-undo")
    await binh.part("unmute-question").wait_for()
    await binh.part("unmute-no").click()
    await expect(binh.part("unmute-question")).to_have_count(0)
    row = an.part("chair-person").filter(has_text=BINH)
    await row.get_by_test_id("person-more").click()
    await an.part("host-remove").wait_for()
    assert await an.barriers() == []
    await an.part("host-ask").click()
    await expect(row.get_by_test_id("person-more")).to_be_focused()
    await binh.part("unmute-question").wait_for()
    await binh.part("unmute-no").click()

    await an.part("chair-part-rules").click()
    await an.part("rule-unmute_off").select_option("all")
    await expect(binh.part("microphone-why")).to_contain_text("Hãy giơ tay")
    await an.part("rule-unmute_off").select_option("nobody")
    await expect(binh.part("microphone-why")).to_have_count(0)
    await an.part("chair-lock").click()
    await an.part("chair-unlock").wait_for()
    assert await an.barriers() == []

    await an.part("chair-part-floor").click()
    await an.part("mode-several").click()
    room = link.split("/m/")[1].split("#")[0]
    async with AsyncExitStack() as others:
        await an.part("chair-unlock").click()
        for number in range(limits.SPEAKERS):
            await others.enter_async_context(silent(live_server, room, f"Sở thứ {number}"))
        await an.part("chair-part-people").click()
        await expect(an.part("chair-person")).to_have_count(limits.SPEAKERS + 2)
        for number in range(limits.SPEAKERS):
            await an.page.get_by_label(f"Mời phát biểu: Sở thứ {number}").click()
            await expect(an.part("chair-turn")).to_have_count(number + 1)
        await an.page.get_by_label(f"Mời phát biểu: {BINH}").click()
        await expect(an.part("chair-trouble")).not_to_be_empty()
    await row.get_by_test_id("role").select_option("secretary")
    await binh.part("chair-toggle").click()
    await expect(binh.part("release-chair")).to_have_count(0)
    assert await binh.barriers() == []
    await row.get_by_test_id("hand-over").click()
    assert await an.barriers() == []
    await an.part("hand-over-sure").click()
    await binh.part("chair-part-people").click()
    await binh.part("release-chair").wait_for()
    await expect(an.part("hand-over")).to_have_count(0)

    ends = Presses(binh)
    await ends.press("chair-end")
    await ends.press("chair-end-sure")
    assert ends.taken() == 2
    for visitor in (an, binh):
        await visitor.part("left-page").wait_for()
