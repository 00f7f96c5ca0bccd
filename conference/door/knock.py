"""A knock: a person's request to enter, its state, and the callbacks that wait for news about the request."""

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
    """The state of a knock."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    DENIED = "denied"
    EXPIRED = "expired"
    ENDED = "ended"
    GONE = "gone"


class Happening(Enum):
    """The events that end the waiting or take an admission back."""

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
"""The state table. A pair that is not in the table changes nothing. After a decision, only an admission can still change: a
host may deny it.
"""


@dataclass(frozen=True, slots=True)
class Knocker:
    """The person who knocks.

    - `key` identifies the person on every device (an account, or a registered terminal). If it is empty, only the
      ticket identifies the person.
    - `way` is the kind of entry, such as `share_link` or `hall_terminal`.
    - `bearer` is the invitation or account that confirms the name. Several people may share the link of a unit.
    - `always`: the person waits even if the lobby is off.
    - `source` is the person's network. The lobby limits the number of people without a key from one network.
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
        """The name under which denials of this person are counted: the account; otherwise the origin and the name that the
        person gave.
        """
        return f"key {self.key}" if self.key else f"{self.origin} {folded(self.name)}"

    @property
    def origin(self) -> str:
        """The way, link and network together. One person may give several names from one origin. Empty for an account, because
        an account has only one name.
        """
        return "" if self.key else f"from {self.way} {self.bearer} {self.source}"


@dataclass(slots=True)
class Knock:
    """`ticket` is the secret of the person who waits. Hosts see only `id`."""

    id: str
    ticket: str
    who: Knocker
    since: float
    seen_at: float
    state: State = State.WAITING
    why: Refusal | None = None
    tells: list[Tell] = field(default_factory=list)

    def move(self, happening: Happening, why: Refusal | None = None) -> bool:
        """Change the state by the table. Report whether the state changed."""
        state = MOVES.get((self.state, happening))
        if state is None:
            return False
        self.state, self.why = state, why
        self.news()
        return True

    def listen(self, tell: Tell) -> bool:
        """Call `tell` once, at the next news. If too many windows listen, the oldest is called now, so that it asks again."""
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
