"""Reports the events of one conference to the observers of all conferences. Implements `tracks.track.TrackReports`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from conference.ground.events import ConferenceView, ParticipantView, Reason, TrackView
from conference.ground.lifecycle import Happening, What
from conference.ports.watchers import Observer
from conference.tracks.track import Publisher, Track


class Reports:
    """The reporter of one conference. The keys of `participants` are identities."""

    def __init__(
        self,
        observers: Sequence[Observer],
        participants: Mapping[str, Publisher],
        view: Callable[[], ConferenceView],
    ) -> None:
        self._observers = observers
        self._participants = participants
        self._view = view

    def report(
        self,
        what: What,
        participant: ParticipantView | None = None,
        track: TrackView | None = None,
        reason: Reason = Reason.UNKNOWN,
    ) -> None:
        if self._observers:
            happening = Happening(what, self._view(), participant, track, reason)
            for observer in self._observers:
                observer.happened(happening)

    def arrived(self, participant: Publisher) -> None:
        """Report the participant as joined, with its published tracks. This needs connected media and a completed join."""
        watched = bool(self._observers) and not participant.reported
        if watched and self._participants.get(participant.identity) is participant:
            participant.reported = True
            self.report(What.JOINED, participant.view())
            for track in participant.tracks.values():
                self.report(What.PUBLISHED, participant.view(), track.view())

    def left(self, participant: Publisher, last: ParticipantView) -> None:
        self.report(What.LEFT if participant.reported else What.ABORTED, last, reason=last.reason)

    def published(self, track: Track) -> None:
        self._report_track(What.PUBLISHED, track)

    def unpublished(self, track: Track) -> None:
        self._report_track(What.UNPUBLISHED, track)

    def _report_track(self, what: What, track: Track) -> None:
        if track.owner.reported:
            self.report(what, track.owner.view(), track.view())
