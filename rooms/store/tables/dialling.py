"""The legs of dates and their alarms, as rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

STATES = ("idle", "probing", "calling", "ringing", "connected", "failed", "given_up", "left")
READINESS = ("unknown", "green", "amber", "red")


class DialLeg(Row):
    """A terminal of a date."""

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
    """`schedule`, `operator`, `dial_in`, or `watch`: the terminal is not called, and its readiness is checked."""
    state: Mapped[str] = mapped_column(String(10), default="idle")
    epoch: Mapped[int] = mapped_column(default=1)
    """The number of the wanted call. It increases with each new wish for a call. `epoch` and `attempt` make the Call-ID."""
    attempt: Mapped[int] = mapped_column(default=1)
    """The number of the present or next try."""
    rung: Mapped[int] = mapped_column(default=0)
    """The position in the list of the terminal's profiles: each next profile offers less."""
    failure: Mapped[str] = mapped_column(String(20), default="")
    failures: Mapped[int] = mapped_column(default=0)
    status: Mapped[int] = mapped_column(default=0)
    """The last final SIP response. 0: there was no final response."""
    reason: Mapped[str] = mapped_column(String(40), default="")
    next_try_at: Mapped[datetime | None]
    since: Mapped[datetime]
    redialled: Mapped[bool] = mapped_column(default=False)
    answered_at: Mapped[datetime | None]
    """The time of the first answer."""
    readiness: Mapped[str] = mapped_column(String(8), default="unknown")
    readiness_at: Mapped[datetime | None]
    readiness_reason: Mapped[str] = mapped_column(String(40), default="")
    wish: Mapped[str] = mapped_column(String(10), default="")
    """`call`, `redial`, `drop`, `probe`: a request of a process that does not hold the lease."""
    taken_off: Mapped[bool] = mapped_column(default=False)
    """The terminal is not called. If an operator took it off the date (`asked_by`), it is not invited either."""
    leased_by: Mapped[str] = mapped_column(String(32), default="")
    lease_until: Mapped[datetime | None]


class LegAlarm(Row):
    """An alarm about a leg for the operator. The alarm is open until an operator acknowledges it. The same alarm is not raised
    again while it is open.
    """

    __tablename__ = "leg_alarm"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    leg_id: Mapped[str] = mapped_column(ForeignKey("dial_leg.id", ondelete="CASCADE"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str] = mapped_column(String(64), default="")
    acknowledged_name: Mapped[str] = mapped_column(String(200), default="")


class SiteCall(Row):
    """The last telephone call of an operator to a site, for one date."""

    __tablename__ = "site_call"

    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(200), default="")
    """The name of the operator who called."""


class RehearsalCheck(Row):
    """The result of a rehearsal at one site. A result that is None was not checked yet."""

    __tablename__ = "rehearsal_check"

    occurrence_id: Mapped[str] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), primary_key=True)
    """The date of the rehearsal."""
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"), primary_key=True)
    picture: Mapped[bool | None]
    """True: the meeting sees the site."""
    sound_in: Mapped[bool | None]
    """True: the meeting hears the site."""
    sound_out: Mapped[bool | None]
    """True: the site hears the meeting."""
    name_plate: Mapped[bool | None]
    delegates: Mapped[int | None]
    """The number of delegates at the site."""
    note: Mapped[str] = mapped_column(String(300), default="")
    by_site: Mapped[bool] = mapped_column(default=False)
    """True: the site entered the last change on its own page. False: an operator did."""
    changed_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    """The time of the signature. None: not signed, or changed after the signature."""
    signed_by: Mapped[str] = mapped_column(String(64), default="")
    """The account. Empty: the site signed on its own page."""
    signed_name: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)


class MorningReport(Row):
    """The report of a morning: the terminals of the day's dates that were not registered. Names and telephone numbers are read
    from the register when the report is shown.
    """

    __tablename__ = "morning_report"

    day: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    terminals: Mapped[list[Any]]
    """[[date (`occurrence.id`), terminal, why], …]; why: `not_registered`, `no_address`."""


