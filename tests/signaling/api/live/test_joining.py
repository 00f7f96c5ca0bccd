"""Entering a booked meeting by every way, and every refusal with its code. Other tests ask the live side with real tokens."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conference import Grants, Refusal
from rooms.meetings import links
from rooms.store.tables.meetings import Attendee, Occurrence
from rooms.store.tables.records import AuditEntry
from signaling.meetings.secretariat import Secretariat
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import act, approved, book, wanted

START = "2026-03-03 11:00"
"""Three hours after each test begins."""


async def secrets(office: Office, meeting: dict[str, Any]) -> dict[str, str]:
    """Return the secrets of the personal links, by the label of the attendee."""

    async def work(session: Any) -> dict[str, str]:
        rows = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting["id"]))
        return {one.label: links.issue(office.secretariat.key, one) for one in rows}

    return await office.database.transact(work)


async def link_of(office: Office, meeting: dict[str, Any]) -> str:
    return next(iter((await secrets(office, meeting)).values()))


async def enter(office: Office, **body: Any) -> httpx.Response:
    return await office.stranger().post("/join", json=body)


async def set_state(office: Office, meeting: dict[str, Any], state: str) -> None:
    async def work(session: Any) -> None:
        row = await session.get(Occurrence, meeting["occurrences"][0]["id"])
        row.state = state

    await office.database.transact(work)


async def test_by_personal_link(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    found = await secrets(office, meeting)
    label = next(one for one in found if one.startswith("Trần Thị VP"))
    early = problem(await enter(office, link=found[label]), 403, "too_early")
    assert "Phòng họp mở lúc 10 giờ 30," in early["vi"]
    assert early["troubles"][0]["detail"]["opens_at"] == "2026-03-03T03:30:00+00:00"
    seen = (await office.stranger().post("/join/look", json={"link": found[label]})).json()
    assert (seen["title"], seen["code"], seen["name"]) == (meeting["title"], "too_early", label)
    office.pass_minutes(155)
    given = (await enter(office, link=found[label])).json()
    grants = office.authenticator.verify(given["token"], office.now.timestamp())
    assert (grants.name, grants.conference) == (label, f"o-{meeting['occurrences'][0]['id']}")
    assert grants.identity.startswith("personal_link.")
    assert grants.role == "delegate", "an invited person votes, also after waiting in the lobby"
    assert (given["url"], given["title"], given["moderation"]) == ("wss://hop.vn", meeting["title"], "")
    assert grants.join
    assert not (grants.admin)
    assert not (grants.create)
    office.secretariat.live.admit(grants)
    async with office.database.reading() as session:
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.pass"))
    assert entry.detail["way"] == "personal_link"
    assert found[label] not in str(entry.detail)
    office.pass_minutes(90)
    problem(await enter(office, link=found[label]), 403, "ended")
    problem(await enter(office, link="A" * 32), 404, "link_wrong")


async def test_by_number_and_pin(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START))
    number, pin = meeting["number"], (await pin_of(office, meeting))
    office.pass_minutes(155)
    shown = f"{number[:3]} {number[3:6]} {number[6:]}"
    given = await enter(office, number=shown, pin=pin, name="Chị Lan")
    assert (given.status_code, given.json()["state"], given.json()["title"]) == (202, "waiting", meeting["title"])
    wrong = str((int(pin) + 1) % 10**6).zfill(6)
    problem(await enter(office, number=number, pin=wrong, name="x"), 403, "number_or_pin_wrong")
    problem(await enter(office, number="999999999", pin=pin, name="x"), 403, "number_or_pin_wrong")
    problem(await enter(office, number=number, pin=pin, name=" "), 400, "name_empty")
    problem(await enter(office, number=number, name="x"), 422, "join_words")
    problem(await enter(office), 422, "join_words")


async def pin_of(office: Office, meeting: dict[str, Any]) -> str:
    operator = await office.client("operator")
    return (await operator.get(f"/meetings/{meeting['id']}")).json()["pin"]


async def test_guessing_is_slowed_by_network_and_by_number(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    number, pin = meeting["number"], await pin_of(office, meeting)
    wrong = {"number": number, "pin": "000000" if pin != "000000" else "000001", "name": "x"}
    tries = [(await enter(office, **wrong)).status_code for _ in range(21)]
    assert tries == [403] * 20 + [429]
    tries = []
    for address in range(1, 20):
        other = office.stranger(f"10.0.0.{address}")
        tries += [(await other.post("/join", json=wrong)).status_code for _ in range(6)]
    assert tries[-1] == 429, "the number has few tries of all networks together"
    assert tries.count(403) <= 19 * 5 + 30, "the number has few tries of all networks together"
    # Clients that guess do not block others: a new network has its own tries.
    answer = await office.stranger("10.0.1.1").post("/join", json={"number": number, "pin": pin, "name": "x"})
    problem(answer, 403, "too_early")  # so the number and PIN were right


async def test_signed_in(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    address = f"/occurrences/{meeting['occurrences'][0]['id']}/pass"
    invited = await office.client("requester", "vp", "vp-2")
    problem(await invited.post(address, json={}), 403, "too_early")
    desk = await office.client("secretary", "khcn", "khcn-1")
    office.pass_minutes(70)
    assert (await desk.post(address, json={})).json()["name"] == "Nguyễn Văn KHCN - Giám đốc Sở Khoa học và Công nghệ"
    problem(await invited.post(address, json={}), 403, "too_early")
    office.pass_minutes(90)
    given = (await invited.post(address, json={"phone": True})).json()
    assert given["identity"].startswith("phone_browser.")
    assert given["name"].startswith("Trần Thị VP")
    of_unit = await office.client("requester", "yt", "yt-2")
    assert (await of_unit.post(address, json={})).status_code == 200
    problem(await (await office.client("secretary", "xa1", "xa1-2")).post(address, json={}), 403, "not_invited")
    problem(await office.stranger().post(address, json={}), 401, "signed_out")
    problem(await invited.post("/occurrences/none/pass", json={}), 404, "occurrence_unknown")


async def test_not_approved_called_off_and_put_off(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    held = await book(desk, wanted(office, starts_at=office.at(START)))
    link = await link_of(office, held)
    problem(await enter(office, link=link), 403, "held")
    off = await act(desk, held, "cancel", reason_code="not_ready")
    assert off.status_code == 200, off.text
    problem(await enter(office, link=link), 403, "cancelled")
    meeting = await approved(office, starts_at=office.at("2026-03-03 15:00"))
    for state, code in (("postponed", "postponed"), ("skipped", "cancelled"), ("ended", "ended")):
        await set_state(office, meeting, state)
        problem(await enter(office, link=await link_of(office, meeting)), 403, code)


async def test_an_important_meeting_is_entered_from_halls_only(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), **{"class": "important"})
    office.pass_minutes(165)
    body = problem(await enter(office, link=await link_of(office, meeting)), 403, "class_forbids")
    assert "thiết bị hội trường" in body["vi"]
    assert body["troubles"][0]["code"] == "halls_only"
    pin = await pin_of(office, meeting)
    problem(await enter(office, number=meeting["number"], pin=pin, name="x"), 403, "class_forbids")
    invited = await office.client("requester", "vp", "vp-2")
    address = f"/occurrences/{meeting['occurrences'][0]['id']}/pass"
    problem(await invited.post(address, json={}), 403, "class_forbids")


async def test_the_open_ways_do_not_lead_into_a_booked_meeting(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START))
    name = f"o-{meeting['occurrences'][0]['id']}"
    seal = api_seal(name)
    for body in ({"name": "An"}, {"name": "An", "invite": seal}):
        problem(await office.stranger().post(f"/conferences/{name}/token", json=body), 404, "conference_unknown")
    for identity in ("p-1234", "browser", "captain.x.y"):
        with pytest.raises(Refusal):
            office.secretariat.live.admit(Grants(identity=identity, conference=name, join=True))


def api_seal(name: str) -> str:
    from signaling.api.ground.invitations import Invitations
    from tests.signaling.api.office import SECRET

    return Invitations(SECRET).seal(name)


async def test_a_token_from_before_the_class_was_raised_opens_no_more(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    office.pass_minutes(165)
    given = (await enter(office, link=await link_of(office, meeting))).json()
    grants = office.authenticator.verify(given["token"], office.now.timestamp())
    office.secretariat.live.admit(grants)
    operator = await office.client("operator")
    raised = await act(operator, meeting, "class", **{"class": "important"})
    assert raised.json()["applied"], raised.text
    with pytest.raises(Refusal) as caught:
        office.secretariat.live.admit(grants)
    assert caught.value.code == "class_forbids"
    restarted = Secretariat(office.secretariat.settings, office.authenticator, lambda: office.now.timestamp())
    try:
        await restarted.prepare()
        with pytest.raises(Refusal):
            restarted.live.admit(grants)
    finally:
        await restarted.close()


async def test_answers_by_link(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START))
    link = await link_of(office, meeting)
    guest = office.stranger()
    seen = (await guest.post("/answers/look", json={"link": link})).json()
    assert (seen["answer"], seen["open"], seen["title"]) == ("none", True, meeting["title"])
    body = {"link": link, "answer": "accepted", "substitute_name": "Lê Văn B"}
    given = await guest.post("/answers", json=body)
    assert (given.json()["answer"], given.json()["substitute_state"]) == ("accepted", "agreed")
    problem(await guest.post("/answers/look", json={"link": "B" * 32}), 404, "link_wrong")
    assert (await guest.post(f"/answers/{link}", json=body)).status_code == 404, "no address holds the secret"
    office.pass_minutes(300)
    problem(await guest.post("/answers", json=body), 409, "meeting_over")


async def test_one_date_of_a_series_is_answered_by_link(office: Office) -> None:
    meeting = await approved(office, rule="FREQ=WEEKLY;COUNT=3")
    link = await link_of(office, meeting)
    guest = office.stranger()
    seen = (await guest.post("/answers/look", json={"link": link})).json()
    assert len(seen["dates"]) == 3
    assert seen["place"].startswith("Phòng họp khcn")
    assert seen["class"] == "ordinary"
    assert (seen["of_unit"], seen["own_place"], seen["rehearsal"]) == (True, "", None)
    one = seen["dates"][1]
    body = {"link": link, "answer": "declined", "comment": "Đi công tác", "occurrence_id": one["occurrence_id"]}
    given = (await guest.post("/answers", json=body)).json()
    assert given["answer"] == "none"
    assert [(date["answer"], date["comment"]) for date in given["dates"]] == [
        ("", ""),
        ("declined", "Đi công tác"),
        ("", ""),
    ]
    other = await approved(office, title="Cuộc khác", starts_at=office.at("2026-03-06 08:00"))
    wrong = body | {"occurrence_id": other["occurrences"][0]["id"]}
    problem(await guest.post("/answers", json=wrong), 404, "unknown_date")


async def test_the_public_schedule_lists_only_public_meetings(office: Office) -> None:
    await approved(office)
    await approved(office, title="Họp báo", public=True, starts_at=office.at("2026-03-05 08:00"))
    guest = office.stranger()
    week = (await guest.get("/public/schedule.json", params={"week": "2026-03-05"})).json()
    assert [one["title"] for one in week["meetings"]] == ["Họp báo"]
    calendar = await guest.get("/public/schedule.ics")
    assert calendar.text.count("BEGIN:VEVENT") == 1
    reader = await office.client("secretary", "khcn")
    made = (await reader.post("/feeds", json={"kind": "hall", "target_id": "hall-khcn"})).json()
    feed = await guest.get(made["url"].removeprefix("https://hop.vn/api/v1"))
    assert feed.text.count("BEGIN:VEVENT") == 2
    assert (await reader.delete(f"/feeds/{made['id']}")).status_code == 204
    problem(await guest.get(made["url"].removeprefix("https://hop.vn/api/v1")), 404, "not_found")


async def test_staff_of_an_invited_unit_can_read_the_meeting_page(office: Office) -> None:
    meeting = await approved(office)
    of_unit = await office.client("requester", "yt", "yt-2")
    assert (await of_unit.get(f"/meetings/{meeting['id']}")).json()["title"] == meeting["title"]
    assert len((await of_unit.get("/my-meetings")).json()["items"]) == 1


async def test_newcomers_are_muted_as_type_and_booking_say(office: Office) -> None:
    """A new booking has the value of its type, unless the booking says otherwise. The page before joining and the conference
    know the value of the booking.
    """
    live, given = office.secretariat.live, {"starts_at": office.at(START), "lobby": False, "hall_ids": []}
    admin = await office.client("admin")
    (type_,) = [one for one in (await admin.get("/meeting-types")).json()["items"] if one["code"] == "briefing"]
    assert not type_.pop("entry_muted")
    fields = {name: value for name, value in type_.items() if name != "code"} | {"entry_muted": True}
    assert (await admin.put("/meeting-types/briefing", json=fields)).json()["entry_muted"]
    made = [await approved(office, **given, type_code="briefing", entry_muted=one) for one in (None, True, False)]
    assert [one["entry_muted"] for one in made] == [True, True, False]
    desk = await office.client("secretary", "khcn")
    edited = await desk.patch(
        f"/meetings/{made[1]['id']}", json={"entry_muted": False}, headers={"if-match": f'"{made[1]["version"]}"'}
    )
    assert (edited.status_code, edited.json()["entry_muted"]) == (200, False), edited.text
    office.pass_minutes(165)
    for meeting, muted in zip(made, (True, False, False), strict=True):
        link = await link_of(office, meeting)
        seen = (await office.stranger().post("/join/look", json={"link": link})).json()
        conference = (await enter(office, link=link)).json()["conference"]
        assert (seen["entry_muted"], live.plan(conference).entry_muted) == (muted, muted), seen
