"""A published track and its subscriptions: states and choice of layers. `subscriptions.py` decides who may subscribe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from conference.ground import limits
from conference.ground.events import Layer, Quality, TrackView
from conference.ground.identifiers import TrackSid
from conference.ground.permissions import Source
from conference.ports.audience import Audience, Listener
from conference.ports.clients import Entry
from conference.ports.media import Consumer, Producer
from conference.ports.time import Clock, Turns
from conference.tracks.gate import Gate, OpenGate

if TYPE_CHECKING:
    from media import Acceptance, Answer, OfferedTrack

_PREFIXES = {
    Source.CAMERA: "TR_VC",
    Source.MICROPHONE: "TR_AM",
    Source.SCREEN_SHARE: "TR_VS",
    Source.SCREEN_SHARE_AUDIO: "TR_AS",
}

_LAYERED = ("video/vp9", "video/av1")
"""The codecs that may carry several layers in one stream (SVC)."""
_SCREEN, _LOOKED_AT = 1, 4
"""Parts of the priority of a video: for a screen, and for the video that the viewer looks at. Chosen. The packet plane adds 2 for
the active speaker (`SPEAKS_PRIORITY` in `allocate.rs`, with a table of all sums). `_SCREEN` larger: from 2 on, the speaker's
camera does not come before a screen. Smaller: a screen does not come before cameras. `_LOOKED_AT` larger: above 6 the sum is cut
at 7 (`PRIORITY`), so a screen that the viewer looks at does not come before such a camera. Smaller: from 3 down, the speaker's
screen shares with the camera that the viewer looks at, or takes bitrate from it.
"""
_SIZE_TOLERANCE = 1.1
"""Factor. A video layer is enough for a picture on a page whose longer side is at most a tenth larger than the layer's. Chosen.
Larger: viewers get blurred pictures. Smaller: a picture that is a few pixels too large takes the bitrate of the next layer.
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A client's announcement of a track before its section arrives. `conference` does not read `facts`."""

    cid: str
    kind: str  # "audio" or "video"
    source: Source = Source.UNKNOWN
    name: str = ""
    muted: bool = False
    width: int = 0
    height: int = 0
    layers: tuple[Layer, ...] = ()
    stream: str = ""
    codec: str | None = None  # the wanted MIME type
    backup: str | None = None  # the MIME type of the backup codec, for subscribers that do not decode the first
    red: bool = True
    stereo: bool = False
    dtx: bool = True
    cids: frozenset[str] = frozenset()  # further client ids of the same track (one for each codec)
    facts: object = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The version of a track that a subscriber wants. If width and height are set, `quality` is ignored. `fps` 0: all pictures.
    `priority` above 0: before other tracks.
    """

    disabled: bool = False
    quality: Quality = Quality.HIGH
    width: int = 0
    height: int = 0
    fps: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Permission:
    """The participants that may receive a publisher's tracks: all participants, or only the listed identities and sids.

    Each listed identity or sid has a set of tracks. None means all tracks.
    """

    everybody: bool = True
    by_identity: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    by_sid: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    def lets(self, subscriber: Listener, track_sid: str) -> bool:
        if self.everybody:
            return True
        for table, key in ((self.by_identity, subscriber.identity), (self.by_sid, subscriber.sid)):
            if key in table:
                tracks = table[key]
                if tracks is None or track_sid in tracks:
                    return True
        return False


class Upstream(Protocol):
    """The connection on which a publisher sends its tracks."""

    def answer(self, sdp: str, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer: ...
    def hold_pictures(self, held: bool) -> None: ...


class Downstream(Protocol):
    """The connection on which a subscriber receives its tracks."""

    def consume(self, producer: Producer, *, stream_id: str, track_id: str) -> Consumer: ...
    def stop(self, consumer: Consumer) -> None: ...


class Publisher(Listener, Protocol):
    """A participant in its role as publisher."""

    @property
    def entry(self) -> Entry: ...
    @property
    def joined_at(self) -> float: ...
    @property
    def client(self) -> object: ...

    permission: Permission
    entered: bool
    """The participant has published a microphone since it joined."""

    @property
    def tracks(self) -> dict[str, Track]:
        """The live tracks, by sid."""

    @property
    def pending(self) -> dict[str, Track]:
        """The announced tracks, by the client's id."""

    @property
    def unclaimed(self) -> list[PendingSection]: ...

    reported: bool
    """The observers of all conferences know of this participant."""

    @property
    def negotiated(self) -> Upstream | None: ...
    @property
    def table(self) -> TrackTable: ...
    def changed(self) -> None:
        """Note a change. Other participants are notified at the end of this turn."""

    def seen_by(self, other: Listener) -> bool: ...


