"""The rarer forms of the secretariat: the class of a running meeting, answers that the secretary records, and saved lists
and templates. Also changes to a series, a session that ends while the user types, and keys for other systems. A real server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect
from pypdf import PdfReader
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation
from rooms.booking.planning import requests
from rooms.meetings.letters import word
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from tests.conftest import LiveServer, start_server
from tests.rooms.postgres import at_once
from tests.signaling.access import issuer as issuer_process
from tests.signaling.access.issuer_server import CLIENT, SECRET
from tests.web.desk import province as furniture
from tests.web.desk.province import Desk, furnish, working_day
from tests.web.desk.test_desk import (
    PATIENCE_MS,
    Served,
    barriers_of,
    personal_link,
    settled,
    sign_in,
    sign_in_on_page,
)
from tests.web.shots import shots
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

RUNNING = "Họp kiểm tra đường truyền"
ANSWERED = "Họp giao ban Văn phòng"
LETTERS = "Họp rút kinh nghiệm quý"
WEEKLY = "Giao ban tuần Văn phòng"
SERIES = "Giao ban Chủ tịch tỉnh với xã, phường"


@pytest.fixture(scope="module")
def issuer() -> Iterator[dict[str, str]]:
    """The settings of a server for a real OIDC issuer in a separate process."""
    with issuer_process.running() as url:
        yield {
            "DIEMCAU_OIDC_ISSUER": url,
            "DIEMCAU_OIDC_CLIENT_ID": CLIENT,
            "DIEMCAU_OIDC_CLIENT_SECRET": SECRET,
            "DIEMCAU_OIDC_LABEL": "Đăng nhập tỉnh",
        }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, issuer: dict[str, str]) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(_prepare(folder, now))
    server = start_server(folder, **issuer)
    yield Served(server, desk, now, {})
    server.stop()


async def _prepare(folder: Path, now: datetime) -> Desk:
    """Furnish the province. Two of the meetings have begun, and their attendees need the head in person."""
    desk = await furnish(folder, now)
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")
    try:
        for after, title, guests, rule in (
            (9, RUNNING, (), ""),
            (10, LETTERS, ("Trần Thị Bình", "Lê Văn Nam"), ""),
            (1, WEEKLY, (), "FREQ=WEEKLY;COUNT=3"),
        ):
            request = requests.Request(
                title=title,
                type_code="internal",
                host_unit_id=desk.office,
                starts_at=working_day(after, now).astimezone(UTC) + timedelta(hours=8 if rule else 0),
                duration_min=60,
                rule=rule,
                skip_clashes=bool(rule),
                attendees=(
                    requests.AttendeeRequest(unit_id=desk.office),
                    *(requests.AttendeeRequest(guest_name=one) for one in guests),
                ),
                submit=True,
            )
            await creation.book(database, request, furniture._actor(desk), now)
        for title in (RUNNING, ANSWERED):
            await _begin(database, title, now)
    finally:
        await database.close()
    return desk


async def _begin(database: Database, title: str, now: datetime) -> None:
    span = {"starts_at": now - timedelta(minutes=20), "ends_at": now + timedelta(minutes=90)}
    async with database.reading() as session:
        meeting = (await session.scalars(select(Meeting).where(Meeting.title == title))).one()
        date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))).one()

    async def move(session: AsyncSession) -> None:
        await session.execute(update(Reservation).where(Reservation.occurrence_id == date.id).values(**span))
        await session.execute(update(Occurrence).where(Occurrence.id == date.id).values(**span))
        await session.execute(update(Meeting).where(Meeting.id == meeting.id).values(first_starts_at=span["starts_at"]))
        await session.execute(update(Attendee).where(Attendee.meeting_id == meeting.id).values(must_be_head=True))

    await database.transact(move)


async def page_of(visitor: Visitor, served: Served, database: Database, title: str) -> str:
    """Open the page of the newest meeting with this title, and return the meeting's identifier."""
    async with database.reading() as session:
        found = await session.scalars(select(Meeting.id).where(Meeting.title == title).order_by(Meeting.id.desc()))
        meeting = found.first()
    assert meeting is not None
    await visitor.page.goto(f"{served.url}/meetings/{meeting}")
    await visitor.part("meeting-page").get_by_role("heading", level=1).wait_for()
    await settled(visitor)
    return meeting


