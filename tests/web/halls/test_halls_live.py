"""The operators' board with connected halls. Before the start each hall is ready or not. Then the halls are called, seen,
muted, put on stage, dropped and called back. The preview of the program follows the layout. A changed profile counts for the
next call. A browser without H.264 sees the halls in one composed picture. A real server with its mixer, scripted terminals,
Chromium.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation
from rooms.booking.planning import requests
from rooms.dialling import accounts, opening
from rooms.identifiers import new_bytes
from rooms.policy.actors import COMMAND
from rooms.sealing import Seal
from rooms.sites import networks, terminals
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Site
from signaling.host.files import kept_key
from tests.conftest import start_server
from tests.interop.canvas import SMALL_CAMERA
from tests.interop.person import token
from tests.interop.terminals.quirks import Quirk, alaw_samples, loudest_hz
from tests.ports import free_port
from tests.rooms.postgres import at_once
from tests.running.runs import LONG_RUN
from tests.waiting import until
from tests.web.desk import province as furniture
from tests.web.desk.province import furnish, working_day
from tests.web.desk.test_desk import Served, sign_in
from tests.web.halls.sip_halls import Hall, Halls
from tests.web.shots import resize, shot, shots
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TITLE = "Họp trực tuyến triển khai phòng chống bão số 9"
COLOURS = {"do": (200, 30, 30), "xanh": (30, 170, 40)}
NAMES = {"do": "Thiết bị đỏ", "xanh": "Thiết bị xanh", "vang": "Thiết bị vàng"}
WAIT_MS = 60_000
QUIET = 400
"""Sample level, of 32,768. Chosen between the coding noise and a hall's tone. Larger: a tone counts as silence. Smaller: coding
noise counts as a tone.
"""
HOST = "127.0.0.1"
NARROW = 360


@dataclass
class Live(Served):
    halls: dict[str, Hall]
    place: Halls
    meeting: str
    date: str

    @property
    def board(self) -> str:
        return f"{self.url}/control/{self.meeting}/{self.date}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    yield from serve(tmp_path_factory)


@pytest.fixture
def scarce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Give a server whose pictures may use a tenth of one processor: enough for the program of one hall."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        yield from serve(tmp_path_factory, DIEMCAU_MIXER_PERCENT="10")
    finally:
        os.sched_setaffinity(0, processors)


def serve(tmp_path_factory: pytest.TempPathFactory, **settings: str) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    halls = {
        name: Hall(Quirk(camera=name == "xanh", small=name == "xanh", low=name == "do"), name, HOST, colour, hz)
        for (name, colour), hz in zip(COLOURS.items(), (440, 660), strict=True)
    }
    with ExitStack() as stack:
        place = stack.enter_context(Halls(list(halls.values())))
        ports = {name: hall.port for name, hall in halls.items()}
        desk, meeting, date = at_once(_prepare(folder, now, ports))
        port = str(free_port())
        server = start_server(
            folder,
            DIEMCAU_HALLS="true",
            DIEMCAU_SIP_HOST=HOST,
            DIEMCAU_SIP_UDP_PORT=port,
            DIEMCAU_SIP_TCP_PORT=port,
            DIEMCAU_SIP_TLS_PORT="-1",
            **settings,
        )
        stack.callback(server.stop)
        yield Live(server, desk, now, {}, halls, place, meeting, date)
    assert "Traceback" not in "".join(server.output), "".join(server.output)


async def _prepare(folder: Path, now: datetime, ports: dict[str, int]) -> tuple[furniture.Desk, str, str]:
    """Prepare a meeting that begins in 25 minutes. This is near enough to check its halls, and too early to call them."""
    desk = await furnish(folder, now)
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")
    seal = Seal(kept_key(folder / "seal.key", new_bytes))
    try:
        await database.transact(lambda session: _equip(session, seal, now, ports))
        request = requests.Request(
            title=TITLE,
            type_code="internal",
            host_unit_id=desk.office,
            starts_at=working_day(9, now).astimezone(UTC),
            duration_min=60,
            terminal_ids=tuple(f"t-{name}" for name in NAMES),
            attendees=(requests.AttendeeRequest(unit_id=desk.office),),
            lobby=False,
            submit=True,
        )
        meeting = (await creation.book(database, request, furniture._actor(desk), now)).meeting
        await furniture.approve(database, meeting.id, now)
        async with database.reading() as session:
            date = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == meeting.id))).one()
        await database.transact(lambda session: _soon(session, meeting, date, now))
    finally:
        await database.close()
    return desk, meeting.id, date


async def _soon(session: AsyncSession, meeting: Meeting, date: str, now: datetime) -> None:
    """Move the meeting so that it begins in 25 minutes, and open it for its chair."""
    span = {"starts_at": now + timedelta(minutes=25), "ends_at": now + timedelta(minutes=90)}
    await session.execute(update(Reservation).where(Reservation.occurrence_id == date).values(**span))
    await session.execute(update(Occurrence).where(Occurrence.id == date).values(**span))
    await session.execute(update(Meeting).where(Meeting.id == meeting.id).values(first_starts_at=span["starts_at"]))
    await opening.begin(session, date, COMMAND, now)
    await session.execute(update(Attendee).where(Attendee.meeting_id == meeting.id).values(must_be_head=False))


async def _equip(session: AsyncSession, seal: Seal, now: datetime, ports: dict[str, int]) -> None:
    """Write the register's network and terminals. One terminal has an account and no address."""
    values: dict[str, Any] = {
        "code": "loop",
        "name": "Mạng thử",
        "ranges": ["127.0.0.0/8"],
        "closed": True,
        "terminals": True,
    }
    network = await networks.create(session, values, COMMAND, now)
    sites = await session.scalars(select(Site.id).join(Unit, Unit.id == Site.unit_id).order_by(Site.code).limit(3))
    for name, site in zip(NAMES, sites.all(), strict=True):
        values = {"code": f"TB-{name}", "name": NAMES[name], "site_id": site, "protocols": ["sip"]}
        values |= {"vendor": "QuirkTerminal", "model": "1", "network_id": network.id}
        values |= {"sip_uri": f"sip:{name}@{HOST}:{ports[name]};transport=udp"} if name in ports else {}
        (await terminals.create(session, values, COMMAND, now)).id = f"t-{name}"
        await session.flush()
    await accounts.give(session, "t-vang", "vang", "MD5", False, seal, lambda *_: "0" * 32, COMMAND, now)


