"""The shape of the database: what the steps make is what the tables say, on both databases and from nothing."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from rooms.errors import Refusal
from rooms.store import migrations
from rooms.store.database import Database
from tests.rooms.postgres import Postgres


def differences(connection: Connection) -> list[object]:
    options = migrations.options(connection)
    metadata = options.pop("target_metadata")
    del options["connection"]
    options["include_object"] = lambda thing, name, kind, reflected, _: (
        not (kind == "index" and reflected and name == "reservation_overlap")
    )
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_steps_make_what_the_tables_say(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(differences)
    assert not found, "a table changed without a step in rooms/store/migrations/versions"


async def test_upgrading_again_does_nothing(database_url: str) -> None:
    head = ScriptDirectory.from_config(migrations.settings()).get_current_head()
    assert await migrations.current(database_url) == migrations.newest() == head
    assert await migrations.upgrade(database_url) == migrations.newest()


async def test_an_empty_database_has_no_revision(tmp_path: Path) -> None:
    assert await migrations.current(f"sqlite:///{tmp_path}/new.db") == ""
    assert not (tmp_path / "new.db").exists()


async def test_a_database_file_is_its_owners_alone(open_file: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in open_file.parent.glob("own.db*")} == {0o600}


@pytest.fixture
async def open_file(tmp_path: Path) -> AsyncIterator[Path]:
    """While it is open, with what SQLite keeps beside it."""
    path = tmp_path / "own.db"
    await migrations.upgrade(f"sqlite:///{path}")
    database = Database.open(f"sqlite:///{path}")
    await database.transact(lambda session: session.execute(text("UPDATE pool SET legs = 1")))
    yield path
    await database.close()


async def test_a_newer_database_is_refused_and_left_alone(database: Database, database_url: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refusal) as refused:
        await migrations.upgrade(database_url)
    assert refused.value.code == "database_is_newer"
    assert await migrations.current(database_url) == "9999"


async def test_two_that_start_together_wait_for_each_other(postgres: Postgres, tmp_path: Path) -> None:
    await postgres.run("CREATE DATABASE together")
    for url in (postgres.url("together"), f"sqlite:///{tmp_path}/together.db"):
        assert set(await asyncio.gather(*(migrations.upgrade(url) for _ in range(3)))) == {migrations.newest()}
    await postgres.run("DROP DATABASE together")
