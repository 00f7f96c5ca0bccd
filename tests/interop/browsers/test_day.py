"""Walks through the days of a new province, from page to page, terminal and mail. No step reads or writes the database.

The secretary books a hall and invites ten communes. A commune sees that its hall is held. Two people approve, and a commune
answers by the link in its mail. Two halls rehearse on the day before. On the day, the operator checks the terminals, and the
server calls them. One hall is busy and is called again. One hall is late. The operator adds another hall. The chair leads the
meeting (`chaired.py`): floor, roll call, recess, vote, screens. The operator extends the meeting, and the chair ends it. The
record tells who was there and who spoke for how long.

The second walk is an important meeting. Only halls with encryption join it. The booked hall is one of them, and chairs it.
In the third walk (`slow_phone.py`), a guest takes part by a phone on a slow network.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests import process_clock as clocks
from tests.interop.browsers import chaired, slow_phone
from tests.interop.browsers.chaired import BUSY_HZ, FIRST_HZ, MAIN_HZ, Sitting, There, colours, hears
from tests.interop.browsers.day import DOMAIN, HOST_HZ, OFFICE, URL, Day, new_province
from tests.interop.terminals import hallnet
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.hallnet import HALLS, SERVER, Baresip
from tests.interop.window import PATIENCE_MS, Window
from tests.waiting import until
from tests.web.desk.province import ZONE
from tests.web.visiting import Visitor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing()),
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]
TITLE = "Sơ kết công tác chuyển đổi số cấp xã"
BRIEFING = "Giao ban chuyên đề phòng, chống thiên tai"
BOOKED_AT = datetime(2027, 3, 2, 7, 40, tzinfo=ZONE)
HELD_AT = datetime(2027, 3, 18, 8, 0, tzinfo=ZONE)
"""The start of the meeting. The demonstration leaves the large hall free on that Thursday morning."""
REHEARSED_AT = HELD_AT - timedelta(hours=17)
"""The form proposes the working day before, at the same hour. The demonstration's training has the halls in that morning."""
ENDS_AT = HELD_AT + timedelta(hours=3)
CLOSES_AT = ENDS_AT + timedelta(minutes=30)
DISCUSSION = "Góp ý dự thảo đề án phát triển du lịch"
DISCUSSED_AT = datetime(2027, 4, 8, 8, 0, tzinfo=ZONE)
BRIEFED_AT = datetime(2027, 3, 25, 8, 0, tzinfo=ZONE)
CALLED_BEFORE = timedelta(minutes=15)
COMMUNES = ["Phường Kiến Tường", *(f"Xã {n}" for n in ("06", "07", "10", "11", "12", "13", "14", "15", "16"))]
WARD, WARD_MAIL = "TN.05.H1", f"tn-05@{DOMAIN}"
"""The hall and the address of Phường Kiến Tường, whose secretary has an account."""
MAIN, FIRST, BUSY, LATE, ADDED, NEVER = "TN.HT", "TN.07.H1", "TN.12.H1", "TN.10.H1", "TN.19.H1", "TN.11.H1"
ALL = {"red", "blue", "green"}
ONLY_HALLS = "Cuộc họp quan trọng: chỉ vào họp từ thiết bị hội trường đã đăng ký."
ENTER = """async (meeting) => {
  const [date] = (await (await fetch(`/api/v1/meetings/${meeting}`)).json()).occurrences;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`/api/v1/occurrences/${date.id}/pass`, { method: 'POST', headers, body: '{}' });
  return [answer.status, (await answer.json()).code];
}"""
"""Asks for the pass into a meeting, as the button of its page does."""
PRESSES_AT_MOST = 12
BOOKED_IN_S = 60
PRESS_S, KEY_S = 2.65, 0.28
"""Seconds of a person for one press (think, point, press) and for one key: the keystroke-level model of Card, Moran and Newell.
"""
HALL = "hoi truong lon"
BOUND_S = 90


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def evening(day: Day) -> AsyncIterator[None]:
    """The next walk starts without the pages of a walk that failed."""
    yield
    await day.leave()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    async with new_province(tmp_path_factory.mktemp("day"), BOOKED_AT) as made:
        yield made


