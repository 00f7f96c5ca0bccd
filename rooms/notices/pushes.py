"""The browsers that a push wakes when an account has a new notice. This module stores their addresses and the jobs.

A push says nothing: it has no content, so neither a title nor a class leaves this server. `signaling.notify` sends the pushes.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import digest
from rooms.sealing import Seal, SealBroken
from rooms.store import outbox, rows
from rooms.store.tables.notices import PushSubscription
from rooms.store.tables.records import Job

DELIVER: Final = "push.deliver"


async def subscribe(session: AsyncSession, seal: Seal, account_id: str, endpoint: str, now: datetime) -> None:
    """Store the address of a browser. It belongs to the last account that gave it. The oldest of too many ends."""
    key = digest(endpoint)
    await remove(session, key)
    session.add(
        PushSubscription(digest=key, account_id=account_id, endpoint=seal.seal(endpoint, f"push:{key}"), created_at=now)
    )
    await session.flush()
    kept = await session.scalars(
        select(PushSubscription.digest)
        .where(PushSubscription.account_id == account_id)
        .order_by(PushSubscription.created_at.desc(), PushSubscription.digest)
        .offset(limits.PUSHES_EACH)
    )
    for one in list(kept):
        await remove(session, one)


async def unsubscribe(session: AsyncSession, account_id: str, endpoint: str) -> None:
    """End the pushes of this browser. The address of another account stays."""
    mine = (PushSubscription.digest == digest(endpoint), PushSubscription.account_id == account_id)
    await session.execute(delete(PushSubscription).where(*mine))


async def remove(session: AsyncSession, key: str) -> None:
    await session.execute(delete(PushSubscription).where(PushSubscription.digest == key))


async def wake(session: AsyncSession, accounts: Collection[str], now: datetime) -> None:
    """Store a job for each browser of these accounts: at most one a minute for each browser."""
    keys = await session.scalars(
        select(PushSubscription.digest)
        .where(PushSubscription.account_id.in_(accounts))
        .order_by(PushSubscription.digest)
    )
    minute = int(now.timestamp()) // 60
    jobs = [
        outbox.job(DELIVER, {"digest": key, "at": now.isoformat()}, now, now, f"push:{key}:{minute}") for key in keys
    ]
    await rows.add(session, {Job: jobs}, passing=frozenset({Job}))


async def endpoint_of(session: AsyncSession, seal: Seal, key: str) -> str:
    """Return the address of a browser. Empty: the browser has no pushes any more, or the installation has another key."""
    row = await session.get(PushSubscription, key)
    try:
        return seal.open(row.endpoint, f"push:{key}") if row is not None else ""
    except SealBroken:
        return ""
