"""Meetings over the REST API: preview, approval, edits with versions, clashes, reasons, undo, class, search, my meetings."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from rooms.meetings.letters import typesetting
from rooms.meetings.letters import word as word_files
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.records import AuditEntry
from signaling.api.ground.visits import FILES_AT_ONCE
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem

pytestmark = [pytest.mark.timeout(120), pytest.mark.both_databases]


def wanted(office: Office, **changes: Any) -> dict[str, Any]:
    """Return a booking of the hall of khcn, tomorrow at 14:00."""
    return {
        "title": "Họp góp ý dự thảo",
        "type_code": "briefing",
        "class": "ordinary",
        "host_unit_id": office.province.units["khcn"],
        "starts_at": office.at("2026-03-04 14:00"),
        "duration_min": 60,
        "hall_ids": [office.province.halls["khcn"]],
        "attendees": [{"unit_id": office.province.units["yt"]}, {"person_id": office.province.people["vp-2"]}],
        "urgent_reason": "Họp đột xuất",
    } | changes


async def book(desk: httpx.AsyncClient, request: dict[str, Any], **headers: str) -> dict[str, Any]:
    made = await desk.post("/meetings", json=request, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert made.status_code == 201, made.text
    return made.json()


async def act(who: httpx.AsyncClient, meeting: dict[str, Any], action: str, **body: Any) -> httpx.Response:
    headers = {"if-match": f'"{meeting["version"]}"'}
    return await who.post(f"/meetings/{meeting['id']}/{action}", json=body, headers=headers)


async def name_of(who: httpx.AsyncClient) -> str:
    """Return the name of the signed-in user that the screens show."""
    me = (await who.get("/session")).json()["me"]
    return str(me["person_name"] or me["name"])


async def approved(office: Office, **changes: Any) -> dict[str, Any]:
    """Return a meeting that both steps have approved."""
    desk = await office.client("secretary", "khcn")
    meeting = await book(desk, wanted(office, submit=True, **changes))
    for role, unit in (("approver", "khcn"), ("operator", "tinh")):
        answer = await act(await office.client(role, unit), meeting, "decide", approve=True)
        assert answer.status_code == 200, answer.text
        meeting = answer.json()
    assert (meeting["state"], len(meeting["number"])) == ("approved", 9)
    return meeting


async def test_from_preview_to_number(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    hasty = wanted(office, urgent_reason="")
    seen = (await desk.post("/preview", json=hasty)).json()
    assert (seen["bookable"], seen["clashing"], seen["class"], seen["attendees"]) == (True, 0, "ordinary", 2)
    assert [one["code"] for one in seen["warnings"]] == ["short_notice"]
    assert [(one["unit_name"], one["state"]) for one in seen["guest_halls"]] == [("Sở Y tế", "none")]
    problem(await desk.post("/meetings", json=hasty | {"submit": True}), 422, "late_reason_missing")
    held = await book(desk, hasty)
    assert (held["state"], held["version"], held["number"], held["hall_ids"]) == ("held", 1, None, ["hall-khcn"])
    assert {"submit", "edit", "cancel"} <= set(held["can"])
    refused = problem(await act(desk, held, "submit"), 422, "late_reason_missing")
    assert "hãy ghi lý do họp đột xuất" in refused["vi"]
    asked = (await act(desk, held, "submit", urgent_reason="Công điện")).json()
    assert (asked["state"], [one["state"] for one in asked["steps"]]) == ("asked", ["open", "open"])
    approver = await office.client("approver", "khcn")
    waiting = (await approver.get("/approvals")).json()["items"]
    assert [(one["meeting_id"], one["step"]) for one in waiting] == [(held["id"], 1)]
    assert waiting[0]["requested_by_name"] == await name_of(desk)
    assert waiting[0]["urgent_reason"] == "Công điện"
    problem(await act(desk, asked, "decide", approve=True), 403, "denied")
    problem(await act(approver, asked, "decide", approve=False), 422, "reason_missing")
    once = (await act(approver, asked, "decide", approve=True)).json()
    operator = await office.client("operator")
    done = (await act(operator, once, "decide", approve=True)).json()
    assert (done["state"], len(done["number"]), len(done["pin"])) == ("approved", 9, 6)
    assert done["occurrences"][0]["reservations"][0]["name"] == "Phòng họp khcn"
    assert [one["decided_by_name"] for one in done["steps"]] == [await name_of(approver), await name_of(operator)]
    history = (await desk.get(f"/meetings/{held['id']}/history")).json()["items"]
    assert history[-1]["by_name"] == await name_of(desk)
    assert [one["action"] for one in history][-1] == "create"
    found = (await desk.get("/meetings", params={"q": "gop y du thao"})).json()["items"]
    assert [one["id"] for one in found] == [held["id"]]
    assert (await desk.get("/meetings", params={"state": "held"})).json()["items"] == []
    again = {"hall_ids": [], "title": "Khác"}
    busy = (await desk.post("/preview", json=wanted(office, **again))).json()["occupied"]
    assert [(one["kind"], one["title"], one["certain"]) for one in busy] == [
        ("person", "Họp góp ý dự thảo", True),
        ("unit", "Họp góp ý dự thảo", False),
    ]
    far = await office.client("secretary", "xa1")
    again["host_unit_id"] = office.province.units["xa1"]
    hidden = (await far.post("/preview", json=wanted(office, **again))).json()["occupied"]
    assert [(one["meeting_id"], one["title"], one["unit"]) for one in hidden] == [
        ("", "", "Sở Khoa học và Công nghệ")
    ] * 2
    board = (
        await desk.get(
            "/board", params={"starts_at": office.at("2026-03-02 00:00"), "ends_at": office.at("2026-03-09 00:00")}
        )
    ).json()
    assert [one["title"] for one in board["entries"]] == ["Họp góp ý dự thảo"]
    other = await office.client("requester", "xa1")
    board = (
        await other.get(
            "/board", params={"starts_at": office.at("2026-03-02 00:00"), "ends_at": office.at("2026-03-09 00:00")}
        )
    ).json()
    assert [(one["title"], one["meeting_id"]) for one in board["entries"]] == [("Đã có lịch", "")]


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("day", "warned"),
    [("2026-03-05", ["short_notice"]), ("2026-03-06", [])],
    ids=["the day after the last day", "the last day for the invitation"],
)
async def test_a_preview_warns_if_an_invitation_is_late(office: Office, day: str, warned: list[str]) -> None:
    desk = await office.client("secretary", "khcn")
    seen = (
        await desk.post("/preview", json=wanted(office, starts_at=office.at(f"{day} 14:00"), urgent_reason=""))
    ).json()
    assert [one["code"] for one in seen["warnings"]] == warned


@POSTGRESQL_IN_SIM
async def test_the_history_offers_no_undo_of_a_submission(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    held = await book(desk, wanted(office))
    assert (await act(desk, held, "submit")).status_code == 200
    newest = (await desk.get(f"/meetings/{held['id']}/history")).json()["items"][0]
    assert (newest["action"], newest["undo_until"]) == ("submit", None)


@POSTGRESQL_IN_SIM
async def test_a_clash_names_what_is_taken_and_the_ways_out(office: Office) -> None:
    desk = await office.client("secretary", "tinh")
    await book(desk, wanted(office))
    body = problem(await desk.post("/meetings", json=wanted(office, title="Khác")), 409, "overlap")
    (trouble,) = body["troubles"]
    assert "Phòng họp khcn bận 13:45-15:15" in trouble["vi"]
    assert trouble["detail"]["free_times"]
    seen = (await desk.post("/preview", json=wanted(office))).json()
    assert (seen["bookable"], seen["clashing"]) == (False, 1)
    clash = seen["dates"][0]["clashes"][0]
    assert clash["equivalent_halls"]
    assert clash["free_times"]
    for tongue, word in (("vi", "Trống"), ("en", "Free")):
        fact, whole = clash[f"fact_{tongue}"], clash[tongue]
        assert whole.startswith(fact)
        assert word in whole
        assert word not in fact
        assert "13:45-15:15" in fact
    free = {"starts_at": office.at("2026-03-04 07:00"), "ends_at": office.at("2026-03-04 18:00"), "duration_min": 60}
    slots = (await desk.post("/availability", json=free | {"hall_ids": ["hall-khcn"]})).json()["slots"]
    assert slots[0]["hall_id"] == "hall-khcn"


@POSTGRESQL_IN_SIM
async def test_the_same_idempotency_key_makes_one_meeting(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    first = await book(desk, wanted(office), idempotency_key="k-1")
    again = await book(desk, wanted(office), idempotency_key="k-1")
    assert first["id"] == again["id"]
    reused = await desk.post("/meetings", json=wanted(office, title="Khác"), headers={"idempotency-key": "k-1"})
    problem(reused, 409, "idempotency_key_reused")
    for key, status, code in (("k" * 101, 422, "fields_wrong"), ("a b", 400, "key_malformed")):
        problem(await desk.post("/meetings", json=wanted(office), headers={"idempotency-key": key}), status, code)


async def test_a_secret_meeting_is_refused_and_not_stored(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    secret = wanted(office, title="Tên tuyệt mật", **{"class": "secret"})
    problem(await desk.post("/meetings", json=secret), 403, "state_secret")
    problem(await desk.post("/preview", json=secret), 403, "state_secret")
    async with office.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Meeting)) == 0
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action.like("meeting.%"))))
    assert [(one.action, one.object_id, one.detail) for one in entries] == [("meeting.secret_refused", "", {})]


@POSTGRESQL_IN_SIM
async def test_edits_need_the_version_and_can_be_undone(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    meeting = await book(desk, wanted(office))
    address = f"/meetings/{meeting['id']}"
    changed = await desk.patch(address, json={"title": "Tên mới"}, headers={"if-match": '"1"'})
    assert (changed.json()["title"], changed.headers["etag"]) == ("Tên mới", '"2"')
    problem(await desk.patch(address, json={"title": "x"}, headers={"if-match": '"1"'}), 412, "version_conflict")
    problem(await desk.patch(address, json={"title": "x"}), 428, "version_missing")
    problem(await act(desk, meeting, "submit"), 412, "version_mismatch")
    undone = await act(desk, changed.json(), "undo")
    assert undone.json()["title"] == "Họp góp ý dự thảo"


@POSTGRESQL_IN_SIM
async def test_called_off_and_put_off_with_a_reason(office: Office) -> None:
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    (date,) = meeting["occurrences"]
    why = {"reason_code": "superior_order"}
    same = await act(desk, meeting, "postpone", occurrence_id=date["id"], starts_at=date["starts_at"], **why)
    refused = problem(same, 422, "time_unchanged")
    assert "trùng thời gian cũ" in refused["vi"]
    assert "choose another" in refused["en"]
    later = await act(
        desk, meeting, "postpone", occurrence_id=date["id"], starts_at=office.at("2026-03-05 14:00"), **why
    )
    assert later.status_code == 200, later.text
    assert (later.json()["state"], later.json()["occurrences"][0]["starts_at"]) == ("approved", date["starts_at"])
    lines = {one["field"]: one["after"] for one in later.json()["pending"]["lines"]}
    assert lines["starts_at"] == "14:00 05/03/2026"
    assert lines["reason_code"] == "superior_order"
    problem(await act(desk, later.json(), "cancel", reason_code="other"), 422, "reason_missing")
    off = await act(desk, later.json(), "cancel", reason_code="force_majeure")
    assert off.json()["state"] == "cancelled"


@POSTGRESQL_IN_SIM
async def test_one_date_of_a_series_can_be_moved(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    series = await book(desk, wanted(office, rule="FREQ=WEEKLY;BYDAY=WE;COUNT=4"))
    assert len(series["occurrences"]) == 4
    second = series["occurrences"][1]
    change = {"scope": "this", "occurrence_id": second["id"], "starts_at": office.at("2026-03-12 09:00")}
    moved = await desk.patch(f"/meetings/{series['id']}", json=change, headers={"if-match": '"1"'})
    assert moved.status_code == 200, moved.text
    dates = (await desk.get(f"/meetings/{series['id']}/occurrences", params={"limit": "3"})).json()
    assert len(dates["items"]) == 3
    assert dates["next"]
    draft = (await desk.get(f"/meetings/{series['id']}/copy")).json()["request"]
    assert draft["starts_at"] > second["starts_at"]
    again = await book(desk, draft)
    assert again["title"] == series["title"]


async def test_the_desk_raises_the_class_and_only_the_head_lowers_it(office: Office) -> None:
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    seen = (await act(desk, meeting, "class", **{"class": "important", "preview": True})).json()
    assert (seen["applied"], seen["class"]) == (False, "important")
    raised = await act(desk, meeting, "class", **{"class": "important"})
    assert raised.json()["applied"]
    meeting["version"] = raised.json()["version"]
    problem(await act(desk, meeting, "class", **{"class": "ordinary", "reason": "x"}), 403, "denied")
    head = await office.client("approver", "khcn", "khcn-1")
    problem(await act(head, meeting, "class", **{"class": "ordinary"}), 422, "reason_missing")
    assert (await act(head, meeting, "class", **{"class": "ordinary", "reason": "Họp rộng rãi"})).json()["applied"]


async def test_an_unreadable_meeting_is_answered_as_unknown(office: Office) -> None:
    meeting = await book(await office.client("secretary", "khcn"), wanted(office))
    stranger = await office.client("secretary", "xa1")
    for part in ("", "/history", "/occurrences", "/attendees", "/letters", "/copy"):
        problem(await stranger.get(f"/meetings/{meeting['id']}{part}"), 404, "unknown_meeting")
    invited = await office.client("requester", "vp", "vp-2")
    seen = (await invited.get(f"/meetings/{meeting['id']}")).json()
    assert (seen["title"], seen["pin"]) == ("Họp góp ý dự thảo", "")
    problem(await stranger.post("/meetings", json=wanted(office)), 403, "denied")


async def test_the_board_says_when_the_unit_is_closed(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    span = {"starts_at": office.at("2026-03-02 00:00"), "ends_at": office.at("2026-03-09 00:00")}
    seen = (await desk.get("/board", params=span)).json()
    assert (seen["closed"], seen["opens_min"], seen["closes_min"]) == (["2026-03-07", "2026-03-08"], 420, 1080)


async def test_the_desk_records_answers_and_makes_letters(office: Office) -> None:
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    everybody = (await desk.get(f"/meetings/{meeting['id']}/attendees")).json()["items"]
    assert {one["unit_name"] for one in everybody} == {"Sở Y tế", ""}
    address = f"/meetings/{meeting['id']}/attendees/{everybody[0]['id']}/answer"
    taken = await desk.put(address, json={"answer": "accepted", "comment": "qua điện thoại"})
    assert (taken.json()["answer"], taken.json()["answered_by"][:10]) == ("accepted", "secretary:")
    missing = (await desk.get(f"/meetings/{meeting['id']}/missing")).json()["items"]
    assert [one["attendee_id"] for one in missing] == [everybody[1]["id"]]
    letter = (await desk.post(f"/meetings/{meeting['id']}/letters", json={"number": "12"})).json()
    pdf = await desk.get(f"/meetings/{meeting['id']}/letters/{letter['id']}.pdf")
    assert (pdf.content[:5], pdf.headers["content-type"]) == (b"%PDF-", "application/pdf")
    docx = await desk.get(f"/meetings/{meeting['id']}/letters/{letter['id']}.docx")
    assert docx.content[:2] == b"PK"
    again = await desk.post(
        "/letter-templates",
        data={"unit_id": office.province.units["khcn"], "kind": "invite", "name": "Mẫu sở"},
        files={"file": ("mau.docx", docx.content)},
    )
    assert again.status_code in (201, 422), again.text


class Press:
    """A double of typesetting. It returns an empty file for each request as soon as `goes_on` is set."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self._lock = threading.Lock()
        self.running = self.most = 0

    def make(self, *_: Any) -> bytes:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.goes_on.wait(30)
        with self._lock:
            self.running -= 1
        return b""


