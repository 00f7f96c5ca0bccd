"""Hostile terminals that know a password, against a real server. The tests check what the terminals may take and what remains
of them. Each test repeats an attack that once worked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from signaling.halls.ground import limits
from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.halls.test_refused import Foreign
from tests.interop.terminals.quirks import Quirk
from tests.interop.terminals.test_quirks_server import Recorder, serve
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


def sockets(there: There) -> int:
    """Return how many sockets the server's process has open."""
    folder = Path(f"/proc/{there.server.process.pid}/fd")
    return sum(_leads_to(one).startswith("socket:") for one in folder.iterdir())


def _leads_to(link: Path) -> str:
    """Return the link's target, or an empty text if the file was closed in the meantime."""
    with suppress(FileNotFoundError):
        return os.readlink(link)
    return ""


def mixers(there: There) -> int:
    found = 0
    for one in Path(f"/proc/{there.server.process.pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread ended in the meantime
            found += len(one.read_text().split())
    return found


class Hasty(Recorder):
    """A terminal that sends CANCEL together with its INVITE."""

    async def give_up(self, there: There, target: str) -> int:
        await self._connect(HOST, there.port)
        self._target = f"sip:{target}@{HOST}:{there.port}"
        self._to = f"<{self._target}>"
        reply = await self._transact("INVITE", 1, self.offer())
        self._ack(1)
        invite = self._request("INVITE", 2, self.offer(), [("Authorization", self._digest(reply, "INVITE"))])
        cancel = invite.replace(b"INVITE ", b"CANCEL ", 1).replace(b" INVITE", b" CANCEL", 1)
        assert self._link is not None
        self._link.send(invite + cancel)
        status = (await self._final(2, "INVITE")).status
        self._link.send(cancel.replace(b"CANCEL ", b"ACK ", 1).replace(b" CANCEL", b" ACK", 1))
        return status


@pytest.mark.parametrize("target", ["echo", "menu", "number", "wrong"])
async def test_a_call_cancelled_at_once_leaves_no_lines_or_mixer(there: There, target: str) -> None:
    number = {"number": there.booked.number, "wrong": f"{there.booked.number}*000000"}.get(target, target)
    await until(lambda: mixers(there) == 0, "the mixers of the rows before have ended")
    async with Hasty(Quirk(transport="tcp"), "hall-a", HOST, (0, 0, 0), 0, there.booked.passwords["hall-a"]) as hasty:
        assert await hasty.give_up(there, number) == 487
    before = sockets(there)
    for _ in range(5):
        async with Hasty(Quirk(transport="tcp"), "hall-a", HOST, (0, 0, 0), 0, there.booked.passwords["hall-a"]) as one:
            assert await one.give_up(there, number) == 487
    await until(lambda: sockets(there) <= before and mixers(there) == 0, "everything that was opened is closed")


async def test_the_number_of_calls_of_one_terminal_is_limited(there: There) -> None:
    """A terminal may have only a few calls at once, because each call to the test room starts a mixer."""

    def one() -> Any:
        return Recorder(Quirk(small=True), "hall-b", HOST, (0, 0, 0), 0, there.booked.passwords["hall-b"])

    async with AsyncExitStack() as stack:
        calls = [await stack.enter_async_context(one()) for _ in range(limits.CALLS_OF_A_TERMINAL + 1)]
        assert [await there.dial(call, "echo") for call in calls] == [200] * limits.CALLS_OF_A_TERMINAL + [486]
        assert calls[-1].finals[-1]["Retry-After"]
        for call in calls[:-1]:
            assert await call.hang_up() == 200
        async with one() as again:
            assert await there.dial(again, "echo") == 200
            await again.hang_up()


@pytest.mark.parametrize("victim", ["203.0.113.9", "10.77.0.9"])
async def test_no_description_aims_pictures_at_a_stranger(there: There, victim: str) -> None:
    """The server sends nothing to an address outside the terminal's network, 127.0.0.0/8."""
    async with Foreign(there, (f"c=IN IP4 {HOST}", f"c=IN IP4 {victim}")) as terminal:
        assert await there.dial(terminal, "echo") == 488
        assert terminal.finals[-1]["Warning"] == f'301 {HOST} "Incompatible network address"'


async def test_a_reinvite_to_a_foreign_address_is_refused(there: There) -> None:
    async with Foreign(there) as terminal:
        assert await there.dial(terminal, "echo") == 200
        moved = terminal.offer().replace(f"c=IN IP4 {HOST}".encode(), b"c=IN IP4 203.0.113.9")
        assert (await terminal.reinvite(moved)).status == 488
        before = terminal.video.received
        await until(lambda: terminal.video.received > before + 20, "the call goes on as it was")
        assert await terminal.hang_up() == 200
    await asyncio.sleep(0)
