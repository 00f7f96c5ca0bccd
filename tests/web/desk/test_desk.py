"""The pages of the secretariat as users use them. Users sign in, book, solve clashes, approve, answer by link, and enter by
number. axe checks every page, wide and narrow, in both languages. A real server, 96 communes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import sqlite3
import struct
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Route, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import signing
from rooms.meetings import links
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from signaling.api import pages
from tests.conftest import LiveServer
from tests.process_clock import ProcessClock
from tests.running.runs import LONG_RUN
from tests.security.requests.payloads import WATCH
from tests.web.desk.province import PASSWORD, Desk, working_day
from tests.web.desk.staff import choose_staff, keeps_staff
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
NO_MAIL = "Máy chủ chưa gửi được thư: hãy tự báo cho thành phần dự họp."
COUNT_PRESSES = "window.presses = 0; addEventListener('pointerdown', () => { window.presses += 1; }, true);"
SECRETARY: tuple[str, ...] = (
    "/my",
    "/board",
    "/board?view=table",
    "/board?view=table&span=day",
    "/book",
    "/book?kind=conference",
)
SECRETARY += ("/meetings", "/directory/units", "/directory/halls", "/directory/sets", "/directory/deputies")
SECRETARY += ("/settings/rules", "/settings/types", "/settings/holidays", "/guides/thu-ky", "/account")
ADMINISTRATOR = (
    "/settings/accounts",
    "/settings/systems",
    "/settings/audit",
    "/settings/general",
    "/directory/import",
    "/directory/posts",
    "/directory/terminals",
)
AXE_LANGUAGES = ("en", "vi") if LONG_RUN else ("vi",)
"""Both languages have the same elements. So one of them shows what axe finds, and the other has other words and widths only."""
PUBLIC = ("/sign-in", "/join", "/schedule", "/moi#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")


@dataclass
class Served:
    """The server, its province, and direct access without the browser."""

    server: LiveServer
    desk: Desk
    now: datetime
    secrets: dict[str, str]
    """The secrets of the second factor, by account name, after the setup."""
    clock: ProcessClock | None = field(default=None, kw_only=True)
    """The clock of the server, if the test sets the time."""

    def time(self) -> float:
        return time.time() if self.clock is None else self.clock.now().timestamp()

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def database_url(self) -> str:
        return f"sqlite:///{(self.server.data_dir / 'diemcau.sqlite').absolute()}"


def test_the_server_gives_every_page_that_the_browser_knows() -> None:
    source = (Path(__file__).parents[3] / "web" / "src" / "browser" / "route.ts").read_text()
    listed = re.search(r"DESKS = \[(.*?)\]", source, re.S)
    short = re.search(r"SHORT[^=]*= \{(.*?)\}", source, re.S)
    assert listed is not None
    assert short is not None
    names = re.findall(r"'([a-z-]+)'", listed[1]) + re.findall(r"([a-z-]+)'?:", short[1])
    assert sorted(names) == sorted(pages._DESK.split("|"))


def code_of(secret: str, at: float) -> str:
    """Return the code of six digits (RFC 6238: SHA-1, 30 s)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 10**6:06d}"


async def sign_in(visitor: Visitor, served: Served, name: str = "thuky", path: str = "/my") -> None:
    """Sign in by the requests that the pages send (`sign_in_on_page`), and open the page at `path`; empty: no page."""
    given = {"name": name, "password": PASSWORD}
    if name in served.secrets:
        let_its_code_count_again(served, name)
        given["code"] = code_of(served.secrets[name], served.time())
    state = await _asked(visitor, served, "POST", "/session", given)
    if state["second_factor"] == "enrol":
        made = await _asked(visitor, served, "POST", "/session/totp/enrolment", {})
        served.secrets[name] = made["secret"].replace(" ", "")
        given = {"code": code_of(served.secrets[name], served.time())}
        await _asked(visitor, served, "PUT", "/session/totp/enrolment", given)
    if path:
        await visitor.page.goto(served.url + path)
    if path == "/my":
        await visitor.part("my-page").wait_for()


async def _asked(visitor: Visitor, served: Served, method: str, path: str, given: dict[str, str]) -> dict[str, Any]:
    """Return the answer to a request with the cookies of this browser."""
    answer = await visitor.page.context.request.fetch(
        f"{served.url}/api/v1{path}", method=method, data=given, headers={"origin": served.url}
    )
    assert answer.ok, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found


