"""The participants of one conference as receivers of events. `people.roster` implements the Protocols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from conference.ground.events import Event, ParticipantView
from conference.ground.outbox import Outbox
from conference.ground.permissions import Grants


class Listener(Protocol):
    """A participant as others see it, and as a receiver of events."""

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
        """Deliver the event to all participants. `names` are the sids of the participants that the event names."""

    def know(self, sids: Iterable[str]) -> None:
        """Prepare all participants for an event that names these sids."""

    def introduce(self, participant: Listener, receivers: Iterable[Listener]) -> None:
        """Prepare these receivers for an event that names the participant."""

    def deliver_after(self, participant: Listener, receiver: Listener, about: str, event: Event) -> None:
        """Deliver an event that is only useful to a receiver that knows the participant's current state."""
