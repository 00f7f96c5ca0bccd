"""Whether somebody may come in: pure decisions."""

from __future__ import annotations

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants, Passage


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