async def sign_in_on_page(visitor: Visitor, served: Served, name: str = "thuky") -> None:
    """Sign in by password. Operators and administrators set up their second factor at their first sign-in."""
    await visitor.page.goto(served.url + "/sign-in")
    await visitor.part("signin-name").fill(name)
    await visitor.part("signin-password").fill(PASSWORD)
    await visitor.part("signin-button").click()
    if name in ("dieuhanh", "quantri"):
        await _second_step(visitor, served, name)
    await visitor.part("start" if name == "quantri" else "my-page").wait_for()


async def _second_step(visitor: Visitor, served: Served, name: str) -> None:
    if name in served.secrets:
        let_its_code_count_again(served, name)
        await visitor.part("signin-code").fill(code_of(served.secrets[name], served.time()))
        await visitor.part("code-button").click()
        return
    await visitor.part("totp-qr").wait_for()
    await expect(visitor.page.get_by_text("Tài khoản này phải có bước xác thực thứ hai.")).to_be_visible()
    width = await visitor.part("totp-qr").evaluate("(image) => image.decode().then(() => image.naturalWidth)")
    assert width > 0
    served.secrets[name] = (await visitor.part("totp-secret").inner_text()).replace(" ", "")
    await visitor.part("totp-code").fill(code_of(served.secrets[name], served.time()))
    await visitor.part("totp-button").click()
    await expect(visitor.part("recovery")).to_be_visible()
    assert await visitor.barriers() == []
    await visitor.part("recovery-kept").click()


def let_its_code_count_again(served: Served, name: str) -> None:
    """Let the current code count again. Otherwise the test would wait up to 30 s for the next code."""
    with closing(sqlite3.connect(served.server.data_dir / "diemcau.sqlite")) as beside, beside:
        beside.execute("UPDATE account SET totp_last_step = 0 WHERE name = ?", (name,))


async def settled(visitor: Visitor) -> None:
    """Wait until the page has no open request."""
    await visitor.page.wait_for_load_state("networkidle")
    await expect(visitor.part("loading")).to_have_count(0)


async def barriers_of(visitor: Visitor, width: int, path: str) -> list[str]:
    """Return the faults of the page in either language: a page wider than the screen, a wrong number of headings, a missing
    value, the wrong `lang`. In the languages of AXE_LANGUAGES also the faults from axe.
    """
    found = []
    await settled(visitor)
    for language in ("en", "vi"):
        # On phones the language switch is in a closed menu.
        await visitor.page.evaluate(f"document.querySelector('[data-testid=language-{language}]').click()")
        where = f"{path} {language}"
        if language in AXE_LANGUAGES:
            found += [f"{where}: {one}" for one in await visitor.barriers()]
        if await visitor.page.evaluate("document.documentElement.lang") != language:
            found.append(f"{where}: another language")
        if await visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{where}: wider than the screen")
        if await visitor.page.locator("h1").count() != 1:
            found.append(f"{where}: not one heading")
        if re.search(r"undefined|\{\w+\}|NaN", await visitor.page.inner_text("main")):
            found.append(f"{where}: a value is missing")
    return found


async def ran(visitor: Visitor) -> tuple[list[int], list[str], bool]:
    """Return the scripts that ran, the broken rules, and whether `Object.prototype` was polluted, in a page with WATCH."""
    found: list[Any] = await visitor.page.evaluate("[window.hits, window.violations, 'polluted' in {}]")
    return found[0], found[1], found[2]


async def faults_of(visitor: Visitor, served: Served, width: int, paths: tuple[str, ...]) -> list[str]:
    """Visit the pages. Return their barriers, and check that they break no rule of our policy for scripts (W07)."""
    found = []
    for path in paths:
        await visitor.page.goto(served.url + path)
        found += await barriers_of(visitor, width, path)
        assert await ran(visitor) == ([], [], False), path
    return found


@pytest.mark.slow
@pytest.mark.longer
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 360])
async def test_pages_have_no_barriers(visit: Visit, served: Served, width: int) -> None:
    visitor = await visit(width=width, height=800, script=WATCH)
    found = await faults_of(visitor, served, width, PUBLIC)
    await sign_in(visitor, served, path="")
    found += await faults_of(visitor, served, width, SECRETARY)
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.longer
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 360])
async def test_pages_of_the_administrator_have_no_barriers(visit: Visit, served: Served, width: int) -> None:
    visitor = await visit(width=width, height=800, script=WATCH)
    await sign_in(visitor, served, "quantri", path="")
    found = await faults_of(visitor, served, width, ADMINISTRATOR)
    assert not found, "\n".join(found)


