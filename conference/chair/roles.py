"""The roles of the participants of one meeting, and who holds the rights of the chair. Pure.

Owns the roles, the lending of the chair's rights while the chair is away, and their hand-over. Does not know what a role may do
(`rights.py`), and does not check the chair code.

The phases, and who holds the chair's rights in each:

- VACANT: the operators. No chair, co-chair or secretary is connected.
- HELD: the chair, who is connected.
- AWAY: the operators, until the chair has been away for CHAIR_AWAY_S.
- LENT: a co-chair, otherwise a secretary, until the chair comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from conference.chair.rights import Role
from conference.ground import limits
from conference.ground.errors import Refusal
from rooms.policy.bearers import bearer

OPERATORS: Final = ""
"""The holder of the chair's rights while no connected person holds them."""
SUCCESSORS: Final = (Role.CO_CHAIR, Role.SECRETARY)


class Phase(Enum):
    VACANT = "vacant"
    HELD = "held"
    AWAY = "away"
    LENT = "lent"


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of a meeting. The keys are identities. Times are Unix seconds.

    `present` holds the connected participants in the order of arrival, with their roles. A chair has the role CHAIR there.
    `appointed` holds the roles that the chair gave, by bearer, also of people who left. `chair` is the window of the chair that
    has the rights, or had them last: another window of this bearer takes over when this one is gone.
    """

    present: Mapping[str, Role] = field(default_factory=dict)
    appointed: Mapping[str, Role] = field(default_factory=dict)
    chair: str = ""
    booked: bool = False
    """The chair was booked, took the chair, or got the chair from a leader. Another booked chair does not replace this chair."""
    away_since: float | None = None
    lent_to: str = ""

    @property
    def phase(self) -> Phase:
        if self.chair in self.present:
            return Phase.HELD
        if self.lent_to:
            return Phase.LENT
        return Phase.AWAY if self.chair and self.away_since is not None else Phase.VACANT

    @property
    def holder(self) -> str:
        """Return the connected person who holds the chair's rights, or OPERATORS."""
        return self.chair if self.chair in self.present else self.lent_to or OPERATORS

    def of(self, identity: str) -> Role:
        """Return the role by which the rights of a participant are asked. The borrower of the chair's rights counts as chair."""
        if identity and identity == self.holder:
            return Role.CHAIR
        return self.present.get(identity, Role.GUEST)


def gives_roles(state: Roles, identity: str, now: float) -> bool:
    """Report whether an order that changes roles for good is this person's to give. The borrower of the rights gives none until
    the chair has been away for CHAIR_LEFT_S.
    """
    away_s = 0.0 if state.away_since is None else now - state.away_since
    return not state.chair or away_s >= limits.CHAIR_LEFT_S or bearer(identity) == bearer(state.chair)


def of_absent(state: Roles, identity: str, arrival: Role) -> Role:
    """Return the role of a participant whose connection is lost, by the role on `arrival`. Its tracks may still reach the others.
    The chair counts as chair until the rights are lent.
    """
    if identity == state.chair:
        return Role.CO_CHAIR if state.lent_to else Role.CHAIR
    role = state.appointed.get(bearer(identity), arrival)
    return Role.CO_CHAIR if role is Role.CHAIR else role


# -- events


@dataclass(frozen=True, slots=True)
class Came:
    """A participant is connected. `default`: the role is CHAIR only because nobody else is the chair."""

    identity: str
    role: Role
    default: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    identity: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A participant took the chair with the chair code, which was checked."""

    identity: str


@dataclass(frozen=True, slots=True)
class Given:
    """The chair or an operator gives the chair to a participant."""

    identity: str


@dataclass(frozen=True, slots=True)
class Released:
    """The chair gives the role up, or an operator revokes it. `role`: the next role of this person."""

    role: Role = Role.DELEGATE


@dataclass(frozen=True, slots=True)
class Appointed:
    identity: str
    role: Role


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Came | Gone | Taken | Given | Released | Appointed | Tick
EVENTS: Final = (Came, Gone, Taken, Given, Released, Appointed, Tick)


@dataclass(frozen=True, slots=True)
class HolderChanged:
    """The chair's rights have another holder. `lent`: only while the chair is away."""

    before: str
    after: str
    lent: bool


@dataclass(frozen=True, slots=True)
class RoleChanged:
    identity: str
    role: Role


Effect = HolderChanged | RoleChanged


def step(state: Roles, event: Event, now: float) -> tuple[Roles, tuple[Effect, ...]]:
    """Return the new roles and the changes. Raises Refusal `no_chair`, `participant_not_found`, `role_bad`."""
    made = _settled(TABLE[state.phase][type(event)](state, event, now), now)
    # No other role can have changed. A search through all participants at each join would cost the square of their number.
    touched = dict.fromkeys((getattr(event, "identity", ""), state.chair, made.chair, state.holder, made.holder))
    effects: list[Effect] = [
        RoleChanged(identity, made.of(identity))
        for identity in touched
        if identity in made.present and made.of(identity) != _of(state, identity)
    ]
    if made.holder != state.holder:
        effects.append(HolderChanged(state.holder, made.holder, made.phase is Phase.LENT))
    return made, tuple(effects)


def _of(state: Roles, identity: str) -> Role | None:
    return state.of(identity) if identity in state.present else None


