"""A vote, its states, its events and its effects. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from conference.chair.voting.box import Box
from conference.chair.voting.question import Question, Way


class State(Enum):
    NEW = "new"  # not prepared yet: the vote does not exist
    PREPARED = "prepared"
    OPEN = "open"
    CLOSED = "closed"
    ANNULLED = "annulled"


@dataclass(frozen=True, slots=True)
class Voter:
    """An entitled person, or a hall in a vote by show of hands. Frozen at the opening.

    `delegates`: the entitled people; 1 for a person. `present`: how many of them the roll call counted.
    """

    identity: str
    name: str
    delegates: int = 1
    present: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a closed vote. `counts` holds one number for each option; empty: too few ballots for an announcement."""

    entitled: int
    present: int
    cast: int
    valid: int
    base: int
    counts: tuple[int, ...]
    quorum: bool
    adopted: bool = False
    """True if a motion is adopted, or if a candidate is elected."""
    elected: tuple[int, ...] = ()
    """The elected options, the most votes first."""
    tied: tuple[int, ...] = ()
    """The options with equal votes for the last seats. None of them is elected."""
    voters: tuple[str, ...] = ()
    """The identities of those who cast a ballot, sorted."""
    receipts: tuple[tuple[str, int], ...] = ()
    """The published ballots in a random order: receipt and marks. Only with the setting."""
    digest: str = ""
    """SHA-256 in hexadecimal over the canonical record of the vote (`results.record`)."""


@dataclass(frozen=True, slots=True)
class Vote:
    id: str
    question: Question
    state: State = State.PREPARED
    entitled: tuple[Voter, ...] = ()
    """Sorted by identity."""
    named: Mapping[str, int] = field(default_factory=dict, repr=False)
    """The marks by identity. Only for votes by name."""
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The names that people wrote on cards of sites, by identity of the card. Only for votes by name."""
    codes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The code of each site that has cards for phones, by site. Empty after the closing."""
    old_codes: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The site of each code that a withdrawal of cards replaced. Empty after the closing."""
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The card of each phone, by the hash of the secret of the phone. Empty after the closing."""
    hands: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """For, against and abstain by hall. Only for votes by show of hands."""
    box: Box = field(default_factory=Box, repr=False)
    """Only for secret votes, and empty after the closing."""
    result: Result | None = None
    reason: str = ""
    """Why the vote is annulled."""
    opened_at: float | None = None
    closed_at: float | None = None
    """Unix seconds."""

    @property
    def begun(self) -> bool:
        """Report whether there is a first ballot."""
        return bool(self.named or self.hands or self.box.voted)

    @property
    def cast(self) -> int:
        """The number of ballots, or of raised hands."""
        return len(self.named) + len(self.box.ballots) + sum(map(sum, self.hands.values()))

    def voter(self, identity: str) -> Voter | None:
        return next((one for one in self.entitled if one.identity == identity), None)

    def has_voted(self, identity: str) -> bool:
        return identity in self.named or identity in self.hands or identity in self.box.voted

    @property
    def secret(self) -> bool:
        return self.question.way is Way.SECRET


@dataclass(frozen=True, slots=True)
class Votes:
    """All votes of a meeting. Prepared votes stand in the order in which they will be opened."""

    all: tuple[Vote, ...] = ()

    def get(self, vote: str) -> Vote | None:
        return next((one for one in self.all if one.id == vote), None)

    @property
    def open(self) -> Vote | None:
        return next((one for one in self.all if one.state is State.OPEN), None)

    @property
    def prepared(self) -> tuple[Vote, ...]:
        return tuple(one for one in self.all if one.state is State.PREPARED)


# -- events


@dataclass(frozen=True, slots=True)
class Prepare:
    """Prepare a vote, or replace the question of a prepared vote."""

    vote: str
    question: Question


@dataclass(frozen=True, slots=True)
class Order:
    """Change the order of the prepared votes."""

    votes: tuple[str, ...]
    vote: str = ""
    """Always empty: the order belongs to no single vote."""


@dataclass(frozen=True, slots=True)
class Open:
    vote: str
    entitled: tuple[Voter, ...]


@dataclass(frozen=True, slots=True)
class Admit:
    """Entitle a late person or hall, or count its late delegates, before the first ballot. `cards`: all cards of the site.
    `instead`: the voters that lose their ballot, because they stood for the same site.
    """

    vote: str
    voter: Voter
    cards: tuple[Voter, ...] = ()
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A phone takes the next free card of a site. `phone`: the hash of its secret. `code`: the code that it has read."""

    vote: str
    site: str
    phone: str = field(repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back the cards of a site that have no ballot. The site gets a new code."""

    vote: str
    site: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Cast one ballot. `repr` does not show the choice, so no log does."""

    vote: str
    voter: str
    choices: tuple[int, ...] = field(repr=False)
    """The marked options, from 0."""
    name: str = field(default="", repr=False)
    """The name that the person wrote on the card of a site."""
    phone: str = field(default="", repr=False)
    """The hash of the secret of the phone that holds the card. Empty: no phone casts the ballot."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Enter the raised hands of one hall: for, against, abstain."""

    vote: str
    hall: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Close:
    vote: str


@dataclass(frozen=True, slots=True)
class Annul:
    vote: str
    reason: str


Event = Prepare | Order | Open | Admit | Claim | Withdraw | Cast | Hands | Close | Annul

# -- effects


@dataclass(frozen=True, slots=True)
class Noted:
    """An event for the audit trail and for the replay. A secret ballot makes none. No event holds a choice of a person."""

    what: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to one voter: a code of `announcements`, and a receipt if there is one. `repr` shows neither."""

    voter: str
    code: str = field(repr=False)
    receipt: str = field(default="", repr=False)


Effect = Noted | Told
