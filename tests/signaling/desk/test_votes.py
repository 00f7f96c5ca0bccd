"""Votes over `/desk` and REST of a real server with its database: what each person may do, and what each person reads."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from signaling.host import limits
from tests.conftest import LiveServer, start_server
from tests.signaling.desk.desk_client import WAIT_S, DeskClient, Meeting

PEOPLE = ("an", "binh", "chi", "dung", "em")
FOR, AGAINST = 0, 1


class Council(Meeting):
    """A meeting with five people in the call, the desk of a host, and the desk of one person."""

    host: DeskClient
    an: DeskClient
    number = 0

    async def give(self, order: str, **fields: Any) -> dict[str, Any]:
        """Give an order at the desk of the host, and return the answer."""
        self.number += 1
        return await self.host.order(self.number, order, **fields)

    async def rest(self, name: str, order: str, **fields: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.server.url, timeout=WAIT_S) as web:
            head = {"authorization": f"Bearer {self.token(name)}"}
            return await web.post(f"/api/v1/conferences/{self.name}/desk/{order}", json=fields, headers=head)

    async def opened(self, **question: Any) -> str:
        vote: str = (await self.give("vote_prepare", title="Nghị quyết", **question))["ok"]["vote"]
        assert (await self.give("vote_open", vote=vote))["ok"] == {}
        return vote

    async def row(self, client: DeskClient, vote: str, **facts: Any) -> dict[str, Any]:
        """Return the row of a vote as soon as it has these facts."""

        def row() -> dict[str, Any]:
            found: dict[str, Any] = (client.state or {}).get("votes", {}).get(vote, {})
            return found

        await client.until(lambda: facts.items() <= row().items() and row())
        return row()


@asynccontextmanager
async def sitting(server: LiveServer, name: str, now: float) -> AsyncIterator[Council]:
    """Let five people join, and open the two desks."""
    made = Council(server, name, now)
    async with AsyncExitStack() as stack:
        for one in PEOPLE:
            await stack.enter_async_context(made.call(one))
        made.host = await stack.enter_async_context(made.desk(made.key()))
        made.an = await stack.enter_async_context(made.desk(made.token("an")))
        yield made


@pytest.fixture
async def council(live_server: LiveServer, now: float, request: pytest.FixtureRequest) -> AsyncIterator[Council]:
    async with sitting(live_server, f"votes-{request.node.name[:40]}", now) as made:
        yield made


async def test_a_vote_by_name(council: Council) -> None:
    vote = await council.opened()
    assert (await council.row(council.an, vote, state="open"))["entitled"] == 5
    answer = await council.an.order(1, "ballot", vote=vote, choices=[FOR])
    assert answer["ok"] == {"said": "vote_for", "receipt": ""}
    assert (await council.an.order(2, "my_ballot"))["ok"]["choices"] == [FOR]
    for name in PEOPLE[1:]:
        assert (await council.rest(name, "ballot", vote=vote, choices=[AGAINST])).status_code == 200
    row = await council.row(council.host, vote, cast=5)
    assert row["rows"]["an"] == {"name": "An", "choices": [FOR]}
    assert "rows" not in await council.row(council.an, vote, cast=5)
    assert (await council.give("vote_close", vote=vote))["ok"] == {}
    row = await council.row(council.an, vote, state="closed")
    assert row["result"]["counts"] == [1, 4, 0]
    assert row["result"]["adopted"] is False
    assert row["rows"]["binh"]["choices"] == [AGAINST]
    late = await council.rest("an", "ballot", vote=vote, choices=[FOR])
    assert (late.status_code, late.json()["code"]) == (422, "vote_state")


async def test_a_delegate_who_joins_again_has_the_same_one_ballot(council: Council) -> None:
    first, second = "personal_link.a1.x", "personal_link.a1.y"
    async with council.call(first):
        vote = await council.opened(way="secret")
        assert (await council.row(council.host, vote, state="open"))["entitled"] == 6
    async with council.call(second):
        cast = await council.rest(second, "ballot", vote=vote, choices=[FOR])
        assert cast.json() == {"said": "vote_recorded", "receipt": ""}
        async with council.call("browser.a1.z"):
            again = await council.rest("browser.a1.z", "ballot", vote=vote, choices=[FOR])
            assert again.json()["code"] == "vote_cast_already"
            assert (await council.rest("browser.a1.z", "my_ballot")).json()["voted"] is True


async def test_who_waits_outside_a_closed_session_has_no_vote_and_no_order(council: Council) -> None:
    assert "ok" in await council.give("closed_session", out=["an"])
    vote = await council.opened()
    row = await council.row(council.host, vote, state="open")
    assert (row["entitled"], row["present"], "an" in row["rows"]) == (4, 4, False)
    assert (await council.give("vote_admit", vote=vote, identity="an"))["refused"]["code"] == "participant_not_found"
    answer = await council.an.order(1, "ballot", vote=vote, choices=[FOR])
    assert answer["refused"]["code"] == "waits_outside"
    assert (await council.rest("an", "my_ballot")).json()["code"] == "waits_outside"
    assert "ok" in await council.give("closed_session_end")
    answer = await council.an.order(2, "ballot", vote=vote, choices=[FOR])
    assert answer["refused"]["code"] == "vote_not_entitled"


async def test_the_delegates_of_a_site_vote_by_phone_without_an_account(council: Council) -> None:
    """Nothing that a phone may send reaches another card, another vote, or a ballot that is final."""
    for order, fields in (
        ("roll_prepare", {"sites": [{"id": "an", "name": "An"}]}),
        ("report_delegates", {"site": "an", "delegates": 3}),
        ("roll_begin", {}),
        ("roll_mark", {"site": "an", "presence": "present"}),
    ):
        assert "ok" in await council.give(order, **fields)
    late = await council.give("report_delegates", site="an", delegates=30)
    assert "ok" in late, "a host corrects the number of a site that was called"
    assert "ok" in await council.give("report_delegates", site="an", delegates=3)
    more = await council.rest("an", "report_delegates", site="an", delegates=30)
    assert more.json()["code"] == "roll_call_over", "the site itself gets no ballots after its call"
    vote = await council.opened(way="secret", phones=True)
    own = (await council.an.order(1, "my_ballot"))["ok"]
    assert own["cards"] == 2
    assert "cards" not in await council.row(council.an, vote, state="open")
    one, two = ({"code": own["code"], "phone": letter * 22} for letter in "xy")
    async with httpx.AsyncClient(base_url=f"{council.server.url}/api/v1", timeout=WAIT_S) as web:
        ballot: dict[str, Any] = {"vote": vote, "choices": [AGAINST]}
        early = await web.post("/vote-cards/ballot", json=one | ballot)
        assert (early.status_code, early.json()["code"]) == (422, "vote_code_wrong"), "a phone without a card"
        cards = [(await web.post("/vote-cards", json=one)).json() for _ in range(2)]
        assert cards[0] == cards[1]
        assert (cards[0]["number"], cards[0]["title"], cards[0]["choices"]) == (0, "Nghị quyết", None)
        assert (await web.post("/vote-cards", json=two)).json()["number"] == 0
        third = await web.post("/vote-cards", json={"code": own["code"], "phone": "z" * 22})
        assert third.json()["code"] == "vote_cards_used"
        kept = await web.post("/vote-cards", json={"code": own["code"], "phone": "z" * 22, "known": [own["vote"]]})
        assert kept.json()["code"] == "vote_card_kept", "the phone has a card of this vote by another code"
        assert "ok" in await council.give("to_lobby", identity="an")
        outside = [
            (await web.post("/vote-cards", json=one)).json(),
            (await web.post("/vote-cards/ballot", json=one | ballot)).json(),
        ]
        assert [one["code"] for one in outside] == ["vote_site_away"] * 2, "the site waits outside"
        assert "ok" in await council.give("from_lobby", identity="an")
        sent = (await web.post("/vote-cards/ballot", json=one | ballot)).json()
        assert (sent["voted"], sent["choices"]) == (True, None), "the answer shows no choice"
        again = await web.post("/vote-cards/ballot", json=one | ballot)
        assert again.json()["code"] == "vote_cast_already"
        wrong = await web.post("/vote-cards/ballot", json=two | ballot | {"choices": [77]})
        assert wrong.json()["code"] == "vote_choice_bad"
        other = await web.post("/vote-cards/ballot", json=two | ballot | {"vote": "v-0"})
        assert other.json()["code"] == "vote_code_wrong"
        row = await council.row(council.host, vote, cast=1)
        assert (row["entitled"], row["cards"]["an"]["taken"]) == (7, 2)
        await takes_cards_back(council, web, vote, own["code"])
        assert "ok" in await council.give("vote_annul", vote=vote, reason="Nhầm")
        ended = await web.post("/vote-cards", json=one)
        assert ended.json()["code"] == "vote_code_wrong"


async def takes_cards_back(council: Council, web: httpx.AsyncClient, vote: str, code: str) -> None:
    """Only the site itself and those who lead take back its cards. The phone with a ballot keeps its card."""
    other = await council.rest(PEOPLE[1], "vote_withdraw", vote=vote, identity="an")
    assert other.json()["code"] == "not_allowed"
    assert (await council.rest("an", "vote_withdraw", vote=vote)).status_code == 200
    own = (await council.rest("an", "my_ballot")).json()
    assert (own["cards"], own["taken"], own["code"] != code) == (2, None, True)
    for path, fields in (("/vote-cards", {}), ("/vote-cards/ballot", {"vote": vote, "choices": [FOR]})):
        answers = [await web.post(path, json={"code": code, "phone": one * 22, **fields}) for one in "yw"]
        assert [one.json()["code"] for one in answers] == ["vote_cards_withdrawn"] * 2
    assert (await web.post("/vote-cards", json={"code": code, "phone": "x" * 22})).json()["voted"] is True
    taken = await web.post("/vote-cards", json={"code": own["code"], "phone": "w" * 22})
    assert taken.json()["number"] == 0, "the vote is secret"
    await floods_with_an_old_code(web, vote, code)
    assert "ok" in await council.give("vote_withdraw", vote=vote, identity="an")
    nobody = await council.give("vote_withdraw", vote=vote, identity=PEOPLE[1])
    assert nobody["refused"]["code"] == "vote_cards_none"


async def floods_with_an_old_code(web: httpx.AsyncClient, vote: str, code: str) -> None:
    """Send the old code from ever new phones until the server refuses to look. A phone with a card is not refused."""

    async def codes(path: str, start: int, **fields: object) -> set[str]:
        bodies = [{"code": code, "phone": f"{start + number:022}", **fields} for number in range(50)]
        return {one.json()["code"] for one in await asyncio.gather(*(web.post(path, json=body) for body in bodies))}

    for start in range(0, 10 * limits.VOTE_CARDS_PER_MINUTE, 50):
        if "too_many_requests" in await codes("/vote-cards", start):
            break
    else:
        pytest.fail("an old code is never refused")
    assert "too_many_requests" in await codes("/vote-cards/ballot", 0, vote=vote, choices=[FOR])
    assert (await web.post("/vote-cards", json={"code": code, "phone": "x" * 22})).json()["voted"] is True


async def test_a_secret_vote_shows_no_choice(council: Council) -> None:
    vote = await council.opened(way="secret")
    assert (await council.an.order(1, "ballot", vote=vote, choices=[AGAINST]))["ok"]["said"] == "vote_recorded"
    own = (await council.an.order(2, "my_ballot"))["ok"]
    nobody_by_phone: dict[str, Any] = {"cards": 0, "taken": 0, "code": ""}
    assert own == {"vote": vote, "voted": True, "present": 1, "choices": None, "counts": None} | nobody_by_phone
    for name in PEOPLE[1:]:
        answer = await council.rest(name, "ballot", vote=vote, choices=[FOR])
        assert answer.json() == {"said": "vote_recorded", "receipt": ""}
    again = await council.rest("binh", "ballot", vote=vote, choices=[FOR])
    assert again.json()["code"] == "vote_cast_already"
    assert "rows" not in await council.row(council.host, vote, cast=5)
    await council.give("vote_close", vote=vote)
    row = await council.row(council.an, vote, state="closed")
    assert row["result"]["counts"] == [4, 1, 0]
    assert "rows" not in row


async def test_a_secret_vote_goes_on_after_a_kill_and_no_log_shows_a_choice(tmp_path: Path, now: float) -> None:
    """Each logger of the server writes everything. The second server has the data of the first one."""
    data, outputs = tmp_path / "data", []
    server = start_server(data, DIEMCAU_LOG_LEVEL="debug")
    try:
        async with sitting(server, "phieu-kin", now) as council:
            vote = await council.opened(way="secret")
            for name in PEOPLE[:3]:
                assert (await council.rest(name, "ballot", vote=vote, choices=[AGAINST])).status_code == 200
            wrong = await council.rest("em", "ballot", vote=vote, choices=["chín"])
            assert (wrong.status_code, "chín" in wrong.text) == (400, False)
            assert "refused" in await council.an.order(1, "ballot", vote=vote, choices=["chín"])
            server.stop(signal.SIGKILL)
        outputs.append("".join(server.output))
        server = start_server(data, DIEMCAU_LOG_LEVEL="debug")
        async with sitting(server, "phieu-kin", now) as council:
            assert (await council.row(council.an, vote, cast=3))["state"] == "open"
            again = await council.an.order(1, "ballot", vote=vote, choices=[FOR])
            assert again["refused"]["code"] == "vote_cast_already"
            for name in PEOPLE[3:]:
                assert (await council.rest(name, "ballot", vote=vote, choices=[FOR])).status_code == 200
            await council.give("vote_close", vote=vote)
            assert (await council.row(council.an, vote, state="closed"))["result"]["counts"] == [2, 3, 0]
    finally:
        server.stop()
    outputs.append("".join(server.output))
    for text in outputs:
        assert "debug   executing" in text
        assert "choices" not in text
        assert "chín" not in text


async def test_hands_are_entered_by_the_person_or_the_host(council: Council) -> None:
    vote = await council.opened(way="hands")
    assert (await council.an.order(1, "hands", vote=vote, **{"for": 1}))["ok"] == {}
    many = await council.an.order(2, "hands", vote=vote, **{"for": 1, "against": 1})
    assert many["refused"]["code"] == "vote_hands_many"
    assert many["refused"]["vi"] == "Số giơ tay nhiều hơn số đại biểu đã điểm danh"
    other = await council.an.order(3, "vote_count", vote=vote, identity="binh", against=1)
    assert other["refused"]["code"] == "not_allowed"
    assert (await council.give("vote_count", vote=vote, identity="binh", against=1))["ok"] == {}
    assert (await council.give("vote_count", vote=vote, identity="an", abstain=1))["ok"] == {}
    await council.an.until(lambda: {"ballot": vote} in [one.get("to_you") for one in council.an.events])
    assert (await council.an.order(4, "my_ballot"))["ok"]["counts"] == [0, 0, 1]
    row = await council.row(council.host, vote, cast=2)
    assert row["rows"]["binh"]["counts"] == [0, 1, 0]
    await council.give("vote_annul", vote=vote, reason="Nhầm nội dung")
    assert (await council.row(council.an, vote, state="annulled"))["reason"] == "Nhầm nội dung"


async def test_an_election_with_receipts_and_its_order(council: Council) -> None:
    first = (await council.give("vote_prepare", title="A"))["ok"]["vote"]
    election: dict[str, Any] = {"kind": "election", "way": "secret", "options": ["An", "Bình", "Chi"], "seats": 2}
    share = {"part": 1, "whole": 5, "above": False}
    made = await council.give("vote_prepare", title="B", receipts=True, needs=share, **election)
    vote = made["ok"]["vote"]
    assert (await council.give("vote_open", vote=vote))["refused"]["code"] == "vote_not_next"
    assert (await council.give("vote_order", votes=[vote, first]))["ok"] == {}
    assert (await council.give("vote_open", vote=vote))["ok"] == {}
    receipts = set()
    for name in PEOPLE:
        receipts.add((await council.rest(name, "ballot", vote=vote, choices=[0, 2])).json()["receipt"])
    await council.give("vote_close", vote=vote)
    result = (await council.row(council.an, vote, state="closed"))["result"]
    assert result["elected"] == [0, 2]
    assert {code for code, _ in result["receipts"]} == receipts
    assert first not in council.an.state["votes"], "members do not read prepared votes"


@pytest.mark.parametrize("order", ["vote_prepare", "vote_open", "vote_close", "vote_annul", "vote_order", "vote_admit"])
async def test_a_member_orders_no_vote(council: Council, order: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "vote_prepare": {"title": "x"},
        "vote_annul": {"vote": "v", "reason": "x"},
        "vote_order": {"votes": []},
        "vote_admit": {"vote": "v", "identity": "an"},
    }
    assert (await council.an.order(1, order, **fields.get(order, {"vote": "v"})))["refused"]["code"] == "not_allowed"
