"""Rows about live meetings: the states of machines, the record, stays, turns to speak, and chat.

`rooms.proceedings` owns the rows. All of them belong to a sitting, and end with it by the retention of the meeting's type.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

CHATS = ("kept", "exported", "forgotten")
"""The ways to keep the chat of a type of meeting. `kept`: stored for some days, for people who come late and for a restart.
`exported`: stored too, and the secretary may download it. `forgotten`: only in the memory of the server.
"""


class Sitting(Row):
    """A run of a meeting: of a booked date, or of a conference without a booking. People may leave the meeting and come back."""

    __tablename__ = "sitting"
    __table_args__ = (Index("ix_sitting_ended_at", "ended_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conference: Mapped[str] = mapped_column(String(256), index=True)
    occurrence_id: Mapped[str | None] = mapped_column(ForeignKey("occurrence.id", ondelete="CASCADE"), index=True)
    """Empty: the conference has no booking."""
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """The last time at which the server stored something, or saw that the sitting goes on. After a crash, all stays end at
    this time.
    """
    ended_at: Mapped[datetime | None]
    wiped_at: Mapped[datetime | None]
    """The time of a stop for secret content. Chat, notes, states and details from before that time are destroyed."""
    scrubbed_at: Mapped[datetime | None]
    """The time when the free pages of the files held those words no longer (`rooms.store.scrubbing`)."""


class SittingState(Row):
    """The last state of one machine of a sitting, for a restart."""

    __tablename__ = "sitting_state"

    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), primary_key=True)
    machine: Mapped[str] = mapped_column(String(40), primary_key=True)
    """`roles`, `floor`, `roll_call`, `votes`, …"""
    state: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class MeetingEvent(Row):
    """A line of the record of a sitting. Lines are added, and never changed except by a stop for secret content."""

    __tablename__ = "meeting_event"

    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """The order in the sitting: microseconds since 1970, and at least one more than the line before."""
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    by_id: Mapped[str] = mapped_column(String(256))
    """The identity of the person who acted. Empty: the server."""
    by_name: Mapped[str] = mapped_column(String(200))
    for_chair: Mapped[bool]
    """True: on behalf of the chair (thay mặt chủ trì)."""
    way: Mapped[str] = mapped_column(String(10))
    on_id: Mapped[str] = mapped_column(String(256))
    on_name: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]]


class Attendance(Row):
    """A stay of a person or a hall in a sitting. A person who leaves and comes back has two rows."""

    __tablename__ = "attendance"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), index=True)
    identity: Mapped[str] = mapped_column(String(256))
    """In a booked meeting: `WAY.ATTENDEE.…`, and `hall_terminal.TERMINAL` for a hall of the register."""
    name: Mapped[str] = mapped_column(String(200))
    came_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(40))
    """Why the stay ended: a name of `conference.ground.events.Reason` in lower case, or `lost` after a crash of the server."""


class SpeakingTurn(Row):
    """A turn to speak that the chair gave."""

    __tablename__ = "speaking_turn"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), index=True)
    identity: Mapped[str] = mapped_column(String(256))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(10))
    """`speech`, `reply`, `order`, `question`."""
    delegation: Mapped[str] = mapped_column(String(200))
    """The unit or site whose time budget pays for the turn."""
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """Empty: the turn goes on, or the server was killed during the turn."""


class ChatLine(Row):
    """A line of the chat."""

    __tablename__ = "chat_line"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    identity: Mapped[str] = mapped_column(String(256))
    name: Mapped[str] = mapped_column(String(200))
    to_id: Mapped[str] = mapped_column(String(256))
    """The only receiver of a private line. Empty: all participants."""
    to_name: Mapped[str] = mapped_column(String(200))
    reply_to: Mapped[str] = mapped_column(String(32))
    """The line that this line answers, or an empty text."""
    text: Mapped[str] = mapped_column(Text)


class MeetingNote(Row):
    """A note of the secretary about a sitting."""

    __tablename__ = "meeting_note"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """The page chooses it, so a note that is sent twice is stored once."""
    sitting_id: Mapped[str] = mapped_column(ForeignKey("sitting.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    """The time at which the note was begun."""
    changed_at: Mapped[datetime]
    version: Mapped[int]
    by_name: Mapped[str] = mapped_column(String(200))
    """Who wrote last."""
    item: Mapped[str] = mapped_column(String(300))
    """The title of the item of the agenda. Empty: the note is about the meeting as a whole."""
    text: Mapped[str] = mapped_column(Text)
