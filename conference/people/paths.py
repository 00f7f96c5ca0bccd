"""The media paths that the participants of one conference want, stored for when they join again."""

from __future__ import annotations

from typing import Protocol

from conference.ground import limits
from conference.ports.clients import PathWish


class Route(Protocol):
    def prefer(self, path: PathWish) -> None: ...


class Guest(Protocol):
    @property
    def identity(self) -> str: ...
    @property
    def negotiated(self) -> Route | None: ...


class Paths:
    def __init__(self) -> None:
        self._wishes: dict[str, PathWish] = {}
        """The wanted paths by identity."""

    def prefer(self, participant: Guest, path: PathWish) -> None:
        """Set the wanted path. It applies from the participant's next ICE restart, and when it joins again."""
        if participant.negotiated is None:
            return
        participant.negotiated.prefer(path)
        self._wishes.pop(participant.identity, None)
        if path != "any":
            if len(self._wishes) >= limits.PATHS_REMEMBERED:
                del self._wishes[next(iter(self._wishes))]
            self._wishes[participant.identity] = path

    def apply(self, participant: Guest) -> None:
        """Apply the stored path to a newcomer."""
        if participant.negotiated is not None:
            participant.negotiated.prefer(self._wishes.get(participant.identity, "any"))
