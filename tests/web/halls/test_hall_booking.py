"""From the booking form to the list of calls, and in `make sim` to the ringing hall. A secretary books a hall and invites
communes with the form's defaults, and two people approve. On the day the server calls the terminals of the call list. The
operator adds a terminal and removes a terminal. A real server with its mixer, scripted SIP terminals, Chromium.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.policy.actors import COMMAND
from rooms.sites import networks, terminals
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.sites import Terminal
from tests import process_clock as clocks
from tests.conftest import start_server
from tests.interop.canvas import SMALL_CAMERA
from tests.interop.terminals.quirks import Quirk
from tests.ports import free_port
from tests.process_clock import ProcessClock
from tests.rooms.postgres import at_once
from tests.running.runs import LONG_RUN
from tests.web.desk.province import ZONE, approve, furnish, working_day
from tests.web.desk.test_desk import Served, settled, sign_in
from tests.web.halls.sip_halls import Hall, Halls
from tests.web.shots import resize, shot
from tests.web.visiting import Visit, Visitor

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]
BOOKED_AT = datetime(2027, 3, 1, 9, 10, tzinfo=ZONE)
TITLE = "Tập huấn phòng cháy, chữa cháy rừng"
HOST = "127.0.0.1"
CODES = {"own": "TN.HT", "invited": "TN.10.H1", "out": "TN.11.H1", "spare": "TN.12.H1"}
"""The booked hall; a commune; a commune that is removed from the call list; a commune without an invitation."""
RING_S = 90
WAIT_MS = 60_000
SIZES = ((1280, 800), (820, 1180), (390, 844)) if LONG_RUN else ((390, 844),)


@dataclass
class Booking(Served):
    """A server with four halls that answer calls."""

    halls: dict[str, Hall]

    @property
    def day(self) -> ProcessClock:
        assert self.clock is not None
        return self.clock


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booking]:
    folder = tmp_path_factory.mktemp("booking")
    clock, now = ProcessClock(folder, BOOKED_AT), BOOKED_AT.astimezone(UTC)
    halls = {name: Hall(Quirk(small=True), name, HOST) for name in CODES}
    with ExitStack() as stack:
        stack.enter_context(Halls(list(halls.values())))
        desk = at_once(furnish(folder, now))
        at_once(_equip(folder, {name: hall.port for name, hall in halls.items()}, now))
        port = str(free_port())
        server = start_server(
            folder,
            DIEMCAU_HALLS="true",
            DIEMCAU_SIP_HOST=HOST,
            DIEMCAU_SIP_UDP_PORT=port,
            DIEMCAU_SIP_TCP_PORT=port,
            DIEMCAU_SIP_TLS_PORT="-1",
            **clock.environ,
        )
        stack.callback(server.stop)
        yield Booking(server, desk, now, {}, halls, clock=clock)


async def _equip(folder: Path, ports: dict[str, int], now: datetime) -> None:
    """Give the terminals of the register the addresses of this test's terminals."""
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")

    async def work(session: AsyncSession) -> None:
        values = {"code": "loop", "name": "Mạng thử", "ranges": ["127.0.0.0/8"], "closed": True, "terminals": True}
        network = await networks.create(session, values, COMMAND, now)
        for name, code in CODES.items():
            terminal = (await session.scalars(select(Terminal).where(Terminal.code == code))).one()
            address = {"sip_uri": f"sip:{name}@{HOST}:{ports[name]};transport=udp", "network_id": network.id}
            await terminals.edit(session, terminal.id, address, COMMAND, now)

    try:
        await database.transact(work)
    finally:
        await database.close()


async def seen_at(visitor: Visitor, path: Path, name: str, *, known: bool = False, live: bool = False) -> None:
    """Check that nothing scrolls sideways at any size and that axe finds nothing. `known`: `test_halls.py` runs axe on such a
    page in `make test`, so axe runs here only in `make sim`. `live`: the page always has an open request.
    """
    if not live:
        await settled(visitor)
    for width, height in SIZES:
        await resize(visitor, width, height)
        wide = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} at {width}"
        await shot(visitor, path / f"{name}-{width}.png")
    await visitor.page.set_viewport_size({"width": 1280, "height": 800})
    if LONG_RUN or not known:
        assert await visitor.barriers() == []


