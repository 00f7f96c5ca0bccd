"""A watcher of all conferences is notified of every event once, in order."""

from __future__ import annotations

from conference.ground.events import Presence, Reason
from conference.ground.lifecycle import Happening, What
from tests.conference.doubles import World, peer_of
from tests.conference.parties import CAMERA, MICROPHONE, Party


class Watch:
    def __init__(self) -> None:
        self.heard: list[Happening] = []

    def happened(self, happening: Happening) -> None:
        self.heard.append(happening)

    def said(self) -> list[tuple[What, str]]:
        return [(one.what, one.participant.identity if one.participant else "") for one in self.heard]


def watched() -> tuple[World, Watch]:
    watch = Watch()
    return World(observers=[watch]), watch


def test_one_conference_reports_its_lifecycle_in_order() -> None:
    world, watch = watched()
    ann = Party(world, "ann")
    ann.publish(MICROPHONE)
    ann.end("mic")
    world.registry.get("c").remove(ann.participant, Reason.CLIENT_INITIATED)
    world.pass_time(60)
    assert watch.said() == [
        (What.STARTED, ""),
        (What.JOINED, "ann"),
        (What.PUBLISHED, "ann"),
        (What.UNPUBLISHED, "ann"),
        (What.LEFT, "ann"),
        (What.FINISHED, ""),
    ]
    assert watch.heard[2].track is not None
    assert watch.heard[4].participant is not None
    assert watch.heard[4].participant.presence is Presence.DISCONNECTED
    assert [one.reason for one in watch.heard[4:]] == [Reason.CLIENT_INITIATED, Reason.CONFERENCE_IDLE]
    assert {one.conference.sid for one in watch.heard} == {watch.heard[0].conference.sid}


def test_early_publications_are_announced_after_the_join() -> None:
    world, watch = watched()
    ann = Party(world, "ann", offer=False)
    ann.publish(MICROPHONE, CAMERA)
    assert watch.said() == [(What.STARTED, "")]
    peer_of(ann.participant).connect()
    assert [what for what, _ in watch.said()[1:]] == [What.JOINED, What.PUBLISHED, What.PUBLISHED]
    peer_of(ann.participant).connect()
    assert len(watch.heard) == 4, "once"


def test_a_participant_that_never_connected_is_aborted() -> None:
    world, watch = watched()
    ann = Party(world, "ann", offer=False)
    ann.participant.detach(ann.client)
    assert watch.said()[1:] == [(What.ABORTED, "ann")]


def test_the_end_of_the_server_and_a_deletion_say_why() -> None:
    world, watch = watched()
    Party(world, "ann").publish(CAMERA)
    world.registry.delete("c")
    Party(world, "ben")
    world.registry.close()
    assert [(one.what, one.reason) for one in watch.heard if one.what in (What.LEFT, What.FINISHED)] == [
        (What.LEFT, Reason.CONFERENCE_DELETED),
        (What.FINISHED, Reason.CONFERENCE_DELETED),
        (What.LEFT, Reason.SERVER_SHUTDOWN),
        (What.FINISHED, Reason.SERVER_SHUTDOWN),
    ]
    assert [one.what for one in watch.heard].count(What.UNPUBLISHED) == 1


def test_a_created_conference_without_joins_is_reported_too() -> None:
    world, watch = watched()
    world.registry.create("empty")
    world.registry.tick(1e9)
    assert watch.said() == [(What.STARTED, ""), (What.FINISHED, "")]