async def test_a_day_from_the_booking_to_the_end(day: Day) -> None:
    secretary = await day.visit("vanthu")
    await books(day, secretary)
    commune = await its_hall_is_held(day)
    await prepares_and_approves(day, secretary)
    link = await answers_by_mail(day, secretary, commune)
    board = await secretary.part("rehearsal-board").get_attribute("href")
    assert board
    await day.leave()
    async with halls(day) as there:
        await day.turn(REHEARSED_AT)
        await rehearses(day, there, board)
        await day.leave()
        await day.turn(HELD_AT - CALLED_BEFORE - timedelta(minutes=20))
        operator = await checks(day, there)
        await rings(day, there, operator)
        host = await opens(day, there, operator)
        await one_comes_late(there, operator)
        await one_is_added(there, operator)
        await mutes_all(there, operator, host)
        sitting = await the_ward_joins(day, there, operator, host, link)
        await chaired.passes_the_floor(sitting)
        await chaired.calls_the_roll(sitting)
        await row(operator, FIRST).get_by_test_id("leg-mute").click()
        await chaired.takes_a_recess(sitting)
        await chaired.votes_in_secret(sitting)
        await chaired.shares_a_second_screen(sitting)
        await extends(day, there, operator)
        await ends(there, operator, host, sitting)
        await chaired.the_record_tells_what_happened(sitting)


async def test_an_important_meeting_admits_halls_alone(day: Day) -> None:
    """The booked hall's terminal is called and gets in, although its unit is not invited. A terminal without encryption, the
    host's browser and the personal link are refused. The hall takes the chair and opens the meeting.
    """
    secretary = await day.visit("vanthu")
    await fill(secretary, BRIEFING, "briefing", BRIEFED_AT, COMMUNES[:3])
    await expect(secretary.part("class-important")).to_be_checked()
    await expect(secretary.part("class-ordinary")).to_be_disabled()
    await secretary.part("book-submit").click()
    await expect(secretary.part("meeting-said")).to_contain_text("duyệt")
    meeting = secretary.page.url.rpartition("/")[2].partition("?")[0]
    head, operator = await day.visit("lanhdao"), await day.visit("vanhanh")
    await day.equip(operator, *(code for code in (MAIN, FIRST) if code not in day.passwords))
    for visitor in (head, operator):
        await day.approve(visitor, BRIEFING)
    await secretary.page.reload()
    number = (await secretary.part("meeting-number").inner_text()).replace(" ", "")
    text = await day.mail(WARD_MAIL, f"[Mời họp] {BRIEFING}")
    assert "chỉ dự tại hội trường có thiết bị đã đăng ký" in text
    await day.leave()
    await day.turn(BRIEFED_AT - CALLED_BEFORE)
    main, operator = main_hall(day), await day.visit("vanhanh")
    with day.communes.place.entered():
        phone = Phone(FIRST.lower(), day.passwords[FIRST], HALLS, (SERVER, 5060))
        await phone.__aenter__()
    async with AsyncExitStack() as stack:
        stack.push_async_exit(phone)
        stack.callback(main.stop)
        main.start()
        await phone.register()
        await said(main, "Call established")
        await (await open_board(operator, BRIEFING)).get_by_role("link").click()
        await expect(row(operator, MAIN)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)
        await expect(row(operator, MAIN)).to_contain_text("Có mã hóa")
        await expect(row(operator, FIRST)).to_contain_text("Phải mã hóa", timeout=PATIENCE_MS)
        with pytest.raises(AssertionError, match="403"):
            await phone.dial(number)
        assert phone.called == 0
        await no_browser_gets_in(day, meeting, text)
        await chairs_from_the_hall(day, main, meeting)
        await expect(operator.part("board-waiting")).to_have_count(0, timeout=PATIENCE_MS)
        await expect(row(operator, MAIN)).to_contain_text("Micro bật")