async def test_raising_the_class_shows_who_will_be_removed(visit: Visit, served: Served, database: Database) -> None:
    inside = await visit()
    await sign_in(inside, served, path="")
    await page_of(inside, served, database, RUNNING)
    await inside.part("enter-button").click()
    await inside.part("preview-video").wait_for()
    await inside.part("join-button").click()
    await inside.part("stage").wait_for(timeout=PATIENCE_MS)

    head = await visit()
    await sign_in(head, served, "lanhdao", "")
    await page_of(head, served, database, RUNNING)
    await head.part("change-class").click()
    await expect(head.part("class-dropped").locator("li")).to_have_count(1)
    assert await head.barriers() == []
    await head.part("class-sure").click()
    await expect(head.part("meeting-page")).to_contain_text("Cuộc họp quan trọng")
    await expect(head.part("meeting-said")).to_be_visible()
    await expect(inside.part("stage")).to_have_count(0, timeout=PATIENCE_MS)

    await head.part("change-class").click()
    await head.page.get_by_label("Lý do").fill("Nội dung nhạy cảm đã chuyển sang buổi khác")
    assert await head.barriers() == []
    await head.part("class-sure").click()
    await expect(head.part("meeting-page")).to_contain_text("Cuộc họp thông thường")


async def test_the_secretary_records_answers_and_the_chairs_word(
    visit: Visit, served: Served, database: Database
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="")
    await page_of(visitor, served, database, ANSWERED)
    await visitor.part("record-answer").first.click()
    await visitor.part("recorded-accepted").check()
    await visitor.page.locator("#sub-name").fill("Trần Thị Bình")
    await visitor.page.locator("#sub-post").fill("Phó Chánh Văn phòng")
    assert await visitor.barriers() == []
    await visitor.part("answer-dialog").get_by_role("button", name="Lưu").click()
    await expect(visitor.part("attendees")).to_contain_text("chờ chủ trì đồng ý: Trần Thị Bình")
    await visitor.part("consent-yes").click()
    await visitor.part("told-by").fill("Chủ trì đồng ý qua điện thoại")
    assert await visitor.barriers() == []
    await visitor.part("consent-sure").click()
    await expect(visitor.part("consent-dialog")).to_have_count(0)
    await expect(visitor.part("attendees")).not_to_contain_text("chờ chủ trì")
    await visitor.part("record-answer").first.click()
    await visitor.part("recorded-declined").check()
    await visitor.page.locator("#sub-name").fill("")
    await visitor.page.locator("#sub-comment").fill("Bận tiếp công dân")
    await visitor.part("answer-dialog").get_by_role("button", name="Lưu").click()
    await expect(visitor.part("attendees")).to_contain_text("Bận tiếp công dân")


@pytest.mark.parametrize("width", [360, pytest.param(1280, marks=pytest.mark.sim)])
async def test_the_office_answers_for_one_date_of_a_series(
    visit: Visit, served: Served, database: Database, width: int
) -> None:
    """The office answers on the meeting's page without a mail, first for one date, then for all. *My meetings* show the answer
    that counts.
    """
    visitor = await visit(width=width, height=800)
    await sign_in(visitor, served, path="")
    await page_of(visitor, served, database, WEEKLY)
    card = visitor.part("my-answer")
    if width > 360:
        await card.get_by_test_id("answer-change").click()
    await card.get_by_test_id("rsvp-date").select_option(index=2)
    await expect(card.get_by_test_id("rsvp-substitute")).to_have_count(0)
    await card.get_by_test_id("rsvp-decline").check()
    await card.get_by_test_id("rsvp-send").click()
    await expect(card.get_by_test_id("answer-sent")).to_be_visible()
    await expect(visitor.part("attendees").get_by_test_id("date-answer")).to_contain_text("Không dự")
    if width > 360:
        await visitor.page.goto(f"{served.url}/my")
        mine = visitor.page.locator("li", has_text=WEEKLY).filter(has_text="riêng ngày này")
        await expect(mine).to_contain_text("Không dự")
        assert await visitor.barriers() == []
        return
    await card.get_by_test_id("rsvp-accept").check()
    await card.get_by_test_id("rsvp-send").click()
    await expect(card).to_contain_text("Dự họp")
    assert await visitor.barriers() == []
    await _cancels_the_last_date(visitor)


