"""Profiles of makes of terminals, changed in this installation. The SIP code checks the fields before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.policy.actors import Actor
from rooms.policy.roles import require_everywhere
from rooms.store import audit
from rooms.store.tables.dialling import TerminalProfile


async def every(session: AsyncSession) -> list[TerminalProfile]:
    return list(await session.scalars(select(TerminalProfile).order_by(TerminalProfile.name)))


async def keep(
    session: AsyncSession, name: str, fields: Mapping[str, Any], actor: Actor, now: datetime
) -> TerminalProfile:
    """Store one complete profile, new or changed. Raise Refusal `denied`, `too_many`."""
    require_everywhere(actor, "profiles.write")
    row = await session.get(TerminalProfile, name)
    if row is None:
        if (await session.scalar(select(func.count()).select_from(TerminalProfile)) or 0) >= limits.PROFILES:
            raise Refusal(
                "too_many",
                "Đã có quá nhiều mẫu thiết bị.",
                f"there are already {limits.PROFILES} profiles, the maximum",
            )
        row = TerminalProfile(name=name)
        session.add(row)
    before = dict(row.fields or {})
    row.fields, row.changed_at, row.changed_by = dict(fields), now, actor.name[:200]
    await session.flush()
    changed = sorted(key for key in {*before, *fields} if before.get(key) != fields.get(key))
    await audit.record(session, now, actor, "settings.profile", "terminal_profile", name, "", {"fields": changed})
    return row


async def forget(session: AsyncSession, name: str, actor: Actor, now: datetime) -> None:
    """Delete a profile, so that the shipped profile (if any) is valid again. Raise Refusal `denied`, `profile_unchanged`."""
    require_everywhere(actor, "profiles.write")
    row = await session.get(TerminalProfile, name)
    if row is None:
        raise Refusal(
            "profile_unchanged",
            "Mẫu thiết bị này đang như khi cài đặt, không có gì để bỏ.",
            "this profile has its shipped values, so there is nothing to reset",
        )
    await session.delete(row)
    await session.flush()
    await audit.record(session, now, actor, "settings.profile", "terminal_profile", name, "", {"removed": True})
