"""What becomes of conferences, for whoever keeps watch over all of them (webhooks): facts in the order in which they happen.

A participant is told of when its media stand: what it publishes before follows then.
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
    """It left before its media stood."""
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"


@dataclass(frozen=True, slots=True)
class Happening:
    """`participant` is there but for the beginning and end of a conference, `track` where one came or went. `reason`: why it
    ended or somebody left."""

    what: What
    conference: ConferenceView
    participant: ParticipantView | None = None
    track: TrackView | None = None
    reason: Reason = Reason.UNKNOWN
