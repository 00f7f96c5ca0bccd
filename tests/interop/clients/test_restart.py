"""The server of a conference stops or is killed, and another server answers at its address. All participants return with all
tracks.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial

import pytest

from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.interop.proxy import Proxy
from tests.running.runs import LONG_RUN
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.longer]

PEOPLE = [f"p{number}" for number in range(8 if LONG_RUN else 4)]
TONES = {PEOPLE[0]: 700.0, PEOPLE[-1]: 1100.0}
KEY = {"DIEMCAU_API_KEY": "restart", "DIEMCAU_API_SECRET": "r" * 32}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_everybody_is_back_after_a_restart(own_server: Callable[..., LiveServer], number: int) -> None:
    # the second server starts early, so that the test does not include its start time
    first, second = own_server(**KEY), own_server(**KEY)
    async with Proxy(first.port) as proxy:
        people = [_person(proxy, name, dual=place % 2 == 1) for place, name in enumerate(PEOPLE)]
        try:
            await asyncio.gather(*(one.join() for one in people))
            for one in people:
                await one.speak(TONES.get(one.identity, 0.0))
            await until(partial(_have_all, people), "all have all")
            sids = {one.room.local_participant.sid for one in people}
            proxy.lead_to(second.port)
            await asyncio.to_thread(first.stop, number)
            await until(lambda: all(one.saw("reconnected", "") for one in people), "all are back")
            await until(lambda: not sids & {one.room.local_participant.sid for one in people}, "all are new there")
            await until(partial(_have_all, people), "all have all again")
            for one in people:
                one.ears.clear()
            await until(partial(_hear_all, people), "the tones")
            assert not [event for one in people for event in one.events if event[0] == "disconnected"]
        finally:
            await asyncio.gather(*(one.leave() for one in people))


def _person(proxy: Proxy, name: str, *, dual: bool) -> Person:
    return Person(proxy.url, token("restart", "r" * 32, name, "restart"), dual=dual, hears=TONES)


def _have_all(people: list[Person]) -> bool:
    """Report whether every participant lists all other participants and receives a track of each."""
    names = {one.identity for one in people}
    return all(
        {
            who.identity
            for who in one.room.remote_participants.values()
            if any(track.track is not None for track in who.track_publications.values())
        }
        == names - {one.identity}
        for one in people
    )


def _hear_all(people: list[Person]) -> bool:
    return all(one.ear(name).hears(hz) for name, hz in TONES.items() for one in people if one.identity != name)
