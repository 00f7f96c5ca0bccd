"""The rule that mutes newcomers, for browsers: it mutes the first microphone once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import limits, publishing
from conference.chair import rules
from conference.ground.events import MuteAsked
from tests.conference.hall_doubles import HallWorld
from tests.conference.parties import MICROPHONE, Party


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


@pytest.fixture
def an(world: HallWorld) -> Party:
    """The chair of a meeting that mutes newcomers."""
    chair = Party(world, "an", role="chair")
    by = chair.conference.machines.by("an", "An", "desk")
    chair.conference.chair.set_rules(by, rules.Set(entry_muted=True))
    return chair


def is_on(party: Party) -> bool:
    return bool(party.participant.microphones())


def test_a_person_who_enters_silent_is_not_muted_again(world: HallWorld, an: Party) -> None:
    """Our page announces the microphone muted, and unmutes it when the person presses the switch."""
    late = Party(world, "late")
    world.pass_time(2)
    sid = late.publish(replace(MICROPHONE, muted=True))[0]
    publishing.mute(late.participant, sid, False)
    assert is_on(late)
    assert late.client.of(MuteAsked) == []


def test_a_client_that_enters_heard_is_muted_once(world: HallWorld, an: Party) -> None:
    late = Party(world, "late")
    late.publish(MICROPHONE)
    assert not is_on(late)
    late.end(MICROPHONE.cid)
    late.publish(replace(MICROPHONE, cid="another"))
    assert is_on(late), "the rule for newcomers has muted this person before"
    again = Party(world, "late")
    again.publish(MICROPHONE)
    assert not is_on(again), "who loads the page again is a newcomer again"


def test_a_microphone_long_after_joining_was_switched_on_by_the_person(world: HallWorld, an: Party) -> None:
    late = Party(world, "late")
    world.pass_time(limits.ENTRY_MUTED_S + 1)
    late.publish(MICROPHONE)
    assert is_on(late)


def test_who_was_asked_to_speak_is_not_muted_as_a_newcomer(world: HallWorld, an: Party) -> None:
    late = Party(world, "late")
    by = an.conference.machines.by("an", "An", "desk")
    an.conference.chair.ask_to_unmute(by, "late")
    late.publish(MICROPHONE)
    assert is_on(late)
    an.conference.chair.mute_one(by, "late")
    again = Party(world, "late")
    again.publish(MICROPHONE)
    assert not is_on(again), "the mute took the permission back"