@pytest_asyncio.fixture(loop_scope="session")
async def operator(visit: Visit, served: Live) -> Visitor:
    visitor = await visit(width=1440, height=900)
    await sign_in(visitor, served, "dieuhanh")
    return visitor


def row(visitor: Visitor, name: str) -> Any:
    return visitor.part("leg").filter(has_text=NAMES[name])


@pytest.mark.longer
async def test_the_board_shows_which_halls_are_ready_before_the_start(
    operator: Visitor, served: Live, tmp_path: Path
) -> None:
    await operator.part("nav-control").click()
    date = operator.part("board-date").filter(has_text=TITLE)
    await expect(date).to_contain_text("2 sẵn sàng", timeout=WAIT_MS)
    await expect(date).to_contain_text("1 chưa sẵn sàng")
    await shot(operator, tmp_path / "dates.png")
    assert [hall.probes for hall in served.halls.values()] == [1, 1], "once, by the clock"
    await date.get_by_role("link").click()
    await expect(row(operator, "do")).to_contain_text("Sẵn sàng")
    await expect(row(operator, "vang")).to_contain_text("Chưa sẵn sàng")
    await expect(row(operator, "vang")).to_contain_text("Thiết bị chưa kết nối máy chủ")
    await expect(operator.part("leg").first).to_contain_text(NAMES["vang"])  # the worst row is first
    served.halls["do"].readiness = 486
    await row(operator, "do").get_by_test_id("leg-details").click()
    await row(operator, "do").get_by_test_id("leg-probe").click()
    await expect(row(operator, "do")).to_contain_text("Cần xem", timeout=WAIT_MS)
    await expect(row(operator, "do")).to_contain_text("Đang bận")
    assert [hall.probes for hall in served.halls.values()] == [2, 1]
    for width in (1440, 1280, 360):
        await _looks_right(operator, width, tmp_path / f"ready-{width}.png")
    served.halls["do"].readiness = 200
    await operator.part("check-all").click()
    await expect(operator.part("ready-green")).to_contain_text("2", timeout=WAIT_MS)
    assert [hall.probes for hall in served.halls.values()] == [3, 2]


