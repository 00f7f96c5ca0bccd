"""Who speaks: changes only, at most one message in SPEAKERS_S, in TOLD_S where very many are there. Levels come from the
packet plane.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conference import limits
from conference.events import SpeakersChanged, Speaking

if TYPE_CHECKING:
    from conference.conference import Conference
    from conference.ports import Cancellable, Producer

_STEPS = 8  # levels are told in eighths: smaller changes are not worth a message to everybody


class Speakers:
    """The speakers of one conference as its clients know them (`told`) and as they are (`latest`)."""

    def __init__(self, conference: Conference) -> None:
        self._conference = conference
        self._latest: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._timer: Cancellable | None = None
        self._told_at = float("-inf")

    def heard(self, speakers: Iterable[tuple[Producer, float]]) -> None:
        """The plane's list, the dominant one first; one participant may have several tracks."""
        latest: dict[str, float] = {}
        for producer, level in speakers:
            track = self._conference.tracks_by_producer.get(producer)
            if track is not None and not track.owner.grants.hidden:
                latest[track.owner.sid] = max(latest.get(track.owner.sid, 0.0), _rounded(level))
        self._latest = latest
        self._schedule()

    def names(self) -> frozenset[str]:
        """The sids of those who speak now."""
        return frozenset(self._latest)

    def gone(self, sid: str) -> None:
        """A participant left: its roster update says so, nothing more is told."""
        self._latest.pop(sid, None)
        self._told.pop(sid, None)

    def current(self) -> SpeakersChanged | None:
        """What a client that has just come or come back must know."""
        speaking = tuple(Speaking(sid, level, True) for sid, level in self._told.items())
        return SpeakersChanged(speaking) if speaking else None

    def _schedule(self) -> None:
        if self._timer is not None or self._latest == self._told:
            return
        around = self._conference.around
        present = len(self._conference.participants)
        period_s = min(max(limits.SPEAKERS_S, present * limits.TOLD_PERSON_S), limits.TOLD_S)
        wait = max(0.0, self._told_at + period_s - around.clock.monotonic())
        self._timer = around.turns.call_later(wait, self._tell)

    def _tell(self) -> None:
        self._timer = None
        changed = [
            Speaking(sid, level, True) for sid, level in self._latest.items() if self._told.get(sid) != level
        ] + [Speaking(sid, 0.0, False) for sid in self._told if sid not in self._latest]
        self._told = dict(self._latest)
        if changed:
            self._told_at = self._conference.around.clock.monotonic()
            self._conference.broadcast(SpeakersChanged(tuple(changed)), [one.participant_sid for one in changed])


def _rounded(level: float) -> float:
    return max(1, min(_STEPS, round(level * _STEPS))) / _STEPS