async def _cancels_the_last_date(visitor: Visitor) -> None:
    """Cancel the last date from its row. The form already has this date selected."""
    last = visitor.part("dates").locator("li").last
    await last.get_by_test_id("cancel-date").click()
    await visitor.part("reason-not_ready").check()
    await visitor.part("call-off-sure").click()
    await expect(last).to_contain_text("Đã hủy")
    await expect(visitor.part("dates").get_by_test_id("cancel-date")).to_have_count(2)
    await expect(visitor.part("history")).to_contain_text("Hủy ngày")


async def test_a_running_meeting_can_be_extended_by_15_minutes(
    visit: Visit, served: Served, database: Database
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="")
    meeting = await page_of(visitor, served, database, ANSWERED)
    await visitor.part("extend-15").click()
    await expect(visitor.part("history")).to_contain_text("Kéo dài 15 phút")
    async with database.reading() as session:
        date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting))).one()
    assert date.ends_at == served.now + timedelta(minutes=105)
    assert await visitor.barriers() == []


async def test_what_is_kept_serves_the_next_time(visit: Visit, served: Served) -> None:
    """A user saves and uses a list of attendees and a template, and repeats the last meeting."""
    visitor = await visit()
    await sign_in(visitor, served, path="/book")
    await visitor.part("book-title").fill("Họp chi bộ thường kỳ")
    await visitor.part("invite-own").click()
    await visitor.part("guests").locator("details summary").click()
    await visitor.page.locator("#list-name").fill("Toàn Văn phòng")
    await visitor.part("keep-list").click()
    await expect(visitor.part("guests")).to_contain_text("Đã lưu danh sách")
    await visitor.page.get_by_text("Lưu thành mẫu").click()
    await visitor.page.locator("#template-name").fill("Chi bộ hằng tháng")
    assert await visitor.barriers() == []
    await visitor.part("keep-template").click()
    await expect(visitor.part("book-page")).to_contain_text("Chi bộ hằng tháng")
    await visitor.page.reload()
    await visitor.part("use-list").filter(has_text="Toàn Văn phòng").click()
    await expect(visitor.part("guest-list").locator("li")).to_have_count(1)
    await expect(visitor.part("guest-list")).to_contain_text("Văn phòng")
    await visitor.page.reload()
    await visitor.part("use-template").filter(has_text="Chi bộ hằng tháng").click()
    await expect(visitor.part("book-title")).to_have_value("Họp chi bộ thường kỳ")
    await expect(visitor.part("guest-list").locator("li")).to_have_count(1)
    await _renames_and_deletes_what_is_kept(visitor)
    await visitor.page.reload()
    await visitor.part("copy-last").click()
    await expect(visitor.part("book-title")).not_to_have_value("")
    assert await visitor.barriers() == []


