"""The data state of one participant, and the data state that a conference shares.

Owns the table of data tracks and the counters of dropped packets. The rules are in `packets`, `tracks` and `blobs`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from conference.ground import limits
from conference.ground.events import DataTrackView
from conference.ports.audience import Audience, Listener
from conference.ports.clients import Entry, Packet, Piece
from conference.ports.time import Cancellable, Clock, Turns
from media import TokenBucket


class Channels(Protocol):
    """The data channels to one participant."""

    def send(self, label: str, data: bytes) -> None: ...
    def hold(self, size_bytes: int) -> None: ...


class Link(Protocol):
    @property
    def channels(self) -> Channels: ...


class Chat(Protocol):
    """The chat of the conference (`data.chat`)."""

    @property
    def barred(self) -> Callable[[str], str]: ...
    def heard(self, sender: Party, message: bytes) -> None: ...
    def overheard(self, sender: Party, piece: Piece, destinations: Iterable[str]) -> None: ...


class Party(Listener, Protocol):
    """A participant as a sender and receiver of data."""

    @property
    def entry(self) -> Entry: ...
    @property
    def data(self) -> DataState: ...
    @property
    def connection(self) -> Link: ...
    def changed(self) -> None:
        """Note a change. Other participants are notified at the end of this turn."""


@dataclass(slots=True, eq=False)
class DataTable:
    """The data state that all participants of one conference share. The keys of `participants` are identities."""

    participants: Mapping[str, Party]
    audience: Audience
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    drops: Counter[str]
    """Dropped packets and frames, by kind: `reliable`, `lossy`, `frames` of senders that sent too many; `chat` by a rule."""
    chat: Chat
    tell_soon: Callable[[Party], None] = lambda _: None
    """Sends the handle table of one subscriber at the end of the turn, or a little later if many tables wait."""
    tracks: dict[str, DataTrack] = field(default_factory=dict)
    """The data tracks by sid."""


@dataclass(slots=True, eq=False)
class DataTrack:
    """A published data track.

    `subscribers` maps a participant's sid to (participant, handle in that subscriber's frames). `withheld`, by sid, holds the
    participants that get the track when its owner is visible again.
    """

    owner: Party
    view: DataTrackView
    subscribers: dict[str, tuple[Party, int]] = field(default_factory=dict)
    withheld: dict[str, Party] = field(default_factory=dict)


@dataclass(slots=True)
class Outgoing:
    """The data that one participant sends to others: its budget, and the packets that wait for the budget, in order."""

    budget: TokenBucket = field(default_factory=lambda: TokenBucket(limits.DATA_UNITS_PER_S, limits.DATA_UNITS_BURST))
    held: deque[Packet] = field(default_factory=deque)
    held_bytes: int = 0
    timer: Cancellable | None = None
    told: bool = False
    """True after the log has reported that packets of this sender were dropped."""


@dataclass(slots=True)
class Chatter:
    """The limits on what one participant sends to the chat."""

    reads: bool = False
    """True after the client has sent to the chat of the server. Until then, the client gets new lines also in the way of
    foreign clients.
    """

    lines: TokenBucket = field(default_factory=lambda: TokenBucket(limits.CHAT_PER_S, limits.CHAT_BURST))
    streams: dict[str, Piece] = field(default_factory=dict)
    """The unfinished chat lines of a foreign client, by the name of the stream."""
    ended: deque[str] = field(default_factory=lambda: deque(maxlen=limits.CHAT_BURST))
    """The streams that ended last. After a resume, a client may send a packet again."""
    history: TokenBucket = field(default_factory=lambda: TokenBucket(limits.CHAT_ASKED_PER_S, limits.CHAT_ASKED_BURST))


@dataclass(slots=True)
class DataState:
    """The data state of one participant. `published` holds its own tracks by the handles that it chose. `received` holds the
    tracks that it receives, by the handles in the frames to it.
    """

    table: DataTable
    published: dict[int, DataTrack] = field(default_factory=dict)
    received: dict[int, DataTrack] = field(default_factory=dict)
    next_handle: int = 1
    outgoing: Outgoing = field(default_factory=Outgoing)
    chatter: Chatter = field(default_factory=Chatter)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    """The blobs that this participant stored for others, by key."""
