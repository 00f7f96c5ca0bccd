"""The pages of a chaired meeting in every width, in both languages and both browsers. No control is cut, and axe finds nothing.

The documented API leads the meeting from state to state. `make test` looks at each of these pages in fewer widths, in the walks
of their functions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc

from conference import Passage
from tests import process_clock as clocks
from tests.interop import firefox
from tests.interop.firefox import FirefoxWindow
from tests.web.call.test_lobby import Lobby, begun, meeting_of, office
from tests.web.call.test_quality import ALL_OFF
from tests.web.call.test_words import Sitting
from tests.web.desk.province import PASSWORD
from tests.web.shots import DRAWN, WIDTHS
from tests.web.test_pages import PATIENCE_MS
from tests.web.visiting import AT_REST, AXE, BARRIERS, RULES, Visit, Visitor
from tests.web.visiting import visit as visit

__all__ = ["office"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.sim,
    pytest.mark.timeout(3600),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]

SIZES = (
    (1920, 1080),
    (1280, 720),
    (1024, 768),
    (820, 1180),
    (683, 768),
    (683, 384),
    (600, 960),
    (390, 844),
    (360, 740),
)
"""683: half of a usual laptop, beside another window, and a laptop whose page is enlarged to 200 %."""
PARTS = ("floor", "people", "agenda", "breaks", "votes", "roll", "rules")
TITLE = "Phiên họp thường kỳ của Ủy ban nhân dân tỉnh về phát triển kinh tế - xã hội quý III"
PEOPLE = {
    "browser.a": "Sở Nông nghiệp và Môi trường",
    "browser.b": "Ủy ban nhân dân xã Nghĩa Hưng Đông",
    "browser.c": "Trung tâm Phục vụ hành chính công cấp tỉnh, bộ phận tiếp nhận và trả kết quả",
    "browser.d": "Công an tỉnh",
    "browser.e": "Trần Thị Bình",
}
GUEST = "Ông Nguyễn Văn Khách, Công ty Cổ phần Hạ tầng Số"
QUESTION = "Thông qua Nghị quyết về điều chỉnh dự toán thu, chi ngân sách địa phương năm nay"
CUT = """(part) => {
  const visible = { opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true };
  const found = [], wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} wide`);
  const said = (one) => `${one.dataset.testid ?? one.className} ${(one.ariaLabel || one.textContent).trim().slice(0, 50)}`;
  const tell = (one, why) => found.push(`${why}: ${said(one)}`);
  const hides = (way) => way === 'hidden' || way === 'clip';
  for (const one of document.querySelectorAll('button, a[href], input, select, textarea, summary')) {
    if (one.closest('[inert]') || !one.checkVisibility(visible)) continue;
    if (one.matches('.skip')) continue;
    const box = one.getBoundingClientRect();
    if (box.width < 3 || box.height < 3) continue;
    let shown = box, seen = true;
    for (let up = one.parentElement; up !== null && seen; up = up.parentElement) {
      const style = getComputedStyle(up), around = up.getBoundingClientRect();
      if (style.overflowX !== 'visible' && (shown.left < around.left - 1 || shown.right > around.right + 1)) {
        tell(one, 'cut at the side');
        seen = false;
      } else if (hides(style.overflowY) && (shown.top < around.top - 1 || shown.bottom > around.bottom + 1)) {
        tell(one, 'cut above or below');
        seen = false;
      } else if (style.overflowY !== 'visible' && !hides(style.overflowY)) shown = around;
      if (style.position === 'fixed') break;
    }
    if (seen && (shown.left < -1 || shown.right > innerWidth + 1)) tell(one, 'beside the window');
    if (one.matches('input, select, textarea')) continue;
    const words = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const word = words.currentNode;
      if (word.textContent.trim() === '' || word.parentElement.closest('.out-of-sight')) continue;
      if (getComputedStyle(word.parentElement).textOverflow === 'ellipsis') continue;
      const range = document.createRange();
      range.selectNodeContents(word);
      const text = range.getBoundingClientRect();
      if (text.width > 1 && (text.right > box.right + 1 || text.left < box.left - 1 || text.bottom > box.bottom + 1))
        tell(one, 'its text is cut');
    }
  }
  for (const one of document.querySelectorAll(`${part} :is(button, a[href], input, select, textarea, summary)`)) {
    if (one.closest('[inert]') || !one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (one.getBoundingClientRect().width < 3) continue;
    one.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { left, right, top, bottom } = one.getBoundingClientRect();
    const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const own = [one, ...(one.labels ?? [])].some((each) => each.contains(over)) || over?.contains(one);
    if (!own) tell(one, `covered by ${over?.dataset.testid ?? over?.className}`);
  }
  document.querySelectorAll('*').forEach((one) => one.scrollTop > 0 && (one.scrollTop = 0));
  return found;
}"""
"""Reports controls that are cut at an edge or whose text is larger than the control. In `part`, also covered controls."""
SIGN_IN = """async (given) => (await fetch('/api/v1/session', { method: 'POST', body: JSON.stringify(given),
  headers: { 'content-type': 'application/json' } })).status"""


class ChromiumWindow:
    """A page of Chromium with the steps of a `FirefoxWindow`."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    async def goto(self, url: str) -> None:
        await self.visitor.page.goto(url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        return await self.visitor.page.evaluate(f"(given) => ({function})(...given)", list(arguments))

    async def click(self, part: str) -> None:
        await self.visitor.part(part).first.click(timeout=PATIENCE_MS)

    async def type(self, part: str, text: str) -> None:
        await self.visitor.part(part).first.fill(text)

    async def has(self, part: str) -> None:
        await self.visitor.part(part).first.wait_for(timeout=PATIENCE_MS)

    async def resize(self, width: int, height: int) -> None:
        await self.visitor.page.set_viewport_size({"width": width, "height": height})

    async def picture(self, file: Path) -> None:
        await self.visitor.page.screenshot(path=file)


Window = ChromiumWindow | FirefoxWindow
Open = Callable[[], Awaitable[Window]]


class Walk:
    """A walk in one browser and one language."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[str] = []
        """All faults of all pages, because one run shall tell them all."""

    async def look(self, window: Window, name: str, part: str) -> None:
        """Look at the page in all sizes. `part`: the selector of the part that nothing may cover."""
        for width, height in SIZES:
            await window.resize(width, height)
            await window.evaluate(f"() => {DRAWN}")
            if width in WIDTHS:
                await window.picture(self.folder / f"{name}-{width}.png")
            cut = await window.evaluate(CUT, part)
            if not await window.evaluate("() => 'axe' in window"):
                await window.evaluate(f"() => {{ {AXE.read_text()} }}")
            await window.evaluate(AT_REST)
            barriers = await window.evaluate(BARRIERS, RULES)
            told = [f"{name} at {width}: {one}" for one in cut + barriers]
            self.found += told
            print(*told, sep="\n", end="\n" if told else "")
        await window.resize(1280, 720)


@asynccontextmanager
async def windows(browser: str, language: str, visit: Visit, served: Lobby, folder: Path) -> AsyncIterator[Open]:
    """Windows that share nothing, all with the camera and the microphone off."""
    assert served.clock is not None
    script = f"{served.clock.script};{ALL_OFF};localStorage.setItem('diemcau.language', '{language}');"
    if browser == "chromium":

        async def opened() -> Window:
            return ChromiumWindow(await visit(script=script, height=720))

        yield opened
        return
    async with firefox.firefox(folder) as running:

        async def apart() -> Window:
            return await running.open(height=720, script=script, apart=True)

        yield apart


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    "browser",
    [
        "chromium",
        pytest.param("firefox", marks=pytest.mark.skipif(bool(firefox.missing()), reason=firefox.missing() or "-")),
    ],
)
async def test_no_control_of_a_chaired_meeting_is_cut(
    visit: Visit, office: Lobby, tmp_path: Path, browser: str, language: str
) -> None:
    office.meeting = await begun(office, TITLE)
    meeting, date = await meeting_of(office)
    walk, s = Walk(tmp_path), Sitting(office, date.id)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(s.web.aclose)
        opened = await stack.enter_async_context(windows(browser, language, visit, office, tmp_path))
        for identity, name in PEOPLE.items():
            room = rtc.Room()
            await room.connect(
                s.meeting.server.ws_url, s.meeting.token(identity, name=name, passage=Passage.ADMITTED, role="delegate")
            )
            stack.push_async_callback(room.disconnect)
        chair, member = await opened(), await opened()
        await enters(chair, member, office, meeting.id, (meeting.number, meeting.pin))
        desk = await opened()
        await signs_in(desk, office)
        await desk.goto(f"{office.url}/dieu-hanh/{meeting.id}/{date.id}")
        await desk.has("chair-desk")
        await floor_and_agenda(walk, s, chair, desk)
        await roll_call(walk, s, office, chair, desk)
        await votes(walk, s, office, chair, member)
        await recess(walk, s, office, chair, member)
        await s.order("end")
        await chair.goto(f"{office.url}/meetings/{meeting.id}/review/{date.id}")
        await chair.has("review-line")
        await walk.look(chair, "review", "main")
        await member.goto(f"{office.url}/diem-cau")
        await member.has("hall-enrol")
        await walk.look(member, "enrol", "main")
    assert walk.found == []


async def signs_in(window: Window, served: Lobby) -> None:
    await window.goto(f"{served.url}/sign-in")
    await window.has("signin-name")
    assert await window.evaluate(SIGN_IN, {"name": "thuky", "password": PASSWORD}) == 200


async def enters(chair: Window, member: Window, served: Lobby, meeting: str, door: tuple[str | None, str]) -> None:
    """The secretary enters, and then a guest, whom the secretary admits."""
    await signs_in(chair, served)
    await chair.goto(f"{served.url}/meetings/{meeting}")
    for part in ("enter-button", "join-button"):
        await chair.click(part)
    await chair.has("stage")
    number, pin = door
    await member.goto(f"{served.url}/join?number={number}")
    await member.type("join-pin", pin)
    await member.type("join-as", GUEST)
    for part in ("join-look", "join-enter", "join-button"):
        await member.click(part)
    await chair.click("knock-admit")
    await member.has("stage")
    await chair.click("chair-toggle")


async def floor_and_agenda(walk: Walk, s: Sitting, chair: Window, desk: Window) -> None:
    """One speaks, two wait. The agenda has a current item and a closed one."""
    items: list[dict[str, Any]] = [
        {"title": "Báo cáo tình hình thực hiện nhiệm vụ quý III và phương hướng quý IV", "planned_s": 1200},
        {"title": "Công tác cán bộ", "closed": True, "planned_s": 600},
        {"title": "Việc khác", "speakers": [PEOPLE["browser.c"]]},
    ]
    await s.order("agenda_set", items=items)
    await s.order("agenda_next")
    await s.order("set_floor_mode", mode="one")
    for identity, kind in (("browser.b", "speech"), ("browser.c", "order"), ("browser.d", "question")):
        await asks(s, identity, kind)
    await s.order("call_speaker", identity="browser.b", time_s=180)
    await chair.has("asking")
    for part in PARTS:
        await chair.click(f"chair-part-{part}")
        await walk.look(chair, f"chair-{part}", "[data-testid=chair-panel]")
    await walk.look(desk, "desk", "main")
    await s.order("end_turn")


async def asks(s: Sitting, identity: str, kind: str) -> None:
    bearer = {"authorization": f"Bearer {s.meeting.token(identity)}"}
    answer = await s.web.post("/ask_floor", json={"kind": kind}, headers=bearer)
    assert answer.status_code == 200, answer.text


async def roll_call(walk: Walk, s: Sitting, served: Lobby, chair: Window, desk: Window) -> None:
    """One site is marked, the next is on stage. A site reports its delegates by its link."""
    await s.order("roll_prepare", sites=[{"id": who, "name": name} for who, name in PEOPLE.items()])
    for who, delegates in (("browser.a", 3), ("browser.c", 12)):
        await s.order(
            "report_delegates", site=who, delegates=delegates, head="Lê Văn Cường", deputies=["Trần Thị Bình"]
        )
    link = (await s.order("report_link", site="browser.c"))["path"]
    await s.order("roll_begin")
    await s.order("roll_mark", site="browser.a", presence="present")
    await s.order("roll_mark", site="browser.d", presence="fault", why="Mất điện")
    await chair.click("chair-part-roll")
    await chair.has("roll-stage")
    await walk.look(chair, "chair-roll-running", "[data-testid=chair-panel]")
    await walk.look(desk, "desk-roll", "main")
    await desk.goto(f"{served.url}{link}")
    await desk.has("delegates-number")
    await walk.look(desk, "report", "main")
    for who in PEOPLE:
        await s.order("roll_mark", site=who, presence="present")


async def votes(walk: Walk, s: Sitting, served: Lobby, chair: Window, member: Window) -> None:
    """A vote by name with the card of a participant, its result, and a secret vote by phones."""
    more = (await s.order("vote_prepare", title=QUESTION, text="Theo Tờ trình của Ủy ban nhân dân tỉnh.", way="named"))[
        "vote"
    ]
    await s.order("vote_prepare", title="Miễn nhiệm Phó Chủ tịch", way="secret", phones=True)
    await s.order("vote_prepare", title="Bầu Ban kiểm phiếu", kind="election", options=list(PEOPLE.values()), seats=2)
    await chair.click("chair-part-votes")
    await s.order("vote_open", vote=more)
    await chair.has("ballot-for")
    await chair.has("vote-close")
    await walk.look(chair, "chair-vote-open", "[data-testid=chair-panel]")
    await walk.look(chair, "chair-ballot", "[data-testid=ballot-card]")
    await chair.click("chair-toggle")
    await walk.look(chair, "ballot", "[data-testid=ballot-card]")
    await chair.click("ballot-for")
    await chair.has("ballot-cast")
    await walk.look(chair, "ballot-cast", "[data-testid=ballot-card]")
    await chair.click("chair-toggle")
    await chair.click("chair-part-votes")
    await s.order("vote_close", vote=more)
    await member.has("vote-result")
    await walk.look(member, "result", "[data-testid=vote-result]")
    await chair.has("vote-result")
    await walk.look(chair, "chair-result", "[data-testid=chair-panel]")
    await walk.look(chair, "chair-result-card", "[data-testid=vote-result]")

    await chair.click("vote-open")
    await chair.click("vote-codes-open")
    await chair.click("vote-code-show")
    await chair.has("vote-code-address")
    await walk.look(chair, "chair-codes", "[data-testid=chair-panel]")
    code = await chair.evaluate("() => document.querySelector('[data-testid=vote-code-text]').textContent")
    address = f"{served.url}/phieu#{code.replace('-', '')}"
    await member_votes_by_phone(walk, served, member, address)
    await chair.click("vote-close")
    await chair.has("vote-result")


async def member_votes_by_phone(walk: Walk, served: Lobby, member: Window, address: str) -> None:
    await member.goto(f"{served.url}/trust")
    await member.goto(address.partition("#")[0])
    await member.has("card-code")
    await walk.look(member, "phone-code", "main")
    await member.goto(f"{served.url}/trust")
    await member.goto(address)
    await member.has("card-take")
    await walk.look(member, "phone-take", "main")
    await member.click("card-take")
    await member.click("card-option-0")
    await walk.look(member, "phone-choice", "main")
    await member.click("card-to-review")
    await member.has("card-review")
    await walk.look(member, "phone-review", "main")
    await member.click("card-send")
    await member.has("card-recorded")
    await walk.look(member, "phone-recorded", "main")


async def recess(walk: Walk, s: Sitting, served: Lobby, chair: Window, member: Window) -> None:
    """The slate on the page of the chair and of a guest, who comes back without a wait."""
    meeting, _ = await meeting_of(served)
    await member.goto(f"{served.url}/join?number={meeting.number}")
    await member.type("join-pin", meeting.pin)
    await member.type("join-as", GUEST)
    for part in ("join-look", "join-enter", "join-button"):
        await member.click(part)
    await member.has("stage")
    until_ms = round((served.time() + timedelta(minutes=15).total_seconds()) * 1000)
    await s.order("recess", until=until_ms)
    for window, name in ((member, "slate"), (chair, "chair-slate")):
        await window.has("slate")
        await walk.look(window, name, "[data-testid=slate]")
    await s.order("recess_end")
