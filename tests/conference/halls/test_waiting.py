"""Halls that wait, muted and before a splash, until the chair opens the meeting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import About, limits, marks
from tests.conference.door.test_watcher import Diary
from tests.conference.hall_doubles import HallParty, HallWorld
from tests.conference.parties import CAMERA, Party


@pytest.fixture
def world() -> HallWorld:
    made = HallWorld()
    made.registry.create("c").halls.wait()
    return made


def texts(world: HallWorld) -> set[str]:
    return {group.text for group in world.scene().groups}


def shown(world: HallWorld) -> set[str]:
    return {sid for group in world.scene().groups for sid in group.cells}


def test_halls_wait_muted_before_the_splash_until_the_opening(world: HallWorld) -> None:
    own, other = HallParty(world, "own"), HallParty(world, "other")
    Party(world, "ann").publish(CAMERA)
    program = own.conference.program
    assert program is not None
    program.splash.set_about(About("Giao ban tuần", "123456789", "08:00"))
    world.settle()
    assert texts(world) == {
        "Giao ban tuần\nMã cuộc họp: 123 456 789 · Bắt đầu lúc 08:00\nMicro đang tắt. Chờ chủ trì khai mạc"
    }
    assert len(world.scene().groups) == 1, "one picture for all of them"
    assert shown(world) == set(), "no hall sees another, nor a person"
    assert own.muted()
    assert other.muted()
    other.press("*6")
    assert other.muted()
    assert [one.path for one in world.scene().prompts] == ["/waiting.ogg"]
    own.conference.begin({"own"})
    world.settle()
    assert not own.muted(), "the chair's hall is heard at once"
    assert other.muted()
    assert shown(world) != set()
    assert texts(world) == {"Cuộc họp bắt đầu. Muốn phát biểu, bấm *6 để bật micro"}
    assert not any(marks.WAITS in one.hall.grants.attributes for one in (own, other))
    other.press("*6")
    assert not other.muted()
    world.time.advance(limits.HALL_NOTICE_S)
    world.settle()
    assert texts(world) == {""}


def test_an_operator_can_test_the_sound_during_the_wait(world: HallWorld) -> None:
    hall, _ = HallParty(world, "hall"), HallParty(world, "other")
    hall.hall.set_muted(False)
    world.settle()
    assert world.scene().open_microphones == (hall.sid,)
    hall.conference.begin()
    world.settle()
    assert not hall.muted(), "the opening mutes nobody"


def test_a_hall_after_the_opening_does_not_wait(world: HallWorld) -> None:
    early = HallParty(world, "early")
    early.conference.begin()
    early.conference.halls.wait()  # a caller that read the date before the opening
    late = HallParty(world, "late")
    assert not late.muted()
    assert marks.WAITS not in late.hall.grants.attributes
    empty = world.registry.create("empty")
    empty.begin()
    empty.halls.wait()
    assert not HallParty(world, "first", room="empty").muted()


def test_only_the_opening_or_a_person_opens_the_date() -> None:
    world, diary = HallWorld(), Diary()
    world.registry.around = replace(world.registry.around, watcher=diary)
    for name in ("b", "c"):
        world.registry.create(name).halls.wait()
    hall = HallParty(world, "hall")
    assert diary.heard == [], "a hall that waits opens nothing"
    hall.conference.begin()
    hall.conference.begin()
    assert diary.heard == [("opened", "c")]
    HallParty(world, "other", room="b")
    Party(world, "ann", room="b")
    assert diary.heard[1:] == [("opened", "b")]


def test_the_key_of_the_opening_asks_once_and_only_during_the_wait(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.press("*1")
    assert [(one.what, one.hall) for _, one in world.ports.wishes] == [("begin", hall.hall)]
    hall.conference.begin()
    hall.press("*1")
    assert len(world.ports.wishes) == 1