async def test_the_news_of_a_board_end_with_the_session(operator: Visitor, served: Live) -> None:
    kept = {one["name"]: one["value"] for one in await operator.page.context.cookies()}
    headers = {"origin": served.url}
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", cookies=kept, headers=headers, timeout=60) as client:
        async with client.stream("GET", f"/occurrences/{served.date}/legs/events") as news:
            lines = news.aiter_lines()
            assert await anext(lines) == "event: legs"
            assert (await client.delete("/session")).status_code == 204
            async with asyncio.timeout(60):
                assert [line async for line in lines][-1:] != ["event: legs"]
        assert (await client.get("/hall-boards")).status_code == 401


@pytest.mark.longer
async def test_connected_halls_are_seen_and_obey(operator: Visitor, served: Live, tmp_path: Path) -> None:
    await operator.page.goto(served.board)
    for name in COLOURS:  # the hall that connects first gets the first place
        await _call(operator, name)
    red = row(operator, "do")
    line = re.compile(r"↑ [1-9][\d,]* [kM]bit/s\s*↓ [1-9][\d,]* [kM]bit/s\s*mất 0\s?% · trễ \d+ ms")
    await expect(red).to_contain_text(line, timeout=WAIT_MS)
    for words in ("Đã kết nối", "SIP", "Không mã hóa", "Micro bật", "H.264 640×360", "G.711 A"):
        await expect(red).to_contain_text(words)
    await _picture(red.locator("img"))

    await red.get_by_test_id("leg-mute").click()
    await expect(red).to_contain_text("Micro tắt")
    await operator.part("undo").click()
    await expect(red).to_contain_text("Micro bật")

    asks = served.halls["xanh"].info("application/dtmf-relay", b"Signal=*\r\nDuration=160\r\n")
    assert await served.place.later(asks) == 200
    asks = served.halls["xanh"].info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n")
    assert await served.place.later(asks) == 200
    await expect(row(operator, "xanh")).to_contain_text("Xin phát biểu từ")
    await operator.part("give-floor").click()
    await expect(row(operator, "xanh")).to_contain_text("Đang trên hình chính")

    await _picture(operator.part("program"))
    await operator.part("layout-1").click()
    await _shows(operator, (0.25, 0.5), "green")
    await _shows(operator, (0.75, 0.5), "green")
    await operator.part("layout-2x2").click()
    await _shows(operator, (0.25, 0.3), "red")
    await _shows(operator, (0.75, 0.3), "green")
    for width in (1440, 1280, 360):
        await _looks_right(operator, width, tmp_path / f"live-{width}.png")

    await operator.part("select-all").check()
    await operator.part("bulk-drop").click()
    await operator.part("drop-sure").click()
    for name in COLOURS:
        await expect(row(operator, name)).to_have_attribute("data-state", "left", timeout=WAIT_MS)
        assert served.halls[name].ended.is_set()
    await operator.part("undo").click()
    for name in COLOURS:
        await expect(row(operator, name)).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await row(operator, "vang").get_by_test_id("leg-details").click()
    async with operator.page.expect_download() as coming:
        await row(operator, "vang").get_by_test_id("trace").click()
    await coming.value


