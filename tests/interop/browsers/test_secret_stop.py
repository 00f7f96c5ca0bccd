"""The stop for secret content, from the page to the last byte: what people wrote is in no file of the server afterwards, and the
audit trail still says who stopped the meeting and when.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.records import AuditEntry
from tests.conftest import ROOT, start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.halls.test_chair import order
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import Quirk, Terminal
from tests.interop.window import PATIENCE_MS, Window, guest
from tests.ports import free_port
from tests.waiting import until
from tests.web.visiting import FAILED, USUAL, Chromiums

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PUBLIC, ITEM, QUESTION, HEAD = "Xuất kho Kilo 7391", "Phương án Zulu 7392", "Thông qua Lima 7393", "Đại tá Mike 7394"
WORDS = {"public line": PUBLIC, "item": ITEM, "vote": QUESTION, "head of a site": HEAD}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder, port = tmp_path_factory.mktemp("stop"), free_port()
    booked = hallnet.prepare(folder, ("hall-a",), ("127.0.0.0/8",), lobby=False)
    ports = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    server = start_server(
        folder / "data",
        "--halls",
        DIEMCAU_SIP_TLS_PORT="-1",
        DIEMCAU_LOG_LEVEL="debug",
        **ports,
        module="tests.patient",
    )
    try:
        yield There(server, booked, port)
    finally:
        server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(request: pytest.FixtureRequest, chromiums: Chromiums) -> AsyncIterator[Browser]:
    yield await chromiums.get(USUAL)
    await chromiums.tidy(suspect=request.node.stash.get(FAILED, False))


def found_in(folder: Path, words: str) -> list[str]:
    """Return the files below a folder with these words, as text or as JSON that escapes them."""
    forms = (words.encode(), json.dumps(words)[1:-1].encode())
    files = [one for one in folder.rglob("*") if one.is_file()]
    return [one.name for one in files if any(form in one.read_bytes() for form in forms)]


def left(folder: Path) -> dict[str, list[str]]:
    """Return the files that still have words of the meeting, by the place where a person wrote them."""
    return {what: files for what, words in WORDS.items() if (files := found_in(folder, words))}


def back_up(data: Path, to: Path) -> Path:
    command = [sys.executable, "-m", "signaling", "db", "backup", str(to), "--data-dir", str(data)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return to


async def test_after_a_stop_only_who_and_when_remain(there: There, browser: Browser, tmp_path: Path) -> None:
    data = there.server.data_dir
    who = await guest(data, there.booked, "secretary", "vp-2")
    an = await Window.open(browser, there.server.url, who, "green", 950)
    binh = await Window.open(browser, there.server.url, who, "blue", 610)
    hall = Terminal(Quirk(low=True), "hall-a", HOST, (200, 30, 30), 430, there.booked.passwords["hall-a"])
    async with hall:
        assert await there.dial(hall) == 200
        await an.enter()
        await binh.enter()
        await an.part("chat-toggle").click()
        await an.part("chat-input").fill(PUBLIC)
        await an.part("chat-send").click()
        await binh.part("chat-toggle").click()
        await expect(binh.part("chat-message")).to_contain_text(PUBLIC, timeout=PATIENCE_MS)
        order(there, "agenda_set", items=[{"title": ITEM}])
        order(there, "agenda_next")
        order(there, "vote_prepare", title=QUESTION)
        order(there, "roll_prepare", sites=[{"id": "hall_terminal.hall-a", "name": "Hội trường A"}])
        order(there, "report_delegates", site="hall_terminal.hall-a", delegates=3, head=HEAD)
        for what, words in WORDS.items():
            await until(lambda words=words: found_in(data, words), f"the search can find the {what}")  # type: ignore[misc]
        assert found_in(back_up(data, tmp_path / "before"), PUBLIC)

        began = datetime.now(UTC)
        order(there, "secret_stop")
        for window in (an, binh):
            await expect(window.part("left-page")).to_be_visible(timeout=PATIENCE_MS)
            assert PUBLIC not in await window.page.inner_text("body")
        await until(hall.ended.is_set, "the hall is hung up")
    await until(lambda: not left(data), lambda: f"these words are still there: {left(data)}")
    after = back_up(data, tmp_path / "after")
    logged = "".join(there.server.output)
    assert len(logged) > 1000, "the server logs"
    kept = [
        await one.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])") for one in (an, binh)
    ]
    assert left(after) == {}
    for what, words in WORDS.items():
        assert words not in logged, what
        assert words not in "".join(kept), what
    database = Database.open(f"sqlite:///{data / 'diemcau.sqlite'}")
    async with database.reading() as session:
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.secret_stop"))
        title = (await session.get_one(Meeting, who.meeting)).title
    await database.close()
    assert (entry.object_kind, entry.object_id) == ("occurrence", there.booked.occurrence)
    assert began <= entry.at
    assert set(entry.detail) == {"by", "for_chair"}
    assert title
    assert title not in f"{logged} {kept} {entry.detail}", "the title stays in the calendar only"
    assert an.faults == binh.faults == []
