"""The REST routes with which a host acts on participants, and what each participant then sees. Also calls, keys and streams
when an account is signed out, is switched off, or loses its role.
"""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Conference, Entry, Grants, Participant, Passage, Refusal, Registry, limits, marks, publishing
from conference.chair.rights import LEADERS, By, Role
from conference.ground.events import Left, MuteAsked, Reason
from rooms.accounts import clients, signing
from rooms.policy.actors import COMMAND
from rooms.store.tables.accounts import Account
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.records import AuditEntry
from tests.conference.doubles import FakeMedia, Listener, Time, describe
from tests.conference.parties import MICROPHONE, PLACES, Format
from tests.signaling.api.live.test_joining import START, enter, link_of, pin_of
from tests.signaling.api.live.test_lobby import Begun
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved


class OfficeTime(Time):
    """The clock of the office together with the turns of the conference."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self.office = office

    def time(self) -> float:
        return self.office.now.timestamp() + self.now - 1000.0


class Guest:
    """A participant in the call, who joined with a token and has the microphone on."""

    def __init__(self, held: "Held", token: str) -> None:
        self.held, self.client = held, Listener()
        grants = held.office.authenticator.verify(token, held.office.now.timestamp())
        held.registry.check(grants)
        self.conference: Conference = held.registry.create(grants.conference, grants.terms)
        self.participant: Participant = self.conference.join(Entry(grants, False, Format()), self.client)
        publishing.announce(self.participant, MICROPHONE)
        self.participant.receive_offer(describe(*PLACES, "audio sendonly mic"), 1)
        held.time.turn()

    @property
    def identity(self) -> str:
        return self.participant.identity

    @property
    def muted(self) -> bool:
        (track,) = self.participant.tracks.values()
        return track.muted

    def mark(self, name: str) -> str:
        return self.participant.grants.attributes.get(name, "")

    def passage(self) -> Passage:
        return self.participant.grants.passage

    def left(self) -> Reason | None:
        found = self.client.of(Left)
        return found[-1].reason if found else None

    def raise_hand(self, value: str) -> None:
        self.participant.update_own(name="Chủ tịch UBND tỉnh", metadata="m", attributes={marks.HAND: value, "x": "1"})


class Held(Begun):
    """A booked meeting that has begun, with a real registry. The registry uses the office's clock."""

    def __init__(self, office: Office, meeting: dict[str, Any], pin: str) -> None:
        super().__init__(office, meeting, pin)
        live = office.secretariat.live
        self.time = OfficeTime(office)
        self.registry = Registry(FakeMedia(), self.time, self.time, watcher=live, lobbies=office.secretariat.lobbies)
        live.registry = self.registry
        self.path = f"/conferences/{self.name}/host"

    async def guest(self, name: str = "Chị Lan", address: str = "10.1.1.1") -> Guest:
        """Join a guest by number and PIN. The chair admits the guest from the lobby."""
        ticket = (await self.knock(name, address=address)).json()["ticket"]
        lobby = self.office.secretariat.lobbies.find(self.name)
        assert lobby is not None
        lobby.admit([lobby.room.tickets[ticket].id])
        return Guest(self, (await self.knock(name, ticket, address)).json()["token"])

    async def chair(self) -> tuple[httpx.AsyncClient, httpx.AsyncClient, Guest]:
        """Return the chair's signed-in browser, the client with the chair's key, and the chair as a participant."""
        desk = await self.office.client("secretary", "khcn", "khcn-1")
        given = (await desk.post(f"/occurrences/{self.date}/pass", json={})).json()
        return desk, self.bearer(given["moderation"]), Guest(self, given["token"])

    async def another_browser(self, desk: httpx.AsyncClient) -> httpx.AsyncClient:
        """Return another browser in which the same account is signed in."""
        account_id = (await desk.get("/session")).json()["me"]["account_id"]

        async def work(session: AsyncSession) -> str:
            account = await session.get_one(Account, account_id)
            return await signing.start(session, account, self.office.now, factors=2)

        made = self.office.stranger()
        made.cookies.set(self.office.secretariat.access.cookies.session, await self.office.database.transact(work))
        return made

    async def do(self, host: httpx.AsyncClient, what: str, **body: Any) -> httpx.Response:
        answer = await host.post(f"{self.path}/{what}", json=body)
        self.time.turn()
        return answer


