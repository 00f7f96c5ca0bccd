"""The hall schedule of a province with more halls than a screen has rows. Halls out of view are not drawn, but the wheel, the
keyboard and the pointer still reach them. Also the page of a server without halls. A real server and Chromium.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect

from rooms.booking.changes import creation
from rooms.booking.holds import grid
from rooms.store.database import Database
from tests.conftest import start_server
from tests.rooms.postgres import at_once
from tests.web.desk.province import ZONE, Desk, _actor, _wanted, furnish, working_day
from tests.web.desk.test_desk import Served, settled, sign_in
from tests.web.shots import DRAWN
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

AHEAD = 16
"""Working days from today until the day on which the first and the last hall are booked."""
FIRST, LAST = "Họp ở hội trường đầu", "Họp ở hội trường cuối"
MOST_DRAWN = 30
ROW_OF_LAST = ".ec-body .ec-day >> nth=-1"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("board")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    names = at_once(_book_both_ends(folder, desk, now))
    assert len(names) > 2 * MOST_DRAWN
    server = start_server(folder)
    yield Served(server, desk, now, {"last hall": names[-1], "halls": str(len(names))})
    server.stop()


async def _book_both_ends(folder: Path, desk: Desk, now: datetime) -> list[str]:
    """Book a meeting in the first and in the last hall. Return the names of all halls in the order of the board."""
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")
    try:
        day = working_day(AHEAD, now).astimezone(UTC)
        async with database.reading() as session:
            halls = (await grid.board(session, day, day + timedelta(days=1), _actor(desk), now)).halls
        internal = _wanted(desk, now)[0]
        for title, hall in ((FIRST, halls[0]), (LAST, halls[-1])):
            request = replace(internal, title=title, starts_at=day, hall_ids=(hall.id,))
            await creation.book(database, request, _actor(desk), now)
        return [hall.name for hall in halls]
    finally:
        await database.close()


async def opened(visit: Visit, served: Served, width: int = 1280, height: int = 800) -> Visitor:
    visitor = await visit(width=width, height=height)
    day = working_day(AHEAD, served.now).date().isoformat()
    await sign_in(visitor, served, path=f"/board?day={day}&span=week&view=picture")
    await expect(visitor.part("timeline")).to_contain_text(FIRST)
    await settled(visitor)
    return visitor


async def scroll_to_end(visitor: Visitor, served: Served) -> None:
    """Scroll like a wheel that does not stop. The end of the page moves while the page measures its rows."""
    for _ in range(20):
        await visitor.page.evaluate("document.querySelector('.ec-main').scrollBy(0, 4000)")
        await visitor.page.wait_for_timeout(100)
    await expect(visitor.page.locator("[data-hall]").last).to_contain_text(served.secrets["last hall"])


async def left_of(visitor: Visitor) -> float:
    return float(await visitor.page.evaluate("document.querySelector('.ec-main').scrollLeft"))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), pytest.param(360, 740, marks=pytest.mark.sim)])
async def test_only_halls_in_view_are_drawn_and_all_come_by_scrolling(
    visit: Visit, served: Served, width: int, height: int
) -> None:
    visitor = await opened(visit, served, width, height)
    await expect(visitor.part("board-page")).to_contain_text(f"{served.secrets['halls']} hội trường")
    assert 10 < await visitor.page.locator("[data-hall]").count() < MOST_DRAWN
    await expect(visitor.part("timeline")).not_to_contain_text(LAST)
    await visitor.page.evaluate("document.querySelector('.ec-main').scrollLeft = 300")
    where = await left_of(visitor)
    await scroll_to_end(visitor, served)
    await expect(visitor.part("timeline")).to_contain_text(LAST)
    await expect(visitor.part("timeline")).not_to_contain_text(FIRST)
    assert await visitor.page.locator("[data-hall]").count() < MOST_DRAWN
    assert await left_of(visitor) == where
    assert await visitor.barriers() == []
    if width > 1000:
        await visitor.part("board-find").fill(FIRST)
        await expect(visitor.part("timeline")).to_have_count(0)
        await visitor.part("board-find").fill("")
        await expect(visitor.part("timeline")).to_contain_text(FIRST)


async def test_rows_keep_their_position_while_others_are_drawn(visit: Visit, served: Served) -> None:
    visitor = await opened(visit, served)
    heads = "Array.from(document.querySelectorAll('[data-hall]'), (one) => [one.dataset.hall, one.getBoundingClientRect().top])"
    shifts = 0
    for step in (300, 200, 200, 200, -150, -250, 200, 200, 200):
        before = dict(await visitor.page.evaluate(heads))
        await visitor.page.evaluate(f"document.querySelector('.ec-main').scrollBy(0, {step})")
        await visitor.page.wait_for_timeout(200)
        await visitor.page.evaluate(DRAWN)
        after = dict(await visitor.page.evaluate(heads))
        shifts += before.keys() != after.keys()
        both = before.keys() & after.keys()
        assert both
        for hall in both:
            assert abs(before[hall] - step - after[hall]) < 2, hall
    assert shifts >= 2


async def test_tab_reaches_a_meeting_that_is_not_drawn_yet(visit: Visit, served: Served) -> None:
    visitor = await opened(visit, served)
    timeline = visitor.part("timeline")
    await timeline.get_by_role("link", name=FIRST).focus()
    for _ in range(20):
        await visitor.page.keyboard.press("Tab")
        await visitor.page.wait_for_timeout(150)
        if LAST in await visitor.page.evaluate("document.activeElement.textContent"):
            break
    await expect(timeline.get_by_role("link", name=LAST)).to_be_focused()
    await expect(timeline.get_by_role("link", name=LAST)).to_be_in_viewport()
    for _ in range(20):
        await visitor.page.keyboard.press("Shift+Tab")
        await visitor.page.wait_for_timeout(150)
        if FIRST in await visitor.page.evaluate("document.activeElement.textContent"):
            break
    await expect(timeline.get_by_role("link", name=FIRST)).to_be_focused()
    await visitor.page.keyboard.press("Enter")
    await expect(visitor.page.get_by_role("heading", name=FIRST)).to_be_visible()


async def test_the_last_hall_is_booked_by_dragging(visit: Visit, served: Served) -> None:
    visitor = await opened(visit, served, 1400, 1100)
    await scroll_to_end(visitor, served)
    await visitor.page.evaluate("document.querySelector('.ec-main').scrollLeft = 10000")
    await visitor.page.wait_for_timeout(200)
    await visitor.page.evaluate(DRAWN)
    await visitor.page.locator(ROW_OF_LAST).scroll_into_view_if_needed()
    await visitor.page.evaluate(DRAWN)
    box = await visitor.page.locator(ROW_OF_LAST).bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await visitor.page.mouse.move(box["x"] + 60, y)
    await visitor.page.mouse.down()
    await visitor.page.wait_for_timeout(100)
    await visitor.page.mouse.move(box["x"] + 140, y, steps=8)
    await visitor.page.wait_for_timeout(100)
    await visitor.page.mouse.up()
    await visitor.part("book-page").wait_for()
    await expect(visitor.part("halls")).to_contain_text(served.secrets["last hall"])


async def test_today_is_that_of_vietnam_wherever_the_browser_is(visit: Visit, served: Served) -> None:
    """On a Saturday or Sunday the board opens with the next week. So the test presses *Hôm nay*."""
    here = datetime.now(ZONE)
    elsewhere = "Pacific/Pago_Pago" if here.hour < 17 else "Pacific/Kiritimati"
    visitor = await visit(zone=elsewhere)
    other = await visitor.page.evaluate("new Intl.DateTimeFormat('en', { day: '2-digit' }).format()")
    assert other != f"{here:%d}", "the browser has another day"
    await sign_in(visitor, served, path="/board?span=week&view=picture")
    await visitor.part("board-today").click()
    await expect(visitor.page.locator("[data-testid=timeline] .ec-today").first).to_contain_text(f"{here:%d/%m}")


@pytest.mark.parametrize(("name", "mends"), [("quantri", True), ("thuky", False)])
async def test_only_an_administrator_reads_how_to_switch_halls_on(
    visit: Visit, served: Served, name: str, mends: bool
) -> None:
    visitor = await visit()
    await sign_in(visitor, served, name, "/control")
    await visitor.part("halls-off").wait_for()
    assert await visitor.page.get_by_text("halls = true").count() == mends


async def test_disabled_and_read_only_parts_look_disabled(visit: Visit, served: Served) -> None:
    visitor = await visit()
    refused: list[str] = []
    visitor.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    await sign_in(visitor, served, path="/control")
    await expect(visitor.part("halls-off")).to_be_visible()
    await settled(visitor)
    assert refused == []
    assert await visitor.barriers() == []
    await visitor.page.goto(f"{served.url}/settings/rules")
    number, chooser = visitor.page.locator("#rule-ahead_days"), visitor.part("rules-unit")
    await expect(number).to_be_disabled()
    ground = "(field) => getComputedStyle(field).backgroundColor"
    assert await number.evaluate(ground) == await visitor.page.locator("#rule-opens").evaluate(ground)
    assert await number.evaluate(ground) != await chooser.evaluate(ground)
