"""The watchers of all conferences. The Watcher can refuse people. Observers only receive events."""

from __future__ import annotations

from typing import Protocol

from conference.ground import events
from conference.ground.lifecycle import Happening
from conference.ground.permissions import Grants


class Watcher(Protocol):
    """The planner of the meetings. It can refuse people, and is notified when a conference begins and ends."""

    def admit(self, grants: Grants) -> None:
        """Raise Refusal if the planner does not admit these grants. It is called at each entry, and must return at once."""

    def begins_muted(self, conference: str) -> bool:
        """Report whether the meeting was planned so that newcomers join with their microphones off."""

    def opened(self, conference: str) -> None:
        """Note that the first participant has joined. Halls that wait for the opening do not count."""

    def closed(self, conference: str, reason: events.Reason) -> None:
        """Note that the conference has ended and is empty."""


class Observer(Protocol):
    """A receiver of the events of all conferences, such as webhooks."""

    def happened(self, happening: Happening) -> None:
        """Handle an event. It returns at once and raises nothing, because a call never waits for observers."""
