"""Keys that a caller presses in the menu while number and PIN are looked up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conference import ProcessMemory
from conference.ground import limits as keypad_limits
from rooms.dialling import entering
from rooms.dialling.entering import Arrival
from signaling.halls.calls.entrance import Entrance
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.menu import Menus
from signaling.halls.calls.operator import Operator
from signaling.halls.calls.rooms import RECEPTION
from signaling.halls.ground import limits
from signaling.host import limits as host_limits
from signaling.host.throttle import NumberTries
from tests.waiting import until


class Caller:
    """The part of a call that the menu reads."""

    party = SimpleNamespace(language="vi")

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.seen: list[str] = []
        hall = SimpleNamespace(language="vi", program=self, set_text=self.seen.append)
        self.room = SimpleNamespace(hall=hall, conference=SimpleNamespace(name=RECEPTION))

    def say(self, hall: object, *words: tuple[str, str]) -> None:
        self.heard += words

    def speak(self, language: str) -> None:
        self.room.hall.language = language

    def end(self, why: str) -> None:
        raise AssertionError(why)


class SlowDoor:
    """A door that knows one number with its PIN. A look-up waits until `looks` is set."""

    def __init__(self) -> None:
        self.looks = asyncio.Event()
        self.tried: list[tuple[str, str]] = []
        self.entered = asyncio.Event()
        self.broken = self.shut = self.has_operator = False

    async def arrive(self, one: Leg, number: str, pin: str) -> Arrival | None:
        self.tried.append((number, pin))
        await self.looks.wait()
        if self.broken:
            raise ConnectionError
        return cast(Arrival, object()) if (number, pin) == ("12345678", "246810") else None

    async def let_in(self, one: Leg, arrival: Arrival) -> None:
        if self.shut:
            raise ConnectionError
        self.entered.set()

    def takes(self, one: Leg) -> bool:
        return self.has_operator


def typing() -> tuple[SlowDoor, Menus, Leg]:
    door, tasks = SlowDoor(), set[asyncio.Task[Any]]()

    def start(work: Coroutine[Any, Any, Any]) -> None:
        tasks.add(task := asyncio.ensure_future(work))
        task.add_done_callback(lambda done: done.exception())

    one = cast(Leg, Caller())
    menus = Menus(door, cast(Operator, door), start)
    menus.begin(one)
    return door, menus, one


async def test_typing_during_the_lookup_is_accepted_when_right() -> None:
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
    assert not menus._ahead, "in the meeting keys are another's"
    assert not menus.pressed(one, "7"), "in the meeting keys are another's"


def press_all(menus: Menus, one: Leg, keys: str) -> None:
    for key in keys:
        assert menus.pressed(one, key)


async def test_a_failed_lookup_is_repeated_and_is_no_try() -> None:
    """Show that a failed look-up is repeated and does not count as a try. While PostgreSQL changes its primary, no caller may
    hear "wrong PIN" or silence.
    """
    door, menus, one = typing()
    caller, door.broken = cast(Caller, one), True
    door.looks.set()
    press_all(menus, one, "12345678#")
    for times in (2, 3, 4):
        press_all(menus, one, "246810#55")
        await asyncio.sleep(0.01)
        assert [words for words, _ in caller.heard].count("ask_pin") == times
    assert "wrong" not in [words for words, _ in caller.heard]
    assert "•" not in caller.seen[-1]
    door.broken = False
    press_all(menus, one, "246810#")
    await asyncio.wait_for(door.entered.wait(), 5)
    assert len(door.tried) == 4


def entrance_of(database: Any, tries: NumberTries) -> Entrance:
    """Return an entrance without the parts that come after number and PIN."""
    nothing: Any = None
    return Entrance(database, tries, lambda: datetime.fromtimestamp(1, UTC), nothing, nothing, nothing, nothing)


async def test_a_failed_lookup_does_not_count_as_a_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that a failed look-up does not count in the tries per minute of a network and of a number. A wrong PIN counts."""

    class Broken:
        def reading(self) -> object:
            raise ConnectionError

    class Empty:
        def reading(self) -> contextlib.AbstractAsyncContextManager[None]:
            return contextlib.nullcontext()

    async def nobody(*_: object) -> None:
        return None

    monkeypatch.setattr(host_limits, "TRIES_PER_MINUTE", 1)
    monkeypatch.setattr(host_limits, "OWN_TRIES_PER_HOUR", 1)
    for database, left in ((Broken(), True), (Empty(), False)):
        tries = NumberTries(ProcessMemory())
        entrance = entrance_of(database, tries)
        one = cast(Leg, SimpleNamespace(address="192.0.2.9", party=SimpleNamespace(terminal="")))
        monkeypatch.setattr(entering, "by_number", nobody)
        for _ in range(2):
            with contextlib.suppress(ConnectionError):
                await entrance.arrive(one, "12345678", "000000")
        assert tries.takes("12345678", "192.0.2.9", 1.0) is left


