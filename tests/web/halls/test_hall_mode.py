"""A PC stands for a hall, by its page alone: enrolled by a code, it enters a booked meeting by itself, asks for the floor with a
remote control, comes back after a reload, and is revoked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, Occurrence
from tests.conftest import start_server
from tests.ports import free_port
from tests.rooms.postgres import at_once
from tests.running.runs import LONG_RUN
from tests.web.desk.province import approve, furnish, working_day
from tests.web.desk.test_desk import Served, sign_in
from tests.web.shots import resize, shot
from tests.web.test_pages import PATIENCE_MS
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TITLE = "Họp triển khai nhiệm vụ quý"
SCREENS = ((1920, 1080), (1280, 720))
FULL_SCREEN_KEPT = """
const ask = Element.prototype.requestFullscreen;
Element.prototype.requestFullscreen = function () { return (window.asked = ask.call(this)); };
"""
"""A script that keeps the last request for the full screen, so that the test can wait for the answer."""
WINDOW = "async () => { await window.asked?.catch(() => 0); if (document.fullscreenElement) await document.exitFullscreen(); }"
"""A script that takes the page back from the full screen. A full screen cannot be resized."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, now = tmp_path_factory.mktemp("hallmode"), datetime.now(UTC).replace(microsecond=0)
    desk = at_once(furnish(folder, now))
    port = str(free_port())
    server = start_server(
        folder,
        DIEMCAU_HALLS="true",
        DIEMCAU_SIP_HOST="127.0.0.1",
        DIEMCAU_SIP_UDP_PORT=port,
        DIEMCAU_SIP_TCP_PORT=port,
        DIEMCAU_SIP_TLS_PORT="-1",
    )
    yield Served(server, desk, now, {})
    server.stop()


async def test_a_pc_is_a_hall_from_its_code_to_its_end(visit: Visit, served: Served, tmp_path: Path) -> None:
    operator, pc = await visit(), await visit(width=1920, height=1080, script=FULL_SCREEN_KEPT)
    await sign_in(operator, served, "dieuhanh", "/directory/terminals")
    code = await _code(operator)
    await pc.page.goto(served.url + "/diem-cau")
    await pc.part("hall-enrol").wait_for()
    await _at_both_sizes(pc, tmp_path / "enrol")
    await pc.page.keyboard.type("00000000")
    await expect(pc.part("hall-trouble")).to_contain_text("Mã ghi danh không đúng")
    await pc.page.keyboard.type(code)
    await pc.part("hall-idle").wait_for()
    await expect(pc.part("hall-network")).to_contain_text("đã nối máy chủ")

    secretary = await visit()
    await sign_in(secretary, served, path="")
    occurrence = await _booked(secretary, served)
    await expect(pc.part("hall-next")).to_have_text(TITLE, timeout=PATIENCE_MS)
    await _at_both_sizes(pc, tmp_path / "idle")
    await _moved_to_now(served, occurrence)
    await pc.part("hall-call").wait_for(timeout=PATIENCE_MS)
    await expect(pc.part("hall-title")).to_have_text(TITLE)
    leg = await _leg(operator, served, occurrence, "connected")
    assert (leg["protocol"], leg["audio"]["muted"]) == ("pc", True)

    await secretary.page.reload()
    await secretary.part("enter-button").click()
    await secretary.part("preview-video").wait_for()
    await secretary.part("join-button").click()
    await secretary.part("stage").wait_for(timeout=PATIENCE_MS)
    await _reports_delegates(pc, tmp_path / "report")
    await pc.page.keyboard.press("5")
    await expect(pc.part("hall-place")).to_contain_text("Thứ 1")
    await secretary.part("chair-toggle").click()
    await expect(secretary.part("asking")).to_have_count(1)
    await secretary.part("call-speaker").first.click()
    await expect(pc.part("floor-turn")).to_contain_text("Đến lượt mình", timeout=PATIENCE_MS)
    await expect(pc.part("hall-mic")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)
    await _at_both_sizes(pc, tmp_path / "call")
    large = await pc.page.locator(".main[data-testid=tile]").bounding_box()
    assert large is not None
    assert large["width"] > SCREENS[0][0] / 2, "the picture fills the screen"
    await pc.page.keyboard.press("5")
    await expect(pc.part("floor-turn")).to_have_count(0)
    await _asks_before_it_leaves(pc)
    await _roll_called(secretary)
    await _votes_by_keys(secretary, pc, tmp_path)
    await _recess_and_lobby(secretary, pc, tmp_path)

    await pc.page.reload()
    await pc.part("hall-call").wait_for(timeout=PATIENCE_MS)
    await _leg(operator, served, occurrence, "connected")
    await operator.part("pc-enrol").click()
    await operator.part("pc-revoke").click()
    await operator.part("pc-revoke-sure").click()
    await pc.part("hall-enrol").wait_for(timeout=PATIENCE_MS)
    await expect(pc.part("hall-trouble")).to_contain_text("thu hồi")
    await _leg(operator, served, occurrence, "left")


