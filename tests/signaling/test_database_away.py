"""A request while the database server is away: it gets a clear refusal, and later requests succeed when the server is back."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from rooms.store.database import Database
from tests.rooms.postgres import Postgres
from tests.rooms.proxy import before
from tests.signaling.sign_in_desk import SignInDesk, sign_in

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_requests_get_503_while_the_database_is_away(postgres: Postgres, database_url: str) -> None:
    name = database_url.split("@/")[1].split("?")[0]
    async with before(postgres, name) as (proxy, url):
        office = SignInDesk(Database.open(url), NOW)
        async with office.client() as browser:
            assert told(await sign_in(browser, "lan")) == (401, "sign_in_failed")
            plenty = proxy.left
            for left in (0, 300, 900, 0):  # bytes before the cut: none, within the greeting, within the first answers
                proxy.left = left
                assert told(await sign_in(browser, "lan")) == (503, "database_away")
            proxy.left = plenty
            assert told(await sign_in(browser, "lan")) == (401, "sign_in_failed")
        office.access.close()
        await office.database.close()
