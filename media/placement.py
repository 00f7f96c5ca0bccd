"""Which packet thread (shard) a new conference goes to. Figures in, a number out; knows no plane and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PARTICIPANT_PACKETS = 50
"""A second: one who sends sound, or hears it. What a participant is counted for beside what was measured."""

CONFERENCE_PACKETS = 100
"""A second: a conference in which nobody is yet, so that those that begin together are spread."""


@dataclass(frozen=True, slots=True)
class Load:
    """Of one shard: packets received and sent in the last second, and what is there now."""

    packets_per_s: int = 0
    participants: int = 0
    conferences: int = 0

    @property
    def expected_packets(self) -> int:
        """A second. A thread's time goes to packets, so those that were measured count most. But in the minute when all
        meetings of a morning begin nothing was measured yet, and one where everybody listens now will be spoken in: so
        participants and conferences count too."""
        return self.packets_per_s + PARTICIPANT_PACKETS * self.participants + CONFERENCE_PACKETS * self.conferences


def least_loaded(loads: Sequence[Load]) -> int:
    """The index of the shard with the least to do; of equals the first."""
    return min(range(len(loads)), key=lambda shard: loads[shard].expected_packets)