async def rings(hall: Hall) -> None:
    async with asyncio.timeout(RING_S):
        while not hall.answered.is_set():
            await asyncio.sleep(0.1)


@pytest.mark.longer
async def test_a_call_list_is_booked_and_changed(visit: Visit, served: Booking, tmp_path: Path) -> None:
    """In `make sim` the day of the meeting follows. `make test` has such a day in `tests/interop/browsers/test_day.py`."""
    secretary = await visit(width=1280, height=800, script=served.day.script)
    await sign_in(secretary, served)
    await _book(secretary, served, tmp_path)
    for name in ("lanhdao", "dieuhanh"):
        approver = await visit(script=served.day.script)
        await sign_in(approver, served, name, "")
        await approves(approver, served, urlsplit(secretary.page.url).path.split("/")[2])
    await secretary.page.reload()
    await expect(secretary.part("meeting-calls").get_by_test_id("call-way")).to_have_text("Máy chủ tự gọi hội trường")
    await expect(secretary.part("call-line").filter(has_text="Xã 11")).to_contain_text("Không gọi")
    await seen_at(secretary, tmp_path, "meeting")
    await _busy_for_another(secretary, served, tmp_path)
    database = Database.open(served.database_url)
    try:
        await _list_is_changed_on_the_page(secretary, database, served, tmp_path)
        await _asked_once(secretary, database, served, tmp_path)
    finally:
        await database.close()
    if LONG_RUN:
        await _its_halls_ring(visit, secretary, served, tmp_path)


async def _its_halls_ring(visit: Visit, secretary: Visitor, served: Booking, tmp_path: Path) -> None:
    served.day.turn(working_day(9, served.now) - timedelta(minutes=14))
    await rings(served.halls["own"])
    await rings(served.halls["invited"])
    operator = await visit(script=served.day.script)
    await sign_in(operator, served, "dieuhanh")
    await _on_the_board(operator, served, tmp_path)
    chair = await visit(script=f"{served.day.script};\n{SMALL_CAMERA}")
    await sign_in(chair, served, path=urlsplit(secretary.page.url).path)
    await _opened_in_the_call(chair, operator, tmp_path)
    await _extended_and_ended(operator, served, tmp_path)
    assert not served.halls["out"].answered.is_set()


async def _book(visitor: Visitor, served: Booking, tmp_path: Path) -> None:
    """Book as after a drag on the board, with the defaults of the form."""
    at = working_day(9, served.now).isoformat()
    query = f"hall={served.desk.halls[0]}&name=Hội trường lớn&at={at.replace('+', '%2B')}&min=180"
    await visitor.page.goto(f"{served.url}/book?{query}")
    await visitor.part("book-title").fill(TITLE)
    await visitor.part("book-type").select_option("training")
    await visitor.part("secret-no").check()
    await visitor.part("open-tree").click()
    for commune in ("Xã 10", "Xã 11", "Xã 13"):
        await visitor.part("tree-search").fill(commune)
        await visitor.part("tree").get_by_role("checkbox", name=commune).check()
    await visitor.part("tree-done").click()
    lines = visitor.part("call-line")
    await expect(lines).to_have_count(3)
    await expect(lines.filter(has_text="Hội trường lớn")).to_contain_text("Hội trường đã đặt")
    await expect(visitor.part("call-gap")).to_contain_text("Xã 13")
    await expect(visitor.part("connect-call")).to_be_checked()
    out = lines.filter(has_text="Xã 11")
    await out.get_by_test_id("call-out").click()
    await expect(out.get_by_test_id("call-back")).to_be_visible()
    await expect(visitor.part("call-count")).to_contain_text("Máy chủ gọi 2 hội trường")
    await visitor.part("book-secretary-me").click()
    await seen_at(visitor, tmp_path, "form")
    await visitor.part("book-submit").click()
    await expect(visitor.part("meeting-said")).to_contain_text("duyệt")


