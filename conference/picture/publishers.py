"""Notifies publishers of the sizes that halls need, because a browser sends only needed layers. Stores nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Final

from conference.ground import limits
from conference.ground.events import Quality
from conference.ground.permissions import Source
from conference.people.participant import Participant
from conference.picture.scene import FeedKey, Scene
from conference.picture.sites import CODECS, label, understood
from conference.ports.media import Producer
from conference.tracks import backup_codec, subscriptions
from conference.tracks.track import Track

HALLS: Final = "halls"
"""The halls' entry in `Track.lacking`. It is no participant's sid."""


def tell(people: Iterable[Participant], scene: Scene, fed: Mapping[FeedKey, Producer]) -> None:
    """Update the wanted quality of tracks that halls see. `people`: the participants that are not halls."""
    for one in people:
        for track in tuple(one.tracks.values()):
            content = track.source is Source.SCREEN_SHARE
            producer = fed.get(FeedKey(one.sid, "video", content))
            codec = understood(track)
            shown = codec is not None and producer is not None and producer is codec.producer
            quality = Quality.HIGH if content or one.sid in scene.large else Quality.MEDIUM
            _mix(track, quality if shown and codec is track else None)
            if track.backup is not None:
                _mix(track.backup, quality if shown and codec is track.backup else None)
            if codec is None and track.live:
                backup_codec.want(track, HALLS, CODECS)


def release(people: Iterable[Participant]) -> None:
    """Remove all wishes of the halls, because no hall is left."""
    for one in people:
        for track in tuple(one.tracks.values()):
            for codec in (track, track.backup):
                if codec is not None:
                    _mix(codec, None)
            backup_codec.forgo(track, HALLS)


def unseen(people: Iterable[Participant]) -> list[str]:
    """Return the names of the first people who send a picture that the halls do not get."""
    missed = (one for one in people if any(map(_missed, one.tracks.values())))
    return [label(one) for one in itertools.islice(missed, limits.UNSEEN)]


def _missed(track: Track) -> bool:
    """Report whether the mixer decodes no codec of this track: none was announced, or the announced one does not arrive."""
    if track.kind != "video" or track.muted or not track.live:
        return False
    if HALLS in track.lacking:
        return track.awaited is not None and track.awaited.given_up
    promised = track.announcement.backup
    return understood(track) is None and (promised is None or promised.lower() not in CODECS)


def _mix(track: Track, quality: Quality | None) -> None:
    if track.mixed != quality:
        track.mixed = quality
        subscriptions.update_wish(track)
