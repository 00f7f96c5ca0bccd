"""A new province for a walk through its days, with the accounts and the data of the demonstration.

The server, its mail server, baresip, the scripted terminals and Chromium are real programs. A test moves the clock over the
days between (`tests.process_clock`). The pages have the same time.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, expect

from tests.conftest import ROOT
from tests.interop import network
from tests.interop.network import HTTP_PORT
from tests.interop.terminals.hallnet import HALLS, SERVER, Booked, HallNet
from tests.interop.window import MADE_UP, PATIENCE_MS, Window, chromium, css
from tests.process_clock import ProcessClock
from tests.rooms.postgres import Postgres
from tests.rooms.province import Province
from tests.signaling.notify.mailbox import Mailbox
from tests.waiting import until
from tests.web.desk.province import PASSWORD
from tests.web.desk.test_desk import code_of
from tests.web.visiting import FAULTS, Visitor

OFFICE, OFFICE_GATE = "172.16.77.2", "172.16.77.1"
"""The address and the gateway of the province's own building. Its network is separate from the communes' network."""
DOMAIN = "tayninh.example"
"""The domain of all mail addresses in the demonstration."""
URL = f"https://{SERVER}:{HTTP_PORT}"
HOST_HZ = 950
PRESSES = """(() => {
  window.presses = 0;
  const count = (n) => (window.presses += n);
  addEventListener('pointerdown', ({ target }) => count(target.matches('select') ? 0 : 1), true);
  addEventListener('change', ({ target }) => count(target.matches('select') ? 2 : 0), true);
  addEventListener('keydown', ({ key }) => count(key.length > 1 ? 1 : 0), true);
})()"""
"""Counts presses. A choice in a list takes two presses: one opens the list, one chooses. Tab, Enter and arrows count too; keys
that write a text do not.
"""


@dataclass
class Day:
    """Data that the users of the walk hold. `links` and `secrets` are by account, `passwords` by terminal."""

    clock: ProcessClock
    halls_clock: ProcessClock
    """The clock of terminals that check certificates. It is never set again, because a set clock stops their pictures."""
    communes: HallNet
    office: HallNet
    mailbox: Mailbox
    links: dict[str, str]
    browser: Browser
    secrets: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    """The last code of each account. The server takes a code once."""
    passwords: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    async def visit(self, name: str) -> Window:
        """Sign in on a new page. The first time, the user has only the link that the command printed."""
        visitor = await self.page()
        if name in self.links:
            await self._first_visit(visitor, name)
        else:
            await visitor.page.goto(f"{URL}/sign-in")
            await visitor.part("signin-name").fill(name)
            await visitor.part("signin-password").fill(PASSWORD)
            await visitor.part("signin-button").click()
            if name in self.secrets:
                await visitor.part("signin-code").fill(await self._code(name))
                await visitor.part("code-button").click()
        await visitor.part("my-page").wait_for(timeout=PATIENCE_MS)
        return visitor

    async def _first_visit(self, visitor: Visitor, name: str) -> None:
        """Choose a password. An operator also sets up a second factor."""
        await visitor.page.goto(f"{URL}/sign-in#link={self.links.pop(name)}")
        await visitor.part("password-new").fill(PASSWORD)
        await visitor.part("password-again").fill(PASSWORD)
        await visitor.page.keyboard.press("Enter")
        if name == "vanhanh":
            self.secrets[name] = (await visitor.part("totp-secret").inner_text(timeout=PATIENCE_MS)).replace(" ", "")
            await visitor.part("totp-code").fill(await self._code(name))
            await visitor.part("totp-button").click()
            await visitor.part("recovery-kept").click()

    async def turn(self, to: datetime) -> None:
        """Set the clock of all processes and of all open pages."""
        self.clock.turn(to)
        for context in self.browser.contexts:
            await context.add_init_script(self.clock.script)
            for page in context.pages:
                await page.evaluate(self.clock.script)

    async def leave(self) -> None:
        """Close all pages, as everybody does in the evening."""
        for context in self.browser.contexts:
            await context.close()

    async def mail(self, to: str, subject: str) -> str:
        """Return the text of the mail with this subject that the mail server received for this address."""
        await until(lambda: self._mails(to, subject), lambda: f"a mail “{subject}” to {to}: {self._subjects()}")
        body = self._mails(to, subject)[0].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def _mails(self, to: str, subject: str) -> list[Any]:
        return [one for one in self.mailbox.to(to) if subject in str(one["Subject"])]

    def _subjects(self) -> list[tuple[str, str]]:
        return [(str(one["X-Rcpt"]), str(one["Subject"])) for one in self.mailbox.mails()]

    async def equip(self, operator: Visitor, *codes: str) -> None:
        """Give the terminals SIP accounts on the page of terminals."""
        await operator.page.goto(f"{URL}/directory/terminals")
        for code in codes:
            await operator.part("records-find").fill(code)
            row = operator.part("records").get_by_role("row").filter(has_text=code)
            await row.get_by_test_id("sip-account").click()
            await operator.part("sip-give").click()
            await operator.part("sip-given").wait_for()
            given = [await one.input_value() for one in await operator.part("sip-given").get_by_role("textbox").all()]
            assert given[0] == code.lower()
            self.passwords[code] = given[1]
            await operator.part("sip-kept").click()

    async def approve(self, visitor: Visitor, title: str) -> None:
        await visitor.part("nav-approvals").click()
        await visitor.part("approval").filter(has_text=title).get_by_test_id("approve").click()
        await expect(visitor.part("decided")).to_contain_text("Đã duyệt")

    async def _code(self, name: str) -> str:
        def right() -> str:
            return code_of(self.secrets[name], self.clock.now().timestamp())

        await until(lambda: right() != self.used.get(name), f"a new code of {name}")
        self.used[name] = right()
        return self.used[name]

    async def page(
        self,
        colour: str = "yellow",
        hz: int = HOST_HZ,
        screen: str = "cyan",
        browser: Browser | None = None,
        **device: Any,
    ) -> Window:
        """Open an empty page. Its camera has this colour, its microphone this tone, and its screen this colour. `browser` and
        `device`: another browser than the one of the day, and the device that it emulates.
        """
        device.setdefault("viewport", {"width": 1280, "height": 800})
        context = await self._context(browser, **device)
        await context.add_init_script(PRESSES)
        await context.add_init_script(f"({MADE_UP})({json.dumps([css(colour), hz, css(screen)])})")
        return await self._window(context, colour, hz)

    async def phone(self) -> Window:
        """Open an empty page on a phone, without camera and microphone."""
        screen: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3}
        return await self._window(await self._context(is_mobile=True, has_touch=True, **screen))

    async def _context(self, browser: Browser | None = None, **device: Any) -> BrowserContext:
        context = await (browser or self.browser).new_context(locale="vi-VN", ignore_https_errors=True, **device)
        await context.add_init_script(self.clock.script)
        return context

    async def _window(self, context: BrowserContext, colour: str = "", hz: int = 0) -> Window:
        window = Window(await context.new_page(), faults=self.faults, url=URL, colour=colour, hz=hz)
        window.page.on("pageerror", lambda error: self.faults.append(str(error)))
        window.page.on(
            "websocket", lambda socket: socket.on("framesent", lambda sent: window.note_sent(socket.url, sent))
        )
        window.page.on("console", lambda said: self.faults.append(said.text) if FAULTS.search(said.text) else None)
        return window


@contextmanager
def province(folder: Path, clock: ProcessClock) -> Iterator[tuple[HallNet, HallNet, Mailbox, dict[str, str]]]:
    """Start a server with the demonstration's month in PostgreSQL. Give the communes' network, the network of the province's
    building, the mail server, and the sign-in links.
    """
    with ExitStack() as stack:
        here, communes, office = (stack.enter_context(network.namespace()) for _ in range(3))
        network.plug(here, [f"{SERVER}/24"], communes, [f"{HALLS}/24"])
        network.plug(here, [f"{OFFICE_GATE}/24"], office, [f"{OFFICE}/24"])
        office.run("ip", "route", "add", f"{SERVER}/32", "via", OFFICE_GATE)
        store = Postgres()
        stack.callback(store.remove)
        store.start()
        store.run_now("CREATE DATABASE diemcau")
        own = {"DIEMCAU_DATABASE": store.url("diemcau"), **clock.environ}
        printed = subprocess.run(
            [sys.executable, "-m", "signaling", "demo", "load", "--data-dir", str(folder / "data")],
            cwd=ROOT,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        links = dict(re.findall(r"^ +(\S+) +\w+ +\S+#link=(\S+)$", printed, re.MULTILINE))
        (folder / "mail").mkdir()
        mailbox = Mailbox.open(folder / "mail", prefix=here.prefix)
        stack.callback(mailbox.close)
        server = stack.enter_context(network.serve(here, folder, **_settings(mailbox), **own))
        nets = [HallNet(server, place, here, Booked(Province(), "", "", ""), folder) for place in (communes, office)]
        yield nets[0], nets[1], mailbox, links


def _settings(mailbox: Mailbox) -> dict[str, str]:
    return {
        "DIEMCAU_SIP_HOST": SERVER,
        "DIEMCAU_HALL_HOST": SERVER,
        "DIEMCAU_HALLS": "true",
        "DIEMCAU_PUBLIC_URL": URL,
        "DIEMCAU_SMTP_HOST": "127.0.0.1",
        "DIEMCAU_SMTP_PORT": str(mailbox.port),
        "DIEMCAU_SMTP_TLS": "none",
        "DIEMCAU_MAIL_FROM": f"hop@{DOMAIN}",
        "DIEMCAU_MAIL_DOMAINS": DOMAIN,
    }


@asynccontextmanager
async def new_province(folder: Path, starts_at: datetime) -> AsyncIterator[Day]:
    """Give a province whose clock starts at this time. Fail at the end if a page had a fault."""
    (folder / "halls").mkdir()
    clock, halls_clock = ProcessClock(folder, starts_at), ProcessClock(folder / "halls", starts_at + timedelta(days=1))
    async with AsyncExitStack() as stack:
        communes, office, mailbox, links = stack.enter_context(province(folder, clock))
        browser = await stack.enter_async_context(chromium(folder, communes.place.prefix))
        made = Day(clock, halls_clock, communes, office, mailbox, links, browser)
        yield made
        assert made.faults == []
