"""Announcements to all halls of a conference."""

from __future__ import annotations

import pytest

from conference import announce, limits
from tests.conference.hall_doubles import HallParty, HallWorld


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def test_all_halls_hear_a_notice_together_or_after_their_own_announcement(world: HallWorld) -> None:
    """More halls than `PROMPTS` hear it at once. A hall with an open microphone hears it without its own voice."""
    halls = [HallParty(world, f"hall{number}") for number in range(limits.PROMPTS + 3)]
    program = halls[0].hall.program
    halls[-1].hall.language = "en"
    for one in halls[2:]:
        one.hall.set_muted(True)
    program.say(halls[0].hall, ("unmute_asked", "vi"))
    announce(program, "ends_in_1")
    world.settle()
    scene = world.scene()
    assert {prompt.site: prompt.path for prompt in scene.prompts} == {
        halls[0].sid: "/unmute_asked.ogg",
        "@vi": "/ends_in_1.ogg",
        "@en": "/ends_in_1.en.ogg",
    }
    assert {(mix.without, mix.hears) for mix in scene.mixes} == {
        (halls[0].sid, ""),
        (halls[1].sid, "@vi"),
        ("", "@vi"),
        ("", "@en"),
    }
    assert halls[2].sends("audio").producer is halls[3].sends("audio").producer
    for prompt in scene.prompts:
        program.prompts.go_on(prompt.id)
    world.settle()
    assert {prompt.site: prompt.path for prompt in world.scene().prompts} == {halls[0].sid: "/ends_in_1.ogg"}
    assert {mix.hears for mix in world.scene().mixes} == {""}
    program.prompts.go_on(world.scene().prompts[0].id)
    assert program.prompts.quiet


def test_an_announcement_that_is_not_true_any_more_stops(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(2)]
    program = halls[0].hall.program
    program.say(halls[0].hall, ("unmute_asked", "vi"))
    announce(program, "ended")
    program.prompts.drop("ended")
    world.settle()
    assert [prompt.path for prompt in world.scene().prompts] == ["/unmute_asked.ogg"]
    program.prompts.go_on(world.scene().prompts[0].id)
    assert program.prompts.quiet