async def _busy_for_another(visitor: Visitor, served: Booking, tmp_path: Path) -> None:
    """Invite a commune of the first meeting to another meeting at the same time. The form names the first meeting."""
    meeting = visitor.page.url
    at = working_day(9, served.now).isoformat().replace("+", "%2B")
    await visitor.page.goto(f"{served.url}/book?at={at}&min=60")
    await visitor.part("book-title").fill("Họp khác")
    await visitor.part("secret-no").check()
    await visitor.part("open-tree").click()
    await visitor.part("tree-search").fill("Xã 10")
    await visitor.part("tree").get_by_role("checkbox", name="Xã 10").check()
    await visitor.part("tree-done").click()
    begins = f"{working_day(9, served.now):%d/%m/%Y} ({TITLE}, Văn phòng UBND tỉnh)"
    await expect(visitor.part("call-taken")).to_contain_text(f"Bận 08:00 - 11:00 {begins}")
    await expect(visitor.part("call-count")).to_contain_text(
        "Máy chủ gọi 0 hội trường · 1 thiết bị hội trường bận giờ này"
    )
    await expect(visitor.part("live-free")).to_be_visible()
    await seen_at(visitor, tmp_path, "busy", known=True)
    await visitor.page.goto(meeting)


async def approves(approver: Visitor, served: Booking, meeting_id: str) -> None:
    """Approve by the requests of the page of approvals, which `tests/web/desk/test_desk.py` shows."""
    meeting, asks = f"{served.url}/api/v1/meetings/{meeting_id}", approver.page.context.request
    tag = (await asks.get(meeting)).headers["etag"]
    answer = await asks.post(
        f"{meeting}/decide", data={"approve": True}, headers={"origin": served.url, "if-match": tag}
    )
    assert answer.ok, await answer.text()


async def _list_is_changed_on_the_page(visitor: Visitor, database: Database, served: Booking, tmp_path: Path) -> None:
    """Remove a row of the call list, which works immediately. Putting the row back needs an approval, and the meeting stays
    approved.
    """
    line = visitor.part("call-line").filter(has_text="Xã 10")
    await line.get_by_test_id("call-out").click()
    await line.get_by_test_id("call-back").click()
    await expect(visitor.part("calls-pending")).to_contain_text("Đã gửi thay đổi để duyệt")
    await expect(line).to_contain_text("Không gọi")
    await expect(visitor.part("call-back")).to_have_count(0)
    await expect(visitor.part("meeting-page")).to_contain_text("Đề nghị thay đổi")
    told = visitor.part("change-lines")
    await expect(told).to_contain_text("Danh sách hội trường không gọi")
    for words in await told.get_by_text(re.compile("^(Trước|Sau):")).all():
        box = await words.bounding_box()
        assert box, "said to those who listen alone: others see the line through it"
        assert box["width"] <= 1, "said to those who listen alone: others see the line through it"
    await seen_at(visitor, tmp_path, "pending")
    await _agreed(visitor, database, served)
    await expect(line.get_by_test_id("call-out")).to_be_visible()


async def _agreed(visitor: Visitor, database: Database, served: Booking) -> None:
    """Approve the waiting change by both steps."""
    async with database.reading() as session:
        meeting = (await session.scalars(select(Meeting.id).where(Meeting.title == TITLE))).one()
    await approve(database, meeting, served.day.now())
    await visitor.page.reload()
    await visitor.part("call-way").wait_for()
    await expect(visitor.part("calls-pending")).to_have_count(0)
    await expect(visitor.part("meeting-page")).to_contain_text("Đã duyệt")


