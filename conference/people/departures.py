"""The participants that left a conference recently. A participant that resumes may have missed these departures."""

from __future__ import annotations

from collections import deque
from collections.abc import Container

from conference.ground import limits
from conference.ground.events import ParticipantView
from conference.ports.time import Clock


class Departures:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._views: deque[tuple[float, ParticipantView]] = deque(maxlen=limits.DEPARTED)

    def note(self, view: ParticipantView) -> None:
        self._views.append((self._clock.monotonic(), view))

    def views(self, here: Container[str]) -> list[ParticipantView]:
        """Return the departures except the identities in `here`. Clients identify others by identity, so a participant that
        returned must not be in the list.
        """
        return [view for _, view in self._views if view.identity not in here]

    def forget(self, now: float) -> None:
        while self._views and now - self._views[0][0] > limits.DEPARTED_S:
            self._views.popleft()
