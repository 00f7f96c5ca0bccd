"""The watchers of all conferences. The Watcher can refuse people. Observers only receive events."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from conference.ground import events
from conference.ground.lifecycle import Happening
from conference.ground.permissions import Grants


class PlannedItem(NamedTuple):
    """An item of a planned agenda. `planned_s` 0: no duration. `speaker` empty: not named."""

    title: str
    speaker: str
    planned_s: float


class Plan(NamedTuple):
    """How a meeting was planned. `entry_muted`: newcomers join with their microphones off."""

    entry_muted: bool = False
    agenda: tuple[PlannedItem, ...] = ()


class Watcher(Protocol):
    """The planner of the meetings. It can refuse people, and is notified when a conference begins and ends."""

    def admit(self, grants: Grants) -> None:
        """Raise Refusal if the planner does not admit these grants. It is called at each entry, and must return at once."""

    def plan(self, conference: str) -> Plan:
        """Return how the meeting was planned."""

    def opened(self, conference: str) -> None:
        """Note that the first participant has joined. Halls that wait for the opening do not count."""

    def closed(self, conference: str, reason: events.Reason) -> None:
        """Note that the conference has ended and is empty."""


class Observer(Protocol):
    """A receiver of the events of all conferences, such as webhooks."""

    def happened(self, happening: Happening) -> None:
        """Handle an event. It returns at once and raises nothing, because a call never waits for observers."""
