"""Breaks, roll call and pictures as orders of the desk, over real sockets."""

from __future__ import annotations

import pytest

from conference import Passage
from tests.conftest import LiveServer
from tests.signaling.desk.desk_client import Meeting

HOST = {"passage": Passage.HOST}


@pytest.fixture
def meeting(live_server: LiveServer, now: float, request: pytest.FixtureRequest) -> Meeting:
    return Meeting(live_server, f"desk-{request.node.name[:50]}", now)


async def test_a_recess_shows_its_return_to_all_and_ends_by_one_order(meeting: Meeting, now: float) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        until = round(now * 1000) + 900_000
        assert "ok" in await host.order(1, "recess", until=until)
        await member.until(lambda: member.state and "break" in member.state)
        assert (member.state["break"]["phase"], member.state["break"]["until"]) == ("recess", until)
        assert (await member.order(1, "recess_end"))["refused"]["code"] == "not_allowed"
        assert (await host.order(2, "recess"))["refused"]["code"] == "break_state"
        assert (await host.order(3, "recess_until", until=1))["refused"]["code"] == "recess_until"
        assert "ok" in await host.order(4, "recess_end")
        await member.until(lambda: "break" not in member.state)


async def test_a_roll_is_called_and_the_site_reports_its_delegates(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        assert (await host.order(1, "roll_begin"))["refused"]["code"] == "roll_call_state"
        sites = [{"id": "an", "name": "An"}, {"id": "vang", "name": "Chợ Đồn", "telephone": "0209"}]
        assert "ok" in await host.order(2, "roll_prepare")
        assert "ok" in await host.order(3, "roll_prepare", sites=sites)
        assert "ok" in await member.order(1, "report_delegates", delegates=12, head="Nguyễn Văn A")
        refused = await member.order(2, "report_delegates", site="vang", delegates=1)
        assert refused["refused"]["code"] == "not_allowed"
        assert "ok" in await host.order(4, "roll_begin")
        await member.until(lambda: member.state.get("roll", {}).get("at") == "an")
        assert member.state["roll"]["plate"] == "An · Nguyễn Văn A"
        assert "roll_sites" not in member.state
        assert "ok" in await host.order(5, "roll_mark", site="an", presence="present")
        assert "ok" in await host.order(6, "roll_mark", site="vang", presence="absent", why="mất điện")
        await host.until(lambda: host.state["roll_sites"]["vang"].get("p") == "absent")
        assert host.state["roll"]["totals"] == {
            "sites": 2,
            "present": 1,
            "absent": 1,
            "fault": 0,
            "unmarked": 0,
            "delegates": 12,
        }
        assert "ok" in await host.order(7, "roll_end")


async def test_a_host_broadcasts_a_participant_and_takes_it_back(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        assert "ok" in await host.order(1, "show", mode="broadcast", site="an")
        await member.until(lambda: member.state and member.state.get("picture", {}).get("site") == "an")
        assert "ok" in await host.order(2, "show_undo")
        await member.until(lambda: "picture" not in member.state)
        assert (await host.order(3, "show_undo"))["refused"]["code"] == "undo_gone"


async def test_a_stop_ends_the_channel_and_the_call_of_all(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        await member.until(lambda: member.state)
        await host.send({"id": 1, "do": "secret_stop", "with": {}})
        assert await member.closed() == 4003, "the participant is out"


async def test_in_the_lobby_of_a_closed_session_a_desk_reads_only_the_break(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        await member.until(lambda: member.state and "an" in member.state.get("people", {}))
        assert "ok" in await host.order(1, "closed_session", out=["an"], item="Công tác cán bộ")
        await member.until(lambda: member.state == {"break": {"phase": "closed", "out": 1}})
        await host.until(lambda: host.state.get("break_out") == ["an"])
        assert "ok" in await host.order(2, "closed_session_end")
        await member.until(lambda: "an" in member.state.get("people", {}))


async def test_a_leader_sends_one_person_back_to_the_lobby_and_readmits_it(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as member, meeting.desk(meeting.key()) as host:
        await member.until(lambda: member.state and "an" in member.state.get("people", {}))
        assert (await member.order(1, "to_lobby", identity="an"))["refused"]["code"] == "not_allowed"
        assert (await host.order(1, "from_lobby", identity="an"))["refused"]["code"] == "closed_inside"
        assert (await host.order(2, "to_lobby", identity="nobody"))["refused"]["code"] == "participant_not_found"
        assert "ok" in await host.order(3, "to_lobby", identity="an")
        await member.until(lambda: member.state == {})
        await host.until(lambda: host.state.get("break_out") == ["an"])
        assert (await member.order(2, "from_lobby", identity="an"))["refused"]["code"] == "waits_outside"
        assert "ok" in await host.order(4, "from_lobby", identity="an")
        await member.until(lambda: "an" in member.state.get("people", {}))
        await host.until(lambda: "break_out" not in host.state)
