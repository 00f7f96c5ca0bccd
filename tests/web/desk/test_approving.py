"""Approving at the desk: what the card shows, several decisions at once, the keys, and meetings that were refused or displaced
and come back. A real server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from tests.web.desk.province import working_day
from tests.web.desk.test_desk import Served, sign_in
from tests.web.desk.test_order import choose_host
from tests.web.shots import resize, shots
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser
LOWER = "Tập huấn nghiệp vụ văn thư, lưu trữ"
DRAFT = "Họp góp ý dự thảo quy chế làm việc"


async def test_a_refused_meeting_comes_back_with_everything_filled_in(
    visit: Visit, served: Served, tmp_path: Path
) -> None:
    approver = await visit()
    await sign_in(approver, served, "lanhdao", "/approvals")
    card = approver.part("approval").filter(has_text=DRAFT)
    await card.get_by_test_id("refuse").click()
    await card.get_by_test_id("refuse-reason").fill("Trùng với chương trình công tác của Thường trực")
    await card.get_by_test_id("refuse-sure").click()
    await expect(approver.part("decided")).to_contain_text("Đã trả lại")

    visitor = await visit()
    await sign_in(visitor, served, "thuky", "/meetings")
    await visitor.page.get_by_role("link", name=DRAFT).click()
    await expect(visitor.part("meeting-page")).to_contain_text("Trùng với chương trình công tác")
    await shots(visitor, tmp_path, "refused")
    await visitor.part("resubmit").click()
    await expect(visitor.part("again-because")).to_contain_text("Trùng với chương trình công tác")
    await expect(visitor.part("book-title")).to_have_value(DRAFT)
    await expect(visitor.part("halls").locator("li")).to_have_count(1)
    await expect(visitor.part("guest-list").locator("li")).to_have_count(1)
    assert await visitor.barriers() == []
    await shots(visitor, tmp_path, "again")
    await visitor.part("book-title").fill(f"{DRAFT} (đã sửa)")
    # The meeting is in two working days, and its type has a notice of three.
    await visitor.part("book-urgent").fill("Chỉ đạo của Chủ tịch UBND tỉnh")
    await visitor.part("book-save").click()
    await expect(visitor.part("meeting-said")).to_contain_text("Đã trình lại")
    await approver.page.reload()
    await expect(approver.part("approval").filter(has_text=f"{DRAFT} (đã sửa)")).to_be_visible()


async def test_a_displaced_meeting_gets_another_free_time(
    visit: Visit, served: Served, database: Database, tmp_path: Path
) -> None:
    async with database.reading() as session:
        lower = (await session.scalars(select(Meeting).where(Meeting.title == LOWER))).one()
    start = lower.first_starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    operator = await visit()
    hall = served.desk.halls[1]
    await sign_in(operator, served, "dieuhanh", f"/book?at={start}&min=120&hall={hall}&name=Phòng")
    await operator.part("book-type").select_option(label="Phiên họp UBND tỉnh thường kỳ")
    await operator.part("book-title").fill("Họp khẩn phòng, chống bão")
    await operator.part("secret-no").check()
    await choose_host(operator)
    await operator.part("give-button").click()
    await operator.part("give-reason").fill("Công điện khẩn về phòng, chống bão")
    await operator.part("give-do").click()
    await operator.part("gave-way").wait_for()

    visitor = await visit()
    await sign_in(visitor, served, "thuky", "/meetings")
    await visitor.part("find-state").select_option(label="Đã hoãn")
    await expect(visitor.part("found").get_by_role("link")).to_have_text([LOWER])
    await visitor.part("found").get_by_role("link").click()
    header = visitor.part("displaced")
    await expect(header).to_contain_text("đã hoãn, chưa có thời gian mới")
    await expect(header).to_contain_text("Họp khẩn phòng, chống bão")
    await expect(header).to_contain_text("Công điện khẩn")
    await shots(visitor, tmp_path, "displaced")
    await resize(visitor, 1280, 844)
    await visitor.part("rearrange").click()
    await visitor.part("free-time").nth(1).check()
    assert await visitor.barriers() == []
    await shots(visitor, tmp_path, "rearrange")
    to = working_day(13, served.now)
    await visitor.part("other-time").check()
    await visitor.part("rearrange-day").fill(f"{to:%d/%m/%Y}")
    await visitor.part("rearrange-do").click()
    await expect(header).to_have_count(0)
    await expect(visitor.part("meeting-page")).to_contain_text(f"{to:%d/%m/%Y}")
    await expect(visitor.part("meeting-said")).to_be_visible()


async def test_an_approver_decides_several_meetings_by_keyboard_and_at_once(
    visit: Visit, served: Served, tmp_path: Path
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "lanhdao", "/approvals")
    cards, keyboard = visitor.part("approval"), visitor.page.keyboard
    await cards.nth(2).wait_for()
    count = await cards.count()
    facts = cards.filter(has_text="Họp góp ý dự thảo").get_by_test_id("approval-facts")
    await expect(facts).to_contain_text("Không trùng lịch")
    await expect(facts).to_contain_text("đơn vị")
    await shots(visitor, tmp_path, "approvals")
    await resize(visitor, 1280, 844)
    await keyboard.press("j")
    await keyboard.press("j")
    await expect(cards.nth(1)).to_be_focused()
    await keyboard.press("k")
    await expect(cards.nth(0)).to_be_focused()
    await visitor.part("approval-keys").uncheck()
    await keyboard.press("j")
    await expect(visitor.part("approval-keys")).to_be_focused()
    await visitor.part("approval-keys").check()
    await keyboard.press("a")
    await expect(cards.nth(0).get_by_test_id("approve")).to_be_focused()
    assert await visitor.barriers() == []
    await keyboard.press("Enter")
    await expect(visitor.part("decided")).to_contain_text("Đã duyệt bước 1/2")
    await expect(cards).to_have_count(count - 1)
    await expect(cards.nth(0)).to_be_focused()
    said, card = await visitor.part("decided").bounding_box(), await cards.nth(0).bounding_box()
    assert said is not None
    assert card is not None
    assert card["y"] >= said["y"] + said["height"], "the next title is readable below the message"
    await visitor.part("pick-all").check()
    await shots(visitor, tmp_path, "chosen")
    await visitor.part("approve-chosen").click()
    await expect(visitor.part("decided")).to_have_text(f"Đã duyệt {count - 1} lịch họp.")
    await expect(cards).to_have_count(0)


async def asks(visitor: Visitor, served: Served, title: str, reason: str, at: datetime, hall: str) -> None:
    """Fill in a meeting in a taken hall, and ask for precedence."""
    start = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    await visitor.page.goto(f"{served.url}/book?at={start}&min=120&hall={hall}&name=Phòng")
    await visitor.part("book-type").select_option(label="Phiên họp UBND tỉnh thường kỳ")
    await visitor.part("book-title").fill(title)
    await visitor.part("secret-no").check()
    await expect(visitor.part("live-clash")).to_be_visible()
    await visitor.part("precedence-reason").fill(reason)


async def test_a_secretary_asks_for_precedence_and_the_operator_books_it(
    visit: Visit, served: Served, database: Database, tmp_path: Path
) -> None:
    """The secretary fills in one reason and presses one button. The operator types nothing again. Both read it at the bell."""
    visitor, operator = await visit(), await visit()
    await sign_in(visitor, served, "thuky", "/my")
    await sign_in(operator, served, "dieuhanh", "/my")
    taken = working_day(5, served.now), served.desk.halls[0]
    await asks(visitor, served, "Giao ban khẩn", "Chỉ đạo của Chủ tịch tỉnh", *taken)
    await shots(visitor, tmp_path, "ask")
    await visitor.part("precedence-ask").click()
    await expect(visitor.part("asked-precedence")).to_be_visible()
    await operator.page.goto(f"{served.url}/notices")
    told = operator.part("notice").filter(has_text="Đề nghị xếp ưu tiên: Văn phòng UBND tỉnh").first
    await expect(told).to_contain_text("Chỉ đạo của Chủ tịch tỉnh")
    await told.get_by_test_id("notice-do").click()
    asked = operator.part("precedence-asks").get_by_role("listitem")
    await expect(asked).to_contain_text("Giao ban khẩn")
    await expect(asked).to_contain_text("Chỉ đạo của Chủ tịch tỉnh")
    assert await operator.barriers() == []
    await shots(operator, tmp_path, "asked")
    await operator.part("precedence-refuse").click()
    await operator.part("precedence-refuse-reason").fill("Phiên họp UBND có thứ tự ưu tiên cao hơn")
    await operator.part("precedence-refuse-do").click()
    await expect(asked).to_have_count(0)
    await visitor.page.goto(f"{served.url}/my")
    await expect(visitor.part("precedence-state")).to_contain_text("Phiên họp UBND có thứ tự ưu tiên cao hơn")
    await expect(visitor.part("my-notices")).to_contain_text("Đề nghị xếp ưu tiên không được chấp nhận")

    async with database.reading() as session:
        lower = select(Occurrence.starts_at, Reservation.resource_id).join(Meeting, Meeting.id == Occurrence.meeting_id)
        lower = lower.join(Reservation, Reservation.occurrence_id == Occurrence.id)
        of_draft = (Meeting.title.startswith(DRAFT), Reservation.kind == "hall", Reservation.active)
        at, hall = (await session.execute(lower.where(*of_draft))).one()
    for title in ("Giao ban khẩn lần hai", "Giao ban khẩn lần ba"):
        await asks(visitor, served, title, "Chỉ đạo của Thường trực Tỉnh ủy", at, hall)
        await visitor.part("precedence-ask").click()
        await visitor.part("asked-precedence").wait_for()
    await visitor.page.goto(f"{served.url}/my")
    mine = visitor.part("precedence-asks").get_by_role("listitem")
    await mine.filter(has_text="lần hai").get_by_test_id("precedence-withdraw").click()
    await expect(mine.filter(has_text="lần hai")).to_contain_text("Đã rút.")
    await operator.page.reload()
    await expect(asked).to_have_count(1)
    await operator.part("precedence-book").click()
    await expect(operator.part("give-reason")).to_have_value("Chỉ đạo của Thường trực Tỉnh ủy")
    await operator.part("give-do").click()
    await operator.part("give-open").click()
    await expect(operator.page.get_by_role("heading", level=1)).to_contain_text("Giao ban khẩn lần ba")
    await visitor.page.reload()
    await expect(visitor.part("my-notices")).to_contain_text("Cuộc họp được xếp ưu tiên")


async def test_a_late_invitation_needs_a_reason_before_it_is_submitted(
    visit: Visit, served: Served, tmp_path: Path
) -> None:
    visitor = await visit()
    at = working_day(1, served.now).astimezone(UTC).isoformat().replace("+00:00", "Z")
    await sign_in(visitor, served, "thuky", f"/book?kind=conference&at={at}&min=60")
    await visitor.part("book-title").fill("Họp góp ý gấp")
    await visitor.part("book-type").select_option(label="Họp liên ngành góp ý dự thảo")
    await visitor.part("secret-no").check()
    await expect(visitor.part("live")).to_contain_text("ngày làm việc")
    await visitor.part("book-submit").click()
    await expect(visitor.part("urgent-must")).to_contain_text("hãy ghi lý do")
    await expect(visitor.part("book-urgent")).to_be_focused()
    assert await visitor.barriers() == []
    await shots(visitor, tmp_path, "late")
    await visitor.part("book-hold").click()
    await visitor.part("submit-meeting").click()
    await visitor.part("late-reason").fill("Công điện của Thủ tướng")
    assert await visitor.barriers() == []
    await shots(visitor, tmp_path, "late-dialog")
    await visitor.part("late-send").click()
    await expect(visitor.part("meeting-said")).to_contain_text("duyệt")
    await visitor.page.goto(f"{served.url}/my")
    await visitor.part("waits").wait_for()
    await shots(visitor, tmp_path, "home")
