"""Whether a participant may come in: pure decisions, and the one question that puts them together.

A join asks `ask` once, in the turn of the event loop in which it joins: two clients cannot take one last place.
A hall that rings is asked again when its call stands, as much may happen in between.
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
    """A conference that somebody wants to enter."""

    @property
    def participants(self) -> Mapping[str, object]:
        """By identity."""

    @property
    def max_participants(self) -> int: ...
    @property
    def removed(self) -> Table[float]:
        """By identity: when an administrator removed it, Unix seconds. Older tokens of that identity are void."""


class Lobbies(Protocol):
    """The lobbies of all conferences."""

    def check(self, grants: Grants, present: bool) -> None:
        """Raises Refusal."""


def ask(grants: Grants, place: Place | None, lobbies: Lobbies, watcher: Watcher | None) -> None:
    """Whether these grants open the place now; None: there is no such conference yet. Raises Refusal."""
    if watcher is not None:
        watcher.admit(grants)
    rejoins = place is not None and grants.identity in place.participants
    lobbies.check(grants, rejoins)
    if place is not None:
        decide(
            grants,
            present=len(place.participants),
            limit=place.max_participants,
            rejoins=rejoins,
            removed_at=place.removed.get(grants.identity),
        )


def check_token(grants: Grants) -> None:
    """What the token alone tells. Raises Refusal."""
    if not grants.join:
        raise Refusal("join_denied")
    if not grants.identity:
        raise Refusal("identity_empty")
    if len(grants.identity.encode()) > limits.IDENTITY_BYTES:
        raise Refusal("identity_too_long")
    check_name(grants.conference)


def check_name(name: str) -> None:
    """Raises Refusal."""
    if not name or len(name.encode()) > limits.CONFERENCE_NAME_BYTES or not name.isprintable():
        raise Refusal("conference_name_bad")


def decide(grants: Grants, *, present: int, limit: int, rejoins: bool, removed_at: float | None) -> None:
    """`removed_at`: when this identity was removed by an administrator; tokens from before that are void. Raises
    Refusal.
    """
    if removed_at is not None and grants.issued_at <= removed_at:
        raise Refusal("removed")
    if not rejoins and present >= limit:
        raise Refusal("conference_full")


def check_lobby(grants: Grants, *, on: bool, passed: bool, revoked_at: float | None) -> None:
    """At the door: whoever a lobby would hold does not come in with a token that the lobby did not give.

    `passed`: he is in, or was when the lobby was switched on. `revoked_at`: when his leave was taken back, Unix seconds.
    Raises Refusal `removed`, `lobby_waits`.
    """
    if revoked_at is not None and grants.issued_at <= revoked_at:
        raise Refusal("removed")
    if on and not passed and grants.passage is Passage.NONE and not grants.may_moderate(grants.conference):
        raise Refusal("lobby_waits")
