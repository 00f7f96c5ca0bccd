"""What a conference tells its clients: frozen facts without any wire format.

One event object is handed to every client that shall have it, so that a protocol may encode it once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from conference.ground.permissions import Grants, Source


class Presence(Enum):
    """How far a participant has come."""

    JOINED = "joined"
    ACTIVE = "active"  # media connected
    DISCONNECTED = "disconnected"


class Reason(Enum):
    """Why a participant is no longer there."""

    UNKNOWN = "unknown"
    CLIENT_INITIATED = "client_initiated"
    DUPLICATE_IDENTITY = "duplicate_identity"
    SERVER_SHUTDOWN = "server_shutdown"
    REMOVED = "removed"
    CONFERENCE_DELETED = "conference_deleted"
    CONFERENCE_IDLE = "conference_idle"
    """Nobody is in it, so nobody is told but whoever watches."""
    MIGRATION = "migration"
    STATE_MISMATCH = "state_mismatch"
    JOIN_FAILURE = "join_failure"
    SIGNAL_CLOSE = "signal_close"
    MEDIA_FAILURE = "media_failure"


class Action(Enum):
    """What the client shall do when it is told to leave."""

    DISCONNECT = "disconnect"
    RESUME = "resume"
    RECONNECT = "reconnect"


class Grade(Enum):
    POOR = "poor"
    GOOD = "good"
    EXCELLENT = "excellent"
    LOST = "lost"


class Quality(Enum):
    """Wanted or offered size of a video, lowest first."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """One size in which a video is published. Pixels and bit/s as the publisher told them."""

    quality: Quality
    width: int = 0
    height: int = 0
    bitrate_bps: int = 0


@dataclass(frozen=True, slots=True)
class TrackView:
    """One published track as others see it. `facts` is what the publisher's protocol told about it and conference
    does not read.
    """

    sid: str
    kind: str  # "audio" or "video"
    source: Source
    name: str
    muted: bool
    width: int
    height: int
    layers: tuple[Layer, ...]
    mime: str
    mid: str
    cid: str
    simulcast: bool
    stream: str
    facts: object = None


@dataclass(frozen=True, slots=True)
class DataTrackView:
    handle: int
    sid: str
    name: str
    facts: object = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ParticipantView:
    """A participant as others see it: complete, and immutable once made. `version` grows with every change."""

    sid: str
    identity: str
    grants: Grants
    presence: Presence
    tracks: tuple[TrackView, ...]
    data_tracks: tuple[DataTrackView, ...]
    joined_at: float
    version: int
    reason: Reason = Reason.UNKNOWN
    facts: object = None


@dataclass(frozen=True, slots=True)
class ConferenceView:
    sid: str
    name: str
    metadata: str
    created_at: float
    empty_s: int
    departure_s: int
    max_participants: int
    participants: int
    publishers: int
    recording: bool = False
    """Somebody in it records."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """Everything that a client must know first. `dual`: the server offers on a second connection what it sends."""

    conference: ConferenceView
    own: ParticipantView
    others: tuple[ParticipantView, ...]
    dual: bool
    relay: bool = False
    """It is to come over a relay only."""


@dataclass(frozen=True, slots=True, eq=False)
class RosterChanged:
    participants: tuple[ParticipantView, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ConferenceChanged:
    conference: ConferenceView


@dataclass(frozen=True, slots=True)
class Answered:
    """`offer_id` repeats the number of the offer. `tracks`: mid -> track id of each section that sends to the
    client.
    """

    sdp: str
    offer_id: int
    tracks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offered:
    sdp: str
    offer_id: int
    tracks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SectionsWanted:
    """Please offer again with so many more receiving sections (0 and 0: just offer)."""

    audio: int
    video: int


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """The announcement under the client's own `cid` was accepted."""

    cid: str
    track: TrackView


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    track_sid: str


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """Somebody has the track for the first time."""

    track_sid: str


@dataclass(frozen=True, slots=True)
class MuteAsked:
    track_sid: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Speaking:
    participant_sid: str
    level: float  # 0..1
    active: bool


@dataclass(frozen=True, slots=True, eq=False)
class SpeakersChanged:
    """Only those whose level or state changed, the loudest first."""

    speakers: tuple[Speaking, ...]


@dataclass(frozen=True, slots=True)
class Graded:
    participant_sid: str
    grade: Grade
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class QualityChanged:
    grades: tuple[Graded, ...]


@dataclass(frozen=True, slots=True)
class StreamState:
    publisher_sid: str
    track_sid: str
    paused: bool


@dataclass(frozen=True, slots=True)
class StreamStates:
    """What the way to this subscriber does not carry is not sent (paused); no longer, or again."""

    states: tuple[StreamState, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionAllowed:
    participant_sid: str
    track_sid: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    """`codec`: the subscriber understands none of the track's codecs; else there is no such track."""

    track_sid: str
    codec: bool = False


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """The publisher may stop every quality above `highest`; None: all of them. `backup`: the same for a second codec, which it
    is to send too."""

    track_sid: str
    mime: str
    highest: Quality | None
    backup: tuple[str, Quality | None] | None = None


@dataclass(frozen=True, slots=True)
class DataSource:
    publisher_sid: str
    publisher_identity: str
    track_sid: str


@dataclass(frozen=True, slots=True)
class DataTrackHandles:
    """The whole table of this subscriber: the handle in its frames -> the track."""

    handles: Mapping[int, DataSource]


@dataclass(frozen=True, slots=True)
class GrantsChanged:
    """Own grants, name or metadata changed: a token for the next resume must say so."""

    grants: Grants


@dataclass(frozen=True, slots=True)
class Resumed:
    """Everything as it stands after a lost connection; `participants` holds oneself and those who left meanwhile."""

    sid: str
    conference: ConferenceView
    participants: tuple[ParticipantView, ...]
    relay: bool = False
    """It is to come over a relay only."""
    silenced: tuple[str, ...] = ()
    """Own tracks that were muted from outside, and perhaps nobody could be told: to be told before everything else."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer connection took this participant over: close without a word."""


@dataclass(frozen=True, slots=True)
class Left:
    """The last event of a connection."""

    reason: Reason
    action: Action = Action.DISCONNECT


Event = (
    Welcome
    | RosterChanged
    | ConferenceChanged
    | Answered
    | Offered
    | SectionsWanted
    | TrackPublished
    | TrackUnpublished
    | TrackSubscribed
    | MuteAsked
    | SpeakersChanged
    | QualityChanged
    | StreamStates
    | SubscriptionAllowed
    | SubscriptionFailed
    | LayersWanted
    | DataTrackHandles
    | GrantsChanged
    | Resumed
    | Superseded
    | Left
)
