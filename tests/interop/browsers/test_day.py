"""A walk through a day of a new province, with the accounts and the data of the demonstration. The secretary books a hall and
invites ten communes. Two people approve. On the day, the server calls the halls, one hall joins late, and the operator adds
another hall. The host mutes all participants and ends the meeting.

The test moves the clock over the days between (`tests.process_clock`). The server, baresip, the scripted terminals and Chromium
are real programs.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests import process_clock as clocks
from tests.conftest import ROOT
from tests.interop import network, sound
from tests.interop.network import HTTP_PORT
from tests.interop.terminals import hallnet
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.hallnet import HALLS, SERVER, Baresip, Booked, HallNet, is_colour
from tests.interop.window import MADE_UP, PATIENCE_MS, chromium
from tests.process_clock import ProcessClock
from tests.rooms.province import Province
from tests.waiting import until
from tests.web.desk.province import PASSWORD, ZONE
from tests.web.desk.test_desk import code_of
from tests.web.visiting import FAULTS, Visitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing()),
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]
TITLE = "Sơ kết công tác chuyển đổi số cấp xã"
BOOKED_AT = datetime(2027, 3, 2, 7, 40, tzinfo=ZONE)
HELD_AT = datetime(2027, 3, 18, 8, 0, tzinfo=ZONE)
"""The start of the meeting. The demonstration leaves the large hall free on that Thursday morning."""
COMMUNES = ("06", "07", "10", "11", "12", "13", "14", "15", "16", "17")
MAIN, FIRST, LATE, ADDED, NEVER = "TN.HT", "TN.07.H1", "TN.10.H1", "TN.19.H1", "TN.11.H1"
OFFICE, OFFICE_GATE = "172.16.77.2", "172.16.77.1"
"""The address and the gateway of the province's own building. Its network is separate from the communes' network."""
TONES = MAIN_HZ, FIRST_HZ, HOST_HZ = 430, 610, 950
URL = f"https://{SERVER}:{HTTP_PORT}"
BOUND_S = 90


@dataclass
class Day:
    """Data that the users of the walk hold. `links` and `secrets` are by account, `passwords` by terminal."""

    clock: ProcessClock
    communes: HallNet
    office: HallNet
    links: dict[str, str]
    browser: Browser
    secrets: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def first_visit(self, name: str) -> Visitor:
        """Sign in by the link that the command printed. An operator also sets up a second factor."""
        visitor = await self._page()
        await visitor.page.goto(f"{URL}/sign-in#link={self.links[name]}")
        await visitor.part("password-new").fill(PASSWORD)
        await visitor.part("password-again").fill(PASSWORD)
        await visitor.page.keyboard.press("Enter")
        if name == "vanhanh":
            self.secrets[name] = (await visitor.part("totp-secret").inner_text(timeout=PATIENCE_MS)).replace(" ", "")
            await visitor.part("totp-code").fill(self._code(name))
            await visitor.part("totp-button").click()
            await visitor.part("recovery-kept").click()
        await visitor.part("my-page").wait_for(timeout=PATIENCE_MS)
        return visitor

    async def visit(self, name: str) -> Visitor:
        visitor = await self._page()
        await visitor.page.goto(f"{URL}/sign-in")
        await visitor.part("signin-name").fill(name)
        await visitor.part("signin-password").fill(PASSWORD)
        await visitor.part("signin-button").click()
        if name in self.secrets:
            await visitor.part("signin-code").fill(self._code(name))
            await visitor.part("code-button").click()
        await visitor.part("my-page").wait_for(timeout=PATIENCE_MS)
        return visitor

    async def days_pass(self) -> None:
        for context in self.browser.contexts:
            await context.close()
        self.clock.turn(HELD_AT - timedelta(seconds=5))

    def _code(self, name: str) -> str:
        return code_of(self.secrets[name], self.clock.now().timestamp())

    async def _page(self) -> Visitor:
        context = await self.browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="vi-VN", ignore_https_errors=True
        )
        await context.add_init_script(self.clock.script)
        await context.add_init_script(f"({MADE_UP})({json.dumps(['rgb(30 180 30)', HOST_HZ, 'black'])})")
        visitor = Visitor(await context.new_page(), faults=self.faults)
        visitor.page.on("pageerror", lambda error: self.faults.append(str(error)))
        visitor.page.on("console", lambda said: self.faults.append(said.text) if FAULTS.search(said.text) else None)
        return visitor


@contextmanager
def province(folder: Path, clock: ProcessClock) -> Iterator[tuple[HallNet, HallNet, dict[str, str]]]:
    """Start a server with the demonstration's month. Give the communes' network, the network of the province's building, and
    the sign-in links.
    """
    with ExitStack() as stack:
        here, communes, office = (stack.enter_context(network.namespace()) for _ in range(3))
        network.plug(here, [f"{SERVER}/24"], communes, [f"{HALLS}/24"])
        network.plug(here, [f"{OFFICE_GATE}/24"], office, [f"{OFFICE}/24"])
        office.run("ip", "route", "add", f"{SERVER}/32", "via", OFFICE_GATE)
        printed = subprocess.run(
            [sys.executable, "-m", "signaling", "demo", "load", "--data-dir", str(folder / "data")],
            cwd=ROOT,
            env=os.environ | clock.environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        links = dict(re.findall(r"^ +(\S+) +\w+ +\S+#link=(\S+)$", printed, re.MULTILINE))
        own = {"DIEMCAU_SIP_HOST": SERVER, "DIEMCAU_HALL_HOST": SERVER, "DIEMCAU_HALLS": "true"}
        server = stack.enter_context(network.serve(here, folder, **own, **clock.environ))
        nets = [HallNet(server, place, here, Booked(Province(), "", "", ""), folder) for place in (communes, office)]
        yield nets[0], nets[1], links


@pytest.fixture
async def day(tmp_path: Path) -> AsyncIterator[Day]:
    clock = ProcessClock(tmp_path, BOOKED_AT)
    async with AsyncExitStack() as stack:
        communes, office, links = stack.enter_context(province(tmp_path, clock))
        browser = await stack.enter_async_context(chromium(tmp_path, communes.place.prefix))
        made = Day(clock, communes, office, links, browser)
        yield made
        assert made.faults == []


async def test_a_day_from_the_booking_to_the_end(day: Day) -> None:
    await prepares_and_approves(day, await books(day))
    await day.days_pass()
    async with halls(day) as there:
        operator, host = await rings(day, there)
        await one_comes_late(there, operator)
        await one_is_added(there, operator)
        await mutes_all_and_ends(there, operator, host)


async def books(day: Day) -> Visitor:
    """Book the meeting with the form's default values. Only title, type, day, hour, hall and ten communes are chosen."""
    secretary = await day.first_visit("vanthu")
    await secretary.part("nav-book").click()
    await secretary.part("kind-conference").click()
    await secretary.part("book-title").fill(TITLE)
    await secretary.part("book-type").select_option("review")
    await secretary.part("secret-no").check()
    await secretary.part("book-day").fill(f"{HELD_AT:%d/%m/%Y}")
    await secretary.part("book-clock").select_option(f"{HELD_AT:%H:%M}")
    await secretary.part("hall-pick").fill("hoi truong lon")
    await secretary.part("hall-pick-option").first.click()
    await secretary.part("open-tree").click()
    for number in COMMUNES:
        await secretary.part("tree-search").fill(f"Xã {number}")
        await secretary.part("tree").get_by_role("checkbox", name=f"Xã {number}").check()
    await secretary.part("tree-done").click()
    await expect(secretary.part("call-count")).to_have_text(
        "Máy chủ gọi 7 hội trường · 4 nơi máy chủ không gọi được", timeout=PATIENCE_MS
    )
    await expect(secretary.part("call-gap-why")).to_have_text(
        "4 đơn vị chưa có thiết bị hội trường mà máy chủ gọi được (SIP):"
    )
    await secretary.part("book-submit").click()
    await expect(secretary.part("meeting-said")).to_contain_text("duyệt")
    return secretary