@pytest.fixture
async def held(office: Office) -> Held:
    meeting = await approved(office, starts_at=office.at(START))
    office.pass_minutes(181)
    return Held(office, meeting, await pin_of(office, meeting))


async def test_a_host_mutes_asks_to_unmute_and_lowers_a_hand(held: Held) -> None:
    _, host, chair = await held.chair()
    guest = await held.guest()
    assert (await held.do(host, "mute", identity=guest.identity)).status_code == 204
    assert guest.muted
    assert guest.client.last(MuteAsked).muted
    assert not chair.muted
    assert (await held.do(host, "ask-to-unmute", identity=guest.identity)).status_code == 204
    assert guest.muted, "nobody's microphone is switched on from outside"
    assert int(guest.mark(marks.UNMUTE_ASKED)) == round(held.time.time() * 1000)
    guest.participant.update_own(name=None, metadata=None, attributes={marks.UNMUTE_ASKED: ""})
    assert guest.mark(marks.UNMUTE_ASKED) == "", "answered"
    held.time.advance(limits.MUTE_SHOWN_S + 1)
    publishing.mute(guest.participant, next(iter(guest.participant.tracks)), False)
    refused = problem(await held.do(host, "ask-to-unmute", identity=guest.identity), 409, "microphone_on")
    assert refused["vi"] == "Micro của người này đang bật."
    guest.raise_hand("1")
    assert (await held.do(host, "lower-hand", identity=guest.identity)).status_code == 204
    assert guest.mark(marks.HAND) == ""
    gone = problem(await held.do(host, "mute", identity="nobody"), 404, "participant_not_found")
    assert gone["vi"] == "Người này đã rời cuộc họp."


async def test_only_the_host_key_of_the_meeting_gives_host_rights(held: Held) -> None:
    _, _, chair = await held.chair()
    guest = await held.guest()
    grants = guest.participant.grants
    own = held.office.authenticator.sign(grants, 60, held.office.now.timestamp())
    elsewhere = Grants("h", conference="o-other", passage=Passage.HOST)
    other = held.office.authenticator.sign(elsewhere, 60, held.office.now.timestamp())
    for key, status, code in ((own, 403, "denied"), (other, 403, "denied"), ("", 401, "token_missing")):
        for what in ("mute", "ask-to-unmute", "lower-hand", "remove"):
            problem(await held.do(held.bearer(key), what, identity=chair.identity), status, code)
        for what in ("begin", "mute-all", "end"):
            problem(await held.do(held.bearer(key), what), status, code)
        problem(await held.do(held.bearer(key), "mute-all/undo", undo="x"), status, code)
    assert not chair.muted
    assert chair.left() is None


async def test_a_removed_guest_may_knock_again_unless_kept_out(held: Held) -> None:
    _, host, chair = await held.chair()
    guest = await held.guest()
    token = held.office.authenticator.sign(guest.participant.grants, 600, held.office.now.timestamp())
    assert (await held.do(host, "remove", identity=guest.identity)).status_code == 204
    assert guest.left() is Reason.REMOVED
    assert held.shut(token) == "removed"
    held.office.pass_minutes(2)
    guest = await held.guest()
    beside = await held.guest("Anh Tùng", "10.2.2.2")
    assert (await held.do(host, "remove", identity=guest.identity, keep_out=True)).status_code == 204
    assert guest.left() is Reason.REMOVED
    assert beside.left() is None
    # `settle` stores the date as running: users may then still join after its end.
    await held.office.secretariat.live.reports.settle()
    held.office.pass_minutes(60)
    problem(await held.knock(), 403, "removed")
    assert (await held.knock("Chị Lan", address="10.3.3.3")).status_code == 202, "another network: who knows"
    assert (await host.get(held.lobby)).json()["barred"] == 1
    assert (await host.post(f"{held.lobby}/pardon")).status_code == 204
    assert (await held.knock()).status_code == 202
    refused = problem(await held.do(host, "remove", identity=chair.identity), 409, "host_stays")
    assert refused["vi"] == "Không mời chủ trì, thư ký ra khỏi cuộc họp được."
    await held.office.secretariat.hosts.settle()
    async with held.office.database.reading() as session:
        rows = await session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "host.remove"))
        assert [(one["name"], one["keep_out"]) for one in rows] == [("Chị Lan", False), ("Chị Lan", True)]


