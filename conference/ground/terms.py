"""How a conference was ordered: by the server API, or by the token of whoever opens it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from conference.ground import limits


@dataclass(frozen=True, slots=True)
class Terms:
    """0 participants: the server's limit. Times beyond `limits.KEPT_EMPTY_MOST_S` are cut to it."""

    metadata: str = ""
    max_participants: int = 0
    empty_s: float = limits.EMPTY_S
    departure_s: float = limits.DEPARTURE_S
    remote_unmute: bool = False

    @classmethod
    def of(cls, metadata: str, max_participants: int, empty_s: float, departure_s: float) -> Terms:
        """As the browser protocol says them: a time of 0 is that of the server."""
        return cls(
            metadata,
            max_participants,
            min(empty_s or limits.EMPTY_S, limits.KEPT_EMPTY_MOST_S),
            min(departure_s or limits.DEPARTURE_S, limits.KEPT_EMPTY_MOST_S),
        )
