"""Stored letters and the offices' templates, in SQL. Files are made from the stored fields each time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.meetings.letters.fields import KINDS, checked
from rooms.meetings.letters.word import look_through
from rooms.org.names import cleaned
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.meetings import Letter, LetterTemplate, Meeting
from rooms.store.tables.org import Unit


async def make(
    session: AsyncSession,
    meeting_id: str,
    kind: str,
    fields: Mapping[str, Any],
    number: str,
    symbol: str,
    dated: date,
    signer_id: str | None,
    template_id: str | None,
    actor: Actor,
    now: datetime,
) -> Letter:
    """Store a letter. Its fields never change, also if the meeting changes. Raise Refusal."""
    meeting = await session.get(Meeting, meeting_id)
    if meeting is None or kind not in KINDS:
        raise Refusal("unknown_meeting", "Không tìm thấy cuộc họp.", "no such meeting")
    host = await session.get_one(Unit, meeting.host_unit_id)
    roles.require(actor, "meetings.letters", host.path)
    if template_id:
        await template_of(session, template_id, host)
    kept = checked({**fields, "number": number, **({"symbol": symbol} if symbol else {})})
    letter = Letter(
        id=new_id(),
        meeting_id=meeting.id,
        kind=kind,
        number=kept["number"][:40],
        symbol=kept["symbol"][:60],
        dated=dated,
        signer_id=signer_id,
        sequence=meeting.sequence,
        fields=kept,
        template_id=template_id,
        created_at=now,
        created_by=actor.id[:32],
    )
    session.add(letter)
    await session.flush()
    detail = {"kind": kind, "number": letter.number, "symbol": letter.symbol}
    await audit.record(session, now, actor, "letter.make", "meeting", meeting.id, host.id, detail)
    return letter


async def listed(session: AsyncSession, meeting_id: str) -> list[Letter]:
    """Return the letters, newest first."""
    rows = await session.scalars(
        select(Letter)
        .where(Letter.meeting_id == meeting_id)
        .order_by(Letter.created_at.desc())
        .limit(limits.HISTORY_ROWS)
    )
    return list(rows)


async def template_of(session: AsyncSession, template_id: str, host: Unit) -> LetterTemplate:
    """Return a template that `host` may use: its own template, or a template of a unit above it. Raise Refusal
    `unknown_template`.
    """
    template = await session.get(LetterTemplate, template_id)
    owner = await session.get(Unit, template.unit_id) if template else None
    if template is None or owner is None or not host.path.startswith(owner.path):
        raise Refusal("unknown_template", "Không tìm thấy mẫu văn bản này.", "no such letter template")
    return template


async def upload(
    session: AsyncSession, unit_id: str, kind: str, name: str, content: bytes, actor: Actor, now: datetime
) -> LetterTemplate:
    """Check the archive and store the template. This does not run the template. For a full test, which needs a process, first
    call `check_template` in a thread.
    """
    look_through(content)
    return await upload_checked(session, unit_id, kind, name, content, actor, now)


async def upload_checked(
    session: AsyncSession, unit_id: str, kind: str, name: str, content: bytes, actor: Actor, now: datetime
) -> LetterTemplate:
    """Store a template that `check_template` has accepted. A template with the same name is replaced. Raise Refusal."""
    unit = await session.get(Unit, unit_id)
    shown = cleaned(name)
    if unit is None or kind not in KINDS or not 0 < len(shown) <= limits.NAME_CHARACTERS:
        raise Refusal("bad_template", "Mẫu cần đơn vị, loại và tên.", "a template needs a unit, a kind and a name")
    roles.require(actor, "meetings.letters", unit.path)
    template = await session.scalar(
        select(LetterTemplate).where(LetterTemplate.unit_id == unit_id, LetterTemplate.name == shown)
    )
    if template is None:
        template = LetterTemplate(id=new_id(), unit_id=unit_id, name=shown)
        session.add(template)
    template.kind, template.docx, template.uploaded_at = kind, content, now
    await session.flush()
    await audit.record(session, now, actor, "letter.template", "letter_template", template.id, unit_id, {"kind": kind})
    return template