async def test_an_early_visitor_of_an_instant_meeting_is_also_banned(office: Office) -> None:
    time, desk = OfficeTime(office), office.stranger()
    registry = Registry(FakeMedia(), time, time, lobbies=office.secretariat.lobbies)
    office.secretariat.live.registry = registry
    made = (await desk.post("/conferences", json={})).json()
    path, wanted = f"/conferences/{made['conference']}", {"name": "Chị Lan", "invite": made["invite"]}
    there: Any = SimpleNamespace(office=office, registry=registry, time=time)
    lan = office.stranger("10.1.1.1")
    guest = Guest(there, (await lan.post(f"{path}/token", json=wanted)).json()["token"])
    mine = await desk.post(f"{path}/token", json={"name": "Chủ trì", "moderator": made["moderator"]})
    host = office.stranger()
    host.headers["authorization"] = f"Bearer {mine.json()['moderation']}"
    put_out = {"identity": guest.identity, "keep_out": True}
    assert (await host.post(f"{path}/host/remove", json=put_out)).status_code == 204
    assert guest.left() is Reason.REMOVED
    problem(await lan.post(f"{path}/token", json=wanted), 403, "removed")
    assert (await lan.post(f"{path}/token", json=wanted | {"name": "Anh Tùng"})).status_code == 200


async def test_a_ban_covers_all_windows_and_all_bearers_of_a_link(held: Held) -> None:
    office, (_, host, _) = held.office, await held.chair()
    assert (await host.put(held.lobby, json={"on": False})).status_code == 200
    invited = await office.client("requester", "yt", "yt-2")
    passes = [(await invited.post(f"/occurrences/{held.date}/pass", json={})).json()["token"] for _ in range(3)]
    windows = [Guest(held, one) for one in passes[:2]]
    await held.do(host, "remove", identity=windows[0].identity, keep_out=True)
    assert [one.left() for one in windows] == [Reason.REMOVED] * 2
    assert held.shut(passes[2]) == "removed", "a token that was not used yet"
    problem(await invited.post(f"/occurrences/{held.date}/pass", json={}), 403, "removed")
    link = await link_of(office, held.meeting)
    by_link = Guest(held, (await enter(office, link=link)).json()["token"])
    await held.do(host, "remove", identity=by_link.identity, keep_out=True)
    problem(await enter(office, link=link), 403, "removed")


async def test_mute_all_spares_the_host_and_can_be_undone(held: Held) -> None:
    _, host, chair = await held.chair()
    loud, quiet = await held.guest(), await held.guest("Anh Tùng", "10.2.2.2")
    await held.do(host, "mute", identity=quiet.identity)
    made = (await held.do(host, "mute-all")).json()
    assert (made["muted"], made["undo_s"]) == (1, limits.SILENCE_UNDO_S)
    assert (chair.muted, loud.muted, quiet.muted) == (False, True, True)
    assert (await held.do(host, "mute-all/undo", undo=made["undo"])).json() == {"unmuted": 0, "asked": 1}
    assert loud.muted
    assert loud.mark(marks.UNMUTE_ASKED)
    assert not quiet.mark(marks.UNMUTE_ASKED)
    problem(await held.do(host, "mute-all/undo", undo=made["undo"]), 410, "undo_gone")
    late = (await held.do(host, "mute-all")).json()
    held.time.advance(limits.SILENCE_UNDO_S + 0.1)
    problem(await held.do(host, "mute-all/undo", undo=late["undo"]), 410, "undo_gone")


