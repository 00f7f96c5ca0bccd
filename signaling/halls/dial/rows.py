"""A leg as a row of the database, as the subject of `conference.halls.dialout`, and as an order to the dialer. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from conference.halls.dialout import Leg, State, call_id
from conference.ports.halls import DialOrder
from rooms.store.tables.dialling import DialLeg


def leg_of(row: DialLeg) -> Leg:
    """Return the leg about which `conference.halls.dialout` decides."""
    return Leg(
        occurrence=row.occurrence_id,
        terminal=row.terminal_id,
        epoch=row.epoch,
        attempt=row.attempt,
        state=State(row.state),
        rung=row.rung,
        failure=row.failure,
        failures=row.failures,
        status=row.status,
        reason=row.reason,
        next_try_at=None if row.next_try_at is None else row.next_try_at.timestamp(),
        since=row.since.timestamp(),
        redialled=row.redialled,
    )


def values_of(leg: Leg) -> dict[str, Any]:
    """Return the columns of a leg."""
    return {
        "epoch": leg.epoch,
        "attempt": leg.attempt,
        "state": leg.state.value,
        "rung": leg.rung,
        "failure": leg.failure,
        "failures": leg.failures,
        "status": leg.status,
        "reason": leg.reason,
        "next_try_at": None if leg.next_try_at is None else datetime.fromtimestamp(leg.next_try_at, UTC),
        "since": datetime.fromtimestamp(leg.since, UTC),
        "redialled": leg.redialled,
    }


def order_of(row: DialLeg, key: bytes) -> DialOrder:
    """Return the order for the current try of the leg. `key`: of the server; the Call-ID is made from the key and the leg."""
    leg = leg_of(row)
    return DialOrder(row.id, leg.occurrence, leg.terminal, call_id(leg, key), leg.rung)