async def prepares_and_approves(day: Day, secretary: Visitor) -> None:
    """Give the terminals their passwords and approve both steps. The secretary then sees the meeting number."""
    head, operator = await day.first_visit("lanhdao"), await day.first_visit("vanhanh")
    await operator.page.goto(f"{URL}/directory/terminals")
    for code in (MAIN, FIRST, LATE, ADDED):
        await operator.part("records-find").fill(code)
        row = operator.part("records").get_by_role("row").filter(has_text=code)
        await row.get_by_test_id("sip-account").click()
        await operator.part("sip-give").click()
        await operator.part("sip-given").wait_for()
        given = [await one.input_value() for one in await operator.part("sip-given").get_by_role("textbox").all()]
        assert given[0] == code.lower()
        day.passwords[code] = given[1]
        await operator.part("sip-kept").click()
    for visitor in (head, operator):
        await visitor.part("nav-approvals").click()
        await visitor.part("approval").filter(has_text=TITLE).get_by_test_id("approve").click()
        await expect(visitor.part("decided")).to_contain_text("Đã duyệt")
    await secretary.page.reload()
    await expect(secretary.part("meeting-number")).to_have_text(re.compile(r"^\d{3} \d{3} \d{3}$"))
    await expect(secretary.part("call-way")).to_have_text("Máy chủ tự gọi hội trường")