async def test_a_guest_with_a_slow_phone_speaks_and_sees_a_vote(day: Day, tmp_path: Path) -> None:
    """The secretary books a hall and invites a guest by mail address. The server calls the hall."""
    secretary = await day.visit("vanthu")
    await fill(secretary, DISCUSSION, "review", DISCUSSED_AT, [])
    await slow_phone.invites(secretary)
    await secretary.part("book-submit").click()
    await expect(secretary.part("meeting-said")).to_contain_text("duyệt")
    head, operator = await day.visit("lanhdao"), await day.visit("vanhanh")
    await day.equip(operator, *(code for code in (MAIN,) if code not in day.passwords))
    for visitor in (head, operator):
        await day.approve(visitor, DISCUSSION)
    mail = await day.mail(slow_phone.GUEST_MAIL, f"[Mời họp] {DISCUSSION}")
    await day.leave()
    await day.turn(DISCUSSED_AT - CALLED_BEFORE)
    hall, operator = main_hall(day), await day.visit("vanhanh")
    async with AsyncExitStack() as stack:
        stack.callback(hall.stop)
        hall.start()
        await said(hall, "Call established")
        await (await open_board(operator, DISCUSSION)).get_by_role("link").click()
        await expect(row(operator, MAIN)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)
        phone = await stack.enter_async_context(slow_phone.slow_phone(day, tmp_path))
        host = await enters(day, DISCUSSION)
        await host.part("begin").click()
        before = day.clock.now()
        await slow_phone.joins(day, phone, host, mail)
        date = operator.page.url.rpartition("/")[2].partition("?")[0]
        sitting = Sitting(day, operator, host, phone, date, (before, day.clock.now()))
        await slow_phone.takes_part(sitting, hall)
        await slow_phone.attends_a_vote(sitting, hall)
        before = day.clock.now()
        await chaired.ends_for_all(sitting)
        await said(hall, "session closed")
        await expect(row(operator, MAIN)).to_have_attribute("data-state", "left", timeout=PATIENCE_MS)
        sitting.ended = before, day.clock.now()
        assert await chaired.attended(sitting, slow_phone.GUEST) == 3, "the hall, the host and the guest"


async def no_browser_gets_in(day: Day, meeting: str, mail: str) -> None:
    """Try the page of the meeting as a host, the request behind the button, and the link in the ward's mail."""
    host = await day.visit("vanthu")
    await host.page.goto(f"{URL}/meetings/{meeting}")
    await expect(host.part("meeting-page")).to_contain_text(ONLY_HALLS)
    await expect(host.part("enter-button")).to_have_count(0)
    assert await host.page.evaluate(ENTER, meeting) == [403, "class_forbids"]
    link = re.search(rf"{URL}/moi#(\S+)", mail)
    assert link, mail
    await host.page.goto(f"{URL}/join#k={link[1]}")
    await expect(host.part("join-not")).to_have_attribute("data-code", "class_forbids")


async def chairs_from_the_hall(day: Day, main: Baresip, meeting: str) -> None:
    """The secretary reads the code of the chair on the desk. The hall takes the chair with its keypad, and opens the meeting."""
    desk = await day.visit("vanthu")
    await desk.page.goto(f"{URL}/meetings/{meeting}")
    await desk.part("chair-desk-link").click()
    code = re.search(r"mã (\d+),", await desk.part("chair-code").inner_text(timeout=PATIENCE_MS))
    assert code
    hall = desk.part("chair-person")
    await expect(hall).to_have_attribute("data-role", "hall")
    await asyncio.to_thread(main.press, f"*7{code[1]}#")
    await expect(hall).to_have_attribute("data-role", "chair", timeout=PATIENCE_MS)
    await asyncio.to_thread(main.press, "*1")


# The booking


