"""The orders of votes: their fields, their answers, and how each is performed.

No text of a wrong field shows its value, because the value may be the choice of a secret ballot.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from conference import limits
from conference.chair.voting import limits as bounds
from conference.chair.voting.question import MORE_THAN_HALF, MOTION, Basis, Kind, Question, Share, Way
from conference.chair.voting.refusals import refusal
from conference.chair.voting.vote import Voter
from signaling.orders.performing import Given
from signaling.orders.shapes import Message

ID: Any = Field(min_length=1, max_length=bounds.ID_CHARACTERS)
IDENTITY: Any = Field(min_length=1, max_length=limits.IDENTITY_BYTES, pattern=r"^[^\x00-\x1f]*$")
HANDS: Any = Field(default=0, ge=0, le=bounds.DELEGATES)


class Part(Message):
    """A share of a number: `part` of `whole`. `above`: more than this share. Otherwise at least this share."""

    part: int = Field(default=MORE_THAN_HALF.part, ge=0, le=bounds.PARTS_MOST)
    whole: int = Field(default=MORE_THAN_HALF.whole, ge=1, le=bounds.PARTS_MOST)
    above: bool = MORE_THAN_HALF.above


class Preparing(Message):
    """A vote to prepare. `vote`: the prepared vote whose question is replaced; empty: a new one.

    `options`: the candidates of an election; a motion has none here. `seats`: the most candidates of one ballot. `base`: what
    100 % is. `needs`: the share of the base that a motion or candidate needs. `quorum`: the share of the entitled that must be
    present. `receipts`: only for secret votes. `phones`: each present delegate of a site has a ballot and votes by phone; not by
    show of hands, and not in an important meeting. Otherwise a site has one ballot.
    """

    vote: str = Field(default="", max_length=bounds.ID_CHARACTERS)
    title: str = Field(max_length=bounds.TITLE_CHARACTERS)
    text: str = Field(default="", max_length=bounds.TEXT_CHARACTERS)
    kind: Literal["motion", "election"] = "motion"
    way: Literal["hands", "named", "secret"] = "named"
    options: list[str] = Field(default_factory=list, max_length=bounds.OPTIONS)
    seats: int = Field(default=1, ge=1, le=bounds.OPTIONS)
    base: Literal["entitled", "present", "cast", "valid"] = "entitled"
    needs: Part = Field(default_factory=Part)
    quorum: Part = Field(default_factory=Part)
    receipts: bool = False
    phones: bool = False


class Voted(Message):
    """The vote that an order is about."""

    vote: str = ID


class Ordered(Message):
    """All prepared votes, in the new order."""

    votes: list[str] = Field(max_length=bounds.VOTES)


class Expected(Message):
    """An entitled person or hall, present or absent. `delegates`: the entitled people of a hall, for a vote by show of hands."""

    identity: str = IDENTITY
    name: str = Field(max_length=limits.NAME_BYTES)
    delegates: int = Field(default=1, ge=1, le=bounds.DELEGATES)


class Opening(Voted):
    """The vote to open. `expected`: the entitled; empty: all who are present and may vote."""

    expected: list[Expected] = Field(default_factory=list, max_length=bounds.VOTERS)


class Late(Voted):
    """The participant who came late."""

    identity: str = IDENTITY


class Withdrawn(Voted):
    """The vote, and the site whose cards are taken back. `identity` empty: the own site."""

    identity: str = Field(default="", max_length=limits.IDENTITY_BYTES, pattern=r"^[^\x00-\x1f]*$")


class OwnHands(Voted):
    """The raised hands of the own hall."""

    for_: int = Field(default=0, ge=0, le=bounds.DELEGATES, alias="for")
    against: int = HANDS
    abstain: int = HANDS


class HallHands(OwnHands):
    """The raised hands of a hall."""

    identity: str = IDENTITY


class Annulled(Voted):
    """The vote to annul, and the reason."""

    reason: str = Field(min_length=1, max_length=bounds.REASON_CHARACTERS)


class Ballot(Voted):
    """A ballot: the marked options, from 0. A motion has 0 for, 1 against, 2 abstain. An election may be left blank."""

    model_config = ConfigDict(hide_input_in_errors=True)
    choices: list[int] = Field(max_length=bounds.OPTIONS, repr=False)


class Prepared(Message):
    """The id of the prepared vote."""

    vote: str


class Recorded(Message):
    """The answer to a ballot. `said`: a code, which names no choice of a secret ballot. `receipt`: usually empty."""

    said: str = Field(repr=False)
    receipt: str = Field(repr=False)


class Own(Message):
    """The own part in the open vote. `vote` empty: no vote is open, or the person is not entitled.

    `choices`: the own ballot by name. `counts`: the own raised hands. A secret ballot is never shown. `cards`: how many further
    delegates of the own site may vote by phone, and `taken`: how many phones have their card; null: the vote is secret and cards
    of the site were taken back. `code`: the code that their phones need; empty: no delegate votes by phone.
    """

    vote: str = ""
    voted: bool = False
    present: int = 0
    choices: list[int] | None = None
    counts: list[int] | None = None
    cards: int = 0
    taken: int | None = 0
    code: str = ""


async def prepare(given: Given, wanted: Preparing) -> Prepared:
    if wanted.phones and not _phones(given):
        raise refusal("vote_phones_bad")
    kind = Kind(wanted.kind)
    question = Question(
        wanted.title,
        wanted.text,
        kind,
        Way(wanted.way),
        tuple(wanted.options) or (MOTION if kind is Kind.MOTION else ()),
        wanted.seats,
        Basis(wanted.base),
        _share(wanted.needs),
        _share(wanted.quorum),
        wanted.receipts,
        wanted.phones,
    )
    return Prepared(vote=await given.meeting().polls.prepare(given.by, question, wanted.vote))


def _share(part: Part) -> Share:
    return Share(part.part, part.whole, part.above)


async def reorder(given: Given, wanted: Ordered) -> None:
    await given.meeting().polls.reorder(given.by, wanted.votes)


async def open_(given: Given, wanted: Opening) -> None:
    expected = [Voter(one.identity, one.name, one.delegates) for one in wanted.expected]
    await given.meeting().polls.open(given.by, wanted.vote, expected, phones=_phones(given))


async def admit(given: Given, wanted: Late) -> None:
    await given.meeting().polls.admit(given.by, wanted.vote, wanted.identity, phones=_phones(given))


def _phones(given: Given) -> bool:
    """Report whether people may vote by phone: not in an important meeting, which only halls may see and hear."""
    return not given.around.meetings.is_important(given.conference)


async def count(given: Given, wanted: HallHands) -> None:
    await given.meeting().polls.count(given.by, wanted.vote, wanted.identity, _counts(wanted))


async def hands(given: Given, wanted: OwnHands) -> None:
    await given.meeting().polls.count(given.by, wanted.vote, given.by.identity, _counts(wanted))


def _counts(wanted: OwnHands) -> tuple[int, ...]:
    return wanted.for_, wanted.against, wanted.abstain


async def close(given: Given, wanted: Voted) -> None:
    """Close the vote, and seal its result into the audit trail. The digest belongs to the whole record of the vote."""
    result = await given.meeting().polls.close(given.by, wanted.vote)
    detail = {"vote": wanted.vote, "cast": result.cast, "counts": list(result.counts), "digest": result.digest}
    given.note("vote.close", detail)


async def annul(given: Given, wanted: Annulled) -> None:
    await given.meeting().polls.annul(given.by, wanted.vote, wanted.reason)
    given.note("vote.annul", {"vote": wanted.vote})


async def withdraw(given: Given, wanted: Withdrawn) -> None:
    site = wanted.identity or given.by.identity
    await given.meeting().polls.phones.withdraw(given.by, wanted.vote, site)
    given.note("vote.withdraw", {"vote": wanted.vote, "site": site})


async def cast(given: Given, wanted: Ballot) -> Recorded:
    told = await given.meeting().polls.cast(given.by, wanted.vote, tuple(wanted.choices))
    return Recorded(said=told.code, receipt=told.receipt)


async def own(given: Given, _wanted: Message) -> Own:
    found = given.meeting().polls.own(given.by.identity) or {}
    return Own.model_validate({key: value for key, value in found.items() if key in Own.model_fields})
