"""The one content token of a conference: its holder may show slides, and others wait. For halls and browsers alike. No clock
and no I/O.

Decides by a rule. Does not know how participants are notified (BFCP, the browser protocol) or what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from conference.ground import limits

ContentTokenRule = Literal["take", "queue", "deny", "approve"]
"""The effect of a request while another participant holds the token: take it over, wait, or be denied. "approve": all wait for
the chair.
"""
ContentTokenState = Literal["pending", "granted", "denied", "cancelled", "released", "revoked"]


@dataclass(frozen=True, slots=True)
class ContentTokenChange:
    """The new state of one participant's request. `position` counts waiting requests from 1."""

    who: str
    state: ContentTokenState
    position: int = 0


class ContentToken:
    """The content token. `may` says who can hold it: one site, all participants, or only the chair."""

    def __init__(self, rule: ContentTokenRule = "take", may: Callable[[str], bool] = lambda _: True) -> None:
        self.rule: ContentTokenRule = rule
        self.may = may
        self.holder: str | None = None
        self._waiting: list[str] = []

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(self._waiting)

    def state_of(self, who: str) -> ContentTokenChange | None:
        if who == self.holder:
            return ContentTokenChange(who, "granted")
        if who in self._waiting:
            return ContentTokenChange(who, "pending", self._waiting.index(who) + 1)
        return None

    def ask(self, who: str) -> list[ContentTokenChange]:
        """Request the token. The first returned change is always that of `who`. A repeated request changes nothing."""
        standing = self.state_of(who)
        if standing is not None:
            return [standing]
        if not self.may(who):
            return [ContentTokenChange(who, "denied")]
        if self.rule == "approve" or (self.holder is not None and self.rule == "queue"):
            if len(self._waiting) >= limits.CONTENT_TOKEN_REQUESTS:
                return [ContentTokenChange(who, "denied")]
            self._waiting.append(who)
            return [ContentTokenChange(who, "pending", len(self._waiting))]
        if self.holder is not None and self.rule == "deny":
            return [ContentTokenChange(who, "denied")]
        return self._hand(who)

    def grant(self, who: str) -> list[ContentTokenChange]:
        """Give the token by order of the chair, with or without a request."""
        if who == self.holder:
            return []
        waited = who in self._waiting
        return self._hand(who) + (self._moved() if waited else [])

    def deny(self, who: str) -> list[ContentTokenChange]:
        if who not in self._waiting:
            return []
        self._waiting.remove(who)
        return [ContentTokenChange(who, "denied"), *self._moved()]

    def revoke(self) -> list[ContentTokenChange]:
        """Take the token back by order of the chair. The next waiting participant gets it, unless the chair approves each
        request.
        """
        return self._free("revoked")

    def give_up(self, who: str) -> list[ContentTokenChange]:
        """Give up the token or a waiting request, also when a participant leaves."""
        if who == self.holder:
            return self._free("released")
        if who not in self._waiting:
            return []
        self._waiting.remove(who)
        return [ContentTokenChange(who, "cancelled"), *self._moved()]

    def _hand(self, who: str) -> list[ContentTokenChange]:
        before = self.holder
        self.holder = who
        if who in self._waiting:
            self._waiting.remove(who)
        return [
            ContentTokenChange(who, "granted"),
            *([ContentTokenChange(before, "revoked")] if before is not None else []),
        ]

    def _free(self, state: ContentTokenState) -> list[ContentTokenChange]:
        if self.holder is None:
            return []
        changes = [ContentTokenChange(self.holder, state)]
        self.holder = None
        if self._waiting and self.rule != "approve":
            self.holder = self._waiting.pop(0)
            changes += [ContentTokenChange(self.holder, "granted"), *self._moved()]
        return changes

    def _moved(self) -> list[ContentTokenChange]:
        return [ContentTokenChange(who, "pending", position) for position, who in enumerate(self._waiting, 1)]


def follow_browsers(token: ContentToken, before: Collection[str], shares: Sequence[str]) -> list[ContentTokenChange]:
    """Give the token to browsers that share, because a browser does not request it. `before`: the browsers that shared until
    now.
    """
    changes = [change for who in before if who not in shares for change in token.give_up(who)]
    asking = [who for who in shares if who not in before]
    if token.holder is None and not asking:
        asking = list(shares[:1])  # the hall that took over has finished, but the browser still shares
    return changes + [change for who in asking if token.may(who) for change in token.ask(who)]
