"""Hosts in real browsers. In the lobby a guest knocks and waits, the secretary admits or refuses the guest, and an opener
switches the lobby on. In the call: microphones, hands, removing and barring a participant, ending for all, and signing out
during the call.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Route, expect
from sqlalchemy import select

from conference import Grants
from rooms.booking.changes import creation
from rooms.booking.planning import requests
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.host.tokens import Authenticator
from tests import process_clock as clocks
from tests.conftest import start_server
from tests.process_clock import ProcessClock
from tests.rooms.postgres import at_once
from tests.web.call.test_quality import CAMERA_OFF
from tests.web.desk import province as furniture
from tests.web.desk.province import ZONE, furnish, working_day
from tests.web.desk.test_desk import PATIENCE_MS, Served, sign_in
from tests.web.shots import resize, shot
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing())]
BOOKED_AT = datetime(2027, 3, 1, 9, 10, tzinfo=ZONE)

TITLE = "Họp góp ý dự thảo đề án"
GUEST = "Ông Nguyễn Văn Khách"
WHY = "Đồng chí không có trong thành phần dự họp này"


@dataclass
class Lobby(Served):
    """The server with the meeting of the current test."""

    meeting: str = ""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lobby]:
    folder = tmp_path_factory.mktemp("lobby")
    now = BOOKED_AT.astimezone(UTC)
    desk = at_once(furnish(folder, now))
    clock = ProcessClock(folder, working_day(9, now) + timedelta(minutes=5))
    server = start_server(folder, **clock.environ)
    yield Lobby(server, desk, now, {}, clock=clock)
    server.stop()


@pytest.fixture
def visit(visit: Visit, office: Lobby) -> Visit:
    """`visit` with pages that use the clock of the server, or `own_clock`. Most tests look at no picture: the camera is off."""
    assert office.clock is not None
    shifted = office.clock.script

    async def opened(*, camera: bool = False, script: str = "", own_clock: bool = False, **given: Any) -> Visitor:
        return await visit(script=f"{'' if own_clock else shifted};{script};{'' if camera else CAMERA_OFF}", **given)

    return opened


@pytest.fixture
def served(office: Lobby) -> Lobby:
    """The server with a new ordinary meeting for each test. The meeting was booked some days ago and has begun. Tickets and
    seats of closed pages outlive their test, so tests cannot share a meeting.
    """
    office.meeting = at_once(begun(office))
    return office


async def begun(office: Lobby, title: str = TITLE) -> str:
    """Book an ordinary meeting that has begun, and return its id."""
    database, now = Database.open(office.database_url), office.now
    request = requests.Request(
        title=title,
        type_code="internal",
        host_unit_id=office.desk.office,
        starts_at=working_day(9, now).astimezone(UTC),
        duration_min=90,
        attendees=(requests.AttendeeRequest(unit_id=office.desk.office),),
        submit=True,
    )
    try:
        made = (await creation.book(database, request, furniture._actor(office.desk), now)).meeting
    finally:
        await database.close()
    return made.id


async def meeting_of(served: Lobby) -> tuple[Meeting, Occurrence]:
    database = Database.open(served.database_url)
    try:
        async with database.reading() as session:
            meeting = await session.get_one(Meeting, served.meeting)
            date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))).one()
            return meeting, date
    finally:
        await database.close()


async def knock(visitor: Visitor, served: Lobby, name: str) -> None:
    """Enter by number and PIN, and stop in the lobby."""
    meeting, _ = await meeting_of(served)
    await visitor.page.goto(f"{served.url}/join?number={meeting.number}")
    await visitor.part("join-pin").fill(meeting.pin)
    await visitor.part("join-as").fill(name)
    await visitor.part("join-look").click()
    await visitor.part("join-enter").click()
    await visitor.part("join-button").click()
    await visitor.part("waiting").wait_for()


async def looks_well(visitor: Visitor, width: int) -> None:
    assert await visitor.barriers() == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width


async def sees_and_hears(visitor: Visitor) -> None:
    """Wait until another participant's picture moves and their voice plays."""
    script = """() => [...document.querySelectorAll('[data-testid=tile] video, [data-testid=stage] video')].filter(
      (v) => v.currentTime > 0 && !v.paused).length >= 2
      && [...document.querySelectorAll('audio')].some((a) => !a.paused && a.currentTime > 0)"""
    await visitor.page.wait_for_function(script, timeout=PATIENCE_MS)