async def test_a_wrong_password_is_reported_and_a_right_one_signs_in(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await visitor.page.goto(served.url + "/board")
    await visitor.part("signin-name").fill("thuky")
    await visitor.part("signin-password").fill("không phải mật khẩu này")
    await visitor.part("signin-button").click()
    await expect(visitor.part("signin-trouble")).to_be_visible()
    await visitor.part("signin-password").fill(PASSWORD)
    await visitor.part("signin-button").click()
    await visitor.part("board-page").wait_for()
    await visitor.part("sign-out").click()
    await visitor.part("sign-in").wait_for()


async def test_a_failed_sign_out_is_reported(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served)
    await visitor.page.context.set_offline(True)
    await visitor.part("sign-out").click()
    still = visitor.part("failure").filter(has_text="vẫn đang đăng nhập")
    await expect(still).to_be_visible()
    await expect(visitor.part("my-page")).to_be_visible()
    await visitor.page.context.set_offline(False)
    await still.get_by_role("button").click()
    await visitor.part("signin-name").wait_for()
    await visitor.page.goto(served.url + "/my")
    await visitor.part("signin-name").wait_for()


async def test_the_sign_in_opens_from_the_pages_that_need_none(visit: Visit, served: Served) -> None:
    visitor = await visit()
    for path in ("/join", "/schedule"):
        await visitor.page.goto(served.url + path)
        await visitor.page.locator('a[href="/sign-in"]').click()
        await visitor.part("signin-name").wait_for()


NO_START = """const told = Response.prototype.text;
Response.prototype.text = async function () {
  const found = await told.call(this);
  return this.url.endsWith('/about') ? JSON.stringify({ ...JSON.parse(found), may_start: false }) : found;
};"""


async def test_the_first_page_leads_a_signed_in_person_to_booking(visit: Visit, served: Served) -> None:
    """This server lets no user start a meeting without an account."""
    visitor = await visit(script=NO_START)
    await sign_in(visitor, served, path="/")
    await expect(visitor.part("start-name")).to_have_count(0)
    await visitor.part("start-book").click()
    await visitor.part("book-title").wait_for()


async def sign_in_link(database: Database, name: str) -> str:
    """Return the path of a one-time sign-in link."""

    async def make(session: AsyncSession) -> str:
        account = await signing.named(session, name)
        assert account is not None
        return (await signing.new_link(session, account, COMMAND, datetime.now(UTC)))[0]

    return f"/sign-in#link={await database.transact(make)}"


async def test_leaving_a_sign_in_link_allows_the_password(visit: Visit, served: Served, database: Database) -> None:
    visitor = await visit(width=360, height=740)
    await visitor.page.goto(served.url + await sign_in_link(database, "lanhdao"))
    await visitor.part("password-new").wait_for()
    assert await visitor.barriers() == []
    await visitor.part("change-leave").click()
    await visitor.part("signin-name").wait_for()
    await sign_in_on_page(visitor, served, "lanhdao")
    await visitor.page.reload()
    await visitor.part("my-page").wait_for()


async def paste(visitor: Visitor, path: str) -> None:
    """Paste a link into a tab that already shows the page. Only the part after `#` changes, so the browser does not reload the
    page.
    """
    await visitor.page.evaluate("window.stayed = true")
    await visitor.page.evaluate("(path) => { location.href = path; }", path)
    assert await visitor.page.evaluate("window.stayed")


async def test_a_sign_in_link_pasted_into_the_open_page_works(visit: Visit, served: Served, database: Database) -> None:
    visitor = await visit()
    await visitor.page.goto(served.url + "/sign-in")
    await visitor.part("signin-name").wait_for()
    await paste(visitor, "/sign-in#link=" + "x" * 43)
    await expect(visitor.part("signin-trouble")).to_contain_text("đã dùng rồi")
    link = await sign_in_link(database, "lanhdao")
    await paste(visitor, link)
    await visitor.part("password-new").wait_for()
    assert visitor.page.url == served.url + "/sign-in"
    await paste(visitor, link)
    await expect(visitor.part("signin-trouble")).to_contain_text("đã dùng rồi")


async def test_a_new_secretary_books_an_internal_meeting(visit: Visit, served: Served) -> None:
    """A new secretary books within 30 s and without help, from the first page to the meeting's number, with at most four
    presses.
    """
    visitor = await visit(script=COUNT_PRESSES)
    await sign_in(visitor, served)
    await visitor.page.evaluate("window.presses = 0")
    began = time.monotonic()
    await visitor.part("nav-book").click()
    await expect(visitor.part("book-title")).to_be_focused()
    await visitor.page.keyboard.type("Họp rút kinh nghiệm tuần")
    await visitor.part("secret-no").check()
    await expect(visitor.part("live-free")).to_be_visible()
    await visitor.part("book-submit").click()
    await expect(visitor.part("meeting-number")).to_have_text(re.compile(r"^\d{3} \d{3} \d{3}$"))
    assert await visitor.page.evaluate("window.presses") <= 4
    assert time.monotonic() - began < 30
    assert await visitor.barriers() == []


async def test_the_same_by_keyboard_on_a_phone(visit: Visit, served: Served) -> None:
    visitor = await visit(width=360, height=740, touch=True)
    await sign_in(visitor, served)
    await visitor.part("thumb-book").click()
    await expect(visitor.part("book-title")).to_be_focused()
    await visitor.page.keyboard.type("Họp chi bộ tháng này")
    await visitor.page.keyboard.press("Tab")
    await visitor.page.keyboard.press("Space")
    await expect(visitor.part("secret-no")).to_be_checked()
    await visitor.page.get_by_text("Khách mời ngoài danh bạ").click()
    await visitor.page.locator("#guest-name").fill("Nguyễn Thị Khách")
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.part("guest-list")).to_contain_text("Nguyễn Thị Khách")
    for guest in ("Lê Văn Hai", "Phạm Thị Ba", "Võ Văn Tư", "Đỗ Thị Năm"):
        await _above_the_bar(visitor)
        await visitor.page.keyboard.type(guest)
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.part("guest-list")).to_contain_text(guest)
    await _above_the_bar(visitor)
    await _says_what_is_wrong_with_a_guest(visitor)
    await visitor.page.locator("#guest-name").fill("Trần Văn Quên")
    await visitor.part("book-title").focus()
    await visitor.page.keyboard.press("Enter")  # Enter in a field never files
    await visitor.part("book-submit").focus()
    await visitor.page.keyboard.press("Space")
    await visitor.part("meeting-number").wait_for()
    for guest in ("Nguyễn Thị Khách", "Đỗ Thị Năm", "Bùi Văn Sáu", "Trần Văn Quên"):
        await expect(visitor.page.locator("main")).to_contain_text(guest)


