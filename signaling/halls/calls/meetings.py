"""What the calls of halls ask of the booked meetings. `signaling.meetings.booked` implements it."""

from __future__ import annotations

from typing import Protocol


class Meetings(Protocol):
    def name_of(self, occurrence_id: str, class_: str, version: int, lobby: bool) -> str:
        """Return the name of the date's conference, and open its door. Raises Refusal `lobby_limit`."""

    def owns(self, conference: str) -> bool:
        """Whether the conference belongs to a booked date."""

    def is_important(self, conference: str) -> bool: ...
    def vouch(self, conference: str, identity: str, closed: bool) -> None:
        """Note whether the hall with this identity fulfils what an important meeting demands of it."""
