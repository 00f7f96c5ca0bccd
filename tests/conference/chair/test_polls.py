"""The votes of a live meeting: rights, storing before announcing, keypads of halls, restarts, and what subscribers read."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from conference import Passage, Refusal, limits
from conference.chair.rights import By, Role
from conference.chair.voting import limits as bounds
from conference.chair.voting import stored, views
from conference.chair.voting.polls import ENDED, Polls
from conference.chair.voting.question import AGAINST, FOR, Kind, Question, Way
from conference.chair.voting.vote import State, Told, Vote, Voter
from conference.ground.events import Reason
from conference.ports.proceedings import NOTHING, ChatLine, Record, Turn
from tests.conference.hall_doubles import HallParty, HallWorld
from tests.conference.parties import Party

CHAIR = By("chair", "Chủ tịch", Role.CHAIR)
OPERATOR = By("", "Điều hành", Role.OPERATOR, for_chair=True)
NAMED = Question("Thông qua nghị quyết")
SECRET = replace(NAMED, way=Way.SECRET)
BY_PHONE = replace(NAMED, phones=True)
SECRET_BY_PHONE = replace(SECRET, phones=True)
HANDS = replace(NAMED, way=Way.HANDS)
PEOPLE = ("an", "binh", "chi", "dung", "em")


@dataclass
class Store:
    """The database of a meeting. `away`: it does not answer."""

    forms: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    away: bool = False

    def restored(self, conference: str) -> Mapping[str, Mapping[str, Any]]:
        return self.forms

    async def keep(
        self, conference: str, machine: str, state: Mapping[str, Any], records: Sequence[Record] = ()
    ) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise Refusal("not_stored")
        self.note(conference, machine, state, records)

    def note(
        self, conference: str, machine: str, state: Mapping[str, Any] | None, records: Sequence[Record] = ()
    ) -> None:
        if state is not None:
            self.forms[machine] = json.loads(json.dumps(state))
            self.history.append(json.dumps(state))
        self.records += records

    def turn(self, conference: str, turn: Turn) -> None: ...
    def chat(self, conference: str, line: ChatLine) -> None: ...
    def chatted(self, conference: str) -> Sequence[ChatLine]:
        return ()

    async def forget(self, conference: str, by: Record, kept: Mapping[str, Mapping[str, Any]] = NOTHING) -> None: ...


@dataclass
class Shelf:
    """An escrow that outlives the world of a test."""

    keys: tuple[bytes, ...] = ()

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        self.keys = keys

    def held(self, conference: str) -> tuple[bytes, ...]:
        return self.keys


class Hall(HallWorld):
    """A meeting with five browsers, a guest and two halls."""

    def __init__(self, store: Store | None = None, shelf: Shelf | None = None, address: str = "") -> None:
        self.store, self.shelf = store or Store(), shelf or Shelf()
        super().__init__(address=address)
        around = self.registry.around
        self.registry.around = replace(
            around, proceedings=self.store, escrow=self.shelf, random_bytes=random.Random(7).randbytes
        )
        self.patches: dict[str, list[str]] = {"host": [], "member": []}
        document = self.registry.create("c").document
        document.subscribe("host", self.patches["host"].append)
        document.subscribe("member", self.patches["member"].append)
        for name in PEOPLE:
            Party(self, name)
        Party(self, "khach", passage=Passage.ADMITTED)
        self.hall, self.other = HallParty(self, "hoi-truong"), HallParty(self, "xa")
        self.settle()

    @property
    def polls(self) -> Polls:
        return self.registry.get("c").polls

    def by(self, identity: str, role: Role = Role.DELEGATE) -> By:
        return By(identity, identity.title(), role)

    def vote(self, vote: str = "v") -> Vote:
        found = self.polls.votes.get(vote)
        assert found is not None
        return found

    def heard(self) -> list[str]:
        """Return the announcements of the first hall, and forget them."""
        self.settle()
        said = [one.path.strip("/").removesuffix(".ogg") for one in self.scene().prompts if one.site == self.hall.sid]
        self.time.advance(30)
        return said

    def codes(self) -> set[str]:
        """Return the addresses of the QR codes in the pictures of halls. Empty text: a picture without a code."""
        return {one.code for one in self.scene().groups}

    def late(self) -> set[str]:
        """Return who may be admitted to the open vote, as hosts read it a moment later."""
        self.pass_time(1.5)
        document: dict[str, Any] = json.loads(self.registry.get("c").document.whole("host"))
        return set(document.get("vote_late", {}))

    def row(self, audience: str) -> dict[str, Any]:
        self.settle()
        document: dict[str, Any] = json.loads(self.registry.get("c").document.whole(audience))  # type: ignore[arg-type]
        rows: dict[str, Any] = document.get("votes", {})
        return rows

    async def opened(self, question: Question = NAMED, expected: Sequence[Voter] = ()) -> None:
        await self.polls.prepare(CHAIR, question, "v")
        await self.polls.open(CHAIR, "v", expected)


async def refused(order: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await order
    return caught.value.code


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():
            await asyncio.sleep(0)


# -- a vote by name


async def test_a_vote_from_its_preparation_to_its_result() -> None:
    world = Hall()
    await world.polls.prepare(CHAIR, NAMED, "v")
    assert world.row("member") == {}
    assert world.row("host")["v"]["state"] == "prepared"
    await world.polls.open(CHAIR, "v")
    entitled = {one.identity for one in world.vote().entitled}
    assert entitled == {*PEOPLE, "hoi-truong", "xa"}, "a guest does not vote"
    for name in PEOPLE:
        told = await world.polls.cast(world.by(name), "v", (FOR,))
        assert told == Told(name, "vote_for")
    assert world.row("member")["v"]["cast"] == 5
    assert "rows" not in world.row("member")["v"]
    assert world.row("host")["v"]["rows"]["an"] == {"name": "An", "choices": [FOR]}
    assert world.polls.own("an") == {"vote": "v", "voted": True, "present": 1, "name": "An", "choices": [FOR]}
    result = await world.polls.close(CHAIR, "v")
    assert (result.counts, result.adopted) == ((5, 0, 0), True)
    row = world.row("member")["v"]
    assert row["result"]["digest"] == result.digest
    assert row["rows"]["an"]["choices"] == [FOR]
    kinds = [one.kind for one in world.store.records]
    assert kinds == ["vote_prepared", "vote_opened", *["ballot_cast"] * 5, "vote_closed"]
    assert world.store.records[-1].detail["result"]["digest"] == result.digest
    assert (world.store.records[2].on, world.store.records[2].on_name) == ("an", "An")


async def test_only_the_newest_vote_names_people() -> None:
    world = Hall()
    await world.opened()
    await world.polls.close(CHAIR, "v")
    assert "rows" in world.row("member")["v"]
    await world.polls.prepare(CHAIR, HANDS, "w")
    await world.polls.open(CHAIR, "w")
    assert "rows" not in world.row("member")["v"]
    assert "result" in world.row("member")["v"]
    assert world.row("host")["w"]["place"] == 1


async def test_ballots_that_are_refused_do_not_take_the_key_of_the_stored_box() -> None:
    """The database is away while many vote in secret, and then the server crashes."""
    world = Hall()
    await world.opened(SECRET)
    await world.polls.cast(world.by("an"), "v", (FOR,))
    world.store.away = True
    for _ in range(3):
        for name in PEOPLE[1:]:
            assert await refused(world.polls.cast(world.by(name), "v", (AGAINST,))) == "not_stored"
    after = Hall(Store(world.store.forms), Shelf(world.shelf.keys))
    assert (after.vote().state, after.vote().cast) == (State.OPEN, 1)


@dataclass
class Hanging(Store):
    """A database that gives no answer until `answers`, and then an error."""

    hangs: bool = False
    asked: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(
        self, conference: str, machine: str, state: Mapping[str, Any], records: Sequence[Record] = ()
    ) -> None:
        if self.hangs:
            self.asked += 1
            await self.answers.wait()
            raise Refusal("not_stored")
        await super().keep(conference, machine, state, records)


async def test_many_ballots_wait_for_a_database_that_is_away_only_once() -> None:
    store = Hanging()
    world = Hall(store)
    await world.opened()
    world.heard()
    store.hangs = True
    ballots = [asyncio.create_task(world.polls.cast(world.by(name), "v", (FOR,))) for name in PEOPLE]
    await until(lambda: store.asked == 1)
    for keys in ("*11", "*12", "*11", "*12"):
        world.hall.press(keys)
    assert len(world.polls.pressed) == 1, "a hall waits for its answer"
    for _ in range(20):
        await asyncio.sleep(0)
    store.answers.set()
    answers = await asyncio.gather(*ballots, return_exceptions=True)
    assert [one.code for one in answers if isinstance(one, Refusal)] == ["not_stored"] * len(PEOPLE)
    await until(lambda: not world.polls.pressed)
    assert store.asked == 2, "only the last choice of the hall was tried after the first answer"
    assert "vote_failed" in world.heard()
    store.hangs = False
    assert (await world.polls.cast(world.by("an"), "v", (FOR,))).code == "vote_for"
    world.hall.press("*11")
    await until(lambda: not world.polls.pressed)
    assert world.heard() == ["vote_for"]


async def test_absent_people_are_entitled_if_the_chair_names_them() -> None:
    world = Hall()
    await world.opened(expected=[Voter("an", "An"), Voter("vang", "Vắng mặt")])
    assert [(one.identity, one.present) for one in world.vote().entitled] == [("an", 1), ("vang", 0)]
    assert await refused(world.polls.cast(world.by("binh"), "v", (FOR,))) == "vote_not_entitled"


async def test_a_late_person_is_admitted() -> None:
    world = Hall()
    await world.opened()
    assert await refused(world.polls.admit(CHAIR, "v", "muon")) == "participant_not_found"
    Party(world, "muon")
    await world.polls.admit(CHAIR, "v", "muon")
    await world.polls.cast(world.by("muon"), "v", (AGAINST,))
    Party(world, "muon-hon")
    assert await refused(world.polls.admit(CHAIR, "v", "muon-hon")) == "vote_begun"


async def test_a_guest_gets_no_ballot_before_the_chair_makes_a_delegate_of_the_guest() -> None:
    """Show that nobody is counted in the base of a vote who may cast no ballot."""
    world = Hall()
    await world.opened(expected=[Voter("an", "An"), Voter("khach", "Khách")])
    assert [one.identity for one in world.vote().entitled] == ["an"]
    assert await refused(world.polls.admit(CHAIR, "v", "khach")) == "vote_not_entitled"
    before = world.late()
    assert await refused(world.polls.cast(world.by("khach", Role.GUEST), "v", (FOR,))) == "not_allowed"
    await world.registry.get("c").chair.appoint(OPERATOR, "khach", Role.DELEGATE)
    assert world.late() - before == {"khach"}
    await world.polls.admit(CHAIR, "v", "khach")
    assert "khach" not in world.late()
    await world.polls.cast(world.by("khach"), "v", (FOR,))
    assert world.vote().cast == 1


# -- one person, several identities


@pytest.mark.parametrize("way", [Way.NAMED, Way.SECRET])
async def test_a_person_with_two_windows_has_one_ballot(way: Way) -> None:
    world = Hall()
    windows = [Party(world, f"{entry}.a1.{number}") for number, entry in enumerate(("browser", "phone_browser"))]
    Party(world, "browser.guest.1")
    Party(world, "browser.guest.2")
    await world.opened(replace(NAMED, way=way))
    entitled = [one.identity for one in world.vote().entitled]
    assert [one for one in entitled if "." in one or one == "a1"] == ["a1", "browser.guest.1", "browser.guest.2"]
    one, other = (one.participant.identity for one in windows)
    await world.polls.cast(world.by(one), "v", (FOR,))
    own = world.polls.own(other)
    assert own is not None
    assert own["voted"] is True
    again = world.polls.cast(world.by(other), "v", (AGAINST,))
    if way is Way.SECRET:
        assert await refused(again) == "vote_cast_already"
    else:
        await again
    assert world.vote().cast == 1
    await world.polls.cast(world.by("browser.guest.1"), "v", (FOR,))
    await world.polls.cast(world.by("browser.guest.2"), "v", (FOR,))
    assert world.vote().cast == 3


async def test_a_person_who_joins_again_is_entitled_and_admitted_once() -> None:
    world = Hall()
    first = Party(world, "browser.a1.x")
    await world.opened(HANDS, [Voter("browser.a1.x", "An", 3), Voter("personal_link.a1.z", "An"), Voter("xa", "Xã", 5)])
    first.conference.expel(first.participant, Reason.CLIENT_INITIATED)
    Party(world, "personal_link.a1.y")
    await world.polls.admit(CHAIR, "v", "personal_link.a1.y")
    await world.polls.count(world.by("personal_link.a1.y"), "v", "browser.a1.x", (2, 1, 0))
    await world.polls.count(CHAIR, "v", "a1", (1, 1, 1))
    assert world.vote().hands == {"a1": (1, 1, 1)}
    assert [(one.identity, one.delegates, one.present) for one in world.vote().entitled] == [("a1", 3, 3), ("xa", 5, 5)]
    assert await refused(world.polls.count(world.by("browser.a2.x"), "v", "a1", (1, 0, 0))) == "not_allowed"


@pytest.mark.parametrize("question", [NAMED, SECRET, HANDS], ids=["named", "secret", "hands"])
async def test_a_pc_in_hall_mode_is_a_site_in_every_vote(question: Question) -> None:
    """A PC is entitled and admitted, and has one ballot, as a called hall. It has hands for its delegates."""
    world = Hall()
    world.polls.delegates = {"hall_terminal.pc": 3}.get
    Party(world, "hall_terminal.pc", role="hall")
    await world.opened(question)
    voters = {one.identity: one.present for one in world.vote().entitled}
    assert voters == {
        **dict.fromkeys((*PEOPLE, "hoi-truong", "xa"), 1),
        "hall_terminal.pc": 3 if question is HANDS else 1,
    }
    await world.polls.close(CHAIR, "v")
    await world.polls.prepare(CHAIR, question, "w")
    await world.polls.open(CHAIR, "w", [Voter(one, one) for one in (*PEOPLE, "hall_terminal.pc", "vang")])
    assert {one.identity for one in world.vote("w").entitled} == {*PEOPLE, "vang", "hall_terminal.pc"}
    Party(world, "hall_terminal.late", role="hall")
    await world.polls.admit(CHAIR, "w", "hall_terminal.late")
    for one in ("hall_terminal.pc", "hall_terminal.late"):
        by = world.by(one)
        if question is HANDS:
            await world.polls.count(by, "w", one, (1, 0, 0))
            assert await refused(world.polls.count(by, "w", one, (2, 1, 1))) == "vote_hands_many"
        else:
            await world.polls.cast(by, "w", (FOR,))
    assert world.vote("w").cast == 2
    if question is SECRET:
        assert await refused(world.polls.cast(world.by("hall_terminal.pc"), "w", (FOR,))) == "vote_cast_already"


async def test_who_waits_outside_is_not_entitled_and_casts_no_ballot() -> None:
    world = Hall()
    await world.opened()
    await world.polls.close(CHAIR, "v")
    breaks = world.registry.get("c").course.breaks
    breaks.begin_closed(CHAIR, ("an", world.hall.hall.identity))
    await world.polls.prepare(CHAIR, NAMED, "w")
    await world.polls.open(CHAIR, "w", [Voter(one, one.title()) for one in ("an", "binh", world.hall.hall.identity)])
    present = {one.identity: one.present for one in world.vote("w").entitled}
    assert present == {"an": 0, "binh": 1, world.hall.hall.identity: 0}
    assert await refused(world.polls.cast(world.by("an"), "w", (FOR,))) == "vote_not_entitled"
    world.heard()
    world.polls.press(world.hall.hall, FOR)
    await until(lambda: not world.polls.pressed)
    assert world.vote("w").cast == 0
    await world.polls.close(CHAIR, "w")
    await world.polls.prepare(CHAIR, NAMED, "x")
    await world.polls.open(CHAIR, "x")
    entitled = {one.identity for one in world.vote("x").entitled}
    assert entitled.isdisjoint(("an", world.hall.hall.identity))
    assert "binh" in entitled
    assert world.hall.hall.identity in {one.identity for one in world.vote("v").entitled}


# -- rights


async def test_who_may_order_what() -> None:
    world = Hall()
    delegate, guest, hall = world.by("an"), world.by("khach", Role.GUEST), world.by("xa", Role.HALL)
    for order in (
        world.polls.prepare(delegate, NAMED, "v"),
        world.polls.reorder(delegate, ()),
        world.polls.open(delegate, "v"),
        world.polls.close(hall, "v"),
        world.polls.annul(delegate, "v", "Nhầm"),
        world.polls.cast(guest, "v", (FOR,)),
        world.polls.count(hall, "v", "hoi-truong", (1, 0, 0)),
        world.polls.count(delegate, "v", "xa", (1, 0, 0)),
    ):
        assert await refused(order) == "not_allowed"
    assert world.store.records == []


async def test_delegates_of_a_site_vote_by_phone() -> None:
    """The keypad has ballot 1 and the phones have the others, also after a restart. At the closing the code ends."""
    world = Hall()
    world.polls.delegates = {"hoi-truong": 3, "xa": 0, "an": 2}.get
    await world.opened(SECRET_BY_PHONE)
    row = world.row("host")["v"]
    assert (row["entitled"], row["cards"]["hoi-truong"]["all"], row["cards"]["an"]["all"]) == (5 + 2 + 2 + 1, 2, 1)
    assert "cards" not in world.row("member")["v"]
    code = row["cards"]["hoi-truong"]["code"]
    _, first = await world.polls.phones.claim(code, "one")
    _, second = await world.polls.phones.claim(code, "two")
    assert {first.name, second.name} == {"Hoi-Truong, phiếu 2", "Hoi-Truong, phiếu 3"}
    assert await refused(world.polls.phones.claim(code, "three")) == "vote_cards_used"
    assert await refused(world.polls.phones.claim("00000000", "one")) == "vote_code_wrong"
    assert (await world.polls.phones.cast(code, "one", "v", (FOR,))).code == "vote_recorded"
    assert await refused(world.polls.phones.cast(code, "one", "v", (AGAINST,))) == "vote_cast_already"
    assert await refused(world.polls.cast(world.by(second.identity, Role.HALL), "v", (FOR,))) == "vote_not_entitled"
    after = Hall(Store(world.store.forms), Shelf(world.shelf.keys))
    assert (await after.polls.phones.claim(code, "two"))[1] == second
    after.hall.press("*11")
    await until(lambda: not after.polls.pressed)
    await after.polls.phones.cast(code, "two", "v", (AGAINST,))
    for name in PEOPLE[1:]:
        await after.polls.cast(after.by(name), "v", (FOR,))
    result = await after.polls.close(CHAIR, "v")
    assert (result.cast, result.counts, result.entitled) == (7, (6, 1, 0), 10)
    assert await refused(after.polls.phones.claim(code, "two")) == "vote_code_wrong"
    assert [one.kind for one in after.store.records] == ["vote_closed"], "no record of a claim or a secret ballot"


async def test_the_picture_of_a_hall_shows_its_qr_code_while_the_vote_is_open() -> None:
    world = Hall(address="https://hop.vn")
    world.polls.delegates = {"hoi-truong": 3}.get
    await world.opened(SECRET_BY_PHONE)
    code = world.row("host")["v"]["cards"]["hoi-truong"]["code"]
    world.settle()
    shown = {one.code: one.text for one in world.scene().groups if one.text}
    assert shown.keys() == {"", f"https://hop.vn/phieu#{code}"}, "the other hall has no cards"
    assert (
        f"Mã {code[:4]}-{code[4:]}: đại biểu khác quét QR hoặc mở hop.vn/phieu" in shown[f"https://hop.vn/phieu#{code}"]
    )
    coded, sizes = world.codes(), {(one.width, one.height) for one in world.scene().groups}
    world.mixer.room = lambda groups: False
    world.mixer.events.refused(None, next(one.id for one in world.scene().groups if one.code), "capacity")
    world.settle()
    assert world.codes() == {""}, "a busy mixer leaves out the codes"
    assert {(one.width, one.height) for one in world.scene().groups} == sizes, "and makes no picture smaller"
    world.time.advance(limits.POWER_AGAIN_S)
    assert world.codes() == {""}, "the mixer has no room"
    world.mixer.room = lambda groups: True
    world.time.advance(limits.POWER_AGAIN_S)
    world.settle()
    assert world.codes() == coded
    await world.polls.annul(CHAIR, "v", "Nhầm")
    world.settle()
    assert world.codes() == {""}


async def test_a_claim_that_is_not_stored_gives_no_card() -> None:
    world = Hall()
    world.polls.delegates = {"hoi-truong": 2}.get
    await world.opened(BY_PHONE)
    code = world.row("host")["v"]["cards"]["hoi-truong"]["code"]
    world.store.away = True
    assert await refused(world.polls.phones.claim(code, "one")) == "not_stored"
    assert not world.polls.phones.holds(code, "one")
    world.store.away = False
    _, card = await world.polls.phones.claim(code, "one")
    await world.polls.phones.cast(code, "one", "v", (FOR,), "Lê Văn An")
    assert world.row("host")["v"]["rows"][card.identity] == {
        "name": "Hoi-Truong, phiếu 2 (Lê Văn An)",
        "choices": [FOR],
    }
    assert world.store.records[-1].on_name == "Hoi-Truong, phiếu 2"


async def test_phones_are_left_out_where_the_meeting_forbids_them_and_beyond_the_limit() -> None:
    world = Hall()
    world.polls.delegates = {"hoi-truong": 3, "xa": bounds.VOTERS}.get
    await world.polls.prepare(CHAIR, BY_PHONE, "v")
    assert await refused(world.polls.open(CHAIR, "v")) == "vote_cards_many"
    await world.polls.open(CHAIR, "v", phones=False)
    assert (len(world.vote().entitled), world.vote().codes) == (len(PEOPLE) + 2, {})


async def test_a_site_has_one_ballot_unless_the_question_asks_for_phones() -> None:
    world = Hall()
    world.polls.delegates = {"hoi-truong": 3}.get
    await world.opened(SECRET)
    assert (len(world.vote().entitled), world.vote().codes) == (len(PEOPLE) + 2, {})


async def test_hands_of_halls_by_the_roll_call() -> None:
    world = Hall()
    world.polls.delegates = {"hoi-truong": 20, "xa": 0}.get
    await world.opened(HANDS)
    await world.polls.count(CHAIR, "v", "hoi-truong", (15, 3, 2))
    assert await refused(world.polls.count(CHAIR, "v", "xa", (1, 0, 0))) == "vote_hands_many"
    hall = world.by("hoi-truong", Role.HALL)
    assert await refused(world.polls.count(hall, "v", "hoi-truong", (21, 0, 0))) == "vote_hands_many"
    await world.polls.count(hall, "v", "hoi-truong", (16, 2, 2))
    await world.polls.count(world.by("an"), "v", "an", (1, 0, 0))
    result = await world.polls.close(CHAIR, "v")
    assert (result.counts, result.entitled, result.present) == ((17, 2, 2), 5 + 20 + 1, 5 + 20)
    corrected = [one for one in world.store.records if one.kind == "hands_corrected"]
    assert [(one.by, one.on, one.detail["before"]) for one in corrected] == [("hoi-truong", "hoi-truong", [15, 3, 2])]


# -- storing


async def test_nothing_takes_effect_before_it_is_stored() -> None:
    world = Hall()
    await world.opened()
    before, rows = world.polls.votes, world.row("host")
    world.store.away = True
    for order in (
        world.polls.cast(world.by("an"), "v", (FOR,)),
        world.polls.close(CHAIR, "v"),
        world.polls.annul(CHAIR, "v", "Nhầm"),
        world.polls.prepare(CHAIR, NAMED),
    ):
        assert await refused(order) == "not_stored"
    assert world.polls.votes == before
    assert world.row("host") == rows
    world.store.away = False
    await world.polls.cast(world.by("an"), "v", (FOR,))
    assert world.vote().cast == 1


async def test_without_a_database_every_vote_is_refused() -> None:
    world = HallWorld()
    polls = world.registry.create("c").polls
    assert await refused(polls.prepare(CHAIR, NAMED)) == "not_stored"


async def test_ballots_at_the_same_time_are_all_counted() -> None:
    world = Hall()
    await world.opened()
    await asyncio.gather(*(world.polls.cast(world.by(name), "v", (FOR,)) for name in PEOPLE))
    assert world.vote().cast == 5


@pytest.mark.parametrize("question", [NAMED, SECRET, HANDS])
async def test_a_vote_goes_on_after_a_crash(question: Question) -> None:
    world = Hall()
    await world.opened(question)
    await world.polls.prepare(CHAIR, NAMED, "later")
    for name in PEOPLE[:3]:
        if question is HANDS:
            await world.polls.count(CHAIR, "v", name, (1, 0, 0))
        else:
            await world.polls.cast(world.by(name), "v", (FOR,))
    again = Hall(world.store, world.shelf)
    assert again.polls.votes == world.polls.votes
    assert again.row("host") == world.row("host")
    assert again.row("member") == world.row("member")
    for name in PEOPLE[3:]:
        if question is HANDS:
            await again.polls.count(CHAIR, "v", name, (0, 1, 0))
        else:
            await again.polls.cast(again.by(name), "v", (AGAINST,))
    result = await again.polls.close(CHAIR, "v")
    assert result.counts == (3, 2, 0)
    assert again.shelf.keys == ()


async def test_a_change_of_another_vote_keeps_the_key_of_the_box() -> None:
    world = Hall()
    await world.opened(SECRET)
    await world.polls.cast(world.by("an"), "v", (FOR,))
    await world.polls.prepare(CHAIR, NAMED, "next")
    await world.polls.annul(CHAIR, "next", "Hoãn")
    assert Hall(world.store, world.shelf).polls.votes == world.polls.votes


async def test_without_the_key_a_secret_vote_is_annulled_after_a_restart() -> None:
    world = Hall()
    await world.opened(SECRET)
    await world.polls.cast(world.by("an"), "v", (FOR,))
    again = Hall(world.store, Shelf())
    assert (again.vote().state, again.vote().reason) == (State.ANNULLED, stored.BOX_LOST)
    assert again.store.records[-1].kind == "vote_annulled"
    assert Hall(again.store, Shelf()).polls.votes == again.polls.votes
    assert again.row("member")["v"]["reason"] == stored.BOX_LOST


@pytest.mark.parametrize("reason", [Reason.CONFERENCE_DELETED, Reason.SERVER_SHUTDOWN])
async def test_the_end_of_the_meeting_ends_its_vote_and_a_stop_of_the_server_does_not(reason: Reason) -> None:
    world = Hall()
    await world.opened(SECRET)
    world.registry.get("c").close(reason)
    again = Hall(world.store, world.shelf)
    if reason is Reason.SERVER_SHUTDOWN:
        assert again.vote().state is State.OPEN
        assert again.shelf.keys
    else:
        assert (again.vote().state, again.vote().reason) == (State.ANNULLED, ENDED)
        assert again.shelf.keys == ()


# -- the keypad


async def test_a_hall_votes_by_name_and_hears_its_choice() -> None:
    world = Hall()
    world.heard()
    await world.opened()
    assert world.heard() == ["vote_keys"]
    world.hall.press("*12")
    await until(lambda: world.vote().has_voted("hoi-truong"))
    assert world.heard() == ["vote_against"]
    world.hall.press("*11")
    await until(lambda: world.vote().named["hoi-truong"] == 1 << FOR)
    assert world.heard() == ["vote_for"]


def screen(world: Hall) -> str:
    """Return the words in the picture of the halls."""
    world.settle()
    found = {group.text for group in world.scene().groups}
    assert len(found) == 1
    return found.pop()


async def test_halls_see_how_to_vote_and_then_the_result() -> None:
    world = Hall()
    await world.opened()
    question = "BIỂU QUYẾT: " + NAMED.title + "\nBấm *11 tán thành, *12 không tán thành, *13 không có ý kiến"
    assert screen(world) == question
    for name in PEOPLE[:4]:
        await world.polls.cast(world.by(name), "v", (FOR,))
    assert screen(world) == question, "a ballot changes no picture"
    await world.polls.close(CHAIR, "v")
    assert screen(world).startswith(f"KẾT QUẢ: {NAMED.title}\n")
    assert screen(world).endswith("4 tán thành, 0 không tán thành, 0 không có ý kiến")
    world.time.advance(limits.VOTE_RESULT_S + 1)
    assert screen(world) == ""
    await world.polls.annul(CHAIR, "v", "Nhầm")
    assert screen(world) == f"ĐÃ HỦY BIỂU QUYẾT: {NAMED.title}"


async def test_halls_see_no_vote_that_was_never_opened_and_keep_the_open_one() -> None:
    world = Hall()
    await world.polls.prepare(CHAIR, replace(NAMED, title="Kỷ luật"), "dropped")
    await world.polls.annul(CHAIR, "dropped", "Nhầm")
    assert screen(world) == ""
    await world.opened(replace(NAMED, title="Việc trước"))
    await world.polls.close(CHAIR, "v")
    for vote in ("next", "later"):
        await world.polls.prepare(CHAIR, replace(NAMED, title=vote), vote)
    await world.polls.open(CHAIR, "next")
    question = screen(world)
    assert question.startswith("BIỂU QUYẾT: next\n")
    await world.polls.annul(CHAIR, "later", "Hoãn")
    assert screen(world) == question
    await world.polls.annul(CHAIR, "v", "Nhầm")
    assert screen(world) == question, "the open vote is more important than an older one"
    world.time.advance(limits.VOTE_RESULT_S + 1)
    assert screen(world) == question
    await world.polls.annul(CHAIR, "next", "Nhầm")
    assert screen(world) == "ĐÃ HỦY BIỂU QUYẾT: next"


async def test_a_hall_hears_that_its_keys_do_not_vote() -> None:
    world = Hall()
    world.heard()
    await world.opened(replace(NAMED, kind=Kind.ELECTION, options=("An", "Bình")))
    assert world.heard() == ["vote_by_page"]
    assert screen(world).endswith("Bầu trên trang của cuộc họp")
    world.hall.press("*11")
    assert world.heard() == ["vote_by_page"]
    await world.polls.annul(CHAIR, "v", "Nhầm")
    world.hall.press("*11")
    assert world.heard() == ["vote_none"]


async def test_a_hall_votes_in_secret_and_hears_no_choice() -> None:
    world = Hall()
    await world.opened(SECRET)
    world.heard()
    world.hall.press("*12")
    await until(lambda: world.vote().cast == 1)
    await until(lambda: not world.polls.pressed)
    assert world.heard() == ["vote_recorded"]
    world.hall.press("*11")
    await until(lambda: not world.polls.pressed)
    assert world.heard() == ["vote_already"]
    assert world.vote().cast == 1


@pytest.mark.parametrize(
    ("question", "expected", "away", "said"),
    [
        (HANDS, (), False, "vote_hands"),
        (replace(NAMED, kind=Kind.ELECTION, options=("An",)), (), False, "vote_by_page"),
        (NAMED, (Voter("an", "An"),), False, "vote_not_yours"),
        (NAMED, (), True, "vote_failed"),
    ],
)
async def test_why_a_ballot_by_keypad_was_not_recorded(
    question: Question, expected: tuple[Voter, ...], away: bool, said: str
) -> None:
    world = Hall()
    await world.opened(question, expected)
    world.heard()
    world.store.away = away
    world.hall.press("*11")
    await until(lambda: not world.polls.pressed)
    assert world.heard() == [said]


async def test_no_vote_is_open() -> None:
    world = Hall()
    world.heard()
    world.hall.press("*13")
    assert world.heard() == ["vote_none"]


# -- secrecy of the whole meeting


async def watched(ballots: Mapping[str, int], caplog: pytest.LogCaptureFixture) -> list[Any]:
    """Return all that leaves a meeting with these secret ballots, apart from the sealed boxes."""
    caplog.clear()
    world = Hall()
    answers: list[Any] = []
    await world.opened(SECRET)
    for name, choice in ballots.items():
        if name == "hoi-truong":
            world.hall.press(f"*1{choice + 1}")
            await until(lambda: not world.polls.pressed)
        else:
            answers.append(await world.polls.cast(world.by(name), "v", (choice,)))
        answers.append([world.polls.own(one) for one in ballots])
        world.settle()
    await world.polls.close(CHAIR, "v")
    forms = [json.loads(text) for text in world.store.history]
    boxes = [form["vote"].pop("box") for form in forms if "vote" in form]
    world.settle()
    return [
        [repr(one) for one in answers],
        world.patches,
        [one.path for scene in world.mixer.scenes for one in scene.prompts],
        forms,
        [len(one or "") for one in boxes],
        world.store.records,
        [one.getMessage() for one in caplog.records],
        repr(world.polls.votes),
        views.whole(world.polls.votes, "host"),
    ]


async def test_exchanged_secret_ballots_change_nothing_that_leaves_the_meeting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    names = (*PEOPLE, "hoi-truong")
    choices = (FOR, AGAINST, AGAINST, FOR, FOR, AGAINST)
    first = await watched(dict(zip(names, choices, strict=True)), caplog)
    then = await watched(dict(zip(names, choices[::-1], strict=True)), caplog)
    for one, other in zip(first, then, strict=True):
        assert one == other
    assert any("votes" in patch for patch in first[1]["member"])