async def _above_the_bar(visitor: Visitor) -> None:
    """Check that the name field has the focus and the bar does not cover it. So the user types the next guest without a touch."""
    name = visitor.page.locator("#guest-name")
    await expect(name).to_be_focused()
    field, bar = await name.bounding_box(), await visitor.page.locator(".done").bounding_box()
    assert field
    assert bar
    assert field["y"] >= 0
    assert field["y"] + field["height"] <= bar["y"]


async def _says_what_is_wrong_with_a_guest(visitor: Visitor) -> None:
    """Check that *Enter*, the button and the form keep the typed text of a wrong guest."""
    name, mail = visitor.page.locator("#guest-name"), visitor.page.locator("#guest-mail")
    sent: list[str] = []
    visitor.page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    wrong = visitor.part("guests").get_by_role("alert")
    await name.fill("Bùi Văn Sáu")
    await mail.fill("sau.example.vn")
    await expect(wrong).to_have_count(0)
    await mail.press("Enter")
    await expect(wrong).to_have_text("Thư điện tử chưa đúng.")
    await mail.fill("sau@example")
    await expect(wrong).to_have_text("Thư điện tử chưa đúng.")
    await expect(mail).to_be_focused()
    assert await visitor.barriers() == []
    await name.fill("")
    await visitor.part("add-guest").click()
    await expect(wrong).to_have_text("Ghi họ tên khách mời.")
    await expect(name).to_be_focused()
    await mail.fill("")
    await expect(wrong).to_have_count(0)
    await mail.fill("sau@example.vn")
    await visitor.part("guests").locator("details summary").click()
    await visitor.part("book-submit").click()
    await expect(wrong).to_have_text("Ghi họ tên khách mời.")
    await expect(name).to_be_focused()
    assert not [url for url in sent if url.endswith("/meetings")]
    await name.fill("Bùi Văn Sáu")
    await visitor.part("add-guest").click()
    await expect(visitor.part("guest-list")).to_contain_text("sau@example.vn")
    await expect(name).to_be_focused()