async def test_a_known_terminal_has_its_own_limited_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def by_number(_session: object, _number: str, pin: str, *_: object) -> object:
        seen.append(pin)
        return object() if pin == "246810" else None

    monkeypatch.setattr(host_limits, "TERMINAL_TRIES_PER_HOUR", 3)
    monkeypatch.setattr(entering, "by_number", by_number)
    tries = NumberTries(ProcessMemory())
    entrance = entrance_of(SimpleNamespace(reading=contextlib.nullcontext), tries)
    one, other = (
        cast(Leg, SimpleNamespace(address="192.0.2.9", party=SimpleNamespace(terminal=name)))
        for name in ("hall-a", "hall-b")
    )
    while tries.takes("12345678", "192.0.2.9", 1.0):
        pass  # a stranger at the same address
    for _ in range(5):
        assert await entrance.arrive(one, "12345678", "246810") is not None, "right ones do not count"
    for pin in ("000001", "000002", "000003", "246810"):
        found = await entrance.arrive(one, "12345678", pin)
    assert found is None
    assert seen[-4:] == ["000001", "000002", "000003", ""]
    assert await entrance.arrive(other, "12345678", "246810") is not None


async def test_a_caller_who_cannot_enter_hears_why_and_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    door, menus, one = typing()
    caller, ended = cast(Caller, one), asyncio.Event()
    monkeypatch.setattr(limits, "LAST_WORDS_S", 0.05)
    monkeypatch.setattr(caller, "end", lambda why: ended.set())
    press_all(menus, one, "12345678#246810#")
    door.shut = True
    door.looks.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert caller.heard[-1] == ("full", "vi")


async def test_a_caller_who_hangs_up_during_a_lookup_leaves_nothing() -> None:
    for broken in (False, True):
        door, menus, one = typing()
        door.broken = broken
        press_all(menus, one, "12345678#246810#777")
        await asyncio.sleep(0)
        menus.gone(one)
        door.looks.set()
        await asyncio.sleep(0.01)
        assert not menus.guests
        assert not menus._ahead
        assert not door.entered.is_set()


async def test_a_wrong_pin_is_announced_and_the_number_asked_again() -> None:
    door, menus, one = typing()
    door.looks.set()
    press_all(menus, one, "12345678#000000#")
    await asyncio.sleep(0.01)
    assert cast(Caller, one).heard[-2:] == [("wrong", "vi"), ("ask_number", "vi")]


async def test_the_third_wrong_pin_is_announced_and_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    door, menus, one = typing()
    caller, ended = cast(Caller, one), asyncio.Event()
    monkeypatch.setattr(limits, "LAST_WORDS_S", 0.05)
    monkeypatch.setattr(caller, "end", lambda why: ended.set())
    door.looks.set()
    for number in range(1, keypad_limits.MENU_TRIES + 1):
        press_all(menus, one, "12345678#000000#")
        await until(lambda number=number: menus.guests[one].tries == number, "the PIN is looked up")  # type: ignore[misc]
        assert ended.is_set() <= (number == keypad_limits.MENU_TRIES)
    assert caller.heard[-1] == ("too_many_tries", "vi")
    await asyncio.wait_for(ended.wait(), 5)
    assert not door.entered.is_set()


async def test_a_star_asks_for_number_and_pin_in_the_other_language() -> None:
    door, menus, one = typing()
    door.looks.set()
    menus.ask(one)
    assert cast(Caller, one).heard[:2] == [("welcome", "vi"), ("ask_number", "vi")]
    assert cast(Caller, one).heard[-1] == ("other_language", "en")
    press_all(menus, one, "*")
    assert ("ask_number", "en") in cast(Caller, one).heard
    press_all(menus, one, "12345678#")
    assert ("ask_pin", "en") in cast(Caller, one).heard
    press_all(menus, one, "246810#")
    await asyncio.wait_for(door.entered.wait(), 5)
    assert cast(Caller, one).room.hall.language == "en", "the hall joins with it"


async def test_keys_of_a_hall_waiting_for_the_operator_skip_the_menu() -> None:
    door, menus, one = typing()
    door.has_operator = True
    press_all(menus, one, "0#")
    assert not menus.guests
    assert not menus.pressed(one, "7")


async def test_the_menu_ignores_a_hall_without_a_room() -> None:
    """Show that the menu ignores a hall without a room. Its media have not begun, or it moves to another room."""
    _, menus, one = typing()
    one.room = None
    menus.ask(one)
    press_all(menus, one, "1")
    assert cast(Caller, one).heard == [] == cast(Caller, one).seen
