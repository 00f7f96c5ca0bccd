"""The REST application on real databases, with a clock that tests set and signed-in people."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from rooms.store.database import Database
from tests.rooms.conftest import database, database_url, now, postgres, province, sqlite_template
from tests.rooms.province import Province
from tests.signaling.api.office import Office

__all__ = ["database", "database_url", "now", "office", "postgres", "province", "sqlite_template"]


@pytest.fixture
async def office(
    database: Database,
    database_url: str,
    province: Province,
    now: datetime,
    tmp_path: Path,
) -> AsyncIterator[Office]:
    """Yield a server of its own, without media, with the small province."""
    made = Office(database, database_url, province, now, tmp_path)
    yield made
    await made.close()
