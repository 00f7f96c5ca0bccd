"""Which packet thread (shard) a new conference goes to, and a new peer of one that is too much for its own.

`Placement` counts what is where. The functions take figures and return a number; they know no plane and no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from media.ground.stats import ShardFigures

if TYPE_CHECKING:
    from media._plane import Plane

PARTICIPANT_PACKETS = 50
"""A second: one who sends sound, or hears it. What a participant is counted for beside what was measured."""

CONFERENCE_PACKETS = 100
"""A second: a conference in which nobody is yet, so that those that begin together are spread."""


BUSY = 0.6
"""A thread that ran for so much of a second takes no further peers of a conference, if another one has room: there
packets wait for those before them."""

PEERS_TOGETHER = 150
"""Of one conference on one shard, until measured figures tell: a storm of joins is over before there are any."""

MUCH_LESS = 0.2
"""What spans costs: every publisher's packets are copied, kept and looked at once more. So another thread must have this
much more time."""


@dataclass(frozen=True, slots=True)
class Load:
    """Of one shard: packets received and sent in the last second, and what is there now."""

    packets_per_s: int = 0
    participants: int = 0
    conferences: int = 0
    busy: float = 0.0
    """Share of the last second for which the thread ran."""

    @property
    def expected_packets(self) -> int:
        """A second. A thread's time goes to packets, so those that were measured count most. But in the minute when all
        meetings of a morning begin nothing was measured yet, and one where everybody listens now will be spoken in: so
        participants and conferences count too."""
        return self.packets_per_s + PARTICIPANT_PACKETS * self.participants + CONFERENCE_PACKETS * self.conferences


class Placement:
    """Counts the conferences and the participants of each shard."""

    def __init__(self, plane: Plane, shards: int) -> None:
        self._plane = plane
        self._shards = shards
        self._conferences = Counter[int]()
        self._participants = Counter[int]()

    def for_conference(self) -> int:
        return least_loaded(self._loads()) if self._shards > 1 else 0

    def for_peer(self, home: int, peers_at_home: int) -> int:
        return for_peer(home, peers_at_home, self._loads()) if self._shards > 1 else 0

    def count_conference(self, shard: int, change: Literal[1, -1]) -> None:
        self._conferences[shard] += change

    def count_participant(self, shard: int, change: Literal[1, -1]) -> None:
        """A peer or a line came or went."""
        self._participants[shard] += change

    def shards(self) -> list[ShardFigures]:
        rows = enumerate(self._plane.snapshot().shards())
        return [ShardFigures(*row, self._conferences[shard]) for shard, row in rows]

    def _loads(self) -> list[Load]:
        return [
            Load(figures.packets_per_s, self._participants[shard], figures.conferences, figures.busy)
            for shard, figures in enumerate(self.shards())
        ]


def least_loaded(loads: Sequence[Load]) -> int:
    """The index of the shard with the least to do; of equals the first."""
    return min(range(len(loads)), key=lambda shard: loads[shard].expected_packets)


def for_peer(home: int, peers_at_home: int, loads: Sequence[Load]) -> int:
    """Where one more peer of a conference goes: to the others, until that thread or its share of the conference is full."""
    idlest = min(range(len(loads)), key=lambda shard: (loads[shard].busy, loads[shard].participants))
    too_busy = loads[home].busy > BUSY and loads[idlest].busy + MUCH_LESS <= loads[home].busy
    too_many = peers_at_home >= PEERS_TOGETHER and loads[idlest].participants < loads[home].participants
    return idlest if too_busy or too_many else home
