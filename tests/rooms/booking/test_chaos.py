"""No booking is made twice, lost or left over when many clients book over HTTP and servers and the database die (`storm`). Halls
of invited units that an approval holds are held once.

The long run is a separate step of `make sim`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms.booking.storm import storm
from tests.rooms.postgres import Postgres

REQUESTS, KILLS, MINUTES = 256, 2, 10


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A server that keeps every commit that it has acknowledged."""
    server = Postgres(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_bookings_survive_killed_servers_without_loss_or_duplicates(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Postgres | None = request.getfixturevalue("server") if dialect == "postgresql" else None
    found = storm(dialect, tmp_path, server, REQUESTS, MINUTES, KILLS, print)
    print(found.said())
    assert not found.wrong, "\n".join(found.wrong[:20])
    assert found.asked == REQUESTS
    assert found.sent > REQUESTS
    assert found.killed == KILLS
    assert found.crashed >= 1 or server is None
    assert 0.6 * REQUESTS < found.made < REQUESTS
    assert found.approved > 10
