"""The REST application on real databases, with a clock that tests set and signed-in people."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from rooms.store.database import Database
from signaling.host import limits
from tests.rooms.conftest import database, database_url, now, postgres, province, sqlite_template
from tests.rooms.province import Province
from tests.signaling.api.office import Office

__all__ = ["database", "database_url", "now", "office", "postgres", "province", "sqlite_template"]


@pytest.fixture(autouse=True)
def patient_checks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the check of a host's key until it ends. On a busy machine the check may take longer than `HOST_CHECKED_S`, and
    then the host keeps the right. Tests in which the database hangs (`hangs`) keep the limit.
    """
    if "hangs" not in request.fixturenames:
        monkeypatch.setattr(limits, "HOST_CHECKED_S", 60.0)


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