def _settled(state: Roles, now: float) -> Roles:
    """Lend the chair's rights, or end the loan."""
    if state.chair in state.present:
        return replace(state, lent_to="", away_since=None)
    lent_to = state.lent_to if state.present.get(state.lent_to) in SUCCESSORS else ""
    waits = state.away_since is not None and now - state.away_since < limits.CHAIR_AWAY_S
    if not lent_to and not waits:
        lent_to = _successor(state)
    return replace(state, lent_to=lent_to)


def _successor(state: Roles) -> str:
    """Return the first co-chair, otherwise the first secretary."""
    for wanted in SUCCESSORS:
        for identity, role in state.present.items():
            if role is wanted:
                return identity
    return ""


def _came(state: Roles, event: Any, now: float) -> Roles:
    identity, role = event.identity, state.appointed.get(bearer(event.identity), event.role)
    away = state.chair not in state.present
    if (
        state.chair and away and bearer(identity) == bearer(state.chair)
    ):  # a page that is loaded again has a new identity
        return _seat(state, identity)
    if role is not Role.CHAIR:
        return replace(state, present={**state.present, identity: role})
    if not state.chair or (not state.booked and (away or not event.default)):
        return replace(_seat(state, identity), booked=not event.default)
    return replace(state, present={**state.present, identity: Role.CO_CHAIR})


def _gone(state: Roles, event: Any, now: float) -> Roles:
    present = {one: role for one, role in state.present.items() if one != event.identity}
    left = event.identity == state.chair and event.identity in state.present
    if not left:
        return replace(state, present=present)
    for one in present:
        if bearer(one) == bearer(state.chair):
            return _seat(replace(state, present=present), one)
    return replace(state, present=present, away_since=now)


def _seat(state: Roles, identity: str) -> Roles:
    """Make a participant the chair. The chair before becomes a co-chair."""
    present = dict(state.present)
    if state.chair in present and state.chair != identity:
        present[state.chair] = Role.CO_CHAIR
    appointed = {one: role for one, role in state.appointed.items() if one != bearer(identity)}
    return replace(
        state,
        present={**present, identity: Role.CHAIR},
        appointed=appointed,
        chair=identity,
        away_since=None,
        lent_to="",
    )


def _given(state: Roles, event: Any, now: float) -> Roles:
    role = _present(state, event.identity)
    if role is Role.OBSERVER:
        raise Refusal("role_bad")
    return replace(_seat(state, event.identity), booked=True)


def _released(state: Roles, event: Any, now: float) -> Roles:
    """Remove the chair. The new role counts as an appointment; otherwise the same person would come back as chair."""
    present = {one: event.role if one == state.chair else role for one, role in state.present.items()}
    appointed = _appointments(state, state.chair, event.role) if state.chair else state.appointed
    return replace(state, present=present, appointed=appointed, chair="", booked=False, away_since=None)


def _no_chair(state: Roles, event: Any, now: float) -> Roles:
    raise Refusal("no_chair")


def _appointed(state: Roles, event: Any, now: float) -> Roles:
    _present(state, event.identity)
    who = bearer(event.identity)
    if who == bearer(state.chair) or event.role in (Role.CHAIR, Role.OPERATOR):
        raise Refusal("role_bad")
    present = {one: event.role if bearer(one) == who else role for one, role in state.present.items()}
    return replace(state, present=present, appointed=_appointments(state, event.identity, event.role))


def _appointments(state: Roles, identity: str, role: Role) -> dict[str, Role]:
    """Return the appointments with a new one. The oldest one gives way."""
    who = bearer(identity)
    appointed = {one: known for one, known in state.appointed.items() if one != who} | {who: role}
    while len(appointed) > limits.ROLES_APPOINTED:
        del appointed[next(iter(appointed))]
    return appointed


def _present(state: Roles, identity: str) -> Role:
    role = state.present.get(identity)
    if role is None:
        raise Refusal("participant_not_found")
    return role


def _same(state: Roles, event: Any, now: float) -> Roles:
    return state


Move = Callable[[Roles, Any, float], Roles]
_ALWAYS: Final[Mapping[type[Event], Move]] = {
    Came: _came,
    Gone: _gone,
    Taken: _given,
    Given: _given,
    Released: _released,
    Appointed: _appointed,
    Tick: _same,
}
TABLE: Final[Mapping[Phase, Mapping[type[Event], Move]]] = {
    Phase.VACANT: {**_ALWAYS, Released: _no_chair},
    Phase.HELD: _ALWAYS,
    Phase.AWAY: _ALWAYS,
    Phase.LENT: _ALWAYS,
}
"""Phase -> event -> move."""


# -- storing


def as_json(state: Roles) -> dict[str, Any]:
    """Return what outlives a restart: the chair and the appointments. Who is connected is not stored."""
    appointed = {identity: role.value for identity, role in state.appointed.items()}
    return {"chair": state.chair, "booked": state.booked, "appointed": appointed}


def from_json(value: Mapping[str, Any], now: float) -> Roles:
    """Return the roles after a restart. The chair counts as away since now."""
    appointed = {str(identity): Role(role) for identity, role in value.get("appointed", {}).items()}
    chair = str(value.get("chair", ""))
    return Roles(appointed=appointed, chair=chair, booked=bool(value.get("booked")), away_since=now if chair else None)