async def _code(operator: Visitor) -> str:
    """Make the terminal of the large hall a PC, and return the code for its enrolment."""
    await operator.part("records-find").fill("TN.HT")
    row = operator.page.locator("tbody tr")
    await expect(row).to_have_count(1)
    await row.get_by_role("button", name="Sửa").click()
    dialog = operator.part("record-dialog")
    await dialog.get_by_role("checkbox", name="SIP", exact=True).uncheck()
    await dialog.get_by_role("checkbox", name="Máy tính").check()
    await dialog.get_by_label("Địa chỉ SIP").fill("")
    await operator.part("record-save").click()
    await operator.part("pc-enrol").click()
    await operator.part("pc-give").click()
    shown = await operator.part("pc-code").inner_text()
    assert re.fullmatch(r"\d{4} \d{4}", shown)
    assert await operator.barriers() == []
    await operator.page.keyboard.press("Escape")
    return shown.replace(" ", "")


async def _booked(secretary: Visitor, served: Served) -> str:
    """Book the large hall by the form, approve the meeting, and return its date."""
    at = working_day(9, served.now).isoformat().replace("+", "%2B")
    query = f"hall={served.desk.halls[0]}&name=Hội trường lớn&at={at}&min=180"
    await secretary.page.goto(f"{served.url}/book?{query}")
    await secretary.part("book-title").fill(TITLE)
    await secretary.part("book-type").select_option("training")
    await secretary.part("secret-no").check()
    await secretary.part("book-secretary-me").click()
    await secretary.part("book-submit").click()
    await secretary.part("meeting-page").wait_for()
    meeting_id = urlsplit(secretary.page.url).path.split("/")[2]

    async def begin(session: AsyncSession) -> str:
        date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting_id))).one()
        date.starts_at, date.ends_at = (served.now + timedelta(days=2, minutes=one) for one in (0, 60))
        return date.id

    database = Database.open(served.database_url)
    try:
        await approve(database, meeting_id, served.now)
        return await database.transact(begin)
    finally:
        await database.close()


async def _moved_to_now(served: Served, occurrence: str) -> None:
    """Move the date to now, because the form books office hours only, and the test runs at any hour."""

    async def begin(session: AsyncSession) -> None:
        date = await session.get_one(Occurrence, occurrence)
        date.starts_at, date.ends_at = (datetime.now(UTC) + timedelta(minutes=one) for one in (5, 65))
        assert (await session.get_one(Meeting, date.meeting_id)).state == "approved"

    database = Database.open(served.database_url)
    try:
        await database.transact(begin)
    finally:
        await database.close()


async def _leg(operator: Visitor, served: Served, occurrence: str, state: str) -> dict[str, Any]:
    """Wait until the row of the PC on the board has this state, and return the row."""
    asks = operator.page.context.request
    found: dict[str, Any] = {}

    async def now() -> str:
        nonlocal found
        rows = await (await asks.get(f"{served.url}/api/v1/occurrences/{occurrence}/legs")).json()
        found = next((one for one in rows if one["protocol"] == "pc"), {})
        return str(found.get("state"))

    for _ in range(100):
        if await now() == state:
            return found
        await operator.page.wait_for_timeout(200)
    raise AssertionError(f"the row is {found}, and not {state}")


async def _reports_delegates(pc: Visitor, path: Path) -> None:
    """Key 2 opens the report. A wrong digit is deleted, and OK sends. A phone reads the code for the names."""
    await pc.page.keyboard.press("2")
    await pc.part("hall-report-code").wait_for()
    await pc.page.keyboard.type("36")
    await pc.page.keyboard.press("Backspace")
    await pc.page.keyboard.type("5")
    await expect(pc.part("hall-report-typed")).to_have_text("35")
    await _at_both_sizes(pc, path)
    await pc.page.keyboard.press("Enter")
    await expect(pc.part("hall-report-sheet")).to_have_count(0)
    await expect(pc.part("hall-report")).to_contain_text("Đại biểu: 35")


async def _roll_called(secretary: Visitor) -> None:
    """Call the roll: the PC is the row of its site, connected, with the delegates that it reported."""
    await secretary.part("chair-part-roll").click()
    await secretary.part("roll-prepare").click()
    row = secretary.part("roll-row").filter(has_text="35 đại biểu")
    await expect(row).to_have_count(1)
    await expect(row.get_by_test_id("roll-signals")).to_have_attribute("data-connected", "true")
    await secretary.part("roll-begin").click()
    await secretary.part("roll-present").click()
    await expect(row).to_have_attribute("data-mark", "present")
    end = secretary.part("roll-end")
    await end.or_(secretary.part("roll-delegates")).first.wait_for()
    if await end.count():
        await end.click()
    await expect(secretary.part("roll-delegates")).to_have_text("35")


