"""The pictures of halls when the mixer refuses programs, and when it has room again."""

from __future__ import annotations

from dataclasses import replace

from conference.ground import limits
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
    world.mixer.room = True
    world.time.advance(limits.POWER_AGAIN_S)
    world.settle()
    assert (heights(), marked()) == ([1080, 720, 288], [False] * 3)
    world.mixer.events.degraded(None, 1)
    assert marked() == [True] * 3