async def test_the_trail_is_filtered_by_action_day_and_person(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/settings/audit")
    rows = visitor.page.locator("tbody tr")
    await visitor.part("audit-action").select_option(label="Đặt lịch họp")
    await expect(rows.locator("th").first).to_have_text("Đặt lịch họp")
    assert set(await rows.locator("th").all_inner_texts()) == {"Đặt lịch họp"}
    person = await visitor.part("audit-who").first.inner_text()
    await visitor.part("audit-who").first.click()
    await expect(visitor.page.get_by_role("button", name=f"Người làm: {person}")).to_be_visible()
    await visitor.part("audit-action").select_option("")
    await expect(rows.locator("th").filter(has_not_text="Đặt lịch họp").first).to_be_visible()
    assert set(await visitor.part("audit-who").all_inner_texts()) == {person}
    tomorrow = (served.now + timedelta(days=1)).astimezone(furniture.ZONE)
    await visitor.part("audit-from").fill(f"{tomorrow:%d/%m/%Y}")
    await visitor.part("audit-from").press("Tab")
    await expect(rows).to_have_count(0)
    assert await visitor.barriers() == []


async def test_an_administrator_begins_at_the_list_of_work_and_chooses_the_form_of_address(
    visit: Visit, served: Served, database: Database
) -> None:
    """A colleague is then addressed by the word. The default names people alone. A unit is asked as a unit."""
    visitor, guest = await visit(), await visit(width=390, height=740)
    await sign_in_on_page(visitor, served, "quantri")
    await expect(visitor.part("start-posts")).to_contain_text("chức vụ chưa có người giữ")
    await expect(visitor.part("start-mail")).to_contain_text("Cần xem")
    assert await visitor.barriers() == []
    await visitor.part("start-units").get_by_role("link").click()
    await visitor.part("records").wait_for()
    secret = await personal_link(served, database, LETTERS)
    for code in ("Đồng chí", "none"):
        await visitor.page.goto(served.url + "/settings/general")
        await visitor.part(f"address-{code}").check()
        await visitor.part("address-save").click()
        await expect(visitor.part("address").get_by_role("status")).to_be_visible()
        await visitor.part("nav-my").click()
        await visitor.part("my-page").wait_for()
        await expect(visitor.page.get_by_text("Đồng chí Trương Quốc An")).to_have_count(int(code != "none"))
        await guest.page.goto(f"{served.url}/moi#{secret}")
        await guest.page.reload()
        await expect(guest.page.get_by_role("group", name="Đơn vị có dự họp không?")).to_be_visible()


async def _renames_and_deletes_what_is_kept(visitor: Visitor) -> None:
    await visitor.part("manage-templates").click()
    row = visitor.part("kept-row").filter(has_text="Chi bộ hằng tháng")
    await row.get_by_test_id("kept-rename").click()
    await visitor.part("kept-name").fill("Chi bộ hằng quý")
    await visitor.part("kept-name").press("Enter")
    await expect(visitor.part("kept-dialog").get_by_role("status")).to_contain_text("Chi bộ hằng quý")
    assert await visitor.barriers() == []
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.part("use-template").filter(has_text="Chi bộ hằng quý")).to_be_visible()
    await visitor.part("manage-lists").click()
    row = visitor.part("kept-row").filter(has_text="Toàn Văn phòng")
    await row.get_by_test_id("kept-doom").click()
    await visitor.part("kept-remove").click()
    await expect(visitor.part("kept-dialog")).to_contain_text("Đã xóa “Toàn Văn phòng”")
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.part("use-list").filter(has_text="Toàn Văn phòng")).to_have_count(0)


