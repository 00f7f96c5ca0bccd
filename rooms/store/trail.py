"""Reading the audit trail: the entries that the reader may see, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.org import Unit
from rooms.store.tables.records import AuditEntry


@dataclass(frozen=True)
class Wanted:
    """The search terms. Empty terms match everything."""

    action: str = ""
    """The name of an action. A name with a dot at its end matches all actions that begin with it: `meeting.`."""
    object_id: str = ""
    actor: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    before: int | None = None
    """Only entries with a smaller number match."""


async def search(session: AsyncSession, wanted: Wanted, actor: Actor, limit: int) -> list[AuditEntry]:
    """Return the entries of the reader's units and the units below them. Entries without a unit are only for a reader of all
    units.

    Raise Refusal `denied`.
    """
    if not roles.anywhere(actor, "audit.read"):
        raise Refusal("denied", "Tài khoản này không có quyền xem nhật ký.", "not allowed")
    query = select(AuditEntry)
    paths = roles.scopes(actor, "audit.read")
    if paths is not None:
        own = select(Unit.id).where(or_(*(Unit.path.startswith(one, autoescape=True) for one in paths)))
        mine = AuditEntry.unit_id.in_(own)
        query = query.where(or_(mine, AuditEntry.unit_id == "") if roles.everywhere(actor, "audit.read") else mine)
    if wanted.action:
        whole = wanted.action.endswith(".")
        query = query.where(
            AuditEntry.action.startswith(wanted.action, autoescape=True)
            if whole
            else AuditEntry.action == wanted.action
        )
    for column, value in ((AuditEntry.object_id, wanted.object_id), (AuditEntry.actor, wanted.actor)):
        if value:
            query = query.where(column == value)
    if wanted.starts_at is not None:
        query = query.where(AuditEntry.at >= wanted.starts_at)
    if wanted.ends_at is not None:
        query = query.where(AuditEntry.at < wanted.ends_at)
    if wanted.before is not None:
        query = query.where(AuditEntry.seq < wanted.before)
    return list(await session.scalars(query.order_by(AuditEntry.seq.desc()).limit(limit)))
