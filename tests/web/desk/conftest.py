"""The server of the province, as most tests of the secretariat's pages use it, and its database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from rooms.store.database import Database
from tests.conftest import start_server
from tests.rooms.postgres import at_once
from tests.web.desk.province import furnish
from tests.web.desk.test_desk import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    server = start_server(folder)
    yield Served(server, desk, now, {})
    server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def database(served: Served) -> AsyncIterator[Database]:
    """The database of the server, opened beside the server."""
    opened = Database.open(served.database_url)
    yield opened
    await opened.close()
