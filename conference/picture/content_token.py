"""The one content token of a conference: who may show slides, who waits. For halls and browsers alike; pure.

Decides by a rule; does not know how anybody is told (BFCP, the browser protocol) nor what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from conference.ground import limits

ContentTokenRule = Literal["take", "queue", "deny", "approve"]
"""What a request does while another holds the token: takes it over, waits, is denied. "approve": all wait for the chair."""
ContentTokenState = Literal["pending", "granted", "denied", "cancelled", "released", "revoked"]


@dataclass(frozen=True, slots=True)
class ContentTokenChange:
    """What became of the request of one. `position` counts from 1 for those who wait."""

    who: str
    state: ContentTokenState
    position: int = 0


class ContentToken:
    """`may` says who may hold it at all: one named site, everybody, the chair only."""

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
        """The first change is always that of `who`. Asking again changes nothing."""
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
        """The chair gives it, whether it was asked for or not."""
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
        """The chair takes it back; the next one who waits has it, unless the chair approves each."""
        return self._free("revoked")

    def give_up(self, who: str) -> list[ContentTokenChange]:
        """Released by its holder, cancelled by one who waits, or somebody left."""
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
    """A browser needs not ask: it has the token while it shares. `before`: the browsers that shared so far."""
    changes = [change for who in before if who not in shares for change in token.give_up(who)]
    asking = [who for who in shares if who not in before]
    if token.holder is None and not asking:
        asking = list(shares[:1])  # the hall that took over has finished, the browser has not
    return changes + [change for who in asking if token.may(who) for change in token.ask(who)]
