"""The active speakers. Changes are sent at most once in SPEAKERS_S. In very large conferences the pause grows with the number
of participants, to TOLD_S at most. The packet plane measures the levels.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.events import SpeakersChanged, Speaking

if TYPE_CHECKING:
    from conference.ports.media import Producer
    from conference.ports.time import Cancellable
    from conference.tracks.track import TrackTable

_STEPS = 8
"""Steps of a speaker's level in messages: a level is rounded to eighths. Chosen. More: small changes of loudness cause messages
to all participants. Fewer: the display of the level is coarse.
"""


class Speakers:
    """The speakers of one conference: as its clients know them (`_told`), and as they are now (`_latest`, with simulated
    speaking).
    """

    def __init__(self, table: TrackTable) -> None:
        self._table = table
        self._heard: dict[str, float] = {}
        self._played: dict[str, float] = {}
        self._plays_again: dict[str, float] = {}  # the time when a participant may simulate speaking again, by sid
        self._told: dict[str, float] = {}
        self._silent: dict[str, float] = {}
        """The people who stopped speaking, by sid, with the time when this was sent."""
        self._quiet_since = float("-inf")
        self._timer: Cancellable | None = None
        self._told_at = float("-inf")

    def heard(self, speakers: Iterable[tuple[Producer, float]]) -> None:
        """Take the plane's list, the dominant speaker first. One participant may have several tracks."""
        latest: dict[str, float] = {}
        for producer, level in speakers:
            track = self._table.by_producer.get(producer)
            if track is not None and not track.owner.grants.hidden:
                latest[track.owner.sid] = max(latest.get(track.owner.sid, 0.0), _rounded(level))
        if self._heard and not latest:
            self._quiet_since = self._table.clock.monotonic()
        self._heard = latest
        self._schedule()
        self._table.pictures.heard(next(iter(latest), ""))

    def play(self, sid: str, level: float, seconds: float) -> None:
        """Report to all clients that this participant speaks, for `seconds`. The next simulation of this participant must wait
        PLAYED_GAP_S.
        """
        now = self._table.clock.monotonic()
        if now >= self._plays_again.get(sid, now):
            self._plays_again[sid] = now + seconds + limits.PLAYED_GAP_S
            self._played[sid] = _rounded(level)
            self._table.turns.call_later(seconds, self._played_out, sid)
            self._schedule()

    def names(self) -> frozenset[str]:
        """Return the sids of the people who are heard now, without simulated speaking."""
        return frozenset(self._heard)

    def spoke_within(self, seconds: float) -> bool:
        """Report whether a participant was heard in this time, without simulated speaking."""
        return bool(self._heard) or self._table.clock.monotonic() - self._quiet_since < seconds

    def gone(self, sid: str) -> None:
        """Forget a participant that left or hid. The roster update is enough, so no speaker event follows."""
        if self._heard.pop(sid, None) is not None and not self._heard:
            self._quiet_since = self._table.clock.monotonic()
        self._plays_again.pop(sid, None)
        self._played.pop(sid, None)
        self._told.pop(sid, None)
        self._silent.pop(sid, None)

    def current(self) -> SpeakersChanged | None:
        """Return the current speakers for a client that just joined."""
        speaking = self._speaking()
        return SpeakersChanged(speaking) if speaking else None

    def missed(self) -> SpeakersChanged | None:
        """Return the speakers for a client that resumes, with the people who stopped speaking while it was away."""
        since = self._table.clock.monotonic() - limits.SILENCE_REPEAT_S
        silent = (Speaking(sid, 0.0, False) for sid, at in self._silent.items() if at >= since)
        changed = (*self._speaking(), *silent)
        return SpeakersChanged(changed) if changed else None

    def _speaking(self) -> tuple[Speaking, ...]:
        return tuple(Speaking(sid, level, True) for sid, level in self._told.items())

    @property
    def _latest(self) -> dict[str, float]:
        return {**self._heard, **self._played}

    def _played_out(self, sid: str) -> None:
        self._played.pop(sid, None)
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None or self._latest == self._told:
            return
        present = len(self._table.participants)
        period_s = min(max(limits.SPEAKERS_S, present * limits.TOLD_PERSON_S), limits.TOLD_S)
        wait = max(0.0, self._told_at + period_s - self._table.clock.monotonic())
        self._timer = self._table.turns.call_later(wait, self._tell)

    def _tell(self) -> None:
        self._timer = None
        now, latest = self._table.clock.monotonic(), self._latest
        louder = [Speaking(sid, level, True) for sid, level in latest.items() if self._told.get(sid) != level]
        silent = [Speaking(sid, 0.0, False) for sid in self._told if sid not in latest]
        changed = louder + silent
        for one in louder:
            self._silent.pop(one.participant_sid, None)
        self._silent |= {one.participant_sid: now for one in silent}
        self._told = latest
        if changed:
            self._told_at = now
            self._table.audience.broadcast(SpeakersChanged(tuple(changed)), [one.participant_sid for one in changed])


def _rounded(level: float) -> float:
    return max(1, min(_STEPS, round(level * _STEPS))) / _STEPS
