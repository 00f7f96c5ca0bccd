"""Announcements to all halls of a conference."""

from __future__ import annotations

import pytest

from conference import announce, limits
from tests.conference.hall_doubles import HallParty, HallWorld


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def test_all_halls_hear_a_notice_in_turn_after_their_own_announcement(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(limits.PROMPTS + 1)]
    program = halls[0].hall.program
    halls[-1].hall.language = "en"
    program.say(halls[0].hall, ("unmute_asked", "vi"))
    announce(program, "ends_in_1")
    world.settle()
    first = {prompt.site: prompt for prompt in world.scene().prompts}
    assert first[halls[0].sid].path == "/unmute_asked.ogg"
    assert halls[-1].sid not in first
    for prompt in list(first.values()):
        program.prompts.go_on(prompt.id)
    world.settle()
    assert {prompt.site: prompt.path for prompt in world.scene().prompts} == {
        halls[0].sid: "/ends_in_1.ogg",
        halls[-1].sid: "/ends_in_1.en.ogg",
    }
    halls[-1].hall.hung_up()
    program.prompts.go_on(next(prompt.id for prompt in world.scene().prompts if prompt.site == halls[0].sid))
    assert program.prompts.quiet