async def books(day: Day, secretary: Visitor) -> None:
    """Book the meeting with the form's default values. Title, type, day, hall and ten communes are chosen, without a template:
    at most 12 presses. A person needs less than 60 s for them. The presses for the rehearsal do not count.
    """
    await fill(secretary, TITLE, "review", HELD_AT, COMMUNES)
    presses = await secretary.page.evaluate("window.presses")
    await secretary.part("book-rehearsal").check()
    await secretary.part("rehearsal-clock").select_option(f"{REHEARSED_AT:%H:%M}")
    presses -= await secretary.page.evaluate("window.presses")
    await expect(secretary.part("rehearsal-free")).to_be_visible(timeout=PATIENCE_MS)
    await expect(secretary.part("call-count")).to_have_text(
        "Máy chủ gọi 7 hội trường · 4 nơi máy chủ không gọi được", timeout=PATIENCE_MS
    )
    await expect(secretary.part("call-gap-why")).to_have_text(
        "4 đơn vị chưa có thiết bị hội trường mà máy chủ gọi được (SIP):"
    )
    await expect(secretary.part("hold-guests")).to_be_checked()
    await secretary.part("book-submit").click()
    await expect(secretary.part("meeting-said")).to_contain_text("duyệt")
    presses += await secretary.page.evaluate("window.presses")
    assert presses <= PRESSES_AT_MOST
    keys = len(TITLE) + len("18/03/2027") + len(HALL)
    assert presses * PRESS_S + keys * KEY_S < BOOKED_IN_S


async def fill(secretary: Visitor, title: str, kind: str, at: datetime, communes: list[str]) -> None:
    """Fill in the form, from the first page on, by the mouse. The hour is the form's default for another day."""
    await secretary.page.evaluate("window.presses = 0")
    await secretary.part("nav-book").click()
    await expect(secretary.part("book-title")).to_be_focused()
    await secretary.page.keyboard.type(title)
    await secretary.part("kind-conference").click()
    await secretary.part("book-type").select_option(kind)
    await secretary.part("secret-no").check()
    await secretary.part("book-day").click()
    await secretary.part("book-day").fill(f"{at:%d/%m/%Y}")
    await expect(secretary.part("book-clock")).to_have_value(f"{at:%H:%M}")
    await secretary.part("hall-pick").click()
    await secretary.part("hall-pick").fill(HALL)
    await secretary.part("hall-pick-option").filter(has_text="Hội trường lớn").click()
    if not communes:
        return
    await secretary.part("open-tree").click()
    await expect(secretary.part("tree-search")).to_be_focused()
    await secretary.part("tree-search").fill(", ".join(communes))
    await expect(secretary.part("tree-all")).to_contain_text(f"{len(communes)} đơn vị", timeout=PATIENCE_MS)
    await secretary.part("tree-all").click()
    await secretary.part("tree-done").click()


async def its_hall_is_held(day: Day) -> Visitor:
    """Check that the secretary of an invited ward sees on the board that the meeting holds the ward's hall for now."""
    commune = await day.visit("vanthu.xa")
    await commune.page.goto(f"{URL}/board?day={HELD_AT:%Y-%m-%d}&span=day&view=table")
    await expect(commune.part("held-line")).to_contain_text(TITLE, timeout=PATIENCE_MS)
    await expect(commune.part("held-line")).to_contain_text("Hội trường Phường Kiến Tường")
    await expect(commune.part("held-line")).to_contain_text("Giữ tạm")
    return commune


async def prepares_and_approves(day: Day, secretary: Visitor) -> None:
    """Give the terminals their passwords and approve both steps. The secretary then sees the meeting number."""
    head, operator = await day.visit("lanhdao"), await day.visit("vanhanh")
    await day.equip(operator, MAIN, FIRST, BUSY, LATE, ADDED)
    for visitor in (head, operator):
        await day.approve(visitor, TITLE)
    await secretary.page.reload()
    await expect(secretary.part("meeting-number")).to_have_text(re.compile(r"^\d{3} \d{3} \d{3}$"))
    await expect(secretary.part("call-way")).to_have_text("Máy chủ tự gọi hội trường")