async def test_a_guest_waits_and_is_let_in_and_another_is_turned_away(visit: Visit, served: Lobby) -> None:
    meeting, date = await meeting_of(served)
    guest = await visit(width=360, height=740, touch=True, camera=True)
    await knock(guest, served, GUEST)
    waiting = guest.part("waiting")
    await expect(waiting).to_have_attribute("data-hosted", "false")
    await expect(waiting).to_contain_text(TITLE)
    await expect(guest.part("preview-video")).to_be_visible()
    await looks_well(guest, 360)
    await guest.part("language-en").click()
    await expect(waiting).to_contain_text("Waiting to be let in")
    await looks_well(guest, 360)
    await guest.part("language-vi").click()

    host = await visit(camera=True)
    await sign_in(host, served)
    await host.page.goto(f"{served.url}/meetings/{meeting.id}")
    await host.part("lobby-open").click()
    await expect(host.part("waiter")).to_contain_text(GUEST)
    await expect(waiting).to_have_attribute("data-hosted", "true")
    await looks_well(host, 1280)
    await host.part("enter-button").click()
    await host.part("preview-video").wait_for()
    await host.part("join-button").click()
    await host.part("stage").wait_for(timeout=PATIENCE_MS)
    await expect(host.part("knock-bar")).to_contain_text(GUEST)
    await expect(host.part("present-count")).to_contain_text("1 người")

    other = await visit()
    await knock(other, served, "Người lạ")
    await expect(host.part("knock-bar")).to_contain_text("2 người")
    await expect(host.part("lobby-toggle")).to_have_attribute("aria-label", "Phòng chờ (2)")
    await host.part("lobby-toggle").click()
    stranger = host.part("waiter").filter(has_text="Người lạ")
    await stranger.get_by_test_id("deny").click()
    await stranger.get_by_test_id("deny-why").fill(WHY)
    await stranger.get_by_test_id("deny-final").check()
    await looks_well(host, 1280)
    await stranger.get_by_test_id("deny-sure").click()
    await expect(other.part("waiting")).to_have_attribute("data-state", "denied")
    await expect(other.part("waiting-why")).to_contain_text(WHY)
    await looks_well(other, 1280)
    await other.part("waiting-back").click()
    await other.part("join-button").click()
    await expect(other.part("join-trouble")).to_contain_text(WHY)
    await expect(host.part("barred")).to_contain_text("1")
    await looks_well(host, 1280)
    await expect(host.part("pardon")).to_have_text("Cho phép xin lại")
    await host.part("pardon").click()
    await expect(host.part("barred")).to_have_count(0)

    await host.part("waiter").get_by_test_id("admit").click()
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)
    await sees_and_hears(guest)
    await sees_and_hears(host)
    await expect(host.part("waiter")).to_have_count(0)

    await knock_again(guest, served)
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)
    await refused_at_the_door(served, f"o-{date.id}")


async def knock_again(visitor: Visitor, served: Lobby, name: str = GUEST) -> None:
    """Enter again from the same tab after a reload. The guest was admitted before, so the guest does not wait."""
    meeting, _ = await meeting_of(served)
    await visitor.page.goto(f"{served.url}/join?number={meeting.number}")
    await visitor.part("join-pin").fill(meeting.pin)
    await visitor.part("join-as").fill(name)
    await visitor.part("join-look").click()
    await visitor.part("join-enter").click()
    await visitor.part("join-button").click()


async def refused_at_the_door(served: Lobby, name: str) -> None:
    """Check that a token with the server's own signature is refused if the lobby did not admit its guest."""
    grants = Grants(identity="number_pin.guest.x", name="x", conference=name, join=True)
    token = Authenticator({served.server.api_key: served.server.api_secret}).sign(grants, 600, served.time())
    async with httpx.AsyncClient(base_url=served.url) as client:
        answer = await client.get("/rtc/validate", params={"access_token": token})
    assert (answer.status_code, "lobby" in answer.text) == (403, True), answer.text


