"""The calls of the rows of the board: at most one leg for each row, in either direction."""

from __future__ import annotations

from conference.halls.dialout import Event
from conference.ports.halls import DialOrder
from signaling.halls.calls.leg import Leg


class Calls:
    """A process has one object of this class."""

    def __init__(self) -> None:
        self.by_row: dict[str, Leg] = {}
        """Calls that are answered or on their way."""
        self.pcs: dict[str, tuple[str, str]] = {}
        """The PCs in hall mode that are in meetings, by row: conference and identity. They have no call."""
        self._begun: dict[str, DialOrder] = {}
        """Outgoing calls during the look-up before the dialling. A drop, or a hall that dials in, removes the entry."""

    def begin(self, order: DialOrder) -> bool:
        """Note that a look-up begins. Return False if the hall has dialled in by itself."""
        there = self.by_row.get(order.leg_id)
        if there is not None and there.order is None:
            return False
        self._begun[order.leg_id] = order
        return True

    def is_wanted(self, order: DialOrder) -> bool:
        """Report whether the look-up of this call still runs, and the call is still wanted."""
        return self._begun.get(order.leg_id) is order

    def looked_up(self, order: DialOrder) -> None:
        if self.is_wanted(order):
            del self._begun[order.leg_id]

    def drop(self, leg_id: str, order: DialOrder | None) -> Leg | None:
        """Stop the dialling of this row, and return the call that must be ended. `order`: stop only a call of this try; None:
        stop any call.
        """
        if order in (None, self._begun.get(leg_id)):
            self._begun.pop(leg_id, None)
        one = self.by_row.get(leg_id)
        return one if one is not None and order in (None, one.order) else None

    def came(self, leg: Leg) -> Leg | None:
        """Note that the row's hall has dialled in, and return the older call that must be ended."""
        row = leg.party.leg_id
        self._begun.pop(row, None)
        older, self.by_row[row] = self.by_row.get(row), leg
        return older if older is not leg else None

    def forget(self, row: str, leg: Leg) -> bool:
        """Remove the call. Return False if another call has replaced the call, or if the call was removed before."""
        if not row or self.by_row.get(row) is not leg:
            return False
        del self.by_row[row]
        return True


def ending(leg: Leg, *, hung_up: bool) -> Event | None:
    """Return the event of the row when a call ends. Return None if the server ended the call: then this end is no event of the
    row.
    """
    if leg.put_out is not None:
        return leg.put_out
    if leg.hung_up_by_us:
        return None
    return Event.HUNG_UP if hung_up else Event.LOST