async def _votes_by_keys(secretary: Visitor, pc: Visitor, folder: Path) -> None:
    """Hands: numbers up to the delegates. By name: a key and OK, and a change. In secret: the screen shows no choice, before and
    after, and no receipt; the other delegates vote by the code on the screen.
    """
    keys = pc.page.keyboard
    await secretary.part("chair-part-votes").click()
    await _opened(secretary, "hands", "Thông qua chương trình làm việc")
    await expect(pc.part("hall-hands-left")).to_contain_text("35 đại biểu. Còn 35")
    await expect(pc.part("hall-hands-for")).to_be_focused()
    await keys.type("306")
    await expect(pc.part("hall-hands-for")).to_contain_text("30")  # 306 would be more than the delegates
    await keys.press("ArrowRight")
    await keys.type("6")
    await expect(pc.part("hall-hands-left")).to_contain_text("Còn 5")
    await keys.type("4")
    await _at_both_sizes(pc, folder / "hands")
    await keys.press("Enter")
    await expect(pc.part("hall-hands-abstain")).to_be_focused()
    await keys.press("ArrowRight")
    await keys.press("Enter")
    await expect(pc.part("hall-ballot-cast")).to_contain_text("30 tán thành, 4 không tán thành, 0")
    await keys.press("9")
    await keys.press("Backspace")
    await keys.type("1")
    await pc.part("hall-ballot-send").focus()
    await keys.press("Enter")
    await expect(pc.part("hall-ballot-cast")).to_contain_text("31 tán thành, 4 không tán thành, 0")
    await _closed(secretary, pc)

    await _opened(secretary, "named", "Thông qua Nghị quyết dự toán")
    await expect(pc.part("hall-option-0")).to_be_focused()
    await _at_both_sizes(pc, folder / "named")
    await keys.press("Backspace")
    await expect(pc.part("hall-ballot-away")).to_be_visible()
    await keys.press("9")
    await keys.press("2")
    await expect(pc.part("hall-ballot-question")).to_contain_text("Không tán thành")
    await keys.press("Backspace")
    await keys.press("1")
    await expect(pc.part("hall-ballot-send")).to_be_focused()
    await keys.press("Enter")
    await expect(pc.part("hall-ballot-cast")).to_contain_text("Đã ghi nhận: Tán thành")
    await _closed(secretary, pc)

    await secretary.part("vote-kind-election").click()
    await secretary.part("vote-candidates").fill("\n".join(f"Người ứng cử {one}" for one in range(1, 13)))
    await secretary.part("vote-seats").fill("2")
    await _opened(secretary, "named", "Bầu Ban kiểm phiếu")
    await expect(pc.part("hall-option-0")).to_be_focused()
    await keys.press("3")
    await _at_both_sizes(pc, folder / "election")
    await pc.part("hall-option-11").focus()
    await keys.press("Enter")
    await expect(pc.part("hall-ballot")).to_contain_text("Đã chọn 2")
    await expect(pc.part("hall-option-11")).to_be_focused()
    await keys.press("0")
    await expect(pc.part("hall-ballot-question")).to_contain_text("Người ứng cử 3, Người ứng cử 12")
    await keys.press("Enter")
    await expect(pc.part("hall-ballot-cast")).to_contain_text("Người ứng cử 3, Người ứng cử 12")
    await _closed(secretary, pc)

    await _opened(secretary, "secret", "Miễn nhiệm Phó Chủ tịch", phones=True, receipts=True)
    await expect(pc.part("hall-ballot-code")).to_contain_text("34 đại biểu khác")
    await expect(pc.part("hall-ballot-secret")).to_contain_text("không hiện lựa chọn")
    await _at_both_sizes(pc, folder / "secret")
    await keys.press("2")
    await expect(pc.part("hall-ballot-send")).to_be_focused()
    await expect(pc.part("hall-ballot")).not_to_contain_text("án thành")
    await _at_both_sizes(pc, folder / "secret-sure")
    await keys.press("Enter")
    await expect(pc.part("hall-ballot-cast")).to_have_text("Đã ghi nhận phiếu kín.")  # and no receipt
    await expect(pc.part("hall-ballot")).not_to_contain_text("án thành")
    await keys.press("9")
    await expect(pc.part("hall-ballot")).to_have_attribute("data-asks", "false")
    await expect(secretary.part("vote-count")).to_contain_text("1/36")
    await _at_both_sizes(pc, folder / "secret-cast")
    await secretary.part("vote-close").click()
    await expect(pc.part("hall-result")).to_contain_text("Quá ít phiếu kín")
    await keys.press("Backspace")
    await expect(pc.part("hall-result")).to_have_count(0)