async def answers_by_mail(day: Day, secretary: Visitor, commune: Visitor) -> str:
    """Check that the ward's hall is now firmly held, and answer by the link in the mail that invites the ward. Return the secret
    of the link.
    """
    await commune.page.reload()
    await expect(commune.part("held-line")).to_contain_text("Đã giữ")
    text = await day.mail(WARD_MAIL, f"[Mời họp] {TITLE}")
    number = await secretary.part("meeting-number").inner_text()
    for told in (number, "11:00", "Hội trường lớn", "Phường Kiến Tường"):
        assert told in text, text
    assert "PIN" not in text
    link = re.search(rf"{URL}/moi#(\S+)", text)
    assert link, text
    guest = await day.page()
    await guest.page.goto(link[0])
    await guest.part("rsvp-accept").check()
    await guest.part("rsvp-send").click()
    await expect(guest.part("answer-sent")).to_be_visible()
    await secretary.page.reload()
    await secretary.part("sending-each").click()
    line = secretary.part("sending-line").filter(has_text="Phường Kiến Tường")
    await expect(line).to_contain_text("Dự họp")
    await expect(line).to_contain_text("Đã gửi")
    return link[1]


# The day


@asynccontextmanager
async def halls(day: Day) -> AsyncIterator[There]:
    main = main_hall(day)
    first = Baresip(day.communes, FIRST.lower(), "blue", FIRST_HZ, password=day.passwords[FIRST])
    busy = Baresip(day.communes, BUSY.lower(), "green", BUSY_HZ, password=day.passwords[BUSY], lines=1)
    async with AsyncExitStack() as stack:
        with day.communes.place.entered():
            late, added = (Phone(code.lower(), day.passwords[code], HALLS, (SERVER, 5060)) for code in (LATE, ADDED))
            for one in (late, added):
                await stack.enter_async_context(one)
        for terminal in (main, first, busy):
            stack.callback(terminal.stop)
        yield There(main, first, busy, late, added)


def main_hall(day: Day) -> Baresip:
    """Return the terminal of the large hall. It encrypts, as an important meeting requires."""
    return Baresip(day.office, MAIN.lower(), "red", MAIN_HZ, address=OFFICE, **sealed(day, MAIN))


def sealed(day: Day, code: str) -> dict[str, Any]:
    """Return what a terminal needs to encrypt. baresip checks whether the server's certificate is already valid."""
    keys = {"transport": "tls", "encryption": "srtp-mand"}
    return {**keys, "password": day.passwords[code], "environ": day.halls_clock.environ}


def row(operator: Visitor, code: str) -> Any:
    return operator.part("leg").filter(has_text=f"Thiết bị {code}")


async def said(terminal: Baresip, words: str, times: int = 1) -> None:
    await until(lambda: terminal.text().count(words) >= times, f"{terminal.name} says “{words}” {times} times", BOUND_S)


async def open_board(operator: Visitor, title: str) -> Any:
    """Open the board of this meeting. Return its line in the list of meetings."""
    await operator.part("nav-control").click()
    date = operator.part("board-date").filter(has_text=title)
    await expect(date).to_be_visible(timeout=PATIENCE_MS)
    return date


async def rehearses(day: Day, there: There, board: str) -> None:
    """Two registered halls are called to the rehearsal and see each other. The operator signs the results of both sites."""
    called = (there.main, there.first)
    for terminal in called:
        terminal.start()
    operator = await day.visit("vanhanh")
    for terminal in called:
        await said(terminal, "Call established")
    await operator.page.goto(f"{URL}{board}")
    await expect(operator.part("board-waiting")).to_contain_text("2 hội trường", timeout=PATIENCE_MS)
    await operator.part("board-begin").click()
    await operator.part("begin-sure").click()
    for terminal, other in zip(called, ("blue", "red"), strict=True):
        await until(
            lambda one=terminal, other=other: other in colours(one),  # type: ignore[misc]
            f"{terminal.name} sees {other}",
            BOUND_S,
            in_thread=True,
        )
    for site in ("Điểm cầu UBND tỉnh Tây Ninh", "Điểm cầu UBND Xã 07"):
        results = operator.part("rehearsal-row").filter(has_text=site)
        await results.get_by_test_id("rehearsal-good").click()
        await results.get_by_test_id("rehearsal-delegates").fill("20")
        await results.get_by_test_id("rehearsal-sign").click()
        await expect(results.get_by_test_id("rehearsal-signed")).to_contain_text("Đã ký")
    await operator.part("end-date").click()
    await operator.part("end-sure").click()
    for terminal in called:
        await said(terminal, "session closed")


