"""The roll call as its users reach it: the chair's panel, the page of a site, the link of a site on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.web.call.test_quality import ALL_OFF, enter
from tests.web.shots import shot
from tests.web.test_pages import new_meeting, tiles
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

CHAIR, BINH = "Nguyễn Văn An", "Sở Y tế"


async def test_the_chair_calls_the_roll_with_one_key_for_each_site(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    """A site reports its delegates in the call. Signals first, then one key for each site. The row of a site takes a correction
    with its reason and the delegates, and gives a link. All see the name of the head.
    """
    an = await visit(script=ALL_OFF)
    binh = await visit(width=820, height=1180)
    link = await new_meeting(an, live_server)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await tiles(an, 2)
    await an.part("chair-toggle").click()
    await an.part("chair-part-roll").click()
    await an.part("roll-prepare").click()
    await expect(an.part("roll-row")).to_have_count(2)
    row = an.part("roll-row").filter(has_text=BINH)
    await _report_in_the_call(binh)
    await expect(row).to_contain_text("11 đại biểu · Lê Văn Cường")
    await expect(an.part("tile-head")).to_have_text("Lê Văn Cường")
    await expect(row.get_by_test_id("roll-signals")).to_have_attribute("data-connected", "true")
    assert await an.barriers() == []
    await an.part("roll-begin").click()
    await an.part("roll-stage").wait_for()
    for width, height in ((820, 1180), (390, 844)):
        await an.page.set_viewport_size({"width": width, "height": height})
        assert await an.barriers() == []
    first = await an.part("roll-stage").get_attribute("data-site")
    await an.page.keyboard.press("1")
    await expect(an.page.locator(f"[data-testid=roll-row][data-site='{first}']")).to_have_attribute(
        "data-mark", "present"
    )
    await an.page.locator(f"[data-testid=roll-stage]:not([data-site='{first}'])").wait_for()
    await an.page.keyboard.press("3")
    await expect(row).to_have_attribute("data-mark", "fault")
    await an.page.set_viewport_size({"width": 1280, "height": 800})
    await expect(an.part("roll-totals")).to_contain_text("1/2")
    await row.locator("button").first.click()
    await row.get_by_test_id("correct-why").fill("Máy vừa có điện trở lại")
    await row.get_by_test_id("correct-present").click()
    await expect(an.part("roll-totals")).to_contain_text("2/2")
    await expect(row.get_by_role("button", name=BINH, expanded=True)).to_contain_text("Lý do: Máy vừa có điện trở lại")
    await expect(row.get_by_test_id("correct-why")).to_have_value("")
    await shot(an, tmp_path / "roll-why.png")
    await row.get_by_test_id("fill-delegates").click()
    await row.get_by_test_id("delegates-number").fill("12")
    await row.get_by_test_id("delegates-head").fill("Trần Thị Bình")
    await row.get_by_test_id("delegates-send").click()
    await expect(row).to_contain_text("12 đại biểu · Trần Thị Bình")
    await expect(an.part("roll-delegates")).to_have_text("13")
    await row.get_by_test_id("site-link").click()
    address = await row.get_by_test_id("site-address").get_attribute("href")
    assert await an.barriers() == []
    await an.part("roll-prepare").wait_for()  # all sites are marked, and the last ten seconds are over
    phone = await visit(width=390, height=844, touch=True)
    await phone.page.goto(f"{live_server.url}{address}")
    await expect(phone.part("report-site")).to_have_text(BINH)
    await expect(phone.part("delegates-number")).to_have_value("12")
    await phone.part("delegates-number").fill("14")
    assert await phone.barriers() == []
    await phone.part("delegates-send").click()
    await expect(phone.part("report-trouble")).to_contain_text("Đã điểm danh xong")
    await an.part("roll-prepare").click()
    await phone.part("delegates-send").click()
    await expect(phone.part("report-trouble")).to_contain_text("không dùng được")  # a new list ends the old links
    await row.get_by_test_id("site-link").click()
    address = await row.get_by_test_id("site-address").get_attribute("href")
    await phone.page.goto(f"{live_server.url}{address}")
    await phone.page.reload()
    await phone.part("delegates-number").fill("14")
    await phone.part("delegates-send").click()
    await expect(phone.part("report-sent")).to_contain_text("14 đại biểu")
    await expect(row).to_contain_text("14 đại biểu · Trần Thị Bình")
    await phone.page.goto(f"{live_server.url}{address}x")
    await phone.page.reload()
    await expect(phone.part("report-trouble")).to_contain_text("không dùng được")


async def _report_in_the_call(site: Visitor) -> None:
    await site.part("report-bar-open").click()
    await expect(site.part("delegates-number")).to_be_focused()
    await site.part("delegates-number").fill("11")
    await site.part("delegates-head").fill("Lê Văn Cường")
    assert await site.barriers() == []
    await site.part("delegates-send").click()
    await expect(site.part("own-report-said")).to_contain_text("11 đại biểu · Lê Văn Cường")
    await expect(site.part("report-bar")).to_have_count(0)
