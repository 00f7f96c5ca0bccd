"""Recess, closed session, agenda, the way back to the lobby, and the stop for secret content on the pages of a call."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.waiting import until
from tests.web.call.test_floor import Presses
from tests.web.call.test_quality import ALL_OFF, CAMERA_OFF, WAYS, enter
from tests.web.shots import resize, shots
from tests.web.test_pages import new_meeting, tiles
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

CHAIR, BINH, CUONG = "Nguyễn Văn An", "Trần Thị Bình", "Lê Hoàng Cường"
TITLE = "Họp công tác cán bộ"
PACKETS = """async () => {
  const counts = { 'inbound-rtp': 0, 'outbound-rtp': 0 };
  for (const way of ways) for (const one of (await way.getStats()).values())
    if (one.type in counts) counts[one.type] += one.packetsReceived ?? one.packetsSent ?? 0;
  return [counts['inbound-rtp'], counts['outbound-rtp']];
}"""


async def packets(visitor: Visitor) -> tuple[int, int]:
    """Return how many packets of media the page has received and sent."""
    received, sent = await visitor.page.evaluate(PACKETS)
    return received, sent


async def heard(visitor: Visitor, more: int = 40) -> None:
    """Wait until the page has received more packets."""
    before, _ = await packets(visitor)

    async def has_more() -> bool:
        return (await packets(visitor))[0] >= before + more

    await until(has_more, "media arrives")


async def look(visitor: Visitor, folder: Path, name: str) -> None:
    """Take the screenshots, and give the window its size again."""
    size = visitor.page.viewport_size
    assert size is not None
    await shots(visitor, folder, name)
    await resize(visitor, size["width"], size["height"])


async def add(visitor: Visitor, title: str, *, minutes: str = "", closed: bool = False) -> None:
    """Add an item to the agenda."""
    await visitor.part("agenda-new").click()
    await visitor.part("agenda-title").fill(title)
    await visitor.part("agenda-minutes").fill(minutes)
    await visitor.part("agenda-closed").set_checked(closed)
    await visitor.part("agenda-save").click()
    await expect(visitor.part("agenda-item").last).to_contain_text(title)


async def test_the_chair_makes_a_recess_and_a_closed_session(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    """In a recess all see the time of return and nobody has a microphone. In a closed session the guest gets and sends
    nothing; a closed item of the agenda offers the session by one press. Each ends by one press. All see the current item. One
    person goes back to the lobby, and returns.
    """
    an = await visit(script=WAYS + CAMERA_OFF)
    binh = await visit(width=820, height=1180, script=WAYS + CAMERA_OFF)
    cuong = await visit(width=390, height=844, touch=True, script=WAYS)
    link = await new_meeting(an, live_server)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await enter(cuong, link, CUONG)
    await tiles(an, 3)
    chair = Presses(an)
    await an.part("chair-toggle").click()
    await an.part("chair-part-people").click()
    await an.part("chair-person").filter(has_text=CUONG).get_by_test_id("role").select_option("guest")

    await an.part("chair-part-breaks").click()
    await expect(an.part("recess-15")).to_have_attribute("aria-pressed", "true")
    await look(an, tmp_path, "breaks-part")
    await chair.press("recess-begin")
    assert chair.taken() == 1
    shown = await cuong.part("slate-until").inner_text()
    for visitor in (an, binh, cuong):
        await expect(visitor.part("slate-left")).to_contain_text("còn 1")
        await expect(visitor.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
        await visitor.part("mic-toggle").click()
        await expect(visitor.part("microphone-why")).to_contain_text("Đang giải lao")
        await expect(visitor.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
        assert await visitor.barriers() == []
    await look(cuong, tmp_path, "slate")
    await expect(binh.part("slate-end")).to_have_count(0)
    await an.part("recess-later").click()
    await expect(cuong.part("slate-until")).not_to_have_text(shown)
    await cuong.part("slate-camera-off").click()
    await expect(cuong.part("cam-toggle")).to_have_attribute("aria-pressed", "false")
    await cuong.part("cam-toggle").click()
    await binh.part("chat-toggle").click()
    await binh.part("chat-input").fill("Xin chờ tài liệu")
    await binh.part("chat-send").click()
    await expect(cuong.part("notice").last).to_contain_text("Xin chờ tài liệu")
    await chair.press("slate-end")
    assert chair.taken() == 1
    for visitor in (an, binh, cuong):
        await visitor.part("unmute-yes").click()
        await expect(visitor.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
        await expect(visitor.part("slate")).to_have_count(0)

    await an.part("chair-part-agenda").click()
    await add(an, "Báo cáo quý III", minutes="20")
    await add(an, "Việc khác")
    await add(an, "Công tác cán bộ", closed=True)
    await an.part("agenda-item").last.get_by_role("button").click()
    await an.part("agenda-up").click()
    await expect(an.part("agenda-item").nth(1)).to_contain_text("Công tác cán bộ")
    await chair.press("agenda-next")
    assert chair.taken() == 1
    for visitor in (an, binh, cuong):
        await expect(visitor.part("agenda-line")).to_contain_text("Nội dung 1/3: Báo cáo quý III")
    await cuong.part("agenda-line").click()
    await expect(cuong.part("agenda-row").first).to_have_attribute("data-state", "current")
    await expect(cuong.part("agenda-row").nth(1)).to_contain_text("Họp kín")
    assert await cuong.barriers() == []
    await look(cuong, tmp_path, "agenda-sheet")
    await cuong.part("agenda-sheet-close").click()
    assert await an.barriers() == []
    await look(an, tmp_path, "agenda-part")
    await an.part("agenda-next").click()
    await expect(binh.part("agenda-line")).to_contain_text("Nội dung 2/3")
    await an.part("agenda-item").first.get_by_role("button").click()
    await an.part("agenda-return").wait_for()

    await heard(cuong)
    await chair.press("agenda-close")
    assert chair.taken() == 1
    await an.part("chair-part-breaks").click()
    await expect(cuong.part("outside-why")).to_contain_text("họp kín")
    await expect(cuong.part("controls")).to_have_count(0)
    await expect(an.part("closed-now")).to_contain_text("1 chờ ở ngoài")
    await expect(cuong.page.locator("video")).to_have_count(0)
    await heard(binh)
    before = await packets(cuong)
    await heard(binh)
    assert await packets(cuong) == before, "the guest hears, sees and sends nothing"
    assert await cuong.barriers() == []
    await look(cuong, tmp_path, "outside")
    assert await an.barriers() == []
    await look(an, tmp_path, "closed")
    await expect(binh.part("outside")).to_have_count(0)
    await chair.press("closed-end")
    assert chair.taken() == 1
    await cuong.part("stage").wait_for()
    await expect(cuong.part("cam-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(cuong.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await heard(cuong)
    await expect(an.part("closed-out").and_(an.page.locator(":checked"))).to_have_count(1)
    await chair.press("closed-begin")
    assert chair.taken() == 1
    await cuong.part("outside").wait_for()
    await an.part("let-in").click()
    await cuong.part("stage").wait_for()
    await expect(binh.part("closed-line")).to_contain_text("Đang họp kín")
    await expect(binh.part("closed-line-end")).to_have_count(0)
    await an.part("closed-line-end").click()
    await expect(binh.part("closed-line")).to_have_count(0)
    await an.part("chair-part-agenda").click()
    await an.part("agenda-finish").click()
    await expect(cuong.part("agenda-line")).to_contain_text("3 nội dung")

    await an.part("people-toggle").click()
    row = an.part("person").filter(has_text=BINH)
    await row.get_by_test_id("host-more").click()
    await row.get_by_test_id("host-to-lobby").click()
    await expect(binh.part("outside-why")).to_contain_text("mời ra phòng chờ")
    await expect(row.get_by_test_id("waits")).to_have_text("ở phòng chờ")
    await row.get_by_test_id("host-more").click()
    await row.get_by_test_id("host-let-in").click()
    await binh.part("stage").wait_for()
    await expect(row.get_by_test_id("waits")).to_have_count(0)


async def test_a_stop_for_secret_content_ends_each_page_without_a_title(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    """Ask one question that says what will happen. Then each page says why the meeting was stopped, and keeps no title."""
    an, binh = await visit(script=ALL_OFF), await visit(width=390, height=844, touch=True, script=ALL_OFF)
    link = await new_meeting(an, live_server, TITLE)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await tiles(an, 2)
    await an.part("chair-toggle").click()
    await an.part("chair-part-breaks").click()
    await an.part("secret-stop").click()
    await expect(an.part("secret-stop-ask")).to_contain_text("Không hoàn tác được")
    await expect(an.part("secret-stop-not")).to_be_focused()
    assert await an.barriers() == []
    await look(an, tmp_path, "stop-question")
    await an.part("secret-stop-sure").click()
    for visitor in (an, binh):
        await expect(visitor.part("left-page")).to_contain_text("do phát sinh nội dung mật")
        await expect(visitor.part("rejoin-button")).to_have_count(0)
        page = await visitor.page.evaluate("document.title + document.body.innerText + JSON.stringify(localStorage)")
        assert TITLE not in page
        assert await visitor.barriers() == []
    await look(binh, tmp_path, "stopped")