async def test_a_host_on_a_phone_sees_givers_up_and_signs_out(visit: Visit, served: Lobby) -> None:
    """Signing out asks first, and ends the call here."""
    host = await visit(width=360, height=740, touch=True)
    await enter_as_host(host, served)
    guest = await visit()
    await knock(guest, served, "Trần Thị Bình")
    await expect(host.part("knock-bar")).to_contain_text("Trần Thị Bình")
    await looks_well(host, 360)
    await host.part("knock-look").click()
    await expect(host.part("waiter")).to_have_count(1)
    await looks_well(host, 360)
    await guest.part("waiting-leave").click()
    await expect(host.part("waiter")).to_have_count(0)
    await guest.part("join-button").click()
    await expect(host.part("waiter")).to_have_count(1)
    await guest.page.goto(served.url)
    await expect(host.part("waiter")).to_have_count(0)
    await knock(guest, served, "Trần Thị Bình")
    await host.part("waiter").get_by_test_id("admit").click()
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)
    await signs_out(host, guest, served)


async def signs_out(host: Visitor, guest: Visitor, served: Lobby) -> None:
    """The host signs out in another tab."""
    desk = Visitor(await host.page.context.new_page())
    await desk.page.set_viewport_size({"width": 1280, "height": 800})
    await desk.page.goto(f"{served.url}/my")
    await desk.part("sign-out").click()
    await expect(desk.part("sign-out-ask")).to_contain_text("cũng rời cuộc họp đó")
    await looks_well(desk, 1280)
    await desk.part("sign-out-not").click()
    await expect(desk.part("sign-out-ask")).to_have_count(0)
    await expect(tile(guest, "(mình)")).to_have_count(1)
    await expect(guest.part("tile")).to_have_count(2)
    await desk.part("sign-out").click()
    await desk.part("sign-out-sure").click()
    await expect(host.part("left-page")).to_contain_text("hãy đăng nhập lại")
    await expect(guest.part("tile")).to_have_count(1)
    await desk.part("sign-in").wait_for()


STANDING = {"hosted": True, "expires_at": 0, "code": "", "vi": "", "en": ""}


@pytest.mark.parametrize(
    ("width", "language"),
    [
        (360, "en"),
        pytest.param(1280, "vi", marks=pytest.mark.sim),
        pytest.param(360, "vi", marks=pytest.mark.sim),
        pytest.param(1280, "en", marks=pytest.mark.sim),
    ],
)
async def test_waiting_long_running_out_and_the_end(visit: Visit, served: Lobby, width: int, language: str) -> None:
    """The test turns the clock of the page. It fakes the server's answer that comes after half an hour of waiting.

    The page has the clock of the machine. After a reload, the turned clock adds the distance between the page's clock and the
    machine's, and at some distances its timers stop.
    """
    opener = httpx.AsyncClient(base_url=served.url)
    made = (await opener.post("/api/v1/conferences", json={"name": "Trao đổi nhanh", "lobby": True})).json()
    guest = await visit(width=width, height=740, touch=width == 360, own_clock=True)
    await guest.page.goto(served.url)
    await guest.part(f"language-{language}").click()
    await guest.page.clock.install()
    await guest.page.goto(made["url"])
    await guest.part("join-name").fill("Khách")
    await guest.part("join-button").click()
    waiting = guest.part("waiting")
    await waiting.wait_for()
    await guest.page.clock.run_for(200_000)
    await expect(guest.part("waiting-long")).to_contain_text("3")
    await looks_well(guest, width)

    expired = STANDING | {"state": "expired"}
    await guest.page.route("**/lobby/wait", lambda route: route.fulfill(json=expired))
    await guest.page.reload()
    await guest.part("join-button").click()
    await expect(waiting).to_have_attribute("data-state", "expired")
    await looks_well(guest, width)
    await guest.page.unroute("**/lobby/wait")
    await guest.part("waiting-again").click()
    await expect(waiting).to_have_attribute("data-state", "waiting")

    await end(served, made["conference"])
    await guest.page.clock.run_for(5_000)
    await expect(waiting).to_have_attribute("data-state", "ended")
    await looks_well(guest, width)
    await opener.aclose()