async def test_the_chair_opens_the_meeting_for_its_halls_once(held: Held) -> None:
    _, host, chair = await held.chair()
    chair.conference.halls.wait()
    begun = held.office.now
    for _ in range(2):
        assert (await held.do(host, "begin")).status_code == 204
        assert not chair.conference.halls.waiting
        held.office.pass_minutes(1)
    async with held.office.database.reading() as session:
        assert (await session.get_one(Occurrence, held.date)).begun_at == begun
        deeds = await session.scalars(select(AuditEntry.action).where(AuditEntry.action == "meeting.begin"))
        assert len(list(deeds)) == 1


async def test_the_end_for_everybody_lasts(held: Held) -> None:
    _, host, chair = await held.chair()
    guest = await held.guest()
    token = held.office.authenticator.sign(guest.participant.grants, 600, held.office.now.timestamp())
    waiting = (await held.knock("Người chờ", address="10.4.4.4")).json()["ticket"]
    assert (await held.do(host, "end")).status_code == 204
    assert chair.left() is guest.left() is Reason.CONFERENCE_DELETED
    assert held.shut(token) == "ended"
    assert (await held.standing(waiting))["state"] == "ended"
    problem(await held.knock(), 403, "ended")
    await held.office.secretariat.live.reports.settle()
    async with held.office.database.reading() as session:
        assert (await session.get_one(Occurrence, held.date)).state == "ended"
    problem(await held.do(host, "end"), 403, "ended")


async def test_a_rehearsal_that_is_ended_leaves_the_date_to_come(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START))
    office.pass_minutes(155)
    held = Held(office, meeting, await pin_of(office, meeting))
    _, host, chair = await held.chair()
    assert (await held.do(host, "end")).status_code == 204
    assert chair.left() is Reason.CONFERENCE_DELETED
    assert (await held.knock()).status_code == 202


async def test_an_admitted_name_stays_and_hands_keep_server_order(held: Held) -> None:
    first, second = await held.guest(), await held.guest("Anh Tùng", "10.2.2.2")
    first.raise_hand("1790000000000")
    held.time.advance(1)
    second.raise_hand("1")
    assert (first.participant.grants.name, second.participant.grants.name) == ("Chị Lan", "Anh Tùng")
    assert not first.participant.grants.metadata
    assert set(first.participant.grants.attributes) == {marks.HAND}
    assert int(second.mark(marks.HAND)) - int(first.mark(marks.HAND)) == 1000
    held.time.advance(1)
    first.raise_hand("0")
    assert int(first.mark(marks.HAND)) < int(second.mark(marks.HAND)), "raised already: the place stays"


async def test_a_disabled_account_is_removed_and_loses_host_rights(held: Held) -> None:
    desk, host, chair = await held.chair()
    guest = await held.guest()
    token = held.office.authenticator.sign(chair.participant.grants, 600, held.office.now.timestamp())
    account = (await desk.get("/session")).json()["me"]["account_id"]
    admin = await held.office.client("admin")
    assert (await admin.patch(f"/accounts/{account}", json={"active": False})).status_code == 200
    assert chair.left() is Reason.REMOVED
    assert guest.left() is None
    assert held.shut(token) == "signed_out"
    for answer in (await host.get(held.lobby), await held.do(host, "mute", identity=guest.identity)):
        problem(answer, 401, "signed_out")
    assert not guest.muted


