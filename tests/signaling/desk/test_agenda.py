"""The agenda over `/desk` of a real server with its database."""

from __future__ import annotations

import pytest

from tests.conftest import LiveServer
from tests.signaling.desk.desk_client import DeskClient, Meeting


def items(client: DeskClient) -> list[str]:
    """Return the titles and states of the items."""
    return [f"{one['title']}: {one['state']}" for one in (client.state or {}).get("agenda", {}).get("items", [])]


async def test_a_host_leads_through_the_agenda(live_server: LiveServer, now: float) -> None:
    meeting, begins = Meeting(live_server, "desk-agenda", now), round(now + 7200) * 1000
    async with meeting.call("an"), meeting.desk(meeting.key()) as host, meeting.desk(meeting.token("an")) as an:
        planned = [
            {"title": "Khai mạc", "planned_s": 300, "planned_at": begins},
            {"id": "b", "title": "Báo cáo"},
        ]
        assert (await host.order(1, "agenda_set", items=planned))["ok"] == {}
        await an.until(lambda: items(an) == ["Khai mạc: waiting", "Báo cáo: waiting"])
        assert an.state["agenda"]["items"][0]["planned_at"] == begins
        first = an.state["agenda"]["items"][0]["id"]
        ordered = await host.order(2, "agenda_order", items=["b", first])
        assert ordered == {"re": 2, "ok": {}}
        assert (await host.order(3, "agenda_next"))["ok"] == {}
        await an.until(lambda: items(an) == ["Báo cáo: current", "Khai mạc: waiting"])
        assert an.state["agenda"]["current"] == "b"
        assert (await host.order(4, "agenda_skip", item=first))["ok"] == {}
        assert (await host.order(5, "agenda_finish"))["ok"] == {}
        assert (await host.order(6, "agenda_return", item="b"))["ok"] == {}
        await an.until(lambda: items(an) == ["Khai mạc: skipped", "Báo cáo: waiting"])
        wrong = await host.order(7, "agenda_next", item="z")
        assert wrong["refused"]["vi"] == "Không có nội dung này trong chương trình họp"


@pytest.mark.parametrize("order", ["agenda_next", "agenda_finish"])
async def test_a_member_does_not_lead_through_it(live_server: LiveServer, now: float, order: str) -> None:
    meeting = Meeting(live_server, f"desk-{order}", now)
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as an:
        assert (await an.order(1, order))["refused"]["code"] == "not_allowed"
