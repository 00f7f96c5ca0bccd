"""What conference needs from above (clients, packet formats, time) and the part of media's door that it uses.

Protocols only: implemented by `signaling` (Client, PacketFormat), by asyncio and the composition root (Turns, Clock)
and by `media` (Media, Router, Peer, Producer, Consumer). Declaring media's side here keeps the seam narrow and lets a
test stand in for packets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from conference import events
from conference.announcements import Language
from conference.happenings import Happening
from conference.identifiers import random_bytes
from conference.lobby import Lobbies
from conference.pace import Pace
from conference.permissions import Grants

if TYPE_CHECKING:
    from media import Acceptance, Answer, Offer, OfferedTrack


PathWish = Literal["any", "tcp", "relay"]
"""How a client wants its media to go; `relay`: over TURN alone."""


class Client(Protocol):
    """One signalling connection of one participant."""

    def deliver(self, event: events.Event) -> None:
        """Takes the event at once (queues or drops what it cannot send); raises nothing."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A data packet ready to be forwarded as it is. `destinations` empty: everybody but the sender."""

    payload: bytes
    destinations: frozenset[str] = frozenset()
    metrics: bool = False
    """Figures of a client: for those alone whose grants ask for them."""


class PacketFormat(Protocol):
    """How a client's data channels are written. Raises PeerError for bytes that are not of the format."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        """The packet with its true sender, with none if that is `hidden`; None: not to be forwarded."""

    def frame_handle(self, frame: bytes) -> int: ...
    def with_handle(self, frame: bytes, handle: int) -> bytes: ...


class Cancellable(Protocol):
    def cancel(self) -> None: ...


class Turns(Protocol):
    """The event loop, or a hand-turned one in tests."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Cancellable: ...
    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Cancellable: ...


