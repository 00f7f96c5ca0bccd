"""A vote by the keypad of a hall: `*11` for, `*12` against, `*13` abstain. Pure.

A keypad can vote on motions by name and in secret. One hall is then one entitled person: its head of delegation. Other people of
the hall vote by page or phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conference.chair.voting.question import Kind, Way
from conference.chair.voting.vote import Cast, Votes

SPOKEN: Final[Mapping[str, str]] = {
    "vote_not_entitled": "vote_not_yours",
    "vote_cast_already": "vote_already",
}
"""The announcement for a refusal of a ballot from a keypad. Other refusals cannot happen after `ballot`: `vote_none`."""


def ballot(votes: Votes, hall: str, choice: int) -> Cast | str:
    """Return the ballot, or the code of the announcement that says why there is none. `choice`: FOR, AGAINST or ABSTAIN."""
    vote = votes.open
    if vote is None:
        return "vote_none"
    if vote.question.way is Way.HANDS:
        return "vote_hands"
    if vote.question.kind is Kind.ELECTION:
        return "vote_by_page"
    return Cast(vote.id, hall, (choice,))
