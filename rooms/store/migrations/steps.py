"""The steps from one shape of the database to the next, for SQLite and PostgreSQL alike.

`upgrade(url)` brings a database to the newest shape, whole or not at all; two servers that start together wait for each other.
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

if TYPE_CHECKING:  # heavy: a server whose database has the newest shape never imports it
    from alembic.config import Config

FOLDER = Path(__file__).parent
STEP = "step_"
"""Begins the name of each step's file; its revision follows."""


async def upgrade(url: str) -> str:
    """Bring the database at `sqlite:///PATH` or `postgresql://…` to the newest shape. Its revision afterwards.

    Raises Refusal `database_is_newer` when a newer program has written it.
    """
    file = _file(url)
    if file is not None:
        # Password digests and mail addresses are in it: its owner's alone. What SQLite puts beside it has the same mode.
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
    """Its revision; "" for an empty database, or a file that is not there."""
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
    """The revision that this program works with."""
    return max(path.stem.removeprefix(STEP) for path in (FOLDER / "versions").glob(f"{STEP}*.py"))


def upgrade_connection(connection: Connection) -> str:
    """The same over one connection, within its transaction."""
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
            f"the database has revision {found}, which this program does not know: install a newer one",
        )
    command.upgrade(settings(connection), "head")
    return revision(connection)


def settings(connection: Connection | None = None) -> Config:
    """For alembic, without any file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def revision(connection: Connection) -> str:
    """Of the database behind this connection; "": none."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def options(connection: Connection) -> dict[str, Any]:
    """How alembic looks at a database of ours."""
    return {
        "connection": connection,
        "target_metadata": METADATA,
        "compare_type": True,
        "render_as_batch": connection.dialect.name == "sqlite",
    }
