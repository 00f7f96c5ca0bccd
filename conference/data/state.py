"""The data of one participant, and what the data of one conference has in common.

Owns the table of data tracks and the counts of what was dropped. The rules are in `packets`, `tracks` and `blobs`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from conference.ground import limits
from conference.ground.events import DataTrackView
from conference.ports.audience import Audience, Listener
from conference.ports.clients import Entry, Packet
from conference.ports.time import Cancellable, Clock, Turns
from media import TokenBucket


class Channels(Protocol):
    """The data channels to one participant."""

    def send(self, label: str, data: bytes) -> None: ...
    def hold(self, size_bytes: int) -> None: ...


class Link(Protocol):
    @property
    def channels(self) -> Channels: ...


class Party(Listener, Protocol):
    """A participant as one who sends and receives data."""

    @property
    def entry(self) -> Entry: ...
    @property
    def data(self) -> DataState: ...
    @property
    def connection(self) -> Link: ...
    def changed(self) -> None:
        """Others must learn of a change at the end of this turn."""


@dataclass(slots=True, eq=False)
class DataTable:
    """What all participants of one conference share. `participants`: by identity."""

    participants: Mapping[str, Party]
    audience: Audience
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    drops: Counter[str]
    """Packets and frames of senders who sent too many, by kind: `reliable`, `lossy`, `frames`."""
    tell_soon: Callable[[Party], None] = lambda _: None
    """Has the handles of one subscriber told at the end of the turn, or a little later where many tables are due."""
    tracks: dict[str, DataTrack] = field(default_factory=dict)
    """By sid."""


@dataclass(slots=True, eq=False)
class DataTrack:
    """A published data track; `subscribers`: participant sid -> (participant, handle in that subscriber's frames);
    `withheld`, by sid: who gets it once its owner is not hidden any more.
    """

    owner: Party
    view: DataTrackView
    subscribers: dict[str, tuple[Party, int]] = field(default_factory=dict)
    withheld: dict[str, Party] = field(default_factory=dict)


@dataclass(slots=True)
class Outgoing:
    """What one participant has passed on to others: how much more it may, and what waits for that, in order."""

    budget: TokenBucket = field(default_factory=lambda: TokenBucket(limits.DATA_UNITS_PER_S, limits.DATA_UNITS_BURST))
    held: deque[Packet] = field(default_factory=deque)
    held_bytes: int = 0
    timer: Cancellable | None = None
    told: bool = False
    """The log says that some of it was dropped."""


@dataclass(slots=True)
class DataState:
    """One participant's part: what it publishes by its own handle, and what its frames' handles mean."""

    table: DataTable
    published: dict[int, DataTrack] = field(default_factory=dict)
    received: dict[int, DataTrack] = field(default_factory=dict)
    next_handle: int = 1
    outgoing: Outgoing = field(default_factory=Outgoing)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    """What it left for others to fetch, such as schemas of its frames, by key."""
