"""The count of a vote, and the record whose digest the audit trail keeps. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from conference.chair.voting import limits
from conference.chair.voting.box import Ballot, Randomness, shuffled
from conference.chair.voting.question import FOR, Basis, Kind, Way, choices_of
from conference.chair.voting.stored import question_as_json, result_as_json
from conference.chair.voting.vote import Result, Vote


def count(vote: Vote, randomness: Randomness) -> Result:
    """Return the result of an open vote, with its digest."""
    question = vote.question
    ballots = [*vote.named.values(), *(one.marks for one in vote.box.ballots)]
    if question.way is Way.HANDS:
        counts = tuple(sum(column) for column in zip(*vote.hands.values(), strict=True)) or (0,) * len(question.options)
        cast = valid = sum(counts)
    else:
        counts, cast = _tally(ballots, len(question.options)), len(ballots)
        valid = cast if question.kind is Kind.MOTION else sum(one != 0 for one in ballots)
    entitled = sum(one.delegates for one in vote.entitled)
    present = sum(max(one.present, int(vote.has_voted(one.identity))) for one in vote.entitled)
    base = {Basis.ENTITLED: entitled, Basis.PRESENT: present, Basis.CAST: cast, Basis.VALID: valid}[question.base]
    made = Result(entitled, present, cast, valid, base, counts, question.quorum.reached(present, entitled))
    made = replace(made, voters=tuple(one.identity for one in vote.entitled if vote.has_voted(one.identity)))
    if vote.secret and cast < limits.SECRET_LEAST:
        made = replace(made, valid=0, base=0, counts=())  # The blank ballots would tell something too.
    elif made.quorum:
        made = _decided(vote, made)
        made = replace(made, receipts=_published(vote.box.ballots, randomness) if question.receipts else ())
    return replace(made, digest=digest(vote, made))


def _tally(ballots: Iterable[int], options: int) -> tuple[int, ...]:
    counts = [0] * options
    for marks in ballots:
        for choice in choices_of(marks):
            counts[choice] += 1
    return tuple(counts)


def _decided(vote: Vote, made: Result) -> Result:
    question = vote.question
    if question.kind is Kind.MOTION:
        return replace(made, adopted=question.needs.reached(made.counts[FOR], made.base))
    enough = [one for one, votes in enumerate(made.counts) if votes and question.needs.reached(votes, made.base)]
    ranked = sorted(enough, key=lambda one: -made.counts[one])
    tied: tuple[int, ...] = ()
    if len(ranked) > question.seats and made.counts[ranked[question.seats - 1]] == made.counts[ranked[question.seats]]:
        tied = tuple(one for one in ranked if made.counts[one] == made.counts[ranked[question.seats]])
    elected = tuple(one for one in ranked[: question.seats] if one not in tied)
    return replace(made, adopted=bool(elected), elected=elected, tied=tied)


def _published(ballots: tuple[Ballot, ...], randomness: Randomness) -> tuple[tuple[str, int], ...]:
    return tuple((one.receipt.hex(), one.marks) for one in shuffled(ballots, randomness))


def record(vote: Vote, made: Result) -> dict[str, Any]:
    """Return the complete public record of a vote: the question, the entitled, the open ballots and the result."""
    result = result_as_json(made)
    del result["digest"]
    return {
        "vote": vote.id,
        "question": question_as_json(vote.question),
        "entitled": [[one.identity, one.name, one.delegates, one.present] for one in vote.entitled],
        "named": dict(vote.named),
        **({"names": dict(vote.names)} if vote.names else {}),
        "hands": {hall: list(counts) for hall, counts in vote.hands.items()},
        "opened_at": vote.opened_at,
        "closed_at": vote.closed_at,
        "result": result,
    }


def digest(vote: Vote, made: Result) -> str:
    """Return SHA-256 over the record as JSON: sorted keys, no blanks, UTF-8."""
    text = json.dumps(record(vote, made), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
