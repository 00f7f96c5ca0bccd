"""Those who watch over all conferences: one may keep people out, others only hear what happens."""

from __future__ import annotations

from typing import Protocol

from conference.ground import events
from conference.ground.lifecycle import Happening
from conference.ground.permissions import Grants


class Watcher(Protocol):
    """Whoever planned the meetings: may keep somebody out, and hears when a conference begins and ends."""

    def admit(self, grants: Grants) -> None:
        """Raises Refusal. Asked at each entry, at once: waits for nothing."""

    def opened(self, conference: str) -> None:
        """The first participant has come."""

    def closed(self, conference: str, reason: events.Reason) -> None:
        """It is over; nobody is in it any more."""


class Observer(Protocol):
    """Whoever tells others of all conferences."""

    def happened(self, happening: Happening) -> None:
        """Returns at once, raises nothing: a call never waits for those who hear of it."""