async def test_a_state_secret_is_refused_without_sending_it(visit: Visit, served: Served) -> None:
    visitor = await visit()
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(request.post_data or ""))
    await sign_in(visitor, served, path="/book?kind=conference")
    await visitor.part("book-title").fill("Phương án tác chiến")
    await visitor.part("invite-own").click()
    await visitor.page.wait_for_timeout(800)
    await visitor.part("secret-yes").click()
    await visitor.part("secret-not").click()
    await expect(visitor.part("book-title")).to_have_value("Phương án tác chiến")
    await visitor.part("secret-yes").click()
    assert await visitor.barriers() == []
    await visitor.part("secret-sure").click()
    await expect(visitor.part("secret-refused")).to_contain_text("bí mật nhà nước")
    assert await visitor.barriers() == []
    await visitor.page.wait_for_timeout(800)
    assert not [body for body in sent if "tác chiến" in body or '"secret"' in body]
    await visitor.page.get_by_role("button", name="Đăng ký cuộc họp khác").click()
    await expect(visitor.part("book-title")).to_have_value("")


async def test_booking_requires_an_answer_to_the_secrecy_question(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="/book")
    await visitor.part("book-submit").click()
    await expect(visitor.part("book-title")).to_be_focused()
    await visitor.part("book-title").fill("Họp")
    await visitor.part("book-submit").click()
    await expect(visitor.page.get_by_text("Hãy trả lời câu hỏi về bí mật nhà nước.")).to_be_visible()
    assert "/book" in visitor.page.url


async def taken(database: Database, title: str) -> tuple[str, datetime]:
    """Return the hall and the start of the first date of the meeting with this title."""
    async with database.reading() as session:
        row = (
            await session.execute(
                select(Reservation.resource_id, Occurrence.starts_at)
                .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
                .join(Meeting, Meeting.id == Occurrence.meeting_id)
                .where(Meeting.title == title, Reservation.kind == "hall")
                .order_by(Occurrence.starts_at)
            )
        ).first()
    assert row is not None
    return row[0], row[1]


async def test_a_clash_names_its_way_out(visit: Visit, served: Served, database: Database) -> None:
    hall, starts = await taken(database, "Họp góp ý dự thảo quy chế làm việc")
    visitor = await visit()
    at = starts.isoformat().replace("+00:00", "Z")
    await sign_in(visitor, served, path=f"/book?hall={hall}&name=Hội trường&at={at}&min=60")
    await visitor.part("book-title").fill("Họp bàn về chuyển đổi số")
    await visitor.part("book-type").select_option(label="Phiên họp UBND tỉnh thường kỳ")
    await visitor.part("secret-no").check()
    await expect(visitor.part("live-clash")).to_be_visible()
    await expect(visitor.part("live-chairless")).to_be_visible()
    await expect(visitor.part("live")).to_contain_text("Họp góp ý dự thảo")
    await expect(visitor.part("take-time").first).to_be_visible()
    await expect(visitor.part("live")).not_to_contain_text("Trống: ")  # the buttons show the times
    assert await visitor.barriers() == []
    await visitor.part("take-time").first.click()
    await expect(visitor.part("live-free")).to_be_visible()
    await visitor.part("book-hold").click()
    await expect(visitor.part("meeting-said")).to_contain_text("giữ hội trường")


async def test_a_series_shows_every_clash_and_leaves_dates_out(
    visit: Visit, served: Served, database: Database
) -> None:
    hall, starts = await taken(database, "Giao ban Chủ tịch tỉnh với xã, phường")
    visitor = await visit()
    at = starts.isoformat().replace("+00:00", "Z")
    await sign_in(visitor, served, path=f"/book?hall={hall}&name=Hội trường&at={at}&min=60")
    await visitor.part("book-title").fill("Giao ban hằng tuần")
    await visitor.part("book-type").select_option(label="Phiên họp UBND tỉnh thường kỳ")
    await visitor.part("secret-no").check()
    await visitor.part("book-repeat").select_option("week")
    await visitor.part("book-count").fill("8")
    await visitor.part("book-count").press("Tab")
    await expect(visitor.part("live-clash")).to_contain_text("8 ngày, trong đó 6 ngày trùng lịch")
    await expect(visitor.part("take-equivalent").first).to_be_visible()
    await visitor.part("skip-date").first.click()
    await expect(visitor.part("live-clash")).to_contain_text("5 ngày trùng lịch")
    await visitor.part("skip-clashes").check()
    await visitor.part("book-urgent").fill("Chỉ đạo của Chủ tịch UBND tỉnh")
    await visitor.part("book-submit").click()
    await expect(visitor.part("dates")).to_contain_text("6 ngày không đăng ký")
    await expect(visitor.part("rebook").first).to_be_visible()


