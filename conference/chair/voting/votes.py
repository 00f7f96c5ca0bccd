"""The votes of a meeting as one machine: prepared, opened in order, closed and counted, or annulled. Pure.

Owns the table of states. `VOTES.md` gives the rules. Does not decide who may order what
(`rights.py`) and who is entitled: the caller names the entitled at the opening, from the roll call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from conference.chair.voting import cards
from conference.chair.voting import limits as bounds
from conference.chair.voting import question as questions
from conference.chair.voting.box import RECEIPT_BYTES, Ballot, Box, Randomness, put
from conference.chair.voting.question import MOTION, Kind, Way
from conference.chair.voting.refusals import refusal
from conference.chair.voting.results import count
from conference.chair.voting.stored import result_as_json
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
    State,
    Told,
    Vote,
    Voter,
    Votes,
    Withdraw,
)
from conference.ground import limits

Effects = tuple[Effect, ...]


def step(votes: Votes, event: Event, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    """Return the votes after an event, and the effects. Raise a Refusal; the votes are then unchanged. `now`: Unix seconds."""
    vote = votes.get(event.vote)
    state = State.NEW if vote is None else vote.state
    move = TABLE.get((state, type(event)))
    if move is None:
        raise refusal("vote_unknown" if vote is None else "vote_state")
    return move(votes, vote, event, now, randomness)


def _put(votes: Votes, vote: Vote) -> Votes:
    return Votes(tuple(vote if one.id == vote.id else one for one in votes.all))


# -- before the opening


def _prepare(votes: Votes, _: None, event: Prepare, now: float, __: Randomness) -> tuple[Votes, Effects]:
    questions.check(event.question)
    if not event.vote or len(event.vote) > bounds.ID_CHARACTERS:
        raise refusal("vote_unknown")
    if len(votes.all) >= bounds.VOTES:
        raise refusal("vote_limit")
    made = Votes((*votes.all, Vote(event.vote, event.question)))
    return made, (_noted("vote_prepared", event.vote, title=event.question.title, way=event.question.way.value),)


def _change(votes: Votes, vote: Vote, event: Prepare, now: float, _: Randomness) -> tuple[Votes, Effects]:
    questions.check(event.question)
    noted = _noted("vote_changed", vote.id, title=event.question.title, way=event.question.way.value)
    return _put(votes, replace(vote, question=event.question)), (noted,)


def _order(votes: Votes, _: None, event: Order, now: float, __: Randomness) -> tuple[Votes, Effects]:
    prepared = {one.id: one for one in votes.prepared}
    if len(event.votes) != len(prepared) or set(event.votes) != set(prepared):
        raise refusal("vote_order_bad")
    others = (one for one in votes.all if one.id not in prepared)
    return Votes((*others, *(prepared[one] for one in event.votes))), ()


def _open(votes: Votes, vote: Vote, event: Open, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    if votes.open is not None:
        raise refusal("vote_open_already")
    if votes.prepared[0].id != vote.id:
        raise refusal("vote_not_next")
    entitled = _checked(vote, event.entitled)
    codes = {} if vote.question.way is Way.HANDS else cards.codes(entitled, {}, randomness)
    opened = replace(vote, state=State.OPEN, entitled=entitled, codes=codes, opened_at=now)
    return _put(votes, opened), (_noted("vote_opened", vote.id, title=vote.question.title, **_numbers(opened)),)


def _checked(vote: Vote, entitled: tuple[Voter, ...]) -> tuple[Voter, ...]:
    """Return the entitled by identity. The order of arrival in the meeting is lost here."""
    by_name = {one.identity: one for one in entitled}
    if not 1 <= len(entitled) <= bounds.VOTERS or len(by_name) != len(entitled):
        raise refusal("vote_entitled_bad")
    most = bounds.DELEGATES if vote.question.way is Way.HANDS else 1
    for one in entitled:
        site = cards.site_of(one.identity)
        fits = 1 <= len(site.encode()) <= limits.IDENTITY_BYTES and len(one.name.encode()) <= limits.NAME_BYTES
        if not fits or not 1 <= one.delegates <= most or not 0 <= one.present <= one.delegates:
            raise refusal("vote_entitled_bad")
    if vote.secret and len(entitled) < bounds.SECRET_LEAST:
        raise refusal("vote_secret_few")
    return tuple(by_name[one] for one in sorted(by_name))


def _numbers(vote: Vote) -> dict[str, int]:
    return {
        "entitled": sum(one.delegates for one in vote.entitled),
        "present": sum(one.present for one in vote.entitled),
    }


# -- while the vote is open


def _admit(votes: Votes, vote: Vote, event: Admit, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    if vote.begun:
        raise refusal("vote_begun")
    again = {event.voter.identity, *event.instead}
    others = tuple(one for one in vote.entitled if cards.site_of(one.identity) not in again)
    admitted = replace(vote, entitled=_checked(vote, (*others, event.voter, *event.cards)))
    admitted = replace(
        admitted, codes=cards.codes(admitted.entitled, vote.codes, randomness), claims=cards.kept(admitted)
    )
    return _put(votes, admitted), (_noted("vote_admitted", vote.id, voter=event.voter.identity, **_numbers(admitted)),)


def _claim(votes: Votes, vote: Vote, event: Claim, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    """Give a phone its card. A phone that asks again has the same card. A claim makes no event."""
    if event.site not in vote.codes:
        raise refusal("vote_code_wrong")
    if cards.held(vote, event.site, event.phone) is not None:
        return votes, ()
    if cards.is_old(vote, event.code):
        raise refusal("vote_cards_withdrawn")
    return _put(votes, cards.claimed(vote, event.site, event.phone, randomness)), ()


def _withdraw(votes: Votes, vote: Vote, event: Withdraw, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    """Take back cards. The event names no card and no number, so that nothing tells when a card of a secret vote was used."""
    if event.site not in vote.codes:
        raise refusal("vote_cards_none")
    if list(vote.old_codes.values()).count(event.site) >= bounds.WITHDRAWALS:
        raise refusal("vote_withdrawals_many")
    return _put(votes, cards.withdrawn(vote, event.site, randomness)), (
        _noted("vote_cards_withdrawn", vote.id, voter=event.site),
    )


def _cast(votes: Votes, vote: Vote, event: Cast, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    if vote.question.way is Way.HANDS:
        raise refusal("vote_by_hands")
    if vote.voter(event.voter) is None:
        raise refusal("vote_not_entitled")
    if event.phone and vote.claims.get(event.phone) != event.voter:
        raise refusal("vote_cards_withdrawn")
    if vote.secret and event.voter in vote.box.voted:
        raise refusal("vote_cast_already")
    marks = questions.marks_of(vote.question, event.choices)
    if not vote.secret:
        return _cast_named(votes, vote, event, marks)
    receipt = randomness(RECEIPT_BYTES) if vote.question.receipts else b""
    box = put(vote.box, event.voter, Ballot(receipt, marks))
    return _put(votes, replace(vote, box=box)), (Told(event.voter, "vote_recorded", receipt.hex()),)


def _cast_named(votes: Votes, vote: Vote, event: Cast, marks: int) -> tuple[Votes, Effects]:
    """Record a ballot by name. The person may change it until the closing; then the new ballot replaces the old one."""
    code = f"vote_{MOTION[event.choices[0]]}" if vote.question.kind is Kind.MOTION else "vote_recorded"
    told = Told(event.voter, code)
    names = cards.signed(vote, event)
    if vote.named.get(event.voter) == marks and names == vote.names:
        return votes, (told,)
    what = "ballot_changed" if event.voter in vote.named else "ballot_cast"
    cast = replace(vote, named={**vote.named, event.voter: marks}, names=names)
    return _put(votes, cast), (_noted(what, vote.id, voter=event.voter), told)


def _hands(votes: Votes, vote: Vote, event: Hands, now: float, _: Randomness) -> tuple[Votes, Effects]:
    if vote.question.way is not Way.HANDS:
        raise refusal("vote_not_by_hands")
    hall = vote.voter(event.hall)
    if hall is None:
        raise refusal("vote_not_entitled")
    if len(event.counts) != len(MOTION) or any(one < 0 for one in event.counts):
        raise refusal("vote_choice_bad")
    if sum(event.counts) > hall.present:
        raise refusal("vote_hands_many")
    before = vote.hands.get(event.hall)
    entered = replace(vote, hands={**vote.hands, event.hall: event.counts})
    facts: dict[str, Any] = {"hall": event.hall, "counts": list(event.counts)}
    if before is None:
        return _put(votes, entered), (_noted("hands_entered", vote.id, **facts),)
    return _put(votes, entered), (_noted("hands_corrected", vote.id, before=list(before), **facts),)


def _close(votes: Votes, vote: Vote, event: Close, now: float, randomness: Randomness) -> tuple[Votes, Effects]:
    """Count the ballots. The box is emptied: only the counts remain, and the receipts if they are on."""
    assert len(vote.box.ballots) == len(vote.box.voted)
    timed = replace(vote, state=State.CLOSED, closed_at=now)
    result = count(timed, randomness)
    question = vote.question
    elected = [question.options[one] for one in result.elected]
    told = {name: one for name, one in result_as_json(result).items() if name not in ("voters", "receipts")}
    facts = {"title": question.title, "kind": question.kind.value, "elected": elected, "result": told}
    noted = _noted("vote_closed", vote.id, **facts)
    return _put(votes, replace(timed, box=Box(), codes={}, old_codes={}, claims={}, result=result)), (noted,)


def _annul(votes: Votes, vote: Vote, event: Annul, now: float, _: Randomness) -> tuple[Votes, Effects]:
    """Annul a vote. An open secret vote loses its ballots at once. A result that was announced stays in the record."""
    reason = event.reason.strip()
    if not reason or len(reason) > bounds.REASON_CHARACTERS:
        raise refusal("vote_text_bad")
    closed_at = vote.closed_at or now
    emptied = replace(vote, box=Box(), codes={}, old_codes={}, claims={})
    annulled = replace(emptied, state=State.ANNULLED, reason=reason, closed_at=closed_at)
    noted = _noted("vote_annulled", vote.id, title=vote.question.title, reason=reason, was=vote.state.value)
    return _put(votes, annulled), (noted,)


def _noted(what: str, vote: str, **facts: Any) -> Noted:
    return Noted(what, {"vote": vote, **facts})


TABLE: Final[Mapping[tuple[State, type[Event]], Callable[..., tuple[Votes, Effects]]]] = {
    (State.NEW, Prepare): _prepare,
    (State.NEW, Order): _order,
    (State.PREPARED, Prepare): _change,
    (State.PREPARED, Open): _open,
    (State.PREPARED, Annul): _annul,
    (State.OPEN, Admit): _admit,
    (State.OPEN, Claim): _claim,
    (State.OPEN, Withdraw): _withdraw,
    (State.OPEN, Cast): _cast,
    (State.OPEN, Hands): _hands,
    (State.OPEN, Close): _close,
    (State.OPEN, Annul): _annul,
    (State.CLOSED, Annul): _annul,
}
"""The moves by state and event. Every other pair is refused: `vote_unknown` or `vote_state`."""
