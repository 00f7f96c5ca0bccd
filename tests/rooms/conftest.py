"""A migrated, empty database of its own for each test, once on SQLite and once on PostgreSQL, and a small province in it."""

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

DIALECTS = ("sqlite", "postgresql")
PEOPLED = "peopled"
NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
"""A Tuesday morning, 08:00 in Việt Nam."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests of this worker; its database `migrated` is the template of the others."""
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


@pytest.fixture(params=DIALECTS)
async def database_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a migrated database, empty but for the province if the test has one; a second process can open it too."""
    peopled = "province" in request.fixturenames
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        with tempfile.TemporaryDirectory(prefix="rooms-", dir=nowhere_kept()) as folder:
            path = Path(folder) / "rooms.db"
            shutil.copy(_peopled_file(template) if peopled else template, path)
            yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"test{next(_numbers)}"
    if peopled and PEOPLED not in server.templates:
        await server.run(f"CREATE DATABASE {PEOPLED} TEMPLATE migrated STRATEGY file_copy")
        await _people(server.url(PEOPLED))
        server.templates.add(PEOPLED)
    await server.run(f"CREATE DATABASE {name} TEMPLATE {PEOPLED if peopled else 'migrated'} STRATEGY file_copy")
    yield server.url(name)
    await server.run(f"DROP DATABASE {name} WITH (FORCE)")


def _peopled_file(template: Path) -> Path:
    made = template.with_name(f"{PEOPLED}.db")
    if not made.exists():
        begun = template.with_name("begun.db")
        shutil.copy(template, begun)
        at_once(_people(f"sqlite:///{begun}"))
        begun.rename(made)
    return made


async def _people(url: str) -> None:
    """Once for each worker and dialect; copies of it are made for each test."""
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
    """A small province, in the database already; see `tests.rooms.province`."""
    return described()