async def test_one_following_or_all_dates_of_a_series_can_be_edited(
    visit: Visit, served: Served, database: Database
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="")
    meeting = await page_of(visitor, served, database, SERIES)
    await furniture.approve(database, meeting, datetime.now(UTC))
    async with database.reading() as session:
        found = await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting).order_by(Occurrence.starts_at)
        )
        dates = list(found)
    await visitor.page.goto(f"{served.url}/book?edit={meeting}&date={dates[1].id}")
    await expect(visitor.part("scope-this")).to_be_checked()
    await expect(visitor.part("book-title")).to_be_hidden()
    await visitor.part("book-clock").select_option("14:00")
    assert await visitor.barriers() == []
    await visitor.part("book-save").click()
    await expect(visitor.part("pending-change")).to_contain_text("14:00")
    await expect(visitor.part("dates")).not_to_contain_text("14:00")
    assert await visitor.barriers() == []
    await agreed(visitor, database, meeting)
    await expect(visitor.part("dates")).to_contain_text("14:00")

    await visitor.page.goto(f"{served.url}/book?edit={meeting}&date={dates[1].id}")
    await visitor.part("scope-all").check()
    await expect(visitor.part("book-title")).to_have_value(SERIES)
    await visitor.part("book-title").fill(f"{SERIES} (mới)")
    await visitor.part("book-save").click()
    await expect(visitor.part("pending-change")).to_contain_text(f"{SERIES} (mới)")
    await agreed(visitor, database, meeting)
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text(f"{SERIES} (mới)")
    async with database.reading() as session:
        after = await session.execute(
            select(Occurrence.id, Occurrence.starts_at)
            .where(Occurrence.meeting_id == meeting)
            .order_by(Occurrence.starts_at)
        )
        starts = list(after)
    assert len(starts) == 6
    assert starts[0][1] == dates[0].starts_at
    assert starts[1][1] == dates[1].starts_at + timedelta(hours=6)

    await visitor.page.goto(f"{served.url}/book?edit={meeting}&date={starts[4][0]}")
    await visitor.part("scope-following").check()
    await visitor.part("book-title").fill(f"{SERIES} từ nay")
    assert await visitor.barriers() == []
    await visitor.part("book-save").click()
    await agreed(visitor, database, meeting)
    async with database.reading() as session:
        split = await session.scalar(select(Meeting.id).where(Meeting.split_from_id == meeting))
    await visitor.page.goto(f"{served.url}/meetings/{split}")
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text(f"{SERIES} từ nay")
    await expect(visitor.part("dates").locator("li")).to_have_count(2)
    await _cancels_a_date_and_books_it_again(visitor)


async def agreed(visitor: Visitor, database: Database, meeting: str) -> None:
    """Approve the waiting change by both steps."""
    await expect(visitor.part("pending-change")).to_be_visible()
    await furniture.approve(database, meeting, datetime.now(UTC))
    await visitor.page.reload()
    await expect(visitor.part("pending-change")).to_have_count(0)


async def _cancels_a_date_and_books_it_again(visitor: Visitor) -> None:
    await visitor.part("cancel-meeting").click()
    await visitor.part("reason-not_ready").check()
    assert await visitor.barriers() == []
    await visitor.part("call-off-sure").click()
    first = visitor.part("dates").locator("li").first
    await first.get_by_test_id("rebook").click()
    await expect(visitor.part("history")).to_contain_text("Đặt lại buổi")
    await expect(first.get_by_test_id("rebook")).to_have_count(0)


async def test_an_expired_session_keeps_the_typed_form(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="/book")
    await visitor.part("book-title").fill("Họp viết dở")
    await visitor.part("secret-no").check()
    await settled(visitor)
    await visitor.page.context.clear_cookies()
    # The test dispatches the event directly. If the page has sent a request in the meantime, the dialog already covers the
    # button.
    await visitor.part("book-submit").dispatch_event("click")
    await visitor.part("lapsed").get_by_test_id("signin-name").fill("thuky")
    assert await visitor.barriers() == []
    await visitor.part("signin-password").fill("không phải")
    await visitor.part("signin-button").click()
    await expect(visitor.part("signin-trouble")).to_be_visible()
    await visitor.part("signin-password").fill(furniture.PASSWORD)
    await visitor.part("signin-button").click()
    await expect(visitor.part("lapsed")).to_have_count(0)
    await expect(visitor.part("book-title")).to_have_value("Họp viết dở")
    await visitor.part("book-submit").click()
    await visitor.part("meeting-number").wait_for()


async def choose(visitor: Visitor, picker: str, typed: str) -> None:
    await visitor.part(picker).click()
    await visitor.part(picker).fill(typed)
    await visitor.part(f"{picker}-option").first.click()


