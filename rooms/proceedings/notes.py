"""The notes of the secretary about a date, each with the server's time and the item of the agenda.

A note has a version. Who changes an older version is refused, so no words of another writer are lost. The notes belong to the
last sitting of the date: they end with its record, and a stop for secret content destroys them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.store.tables.proceedings import MeetingNote, Sitting

NAME, TITLE = 200, 300
"""The lengths of columns in `rooms.store.tables.proceedings`."""


@dataclass(frozen=True)
class Written:
    """A note as its writer sends it. `version`: the version that the writer has read; 0: a new note. An empty text deletes."""

    id: str
    item: str
    text: str
    version: int


async def read(session: AsyncSession, occurrence_id: str) -> Sequence[MeetingNote]:
    """Return the notes of a date, the earliest first."""
    rows = await session.scalars(
        select(MeetingNote)
        .join(Sitting, Sitting.id == MeetingNote.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id)
        .order_by(MeetingNote.at, MeetingNote.id)
    )
    return rows.all()


async def put(session: AsyncSession, occurrence_id: str, wanted: Written, by_name: str, now: datetime) -> int:
    """Store a note, and return its new version; 0: it is deleted. Raise Refusal `note_early`, `note_stopped`, `note_changed`,
    `note_limit`, `note_long`.
    """
    text = wanted.text.replace("\0", "").strip()
    if len(text) > limits.NOTE_CHARACTERS:
        most = limits.NOTE_CHARACTERS
        raise Refusal("note_long", f"Ghi chú dài quá {most} ký tự.", f"a note has at most {most} characters")
    sitting = await _sitting(session, occurrence_id)
    found = await session.get(MeetingNote, wanted.id)
    if found is None:
        return await _add(session, sitting, wanted, text, by_name, now)
    if found.sitting_id != sitting.id and not await _same_date(session, found, occurrence_id):
        raise _changed("")
    if found.version != wanted.version:
        if (found.text, found.item) == (text, wanted.item[:TITLE]):
            return found.version  # the answer was lost, and the writer sent the note again
        raise _changed(found.by_name)
    if not text:
        await session.delete(found)
        return 0
    found.item, found.text, found.by_name, found.changed_at = wanted.item[:TITLE], text, by_name[:NAME], now
    found.version += 1
    return found.version


async def _sitting(session: AsyncSession, occurrence_id: str) -> Sitting:
    """Return the last sitting of a date, and hold it: writers come one after another. Raise Refusal `note_early`,
    `note_stopped`.
    """
    query = select(Sitting).where(Sitting.occurrence_id == occurrence_id).order_by(Sitting.began_at.desc(), Sitting.id)
    sitting = await session.scalar(query.limit(1).with_for_update())
    if sitting is None:
        raise Refusal(
            "note_early",
            "Chưa có ai vào cuộc họp nên chưa ghi chú được.",
            "nobody has joined the meeting yet, so no note can be stored",
        )
    if sitting.wiped_at is not None:
        raise Refusal(
            "note_stopped",
            "Cuộc họp đã dừng do phát sinh nội dung mật nên không lưu ghi chú.",
            "the meeting was stopped because of secret content, so no note is stored",
        )
    return sitting


async def _add(session: AsyncSession, sitting: Sitting, wanted: Written, text: str, by_name: str, now: datetime) -> int:
    if wanted.version:
        raise _changed("")
    if not text:
        return 0
    query = select(func.count()).select_from(MeetingNote).join(Sitting, Sitting.id == MeetingNote.sitting_id)
    count = await session.scalar(query.where(Sitting.occurrence_id == sitting.occurrence_id)) or 0
    if count >= limits.NOTES_OF_DATE:
        most = limits.NOTES_OF_DATE
        raise Refusal("note_limit", f"Cuộc họp đã có {most} ghi chú.", f"the meeting has {most} notes already")
    made = MeetingNote(id=wanted.id, sitting_id=sitting.id, at=now, changed_at=now, version=1, text=text)
    made.by_name, made.item = by_name[:NAME], wanted.item[:TITLE]
    session.add(made)
    return 1


async def _same_date(session: AsyncSession, note: MeetingNote, occurrence_id: str) -> bool:
    return (await session.get_one(Sitting, note.sitting_id)).occurrence_id == occurrence_id


def _changed(name: str) -> Refusal:
    if not name:
        return Refusal(
            "note_changed",
            "Ghi chú này đã bị xóa. Hãy sao chép phần vừa viết.",
            "this note was deleted: copy your words",
        )
    return Refusal(
        "note_changed",
        f"{name} vừa sửa ghi chú này. Phần bạn viết chưa được lưu: hãy sao chép, tải lại rồi sửa tiếp.",
        f"{name} has just changed this note. Your words are not stored: copy them, load the note again, and go on",
    )
