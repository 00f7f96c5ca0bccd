"""The one content token of a conference: its holder shows slides. For halls and browsers alike. No clock and no I/O.

A request takes the token over, as in a meeting room with one cable. This module does not know how participants are notified
(BFCP, the browser protocol) or what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

ContentTokenState = Literal["granted", "denied", "released", "revoked"]


@dataclass(frozen=True, slots=True)
class ContentTokenChange:
    """The new state of one participant's request."""

    who: str
    state: ContentTokenState


class ContentToken:
    """The content token. `may` says who can hold it: one site, all participants, or only the chair."""

    def __init__(self, may: Callable[[str], bool] = lambda _: True) -> None:
        self.may = may
        self.holder: str | None = None

    def ask(self, who: str) -> list[ContentTokenChange]:
        """Request the token. The first returned change is always that of `who`. A repeated request changes nothing."""
        before = self.holder
        if who != before and not self.may(who):
            return [ContentTokenChange(who, "denied")]
        self.holder = who
        lost = [ContentTokenChange(before, "revoked")] if before is not None and before != who else []
        return [ContentTokenChange(who, "granted"), *lost]

    def revoke(self) -> list[ContentTokenChange]:
        """Take the token back by order of the chair."""
        return self._free("revoked")

    def give_up(self, who: str) -> list[ContentTokenChange]:
        """Give up the token, also when a participant leaves."""
        return self._free("released") if who == self.holder else []

    def _free(self, state: ContentTokenState) -> list[ContentTokenChange]:
        before, self.holder = self.holder, None
        return [] if before is None else [ContentTokenChange(before, state)]


def follow_browsers(token: ContentToken, before: Collection[str], shares: Sequence[str]) -> list[ContentTokenChange]:
    """Give the token to browsers that share, because a browser does not request it. `before`: the browsers that shared until
    now.
    """
    changes = [change for who in before if who not in shares for change in token.give_up(who)]
    asking = [who for who in shares if who not in before]
    if token.holder is None and not asking:
        asking = list(shares[:1])  # the hall that took over has finished, but the browser still shares
    return changes + [change for who in asking if token.may(who) for change in token.ask(who)]