class Subscriber(Listener, Protocol):
    """A participant in its role as subscriber."""

    @property
    def entry(self) -> Entry: ...
    @property
    def client(self) -> object: ...
    @property
    def choices(self) -> dict[str, bool]: ...
    @property
    def settings(self) -> dict[str, Settings]: ...
    @property
    def refused(self) -> set[str]:
        """The tracks that their publisher does not let this subscriber receive."""

    @property
    def told_paused(self) -> set[str]: ...

    stream_changes: dict[str, bool]
    """The changes of streams by track. They are sent at the end of the turn."""

    @property
    def negotiated(self) -> Downstream | None: ...
    @property
    def table(self) -> TrackTable: ...
    def media_changed(self) -> None:
        """Note that a change waits for a negotiation."""


class Streams(Upstream, Downstream, Protocol):
    pass


class Party(Publisher, Subscriber, Protocol):
    """A participant in both roles."""

    @property
    def negotiated(self) -> Streams | None: ...
    def media_failed(self, reason: str) -> None: ...


class TrackReports(Protocol):
    """The reports to the observers of all conferences."""

    def published(self, track: Track) -> None: ...
    def unpublished(self, track: Track) -> None: ...


class Pictures(Protocol):
    """The pictures that are made from tracks, for halls and for browsers that do not decode the tracks."""

    @property
    def composed(self) -> Publisher | None:
        """The publisher of one picture of all halls."""

    def changed(self) -> None:
        """Note that the content of the pictures may have changed."""

    def heard(self, sid: str) -> None:
        """Note who speaks now. An empty sid means no participant."""

    def codec_missing(self, subscriber: Subscriber, track: Track) -> None:
        """Note that the subscriber decodes no codec of this track."""


@dataclass(slots=True, eq=False)
class TrackTable:
    """The tracks of one conference and their shared services. The keys of `participants` are identities."""

    participants: Mapping[str, Party]
    audience: Audience
    reports: TrackReports
    pictures: Pictures
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    remote_unmute: bool
    offer_soon: Callable[[Party], None]
    """Called when a publisher changes its permissions. Subscribers gain or lose tracks at the end of the turn or a little
    later.
    """
    gate: Gate = field(default_factory=OpenGate)
    by_producer: dict[Producer, Track] = field(default_factory=dict)
    """The tracks by producer, second codecs included."""
    by_sid: dict[str, Track] = field(default_factory=dict)

    def publishers(self) -> tuple[Publisher, ...]:
        """Return all publishers whose tracks a subscriber may receive."""
        composed = self.pictures.composed
        return (*self.participants.values(), *(() if composed is None else (composed,)))


@dataclass(slots=True, eq=False)
class Subscription:
    """The subscription of one subscriber to one track."""

    track: Track
    subscriber: Subscriber
    consumer: Consumer
    settings: Settings
    counted: int = -1
    """The layer for which the track counts this subscription; -1: none."""

    def apply(self) -> None:
        """Apply the settings at the packet plane."""
        self.consumer.pause(self.settings.disabled)
        if self.track.kind == "video" and not self.settings.disabled:
            self.consumer.set_layers(self.track.layer_index(self.settings), temporal_layer(self.settings.fps))
            self.consumer.set_priority(self.track.priority(self.settings), keeps=not self.subscriber.entry.may_pause)


