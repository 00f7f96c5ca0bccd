"""What the rules mean for a participant whose signalling line is lost. Its media may still reach the others."""

from __future__ import annotations

from typing import Any

import pytest

from conference import limits
from conference.chair import rules
from conference.chair.floor import Mode
from conference.chair.rules import Whom
from tests.conference.chair.test_chair import HOST, OPERATOR, Room
from tests.conference.hall_doubles import HallWorld
from tests.conference.parties import MICROPHONE, Party


@pytest.fixture
def room() -> Room:
    return Room(HallWorld())


def test_a_participant_whose_line_is_lost_obeys_a_mute(room: Room) -> None:
    """The media path needs no signalling, so the server itself must hold the sound back."""
    producer: Any = room.binh.participant.tracks[room.microphones[room.binh.sid]].producer
    room.binh.participant.detach(room.binh.client)
    assert "binh" in room.on(), "only the signalling is lost"
    room.chair.mute_all(room.by)
    assert (room.on(), producer.paused) == (["an"], True)
    room.conference.resume("binh", room.binh.sid, room.binh.client)
    assert room.on() == ["an"]


def test_a_chair_whose_line_is_lost_is_heard_until_the_rights_are_lent(room: Room) -> None:
    thu = Party(room.world, "thu", role="secretary", **HOST)
    room.microphones[thu.sid] = thu.publish(MICROPHONE)[0]
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.an.participant.detach(room.an.client)
    room.chair.call_speaker(OPERATOR, "binh")
    room.unmute(room.binh)
    assert room.on() == ["an", "binh"]
    room.world.pass_time(limits.CHAIR_AWAY_S + 1)
    assert room.on() == ["binh"]
    room.unmute(thu)
    assert room.on() == ["binh", "thu"]
    thu.participant.detach(thu.client)
    assert room.on() == ["binh"], "the rights went on at once"


def test_a_delegate_whose_line_is_lost_is_no_guest(room: Room) -> None:
    room.binh.participant.detach(room.binh.client)
    room.chair.set_rules(room.by, rules.Set(unmute_off=Whom.GUESTS, camera_off=Whom.GUESTS))
    assert "binh" in room.on()
    assert "r" not in room.document()["people"]["binh"]
    assert room.document()["people"]["an"]["r"] == "chair"
    room.an.participant.detach(room.an.client)
    assert room.document()["people"]["an"]["r"] == "chair"
