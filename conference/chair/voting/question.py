"""A question that is put to the vote: its text, the way of voting, and the rule of the decision. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from conference.chair.voting import limits
from conference.chair.voting.refusals import refusal


class Kind(Enum):
    MOTION = "motion"  # for, against, abstain
    ELECTION = "election"  # at most `seats` of a list


class Way(Enum):
    HANDS = "hands"  # giơ tay: counts for each hall
    NAMED = "named"  # ghi tên: one ballot a person, with the name
    SECRET = "secret"  # bỏ phiếu kín  # noqa: S105 not a password


class Basis(Enum):
    """The number that is 100 %."""

    ENTITLED = "entitled"
    PRESENT = "present"
    CAST = "cast"
    VALID = "valid"


FOR, AGAINST, ABSTAIN = range(3)
MOTION: Final = ("for", "against", "abstain")
"""The options of a motion. The pages write them in the reader's language."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the base. `above`: more than this part. False: at least this part."""

    part: int
    whole: int
    above: bool = False

    def reached(self, number: int, base: int) -> bool:
        """Report whether `number` of `base` is enough. Nothing is enough of an empty base."""
        found, needed = number * self.whole, self.part * base
        return base > 0 and (found > needed if self.above else found >= needed)


MORE_THAN_HALF: Final = Share(1, 2, above=True)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its rules. `seats`: the most candidates that one ballot may mark, and that can be elected."""

    title: str
    text: str = ""
    kind: Kind = Kind.MOTION
    way: Way = Way.NAMED
    options: tuple[str, ...] = MOTION
    seats: int = 1
    base: Basis = Basis.ENTITLED
    needs: Share = MORE_THAN_HALF
    """The share of the base that a motion or a candidate needs."""
    quorum: Share = MORE_THAN_HALF
    """The share of the entitled that must be present."""
    receipts: bool = False
    """Give each secret ballot a random code that its voter can find in the published list. Only for secret votes."""
    phones: bool = False
    """Each present delegate of a site has a ballot, and votes by phone (`cards.py`). Without this, a site has one ballot. Not for
    votes by show of hands.
    """


def check(question: Question) -> None:
    """Raise the Refusal of a question that cannot be put to the vote."""
    if not question.title.strip() or len(question.title) > limits.TITLE_CHARACTERS:
        raise refusal("vote_text_bad")
    if len(question.text) > limits.TEXT_CHARACTERS:
        raise refusal("vote_text_bad")
    _check_options(question)
    for share in (question.needs, question.quorum):
        if not 0 <= share.part <= share.whole <= limits.PARTS_MOST or share.whole < 1:
            raise refusal("vote_share_bad")
        if share.above and share.part == share.whole:
            raise refusal("vote_share_bad")
    if question.receipts and question.way is not Way.SECRET:
        raise refusal("vote_receipts_bad")
    if question.phones and question.way is Way.HANDS:
        raise refusal("vote_phones_bad")


def _check_options(question: Question) -> None:
    options = question.options
    if question.kind is Kind.MOTION:
        if options != MOTION:
            raise refusal("vote_options_bad")
        if question.seats != 1:
            raise refusal("vote_seats_bad")
        return
    if question.way is Way.HANDS:
        raise refusal("vote_election_by_hands")
    if not 1 <= len(options) <= limits.OPTIONS or len(set(options)) != len(options):
        raise refusal("vote_options_bad")
    if any(not one.strip() or len(one) > limits.OPTION_CHARACTERS for one in options):
        raise refusal("vote_options_bad")
    if not 1 <= question.seats <= len(options):
        raise refusal("vote_seats_bad")


def marks_of(question: Question, choices: tuple[int, ...]) -> int:
    """Return the marks of a ballot: bit n for option n. An election may be left blank. Raise `vote_choice_bad`."""
    fewest = 1 if question.kind is Kind.MOTION else 0
    within = all(0 <= one < len(question.options) for one in choices)
    if not within or len(set(choices)) != len(choices) or not fewest <= len(choices) <= question.seats:
        raise refusal("vote_choice_bad")
    return sum(1 << one for one in choices)


def choices_of(marks: int) -> tuple[int, ...]:
    return tuple(one for one in range(limits.OPTIONS) if marks >> one & 1)