class Clock(Protocol):
    def time(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds that never jump."""


class Watcher(Protocol):
    """Whoever planned the meetings: may keep somebody out, and hears when a conference begins and ends."""

    def admit(self, grants: Grants) -> None:
        """Raises Refusal. Asked at each entry, at once: waits for nothing."""

    def opened(self, conference: str) -> None:
        """The first participant has come."""

    def closed(self, conference: str, reason: events.Reason) -> None:
        """It is over; nobody is in it any more."""


class Observer(Protocol):
    """Whoever tells others of all conferences."""

    def happened(self, happening: Happening) -> None:
        """Returns at once, raises nothing: a call never waits for those who hear of it."""


class Figures(Protocol):
    """How one media path fared lately. Losses 0..1 and times; negative: not known."""

    @property
    def up_loss(self) -> float: ...
    @property
    def down_loss(self) -> float: ...
    @property
    def rtt_ms(self) -> float: ...
    @property
    def down_jitter_ms(self) -> float: ...


class Measured(Protocol):
    @property
    def peers(self) -> Mapping[int, Figures]:
        """By `Peer.id`."""


class Producer(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def codecs(self) -> Sequence[Any]: ...
    @property
    def mime(self) -> str: ...
    @property
    def layers(self) -> Sequence[str]: ...

    active_layers: set[int]
    """Of which packets have come."""

    def pause(self, paused: bool) -> None: ...
    def request_keyframe(self) -> None: ...
    def keep(self) -> None: ...
    def close(self) -> None: ...


class Consumer(Protocol):
    closed: bool
    """By us, or as the peer has no codec for it."""

    @property
    def mid(self) -> str | None: ...

    starved: bool
    """The way to the peer does not carry it."""
    on_starve: Callable[[bool], None] | None

    def pause(self, paused: bool) -> None: ...
    def set_layers(self, layer: int, temporal: int) -> None: ...
    def set_priority(self, priority: int, *, keeps: bool = False) -> None: ...


class Peer(Protocol):
    """One media connection: see `media.Peer`. SDP is opaque text here. Malformed SDP raises media's PeerError."""

    @property
    def id(self) -> int: ...

    only: Literal["udp", "tcp"] | None
    """What of our addresses the next descriptions name; None: all."""

    @property
    def missing_sections(self) -> tuple[int, int]: ...
    @property
    def forwarded(self) -> int: ...
    @property
    def needs_offer(self) -> bool: ...
    def answer(self, offer_sdp: str, *, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer: ...
    def offer(self) -> Offer: ...
    def accept_answer(self, sdp: str) -> object: ...
    def consume(self, producer: Any, *, stream_id: str, track_id: str) -> Consumer: ...
    def stop(self, consumer: Any) -> None: ...
    def hold_pictures(self, held: bool) -> None: ...
    def restart_ice(self) -> None: ...
    def open_channels(self, labels: Sequence[str]) -> None: ...
    def send(self, label: str, data: bytes) -> bool: ...
    def hold(self, size_bytes: int) -> None: ...
    def close(self) -> None: ...


class Router(Protocol):
    on_speakers: Callable[[list[tuple[Any, float]]], None]

    def open_peer(self, events: Any) -> Peer: ...
    def close(self) -> None: ...


class Media(Protocol):
    """The media node as conferences see it."""

    def open_router(self) -> Router: ...
    def statistics(self) -> Measured: ...


# Halls


@dataclass(frozen=True, slots=True)
class LineOptions:
    """Where lines of halls are opened: an IP literal of this machine, and its ports. `announced`: what halls are told instead."""

    host: str
    ports: Sequence[int]
    announced: str = ""
    silent_s: float = 30.0
    """So long without RTP and RTCP and the hall is asked whether it is still there."""


class LineConsumer(Protocol):
    """A track forwarded to a hall, or to the mixer, under an SSRC that never changes: see `media.LineConsumer`."""

    closed: bool
    """By us, or together with its source."""

    def switch(self, producer: Any, payload_types: Mapping[int, int]) -> None: ...
    def pause(self, paused: bool) -> None: ...
    def close(self) -> None: ...


class Line(Protocol):
    """One medium of a hall as plain RTP or SRTP: see `media.Line`."""

    id: int
    local: tuple[str, int]
    local_rtcp: tuple[str, int]

    def set_remote(self, rtp: Any, rtcp: Any = None) -> None: ...
    def set_keys(self, profile: str, receive: bytes, send: bytes) -> None: ...
    def set_feedback(self, kinds: Any) -> None: ...
    def accept_audio_levels(self, number: int) -> None: ...
    def receive(self, kind: Any, codecs: Sequence[Any], ssrc: int = 0, *, is_microphone: bool = False) -> Any: ...
    def send(
        self, producer: Any, payload_types: Mapping[int, int], ssrc: int = 0, *, single_nal: bool = False
    ) -> LineConsumer: ...
    def limit(self, bitrate_bps: int) -> None: ...
    def open_messages(self, send_type: int, receive_type: int) -> None: ...
    def send_message(self, message: bytes) -> None: ...
    def close(self) -> None: ...


class MixerDoor(Protocol):
    """The mixer of one conference: see `media.mixer.Mixer`."""

    def set_scene(self, scene: Any) -> None: ...
    def request_keyframe(self, ssrc: int) -> None: ...
    def output(self, ssrc: int) -> Any:
        """The producer of something that the scene makes."""

    def feed(self, producer: Any, ssrc: int) -> Any: ...
    def starve(self, ssrc: int) -> None:
        """The end of `feed`."""

    def close(self) -> None: ...


class HallSignal(Protocol):
    """The signalling of one hall's call: implemented by the composition on SIP or H.323. Returns at once."""

    def request_keyframe(self) -> None:
        """Packets did not help: ask over the signalling connection (RFC 5168)."""

    def hang_up(self, code: str) -> None: ...
    def renegotiate(self) -> None:
        """What we send or want has changed: offer again."""

    @property
    def moves_camera(self) -> bool:
        """The hall lets its camera be moved from here."""

    def move_camera(self, pan: int, tilt: int, zoom: int) -> None:
        """-1, 0 or 1 each: far end camera control (H.281), left, down and out first; all 0: stop."""

    def camera_said(self, frame: bytes) -> None:
        """A frame of H.224 came from the hall."""

    def pressed(self, key: str) -> bool:
        """A key that came as packets (RFC 4733). True: it was for a menu, or heard before over the signalling."""


@dataclass(frozen=True, slots=True)
class DialOrder:
    """One try at calling one hall. The same order twice is the same call: its Call-ID says so."""

    leg_id: str
    occurrence: str
    terminal: str
    call_id: str
    rung: int = 0
    """Of the terminal's ladder of profiles."""


class Dialer(Protocol):
    """Calls terminals: implemented by the composition. Returns at once; what becomes of a call is told by events."""

    def dial(self, order: DialOrder) -> None: ...
    def probe(self, order: DialOrder) -> None: ...
    def cancel(self, leg_id: str) -> None:
        """A call that is not answered yet. Unknown ones are ignored."""

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        """`order`: only if its call is that of this try."""

    def live(self) -> frozenset[str]:
        """Legs with a call of this process, answered or not."""


class HallPorts(Protocol):
    """What the halls of all conferences need from the composition."""

    def open_mixer(self, router: Any, events: Any) -> MixerDoor: ...
    def announcement(self, code: str, language: Language) -> str:
        """The file of a recorded announcement."""

    def wished(self, conference: str, wished: Any) -> None:
        """A hall asked for the floor, an operator, …: `conference.hall.Wished`."""

    def floor_moved(self, program: Any, changes: Any) -> None:
        """The content token went elsewhere by no terminal's doing (`conference.FloorChange`s): terminals are to be told."""

    def silent(self, conference: str, hall: Any) -> None:
        """Nothing has come from it for half a minute: its signalling shall be asked."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a conference stands in: media, time and identifiers, made once by the composition root."""

    media: Media
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    lobbies: Lobbies
    watcher: Watcher | None = None
    random_bytes: Callable[[int], bytes] = random_bytes
    halls: HallPorts | None = None
    """What halls need; None: there are none here."""
    observers: Sequence[Observer] = ()
    pace: Pace = field(default_factory=Pace)
    data_drops: Counter[str] = field(default_factory=Counter)
    """Packets and frames of senders who sent too many, by kind: `reliable`, `lossy`, `frames`."""
