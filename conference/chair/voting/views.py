"""The views of the votes for each audience. A view of a secret vote holds the number of ballots, and no name of a voter. Pure."""

from __future__ import annotations

from typing import Any

from conference.chair.voting.question import Way, choices_of
from conference.chair.voting.stored import question_as_json, result_as_json
from conference.chair.voting.vote import State, Vote, Votes

JSON = dict[str, Any]


def host(votes: Votes) -> JSON:
    """Return the view of the chair, the secretary and the operator: all votes, and the open ballots while they arrive."""
    return _view([_host(one) for one in votes.all])


def member(votes: Votes) -> JSON:
    """Return the view of all others: the votes that were opened. Ballots and hands are shown after the closing."""
    return _view([_member(one) for one in votes.all if one.opened_at is not None])


def _view(rows: list[JSON]) -> JSON:
    """Key the votes by id, so that a merge patch holds only the vote that changed."""
    return {"order": [one["id"] for one in rows], "by_id": {one["id"]: one for one in rows}}


def _host(vote: Vote) -> JSON:
    shown = _member(vote)
    if vote.state is State.OPEN and not vote.secret:
        shown |= _ballots(vote)
    return shown


def _member(vote: Vote) -> JSON:
    entitled = sum(one.delegates for one in vote.entitled)
    present = sum(one.present for one in vote.entitled)
    shown: JSON = {
        "id": vote.id,
        **question_as_json(vote.question),
        "state": vote.state.value,
        "entitled": entitled,
        "present": present,
        "quorum_reached": vote.question.quorum.reached(present, entitled),
        "cast": vote.cast if vote.result is None else vote.result.cast,
        "reason": vote.reason,
        "result": None,
    }
    if vote.result is not None:
        result = result_as_json(vote.result)
        del result["voters"]
        shown |= {"result": result, **_ballots(vote)}
    return shown


def _ballots(vote: Vote) -> JSON:
    if vote.question.way is Way.NAMED:
        rows: JSON = {one.identity: _named(vote, one.identity, one.name) for one in vote.entitled}
    elif vote.question.way is Way.HANDS:
        rows = {one.identity: _hall(vote, one.identity, one.name, one.present) for one in vote.entitled}
    else:
        return {}
    return {"rows": rows}


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
    if vote.question.way is Way.NAMED:
        shown |= _named(vote, identity, voter.name)
    elif vote.question.way is Way.HANDS:
        shown |= _hall(vote, identity, voter.name, voter.present)
    return shown