async def end(served: Lobby, conference: str) -> None:
    """End the conference by the server API, as an administrator does."""
    grants = Grants(identity="admin", create=True, conference=conference, admin=True)
    token = Authenticator({served.server.api_key: served.server.api_secret}).sign(grants, 600, served.time())
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers) as client:
        for call, body in (("CreateRoom", {"name": conference}), ("DeleteRoom", {"room": conference})):
            answer = await client.post(f"/twirp/livekit.RoomService/{call}", json=body)
            assert answer.status_code == 200, answer.text


async def test_a_blur_that_fails_in_the_lobby_closes_the_camera(visit: Visit, served: Lobby) -> None:
    guest = await visit(camera=True, script="localStorage.setItem('diemcau.blur', 'yes')")
    waits = asyncio.Event()

    async def refuse(route: Route) -> None:
        await waits.wait()
        await route.abort()

    await guest.page.route("**/*.tflite", refuse)
    await knock(guest, served, "Ông Nguyễn Văn Chờ")
    await expect(guest.part("preview-camera")).to_have_attribute("aria-pressed", "true")
    waits.set()
    await expect(guest.part("preview-camera")).to_have_attribute("aria-pressed", "false", timeout=PATIENCE_MS)
    await expect(guest.part("blur-trouble")).to_contain_text("Bật camera thì mọi người thấy phông nền")


async def enter_as_host(host: Visitor, served: Lobby) -> None:
    """Enter as the secretary from the page of the meeting, and wait for the stage."""
    meeting, _ = await meeting_of(served)
    await sign_in(host, served)
    await host.page.goto(f"{served.url}/meetings/{meeting.id}")
    await host.part("enter-button").click()
    await host.part("join-button").click()
    await host.part("stage").wait_for(timeout=PATIENCE_MS)


async def let_in(host: Visitor, guest: Visitor, served: Lobby, name: str) -> None:
    await knock(guest, served, name)
    await expect(host.part("knock-bar")).to_contain_text(name)
    await host.part("knock-admit").click()
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)


def row(host: Visitor, name: str) -> Any:
    """Return the last row of this participant. A participant with a raised hand has two rows."""
    return host.part("people-panel").get_by_test_id("person").filter(has_text=name).last


async def do(host: Visitor, name: str, *deeds: str) -> None:
    await row(host, name).get_by_test_id("host-more").click()
    for deed in deeds:
        await row(host, name).get_by_test_id(deed).click()


def tile(visitor: Visitor, name: str) -> Any:
    return visitor.page.get_by_test_id("tile").filter(has_text=name)


