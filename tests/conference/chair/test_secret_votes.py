"""A secret vote joins no ballot to a name: not in its states, stored forms, views, effects, events or texts for logs.

The main test compares two meetings that differ only in who gave which ballot. All that leaves the machine must be equal.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair.voting import box as boxes
from conference.chair.voting import cards, limits, results, stored, views
from conference.chair.voting import votes as machine
from conference.chair.voting.keys import Keys
from conference.chair.voting.question import ABSTAIN, AGAINST, FOR, Kind, Question, Share, Way
from conference.chair.voting.vote import (
    Annul,
    Cast,
    Claim,
    Close,
    Effect,
    Event,
    Noted,
    Open,
    Prepare,
    State,
    Told,
    Vote,
    Voter,
    Votes,
)
from conference.ground.errors import Refusal

NOW = 1_790_000_000.0
SECRET = Question("Bỏ phiếu tín nhiệm", way=Way.SECRET)
ELECTION = Question("Bầu", kind=Kind.ELECTION, way=Way.SECRET, options=("An", "Bình", "Chi", "Dung"), seats=3)
RECEIPTS = replace(SECRET, receipts=True)
NAMES = [f"dai-bieu-{at:02}" for at in range(12)]
CARDS = [one.identity for one in cards.cards(Voter("hoi-truong", "HOI-TRUONG"), 4)]
PHONES = [cards.hashed(f"phone-{at}") for at in range(3)]
MIXED = ["hoi-truong", *CARDS, *NAMES[:2]]
"""A site with three cards for phones, and two people."""


def chance(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


@dataclass
class Memory:
    """An escrow in memory that counts how many keys it held at most."""

    kept: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    most: int = 0

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        self.kept[conference] = keys
        self.most = max(self.most, len(keys))

    def held(self, conference: str) -> tuple[bytes, ...]:
        return self.kept.get(conference, ())


@dataclass
class Meeting:
    """A meeting with a database that remembers each form that it ever stored, as a write-ahead log does."""

    question: Question = SECRET
    names: list[str] = field(default_factory=lambda: NAMES[:6])
    seed: int = 1
    votes: Votes = field(default_factory=Votes)
    effects: list[Effect] = field(default_factory=list)
    database: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    escrow: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.chance = chance(self.seed)
        self.keys = Keys(self.escrow, "hop", self.chance)
        self.do(Prepare("v", self.question))
        self.do(Open("v", tuple(Voter(one, one.upper()) for one in self.names)))

    def do(self, event: Event) -> tuple[Effect, ...]:
        moved, effects = machine.step(self.votes, event, NOW, self.chance)
        vote = stored.changed(self.votes, moved)
        key = self.keys.fresh() if stored.sealed(vote) else b""
        self.keep(*stored.form_of(moved, vote, key))
        self.keys.settle(key)
        self.votes = moved
        self.effects += effects
        return effects

    def cast(self, voter: str, *choices: int) -> tuple[Effect, ...]:
        return self.do(Cast("v", voter, choices))

    def keep(self, name: str, form: dict[str, Any]) -> None:
        self.database[name] = form
        self.history.append(json.dumps(self.database, sort_keys=True))

    def restart(self) -> stored.Restored:
        keys = Keys(self.escrow, "hop", self.chance)
        return stored.of_json(json.loads(self.history[-1]), keys.held)

    @property
    def vote(self) -> Vote:
        return self.votes.all[0]


# -- who may hold a secret vote


def test_fewer_than_five_entitled_cannot_vote_in_secret() -> None:
    with pytest.raises(Refusal) as caught:
        Meeting(names=NAMES[: limits.SECRET_LEAST - 1])
    assert caught.value.code == "vote_secret_few"
    assert Meeting(names=NAMES[: limits.SECRET_LEAST]).votes.open is not None


def test_a_secret_ballot_is_final() -> None:
    meeting = Meeting()
    meeting.cast(NAMES[0], FOR)
    with pytest.raises(Refusal) as caught:
        meeting.cast(NAMES[0], FOR)
    assert caught.value.code == "vote_cast_already"
    assert meeting.vote.cast == 1


def test_fewer_than_five_ballots_have_no_counts() -> None:
    meeting = Meeting(RECEIPTS)
    for voter in NAMES[:4]:
        meeting.cast(voter, FOR)
    meeting.do(Close("v"))
    result = meeting.vote.result
    assert result is not None
    assert (result.cast, result.counts, result.valid, result.base) == (4, (), 0, 0)
    assert (result.adopted, result.receipts) == (False, ())


def test_five_ballots_are_counted() -> None:
    meeting = Meeting()
    for voter, choice in zip(NAMES, (FOR, FOR, FOR, FOR, AGAINST), strict=False):
        meeting.cast(voter, choice)
    meeting.do(Close("v"))
    result = meeting.vote.result
    assert result is not None
    assert (result.cast, result.counts, result.adopted) == (5, (4, 1, 0), True)
    assert result.voters == tuple(NAMES[:5])


# -- what can be seen


def seen(meeting: Meeting) -> Iterator[tuple[str, Any]]:
    """Yield all that leaves the machine, and what a log would write."""
    yield "host", views.whole(meeting.votes, "host")
    yield "member", views.whole(meeting.votes, "member")
    for name in meeting.names:
        yield f"own of {name}", views.own(meeting.votes, name)
    yield "effects", meeting.effects
    yield "texts of effects", repr(meeting.effects)
    yield "text of the state", repr(meeting.votes)
    yield "text of the box", repr((meeting.vote.box, meeting.vote.box.ballots))
    form = json.loads(meeting.history[-1])
    sealed = form["vote v"]["vote"].pop("box")
    yield "stored, without the box", form
    yield "length of the box", len(sealed or "")


def watched(
    question: Question, ballots: list[tuple[str, tuple[int, ...]]], names: list[str] = NAMES[:6]
) -> tuple[list[tuple[str, Any]], str]:
    """Return all that can be seen at each step of a meeting, and the last stored form."""
    meeting = Meeting(question, names)
    for phone in PHONES if names is MIXED else ():
        meeting.do(Claim("v", "hoi-truong", phone))
    found = []
    for voter, choices in ballots:
        meeting.cast(voter, *choices)
        found += [*seen(meeting)]
    before = meeting.history[-1]
    meeting.do(Close("v"))
    return [*found, *seen(meeting)], before


MARKS: dict[str, list[tuple[int, ...]]] = {
    "motion": [(FOR,), (AGAINST,), (AGAINST,), (ABSTAIN,), (FOR,), (FOR,)],
    "election": [(0,), (1, 2), (), (0, 3), (2,), (0, 1, 3)],
}


@pytest.mark.parametrize(("question", "marks"), [(SECRET, MARKS["motion"]), (ELECTION, MARKS["election"])])
def test_who_gave_which_ballot_changes_nothing_that_can_be_seen(
    question: Question, marks: list[tuple[int, ...]]
) -> None:
    """The same people vote in the same order, but their ballots are exchanged in each possible way."""
    seen_first, box_first = watched(question, list(zip(NAMES[:6], marks, strict=True)))
    for other in list(itertools.permutations(marks))[1::17]:
        seen_then, box_then = watched(question, list(zip(NAMES[:6], other, strict=True)))
        for (what, first), (_, then) in zip(seen_first, seen_then, strict=True):
            assert first == then, what
        assert box_first == box_then, "even who has the key sees no difference"


@pytest.mark.parametrize(("question", "marks"), [(SECRET, MARKS["motion"]), (ELECTION, MARKS["election"])])
def test_which_phone_gave_which_ballot_changes_nothing_that_can_be_seen(
    question: Question, marks: list[tuple[int, ...]]
) -> None:
    """The same keypad, phones and people vote in the same order, but their ballots are exchanged in each possible way."""
    seen_first, box_first = watched(question, list(zip(MIXED, marks, strict=True)), MIXED)
    for other in list(itertools.permutations(marks))[1::17]:
        seen_then, box_then = watched(question, list(zip(MIXED, other, strict=True)), MIXED)
        for (what, first), (_, then) in zip(seen_first, seen_then, strict=True):
            assert first == then, what
        assert box_first == box_then, "even who has the key sees no difference"


def test_a_claim_of_a_phone_tells_nothing_after_the_end() -> None:
    """While the vote is open, the sealed block has the hash of a phone beside its card. No stored form shows it in clear."""
    meeting = Meeting(names=MIXED)
    for phone in PHONES:
        meeting.do(Claim("v", "hoi-truong", phone))
    assert meeting.restart() == (meeting.votes, ())
    for voter in MIXED:
        meeting.cast(voter, FOR)
    meeting.do(Close("v"))
    assert not any(f"phone-{at}" in text for at in range(3) for text in meeting.history)
    assert not any(phone in text for phone in PHONES for text in meeting.history)
    assert not any(phone in repr((meeting.votes, meeting.effects)) for phone in PHONES)


def test_no_stored_form_tells_a_claim_from_a_ballot() -> None:
    """Somebody has each form that the database ever stored, and the last key. The forms differ only in what is sealed. The last
    key opens one form, which has the phones and the voters without an order.
    """
    meeting, opened = Meeting(names=MIXED), []
    for phone, voter in itertools.zip_longest(PHONES, reversed(MIXED)):
        if phone is not None:
            meeting.do(Claim("v", "hoi-truong", phone))
        meeting.cast(voter, FOR)
    for text in meeting.history[1:]:
        form = json.loads(text)["vote v"]["vote"]
        names = [one[0] for one in form["entitled"]]
        opened.append(boxes.unseal(form.pop("box"), "v", names, receipts=False, keys=meeting.escrow.held("hop")))
        assert form.items() <= json.loads(meeting.history[1])["vote v"]["vote"].items()
    assert [one is not None for one in opened] == [False] * (len(opened) - 1) + [True]
    assert len({len(text) for text in meeting.history[1:]}) == 1


def test_the_claims_of_an_older_form_are_read() -> None:
    """The server before wrote the claims of an open secret vote in clear."""
    meeting = Meeting(names=MIXED)
    (name, form), key = stored.form_of(meeting.votes, meeting.vote, bytes(32)), bytes(32)
    names = [one.identity for one in meeting.vote.entitled]
    form["vote"]["claims"] = {PHONES[0]: MIXED[1]}
    form["vote"]["box"] = boxes.seal(boxes.Box(), "v", names, receipts=False, key=key)
    restored = stored.of_json(meeting.database | {name: form}, (key,))
    assert restored.votes.all[0].claims == {PHONES[0]: MIXED[1]}


def test_the_order_of_arrival_changes_nothing_that_is_stored() -> None:
    """The same ballots of the same people, in another order: the last stored form before the closing is equal."""
    ballots = list(zip(NAMES[:6], MARKS["election"], strict=True))
    first = watched(ELECTION, ballots)[1]
    for order in list(itertools.permutations(ballots))[::37]:
        assert watched(ELECTION, list(order))[1] == first


@given(st.integers(limits.SECRET_LEAST, 12), st.lists(st.sets(st.integers(0, 3), max_size=3), max_size=5))
def test_the_length_of_the_sealed_box_tells_only_the_number_of_the_entitled(
    entitled: int, marks: list[set[int]]
) -> None:
    empty, used = Meeting(ELECTION, NAMES[:entitled]), Meeting(ELECTION, NAMES[:entitled])
    for voter, choices in zip(NAMES, marks, strict=False):
        used.cast(voter, *choices)
    assert len(used.history[-1]) == len(empty.history[-1])


def test_a_secret_ballot_makes_no_event_and_the_answer_names_no_choice() -> None:
    meeting = Meeting()
    answers = {meeting.cast(voter, choice) for voter, choice in zip(NAMES[:3], (FOR, AGAINST, ABSTAIN), strict=True)}
    assert answers == {(Told(voter, "vote_recorded"),) for voter in NAMES[:3]}


def test_no_stored_form_of_an_open_vote_names_who_has_voted() -> None:
    """The history of the database does not even tell the order in which people voted."""
    meeting = Meeting()
    plain = []
    for voter in NAMES[:6]:
        meeting.cast(voter, FOR)
        form = json.loads(meeting.history[-1])
        del form["vote v"]["vote"]["box"]
        plain.append(form)
    assert all(one == plain[0] for one in plain)


def test_nothing_of_the_ballots_remains_after_the_closing() -> None:
    meeting = Meeting(ELECTION)
    for voter, choices in zip(NAMES, MARKS["election"], strict=False):
        meeting.cast(voter, *choices)
    meeting.do(Close("v"))
    assert meeting.vote.box == boxes.Box()
    assert meeting.escrow.kept == {"hop": ()}
    form = json.loads(meeting.history[-1])["vote v"]["vote"]
    assert form["box"] is None
    assert form["result"]["receipts"] == []
    assert form["result"]["counts"] == [3, 2, 2, 2]


def test_an_annulled_vote_loses_its_ballots_at_once() -> None:
    meeting = Meeting()
    for voter in NAMES[:6]:
        meeting.cast(voter, AGAINST)
    meeting.do(Annul("v", "Nhầm danh sách"))
    assert meeting.vote.box == boxes.Box()
    assert meeting.vote.result is None
    assert meeting.escrow.kept == {"hop": ()}


def test_the_digest_of_a_secret_vote_joins_nothing() -> None:
    digests = set()
    for other in list(itertools.permutations(MARKS["motion"]))[::97]:
        meeting = Meeting()
        for voter, choices in zip(NAMES, other, strict=False):
            meeting.cast(voter, *choices)
        meeting.do(Close("v"))
        assert meeting.vote.result is not None
        digests.add(meeting.vote.result.digest)
        text = json.dumps(results.record(meeting.vote, meeting.vote.result))
        assert "named" in text
        assert json.loads(text)["named"] == {}
    assert len(digests) == 1


# -- the keys


def test_one_key_opens_one_box_of_the_whole_history() -> None:
    """Somebody has each form that the database ever stored, and the escrow as it is now."""
    meeting = Meeting()
    for at, voter in enumerate(NAMES[:6], 1):
        meeting.cast(voter, FOR)
        opened = []
        for text in meeting.history[1:]:
            form = json.loads(text).get("vote v", {}).get("vote")
            if form is not None and form["box"] is not None:
                names = [one[0] for one in form["entitled"]]
                opened.append(boxes.unseal(form["box"], "v", names, receipts=False, keys=meeting.escrow.held("hop")))
        assert [one is not None for one in opened] == [False] * at + [True]


def test_the_box_belongs_to_its_vote() -> None:
    box = boxes.put(boxes.Box(), "an", boxes.Ballot(b"", 1))
    sealed = boxes.seal(box, "v", ["an"], receipts=False, key=bytes(32))
    assert boxes.unseal(sealed, "v", ["an"], receipts=False, keys=[bytes(32)]) == (box, b"")
    assert boxes.unseal(sealed, "other", ["an"], receipts=False, keys=[bytes(32)]) is None
    assert boxes.unseal("no base64", "v", ["an"], receipts=False, keys=[bytes(32)]) is None


@pytest.mark.parametrize("question", [SECRET, ELECTION, RECEIPTS])
def test_a_restart_at_each_step(question: Question) -> None:
    meeting = Meeting(question)
    assert meeting.restart() == (meeting.votes, ())
    for voter in NAMES[:6]:
        meeting.cast(voter, FOR)
        assert meeting.restart() == (meeting.votes, ())
    meeting.do(Close("v"))
    assert meeting.restart() == (meeting.votes, ())


@pytest.mark.parametrize("stored_first", [True, False])
def test_a_crash_between_the_key_and_the_database(stored_first: bool) -> None:
    meeting = Meeting()
    meeting.cast(NAMES[0], FOR)
    moved, _ = machine.step(meeting.votes, Cast("v", NAMES[1], (AGAINST,)), NOW, meeting.chance)
    form = stored.form_of(moved, moved.open, meeting.keys.fresh())
    if stored_first:
        meeting.keep(*form)
    expected = moved if stored_first else meeting.votes
    assert meeting.restart() == (expected, ())


def test_a_database_that_does_not_answer_leaves_a_bounded_number_of_keys() -> None:
    meeting = Meeting()
    for _ in range(limits.KEYS_HELD + 5):
        meeting.keys.fresh()
    assert meeting.escrow.most == limits.KEYS_HELD
    assert meeting.restart() == (meeting.votes, ()), "the key of the form that the database has is never dropped"
    meeting.cast(NAMES[0], FOR)
    assert len(meeting.escrow.held("hop")) == 1
    assert meeting.restart() == (meeting.votes, ())


def test_a_vote_without_its_key_is_annulled() -> None:
    meeting = Meeting()
    meeting.cast(NAMES[0], FOR)
    meeting.escrow.hold("hop", ())
    votes, lost = meeting.restart()
    assert lost == ("v",)
    assert (votes.all[0].state, votes.all[0].reason) == (State.ANNULLED, stored.BOX_LOST)
    assert not votes.all[0].box.ballots


def test_each_stored_form_has_a_key_of_its_own() -> None:
    used: list[bytes] = []

    class Watched(Memory):
        def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
            used.extend(one for one in keys if one not in used)
            super().hold(conference, keys)

    meeting = Meeting(escrow=Watched())
    for voter in NAMES[:6]:
        meeting.cast(voter, FOR)
    assert len(used) == 1 + 6
    assert all(len(one) == boxes.KEY_BYTES for one in used)


# -- receipts


def test_receipts_are_published_in_an_order_that_chance_gives() -> None:
    orders = set()
    for seed in range(10):
        meeting = Meeting(replace(RECEIPTS, quorum=Share(0, 1)), seed=seed)
        told = {}
        for voter, choices in zip(NAMES, MARKS["motion"], strict=False):
            (answer,) = meeting.cast(voter, *choices)
            assert isinstance(answer, Told)
            assert all(answer.receipt not in text for text in meeting.history)
            told[answer.receipt] = (voter, sum(1 << one for one in choices))
        meeting.do(Close("v"))
        result = meeting.vote.result
        assert result is not None
        assert dict(result.receipts) == {code: marks for code, (_, marks) in told.items()}
        assert [code for code, _ in result.receipts] != sorted(told)
        orders.add(tuple(told[code][0] for code, _ in result.receipts))
    assert len(orders) > 5
    assert tuple(NAMES[:6]) not in orders


def test_receipts_are_off() -> None:
    assert not SECRET.receipts
    meeting = Meeting()
    assert meeting.cast(NAMES[0], FOR) == (Told(NAMES[0], "vote_recorded", ""),)


def test_the_events_of_a_whole_secret_vote() -> None:
    meeting = Meeting()
    for voter in NAMES[:6]:
        meeting.cast(voter, FOR)
    meeting.do(Close("v"))
    assert [one.what for one in meeting.effects if isinstance(one, Noted)] == [
        "vote_prepared",
        "vote_opened",
        "vote_closed",
    ]
