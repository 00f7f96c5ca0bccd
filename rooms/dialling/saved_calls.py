"""What a server keeps for the one that starts in its place: where terminals have registered, and the dialogs of their calls.

Owns the rows. Does not know SIP: what stands in them is written and read by `signaling.halls.sip.saved_calls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store.tables.dialling import DialLeg, SipBinding, SipDialog


async def keep_bindings(session: AsyncSession, alias: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """All registrations of this alias, the newest last; none: it is registered nowhere."""
    await session.execute(delete(SipBinding).where(SipBinding.alias == alias))
    session.add_all(SipBinding(alias=alias, place=place, **row) for place, row in enumerate(rows))
    await session.flush()


async def bindings(session: AsyncSession, now: datetime) -> list[SipBinding]:
    """Those that have not run out."""
    rows = await session.scalars(
        select(SipBinding)
        .where(SipBinding.until > now)
        .order_by(SipBinding.alias, SipBinding.place)
        .limit(limits.SIP_ACCOUNTS)
    )
    return list(rows)


async def keep_dialog(session: AsyncSession, row: Mapping[str, Any]) -> None:
    """In place of what was known of it."""
    await session.merge(SipDialog(**row))
    await session.flush()


async def name_dialog(session: AsyncSession, dialog_id: str, leg_id: str) -> None:
    await session.execute(update(SipDialog).where(SipDialog.id == dialog_id).values(leg_id=leg_id))


async def forget_dialogs(session: AsyncSession, dialog_ids: Iterable[str]) -> None:
    """Their calls have ended."""
    await session.execute(delete(SipDialog).where(SipDialog.id.in_(list(dialog_ids))))


async def forget_ended(session: AsyncSession, dialog_ids: Iterable[str]) -> None:
    """Those whose hall is not to be called again: of another one the row tells where it was."""
    closed = select(DialLeg.id).where(DialLeg.state.in_(("left", "given_up")))
    mine = or_(SipDialog.leg_id.is_(None), SipDialog.leg_id.in_(closed))
    await session.execute(delete(SipDialog).where(SipDialog.id.in_(list(dialog_ids)), mine))


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Dialogs of workers that died elsewhere, and of which nobody asked."""
    await session.execute(delete(SipDialog).where(SipDialog.at < now - timedelta(days=limits.DIALOG_DAYS)))


async def left(session: AsyncSession, place: str, worker: str) -> list[SipDialog]:
    """Dialogs of workers that died where this one works (see `legs.claim`)."""
    here = SipDialog.worker.startswith(place, autoescape=True)
    rows = await session.scalars(
        select(SipDialog).where(here, SipDialog.worker != worker).order_by(SipDialog.at).limit(limits.DIALOGS_LEFT)
    )
    return list(rows)


async def left_of_leg(session: AsyncSession, leg_id: str, worker: str) -> list[SipDialog]:
    """Dialogs of this leg that another worker had: `worker` holds its lease now."""
    rows = await session.scalars(
        select(SipDialog).where(SipDialog.leg_id == leg_id, SipDialog.worker != worker).order_by(SipDialog.at)
    )
    return list(rows)
