"""Votes on the page of a call: prepared, opened and closed by the chair, with the ballot and the result on every page. Without a
database the chair reads a sentence.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import segno
from playwright.async_api import expect
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.proceedings import MeetingEvent
from tests.conftest import LiveServer, start_server
from tests.rooms.postgres import Postgres, at_once
from tests.signaling.desk.desk_client import WAIT_S, Meeting
from tests.waiting import until
from tests.web.call.test_floor import IN_VIEW, Presses
from tests.web.call.test_quality import ALL_OFF, enter
from tests.web.shots import resize, shots
from tests.web.test_pages import PATIENCE_MS, new_meeting, tiles
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

CHAIR, BINH, CUONG = "Nguyễn Văn An", "Trần Thị Bình", "Lê Hoàng Cường"
HANDS, NAMED, SECRET = "Thông qua chương trình làm việc", "Thông qua Nghị quyết dự toán", "Miễn nhiệm Phó Chủ tịch"
ELECTION = "Bầu Ban kiểm phiếu"
FOR, AGAINST = 0, 1
FREE_OF = """(card) => {
  const { top, bottom } = card.getBoundingClientRect();
  const faces = [...document.querySelectorAll('[data-testid=tile]')].map((tile) => tile.getBoundingClientRect());
  return faces.length > 0 && faces.every((face) => face.bottom <= top + 1 || face.top >= bottom - 1);
}"""
"""Reports whether a card covers no picture of a person."""


async def sees(visitor: Visitor, testid: str, *texts: str) -> None:
    for text in texts:
        await expect(visitor.part(testid)).to_contain_text(text)


async def counted(visitor: Visitor, *rows: str) -> None:
    """Expect these rows of the result on the card: name, number, percent."""
    await expect(visitor.part("vote-result").get_by_test_id("vote-counted")).to_have_text(list(rows))


async def looked(visitor: Visitor, folder: Path, name: str) -> None:
    """Take screenshots, and give the window its size back."""
    size = visitor.page.viewport_size
    assert size is not None
    await shots(visitor, folder, name)
    await resize(visitor, size["width"], size["height"])


async def present(visitor: Visitor, count: int) -> None:
    await expect(visitor.part("present-count")).to_contain_text(f"{count} người", timeout=PATIENCE_MS)


async def sent(meeting: Meeting, order: str, vote: str, name: str, **fields: object) -> httpx.Response:
    """Give an order by the documented API, as a person of the call."""
    async with httpx.AsyncClient(base_url=meeting.server.url, timeout=WAIT_S) as web:
        head = {"authorization": f"Bearer {meeting.token(name)}"}
        address = f"/api/v1/conferences/{meeting.name}/desk/{order}"
        return await web.post(address, json={"vote": vote, **fields}, headers=head)


async def counted_at_the_roll_call(meeting: Meeting, delegates: dict[str, int]) -> None:
    """Call the roll with these participants as sites. Each has this number of delegates."""
    async with meeting.desk(meeting.key()) as host:
        await host.until(lambda: host.state)
        people: dict[str, dict[str, object]] = host.state["people"]
        sites = {one: row["n"] for one, row in people.items() if row["n"] in delegates}
        assert len(sites) == len(delegates), people
        orders: list[tuple[str, dict[str, object]]] = [
            ("roll_prepare", {"sites": [{"id": site, "name": name} for site, name in sites.items()]})
        ]
        orders += [
            ("report_delegates", {"site": one, "delegates": delegates[str(name)]}) for one, name in sites.items()
        ]
        orders.append(("roll_begin", {}))
        orders += [("roll_mark", {"site": one, "presence": "present"}) for one in sites]
        orders.append(("roll_end", {}))
        for at, (order, fields) in enumerate(orders, 1):
            assert "ok" in await host.order(at, order, **fields), order


async def scanned(visitor: Visitor) -> str:
    """Return the address with the code that is shown as text, after a check that the QR code holds the same address."""
    code = (await visitor.part("vote-code-text").inner_text()).replace("-", "")
    address = f"{await visitor.page.evaluate('location.origin')}/phieu#{code}"
    made = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        made, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True, light="#fff"
    )
    drawn = str(await visitor.part("qr").get_attribute("src"))
    assert unquote(drawn.partition(",")[2]) == made.getvalue().decode()
    return address


async def opened(meeting: Meeting, name: str) -> str:
    """Return the id of the open vote."""
    async with meeting.desk(meeting.token(name)) as desk:
        await desk.until(lambda: desk.state)
        votes: dict[str, dict[str, object]] = desk.state["votes"]
        return next(id_ for id_, row in votes.items() if row["state"] == "open")


async def test_votes_by_hands_by_name_and_in_secret(
    visit: Visit, live_server: LiveServer, now: float, tmp_path: Path
) -> None:
    """A new vote is three presses, a prepared vote is one. The ballot covers no face. A secret ballot asks once, is final, and
    leaves no choice on the page. The result is on every page.
    """
    an = await visit(script=ALL_OFF)
    binh = await visit(width=390, height=844, touch=True, script=ALL_OFF)
    cuong = await visit(width=820, height=1180, script=ALL_OFF)
    link = await new_meeting(an, live_server)
    await enter(an, link, CHAIR)
    await enter(binh, link, BINH)
    await enter(cuong, link, CUONG)
    await tiles(an, 3)
    members = (an, binh, cuong)
    chair = Presses(an)

    # A new motion by show of hands: open the panel, open the part, start.
    await chair.press("chair-toggle")
    await chair.press("chair-part-votes")
    await an.part("vote-title").fill(HANDS)
    await chair.press("vote-start")
    assert chair.taken() == 3
    for one in members:
        await sees(one, "ballot-card", HANDS, "0/3 người giơ tay")
        assert await one.part("ballot-for").evaluate(IN_VIEW)
        assert await one.part("ballot-card").evaluate(FREE_OF)
    await binh.part("ballot-for").click()
    await sees(binh, "ballot-cast", "Đã ghi nhận: Tán thành")
    row = an.part("hands-row").filter(has_text=CUONG)
    await row.get_by_test_id("hands-against").fill("2")
    await expect(row.get_by_test_id("hands-enter")).to_be_disabled()
    await row.get_by_test_id("hands-against").fill("1")
    await row.get_by_test_id("hands-enter").click()
    await sees(an, "vote-count", "2/3 người giơ tay")
    await sees(cuong, "ballot-cast", "Đã ghi nhận: Không tán thành")
    row = an.part("hands-row").filter(has_text=BINH)
    await row.get_by_test_id("hands-for").fill("0")
    await row.get_by_test_id("hands-abstain").fill("1")
    await row.get_by_test_id("hands-enter").click()
    await sees(binh, "ballot-cast", "Đã ghi nhận: Không có ý kiến")
    await an.part("ballot-for").click()
    await looked(an, tmp_path, "hands-chair")
    for one in members:
        assert await one.barriers() == []

    # Two more votes are prepared while the first is open.
    await an.part("vote-title").fill(NAMED)
    await an.part("vote-way-named").click()
    await an.part("vote-keep").click()
    await an.part("vote-prepared").wait_for()
    await an.part("vote-title").fill("Nội dung nhầm")
    await an.part("vote-keep").click()
    await expect(an.part("vote-prepared")).to_have_count(2)
    await an.part("vote-up").click()
    await expect(an.part("vote-prepared").first).to_contain_text("Nội dung nhầm")
    await an.part("vote-prepared").first.get_by_test_id("vote-annul").click()
    await an.part("vote-reason").fill("Nhập nhầm")
    await an.part("vote-annul-sure").click()
    await expect(an.part("vote-prepared")).to_have_count(1)
    await an.part("vote-close").click()
    for one in members:
        await sees(one, "vote-result", HANDS, "Không được thông qua", "3 phiếu, 3 người có mặt")
        await counted(one, "Tán thành 133,3%", "Không tán thành 133,3%", "Không có ý kiến 133,3%")
        assert await one.part("vote-result").evaluate(FREE_OF)
    await binh.part("vote-result-close").click()
    await expect(binh.part("vote-result")).to_have_count(0)

    # A prepared vote by name is one press. A ballot can be changed until the end.
    await chair.press("vote-open")
    assert chair.taken() == 1
    await cuong.part("ballot-against").click()
    await sees(cuong, "ballot-cast", "Đã ghi nhận: Không tán thành")
    await cuong.part("ballot-change").click()
    await cuong.part("ballot-for").click()
    await sees(cuong, "ballot-cast", "Đã ghi nhận: Tán thành")
    await binh.part("ballot-for").click()
    await looked(binh, tmp_path, "named-member")
    await sees(an, "vote-count", "2/3 phiếu")
    await an.part("vote-close").click()
    for one in members:
        await sees(one, "vote-result", "Được thông qua")
        await counted(one, "Tán thành 266,7%", "Không tán thành 00%", "Không có ý kiến 00%")
    await binh.part("vote-names").click()
    await sees(binh, "vote-result", f"{CUONG}Tán thành", f"{CHAIR}chưa biểu quyết")

    # A secret vote with three people stays prepared, with the server's sentence. With five it opens.
    await an.part("vote-title").fill(SECRET)
    await an.part("vote-way-secret").click()
    await an.part("vote-start").click()
    await sees(an, "chair-trouble", "ít nhất 5 người")
    await expect(an.part("vote-prepared")).to_have_count(1)
    room = link.split("/m/")[1].split("#")[0]
    meeting = Meeting(live_server, room, now)
    async with AsyncExitStack() as stack:
        for name in ("dung", "em"):
            await stack.enter_async_context(meeting.call(name))
        await present(an, 5)
        await an.part("vote-open").click()
        await sees(an, "vote-count", "0/5 phiếu")
        vote = await opened(meeting, "dung")
        await stack.enter_async_context(meeting.call("muon"))
        await present(an, 6)
        await an.part("vote-admit").select_option(label="Muon")
        await sees(an, "vote-count", "0/6 phiếu")
        await binh.part("ballot-against").click()
        await looked(binh, tmp_path, "secret-sure")
        await binh.part("ballot-no").click()
        await binh.part("ballot-for").click()
        await sees(binh, "ballot-sure", "Tán thành", "không đổi được")
        await binh.part("ballot-yes").click()
        await expect(binh.part("ballot-cast")).to_have_text("Đã ghi nhận phiếu kín.")
        await expect(binh.part("ballot-change")).to_have_count(0)
        for one in (an, cuong):
            await one.part("ballot-against").click()
            await one.part("ballot-yes").click()
        await sees(an, "vote-count", "3/6 phiếu")
        await expect(an.part("vote-rows")).to_have_count(0)
        for name in ("dung", "em", "muon"):
            assert (await sent(meeting, "ballot", vote, name, choices=[FOR])).status_code == 200
        again = await sent(meeting, "ballot", vote, "dung", choices=[AGAINST])
        assert again.json()["code"] == "vote_cast_already"
        await sees(cuong, "ballot-card", "6/6 phiếu")
        await an.part("vote-close").click()
        for one in members:
            await counted(one, "Tán thành 466,7%", "Không tán thành 233,3%", "Không có ý kiến 00%")
        await looked(an, tmp_path, "secret-result")

        # An election of at most two of three. A blank ballot is a ballot.
        await an.part("vote-title").fill(ELECTION)
        await an.part("vote-kind-election").click()
        await expect(an.part("vote-way-hands")).to_have_count(0)
        await an.part("vote-candidates").fill("Hoàng Mai\nPhạm Lan\nVũ Minh")
        await an.part("vote-seats").fill("2")
        await an.part("vote-details").click()
        await an.part("vote-base").select_option("valid")
        await looked(an, tmp_path, "election-form")
        await an.part("vote-start").click()
        for option in (2, 0):
            await binh.part(f"ballot-option-{option}").click()
        await expect(binh.part("ballot-option-1")).to_be_disabled()
        assert await binh.barriers() == []
        await looked(binh, tmp_path, "election-ballot")
        await binh.part("ballot-send").click()
        await sees(binh, "ballot-cast", "Hoàng Mai, Vũ Minh")
        await cuong.part("ballot-send").click()
        await sees(cuong, "ballot-cast", "phiếu trống")
        await sees(an, "vote-count", "2/6 phiếu")
        await an.part("vote-close").click()
        for one in members:
            await sees(one, "vote-result", "Hoàng Mai, Vũ Minh")
            await counted(one, "Hoàng Maitrúng cử 1100%", "Vũ Minhtrúng cử 1100%", "Phạm Lan 00%")
        await an.part("vote-ended").first.get_by_test_id("vote-annul").click()
        await an.part("vote-reason").fill("Sai danh sách")
        await an.part("vote-annul-sure").click()
        for one in members:
            await sees(one, "vote-result", "Đã hủy: Sai danh sách")
    await present(an, 3)
    await delegates_vote_by_phone(visit, meeting, members, tmp_path)


async def delegates_vote_by_phone(
    visit: Visit, meeting: Meeting, members: tuple[Visitor, Visitor, Visitor], folder: Path
) -> None:
    """Let two of the three delegates of a site take its cards: one scans the QR code, one types the code. The chair takes a card
    without a ballot back, and a third phone takes the card by the new code.
    """
    an, binh, _cuong = members
    await counted_at_the_roll_call(meeting, {CUONG: 3, BINH: 2})
    await an.part("vote-title").fill(SECRET)
    await an.part("vote-way-secret").click()
    await an.part("vote-phones").check()
    await an.part("vote-start").click()
    await sees(an, "vote-count", "0/6 phiếu")
    await an.part("vote-codes-open").click()
    row = an.part("vote-code-row").filter(has_text=CUONG)
    await row.get_by_test_id("vote-code-show").click()
    await expect(row).to_contain_text("0/2 máy")
    address = await scanned(an)
    code = await an.part("vote-code-text").inner_text()
    await looked(an, folder, "codes-chair")
    assert await an.barriers() == []

    phone = await visit(width=360, height=740, touch=True)
    await phone.page.goto(address)
    await sees(phone, "card-take", "Nhận phiếu")
    await expect(row).to_contain_text("0/2 máy")  # who only looks takes no card
    await phone.part("card-take").click()
    await sees(phone, "card-site", f"{CUONG} · Phiếu của bạn")
    await expect(row).to_contain_text("1/2 máy")
    await expect(phone.part("card-to-review")).to_be_disabled()
    await phone.part("card-option-1").click()
    assert await phone.barriers() == []
    await looked(phone, folder, "card-choice")
    await phone.part("card-to-review").click()
    await sees(phone, "card-review", "Không tán thành", "không đổi được")
    await looked(phone, folder, "card-review")
    await phone.part("card-again").click()
    await phone.part("card-option-0").click()
    await phone.part("card-to-review").click()
    await phone.part("card-send").click()
    await sees(an, "vote-count", "1/6 phiếu")
    await phone.page.reload()
    await sees(phone, "card-site", "Phiếu của bạn")
    await expect(phone.part("card-recorded")).to_have_text("Đã ghi nhận phiếu kín.")
    assert "Tán thành" not in await phone.page.locator("body").inner_text()
    await looked(phone, folder, "card-recorded")
    assert await phone.barriers() == []

    typing = await visit(width=390, height=844, touch=True)
    await typing.page.goto(address.partition("#")[0])
    await typing.part("card-code").fill(code.lower())
    assert await typing.barriers() == []
    await typing.part("card-open").click()
    await typing.part("card-take").click()
    await sees(typing, "card-site", f"{CUONG} · Phiếu của bạn")
    third = await visit(width=390, height=844, touch=True)
    await third.page.goto(address)
    await third.part("card-take").click()
    await sees(third, "card-trouble", "đã nhận hết phiếu")
    await row.get_by_test_id("take-back").click()
    await looked(an, folder, "take-back-sure")
    assert await an.barriers() == []
    await row.get_by_test_id("take-back-sure").click()
    await expect(an.part("vote-code-text")).not_to_have_text(code)
    await expect(row).to_contain_text("không hiện số máy đã nhận")
    await looked(an, folder, "codes-taken-back")
    await sees(typing, "card-withdrawn", "thu lại các phiếu chưa bỏ", "mã QR mới")
    assert SECRET not in await typing.page.locator("body").inner_text()
    assert await typing.barriers() == []
    await looked(typing, folder, "card-withdrawn")
    await phone.page.goto(await scanned(an))  # the same phone has voted: a scan of the new code gives no second ballot
    await sees(phone, "card-site", f"{CUONG} · Phiếu của bạn")
    await expect(phone.part("card-recorded")).to_have_text("Đã ghi nhận phiếu kín.")
    await sees(phone, "card-opened", f"của {CUONG}")
    assert await phone.barriers() == []
    await looked(phone, folder, "card-opened")
    await phone.part("card-take-opened").click()  # the code might have been of another meeting
    await sees(phone, "card-note", "cùng lần biểu quyết")
    await expect(phone.part("card-opened")).to_have_count(0)
    await third.page.goto(await scanned(an))
    await third.part("card-take").click()
    await sees(third, "card-site", f"{CUONG} · Phiếu của bạn")
    for part in ("card-option-1", "card-to-review", "card-send"):
        await third.part(part).click()
    await typing.part("card-code").fill(await an.part("vote-code-text").inner_text())
    await typing.part("card-open").click()
    await typing.part("card-take").click()
    await sees(typing, "card-trouble", "đã nhận hết phiếu")
    await typing.page.close()
    await phone.page.reload()
    await sees(phone, "card-recorded", "Đã ghi nhận phiếu kín.")
    await takes_back_its_own(visit, binh, folder)

    for one in members:
        await one.part("ballot-for").click()
        await one.part("ballot-yes").click()
    await sees(an, "vote-count", "5/6 phiếu")
    await an.part("vote-close").click()
    await counted(an, "Tán thành 466,7%", "Không tán thành 116,7%", "Không có ý kiến 00%")
    await sees(phone, "card-ended", "Biểu quyết đã kết thúc", "Phiếu đã được ghi nhận.")
    await sees(third, "card-ended", "Biểu quyết đã kết thúc")
    for one in (phone, third):
        assert SECRET not in await one.page.locator("body").inner_text(), "nothing of the vote stays"
    await looked(phone, folder, "card-ended")


async def takes_back_its_own(visit: Visit, binh: Visitor, folder: Path) -> None:
    """Let a site that is a browser read how many of its delegates have a card, and take the card back."""
    await binh.part("own-codes-open").click()
    await sees(binh, "own-taken", "0/1 máy")
    drawn = binh.part("ballot-card").get_by_test_id("qr")
    before = str(await drawn.get_attribute("src"))
    address = await binh.page.evaluate("location.origin") + "/phieu#" + await own_code(binh)
    phone = await visit(width=390, height=844, touch=True)
    await phone.page.goto(address)
    await phone.part("card-take").click()
    await sees(phone, "card-site", BINH, "Phiếu của bạn")
    await sees(binh, "own-taken", "1/1 máy")
    await binh.part("take-back").click()
    assert await binh.barriers() == []
    await looked(binh, folder, "own-take-back")
    await binh.part("take-back-sure").click()
    await sees(binh, "own-taken", "không hiện số máy đã nhận")
    await looked(binh, folder, "own-taken-back")
    await expect(drawn).not_to_have_attribute("src", before)
    await sees(phone, "card-withdrawn", "thu lại các phiếu chưa bỏ")
    await phone.page.close()


async def own_code(visitor: Visitor) -> str:
    """Return the code under the QR code of the own site."""
    text = await visitor.part("ballot-card").locator("figcaption").inner_text()
    return str(text).replace("-", "")


@asynccontextmanager
async def on_postgresql(folder: Path) -> AsyncIterator[tuple[LiveServer, Postgres]]:
    """A server of its own, whose database the test stops and starts again."""
    postgres = Postgres()
    try:
        postgres.start()
        postgres.run_now("CREATE DATABASE votes")
        at_once(steps.upgrade(postgres.url("votes")))
        server = start_server(folder, DIEMCAU_DATABASE=postgres.url("votes"))
        try:
            yield server, postgres
        finally:
            server.stop()
    finally:
        postgres.remove()


async def kinds(url: str) -> list[str]:
    """Return the kinds of the recorded events in their order."""
    database = Database.open(url)
    try:
        async with database.reading() as session:
            return list(await session.scalars(select(MeetingEvent.kind).order_by(MeetingEvent.place)))
    finally:
        await database.close()


async def test_without_a_database_a_vote_is_refused_and_a_mute_acts(visit: Visit, tmp_path: Path) -> None:
    """The chair reads the sentence. The mute is in the record when the database is back, and the vote opens."""
    async with on_postgresql(tmp_path / "data") as (server, postgres):
        an, binh = await visit(), await visit()
        link = await new_meeting(an, server)
        await enter(an, link, CHAIR)
        await enter(binh, link, BINH)
        await tiles(an, 2)
        await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)
        await an.part("chair-toggle").click()
        await an.part("chair-part-votes").click()
        await an.part("vote-title").fill(NAMED)
        await an.part("vote-keep").click()
        await an.part("vote-prepared").wait_for()
        postgres.stop()
        await an.part("vote-open").click()
        await expect(an.part("chair-trouble")).to_contain_text("Cơ sở dữ liệu", timeout=PATIENCE_MS)
        assert await an.part("chair-trouble").evaluate(IN_VIEW)
        await expect(an.part("vote-running")).to_have_count(0)
        await expect(binh.part("ballot-card")).to_have_count(0)
        await shots(an, tmp_path, "not-stored")
        await an.part("chair-mute-all").click()
        await expect(binh.part("mic-toggle")).to_have_attribute("aria-pressed", "false", timeout=PATIENCE_MS)
        await expect(an.part("chair-trouble")).to_have_count(0)
        postgres.start()

        async def written() -> bool:
            return "mute_all" in await kinds(postgres.url("votes"))

        await until(written, "the mute is in the record")
        await an.part("vote-open").click()
        await sees(binh, "ballot-card", NAMED)
        found = [
            one for one in await kinds(postgres.url("votes")) if one in ("vote_prepared", "mute_all", "vote_opened")
        ]
        assert found == ["vote_prepared", "mute_all", "vote_opened"]