@pytest.mark.longer
async def test_the_days_of_a_deputy_are_shown_as_typed(visit: Visit, served: Served, tmp_path: Path) -> None:
    first, last = (f"{working_day(days, served.now):%d/%m/%Y}" for days in (3, 8))
    admin = await visit()
    await sign_in(admin, served, "quantri", "/directory/deputies")
    await admin.page.get_by_role("button", name="Thêm").click()
    await choose(admin, "deputy-of", "Nguyễn")
    await choose(admin, "deputy", "Trần")
    for field, day in (("deputy-from", first), ("deputy-to", last)):
        await admin.page.locator(f"#{field}").fill(day)
        await admin.page.locator(f"#{field}").press("Tab")
    await admin.part("deputy-dialog").get_by_role("button", name="Lưu").click()
    await expect(admin.part("deputy-time")).to_have_text(f"Từ {first} đến hết {last}")
    await admin.part("language-en").first.click()
    await expect(admin.part("deputy-time")).to_have_text(f"From {first} to the end of {last}")
    await shots(admin, tmp_path, "deputies")


async def test_keys_for_other_systems_and_the_end_of_a_unit(visit: Visit, served: Served) -> None:
    """The administrator does all steps in one session, because a code of the second factor counts once in 30 s."""
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/settings/systems")
    await visitor.page.locator("#client-name").fill("Quản lý văn bản")
    await choose(visitor, "client-unit", "van phong ubnd")
    await expect(visitor.part("client-unit")).to_have_value(re.compile("Văn phòng UBND"))
    await visitor.page.get_by_role("button", name="Cấp khóa").click()
    await expect(visitor.part("copy-once").locator("input")).to_have_value(re.compile("^dck_"))
    await visitor.page.locator("#hook-url").fill("https://vanban.example.gov.vn/hooks")
    await choose(visitor, "hook-unit", "van phong ubnd")
    await visitor.page.get_by_role("button", name="Thêm webhook").click()
    await expect(visitor.part("copy-once").locator("input")).to_have_value(re.compile("^whsec_"))
    await visitor.page.get_by_role("button", name="Nhật ký gửi").click()
    assert await visitor.barriers() == []
    await _renews_the_secret_of_a_hook(visitor)
    await _makes_a_feed(visitor, served)
    await _renames_a_unit(visitor, served)


async def _renews_the_secret_of_a_hook(visitor: Visitor) -> None:
    await visitor.part("hook-secret").click()
    await expect(visitor.part("hook-dialog")).to_contain_text("/api/v1/hooks/")
    assert await visitor.barriers() == []
    outgoing = await visitor.part("copy-once").locator("input").input_value()
    await visitor.part("hook-sure").click()
    await expect(visitor.part("copy-once").locator("input")).not_to_have_value(outgoing)
    await expect(visitor.part("copy-once").locator("input")).to_have_value(re.compile("^whsec_"))
    await expect(visitor.part("copy-once")).to_be_in_viewport()


async def _makes_a_feed(visitor: Visitor, served: Served) -> None:
    await visitor.page.goto(served.url + "/account")
    await visitor.page.locator("#feed-kind").select_option("hall")
    await choose(visitor, "feed-hall", "hoi truong")
    await visitor.part("feeds").get_by_role("button", name="Tạo").click()
    feed = await visitor.part("copy-once").locator("input").input_value()
    await expect(visitor.part("feeds").locator(".list li")).to_contain_text("Hội trường")
    assert httpx.get(feed).text.startswith("BEGIN:VCALENDAR")
    assert await visitor.barriers() == []
    await visitor.part("feeds").get_by_role("button", name="Thu hồi").click()
    await expect(visitor.part("feeds").locator(".list li")).to_have_count(0)
    assert httpx.get(feed).status_code in (404, 410)