@pytest.mark.longer
async def test_the_chair_mutes_a_hall_and_its_key_works_when_asked(
    operator: Visitor, visit: Visit, served: Live, tmp_path: Path
) -> None:
    await operator.page.goto(served.board)
    await _call(operator, "do", "xanh")
    chair = await visit(script=SMALL_CAMERA)
    await sign_in(chair, served, path=f"/meetings/{served.meeting}")
    await chair.part("enter-button").click()
    await chair.part("preview-video").wait_for()
    await chair.part("join-button").click()
    await chair.part("stage").wait_for(timeout=WAIT_MS)
    await chair.part("mic-toggle").click()
    await chair.part("people-toggle").click()
    hall = chair.page.locator('[data-testid=person][data-identity="hall_terminal.t-do"]').last
    red, keys = row(operator, "do"), served.halls["do"]
    await _hears(operator, served, 440)

    await hall.get_by_test_id("host-more").click()
    await hall.get_by_test_id("host-mute").click()
    await expect(red).to_contain_text("Micro tắt")
    await _hears(operator, served, 0)
    await served.place.later(keys.press("*6", by="info"))
    await _hears(operator, served, 0)
    await expect(hall.locator(".mic.muted")).to_be_visible()

    await hall.get_by_test_id("host-more").click()
    await hall.get_by_test_id("host-ask").click()
    await expect(hall.get_by_test_id("host-asked")).to_be_visible()
    await shot(chair, tmp_path / "asked.png")
    await _hears(operator, served, 0)
    await served.place.later(keys.press("*6", by="info"))
    await _hears(operator, served, 440)
    await expect(hall.get_by_test_id("host-asked")).to_have_count(0)

    await chair.part("chair-toggle").click()
    await chair.part("chair-mute-all").click()
    await chair.part("chair-undo").click()
    await expect(chair.part("chair-said")).to_contain_text("Đã mở lại tiếng của 2 hội trường")
    await chair.part("people-toggle").click()
    await expect(red).to_contain_text("Micro bật")
    await _hears(operator, served, 440)

    await hall.get_by_test_id("host-more").click()
    await hall.get_by_test_id("host-keep-out").click()
    await hall.get_by_test_id("host-remove-sure").click()
    await expect(red).to_have_attribute("data-state", "left", timeout=WAIT_MS)
    assert keys.ended.is_set()
    await red.get_by_test_id("leg-call").click()
    await expect(red).to_have_attribute("data-state", re.compile("failed|given_up"), timeout=WAIT_MS)
    assert not keys.answered.is_set() or keys.ended.is_set(), "it does not come in again"
    await chair.part("lobby-toggle").click()
    await chair.part("pardon").click()
    await _call(operator, "do")


@pytest.mark.sim
async def test_a_hall_with_a_simpler_picture_is_marked(visit: Visit, scarce: Live, tmp_path: Path) -> None:
    """The mixer has power for one program, so both halls get the picture that the smaller terminal decodes."""
    operator = await visit(width=1280, height=900)
    await sign_in(operator, scarce, "dieuhanh")
    await operator.page.goto(scarce.board)
    await _call(operator, "do", "xanh")
    await expect(row(operator, "do")).to_contain_text("Hình giảm do máy chủ tải cao", timeout=WAIT_MS)
    await expect(row(operator, "do")).to_contain_text("176×144", timeout=WAIT_MS)
    for width in (1280, 820, 390):
        await _looks_right(operator, width, tmp_path / f"simpler-{width}.png")
    await operator.page.close()