async def test_switched_off_by_a_command_of_another_process(held: Held) -> None:
    desk, host, chair = await held.chair()
    account = (await desk.get("/session")).json()["me"]["account_id"]
    off = update(Account).where(Account.id == account).values(active=False)
    await held.office.database.transact(lambda session: session.execute(off))
    problem(await host.get(held.lobby), 401, "signed_out")
    assert chair.left() is None
    await held.office.secretariat.hosts.look_at_accounts(with_hosts=True)
    assert chair.left() is Reason.REMOVED


async def test_a_host_key_of_a_client_ends_with_the_client_key(held: Held) -> None:
    office, unit = held.office, held.office.province.units["khcn"]
    made, key = await office.database.transact(
        lambda session: clients.create(session, "Văn bản", unit, ["secretary"], COMMAND, office.now)
    )
    system = office.stranger()
    system.headers["authorization"] = f"Bearer {key}"
    given = await system.post(f"/occurrences/{held.date}/moderation")
    assert given.status_code == 200, given.text
    host = held.bearer(given.json()["key"])
    assert (await host.get(held.lobby)).status_code == 200
    admin = await office.client("admin")
    assert (await admin.delete(f"/clients/{made.id}")).status_code == 204
    problem(await host.get(held.lobby), 401, "signed_out")


async def test_signing_out_everywhere_spares_the_browser_that_asks(held: Held) -> None:
    desk, host, chair = await held.chair()
    other = await held.another_browser(desk)
    assert (await desk.get("/session")).json()["calls"] == 1
    assert (await other.get("/session")).json()["calls"] == 0
    assert (await desk.delete("/sessions")).status_code == 204
    assert chair.left() is None
    assert (await host.get(held.lobby)).status_code == 200
    account = (await desk.get("/session")).json()["me"]["account_id"]
    admin = await held.office.client("admin")
    assert (await admin.post(f"/accounts/{account}/sign-out")).status_code == 204
    assert chair.left() is Reason.REMOVED
    problem(await host.get(held.lobby), 401, "signed_out")


async def test_signing_out_ends_what_this_browser_has_opened(held: Held) -> None:
    desk, host, chair = await held.chair()
    assert (await desk.get("/session")).json()["calls"] == 1
    watching = asyncio.create_task(
        host.get(held.lobby, params={"since": (await host.get(held.lobby)).json()["revision"]})
    )
    lobby = held.office.secretariat.lobbies.find(held.name)
    while lobby is None or not lobby.room.watchers:
        await asyncio.sleep(0)
    assert (await desk.delete("/session")).status_code == 204
    assert chair.left() is Reason.REMOVED
    lobby.room.wake()
    problem(await watching, 401, "signed_out")


async def test_an_idle_host_loses_host_rights_but_stays_in_the_call(held: Held) -> None:
    _, host, chair = await held.chair()
    held.office.pass_minutes(241)
    problem(await host.get(held.lobby), 401, "signed_out")
    await held.office.secretariat.hosts.look_at_accounts(with_hosts=True)
    assert chair.left() is None


async def test_a_revoked_role_loses_the_right_and_keeps_the_seat(held: Held) -> None:
    desk, host, chair = await held.chair()
    assert chair.passage() is Passage.HOST
    account = (await desk.get("/session")).json()["me"]["account_id"]
    admin = await held.office.client("admin")
    for role in (await admin.get(f"/accounts/{account}")).json()["roles"]:
        assert (await admin.delete(f"/accounts/{account}/roles/{role['id']}")).status_code == 200
    problem(await host.get(held.lobby), 403, "denied")
    problem(await held.do(host, "mute-all"), 403, "denied")
    await held.office.secretariat.hosts.look_at_accounts(with_hosts=True)
    assert chair.left() is None
    assert chair.passage() is Passage.ADMITTED


