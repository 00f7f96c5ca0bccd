"""A knock: one person who asks to come in, how far that is decided, and who wants to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.names import folded

Tell = Callable[[], None]


class State(Enum):
    """Of somebody who knocked."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    DENIED = "denied"
    EXPIRED = "expired"
    ENDED = "ended"
    GONE = "gone"


class Happening(Enum):
    """What ends the waiting, or takes an admission back."""

    ADMIT = "admit"
    DENY = "deny"
    EXPIRE = "expire"
    END = "end"
    LEAVE = "leave"


MOVES: Final[dict[tuple[State, Happening], State]] = {
    (State.WAITING, Happening.ADMIT): State.ADMITTED,
    (State.WAITING, Happening.DENY): State.DENIED,
    (State.WAITING, Happening.EXPIRE): State.EXPIRED,
    (State.WAITING, Happening.END): State.ENDED,
    (State.WAITING, Happening.LEAVE): State.GONE,
    (State.ADMITTED, Happening.DENY): State.DENIED,
}
"""Everything else changes nothing: what was decided stays so."""


@dataclass(frozen=True, slots=True)
class Knocker:
    """Who asks. `key`: by what one person is known again wherever he sits (an account); empty: by his ticket alone. `bearer`: the
    invitation or account that vouches for his name; a link of a unit may be in several hands. `always`: he waits whatever is
    set. `source`: his network, for the bound of those without a key.
    """

    identity: str
    name: str
    way: str = ""
    key: str = ""
    bearer: str = ""
    always: bool = False
    source: str = ""

    @property
    def person(self) -> str:
        """The one name of a person who comes without a ticket: the account, else the origin and the name that the person gave."""
        return f"key {self.key}" if self.key else f"{self.origin} {folded(self.name)}"

    @property
    def origin(self) -> str:
        """Way, link and network together. One person may give several names there. Empty: an account has one name only."""
        return "" if self.key else f"from {self.way} {self.bearer} {self.source}"


@dataclass(slots=True)
class Knock:
    """`ticket` is the secret of whoever waits; `id` is what hosts see."""

    id: str
    ticket: str
    who: Knocker
    since: float
    seen_at: float
    state: State = State.WAITING
    why: Refusal | None = None
    tells: list[Tell] = field(default_factory=list)

    def move(self, happening: Happening, why: Refusal | None = None) -> bool:
        """Whether it changed anything."""
        state = MOVES.get((self.state, happening))
        if state is None:
            return False
        self.state, self.why = state, why
        self.news()
        return True

    def listen(self, tell: Tell) -> bool:
        """`tell` is called once, at the next news; of too many windows the first one is told to look now."""
        self.tells.append(tell)
        if len(self.tells) > limits.LOBBY_LISTENERS:
            self.tells.pop(0)()
        return True

    def listens_not(self, tell: Tell) -> None:
        if tell in self.tells:
            self.tells.remove(tell)

    def news(self) -> None:
        tells, self.tells = self.tells, []
        for tell in tells:
            tell()
