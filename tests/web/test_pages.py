"""The pages as users use them: checks with axe, joining, failing to join, and meetings of several people."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from livekit import api
from playwright.async_api import expect
from websockets.asyncio.client import connect

from tests.conftest import LiveServer
from tests.interop.proxy import Proxy
from tests.waiting import until
from tests.web.desk.test_desk import AXE_LANGUAGES
from tests.web.visiting import CALM, CHROMIUM, DEVICES, WINDOWED, Visit, Visitor

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
BUSY = """navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('Could not start video source', 'NotReadableError'));"""
INSECURE = "Object.defineProperty(window, 'isSecureContext', { value: false });"
HEED = """(words) => {
  window.heeded = [];
  const look = () => {
    const found = document.body.innerText.match(new RegExp(words, 'g'));
    if (found !== null) window.heeded.push(...found);
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
OWN_LINE = "[data-local=true] [data-testid=quality]"
OLD = "delete window.RTCPeerConnection;"


async def new_meeting(visitor: Visitor, server: LiveServer | str, title: str = "Họp giao ban tháng 6") -> str:
    """Start a meeting on the first page, and return its link. `server`: the server, or its address."""
    await visitor.page.goto(server if isinstance(server, str) else server.url)
    await visitor.part("start-name").fill(title)
    await visitor.part("start-button").click()
    await visitor.part("join-name").wait_for()
    return visitor.page.url


async def tiles(visitor: Visitor, count: int) -> None:
    await expect(visitor.part("tile")).to_have_count(count, timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    "width", [pytest.param(1280, marks=pytest.mark.sim), pytest.param(360, marks=pytest.mark.sim), 320]
)
async def test_first_pages_have_no_barriers(visit: Visit, live_server: LiveServer, width: int) -> None:
    visitor = await visit(width=width, height=740)
    for path, status in (("/", 200), ("/trust", 200), ("/nowhere", 404)):
        shown = await visitor.page.goto(live_server.url + path)
        assert shown is not None
        assert shown.status == status
        for language in ("en", "vi"):
            await visitor.part(f"language-{language}").click()
            assert await visitor.page.get_attribute("html", "lang") == language
            if language in AXE_LANGUAGES:
                assert await visitor.barriers() == []
            assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    await visitor.part("missing-page").wait_for()
    await visitor.part("home-button").click()
    await visitor.part("start-name").wait_for()


@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.sim), 320])
async def test_a_closed_server_leads_the_first_page_to_sign_in(
    visit: Visit, own_server: Callable[..., LiveServer], width: int
) -> None:
    server = own_server(DIEMCAU_LOCAL_CREATION="false")
    visitor = await visit(width=width, height=740)
    await visitor.page.goto(server.url)
    for language in ("en", "vi"):
        await visitor.part(f"language-{language}").click()
        await expect(visitor.part("start-sign-in")).to_have_attribute("href", "/sign-in")
        if language in AXE_LANGUAGES:
            assert await visitor.barriers() == []
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= width
    await expect(visitor.part("start-name")).to_have_count(0)
    await visitor.part("join-number").fill("abc-defg-hij")
    await visitor.part("number-button").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("Không có cuộc họp nào")
    await visitor.part("start-sign-in").click()
    await visitor.part("signin-name").wait_for()


