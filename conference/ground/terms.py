"""The terms under which a conference is created, by the server API or by the token of its first participant. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from conference.ground import limits


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one conference. 0 participants means the server's limit. Times above `limits.KEPT_EMPTY_MOST_S` are reduced
    to it.
    """

    metadata: str = ""
    max_participants: int = 0
    empty_s: float = limits.EMPTY_S
    departure_s: float = limits.DEPARTURE_S
    remote_unmute: bool = False

    @classmethod
    def of(cls, metadata: str, max_participants: int, empty_s: float, departure_s: float) -> Terms:
        """Return the terms from the values of the browser protocol. A time of 0 means the server's time."""
        return cls(
            metadata,
            max_participants,
            min(empty_s or limits.EMPTY_S, limits.KEPT_EMPTY_MOST_S),
            min(departure_s or limits.DEPARTURE_S, limits.KEPT_EMPTY_MOST_S),
        )