class SipAccount(Row):
    """The account that a terminal uses to register or to dial in."""

    __tablename__ = "sip_account"
    __table_args__ = (CheckConstraint("algorithm IN ('MD5', 'SHA-256')", name="algorithm"),)

    terminal_id: Mapped[str] = mapped_column(ForeignKey("terminal.id", ondelete="CASCADE"), primary_key=True)
    alias: Mapped[str] = mapped_column(String(64), unique=True)
    """The name in the registration: a short number or a name."""
    secret: Mapped[str] = mapped_column(String(300))
    """HA1 (RFC 8760), encrypted."""
    algorithm: Mapped[str] = mapped_column(String(10), default="MD5")
    behind_nat: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]


class HallPc(Row):
    """The enrolment of a PC that stands for a terminal (`signaling/halls/HALLMODE.md`). Code and key are digests."""

    __tablename__ = "hall_pc"

    terminal_id: Mapped[str] = mapped_column(ForeignKey("terminal.id", ondelete="CASCADE"), primary_key=True)
    code_digest: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Of the code for the next enrolment. Empty: no code waits."""
    code_until: Mapped[datetime | None]
    key_digest: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Of the key of the device. Empty: no PC is enrolled."""
    enrolled_at: Mapped[datetime | None]
    enrolled_from: Mapped[str] = mapped_column(String(64), default="")
    """An IP address."""
    seen_at: Mapped[datetime | None]
    seen_from: Mapped[str] = mapped_column(String(64), default="")


class TerminalProfile(Row):
    """The local profile of one make of terminals. It replaces the shipped profile, or adds a make that was not shipped."""

    __tablename__ = "terminal_profile"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    fields: Mapped[dict[str, Any]]
    """The fields that `signaling.sip.media.profiles.read` reads, without the name."""
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(String(200), default="")


class SipBan(Row):
    """An address or alias whose SIP requests are dropped for a time."""

    __tablename__ = "sip_ban"

    subject: Mapped[str] = mapped_column(String(300), primary_key=True)
    until: Mapped[datetime]
    times: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))


class SipBinding(Row):
    """A registration of a terminal, stored for the server process that replaces this one."""

    __tablename__ = "sip_binding"

    alias: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    """The order of the registrations of one alias: the newest is last."""
    contact: Mapped[str] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(String(3))
    host: Mapped[str] = mapped_column(String(64))
    """An IP address."""
    port: Mapped[int]
    call_id: Mapped[str] = mapped_column(Text)
    cseq: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(Text, default="")


class SipDialog(Row):
    """A call that is up or being set up. With this row, another process can end the call after the owner was killed (RFC 3261
    section 12).
    """

    __tablename__ = "sip_dialog"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Made from the Call-ID and our tag."""
    leg_id: Mapped[str | None] = mapped_column(ForeignKey("dial_leg.id", ondelete="SET NULL"), index=True)
    """Empty if the call does not belong to a hall of a date."""
    worker: Mapped[str] = mapped_column(String(32), index=True)
    """The process that owns the call."""
    call_id: Mapped[str] = mapped_column(Text)
    local: Mapped[str] = mapped_column(Text)
    """The From header, with our tag."""
    remote: Mapped[str] = mapped_column(Text)
    """The To header, with the remote tag. Without a tag, the call was not answered yet."""
    target: Mapped[str] = mapped_column(Text)
    """The remote target. Before the answer: the Request-URI."""
    routes: Mapped[list[str]]
    cseq: Mapped[int] = mapped_column(BigInteger)
    """Our last CSeq when the row was written."""
    branch: Mapped[str] = mapped_column(String(40), default="")
    """The first part of the branches of the call's INVITEs."""
    transport: Mapped[str] = mapped_column(String(3))
    host: Mapped[str] = mapped_column(String(255))
    """An IP address. Before the answer it may be a host name."""
    port: Mapped[int]
    name: Mapped[str] = mapped_column(String(255), default="")
    """The name that the certificate of the remote side must contain."""
    at: Mapped[datetime]
