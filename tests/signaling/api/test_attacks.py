"""Attacks that a review found on decisions that need two approvals. Each is tried over the API, with the attacker's own
sign-in.
"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from rooms.dialling import planning
from rooms.store.tables.dialling import DialLeg
from signaling.halls.board.live import Statistics
from signaling.halls.board.rows import Rows
from signaling.halls.board.watchers import Watchers
from signaling.halls.sip.trace import Traces
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_disclosure import correct
from tests.signaling.api.test_meetings import act, approved, book

pytestmark = pytest.mark.timeout(120)


def quick(office: Office, **changes: Any) -> dict[str, Any]:
    """Return an internal meeting of khcn this afternoon. It has no hall."""
    return {
        "title": "Họp nội bộ",
        "type_code": "internal",
        "host_unit_id": office.province.units["khcn"],
        "starts_at": office.at("2026-03-03 14:00"),
        "duration_min": 60,
        "chair_id": office.province.people["khcn-2"],
        "submit": True,
    } | changes


async def called(office: Office) -> list[str]:
    """Return the terminals that the server would call. The time is five minutes before the meeting begins."""
    at = office.now.fromisoformat(office.at("2026-03-03 13:55"))

    async def work(session: Any) -> list[str]:
        await planning.plan(session, at)
        legs = await session.scalars(select(DialLeg))
        return [one.terminal_id for one in legs if one.state != "given_up"]

    return await office.database.transact(work)


async def test_the_lowest_role_has_no_hall_of_another_unit_called(office: Office) -> None:
    """Show, for finding f1b, that a requester's password is not enough to call the province's hall into an internal meeting."""
    requester = await office.client("requester", "khcn")
    people, sites, units = office.province.people, office.province.sites, office.province.units
    himself = {"person_id": people["khcn-2"], "site_id": sites["tinh"]}
    body = problem(
        await requester.post("/meetings", json=quick(office, attendees=[himself], connect="call", public=True)),
        422,
        "bad_attendees",
    )
    assert [one["code"] for one in body["troubles"]] == ["site_elsewhere"]
    guest = {"guest_name": "Khách A", "site_id": sites["tinh"]}
    problem(await requester.post("/meetings", json=quick(office, attendees=[guest])), 422, "bad_attendees")
    # Without the site, each change that reaches beyond the requester's own unit makes the meeting wait for approval.
    outside: dict[str, dict[str, Any]] = {
        "another unit that would be called": {"attendees": [{"unit_id": units["xa1"]}], "connect": "call"},
        "a hall of another branch": {"hall_ids": [office.province.halls["tinh"]]},
        "a terminal of another unit": {"terminal_ids": [office.province.terminals["tinh"]]},
        "the public schedule": {"public": True},
    }
    for what, changes in outside.items():
        made = await book(requester, quick(office, **changes))
        assert (made["state"], made["number"]) == ("asked", None), what
        assert await called(office) == [], what
        await act(requester, made, "cancel", reason_code="not_ready", reason="Thử")
    alone = await book(requester, quick(office, attendees=[{"person_id": people["khcn-1"]}], connect="call"))
    assert alone["state"] == "approved", "his own unit's people meet at once"
    assert await called(office) == []
    shown = await office.stranger().get("/public/schedule.json")
    assert shown.status_code == 200
    assert "Họp nội bộ" not in shown.text


def board(office: Office) -> None:
    """Give the office the operators' pages of halls, without terminals."""
    nobody = SimpleNamespace(
        hall=lambda leg_id: None,
        pc=lambda leg_id: None,
        address=lambda leg_id: "",
        statistics=lambda now: Statistics(0, {}),
    )
    live: Any = nobody
    rows = Rows(office.database, live, office.secretariat.live, Watchers(), Traces(time), time)

    async def refresh() -> None: ...

    terminals = SimpleNamespace(wake=lambda: None, refresh=refresh)
    office.secretariat.hall_desk = cast(Any, SimpleNamespace(rows=rows, terminals=terminals))


def time() -> float:
    return 0.0


async def test_the_host_unit_cannot_accept_for_another_unit(office: Office) -> None:
    """Show that the host unit cannot accept for a commune and then call the commune.

    An internal meeting needs no approval while it calls no other unit. The host's secretary records that the commune accepted.
    Then the commune's terminal is active again, and the host's operator tries to call it.
    """
    board(office)
    requester, admin = await office.client("requester", "khcn"), await office.client("admin")
    terminal, units = office.province.terminals["xa1"], office.province.units
    await correct(admin, f"/terminals/{terminal}", active=False)
    meeting = await book(requester, quick(office, attendees=[{"unit_id": units["xa1"]}], connect="call"))
    assert (meeting["state"], meeting["calls"], len(meeting["call_gaps"])) == ("approved", [], 1)
    answer = f"/meetings/{meeting['id']}/attendees/{meeting['attendees'][0]['id']}/answer"
    host = await office.client("secretary", "khcn")
    said = await host.put(answer, json={"answer": "accepted", "comment": "qua điện thoại"})
    assert said.json()["answered_by"].startswith("secretary:"), "as it is for phone calls"
    await correct(admin, f"/terminals/{terminal}", active=True)

    assert await called(office) == []
    office.now = office.now.fromisoformat(meeting["starts_at"]) - timedelta(minutes=5)
    legs = f"/occurrences/{meeting['occurrences'][0]['id']}/legs"
    operator = await office.client("operator", "khcn")
    (row,) = (await operator.get(legs)).json()
    assert (row["terminal_id"], row["state"], row["reason"]["code"]) == (terminal, "given_up", "not_agreed")
    assert row["reason"]["vi"].startswith("Đơn vị chưa nhận lời")
    problem(await operator.post(legs, json={"terminal_id": terminal}), 403, "denied")
    assert await called(office) == []
    # The commune itself accepts.
    head = await office.client("secretary", "xa1", "xa1-1")
    own = await head.put(answer, json={"answer": "accepted"})
    assert own.status_code == 200, own.text
    assert own.json()["answered_by"].startswith("account:"), own.text
    assert await called(office) == [terminal], "by the server itself"
    operator = await office.client("operator", "khcn")
    answered = await operator.post(legs, json={"terminal_id": terminal})
    assert answered.status_code == 200, answered.text
    assert answered.json()["terminal_id"] == terminal, answered.text


