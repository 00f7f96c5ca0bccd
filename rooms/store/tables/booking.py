"""Reservations of dates, and the rules for bookings, as rows.

The database itself refuses an overlap: an exclusion constraint on PostgreSQL, triggers on SQLite (`store/migrations`). Capacity
is counted in quarters of an hour, and a CHECK refuses more legs than the pool has.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row


class Reservation(Row):
    """A reservation of one resource for one date. Two active rows of the same resource never overlap."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("kind IN ('hall', 'terminal', 'person', 'operator')", name="kind"),
        Index("ix_reservation_resource_id_starts_at", "resource_id", "starts_at"),
        # All columns of the search for free halls: it reads no row of the table. The kind comes later, because SQLite without
        # statistics would read the reservations of all halls to find those of one date.
        Index("ix_reservation_times", "starts_at", "ends_at", "kind", "resource_id", "active"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    resource_id: Mapped[str] = mapped_column(String(32))
    """The hall, terminal or person. A person is one resource, as chair and as operator."""
    starts_at: Mapped[datetime]
    """The start includes the time to set up, and `ends_at` includes the time to clear up."""
    ends_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)
    guest: Mapped[bool] = mapped_column(default=False)
    """True: the hall or terminal is held for an invited unit (`rooms.booking.holds`), and is no place that the host booked."""


class Wanted(Row):
    """A resource that each date of a meeting wants. The row is separate from `reservation`, so that a skipped or cancelled date
    can be booked again.
    """

    __tablename__ = "wanted"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    """Empty: the row applies to every date. Otherwise the row applies to this date, which then ignores the common rows."""
    resource_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    position: Mapped[int] = mapped_column(default=0)


class HallObjection(Row):
    """The objection of an invited unit against the hold of its hall for a meeting (`rooms.booking.holds.guest_holds`)."""

    __tablename__ = "hall_objection"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True)
    hall_id: Mapped[str] = mapped_column(ForeignKey("hall.id", ondelete="CASCADE"), primary_key=True, index=True)
    reason: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    released: Mapped[bool] = mapped_column(default=False)
    """True: the meeting does not hold the hall. False: the hold is firm, and the host has not given the hall back yet."""


class CapacitySlot(Row):
    """The number of a pool's legs that are reserved in a quarter of an hour."""

    __tablename__ = "capacity_slot"
    __table_args__ = (CheckConstraint("used >= 0 AND used <= most", name="enough"),)

    pool: Mapped[str] = mapped_column(String(32), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int]
    most: Mapped[int]


class CapacityUse(Row):
    """The legs that a date has reserved in a pool, so that exactly these legs can be released."""

    __tablename__ = "capacity_use"

    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True)
    pool: Mapped[str] = mapped_column(String(32), primary_key=True)
    legs: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Pool(Row):
    """The media capacity: simultaneous legs."""

    __tablename__ = "pool"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    legs: Mapped[int]
    unit_id: Mapped[str | None] = mapped_column(String(32))
    """The pool counts the meetings that this unit, or a unit below it, hosts. None: it counts all meetings."""
    counts: Mapped[str] = mapped_column(String(10), default="all", server_default="all")
    """`all`: all connections of a meeting. `halls`: those of the terminals of its call list. `browsers`: the others."""


class Step(Row):
    """A step of an approval: 1 is the unit's own leadership, 2 is the operator of the system."""

    __tablename__ = "step"
    __table_args__ = (UniqueConstraint("meeting_id", "round", "step"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    round: Mapped[int] = mapped_column(default=1)
    """The number of the round. A change that needs a new approval starts the next round."""
    step: Mapped[int]
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default="open")
    """`open`, `approved`, `refused`, `lapsed`, `withdrawn`."""
    opened_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(32), default="")
    decided_for: Mapped[str] = mapped_column(String(32), default="")
    """The person whose deputy decided."""
    reason: Mapped[str] = mapped_column(String(500), default="")