async def test_the_agenda_of_the_booking_is_the_agenda_of_the_meeting(office: Office) -> None:
    booked = [
        {"title": "Khai mạc", "minutes": 10},
        {"title": "Báo cáo quý III", "presenter": "Giám đốc Sở", "minutes": 20},
    ]
    meeting = await approved(office, starts_at=office.at(START), agenda=booked)
    office.pass_minutes(181)
    held = Held(office, meeting, await pin_of(office, meeting))
    _, _, chair = await held.chair()
    held.time.advance(1)
    seen = json.loads(chair.conference.document.whole("member"))["agenda"]
    assert [(one["title"], one["planned_s"], one["speakers"], one["state"]) for one in seen["items"]] == [
        ("Khai mạc", 600, [], "waiting"),
        ("Báo cáo quý III", 1200, ["Giám đốc Sở"], "waiting"),
    ]


async def test_a_chair_who_loads_the_page_again_is_the_chair(held: Held) -> None:
    """Each entry has a new identity. A stranger by number and PIN does not become the chair in this way."""
    desk, _, here = await held.chair()
    guest = await held.guest()
    operator = By("", "Vận hành", Role.OPERATOR, way="desk")
    chair = here.conference.chair
    await chair.hand_over(operator, guest.identity)
    await chair.hand_over(operator, here.identity)
    here.conference.remove(here.participant, Reason.CLIENT_INITIATED)
    again = Guest(held, (await desk.post(f"/occurrences/{held.date}/pass", json={})).json()["token"])
    assert again.identity != here.identity
    by = again.conference.machines.by(again.identity, "", "page")
    assert by.role is Role.CHAIR
    await again.conference.chair.hand_over(by, guest.identity)
    again.conference.remove(guest.participant, Reason.CLIENT_INITIATED)
    other = await held.guest("Chị Lan", "10.3.3.3")
    assert again.conference.machines.roles.of(other.identity) is Role.GUEST


async def test_a_lower_role_holds_for_the_host_key_and_a_new_entry(held: Held) -> None:
    desk, key, here = await held.chair()
    guest = await held.guest()
    operator = By("", "Vận hành", Role.OPERATOR, way="desk")
    assert here.conference.machines.roles.of(here.identity) in LEADERS
    if here.conference.machines.roles.chair == here.identity:
        await here.conference.chair.hand_over(operator, guest.identity)
    await here.conference.chair.appoint(operator, here.identity, Role.OBSERVER)
    here.conference.remove(here.participant, Reason.CLIENT_INITIATED)
    orders: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"{held.path}/mute-all", {}),
        (f"{held.path}/remove", {"identity": guest.identity}),
        (f"{held.lobby}/pardon", {}),
    )
    for path, body in orders:
        problem(await key.post(path, json=body), 403, "not_allowed")
    problem(await key.put(held.lobby, json={"on": False}), 403, "not_allowed")
    assert not guest.muted
    assert guest.left() is None
    again = Guest(held, (await desk.post(f"/occurrences/{held.date}/pass", json={})).json()["token"])
    assert again.identity != here.identity
    assert again.conference.machines.roles.of(again.identity) is Role.OBSERVER


async def test_an_operator_with_a_second_factor_is_host_in_the_call(held: Held) -> None:
    desk = await held.office.client("operator", "tinh", "vp-1")
    given = (await desk.post(f"/occurrences/{held.date}/pass", json={})).json()
    host, operator, guest = held.bearer(given["moderation"]), Guest(held, given["token"]), await held.guest()
    assert operator.passage() is Passage.HOST
    assert (await host.get(held.lobby)).status_code == 200
    assert (await held.do(host, "mute-all")).status_code == 200
    assert guest.muted
    await held.office.secretariat.hosts.look_at_accounts(with_hosts=True)
    assert operator.passage() is Passage.HOST
    held.office.pass_minutes(241)
    problem(await host.get(held.lobby), 401, "signed_out")
    await held.office.secretariat.hosts.look_at_accounts(with_hosts=True)
    assert operator.passage() is Passage.HOST, "the end of an idle session takes no right in the call"


def test_every_refusal_speaks_both_languages() -> None:
    for code in ("microphone_on", "microphone_denied", "undo_gone", "removed"):
        refusal = Refusal(code)
        assert code not in (refusal.vietnamese, refusal.english)
