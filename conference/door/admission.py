"""The admission check: pure rules, and `ask`, which combines them.

A client is checked by `ask` and joined in the same turn of the event loop, so two clients cannot both take the last place. A
hall is checked again when its call is answered, because the state may change while the terminal rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants, Passage
from conference.ports.shared import Table
from conference.ports.watchers import Watcher


class Place(Protocol):
    """A conference that a client wants to join."""

    @property
    def participants(self) -> Mapping[str, object]:
        """The participants, by identity."""

    @property
    def max_participants(self) -> int: ...
    @property
    def removed(self) -> Table[float]:
        """The time of each removal by an administrator, by identity, in Unix seconds. Older tokens of that identity are void."""

    def shuts_out(self, grants: Grants) -> bool:
        """Report whether the meeting is locked for these grants."""


class Lobbies(Protocol):
    """The lobbies of all conferences."""

    def check(self, grants: Grants, present: bool) -> None:
        """Raise Refusal if the bearer of these grants must wait in the lobby, or can no longer enter. `present`: the identity
        is in the conference.
        """


def ask(grants: Grants, place: Place | None, lobbies: Lobbies, watcher: Watcher | None) -> None:
    """Raise Refusal if these grants do not admit the bearer now. `place` is None if the conference does not exist yet."""
    if watcher is not None:
        watcher.admit(grants)
    rejoins = place is not None and grants.identity in place.participants
    lobbies.check(grants, rejoins)
    if place is not None:
        let_in(grants, place)


def let_in(grants: Grants, place: Place) -> None:
    """Raise Refusal if the conference itself keeps the bearer out: removed, no place left, locked."""
    rejoins = grants.identity in place.participants
    decide(
        grants,
        present=len(place.participants),
        limit=place.max_participants,
        rejoins=rejoins,
        removed_at=place.removed.get(grants.identity),
    )
    if not rejoins and place.shuts_out(grants):
        raise Refusal("conference_locked")


def check_token(grants: Grants) -> None:
    """Check the rules that need only the token. Raises Refusal."""
    if not grants.join:
        raise Refusal("join_denied")
    if not grants.identity:
        raise Refusal("identity_empty")
    if len(grants.identity.encode()) > limits.IDENTITY_BYTES:
        raise Refusal("identity_too_long")
    if not grants.identity.isprintable():
        raise Refusal("identity_bad")
    check_name(grants.conference)


def check_name(name: str) -> None:
    """Raise Refusal if the name is not valid for a conference."""
    if not name or len(name.encode()) > limits.CONFERENCE_NAME_BYTES or not name.isprintable():
        raise Refusal("conference_name_bad")


def decide(grants: Grants, *, present: int, limit: int, rejoins: bool, removed_at: float | None) -> None:
    """Check removal and the participant limit. Raises Refusal.

    `removed_at` is the time when an administrator removed this identity. Older tokens are void.
    """
    if removed_at is not None and grants.issued_at <= removed_at:
        raise Refusal("removed")
    if not rejoins and present >= limit:
        raise Refusal("conference_full")


def check_lobby(grants: Grants, *, on: bool, passed: bool, revoked_at: float | None) -> None:
    """Raise Refusal `removed` if the permission to enter was taken back after the token was issued. Raise `lobby_waits` if the
    lobby is on and the bearer must wait in it.

    `passed`: the bearer is in the conference, or was in it when the lobby was switched on. `revoked_at`: the time when the
    permission was taken back, in Unix seconds. People with a passage, and hosts, do not wait.
    """
    if revoked_at is not None and grants.issued_at <= revoked_at:
        raise Refusal("removed")
    if on and not passed and grants.passage is Passage.NONE and not grants.may_moderate(grants.conference):
        raise Refusal("lobby_waits")