class Track:
    """A published track. It is announced first, and live after its section has arrived (`producer` is set)."""

    def __init__(self, sid: TrackSid, owner: Publisher, announcement: Announcement, now: float) -> None:
        self.sid = sid
        self.owner = owner
        self.since = now
        self.announcement = announcement
        self.layers = tuple(sorted(announcement.layers, key=lambda layer: layer.quality.value))
        self.muted = announcement.muted
        self.silenced_at: float | None = None
        """The time when the publisher was last notified that the track was muted from outside. None after the publisher has
        sent its own state.
        """
        self.producer: Producer | None = None
        self.mid = ""
        self.mime = ""
        self.subscriptions: dict[str, Subscription] = {}
        """The subscriptions by the subscriber's sid. Only `subscribe` and `unsubscribe` change them."""
        self._wanted: Counter[int] = Counter()
        """The number of subscribers for each announced layer. It avoids a search through all subscribers for each change."""
        self.was_subscribed = False
        self.wish = Wish()
        self.mixed: Quality | None = None
        """The quality that the picture for halls needs; None: no hall sees the track."""
        self.main: Track | None = None
        """If set, this track is the backup codec of `main`, under the same sid, for the subscribers in `main.lacking`."""
        self.backup: Track | None = None
        self.lacking: set[str] = set()
        """The sids of subscribers that do not decode this track, and `picture.publishers.HALLS` if the mixer does not."""
        self.let_again: set[str] = set()
        """The sids of subscribers that the publisher refused before and allows now."""
        self.awaited: Awaited | None = None
        """Set while a needed backup codec has not arrived yet."""
        self._view: TrackView | None = None

    @property
    def kind(self) -> str:
        return self.announcement.kind

    @property
    def source(self) -> Source:
        return self.announcement.source

    @property
    def live(self) -> bool:
        return self.producer is not None

    def given_to(self, subscriber_sid: str) -> Track | None:
        """Return this track, or its backup if the subscriber needs it. None if the backup does not exist yet."""
        return self.backup if subscriber_sid in self.lacking else self

    def backup_wanted(self) -> tuple[str, Quality | None] | None:
        """Return the MIME type and highest quality of the backup codec that the publisher must send. None if no backup is
        needed.
        """
        if self.backup is not None:
            return self.backup.mime, self.backup.wish.told
        told = self.announcement.backup
        return (told, Quality.HIGH) if told is not None and self.lacking else None

    def bind(self, producer: Producer, mid: str, mime: str) -> None:
        self.producer, self.mid, self.mime = producer, mid, mime
        self._view = None
        if self.muted:
            producer.pause(True)

    def mute(self, muted: bool) -> bool:
        """Mute or unmute the track. Returns False if nothing changed."""
        if self.muted == muted:
            return False
        self.muted = muted
        if self.backup is not None:
            self.backup.mute(muted)
        self._view = None
        if self.producer is not None:
            self.producer.pause(muted)
        return True

    def describe(self, facts: object) -> None:
        """Replace the facts that the protocol stores with the track."""
        self.announcement = replace(self.announcement, facts=facts)
        self._view = None

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """Set the announced layers. Subscribers that asked for a size may need another layer now."""
        self.layers = tuple(sorted(layers, key=lambda layer: layer.quality.value))
        self._view = None
        for subscription in self.subscriptions.values():
            self._count(subscription)
            subscription.apply()

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.subscriber.sid] = subscription
        self._count(subscription)

    def unsubscribe(self, subscriber: str) -> Subscription | None:
        """Remove the subscription of this sid and return it; None if there was none."""
        subscription = self.subscriptions.pop(subscriber, None)
        if subscription is not None:
            self._move(subscription, -1)
        return subscription

    def change(self, subscription: Subscription, settings: Settings) -> None:
        """Change the settings of one subscription."""
        subscription.settings = settings
        self._count(subscription)
        subscription.apply()

    def _count(self, subscription: Subscription) -> None:
        settings = subscription.settings
        self._move(subscription, -1 if settings.disabled else self.quality_index(settings))

    def _move(self, subscription: Subscription, index: int) -> None:
        if subscription.counted >= 0:
            self._wanted[subscription.counted] -= 1
            if not self._wanted[subscription.counted]:
                del self._wanted[subscription.counted]
        subscription.counted = index
        if index >= 0:
            self._wanted[index] += 1

    def resize(self, width: int, height: int) -> None:
        """Set the size in pixels that the publisher reports."""
        self.announcement = replace(self.announcement, width=width, height=height)
        self._view = None

    def layer_index(self, settings: Settings) -> int:
        """Return the plane's layer for a subscriber's settings; 0 is the smallest."""
        count = len(self.producer.layers) if self.producer is not None else 1
        if count == 1 and self.mime.lower() in _LAYERED:
            return self.quality_index(settings)  # the plane finds the number of layers in the one stream
        index = self.quality_index(settings) if len(self.layers) >= count else settings.quality.value
        return max(0, min(index, count - 1))

    def quality_index(self, settings: Settings) -> int:
        """Return the position of the best announced layer: by size if the settings have one, otherwise by quality."""
        if not self.layers:
            return settings.quality.value
        if settings.width > 0 and settings.height > 0:
            return _index_by_size(self.layers, settings)
        fitting = [i for i, layer in enumerate(self.layers) if layer.quality.value <= settings.quality.value]
        return fitting[-1] if fitting else 0

    def priority(self, settings: Settings) -> int:
        """Return the priority for the plane, which adds its own priority for active speakers. The picture that the user looks
        at comes first, then a screen, then a camera.
        """
        looked_at = settings.priority > 0 or max(settings.width, settings.height) >= limits.LOOKED_AT_PIXELS
        return (_LOOKED_AT if looked_at else 0) + (_SCREEN if self.source is Source.SCREEN_SHARE else 0)

    def wanted_quality(self) -> Quality | None:
        """Return the highest quality that a subscriber or the picture for halls wants now."""
        best = max(self._wanted, default=-1)
        if self.mixed is not None:
            best = max(best, self.quality_index(Settings(quality=self.mixed)))
        if best < 0:
            return None
        return self.layers[best].quality if best < len(self.layers) else Quality(min(best, 2))

    def view(self) -> TrackView:
        if self._view is None:
            told = self.announcement
            self._view = TrackView(
                sid=self.sid,
                kind=told.kind,
                source=told.source,
                name=told.name,
                muted=self.muted,
                width=told.width,
                height=told.height,
                layers=self.layers,
                mime=self.mime,
                mid=self.mid,
                cid=told.cid,
                simulcast=len(self.layers if self.producer is None else self.producer.layers) > 1,
                stream=told.stream or _stream_of(told.source),
                facts=told.facts,
            )
        return self._view


