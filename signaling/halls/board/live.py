"""The halls of a date that are in its meeting now, for the parts of the board. This module has no state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from conference import Conference, Hall, Participant, Refusal, Registry
from signaling.halls.calls.table import Calls
from signaling.host.dates import PREFIX


class Statistics(NamedTuple):
    """The statistics of the packet plane at `at_us`, a time of the monotonic clock. `peers`: by the identifier of a line."""

    at_us: int
    peers: Mapping[int, Any]


class LiveHalls:
    """A process has one object of this class."""

    def __init__(self, registry: Registry, calls: Calls) -> None:
        self._registry, self._calls = registry, calls

    def hall(self, leg_id: str) -> Hall | None:
        """Return the hall of this leg if it is connected and in the meeting of a date, else None."""
        leg = self._calls.by_row.get(leg_id)
        if leg is None or not leg.stood or leg.room is None or leg.room.hall.left:
            return None
        return leg.room.hall if leg.room.conference.name.startswith(PREFIX) else None

    def pc(self, leg_id: str) -> Participant | None:
        """Return the PC in hall mode of this row if it is in the meeting now, else None."""
        conference, identity = self._calls.pcs.get(leg_id, ("", ""))
        try:
            return self._registry.get(conference).participants.get(identity) if conference else None
        except Refusal:
            return None

    def address(self, leg_id: str) -> str:
        """Return the address that the hall calls from. Empty: the server called the hall, or the leg has no call."""
        leg = self._calls.by_row.get(leg_id)
        return leg.address if leg is not None else ""

    def conference(self, occurrence_id: str) -> Conference | None:
        try:
            return self._registry.get(PREFIX + occurrence_id)
        except Refusal:
            return None

    def statistics(self, monotonic_s: float) -> Statistics:
        return Statistics(round(monotonic_s * 1e6), self._registry.around.media.statistics().peers)