async def _asked_once(visitor: Visitor, database: Database, served: Booking, tmp_path: Path) -> None:
    """Check a meeting from before automatic calls, in the state after a migration of the database."""
    asked = update(Meeting).where(Meeting.title == TITLE).values(connect="dial_in", connect_asked=True)
    await database.transact(lambda session: session.execute(asked))
    await visitor.part("nav-my").click()
    waits = visitor.part("my-to-call")
    await expect(visitor.part("waits")).to_contain_text("Chờ chọn cách gọi hội trường: 1")
    await expect(waits).to_contain_text("Văn phòng")
    await seen_at(visitor, tmp_path, "home")
    await waits.get_by_role("link", name=TITLE).click()
    await expect(visitor.part("call-question")).to_contain_text("Để máy chủ tự gọi?")
    await seen_at(visitor, tmp_path, "question")
    await visitor.part("call-yes").click()
    await expect(visitor.part("calls-pending")).to_be_visible()
    await _agreed(visitor, database, served)
    await expect(visitor.part("call-way")).to_have_text("Máy chủ tự gọi hội trường")
    await visitor.page.reload()
    await visitor.part("call-way").wait_for()
    await expect(visitor.part("call-question")).to_have_count(0)
    meeting = visitor.page.url
    async with visitor.page.expect_response(re.compile("connect_asked")):
        await visitor.part("nav-my").click()
    await settled(visitor)
    await expect(visitor.part("waits")).to_contain_text("Việc chờ tôi")
    await expect(visitor.part("my-to-call")).to_have_count(0)
    await visitor.page.goto(meeting)


async def _on_the_board(operator: Visitor, served: Booking, tmp_path: Path) -> None:
    await operator.part("nav-control").click()
    await expect(operator.part("board-date").filter(has_text=TITLE)).to_contain_text(
        "2/3 nơi được mời có thiết bị", timeout=WAIT_MS
    )
    await seen_at(operator, tmp_path, "dates", known=True)
    await operator.part("board-date").filter(has_text=TITLE).get_by_role("link").click()
    legs = operator.part("leg")
    await expect(legs).to_have_count(2)

    await operator.part("leg-add").click()
    await operator.part("add-pick").fill("xa 12")
    await operator.part("add-pick-option").filter(has_text="Xã 12").first.click()
    await seen_at(operator, tmp_path, "add")
    await operator.part("add-call").click()
    await rings(served.halls["spare"])
    spare = legs.filter(has_text="Xã 12")
    await expect(spare).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await seen_at(operator, tmp_path, "board", known=True)

    await spare.get_by_test_id("leg-details").click()
    await spare.get_by_test_id("leg-remove").click()
    await operator.part("remove-sure").click()
    await expect(spare).to_have_count(0, timeout=WAIT_MS)
    async with asyncio.timeout(RING_S):
        while not served.halls["spare"].ended.is_set():
            await asyncio.sleep(0.1)
    await expect(legs).to_have_count(2)


async def _opened_in_the_call(chair: Visitor, operator: Visitor, tmp_path: Path) -> None:
    """The secretary of the meeting joins by browser, and opens the meeting by one press. The halls no longer wait."""
    await expect(operator.part("board-waiting")).to_contain_text("2 hội trường")
    await chair.part("enter-button").click()
    await chair.part("join-button").click()
    await expect(chair.part("begin-bar")).to_contain_text("2 hội trường", timeout=WAIT_MS)
    await seen_at(chair, tmp_path, "begin", live=True)
    await chair.part("begin").click()
    await expect(chair.part("begin-bar")).to_have_count(0)
    await expect(operator.part("board-waiting")).to_have_count(0, timeout=WAIT_MS)
    await chair.page.close()


async def _extended_and_ended(operator: Visitor, served: Booking, tmp_path: Path) -> None:
    bar = operator.part("end-bar")
    served.day.turn(working_day(9, served.now) + timedelta(minutes=175, seconds=5))
    await expect(bar.get_by_test_id("end-text")).to_have_text("Còn 5 phút, đến 11:00.", timeout=WAIT_MS)
    await seen_at(operator, tmp_path, "end", known=True)
    await bar.get_by_test_id("extend-15").click()
    await expect(operator.part("end-said")).to_have_text("Đã kéo dài đến 11:15.")
    await bar.get_by_test_id("end-date").click()
    await operator.part("end-sure").click()
    await expect(operator.part("end-said")).to_have_text("Đã kết thúc cuộc họp.")
    await expect(bar).to_have_count(0)
    async with asyncio.timeout(RING_S):
        while not (served.halls["own"].ended.is_set() and served.halls["invited"].ended.is_set()):
            await asyncio.sleep(0.1)
