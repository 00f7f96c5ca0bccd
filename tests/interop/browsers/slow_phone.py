"""A guest with a phone on a slow network in an ordinary meeting: link in the mail, lobby, hand, floor, vote.

The phone is Chromium with the screen, the touch and the user agent of a phone. It is alone in its network, and every packet
passes the program of `tests.simulation.impair`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.interop.browsers import chaired
from tests.interop.browsers.chaired import MAIN_HZ, WARD_HZ, Sitting
from tests.interop.browsers.day import DOMAIN, HOST_HZ, URL, Day
from tests.interop.terminals.hallnet import Baresip, colour_of
from tests.interop.window import MIDDLE, Window, chromium
from tests.simulation import impair
from tests.simulation.impair import Way
from tests.waiting import until
from tests.web.visiting import Visitor

GUEST, GUEST_MAIL = "Ông Nguyễn Văn Khách", f"khach@{DOMAIN}"
QUESTION = "Thông qua nội dung dự thảo đề án"
GUEST_HZ, GUEST_COLOUR = WARD_HZ, "magenta"
DOWN = Way(rate_kbps=600, queue_bytes=22_500, delay_ms=75, jitter_ms=25)
UP = Way(rate_kbps=300, queue_bytes=11_250, delay_ms=75, jitter_ms=25)
"""A weak 3G cell: 150 ms there and back, with queues of 0.3 s. Chosen. Slower: the page loads for minutes, and the walk shows
no more.
"""
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": (
        "Mozilla/5.0 (Linux; Android 13; SM-A042F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Mobile Safari/537.36"
    ),
}
SLOW_MS = 120_000
"""ms. The longest wait of the phone's page. Larger: a test that hangs fails late. Smaller: a busy machine fails the test."""


@asynccontextmanager
async def slow_phone(day: Day, folder: Path) -> AsyncIterator[Window]:
    with impair.link(DOWN, UP, seed=21, server=day.communes.server_place) as link:
        async with chromium(folder, link.client.prefix) as browser:
            phone = await day.page(GUEST_COLOUR, GUEST_HZ, browser=browser, **PHONE)
            phone.page.set_default_timeout(SLOW_MS)
            yield phone
            passed = link.counters()
            assert min(passed.down.delivered_bytes, passed.up.delivered_bytes) > 100_000, "all went over the slow link"


async def invites(secretary: Visitor) -> None:
    """Invite the guest by name and mail address, on the form of a booking."""
    await secretary.page.get_by_text("Khách mời ngoài danh bạ").click()
    await secretary.page.locator("#guest-name").fill(GUEST)
    await secretary.page.locator("#guest-mail").fill(GUEST_MAIL)
    await secretary.part("add-guest").click()
    await expect(secretary.part("guest-list")).to_contain_text(GUEST)


async def joins(day: Day, phone: Window, host: Window, mail: str) -> None:
    """Follow the link in the mail to the lobby. The host lets the guest in."""
    link = re.search(rf"{URL}/moi#\S+", mail)
    assert link, mail
    await phone.page.goto(link[0])
    await phone.page.get_by_role("link", name="Tới trang vào họp").tap()
    await phone.part("join-enter").tap()
    await phone.part("preview-video").wait_for()
    await phone.part("join-button").tap()
    await phone.part("waiting").wait_for()
    await expect(host.part("knock-bar")).to_contain_text(GUEST, timeout=SLOW_MS)
    await host.part("knock-admit").click()
    await phone.part("stage").wait_for()


async def takes_part(s: Sitting, hall: Baresip) -> None:
    """Hear and see the meeting, raise the hand, be called and asked to unmute, speak, and end the turn."""
    host, phone = s.host, s.ward
    await chaired.listens(phone, MAIN_HZ, HOST_HZ)
    await until(lambda: _sees(phone, hall.colour), "the phone sees the hall", chaired.BOUND_S)
    await host.part("chair-toggle").click()
    await host.part("mode-one").click()
    await expect(phone.part("mic-toggle")).to_have_attribute("aria-pressed", "false", timeout=SLOW_MS)
    await chaired.hears(hall, HOST_HZ)
    await phone.part("hand-toggle").tap()
    await s.call(GUEST)
    await phone.part("unmute-yes").tap()
    await chaired.hears(hall, GUEST_HZ, HOST_HZ)
    await chaired.hall_sees_large(hall, phone.colour)
    await chaired.listens(host, GUEST_HZ)
    await chaired.sees_large(host, phone.colour)
    await s.end_turn()
    await chaired.hears(hall, HOST_HZ)
    await chaired.listens(host)


async def attends_a_vote(s: Sitting, hall: Baresip) -> None:
    """The host votes by the page, the hall by its keypad. The guest reads the question and the result, and has no ballot."""
    vote = (await s.order("vote_prepare", title=QUESTION, way="named", base="cast"))["vote"]
    await s.order("vote_open", vote=vote)
    await expect(s.ward.part("ballot-card")).to_contain_text(QUESTION, timeout=SLOW_MS)
    await s.ward.part("ballot-none").wait_for()
    await s.host.part("ballot-for").click()
    await asyncio.to_thread(hall.press, "*11")

    async def counted() -> bool:
        return bool((await s.desk())["votes"][vote]["cast"] == 2)

    await until(counted, "both ballots are cast", chaired.BOUND_S)
    await s.order("vote_close", vote=vote)
    assert (await s.desk())["votes"][vote]["result"]["counts"] == [2, 0, 0]
    for window in (s.ward, s.host):
        await expect(window.part("vote-result")).to_contain_text("Được thông qua", timeout=SLOW_MS)


async def _sees(phone: Window, colour: str) -> bool:
    """Report whether a tile of the page has this colour in its middle."""
    tiles = phone.page.locator("[data-testid=tile] video")
    found: list[list[int]] = await tiles.evaluate_all(f"(all) => all.map({MIDDLE})")
    return colour in {colour_of((red, green, blue)) for red, green, blue in found}
