"""Order at the desk: days typed in Vietnamese style in any browser, the right approvers, and meetings that give way. Also split
and abolished units, cut links, and repeated webhooks. A real server and a real receiver.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.async_api import expect
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.tables.booking import Setting
from rooms.store.tables.meetings import Letter, Meeting, Occurrence
from rooms.store.tables.org import Unit, UnitSuccessor
from tests.conftest import start_server
from tests.rooms.postgres import at_once
from tests.web.desk.province import ZONE, furnish, working_day
from tests.web.desk.test_desk import Served, barriers_of, personal_link, settled, sign_in
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser
LOWER = "Tập huấn nghiệp vụ văn thư, lưu trữ"
SERIES = "Giao ban Chủ tịch tỉnh với xã, phường"


@pytest.fixture(scope="module")
def receiver() -> Iterator[tuple[str, list[str]]]:
    """The address of a webhook receiver, and the identifiers that arrived. The receiver refuses the first webhook."""
    came: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            came.append(self.headers["webhook-id"])
            self.send_response(500 if len(came) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", came
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    server = start_server(folder, DIEMCAU_WEBHOOK_PRIVATE_RANGES="127.0.0.0/8")
    yield Served(server, desk, now, {})
    server.stop()


async def choose(visitor: Visitor, picker: str, typed: str) -> None:
    await visitor.part(picker).click()
    await visitor.part(picker).fill(typed)
    await visitor.part(f"{picker}-option").first.click()


def shown(day: datetime) -> str:
    return f"{day.astimezone(ZONE):%d/%m/%Y}"


# Days


@pytest.mark.parametrize("width", [1280, pytest.param(360, marks=pytest.mark.sim)])
@pytest.mark.parametrize("locale", ["en-US", pytest.param("vi-VN", marks=pytest.mark.sim)])
async def test_dates_are_day_first_in_any_browser_language(
    visit: Visit, served: Served, width: int, locale: str
) -> None:
    visitor = await visit(width=width, height=740)
    await visitor.page.add_init_script(f"Object.defineProperty(navigator, 'language', {{ value: '{locale}' }})")
    await sign_in(visitor, served, path="/book")
    field, day = visitor.part("book-day"), working_day(12, served.now)
    await expect(field).to_have_value(re.compile(r"^\d\d/\d\d/\d{4}$"))
    await field.fill(f"{day:%d%m%Y}")
    await expect(visitor.part("live")).to_contain_text(shown(day))
    await field.blur()
    await expect(field).to_have_value(shown(day))
    await field.fill("31/02/2027")
    await field.blur()
    said = visitor.page.locator("[role=alert]", has_text="Ngày chưa đúng")
    await expect(said).to_be_visible()
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert await visitor.barriers() == []
    await field.fill(shown(day))
    await expect(said).to_have_count(0)


@pytest.mark.parametrize(("width", "touch"), [pytest.param(1280, False, marks=pytest.mark.sim), (360, True)])
async def test_a_day_is_chosen_by_keyboard_and_by_thumb(visit: Visit, served: Served, width: int, touch: bool) -> None:
    visitor = await visit(width=width, height=740, touch=touch)
    await sign_in(visitor, served, path="/book")
    field = visitor.part("book-day")
    await field.fill("30/11/2027")
    await field.press("ArrowDown")
    await expect(visitor.part("calendar")).to_be_visible()
    await expect(visitor.page.locator("[data-day='2027-11-30']")).to_be_focused()
    assert await visitor.barriers() == []
    for key, stands in (("PageDown", "2027-12-30"), ("ArrowRight", "2027-12-31"), ("Home", "2027-12-27")):
        await visitor.page.keyboard.press(key)
        await expect(visitor.page.locator(f"[data-day='{stands}']")).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.part("calendar")).to_have_count(0)
    await expect(field).to_have_value("27/12/2027")
    await expect(field).to_be_focused()
    pick = visitor.part("book-day-pick")
    await (pick.tap() if touch else pick.click())
    await visitor.part("calendar-before").click()
    await visitor.page.locator("[data-day='2027-11-15']").click()
    await expect(field).to_have_value("15/11/2027")
    await expect(visitor.part("live")).to_contain_text("15/11/2027")
    await pick.click()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.part("calendar")).to_have_count(0)
    await expect(field).to_have_value("15/11/2027")


# Settings for the whole system, ended units, repeated webhooks: the administrator in one session


@pytest.mark.longer
async def test_what_the_administrator_sets_and_ends(
    visit: Visit, served: Served, database: Database, receiver: tuple[str, list[str]]
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "")
    await _says_who_approves(visitor, served, database)
    await _names_a_kind_in_english(visitor, served)
    await _adds_a_pool(visitor, served)
    await _splits_a_unit(visitor, served, database)
    await _abolishes_a_unit(visitor, served, database)
    await _lists_posts(visitor, served)
    await _adds_a_webhook(visitor, served, receiver)


async def _says_who_approves(visitor: Visitor, served: Served, database: Database) -> None:
    await visitor.page.goto(served.url + "/settings/general")
    await expect(visitor.part("eyes-halls")).to_be_checked()
    await expect(visitor.part("top-name")).to_contain_text("Tây Ninh")
    assert await barriers_of(visitor, 1280, "/settings/general") == []
    await visitor.part("eyes-always").check()
    await visitor.part("eyes-save").click()
    await expect(visitor.part("four-eyes").get_by_role("status")).to_contain_text("lưu")
    async with database.reading() as session:
        kept = await session.get_one(Setting, "approval")
        assert kept.value == {"four_eyes": "always"}
    await visitor.page.reload()
    await expect(visitor.part("eyes-always")).to_be_checked()
    await visitor.part("eyes-halls").check()
    await visitor.part("eyes-save").click()
    await expect(visitor.part("four-eyes").get_by_role("status")).to_be_visible()


async def _names_a_kind_in_english(visitor: Visitor, served: Served) -> None:
    await visitor.page.goto(served.url + "/settings/types")
    await visitor.page.get_by_role("button", name=re.compile("Sửa")).first.click()
    await visitor.page.locator("#type-name-en").fill("Morning briefing")
    await visitor.page.locator("#type-calls").fill("25")
    await visitor.page.locator("#type-grace").fill("45")
    await visitor.part("type-dialog").get_by_role("button", name="Lưu").click()
    await expect(visitor.part("type-dialog")).to_have_count(0)
    await visitor.part("language-en").first.click()
    await expect(visitor.page.get_by_role("rowheader", name="Morning briefing")).to_be_visible()
    await visitor.part("language-vi").first.click()
    await expect(visitor.page.get_by_role("rowheader", name="Morning briefing")).to_have_count(0)
    changed = visitor.page.locator("tr").nth(1)
    await expect(changed).to_contain_text("25 phút")
    await expect(changed).to_contain_text("45 phút")


async def _adds_a_pool(visitor: Visitor, served: Served) -> None:
    """Add the capacity of one unit, change its number and delete it."""
    await visitor.page.goto(served.url + "/settings/pools")
    await visitor.part("pool-new").click()
    await visitor.part("pool-name").fill("Cổng của Văn phòng")
    await visitor.part("pool-legs").fill("12")
    await visitor.part("pool-counts").select_option(label="Chỉ hội trường")
    await choose(visitor, "pool-unit", "van phong ubnd")
    await visitor.part("pool-save").click()
    pool = visitor.part("pool").filter(has_text="Cổng của Văn phòng")
    await expect(pool).to_contain_text("Văn phòng UBND tỉnh và đơn vị trực thuộc · Chỉ hội trường")
    await pool.get_by_test_id("pool-edit").click()
    await visitor.part("pool-legs").fill("300")
    await visitor.part("pool-save").click()
    await visitor.page.reload()
    await expect(pool).to_contain_text("300 kết nối")
    assert await visitor.barriers() == []
    await pool.get_by_test_id("pool-edit").click()
    await visitor.part("pool-remove").click()
    await visitor.part("pool-remove-sure").click()
    await expect(pool).to_have_count(0)


async def _open_succession(visitor: Visitor, served: Served, name: str) -> None:
    await visitor.page.goto(served.url + "/directory/units")
    await visitor.part("records-find").fill(name)
    await expect(visitor.part("records").locator("tbody tr")).to_have_count(1)
    await visitor.part("records").get_by_role("button", name=re.compile("Sáp nhập")).click()


async def _splits_a_unit(visitor: Visitor, served: Served, database: Database) -> None:
    await _open_succession(visitor, served, "Xã 21")
    await visitor.part("succession-split").check()
    for number, name in enumerate(("Xã Tân Hưng", "Xã Tân Thạnh")):
        await visitor.part(f"part-{number}-new").click()
        await visitor.part(f"part-{number}-name").fill(name)
        await visitor.part(f"part-{number}-code").fill(f"moi.{number}")
    await visitor.part("part").nth(1).locator("summary").click()
    await choose(visitor, "part-1-site", "")
    assert await visitor.barriers() == []
    await visitor.part("succession-go").click()
    await expect(visitor.part("succession-report")).to_contain_text("điểm cầu")
    async with database.reading() as session:
        assert await session.scalar(select(Unit).where(Unit.name == "Xã Tân Hưng")) is None, "only looked at"
    await visitor.part("succession-go").click()
    await expect(visitor.part("succession-done")).to_contain_text("Đã thực hiện")
    await expect(visitor.part("succession-done")).to_contain_text("1 hội trường")
    assert await visitor.barriers() == []
    await visitor.part("succession-leave").click()
    async with database.reading() as session:
        old = (await session.scalars(select(Unit).where(Unit.name == "Xã 21"))).one()
        heirs = await session.scalars(
            select(Unit.name)
            .join(UnitSuccessor, UnitSuccessor.successor_id == Unit.id)
            .where(UnitSuccessor.unit_id == old.id, UnitSuccessor.kind == "split")
        )
        assert sorted(heirs) == ["Xã Tân Hưng", "Xã Tân Thạnh"]
        assert old.valid_to is not None
    await visitor.part("records-find").fill("Xã Tân")
    await expect(visitor.part("records")).to_contain_text("Xã Tân Thạnh")


async def _abolishes_a_unit(visitor: Visitor, served: Served, database: Database) -> None:
    await _open_succession(visitor, served, "Xã 20")
    await visitor.part("succession-abolish").check()
    await choose(visitor, "succession-into", "Xã 19")
    await visitor.part("succession-go").click()
    await expect(visitor.part("succession-report")).to_be_visible()
    await visitor.part("succession-go").click()
    await expect(visitor.part("succession-done")).to_be_visible()
    await visitor.part("succession-leave").click()
    async with database.reading() as session:
        old = (await session.scalars(select(Unit).where(Unit.name == "Xã 20"))).one()
        assert old.valid_to is not None


async def _lists_posts(visitor: Visitor, served: Served) -> None:
    await visitor.page.goto(served.url + "/directory/posts")
    await expect(visitor.part("records").locator("tbody tr").first).to_be_visible()
    await visitor.part("records-find").fill("giam doc")
    await expect(visitor.part("records").locator("tbody tr").first).to_contain_text("Giám đốc")
    assert await visitor.barriers() == []


async def _adds_a_webhook(visitor: Visitor, served: Served, receiver: tuple[str, list[str]]) -> None:
    """Add a webhook. Its first delivery fails, and the page sends it again."""
    address, came = receiver
    await visitor.page.goto(served.url + "/settings/systems")
    await visitor.page.locator("#hook-url").fill(address)
    await visitor.page.locator("#hook-events").fill("meeting.approved")
    await choose(visitor, "hook-unit", "van phong ubnd")
    await visitor.page.get_by_role("button", name="Thêm webhook").click()
    await expect(visitor.part("copy-once")).to_be_visible()
    await visitor.part("nav-book").click()
    await visitor.part("book-title").fill("Họp báo cho hệ thống khác")
    await choose_host(visitor)
    await visitor.part("secret-no").check()
    await visitor.part("book-submit").click()
    await visitor.part("meeting-number").wait_for()
    await visitor.page.goto(served.url + "/settings/systems")
    await _arrived(visitor, came, 1)
    await visitor.page.get_by_role("button", name="Nhật ký gửi").click()
    entry = visitor.part("deliveries").locator("li")
    await expect(entry).to_contain_text("meeting.approved")
    await visitor.part("replay").click()
    await expect(entry).to_contain_text("Đã xếp hàng gửi lại")
    await _arrived(visitor, came, 2)
    assert came[0] == came[1], "the receiver knows it by its identifier"
    for _ in range(50):
        await visitor.part("log-again").click()
        await settled(visitor)
        if "đã gửi" in await entry.inner_text():
            break
    await expect(entry).to_contain_text("đã gửi")
    assert await visitor.barriers() == []


async def choose_host(visitor: Visitor) -> None:
    """Choose the office as host. The administrator belongs to the province."""
    more = visitor.page.locator("details", has_text="Chương trình, tài liệu").first
    await more.locator("summary").first.click()
    await choose(visitor, "book-host", "van phong ubnd")


async def _arrived(visitor: Visitor, came: list[str], count: int) -> None:
    for _ in range(200):
        if len(came) >= count:
            return
        await visitor.page.wait_for_timeout(100)
    raise AssertionError(f"{len(came)} of {count} webhooks arrived")


# A meeting gives way; a letter about one date: the operator and the secretary


async def test_a_lower_meeting_gives_way_and_its_desk_reads_why(
    visit: Visit, served: Served, database: Database
) -> None:
    async with database.reading() as session:
        lower = (await session.scalars(select(Meeting).where(Meeting.title == LOWER))).one()
        date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == lower.id))).one()
    visitor = await visit()
    start = date.starts_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    hall = served.desk.halls[1]
    await sign_in(visitor, served, "dieuhanh", f"/book?at={start}&min=120&hall={hall}&name=Phòng")
    await visitor.part("book-type").select_option(label="Phiên họp UBND tỉnh thường kỳ")
    await visitor.part("book-title").fill("Họp khẩn phòng, chống bão")
    await visitor.part("secret-no").check()
    await expect(visitor.part("live-clash")).to_be_visible()
    hint = "Cuộc họp của cấp trên hoặc loại ưu tiên hơn được xếp trước."
    await expect(visitor.part("live").locator("p", has_text=hint)).to_have_text(hint)  # this server has no mail
    await visitor.part("give-button").click()
    await expect(visitor.part("give-way")).not_to_contain_text("bằng thư")
    await expect(visitor.part("way")).to_contain_text(LOWER)
    await visitor.part("way-now").check()
    to = working_day(15, served.now)
    await visitor.part("way-day").fill(f"{to:%d/%m/%Y}")
    assert await visitor.barriers() == []
    await visitor.part("give-reason").fill("Công điện khẩn về phòng, chống bão")
    await visitor.part("give-do").click()
    await expect(visitor.part("gave-way")).to_contain_text(f"{to:%d/%m/%Y}")
    await expect(visitor.part("give-told")).to_contain_text("chưa gửi được thư: hãy tự báo cho chủ trì, thư ký")
    assert await visitor.barriers() == []
    await visitor.part("give-open").click()
    await expect(visitor.page.get_by_role("heading", level=1)).to_contain_text("Họp khẩn")
    async with database.reading() as session:
        moved = await session.get_one(Occurrence, date.id)
        assert moved.starts_at.astimezone(ZONE).date() == to.date()
        assert moved.reason_code == "superior_order"
    await visitor.page.goto(f"{served.url}/meetings/{lower.id}")
    await expect(visitor.part("meeting-page")).to_contain_text("Công điện khẩn")


async def test_a_letter_can_be_about_one_date_of_a_series(visit: Visit, served: Served, database: Database) -> None:
    async with database.reading() as session:
        series = (await session.scalars(select(Meeting).where(Meeting.title == SERIES))).one()
        found = await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == series.id).order_by(Occurrence.starts_at)
        )
        date = found.all()[1]
    visitor = await visit(width=360, height=740)
    await sign_in(visitor, served, path=f"/meetings/{series.id}")
    await visitor.part("new-letter").click()
    await visitor.part("letter-date").select_option(value=date.id)
    await visitor.page.locator("#letter-kind").select_option("cancel")
    assert await visitor.barriers() == []
    await visitor.part("make-letter").click()
    await expect(visitor.part("letter-pdf")).to_be_visible()
    async with database.reading() as session:
        letter = (await session.scalars(select(Letter).where(Letter.meeting_id == series.id))).one()
    local = date.starts_at.astimezone(ZONE)
    month = f"{local:%m}" if local.month < 3 else str(local.month)
    assert f"ngày {local:%d} tháng {month} năm {local.year}" in letter.fields["subject"]
    assert letter.fields["times"] == []


# Links that are cut off


@pytest.mark.longer
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 360])
async def test_a_truncated_link_is_explained_and_can_be_corrected(
    visit: Visit, served: Served, database: Database, width: int
) -> None:
    secret = await personal_link(served, database, "Họp giao ban Văn phòng")
    visitor = await visit(width=width, height=740)
    for left, said in (
        (secret[:20], "còn 20 trên 32 ký tự"),
        (secret[:5], "còn 5 trên 32 ký tự"),
        ("", "thiếu phần cuối"),
        (secret + "vah", "thừa ký tự"),
        ("a" * 32, "không nhận ra"),
    ):
        await visitor.page.goto("about:blank")
        await visitor.page.goto(f"{served.url}/moi#{left}")
        await expect(visitor.part("broken-why")).to_contain_text(said)
        await expect(visitor.page.locator("h1")).to_have_text("Đường dẫn không mở được")
    assert await barriers_of(visitor, width, "/moi") == []
    await visitor.part("link-paste").fill("https://hop.vn/moi")
    await visitor.part("link-try").click()
    await expect(visitor.page.locator("#link-wrong")).to_be_visible()
    await visitor.part("link-paste").fill(f"{served.url}/moi#{secret}")
    await visitor.part("link-try").click()
    await expect(visitor.page.locator("h1")).to_have_text("Họp giao ban Văn phòng")
    assert visitor.page.url.endswith(f"/moi#{secret}")
    await visitor.page.goto("about:blank")
    await visitor.page.goto(f"{served.url}/join#k={secret[:-1]}")
    await expect(visitor.part("broken-why")).to_contain_text("còn 31 trên 32")
    assert await visitor.barriers() == []
