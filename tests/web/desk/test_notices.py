"""Notices as users meet them: an approver decides in one browser, and the bell of the secretary's browser tells it without a
reload. A real server with its worker, and its live channel.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.waiting import until
from tests.web.desk.province import working_day
from tests.web.desk.test_desk import Served, barriers_of, settled, sign_in
from tests.web.shots import shots
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser
TITLE = "Họp triển khai số hóa hồ sơ"
REASON = "Trùng lịch của Chủ tịch"


async def ask(visitor: Visitor, served: Served, method: str, path: str, given: Any = None) -> Any:
    answer = await visitor.page.context.request.fetch(
        f"{served.url}/api/v1{path}", method=method, data=given, headers={"origin": served.url}
    )
    assert answer.ok, await answer.text()
    return await answer.json()


async def book(visitor: Visitor, served: Served, days: int = 9) -> str:
    """Send the request of the booking page: a meeting in a hall, which needs approval."""
    wanted = {
        "title": TITLE,
        "type_code": "crossunit",
        "class": "ordinary",
        "host_unit_id": served.desk.office,
        "starts_at": (working_day(days, served.now) + timedelta(hours=5)).isoformat(),
        "duration_min": 60,
        "hall_ids": [served.desk.halls[3]],
        "chair_id": served.desk.people["lanhdao"],
        "secretary_id": served.desk.people["thuky"],
        "attendees": [{"unit_id": served.desk.office}],
        "submit": True,
    }
    return str((await ask(visitor, served, "POST", "/meetings", wanted))["id"])


async def unread(visitor: Visitor) -> int:
    count = visitor.part("bell-count")
    return int(await count.inner_text()) if await count.count() else 0


@pytest.mark.longer
async def test_a_decision_reaches_the_other_browser_at_once(visit: Visit, served: Served, tmp_path: Path) -> None:
    secretary, approver = await visit(), await visit(width=390, height=844)
    await sign_in(approver, served, "lanhdao")
    await sign_in(secretary, served)
    await settled(approver)
    before = await unread(approver)  # the province has some requests
    meeting = await book(secretary, served)
    await until(lambda: _is(approver, before + 1), "the bell of the approver counts the request")
    await approver.part("bell").click()
    row = approver.part("bell-panel").get_by_test_id("notice").filter(has_text=TITLE)
    await expect(row).to_contain_text("Lịch họp chờ duyệt")
    assert await approver.barriers() == []
    await shots(approver, tmp_path, "bell-approver")
    await row.get_by_test_id("notice-do").click()
    await _refuse(approver)
    await until(lambda: _is(approver, before), "a decided request is no longer counted")
    await expect(secretary.part("bell-count")).to_have_text("1")
    await expect(secretary.part("my-notices")).to_contain_text(REASON)
    await shots(secretary, tmp_path, "my")
    await secretary.part("bell").click()
    told = secretary.part("bell-panel").get_by_test_id("notice").first
    await expect(told).to_contain_text("Lịch họp không được duyệt")
    await expect(told).to_contain_text(f"Lý do: {REASON}")
    await shots(secretary, tmp_path, "bell")
    await told.get_by_test_id("notice-do").click()
    await expect(secretary.page).to_have_url(f"{served.url}/book?again={meeting}")
    await expect(secretary.part("bell-panel")).to_be_hidden()
    await expect(secretary.part("bell-count")).to_have_count(0)


async def _is(visitor: Visitor, count: int) -> bool:
    return await unread(visitor) == count


async def _refuse(approver: Visitor) -> None:
    await approver.part("approvals-page").wait_for()
    request = approver.part("approval").filter(has_text=TITLE)
    await request.get_by_test_id("refuse").click()
    await request.get_by_test_id("refuse-reason").fill(REASON)
    await request.get_by_test_id("refuse-sure").click()
    await expect(approver.part("decided")).to_contain_text(TITLE)


@pytest.mark.longer
async def test_the_list_has_filters_and_tabs_share_one_stream(visit: Visit, served: Served, tmp_path: Path) -> None:
    visitor = await visit(width=390, height=844)
    await sign_in(visitor, served, "lanhdao", path="/notices")
    rows = visitor.part("notice")
    await expect(rows.first).to_be_visible()
    assert await barriers_of(visitor, 390, "/notices") == []
    await shots(visitor, tmp_path, "list")
    other, streams = Visitor(await visitor.page.context.new_page()), []
    other.page.on("request", lambda sent: streams.append(sent.url) if "/notices/events" in sent.url else None)
    await other.page.goto(served.url + "/notices")
    await expect(other.part("bell-count")).to_have_text(await visitor.part("bell-count").inner_text())
    await visitor.part("notice-kind").select_option("refused")
    await expect(visitor.page.locator("[data-testid=notice]:not([data-kind=refused])")).to_have_count(0)
    await visitor.part("notice-kind").select_option("")
    await visitor.part("read-all-page").click()
    await visitor.part("only-unread").click()
    await expect(visitor.page.get_by_text("Không có thông báo chưa đọc.")).to_be_visible()
    await expect(other.part("bell-count")).to_have_count(0)
    await visitor.part("only-waiting").click()
    await expect(visitor.page.locator("[data-testid=notice][data-kind=approve]").first).to_be_visible()
    assert streams == []  # the tab that came later listens to the first tab
    await visitor.page.close()
    await until(lambda: streams, "the other tab leads after the first tab has closed")


async def test_the_stream_ends_with_its_session(visit: Visit, served: Served) -> None:
    approver, secretary = await visit(), await visit()
    await sign_in(approver, served, "lanhdao", path="")
    await sign_in(secretary, served, path="")
    cookies = {str(one["name"]): str(one["value"]) for one in await approver.page.context.cookies()}
    lines: list[str] = []
    async with (
        httpx.AsyncClient(base_url=f"{served.url}/api/v1", cookies=cookies, timeout=60) as client,
        client.stream("GET", "/notices/events") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        reading = asyncio.create_task(_read(stream, lines))
        await until(lambda: "event: notices" in lines, "the numbers come at once")
        await approver.page.context.request.delete(f"{served.url}/api/v1/session", headers={"origin": served.url})
        await book(secretary, served, days=15)  # the server asks for the session again before it tells the change
        await asyncio.wait_for(reading, 60)
    assert lines.count("event: notices") == 1


async def _read(stream: httpx.Response, lines: list[str]) -> None:
    async for line in stream.aiter_lines():
        lines.append(line)
