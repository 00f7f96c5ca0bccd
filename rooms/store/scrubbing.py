"""The removal of deleted rows from the files of the database, after a stop for secret content.

A deleted row stays readable in free pages until they are written again. SQLite: `VACUUM` builds the file again, and a checkpoint
empties the write-ahead log. PostgreSQL: `VACUUM FULL` writes each table into a new file and removes the old file.

Three limits stay, which `rooms/docs/backups.md` names too. The file system may keep blocks of removed files. PostgreSQL keeps
the words in its WAL until the segments are recycled. Older backups, archives and standbys have their own copies.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from sqlalchemy import text

from rooms import limits
from rooms.store.database import Database
from rooms.store.tables.columns import Row


async def scrub(database: Database, kinds: Sequence[type[Row]]) -> None:
    """Remove the deleted rows of these tables from the files. Raise the errors of the database, and TimeoutError if another
    connection still reads an old page of SQLite.
    """
    if database.dialect == "sqlite":
        path = database.engine.url.database
        if path:
            await asyncio.to_thread(_scrub_file, path)
        return
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        for kind in kinds:
            await connection.execute(text(f"VACUUM (FULL) {kind.__tablename__}"))
        await connection.execute(text("CHECKPOINT"))


def _scrub_file(path: str) -> None:
    connection = sqlite3.connect(path, timeout=limits.BUSY_S, isolation_level=None)
    try:
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if busy:
        raise TimeoutError("another connection reads an old page of the database")