@dataclass
class There:
    """Two complete terminals, and two scripted phones without media."""

    main: Baresip
    first: Baresip
    late: Phone
    added: Phone

    @property
    def called(self) -> tuple[Baresip, Baresip]:
        return self.main, self.first


@asynccontextmanager
async def halls(day: Day) -> AsyncIterator[There]:
    main = Baresip(
        day.office,
        MAIN.lower(),
        "red",
        MAIN_HZ,
        transport="tls",
        encryption="srtp-mand",
        password=day.passwords[MAIN],
        address=OFFICE,
        environ=day.clock.environ,  # baresip checks whether the server's certificate is already valid
    )
    first = Baresip(day.communes, FIRST.lower(), "blue", FIRST_HZ, password=day.passwords[FIRST])
    async with AsyncExitStack() as stack:
        with day.communes.place.entered():
            late, added = (Phone(code.lower(), day.passwords[code], HALLS, (SERVER, 5060)) for code in (LATE, ADDED))
            for one in (late, added):
                await stack.enter_async_context(one)
        for terminal in (main, first):
            stack.callback(terminal.stop)
        yield There(main, first, late, added)


def row(operator: Visitor, code: str) -> Any:
    return operator.part("leg").filter(has_text=f"Thiết bị {code}")


async def rings(day: Day, there: There) -> tuple[Visitor, Visitor]:
    """Check that the server calls both registered halls. They wait, muted and before a splash, until the operator opens the
    meeting. Then they see each other.

    Operator and secretary sign in while the halls wait, because each second of the call takes much processor time. Return
    their pages.
    """
    for terminal in there.called:
        terminal.start()
    operator, secretary = await asyncio.gather(day.visit("vanhanh"), day.visit("vanthu"))
    for terminal in there.called:
        await until(lambda one=terminal: "Call established" in one.text(), f"{terminal.name} is called", BOUND_S)  # type: ignore[misc]
    await operator.part("nav-control").click()
    date = operator.part("board-date").filter(has_text=TITLE)
    await expect(date).to_contain_text("7 điểm cầu")
    await date.get_by_role("link").click()
    await expect(operator.part("leg")).to_have_count(7)
    for code in (MAIN, FIRST):
        await expect(row(operator, code)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)
    await expect(operator.part("board-waiting")).to_contain_text("2 hội trường")
    for code in (MAIN, FIRST):
        await expect(row(operator, code)).to_contain_text("Chờ khai mạc")
        await expect(row(operator, code)).to_contain_text("Micro tắt")
    for terminal in there.called:
        assert not shows(terminal, "blue"), "no hall sees another before the opening"
        assert not shows(terminal, "red")
    await operator.part("board-begin").click()
    await operator.part("begin-sure").click()
    await expect(operator.part("board-waiting")).to_have_count(0)
    await expect(row(operator, MAIN)).to_contain_text("Micro bật")
    await row(operator, FIRST).get_by_test_id("leg-mute").click()
    await expect(row(operator, FIRST)).to_contain_text("Micro bật")
    await asyncio.gather(
        *(
            until(partial(shows, terminal, colour), f"{terminal.name} sees the other", BOUND_S, in_thread=True)
            for terminal, colour in zip(there.called, ("blue", "red"), strict=True)
        )
    )
    return operator, secretary


