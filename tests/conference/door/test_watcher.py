"""A watcher keeps people out at the door, and is notified when its conference begins and ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from conference import Grants, Refusal
from conference.ground.events import Reason
from conference.ports.watchers import Plan
from tests.conference.doubles import World
from tests.conference.parties import Party


@dataclass
class Diary:
    """A watcher that records its notifications, and refuses the identity `stranger`."""

    heard: list[tuple[str, str]] = field(default_factory=list)

    def admit(self, grants: Grants) -> None:
        if grants.identity == "stranger":
            raise Refusal("join_denied")

    def plan(self, conference: str) -> Plan:
        return Plan()

    def opened(self, conference: str) -> None:
        self.heard.append(("opened", conference))

    def closed(self, conference: str, reason: Reason) -> None:
        self.heard.append((reason.name, conference))


@pytest.fixture
def watched() -> tuple[World, Diary]:
    world, diary = World(), Diary()
    world.registry.around = replace(world.registry.around, watcher=diary)
    return world, diary


def test_a_refused_stranger_opens_no_conference(watched: tuple[World, Diary]) -> None:
    world, diary = watched
    with pytest.raises(Refusal, match="join_denied"):
        Party(world, "stranger")
    assert (len(world.registry), diary.heard) == (0, [])


def test_the_beginning_and_the_end_are_reported_once(watched: tuple[World, Diary]) -> None:
    world, diary = watched
    ann, _ = Party(world, "ann"), Party(world, "ben")
    assert diary.heard == [("opened", "c")]
    world.registry.get("c").remove(ann.participant, Reason.CLIENT_INITIATED)
    world.registry.delete("c")
    assert diary.heard[1:] == [("CONFERENCE_DELETED", "c")]


def test_a_conference_without_participants_is_not_reported(watched: tuple[World, Diary]) -> None:
    world, diary = watched
    world.registry.create("empty")
    world.registry.tick(1e9)
    assert diary.heard == []


def test_a_server_shutdown_is_reported_as_the_reason(watched: tuple[World, Diary]) -> None:
    world, diary = watched
    Party(world, "ann")
    world.registry.close()
    assert diary.heard[-1] == ("SERVER_SHUTDOWN", "c")
