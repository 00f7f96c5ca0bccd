"""A migrated, empty database of its own for each test, once on SQLite and once on PostgreSQL, and a small province in it."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rooms.store import migrations
from rooms.store.database import Database
from tests.rooms.postgres import Postgres, at_once, nowhere_kept
from tests.rooms.province import Province, build

DIALECTS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of this worker; its database `migrated` is the template of the others."""
    server = Postgres()
    try:
        server.start()
        server.run_now("CREATE DATABASE migrated")
        at_once(migrations.upgrade(server.url("migrated")))
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    at_once(migrations.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=DIALECTS)
async def database_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a migrated, empty database: what a second process can open too."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="rooms-", dir=nowhere_kept()) as folder:
            path = Path(folder) / "rooms.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    await server.run(f"CREATE DATABASE {name} TEMPLATE migrated STRATEGY file_copy")
    yield server.url(name)
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def now() -> datetime:
    """A Tuesday morning, 08:00 in Việt Nam."""
    return datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


@pytest.fixture
async def province(database: Database, now: datetime) -> Province:
    """A small province, committed; see `tests.rooms.province`."""
    return await database.transact(lambda session: build(session, now))
