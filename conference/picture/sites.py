"""Reads participants and halls into plain data for a scene, with the producers of their streams."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from conference.ground import limits
from conference.ground.permissions import Source
from conference.people.participant import Participant
from conference.picture.scene import PAYLOAD_TYPES, FeedKey, Site, Stream, Viewer
from conference.picture.seat import Seat
from conference.ports.media import Producer
from conference.tracks.track import Track

CODECS: Final[Mapping[str, str]] = {
    "video/h264": "h264",
    "video/vp8": "vp8",
    "audio/opus": "opus",
    "audio/red": "opus",
    "audio/g722": "g722",
    "audio/pcma": "pcma",
    "audio/pcmu": "pcmu",
}
"""The codecs that the mixer decodes, by MIME type in lower case. With RED it gets only the primary block."""


class Seen(NamedTuple):
    """A site at this moment, with the producers of its streams."""

    participant: Participant
    site: Site
    camera: Producer | None
    microphone: Producer | None
    content: Producer | None

    def producers(self) -> Iterator[tuple[FeedKey, Producer]]:
        for key, producer in (
            (FeedKey(self.site.sid, "video"), self.camera),
            (FeedKey(self.site.sid, "audio"), self.microphone),
            (FeedKey(self.site.sid, "video", True), self.content),
        ):
            if producer is not None:
                yield key, producer


def look(
    people: Iterable[Participant], seats: Mapping[str, Seat], speaking: Collection[str], plates: Mapping[str, str]
) -> list[Seen]:
    """Return the sites: first the halls of the call list (`position` 0), then browsers, then other halls. Each kind is in the
    order of joining. Halls in the lobby are no sites. `plates`: the words for a site in place of its name, by identity.
    """
    here = [one for one in people if not one.grants.hidden and not one.left]
    here = [one for one in here if one.sid not in seats or not seats[one.sid].apart]
    here.sort(key=lambda one: seats[one.sid].position if one.sid in seats else limits.HALLS)
    return [_seen(one, seats.get(one.sid), one.sid in speaking, plates.get(one.identity, "")) for one in here]


def _seen(one: Participant, seat: Seat | None, speaking: bool, plate: str) -> Seen:
    tracks = list(one.tracks.values())
    camera, content = _live(tracks, Source.CAMERA), _live(tracks, Source.SCREEN_SHARE)
    microphone = seat.microphone if seat is not None else _live(tracks, Source.MICROPHONE)
    site = Site(
        sid=one.sid,
        label=plate[: limits.LABEL_CHARACTERS] or label(one),
        muted=seat.muted if seat is not None else microphone is None,
        speaking=speaking,
        floor_wanted=seat is not None and seat.floor_wanted_at is not None,
        camera=_stream(camera),
        microphone=_stream(microphone, seat),
        content=_stream(content),
    )
    return Seen(one, site, camera, microphone, content)


def _stream(producer: Producer | None, seat: Seat | None = None) -> Stream | None:
    """Return the stream of a producer. `seat`: the hall that sends this sound on its own line."""
    if producer is None:
        return None
    codec = CODECS[producer.mime.lower()]
    number = next((one.payload_type for one in producer.codecs if one.name == codec), PAYLOAD_TYPES[codec])
    plan = seat.plan.audio if seat is not None and seat.plan is not None else None
    return Stream(codec, number, plan is not None and plan.codec == "opus" and plan.levels_id == 0)


def viewer(seat: Seat, sids: Mapping[str, str]) -> Viewer:
    """Return the hall as a viewer. `sids`: the sid of each participant, by identity."""
    return Viewer(
        sid=seat.sid,
        plan=seat.plan,
        audio=seat.audio.codec if seat.audio is not None else None,
        layout=seat.layout,
        text=seat.text,
        language=seat.language,
        has_camera=seat.camera is not None,
        video_bps=seat.budget_bps("video", False),
        video_beside_content_bps=seat.budget_bps("video", True),
        content_bps=seat.budget_bps("content", True),
        alone=sids.get(seat.alone, ""),
        card=seat.card,
    )


def _live(tracks: Sequence[Track], source: Source) -> Producer | None:
    """Return the producer of the first track from this source that the mixer decodes."""
    for track in tracks:
        if track.source is source and not track.muted:
            codec = understood(track)
            if codec is not None:
                return codec.producer
    return None


def understood(track: Track) -> Track | None:
    """Return the track or its backup, whichever the mixer decodes."""
    for codec in (track, track.backup):
        if codec is not None and codec.producer is not None and codec.mime.lower() in CODECS:
            return codec
    return None


def label(participant: Participant) -> str:
    return (participant.grants.name or participant.identity)[: limits.LABEL_CHARACTERS]
