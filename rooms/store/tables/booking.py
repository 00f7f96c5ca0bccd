"""What a date takes for itself, and the rules of taking, as rows.

The database itself refuses an overlap: an exclusion constraint on PostgreSQL, triggers on SQLite (`store/migrations`); capacity
is counted in quarters of an hour, and a CHECK refuses more than there is.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row


class Reservation(Row):
    """One thing that one date keeps for itself. Two active rows of the same resource never overlap."""

    __tablename__ = "reservation"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("kind IN ('hall', 'terminal', 'person', 'operator')", name="kind"),
        Index("ix_reservation_resource_id_starts_at", "resource_id", "starts_at"),
        Index("ix_reservation_kind_starts_at", "kind", "starts_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    resource_id: Mapped[str] = mapped_column(String(32))
    """Of a hall, a terminal or a person; a person is one resource whether he leads or operates."""
    starts_at: Mapped[datetime]
    """With the time to set up, until `ends_at` with the time to clear up."""
    ends_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(default=True)


class Wanted(Row):
    """What each date of a meeting takes; apart from `reservation`, so that a skipped or cancelled date can be booked again."""

    __tablename__ = "wanted"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    """Empty: of every date; else of this one, instead of what the others take."""
    resource_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    exclusive: Mapped[bool] = mapped_column(default=True)
    """False: a terminal that dials in by itself; it may be expected in two meetings."""
    position: Mapped[int] = mapped_column(default=0)


class CapacitySlot(Row):
    """How many of a pool's legs are promised in one quarter of an hour."""

    __tablename__ = "capacity_slot"
    __table_args__ = (CheckConstraint("used >= 0 AND used <= most", name="enough"),)

    pool: Mapped[str] = mapped_column(String(32), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int]
    most: Mapped[int]


class CapacityUse(Row):
    """What one date has taken of a pool, so that it can be given back exactly."""

    __tablename__ = "capacity_use"

    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True)
    pool: Mapped[str] = mapped_column(String(32), primary_key=True)
    legs: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Pool(Row):
    """Media capacity: simultaneous legs."""

    __tablename__ = "pool"

    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    legs: Mapped[int]


class Step(Row):
    """One step of an approval: 1 the unit's own leadership, 2 the operator of the system."""

    __tablename__ = "step"
    __table_args__ = (UniqueConstraint("meeting_id", "round", "step"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    round: Mapped[int] = mapped_column(default=1)
    """A change that needs approval anew starts the next round."""
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
    """A change of an approved meeting that waits for its approval, or waited."""

    __tablename__ = "proposal"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    round: Mapped[int]
    """Of its steps."""
    scope: Mapped[str] = mapped_column(String(10))
    occurrence_id: Mapped[str] = mapped_column(String(32), default="")
    """The date that the scope begins with; empty: all."""
    names: Mapped[list[Any]]
    """Of the fields that differ."""
    request: Mapped[dict[str, Any]]
    """The meeting as it is to be."""
    lines: Mapped[list[Any]]
    """What differs, in words: field, name, before, after."""
    summary: Mapped[str] = mapped_column(String(1000), default="")
    four_eyes: Mapped[bool] = mapped_column(default=False)
    """Two people have to decide about the meeting as it is to be."""
    held: Mapped[list[Any]]
    """Reservations that are kept for it."""
    reason_code: Mapped[str] = mapped_column(String(20), default="")
    """The reason why a date is put off to another time, or gave way. Empty: the proposal is an edit."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    by: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    """`waiting`, `applied`, `refused`, `lapsed`, `withdrawn`."""


class Change(Row):
    """The history of a meeting: what it was before each change, and until when that can be undone."""

    __tablename__ = "change"
    __table_args__ = (UniqueConstraint("meeting_id", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    """That it led to."""
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(30))
    occurrence_id: Mapped[str] = mapped_column(String(32), default="")
    """The one date of a series that it concerns; empty: all of the meeting."""
    summary: Mapped[str] = mapped_column(String(1000), default="")
    before: Mapped[dict[str, Any]]
    undo_until: Mapped[datetime | None]
    undone: Mapped[bool] = mapped_column(default=False)


class Idempotency(Row):
    """The answer to a request that may come twice."""

    __tablename__ = "idempotency"

    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    meeting_id: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(index=True)


class Holiday(Row):
    """The overlay over the official calendar: a day off, or a day worked instead."""

    __tablename__ = "holiday"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    works: Mapped[bool] = mapped_column(default=False)


class UnitRule(Row):
    """What a unit may book; where it has no row, the nearest unit above it decides."""

    __tablename__ = "unit_rule"

    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    opens_min: Mapped[int] = mapped_column(default=7 * 60)
    """Minutes after midnight, Asia/Ho_Chi_Minh."""
    closes_min: Mapped[int] = mapped_column(default=18 * 60)
    weekends: Mapped[bool] = mapped_column(default=False)
    ahead_min: Mapped[int] = mapped_column(default=0)
    """At least so many minutes before."""
    ahead_days: Mapped[int] = mapped_column(default=730)
    meetings_a_week: Mapped[int] = mapped_column(default=200)
    hours_a_month: Mapped[int] = mapped_column(default=2000)
    approval_hours: Mapped[int] = mapped_column(default=24)
    hold_hours: Mapped[int] = mapped_column(default=48)
    release_min: Mapped[int] = mapped_column(default=30)
    """Halls are given back when nobody has come so long after the start; 0: never."""


class Setting(Row):
    """Rules of the whole system that the administrator sets: precedence between tiers, domains of official mail, …"""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
