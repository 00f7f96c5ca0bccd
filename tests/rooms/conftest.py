"""A separate, migrated, empty database for each test, once on SQLite and once on PostgreSQL, and a small province in it."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rooms.store.database import Database
from rooms.store.migrations import steps
from tests.rooms.postgres import Postgres, at_once, nowhere_kept
from tests.rooms.province import Province, build, described

PEOPLED = "peopled"
NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
"""Tuesday, 08:00 in Việt Nam."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for all tests of this worker. Its database `migrated` is the template of the other databases."""
    server = Postgres()
    try:
        server.start()
        server.run_now("CREATE DATABASE migrated")
        at_once(steps.upgrade(server.url("migrated")))
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    at_once(steps.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
async def database_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of a migrated database. The database is empty, or holds the province if the test uses it. A second process can
    open the same URL.
    """
    peopled = "province" in request.fixturenames
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("sqlite_template")
        with tempfile.TemporaryDirectory(prefix="rooms-", dir=nowhere_kept()) as folder:
            path = Path(folder) / "rooms.db"
            shutil.copy(_peopled_file(migrated) if peopled else migrated, path)
            yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    if peopled and PEOPLED not in server.templates:
        await server.run(f"CREATE DATABASE {PEOPLED} TEMPLATE migrated STRATEGY file_copy")
        await _people(server.url(PEOPLED))
        server.templates.add(PEOPLED)
    outdated = [f"DROP DATABASE {server.outdated.pop()} WITH (FORCE)" for _ in tuple(server.outdated)]
    template = PEOPLED if peopled else "migrated"
    await server.run(*outdated, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server.url(name)
    server.outdated.append(name)


def _peopled_file(template: Path) -> Path:
    made = template.with_name(f"{PEOPLED}.db")
    if not made.exists():
        begun = template.with_name("begun.db")
        shutil.copy(template, begun)
        at_once(_people(f"sqlite:///{begun}"))
        begun.rename(made)
    return made


async def _people(url: str) -> None:
    """Write the province into a database, once for each worker and dialect. Each test gets a copy."""
    opened = Database.open(url)
    try:
        await opened.transact(lambda session: build(session, NOW))
    finally:
        await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def province(database: Database) -> Province:
    """A small province that is already in the database. See `tests.rooms.province`."""
    return described()