async def test_the_board_and_its_table_say_the_same(visit: Visit, served: Served) -> None:
    visitor = await visit(width=1400, height=900)
    day = working_day(5, served.now).date().isoformat()
    await sign_in(visitor, served, path=f"/board?day={day}&span=day&view=picture")
    await expect(visitor.part("timeline")).to_contain_text("Phiên họp UBND tỉnh thường kỳ tháng này")
    await visitor.part("board-find").fill("hoi truong lon")
    await expect(visitor.part("timeline")).not_to_contain_text("Hội trường Xã 04")
    await visitor.part("view-table").click()
    table = visitor.part("board-table")
    await expect(table).to_contain_text("Phiên họp UBND tỉnh thường kỳ tháng này")
    assert await table.locator("tbody tr").count() < 5
    await table.get_by_role("link", name=re.compile("Đăng ký Hội trường lớn")).first.click()
    await expect(visitor.part("halls")).to_contain_text("Hội trường lớn")


async def test_dragging_on_the_board_opens_the_form(visit: Visit, served: Served) -> None:
    visitor = await visit(width=1400, height=900)
    day = working_day(6, served.now).date()
    await sign_in(visitor, served, path=f"/board?day={day}&span=day&view=picture")
    await settled(visitor)
    row = visitor.page.locator(".ec-body .ec-day").first
    box = await row.bounding_box()
    assert box is not None
    await visitor.page.mouse.move(box["x"] + 100, box["y"] + box["height"] / 2)
    await visitor.page.mouse.down()
    await visitor.page.wait_for_timeout(100)
    await visitor.page.mouse.move(box["x"] + 280, box["y"] + box["height"] / 2, steps=8)
    await visitor.page.wait_for_timeout(100)
    await visitor.page.mouse.up()
    await visitor.part("book-page").wait_for()
    await expect(visitor.part("halls").locator("li")).to_have_count(1)
    await expect(visitor.part("book-day")).to_have_value(f"{day:%d/%m/%Y}")


async def test_an_approver_decides_with_a_reason(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "lanhdao")
    await visitor.part("nav-approvals").click()
    session = visitor.part("approval").filter(has_text="Phiên họp UBND tỉnh thường kỳ tháng này")
    await session.locator("summary").click()
    await expect(session).to_contain_text("Không trùng lịch")
    assert await visitor.barriers() == []
    await session.get_by_test_id("approve").click()
    await expect(visitor.part("decided")).to_contain_text("Đã duyệt")
    other = visitor.part("approval").filter(has_text="Họp góp ý dự thảo")
    await other.get_by_test_id("refuse").click()
    await expect(other.get_by_test_id("refuse-sure")).to_be_disabled()
    await other.get_by_test_id("refuse-reason").fill("Trùng với chương trình công tác của Thường trực")
    await other.get_by_test_id("refuse-sure").click()
    await expect(visitor.part("decided")).to_contain_text("Đã trả lại")


async def test_an_operator_gives_the_number_after_the_second_step(visit: Visit, served: Served) -> None:
    """The first sign-in sets up the second factor, and the next one asks for its code."""
    visitor = await visit()
    await sign_in_on_page(visitor, served, "dieuhanh")
    await visitor.part("sign-out").click()
    await visitor.part("sign-in").wait_for()
    await sign_in_on_page(visitor, served, "dieuhanh")
    await visitor.part("nav-approvals").click()
    await visitor.part("approval").first.get_by_test_id("approve").click()
    await expect(visitor.part("decided")).to_be_visible()


async def personal_link(served: Served, database: Database, title: str) -> str:
    """Return the secret of the first attendee's link, as in the mail."""
    key = (served.server.data_dir / "seal.key").read_bytes()

    async def issue(session: AsyncSession) -> str:
        found = await session.scalars(
            select(Attendee).join(Meeting).where(Meeting.title == title, Meeting.state == "approved")
        )
        return links.issue(key, found.all()[0])

    return await database.transact(issue)


async def test_an_invitee_answers_by_link_without_an_account(visit: Visit, served: Served, database: Database) -> None:
    secret = await personal_link(served, database, "Họp giao ban Văn phòng")
    visitor = await visit(width=360, height=740, touch=True)
    await visitor.page.goto(f"{served.url}/moi#{secret}")
    await visitor.part("rsvp-substitute").check()
    await visitor.part("rsvp-name").fill("Trần Thị Bình")
    await visitor.part("rsvp-send").click()
    await expect(visitor.part("answer-sent")).to_be_visible()
    await expect(visitor.part("answer-page")).to_contain_text("Trần Thị Bình")
    assert await visitor.barriers() == []
    await visitor.page.get_by_role("link", name="Tới trang vào họp").click()
    await expect(visitor.part("join-not")).to_have_attribute("data-code", "too_early")
    assert await visitor.barriers() == []


