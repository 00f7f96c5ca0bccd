"""A rehearsal, from the tick in the booking form to the signed results on the operators' board. A real server with scripted SIP
terminals, Chromium. `make test` waits for the calls of a rehearsal in `tests/interop/browsers/test_day.py`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests import process_clock as clocks
from tests.running.runs import LONG_RUN
from tests.waiting import until
from tests.web.desk.province import working_day
from tests.web.desk.test_desk import sign_in
from tests.web.halls.test_hall_booking import WAIT_MS, Booking, approves, rings, seen_at, served
from tests.web.visiting import Visit, Visitor

__all__ = ["served"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]
TITLE = "Hội nghị trực tuyến phòng, chống bão"


@pytest.mark.longer
async def test_a_rehearsal_is_booked_signed_and_shown(visit: Visit, served: Booking, tmp_path: Path) -> None:
    secretary = await visit(width=1280, height=800, script=served.day.script)
    await sign_in(secretary, served)
    meeting_id = await _book(secretary, served, tmp_path)
    for name in ("lanhdao", "dieuhanh"):
        approver = await visit(script=served.day.script)
        await sign_in(approver, served, name, "")
        await approves(approver, served, meeting_id)
    await until(lambda: _number(secretary, served, meeting_id))
    await secretary.page.reload()
    told = secretary.part("meeting-rehearsal")
    await expect(told).to_contain_text("11/03/2027, 08:00 - 09:00")
    await seen_at(secretary, tmp_path, "meeting", known=True)
    board = await told.get_by_test_id("rehearsal-board").get_attribute("href")
    assert board is not None
    await told.get_by_test_id("rehearsal-page").click()
    await expect(secretary.part("meeting-rehearses")).to_contain_text(TITLE)
    await expect(secretary.part("edit-meeting")).to_have_count(0)

    served.day.turn(working_day(9, served.now) - timedelta(days=1, minutes=14))
    if LONG_RUN:
        await rings(served.halls["own"])
        await rings(served.halls["invited"])
    operator = await visit(width=1280, height=800, script=served.day.script)
    await sign_in(operator, served, "dieuhanh")
    await operator.page.goto(f"{served.url}{board}")
    await _sign(operator, tmp_path)
    answer = await operator.page.context.request.get(f"{served.url}/api/v1/occurrences/{board.split('/')[3]}/rehearsal")
    link = next(one["link"] for one in (await answer.json())["sites"] if "Xã 13" in one["site"])
    await _site_signs(await visit(script=served.day.script), link, tmp_path)
    row = operator.part("rehearsal-row").filter(has_text="Xã 13")
    await expect(row.get_by_test_id("rehearsal-signed")).to_contain_text("(Lê Thị Hoa), điểm cầu tự ghi")
    await _report(operator, tmp_path)
    await operator.page.goto(f"{served.url}/meetings/{meeting_id}")
    await expect(operator.part("meeting-rehearsal")).to_contain_text("Đã ký 3 điểm cầu")
    await operator.part("control-link").click()
    await expect(operator.part("rehearsal-summary")).to_contain_text("đã ký 3/3 điểm cầu. 1 điểm cầu chưa đạt")
    await seen_at(operator, tmp_path, "real-board", known=True)
    if LONG_RUN:
        board = operator.page.url
        served.day.turn(working_day(9, served.now) - timedelta(minutes=14))
        operator = await visit(width=1280, height=800, script=served.day.script)
        await sign_in(operator, served, "dieuhanh")
        await operator.page.goto(board)
        await _on_the_day(operator, served, tmp_path)


async def _book(visitor: Visitor, served: Booking, tmp_path: Path) -> str:
    at = working_day(9, served.now).isoformat()
    query = f"hall={served.desk.halls[0]}&name=Hội trường lớn&at={at.replace('+', '%2B')}&min=120"
    await visitor.page.goto(f"{served.url}/book?{query}")
    await visitor.part("book-title").fill(TITLE)
    await visitor.part("book-type").select_option("training")
    await visitor.part("secret-no").check()
    await visitor.part("book-rehearsal").check()
    await visitor.part("open-tree").click()
    for commune in ("Xã 10", "Xã 13"):
        await visitor.part("tree-search").fill(commune)
        await visitor.part("tree").get_by_role("checkbox", name=commune).check()
    await visitor.part("tree-done").click()
    await expect(visitor.part("rehearsal-free")).to_be_visible()
    await visitor.part("rehearsal-clock").select_option("21:45")
    await expect(visitor.part("rehearsal-trouble")).to_be_visible()
    await visitor.part("rehearsal-clock").select_option("08:00")
    await expect(visitor.part("rehearsal-free")).to_be_visible()
    await visitor.part("book-rehearsal").scroll_into_view_if_needed()
    await seen_at(visitor, tmp_path, "form", known=True)
    await visitor.part("book-submit").click()
    await expect(visitor.part("meeting-said")).to_contain_text("duyệt")
    return urlsplit(visitor.page.url).path.split("/")[2]


async def _number(visitor: Visitor, served: Booking, meeting_id: str) -> bool:
    answer = await visitor.page.context.request.get(f"{served.url}/api/v1/meetings/{meeting_id}")
    return bool((await answer.json())["rehearsal"]["number"])


async def _reported(visitor: Visitor, served: Booking) -> bool:
    report = await (await visitor.page.context.request.get(f"{served.url}/api/v1/hall-report")).json()
    return bool(report and report["rehearsals"])


async def _sign(operator: Visitor, tmp_path: Path) -> None:
    rows = operator.part("rehearsal-row")
    await expect(rows).to_have_count(3)
    own, commune = rows.filter(has_text="UBND tỉnh"), rows.filter(has_text="Xã 10")
    await own.first.get_by_test_id("rehearsal-good").click()
    await own.first.get_by_test_id("rehearsal-delegates").fill("120")
    await own.first.get_by_test_id("rehearsal-sign").click()
    await expect(own.first.get_by_test_id("rehearsal-signed")).to_contain_text("Đã ký")
    for name in ("picture", "sound_in", "name_plate"):
        await commune.get_by_test_id(f"rehearsal-{name}").check()
    await commune.get_by_test_id("rehearsal-delegates").fill("25")
    await commune.get_by_test_id("rehearsal-sign").click()
    await expect(commune.get_by_role("alert")).to_contain_text("Có mục chưa đạt")
    await commune.get_by_test_id("rehearsal-note").fill("=Loa hội trường hỏng")
    await commune.get_by_test_id("rehearsal-sign").click()
    await expect(commune.get_by_test_id("rehearsal-signed")).to_contain_text("Đã ký")
    await expect(operator.part("rehearsal-count")).to_have_text("Đã ký 2/3 điểm cầu")
    await seen_at(operator, tmp_path, "board", known=True)


async def _report(operator: Visitor, tmp_path: Path) -> None:
    await operator.part("rehearsal-report-link").click()
    await expect(operator.part("report-counts")).to_have_text("3 điểm cầu: 2 đạt, 1 chưa đạt, 0 chưa ký")
    await seen_at(operator, tmp_path, "report")
    async with operator.page.expect_download() as download:
        await operator.part("report-csv").click()
    text = Path(await (await download.value).path()).read_text(encoding="utf-8-sig")
    commune = next(line for line in text.splitlines() if "Xã 10" in line)
    assert ",Đạt,Đạt,Chưa đạt,Đạt,25,'=Loa hội trường hỏng,Chưa đạt," in commune, "a note is never a formula"


async def _on_the_day(operator: Visitor, served: Booking, tmp_path: Path) -> None:
    """The report of the morning and the rows of the meeting's own board tell the results."""
    await expect(operator.part("leg-rehearsed").first).to_be_visible(timeout=WAIT_MS)
    told = operator.part("leg").filter(has_text="Xã 10").get_by_test_id("leg-rehearsed")
    await expect(told).to_have_text("Tổng duyệt chưa đạt: tiếng tới điểm cầu")
    await seen_at(operator, tmp_path, "day-board", known=True)
    await until(lambda: _reported(operator, served))
    await operator.page.goto(f"{served.url}/control")
    await expect(operator.part("morning-rehearsals")).to_contain_text(
        "Chưa đạt: Điểm cầu UBND Xã 10 (=Loa hội trường hỏng)"
    )
    await seen_at(operator, tmp_path, "morning", known=True)


async def _site_signs(technician: Visitor, link: str, tmp_path: Path) -> None:
    """Enter and sign the result of a site on its own page, without an account."""
    await technician.page.goto(link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:])
    await expect(technician.part("site-wrong")).to_be_visible()
    await technician.page.goto("about:blank")
    await technician.page.goto(link)
    for name in ("picture", "sound_in", "sound_out", "name_plate"):
        await technician.part(f"site-{name}").check()
    await technician.part("site-delegates").fill("8")
    await technician.part("site-sign").click()
    await expect(technician.page.get_by_role("alert")).to_contain_text("Hãy ghi họ tên người ký")
    await technician.part("site-name").fill("Lê Thị Hoa")
    await seen_at(technician, tmp_path, "site")
    await technician.part("site-sign").click()
    await expect(technician.part("site-signed")).to_contain_text("Đạt")
