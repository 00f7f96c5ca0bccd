"""Halls on the pages: the operators' board with real calls that fail, the way to the board, accounts of terminals. A real
server with halls switched on, a terminal on loopback that refuses calls.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation
from rooms.booking.planning import requests
from rooms.dialling import morning
from rooms.exchange import sheets
from rooms.org.fields import today
from rooms.policy.actors import COMMAND
from rooms.sites import places, terminals
from rooms.store import outbox
from rooms.store.database import Database
from rooms.store.tables.dialling import MorningReport
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.sites import Hall, Site, Terminal
from signaling.sip.dialog.digest import digest_of
from tests.conftest import start_server
from tests.interop.canvas import SMALL_CAMERA
from tests.ports import free_port
from tests.rooms.postgres import at_once
from tests.running.runs import LONG_RUN
from tests.signaling.api.checks import FIGURES
from tests.web.desk import province as furniture
from tests.web.desk.province import furnish, working_day
from tests.web.desk.test_desk import (
    AXE_LANGUAGES,
    PATIENCE_MS,
    Served,
    _second_step,
    barriers_of,
    code_of,
    let_its_code_count_again,
    settled,
    sign_in,
)
from tests.web.desk.test_rare_forms import _begin
from tests.web.halls.sip_peer import Refuser
from tests.web.shots import shot, shots
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser
TITLE = "Giao ban kiểm tra đường truyền các xã, phường"
SECOND = "Họp chuyển đổi số"
ANSWERS = {"busy": "486 Busy Here", "nobody": "404 Not Found", "later": "480 Temporarily Unavailable"}
HALLS = {"busy": "TN.CS2.H1", "later": "TN.CS2.H2", "nobody": "TN.HT"}
"""The halls of the terminals. Two halls belong to one site."""
ABSENT = "TN.10.H1"
"""The terminal of an invited commune, which dials in by itself."""


@dataclass
class Halls(Served):
    """A server with a running meeting that calls three halls."""

    peer: Refuser
    meeting: str
    date: str
    sip_port: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halls]:
    folder = tmp_path_factory.mktemp("halls")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    peer = Refuser(ANSWERS | {"absent": "404 Not Found"})
    desk, meeting, date = at_once(_prepare(folder, now, peer.port))
    port = str(free_port())
    server = start_server(
        folder,
        DIEMCAU_HALLS="true",
        DIEMCAU_SIP_HOST="127.0.0.1",
        DIEMCAU_SIP_UDP_PORT=port,
        DIEMCAU_SIP_TCP_PORT=port,
        DIEMCAU_SIP_TLS_PORT="-1",
        DIEMCAU_SECOND_FACTOR_APPROVERS="true",
    )
    yield Halls(server, desk, now, {}, peer, meeting, date, int(port))
    server.stop()
    peer.stop()


async def _prepare(folder: Path, now: datetime, port: int) -> tuple[furniture.Desk, str, str]:
    desk = await furnish(folder, now)
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")
    try:
        commune = await database.transact(lambda session: _equip(session, port))
        request = requests.Request(
            title=TITLE,
            type_code="internal",
            host_unit_id=desk.office,
            starts_at=working_day(9, now).astimezone(UTC),
            duration_min=60,
            terminal_ids=tuple(f"t-{name}" for name in ANSWERS),
            attendees=tuple(requests.AttendeeRequest(unit_id=one) for one in (desk.office, commune)),
            submit=True,
        )
        meeting = (await creation.book(database, request, furniture._actor(desk), now)).meeting
        await furniture.approve(database, meeting.id, now)
        await database.transact(lambda session: _no_report_by_itself(session, now))
        await _begin(database, TITLE, now)
        async with database.reading() as session:
            date = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == meeting.id))).one()
    finally:
        await database.close()
    return desk, meeting.id, date


async def _no_report_by_itself(session: AsyncSession, now: datetime) -> None:
    """Use up the dedupe keys of today's and tomorrow's 06:30 report, so that the server makes no report while the tests run."""
    for day in (today(now), today(now) + timedelta(days=1)):
        await outbox.enqueue(session, morning.JOB, {}, now + timedelta(days=2), now, f"{morning.JOB}:{day.isoformat()}")


async def _equip(session: AsyncSession, port: int) -> str:
    """Create a terminal for each answer. Return the unit of the terminal that dials in by itself."""
    now = datetime.now(UTC)
    absent = (await session.scalars(select(Terminal).where(Terminal.code == ABSENT))).one()
    change = {"dialled": False, "sip_uri": f"sip:absent@127.0.0.1:{port};transport=udp"}
    await terminals.edit(session, absent.id, change, COMMAND, now)
    person = {"technician": "Lê Thị Kỹ Thuật", "technician_phone": "0276 382 2222"}
    await places.edit(session, absent.site_id, person, COMMAND, now)
    for name, code in HALLS.items():
        hall = (await session.scalars(select(Hall).where(Hall.code == code))).one()
        values = {"code": f"TB-{name}", "name": f"Thiết bị {name}", "protocols": ["sip"]}
        values |= {"site_id": hall.site_id, "hall_id": hall.id}
        values["sip_uri"] = f"sip:{name}@127.0.0.1:{port};transport=udp"
        (await terminals.create(session, values, COMMAND, now)).id = f"t-{name}"
        await session.flush()
    return (await session.get_one(Site, absent.site_id)).unit_id


@pytest_asyncio.fixture(loop_scope="session")
async def operator(visit: Visit, served: Halls) -> Visitor:
    visitor = await visit()
    await sign_in(visitor, served, "dieuhanh")
    return visitor


async def open_board(visitor: Visitor, served: Halls) -> None:
    """Open the board by the navigation and the list."""
    await visitor.part("nav-control").click()
    await visitor.part("board-date").filter(has_text=TITLE).get_by_role("link").click()
    await visitor.part("control-page").wait_for()
    await expect(visitor.part("leg")).to_have_count(len(ANSWERS) + 1)  # the terminal that dials in is watched too


async def test_the_board_shows_the_outcome_of_each_call(operator: Visitor, served: Halls, tmp_path: Path) -> None:
    await open_board(operator, served)
    rows = operator.part("leg")
    gone = rows.filter(has_text="Thiết bị nobody")
    await expect(gone).to_have_attribute("data-state", "given_up", timeout=60_000)
    await expect(gone).to_contain_text("Thiết bị không nhận địa chỉ này")
    busy = rows.filter(has_text="Thiết bị busy")
    await expect(busy).to_have_attribute("data-state", "failed", timeout=60_000)
    await expect(busy).to_contain_text("Đang bận")
    assert ("INVITE", "busy") in served.peer.heard
    await expect(rows.first).to_contain_text("Thiết bị nobody")  # the worst row is first
    await operator.part("leg-search").fill("thiet bi busy")
    await expect(rows).to_have_count(1)
    await operator.part("leg-search").fill("")
    await operator.part("filter-connected").click()
    await expect(rows).to_have_count(0)
    await operator.part("filter-trouble").click()
    await expect(gone).to_be_visible()
    before = served.peer.heard.count(("INVITE", "nobody"))
    await gone.get_by_test_id("leg-call").click()
    await expect(operator.part("said")).to_be_visible()
    for _ in range(60):
        if served.peer.heard.count(("INVITE", "nobody")) > before:
            break
        await operator.page.wait_for_timeout(250)
    assert served.peer.heard.count(("INVITE", "nobody")) > before
    await gone.get_by_test_id("leg-details").click()
    async with operator.page.expect_download() as coming:
        await gone.get_by_test_id("trace").click()
    await (await coming.value).save_as(tmp_path / "trace.txt")
    assert "404" in (tmp_path / "trace.txt").read_text()


@pytest.mark.longer
async def test_halls_on_the_board_are_named_counted_found_and_called(
    operator: Visitor, served: Halls, tmp_path: Path
) -> None:
    await operator.part("nav-control").click()
    date = operator.part("board-date").filter(has_text=TITLE)
    await expect(date).to_contain_text(f"{len(ANSWERS) + 1}/{len(ANSWERS) + 2} nơi được mời có thiết bị")
    await open_board(operator, served)
    rows, none = operator.part("leg"), operator.part("legs-none")
    called = rows.filter(has_text="Xã 10")
    for name, hall in (("busy", "Hội trường Tân Ninh"), ("later", "Phòng họp Tân Ninh")):
        row = rows.filter(has_text=f"Thiết bị {name}")
        await expect(row.get_by_test_id("leg-title")).to_have_text(hall)
        await expect(row).to_contain_text("UBND tỉnh (cơ sở Tân Ninh)")
    await expect(called.get_by_test_id("leg-title")).to_have_text("Hội trường Xã 10")
    for typed, found in (("xa 10", 1), ("phong hop tan ninh", 1), ("khong co", 0)):
        await operator.part("leg-search").fill(typed)
        await expect(rows).to_have_count(found)
        await expect(none).to_have_count(int(found == 0))
    await expect(none).to_contain_text("Không có điểm cầu nào khớp")
    await operator.part("leg-search").fill("")

    await operator.part("leg-add").click()
    await operator.part("add-pick").fill("xã")
    await expect(operator.part("add-pick-option").first).to_contain_text("Xã ")
    await shot(operator, tmp_path / "add.png")
    await operator.part("add-hall").get_by_role("button", name="Quay lại").click()
    await called.get_by_test_id("leg-call").click()
    await expect(called).to_have_attribute("data-state", "given_up", timeout=60_000)
    await expect(called).to_contain_text("Thiết bị không nhận địa chỉ này")
    await shots(operator, tmp_path, "board")


async def test_a_phone_call_to_a_technician_is_noted_for_all_operators(
    operator: Visitor, served: Halls, visit: Visit, tmp_path: Path
) -> None:
    await open_board(operator, served)
    colleague = await visit()
    await sign_in(colleague, served, "dieuhanh")
    await open_board(colleague, served)
    there = operator.part("leg").filter(has_text="Xã 10")
    await expect(there.get_by_test_id("contact")).to_contain_text("Lê Thị Kỹ Thuật 0276 382 2222")
    await expect(there.get_by_role("link", name="0276 382 2222")).to_have_attribute("href", "tel:02763822222")
    await there.get_by_test_id("called-note").click()
    await expect(there.get_by_test_id("called")).to_have_text(re.compile(r"đã gọi điện lúc \d\d:\d\d"))
    seen = colleague.part("leg").filter(has_text="Xã 10")
    await expect(seen.get_by_test_id("called")).to_contain_text("đã gọi điện lúc")
    await shots(operator, tmp_path, "phone")
    await seen.get_by_test_id("called-not").click()
    await expect(there.get_by_test_id("called")).to_have_count(0)


async def test_an_operator_mutes_a_person_in_a_browser(
    operator: Visitor, visit: Visit, served: Halls, tmp_path: Path
) -> None:
    """The person sees that the microphone is off, and later the question whether to switch it on."""
    person = await visit(script=SMALL_CAMERA)
    await sign_in(person, served, path=f"/meetings/{served.meeting}")
    await person.part("enter-button").click()
    await person.part("join-button").click()
    await person.part("stage").wait_for(timeout=PATIENCE_MS)
    microphone = person.part("mic-toggle")
    if await microphone.get_attribute("aria-pressed") != "true":
        await microphone.click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await open_board(operator, served)
    row = operator.part("person-row")
    await row.get_by_test_id("person-mute").click(timeout=PATIENCE_MS)
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await shots(operator, tmp_path, "people")
    await row.get_by_test_id("person-ask").click()
    await person.part("unmute-yes").click()
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await expect(row.get_by_test_id("person-mute")).to_be_visible(timeout=PATIENCE_MS)
    await person.part("hand-toggle").click()
    await row.get_by_test_id("person-hand").click(timeout=PATIENCE_MS)
    await expect(person.part("hand-toggle")).to_have_attribute("aria-pressed", "false")
    other = await visit(script=SMALL_CAMERA)  # another window of the same person
    await sign_in(other, served, path=f"/meetings/{served.meeting}")
    await other.part("enter-button").click()
    await other.part("join-button").click()
    await other.part("stage").wait_for(timeout=PATIENCE_MS)
    if await other.part("mic-toggle").get_attribute("aria-pressed") != "true":
        await other.part("mic-toggle").click()
    await operator.part("people-mute-all").click(timeout=PATIENCE_MS)
    for one in (person, other):
        await expect(one.part("mic-toggle")).to_have_attribute("aria-pressed", "false")


async def test_commands_layout_and_alarms(operator: Visitor, served: Halls) -> None:
    await open_board(operator, served)
    gone = operator.part("leg").filter(has_text="Thiết bị nobody")
    await expect(gone).to_have_attribute("data-state", "given_up", timeout=60_000)
    seen = operator.part("acknowledge")
    await expect(seen.first).to_be_visible(timeout=PATIENCE_MS)
    count = await seen.count()
    await seen.first.click()
    await expect(seen).to_have_count(count - 1)
    await operator.part("select-all").check()
    await operator.part("bulk-mute").click()  # no hall is connected, so each hall gets a reason
    await expect(operator.part("said")).to_contain_text("Điểm cầu chưa vào họp.")
    await operator.part("bulk-drop").click()
    await operator.part("drop-sure").click()
    await expect(operator.part("drop")).to_have_count(0)
    await expect(operator.part("leg").filter(has_text="Thiết bị busy")).to_have_attribute("data-state", "left")
    await expect(operator.part("leg").filter(has_text="Thiết bị busy")).to_contain_text("Người điều hành đã ngắt")


async def test_a_terminal_is_given_an_account_once(visit: Visit, served: Halls) -> None:
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/directory/terminals")
    await visitor.part("records-find").fill("TB-busy")
    row = visitor.page.get_by_role("row").filter(has_text="Thiết bị busy")
    await expect(row.get_by_test_id("sip-state")).to_contain_text("Chưa có tài khoản")
    await row.get_by_test_id("sip-account").click()
    await visitor.part("sip-give").click()
    first = await visitor.part("given-1").input_value()
    assert len(first) > 8
    await expect(visitor.part("given-0")).to_have_value("tb-busy")
    await expect(visitor.part("given-2")).to_have_value("diemcau")
    assert await visitor.part("given-3").input_value() != ""
    assert await visitor.barriers() == []
    await visitor.part("sip-kept").click()
    await expect(row.get_by_test_id("sip-state")).to_contain_text("Ngoại tuyến")
    await row.get_by_test_id("sip-account").click()
    await expect(visitor.part("sip")).not_to_contain_text(first)
    await visitor.part("sip-take").click()
    await visitor.part("sip-take-sure").click()
    await expect(row.get_by_test_id("sip-state")).to_contain_text("Chưa có tài khoản")


async def test_a_new_person_is_appointed_in_the_form(visit: Visit, served: Halls) -> None:
    """The code comes from the name. The post is new or of the register, and the person may leave it again."""
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/directory/people")
    page, rows = visitor.page, visitor.page.get_by_role("row")
    await visitor.part("record-new").click()
    await visitor.part("field-name").fill("Nguyễn Thị Hồng Nhung")
    await visitor.part("field-unit_id").fill("van phong ubnd")
    await visitor.part("field-unit_id-option").first.click()
    await expect(visitor.part("field-code")).to_have_value("nguyen-thi-hong-nhung")
    await visitor.part("appoint-new").click()
    await visitor.part("appoint-title").fill("Trưởng phòng Nội chính")
    await visitor.part("record-save").click()
    row = rows.filter(has_text="Nguyễn Thị Hồng Nhung")
    await expect(row).to_contain_text("Trưởng phòng Nội chính Văn phòng UBND")
    await row.get_by_role("button").click()
    await expect(visitor.part("held-post")).to_have_count(1)
    await visitor.part("appoint-post").fill("giam doc")
    await expect(visitor.part("appoint-post-option").first).to_have_text("Chức vụ mới: Giám đốc")
    await visitor.part("appoint-post-option").first.click()
    await expect(visitor.part("appoint-title")).to_have_value("Giám đốc")
    await visitor.part("appoint-new").click()
    await visitor.part("appoint-post").fill("pho chanh van phong")
    await expect(visitor.part("appoint-post-option").first).to_contain_text("Phó Chánh Văn phòng")
    await visitor.part("appoint-post-option").first.click()
    await expect(visitor.part("appoint-holder")).to_contain_text("đang giữ chức vụ này")
    await visitor.part("post-end").click()
    await visitor.part("post-end-sure").click()
    await expect(visitor.part("held-post")).to_have_count(0)
    assert await visitor.barriers() == []
    await visitor.part("record-save").click()
    await expect(row).to_contain_text("Phó Chánh Văn phòng")
    await page.goto(served.url + "/directory/posts")
    await visitor.part("records-find").fill("hong nhung")
    post = rows.filter(has_text="Nguyễn Thị Hồng Nhung").filter(has_text="Phó Chánh Văn phòng")
    await expect(post).to_have_count(1)
    await post.get_by_role("button").click()
    await expect(visitor.part("holder-now")).to_have_text("Nguyễn Thị Hồng Nhung")
    await visitor.part("appoint-person").fill("mai thanh vinh")
    await visitor.part("appoint-person-option").first.click()
    await visitor.part("record-save").click()
    await expect(visitor.part("record-dialog")).to_have_count(0)
    await visitor.part("records-find").fill("pho chanh van phong ubnd tinh")
    await expect(rows.filter(has_text="Phó Chánh Văn phòng").first).to_contain_text("Mai Thanh Vinh")


async def test_a_hall_its_terminal_and_accounts_come_from_two_forms(
    visit: Visit, served: Halls, tmp_path: Path
) -> None:
    """One form stores a hall, its terminal and an account with a chosen password. A sheet gives accounts to the others, once."""
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/directory/halls")
    page, row = visitor.page, visitor.page.get_by_role("row").filter(has_text="Hội trường tầng 2")
    await visitor.part("record-new").click()
    await visitor.part("field-name").fill("Hội trường tầng 2")
    await visitor.part("field-site_id").fill("so tu phap")
    await visitor.part("field-site_id-option").filter(has_text="Thêm điểm cầu cho Sở Tư pháp").click()
    await expect(visitor.part("field-site_id")).to_have_value("Điểm cầu Sở Tư pháp")
    await visitor.part("field-site_id").fill("xã 10")
    await visitor.part("field-site_id-option").first.click()
    await expect(visitor.part("field-device-name")).to_have_value("Thiết bị Hội trường tầng 2")
    await expect(visitor.part("sip-alias")).to_have_value("tn.10.tb1")
    await visitor.part("sip-choose").check()
    await visitor.part("sip-password").fill("111111111111")
    await visitor.part("record-save").click()
    await expect(page.get_by_role("alert")).to_contain_text("dễ đoán")
    await visitor.part("sip-password").fill("tang2-Xa10-cau")
    await visitor.part("record-save").click()
    await expect(visitor.part("given-1")).to_have_value("tang2-Xa10-cau")
    await expect(visitor.part("sip-local").last).to_contain_text("127.0.0.1")
    await expect(page.get_by_label("Máy chủ SIP (TCP)", exact=True)).to_have_value(f"tcp:127.0.0.1:{served.sip_port}")
    await visitor.part("sip-kept").click()
    await row.get_by_role("button").click()
    await expect(visitor.part("equip-which")).to_contain_text("Thiết bị Hội trường tầng 2")
    await expect(visitor.part("record-dialog")).to_contain_text("tn.10.tb1")
    await visitor.part("field-device-model").fill("Poly X50")
    await visitor.part("record-save").click()
    await expect(visitor.part("record-dialog")).to_have_count(0)

    await page.goto(served.url + "/directory/terminals")
    await visitor.part("records-find").fill("tang 2")
    equipped = page.get_by_role("row").filter(has_text="Poly X50")
    await expect(equipped.get_by_test_id("sip-state")).to_contain_text("tn.10.tb1")
    await visitor.part("sheet-open").click()
    await expect(visitor.part("sheet-one").first).to_be_visible()
    await expect(visitor.part("sip-sheet")).not_to_contain_text("tầng 2")
    await visitor.part("sheet-find").fill("thiet bi tn.1")
    await visitor.part("sheet-all").check()
    count = await visitor.part("sheet-one").count()
    async with page.expect_download() as coming:
        await visitor.part("sheet-give").click()
    await (await coming.value).save_as(tmp_path / "sip.xlsx")
    await expect(visitor.part("sheet-made")).to_contain_text(f"Đã cấp {count} tài khoản")
    lines = sheets.read((tmp_path / "sip.xlsx").read_bytes())
    assert lines.headings[4:9] == ("Tên đăng ký", "Mật khẩu", "Miền", "Địa chỉ máy chủ", "Cổng UDP")
    assert all(cells[7] == "127.0.0.1" and cells[9] == str(served.sip_port) for _, cells in lines.rows)
    given = {cells[4]: cells[5] for _, cells in lines.rows}
    assert count == len(given) == len(set(given.values())) > 1
    assert all(len(password) >= 16 for password in given.values())
    await visitor.part("sheet-close").click()
    await visitor.part("records-find").fill("TN.1")
    for alias in sorted(given)[:2]:
        await expect(visitor.part("sip-state").filter(has_text=f"Tên SIP: {alias}")).to_have_count(1)


@pytest.mark.longer
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 360])
async def test_pages_of_halls_have_no_barriers(visit: Visit, served: Halls, width: int) -> None:
    visitor = await visit(width=width, height=800)
    await sign_in(visitor, served, "dieuhanh", "")
    found = []
    # `tests/web/desk/test_desk.py` visits the page of terminals too, as an administrator.
    terminals_too = ("/directory/terminals",) if LONG_RUN else ()
    for path in ("/control", f"/control/{served.meeting}/{served.date}", *terminals_too):
        await visitor.page.goto(served.url + path)
        if path.count("/") == 3:
            await expect(visitor.part("leg")).to_have_count(len(ANSWERS) + 1)
            await visitor.page.wait_for_timeout(300)
            found += await _without_idle(visitor, width, path)
        else:
            await settled(visitor)
            found += await barriers_of(visitor, width, path)
    assert not found, "\n".join(found)


async def _without_idle(visitor: Visitor, width: int, path: str) -> list[str]:
    """Return the faults as `barriers_of` does, for a page whose connection is never idle."""
    found = []
    for language in ("en", "vi"):
        await visitor.page.evaluate(f"document.querySelector('[data-testid=language-{language}]').click()")
        if language in AXE_LANGUAGES:
            found += [f"{path} {language}: {one}" for one in await visitor.barriers()]
        if await visitor.page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{path} {language}: wider than the screen")
    return found


async def test_the_help_desk_reads_what_a_check_found(operator: Visitor, served: Halls) -> None:
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1") as stranger:
        check = (await stranger.post("/checks")).json()
        result = {"key": check["key"], "figures": FIGURES}
        code = (await stranger.post(f"/checks/{check['id']}/result", json=result)).json()["code"]
    await operator.part("nav-control").click()
    await operator.part("lookup-code").fill("1234")
    await operator.part("lookup-find").click()
    await expect(operator.part("check-lookup").get_by_role("alert")).to_contain_text("8 chữ số")
    await operator.part("lookup-code").fill(f"{code[:4]} {code[4:]}")
    await operator.part("lookup-find").click()
    await expect(operator.part("part")).to_have_count(4)
    await expect(operator.part("measures")).to_contain_text("1840 / 1790 kbit/s")
    assert await operator.barriers() == []


async def test_an_approver_sets_up_and_changes_the_second_factor(visit: Visit, served: Halls) -> None:
    """With only a password, the page leads to the setup, and the API refuses the decision. After the setup the approver
    decides.
    """
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", headers={"origin": served.url}) as browser:
        state = (await browser.post("/session", json={"name": "lanhdao", "password": furniture.PASSWORD})).json()
        assert state["second_factor"] == "enrol"
        listed = (await browser.get("/meetings")).json()["items"]
        waiting = next(one["id"] for one in listed if one["state"] == "asked")
        tag = (await browser.get(f"/meetings/{waiting}")).headers["etag"]
        answer = await browser.post(f"/meetings/{waiting}/decide", json={"approve": True}, headers={"if-match": tag})
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    visitor = await visit()
    await visitor.page.goto(served.url + "/sign-in")
    await visitor.part("signin-name").fill("lanhdao")
    await visitor.part("signin-password").fill(furniture.PASSWORD)
    await visitor.part("signin-button").click()
    await _second_step(visitor, served, "lanhdao")
    await visitor.part("nav-approvals").click()
    await visitor.part("approval").first.get_by_test_id("approve").click()
    await expect(visitor.part("decided")).to_contain_text("Đã duyệt")
    await _changes_the_phone(visitor, served, "lanhdao")


async def _changes_the_phone(visitor: Visitor, served: Halls, name: str) -> None:
    """Make new recovery codes. One of them lets the user change a lost phone, and the role leads to the set-up at once."""
    await visitor.page.goto(served.url + "/account")
    await visitor.part("second-codes").click()
    await visitor.part("second-code").fill("000000")
    await visitor.part("second-prove").click()
    await expect(visitor.part("second-dialog").get_by_role("alert")).to_be_visible()
    let_its_code_count_again(served, name)
    await visitor.part("second-code").fill(code_of(served.secrets[name], served.time()))
    await visitor.part("second-prove").click()
    paper = await visitor.part("recovery").get_by_role("listitem").first.inner_text()
    assert await visitor.barriers() == []
    await visitor.part("recovery-kept").click()
    await visitor.part("second-change").click()
    await visitor.part("second-code").fill(paper)
    await visitor.part("second-prove").click()
    before = served.secrets.pop(name)
    await _second_step(visitor, served, name)
    assert served.secrets[name] != before
    await visitor.page.goto(served.url + "/account")
    await expect(visitor.part("second-off")).to_be_visible()


def asked(served: Halls, host: str, alias: str = "la", *more: str) -> str:
    """Send a REGISTER from this address. Return the answer by UDP. Without an answer within a second the text is empty."""
    lines = (
        "REGISTER sip:127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:5099;branch=z9hG4bK{secrets.token_hex(6)};rport",
        f"From: <sip:{alias}@127.0.0.1>;tag={secrets.token_hex(4)}",
        f"To: <sip:{alias}@127.0.0.1>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 REGISTER",
        f"Contact: <sip:{alias}@{host}:5099>",
        "User-Agent: Poly X30 with a name of some length, since no answer is longer than its question" + "." * 200,
        *more,
        "Content-Length: 0",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as terminal:
        terminal.bind((host, 0))
        terminal.settimeout(1)
        terminal.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), ("127.0.0.1", served.sip_port))
        try:
            return terminal.recv(4096).decode()
        except TimeoutError:
            return ""


def answers_sip(served: Halls, host: str) -> bool:
    return asked(served, host).startswith("SIP/2.0 401")


def registers(served: Halls, host: str, alias: str, password: str) -> bool:
    """Report whether the terminal registers with this password."""
    uri, given = "sip:127.0.0.1", dict(re.findall(r'(\w+)="?([^",\r]+)"?', asked(served, host, alias)))
    first = digest_of("MD5", alias, given["realm"], password)
    proof = digest_of("MD5", first, given["nonce"], "00000001", "abc", "auth", digest_of("MD5", "REGISTER", uri))
    fields = f'username="{alias}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", response="{proof}"'
    more = 'algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"'
    return asked(served, host, alias, f"Authorization: Digest {fields}, {more}").startswith("SIP/2.0 200")


async def test_terminals_call_from_marked_networks_alone(visit: Visit, served: Halls) -> None:
    """The register's network INTERNET (0.0.0.0/0) opens SIP to no address, and the form refuses the tick for it. A new network
    with the form's defaults opens nothing either. The tick opens SIP immediately, only for the network's own addresses. A
    terminal then registers with the password that the administrator has chosen for it.
    """
    visitor = await visit()
    await sign_in(visitor, served, "quantri", "/directory/networks")
    page = visitor.page
    tick = page.get_by_label("Thiết bị hội trường gọi từ đây")
    internet = page.get_by_role("row").filter(has_text="0.0.0.0/0")
    assert not answers_sip(served, "127.9.0.1")
    await internet.get_by_role("button").first.click()
    await tick.check()
    await visitor.part("record-save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Dải 0.0.0.0/0, ::/0 quá rộng")
    assert await visitor.barriers() == []
    await page.get_by_text("Đóng", exact=True).click()
    await visitor.part("record-new").click()
    await visitor.part("field-code").fill("THU")
    await visitor.part("field-name").fill("Mạng thử nghiệm")
    await page.get_by_label("Dải địa chỉ").fill("127.9.0.0/16")
    await visitor.part("record-save").click()
    made = page.get_by_role("row").filter(has_text="127.9.0.0/16")
    await expect(made).to_be_visible()
    assert not answers_sip(served, "127.9.0.1")
    await made.get_by_role("button").first.click()
    await tick.check()
    await visitor.part("record-save").click()
    await expect(tick).to_have_count(0)
    assert answers_sip(served, "127.9.0.1")
    assert not answers_sip(served, "127.8.0.1")
    await page.goto(served.url + "/directory/terminals")
    await visitor.part("records-find").fill("TB-busy")
    row = page.get_by_role("row").filter(has_text="Thiết bị busy")
    await row.get_by_test_id("sip-account").click()
    await visitor.part("sip-choose").check()
    await visitor.page.get_by_label("Thiết bị đứng sau bộ chuyển đổi địa chỉ").check()
    await visitor.part("sip-password").fill("tang1-Tay-Ninh:9")
    await visitor.part("sip-give").click()
    alias = await visitor.part("given-0").input_value()
    await visitor.part("sip-kept").click()
    assert not registers(served, "127.9.0.1", alias, "tang1-Tay-Ninh:8")
    assert registers(served, "127.9.0.1", alias, "tang1-Tay-Ninh:9")
    await page.reload()
    await visitor.part("records-find").fill("TB-busy")
    await expect(row.get_by_test_id("sip-state")).to_contain_text("Đã kết nối máy chủ")
    await row.get_by_test_id("sip-account").click()
    await expect(visitor.page.get_by_label("Thiết bị đứng sau bộ chuyển đổi địa chỉ")).to_be_checked()


async def moves(operator: Visitor, served: Halls, tmp_path: Path) -> None:
    """Move a hall to another meeting by one press in its dialog. The terminal is called into the other meeting. Another hall is
    added there for the time of the calls.
    """
    await _second_meeting(served)
    called = served.peer.heard.count(("INVITE", "later"))
    hall = operator.part("leg").filter(has_text="Thiết bị later")
    await hall.get_by_test_id("leg-details").click()
    await hall.get_by_test_id("leg-move").click()
    others = operator.part("move-hall").get_by_role("listitem")
    target = others.filter(has_text=SECOND)
    await expect(target).to_be_visible()
    await expect(others.filter(has_text="Họp giao ban Văn phòng")).to_have_count(
        0
    )  # too early: halls cannot be called into it
    await target.get_by_test_id("move-to").click()
    await expect(operator.part("said")).to_contain_text(SECOND)
    await expect(hall).to_have_count(0)
    await operator.part("nav-control").click()
    await operator.part("board-date").filter(has_text=SECOND).get_by_role("link").click()
    await expect(hall).to_have_attribute("data-state", "failed", timeout=60_000)
    assert served.peer.heard.count(("INVITE", "later")) > called
    # The terminal of the commune dials in, and has no row before the server looks for it. The operator lets the server look.
    await operator.part("expected-probe").click()
    absent = operator.part("leg").filter(has_text="Xã 10")
    await expect(absent).to_have_count(1, timeout=PATIENCE_MS)
    await expect(absent).to_contain_text("kiểm tra lúc", timeout=PATIENCE_MS)
    await operator.part("leg-add").click()
    await operator.part("add-pick").fill("xa 12")
    await operator.part("add-pick-option").filter(has_text="Xã 12").first.click()
    await shots(operator, tmp_path, "add-time")
    await operator.part("add-time").click()
    await expect(operator.part("said")).to_contain_text(re.compile(r"Máy chủ gọi lúc \d\d:\d\d\."))
    await expect(operator.part("leg").filter(has_text="Xã 12")).to_have_attribute("data-state", "idle")


async def test_the_report_of_the_morning_is_on_the_list_of_dates(
    operator: Visitor, served: Halls, tmp_path: Path
) -> None:
    """`tests/rooms/dialling/test_morning.py` makes the report at 06:30; here it is read."""
    await operator.part("nav-control").click()
    await expect(operator.part("morning-none")).to_contain_text("06:30")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    database = Database.open(served.database_url)

    async def report(session: AsyncSession) -> None:
        absent = (await session.scalars(select(Terminal.id).where(Terminal.code == ABSENT))).one()
        rows = [[served.date, absent, "not_registered"]]
        session.add(MorningReport(day=today(now), made_at=now, terminals=rows))

    try:
        await database.transact(report)
    finally:
        await database.close()
    await operator.page.reload()
    row = operator.part("morning-hall")
    await expect(row).to_contain_text("Hội trường Xã 10")
    await expect(row.get_by_role("link")).to_have_attribute("href", "tel:02763822222")
    await expect(operator.part("morning")).to_contain_text(TITLE)
    await shots(operator, tmp_path, "morning")


async def _second_meeting(served: Halls) -> None:
    """Add a meeting in browsers that begins in an hour."""
    now = datetime.fromtimestamp(int(time.time()), UTC)
    database = Database.open(served.database_url)
    try:
        async with database.reading() as session:
            own = select(Site.unit_id).join(Terminal, Terminal.site_id == Site.id).where(Terminal.code == ABSENT)
            commune = (await session.scalars(own)).one()
        request = requests.Request(
            title=SECOND,
            type_code="internal",
            host_unit_id=served.desk.office,
            starts_at=working_day(15, now).astimezone(UTC),
            duration_min=60,
            attendees=tuple(requests.AttendeeRequest(unit_id=one) for one in (served.desk.office, commune)),
            submit=True,
        )
        meeting = (await creation.book(database, request, furniture._actor(served.desk), now)).meeting
        if meeting.state != "approved":
            await furniture.approve(database, meeting.id, now)
        await _begin(database, SECOND, now + timedelta(minutes=80))
    finally:
        await database.close()


async def test_a_move_a_removal_and_a_lost_connection_are_shown(
    operator: Visitor, served: Halls, tmp_path: Path
) -> None:
    """This test must be the last in the file: the others count the halls that it removes, and it stops the server."""
    await open_board(operator, served)
    gone = operator.part("leg").filter(has_text="Xã 10")
    await gone.get_by_test_id("leg-details").click()
    await gone.get_by_test_id("leg-remove").click()
    await operator.part("remove-sure").click()
    await expect(gone).to_have_count(0)
    await moves(operator, served, tmp_path)
    served.server.stop()
    await expect(operator.part("lost")).to_be_visible(timeout=PATIENCE_MS)