async def test_entering_by_number_and_pin(visit: Visit, served: Served, database: Database) -> None:
    async with database.reading() as session:
        meeting = (await session.scalars(select(Meeting).where(Meeting.title == "Họp giao ban Văn phòng"))).first()
    assert meeting is not None
    assert meeting.number is not None
    visitor = await visit()
    await visitor.page.goto(served.url)
    await visitor.part("join-number").fill(meeting.number)
    await visitor.part("number-button").click()
    await expect(visitor.part("join-by-number")).to_have_value(meeting.number)
    await visitor.part("join-pin").fill("0000" if meeting.pin != "0000" else "1111")
    await visitor.part("join-as").fill("Trần Thị Bình")
    await visitor.part("join-look").click()
    await expect(visitor.part("failure")).to_be_visible()
    await visitor.part("join-pin").fill(meeting.pin)
    await visitor.part("join-look").click()
    await expect(visitor.part("join-page")).to_contain_text("Họp giao ban Văn phòng")


async def test_a_booked_meeting_is_entered_from_its_page(visit: Visit, served: Served, database: Database) -> None:
    """Pre-join, then the call. The meeting is booked for the next office hour. The test then moves it to now, at any time of
    the day.
    """
    visitor = await visit()
    await sign_in(visitor, served, path="/book")
    await visitor.part("book-title").fill("Họp ngay")
    await visitor.part("secret-no").check()
    await visitor.part("invite-own").click()
    await expect(visitor.part("call-none")).to_contain_text("Không gọi hội trường nào. Muốn gọi")
    await expect(visitor.part("call-gap")).to_have_count(0)
    await visitor.page.get_by_text("Chương trình, tài liệu").click()
    await visitor.page.get_by_role("button", name="Thêm văn bản").click()
    await visitor.page.locator("#doc-0").fill("5180/UBND-VHXH")
    await choose_staff(visitor)
    await visitor.part("book-submit").click()
    await expect(visitor.part("call-none")).to_contain_text("bấm “Sửa”")
    await keeps_staff(visitor)
    await expect(visitor.part("call-count").or_(visitor.part("call-gap"))).to_have_count(0)
    await expect(visitor.part("agenda").get_by_role("heading")).to_have_text(["Văn bản liên quan"])
    number = await visitor.part("meeting-number").inner_text()

    async def begin(session: AsyncSession) -> None:
        chosen = select(Occurrence).join(Meeting).where(Meeting.title == "Họp ngay")
        date = (await session.scalars(chosen)).one()
        date.starts_at, date.ends_at = (datetime.now(UTC) + timedelta(minutes=one) for one in (-1, 59))

    await database.transact(begin)
    await visitor.page.reload()
    await visitor.part("enter-button").click()
    await visitor.part("preview-video").wait_for()
    await visitor.part("join-button").click()
    await visitor.part("stage").wait_for(timeout=PATIENCE_MS)
    await visitor.part("invite-button").click()
    await expect(visitor.part("invite-number")).to_have_text(number)
    await expect(visitor.part("invite-holds")).to_contain_text("Phòng chờ")
    await expect(visitor.part("invite-sheet")).to_contain_text("PIN")
    assert await visitor.barriers() == []
    await visitor.page.keyboard.press("Escape")
    await visitor.part("leave-button").click()
    await visitor.part("leave-only").click()
    await visitor.part("home-button").click()
    await visitor.part("meeting-page").wait_for()


async def test_an_import_file_is_previewed_before_it_is_applied(visit: Visit, served: Served, tmp_path: Path) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/directory/halls")
    async with visitor.page.expect_download() as waiting:
        await visitor.page.get_by_role("button", name="CSV").click()
    exported = await (await waiting.value).path()
    lines = exported.read_text(encoding="utf-8-sig").splitlines()
    bad = tmp_path / "halls.csv"
    bad.write_text("\n".join([lines[0], lines[1].replace(lines[1].split(",")[0], "", 1)]), encoding="utf-8")
    await visitor.page.goto(served.url + "/directory/import?kind=halls")
    await visitor.part("import-file").set_input_files(str(bad))
    await visitor.part("import-preview").click()
    await expect(visitor.part("import-report")).to_contain_text("Dòng 2")
    assert await visitor.barriers() == []
    good = tmp_path / "same.csv"
    good.write_text("\n".join(lines[:3]), encoding="utf-8")
    await visitor.part("import-file").set_input_files(str(good))
    await visitor.part("import-preview").click()
    await expect(visitor.part("import-report")).to_contain_text("Không có lỗi")