@pytest.mark.longer
async def test_a_host_has_the_floor_in_hand(visit: Visit, served: Lobby, tmp_path: Path) -> None:
    host = await visit()
    await enter_as_host(host, served)
    guest = await visit(width=390, height=844, touch=True)
    await let_in(host, guest, served, "Lê Thị Hà")
    third = await visit()
    await let_in(host, third, served, "Phạm Văn Ba")
    await host.part("people-toggle").click()
    await expect(row(host, "(mình)").get_by_test_id("host-mark")).to_have_text("Chủ trì")
    await expect(row(host, "Lê Thị Hà").get_by_test_id("host-mark")).to_have_count(0)
    await third.part("people-toggle").click()
    await expect(third.part("host-mark")).to_have_count(1)
    await expect(third.part("host-more")).to_have_count(0)

    await guest.part("hand-toggle").click()
    await expect(guest.part("hand-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(guest.part("notice").filter(has_text="chưa cho phép")).to_have_count(0)
    await expect(host.part("hand-queue")).to_contain_text("Lê Thị Hà")
    await do(host, "Lê Thị Hà", "host-lower")
    await expect(guest.part("hand-toggle")).to_have_attribute("aria-pressed", "false")

    await do(host, "Lê Thị Hà", "host-mute")
    await expect(guest.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await expect(tile(third, "Lê Thị Hà")).to_have_attribute("data-muted", "true")
    await row(host, "Lê Thị Hà").get_by_test_id("host-more").focus()
    await host.page.keyboard.press("Enter")
    await looks_well(host, 1280)
    await shot(host, tmp_path / "menu.png")
    await host.page.keyboard.press("Enter")  # the first item of the menu has the focus
    question = guest.part("unmute-question")
    await expect(question).to_contain_text("Người điều hành mời bật micro")
    await expect(row(host, "Lê Thị Hà").get_by_test_id("host-asked")).to_be_visible()
    await looks_well(guest, 390)
    await shot(guest, tmp_path / "question.png")
    await expect(guest.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await guest.part("unmute-yes").click()
    await expect(question).to_have_count(0)
    await expect(tile(third, "Lê Thị Hà")).to_have_attribute("data-muted", "false")
    await expect(host.part("host-asked")).to_have_count(0)

    await host.part("chair-toggle").click()
    await host.part("chair-mute-all").click()
    # immediately: the button exists for ten seconds, which is short on a busy machine
    await host.part("chair-undo").click()
    await expect(host.part("mic-toggle")).to_have_attribute("aria-pressed", "true")
    await expect(host.part("chair-said")).to_contain_text("Đã mời 2 người bật lại micro")
    await host.part("people-toggle").click()
    await expect(third.part("unmute-question")).to_be_visible()
    await expect(third.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await third.part("unmute-no").click()
    await expect(third.part("unmute-question")).to_have_count(0)
    await guest.part("mic-toggle").click()
    await expect(question).to_have_count(0)
    await refused_because_it_is_on(host, third)
    await put_out_and_kept_out(host, third, served, tmp_path)


HOLD_THE_ORDER = """() => {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (said) {
    if (String(said).includes('unmute_ask')) window.held = () => send.call(this, said);
    else send.call(this, said);
  };
}"""


async def refused_because_it_is_on(host: Visitor, third: Visitor) -> None:
    """The participant turns the microphone on between the host's look at the list and the press. The server gives the reason
    for its refusal.
    """

    await host.page.evaluate(HOLD_THE_ORDER)
    await do(host, "Phạm Văn Ba", "host-ask")
    await third.part("mic-toggle").click()
    await expect(tile(host, "Phạm Văn Ba")).to_have_attribute("data-muted", "false")
    await host.page.evaluate("window.held()")
    await expect(host.part("host-trouble")).to_contain_text("Micro của người này đang bật")
    await looks_well(host, 1280)
    await host.page.keyboard.press("Escape")
    await expect(host.part("host-menu")).to_have_count(0)
    await expect(host.part("people-panel")).to_be_visible()


async def put_out_and_kept_out(host: Visitor, third: Visitor, served: Lobby, tmp_path: Path) -> None:
    await do(host, "Phạm Văn Ba", "host-keep-out", "host-remove-sure")
    await expect(third.part("left-page")).to_contain_text("Đã được mời ra khỏi cuộc họp")
    await expect(third.part("rejoin-button")).to_have_count(0)
    await shot(third, tmp_path / "out.png")
    await looks_well(third, 1280)
    await expect(tile(host, "Phạm Văn Ba")).to_have_count(0)
    await knock_again(third, served, "Phạm Văn Ba")
    await expect(third.part("join-trouble")).to_contain_text("Đã được mời ra khỏi cuộc họp")
    await row(host, "Lê Thị Hà").get_by_test_id("host-more").click()
    await row(host, "Lê Thị Hà").get_by_test_id("host-keep-out").click()
    await expect(host.part("host-menu")).to_contain_text("“Bỏ chặn tất cả”")
    await row(host, "Lê Thị Hà").get_by_test_id("host-remove-sure").click()
    await host.part("lobby-toggle").click()
    await expect(host.part("barred")).to_contain_text("2 người")
    await expect(host.part("pardon")).to_have_text("Bỏ chặn tất cả")
    await shot(host, tmp_path / "barred.png")
    await host.part("pardon").click()
    await expect(host.part("barred")).to_have_count(0)  # the server has confirmed it
    await third.part("join-button").click()
    await third.part("waiting").wait_for()


@pytest.mark.longer
async def test_the_opener_hosts_and_ends_a_meeting_on_a_phone(visit: Visit, served: Lobby, tmp_path: Path) -> None:
    """The opener of a meeting switches its lobby on. The page does not keep the right of the opener."""
    opener = await visit(width=390, height=844, touch=True)
    await opener.page.emulate_media(reduced_motion="reduce")  # text that fades in has less contrast for a moment
    await opener.page.goto(served.url)
    await opener.part("start-name").fill("Trao đổi nhanh")
    await opener.part("start-button").click()
    await opener.part("join-name").fill("Chủ")
    await opener.part("join-button").click()
    await opener.part("stage").wait_for(timeout=PATIENCE_MS)
    await opener.part("more-button").click()
    await opener.part("lobby-toggle").click()
    await opener.part("lobby-switch").check()
    kept = await opener.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "moderator" not in kept, kept
    assert "opened" not in kept, kept
    assert "opener" not in kept, kept
    guest = await visit()
    await guest.page.goto(opener.page.url)
    await guest.part("join-name").fill("Ông Nguyễn Văn Khách, Công ty Cổ phần Hạ tầng Số")
    await guest.part("join-button").click()
    await guest.part("waiting").wait_for()
    await expect(opener.part("waiter")).to_have_count(1)
    await opener.part("waiter").get_by_test_id("admit").click()
    notice = opener.part("notice").filter(has_text="vừa vào họp")
    await expect(notice).to_be_visible(timeout=PATIENCE_MS)
    hidden = await notice.evaluate("(one) => [one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth]")
    await shot(opener, tmp_path / "notice-390.png")
    assert hidden == [0, 0], "the verb stands at the end of the name"
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)
    assert await guest.part("lobby-toggle").count() == 0
    await opener.part("lobby-panel-close").click()
    await opener.part("more-button").click()
    await opener.part("people-toggle").click()
    await row(opener, "Khách").get_by_test_id("host-more").click()
    await looks_well(opener, 390)
    await shot(opener, tmp_path / "menu-390.png")
    await opener.part("host-remove").click()
    await shot(opener, tmp_path / "remove-390.png")
    await opener.part("host-remove-not").click()
    await expect(opener.part("host-menu").get_by_role("button").first).to_be_focused()
    await opener.part("people-panel-close").click()
    await opener.part("leave-button").click()
    await expect(opener.part("leave-only")).to_be_visible()
    await looks_well(opener, 390)
    await shot(opener, tmp_path / "leave-390.png")
    await opener.part("leave-end").click()
    await looks_well(opener, 390)
    await opener.part("end-sure").click()
    for one in (opener, guest):
        await expect(one.part("left-page")).to_contain_text("Cuộc họp đã kết thúc")
        await expect(one.part("rejoin-button")).to_have_count(0)


TONE = """navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), [made, out] = [context.createOscillator(), context.createMediaStreamDestination()];
  made.connect(out);
  made.start();
  addEventListener('click', () => void context.resume());
  return out.stream;
}"""
"""A microphone that hears a tone all the time."""


async def test_a_desk_beside_the_call_leads_the_meeting_and_reviews_it(
    visit: Visit, served: Lobby, tmp_path: Path
) -> None:
    """An operator opens the desk from the page of the meeting, without joining, while a chair and a guest are in the call. The
    desk calls the guest to speak, writes a note, ends the turn and the meeting. Words that are being written at the end are not
    lost. The review says who came, and how long the guest spoke.
    """
    chair, guest, desk = await visit(), await visit(), await visit(width=1280, height=800)
    await enter_as_host(chair, served)
    await let_in(chair, guest, served, GUEST)
    meeting, _ = await meeting_of(served)
    await sign_in(desk, served, "dieuhanh")
    await desk.page.goto(f"{served.url}/meetings/{meeting.id}")
    await desk.part("chair-desk-link").click()
    await expect(desk.part("chair-desk-count")).to_have_text("2 có mặt", timeout=PATIENCE_MS)
    await guest.part("hand-toggle").click()
    await expect(desk.part("asking")).to_contain_text(GUEST)
    for width, height in ((1280, 800), (1024, 768), (820, 1180), (390, 844)):
        await resize(desk, width, height)
        for testid in ("call-speaker", "chair-mute-all", "chair-end"):
            await expect(desk.part(testid)).to_be_visible()
        await shot(desk, tmp_path / f"desk-{width}.png")
        assert await desk.page.evaluate("document.documentElement.scrollWidth") <= width
        if width in (1280, 390):
            assert await desk.barriers() == []
    called = served.time()
    await desk.part("call-speaker").click()
    await expect(guest.part("floor-turn")).to_contain_text("Đến lượt mình")
    called_by = served.time()
    await expect(desk.part("chair-turn")).to_contain_text(GUEST)
    await resize(desk, 1280, 800)
    await desk.part("note-text").fill("Ông Khách đề nghị bổ sung mục 3.")
    await desk.part("note-add").click()
    await expect(desk.part("note")).to_contain_text("bổ sung mục 3")
    await expect(desk.part("note-text")).to_have_value("")
    await desk.part("chair-part-invited").click()
    await expect(desk.part("invited-counts")).to_have_text("Có mặt 1 / 1 theo giấy mời")
    assert await desk.barriers() == []
    await _warns_of_a_late_item(desk, chair, guest)
    await _chats_at_the_desk(desk, guest, tmp_path)
    ended = served.time()
    await desk.part("end-turn").click()
    await expect(desk.part("chair-turn")).to_have_count(0)
    ended_by = served.time()
    await desk.part("note-text").fill("Chủ trì kết luận.")
    await desk.part("chair-end").click()
    await desk.part("chair-end-sure").click()
    await desk.part("chair-desk-over").wait_for()
    await expect(desk.part("note-text")).to_have_value("Chủ trì kết luận.")
    await desk.part("note-add").click()
    await expect(desk.part("note")).to_have_count(2)

    await desk.part("chair-desk-review").click()
    await expect(desk.part("attended")).to_have_count(2)
    await expect(desk.part("review-notes")).to_contain_text("bổ sung mục 3")
    spoke = desk.part("attended").filter(has_text=GUEST).get_by_test_id("attended-spoke")
    spoken = re.fullmatch(r"1 lượt, (\d+):(\d\d)", await spoke.inner_text())
    assert spoken is not None
    assert ended - called_by - 1 <= int(spoken[1]) * 60 + int(spoken[2]) <= ended_by - called + 1
    kinds = await desk.part("review-line").evaluate_all("(lines) => lines.map((one) => one.dataset.kind)")
    assert [one for one in kinds if one in ("call_speaker", "end_turn")] == ["call_speaker", "end_turn"]
    assert (kinds.count("came"), kinds.count("left")) == (2, 2)
    await desk.part("review-floor").click()
    await expect(desk.part("review-line").first).to_contain_text(f"Mời phát biểu: {GUEST}")
    async with desk.page.expect_download() as waiting:
        await desk.part("review-csv").click()
    sheet = Path(await (await waiting.value).path()).read_text("utf-8-sig").splitlines()
    assert (len(sheet), GUEST in sheet[1] + sheet[2]) == (3, True)
    for width, height in ((1280, 800), (390, 844)):
        await resize(desk, width, height)
        await shot(desk, tmp_path / f"review-{width}.png")
        await looks_well(desk, width)


async def _warns_of_a_late_item(desk: Visitor, chair: Visitor, guest: Visitor) -> None:
    """The next item should have begun before this meeting. The chair reads that it is late, the guest does not."""
    await desk.part("chair-part-agenda").click()
    await desk.part("agenda-new").click()
    await desk.part("agenda-title").fill("Thông qua biên bản kỳ trước")
    await desk.part("agenda-at").fill("08:00")
    await desk.part("agenda-save").click()
    await expect(chair.part("agenda-line-late")).to_contain_text("phút")
    await expect(guest.part("agenda-line")).to_be_visible()
    await expect(guest.part("agenda-line-late")).to_have_count(0)


async def _chats_at_the_desk(desk: Visitor, guest: Visitor, path: Path) -> None:
    """The desk is not in the call. It reads a line of the guest, answers it, and gets a private answer."""
    await guest.part("chat-toggle").click()
    await guest.part("chat-input").fill("Xin gửi tài liệu sau")
    await guest.page.keyboard.press("Enter")
    await expect(desk.part("chair-part-chat")).to_contain_text("(1)")
    await desk.part("chair-part-chat").click()
    await desk.part("chat-message").filter(has_text="Xin gửi tài liệu sau").get_by_test_id("chat-reply").click()
    await desk.part("chat-to").select_option(label=GUEST)
    await desk.part("chat-input").fill("Vâng, gửi trước 11 giờ")
    await desk.page.keyboard.press("Enter")
    await expect(desk.part("chat-alone")).to_contain_text(GUEST)
    private = guest.part("chat-message").filter(has_text="gửi trước 11 giờ")
    await expect(private.get_by_test_id("chat-alone")).to_have_count(1)
    await private.get_by_test_id("chat-reply").click()
    await guest.part("chat-input").fill("Đã rõ")
    await guest.page.keyboard.press("Enter")
    await expect(desk.part("chat-message").last).to_contain_text("Đã rõ")
    await expect(desk.part("chat-alone")).to_have_count(2)
    for width, height in ((1280, 800), (390, 844)):
        await resize(desk, width, height)
        if width == 390:
            await desk.part("chair-part-chat").click()
        await shot(desk, path / f"desk-chat-{width}.png")
        assert await desk.barriers() == []
    await resize(desk, 1280, 800)


async def test_the_end_is_told_extended_and_asked_about(visit: Visit, served: Lobby, tmp_path: Path) -> None:
    """The last test of this file, because the clock goes on by more than an hour."""
    assert served.clock is not None
    _, date = await meeting_of(served)
    host = await visit(width=390, height=844, touch=True, script=TONE)
    await enter_as_host(host, served)
    guest = await visit(width=1280, height=800)
    await let_in(host, guest, served, GUEST)
    await expect(host.part("end-line")).to_have_count(0)
    served.clock.turn(date.ends_at - timedelta(minutes=7, seconds=50))
    for one in (host, guest):
        await expect(one.part("end-line")).to_contain_text("Còn 8 phút, đến 09:30", timeout=PATIENCE_MS)
        await expect(one.part("notice").filter(has_text="Cuộc họp còn 8 phút")).to_have_count(1)
    await expect(guest.part("extend-15")).to_have_count(0)
    await _looks_well_at(host, tmp_path, "left")
    await host.part("extend-15").click()
    for one in (host, guest):
        await expect(one.part("notice").filter(has_text="Cuộc họp được kéo dài đến 09:45")).to_have_count(1)
        await expect(one.part("end-line")).to_have_count(0)
    served.clock.turn(date.ends_at + timedelta(minutes=15, seconds=10))
    await expect(guest.part("end-line")).to_contain_text("Phòng họp tự đóng sau 30 phút", timeout=PATIENCE_MS)
    await _looks_well_at(host, tmp_path, "over")
    served.clock.turn(date.ends_at + timedelta(minutes=45, seconds=10))
    await expect(host.part("end-line")).to_contain_text("Kéo dài hay kết thúc?", timeout=PATIENCE_MS)
    await expect(guest.part("end-line")).to_contain_text("Chủ trì hoặc người điều hành quyết định")
    await _looks_well_at(host, tmp_path, "asks")
    await shot(guest, tmp_path / "asked-1280.png")
    await host.part("end-now").click()
    for one in (host, guest):
        await expect(one.part("left-page")).to_contain_text("Cuộc họp đã kết thúc")


async def _looks_well_at(host: Visitor, tmp_path: Path, name: str) -> None:
    for width in (1280, 820, 390):
        await resize(host, width, 844)
        assert await host.page.evaluate("document.documentElement.scrollWidth") <= width
        await shot(host, tmp_path / f"{name}-{width}.png")
    assert await host.barriers() == []
