"""Clients made with LiveKit's Go SDK, which `lk`, egress and ingress use. They test pion together with libwebrtc, with one and
with two peer connections.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.golang import GoPerson, film, is_shown, song
from tests.interop.person import Person
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.heavy, pytest.mark.slow]

JOINS = 5
TURN_MS = 200.0
"""Milliseconds. From pion: the period of its connectivity checks. A join that waits for one period takes longer than this."""
JOIN_MS = 400.0
"""Milliseconds. Ten times the join on a quiet machine. Larger: the test misses a slow join. Smaller: the test fails on a busy
machine.
"""


@pytest.mark.timeout(900)  # the first build takes minutes on a busy machine
def test_the_program_builds_from_the_pinned_modules(program: Path) -> None:
    assert program.stat().st_size > 1_000_000


@pytest.mark.parametrize("single", [False, pytest.param(True, marks=pytest.mark.sim)], ids=["dual", "single"])
async def test_a_go_client_takes_part(
    go: Callable[..., GoPerson], person: Callable[..., Person], tmp_path: Path, single: bool
) -> None:
    conference = f"golang-{single}"
    async with person("an", conference) as an, go("gopher", conference, single=single) as gopher:
        await an.show("blue")
        await an.speak(1000)
        gopher.tell(f"video {film(tmp_path / 'film', 'red')}")
        gopher.tell(f"audio {song(tmp_path / 'song', 440)}")
        await gopher.happens("published", 2)
        await is_shown(an, "gopher", "red", 440)
        await gopher.gets("an", "blue", 1000)
        await _data(an, gopher, "first")

        sid = (await gopher.happens("joined"))["sid"]
        gopher.tell("resume")
        assert (await gopher.happens("reconnected"))["sid"] == sid
        await is_shown(an, "gopher", "red", 440)
        await gopher.gets("an", "blue", 1000)
        await _data(an, gopher, "resumed")
        assert ("participant_disconnected", "gopher") not in an.events

        gopher.tell("reconnect")
        assert (await gopher.happens("reconnected", 2))["sid"] != sid
        await until(lambda: gopher.count("subscribed", identity="an") >= 4, "the tracks of the others, anew")
        await is_shown(an, "gopher", "red", 440)
        await gopher.gets("an", "blue", 1000)
        await _data(an, gopher, "joined anew")
        assert not gopher.count("disconnected")


async def _data(an: Person, gopher: GoPerson, text: str) -> None:
    """Send data in both directions and wait for its arrival."""
    gopher.tell(f"data {text} of the gopher")
    await until(lambda: an.packets and an.packets[-1].data == f"{text} of the gopher".encode(), "data of the Go client")
    await an.room.local_participant.publish_data(f"{text} of an", reliable=True)
    await gopher.happens("data", identity="an", text=f"{text} of an")


async def test_two_go_clients_of_both_kinds_hear_each_other(go: Callable[..., GoPerson], tmp_path: Path) -> None:
    async with go("one", "gophers", single=True) as one, go("two", "gophers", single=False) as two:
        red, blue = film(tmp_path / "red", "red"), film(tmp_path / "blue", "blue")
        for who, video, hz in ((one, red, 440), (two, blue, 1000)):
            who.tell(f"video {video}")
            who.tell(f"audio {song(tmp_path / str(hz), hz)}")
        await one.gets("two", "blue", 1000)
        await two.gets("one", "red", 440)


@pytest.mark.whole_machine
@pytest.mark.parametrize("single", [False, True], ids=["dual", "single"])
async def test_a_join_does_not_wait_for_the_next_turn_of_pion(go: Callable[..., GoPerson], single: bool) -> None:
    """A join does not wait 200 ms for pion's next connectivity check, because the server sends a check first. An ICE-lite
    server sends no checks, and then each of five joins waits.
    """
    took = []
    for number in range(JOINS):
        async with go(f"gopher{number}", f"turns-{single}", single=single) as gopher:
            took.append((await gopher.happens("joined"))["ms"])
    assert min(took) < TURN_MS, took
    assert sorted(took)[JOINS // 2] < JOIN_MS, took
