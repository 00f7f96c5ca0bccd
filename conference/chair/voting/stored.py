"""The votes as JSON values for the database, and back. The box of an open secret vote is sealed.

There is one form for the list of all votes, with the questions of those that were never opened, and one form for each other vote.
So a ballot writes its own vote only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from conference.chair.voting import box as boxes
from conference.chair.voting import cards
from conference.chair.voting.box import Box
from conference.chair.voting.question import Basis, Kind, Question, Share, Way
from conference.chair.voting.vote import Result, State, Vote, Voter, Votes

JSON = dict[str, Any]

VERSION = 1
"""The version of the JSON form."""
LIST = "votes"
"""The name of the form of the list."""
BOX_LOST = "Máy chủ khởi động lại và không mở được hòm phiếu kín. Hãy biểu quyết lại."
"""The reason of a vote whose box no key opens after a restart. A person reads it."""


class Restored(NamedTuple):
    votes: Votes
    lost: tuple[str, ...]
    """The secret votes that are annulled because no key opens their box."""


def sealed(vote: Vote | None) -> bool:
    """Report whether the form of this vote holds a sealed box, and needs a key."""
    return vote is not None and vote.secret and vote.state is State.OPEN


def changed(before: Votes, after: Votes) -> Vote | None:
    """Return the vote whose form one event has changed. None: the list has changed."""
    return next((one for one in after.all if one.opened_at is not None and before.get(one.id) != one), None)


def form_of(votes: Votes, vote: Vote | None, key: bytes = b"") -> tuple[str, JSON]:
    """Return the name and the form of a vote, or of the list (None). `key` is fresh for each sealed form."""
    if vote is not None:
        return f"vote {vote.id}", {"version": VERSION, "vote": _vote_as_json(vote, key)}
    rows = [{"id": one.id} if one.opened_at is not None else _vote_as_json(one, b"") for one in votes.all]
    return LIST, {"version": VERSION, "votes": rows}


def of_json(forms: Mapping[str, Mapping[str, Any]], keys: Sequence[bytes] = ()) -> Restored:
    """Return the votes of all stored forms, by name. `keys`: the keys that the escrow holds.

    A vote that was opened has a form of its own, which is newer than its row in the list.
    """
    read = list(_read(forms, keys))
    return Restored(Votes(tuple(one for one, _ in read)), tuple(one.id for one, lost in read if lost))


def _read(forms: Mapping[str, Mapping[str, Any]], keys: Sequence[bytes]) -> Iterator[tuple[Vote, bool]]:
    for row in _known(forms, LIST).get("votes", ()):
        form = _known(forms, f"vote {row['id']}").get("vote")
        if form is not None or "question" in row:
            yield _vote_of_json(form or row, keys)


def _known(forms: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """Return a form. Empty: there is none, or another version of the program wrote it."""
    form = forms.get(name, {})
    return form if form.get("version") == VERSION else {}


def _vote_as_json(vote: Vote, key: bytes) -> JSON:
    names = [one.identity for one in vote.entitled]
    return {
        "id": vote.id,
        "question": question_as_json(vote.question),
        "state": vote.state.value,
        "entitled": [[one.identity, one.name, one.delegates, one.present] for one in vote.entitled],
        "named": dict(sorted(vote.named.items())),
        "names": dict(sorted(vote.names.items())),
        "codes": dict(sorted(vote.codes.items())),
        "old_codes": dict(sorted(vote.old_codes.items())),
        "claims": {} if sealed(vote) else dict(sorted(vote.claims.items())),
        "hands": {hall: list(counts) for hall, counts in sorted(vote.hands.items())},
        "box": _box(vote, names, key) if sealed(vote) else None,
        "result": None if vote.result is None else result_as_json(vote.result),
        "reason": vote.reason,
        "opened_at": vote.opened_at,
        "closed_at": vote.closed_at,
    }


def _box(vote: Vote, names: list[str], key: bytes) -> str:
    """Return the sealed box, with the claims of phones: in clear they would tell which phone has which card, and when it came."""
    return boxes.seal(vote.box, vote.id, names, vote.question.receipts, key, cards.packed(names, vote.claims))


def _vote_of_json(value: JSON, keys: Sequence[bytes]) -> tuple[Vote, bool]:
    question, state = _question_of_json(value["question"]), State(value["state"])
    entitled = tuple(Voter(*one) for one in value["entitled"])
    names = [one.identity for one in entitled]
    box: Box | None = Box()
    claims: dict[str, str] = value.get("claims", {})
    if value["box"] is not None:
        opened = boxes.unseal(value["box"], value["id"], names, question.receipts, keys)
        box = opened.box if opened is not None else None
        claims = claims | cards.unpacked(names, opened.claims) if opened is not None else {}
    vote = Vote(
        value["id"],
        question,
        State.ANNULLED if box is None else state,
        entitled,
        value["named"],
        value.get("names", {}),
        {} if box is None else value.get("codes", {}),
        {} if box is None else value.get("old_codes", {}),
        claims,
        {hall: tuple(counts) for hall, counts in value["hands"].items()},
        box or Box(),
        None if value["result"] is None else _result_of_json(value["result"]),
        BOX_LOST if box is None else value["reason"],
        value["opened_at"],
        value["closed_at"],
    )
    return vote, box is None


def question_as_json(question: Question) -> JSON:
    return {
        "title": question.title,
        "text": question.text,
        "kind": question.kind.value,
        "way": question.way.value,
        "options": list(question.options),
        "seats": question.seats,
        "base": question.base.value,
        "needs": _share_as_json(question.needs),
        "quorum": _share_as_json(question.quorum),
        "receipts": question.receipts,
        "phones": question.phones,
    }


def _question_of_json(value: JSON) -> Question:
    return Question(
        value["title"],
        value["text"],
        Kind(value["kind"]),
        Way(value["way"]),
        tuple(value["options"]),
        value["seats"],
        Basis(value["base"]),
        Share(**value["needs"]),
        Share(**value["quorum"]),
        value["receipts"],
        value.get("phones", False),
    )


def _share_as_json(share: Share) -> JSON:
    return {"part": share.part, "whole": share.whole, "above": share.above}


def result_as_json(result: Result) -> JSON:
    return {
        "entitled": result.entitled,
        "present": result.present,
        "cast": result.cast,
        "valid": result.valid,
        "base": result.base,
        "counts": list(result.counts),
        "quorum": result.quorum,
        "adopted": result.adopted,
        "elected": list(result.elected),
        "tied": list(result.tied),
        "voters": list(result.voters),
        "receipts": [list(one) for one in result.receipts],
        "digest": result.digest,
    }


def _result_of_json(value: JSON) -> Result:
    lists = {name: tuple(value[name]) for name in ("counts", "elected", "tied", "voters")}
    return Result(**{**value, **lists, "receipts": tuple((code, marks) for code, marks in value["receipts"])})
