"""Legs of dates and their alarms, as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

STATES = ("idle", "probing", "calling", "ringing", "connected", "failed", "given_up", "left")
READINESS = ("unknown", "green", "amber", "red")


class DialLeg(Row):
    """One terminal of one date."""

    __tablename__ = "dial_leg"
    __table_args__ = (
        UniqueConstraint("occurrence_id", "terminal_id"),
        CheckConstraint(
            "state IN ('idle', 'probing', 'calling', 'ringing', 'connected', 'failed', 'given_up', 'left')",
            name="state",
        ),
        CheckConstraint("readiness IN ('unknown', 'green', 'amber', 'red')", name="readiness"),
        Index("ix_dial_leg_due", "state", "next_try_at"),
        Index("ix_dial_leg_lease", "leased_by", "lease_until"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"))
    terminal_id: Mapped[str] = mapped_column(ForeignKey("terminal.id", ondelete="CASCADE"), index=True)
    asked_by: Mapped[str] = mapped_column(String(10), default="schedule")
    """`schedule`, `operator`, `dial_in`."""
    state: Mapped[str] = mapped_column(String(10), default="idle")
    epoch: Mapped[int] = mapped_column(default=1)
    """Rises with each call that is wanted anew; with `attempt` it makes the Call-ID."""
    attempt: Mapped[int] = mapped_column(default=1)
    """The try that is made now or next."""
    rung: Mapped[int] = mapped_column(default=0)
    """Of the ladder of profiles."""
    failure: Mapped[str] = mapped_column(String(20), default="")
    failures: Mapped[int] = mapped_column(default=0)
    status: Mapped[int] = mapped_column(default=0)
    """The last final answer; 0: none came."""
    reason: Mapped[str] = mapped_column(String(40), default="")
    next_try_at: Mapped[datetime | None]
    since: Mapped[datetime]
    redialled: Mapped[bool] = mapped_column(default=False)
    answered_at: Mapped[datetime | None]
    """The first time."""
    readiness: Mapped[str] = mapped_column(String(8), default="unknown")
    readiness_at: Mapped[datetime | None]
    readiness_reason: Mapped[str] = mapped_column(String(40), default="")
    wish: Mapped[str] = mapped_column(String(10), default="")
    """`call`, `redial`, `drop`, `probe`: asked for by somebody who does not hold the lease."""
    taken_off: Mapped[bool] = mapped_column(default=False)
    """It is no longer on the list of its date: it is not called, and it is not invited."""
    leased_by: Mapped[str] = mapped_column(String(32), default="")
    lease_until: Mapped[datetime | None]


class LegAlarm(Row):
    """Something about a leg that an operator has to know. Open until it is acknowledged; the same one is raised once a time."""

    __tablename__ = "leg_alarm"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    leg_id: Mapped[str] = mapped_column(ForeignKey("dial_leg.id", ondelete="CASCADE"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str] = mapped_column(String(64), default="")
    acknowledged_name: Mapped[str] = mapped_column(String(200), default="")


class SipAccount(Row):
    """How a terminal proves itself when it registers or dials in."""

    __tablename__ = "sip_account"
    __table_args__ = (CheckConstraint("algorithm IN ('MD5', 'SHA-256')", name="algorithm"),)

    terminal_id: Mapped[str] = mapped_column(ForeignKey("terminal.id", ondelete="CASCADE"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(64), unique=True)
    """What it registers as: a short number or a name."""
    secret: Mapped[str] = mapped_column(String(300))
    """HA1 (RFC 8760), sealed."""
    algorithm: Mapped[str] = mapped_column(String(10), default="MD5")
    behind_nat: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]


class TerminalProfile(Row):
    """What is known here of one make of terminals: instead of what was shipped of it, or of a make that was not."""

    __tablename__ = "terminal_profile"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    fields: Mapped[dict[str, Any]]
    """As `signaling.sip.media.profiles.read` takes them, without the name."""
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200), default="")


class SipBan(Row):
    """An address or alias that is not heard for a while."""

    __tablename__ = "sip_ban"

    subject: Mapped[str] = mapped_column(String(300), primary_key=True)
    until: Mapped[datetime]
    times: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))


class SipBinding(Row):
    """Where a terminal has registered, for the server that starts in place of this one."""

    __tablename__ = "sip_binding"

    alias: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    """In the order of the registrations of one alias: the newest is last."""
    contact: Mapped[str] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(String(3))
    host: Mapped[str] = mapped_column(String(64))
    """An address."""
    port: Mapped[int]
    call_id: Mapped[str] = mapped_column(Text)
    cseq: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(Text, default="")


class SipDialog(Row):
    """A call that stands or is made: what ends it when the server that had it was killed (RFC 3261 section 12)."""

    __tablename__ = "sip_dialog"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of Call-ID and our tag."""
    leg_id: Mapped[str | None] = mapped_column(ForeignKey("dial_leg.id", ondelete="SET NULL"), index=True)
    """None: a call that belongs to no hall of a date."""
    worker: Mapped[str] = mapped_column(String(32), index=True)
    """The process that has it."""
    call_id: Mapped[str] = mapped_column(Text)
    local: Mapped[str] = mapped_column(Text)
    """From, with our tag."""
    remote: Mapped[str] = mapped_column(Text)
    """To, with their tag; without one it was not answered yet."""
    target: Mapped[str] = mapped_column(Text)
    """Remote target; of a call that was not answered its Request-URI."""
    routes: Mapped[list[str]]
    cseq: Mapped[int] = mapped_column(BigInteger)
    """Our last when it was written."""
    branch: Mapped[str] = mapped_column(String(40), default="")
    """How the branches of its INVITEs begin."""
    transport: Mapped[str] = mapped_column(String(3))
    host: Mapped[str] = mapped_column(String(255))
    """An address; of a call that was not answered perhaps a name."""
    port: Mapped[int]
    name: Mapped[str] = mapped_column(String(255), default="")
    """What the certificate of the other side has to say."""
    at: Mapped[datetime]
