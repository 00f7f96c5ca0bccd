"""The lobby by its routes: who waits, who decides, which notices each side gets, and every way around it that we could think
of.
"""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conference import Grants, Passage, Refusal, Registry, limits
from rooms.store.tables.records import AuditEntry
from signaling.meetings.secretariat import Secretariat
from tests.conference.doubles import FakeMedia, Time
from tests.signaling.api.live.test_joining import START, enter, link_of, pin_of, secrets
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import act, approved


class Begun:
    """A booked meeting whose door is open and whose lobby is on, with a real registry."""

    def __init__(self, office: Office, meeting: dict[str, Any], pin: str) -> None:
        self.office, self.meeting, self.pin = office, meeting, pin
        self.date = meeting["occurrences"][0]["id"]
        self.name = f"o-{self.date}"
        self.lobby = f"/conferences/{self.name}/lobby"
        time, live = Time(), office.secretariat.live
        self.registry = Registry(FakeMedia(), time, time, watcher=live, lobbies=office.secretariat.lobbies)
        live.registry = self.registry

    async def knock(self, name: str = "Chị Lan", ticket: str = "", address: str = "10.1.1.1") -> httpx.Response:
        """Ask to join as a guest, by number and PIN."""
        body = {"number": self.meeting["number"], "pin": self.pin, "name": name, "ticket": ticket}
        return await self.office.stranger(address).post("/join", json=body)

    async def standing(self, ticket: str, **more: Any) -> dict[str, Any]:
        answer = await self.office.stranger().post(f"{self.lobby}/wait", json={"ticket": ticket, "wait": False} | more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def host(self) -> httpx.AsyncClient:
        """Return a client with the moderation key of the chair's pass. The chair may also enter the call."""
        desk = await self.office.client("secretary", "khcn", "khcn-1")
        given = (await desk.post(f"/occurrences/{self.date}/pass", json={})).json()
        assert given["moderation"], given
        self.door(given["token"])
        return self.bearer(given["moderation"])

    def bearer(self, key: str) -> httpx.AsyncClient:
        made = self.office.stranger("10.9.9.9")
        made.headers["authorization"] = f"Bearer {key}"
        return made

    def door(self, token: str) -> None:
        """Check the token as `/rtc` does. Raise Refusal."""
        self.registry.check(self.office.authenticator.verify(token, self.office.now.timestamp()))

    def shut(self, token: str) -> str:
        with pytest.raises(Refusal) as caught:
            self.door(token)
        return caught.value.code


@pytest.fixture
async def begun(office: Office) -> Begun:
    meeting = await approved(office, starts_at=office.at(START))
    assert meeting["lobby"] is True, "on by default for an ordinary meeting"
    office.pass_minutes(165)
    return Begun(office, meeting, await pin_of(office, meeting))


async def test_a_guest_waits_is_admitted_and_only_then_gets_a_token(begun: Begun) -> None:
    asked = await begun.knock()
    waiting = asked.json()
    assert (asked.status_code, waiting["state"], waiting["hosted"]) == (202, "waiting", False)
    assert set(waiting) == {"state", "ticket", "conference", "title", "hosted", "expires_at"}, (
        "nothing of who is inside"
    )
    host = await begun.host()
    seen = (await host.get(begun.lobby)).json()
    assert [(one["name"], one["way"], one["named"]) for one in seen["waiting"]] == [("Chị Lan", "number_pin", False)]
    assert waiting["ticket"] not in str(seen)
    assert (await begun.standing(waiting["ticket"]))["hosted"] is True
    again = await begun.knock(ticket=waiting["ticket"])
    assert (again.status_code, again.json()["ticket"]) == (202, waiting["ticket"])
    assert (await host.post(f"{begun.lobby}/admit", json={"ids": [seen["waiting"][0]["id"]]})).json() == {"admitted": 1}
    assert (await begun.standing(waiting["ticket"]))["state"] == "admitted"
    given = (await begun.knock("Giám đốc Sở", ticket=waiting["ticket"])).json()
    assert (given["name"], given["moderation"]) == ("Chị Lan", ""), "under the name that the host saw"
    begun.door(given["token"])
    assert (await begun.knock(ticket=waiting["ticket"])).status_code == 200, "a reload does not wait again"
    assert (await begun.knock()).status_code == 202, "another one does"


async def test_the_long_question_is_answered_by_the_decision(begun: Begun) -> None:
    ticket = (await begun.knock()).json()["ticket"]
    host = await begun.host()
    seen = (await host.get(begun.lobby)).json()
    asking = asyncio.create_task(begun.standing(ticket, wait=True))
    watching = asyncio.create_task(host.get(begun.lobby, params={"since": seen["revision"]}))
    lobby = begun.office.secretariat.lobbies.find(begun.name)
    assert lobby is not None
    while not lobby.room.tickets[ticket].tells or not lobby.room.watchers:
        await asyncio.sleep(0)
    why = "Đồng chí không có trong thành phần"
    denied = await host.post(f"{begun.lobby}/deny", json={"id": seen["waiting"][0]["id"], "why": why})
    assert denied.status_code == 204
    told = await asking
    assert (told["state"], told["code"], told["vi"]) == ("denied", "lobby_denied", why)
    assert (await watching).json()["waiting"] == []
    assert problem(await begun.knock(ticket=ticket), 403, "lobby_denied")["vi"] == why


async def test_invitees_wait_in_the_lobby_and_enter_when_it_is_off(begun: Begun) -> None:
    office, meeting = begun.office, begun.meeting
    link = await link_of(office, meeting)
    by_link = await enter(office, link=link)
    invited = await office.client("requester", "yt", "yt-2")
    by_account = await invited.post(f"/occurrences/{begun.date}/pass", json={})
    twice = await invited.post(f"/occurrences/{begun.date}/pass", json={})
    assert twice.json()["ticket"] == by_account.json()["ticket"], "two windows of one person are one row"
    guest = await begun.knock()
    assert [one.status_code for one in (by_link, by_account, guest)] == [202] * 3
    host = await begun.host()
    assert (await host.put(begun.lobby, json={"on": False})).json()["on"] is False
    states = [(await begun.standing(one.json()["ticket"]))["state"] for one in (by_link, by_account, guest)]
    assert states == ["admitted", "admitted", "waiting"], (
        "nobody vouches for a guest by number: he waits whatever is set"
    )
    given = await enter(office, link=link, ticket=by_link.json()["ticket"])
    begun.door(given.json()["token"])
    assert (await host.put(begun.lobby, json={"on": True})).json()["on"] is True
    again = await enter(office, link=link, ticket=by_link.json()["ticket"])
    assert again.status_code == 200, "let in before: he does not wait again"
    again = await invited.post(f"/occurrences/{begun.date}/pass", json={})
    assert again.status_code == 200, "an account is known on any device"
    assert (await enter(office, link=link)).status_code == 202, (
        "a link that was passed on does not take the leave along"
    )
    assert (await host.post(f"{begun.lobby}/admit", json={"all": True})).json() == {"admitted": 2}
    problem(await host.post(f"{begun.lobby}/admit", json={"all": True}), 404, "knock_unknown")


async def test_ways_around_the_lobby(begun: Begun) -> None:
    office, link = begun.office, await link_of(begun.office, begun.meeting)
    host = await begun.host()
    await host.put(begun.lobby, json={"on": False})
    kept = (await enter(office, link=link)).json()["token"]
    begun.door(kept)
    await host.put(begun.lobby, json={"on": True})
    assert begun.shut(kept) == "lobby_waits", "a token from before the lobby was on"
    grants = office.authenticator.verify(kept, office.now.timestamp())
    unnamed = replace(grants, identity="number_pin.guest.x")
    sign, now = office.authenticator.sign, office.now.timestamp()
    await host.put(begun.lobby, json={"on": False})
    assert begun.shut(sign(unnamed, 600, now)) == "lobby_waits", "a guest by number, even when it is off"
    key = host.headers["authorization"].removeprefix("Bearer ")
    assert begun.shut(key) == "join_denied", "the key to the lobby opens no call"
    guest = (await begun.knock()).json()["ticket"]
    for stranger in (sign(grants, 600, now), sign(replace(grants, passage=Passage.ADMITTED), 600, now), guest, ""):
        for method, path, body in CHANGES:
            answer = await begun.bearer(stranger).request(method, begun.lobby + path, json=body)
            assert answer.status_code in (401, 403), (method, path, answer.text)
        assert (await begun.bearer(stranger).get(begun.lobby)).status_code in (401, 403)
    elsewhere = sign(replace(grants, conference="o-other", passage=Passage.HOST), 600, now)
    problem(await begun.bearer(elsewhere).get(begun.lobby), 403, "denied")
    problem(
        await office.stranger().post("/conferences/o-other/lobby/wait", json={"ticket": guest}), 404, "knock_unknown"
    )
    assert (await begun.knock(ticket=guest)).status_code == 202


CHANGES = (
    ("PUT", "", {"on": False}),
    ("POST", "/admit", {"all": True}),
    ("POST", "/deny", {"id": "x"}),
    ("POST", "/pardon", None),
)


async def test_tickets_are_not_tried_out(begun: Begun) -> None:
    stranger = begun.office.stranger("10.7.7.7")
    body = {"ticket": "0" * 64, "wait": False}
    codes = [(await stranger.post(f"{begun.lobby}/wait", json=body)).status_code for _ in range(61)]
    assert codes == [404] * 60 + [429]
    guest = (await begun.knock(address="10.7.7.7")).json()["ticket"]
    right = await stranger.post(f"{begun.lobby}/wait", json={"ticket": guest, "wait": False})
    assert right.status_code == 200, "others behind the same address go on waiting"


async def test_an_invitation_taken_back_while_waiting(begun: Begun) -> None:
    office = begun.office
    found = await secrets(office, begun.meeting)
    link = next(iter(found.values()))
    ticket = (await enter(office, link=link)).json()["ticket"]
    lobby = office.secretariat.lobbies.find(begun.name)
    assert lobby is not None
    who = lobby.room.tickets[ticket].who.bearer
    desk = await office.client("secretary", "khcn")
    assert (await desk.delete(f"/meetings/{begun.meeting['id']}/attendees/{who}/link")).status_code == 204
    told = await begun.standing(ticket)
    assert (told["state"], told["code"]) == ("denied", "not_invited")
    host = await begun.host()
    problem(await host.post(f"{begun.lobby}/admit", json={"all": True}), 404, "knock_unknown")


async def test_a_waiter_learns_of_cancellation_and_a_raised_class(begun: Begun) -> None:
    ticket = (await begun.knock()).json()["ticket"]
    operator = await begun.office.client("operator")
    raised = await act(operator, begun.meeting, "class", **{"class": "important"})
    assert raised.json()["applied"], raised.text
    told = await begun.standing(ticket)
    assert (told["state"], told["code"]) == ("ended", "class_forbids")
    problem(await begun.knock(ticket=ticket), 403, "class_forbids")


async def test_a_host_leads_the_halls_of_an_important_meeting_from_the_desk(office: Office) -> None:
    """No browser may enter. The desk carries orders only, and shows the code by which a hall takes the chair."""
    meeting = await approved(office, starts_at=office.at(START), **{"class": "important"})
    office.pass_minutes(165)
    begun = Begun(office, meeting, await pin_of(office, meeting))
    begun.registry.create(begun.name)
    chair = await office.client("secretary", "khcn", "khcn-1")
    given = (await chair.post(f"/occurrences/{begun.date}/moderation")).json()
    locked = await begun.bearer(given["key"]).post(f"/conferences/{begun.name}/desk/lock", json={"locked": True})
    assert locked.status_code == 200, locked.text
    problem(await chair.post(f"/occurrences/{begun.date}/pass", json={}), 403, "class_forbids")


async def test_a_booking_without_lobby(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    office.pass_minutes(165)
    begun = Begun(office, meeting, await pin_of(office, meeting))
    assert (await enter(office, link=await link_of(office, meeting))).status_code == 200
    assert (await begun.knock()).status_code == 202


async def test_the_desk_controls_the_lobby_from_outside_with_audit(begun: Begun) -> None:
    office, address = begun.office, f"/occurrences/{begun.date}/moderation"
    problem(await (await office.client("requester", "yt", "yt-2")).post(address), 403, "denied")
    problem(await (await office.client("secretary", "xa1", "xa1-2")).post(address), 403, "not_invited")
    problem(await office.stranger().post(address), 401, "signed_out")
    tickets = [(await begun.knock(name)).json()["ticket"] for name in ("An", "Bình")]
    desk = await office.client("secretary", "khcn", "khcn-1")
    given = (await desk.post(address)).json()
    assert given["conference"] == begun.name
    host = begun.bearer(given["key"])
    ids = [one["id"] for one in (await host.get(begun.lobby)).json()["waiting"]]
    await host.post(f"{begun.lobby}/deny", json={"id": ids[0], "why": "Nhầm cuộc họp"})
    await host.post(f"{begun.lobby}/admit", json={"ids": ids[1:]})
    await host.put(begun.lobby, json={"on": False})
    assert [(await begun.standing(one))["state"] for one in tickets] == ["denied", "admitted"]
    async with office.database.reading() as session:
        rows = await session.scalars(
            select(AuditEntry).where(AuditEntry.object_id == begun.date).order_by(AuditEntry.seq)
        )
        noted = {one.action: (one.detail, one.unit_id) for one in rows}
    assert {"lobby.knock", "meeting.moderation", "lobby.deny", "lobby.admit", "lobby.switch"} <= set(noted)
    assert noted["lobby.deny"][0]["name"] == "An"
    assert noted["lobby.deny"][0]["why"] == "Nhầm cuộc họp"
    assert noted["lobby.admit"][0]["names"] == ["Bình"]
    assert "KHCN" in noted["lobby.admit"][0]["by"]
    assert noted["lobby.admit"][1] == office.province.units["khcn"]


async def test_an_account_that_was_sent_out_waits_again(begun: Begun) -> None:
    host = await begun.host()
    invited = await begun.office.client("requester", "yt", "yt-2")
    address = f"/occurrences/{begun.date}/pass"
    await invited.post(address, json={})
    await host.post(f"{begun.lobby}/admit", json={"all": True})
    first = (await invited.post(address, json={})).json()
    lobby = begun.office.secretariat.lobbies
    lobby.forget(begun.name, first["identity"], begun.office.now.timestamp())  # `Conference.kick` makes the same call
    assert begun.shut(first["token"]) == "removed"
    assert (await invited.post(address, json={})).status_code == 202


async def test_a_lobby_ticket_is_valid_only_for_its_own_entry(begun: Begun) -> None:
    host = await begun.host()
    link = await link_of(begun.office, begun.meeting)
    ticket = (await enter(begun.office, link=link)).json()["ticket"]
    await host.post(f"{begun.lobby}/admit", json={"all": True})
    assert (await begun.knock(ticket=ticket)).status_code == 202
    assert (await enter(begun.office, link=link, ticket=ticket)).status_code == 200


async def test_waiting_is_given_up_and_runs_out(begun: Begun) -> None:
    office, host = begun.office, await begun.host()
    left, silent = [(await begun.knock(name)).json()["ticket"] for name in ("An", "Bình")]
    assert (await office.stranger().post(f"{begun.lobby}/leave", json={"ticket": left})).status_code == 204
    assert [one["name"] for one in (await host.get(begun.lobby)).json()["waiting"]] == ["Bình"]
    office.pass_minutes(2)
    assert (await host.get(begun.lobby)).json()["waiting"] == []
    assert (await begun.standing(silent))["state"] == "gone"
    patient = (await begun.knock()).json()["ticket"]
    for _ in range(int(limits.LOBBY_WAIT_S / 30)):
        office.pass_minutes(0.5)
        state = (await begun.standing(patient))["state"]
    assert state == "expired"
    assert (await begun.knock(ticket=patient)).status_code == 202


async def test_a_full_lobby_answers_503(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOBBY_WAITING", 2)
    assert [(await begun.knock()).status_code for _ in range(3)] == [202, 202, 503]


async def test_the_opener_of_an_ad_hoc_meeting_controls_its_lobby(office: Office) -> None:
    guest, chair = office.stranger(), office.stranger()
    made = (await chair.post("/conferences", json={"name": "Họp nhanh", "lobby": True})).json()
    address = f"/conferences/{made['conference']}"
    asked = await guest.post(f"{address}/token", json={"name": "An", "invite": made["invite"]})
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    wrong = {"name": "An", "moderator": made["invite"]}
    problem(await guest.post(f"{address}/token", json=wrong), 403, "invitation_wrong")
    opener = (await chair.post(f"{address}/token", json={"name": "Chủ", "moderator": made["moderator"]})).json()
    host = office.stranger()
    host.headers["authorization"] = f"Bearer {opener['moderation']}"
    time = Time()
    registry = Registry(FakeMedia(), time, time, watcher=office.secretariat.live, lobbies=office.secretariat.lobbies)
    at = office.now.timestamp()
    registry.check(office.authenticator.verify(opener["token"], at))
    assert (await host.post(f"{address}/lobby/admit", json={"all": True})).json() == {"admitted": 1}
    ticket = asked.json()["ticket"]
    given = (await guest.post(f"{address}/token", json={"name": "An", "ticket": ticket})).json()
    assert given["moderation"] == ""
    registry.check(office.authenticator.verify(given["token"], at))
    await host.put(f"{address}/lobby", json={"on": False})
    free = (await guest.post(f"{address}/token", json={"name": "Bình"})).json()["token"]
    registry.check(office.authenticator.verify(free, at))
    await host.put(f"{address}/lobby", json={"on": True})
    with pytest.raises(Refusal, match="lobby_waits"):
        registry.check(office.authenticator.verify(free, at))


# -- cases that we found when we tried to go around the lobby


async def again(office: Office) -> Secretariat:
    """Start the server again on the same database."""
    made = Secretariat(office.secretariat.settings, office.authenticator, lambda: office.now.timestamp())
    await made.prepare()
    return made


async def test_a_restart_does_not_open_what_a_host_has_shut(office: Office) -> None:
    guest = office.stranger()
    made = (await guest.post("/conferences", json={"name": "Họp nhanh", "lobby": True})).json()
    shut, grants = made["conference"], Grants(identity="p-1", name="An", conference=made["conference"], join=True)
    opener = (
        await guest.post(f"/conferences/{shut}/token", json={"name": "Chủ", "moderator": made["moderator"]})
    ).json()
    host = office.stranger()
    host.headers["authorization"] = f"Bearer {opener['moderation']}"
    restarted = await again(office)
    with pytest.raises(Refusal, match="lobby_waits"):
        restarted.lobbies.check(grants, False)
    found = restarted.lobbies.find(shut)
    assert found is not None
    assert found.on
    await restarted.close()
    assert (await host.put(f"/conferences/{shut}/lobby", json={"on": False})).json()["on"] is False
    restarted = await again(office)
    restarted.lobbies.check(grants, False)
    await restarted.close()
    assert (await host.put(f"/conferences/{shut}/lobby", json={"on": True})).json()["on"] is True
    restarted = await again(office)
    with pytest.raises(Refusal, match="lobby_waits"):
        restarted.lobbies.check(grants, False)
    await restarted.close()


async def test_a_restart_keeps_the_switch_of_a_booked_meeting(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    office.pass_minutes(165)
    begun = Begun(office, meeting, await pin_of(office, meeting))
    host = await begun.host()
    await host.put(begun.lobby, json={"on": True})
    restarted = await again(office)
    restarted.live.name_of(begun.date, "ordinary", 1, lobby=False)
    found = restarted.lobbies.find(begun.name)
    assert found is not None
    assert found.on
    await restarted.close()


async def test_the_lobby_is_not_switched_when_the_write_fails(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await begun.host()

    async def broken(*_args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(begun.office.secretariat.database, "transact", broken)
    with pytest.raises(OSError, match="disk full"):
        await host.put(begun.lobby, json={"on": False})
    lobby = begun.office.secretariat.lobbies.find(begun.name)
    assert lobby is not None
    assert lobby.on


async def test_a_banned_person_stays_out_with_the_lobby_off(begun: Begun) -> None:
    office, host = begun.office, await begun.host()
    link = await link_of(office, begun.meeting)
    await enter(office, link=link)
    await begun.knock("Người Lạ")
    for one in (await host.get(begun.lobby)).json()["waiting"]:
        body = {"id": one["id"], "final": True}
        assert (await host.post(f"{begun.lobby}/deny", json=body)).status_code == 204
    await host.put(begun.lobby, json={"on": False})
    problem(await enter(office, link=link), 403, "lobby_denied")
    problem(await begun.knock("người lạ"), 403, "lobby_denied")
    problem(await begun.knock("Tên khác"), 429, "lobby_pause")
    assert (await host.get(begun.lobby)).json()["barred"] == 2
    assert (await host.post(f"{begun.lobby}/pardon")).status_code == 204
    assert (await enter(office, link=link)).status_code == 200
    assert (await begun.knock("người lạ")).status_code == 202


async def test_a_denied_guest_without_a_ticket_is_audited(begun: Begun) -> None:
    host = await begun.host()
    first = (await begun.knock("Người Lạ")).json()["ticket"]
    for _ in range(3):
        await begun.knock("Người Lạ", ticket=first)
    one = (await host.get(begun.lobby)).json()["waiting"][0]
    await host.post(f"{begun.lobby}/deny", json={"id": one["id"]})
    for name in ("Người Lạ", "NGƯỜI LẠ", "Nguoi\u200b La"):
        problem(await begun.knock(name), 403, "lobby_denied")
    async with begun.office.database.reading() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == "lobby.knock"))
        assert len(rows.all()) == 1, "neither asking again nor being refused fills the trail"


async def test_an_admission_and_a_denial_at_the_same_time(begun: Begun) -> None:
    host = await begun.host()
    ticket = (await begun.knock()).json()["ticket"]
    one = (await host.get(begun.lobby)).json()["waiting"][0]["id"]
    answers = await asyncio.gather(
        host.post(f"{begun.lobby}/admit", json={"ids": [one]}), host.post(f"{begun.lobby}/deny", json={"id": one})
    )
    state = (await begun.standing(ticket))["state"]
    entered = (await begun.knock(ticket=ticket)).status_code
    assert (state, entered) in (("admitted", 200), ("denied", 403))
    assert (answers[1].status_code == 204) == (state == "denied")
    assert (answers[0].json().get("admitted", 0) == 1) == (state == "admitted")


async def test_the_opener_is_known_by_a_cookie_that_no_script_reads(office: Office) -> None:
    browser = office.stranger()
    answer = await browser.post("/conferences", json={"lobby": True})
    made, given = answer.json(), answer.headers["set-cookie"]
    number = made["conference"]
    for word in ("HttpOnly", "Secure", "SameSite=strict", f"Path=/api/v1/conferences/{number}/"):
        assert word in given
    browser.cookies.clear()
    secret = {"cookie": f"diemcau_opener={made['moderator']}"}
    ask = f"/conferences/{number}/token"
    opener = await browser.post(ask, json={"name": "Chủ"}, headers=secret)
    assert opener.json()["moderation"]
    assert "Max-Age" in opener.headers["set-cookie"]
    browser.cookies.clear()
    for wrong in (made["invite"], "", "x" * 500):
        other = await browser.post(ask, json={"name": "An"}, headers={"cookie": f"diemcau_opener={wrong}"})
        assert other.status_code == 202, "a wrong one makes nobody a host, and keeps nobody out"
    foreign = secret | {"origin": "https://evil.example"}
    assert (await browser.post(ask, json={"name": "Chủ"}, headers=foreign)).status_code == 403


async def test_names_that_hide_something(begun: Begun) -> None:
    host = await begun.host()
    await begun.knock("Chủ\u200b tọa\u202e\u2066<img src=x onerror=alert(1)>\U000e0041", address="10.1.1.2")
    seen = [one["name"] for one in (await host.get(begun.lobby)).json()["waiting"]]
    assert all(one.isprintable() for name in seen for one in name), seen
    assert "\u202e" not in seen[0], seen
    for blank in ("\u200b\u2060", "\u3164", "\u2800\u2800", "\u00ad"):
        problem(await begun.knock(blank), 400, "name_empty")
