"""W07 in a chaired meeting: no text that people type becomes a script on the pages of chair, guest, desk, site, phone and review.

Names, chat, votes, ballots by phone, agenda, notes, roll call and closed session get payloads by pages and by the documented API,
within the limits of the server. Each text names its field, and a page must show it. `make sim` has all 200 payloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from conference import Passage
from tests import process_clock as clocks
from tests.interop.person import Person
from tests.rooms.postgres import at_once
from tests.running.runs import LONG_RUN
from tests.security.requests.payloads import PAYLOADS, SIGN, WATCH
from tests.signaling.desk.desk_client import Meeting
from tests.web.call.test_lobby import Lobby, begun, enter_as_host, knock, meeting_of, office, visit
from tests.web.desk.test_desk import PATIENCE_MS, ran, sign_in
from tests.web.visiting import Visit, Visitor

__all__ = ["office", "visit"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.native,
    pytest.mark.longer,
    pytest.mark.timeout(3600 if LONG_RUN else 240),
    pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing()),
]
WORDS = PAYLOADS if LONG_RUN else PAYLOADS[::40]
AT_ONCE = 20
"""Payloads that the pages show together. More: the pages draw longer. Fewer: the walk takes longer."""
TITLE = f"Họp {SIGN} {PAYLOADS[83]}"
CARD_NAME = next(one for one in PAYLOADS if len(one) <= 60 and not set("()[]{}") & set(one))
"""The name on a ballot by phone. The server takes out brackets."""
PARTS = ("people", "agenda", "votes", "roll", "breaks", "rules", "floor")


@pytest.fixture
def served(office: Lobby) -> Lobby:
    office.meeting = at_once(begun(office, TITLE))
    return office


class Sitting:
    """The meeting, with the orders of a host over the documented API."""

    def __init__(self, served: Lobby, occurrence: str) -> None:
        self.meeting = Meeting(served.server, f"o-{occurrence}", served.time())
        self.web = httpx.AsyncClient(base_url=f"{served.url}/api/v1/conferences/{self.meeting.name}/desk", timeout=60)
        self.shown: set[str] = set()
        """The payloads that a page showed as text."""
        self.unseen: set[str] = set()
        """The texts that no page has shown yet."""

    def typed(self, field: str, word: str) -> str:
        """Return a payload that names its field. A page must show it."""
        self.unseen.add(f"{word} #{field}")
        return f"{word} #{field}"

    def line(self, field: str, words: Sequence[str], most: int) -> str:
        """Return a line of payloads that name their field, with at most this number of characters."""
        texts = [f"{word} #{field}" for word in words]
        line = " ".join(texts)[:most]
        self.unseen |= {one for one in texts if one in line}
        return line

    async def order(self, name: str, **fields: Any) -> Any:
        bearer = {"authorization": f"Bearer {self.meeting.key('browser.ban')}"}
        answer = await self.web.post(f"/{name}", json=fields, headers=bearer)
        assert answer.status_code == 200, (name, fields, answer.text)
        return answer.json()

    async def joins(self, identity: str, name: str, stack: AsyncExitStack) -> None:
        """Let a participant join with a client library. The server removes a participant without a media path after 30 s."""
        jwt = self.meeting.token(identity, name=name, passage=Passage.ADMITTED)
        await stack.enter_async_context(Person(self.meeting.server.ws_url, jwt, takes=()))

    async def look(self, *visitors: Visitor) -> None:
        """Check that no script ran on these pages, and note which payloads they show."""
        for one in visitors:
            assert await ran(one) == ([], [], False)
            text = await one.page.evaluate("document.documentElement.textContent")
            self.shown |= {word for word in WORDS if word in text}
            self.unseen = {one for one in self.unseen if one not in text}


async def says(s: Sitting, visitor: Visitor, words: Sequence[str]) -> None:
    """Write a line to all, an answer to the last line, and a line to one person alone."""
    line = s.line("chat", words, 1900)
    if await visitor.part("chat-input").count() == 0:
        await visitor.part("chat-toggle").click()
    count = await visitor.part("chat-message").count()
    for more in range(1, 4):
        if more == 2:
            await visitor.part("chat-reply").last.click()
        if more == 3:
            await visitor.part("chat-to").select_option(index=1)
        await visitor.part("chat-input").fill(line)
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.part("chat-message")).to_have_count(count + more, timeout=PATIENCE_MS)
    await visitor.part("chat-to").select_option(index=0)


async def votes(s: Sitting, words: Sequence[str], *visitors: Visitor) -> None:
    """An election and motions with payloads as title, text, candidate and reason; each is annulled."""
    for word in words[:3]:  # a meeting has at most 50 votes
        vote = (await s.order("vote_prepare", title=s.typed("annulled", word), text=word))["vote"]
        await s.order("vote_annul", vote=vote, reason=s.typed("reason", word))
    text = s.line("text", words, 2000)
    options = {"kind": "election", "options": [s.typed("option", word) for word in words]}
    vote = (await s.order("vote_prepare", title=s.typed("title", words[0]), text=text, **options))["vote"]
    await s.order("vote_open", vote=vote)
    for one in visitors:
        await expect(one.part("ballot-card")).to_contain_text(words[0], timeout=PATIENCE_MS)
    await s.look(*visitors)
    await s.order("vote_close", vote=vote)
    for one in visitors:
        await expect(one.part("vote-result")).to_contain_text(words[-1], timeout=PATIENCE_MS)
    await s.look(*visitors)
    await s.order("vote_annul", vote=vote, reason=s.line("reasons", words, 500))
    await expect(visitors[0].part("vote-result")).to_contain_text("#reasons", timeout=PATIENCE_MS)
    await s.look(*visitors)


async def votes_by_phone(s: Sitting, words: Sequence[str], site: str, chair: Visitor, phone: Visitor) -> None:
    """A delegate of a site reads the question on a phone, and writes a name on the card. The chair reads the name."""
    await chair.part("chair-part-people").click()
    person = chair.page.locator(f"[data-testid=chair-person][data-identity='{site}']")
    await person.get_by_test_id("role").select_option("delegate")
    await expect(person).to_have_attribute("data-role", "delegate", timeout=PATIENCE_MS)
    options = {"kind": "election", "options": [s.typed("phone option", word) for word in words]}
    title, text = s.typed("phone title", words[0]), s.line("phone text", words, 2000)
    vote = (await s.order("vote_prepare", title=title, text=text, way="named", phones=True, **options))["vote"]
    expected = [{"identity": site, "name": s.typed("card", words[0])}]
    await s.order("vote_open", vote=vote, expected=expected)
    async with s.meeting.desk(s.meeting.key("browser.ban")) as desk:
        await desk.until(lambda: desk.state)
        ((_, cards),) = desk.state["votes"][vote]["cards"].items()
    await phone.page.goto(f"{s.meeting.server.url}/phieu#{cards['code']}")
    await phone.part("card-take").click()
    await expect(phone.part("card-site")).to_contain_text(words[0], timeout=PATIENCE_MS)
    await s.look(phone)
    await phone.part("card-option-0").click()
    await phone.part("card-name").fill(CARD_NAME)
    await phone.part("card-to-review").click()
    await expect(phone.part("card-review")).to_contain_text(words[0])
    await s.look(phone)
    await phone.part("card-send").click()
    await expect(phone.part("card-choice")).to_contain_text(CARD_NAME, timeout=PATIENCE_MS)
    await chair.part("chair-part-votes").click()
    await chair.part("vote-rows").click()
    await expect(chair.part("vote-running")).to_contain_text(CARD_NAME, timeout=PATIENCE_MS)
    await chair.part("vote-codes-open").click()
    await expect(chair.part("vote-code-row")).to_contain_text(words[0])
    await s.look(phone, chair)
    await s.order("vote_annul", vote=vote, reason="Xong")
    await phone.part("card-ended").wait_for(timeout=PATIENCE_MS)
    await s.look(phone)


async def calls_the_roll(s: Sitting, words: Sequence[str], people: Sequence[str], *visitors: Visitor) -> None:
    """Sites with payloads as name, unit, head, deputy and reason. Each is on stage with its plate."""
    sites = [
        {"id": who, "name": s.typed("site", word), "unit": s.typed("unit", word), "telephone": ""}
        for who, word in zip(people, words, strict=True)
    ]
    await s.order("roll_prepare", sites=sites)
    for who, word in zip(people, words, strict=True):
        head, deputy = s.typed("hd", word), s.typed("dep", word)  # a name has at most 80 characters
        await s.order("report_delegates", site=who, delegates=3, head=head, deputies=[deputy])
    await s.order("roll_begin")
    for place, who in enumerate(people):
        on_stage = visitors[0].page.locator(f"[data-testid=roll-stage][data-site='{who}']")
        await on_stage.wait_for(timeout=PATIENCE_MS)
        await s.look(*visitors)
        await s.order("roll_mark", site=who, presence="present", why=words[place])
        await s.order("roll_mark", site=who, presence="fault", why=s.typed("why", words[place]))
        if place + 1 < len(people):
            await s.order("roll_next")
    await s.look(*visitors)
    await s.order("roll_mark", site=people[0], presence="present")  # its delegates vote by phone
    await s.order("roll_end")
    await s.look(*visitors)


async def test_no_word_of_a_chaired_meeting_becomes_a_script(visit: Visit, served: Lobby) -> None:
    chair, guest, desk = [await visit(script=WATCH) for _ in range(3)]
    phone = await visit(width=390, height=844, touch=True, script=WATCH)
    meeting, date = await meeting_of(served)
    s = Sitting(served, date.id)
    await enter_as_host(chair, served)
    await knock(guest, served, WORDS[0][:80])
    await chair.part("knock-admit").click()
    await guest.part("stage").wait_for(timeout=PATIENCE_MS)
    await sign_in(desk, served, "dieuhanh")
    await desk.page.goto(f"{served.url}/meetings/{meeting.id}")
    await desk.part("chair-desk-link").click()
    await desk.part("chair-desk").wait_for()
    await chair.part("chair-toggle").click()
    for start in range(0, len(WORDS), AT_ONCE):
        words = WORDS[start : start + AT_ONCE]
        await shows(s, words, start, chair, guest, desk, phone)
    site = await visit(script=WATCH)
    link = (await s.order("report_link", site=f"browser.w{len(WORDS) - 1}"))["path"]
    await site.page.goto(f"{served.url}{link}")
    await expect(site.part("report-site")).to_contain_text(WORDS[-1])
    await s.look(site)
    await s.order("end")
    await desk.page.goto(f"{served.url}/meetings/{meeting.id}/review/{date.id}")
    await expect(desk.part("review-notes")).to_contain_text(WORDS[-1], timeout=PATIENCE_MS)
    await expect(desk.part("review-lines")).to_contain_text(WORDS[0])
    await s.look(desk)
    assert s.shown == set(WORDS)
    assert not s.unseen
    await s.web.aclose()


async def shows(
    s: Sitting, words: Sequence[str], start: int, chair: Visitor, guest: Visitor, desk: Visitor, phone: Visitor
) -> None:
    """Put these payloads into each text of the meeting, and look at each part of each page."""
    people = [f"browser.w{start + place}" for place in range(len(words))]
    items = [
        {"title": s.typed("item", word), "speakers": [s.typed("speaker", word)], "planned_s": 600} for word in words
    ]
    async with AsyncExitStack() as stack:
        for who, word in zip(people, words, strict=True):
            await s.joins(who, s.typed("name", word), stack)
        await s.order("agenda_set", items=items)
        await s.order("agenda_next")
        await says(s, guest, words)
        await says(s, chair, words)
        item = s.typed("note item", words[0])[:200]
        await s.order("note", id=f"n{start}", item=item, text=s.line("note", words, 4000), version=0)
        await desk.part("note-text").fill(s.line("desk note", words, 2000))
        await desk.part("note-add").click()
        await s.order("call_speaker", identity=people[0])
        await chair.part("chair-toggle").click()
        for part in PARTS:
            await chair.part(f"chair-part-{part}").click()
            await s.look(chair, guest, desk)
        await s.order("end_turn")
        await chair.part("chair-part-votes").click()
        await votes(s, words, chair, guest)
        await chair.part("chair-part-roll").click()
        await calls_the_roll(s, words, people, chair, guest, desk)
        await votes_by_phone(s, words, people[0], chair, phone)
        await s.order("closed_session", out=people[:1], item=words[0])
        await s.look(chair, guest, desk)
        await s.order("closed_session_end")