async def _renames_a_unit(visitor: Visitor, served: Served) -> None:
    await visitor.page.goto(served.url + "/directory/units")
    await visitor.part("records-find").fill("Xã 07")
    await expect(visitor.part("records").locator("tbody tr").first).to_contain_text("07")
    await visitor.part("records").get_by_role("button", name=re.compile("Sáp nhập|Thay đổi|Đổi tên")).first.click()
    dialog = visitor.part("succession")
    await dialog.get_by_label("Đổi tên").check()
    await visitor.page.locator("#succession-name").fill("Xã Tân Hòa")
    await dialog.locator("button.button:not(.quiet)").click()
    await expect(visitor.part("succession-report")).to_contain_text("1 hội trường")
    await expect(visitor.part("succession-report")).not_to_contain_text("_")
    assert await visitor.barriers() == []
    await dialog.locator("button.button:not(.quiet)").click()
    await expect(visitor.part("succession-done")).to_contain_text("1 hội trường")
    await visitor.part("succession-leave").click()
    await expect(dialog).to_have_count(0)
    await _merges_three_units(visitor)
    await visitor.part("records-find").fill("tan hoa")
    await expect(visitor.part("records")).to_contain_text("Xã Tân Hòa")


async def _merges_three_units(visitor: Visitor) -> None:
    """Look at the report of a merger only. Nothing moves before the user has seen the report."""
    await visitor.part("records-find").fill("Xã 10")
    await expect(visitor.part("records").locator("tbody tr").first).to_contain_text("10")
    await visitor.part("records").get_by_role("button", name=re.compile("Sáp nhập")).first.click()
    await choose(visitor, "succession-into", "Xã 11")
    await expect(visitor.part("succession-into")).to_have_value("Xã 11")
    await choose(visitor, "succession-others", "Xã 12")
    await expect(visitor.part("succession-list")).to_contain_text("Xã 12")
    await visitor.part("succession").locator("button.button:not(.quiet)").click()
    await expect(visitor.part("succession-report")).to_contain_text("2 hội trường")
    assert await visitor.barriers() == []
    await visitor.part("succession-close").click()


@pytest.mark.longer
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 360])
async def test_an_office_letter_is_made_from_its_own_template(
    visit: Visit, served: Served, database: Database, tmp_path: Path, width: int
) -> None:
    """The template is uploaded, chosen for a letter, printed for each attendee, and removed."""
    visitor = await visit(width=width)
    await sign_in(visitor, served, path="/settings/letters")
    bad = tmp_path / "bad.docx"
    bad.write_bytes(b"PK not a document")
    await visitor.part("form-name").fill("Mẫu Văn phòng")
    await visitor.part("form-file").set_input_files(str(bad))
    await visitor.part("form-upload").click()
    await expect(visitor.part("failure")).to_be_visible()
    good = tmp_path / "good.docx"
    good.write_bytes(word.built_in())
    await visitor.part("form-file").set_input_files(str(good))
    await visitor.part("form-upload").click()
    await expect(visitor.part("letter-templates").locator(".list li")).to_contain_text("Mẫu Văn phòng")
    await visitor.part("letter-templates").locator("summary").click()
    names = await visitor.part("form-fields").locator("code").all_inner_texts()
    assert sorted(names) == sorted(word.KNOWN)
    assert await barriers_of(visitor, width, "/settings/letters") == []

    await page_of(visitor, served, database, LETTERS)
    await visitor.part("new-letter").click()
    await visitor.part("letter-number").fill("126")
    await visitor.part("letter-template").select_option(label="Mẫu Văn phòng")
    assert await visitor.barriers() == []
    await visitor.part("make-letter").click()
    async with visitor.page.expect_download() as waiting:
        await visitor.part("letter-set").first.click()
    pages = PdfReader(await (await waiting.value).path()).pages
    assert len(pages) >= 2

    await visitor.page.goto(served.url + "/settings/letters")
    await visitor.part("letter-templates").get_by_role("button", name="Xóa: Mẫu Văn phòng").click()
    assert await visitor.barriers() == []
    await visitor.part("form-remove-sure").click()
    await expect(visitor.part("letter-templates")).to_contain_text("Đã xóa mẫu")


async def test_a_guest_without_mail_enters_by_a_forwarded_link(
    visit: Visit, served: Served, database: Database
) -> None:
    visitor = await visit(width=360, height=740)
    await sign_in(visitor, served, path="")
    await page_of(visitor, served, database, LETTERS)
    guest = visitor.part("attendees").locator("li", has_text="Trần Thị Bình")
    await guest.get_by_test_id("record-answer").click()
    await visitor.part("who-mail").locator("summary").click()
    await visitor.part("hand-link").click()
    link = await visitor.part("copy-once").locator("input").input_value()
    assert await visitor.barriers() == []
    stranger = await visit(width=360, height=740)
    await stranger.page.goto(link)
    await expect(stranger.page.locator("h1")).to_contain_text(LETTERS)
    assert await stranger.barriers() == []