class Proposal(Row):
    """A change of an approved meeting that waits for approval, or has been decided."""

    __tablename__ = "proposal"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    round: Mapped[int]
    """The round of the proposal's steps."""
    scope: Mapped[str] = mapped_column(String(10))
    occurrence_id: Mapped[str] = mapped_column(String(32), default="")
    """The date where the scope begins. Empty: all dates."""
    names: Mapped[list[Any]]
    """The names of the changed fields."""
    request: Mapped[dict[str, Any]]
    """The meeting after the change."""
    lines: Mapped[list[Any]]
    """The differences in words: field, name, before, after."""
    summary: Mapped[str] = mapped_column(String(1000), default="")
    four_eyes: Mapped[bool] = mapped_column(default=False)
    """True if two people must decide about the changed meeting."""
    held: Mapped[list[Any]]
    """The reservations that are kept for the proposal."""
    reason_code: Mapped[str] = mapped_column(String(20), default="")
    """The reason why a date is postponed to another time or gave way. Empty: the proposal is an edit."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    """`waiting`, `applied`, `refused`, `lapsed`, `withdrawn`."""


class PrecedenceAsk(Row):
    """A secretary's request that an operator books a meeting with precedence. It reserves nothing."""

    __tablename__ = "precedence_ask"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    """The host unit of the requested meeting."""
    title: Mapped[str] = mapped_column(String(300))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """The first date of the requested meeting."""
    request: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(500))
    by: Mapped[str] = mapped_column(String(32), index=True)
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    """`waiting`, `done`, `refused`, `withdrawn`."""
    decided_by: Mapped[str] = mapped_column(String(32), default="")
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(500), default="")
    """Why the operator refused."""
    meeting_id: Mapped[str] = mapped_column(String(32), default="")
    """The meeting that the operator booked."""


class Change(Row):
    """A line of a meeting's history: the meeting before a change, and the time until which the change can be undone."""

    __tablename__ = "change"
    __table_args__ = (UniqueConstraint("meeting_id", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    """The version after the change. A line about an event that is no change of the meeting has a number below 0."""
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(30))
    occurrence_id: Mapped[str] = mapped_column(String(32), default="")
    """The only date of a series that the change concerns. Empty: the whole meeting."""
    summary: Mapped[str] = mapped_column(String(1000), default="")
    before: Mapped[dict[str, Any]]
    undo_until: Mapped[datetime | None]
    undone: Mapped[bool] = mapped_column(default=False)


class Idempotency(Row):
    """The answer to a request that a client may repeat."""

    __tablename__ = "idempotency"

    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    meeting_id: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(index=True)


class Holiday(Row):
    """The province's change of the official calendar: a day off, or a working day instead."""

    __tablename__ = "holiday"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    works: Mapped[bool] = mapped_column(default=False)


class UnitRule(Row):
    """The booking rule of a unit. A unit without a row uses the nearest unit above it that has a row."""

    __tablename__ = "unit_rule"

    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    opens_min: Mapped[int] = mapped_column(default=7 * 60)
    """Minutes after midnight, Asia/Ho_Chi_Minh."""
    closes_min: Mapped[int] = mapped_column(default=18 * 60)
    weekends: Mapped[bool] = mapped_column(default=False)
    ahead_min: Mapped[int] = mapped_column(default=0)
    """The minimum number of minutes between the booking and the start."""
    ahead_days: Mapped[int] = mapped_column(default=730)
    meetings_a_week: Mapped[int] = mapped_column(default=200)
    hours_a_month: Mapped[int] = mapped_column(default=2000)
    approval_hours: Mapped[int] = mapped_column(default=24)
    hold_hours: Mapped[int] = mapped_column(default=48)
    release_min: Mapped[int] = mapped_column(default=30)
    """Minutes after the start. If no participant has joined by then, the halls are released. 0: never."""


class Setting(Row):
    """A setting of the administrators for the whole system, for example the precedence between tiers."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