async def checks(day: Day, there: There) -> Window:
    """Check the terminals before the calls. Three are ready, and four have not registered."""
    there.busy.start()
    operator = await day.visit("vanhanh")
    await said(there.busy, "200 OK")
    date = await open_board(operator, TITLE)
    await expect(date).to_contain_text("7/11 nơi được mời có thiết bị")
    await date.get_by_role("link").click()
    await expect(operator.part("rehearsal-summary")).to_contain_text("đã ký 2/", timeout=PATIENCE_MS)
    await operator.part("expected-probe").click()
    await expect(operator.part("ready-green")).to_contain_text(re.compile(r"(?<!\d)3(?!\d)"), timeout=PATIENCE_MS)
    await expect(operator.part("ready-red")).to_contain_text(re.compile(r"(?<!\d)4(?!\d)"), timeout=PATIENCE_MS)
    await expect(row(operator, FIRST)).to_contain_text("Sẵn sàng")
    await expect(row(operator, FIRST).get_by_test_id("leg-rehearsed")).to_be_visible()
    await expect(row(operator, LATE)).to_contain_text("Không kết nối được")
    return operator


async def rings(day: Day, there: There, operator: Visitor) -> None:
    """Turn to the time of the calls, 15 minutes before the start. The server calls the registered halls. One is in the test room
    and busy. The others wait, muted and before a splash.
    """
    there.busy.dial("echo")
    await said(there.busy, "Call established")
    await day.turn(HELD_AT - CALLED_BEFORE)
    for terminal in (there.main, there.first):
        await said(terminal, "Call established", 2)
    for code in (MAIN, FIRST):
        await expect(row(operator, code)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)
        await expect(row(operator, code)).to_contain_text("Chờ khai mạc")
        await expect(row(operator, code)).to_contain_text("Micro tắt")
    await expect(row(operator, BUSY)).to_contain_text("Đang bận", timeout=PATIENCE_MS)
    await expect(row(operator, BUSY)).to_contain_text("gọi lại lúc 07:4")
    await expect(operator.part("board-waiting")).to_contain_text("2 hội trường")
    for terminal in (there.main, there.first):
        assert not colours(terminal) & ALL, "no hall sees another before the opening"


