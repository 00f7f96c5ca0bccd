"""The calls of the rows of the board: one leg for each row at most, whoever has called whom."""

from __future__ import annotations

from conference.halls.dialout import Event
from conference.ports.halls import DialOrder
from signaling.halls.calls.leg import Leg


class Calls:
    """One per process."""

    def __init__(self) -> None:
        self.by_row: dict[str, Leg] = {}
        """Calls that stand or are on their way."""
        self._begun: dict[str, DialOrder] = {}
        """Calls of ours that are looked up before they are dialled, unless the hall is dropped or comes by itself."""

    def begin(self, order: DialOrder) -> bool:
        """False: the hall has come by itself."""
        there = self.by_row.get(order.leg_id)
        if there is not None and there.order is None:
            return False
        self._begun[order.leg_id] = order
        return True

    def is_wanted(self, order: DialOrder) -> bool:
        """The call is looked up, and is still to be dialled."""
        return self._begun.get(order.leg_id) is order

    def looked_up(self, order: DialOrder) -> None:
        if self.is_wanted(order):
            del self._begun[order.leg_id]

    def drop(self, leg_id: str, order: DialOrder | None) -> Leg | None:
        """Nothing is dialled for this row any more; the call to be ended. `order`: only if it is that try's."""
        if order in (None, self._begun.get(leg_id)):
            self._begun.pop(leg_id, None)
        one = self.by_row.get(leg_id)
        return one if one is not None and order in (None, one.order) else None

    def came(self, leg: Leg) -> Leg | None:
        """The row's hall has come by itself; the older call to be ended."""
        row = leg.party.leg_id
        self._begun.pop(row, None)
        older, self.by_row[row] = self.by_row.get(row), leg
        return older if older is not leg else None

    def forget(self, row: str, leg: Leg) -> bool:
        """False: another call has taken its place, or it was forgotten before."""
        if not row or self.by_row.get(row) is not leg:
            return False
        del self.by_row[row]
        return True


def ending(leg: Leg, *, hung_up: bool) -> Event | None:
    """What the end of a call that stood means for its row. None: we ended the call, and the row is told otherwise."""
    if leg.put_out is not None:
        return leg.put_out
    if leg.hung_up_by_us:
        return None
    return Event.HUNG_UP if hung_up else Event.LOST