async def test_a_meeting_is_put_off_and_brought_back(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="/meetings")
    await expect(visitor.part("mail-off")).to_contain_text("chưa gửi được thư")
    await visitor.part("mail-off-hide").click()
    await expect(visitor.part("mail-off")).to_have_count(0)
    await visitor.part("find-text").fill("giao ban van phong")
    await visitor.part("found").get_by_role("link", name="Họp giao ban Văn phòng").click()
    await visitor.part("postpone").click()
    await visitor.part("reason-superior_order").check()
    await expect(visitor.part("off-told")).to_have_text(f"Hội trường được trả lại. {NO_MAIL}")
    await visitor.page.get_by_label("Vào thời gian mới").check()
    await expect(visitor.part("off-told")).to_contain_text(f"lịch cũ vẫn có hiệu lực trong khi chờ duyệt. {NO_MAIL}")
    await _another_time_is_wanted(visitor, served)
    await visitor.page.get_by_label("Thông báo sau").check()
    assert await visitor.barriers() == []
    await visitor.part("call-off-sure").click()
    await expect(visitor.part("history")).to_contain_text("Hoãn họp")
    await visitor.page.route("**/api/v1/my-meetings?*", _late)  # the page loads again for a second after each change
    await visitor.part("undo").click()
    await expect(visitor.part("meeting-said")).to_contain_text("hoàn tác")
    await visitor.part("cancel-meeting").click()
    await expect(visitor.part("off-told")).to_have_text(f"Hội trường được trả lại. {NO_MAIL}")
    await visitor.part("reason-force_majeure").check()
    await visitor.part("call-off-sure").click()
    await expect(visitor.part("meeting-said")).to_have_text(f"Đã hủy cuộc họp. {NO_MAIL}")
    await visitor.part("undo").click()
    await expect(visitor.part("meeting-said")).to_contain_text("hoàn tác")


async def _late(route: Route) -> None:
    await asyncio.sleep(1)
    await route.continue_()


async def _another_time_is_wanted(visitor: Visitor, served: Served) -> None:
    """Check that the page proposes the day after, and that the old day cannot be sent."""
    old = working_day(1, served.now)
    day, sure = visitor.part("off-day"), visitor.part("call-off-sure")
    await expect(day).to_have_value(f"{old + timedelta(days=1):%d/%m/%Y}")
    await expect(visitor.page.locator("#off-clock")).to_have_value(f"{old:%H:%M}")
    await expect(sure).to_be_enabled()
    await day.fill(f"{old:%d/%m/%Y}")
    await expect(visitor.part("off-same")).to_contain_text("khác với lịch cũ")
    await expect(sure).to_be_disabled()
    await visitor.page.locator("#off-clock").select_option("14:15")
    await expect(sure).to_be_enabled()


async def _reads_meetings(server: LiveServer, link: str) -> None:
    """Sign in by the link and read the user's meetings, by requests. The sample month is not offered again."""
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", headers={"origin": server.url}, timeout=60) as client:
        assert (await client.post("/session/link", json={"secret": link.split("#link=")[1]})).status_code == 200
        assert (await client.put("/session/password", json={"new": "một mật khẩu đủ dài 77"})).is_success
        assert (await client.get("/my-meetings")).json()["items"]
        assert (await client.get("/demo")).json() == {"offered": False, "empty": False}


@pytest.mark.slow
async def test_an_empty_installation_offers_the_sample_month(
    visit: Visit, own_server: Callable[..., LiveServer]
) -> None:
    """The first screen loads the month with one click. The page then shows a link for each role."""
    server = own_server()
    visitor = await visit()
    await visitor.page.goto(server.url + "/my")
    await visitor.part("demo-load").click()
    await visitor.part("demo-accounts").wait_for(timeout=90_000)
    assert await visitor.barriers() == []
    link = await visitor.part("demo-approver").get_attribute("href")
    secretary = await visitor.part("demo-secretary").first.get_attribute("href")
    assert link is not None
    assert secretary is not None
    await _reads_meetings(server, secretary)
    await visitor.page.goto(link)
    await visitor.part("password-new").fill("một câu ngắn dễ nhớ")
    await visitor.part("password-again").fill("một câu ngắn dễ nhớ")
    await visitor.part("password-button").click()
    await visitor.part("my-page").wait_for()
    await expect(visitor.part("next-meeting").or_(visitor.part("waits")).first).to_be_visible()
