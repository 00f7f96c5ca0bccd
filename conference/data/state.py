"""The data of one participant: what it publishes, what its frames' handles mean, what it has passed on, what it stores."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.budget import Budget
from conference.ground.events import DataTrackView

if TYPE_CHECKING:
    from conference.people.participant import Participant
    from conference.ports.clients import Packet
    from conference.ports.time import Cancellable


@dataclass(slots=True, eq=False)
class DataTrack:
    """A published data track; `subscribers`: participant sid -> (participant, handle in that subscriber's frames);
    `withheld`, by sid: who gets it once its owner is not hidden any more.
    """

    owner: Participant
    view: DataTrackView
    subscribers: dict[str, tuple[Participant, int]] = field(default_factory=dict)
    withheld: dict[str, Participant] = field(default_factory=dict)


@dataclass(slots=True)
class Outgoing:
    """What one participant has passed on to others: how much more it may, and what waits for that, in order."""

    budget: Budget = field(default_factory=lambda: Budget(limits.DATA_UNITS_PER_S, limits.DATA_UNITS_BURST))
    held: deque[Packet] = field(default_factory=deque)
    held_bytes: int = 0
    timer: Cancellable | None = None
    told: bool = False
    """The log says that some of it was dropped."""


@dataclass(slots=True)
class DataState:
    """One participant's part: what it publishes by its own handle, and what its frames' handles mean."""

    published: dict[int, DataTrack] = field(default_factory=dict)
    received: dict[int, DataTrack] = field(default_factory=dict)
    next_handle: int = 1
    outgoing: Outgoing = field(default_factory=Outgoing)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    """What it left for others to fetch, such as schemas of its frames, by key."""