async def opens(day: Day, there: There, operator: Visitor) -> Window:
    """The busy hall hangs up and is called again. At the start the secretary, who is a host of the meeting, joins by browser and
    opens the meeting, and the halls see each other. Return the host.
    """
    there.busy.command("hangup")
    await day.turn(HELD_AT)
    await said(there.busy, "Call established", 2)
    await expect(row(operator, BUSY)).to_have_attribute("data-state", "connected", timeout=PATIENCE_MS)
    host = await enters(day)
    await expect(host.part("begin-bar")).to_contain_text("3 hội trường", timeout=PATIENCE_MS)
    assert await host.barriers() == []
    await host.part("begin").click()
    await expect(host.part("begin-bar")).to_have_count(0)
    await expect(operator.part("board-waiting")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(row(operator, MAIN)).to_contain_text("Micro bật")
    await row(operator, FIRST).get_by_test_id("leg-mute").click()
    await expect(row(operator, FIRST)).to_contain_text("Micro bật")
    await asyncio.gather(
        *(
            until(lambda one=terminal: colours(one) >= ALL, f"{terminal.name} sees all", BOUND_S, in_thread=True)  # type: ignore[misc]
            for terminal in there.complete
        )
    )
    await hears(there.main, FIRST_HZ, HOST_HZ)
    await hears(there.busy, MAIN_HZ, FIRST_HZ, HOST_HZ)
    return host


async def enters(day: Day, title: str = TITLE) -> Window:
    host = await day.visit("vanthu")
    await host.page.get_by_role("link", name=title).first.click()
    await host.part("enter-button").click()
    await host.part("preview-video").wait_for(timeout=PATIENCE_MS)
    await host.part("join-button").click()
    await host.part("stage").wait_for(timeout=PATIENCE_MS)
    return host


async def one_comes_late(there: There, operator: Visitor) -> None:
    await expect(row(operator, LATE)).to_have_attribute("data-state", "failed", timeout=PATIENCE_MS)
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


async def mutes_all(there: There, operator: Visitor, host: Visitor) -> None:
    """Mute all halls as the host. Then one hall speaks again."""
    await host.part("people-toggle").click()
    await expect(host.part("people-count")).to_have_text("1 người, 5 điểm cầu có mặt")
    await host.part("chair-toggle").click()
    await host.part("chair-mute-all").click()
    await host.part("people-toggle").click()
    await hears(there.main, HOST_HZ)
    await hears(there.busy, HOST_HZ)
    for code in (MAIN, FIRST):
        await expect(row(operator, code)).to_contain_text("Micro tắt")
    await row(operator, FIRST).get_by_test_id("leg-mute").click()
    await hears(there.busy, FIRST_HZ, HOST_HZ)


async def extends(day: Day, there: There, operator: Visitor) -> None:
    """The board says when the end is near. At the end somebody still speaks. So the server asks the operator, who extends the
    meeting.
    """
    await day.turn(ENDS_AT - timedelta(minutes=4, seconds=55))
    await expect(operator.part("end-text")).to_have_text("Còn 5 phút, đến 11:00.", timeout=PATIENCE_MS)
    await day.turn(CLOSES_AT)
    await expect(operator.part("end-text")).to_contain_text("vẫn có người phát biểu", timeout=PATIENCE_MS)
    await operator.part("extend-15").click()
    await expect(operator.part("end-said")).to_have_text("Đã kéo dài đến 11:50.")
    await expect(operator.part("end-text")).to_contain_text("11:50")
    for code in (MAIN, FIRST, BUSY, LATE, ADDED):
        await expect(row(operator, code)).to_have_attribute("data-state", "connected")
    await hears(there.busy, FIRST_HZ, HOST_HZ)


async def the_ward_joins(day: Day, there: There, operator: Window, host: Window, link: str) -> Sitting:
    before = day.clock.now()
    ward = await chaired.joins_by_the_link(day, host, link)
    date = operator.page.url.rpartition("/")[2].partition("?")[0]
    return Sitting(day, operator, host, ward, date, (before, day.clock.now()), halls=there)


async def ends(there: There, operator: Visitor, host: Visitor, sitting: Sitting) -> None:
    """End for all by two presses on the panel of the chair."""
    before = sitting.day.clock.now()
    await chaired.ends_for_all(sitting)
    for phone in (there.late, there.added):
        await until(lambda one=phone: one.told[-1] == "BYE", f"{phone.name} is told", BOUND_S)  # type: ignore[misc]
        assert (phone.called, phone.doubled) == (1, [])
    for terminal, closed in zip(there.complete, (2, 2, 1), strict=True):  # the busy hall ended its first call itself
        await said(terminal, "session closed", closed)
        assert terminal.text().count("Call established") == 2, "no hall is called twice into the meeting"
    for code in (MAIN, FIRST, BUSY, LATE, ADDED):
        await expect(row(operator, code)).to_have_attribute("data-state", "left", timeout=PATIENCE_MS)
        await expect(row(operator, code)).to_contain_text("Cuộc họp đã kết thúc")
    await expect(row(operator, NEVER)).not_to_contain_text("gọi lại lúc")
    sitting.ended = before, sitting.day.clock.now()
