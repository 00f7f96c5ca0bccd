"""What people read and order at a desk while the line of their call is lost, and what others may do to them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from conference import Grants, Passage
from conference.chair.voting.question import FOR
from tests.conference.chair.course.test_course import Kept
from tests.conference.parties import Party
from tests.signaling.desk.test_bounds import Desk, Line

LEADS: Any = {"passage": Passage.HOST}
NUMBERS = count(1)


async def hello(desk: Desk, line: Line, identity: str) -> None:
    line.says({"hello": {"token": desk.sign(Grants(identity=identity, conference="d", join=True, **LEADS))}})
    await line.until(line.events)


async def order(line: Line, name: str, **fields: Any) -> dict[str, Any] | str:
    """Return the answer, or the code of the refusal."""
    number = next(NUMBERS)
    line.says({"id": number, "do": name, "with": fields})
    await line.until(lambda: any(one.get("re") == number for one in line.sent))
    answer = next(one for one in line.sent if one.get("re") == number)
    return answer["refused"]["code"] if "refused" in answer else answer["ok"]


async def test_a_lost_call_takes_neither_the_protection_nor_the_ballot() -> None:
    desk = Desk()
    desk.world.registry.around = replace(desk.world.registry.around, proceedings=Kept())
    roles = {"chu": "chair", "pho": "co_chair", "thu": "secretary", "binh": "delegate"}
    calls = {one: Party(desk.world, one, room="d", role=role, **LEADS) for one, role in roles.items()}
    lines = {one: Line(desk.endpoint) for one in roles}
    for one, line in lines.items():
        await hello(desk, line, one)
    thu, chu, binh = lines["thu"], lines["chu"], lines["binh"]
    vote = await order(thu, "vote_prepare", title="Nghị quyết")
    assert isinstance(vote, dict)
    for one in ("chu", "pho", "binh"):
        calls[one].participant.detach(calls[one].client)
    assert await order(thu, "vote_open", vote=vote["vote"]) == {}
    for one in ("chu", "pho"):
        for name in ("remove", "to_lobby"):
            assert await order(thu, name, identity=one) == "host_stays"
    assert await order(thu, "to_lobby", identity="binh") == {}, "no leader"
    assert await order(thu, "from_lobby", identity="binh") == {}
    for line in (binh, chu):
        assert isinstance(await order(line, "ballot", vote=vote["vote"], choices=[FOR]), dict)
    assert await order(binh, "mute_all") == "not_allowed"
    assert isinstance(await order(chu, "mute_all"), dict)
    assert await order(chu, "appoint", identity="binh", role="observer") == "not_allowed"
    lines["again"] = Line(desk.endpoint)
    await hello(desk, lines["again"], "chu")
    assert lines["again"].sent[0]["welcome"]["audience"] == "host"
    assert await order(thu, "remove", identity="binh") == {}
    for line in lines.values():
        line.goes()
        await line.task
