"""Closing commands while the plane is busy."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from media.ground.endings import Endings
from media.ground.numbers import Numbers
from media.ground.seam import Seam
from media.tracks.producer import Producer


class Busy:
    """A plane that accepts nothing until the test allows it."""

    def __init__(self) -> None:
        self.full = True
        self.taken: list[int] = []

    def close(self, number: int) -> None:
        if self.full:
            raise OverflowError
        self.taken.append(number)


class BusyWithPauses(Busy):
    def __init__(self) -> None:
        super().__init__()
        self.paused: list[tuple[int, bool]] = []

    def open_producer(self, *words: object) -> None:
        """Accept every producer."""

    def pause_producer(self, number: int, paused: bool) -> None:
        if self.full:
            raise OverflowError
        self.paused.append((number, paused))


async def test_commands_that_a_busy_plane_refuses_are_sent_again() -> None:
    plane, endings = Busy(), Endings(asyncio.get_running_loop())
    endings.end(plane.close, 1)
    plane.full = False
    endings.end(plane.close, 2)
    assert plane.taken == []
    while len(endings):
        await asyncio.sleep(0.001)
    assert plane.taken == [1, 2]
    endings.end(plane.close, 3)
    assert plane.taken == [1, 2, 3]


async def test_no_command_is_sent_to_a_closed_plane() -> None:
    plane, endings = Busy(), Endings(asyncio.get_running_loop())
    endings.end(plane.close, 1)
    plane.full = False
    endings.clear()
    await asyncio.sleep(0.03)
    assert plane.taken == []


async def test_a_mute_that_meets_a_busy_plane_is_not_lost() -> None:
    plane: Any = BusyWithPauses()
    endings = Endings(asyncio.get_running_loop())
    seam = Seam(plane, asyncio.get_running_loop(), endings, Numbers(Random(1)))
    producer = Producer(seam, 7, "audio", "", (), ())
    producer.pause(True)
    producer.pause(False)
    producer.pause(True)
    assert len(endings) == 1, "what waits does not grow with what is said"
    plane.full = False
    producer.pause(False)
    producer.pause(True)
    while len(endings):
        await asyncio.sleep(0.001)
    assert plane.paused == [(producer.id, True)]
    producer.pause(False)
    assert plane.paused == [(producer.id, True), (producer.id, False)]
