"""The maintenance of the store, every few minutes while a server runs."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store import checkpoints, outbox
from rooms.store.database import Database


async def keep(database: Database, keys: Path, folder: Path, now: datetime) -> int:
    """Sign the end of the audit trail, write checkpoints into a folder and delete old finished jobs. Return the number of
    written checkpoints.

    The folder is meant to leave the host (a network share, a mounted disk). Raise OSError if the folder cannot be written.
    """
    key = await asyncio.to_thread(checkpoints.key_at, keys)

    async def work(session: AsyncSession) -> None:
        await checkpoints.mark(session, key, now)
        await outbox.purge(session, now - timedelta(days=limits.JOB_KEPT_DAYS))

    await database.transact(work)
    async with database.reading() as session:
        found = await checkpoints.stored(session)
    return len(await asyncio.to_thread(checkpoints.export, found, key.public_key(), folder))
