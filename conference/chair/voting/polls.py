"""The votes of one live meeting: each order asks its right, is stored, and then takes effect and is announced.

Owns the state of the machine (`votes.py`), the section `votes` of the desk document, and the keys of the sealed box. A vote is
always stored before it is announced; without a store every order is refused with `not_stored`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from conference.chair.rights import LEADERS, TABLE, Act, By, Role, Way, ask
from conference.chair.voting import by_keypad, cards, screen, stored, views
from conference.chair.voting import limits as bounds
from conference.chair.voting.box import Randomness
from conference.chair.voting.keys import Escrow, Keys
from conference.chair.voting.question import Kind, Question
from conference.chair.voting.question import Way as Manner
from conference.chair.voting.refusals import refusal
from conference.chair.voting.views import JSON
from conference.chair.voting.vote import (
    Admit,
    Annul,
    Cast,
    Claim,
    Close,
    Effect,
    Event,
    Hands,
    Noted,
    Open,
    Order,
    Prepare,
    Result,
    State,
    Told,
    Vote,
    Voter,
    Votes,
    Withdraw,
)
from conference.chair.voting.votes import step
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.marks import WAITS
from conference.halls.hall import Hall
from conference.people.participant import Participant
from conference.picture.program import Program, show_vote
from conference.ports.proceedings import Proceedings, Record
from conference.ports.time import Clock
from rooms.policy.bearers import bearer

SERVER: Final = By("", "", Role.OPERATOR, way="api")
ENDED: Final = "Cuộc họp kết thúc khi đang biểu quyết."
"""The reason of a vote that was open at the end of the meeting. A person reads it."""


class Meeting(Protocol):
    """The conference as its votes see it."""

    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def participants(self) -> Mapping[str, Participant]: ...
    @property
    def program(self) -> Program | None: ...


class Announces(Protocol):
    """The desk document."""

    def put_row(self, section: str, key: str, row: Mapping[str, Any] | None, *, host_only: bool = False) -> None: ...
    def tell(self, identity: str, message: Mapping[str, Any]) -> None: ...


class Around(Protocol):
    """The environment of a conference as its votes use it."""

    @property
    def suffix(self) -> Callable[[], str]: ...
    @property
    def random_bytes(self) -> Randomness: ...
    @property
    def proceedings(self) -> Proceedings | None: ...
    @property
    def escrow(self) -> Escrow | None: ...
    @property
    def address(self) -> str:
        """Return the address of this server for people. Empty: unknown."""


class Polls:
    """The votes of one conference. A voter is known by the bearer of the identity, because a person who joins again, or with
    a second window, has one ballot. `actor` returns a participant as the table of rights knows it: identity, name and way in."""

    def __init__(
        self,
        meeting: Meeting,
        document: Announces,
        actor: Callable[[str, str, Way], By],
        around: Around,
    ) -> None:
        self.votes = Votes()
        self.delegates: Callable[[str], int | None] = lambda identity: None
        """Returns the present delegates of a hall by the roll call. None: the roll was not called there. The conference sets the
        function.
        """
        self.standing: Callable[[], Callable[[str], str]] = lambda: lambda identity: identity
        """Returns the function that names who stands for the site of an identity (`Places.stands`), because a site has one
        ballot. The conference sets the function.
        """
        self._meeting, self._document, self._actor, self._address = meeting, document, actor, around.address
        self._suffix, self._randomness, self._proceedings = around.suffix, around.random_bytes, around.proceedings
        self.phones = Phones(lambda: self.votes, self._do, lambda site: bool(self._here().get(site)))
        self.late = Late(document, lambda: _late(self.votes.open, self._here, self.standing, self._by))
        self._keys = Keys(around.escrow or Nowhere(), meeting.name, around.random_bytes)
        self._turn = asyncio.Lock()
        self._failures = 0
        """Orders that the store refused. Each refuses the orders that waited behind it: nobody waits for each of them in turn."""
        self.pressed: dict[str, asyncio.Task[None]] = {}
        """The ballots from keypads that are being stored, by hall."""
        self._pressed_next: dict[str, int] = {}
        """The last choice of a hall that pressed again before the answer."""
        self._restore()

    # -- orders of leaders

    async def prepare(self, by: By, question: Question, vote: str = "") -> str:
        """Prepare a vote, or replace the question of a prepared vote. Return its id."""
        vote = vote or self._suffix()
        await self._do(by, Act.VOTE_PREPARE, Prepare(vote, question))
        return vote

    async def reorder(self, by: By, votes: Collection[str]) -> None:
        """Set the order of the prepared votes."""
        await self._do(by, Act.VOTE_PREPARE, Order(tuple(votes)))

    async def open(self, by: By, vote: str, expected: Iterable[Voter] = (), *, phones: bool = True) -> None:
        """Open a vote. `expected`: the entitled, who may be absent. Empty: all who are present and may vote. Guests are left out
        of votes by name and secret votes, because they may cast no ballot. `phones`: the class of the meeting allows votes by
        phone, so a site has a card for each further delegate if the question says so.
        """
        found = self.votes.get(vote)
        manner = found.question.way if found is not None else Manner.NAMED
        entitled = list(self._entitled(manner, tuple(expected)))
        by_phone = phones and found is not None and found.question.phones
        more = [card for one in entitled for card in self._more(manner, one)] if by_phone else []
        if len(entitled) <= bounds.VOTERS < len(entitled) + len(more):
            raise refusal("vote_cards_many")
        await self._do(by, Act.VOTE_OPEN, Open(vote, (*entitled, *more)))
        self._call_halls()

    async def admit(self, by: By, vote: str, identity: str, *, phones: bool = True) -> None:
        """Entitle a participant who came late, until the first ballot. Raise Refusal `vote_not_entitled` for a guest, except in
        a show of hands. The chair first makes the guest a delegate. Who stands for a site now gets the ballot from who stood
        for the site before. Raise Refusal `vote_site_other` for a participant while another one stands for the site.
        """
        one = self._meeting.participants.get(identity)
        if one is None or one.grants.hidden or self._waits(identity):
            raise Refusal("participant_not_found")
        stands, here = self.standing(), self._here()
        site = stands(identity)
        if bearer(site) != bearer(identity) and bearer(site) in here:
            raise refusal("vote_site_other")
        found = self.votes.get(vote)
        same = [voter for voter in found.entitled if bearer(site) == bearer(stands(voter.identity))] if found else []
        voter = replace(same[0], identity=identity) if same else Voter(identity, one.grants.name)
        manner = found.question.way if found is not None else Manner.NAMED
        if found is not None and not _can_vote(manner, (one,), self._by):
            raise refusal("vote_not_entitled")
        counted = self._counted(manner, voter, here)
        more = self._more(manner, counted) if phones and found is not None and found.question.phones else ()
        instead = tuple(voter.identity for voter in same if voter.identity != counted.identity)
        await self._do(by, Act.VOTE_OPEN, Admit(vote, counted, more, instead))
        for one in (one for who in (counted.identity, *instead) for one in here.get(who, ())):
            self._document.tell(one.identity, {"ballot": vote})

    async def close(self, by: By, vote: str) -> Result:
        """Close and count the vote."""
        await self._do(by, Act.VOTE_CLOSE, Close(vote))
        closed = self.votes.get(vote)
        assert closed is not None
        assert closed.result is not None
        return closed.result

    async def annul(self, by: By, vote: str, reason: str) -> None:
        await self._do(by, Act.VOTE_ANNUL, Annul(vote, reason))

    async def count(self, by: By, vote: str, hall: str, counts: tuple[int, ...]) -> None:
        """Enter the raised hands of a hall or a person. Others than leaders enter only their own."""
        own = bearer(hall) == bearer(by.identity)
        if by.role not in LEADERS and not own:
            raise Refusal("not_allowed")
        act = Act.BALLOT if own and by.role not in LEADERS else Act.VOTE_COUNT
        await self._do(by, act, Hands(vote, bearer(hall), counts))
        for one in self._here().get(bearer(hall), ()):
            self._document.tell(one.identity, {"ballot": vote})

    # -- ballots

    async def cast(self, by: By, vote: str, choices: tuple[int, ...]) -> Told:
        """Cast the ballot of the person who orders it. Return what the person may read."""
        if self._waits(by.identity) or cards.is_card(by.identity):
            raise refusal("vote_not_entitled")
        effects = await self._do(by, Act.BALLOT, Cast(vote, bearer(by.identity), choices))
        return next(one for one in effects if isinstance(one, Told))

    def own(self, identity: str) -> JSON | None:
        return views.own(self.votes, bearer(identity))

    def press(self, hall: Hall, choice: int) -> None:
        """Take a ballot from the keypad of a hall, and announce the answer there (`Hall.ballot`)."""
        if hall.identity in self.pressed:
            self._pressed_next[hall.identity] = choice
            return
        found = by_keypad.ballot(self.votes, hall.identity, choice)
        if isinstance(found, str):
            hall.say(found)
            return
        task = asyncio.get_running_loop().create_task(self._press(hall, found))
        self.pressed[hall.identity] = task
        task.add_done_callback(lambda _done: self._answered(hall))

    def _answered(self, hall: Hall) -> None:
        del self.pressed[hall.identity]
        choice = self._pressed_next.pop(hall.identity, None)
        if choice is not None and not hall.left:
            self.press(hall, choice)

    async def _press(self, hall: Hall, found: Cast) -> None:
        try:
            told = await self.cast(self._by(hall, "keypad"), found.vote, found.choices)
        except Refusal as refused:
            said = by_keypad.SPOKEN.get(refused.code, "vote_failed" if refused.code == "not_stored" else "vote_none")
        else:
            said = told.code
        if not hall.left:
            hall.say(said)

    def _by(self, one: Participant, way: Way) -> By:
        return self._actor(one.identity, one.grants.name, way)

    # -- the end

    def finish(self) -> None:
        """Annul an open vote, because the meeting ends. A server that stops does not call this: the vote goes on after it."""
        vote = self.votes.open
        if vote is not None:
            self._at_once(Annul(vote.id, ENDED))

    # -- the entitled

    def _entitled(self, manner: Manner, expected: tuple[Voter, ...]) -> Iterable[Voter]:
        """Return the voters. A site has one, also if two of its participants are named or here."""
        here, stands = self._here(), self.standing()
        if expected:
            sites = [replace(one, identity=stands(one.identity)) for one in reversed(expected)]
            named = {bearer(one.identity): one for one in sites}
            named = {who: one for who, one in named.items() if _can_vote(manner, here.get(who, ()), self._by)}
            return [self._counted(manner, one, here) for one in named.values()]
        made: dict[str, Voter] = {}
        for one in (one for found in here.values() for one in found):
            site = bearer(stands(one.identity))
            if site in here and site != bearer(one.identity):
                continue
            if self._by(one, "page").role in TABLE[Act.BALLOT]:
                made.setdefault(bearer(one.identity), Voter(one.identity, one.grants.name))
        return [self._counted(manner, one, here) for one in made.values()]

    def _waits(self, identity: str) -> bool:
        """Report whether this participant waits outside."""
        one = self._meeting.participants.get(identity)
        return one is not None and WAITS in one.grants.attributes

    def _here(self) -> dict[str, list[Participant]]:
        """Return the visible participants by their bearer, without those who wait outside."""
        here: dict[str, list[Participant]] = {}
        for one in self._meeting.participants.values():
            if not one.grants.hidden and WAITS not in one.grants.attributes:
                here.setdefault(bearer(one.identity), []).append(one)
        return here

    def _more(self, manner: Manner, voter: Voter) -> tuple[Voter, ...]:
        """Return the cards for phones of a site that is present. A show of hands has none."""
        known = (voter.identity, *(one.identity for one in self._here().get(voter.identity, ())))
        by_card = manner is not Manner.HANDS and voter.present
        return cards.cards(voter, max(self.delegates(one) or 1 for one in known)) if by_card else ()

    def _counted(self, manner: Manner, voter: Voter, here: Mapping[str, Collection[Participant]]) -> Voter:
        """Return the voter by bearer, with the present delegates of the roll call. In other ways than hands each voter is one
        person.
        """
        who = bearer(voter.identity)
        found = here.get(who, ())
        if manner is not Manner.HANDS:
            return Voter(who, voter.name, 1, int(bool(found)))
        known = dict.fromkeys((voter.identity, *(one.identity for one in found)))
        marks = [mark for mark in map(self.delegates, known) if mark is not None]
        present = max(marks) if marks else (voter.delegates if found else 0)
        return Voter(who, voter.name, max(voter.delegates, present, 1), present)

    def came(self, one: Participant) -> None:
        """Show the open vote in a program that has just begun."""
        vote, program = self.votes.open, self._meeting.program
        if isinstance(one, Hall) and vote is not None and program is not None:
            one.card = screen.card(vote, bearer(one.identity), self._address, one.language)
            if not program.vote:
                show_vote(program, screen.words(vote))

    def _call_halls(self) -> None:
        """Say to the entitled halls how they vote: by which keys, or that keys do not vote."""
        vote = self.votes.open
        if vote is None:
            return
        motion = "vote_hands" if vote.question.way is Manner.HANDS else "vote_keys"
        said = motion if vote.question.kind is Kind.MOTION else "vote_by_page"
        for one in vote.entitled:
            hall = self._meeting.participants.get(one.identity)
            if isinstance(hall, Hall):
                hall.say(said)

    # -- storing

    async def _do(self, by: By, act: Act, event: Event) -> tuple[Effect, ...]:
        """Step the machine, store the new form, and let it take effect. Raise Refusal; then nothing has changed."""
        ask(by, act)
        if self._proceedings is None:
            raise Refusal("not_stored")
        failures = self._failures
        async with self._turn:
            if failures != self._failures:
                raise Refusal("not_stored")
            moved, effects = step(self.votes, event, self._meeting.clock.time(), self._randomness)
            if moved == self.votes:
                return effects
            vote = stored.changed(self.votes, moved)
            key = self._keys.fresh() if stored.sealed(vote) else b""
            name, form = stored.form_of(moved, vote, key)
            try:
                await self._proceedings.keep(self._meeting.name, name, form, self._records(by, moved, effects))
            except Refusal:
                self._failures += 1
                raise
            self._settle(moved, vote, key)
            self._announce(moved, vote)
        return effects

    def _at_once(self, event: Event) -> None:
        """Step the machine for the server itself. The store gets the form when the database answers."""
        moved, effects = step(self.votes, event, self._meeting.clock.time(), self._randomness)
        vote = stored.changed(self.votes, moved)
        if self._proceedings is not None:
            name, form = stored.form_of(moved, vote)
            self._proceedings.note(self._meeting.name, name, form, self._records(SERVER, moved, effects))
        self._settle(moved, vote, b"")
        self._announce(moved, vote)

    def _settle(self, moved: Votes, vote: Vote | None, key: bytes) -> None:
        """Destroy the old keys. While a secret vote is open, a change of another vote does not touch the key of its box."""
        if stored.sealed(vote) or not stored.sealed(moved.open):
            self._keys.settle(key)

    def _records(self, by: By, votes: Votes, effects: tuple[Effect, ...]) -> tuple[Record, ...]:
        """Return the records of the noted effects. A secret ballot has none."""
        at, made = self._meeting.clock.time(), []
        for effect in effects:
            if isinstance(effect, Noted):
                facts = dict(effect.facts)
                on = facts.get("voter") or facts.get("hall") or ""
                vote = votes.get(facts["vote"])
                voter = vote.voter(on) if vote is not None and on else None
                name = voter.name if voter is not None else ""
                made.append(Record(effect.what, at, by.identity, by.name, by.for_chair, by.way, on, name, facts))
        return tuple(made)

    def _restore(self) -> None:
        """Go on where a crash left the votes. A secret vote whose box cannot be opened is annulled."""
        if self._proceedings is None:
            return
        forms = self._proceedings.restored(self._meeting.name)
        self.votes, lost = stored.of_json(forms, self._keys.held)
        for vote in self.votes.all:
            if vote.id in lost:
                name, form = stored.form_of(self.votes, vote)
                facts = {"vote": vote.id, "reason": vote.reason}
                record = Record("vote_annulled", self._meeting.clock.time(), detail=facts)
                self._proceedings.note(self._meeting.name, name, form, (record,))
        if lost:
            self._keys.settle()
        for vote in self.votes.all:
            self._put(vote)

    # -- announcing

    def _announce(self, moved: Votes, vote: Vote | None) -> None:
        """Let the new votes take effect. Only the rows that changed are put: of one vote, or of the list."""
        before, self.votes = self.votes, moved
        if vote is None:
            for one in moved.all:
                self._put(one)
            return
        self._put(vote)
        self.late.tick()
        _show_cards(self._meeting, self._address, before.open, moved.open)
        _tell_sites(self._here(), self._document, before.open, moved.open)
        self._show(before.get(vote.id), vote)
        previous = views.newest(before)
        if previous is not None and previous.id != vote.id:
            now = moved.get(previous.id)
            if now is not None:
                self._put(now)

    def _show(self, before: Vote | None, vote: Vote) -> None:
        """Show a vote in the picture of the halls after it was opened, closed or annulled. A vote that was never opened is not
        shown, and no other vote replaces the open one.
        """
        program, opened = self._meeting.program, self.votes.open
        if opened is not None and opened.id != vote.id:
            return
        if program is not None and before is not None and before.state is not vote.state and vote.opened_at is not None:
            show_vote(program, screen.words(vote), None if vote.state is State.OPEN else limits.VOTE_RESULT_S)

    def _put(self, vote: Vote) -> None:
        """Put the rows of both audiences. The row of the hosts is put last, because a row for all replaces it."""
        self._document.put_row("votes", vote.id, views.row(self.votes, vote, "member"))
        self._document.put_row("votes", vote.id, views.row(self.votes, vote, "host"), host_only=True)


class Late:
    """The section `vote_late` of the desk document. `find` returns its rows."""

    def __init__(self, document: Announces, find: Callable[[], dict[str, JSON]]) -> None:
        self._document, self._find = document, find
        self._shown: dict[str, JSON] = {}

    def tick(self) -> None:
        """Put the rows that changed. It runs about once a second too, because people, sites and roles change."""
        late = self._find()
        for identity in late.keys() | self._shown.keys():
            self._document.put_row("vote_late", identity, late.get(identity), host_only=True)
        self._shown = late


class Phones:
    """The ballots of delegates who vote by phone, each on a card of their site (`cards.py`). The code of a site gives the right.

    `do` performs an event of the votes of a meeting; `votes` returns them. `here` reports whether a site takes part: phones of a
    site that was removed, or that waits outside, neither read nor vote.
    """

    def __init__(
        self,
        votes: Callable[[], Votes],
        do: Callable[[By, Act, Event], Awaitable[tuple[Effect, ...]]],
        here: Callable[[str], bool],
    ) -> None:
        self._votes, self._do, self._here = votes, do, here

    async def claim(self, code: str, phone: str) -> tuple[Vote, Voter]:
        """Return the open vote and the card that a phone holds. A phone without a card takes the next free one of the site.
        `phone`: the secret of the phone. Raise Refusal `vote_code_wrong`, `vote_site_away`, `vote_cards_used`,
        `vote_cards_withdrawn`, `not_stored`.
        """
        vote, site, card = self._found(code, phone)
        if card is None:
            claim = Claim(vote.id, site, cards.hashed(phone), code)
            await self._do(By(site, site, Role.HALL, way="link"), Act.BALLOT, claim)
            vote, site, card = self._found(code, phone)
        if card is None:
            raise refusal("vote_code_wrong")
        return vote, card

    async def cast(self, code: str, phone: str, vote: str, choices: tuple[int, ...], name: str = "") -> Told:
        """Cast the ballot of the card that a phone holds. `name`: what the person wrote on the card. Raise the refusals of a
        ballot, `vote_code_wrong`, `vote_cards_withdrawn` and `vote_site_away`.
        """
        found, _site, card = self._found(code, phone)
        if card is None or found.id != vote:
            raise refusal("vote_code_wrong")
        ballot = Cast(vote, card.identity, choices, name, cards.hashed(phone))
        effects = await self._do(By(card.identity, card.name, Role.HALL, way="link"), Act.BALLOT, ballot)
        return next(one for one in effects if isinstance(one, Told))

    async def withdraw(self, by: By, vote: str, site: str) -> None:
        """Take back the cards of a site that have no ballot, and give the site a new code. Others than leaders do so only at
        their own site.
        """
        if by.role not in LEADERS and bearer(site) != bearer(by.identity):
            raise Refusal("not_allowed")
        await self._do(by, Act.VOTE_CARDS, Withdraw(vote, bearer(site)))

    def holds(self, code: str, phone: str) -> bool:
        """Report whether this phone has a card of the site with this code."""
        vote = self._votes().open
        site = cards.site_with(vote, code) if vote is not None else None
        return vote is not None and site is not None and cards.held(vote, site, cards.hashed(phone)) is not None

    @property
    def secret(self) -> bool:
        """Report whether the open vote is secret."""
        vote = self._votes().open
        return vote is not None and vote.secret

    def knows(self, code: str) -> bool:
        """Report whether this code belongs or belonged to a site of the open vote."""
        vote = self._votes().open
        return vote is not None and cards.site_with(vote, code) is not None

    def is_old(self, code: str) -> bool:
        """Report whether a withdrawal of cards has replaced this code."""
        vote = self._votes().open
        return vote is not None and cards.is_old(vote, code)

    def _found(self, code: str, phone: str) -> tuple[Vote, str, Voter | None]:
        """Return the open vote, the site with this code, and the card of the phone. None: the phone has no card."""
        vote = self._votes().open
        site = cards.site_with(vote, code) if vote is not None else None
        if vote is None or site is None:
            raise refusal("vote_code_wrong")
        if not self._here(site):
            raise refusal("vote_site_away")
        card = cards.held(vote, site, cards.hashed(phone))
        if card is None and cards.is_old(vote, code):
            raise refusal("vote_cards_withdrawn")
        return vote, site, card


class Nowhere:
    """An escrow that keeps nothing. After a restart the open secret vote is annulled."""

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        assert len(keys) <= bounds.KEYS_HELD

    def held(self, conference: str) -> tuple[bytes, ...]:
        return ()


def _can_vote(manner: Manner, found: Collection[Participant], by: Callable[[Participant, Way], By]) -> bool:
    """Report whether a bearer can vote in this way. `found`: its participants; none: it is absent. Guests and observers may cast
    no ballot. Leaders enter their raised hands.
    """
    roles = (by(one, "page").role for one in found)
    return manner is Manner.HANDS or not found or any(role in TABLE[Act.BALLOT] for role in roles)


def _late(
    vote: Vote | None,
    present: Callable[[], Mapping[str, list[Participant]]],
    standing: Callable[[], Callable[[str], str]],
    by: Callable[[Participant, Way], By],
) -> dict[str, JSON]:
    """Return the rows of those whom `admit` accepts now. A secret vote shows to nobody who is entitled."""
    if vote is None or vote.cast > 0:
        return {}
    manner, here, stands = vote.question.way, present(), standing()
    known = set() if manner is Manner.SECRET else {one.identity for one in vote.entitled}
    rows: dict[str, JSON] = {}
    for who, found in here.items():
        site = bearer(stands(found[0].identity))
        if who not in known and (site == who or site not in here) and _can_vote(manner, found[:1], by):
            rows[found[0].identity] = {"n": found[0].grants.name}
    return rows


def _tell_sites(
    here: Mapping[str, Collection[Participant]], document: Announces, before: Vote | None, vote: Vote | None
) -> None:
    """Tell each site whose cards have changed. Its page then reads its own part again."""
    if before is None or vote is None or (before.codes == vote.codes and before.claims == vote.claims):
        return
    old, new = cards.taken(before), cards.taken(vote)
    for site in vote.codes:
        if before.codes.get(site) != vote.codes[site] or old[site] != new[site]:
            for one in here.get(site, ()):
                document.tell(one.identity, {"ballot": vote.id})


def _show_cards(meeting: Meeting, address: str, before: Vote | None, vote: Vote | None) -> None:
    """Show each hall its own QR code while a vote is open."""
    program = meeting.program
    if program is None or (before.codes if before is not None else {}) == (vote.codes if vote is not None else {}):
        return
    for one in meeting.participants.values():
        if isinstance(one, Hall):
            site = bearer(one.identity)
            one.card = screen.card(vote, site, address, one.language) if vote is not None else ("", "")
    program.changed()
