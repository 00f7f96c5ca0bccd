"""A call of a hall, without a protocol: its moves between rooms, new agreements in a room, and keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Conference
from conference.halls.hall import Hall
from signaling.halls.calls.leg import Leg, Party
from tests.conference.hall_doubles import OPTIONS, HallWorld, plan


class Camera:
    def __init__(self) -> None:
        self.moved: list[tuple[int, int, int]] = []
        self.stops = 0

    def move(self, *way: int) -> None:
        self.moved.append(way)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.stops += 1


class Side:
    """A double of the terminal. It accepts an offer when the test calls for it."""

    plan = plan()

    def __init__(self) -> None:
        self.offered: list[Hall] = []
        self.applied_to: list[Hall] = []
        self.ends: list[str] = []
        self.camera = Camera()

    def accept(self, hall: Hall) -> None:
        hall.lines.prepare()

    def offer(self, hall: Hall) -> None:
        hall.lines.prepare()
        self.offered.append(hall)

    def applied(self, hall: Hall, plan: Any) -> None:
        self.applied_to.append(hall)

    def left(self, hall: Hall) -> None:
        """Do nothing: the conference closes the lines."""

    def hang_up(self, reason: str) -> None:
        self.ends.append(reason)


class Owner:
    """An owner that records the events of its leg. Its menu takes each key."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stands(self, leg: Leg) -> None:
        self.told.append("stands")

    def agreed(self, leg: Leg) -> None:
        self.told.append("agreed")

    def moved(self, leg: Leg) -> None:
        self.told.append("moved")

    def over(self, leg: Leg, *, hung_up: bool) -> None:
        self.told.append("over")

    def pressed(self, leg: Leg, key: str) -> bool:
        self.told.append(key)
        return False


class Call:
    """A leg in the first of two conferences."""

    def __init__(self) -> None:
        self.world, self.owner, self.side = HallWorld(), Owner(), Side()
        self.first, self.second = (self.world.registry.create(name) for name in ("first", "second"))
        party = Party("hall_terminal.one", "Xã 1")
        self.leg = Leg(self.owner, OPTIONS, party, lambda leg: self.side)  # type: ignore[arg-type, return-value]
        self.leg.accept_in(self.first)
        self.leg.enter(plan())

    @property
    def where(self) -> tuple[str, ...]:
        return self.leg.conferences

    def move(self, to: Conference) -> list[bool]:
        done: list[bool] = []
        self.leg.move(to, done.append)
        return done


@pytest.fixture
def call() -> Call:
    return Call()


def test_a_hall_moves_only_after_the_terminal_answers(call: Call) -> None:
    done = call.move(call.second)
    assert (call.where, done, call.leg.moving) == (("first", "second"), [], True)
    assert call.leg.room is not None
    assert call.leg.room.conference is call.first
    assert call.leg.destination is not None
    assert call.leg.destination.conference is call.second
    call.leg.answered(plan())
    assert (call.where, done, call.leg.moving) == (("second",), [True], False)
    assert call.leg.room is call.leg.destination
    assert call.leg.room is not None
    assert call.side.applied_to[-1] is call.leg.room.hall
    assert call.side.camera.stops == 1
    assert call.owner.told == ["stands", "moved"]
    assert not call.first.participants


def test_a_terminal_that_refuses_the_move_stays(call: Call) -> None:
    done = call.move(call.second)
    call.leg.answered(None)
    assert (call.where, done, call.leg.moving) == (("first",), [False], False)
    assert call.owner.told == ["stands"]
    assert call.side.ends == []
    assert list(call.first.participants) == ["hall_terminal.one"]
    assert not call.second.participants


def test_another_agreement_counts_in_the_room_where_the_hall_is(call: Call) -> None:
    other = replace(plan(), content=None, video=None)
    call.leg.reagreed(other)
    assert call.leg.room is not None
    assert call.leg.room.hall.plan == other
    assert call.side.applied_to == [call.leg.room.hall] * 2
    assert call.owner.told == ["stands", "agreed"]
    call.leg.answered(None)
    assert call.leg.room.hall.plan == other
    assert call.owner.told == ["stands", "agreed"]


def test_a_key_from_packets_and_signalling_counts_once(call: Call) -> None:
    assert not call.leg.heard("5", "packets")
    assert call.leg.heard("5", "signalling"), "the same press"
    assert not call.leg.heard("5", "signalling")
    assert not call.leg.heard("5", "signalling")
    assert call.owner.told == ["stands", "5", "5", "5"]
    room, call.leg.room = call.leg.room, None
    assert call.leg.heard("1", "packets"), "in no room a key is for nobody"
    assert call.owner.told[1:] == ["5", "5", "5"]
    assert room is not None
