"""One published track and its subscriptions: states and layer choices. Does not decide who may subscribe
(`subscriptions.py`).
"""

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

if TYPE_CHECKING:
    from media import Acceptance, Answer, OfferedTrack

_PREFIXES = {
    Source.CAMERA: "TR_VC",
    Source.MICROPHONE: "TR_AM",
    Source.SCREEN_SHARE: "TR_VS",
    Source.SCREEN_SHARE_AUDIO: "TR_AS",
}

_LAYERED = ("video/vp9", "video/av1")
"""Codecs that may carry several layers in one stream (SVC)."""
_SCREEN, _LOOKED_AT = 1, 4
_SIZE_TOLERANCE = 1.1  # a tile a tenth larger than a layer still takes that layer


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a client says about a track before its section comes. `facts` is not read by conference."""

    cid: str
    kind: str  # "audio" or "video"
    source: Source = Source.UNKNOWN
    name: str = ""
    muted: bool = False
    width: int = 0
    height: int = 0
    layers: tuple[Layer, ...] = ()
    stream: str = ""
    codec: str | None = None  # wanted MIME type
    backup: str | None = None  # MIME type in which it can be sent too, to those who do not decode the first
    red: bool = True
    stereo: bool = False
    dtx: bool = True
    cids: frozenset[str] = frozenset()  # further client ids of the same track (one for each codec)
    facts: object = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a subscriber wants a track. Width and height, when given, win over quality; `fps` 0: all; `priority` above 0: before
    the others.
    """

    disabled: bool = False
    quality: Quality = Quality.HIGH
    width: int = 0
    height: int = 0
    fps: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Permission:
    """Whom a publisher lets have its tracks: everybody, or by identity or sid all tracks (None) or these."""

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
    """What a publisher sends its tracks by."""

    def answer(self, sdp: str, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer: ...
    def hold_pictures(self, held: bool) -> None: ...


class Downstream(Protocol):
    """What a subscriber gets its tracks by."""

    def consume(self, producer: Producer, *, stream_id: str, track_id: str) -> Consumer: ...
    def stop(self, consumer: Consumer) -> None: ...


class Publisher(Listener, Protocol):
    """A participant as one who publishes."""

    @property
    def entry(self) -> Entry: ...
    @property
    def client(self) -> object: ...

    permission: Permission

    @property
    def tracks(self) -> dict[str, Track]:
        """Live ones, by sid."""

    @property
    def pending(self) -> dict[str, Track]:
        """Announced ones, by the client's id."""

    @property
    def unclaimed(self) -> list[PendingSection]: ...

    reported: bool
    """Those who watch over all conferences know of it."""

    @property
    def negotiated(self) -> Upstream | None: ...
    @property
    def table(self) -> TrackTable: ...
    def changed(self) -> None:
        """Others must learn of a change at the end of this turn."""

    def seen_by(self, other: Listener) -> bool: ...


class Subscriber(Listener, Protocol):
    """A participant as one who receives."""

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
        """Tracks whose publisher does not let it have them."""

    @property
    def told_paused(self) -> set[str]: ...

    stream_changes: dict[str, bool]
    """By track, told at the end of the turn."""

    @property
    def negotiated(self) -> Downstream | None: ...
    @property
    def table(self) -> TrackTable: ...
    def media_changed(self) -> None:
        """Something waits for a negotiation."""


class Streams(Upstream, Downstream, Protocol):
    pass


class Party(Publisher, Subscriber, Protocol):
    """A participant as both."""

    @property
    def negotiated(self) -> Streams | None: ...
    def media_failed(self, reason: str) -> None: ...


class TrackReports(Protocol):
    """Those who watch over all conferences."""

    def published(self, track: Track) -> None: ...
    def unpublished(self, track: Track) -> None: ...


class Pictures(Protocol):
    """What is made of the tracks for halls, and for browsers that do not decode them."""

    @property
    def composed(self) -> Publisher | None:
        """It publishes one picture of all halls."""

    def changed(self) -> None:
        """Something that pictures are made of may be different."""

    def heard(self, sid: str) -> None:
        """Who speaks now; "": no participant."""

    def codec_missing(self, subscriber: Subscriber, track: Track) -> None:
        """The subscriber decodes no codec in which the track comes."""


@dataclass(slots=True, eq=False)
class TrackTable:
    """The tracks of one conference, and what their verbs need of it. `participants`: by identity."""

    participants: Mapping[str, Party]
    audience: Audience
    reports: TrackReports
    pictures: Pictures
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    remote_unmute: bool
    offer_soon: Callable[[Party], None]
    """The publisher lets others have its tracks than before: they get them at the end of the turn or a little later."""
    by_producer: dict[Producer, Track] = field(default_factory=dict)
    """With second codecs."""
    by_sid: dict[str, Track] = field(default_factory=dict)

    def publishers(self) -> tuple[Publisher, ...]:
        """All whose tracks somebody may get."""
        composed = self.pictures.composed
        return (*self.participants.values(), *(() if composed is None else (composed,)))


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscriber's share in one track."""

    track: Track
    subscriber: Subscriber
    consumer: Consumer
    settings: Settings
    counted: int = -1
    """The layer for which its track counts it; -1: none."""

    def apply(self) -> None:
        """Carries the settings out at the packet plane."""
        self.consumer.pause(self.settings.disabled)
        if self.track.kind == "video" and not self.settings.disabled:
            self.consumer.set_layers(self.track.layer_index(self.settings), temporal_layer(self.settings.fps))
            self.consumer.set_priority(self.track.priority(self.settings), keeps=not self.subscriber.entry.may_pause)


class Track:
    """A published track: announced first, live once its section has come (`producer` is there)."""

    def __init__(self, sid: TrackSid, owner: Publisher, announcement: Announcement, now: float) -> None:
        self.sid = sid
        self.owner = owner
        self.since = now
        self.announcement = announcement
        self.layers = tuple(sorted(announcement.layers, key=lambda layer: layer.quality.value))
        self.muted = announcement.muted
        self.silenced_at: float | None = None
        """Set: when its publisher was last told that it is muted from outside, until it says what it is itself."""
        self.producer: Producer | None = None
        self.mid = ""
        self.mime = ""
        self.subscriptions: dict[str, Subscription] = {}
        """By the subscriber's sid. Changed by `subscribe` and `unsubscribe` alone."""
        self._wanted: Counter[int] = Counter()
        """How many subscribers want which of the announced layers: nobody can ask all of them each time."""
        self.was_subscribed = False
        self.wish = Wish()
        self.mixed: Quality | None = None
        """What the picture for halls shows of it."""
        self.main: Track | None = None
        """Set: this is the same picture in another codec, under the same sid, for those in `main.lacking`."""
        self.backup: Track | None = None
        self.lacking: set[str] = set()
        """Subscribers who do not decode it, by sid."""
        self.let_again: set[str] = set()
        """Subscribers whom its publisher did not let have it before, by sid."""
        self.awaited: Awaited | None = None
        """Set: nothing of a backup that is needed has come yet."""
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
        """This one, or its backup for whoever needs it; None: that is not there yet."""
        return self.backup if subscriber_sid in self.lacking else self

    def backup_wanted(self) -> tuple[str, Quality | None] | None:
        """MIME type and highest quality in which the publisher is to send it too; None: it is not asked to."""
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
        """False: it was so already."""
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
        """Replaces what the protocol above keeps with the track."""
        self.announcement = replace(self.announcement, facts=facts)
        self._view = None

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """Whoever asked for a size may want another layer now."""
        self.layers = tuple(sorted(layers, key=lambda layer: layer.quality.value))
        self._view = None
        for subscription in self.subscriptions.values():
            self._count(subscription)
            subscription.apply()

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.subscriber.sid] = subscription
        self._count(subscription)

    def unsubscribe(self, subscriber: str) -> Subscription | None:
        """By its sid; None: it had none."""
        subscription = self.subscriptions.pop(subscriber, None)
        if subscription is not None:
            self._move(subscription, -1)
        return subscription

    def change(self, subscription: Subscription, settings: Settings) -> None:
        """What one of its subscribers wants from now on."""
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
        """Pixels, as its publisher tells them now."""
        self.announcement = replace(self.announcement, width=width, height=height)
        self._view = None

    def layer_index(self, settings: Settings) -> int:
        """The plane's layer (0 is the smallest) for a subscriber's wish."""
        count = len(self.producer.layers) if self.producer is not None else 1
        if count == 1 and self.mime.lower() in _LAYERED:
            return self.quality_index(settings)  # the plane sees how many layers there are in the one stream
        index = self.quality_index(settings) if len(self.layers) >= count else settings.quality.value
        return max(0, min(index, count - 1))

    def quality_index(self, settings: Settings) -> int:
        """Position among the announced layers that suits the wish: by size when there is one, else by quality."""
        if not self.layers:
            return settings.quality.value
        if settings.width > 0 and settings.height > 0:
            return _index_by_size(self.layers, settings)
        fitting = [i for i, layer in enumerate(self.layers) if layer.quality.value <= settings.quality.value]
        return fitting[-1] if fitting else 0

    def priority(self, settings: Settings) -> int:
        """For the plane, which adds what is due to whoever speaks: what is looked at comes before everything else, and a
        screen before a camera.
        """
        looked_at = settings.priority > 0 or max(settings.width, settings.height) >= limits.LOOKED_AT_PIXELS
        return (_LOOKED_AT if looked_at else 0) + (_SCREEN if self.source is Source.SCREEN_SHARE else 0)

    def wanted_quality(self) -> Quality | None:
        """The highest quality that any subscriber wants now, or the picture for halls."""
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
    """What the publisher was told about its layers: up at once, down after LAYERS_DOWN_S."""

    told: Quality | None = Quality.HIGH
    lower_since: float | None = None
    repeat_at: float | None = None

    @property
    def dated(self) -> bool:
        """Something happens by time alone; else only a subscription's change can bring anything new."""
        return self.lower_since is not None or self.repeat_at is not None

    def update(self, wanted: Quality | None, now: float) -> bool:
        """True: tell the publisher `told` now."""
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
    """For how long a second codec has been asked for in vain. Time in which its publisher could not send does not count."""

    seen_at: float
    """When this was last counted."""
    waited_s: float = 0.0
    asked_s: float = 0.0
    """`waited_s` when it was last asked for."""
    given_up: bool = False


@dataclass(slots=True)
class PendingSection:
    """A published section that no announcement has claimed yet."""

    producer: Producer
    mid: str
    mime: str
    kind: str
    cid: str
    since: float


def sid_prefix(announcement: Announcement) -> str:
    return _PREFIXES.get(announcement.source, "TR_A" if announcement.kind == "audio" else "TR_V")


def temporal_layer(fps: int) -> int:
    """Temporal layers halve the rate: 0 is a quarter of 30, 1 a half; 3 stands for everything."""
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
