"""An operators' board of 240 halls. Each second 60 halls change, and the page draws once. Few tasks of its main thread are
long, and a minute takes less than 1 MB. A real server and Chromium; the test writes the states of the halls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Site, Terminal
from tests.conftest import start_server
from tests.ports import free_port
from tests.rooms.postgres import at_once
from tests.web.desk.province import furnish
from tests.web.desk.test_desk import Served, sign_in
from tests.web.desk.test_rare_forms import ANSWERED, _begin
from tests.web.shots import shot
from tests.web.visiting import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.sim]
HALLS, CHANGED = 240, 60
MINUTE_S = 60
MOST_BYTES = 1_000_000
"""A minute of the board, with its pictures and all other requests of the page."""
STATES = ("connected", "ringing", "failed", "left")
REASONS = {"failed": "busy", "left": "dropped"}
OBSERVER = """
window.tasks = []; window.draws = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => Math.round(one.duration))))
  .observe({ type: 'longtask' });
"""
"""Long tasks are those of more than 50 ms on the clock (W3C Long Tasks)."""
LONG_TASKS = 6
"""Long tasks in a minute. The aim is 0. Experiment: 5 of 60 on two processors that other builds shared, load 14. Larger: a slow
page passes. Smaller: other programs on the machine make the test fail.
"""
WATCH = """() => {
  window.tasks = []; window.draws = [];
  new MutationObserver(() => window.draws.push(Math.round(performance.now())))
    .observe(document.querySelector('[data-testid=control-page]'), { subtree: true, attributeFilter: ['data-state'] });
}"""


@dataclass
class Large(Served):
    meeting: str
    date: str
    site: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    folder = tmp_path_factory.mktemp("large")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    meeting, date, site = at_once(_fill(folder, now))
    port = str(free_port())
    sip = {"DIEMCAU_SIP_HOST": "127.0.0.1", "DIEMCAU_SIP_UDP_PORT": port, "DIEMCAU_SIP_TCP_PORT": port}
    server = start_server(folder, DIEMCAU_HALLS="true", DIEMCAU_SIP_TLS_PORT="-1", **sip)
    yield Large(server, desk, now, {}, meeting, date, site)
    server.stop()


async def _fill(folder: Path, now: datetime) -> tuple[str, str, str]:
    """Write 240 halls into a running meeting. Another worker holds their leases, so that the server calls none of them."""
    database = Database.open(f"sqlite:///{(folder / 'diemcau.sqlite').absolute()}")

    async def work(session: AsyncSession) -> tuple[str, str, str]:
        meeting = (await session.scalars(select(Meeting).where(Meeting.title == ANSWERED))).one()
        date = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == meeting.id))).one()
        sites = list(await session.scalars(select(Site.id).order_by(Site.code)))
        for n in range(HALLS):
            named = {
                "code": f"LB{n}",
                "name": f"Thiết bị họp trực tuyến {n}",
                "sip_uri": f"sip:{n}@127.0.0.1:9",
                "codecs": [],
            }
            session.add(Terminal(id=f"{n:032x}", site_id=sites[n % len(sites)], protocols=["sip"], version=1, **named))
        await session.flush()
        for n in range(HALLS):
            held = {"leased_by": "the test", "lease_until": now + timedelta(days=1), "asked_by": "operator"}
            leg = DialLeg(id=f"{n:032x}", occurrence_id=date, terminal_id=f"{n:032x}", state="left", since=now, **held)
            session.add(leg)
        return meeting.id, date, sites[0]

    try:
        await _begin(database, ANSWERED, now)
        return await database.transact(work)
    finally:
        await database.close()


async def _change(database: Database, client: httpx.AsyncClient, served: Large, second: int) -> None:
    """Change the states of 60 halls, and note a telephone call, which makes the server send the news at once."""

    async def work(session: AsyncSession) -> None:
        for n in range(CHANGED):
            number = (second * CHANGED + n) % HALLS
            state = STATES[(second * CHANGED // HALLS + n) % len(STATES)]
            values = {
                "state": state,
                "reason": REASONS.get(state, ""),
                "since": datetime.now(UTC),
                "attempt": second + 1,
            }
            await session.execute(update(DialLeg).where(DialLeg.id == f"{number:032x}").values(values))

    await database.transact(work)
    path = f"/occurrences/{served.date}/contacts/{served.site}"
    assert (await client.put(path, json={"called": second % 2 == 0})).status_code == 200


async def test_the_board_of_240_halls_draws_once_a_second_and_takes_little(
    visit: Visit, served: Large, tmp_path: Path
) -> None:
    visitor = await visit(width=1440, height=900, script=OBSERVER)
    await sign_in(visitor, served, "dieuhanh", f"/control/{served.meeting}/{served.date}")
    await expect(visitor.part("leg")).to_have_count(HALLS, timeout=60_000)
    received = 0

    def count(event: dict[str, int]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    devtools = await visitor.page.context.new_cdp_session(visitor.page)
    await devtools.send("Network.enable")
    devtools.on("Network.dataReceived", count)
    kept = {one["name"]: one["value"] for one in await visitor.page.context.cookies()}
    database = Database.open(served.database_url)
    headers = {"origin": served.url}
    async with httpx.AsyncClient(base_url=f"{served.url}/api/v1", cookies=kept, headers=headers, timeout=60) as client:
        await visitor.page.evaluate(WATCH)
        begun = time.monotonic()
        for second in range(MINUTE_S):
            await _change(database, client, served, second)
            await asyncio.sleep(max(0.0, begun + second + 1 - time.monotonic()))  # the pace of the changes
    await database.close()
    await shot(visitor, tmp_path / "large.png")
    tasks, draws = await visitor.page.evaluate("[window.tasks, window.draws]")
    gaps = [later - earlier for earlier, later in pairwise(draws)]
    print(f"{len(draws)} draws, shortest gap {min(gaps)} ms, long tasks {tasks} ms, {received / 1e6:.2f} MB")
    assert MINUTE_S // 2 < len(draws) <= MINUTE_S + 1
    assert min(gaps) > 800
    assert len(tasks) <= LONG_TASKS
    assert 0 < received < MOST_BYTES