async def _recess_and_lobby(secretary: Visitor, pc: Visitor, folder: Path) -> None:
    """A recess shows the time of return, and gives the microphone back. The lobby says why, and the hall returns with its camera
    by one press of the chair. The screen shows the item of the agenda.
    """
    await secretary.part("chair-part-agenda").click()
    await secretary.part("agenda-new").click()
    await secretary.part("agenda-title").fill("Báo cáo kinh tế - xã hội")
    await secretary.part("agenda-save").click()
    await secretary.part("agenda-next").click()
    await expect(pc.part("hall-item")).to_contain_text("Báo cáo kinh tế - xã hội")
    await _at_both_sizes(pc, folder / "item")
    if await pc.part("hall-mic").get_attribute("aria-pressed") == "false":
        await pc.page.keyboard.press("6")
    await expect(pc.part("hall-mic")).to_have_attribute("aria-pressed", "true")
    await secretary.part("chair-part-breaks").click()
    await secretary.part("recess-begin").click()
    until = (await secretary.part("slate-until").locator("time").inner_text()).strip()
    await expect(pc.part("hall-slate-until")).to_have_text(until)
    await expect(pc.part("hall-slate-left")).to_contain_text("còn")
    await expect(pc.part("hall-mic")).to_have_attribute("aria-pressed", "false")
    await _at_both_sizes(pc, folder / "recess")
    await pc.page.keyboard.press("6")
    await expect(pc.part("hall-said")).to_contain_text("Đang giải lao")
    await expect(pc.part("hall-mic")).to_have_attribute("aria-pressed", "false")
    await secretary.part("slate-end").click()
    await expect(pc.part("hall-slate")).to_have_count(0)
    await expect(pc.part("hall-mic")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)

    await secretary.part("closed-out").check()
    await secretary.part("closed-begin").click()
    await expect(pc.part("hall-outside-why")).to_contain_text("đang họp kín")
    await expect(pc.part("tile")).to_have_count(0)
    await expect(pc.part("hall-mic")).to_have_count(0)
    await _at_both_sizes(pc, folder / "lobby")
    await pc.page.keyboard.press("Backspace")
    await expect(pc.part("hall-leave-sheet")).to_be_visible()
    await pc.page.keyboard.press("Backspace")
    await secretary.part("closed-line-end").click()
    await expect(pc.part("hall-outside")).to_have_count(0)
    await expect(pc.part("hall-cam")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)


async def _opened(secretary: Visitor, way: str, title: str, *, phones: bool = False, receipts: bool = False) -> None:
    await secretary.part("vote-title").fill(title)
    await secretary.part(f"vote-way-{way}").click()
    if phones:
        await secretary.part("vote-phones").check()
    if receipts:
        await secretary.part("vote-details").click()
        await secretary.part("vote-receipts").check()
    await secretary.part("vote-start").click()
    await secretary.part("vote-running").wait_for()


async def _closed(secretary: Visitor, pc: Visitor) -> None:
    """Close the vote. The screen of the hall shows the result, until the next vote or the key "back"."""
    await secretary.part("vote-close").click()
    await expect(pc.part("hall-result")).to_contain_text("Tỷ lệ")


async def _asks_before_it_leaves(pc: Visitor) -> None:
    """The key "back" asks, and its second press stays. The arrows lead from button to button."""
    await pc.page.keyboard.press("Backspace")
    await expect(pc.part("hall-leave-sheet")).to_be_visible()
    await pc.page.keyboard.press("Backspace")
    await expect(pc.part("hall-leave-sheet")).to_have_count(0)
    await pc.page.keyboard.press("ArrowRight")
    await expect(pc.part("hall-hand")).to_be_focused()
    await pc.page.keyboard.press("Enter")
    await expect(pc.part("hall-place")).to_contain_text("Thứ 1")


async def _at_both_sizes(pc: Visitor, path: Path) -> None:
    """Check that nothing scrolls and axe finds nothing on both screens of halls."""
    await pc.page.evaluate(WINDOW)
    for width, height in SCREENS:
        await resize(pc, width, height)
        wide, high = await pc.page.evaluate(
            "[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
        )
        assert (wide <= 0, high <= 0) == (True, True), f"{path.name} at {width}: {wide}, {high}"
        await shot(pc, path.with_name(f"{path.name}-{width}.png"))
    if LONG_RUN:
        await resize(pc, 390, 844)
        await shot(pc, path.with_name(f"{path.name}-390.png"))
    await resize(pc, *SCREENS[0])
    assert await pc.barriers() == []