async def test_a_number_that_is_none_is_explained(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit()
    await visitor.page.goto(live_server.url)
    await visitor.part("join-number").fill("họp giao ban")
    await visitor.part("number-button").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("abc-defg-hij")
    assert visitor.page.url.rstrip("/") == live_server.url


async def test_an_invitation_in_the_query_moves_to_the_fragment(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit()
    link = await new_meeting(visitor, live_server)
    await visitor.page.goto(link.replace("#k=", "?k="))
    await expect(visitor.page).to_have_url(link)
    await visitor.part("preview-video").wait_for()
    await visitor.part("join-button").click()
    await expect(visitor.part("join-name")).to_be_focused()


async def test_an_invitation_that_is_pasted_into_the_open_page_counts(visit: Visit, live_server: LiveServer) -> None:
    """First the link has a wrong secret, then a right secret. In the call a new link changes nothing, and the address stays the
    same.
    """
    visitor = await visit()
    link = await new_meeting(visitor, live_server)
    await visitor.page.goto(link.partition("#")[0] + "#k=wrong")
    await visitor.part("unknown-meeting").wait_for()
    # The skip link for the keyboard is not a new invitation link.
    await visitor.page.locator(".skip").press("Enter")
    await expect(visitor.page.locator("main")).to_be_focused()
    await expect(visitor.page).to_have_url(link.partition("#")[0] + "#k=wrong")
    await visitor.part("unknown-meeting").wait_for()
    await visitor.page.evaluate("(link) => { window.stayed = true; location.href = link; }", link)
    await expect(visitor.part("unknown-meeting")).to_have_count(0)
    await visitor.part("preview-video").wait_for()
    await visitor.part("join-name").fill("Nguyễn Văn An")
    await visitor.part("join-button").click()
    await visitor.part("stage").wait_for()
    await tiles(visitor, 1)
    await visitor.page.evaluate("location.hash = '#k=other'")
    await expect(visitor.page).to_have_url(link)
    await expect(visitor.part("stage")).to_be_visible()
    assert await visitor.page.evaluate("window.stayed")


@pytest.mark.parametrize(
    ("flags", "script", "failure"),
    [
        ((DEVICES[0], "--deny-permission-prompts"), "", "denied"),
        ((DEVICES[1],), "", "absent"),
        (CALM, BUSY, "busy"),
        (CALM, INSECURE, "insecure"),
        (CALM, OLD, "unsupported"),
    ],
)
async def test_every_failure_of_devices_has_its_words(
    visit: Visit, live_server: LiveServer, flags: tuple[str, ...], script: str, failure: str
) -> None:
    program = WINDOWED if failure == "denied" else CHROMIUM  # The program without windows knows no permissions.
    visitor = await visit(width=360, height=740, flags=flags, script=script, program=program)
    await new_meeting(visitor, live_server)
    failures = visitor.part("failure")
    await failures.first.wait_for()
    for found in await failures.all():
        assert await found.get_attribute("data-failure") == failure
    assert await visitor.barriers() == []
    if failure == "unsupported":
        await expect(visitor.part("join-button")).to_be_disabled()
        return
    await visitor.part("join-name").fill("Trần Thị Bình")
    await visitor.part("join-button").click()
    await tiles(visitor, 1)
    await expect(visitor.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await visitor.part("alone").wait_for()
    below = "document.querySelector('[data-testid=tile] .plate').getBoundingClientRect().top"
    assert await visitor.part("alone").evaluate(f"(card) => card.getBoundingClientRect().bottom < {below}"), "name"


@pytest.mark.slow
async def test_three_people_meet_and_one_shows_a_screen(visit: Visit, live_server: LiveServer) -> None:
    """First two people with computers meet and use keys. Then a phone comes, and the second person shows a screen."""
    chair, second, phone = await visit(), await visit(), await visit(width=360, height=740, touch=True)
    link = await new_meeting(chair, live_server)
    await chair.join(link, "Nguyễn Văn An")
    await second.join(link, "Trần Thị Bình - Văn phòng UBND huyện Đức Hòa")
    await tiles(chair, 2)
    await keys(chair, second)
    await leave_and_rejoin(second, chair)
    await dialogs(chair, link)
    await phone.join(link, "Lê Hoàng Cường")
    for visitor in (chair, second, phone):
        await tiles(visitor, 3)
        await expect(visitor.page.locator("[data-testid=tile] video")).to_have_count(3, timeout=PATIENCE_MS)
        await advance(visitor)
        await all_sound_plays(visitor, 2)
    await talk(chair, second)
    await hands(chair, second)
    await sheets(phone)
    assert await phone.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await phone.barriers() == []
    assert await chair.barriers() == []
    await a_pinned_screen(chair, second, phone)


async def leave_and_rejoin(visitor: Visitor, other: Visitor) -> None:
    await visitor.part("leave-button").click()
    await visitor.part("left-page").wait_for()
    await tiles(other, 1)
    assert await visitor.barriers() == []
    await visitor.part("rejoin-button").click()
    await visitor.part("preview-video").wait_for()
    await visitor.part("join-button").click()
    await tiles(other, 2)


async def dialogs(visitor: Visitor, link: str) -> None:
    """Check that the sheets fit a small window of a computer."""
    await visitor.page.set_viewport_size({"width": 1280, "height": 720})
    for sheet in ("settings", "invite", "shortcuts"):
        await visitor.part(f"{sheet}-button").click()
        await visitor.part(f"{sheet}-sheet").wait_for()
        assert await visitor.barriers() == []
        assert await visitor.part(f"{sheet}-sheet").evaluate("(box) => box.scrollHeight <= box.clientHeight"), sheet
        if sheet == "invite":
            assert await visitor.part("invite-link").input_value() == link
            await expect(visitor.part("invite-by-number")).to_be_visible()
        await visitor.page.keyboard.press("Escape")
        await expect(visitor.part(f"{sheet}-sheet")).to_have_count(0)


async def a_pinned_screen(computer: Visitor, presenter: Visitor, phone: Visitor) -> None:
    """Check that the user pins the screen, not the presenter. On the phone, other tiles are small below the screen, and disappear
    when the phone is held sideways.
    """
    await computer.part("tile").nth(1).hover()
    await computer.part("pin").first.click()
    await expect(computer.part("stage")).to_have_attribute("data-view", "speaker")
    await presenter.part("share-toggle").click()
    await computer.part("pin").first.click()
    await expect(computer.page.locator("[data-source=screen] video")).to_have_count(1, timeout=PATIENCE_MS)
    assert await computer.barriers() == []
    screen = phone.page.locator("[data-source=screen]")
    await expect(screen.locator("video")).to_have_count(1, timeout=PATIENCE_MS)
    await computer.page.close()
    await tiles(phone, 3)
    before = await screen.bounding_box()
    await screen.get_by_test_id("pin").click()
    await expect(phone.page.locator("[data-pinned=true]")).to_have_count(1)
    await expect(screen).to_have_attribute("data-pinned", "true")
    after = await screen.bounding_box()
    assert before
    assert after
    assert after["width"] >= before["width"]
    assert after["height"] > 1.3 * before["height"]
    await expect(phone.part("tile")).to_have_count(3)
    assert await phone.barriers() == []
    await phone.page.set_viewport_size({"width": 740, "height": 360})
    await tiles(phone, 1)
    lying = await screen.bounding_box()
    assert lying
    assert lying["width"] > 700
    await advance(phone)
    await screen.get_by_test_id("pin").click()
    await tiles(phone, 3)
    await presenter.part("share-toggle").click()
    await expect(phone.part("stage")).to_have_attribute("data-view", "grid")


async def sheets(phone: Visitor) -> None:
    """Check that the sheets behind "more" open when "more" has closed, and close by their own button."""
    for name in ("settings", "invite"):
        await phone.part("more-button").click()
        await phone.part(f"{name}-button").click()
        await phone.part("more-sheet").wait_for(state="detached")
        if name == "invite":
            await phone.part(
                "invite-here"
            ).wait_for()  # the server of the tests is on loopback, so the page shows this warning
        await phone.page.evaluate(
            "new Promise((done) => setTimeout(done, 100))"
        )  # the page learns of the end a little later
        await expect(phone.part(f"{name}-sheet")).to_be_visible()
        await phone.part(f"{name}-sheet-close").click()
        await phone.part(f"{name}-sheet").wait_for(state="detached")


async def advance(visitor: Visitor) -> None:
    """Wait until every picture has moved."""
    before = await visitor.clocks()

    async def moved() -> bool:
        return all(now > then for now, then in zip(await visitor.clocks(), before, strict=True))

    await until(moved, "the pictures move")


async def all_sound_plays(visitor: Visitor, count: int) -> None:
    async def plays() -> bool:
        script = "[...document.querySelectorAll('audio')].filter((a) => !a.paused && a.currentTime > 0).length"
        return bool(await visitor.page.evaluate(script) == count)

    await until(plays, "the others are heard")


async def talk(writer: Visitor, reader: Visitor) -> None:
    await writer.part("chat-toggle").click()
    await writer.part("chat-input").fill("Tài liệu: https://example.vn/a?b=1 <b>mời xem</b>")
    await writer.page.keyboard.press("Enter")
    await expect(reader.part("notices")).to_contain_text("Tài liệu: https://example.vn")
    await reader.part("chat-toggle").click()
    await expect(reader.part("chat-message")).to_contain_text("<b>mời xem</b>")
    await expect(reader.page.locator("[data-testid=chat-message] a")).to_have_attribute(
        "href", "https://example.vn/a?b=1"
    )
    assert await reader.barriers() == []


async def hands(chair: Visitor, speaker: Visitor) -> None:
    await speaker.part("hand-toggle").click()
    await expect(speaker.part("hand-toggle")).to_have_attribute("aria-pressed", "true")
    await chair.part("people-toggle").click()
    await expect(chair.part("hand-queue")).to_contain_text("Trần Thị Bình")
    await expect(chair.part("people-count")).to_contain_text("3")
    assert await chair.barriers() == []
    await speaker.part("hand-toggle").click()
    await expect(chair.part("hand-queue")).to_have_count(0)


@pytest.mark.slow
async def test_participants_beyond_the_places_are_on_further_pages(visit: Visit, live_server: LiveServer) -> None:
    """Six participants who send nothing, on a phone that shows four at once."""
    phone = await visit(width=360, height=740, touch=True)
    link = await new_meeting(phone, live_server)
    await phone.join(link, "Nguyễn Văn An")
    conference = link.split("/m/")[1].split("#")[0]
    others = [f"Đại biểu {number}" for number in range(1, 7)]
    async with AsyncExitStack() as stack:
        for name in others:
            await stack.enter_async_context(silent(live_server, conference, name))
        await expect(phone.part("stage")).to_have_attribute("data-view", "speaker", timeout=PATIENCE_MS)
        small = await pages(phone, ".strip", (3, 3))
        main = (await named(phone, ".main"))[0]
        assert len(small) == 6, "whoever is large is not small as well"
        assert main not in small, "whoever is large is not small as well"
        await phone.part("more-button").click()
        await phone.part("view-grid").click()
        await phone.part("page-previous").click()
        everybody = await pages(phone, ".grid", (4, 3))
        assert {main, *small} == set(everybody)
        assert len(everybody) == 7
        assert await phone.barriers() == []
    # The page of tiles that the user looks at ends with its participants.
    await tiles(phone, 1)
    await expect(phone.part("page-next")).to_have_count(0)


async def pages(visitor: Visitor, place: str, counts: tuple[int, int]) -> list[str]:
    """Return the labels of the tiles on both pages. Go to the second page, back, and to the second page again."""
    before, after = visitor.part("page-previous"), visitor.part("page-next")
    await expect(before).to_be_disabled()
    found: list[list[str]] = []
    for press, number in ((None, 1), (after, 2), (before, 1), (after, 2)):
        if press is not None:
            await press.click()
        await expect(visitor.part("page-number")).to_contain_text(f"{number}/2", timeout=PATIENCE_MS)
        shown = visitor.page.locator(f"{place} [data-testid=tile]")
        await expect(shown).to_have_count(counts[number - 1], timeout=PATIENCE_MS)
        found.append(await named(visitor, place))
    await expect(after).to_be_disabled()
    assert found[0] == found[2]
    assert found[1] == found[3]
    return found[0] + found[1]


def silent(server: LiveServer, conference: str, name: str, unit: str = "") -> connect:
    """Connect a participant that has only a signalling socket. `unit`: the unit that the server put into the token."""
    grants = api.VideoGrants(room=conference, room_join=True)
    known = api.AccessToken(server.api_key, server.api_secret).with_identity(name).with_name(name)
    known = known.with_attributes({"diemcau.unit": unit}) if unit else known
    headers = {"authorization": f"Bearer {known.with_grants(grants).to_jwt()}"}
    return connect(f"{server.ws_url}/rtc?protocol=17&auto_subscribe=1", additional_headers=headers)


async def named(visitor: Visitor, place: str) -> list[str]:
    """Return the label of each tile in this place."""
    tiles = visitor.page.locator(f"{place} [data-testid=tile]")
    found: list[str] = await tiles.evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    return found


async def keys(visitor: Visitor, other: Visitor) -> None:
    microphone, camera = visitor.part("mic-toggle"), visitor.part("cam-toggle")
    await visitor.page.locator("h1").focus()
    await visitor.page.keyboard.press("Control+d")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await visitor.page.keyboard.down(" ")
    await expect(microphone).to_have_attribute("aria-pressed", "true")
    await visitor.page.keyboard.up(" ")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await visitor.page.keyboard.press("Control+e")
    await expect(camera).to_have_attribute("aria-pressed", "false")
    for viewer, is_own in ((visitor, "true"), (other, "false")):
        tile = viewer.page.locator(f"[data-testid=tile][data-local={is_own}]")
        await expect(tile.locator(".letter")).to_have_text("A")
        await expect(tile.locator("video")).to_have_count(0)
    await visitor.page.keyboard.press("Control+e")
    await expect(camera).to_have_attribute("aria-pressed", "true")
    await visitor.page.keyboard.press("Control+d")
    await expect(microphone).to_have_attribute("aria-pressed", "true")


async def test_a_device_that_does_not_open_is_reported_in_the_dialog(visit: Visit, live_server: LiveServer) -> None:
    """The dialog itself shows the message, and the list shows the device in use. Before, it shows the own picture and the level
    of the microphone, also while the microphone is off for the others.
    """
    visitor = await visit()
    await visitor.join(await new_meeting(visitor, live_server), "Nguyễn Văn An")
    await expect(visitor.part("mic-toggle")).to_have_attribute("aria-busy", "false")
    await visitor.part("settings-button").click()
    await expect(visitor.part("settings-picture")).to_be_visible()
    await expect(visitor.part("level-meter")).not_to_have_attribute("aria-valuenow", "0", timeout=PATIENCE_MS)
    await expect(visitor.part("settings-muted")).to_have_count(0)
    await visitor.page.keyboard.press("Control+d")
    await visitor.part("settings-muted").wait_for()
    await expect(visitor.part("level-meter")).not_to_have_attribute("aria-valuenow", "0", timeout=PATIENCE_MS)
    await visitor.page.keyboard.press("Control+d")
    await expect(visitor.part("settings-muted")).to_have_count(0)
    await visitor.part("test-speaker").click()
    await expect(visitor.part("test-speaker")).to_be_disabled()
    await expect(visitor.part("test-speaker")).to_be_enabled()
    await expect(visitor.part("select-microphone")).not_to_have_value("")
    chosen = await visitor.part("select-microphone").input_value()
    await visitor.page.evaluate(f"() => {{ {BUSY} }}")
    options = visitor.part("select-microphone").locator("option")
    others = [one for one in await options.evaluate_all("(all) => all.map((one) => one.value)") if one != chosen]
    await visitor.part("select-microphone").select_option(others[0])
    await expect(visitor.part("settings-said")).to_contain_text("đang được chương trình khác sử dụng")
    await expect(visitor.part("select-microphone")).to_have_value(chosen)
    assert await visitor.barriers() == []


@pytest.mark.slow
async def test_first_the_signalling_is_lost_and_then_the_server(
    visit: Visit, own_server: Callable[..., LiveServer]
) -> None:
    """Pictures go on while only the signalling is lost. After the loss of the server no notice says that a participant left,
    and no invitation appears. No line counts as good, and the lobby's state is unknown.
    """
    server = own_server()
    one, other = await visit(), await visit()
    async with Proxy(server.port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        link = await new_meeting(one, through)
        await one.join(link, "Nguyễn Văn An")
        await other.join(link.replace(through, server.url), "Trần Thị Bình")
        for visitor in (one, other):
            await tiles(visitor, 2)
            await expect(visitor.page.locator("[data-testid=tile] video")).to_have_count(2, timeout=PATIENCE_MS)
        await advance(one)
        await expect(one.page.locator(OWN_LINE)).to_have_attribute("data-quality", "excellent", timeout=PATIENCE_MS)
        await the_signalling_is_lost(one, other, proxy)
        await one.part("lobby-toggle").click()
        await expect(one.part("lobby-list")).to_contain_text("không có ai chờ")
        await expect(one.page.locator(OWN_LINE)).to_have_attribute("data-quality", "excellent", timeout=PATIENCE_MS)
        await one.page.evaluate(HEED, "đã rời họp|Chưa có ai khác")
        server.stop()
        await other.page.close()
        await expect(one.part("banner")).to_have_attribute("data-link", "media-lost", timeout=PATIENCE_MS)
        await expect(one.page.locator(OWN_LINE)).to_have_attribute("data-quality", "lost")
        assert await one.page.locator("[data-quality=excellent], [data-quality=good]").count() == 0
        await expect(one.part("lobby-offline")).to_be_visible()
        await expect(one.part("lobby-list")).not_to_contain_text(re.compile("ai chờ|Đang chờ"))
        await tiles(one, 1)
        await asyncio.sleep(2)
        assert await one.page.evaluate("window.heeded") == []
        assert await one.barriers() == []


async def the_signalling_is_lost(one: Visitor, other: Visitor, proxy: Proxy) -> None:
    proxy.cut()
    await expect(one.part("banner")).to_have_attribute("data-link", "signal-lost", timeout=PATIENCE_MS)
    await expect(one.part("quality")).to_have_count(0)
    await advance(one)
    await advance(other)
    assert await one.barriers() == []
    proxy.mend()
    await expect(one.part("banner")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(one.part("call")).to_have_attribute("data-link", "steady")
    await advance(one)
