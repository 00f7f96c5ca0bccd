"""Requests that schemathesis makes from the API description. An administrator sends them to a real server. The server never
fails, and each answer has the described form.

Only this file uses schemathesis. It is imported in the tests, so that the workers without these tests do not load it.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import delete

from rooms.store.database import Database
from rooms.store.tables.meetings import MeetingType
from tests.conftest import LiveServer, start_server
from tests.rooms.people import SignedIn, signed_in
from tests.rooms.province import Province, build
from tests.running.runs import LONG_RUN

EXAMPLES = 8 if LONG_RUN else 2
"""Examples of each operation. Chosen. More: the test takes longer. Fewer: the test misses wrong answers."""
STREAM = "/notices/events"
"""A stream that does not end while its session lasts: `tests/web/desk/test_notices.py` reads it."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    started = start_server(tmp_path_factory.mktemp("fuzzed"))
    yield started
    assert started.process.poll() is None
    started.stop()
    assert not [line for line in started.output if "Traceback" in line]


@pytest.fixture(scope="module")
def province(server: LiveServer) -> Province:
    async def work(session: Any) -> Province:
        await session.execute(delete(MeetingType))
        return await build(session, datetime.now(UTC))

    return asyncio.run(in_database(server, lambda database: database.transact(work)))


def sign_in(server: LiveServer, province: Province, count: int) -> list[SignedIn]:
    """Sign in `count` new administrators."""
    now, unit = datetime.now(UTC), province.units["tinh"]

    async def work(database: Database) -> list[SignedIn]:
        return [await signed_in(database, "admin", unit, now) for _ in range(count)]

    return list(asyncio.run(in_database(server, work)))


@pytest.fixture(scope="module")
def described(server: LiveServer) -> Any:
    import schemathesis

    found = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json", wait_for_schema=60, timeout=60)
    return found.exclude(path=STREAM)


async def in_database(server: LiveServer, work: Any) -> Any:
    database = Database.open(f"sqlite:///{server.data_dir / 'diemcau.sqlite'}")
    try:
        return await work(database)
    finally:
        await database.close()


def test_every_operation_keeps_its_description(described: Any, server: LiveServer, province: Province) -> None:
    """Each operation has an administrator of its own, because some operations end sessions."""
    from schemathesis.core.failures import FailureGroup

    wrong, operations = [], [found.ok() for found in described.get_all_operations()]
    for operation, admin in zip(operations, sign_in(server, province, len(operations)), strict=True):
        try:
            walk(operation, server, admin)
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {one}" for one in failures.exceptions]
    assert not wrong, "\n\n".join(wrong)


def walk(operation: Any, server: LiveServer, admin: SignedIn) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=f"{server.url}/api/v1",
            headers={"origin": server.url},
            cookies=admin.cookies,
            checks=[
                not_a_server_error,
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
                checks.unsupported_method,
            ],
        )

    ask()
