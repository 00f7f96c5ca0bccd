"""Metadata and attributes that are too long for a token. The module owns the data that tokens of this server omit, for the
lifetime of the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from conference import Grants
from signaling.rtc.wire import limits


@dataclass(frozen=True, slots=True)
class Facts:
    metadata: str
    attributes: Mapping[str, str]
    until: float

    @property
    def characters(self) -> int:
        return len(self.metadata) + sum(len(key) + len(value) for key, value in self.attributes.items())


class LongMetadata:
    """The omitted data of all conferences, by conference name and identity. The entries that were signed first are forgotten
    first.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Facts] = {}
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, grants: Grants, now: float) -> Grants:
        """Keep the metadata and attributes, and return grants without them for the token. `now` in Unix seconds."""
        key = grants.conference, grants.identity
        self._forget(key)
        facts = self._kept[key] = Facts(grants.metadata, grants.attributes, now + limits.KEPT_FACTS_S)
        self._characters += facts.characters
        self._make_room(now)
        return replace(grants, metadata="", attributes={}, facts_kept=True)

    def restored(self, grants: Grants, now: float) -> Grants:
        """Return the grants of a token with the omitted data. Forgotten data are empty."""
        if not grants.facts_kept:
            return grants
        self._make_room(now)
        facts = self._kept.get((grants.conference, grants.identity), Facts("", {}, now))
        return replace(grants, metadata=facts.metadata, attributes=facts.attributes, facts_kept=False)

    def _make_room(self, now: float) -> None:
        while self._kept:
            oldest = next(iter(self._kept))
            if self._characters <= limits.KEPT_FACTS_CHARACTERS and self._kept[oldest].until > now:
                break
            self._forget(oldest)

    def _forget(self, key: tuple[str, str]) -> None:
        if facts := self._kept.pop(key, None):
            self._characters -= facts.characters
