"""The notices of accounts, and the browsers that a push wakes, as rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row


class Notice(Row):
    """A notice for one account. The row holds no title: the reader's right to the meeting is asked when the notice is read."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("account_id", "dedupe"), Index("ix_notice_account_id_at", "account_id", "at"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    """A key of `rooms.notices.kinds.KINDS`. The database checks no list, because packages add kinds."""
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meeting.id", ondelete="CASCADE"), index=True)
    occurrence_id: Mapped[str] = mapped_column(String(32), default="")
    subject_id: Mapped[str] = mapped_column(String(32), default="")
    """The step, attendee, leg or hall that the notice is about."""
    about: Mapped[str] = mapped_column(String(200), default="")
    """The name of a hall, a unit or an attendee, where the text of the kind needs a name."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    also_at: Mapped[datetime | None]
    """The start of the rehearsal, for which the hall of the notice is held too."""
    dedupe: Mapped[str] = mapped_column(String(120))
    """The key of the event. An account has at most one notice with this key."""
    at: Mapped[datetime]
    until: Mapped[datetime | None]
    """The time from which the notice asks for nothing: a deadline, or the end of a date. None: no such time."""
    read_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    """The time when the task of the notice was settled, for example by another approver."""
    changed_at: Mapped[datetime] = mapped_column(index=True)
    """The time of the last change of this row. The live channels of all processes look at it."""


class PushSubscription(Row):
    """A browser that shows "Có việc mới" while no page is open (Web Push, RFC 8030). A push has no content."""

    __tablename__ = "push_subscription"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The digest of the address, because the address itself is a secret."""
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    endpoint: Mapped[str] = mapped_column(Text)
    """The address at the browser's push service, encrypted."""
    created_at: Mapped[datetime]
