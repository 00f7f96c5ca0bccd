"""A hall dials the operator of a real server. The hall appears in a list, hears that it waits, and the operator brings it into
a meeting.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from rooms.accounts import clients
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from tests.interop.browsers.test_halls_and_browsers import There
from tests.interop.halls.test_languages import Caller, caller
from tests.interop.terminals.test_quirks_server import serve
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


def calls(there: There) -> list[dict[str, Any]]:
    answer = there.ask("GET", "/hall-calls")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def place(there: There, call: dict[str, Any]) -> httpx.Response:
    return there.ask("POST", f"/hall-calls/{call['id']}/place", json={"occurrence_id": there.booked.occurrence})


async def waits(there: There, terminal: Caller) -> dict[str, Any]:
    await until(lambda: [one["terminal_id"] for one in calls(there)] == [terminal.name], "it waits for the operator")
    (call,) = calls(there)
    assert call["site"]
    assert call["seen_by"] == ""
    assert call["address"] == "127.0.0.1"
    return call


async def test_an_operator_brings_a_waiting_hall_into_the_meeting(there: There) -> None:
    async with caller(there, "hall-a", small=True) as terminal:
        assert await there.dial(terminal, "operator") == 200
        call = await waits(there, terminal)
        await terminal.hears("operator", "vi")
        seen = there.ask("POST", f"/hall-calls/{call['id']}/acknowledge").json()
        assert seen["seen_by"] == "bàn điều hành"
        await terminal.hears("operator_seen", "vi")
        assert place(there, call).status_code == 204
        await until(lambda: there.connected() == ["hall-a"], "the board shows it in the meeting")
        assert calls(there) == []
        assert place(there, call).status_code == 410
        assert there.row("hall-a")["video"]["size"] == "176x144"
        # Inside the meeting, the same key raises an alarm on the hall's row. The hall hears when an operator acknowledges the
        # alarm.
        await terminal.presses("*0")
        await until(lambda: bool(there.row("hall-a")["alarms"]), "an alarm on the board")
        alarm = there.row("hall-a")["alarms"][-1]
        assert (alarm["code"], alarm["text"]["vi"]) == ("operator", "Gọi người điều hành")
        path = f"/occurrences/{there.booked.occurrence}/alarms/{alarm['id']}/acknowledge"
        assert there.ask("POST", path).status_code == 200
        await terminal.hears("operator_seen", "vi")
        assert await terminal.hang_up() == 200


async def test_from_the_menu_by_a_key_and_the_operator_ends_the_call(there: There) -> None:
    async with caller(there, "hall-b", small=True) as terminal:
        assert await there.dial(terminal, "welcome") == 200
        await until(lambda: len(terminal.heard) > 8000, "it is in the menu")
        await terminal.presses("0#")
        call = await waits(there, terminal)
        assert there.ask("DELETE", f"/hall-calls/{call['id']}").status_code == 204
        await terminal.hears("ended_by_operator", "vi")
        await until(terminal.ended.is_set, "it is hung up")
        assert calls(there) == []


async def test_a_hall_that_hangs_up_is_no_longer_waiting(there: There) -> None:
    async with caller(there, "hall-c", small=True) as terminal:
        assert await there.dial(terminal, "*0") == 200
        call = await waits(there, terminal)
        assert await terminal.hang_up() == 200
        await until(lambda: calls(there) == [], "nobody waits")
        assert place(there, call).status_code == 410
        assert there.ask("POST", f"/hall-calls/{call['id']}/acknowledge").status_code == 410


async def test_operators_of_other_units_do_not_see_the_waiting_hall(there: There) -> None:
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    unit = there.booked.province.units["xa1"]
    _, key = await database.transact(
        lambda session: clients.create(session, "xã khác", unit, ["operator"], COMMAND, datetime.now(UTC))
    )
    await database.close()
    other = {"authorization": f"Bearer {key}"}
    url = f"{there.server.url}/api/v1/hall-calls"
    async with caller(there, "hall-c", small=True) as terminal:
        assert await there.dial(terminal, "operator") == 200
        call = await waits(there, terminal)
        assert httpx.get(url, headers=other).json() == []
        assert httpx.post(f"{url}/{call['id']}/acknowledge", headers=other).status_code == 403
        assert httpx.delete(f"{url}/{call['id']}", headers=other).status_code == 403
        assert await terminal.hang_up() == 200
