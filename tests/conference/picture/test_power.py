"""The pictures of halls when the mixer refuses programs, and when it has room again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conference.ground import limits
from media.mixer.ground.load import DECODE_SOURCE, admit, cost
from media.mixer.ground.scene import Group
from tests.conference.hall_doubles import HallParty, HallWorld, plan, video


def test_1080_lines_where_the_hall_and_the_mixer_allow_it() -> None:
    """A refusal lowers the size first, and then the number of programs. The halls that have less are marked until the mixer has
    room again.
    """
    world = HallWorld()
    sharp = HallParty(world, "sharp", replace(plan(), video=video(max_fs=8160, max_mbps=244_800, max_br_bps=4_000_000)))
    usual, old = (
        HallParty(world, "usual"),
        HallParty(world, "old", replace(plan(), video=video(max_fs=396, max_mbps=11_880))),
    )
    program, halls = sharp.hall.program, (sharp, usual, old)

    def heights() -> list[int]:
        return [one.height for party in halls if (one := program.group_of(party.hall)) is not None]

    def marked() -> list[bool]:
        return [program.is_simpler(party.hall) for party in halls]

    def refuse(height: int) -> None:
        name = next(one.id for one in world.scene().groups if one.height == height)
        world.mixer.events.refused(None, name, "capacity")
        world.settle()

    assert (heights(), marked()) == ([1080, 720, 288], [False] * 3)
    refuse(1080)
    assert (heights(), marked()) == ([720, 720, 288], [True, False, False])
    refuse(288)
    assert (heights(), marked()) == ([288, 288, 288], [True, True, False])
    world.time.advance(limits.POWER_AGAIN_S)
    assert heights() == [288, 288, 288], "the mixer has no room"
    assert sorted(world.mixer.asked) == [288, 720, 1080], "everything is asked for together"
    world.mixer.room = lambda groups: True
    world.time.advance(limits.POWER_AGAIN_S)
    world.settle()
    assert (heights(), marked()) == ([1080, 720, 288], [False] * 3)
    world.mixer.events.degraded(None, 1)
    assert marked() == [True, True, False], "15 pictures a second are all that CIF has"
    world.mixer.events.degraded(None, 2)
    assert marked() == [True] * 3


class Costed:
    """The mixer's process with its budget, as far as it takes and refuses programs."""

    def __init__(self, world: HallWorld, budget: float, sources: int) -> None:
        self._world, self._budget, self._sources = world, budget, sources
        self._running: set[str] = set()
        self._refused: set[str] = set()
        world.mixer.room = self._has_room

    def _used(self) -> float:
        running = (cost(one) for one in self._world.scene().groups if one.id in self._running)
        return sum(running) + self._sources * DECODE_SOURCE

    def _has_room(self, groups: Sequence[Group]) -> bool:
        return not admit(groups, self._running, self._sources, self._used(), self._budget)[1]

    def work(self) -> None:
        groups = self._world.scene().groups
        self._running &= {one.id for one in groups}
        made, refused = admit(groups, self._running, self._sources, self._used(), self._budget)
        self._running = {one.id for one in made}
        new, self._refused = {one.id for one in refused} - self._refused, {one.id for one in refused}
        for name in sorted(new):
            self._world.mixer.events.refused(None, name, "no_capacity")
        self._world.time.advance(0.1)
        self._world.settle()


@pytest.mark.parametrize("budget", [0.4, 0.7, 1.0, 1.2, 1.4, 1.7])
def test_pictures_come_to_rest_within_a_budget(budget: float) -> None:
    """Halls of 1080p with several rates need several programs, and only one of them at 720p. Their pictures must not jump to
    1080p and back each minute.
    """
    world = HallWorld()
    plans = [video(max_fs=8160, max_mbps=244_800, max_br_bps=rate) for rate in (4_000_000, 3_000_000, 2_000_000)]
    plans += [video(max_fs=396, max_mbps=11_880)]
    halls = [HallParty(world, f"h{n}", replace(plan(), video=one)) for n, one in enumerate(plans)]
    process, program = Costed(world, budget, 10), halls[0].hall.program
    shown = list[list[str]]()
    for _ in range(600 * 5):  # ten minutes, of 0.2 s each
        process.work()
        now = [one.id for party in halls if (one := program.group_of(party.hall)) is not None]
        if not shown or shown[-1] != now:
            shown.append(now)
    assert len(shown) <= 4, shown


def test_two_refusals_of_one_scene_lower_the_height_alone() -> None:
    world = HallWorld()
    sharp = replace(plan(), video=video(max_fs=8160, max_mbps=244_800, max_br_bps=4_000_000))
    halls = [HallParty(world, name, sharp) for name in ("one", "two")]
    for party, word in zip(halls, ("Một", "Hai"), strict=True):
        party.hall.set_text(word)
    world.settle()
    for name in [one.id for one in world.scene().groups]:
        world.mixer.events.refused(None, name, "no_capacity")
    world.settle()
    groups = [halls[0].hall.program.group_of(party.hall) for party in halls]
    assert [(one.height, one.text) for one in groups if one is not None] == [(720, "Một"), (720, "Hai")]


def test_a_refusal_soon_after_a_recovery_makes_the_next_pause_longer() -> None:
    world = HallWorld()
    HallParty(world, "sharp", replace(plan(), video=video(max_fs=8160, max_mbps=244_800, max_br_bps=4_000_000)))
    world.mixer.room = lambda groups: True
    pauses = list[float]()
    for _ in range(6):
        world.mixer.events.refused(None, world.scene().groups[0].id, "no_capacity")
        began = world.time.now
        while world.scene().groups[0].height != 1080 or world.time.now == began:
            world.time.advance(1.0)
        pauses.append(round(world.time.now - began, -1))
    assert pauses == [60, 120, 240, 480, 900, 900]
