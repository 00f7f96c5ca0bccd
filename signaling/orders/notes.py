"""The order that stores a note of the secretary, while the meeting runs. `rooms.proceedings.notes` owns the rules."""

from __future__ import annotations

from pydantic import Field

from rooms import limits
from rooms.errors import Refusal
from rooms.proceedings.notes import TITLE, Written
from signaling.host.dates import is_date
from signaling.orders.performing import Given
from signaling.orders.shapes import Message


class Noting(Message):
    """A note. The writer chooses `id`. `item`: the title of the item of the agenda; empty: the meeting as a whole. `version`: the
    version that the writer has read; 0: a new note. An empty text deletes the note.
    """

    id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,32}$")
    item: str = Field(default="", max_length=TITLE)
    text: str = Field(max_length=limits.NOTE_CHARACTERS)
    version: int = Field(ge=0, le=2**31 - 1)


class Noted(Message):
    """The new version of the note. 0: the note is deleted."""

    version: int


async def write(given: Given, wanted: Noting) -> Noted:
    if not is_date(given.conference):
        raise Refusal("not_booked", "Cuộc họp này không có lịch.", "this meeting has no booking")
    written = Written(wanted.id, wanted.item, wanted.text, wanted.version)
    version = await given.around.hosts.keep_note(given.conference, written, given.by.name)
    changed = {"changed": round(given.around.now() * 1000)}
    given.meeting().document.put("notes", changed, host_only=True)
    return Noted(version=version)
