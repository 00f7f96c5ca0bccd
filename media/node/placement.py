"""The choice of a packet thread (shard) for a new conference, and for a new peer of a conference that outgrew its shard.

`Placement` counts the conferences and participants of each shard. The functions only compute with figures.
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
"""Packets a second. Chosen: one participant who sends or hears audio. A new conference goes to the packet thread with the least
load. This is added to a thread's measured load for each participant there. No effect with one packet thread. Larger: the number
of participants decides more than the measured load. Smaller: silent conferences that will soon speak count too little.
"""

CONFERENCE_PACKETS = 100
"""Packets a second. Chosen. A new conference goes to the packet thread with the least load. Each conference there counts for
this load, even without participants. No effect with one packet thread. Larger: the number of conferences decides more than the
measured load, so busy threads get new ones too. Smaller, near 0: conferences that begin at the same time all go to one thread.
"""


BUSY = 0.6
"""Share of a second in which a packet thread works. Chosen. A thread that is busier than this takes no more peers of a
conference, because packets must queue there. The condition is a thread that is less busy by MUCH_LESS (0.2). Larger: packets
wait longer; from 1 on, only PEERS_TOGETHER counts. Smaller: conferences span several threads too early.
"""

PEERS_TOGETHER = 150
"""Peers and lines of one conference on one packet thread. Further peers go to the idlest other thread, if it has fewer
participants; lines stay. Chosen. This limit works before there are measured figures, when many people join at once. Larger: one
thread is overloaded until BUSY (0.6) is measured. Smaller: conferences span several threads too early.
"""

MUCH_LESS = 0.2
"""Share of a second. Chosen. If the thread of a conference is above BUSY (0.6), a new peer goes to the idlest other thread.
That thread must be less busy by at least this much. Peers do not change the thread later. A conference on two threads copies
every publisher's packets once more. Larger: the full thread gets new peers too, and the packets of all its meetings wait
longer. Smaller: that extra work is more than the gain.
"""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one shard: packets received and sent in the last second, and the current numbers."""

    packets_per_s: int = 0
    participants: int = 0
    conferences: int = 0
    busy: float = 0.0
    """Share of the last second for which the thread ran."""

    @property
    def expected_packets(self) -> int:
        """Return the packets per second to expect. Measured packets count most, because a thread spends its time on packets.

        When all meetings of a morning begin, nothing is measured yet. A quiet conference can become loud. So participants and
        conferences count too.
        """
        return self.packets_per_s + PARTICIPANT_PACKETS * self.participants + CONFERENCE_PACKETS * self.conferences


class Placement:
    """The numbers of conferences and participants on each shard."""

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
        """Count a peer or a line that opened or closed."""
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
    """Return the index of the shard with the least load. Of equal shards the first is chosen."""
    return min(range(len(loads)), key=lambda shard: loads[shard].expected_packets)


def for_peer(home: int, peers_at_home: int, loads: Sequence[Load]) -> int:
    """Return the shard for one more peer of a conference. This is the shard of the conference. If this shard is too busy or has
    too many peers of the conference, it is the idlest shard, if that has less load.
    """
    idlest = min(range(len(loads)), key=lambda shard: (loads[shard].busy, loads[shard].participants))
    too_busy = loads[home].busy > BUSY and loads[idlest].busy + MUCH_LESS <= loads[home].busy
    too_many = peers_at_home >= PEERS_TOGETHER and loads[idlest].participants < loads[home].participants
    return idlest if too_busy or too_many else home
