"""The end of a booked meeting in a hall. The hall hears the notice, stays after an extension, hears the end and is hung up. A
real server with its mixer, under a clock that the test sets, and a scripted terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import process_clock as clocks
from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.halls.test_languages import Caller, caller
from tests.interop.terminals import hallnet
from tests.ports import free_port
from tests.process_clock import ProcessClock
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(clocks.missing()), reason=clocks.missing())]


@dataclass
class Timed(There):
    clock: Any = None


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timed]:
    folder, port = tmp_path_factory.mktemp("ending"), free_port()
    booked = hallnet.prepare(folder, ("hall-a",), ("127.0.0.0/8",), lobby=False)
    clock = ProcessClock(folder, datetime.now(UTC) + timedelta(minutes=1))
    ports = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    with ExitStack() as stack:
        server = start_server(folder / "data", "--halls", DIEMCAU_SIP_TLS_PORT="-1", **ports, **clock.environ)
        stack.callback(server.stop)
        yield Timed(server, booked, port, clock=clock)
    assert "Traceback" not in "".join(server.output), "".join(server.output)


def end_of(there: Timed) -> dict[str, Any]:
    answer = there.ask("GET", f"/occurrences/{there.booked.occurrence}/end")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_hall_hears_the_end_and_is_not_called_again(there: Timed) -> None:
    ends_at = datetime.fromisoformat(end_of(there)["ends_at"])
    async with caller(there, "hall-a", small=True) as terminal:
        assert isinstance(terminal, Caller)
        assert await there.dial(terminal) == 200
        await until(lambda: there.rows()[0]["state"] == "connected", "it is in")
        there.clock.turn(ends_at - timedelta(seconds=58))
        await terminal.hears("ends_in_1", "vi")
        longer = there.ask("POST", f"/occurrences/{there.booked.occurrence}/extend", json={"minutes": 15})
        assert longer.status_code == 200, longer.text
        assert datetime.fromisoformat(longer.json()["ends_at"]) == ends_at + timedelta(minutes=15)
        there.clock.turn(ends_at + timedelta(minutes=31))
        await until(lambda: end_of(there)["state"] == "running", "the extension counts")
        assert not terminal.ended.is_set()
        there.clock.turn(ends_at + timedelta(minutes=45, seconds=1))
        await terminal.hears("ended", "vi")
        await until(terminal.ended.is_set, "the hall is hung up")
        await until(lambda: end_of(there)["state"] == "ended", "the date is over")
        await until(lambda: there.rows()[0]["state"] == "left", "the row of the hall is over")
        assert there.rows()[0]["next_try_at"] is None
