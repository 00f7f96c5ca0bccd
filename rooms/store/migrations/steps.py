"""The migration steps of the database schema, the same for SQLite and PostgreSQL.

`upgrade(url)` brings a database to the newest schema, or changes nothing. Two servers that start together wait for each other.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, make_url, text

from rooms.errors import Refusal
from rooms.store.database import Database
from rooms.store.locks import SPACE, Lock
from rooms.store.tables.schema import METADATA

if TYPE_CHECKING:  # slow import: a server whose database has the newest schema never imports it
    from alembic.config import Config

FOLDER = Path(__file__).parent
STEP = "step_"
"""The first part of the name of each step's file. The revision follows."""


async def upgrade(url: str) -> str:
    """Bring the database at `sqlite:///PATH` or `postgresql://…` to the newest schema, and return its revision.

    Raise Refusal `database_is_newer` if a newer program has written the database.
    """
    file = _file(url)
    if file is not None:
        # The file contains password digests and mail addresses, so only its owner may read it. The files that SQLite adds have
        # the same mode.
        await asyncio.to_thread(file.touch, 0o600)
    database = Database.open(url)
    try:
        async with database.engine.connect() as connection:
            await connection.execution_options(diemcau_writes=True)
            async with connection.begin():
                return await connection.run_sync(upgrade_connection)
    finally:
        await database.close()


async def current(url: str) -> str:
    """Return the revision of the database, or "" for an empty database or a missing file."""
    file = _file(url)
    if file is not None and not await asyncio.to_thread(file.is_file):
        return ""
    database = Database.open(url)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(revision)
    finally:
        await database.close()


def _file(url: str) -> Path | None:
    name = make_url(url).database if url.startswith("sqlite:") else None
    return Path(name) if name and name != ":memory:" else None


def newest() -> str:
    """Return the revision that this program works with."""
    return max(path.stem.removeprefix(STEP) for path in (FOLDER / "versions").glob(f"{STEP}*.py"))


def upgrade_connection(connection: Connection) -> str:
    """Upgrade over one connection, within its transaction."""
    from alembic import command
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({SPACE}, {int(Lock.MIGRATION)})"))
    known = {step.revision for step in ScriptDirectory.from_config(settings()).walk_revisions()}
    found = revision(connection)
    if found and found not in known:
        raise Refusal(
            "database_is_newer",
            f"Cơ sở dữ liệu có phiên bản {found} mới hơn chương trình này. Hãy cài chương trình mới hơn.",
            f"the database has revision {found}, which this program does not know: install a newer version of the program",
        )
    command.upgrade(settings(connection), "head")
    return revision(connection)


def settings(connection: Connection | None = None) -> Config:
    """Return the settings for alembic, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def revision(connection: Connection) -> str:
    """Return the revision of the database of this connection, or "" if it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def options(connection: Connection) -> dict[str, Any]:
    """Return the options with which alembic compares our databases."""
    return {
        "connection": connection,
        "target_metadata": METADATA,
        "compare_type": True,
        "render_as_batch": connection.dialect.name == "sqlite",
    }
