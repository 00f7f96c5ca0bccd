"""What the rules mean for a participant whose signalling line is lost, or whose role has changed. The media go on meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from conference import Participant, Refusal, Source, limits
from conference.chair import rules
from conference.chair.floor import Mode
from conference.chair.rights import Role
from conference.chair.rules import Whom
from conference.chair.voting.question import FOR
from conference.chair.voting.vote import Voter
from tests.conference.chair.test_chair import HOST, OPERATOR, Room
from tests.conference.chair.test_polls import CHAIR, Hall
from tests.conference.hall_doubles import HallParty, HallWorld, plan
from tests.conference.parties import CAMERA, MICROPHONE, Party


@pytest.fixture
def room() -> Room:
    return Room(HallWorld())


def lose(one: Participant) -> None:
    """End the signalling of a participant, as the socket does."""
    assert one.client is not None
    one.detach(one.client)


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


@pytest.mark.parametrize("expected", [(), ("an", "binh", "khach")], ids=["all", "named"])
async def test_a_lost_line_takes_no_ballot_away(expected: tuple[str, ...]) -> None:
    world = Hall()
    meeting = world.registry.get("c")
    binh, late = meeting.participants["binh"], Party(world, "muon").participant
    for one in (binh, meeting.participants["khach"]):
        lose(one)
    await world.opened(expected=[Voter(one, one.title()) for one in expected])
    entitled = [one.identity for one in world.vote().entitled]
    assert ("binh" in entitled, "khach" in entitled) == (True, False), "a lost line makes no delegate of a guest either"
    if expected:
        lose(late)
        await world.polls.admit(CHAIR, "v", "muon")
    for one in (binh, late):
        await world.polls.cast(meeting.machines.by(one.identity, "", "page"), "v", (FOR,))
    assert world.vote().cast == 2


def test_a_chair_whose_line_is_lost_gives_orders_as_co_chair(room: Room) -> None:
    """The chair's own rights wait or are lent. The desk beside the call may still be there."""
    by = room.conference.machines.by
    assert by("an", "An", "desk").role is Role.CHAIR
    room.an.participant.detach(room.an.client)
    assert (by("an", "An", "desk").role, by("an", "An", "desk").for_chair) == (Role.CO_CHAIR, True)
    room.binh.participant.detach(room.binh.client)
    assert by("binh", "Binh", "desk").role is Role.DELEGATE


def test_a_leader_whose_line_is_lost_is_removed_by_an_operator_only(room: Room) -> None:
    Party(room.world, "thu", role="secretary", **HOST)
    by = room.conference.machines.by("thu", "Thư", "desk")
    lose(room.an.participant)
    with pytest.raises(Refusal, match="host_stays"):
        room.chair.remove(by, "an")
    room.chair.remove(OPERATOR, "an")
    assert "an" not in room.conference.participants


async def test_a_new_role_is_asked_for_the_picture_and_the_microphone_again(room: Room) -> None:
    hall = HallParty(room.world, "hall", plan(content=True)).hall
    camera = room.binh.publish(CAMERA)[0]
    room.chair.set_rules(room.by, rules.Set(camera_off=Whom.HALLS, unmute_off=Whom.GUESTS))

    async def shown(role: Role) -> bool:
        await room.chair.appoint(room.by, "hall", role)
        return Source.CAMERA in {one.source for one in hall.tracks.values()}

    assert [await shown(one) for one in (Role.SECRETARY, Role.HALL, Role.SECRETARY)] == [True, False, True]
    assert "binh" in room.on()
    await room.chair.appoint(room.by, "binh", Role.HALL)
    assert room.binh.participant.tracks[camera].muted
    assert "chi" in room.on()
    await room.chair.appoint(room.by, "chi", Role.GUEST)
    assert "chi" not in room.on()
