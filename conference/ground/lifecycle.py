"""The beginning and end of conferences, participants and tracks, for observers of all conferences (webhooks), in order.

A participant is reported as joined when its media is connected. The tracks that it published before are reported then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from conference.ground.events import ConferenceView, ParticipantView, Reason, TrackView


class What(Enum):
    STARTED = "started"
    FINISHED = "finished"
    JOINED = "joined"
    LEFT = "left"
    ABORTED = "aborted"
    """The participant left before its media was connected."""
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the lifecycle.

    `participant` is None only when a conference begins or ends. `track` is set only when a track begins or ends. `reason` says
    why a conference ended or a participant left.
    """

    what: What
    conference: ConferenceView
    participant: ParticipantView | None = None
    track: TrackView | None = None
    reason: Reason = Reason.UNKNOWN