async def _hears(visitor: Visitor, served: Live, hz: int) -> None:
    """Wait until the other hall hears this tone, or silence (0)."""
    found: tuple[int, int] = (0, 0)
    for _ in range(WAIT_MS // 500):
        served.halls["xanh"].heard.clear()
        await visitor.page.wait_for_timeout(500)
        said = bytes(served.halls["xanh"].heard)
        level = int(abs(alaw_samples(said)).max()) if said else 0
        found = (level, round(loudest_hz(said)) if level else 0)
        if (level < QUIET and hz == 0) or (level >= QUIET and abs(found[1] - hz) < 20):
            return
    raise AssertionError(f"level and tone {found} instead of {hz} Hz")


@pytest.mark.longer
async def test_one_hall_gets_its_own_layout_text_and_lecture(operator: Visitor, served: Live, tmp_path: Path) -> None:
    await operator.page.goto(served.board)
    await _call(operator, "do", "xanh")
    green = row(operator, "xanh")
    await green.get_by_test_id("leg-details").click()
    for width in (1440, 820, 390):
        await _looks_right(operator, width, tmp_path / f"details-{width}.png")
    await operator.page.set_viewport_size({"width": 1440, "height": 900})
    marks = green.locator(".marks.below")
    await green.get_by_test_id("own-layout-2x2").click()
    await expect(marks).to_contain_text("4 ô")
    await expect(row(operator, "do").locator(".marks.below")).not_to_contain_text("4 ô")
    await green.get_by_test_id("own-text").fill("Mời đồng chí bật micro")
    await green.get_by_test_id("own-text-send").click()
    await expect(marks).to_contain_text("Mời đồng chí bật micro")
    await operator.part("undo").click()
    await expect(marks).not_to_contain_text("Mời đồng chí")
    await green.get_by_test_id("own-layout-auto").click()
    await expect(marks).not_to_contain_text("4 ô")
    await green.get_by_test_id("leg-lecture").click()
    await expect(marks).to_contain_text("Đang giảng bài")
    await operator.part("layout-1").click()
    await _shows(operator, (0.5, 0.5), "green")
    await green.get_by_test_id("leg-lecture").click()
    await expect(marks).not_to_contain_text("Đang giảng bài")

    orders = served.halls["xanh"].orders
    orders.clear()
    await green.get_by_test_id("preset-store").click()
    await green.get_by_test_id("preset-2").click()
    await green.get_by_test_id("preset-name").fill("Bàn chủ tọa")
    await shots(operator, tmp_path, "presets")
    await green.get_by_test_id("preset-keep").click()
    await expect(green.get_by_test_id("preset-store")).to_have_attribute("aria-pressed", "false")
    await expect(green.get_by_test_id("preset-2")).to_have_text("2: Bàn chủ tọa")
    await _looks_right(operator, NARROW, tmp_path / "presets-named.png")
    await operator.page.set_viewport_size({"width": 1440, "height": 900})
    await green.get_by_test_id("preset-5").click()
    await until(lambda: len(_to_camera(orders)) == 2, "the two orders")
    assert _to_camera(orders) == [bytes((6, 2 << 4)), bytes((7, 5 << 4))]


def _to_camera(orders: list[bytes]) -> list[bytes]:
    """Return the orders to the camera, without the capabilities of both sides."""
    return [order[9:] for order in orders if order[7] == 1]


@pytest.mark.longer
async def test_a_camera_turns_while_a_key_is_held(operator: Visitor, served: Live, tmp_path: Path) -> None:
    await operator.page.goto(served.board)
    await _call(operator, "xanh")
    green, orders = row(operator, "xanh"), served.halls["xanh"].orders
    await green.get_by_test_id("leg-details").click()
    pad = green.get_by_test_id("camera-pad")
    await pad.scroll_into_view_if_needed()
    await shot(operator, tmp_path / "camera.png")
    orders.clear()
    await pad.get_by_role("button", name="Sang trái").hover()
    await operator.page.mouse.down()
    await _goes_on(operator, orders)
    await operator.page.mouse.up()
    await _turned(operator, orders, 0x80)
    orders.clear()
    await pad.get_by_role("button", name="Sang trái").focus()
    await operator.page.keyboard.down("ArrowUp")
    await _goes_on(operator, orders)
    await operator.page.keyboard.up("ArrowUp")
    await _turned(operator, orders, 0x30)


async def _goes_on(operator: Visitor, orders: list[bytes]) -> None:
    """Wait until the camera got the order to continue twice, because the key was held."""
    for _ in range(120):
        if [order[9] for order in orders if order[7] == 1].count(2) > 1:
            return
        await operator.page.wait_for_timeout(250)


async def _turned(operator: Visitor, orders: list[bytes], way: int) -> None:
    """Check the orders to the camera: start, continue and stop (H.281 section 5)."""
    for _ in range(120):
        if orders and orders[-1][9:] == bytes((3, way)):
            break
        await operator.page.wait_for_timeout(250)
    said = [order[:2] for order in _to_camera(orders)]
    assert said[0] == bytes((1, way))
    assert said[-1] == bytes((3, way))
    assert set(said[1:-1]) == {bytes((2, way))}


@pytest.mark.longer
async def test_another_profile_counts_for_the_next_call(operator: Visitor, served: Live, tmp_path: Path) -> None:
    await operator.page.goto(served.url + "/settings/devices")
    await operator.part("agent").fill("QuirkTerminal/1")
    await operator.part("match").click()
    await expect(operator.part("matched")).to_contain_text("mẫu “generic”")
    await operator.part("profile-add").click()
    await operator.part("profile-name").fill("may-cu")
    await operator.part("profile-words").fill("QuirkTerminal")
    await operator.part("profile-modes").select_option("0")
    await operator.part("profile-level").select_option("13")
    for width in (1440, 360):
        await _looks_right(operator, width, tmp_path / f"profile-{width}.png")
    await operator.page.set_viewport_size({"width": 1440, "height": 900})
    await operator.part("profile-save").click()
    await expect(operator.part("profile-said")).to_contain_text("may-cu")
    await operator.part("match").click()
    await expect(operator.part("matched")).to_contain_text("mẫu “may-cu”")
    await expect(operator.part("matched")).to_contain_text("quirkterminal")
    for width in (1440, 1280, 360):
        await _looks_right(operator, width, tmp_path / f"profiles-{width}.png")
    await operator.page.set_viewport_size({"width": 1440, "height": 900})

    await operator.page.goto(served.board)
    hall = served.halls["do"]
    await _again(operator, "do")
    assert hall.offered.count("a=rtpmap:")
    assert "packetization-mode=1" not in hall.offered
    await expect(row(operator, "do")).to_contain_text("H.264 352×288", timeout=WAIT_MS)

    await operator.page.goto(served.url + "/settings/devices")
    mine = operator.page.locator('[data-testid=profile][data-name="may-cu"]')
    await mine.get_by_test_id("profile-back").click()
    await operator.part("profile-leave-sure").click()
    await expect(mine).to_have_count(0)
    assert all(words in hall.offered for words in ("content:slides", "BFCP", "b=AS:80\r\n"))
    await _write_of_the_terminal(operator, served, tmp_path)
    await operator.page.goto(served.board)
    await _again(operator, "do")
    assert "packetization-mode=1" in hall.offered
    assert 500 < int(re.findall(r"b=AS:(\d+)", hall.offered)[0]) <= 512, "all media together"
    assert set(re.findall(r"max-fs=(\d+)", hall.offered)) == {"396"}
    assert "content:slides" not in hall.offered
    await expect(row(operator, "do")).to_contain_text("H.264 352×288", timeout=WAIT_MS)


async def _write_of_the_terminal(operator: Visitor, served: Live, folder: Path) -> None:
    """Write in the directory that the red terminal is old and has a narrow link."""
    await operator.page.goto(served.url + "/directory/terminals")
    await operator.part("records-find").fill(NAMES["do"])
    await operator.page.get_by_role("button", name=f"Sửa {NAMES['do']}").click()
    await operator.part("field-profile").select_option("cif")
    await operator.page.get_by_label("Băng thông").fill("512")
    await operator.part("field-shows_content").uncheck()
    for width in (1440, 360):
        await _looks_right(operator, width, folder / f"terminal-{width}.png")
    await operator.page.set_viewport_size({"width": 1440, "height": 900})
    await operator.part("record-save").click()
    await expect(operator.part("record-said")).to_be_visible()


WITHOUT_H264 = """(() => {
  const strip = (sdp) => sdp.split(/(?=^m=)/m).map((part) => {
    if (!part.startsWith('m=video')) return part;
    const gone = new Set([...part.matchAll(/^a=rtpmap:(\\d+) H264\\//gm)].map((found) => found[1]));
    for (const found of part.matchAll(/^a=fmtp:(\\d+) apt=(\\d+)/gm)) if (gone.has(found[2])) gone.add(found[1]);
    const lines = part.split('\\r\\n').filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb):(\\d+)/.test(line) || !gone.has(RegExp.$2));
    lines[0] = lines[0].split(' ').filter((word, place) => place < 3 || !gone.has(word)).join(' ');
    return lines.join('\\r\\n');
  }).join('');
  for (const name of ['createOffer', 'createAnswer']) {
    const own = RTCPeerConnection.prototype[name];
    RTCPeerConnection.prototype[name] = async function (...given) {
      const made = await own.apply(this, given);
      return { type: made.type, sdp: strip(made.sdp) };
    };
  }
})()"""


@pytest.mark.longer
async def test_a_browser_without_h264_sees_all_halls_in_one_picture(
    operator: Visitor, visit: Visit, served: Live, tmp_path: Path
) -> None:
    await operator.page.goto(served.board)
    await _call(operator, "do", "xanh")
    await operator.part("layout-auto").click()  # an earlier test may have left the layout of one site
    await expect(operator.part("layout-auto")).to_have_attribute("aria-pressed", "true")
    poor, good = await visit(script=WITHOUT_H264 + ";" + SMALL_CAMERA), await visit(script=SMALL_CAMERA)
    for visitor, name in ((poor, "khong"), (good, "co")):
        await _enter(visitor, served, name)
    composed = poor.page.locator('[data-testid=tile][data-identity="hall_program"]')
    await _picture(composed.locator("video"), width="videoWidth")
    await until_painted(poor, '[data-identity="hall_program"] video', (200, 30, 30))
    await until_painted(poor, '[data-identity="hall_program"] video', (30, 170, 40))
    hall = '[data-testid=tile][data-identity="hall_terminal.t-do"] video'
    await expect(good.page.locator(hall)).to_have_count(1, timeout=WAIT_MS)
    await expect(poor.page.locator(hall)).to_have_count(0)
    await expect(good.page.locator('[data-identity="hall_program"]')).to_have_count(0)
    assert await poor.part("present-count").inner_text() == await good.part("present-count").inner_text()
    await shot(poor, tmp_path / "composed.png")
    await operator.page.goto(served.board)
    for name in COLOURS:
        await row(operator, name).get_by_role("checkbox").check()
    await operator.part("bulk-drop").click()
    await operator.part("drop-sure").click()
    await expect(composed).to_have_count(0, timeout=WAIT_MS)


# Steps


async def _call(visitor: Visitor, *names: str) -> None:
    """Call the halls that are not connected yet, all at once."""
    for name in names:
        one = row(visitor, name)
        await expect(one).to_be_visible()
        if await one.get_attribute("data-state") != "connected":
            await one.get_by_role("checkbox").check()
            await visitor.part("bulk-redial").click()
            await one.get_by_role("checkbox").uncheck()
    for name in names:
        await expect(row(visitor, name)).to_have_attribute("data-state", "connected", timeout=WAIT_MS)


async def _again(visitor: Visitor, name: str) -> None:
    """Hang up a hall, and call it again."""
    one = row(visitor, name)
    await one.get_by_role("checkbox").check()
    await visitor.part("bulk-drop").click()
    await visitor.part("drop-sure").click()
    await expect(one).to_have_attribute("data-state", "left", timeout=WAIT_MS)
    await one.get_by_test_id("leg-call").click()
    await expect(one).to_have_attribute("data-state", "connected", timeout=WAIT_MS)
    await one.get_by_role("checkbox").uncheck()


async def _picture(element: Any, width: str = "naturalWidth") -> None:
    """Wait until the element has a picture with a width."""
    await expect(element).to_be_visible(timeout=WAIT_MS)
    for _ in range(WAIT_MS // 500):
        if await element.evaluate(f"(one) => one.{width}") > 0:
            return
        await element.page.wait_for_timeout(500)
    raise AssertionError("no picture came")


PIXEL = """(one, [x, y]) => {
  if (!one.complete || one.naturalWidth === 0) return [0, 0, 0];
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
  const context = canvas.getContext('2d');
  context.drawImage(one, 0, 0, 64, 36);
  return [...context.getImageData(Math.floor(x * 64), Math.floor(y * 36), 1, 1).data].slice(0, 3);
}"""


async def _shows(visitor: Visitor, place: tuple[float, float], colour: str) -> None:
    """Wait until the preview shows the colour at this part of its width and height."""
    strong = {"red": 0, "green": 1}[colour]
    seen: list[int] = []
    for _ in range(WAIT_MS // 500):
        seen = await visitor.part("program").evaluate(PIXEL, list(place))
        if seen[strong] > 60 + max(part for number, part in enumerate(seen) if number != strong):
            return
        await visitor.page.wait_for_timeout(500)
    raise AssertionError(f"no {colour} at {place} but {seen}")


async def until_painted(visitor: Visitor, selector: str, colour: tuple[int, int, int]) -> None:
    """Wait until some part of this video has the colour."""
    script = """(one) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 36 });
      const context = canvas.getContext('2d');
      context.drawImage(one, 0, 0, 64, 36);
      return [...context.getImageData(0, 0, 64, 36).data];
    }"""
    for _ in range(WAIT_MS // 500):
        data = await visitor.page.locator(selector).evaluate(script)
        pixels = zip(data[::4], data[1::4], data[2::4], strict=True)
        like = sum(all(abs(a - b) < 50 for a, b in zip(one, colour, strict=True)) for one in pixels)
        if like > 100:
            return
        await visitor.page.wait_for_timeout(500)
    raise AssertionError(f"nothing of {colour} is seen")


async def _looks_right(visitor: Visitor, width: int, picture: Path) -> None:
    """Check that nothing is wider than the page, and that axe finds nothing: in `make test` on the narrow page."""
    await resize(visitor, width, 900)
    await shot(visitor, picture)
    if width == NARROW or LONG_RUN:
        assert await visitor.barriers() == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    hidden = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
    assert await visitor.page.evaluate(hidden) == 0, f"a table is cut off at {width}"


async def _enter(visitor: Visitor, served: Live, name: str) -> None:
    """Enter the meeting with a token that the test signs itself."""
    conference = f"o-{served.date}"
    jwt = token(served.server.api_key, served.server.api_secret, f"browser.{name}", conference)
    given = {"token": jwt, "url": served.server.ws_url, "identity": f"browser.{name}"}
    given |= {"conference": conference, "title": TITLE, "moderation": ""}
    await visitor.page.route("**/api/v1/conferences/*/token", lambda route: route.fulfill(json=given))
    found = {"conference": "abc-defg-hij", "title": TITLE, "by_number": False, "lobby": False}
    await visitor.page.route("**/api/v1/conferences/*/look", lambda route: route.fulfill(json=found))
    await visitor.join(f"{served.url}/m/abc-defg-hij#k=x", name)