async def one_comes_late(there: There, operator: Visitor) -> None:
    await expect(row(operator, LATE)).to_contain_text("Không kết nối được", timeout=PATIENCE_MS)
    await there.late.register()
    await until(lambda: there.late.stands, "it is called when it registers", BOUND_S)
    await expect(row(operator, LATE)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)


async def one_is_added(there: There, operator: Visitor) -> None:
    await there.added.register()
    await operator.part("leg-add").click()
    await operator.part("add-pick").fill("xa 19")
    await operator.part("add-pick-option").filter(has_text="Xã 19").first.click()
    await operator.part("add-call").click()
    await until(lambda: there.added.stands, "it is called", BOUND_S)
    await expect(row(operator, ADDED)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)


async def mutes_all_and_ends(there: There, operator: Visitor, host: Visitor) -> None:
    """Join as the secretary, who is a host of the meeting, mute all participants, and end the meeting."""
    await host.page.get_by_role("link", name=TITLE).first.click()
    await host.part("enter-button").click()
    await host.part("preview-video").wait_for(timeout=PATIENCE_MS)
    await host.part("join-button").click()
    await host.part("stage").wait_for(timeout=PATIENCE_MS)
    await hears(there.main, FIRST_HZ, HOST_HZ)
    await host.part("people-toggle").click()
    await expect(host.part("people-count")).to_have_text("1 người, 4 điểm cầu có mặt")
    await host.part("mute-all").click()
    await hears(there.main, HOST_HZ)
    await hears(there.first, HOST_HZ)
    for code in (MAIN, FIRST):
        await expect(row(operator, code)).to_contain_text("Micro tắt")
    await host.part("leave-button").click()
    await host.part("leave-end").click()
    await host.part("end-sure").click()
    await expect(host.part("left-page")).to_contain_text("Cuộc họp đã kết thúc")
    for phone in (there.late, there.added):
        await until(lambda one=phone: one.told[-1] == "BYE", f"{phone.name} is told", BOUND_S)  # type: ignore[misc]
        assert (phone.called, phone.doubled) == (1, [])
    for terminal in there.called:
        await until(lambda one=terminal: "session closed" in one.text(), f"{terminal.name} is told", BOUND_S)  # type: ignore[misc]
    for code in (MAIN, FIRST, LATE, ADDED):
        await expect(row(operator, code)).to_have_attribute("data-state", "left", timeout=PATIENCE_MS)
        await expect(row(operator, code)).to_contain_text("Cuộc họp đã kết thúc")
    await expect(row(operator, NEVER)).not_to_contain_text("gọi lại lúc")


async def hears(terminal: Baresip, *wanted: int) -> None:
    heard: set[int] = set()

    def right() -> bool:
        nonlocal heard
        rate, samples = terminal.hears()
        heard = sound.tones(samples, TONES, rate)
        return heard == set(wanted)

    await until(right, lambda: f"{terminal.name} hears {heard}, not {wanted}", BOUND_S, in_thread=True)


def shows(terminal: Baresip, colour: str) -> bool:
    return is_colour(terminal.saw(), colour)