@POSTGRESQL_IN_SIM
async def test_threads_make_few_letters_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that all forms of a letter share one limit."""
    meeting, press = await approved(office), Press()
    desk = await office.client("secretary", "khcn")
    letter = (await desk.post(f"/meetings/{meeting['id']}/letters", json={"number": "12"})).json()
    for module, name in ((typesetting, "pdf"), (typesetting, "pdf_set"), (word_files, "docx")):
        monkeypatch.setattr(module, name, press.make)
    path = f"/meetings/{meeting['id']}/letters/{letter['id']}"
    asked = [asyncio.create_task(desk.get(path + form)) for form in (".pdf", ".docx", "/set")]
    assert len(asked) > FILES_AT_ONCE
    async with asyncio.timeout(30):
        while press.running < FILES_AT_ONCE:
            await asyncio.sleep(0.005)
    is_full = office.rest.state.printing.locked()
    press.goes_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * len(asked)
    assert (is_full, press.most) == (True, FILES_AT_ONCE)


@POSTGRESQL_IN_SIM
async def test_an_answer_to_one_date_is_shown_with_the_attendee(office: Office) -> None:
    meeting = await approved(office, rule="FREQ=WEEKLY;COUNT=3")
    invited = await office.client("requester", "vp", "vp-2")
    own = (await invited.get("/my-meetings")).json()["items"][0]["attendee_id"]
    date, who = meeting["occurrences"][1], next(one for one in meeting["attendees"] if one["id"] == own)
    assert who["dates"] == []
    path = f"/meetings/{meeting['id']}/attendees/{own}/answer"
    body = {"answer": "declined", "comment": "Bận", "occurrence_id": date["id"]}
    assert (await invited.put(path, json=body)).json()["answer"] == "none", "the series is not answered by that"
    problem(await invited.put(path, json=body | {"occurrence_id": "f" * 32}), 404, "unknown_date")
    mine = (await invited.get("/my-meetings")).json()["items"]
    assert [(one["answer"], one["answered_alone"], one["series"]) for one in mine] == [
        ("none", False, True),
        ("declined", True, True),
        ("none", False, True),
    ]
    desk = await office.client("secretary", "khcn")
    seen = (await desk.get(f"/meetings/{meeting['id']}")).json()["attendees"]
    listed = (await desk.get(f"/meetings/{meeting['id']}/attendees")).json()["items"]
    for everybody in (seen, listed):
        found = {one["id"]: one["dates"] for one in everybody}
        assert [(one["occurrence_id"], one["answer"], one["comment"]) for one in found.pop(who["id"])] == [
            (date["id"], "declined", "Bận")
        ]
        assert set(map(tuple, found.values())) == {()}


async def test_my_meetings_show_what_can_be_entered(office: Office) -> None:
    await approved(office, starts_at=office.at("2026-03-03 11:00"))
    invited = await office.client("requester", "vp", "vp-2")
    (mine,) = (await invited.get("/my-meetings")).json()["items"]
    assert (mine["can_enter"], mine["why_not"], mine["role"]) == (False, "too_early", "delegate")
    office.pass_minutes(165)
    (mine,) = (await invited.get("/my-meetings")).json()["items"]
    assert (mine["can_enter"], mine["place"]) == (True, "Phòng họp khcn")
    assert (await (await office.client("requester", "xa1", "xa1-2")).get("/my-meetings")).json()["items"] == []


async def test_what_is_kept_and_what_is_set(office: Office) -> None:
    desk, admin = await office.client("secretary", "khcn"), await office.client("admin")
    unit = office.province.units["khcn"]
    draft = {"title": "Giao ban tuần", "type_code": "internal", "host_unit_id": unit, "duration_min": 60}
    kept = (await desk.post("/templates", json={"unit_id": unit, "name": "Giao ban", "request": draft})).json()
    assert [one["name"] for one in (await desk.get("/templates")).json()["items"]] == ["Giao ban"]
    strict = draft | {"class": "important"}
    saved = await desk.post("/templates", json={"unit_id": unit, "name": "Quan trọng", "request": strict})
    assert saved.json()["request"]["class"] == "important"
    secret = {"unit_id": unit, "name": "Mật", "request": draft | {"class": "secret"}}
    problem(await desk.post("/templates", json=secret), 403, "state_secret")
    renamed = await desk.put(
        f"/templates/{kept['id']}", json={"unit_id": unit, "name": "Giao ban sở", "request": draft}
    )
    assert (renamed.json()["name"], renamed.json()["id"]) == ("Giao ban sở", kept["id"])
    taken = {"unit_id": unit, "name": "Quan trọng", "request": draft}
    problem(await desk.put(f"/templates/{kept['id']}", json=taken), 409, "name_taken")
    entries = {"unit_id": unit, "name": "Các xã", "entries": [{"unit_id": office.province.units["xa1"]}]}
    saved = await desk.post("/attendee-lists", json=entries)
    assert saved.status_code == 201
    for name in ("Các xã", "Các xã, phường"):
        saved = await desk.put(f"/attendee-lists/{saved.json()['id']}", json=entries | {"name": name})
        assert [one["name"] for one in (await desk.get("/attendee-lists")).json()["items"]] == [name]
    problem(await desk.post("/attendee-lists", json=entries | {"entries": [{}]}), 422, "bad_attendee")
    rule = (await desk.get(f"/rules/{unit}")).json()
    assert rule["inherited_from"] == ""
    fields = {"opens_min": 420, "closes_min": 1020, "meetings_a_week": 5}
    problem(await desk.put(f"/rules/{unit}", json=fields), 403, "denied")
    assert (await admin.put(f"/rules/{unit}", json=fields)).json()["meetings_a_week"] == 5
    assert (await admin.put("/holidays/2026-03-06", json={"name": "Ngày hội"})).json()["works"] is False
    days = (await desk.get("/holidays", params={"year": "2026"})).json()["items"]
    assert any(one["day"] == "2026-03-06" and not one["official"] for one in days)
    assert any(one["official"] for one in days)
    assert (await admin.delete("/holidays/2026-03-06")).status_code == 204
    assert (await admin.put("/pools/main", json={"name": "Máy chủ", "legs": 100})).json()["legs"] == 100
    assert (await admin.put("/pools/rented", json={"name": "Thuê ngoài", "legs": 20})).json()["booked"] == 0
    assert (await admin.delete("/pools/rented")).status_code == 204
    problem(await admin.delete("/pools/rented"), 404, "pool_unknown")
    problem(await admin.delete("/pools/main"), 409, "last_pool")
    found = (await admin.get("/settings")).json()["items"]
    assert {one["name"]: one["version"] for one in found} == {"precedence": 0, "approval": 0, "address": 0}
    assert (await desk.get("/session")).json()["address"] == ""
    await admin.put("/settings/address", json={"value": {"word": "Đồng chí"}}, headers={"if-match": '"0"'})
    assert (await desk.get("/session")).json()["address"] == "Đồng chí"
    value = {"value": {"tiers": {"0": 0, "1": 10}}}
    changed = await admin.put("/settings/precedence", json=value, headers={"if-match": '"0"'})
    assert changed.json()["version"] == 1
    problem(await admin.put("/settings/precedence", json=value, headers={"if-match": '"0"'}), 412, "version_mismatch")
    problem(await admin.put("/settings/nothing", json=value, headers={"if-match": '"0"'}), 404, "setting_unknown")
    async with office.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Occurrence)) == 0


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("kind", ["held", "submitted", "internal", "series", "skipping", "important", "full"])
async def test_the_answer_to_a_booking_equals_a_later_read(office: Office, kind: str) -> None:
    """Show that the answer to a booking is, word for word, the meeting that a later read returns."""
    people, units = office.province.people, office.province.units
    more: dict[str, dict[str, Any]] = {
        "held": {},
        "submitted": {"submit": True},
        "internal": {"type_code": "internal", "hall_ids": [], "terminal_ids": [], "attendees": []},
        "series": {"rule": "FREQ=WEEKLY;COUNT=12", "submit": True},
        "skipping": {"rule": "FREQ=DAILY;COUNT=9", "skip_clashes": True},
        "important": {"class": "important", "lobby": False},
        "full": {
            "chair_id": people["khcn-1"],
            "secretary_id": people["khcn-2"],
            "operator_id": people["vp-1"],
            "documents": [{"number": "5180/UBND-VHXH", "dated": "2026-02-20", "subject": "Họp"}],
            "agenda": [{"title": "Khai mạc", "minutes": 10}],
            "description": "Nội dung",
            "attendees": [
                {"guest_name": "Khách", "guest_email": "khach@tayninh.gov.vn"},
                {"unit_id": units["yt"], "must_be_head": True},
                {"unit_id": units["vp"], "label": "Văn phòng"},
                {"person_id": people["vp-2"]},
            ],
        },
    }
    desk = await office.client("secretary", "khcn")
    made = await desk.post("/meetings", json=wanted(office, **more[kind]), headers={"idempotency-key": "k1"})
    assert made.status_code == 201, made.text
    read = await desk.get(f"/meetings/{made.json()['id']}")
    assert _ordered(made.json()) == _ordered(read.json())
    assert made.headers["etag"] == read.headers["etag"]
    again = await desk.post("/meetings", json=wanted(office, **more[kind]), headers={"idempotency-key": "k1"})
    assert (again.status_code, _ordered(again.json())) == (201, _ordered(read.json()))


def _ordered(meeting: dict[str, Any]) -> dict[str, Any]:
    """Return the meeting with the reservations of each date sorted by resource, because they have no order."""
    dates = [
        {**one, "reservations": sorted(one["reservations"], key=lambda kept: kept["resource_id"])}
        for one in meeting["occurrences"]
    ]
    return {**meeting, "occurrences": dates}


@POSTGRESQL_IN_SIM
async def test_the_call_list_of_a_booking(office: Office) -> None:
    """Show that a booking calls its hall and the invited units by default. An unknown way to connect is refused in words."""
    desk = await office.client("secretary", "khcn")
    units = [{"unit_id": office.province.units[code]} for code in ("xa1", "xa2")]
    meeting = await approved(office, attendees=units)
    assert meeting["connect"] == "call"
    listed = [(one["terminal_id"], one["why"], one["called"]) for one in meeting["calls"]]
    assert listed == [("terminal-khcn", "hall", True), ("terminal-xa1", "unit", True)]
    assert [(one["name"], one["reason"]) for one in meeting["call_gaps"]] == [("UBND xã Đức Lập", "no_terminal")]

    head = {"if-match": f'"{meeting["version"]}"'}
    answer = await desk.patch(f"/meetings/{meeting['id']}", json={"uncalled_ids": ["terminal-xa1"]}, headers=head)
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed["state"] == "approved"
    assert [(one["terminal_id"], one["out"]) for one in changed["calls"]] == [
        ("terminal-khcn", False),
        ("terminal-xa1", True),
    ]

    refused = await desk.post("/meetings", json=wanted(office, connect="manual"))
    (trouble,) = problem(refused, 422, "fields_wrong")["troubles"]
    assert trouble["where"] == "connect"
    assert "call, dial_in" in trouble["vi"]
    assert "call, dial_in" in trouble["en"]


async def test_the_desk_lists_meetings_with_undecided_halls(office: Office) -> None:
    """Show that the desk lists each meeting whose way to connect an upgrade left open, until the desk answers."""
    meeting = await approved(office, connect="dial_in")
    over = await approved(office, connect="dial_in", starts_at=office.at("2026-03-03 14:00"))
    upgraded = update(Meeting).values(connect_asked=True)
    await office.database.transact(lambda session: session.execute(upgraded))
    office.now = office.now.fromisoformat(over["starts_at"]).replace(hour=9)  # the meeting `over` has ended

    async def asked(role: str = "secretary", unit: str = "khcn") -> list[str]:
        found = await (await office.client(role, unit)).get("/meetings", params={"connect_asked": "true"})
        return [one["id"] for one in found.json()["items"]]

    assert await asked() == [meeting["id"]]
    for role, unit in (("secretary", "yt"), ("secretary", "tinh"), ("operator", "tinh"), ("requester", "khcn")):
        assert await asked(role, unit) == [], (role, unit)
    desk = await office.client("secretary", "khcn")
    seen = await desk.get(f"/meetings/{meeting['id']}")
    tag = {"if-match": seen.headers["etag"]}
    said = await desk.patch(f"/meetings/{meeting['id']}", json={"connect": "call"}, headers=tag)
    assert said.json()["pending"], said.text
    assert await asked() == [], "the answer waits for its approval"
    tag = {"if-match": said.headers["etag"]}
    back = await desk.post(f"/meetings/{meeting['id']}/withdraw-change", json={}, headers=tag)
    assert back.status_code == 200, back.text
    tag = {"if-match": back.headers["etag"]}
    kept = await desk.patch(f"/meetings/{meeting['id']}", json={"connect": "dial_in"}, headers=tag)
    assert (kept.json()["connect"], kept.json()["connect_asked"], await asked()) == ("dial_in", False, [])
