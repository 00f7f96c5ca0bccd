"""The machine of votes: each (state, event), the counts of open votes, and the stored form at every step."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair.voting import cards, limits, results, stored, views
from conference.chair.voting import votes as machine
from conference.chair.voting.by_keypad import ballot
from conference.chair.voting.question import ABSTAIN, AGAINST, FOR, Basis, Kind, Question, Share, Way
from conference.chair.voting.refusals import TEXTS
from conference.chair.voting.vote import (
    Admit,
    Annul,
    Cast,
    Claim,
    Close,
    Event,
    Hands,
    Noted,
    Open,
    Order,
    Prepare,
    Result,
    State,
    Told,
    Voter,
    Votes,
    Withdraw,
)
from conference.ground.errors import Refusal
from conference.ground.limits import IDENTITY_BYTES

NOW = 1_790_000_000.0
NAMED = Question("Thông qua nghị quyết")
SECRET = replace(NAMED, way=Way.SECRET)
HANDS = replace(NAMED, way=Way.HANDS)
ELECTION = Question("Bầu Ban Thanh tra", kind=Kind.ELECTION, options=("An", "Bình", "Chi"), seats=2)


def zeros(count: int) -> bytes:
    return bytes(count)


def after(votes: Votes, *events: Event) -> Votes:
    """Return the votes after these events. Each state must survive the stored form."""
    for event in events:
        votes, _ = machine.step(votes, event, NOW, zeros)
        assert restored(votes) == votes
    return votes


def restored(votes: Votes) -> Votes:
    key = bytes(range(32))
    opened = (one for one in votes.all if one.opened_at is not None)
    forms = dict(stored.form_of(votes, one, key) for one in (None, *opened))
    return stored.of_json(json.loads(json.dumps(forms)), (key,)).votes


def people(count: int) -> tuple[Voter, ...]:
    return tuple(Voter(f"p{at:03}", f"Đại biểu {at}") for at in range(count))


def opened(question: Question = NAMED, voters: tuple[Voter, ...] = people(5)) -> Votes:
    return after(Votes(), Prepare("v", question), Open("v", voters))


def refused(votes: Votes, event: Event) -> str:
    with pytest.raises(Refusal) as caught:
        machine.step(votes, event, NOW, zeros)
    return caught.value.code


# -- the table

EVENTS: list[Event] = [
    Prepare("v", NAMED),
    Open("v", people(5)),
    Admit("v", Voter("late", "Đến muộn")),
    Claim("v", "p000", "phone"),
    Withdraw("v", "p000"),
    Cast("v", "p000", (FOR,)),
    Hands("v", "p000", (1, 0, 0)),
    Close("v"),
    Annul("v", "Nhầm nội dung"),
]


def in_state(state: State) -> Votes:
    if state is State.NEW:
        return Votes()
    votes = after(Votes(), Prepare("v", NAMED))
    if state is State.PREPARED:
        return votes
    votes = after(votes, Open("v", (*people(5), *cards.cards(people(1)[0], 2))))
    if state is State.OPEN:
        return votes
    return after(votes, Close("v") if state is State.CLOSED else Annul("v", "Nhầm"))


@pytest.mark.parametrize(("state", "event"), [*itertools.product(State, EVENTS)], ids=str)
def test_each_state_and_event(state: State, event: Event) -> None:
    votes = in_state(state)
    expected = {
        (State.NEW, Prepare): State.PREPARED,
        (State.PREPARED, Prepare): State.PREPARED,
        (State.PREPARED, Open): State.OPEN,
        (State.PREPARED, Annul): State.ANNULLED,
        (State.OPEN, Admit): State.OPEN,
        (State.OPEN, Claim): State.OPEN,
        (State.OPEN, Withdraw): State.OPEN,
        (State.OPEN, Cast): State.OPEN,
        (State.OPEN, Close): State.CLOSED,
        (State.OPEN, Annul): State.ANNULLED,
        (State.CLOSED, Annul): State.ANNULLED,
    }.get((state, type(event)))
    if expected is None:
        code = refused(votes, event)
        by_state = "vote_unknown" if state is State.NEW else "vote_state"
        assert code == ("vote_not_by_hands" if (state, type(event)) == (State.OPEN, Hands) else by_state)
        return
    vote = after(votes, event).get("v")
    assert vote is not None
    assert vote.state is expected


def test_the_test_walks_the_whole_table() -> None:
    assert {kind for _, kind in machine.TABLE} == {type(one) for one in EVENTS} | {Order}


# -- preparing

BAD: list[tuple[Question, str]] = [
    (replace(NAMED, title="  "), "vote_text_bad"),
    (replace(NAMED, title="x" * (limits.TITLE_CHARACTERS + 1)), "vote_text_bad"),
    (replace(NAMED, text="x" * (limits.TEXT_CHARACTERS + 1)), "vote_text_bad"),
    (replace(NAMED, options=("yes", "no")), "vote_options_bad"),
    (replace(NAMED, seats=2), "vote_seats_bad"),
    (replace(NAMED, receipts=True), "vote_receipts_bad"),
    (replace(NAMED, way=Way.HANDS, phones=True), "vote_phones_bad"),
    (replace(NAMED, needs=Share(3, 2)), "vote_share_bad"),
    (replace(NAMED, needs=Share(1, 1, above=True)), "vote_share_bad"),
    (replace(NAMED, quorum=Share(1, limits.PARTS_MOST + 1)), "vote_share_bad"),
    (replace(NAMED, quorum=Share(0, 0)), "vote_share_bad"),
    (replace(ELECTION, way=Way.HANDS), "vote_election_by_hands"),
    (replace(ELECTION, options=()), "vote_options_bad"),
    (replace(ELECTION, options=("An", "An")), "vote_options_bad"),
    (replace(ELECTION, options=("An", " ")), "vote_options_bad"),
    (replace(ELECTION, options=("An", "x" * (limits.OPTION_CHARACTERS + 1))), "vote_options_bad"),
    (replace(ELECTION, options=tuple(map(str, range(limits.OPTIONS + 1)))), "vote_options_bad"),
    (replace(ELECTION, seats=0), "vote_seats_bad"),
    (replace(ELECTION, seats=4), "vote_seats_bad"),
]


@pytest.mark.parametrize(("question", "code"), BAD)
def test_questions_that_cannot_be_prepared(question: Question, code: str) -> None:
    assert refused(Votes(), Prepare("v", question)) == code
    assert refused(after(Votes(), Prepare("v", NAMED)), Prepare("v", question)) == code


def test_the_largest_question() -> None:
    options = tuple(f"{at:02}" + "x" * (limits.OPTION_CHARACTERS - 2) for at in range(limits.OPTIONS))
    title, text = "x" * limits.TITLE_CHARACTERS, "x" * limits.TEXT_CHARACTERS
    whole = Question(title, text, Kind.ELECTION, Way.NAMED, options, limits.OPTIONS, needs=Share(1, limits.PARTS_MOST))
    votes = after(opened(whole), Cast("v", "p000", tuple(range(limits.OPTIONS))), Close("v"))
    assert result_of(votes).counts == (1,) * limits.OPTIONS


def test_a_meeting_has_a_bounded_number_of_votes() -> None:
    votes = after(Votes(), *(Prepare(str(at), NAMED) for at in range(limits.VOTES)))
    assert refused(votes, Prepare("more", NAMED)) == "vote_limit"
    assert refused(Votes(), Prepare("", NAMED)) == "vote_unknown"
    assert refused(Votes(), Prepare("x" * (limits.ID_CHARACTERS + 1), NAMED)) == "vote_unknown"


def test_votes_open_one_at_a_time_and_in_order() -> None:
    votes = after(Votes(), Prepare("a", NAMED), Prepare("b", HANDS), Prepare("c", ELECTION))
    assert refused(votes, Open("b", people(5))) == "vote_not_next"
    for wrong in (("b", "a"), ("a", "b", "b"), ("a", "b", "d")):
        assert refused(votes, Order(wrong)) == "vote_order_bad"
    votes = after(votes, Order(("b", "a", "c")), Open("b", people(5)))
    assert refused(votes, Open("a", people(5))) == "vote_open_already"
    votes = after(votes, Order(("c", "a")), Close("b"), Annul("c", "Hoãn"), Open("a", people(5)))
    assert [(one.id, one.state) for one in votes.all] == [
        ("b", State.CLOSED),
        ("c", State.ANNULLED),
        ("a", State.OPEN),
    ]


def test_an_annulled_vote_needs_a_reason() -> None:
    for reason in ("", "  ", "x" * (limits.REASON_CHARACTERS + 1)):
        assert refused(opened(), Annul("v", reason)) == "vote_text_bad"


def test_refusals_have_texts_in_both_languages() -> None:
    for code, (vietnamese, english) in TEXTS.items():
        assert code.startswith("vote_")
        assert vietnamese
        assert english
        assert vietnamese != english


# -- who may vote


def test_the_entitled_are_checked_at_the_opening() -> None:
    votes = after(Votes(), Prepare("v", NAMED))
    one = Voter("an", "An")
    twice = (one, one)
    many = people(limits.VOTERS + 1)
    hall = replace(one, delegates=2, present=2)
    for wrong in ((), twice, many, (hall,), (Voter("", "An"),), (Voter("x" * 257, "An"),), (Voter("an", "x" * 257),)):
        assert refused(votes, Open("v", wrong)) == "vote_entitled_bad"
    assert refused(votes, Open("v", (replace(one, present=2),))) == "vote_entitled_bad"
    assert refused(votes, Open("v", (replace(one, present=-1),))) == "vote_entitled_bad"
    assert len(after(votes, Open("v", people(limits.VOTERS))).all[0].entitled) == limits.VOTERS


def test_delegates_of_a_hall_are_bounded() -> None:
    votes = after(Votes(), Prepare("v", HANDS))
    most = Voter("h", "Hội trường", limits.DELEGATES, 0)
    assert refused(votes, Open("v", (replace(most, delegates=limits.DELEGATES + 1),))) == "vote_entitled_bad"
    assert after(votes, Open("v", (most,))).open is not None


def test_a_late_site_is_admitted_until_the_first_ballot() -> None:
    votes = after(opened(), Admit("v", Voter("late", "Đến muộn")))
    votes = after(votes, Cast("v", "late", (FOR,)))
    assert refused(votes, Admit("v", Voter("later", "Muộn hơn"))) == "vote_begun"
    assert refused(votes, Cast("v", "later", (FOR,))) == "vote_not_entitled"


def test_the_late_delegates_of_a_known_hall_are_counted() -> None:
    votes = opened(HANDS, (Voter("h", "Hội trường", 30, 0), Voter("k", "Khác", 2, 2)))
    assert refused(votes, Hands("v", "h", (1, 0, 0))) == "vote_hands_many"
    votes = after(votes, Admit("v", Voter("h", "Hội trường", 30, 28)), Hands("v", "h", (20, 5, 3)))
    assert refused(votes, Admit("v", Voter("h", "Hội trường", 30, 30))) == "vote_begun"
    assert votes.all[0].hands == {"h": (20, 5, 3)}


# -- ballots by name


def test_a_named_ballot_can_be_changed_and_counts_once() -> None:
    votes = opened()
    votes, effects = machine.step(votes, Cast("v", "p000", (FOR,)), NOW, zeros)
    assert effects == (Noted("ballot_cast", {"vote": "v", "voter": "p000"}), Told("p000", "vote_for"))
    same, effects = machine.step(votes, Cast("v", "p000", (FOR,)), NOW, zeros)
    assert (same, effects) == (votes, (Told("p000", "vote_for"),))
    votes, effects = machine.step(votes, Cast("v", "p000", (AGAINST,)), NOW, zeros)
    assert effects == (Noted("ballot_changed", {"vote": "v", "voter": "p000"}), Told("p000", "vote_against"))
    assert result_of(after(votes, Close("v"))).counts == (0, 1, 0)


@pytest.mark.parametrize("choices", [(), (3,), (-1,), (0, 1), (0, 0)])
def test_choices_that_a_motion_does_not_have(choices: tuple[int, ...]) -> None:
    assert refused(opened(), Cast("v", "p000", choices)) == "vote_choice_bad"


@pytest.mark.parametrize("choices", [(3,), (0, 1, 2), (1, 1)])
def test_choices_that_an_election_does_not_have(choices: tuple[int, ...]) -> None:
    assert refused(opened(ELECTION), Cast("v", "p000", choices)) == "vote_choice_bad"


def test_no_ballot_is_written_where_the_events_are() -> None:
    assert repr(Cast("v", "p000", (FOR,))) == "Cast(vote='v', voter='p000')"
    assert "1" not in repr(Told("an", "vote_for", "1234"))
    assert "vote_for" not in repr(Told("an", "vote_for"))


# -- results


def result_of(votes: Votes) -> Result:
    result = votes.all[-1].result
    assert result is not None
    return result


def voted(question: Question, choices: Sequence[tuple[int, ...]], voters: tuple[Voter, ...]) -> Votes:
    casts = (Cast("v", one.identity, choice) for one, choice in zip(voters, choices, strict=False))
    return after(opened(question, voters), *casts, Close("v"))


def test_a_motion_of_each_base() -> None:
    """Of six entitled, five are present, four vote, and two vote for it."""
    voters = (*people(5), Voter("z", "Vắng", present=0))
    choices = [(FOR,), (FOR,), (AGAINST,), (ABSTAIN,)]
    at_least_half = Share(1, 2)
    found = {}
    for base in Basis:
        result = result_of(voted(replace(NAMED, base=base, needs=at_least_half), choices, voters))
        assert (result.entitled, result.present, result.cast, result.valid) == (6, 5, 4, 4)
        found[base] = (result.base, result.adopted)
    assert found == {
        Basis.ENTITLED: (6, False),
        Basis.PRESENT: (5, False),
        Basis.CAST: (4, True),
        Basis.VALID: (4, True),
    }
    assert not result_of(voted(replace(NAMED, base=Basis.CAST), choices, voters)).adopted, "half is not more than half"


def test_without_quorum_nothing_is_adopted() -> None:
    absent = tuple(replace(one, present=0) for one in people(6))
    result = result_of(voted(replace(NAMED, base=Basis.CAST), [(FOR,)] * 3, absent))
    assert (result.present, result.quorum, result.adopted) == (3, False, False)
    assert result_of(voted(replace(NAMED, base=Basis.CAST), [(FOR,)] * 4, absent)).adopted


def test_nothing_is_adopted_without_a_ballot() -> None:
    question = replace(NAMED, base=Basis.CAST, needs=Share(0, 1))
    result = result_of(voted(question, [], people(5)))
    assert (result.counts, result.base, result.adopted) == ((0, 0, 0), 0, False)


def test_an_election_with_a_blank_ballot() -> None:
    choices: list[tuple[int, ...]] = [(0, 1), (0,), (0, 1), (2,), ()]
    result = result_of(voted(replace(ELECTION, base=Basis.VALID), choices, people(5)))
    assert (result.cast, result.valid, result.counts) == (5, 4, (3, 2, 1))
    assert result.elected == (0,), "two of four is not more than half"
    assert result.adopted


def test_equal_votes_for_the_last_seat_elect_neither() -> None:
    question = replace(ELECTION, needs=Share(1, 5))
    result = result_of(voted(question, [(0, 1), (0, 2), (0,)], people(5)))
    assert (result.elected, result.tied) == ((0,), (1, 2))
    result = result_of(voted(replace(question, seats=1), [(0,), (1,)], people(5)))
    assert (result.elected, result.tied, result.adopted) == ((), (0, 1), False)


def test_equal_votes_within_the_seats_are_no_tie() -> None:
    result = result_of(voted(replace(ELECTION, needs=Share(1, 5)), [(0, 1), (0, 1)], people(5)))
    assert (result.elected, result.tied) == ((0, 1), ())


# -- show of hands

HALLS = (Voter("a", "UBND xã A", 30, 27), Voter("b", "UBND xã B", 10, 10), Voter("c", "Chủ trì"))


def test_hands_of_halls_and_single_people() -> None:
    votes = after(opened(HANDS, HALLS), Hands("v", "a", (20, 5, 2)), Hands("v", "c", (1, 0, 0)), Close("v"))
    result = result_of(votes)
    assert (result.entitled, result.present, result.cast, result.counts) == (41, 38, 28, (21, 5, 2))
    assert result.adopted
    assert result.voters == ("a", "c")


def test_a_correction_of_hands_is_noted_with_both_numbers() -> None:
    votes = opened(HANDS, HALLS)
    votes, entered = machine.step(votes, Hands("v", "b", (9, 1, 0)), NOW, zeros)
    assert entered == (Noted("hands_entered", {"vote": "v", "hall": "b", "counts": [9, 1, 0]}),)
    votes, corrected = machine.step(votes, Hands("v", "b", (8, 1, 1)), NOW, zeros)
    facts = {"vote": "v", "hall": "b", "counts": [8, 1, 1], "before": [9, 1, 0]}
    assert corrected == (Noted("hands_corrected", facts),)
    assert result_of(after(votes, Close("v"))).counts == (8, 1, 1)


@pytest.mark.parametrize(
    ("hall", "counts", "code"),
    [
        ("b", (11, 0, 0), "vote_hands_many"),
        ("b", (5, 5, 1), "vote_hands_many"),
        ("b", (-1, 0, 0), "vote_choice_bad"),
        ("b", (1, 0), "vote_choice_bad"),
        ("z", (1, 0, 0), "vote_not_entitled"),
    ],
)
def test_hands_that_are_refused(hall: str, counts: tuple[int, ...], code: str) -> None:
    assert refused(opened(HANDS, HALLS), Hands("v", hall, counts)) == code


def test_each_way_refuses_the_ballots_of_the_other() -> None:
    assert refused(opened(HANDS, HALLS), Cast("v", "c", (FOR,))) == "vote_by_hands"
    assert refused(opened(), Hands("v", "p000", (1, 0, 0))) == "vote_not_by_hands"


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.tuples(st.integers(-1, 40), st.integers(-1, 40), st.integers(-1, 40))),
        max_size=20,
    )
)
def test_hands_never_exceed_the_delegates(entries: list[tuple[str, tuple[int, int, int]]]) -> None:
    votes = opened(HANDS, HALLS)
    for hall, counts in entries:
        try:
            votes, _ = machine.step(votes, Hands("v", hall, counts), NOW, zeros)
        except Refusal:
            continue
        assert restored(votes) == votes
    result = result_of(after(votes, Close("v")))
    assert sum(result.counts) == result.cast <= 38
    for one in HALLS:
        assert sum(votes.all[0].hands.get(one.identity, ())) <= one.present


# -- the record


def test_the_digest_changes_with_each_fact() -> None:
    digests = set()
    for question, choice, identity in itertools.product(
        (NAMED, replace(NAMED, text="x")), (FOR, AGAINST), ("p000", "p001")
    ):
        digests.add(result_of(after(opened(question), Cast("v", identity, (choice,)), Close("v"))).digest)
    assert len(digests) == 8
    assert all(len(one) == 64 for one in digests)


def test_the_digest_does_not_depend_on_the_order_of_ballots() -> None:
    casts = [Cast("v", f"p{at:03}", (at % 3,)) for at in range(5)]
    digests = {result_of(after(opened(voters=people(5)[::way]), *casts[::way], Close("v"))).digest for way in (1, -1)}
    assert len(digests) == 1


def test_the_closing_is_noted_with_the_result_and_its_digest() -> None:
    votes, (noted,) = machine.step(after(opened(), Cast("v", "p000", (FOR,))), Close("v"), NOW, zeros)
    assert isinstance(noted, Noted)
    assert noted.what == "vote_closed"
    assert noted.facts["result"]["digest"] == result_of(votes).digest
    json.dumps(noted.facts)
    assert "p000" not in json.dumps(noted.facts), "the list of those who voted would be longer than an event may be"


def test_an_annulled_result_stays_in_the_record() -> None:
    votes = after(opened(), Close("v"), Annul("v", "Sai danh sách"))
    assert votes.all[0].result is not None
    assert views.whole(votes, "member")["v"]["reason"] == "Sai danh sách"


# -- views


def test_members_see_no_vote_before_its_opening_and_no_ballot_before_its_end() -> None:
    votes = after(Votes(), Prepare("v", NAMED))
    assert views.whole(votes, "member") == {}
    assert list(views.whole(votes, "host")) == ["v"]
    votes = after(votes, Open("v", people(5)), Cast("v", "p000", (FOR,)))
    seen = views.whole(votes, "member")["v"]
    assert "rows" not in seen
    assert (seen["cast"], seen["present"], seen["quorum_reached"], seen.get("result")) == (1, 5, True, None)
    assert views.whole(votes, "host")["v"]["rows"]["p000"] == {"name": "Đại biểu 0", "choices": [FOR]}
    closed = views.whole(after(votes, Close("v")), "member")["v"]
    assert closed["rows"]["p000"]["choices"] == [FOR]
    assert closed["rows"]["p001"]["choices"] is None
    assert closed["result"]["counts"] == [1, 0, 0]


def test_a_voter_sees_the_own_ballot_and_a_hall_its_own_hands() -> None:
    votes = after(opened(), Cast("v", "p000", (ABSTAIN,)))
    assert views.own(votes, "p000") == {"vote": "v", "voted": True, "present": 1, "name": "Đại biểu 0", "choices": [2]}
    assert views.own(votes, "p001") == {
        "vote": "v",
        "voted": False,
        "present": 1,
        "name": "Đại biểu 1",
        "choices": None,
    }
    assert views.own(votes, "nobody") is None
    assert views.own(after(votes, Close("v")), "p000") is None
    votes = after(opened(HANDS, HALLS), Hands("v", "b", (9, 1, 0)))
    assert views.own(votes, "b") == {
        "vote": "v",
        "voted": True,
        "present": 10,
        "name": "UBND xã B",
        "counts": [9, 1, 0],
    }


def test_views_are_json() -> None:
    for question, voters in ((NAMED, people(5)), (HANDS, HALLS), (ELECTION, people(5))):
        for votes in (opened(question, voters), after(opened(question, voters), Close("v"))):
            rows = views.whole(votes, "host")
            assert json.loads(json.dumps(rows)) == rows


# -- the keypad


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Votes, "vote_none"),
        (lambda: after(Votes(), Prepare("v", NAMED)), "vote_none"),
        (lambda: after(opened(), Close("v")), "vote_none"),
        (lambda: opened(HANDS, HALLS), "vote_hands"),
        (lambda: opened(ELECTION), "vote_by_page"),
    ],
)
def test_why_a_keypad_cannot_vote(make: Callable[[], Votes], said: str) -> None:
    assert ballot(make(), "p000", FOR) == said


def test_a_keypad_votes_on_a_motion() -> None:
    votes = opened()
    cast = ballot(votes, "p000", AGAINST)
    assert isinstance(cast, Cast)
    assert result_of(after(votes, cast, Close("v"))).counts == (0, 1, 0)


# -- random meetings


@given(
    st.lists(
        st.one_of(
            st.builds(
                Cast, st.just("v"), st.sampled_from([f"p{at:03}" for at in range(8)]), st.tuples(st.integers(0, 3))
            ),
            st.just(Close("v")),
            st.just(Annul("v", "Nhầm")),
            st.builds(Admit, st.just("v"), st.sampled_from(people(8))),
        ),
        max_size=30,
    ),
    st.sampled_from([Way.NAMED, Way.SECRET]),
)
def test_ballots_equal_voters_and_nobody_votes_twice_or_after_the_end(events: list[Event], way: Way) -> None:
    votes = opened(replace(NAMED, way=way), people(6))
    accepted: set[str] = set()
    ended = False
    for event in events:
        try:
            moved = after(votes, event)
        except Refusal:
            continue
        assert not ended or isinstance(event, Annul), "only an annulment follows the closing"
        if isinstance(event, Cast):
            assert way is Way.NAMED or event.voter not in accepted, "nobody votes twice"
            accepted.add(event.voter)
        ended = ended or isinstance(event, Close | Annul)
        votes = moved
        if votes.open is not None:
            assert votes.open.cast == len(accepted)
    result = votes.all[0].result
    if result is not None:
        assert result.cast == len(accepted)
        assert set(result.voters) == accepted
        assert not result.counts or sum(result.counts) == len(accepted)


# -- cards for the phones of a site

SITE = Voter("hall.a", "Hội trường A")
CARDS = cards.cards(SITE, 4)


def with_cards(question: Question = NAMED) -> Votes:
    return opened(question, (*people(4), SITE, *CARDS))


def held_by(votes: Votes, phone: str) -> int:
    vote = votes.open
    assert vote is not None
    card = cards.held(vote, SITE.identity, phone)
    assert card is not None
    return cards.number_of(card.identity)


def test_each_delegate_of_a_site_has_one_ballot() -> None:
    """The site itself has ballot 1: of its keypad or page. Phones take the others, and each counts as every other ballot."""
    votes = with_cards()
    assert [(one.identity, one.name) for one in CARDS] == [
        (f"hall.a{cards.MARK}{number}", f"Hội trường A, phiếu {number}") for number in (2, 3, 4)
    ]
    assert views.whole(votes, "member")["v"]["entitled"] == 4 + 4
    for number, phone in enumerate(("x", "y", "z"), 2):
        votes = after(votes, Claim("v", "hall.a", phone))
        assert held_by(votes, phone) == number
    again = after(votes, Claim("v", "hall.a", "y"))
    assert again == votes, "a reload is the same card"
    assert refused(votes, Claim("v", "hall.a", "more")) == "vote_cards_used"
    assert refused(votes, Claim("v", "p000", "more")) == "vote_code_wrong"
    ballots = [Cast("v", one, (FOR,)) for one in ("hall.a", *(card.identity for card in CARDS))]
    result = result_of(after(votes, *ballots, Close("v")))
    assert (result.cast, result.counts, result.entitled, result.present) == (4, (4, 0, 0), 8, 8)


def test_a_site_with_the_longest_identity_has_cards() -> None:
    site = Voter("é" * (IDENTITY_BYTES // 2), "Hội trường B")
    votes = opened(SECRET, (*people(4), site, *cards.cards(site, 3)))
    votes = after(votes, Claim("v", site.identity, cards.hashed("x")), Cast("v", cards.card(site.identity, 2), (FOR,)))
    assert restored(votes) == votes
    too_long = replace(site, identity=site.identity + "x")
    prepared = after(Votes(), Prepare("v", NAMED))
    assert refused(prepared, Open("v", (too_long,))) == "vote_entitled_bad"
    assert refused(prepared, Open("v", cards.cards(too_long, 2))) == "vote_entitled_bad"


def test_a_card_by_name_shows_the_site_its_number_and_the_typed_name() -> None:
    two, three, _ = (one.identity for one in CARDS)
    votes = after(with_cards(), Cast("v", two, (FOR,)), Cast("v", three, (AGAINST,), "  Lê\u202e Văn\nAn "))
    rows = views.whole(votes, "host")["v"]["rows"]
    assert rows[two] == {"name": "Hội trường A, phiếu 2", "choices": [FOR]}
    assert rows[three] == {"name": "Hội trường A, phiếu 3 (Lê Văn An)", "choices": [AGAINST]}
    votes = after(votes, Cast("v", three, (FOR,), ""), Cast("v", "p000", (FOR,), "Người khác"))
    rows = views.whole(votes, "host")["v"]["rows"]
    assert rows[three]["name"] == "Hội trường A, phiếu 3"
    assert rows["p000"]["name"] == "Đại biểu 0", "only a card has a typed name"
    closed = after(votes, Cast("v", three, (FOR,), "Lê Văn An"), Close("v"))
    (vote,) = closed.all
    assert vote.result is not None
    assert results.record(vote, vote.result)["names"] == {three: "Lê Văn An"}


def test_the_codes_of_sites_die_with_the_vote() -> None:
    votes = after(with_cards(), Claim("v", "hall.a", "x"))
    host = views.whole(votes, "host")["v"]["cards"]
    assert host == {"hall.a": {"n": "Hội trường A", "code": "00000000", "all": 3, "taken": 1}}
    assert "cards" not in views.whole(votes, "member")["v"]
    own = views.own(votes, "hall.a")
    assert own is not None
    assert (own["code"], own["cards"]) == ("00000000", 3)
    for end in (Close("v"), Annul("v", "Nhầm")):
        (vote,) = after(votes, end).all
        assert (vote.codes, vote.claims) == ({}, {})
    assert after(Votes(), Prepare("v", HANDS), Open("v", (SITE,))).all[0].codes == {}


PHONE_HASHES = [cards.hashed(one) for one in "abcdef"]


@given(
    st.lists(
        st.one_of(
            st.builds(Claim, st.just("v"), st.just("hall.a"), st.sampled_from(PHONE_HASHES)),
            st.tuples(st.sampled_from(PHONE_HASHES), st.integers(0, 2)),
            st.builds(Cast, st.just("v"), st.sampled_from(["p000", "p001", "hall.a"]), st.tuples(st.integers(0, 2))),
            st.just(Withdraw("v", "hall.a")),
            st.builds(lambda count: Admit("v", SITE, cards.cards(SITE, count)), st.integers(1, 5)),
        ),
        max_size=40,
    ),
    st.sampled_from([NAMED, SECRET]),
    st.integers(),
)
def test_phones_and_cards_have_one_ballot_each(events: list[Any], question: Question, seed: int) -> None:
    """Phones claim, vote, lose their cards and claim again."""
    chance = random.Random(seed).randbytes
    votes, voted = with_cards(question), dict[str, str]()
    for event in events:
        vote = votes.open
        assert vote is not None
        if isinstance(event, tuple):
            phone, choice = event
            event = Cast("v", vote.claims.get(phone, CARDS[0].identity), (choice,), phone=phone)
        try:
            votes, _ = machine.step(votes, event, NOW, chance)
        except Refusal:
            continue
        if isinstance(event, Cast):
            assert not event.phone or vote.claims[event.phone] == event.voter, "only the phone that holds the card"
            assert question is NAMED or event.voter not in voted, "a secret ballot is final"
            voted[event.voter] = event.phone
        vote = votes.open
        assert vote is not None
        assert restored(votes) == votes
        assert vote.cast == len(voted)
        assert len(set(vote.claims.values())) == len(vote.claims) <= len(cards.numbers(vote, "hall.a"))
        assert all(vote.claims[phone] == card for card, phone in voted.items() if phone), "a ballot keeps its card"
    assert result_of(after(votes, Close("v"))).cast == len(voted)


@pytest.mark.parametrize("question", [NAMED, SECRET], ids=["named", "secret"])
def test_cards_without_a_ballot_are_taken_back(question: Question) -> None:
    """Show that a phone with a ballot keeps its card. The other cards are free again, and only the new code gives them."""
    two, three, _ = (one.identity for one in CARDS)
    x, y, z, new = map(cards.hashed, "xyzw")
    votes = after(with_cards(question), Claim("v", "hall.a", x), Claim("v", "hall.a", y), Claim("v", "hall.a", z))
    votes = after(votes, Cast("v", three, (FOR,)))
    moved, effects = machine.step(votes, Withdraw("v", "hall.a"), 0.0, lambda count: bytes(range(250, 250 + count)))
    vote = moved.open
    assert vote is not None
    assert vote.codes == {"hall.a": "ZBXZSZFY"}
    assert (vote.old_codes, vote.claims) == ({"00000000": "hall.a"}, {y: three})
    assert effects == (Noted("vote_cards_withdrawn", {"vote": "v", "voter": "hall.a"}),)
    assert (cards.site_with(vote, "00000000"), cards.is_old(vote, "00000000")) == ("hall.a", True)
    assert (cards.site_with(vote, "zbxz-szfy"), cards.is_old(vote, "zbxz-szfy")) == ("hall.a", False)
    assert restored(moved) == moved
    assert refused(moved, Cast("v", two, (FOR,), phone=x)) == "vote_cards_withdrawn", "a ballot that was on its way"
    assert refused(moved, Claim("v", "hall.a", x, "00000000")) == "vote_cards_withdrawn"
    again = after(moved, Claim("v", "hall.a", new), Claim("v", "hall.a", z))
    assert [held_by(again, phone) for phone in (new, y, z)] == [2, 3, 4]
    ended = after(again, Cast("v", two, (FOR,)), Close("v"))
    assert (result_of(ended).cast, ended.all[0].old_codes) == (2, {})


def test_withdrawals_are_bounded() -> None:
    votes = with_cards()
    assert refused(votes, Withdraw("v", "p000")) == "vote_cards_none"
    chance = random.Random(3).randbytes
    for _ in range(limits.WITHDRAWALS):
        votes, _effects = machine.step(votes, Withdraw("v", "hall.a"), 0.0, chance)
    assert refused(votes, Withdraw("v", "hall.a")) == "vote_withdrawals_many"


def test_codes_are_read_as_people_type_them() -> None:
    made = cards.codes(CARDS, {}, lambda count: bytes(range(250, 250 + count)))
    assert made == {"hall.a": "ZBXZSZFY"}
    assert cards.read_code(" zbxz-szfy ") == "ZBXZSZFY"
    assert cards.read_code("oIl1") == "0111"


def test_a_late_count_of_a_site_keeps_its_code_and_the_cards_that_remain() -> None:
    votes = after(with_cards(), Claim("v", "hall.a", "x"), Claim("v", "hall.a", "y"))
    more = after(votes, Admit("v", SITE, cards.cards(SITE, 6)))
    assert [held_by(more, phone) for phone in ("x", "y")] == [2, 3]
    assert views.whole(more, "host")["v"]["cards"]["hall.a"]["all"] == 5
    fewer = after(votes, Admit("v", SITE, cards.cards(SITE, 2)))
    assert held_by(fewer, "x") == 2
    assert refused(fewer, Claim("v", "hall.a", "y")) == "vote_cards_used"
    assert refused(fewer, Cast("v", CARDS[1].identity, (FOR,))) == "vote_not_entitled"
