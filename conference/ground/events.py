"""The events that a conference sends to its clients. Events are frozen values without any wire format.

All receivers of an event get the same object, so that a protocol can encode the event once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from conference.ground.permissions import Grants, Source


class Presence(Enum):
    """The state of a participant's connection."""

    JOINED = "joined"
    ACTIVE = "active"  # the media path is connected
    DISCONNECTED = "disconnected"


class Reason(Enum):
    """The reason why a participant has left."""

    UNKNOWN = "unknown"
    CLIENT_INITIATED = "client_initiated"
    DUPLICATE_IDENTITY = "duplicate_identity"
    SERVER_SHUTDOWN = "server_shutdown"
    REMOVED = "removed"
    CONFERENCE_DELETED = "conference_deleted"
    CONFERENCE_IDLE = "conference_idle"
    """The conference is empty, so no client receives this reason. Only watchers see it."""
    MIGRATION = "migration"
    STATE_MISMATCH = "state_mismatch"
    JOIN_FAILURE = "join_failure"
    SIGNAL_CLOSE = "signal_close"
    MEDIA_FAILURE = "media_failure"


class Action(Enum):
    """The step that a client must take when it receives `Left`."""

    DISCONNECT = "disconnect"
    RESUME = "resume"
    RECONNECT = "reconnect"


class Grade(Enum):
    """The quality of a participant's connection. LOST: no media path is alive."""

    POOR = "poor"
    GOOD = "good"
    EXCELLENT = "excellent"
    LOST = "lost"


class Quality(Enum):
    """The wanted or offered size of a video, lowest first."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """A size in which a video is published. Pixels and bit/s are as the publisher announced them."""

    quality: Quality
    width: int = 0
    height: int = 0
    bitrate_bps: int = 0


@dataclass(frozen=True, slots=True)
class TrackView:
    """A published track as other participants see it.

    - `mid`: the SDP section (m-line) of the track in the publisher's connection.
    - `cid`: the identifier that the publisher's client chose for the track.
    - `stream`: tracks of one participant with the same name belong together, for example a screen and its sound.
    - `facts`: from the publisher's protocol; `conference` does not read them.
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
    """A participant as other participants see it. A view is complete and immutable. `version` grows with every change."""

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
    """A conference as its participants see it. `created_at`: Unix seconds. `empty_s`: the seconds until a conference closes that
    no participant has joined. `departure_s`: the seconds until an empty conference closes after the last departure.
    """

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
    """At least one participant records."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """Everything that a client must know first. `dual`: the server sends its media on a second connection and makes the offers
    for it.
    """

    conference: ConferenceView
    own: ParticipantView
    others: tuple[ParticipantView, ...]
    dual: bool
    relay: bool = False
    """The client must connect through a relay only."""


@dataclass(frozen=True, slots=True, eq=False)
class RosterChanged:
    participants: tuple[ParticipantView, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ConferenceChanged:
    conference: ConferenceView


@dataclass(frozen=True, slots=True)
class Answered:
    """`offer_id` repeats the number of the offer. `tracks` holds a track id by mid, for each section in which the server sends
    to the client.
    """

    sdp: str
    offer_id: int
    tracks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offered:
    """The server's offer. The client repeats `offer_id` in its answer. `tracks` is as in `Answered`."""

    sdp: str
    offer_id: int
    tracks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SectionsWanted:
    """A request to offer again with this number of additional receiving sections. With 0 and 0 the client only offers again."""

    audio: int
    video: int


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """The server accepted the announcement that the client made under its own `cid`."""

    cid: str
    track: TrackView


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    track_sid: str


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """The track has its first subscriber."""

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
    """The participants whose level or state changed, the loudest first."""

    speakers: tuple[Speaking, ...]


@dataclass(frozen=True, slots=True)
class Graded:
    """The connection quality of one participant. `score`: the mean opinion score (ITU-T G.107), 1 to 4.5; 0 for LOST."""

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
    """The tracks whose delivery to this subscriber stopped or started again. A track is paused when the downlink cannot carry
    it.
    """

    states: tuple[StreamState, ...]


@dataclass(frozen=True, slots=True)
class SubscriptionAllowed:
    participant_sid: str
    track_sid: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    """`codec` is True if the subscriber decodes none of the track's codecs. Otherwise the track does not exist or could not be
    forwarded.
    """

    track_sid: str
    codec: bool = False


@dataclass(frozen=True, slots=True)
class LayersWanted:
    """The publisher may stop every quality above `highest`. None: the publisher may stop all of them. `backup` says the same of
    a second codec, which the publisher must send too.
    """

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
    """The whole handle table of this subscriber: from the handle in its frames to the track."""

    handles: Mapping[int, DataSource]


@dataclass(frozen=True, slots=True)
class GrantsChanged:
    """The client's own grants, name or metadata changed. The client needs a token with the new values for its next resume."""

    grants: Grants


@dataclass(frozen=True, slots=True)
class Resumed:
    """The complete state after a lost connection. `participants` holds the client's own participant, all visible participants,
    and the participants who left recently.
    """

    sid: str
    conference: ConferenceView
    participants: tuple[ParticipantView, ...]
    relay: bool = False
    """The client must connect through a relay only."""
    silenced: tuple[str, ...] = ()
    """The client's own tracks that were muted from outside. The client may have missed these mutes, so it must process them
    first.
    """


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer connection took over this participant. The session closes without a message to the client."""


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
