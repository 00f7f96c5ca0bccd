"""Closing commands and a plane that is busy."""

from __future__ import annotations

import asyncio

from media.endings import Endings


class Busy:
    """Takes nothing until it is told to."""

    def __init__(self) -> None:
        self.full = True
        self.taken: list[int] = []

    def close(self, number: int) -> None:
        if self.full:
            raise OverflowError
        self.taken.append(number)


async def test_what_a_busy_plane_refuses_is_given_again_in_order() -> None:
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


async def test_nothing_is_given_to_a_closed_plane() -> None:
    plane, endings = Busy(), Endings(asyncio.get_running_loop())
    endings.end(plane.close, 1)
    plane.full = False
    endings.clear()
    await asyncio.sleep(0.03)
    assert plane.taken == []
