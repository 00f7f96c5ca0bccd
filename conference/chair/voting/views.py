"""The views of the votes for each audience. A view of a secret vote holds the number of ballots, and no name of a voter. Pure.

The section `votes` of the desk document has one row for each vote, by id. Members read the votes that were opened. A row has
the question, `place` (the place in the order), `state`, `entitled`, `present`, `quorum_reached`, `cast` (ballots, or raised
hands), `reason` and `result`. The newest open vote by name or by hands also has `rows`: who voted how, by identity. Hosts read
the rows while they arrive, and members after the closing. While a vote is open, hosts also read `cards`: a row for each site
whose delegates vote by phone. The row has its name `n`, its `code`, the number of cards `all`, and how many are `taken`
(absent: `cards.told` gives none).

The section `vote_late` is for hosts. It has a row with the name `n`, by identity, for each participant who may be admitted to
the open vote before its first ballot. While another participant stands for a site, only that one is named.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from conference.chair.voting import cards
from conference.chair.voting.question import Way, choices_of
from conference.chair.voting.stored import question_as_json, result_as_json
from conference.chair.voting.vote import State, Vote, Votes

JSON = dict[str, Any]
Audience = Literal["host", "member"]


def whole(votes: Votes, audience: Audience) -> dict[str, JSON]:
    """Return the rows of all votes that an audience reads, by id."""
    rows = {one.id: row(votes, one, audience) for one in votes.all}
    return {id_: one for id_, one in rows.items() if one is not None}


def row(votes: Votes, vote: Vote, audience: Audience) -> JSON | None:
    """Return the row of one vote. None: the audience does not read it."""
    if audience == "member" and vote.opened_at is None:
        return None
    entitled = sum(one.delegates for one in vote.entitled)
    present = sum(one.present for one in vote.entitled)
    shown: JSON = {
        "place": votes.all.index(vote),
        **question_as_json(vote.question),
        "state": vote.state.value,
        "entitled": entitled,
        "present": present,
        "quorum_reached": vote.question.quorum.reached(present, entitled),
        "cast": vote.cast if vote.result is None else vote.result.cast,
        "reason": vote.reason or None,
    }
    if vote.result is not None:
        shown["result"] = {**result_as_json(vote.result), "voters": None}
    if audience == "host" and vote.codes:
        shown["cards"] = _cards(vote)
    if vote is newest(votes) and (audience == "host" or vote.state is State.CLOSED):
        shown |= _ballots(vote)
    return shown


def newest(votes: Votes) -> Vote | None:
    """Return the vote that was opened last. Only its row names people, so the document stays small."""
    return max((one for one in votes.all if one.opened_at), key=lambda one: one.opened_at or 0.0, default=None)


def _ballots(vote: Vote) -> JSON:
    if vote.question.way is Way.NAMED:
        rows: JSON = {one.identity: _named(vote, one.identity, cards.shown_name(vote, one)) for one in vote.entitled}
    elif vote.question.way is Way.HANDS:
        rows = {one.identity: _hall(vote, one.identity, one.name, one.present) for one in vote.entitled}
    else:
        return {}
    return {"rows": rows}


def _cards(vote: Vote) -> JSON:
    names = {one.identity: one.name for one in vote.entitled}
    every = Counter(cards.site_of(one) for one in names if cards.is_card(one))
    taken = cards.told(vote)
    return {
        site: {"n": names.get(site, site), "code": code, "all": every[site], "taken": taken[site]}
        for site, code in sorted(vote.codes.items())
    }


def _named(vote: Vote, identity: str, name: str) -> JSON:
    marks = vote.named.get(identity)
    return {"name": name, "choices": None if marks is None else list(choices_of(marks))}


def _hall(vote: Vote, identity: str, name: str, present: int) -> JSON:
    counts = vote.hands.get(identity)
    return {"name": name, "present": present, "counts": None if counts is None else list(counts)}


def own(votes: Votes, identity: str) -> JSON | None:
    """Return the view of one voter of the open vote. None: no vote is open, or the person is not entitled.

    After a secret ballot nobody sees the choice, not even the voter. A voter cannot prove a vote to another person with it.
    """
    vote = votes.open
    voter = None if vote is None else vote.voter(identity)
    if vote is None or voter is None:
        return None
    shown: JSON = {"vote": vote.id, "voted": vote.has_voted(identity), "present": voter.present}
    if identity in vote.codes:
        shown |= {"code": vote.codes[identity], "cards": len(cards.numbers(vote, identity))}
        shown["taken"] = cards.told(vote)[identity]
    if vote.question.way is Way.NAMED:
        shown |= _named(vote, identity, cards.shown_name(vote, voter))
    elif vote.question.way is Way.HANDS:
        shown |= _hall(vote, identity, voter.name, voter.present)
    return shown