async def test_an_invitation_is_resent_and_its_link_revoked(visit: Visit, served: Served, database: Database) -> None:
    secret = await personal_link(served, database, LETTERS)
    visitor = await visit(width=360, height=740)
    await sign_in(visitor, served, path="")
    await page_of(visitor, served, database, LETTERS)
    await visitor.part("record-answer").first.click()
    await visitor.part("who-mail").locator("summary").click()
    await visitor.part("outside-why").fill("Khách mời ngoài cơ quan nhà nước")
    await visitor.part("outside-sure").click()
    await expect(visitor.part("who-told")).to_contain_text("Đã cho phép")
    await visitor.part("take-back").click()
    await expect(visitor.part("who-told")).to_contain_text("Đã thu hồi")
    await visitor.part("invite-again").click()
    await expect(visitor.part("who-before")).to_contain_text("chưa cấu hình thư")
    await expect(visitor.part("who-told")).to_have_count(0)
    assert await visitor.barriers() == []
    stranger = await visit(width=360, height=740)
    await stranger.page.goto(f"{served.url}/moi#{secret}")
    await expect(stranger.part("broken-why")).to_contain_text("không nhận ra")


async def test_the_single_sign_on_of_the_province(visit: Visit, served: Served) -> None:
    """The button leads to the issuer and back. A user without an account here gets an explanation."""
    visitor = await visit()
    await visitor.page.goto(served.url + "/sign-in")
    await expect(visitor.part("signin-sso")).to_contain_text("Đăng nhập tỉnh")
    assert await visitor.barriers() == []
    await visitor.part("signin-sso").click()
    await expect(visitor.part("signin-trouble")).to_contain_text("liên hệ quản trị hệ thống")
    assert visitor.page.url.startswith(served.url)
    assert await visitor.barriers() == []


async def test_the_province_sign_in_button_signs_a_user_in(
    visit: Visit, own_server: Callable[..., LiveServer], issuer: dict[str, str]
) -> None:
    """The sign-in goes to a real issuer and back. A new user gets an account without rights, and sees the requested page."""
    server = own_server(**issuer, DIEMCAU_OIDC_UNIT="goc")
    visitor = await visit(width=360, height=740)
    await visitor.page.goto(server.url + "/board?span=day")
    await visitor.part("signin-sso").click()
    await visitor.part("board-page").wait_for()
    assert visitor.page.url == server.url + "/board?span=day"
    await visitor.page.goto(server.url + "/account")
    await expect(visitor.page.locator("main")).to_contain_text("Trần Thị Lan")
    assert await visitor.barriers() == []
    await visitor.part("sign-out").click()
    await expect(visitor.part("signin-sso")).to_be_visible()
    await visitor.page.goto(server.url + "/my")
    await visitor.part("signin-sso").click()
    await visitor.part("my-page").wait_for()


async def test_an_operator_watches_a_meeting_of_browsers_without_halls(
    visit: Visit, served: Served, tmp_path: Path
) -> None:
    """The server has no halls. The list and the board still show the meeting, its sites and its people."""
    visitor = await visit()
    refused: list[str] = []
    visitor.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    await sign_in(visitor, served, "dieuhanh", "/control")
    today = visitor.part("places.today")
    await expect(today.get_by_test_id("board-date").filter(has_text=RUNNING)).to_be_visible()
    await shots(visitor, tmp_path, "control")
    await today.get_by_role("link", name=RUNNING).click()
    await expect(visitor.part("people")).to_contain_text("Chưa có ai vào họp")
    await shots(visitor, tmp_path, "board")
    assert await visitor.barriers() == []
    assert refused == []
