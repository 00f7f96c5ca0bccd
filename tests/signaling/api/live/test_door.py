"""Entry to the call: a token stays valid only until the desk decides otherwise."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from conference import Grants, Lobbies, Refusal
from rooms.booking.changes import class_changes
from rooms.meetings import links
from signaling.meetings.booked import BookedMeetings
from signaling.meetings.secretariat import Secretariat
from tests.signaling.api.live.test_joining import START, enter, pin_of, secrets, set_state
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import act, approved, book, wanted


async def token(office: Office, link: str) -> Grants:
    given = await enter(office, link=link)
    assert given.status_code == 200, given.text
    return office.authenticator.verify(given.json()["token"], office.now.timestamp())


def shut(office: Office, grants: Grants) -> str:
    with pytest.raises(Refusal) as caught:
        office.secretariat.live.admit(grants)
    return caught.value.code


@pytest.fixture
async def begun(office: Office) -> dict[str, Any]:
    """Return a meeting whose door is open now and that has no lobby."""
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    office.pass_minutes(165)
    return meeting


async def test_a_token_from_before_the_meeting_was_called_off(office: Office, begun: dict[str, Any]) -> None:
    grants = await token(office, next(iter((await secrets(office, begun)).values())))
    office.secretariat.live.admit(grants)
    desk = await office.client("secretary", "khcn")
    off = await act(desk, begun, "cancel", reason_code="not_ready")
    assert shut(office, grants) == "cancelled"
    restarted = Secretariat(office.secretariat.settings, office.authenticator, lambda: office.now.timestamp())
    try:
        await restarted.prepare()
        with pytest.raises(Refusal):
            restarted.live.admit(grants)
    finally:
        await restarted.close()
    assert (await act(desk, off.json(), "undo")).status_code == 200
    office.secretariat.live.admit(grants)


async def test_a_token_from_before_the_date_was_put_off(office: Office, begun: dict[str, Any]) -> None:
    grants = await token(office, next(iter((await secrets(office, begun)).values())))
    date = begun["occurrences"][0]["id"]
    moved = {"occurrence_id": date, "reason_code": "not_ready", "starts_at": office.at("2026-03-10 14:00")}
    answer = await act(await office.client("operator"), begun, "postpone", **moved)
    assert answer.json()["state"] == "approved", answer.text
    office.secretariat.live.admit(grants)  # the new time waits for approval: the approved time stays in force
    for role, unit in (("approver", "khcn"), ("operator", "tinh")):
        answer = await act(await office.client(role, unit), answer.json(), "decide", approve=True)
        assert answer.status_code == 200, answer.text
    assert answer.json()["occurrences"][0]["starts_at"].startswith("2026-03-10")
    assert shut(office, grants) == "cancelled"


async def test_a_token_of_a_link_that_was_taken_back(office: Office, begun: dict[str, Any]) -> None:
    desk = await office.client("secretary", "khcn")
    found = await secrets(office, begun)
    link = next(iter(found.values()))
    grants = await token(office, link)
    who = grants.identity.split(".")[1]
    assert (await desk.delete(f"/meetings/{begun['id']}/attendees/{who}/link")).status_code == 204
    assert shut(office, grants) == "not_invited"
    office.pass_minutes(1)
    again = next(one for one in (await secrets(office, begun)).values() if one not in found.values())
    office.secretariat.live.admit(await token(office, again))
    assert shut(office, grants) == "not_invited"


async def test_a_token_of_a_removed_attendee_is_refused(office: Office, begun: dict[str, Any]) -> None:
    grants = [await token(office, one) for one in (await secrets(office, begun)).values()]
    kept, gone = sorted(grants, key=lambda one: one.name.startswith("Trần"))
    fewer = [{"unit_id": office.province.units["yt"]}]
    headers = {"if-match": f'"{begun["version"]}"'}
    edited = await (await office.client("operator")).patch(
        f"/meetings/{begun['id']}", json={"attendees": fewer}, headers=headers
    )
    assert edited.status_code == 200, edited.text
    assert len(edited.json()["attendees"]) == 1, edited.text
    assert shut(office, gone) == "not_invited"
    office.secretariat.live.admit(kept)


async def test_joining_while_the_class_is_raised_leads_to_removal(
    office: Office, begun: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd()
    office.secretariat.live.registry = crowd  # type: ignore[assignment]
    raises = class_changes.raise_class

    async def slow(*given: Any) -> class_changes.ClassChanged:
        made = await raises(*given)
        crowd.come("browser.late.1")
        return made

    monkeypatch.setattr(class_changes, "raise_class", slow)
    operator = await office.client("operator")
    raised = await act(operator, begun, "class", **{"class": "important"})
    assert [one["identity"] for one in raised.json()["dropped"]] == ["browser.late.1"], raised.text
    assert crowd.kicked == ["browser.late.1"]


def test_an_old_pass_is_refused_after_the_class_is_raised() -> None:
    live = BookedMeetings(lambda: 0.0, Lobbies(lambda: "x" * 20))
    live.set_door("a", "important", 5)
    live.name_of("a", "ordinary", 4, False)
    with pytest.raises(Refusal):
        live.admit(Grants(identity="browser.x.y", conference="o-a", join=True, issued_at=1.0))
    live.set_door("a", "ordinary", 6)
    live.admit(Grants(identity="browser.x.y", conference="o-a", join=True, issued_at=1.0))


async def test_a_correction_of_a_terminal_leaves_its_hall_in_the_meeting(office: Office, begun: dict[str, Any]) -> None:
    operator, terminal = await office.client("operator", "khcn"), "/terminals/terminal-khcn"
    name = f"o-{begun['occurrences'][0]['id']}"
    hall = Grants(identity="hall_terminal.terminal-khcn", conference=name, join=True, issued_at=office.now.timestamp())
    old = (await operator.get(terminal)).json()
    fields = {one: old[one] for one in ("code", "site_id", "hall_id", "protocols", "sip_uri")} | {"name": "Phòng họp A"}
    edited = await operator.put(terminal, json=fields, headers={"if-match": f'"{old["version"]}"'})
    assert (edited.status_code, edited.json().get("name")) == (200, "Phòng họp A"), edited.text
    office.secretariat.live.admit(hall)


async def test_a_date_that_is_on_stays_open_while_a_change_waits(office: Office, begun: dict[str, Any]) -> None:
    desk = await office.client("secretary", "khcn")
    link = next(iter((await secrets(office, begun)).values()))
    await set_state(office, begun, "running")
    earlier = await token(office, link)
    edit = {"type_code": "session"}
    headers = {"if-match": f'"{begun["version"]}"'}
    edited = await desk.patch(f"/meetings/{begun['id']}", json=edit, headers=headers)
    assert edited.json()["state"] == "approved", edited.text
    assert edited.json()["pending"], edited.text
    office.secretariat.live.admit(earlier)
    await set_state(office, begun, "planned")
    assert (await enter(office, link=link)).status_code < 300, "one that is to come as well"


async def test_right_numbers_do_not_count_as_tries(office: Office, begun: dict[str, Any]) -> None:
    body = {"number": begun["number"], "pin": await pin_of(office, begun), "name": "Xã Mỹ Hạnh"}
    for _ in range(50):
        assert (await office.stranger().post("/join", json=body)).status_code == 202
    wrong = body | {"pin": str((int(body["pin"]) + 1) % 10**6).zfill(6)}
    codes = [(await office.stranger().post("/join", json=wrong)).status_code for _ in range(21)]
    assert codes == [403] * 20 + [429]


async def test_passes_of_one_network_are_bounded(office: Office, begun: dict[str, Any]) -> None:
    office.secretariat.parts.passes.given._most = 3.0
    office.secretariat.parts.passes.given._fills.clear()
    link = next(iter((await secrets(office, begun)).values()))
    codes = [(await enter(office, link=link)).status_code for _ in range(4)]
    assert codes == [200] * 3 + [429]


async def test_a_mailed_link_decides_only_its_own_step(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    meeting = await book(desk, wanted(office, submit=True))
    step = next(one for one in meeting["steps"] if one["step"] == 1)

    def link(meeting_id: str, step_id: str, minutes: int = 60) -> str:
        action = links.Action("approve", meeting_id, step_id, office.now + timedelta(minutes=minutes))
        return links.action_token(office.secretariat.key, action)

    good = link(meeting["id"], step["id"])
    head = await office.client("approver", "khcn")
    for wrong, status, code in (
        (good[:-1], 403, "link_invalid"),
        (good.replace("approve", "refuse"), 403, "link_invalid"),
        (link(meeting["id"], step["id"], -1), 403, "link_expired"),
        (link("0" * 32, step["id"]), 409, "link_outdated"),
        (link(meeting["id"], "0" * 32), 409, "link_outdated"),
    ):
        problem(await act(head, meeting, "decide", approve=True, link=wrong), status, code)
    decided = await act(head, meeting, "decide", approve=True, link=good)
    assert decided.status_code == 200, decided.text
    operator = await office.client("operator")
    problem(await act(operator, decided.json(), "decide", approve=True, link=good), 409, "link_outdated")


async def test_a_public_meeting_shows_neither_invitees_nor_letters(office: Office) -> None:
    guest = {"guest_name": "Lê Thị Ước", "guest_email": "uoc@longan.gov.vn"}
    meeting = await approved(office, public=True, attendees=[guest, {"unit_id": office.province.units["yt"]}])
    stranger = await office.client("requester", "xa1", "xa1-2")
    address = f"/meetings/{meeting['id']}"
    seen = await stranger.get(address)
    assert (seen.json()["title"], seen.json()["attendees"], seen.json()["pin"]) == (meeting["title"], [], "")
    copied = await stranger.get(f"{address}/copy")
    assert "uoc@longan.gov.vn" not in seen.text + copied.text
    for page in ("attendees", "letters"):
        problem(await stranger.get(f"{address}/{page}"), 403, "denied")
    desk = await office.client("secretary", "khcn")
    assert len((await desk.get(f"{address}/attendees")).json()["items"]) == 2
    assert "uoc@longan.gov.vn" in (await desk.get(f"{address}/copy")).text
    invited = await office.client("requester", "yt", "yt-2")
    assert len((await invited.get(address)).json()["attendees"]) == 2


async def test_a_substitute_not_yet_approved_cannot_see_the_meeting(office: Office) -> None:
    meeting = await approved(office, attendees=[{"unit_id": office.province.units["yt"], "must_be_head": True}])
    link = next(iter((await secrets(office, meeting)).values()))
    who = office.province.people["xa2-2"]
    body = {"link": link, "answer": "accepted", "substitute_person_id": who}
    assert (await office.stranger().post("/answers", json=body)).json()["substitute_state"] == "asked"
    named = await office.client("requester", "xa2", "xa2-2")
    assert (await named.get("/my-meetings")).json()["items"] == []
    problem(await named.get(f"/meetings/{meeting['id']}"), 404, "unknown_meeting")


async def test_an_invitation_link_is_sent_in_the_body_not_the_url(office: Office) -> None:
    meeting = await approved(office)
    link = next(iter((await secrets(office, meeting)).values()))
    guest = office.stranger()
    seen = await guest.post("/answers/look", json={"link": link})
    assert (seen.json()["title"], seen.json()["answer"]) == (meeting["title"], "none")
    given = await guest.post("/answers", json={"link": link, "answer": "declined", "comment": "Bận"})
    assert (given.json()["answer"], given.json()["comment"]) == ("declined", "Bận")
    problem(await guest.post("/answers/look", json={"link": "B" * 32}), 404, "link_wrong")
    problem(await guest.post("/answers", json={"link": "B" * 32, "answer": "declined"}), 404, "link_wrong")


@dataclass
class Crowd:
    """A registry with one conference. Every given identity is a participant of that conference."""

    identities: list[str] = field(default_factory=list)
    kicked: list[str] = field(default_factory=list)

    def get(self, _name: str) -> "Crowd":
        return self

    @property
    def participants(self) -> dict[str, "Member"]:
        return {one: Member(one) for one in self.identities}

    def come(self, identity: str) -> None:
        self.identities.append(identity)

    def kick(self, identity: str) -> None:
        self.kicked.append(identity)


@dataclass
class Member:
    """A participant with only the fields that the desk reads."""

    identity: str

    @property
    def grants(self) -> Grants:
        return Grants(identity=self.identity, name="Ai đó")

    def view(self) -> "Member":
        return self


async def test_the_desk_forwards_only_a_guests_link(office: Office) -> None:
    invited = [
        {"guest_name": "Ông Nguyễn Văn Khách", "guest_email": ""},
        {"person_id": office.province.people["vp-2"]},
        {"unit_id": office.province.units["yt"]},
    ]
    meeting = await approved(office, starts_at=office.at(START), attendees=invited, lobby=False)
    office.pass_minutes(165)
    desk = await office.client("secretary", "khcn")
    listed = (await desk.get(f"/meetings/{meeting['id']}/attendees")).json()["items"]
    guest = next(one for one in listed if one["guest_name"])
    at = f"/meetings/{meeting['id']}/attendees"
    problem(await (await office.client("secretary", "xa1")).post(f"{at}/{guest['id']}/link"), 404, "unknown_meeting")
    for other in listed:
        if other is not guest:
            problem(await desk.post(f"{at}/{other['id']}/link"), 409, "link_of_guests_only")
    given = await desk.post(f"{at}/{guest['id']}/link")
    assert given.status_code == 200, given.text
    page, _, secret = given.json()["url"].partition("#")
    assert page.endswith("/moi")
    grants = await token(office, secret)
    assert "Nguyễn Văn Khách" in grants.name
    office.secretariat.live.admit(grants)
    assert (await desk.delete(f"{at}/{guest['id']}/link")).status_code == 204
    assert shut(office, grants) == "not_invited"
