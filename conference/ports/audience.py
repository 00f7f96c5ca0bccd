"""All participants of one conference as those who hear events. Implemented by `people.roster`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from conference.ground.events import Event, ParticipantView
from conference.ground.outbox import Outbox
from conference.ground.permissions import Grants


class Listener(Protocol):
    """One participant as others see it, and as one who hears events."""

    @property
    def sid(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def left(self) -> bool: ...
    @property
    def outbox(self) -> Outbox: ...
    def view(self) -> ParticipantView: ...
    def deliver(self, event: Event) -> None: ...


class Audience(Protocol):
    def __len__(self) -> int: ...
    def broadcast(self, event: Event, names: Iterable[str] = ()) -> None:
        """Delivers the event to all. `names`: the sids of the participants that the event names."""

    def know(self, sids: Iterable[str]) -> None:
        """All participants are about to hear of these."""

    def introduce(self, participant: Listener, receivers: Iterable[Listener]) -> None:
        """These receivers are about to hear of the participant."""

    def deliver_after(self, participant: Listener, receiver: Listener, about: str, event: Event) -> None:
        """Delivers an event that makes sense only to a receiver that knows the participant as it is now."""
