"""A database server that is away, or goes away during the greeting: every caller gets the same kind of error."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store.database import Database, is_away
from tests.rooms.postgres import Postgres
from tests.rooms.proxy import before


async def ask(url: str) -> None:
    """Run one statement, as a process that has just started."""
    database = Database.open(url)
    try:
        async with database.reading() as session:
            assert await session.scalar(text("SELECT 7")) == 7
    finally:
        await database.close()


async def test_a_connection_lost_while_connecting_counts_as_away(postgres: Postgres) -> None:
    async with before(postgres) as (proxy, url):
        proxy.heard = 0
        await ask(url)
        for heard in range(0, proxy.heard, 61):
            proxy.left = heard
            with pytest.raises(SQLAlchemyError) as caught:
                await ask(url)
            assert is_away(caught.value), f"after {heard} bytes"


async def test_a_server_that_is_not_there_is_away(tmp_path: Path) -> None:
    for url in (f"postgresql://postgres@/x?host={tmp_path}", "postgresql://postgres@127.0.0.1:9/x"):
        with pytest.raises(SQLAlchemyError) as caught:
            await ask(url)
        assert is_away(caught.value)


async def test_a_server_that_only_lets_read_is_away(postgres: Postgres) -> None:
    """This is a standby server, before it takes over."""
    database = Database.open(postgres.url("postgres"))

    async def write(session: AsyncSession) -> None:
        await session.execute(text("SET TRANSACTION READ ONLY"))
        await session.execute(text("CREATE TABLE never (id int)"))

    with pytest.raises(SQLAlchemyError, match="read-only") as caught:
        await database.transact(write)
    await database.close()
    assert is_away(caught.value)


async def test_an_error_of_the_server_is_reported_unchanged(postgres: Postgres) -> None:
    """A retry would not help."""
    with pytest.raises(SQLAlchemyError, match="does not exist") as caught:
        await ask(postgres.url("no_such_database"))
    assert not is_away(caught.value)


async def test_a_timeout_for_a_pool_connection_counts_as_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.01)
    async with database.reading() as session:
        await session.execute(text("SELECT 1"))
        sessions = [await database.engine.connect() for _ in range(limits.CONNECTIONS - 1)]
        with pytest.raises(SQLAlchemyError) as caught:
            await database.engine.connect()
        assert is_away(caught.value)
        for one in sessions:
            await one.close()
