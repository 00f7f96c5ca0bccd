"""Why a hall is muted: a host's order, the wait for the opening, a recess, the lobby. No reason takes the place of another."""

from __future__ import annotations

import pytest

from conference import marks
from conference.chair.course.rollcall import Site
from conference.ground.events import Reason
from conference.halls.hall import Hall
from tests.conference.chair.course.test_course import Sitting
from tests.conference.hall_doubles import HallParty


@pytest.fixture
def sitting() -> Sitting:
    return Sitting()


def state(hall: Hall) -> tuple[bool, bool, bool]:
    """Return whether the hall is muted, cannot unmute itself, and waits."""
    return hall.muted, hall.locked, marks.WAITS in hall.grants.attributes


@pytest.mark.parametrize("crash", [False, True])
def test_a_recess_keeps_the_lock_of_a_hall_in_the_lobby(sitting: Sitting, crash: bool) -> None:
    sitting.conference.chair.mute_one(sitting.by, "xa")
    sitting.course.breaks.put_apart(sitting.by, "xa")
    sitting.course.breaks.begin_recess(sitting.by, None)
    now = Sitting(sitting.kept) if crash else sitting
    now.course.breaks.end_recess(now.by)
    now.course.breaks.readmit(now.by, "xa")
    assert state(now.xa.hall) == (True, True, False)
    now.xa.press("*6")
    assert now.xa.muted(), "only a host unmutes it"
    assert not now.tinh.muted()


def test_who_is_muted_or_comes_during_a_recess(sitting: Sitting) -> None:
    sitting.course.breaks.begin_recess(sitting.by, None)
    sitting.conference.chair.mute_one(sitting.by, "xa")
    sitting.tinh.hall.leave(Reason.CLIENT_INITIATED)
    tinh, late = HallParty(sitting.world, "tinh"), HallParty(sitting.world, "muon")
    for one in (tinh, late):
        one.press("*6")
        assert one.muted(), "nobody is heard in a recess"
    sitting.course.breaks.end_recess(sitting.by)
    assert state(sitting.xa.hall) == (True, True, False), "a host muted it in the recess"
    assert not tinh.muted(), "its microphone was on before"
    assert state(late.hall) == (True, False, False)
    late.press("*6")
    assert not late.muted(), "its key unmutes it"


def test_a_hall_waits_for_the_opening_over_a_recess_and_over_the_lobby(sitting: Sitting) -> None:
    breaks, world = sitting.course.breaks, sitting.world
    sitting.conference.halls.wait()
    first = HallParty(world, "moi")
    breaks.begin_recess(sitting.by, None)
    second = HallParty(world, "sau")
    breaks.end_recess(sitting.by)
    breaks.put_apart(sitting.by, "moi")
    breaks.put_apart(sitting.by, "xa")
    breaks.readmit(sitting.by, "moi")
    for one in (first, second):
        one.press("*6")
        assert state(one.hall) == (True, True, True)
    world.ports.wishes.clear()
    first.press("*1")
    assert [one.what for _, one in world.ports.wishes] == ["begin"], "its key for the opening works"
    sitting.conference.begin({"moi"})
    assert state(first.hall) == (False, False, False)
    assert state(second.hall) == (True, False, False)
    assert state(sitting.xa.hall)[2], "the opening lets nobody in from the lobby"


def test_the_opening_in_a_recess_lets_nobody_be_heard(sitting: Sitting) -> None:
    sitting.conference.halls.wait()
    hall = HallParty(sitting.world, "moi")
    sitting.course.breaks.begin_recess(sitting.by, None)
    sitting.conference.begin({"moi"})
    assert sitting.on() == set()
    assert state(hall.hall) == (True, False, False)


def test_a_muted_hall_that_loses_its_call_in_the_lobby_comes_back_muted(sitting: Sitting) -> None:
    sitting.conference.chair.mute_one(sitting.by, "xa")
    sitting.course.breaks.put_apart(sitting.by, "xa")
    sitting.xa.hall.leave(Reason.CLIENT_INITIATED)
    again = HallParty(sitting.world, "xa")
    sitting.course.breaks.readmit(sitting.by, "xa")
    assert state(again.hall) == (True, True, False)


class Roll:
    """A roll call that shows the hall `xa`."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting, self._breaks = sitting, sitting.course.breaks

    async def begin(self) -> None:
        await self._sitting.course.roll.prepare(self._sitting.by, (Site("xa", "Xã"), Site("tinh", "Tỉnh")))
        await self._sitting.course.roll.begin(self._sitting.by)
        assert (self._sitting.xa.muted(), self.large) == (False, "xa")

    @property
    def large(self) -> str:
        return self._sitting.conference.machines.spotlight.identity

    def out(self) -> None:
        self._breaks.put_apart(self._sitting.by, "xa")
        self._sitting.world.pass_time(1.0)

    def back(self) -> None:
        self._breaks.readmit(self._sitting.by, "xa")
        self._sitting.world.pass_time(1.0)


async def test_a_hall_muted_on_the_stage_stays_muted_after_the_lobby(sitting: Sitting) -> None:
    roll, chair = Roll(sitting), sitting.conference.chair
    await roll.begin()
    chair.mute_one(sitting.by, "xa")
    chair.stage(sitting.by, "khach")
    roll.out()
    assert roll.large == "khach", "the chair chose this picture"
    roll.back()
    assert (state(sitting.xa.hall), roll.large) == ((True, True, False), "khach")
    await sitting.course.roll.go_on(sitting.by)
    assert state(sitting.xa.hall) == (True, True, False)
    assert roll.large == "tinh", "the next site is shown"


async def test_what_the_chair_orders_while_the_called_hall_is_in_the_lobby_stays(sitting: Sitting) -> None:
    roll, chair = Roll(sitting), sitting.conference.chair
    await roll.begin()
    roll.out()
    assert roll.large == ""
    roll.back()
    assert (sitting.xa.muted(), roll.large) == (False, "xa"), "without an order it is on stage again"
    roll.out()
    chair.stage(sitting.by, "khach")
    roll.back()
    assert (sitting.xa.muted(), roll.large) == (False, "khach")
    chair.stage(sitting.by, "xa")
    roll.out()
    assert roll.large == "", "nobody in the lobby is large"
    chair.mute_one(sitting.by, "xa")
    roll.back()
    assert state(sitting.xa.hall) == (True, True, False)


@pytest.mark.parametrize("lost", [False, True])
async def test_the_lock_from_before_the_roll_call_is_there_after_it(sitting: Sitting, lost: bool) -> None:
    sitting.conference.chair.mute_one(sitting.by, "xa")
    roll = Roll(sitting)
    await roll.begin()
    if lost:
        sitting.xa.hall.leave(Reason.CLIENT_INITIATED)
        sitting.xa = HallParty(sitting.world, "xa")
    else:
        roll.out()
        roll.back()
    assert (sitting.xa.muted(), roll.large) == (False, "xa")
    await sitting.course.roll.go_on(sitting.by)
    assert state(sitting.xa.hall) == (True, True, False)


async def test_a_hall_muted_on_the_stage_comes_back_muted_after_a_lost_call(sitting: Sitting) -> None:
    roll = Roll(sitting)
    await roll.begin()
    sitting.conference.chair.mute_one(sitting.by, "xa")
    sitting.xa.hall.leave(Reason.CLIENT_INITIATED)
    again = HallParty(sitting.world, "xa")
    assert (state(again.hall), roll.large) == ((True, True, False), "xa")