@dataclass(slots=True)
class Wish:
    """The wanted layers that were last sent to the publisher. An increase is sent at once, a decrease after LAYERS_DOWN_S."""

    told: Quality | None = Quality.HIGH
    lower_since: float | None = None
    """The time since which less than `told` is wanted. None: no decrease waits."""
    repeat_at: float | None = None
    """The time at which `told` is sent once more. Each answer and each resume sets the time (`subscriptions.repeat_wish`),
    because the browser may have started stopped layers again.
    """

    @property
    def dated(self) -> bool:
        """Report whether `lower_since` or `repeat_at` is set. Then the passing of time alone can make a message necessary, and
        `people.upkeep.tick` calls `update`. Otherwise only a changed subscription can.
        """
        return self.lower_since is not None or self.repeat_at is not None

    def update(self, wanted: Quality | None, now: float) -> bool:
        """Return True if the publisher must be notified of `told` now."""
        if _rank(wanted) > _rank(self.told):
            self.told, self.lower_since = wanted, None
            return True
        if wanted == self.told:
            self.lower_since = None
        elif self.lower_since is None:
            self.lower_since = now
        elif now - self.lower_since >= limits.LAYERS_DOWN_S:
            self.told, self.lower_since = wanted, None
            return True
        if self.repeat_at is not None and now >= self.repeat_at:
            self.repeat_at = None
            return self.told is not Quality.HIGH
        return False


@dataclass(slots=True)
class Awaited:
    """The time for which a publisher has not sent a requested backup codec. Time in which it could not send does not count."""

    seen_at: float
    """The time of the last call of `backup_codec.watch`."""
    waited_s: float = 0.0
    asked_s: float = 0.0
    """The value of `waited_s` at the last request."""
    given_up: bool = False


@dataclass(slots=True)
class PendingSection:
    """A published section that no announcement has matched yet."""

    producer: Producer
    mid: str
    mime: str
    kind: str
    cid: str
    since: float


def sid_prefix(announcement: Announcement) -> str:
    return _PREFIXES.get(announcement.source, "TR_A" if announcement.kind == "audio" else "TR_V")


def temporal_layer(fps: int) -> int:
    """Return the highest temporal layer for a frame rate. 0 pictures a second means all pictures.

    A video of 30 pictures a second with three temporal layers has 7.5 of them in layer 0. Layers 0 and 1 have 15, and layers 0
    to 2 have 30. The limits 8 and 16 are 7.5 and 15, with a small margin. The result 3 is above layer 2, so it always means
    all pictures.
    """
    if 0 < fps <= 8:
        return 0
    return 1 if 0 < fps <= 16 else 3


def _index_by_size(layers: Sequence[Layer], settings: Settings) -> int:
    wanted = max(settings.width, settings.height)
    for index, layer in enumerate(layers):
        if max(layer.width, layer.height) * _SIZE_TOLERANCE >= wanted:
            return index
    return len(layers) - 1


def _rank(quality: Quality | None) -> int:
    return -1 if quality is None else quality.value


def _stream_of(source: Source) -> str:
    return "screen_share" if source in (Source.SCREEN_SHARE, Source.SCREEN_SHARE_AUDIO) else "camera"
