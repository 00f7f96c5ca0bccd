"""The way into a meeting: number, recent meetings and pasted text on the first page, who is inside, and the invitation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.conftest import LiveServer
from tests.web.shots import shots
from tests.web.test_pages import new_meeting
from tests.web.visiting import Visit

pytestmark = pytest.mark.browser

KEPT = "JSON.parse(localStorage.getItem('diemcau.recent'))"
TITLE = "Họp giao ban tháng 6"


async def test_the_first_page_asks_for_the_number_and_remembers_it(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    host = await visit(width=390, height=844, touch=True)
    link = await new_meeting(host, live_server)
    number = link.split("/m/")[1].split("#")[0]
    secret = link.split("#k=")[1]
    guest = await visit(width=390, height=844, touch=True)
    await guest.page.goto(live_server.url)
    join, start = await guest.part("join-number").bounding_box(), await guest.part("start-name").bounding_box()
    assert join
    assert start
    assert join["y"] < start["y"], "on a phone the way in comes first"
    await guest.part("join-number").fill("abc-defg-hij")
    await guest.part("number-button").click()
    await expect(guest.page.get_by_role("alert")).to_contain_text("Không có cuộc họp nào mang mã này.")
    await expect(guest.part("join-number")).to_be_focused()
    await guest.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    await guest.page.evaluate(
        "(text) => navigator.clipboard.writeText(text)", f"Mời dự họp\nVào họp: {link}\nTrân trọng"
    )
    await guest.part("paste-button").click()
    await guest.part("preview-video").wait_for()
    await guest.part("join-name").fill("Trần Thị Bình")
    await guest.part("join-button").click()
    await guest.part("stage").wait_for()
    kept = await guest.page.evaluate(KEPT)
    assert [(one["number"], one["title"]) for one in kept] == [(number, TITLE)]
    assert secret not in await guest.page.evaluate("JSON.stringify(localStorage)")
    await guest.page.goto(live_server.url)
    await expect(guest.part("recent-meeting")).to_contain_text(TITLE)
    assert await guest.barriers() == []
    await shots(guest, tmp_path, "home")
    await guest.page.set_viewport_size({"width": 390, "height": 844})
    await guest.part("recent-meeting").get_by_role("button").first.click()
    await guest.part("preview-video").wait_for()
    assert guest.page.url == f"{live_server.url}/m/{number}"
    await guest.page.go_back()
    await guest.part("recent-forget").click()
    await expect(guest.part("recent")).to_have_count(0)
    assert await guest.page.evaluate("localStorage.getItem('diemcau.recent')") is None


async def test_a_meeting_is_remembered_only_if_the_server_allows_it(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit()
    link = await new_meeting(visitor, live_server)

    async def unlisted(route: Route) -> None:
        answer = await route.fetch()
        given: dict[str, Any] = await answer.json()
        assert given["listed"]
        await route.fulfill(response=answer, json=given | {"listed": False})

    await visitor.page.route("**/token", unlisted)
    await visitor.join(link, "Nguyễn Văn An")
    assert await visitor.page.evaluate("localStorage.getItem('diemcau.recent')") is None


async def test_who_is_inside_and_an_invitation_to_pass_on(
    visit: Visit, live_server: LiveServer, tmp_path: Path
) -> None:
    """A guest sees the host before joining, and that newcomers are muted. With the lobby on, the guest sees nobody. The
    invitation says so.
    """
    host, guest = await visit(height=720), await visit(width=390, height=844, touch=True)
    link = await new_meeting(host, live_server)
    await expect(host.part("inside")).to_have_text("Chưa có ai trong cuộc họp.")
    await expect(guest.part("entry-muted")).to_have_count(0)
    await host.join(link, "Nguyễn Văn An")
    await host.part("chair-toggle").click()
    await host.part("chair-part-rules").click()
    await host.part("rule-entry").check()
    await host.part("chair-toggle").click()
    await guest.page.goto(link)
    await expect(guest.part("entry-muted")).to_contain_text("tắt micro")
    await expect(guest.part("inside")).to_have_text("Đang có 1 người: Nguyễn Văn An.")
    await guest.part("preview-video").wait_for()
    await expect(guest.part("preview-mic")).to_have_text("Micro đang bật")
    await guest.part("preview-camera").click()
    await expect(guest.part("preview-camera")).to_have_text("Camera đang tắt")
    assert await guest.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert await guest.barriers() == []
    await shots(guest, tmp_path, "inside")
    await guest.part("preview-mic").click()
    await expect(guest.part("preview-mic")).to_have_text("Micro đang tắt")
    await guest.part("join-name").fill("Trần Thị Bình")
    await guest.part("join-button").click()
    await guest.part("stage").wait_for()
    await guest.part("mic-toggle").click()  # at once: the rule for newcomers must not take this microphone
    other = host.page.locator("[data-testid=tile][data-local=false]")
    await expect(other).to_have_attribute("data-muted", "false")
    await expect(guest.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
    await guest.page.goto(f"{live_server.url}/")
    await expect(other).to_have_count(0)
    await guest.page.goto(link)

    await host.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    await host.part("lobby-toggle").click()
    await host.part("lobby-switch").click()
    await host.part("invite-button").click()
    await expect(host.part("invite-holds")).to_have_attribute("data-lobby", "true")
    await host.part("qr").wait_for()
    width = await host.part("qr").evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    assert width > 0
    await host.part("invitation-copy").click()
    await expect(host.part("invitation-copy")).to_contain_text("Đã sao chép")
    lines = str(await host.page.evaluate("navigator.clipboard.readText()")).split("\n")
    assert lines[0] == f"Mời dự họp: {TITLE}"
    assert lines[1].startswith("Thời gian: đang họp")
    assert lines[2:4] == [f"Vào họp: {link}", f"Mã cuộc họp: {link.split('/m/')[1].split('#')[0]}"]
    assert "Phòng chờ" in lines[4]
    assert await host.barriers() == []
    fits = "(box) => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth"
    assert await host.part("invite-sheet").evaluate(fits)
    await shots(host, tmp_path, "invite")
    await guest.page.reload()
    await guest.part("preview-mic").wait_for()
    await guest.part("join-name").wait_for()
    await expect(guest.page.get_by_role("heading", level=1)).to_have_text(TITLE)
    await expect(guest.part("inside")).to_have_count(0)
