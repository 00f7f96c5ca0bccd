"""The data that a server saves for its successor process: the registrations of terminals, and the dialogs of their calls.

This module owns the rows and does not know SIP. `signaling.halls.sip.saved_calls` writes and reads their content.
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
    """Replace all registrations of this alias, the newest last. An empty list: the alias is registered nowhere."""
    await session.execute(delete(SipBinding).where(SipBinding.alias == alias))
    session.add_all(SipBinding(alias=alias, place=place, **row) for place, row in enumerate(rows))
    await session.flush()


async def bindings(session: AsyncSession, now: datetime) -> list[SipBinding]:
    """Return the registrations that have not expired."""
    rows = await session.scalars(
        select(SipBinding)
        .where(SipBinding.until > now)
        .order_by(SipBinding.alias, SipBinding.place)
        .limit(limits.SIP_ACCOUNTS)
    )
    return list(rows)


async def keep_dialog(session: AsyncSession, row: Mapping[str, Any]) -> None:
    """Store a dialog in place of its old row."""
    await session.merge(SipDialog(**row))
    await session.flush()


async def name_dialog(session: AsyncSession, dialog_id: str, leg_id: str) -> None:
    await session.execute(update(SipDialog).where(SipDialog.id == dialog_id).values(leg_id=leg_id))


async def forget_dialogs(session: AsyncSession, dialog_ids: Iterable[str]) -> None:
    """Delete dialogs whose calls have ended."""
    await session.execute(delete(SipDialog).where(SipDialog.id.in_(list(dialog_ids))))


async def forget_ended(session: AsyncSession, dialog_ids: Iterable[str]) -> None:
    """Delete the dialogs of halls that the server will not call again. The other rows still show where the hall was."""
    closed = select(DialLeg.id).where(DialLeg.state.in_(("left", "given_up")))
    mine = or_(SipDialog.leg_id.is_(None), SipDialog.leg_id.in_(closed))
    await session.execute(delete(SipDialog).where(SipDialog.id.in_(list(dialog_ids)), mine))


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Delete old dialogs of workers that died in another place and that no worker took over."""
    await session.execute(delete(SipDialog).where(SipDialog.at < now - timedelta(days=limits.DIALOG_DAYS)))


async def left(session: AsyncSession, place: str, worker: str) -> list[SipDialog]:
    """Return the dialogs of workers that died in this worker's place (see `legs.claim`)."""
    here = SipDialog.worker.startswith(place, autoescape=True)
    rows = await session.scalars(
        select(SipDialog).where(here, SipDialog.worker != worker).order_by(SipDialog.at).limit(limits.DIALOGS_LEFT)
    )
    return list(rows)


async def left_of_leg(session: AsyncSession, leg_id: str, worker: str) -> list[SipDialog]:
    """Return the dialogs of this leg from other workers. `worker` holds the lease of the leg now."""
    rows = await session.scalars(
        select(SipDialog).where(SipDialog.leg_id == leg_id, SipDialog.worker != worker).order_by(SipDialog.at)
    )
    return list(rows)