async def test_a_host_desk_does_not_accept_for_a_unit(office: Office) -> None:
    """Show that a secretary of the host unit cannot accept for a commune, although the secretary may answer for all communes."""
    board(office)
    desk, admin = await office.client("secretary", "tinh"), await office.client("admin")
    terminal, units = office.province.terminals["xa1"], office.province.units
    await correct(admin, f"/terminals/{terminal}", active=False)
    wanted = quick(office, host_unit_id=units["tinh"], attendees=[{"unit_id": units["xa1"]}], connect="call")
    meeting = await book(desk, wanted)
    assert meeting["state"] == "approved"
    assert len(meeting["call_gaps"]) == 1
    answer = f"/meetings/{meeting['id']}/attendees/{meeting['attendees'][0]['id']}/answer"
    said = await desk.put(answer, json={"answer": "accepted", "comment": "qua điện thoại"})
    assert said.json()["answered_by"].startswith("secretary:"), said.text
    await correct(admin, f"/terminals/{terminal}", active=True)
    assert await called(office) == []
    own = await (await office.client("secretary", "xa1", "xa1-1")).put(answer, json={"answer": "accepted"})
    assert own.json()["answered_by"].startswith("account:"), own.text
    assert await called(office) == [terminal]


async def test_what_was_approved_is_not_made_another_meeting(office: Office) -> None:
    """Show, for finding f1c, that an approved meeting stays the same until a change of its title, publication or calls is
    approved.
    """
    meeting = await approved(office, connect="dial_in")
    desk = await office.client("secretary", "khcn")
    tag = {"if-match": f'"{meeting["version"]}"'}
    changes = {"title": "Bãi bỏ mọi quyết định", "public": True, "connect": "call"}
    body = (await desk.patch(f"/meetings/{meeting['id']}", json=changes, headers=tag)).json()
    assert (body["state"], body["title"], body["public"], body["connect"]) == (
        "approved",
        meeting["title"],
        False,
        "dial_in",
    ), "what was approved stays in force"
    assert body["number"] == meeting["number"]
    lines = {one["field"]: (one["before"], one["after"]) for one in body["pending"]["lines"]}
    assert lines == {
        "title": (meeting["title"], "Bãi bỏ mọi quyết định"),
        "public": ("False", "True"),
        "connect": ("dial_in", "call"),
    }
    assert "withdraw_change" in body["can"]
    approver = await office.client("approver", "khcn")
    (waiting,) = (await approver.get("/approvals")).json()["items"]
    assert waiting["meeting_id"] == meeting["id"]
    assert waiting["change"] == body["pending"]["lines"]
    refused = (await act(approver, body, "decide", approve=False, reason="Không đúng nội dung đã duyệt")).json()
    assert (refused["state"], refused["title"], refused["pending"]) == ("approved", meeting["title"], None)
    # The server applies the change after both approvals.
    tag = {"if-match": f'"{refused["version"]}"'}
    again = (await desk.patch(f"/meetings/{meeting['id']}", json={"title": "Tên mới"}, headers=tag)).json()
    for who in (approver, await office.client("operator", "tinh")):
        again = (await act(who, again, "decide", approve=True)).json()
    assert (again["state"], again["title"], again["pending"]) == ("approved", "Tên mới", None)


async def test_an_edit_takes_no_meeting_away_that_is_about_to_begin(office: Office) -> None:
    """Show, for finding B5, that people still enter when the secretary asks for another hall twenty minutes before the start."""
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    office.now = office.now.fromisoformat(meeting["starts_at"]) - timedelta(minutes=20)
    desk = await office.client("secretary", "khcn")
    tag = {"if-match": f'"{meeting["version"]}"'}
    body = (
        await desk.patch(
            f"/meetings/{meeting['id']}", json={"hall_ids": [office.province.halls["tinh-a"]]}, headers=tag
        )
    ).json()
    assert (body["state"], body["hall_ids"]) == ("approved", meeting["hall_ids"]), body
    assert body["pending"], body
    date = body["occurrences"][0]["id"]
    entered = await desk.post(f"/occurrences/{date}/pass", json={})
    assert entered.status_code == 200, entered.text
    withdrawn = (await act(desk, body, "withdraw-change")).json()
    assert withdrawn["pending"] is None
    assert withdrawn["state"] == "approved"
