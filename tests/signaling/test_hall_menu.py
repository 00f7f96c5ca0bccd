"""What is typed in the menu while number and PIN are looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

from rooms.dialling.entering import Arrival
from signaling import limits
from signaling.hallcall import HallCall
from signaling.hallmenu import Menus


class Caller:
    """Of a call what the menu looks at."""

    party = SimpleNamespace(language="vi")
    room = None

    def end(self, why: str) -> None:
        raise AssertionError(why)


class SlowDoor:
    """Knows one number with its PIN, and looks as long as `looks` is not set."""

    def __init__(self) -> None:
        self.looks = asyncio.Event()
        self.tried: list[tuple[str, str]] = []
        self.entered = asyncio.Event()

    async def arrive(self, one: HallCall, number: str, pin: str) -> Arrival | None:
        self.tried.append((number, pin))
        await self.looks.wait()
        return cast(Arrival, object()) if (number, pin) == ("12345678", "246810") else None

    async def let_in(self, one: HallCall, arrival: Arrival) -> None:
        self.entered.set()

    def operator_takes(self, one: HallCall) -> bool:
        return False


def typing() -> tuple[SlowDoor, Menus, HallCall]:
    door, tasks = SlowDoor(), set[asyncio.Task[Any]]()

    def start(work: Coroutine[Any, Any, Any]) -> None:
        tasks.add(asyncio.ensure_future(work))

    one = cast(HallCall, Caller())
    menus = Menus(door, start)
    menus.begin(one)
    return door, menus, one


async def test_who_types_on_while_it_is_looked_up_is_let_in_by_the_right_ones() -> None:
    door, menus, one = typing()
    for key in "99999999#000000#12345678#246810#":
        assert menus.pressed(one, key)
        await asyncio.sleep(0)
    assert door.tried == [("99999999", "000000")], "one look at a time"
    door.looks.set()
    await asyncio.wait_for(door.entered.wait(), 5)
    assert door.tried == [("99999999", "000000"), ("12345678", "246810")]


async def test_what_is_typed_on_is_bounded_and_ends_with_the_look() -> None:
    door, menus, one = typing()
    for key in "12345678#246810#":
        menus.pressed(one, key)
    await asyncio.sleep(0)
    for _ in range(10 * limits.KEYS_AHEAD):
        menus.pressed(one, "7")
    assert [len(kept) for kept in menus._ahead.values()] == [limits.KEYS_AHEAD]
    door.looks.set()
    await asyncio.wait_for(door.entered.wait(), 5)
    assert not menus._ahead and not menus.pressed(one, "7"), "in the meeting keys are another's"
