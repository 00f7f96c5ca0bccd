"""The chair of a live meeting of browsers and halls: roles, floor, rules, lock, and the memory of muted halls."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conference import Entry, Grants, Hall, Participant, Passage, Refusal, Source, limits, marks, publishing
from conference.chair import rules
from conference.chair.course.pictures import Picture
from conference.chair.floor import Mode
from conference.chair.rights import By, Role
from conference.chair.roles import Taken
from conference.chair.rules import Whom
from conference.ground.events import MuteAsked, Reason
from conference.ports.proceedings import NOTHING, ChatLine, Record, Turn
from conference.ports.watchers import Plan
from tests.conference.doubles import Listener
from tests.conference.hall_doubles import HallParty, HallWorld
from tests.conference.parties import CAMERA, MICROPHONE, Format, Party

HOST: Any = {"passage": Passage.HOST}
OPERATOR = By("", "Tổ kỹ thuật", Role.OPERATOR, way="rest")


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


class Room:
    """A meeting with a chair and two delegates in browsers, all with microphones."""

    def __init__(self, world: HallWorld) -> None:
        self.world = world
        self.an = Party(world, "an", raises_hand=True, **HOST)
        self.binh = Party(world, "binh", raises_hand=True)
        self.chi = Party(world, "chi", raises_hand=True)
        self.microphones = {one.sid: one.publish(MICROPHONE)[0] for one in (self.an, self.binh, self.chi)}
        self.conference = self.an.conference
        self.chair = self.conference.chair
        self.by = self.conference.machines.by("an", "An", "desk")

    def on(self) -> list[str]:
        """Return who is heard: people with a microphone on."""
        everybody = self.conference.participants.values()
        return [one.identity for one in everybody if one.microphones() and not isinstance(one, Hall)]

    def unmute(self, party: Party) -> None:
        publishing.mute(party.participant, self.microphones[party.sid], True)  # the client confirms an earlier mute
        publishing.mute(party.participant, self.microphones[party.sid], False)
        self.world.time.turn()

    def document(self) -> dict[str, Any]:
        self.world.time.advance(1)
        return dict(json.loads(self.conference.document.whole("member")))


@pytest.fixture
def room(world: HallWorld) -> Room:
    return Room(world)


def asked(party: Party) -> bool:
    return marks.UNMUTE_ASKED in party.participant.grants.attributes


def large(party: Party | HallParty) -> bool:
    one = party.participant if isinstance(party, Party) else party.hall
    return marks.STAGE in one.grants.attributes


# -- roles


def test_the_first_host_is_chair_and_the_rest_are_delegates(room: Room) -> None:
    roles = room.conference.machines.roles
    assert [roles.of(one) for one in ("an", "binh")] == [Role.CHAIR, Role.DELEGATE]
    Party(room.world, "thu", **HOST)
    Party(room.world, "xem", role="observer")
    Party(room.world, "chu", role="chair", **HOST)
    roles = room.conference.machines.roles
    assert [roles.of(one) for one in ("an", "thu", "xem", "chu")] == [
        Role.CO_CHAIR,
        Role.CO_CHAIR,
        Role.OBSERVER,
        Role.CHAIR,
    ]


def test_a_chair_who_lost_the_connection_lends_the_rights_and_gets_them_back(room: Room) -> None:
    Party(room.world, "thu", role="secretary", **HOST)
    room.an.participant.detach(room.an.client)
    room.world.pass_time(limits.CHAIR_AWAY_S - 1)
    assert room.conference.machines.roles.holder == ""
    room.world.pass_time(2)
    assert room.conference.machines.roles.holder == "thu"
    room.conference.resume("an", room.an.sid, room.an.client)
    assert room.conference.machines.roles.holder == "an"


async def test_the_chair_hands_over_and_loses_the_right(room: Room) -> None:
    await room.chair.hand_over(room.by, "binh")
    assert room.conference.machines.roles.holder == "binh"
    by = room.conference.machines.by("an", "An", "desk")
    assert (by.role, by.for_chair) == (Role.CO_CHAIR, True)
    with pytest.raises(Refusal) as refused:
        await room.chair.hand_over(by, "chi")
    assert refused.value.code == "not_allowed"


async def test_the_holder_of_a_loan_does_not_take_the_role_of_the_absent_chair(room: Room) -> None:
    Party(room.world, "thu", role="secretary", **HOST)
    room.an.participant.detach(room.an.client)
    room.world.pass_time(limits.CHAIR_AWAY_S + 1)
    by = room.conference.machines.by("thu", "Thư", "desk")
    assert by.role is Role.CHAIR
    for order in (
        lambda: room.chair.release(by),
        lambda: room.chair.hand_over(by, "binh"),
        lambda: room.chair.appoint(by, "binh", Role.CO_CHAIR),
    ):
        with pytest.raises(Refusal) as refused:
            await order()
        assert refused.value.code == "chair_lent"
    room.chair.call_speaker(by, "binh")  # all other rights are lent
    room.conference.resume("an", room.an.sid, room.an.client)
    assert room.conference.machines.roles.holder == "an"
    room.an.participant.detach(room.an.client)
    await room.chair.release(OPERATOR)
    assert room.conference.machines.roles.holder == "thu", "an operator takes the role away for good"
    await room.chair.hand_over(by, "binh")
    assert room.conference.machines.roles.chair == "binh", "no chair is away"


async def test_a_former_chair_needs_the_floor_too(room: Room) -> None:
    room.chair.set_floor_mode(room.by, Mode.ONE)
    assert room.on() == ["an"]
    await room.chair.hand_over(room.by, "binh")
    assert room.on() == []
    room.unmute(room.an)
    room.unmute(room.binh)
    assert room.on() == ["binh"]
    room.binh.participant.detach(room.binh.client)
    room.conference.resume("binh", room.binh.sid, room.binh.client)
    assert room.on() == ["binh"], "a short loss of the network mutes no chair"


def test_a_chair_who_is_away_needs_the_floor_when_another_takes_the_chair(room: Room) -> None:
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.an.participant.detach(room.an.client)
    assert room.on() == ["an"], "only the signalling is lost"
    room.conference.machines.step_roles(Taken("binh"))
    assert room.on() == []


# -- hands


def test_a_raised_hand_is_a_request_in_the_queue_for_browsers_and_halls(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.binh.participant.update_own(name=None, metadata=None, attributes={"hand": "reply"})
    hall.press("*5")
    room.chi.participant.update_own(name=None, metadata=None, attributes={"hand": "1"})
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["binh", "hall", "chi"]
    assert hall.hall.floor_wanted_at is not None
    assert room.document()["queue"] == {"binh": {"o": 1, "k": "reply"}, "hall": {"o": 2}, "chi": {"o": 3}}
    hall.press("*5")
    room.chair.lower_hand(room.by, "chi")
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["binh"]
    assert marks.HAND not in room.chi.participant.grants.attributes
    assert marks.HAND not in hall.hall.grants.attributes
    room.binh.participant.leave(Reason.CLIENT_INITIATED)
    assert room.conference.machines.speech.state.queue == ()


@pytest.mark.parametrize("kept", ["9" * 400, "9" * 14, "-1", "١"])
def test_a_token_with_a_strange_time_of_a_hand_opens_the_meeting(room: Room, kept: str) -> None:
    late = Party(room.world, "late", attributes={"hand": kept})
    assert not late.participant.left
    state = room.conference.machines.speech.state
    assert state.place_of("late") in (None, 0)
    assert all(one.at == room.world.time.time() for one in state.queue), "counts as a request of now"


def test_from_the_lobby_of_a_closed_session_nobody_asks_to_speak(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.conference.course.breaks.begin_closed(room.by, ("hall", "chi"))
    hall.press("*5")
    with pytest.raises(Refusal) as refused:
        room.chi.participant.raise_hand(True)
    assert refused.value.code == "in_lobby"
    Party(room.world, "chi", attributes={"hand": "1700000000000"})  # the page is loaded again
    assert [one.identity for one in room.conference.machines.speech.state.queue] == []
    assert hall.hall.floor_wanted_at is None
    assert {one.path for one in room.world.scene().prompts} <= {"/waiting.ogg"}
    room.conference.course.breaks.end_closed(room.by)
    hall.press("*5")
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["hall"]


def test_the_chair_reorders_and_the_others_may_not(room: Room) -> None:
    for one in (room.binh, room.chi):
        one.participant.raise_hand(True)
    room.chair.reorder(room.by, "chi", 0)
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["chi", "binh"]
    with pytest.raises(Refusal) as refused:
        room.chair.reorder(room.conference.machines.by("binh", "Bình", "desk"), "binh", 0)
    assert refused.value.code == "not_allowed"


# -- the floor


def test_one_microphone_mutes_the_others_and_the_server_refuses_their_unmute(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.set_floor_mode(room.by, Mode.ONE)
    assert room.on() == ["an"]  # the chair
    assert hall.muted()
    assert not hall.hall.locked
    hall.press("*6")
    assert hall.muted(), "its key does not unmute it either"
    room.binh.client.events.clear()
    room.unmute(room.binh)
    assert room.on() == ["an"]
    assert MuteAsked(room.microphones[room.binh.sid], True) in room.binh.client.events
    late = Party(room.world, "late")
    late.publish(MICROPHONE)
    assert "late" not in room.on(), "a track that a foreign client publishes is muted"


def test_in_a_recess_nobody_is_called_to_speak(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.conference.course.breaks.begin_recess(room.by, None)
    for identity in ("hall", "binh"):
        with pytest.raises(Refusal) as refused:
            room.chair.call_speaker(room.by, identity)
        assert refused.value.code == "in_recess"
    assert hall.muted()
    room.conference.course.breaks.end_recess(room.by)
    room.chair.call_speaker(room.by, "hall")
    assert not hall.muted()


def test_calling_a_hall_shows_and_opens_it_for_everybody_and_one_undo_gives_all_back(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    program = room.conference.program
    assert program is not None
    program.set_stage("lecture", room.an.sid)
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.chair.call_speaker(room.by, "binh", time_s=300)
    room.unmute(room.binh)
    room.chi.participant.raise_hand(True)
    hall.press("*5")
    assert (room.on(), large(room.binh)) == (["an", "binh"], True)
    room.world.pass_time(40)

    token = room.chair.call_speaker(room.by, "hall", time_s=60)
    room.world.settle()
    assert (room.on(), hall.muted()) == (["an"], False)
    assert set(room.world.scene().open_microphones) == {room.an.sid, hall.sid}
    assert (program.stage.mode, program.stage.site) == ("pinned", hall.sid)
    assert (large(hall), large(room.binh)) == (True, False)
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["chi"]

    room.world.pass_time(5)
    back = room.chair.undo(room.by, token)
    assert (hall.muted(), large(hall), large(room.binh), asked(room.binh)) == (True, False, True, True)
    assert back.asked == 1, "the server never switches a person's microphone on"
    assert (program.stage.mode, program.stage.site) == ("pinned", room.binh.sid)
    assert [one.identity for one in room.conference.machines.speech.state.queue] == ["chi", "hall"]
    turn = room.conference.machines.speech.state.turns[0]
    assert turn.identity == "binh"
    assert turn.ends_at == pytest.approx(room.world.time.time() + 260)
    room.unmute(room.binh)
    assert room.on() == ["an", "binh"]
    with pytest.raises(Refusal) as refused:
        room.chair.undo(room.by, token)
    assert refused.value.code == "undo_gone"


@pytest.mark.parametrize("order", ["mute_all", "mute_one", "operator"])
def test_the_undo_of_a_call_leaves_a_later_mute_alone(room: Room, order: str) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.chair.call_speaker(room.by, "hall")
    room.world.pass_time(1)
    token = room.chair.call_speaker(room.by, "binh")
    room.world.pass_time(3)
    if order == "mute_all":
        room.chair.mute_all(room.by)
    elif order == "mute_one":
        room.chair.mute_one(room.by, "hall")
    else:
        room.chair.set_hall_muted(OPERATOR, hall.hall, True, locked=False)
    back = room.chair.undo(room.by, token)
    assert room.conference.machines.speech.state.turn_of("hall") is not None
    assert (hall.muted(), hall.hall.locked, back.unmuted) == (True, order != "operator", 0)


def test_the_undo_of_a_call_mutes_nobody_but_the_speaker(room: Room) -> None:
    publishing.mute(room.an.participant, room.microphones[room.an.sid], True)
    publishing.mute(room.binh.participant, room.microphones[room.binh.sid], True)
    assert room.on() == ["chi"]
    token = room.chair.call_speaker(room.by, "binh")
    for one in (room.an, room.binh):
        publishing.mute(one.participant, room.microphones[one.sid], False)
    Party(room.world, "late").publish(MICROPHONE)
    room.chair.undo(room.by, token)
    assert room.on() == ["an", "chi", "late"]


def test_the_undo_of_a_mute_of_all_leaves_a_later_mute_alone(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    made = room.chair.mute_all(room.by)
    room.chair.mute_one(room.by, "hall")
    room.chair.undo(room.by, made.token)
    assert (hall.muted(), hall.hall.locked) == (True, True)
    hall.hall.hung_up()
    assert HallParty(room.world, "hall").muted()


def test_the_end_of_a_turn_mutes_the_speaker_and_frees_the_picture(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.chair.call_speaker(room.by, "hall")
    assert not hall.muted()
    room.chair.end_turn(room.by)
    program = room.conference.program
    assert program is not None
    assert (hall.muted(), large(hall), program.stage.mode) == (True, False, "auto")


def test_in_a_discussion_a_call_mutes_no_one(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.call_speaker(room.by, "hall")
    room.chair.end_turn(room.by, "hall")
    assert (room.on(), hall.muted()) == (["an", "binh", "chi"], False)


def test_a_hall_hears_the_warnings_of_its_time(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.call_speaker(room.by, "hall", time_s=120)
    room.world.settle()
    room.world.pass_time(61)
    room.world.settle()
    assert [one.path for one in room.world.scene().prompts] == ["/time_ends_in_1.ogg"]
    assert hall.hall.text == "Còn một phút phát biểu."
    room.world.pass_time(60)
    room.world.settle()
    assert [one.path for one in room.world.scene().prompts] == ["/time_over.ogg"]
    room.world.pass_time(limits.OVERTIME_S)
    assert room.conference.machines.speech.state.turns == ()


def test_people_without_the_right_get_the_floor_from_no_one(room: Room) -> None:
    by = room.conference.machines.by("binh", "Bình", "desk")
    for order in (
        lambda: room.chair.call_speaker(by, "binh"),
        lambda: room.chair.mute_all(by),
        lambda: room.chair.mute_one(by, "an"),
        lambda: room.chair.set_floor_mode(by, Mode.ONE),
        lambda: room.chair.lock(by, True),
        lambda: room.chair.remove(by, "chi"),
        lambda: room.chair.stage(by, "binh"),
    ):
        with pytest.raises(Refusal) as refused:
            order()
        assert refused.value.code == "not_allowed"
    assert room.on() == ["an", "binh", "chi"]


# -- microphones and rules


def test_mute_all_spares_the_actor_and_one_undo_asks_the_people(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    made = room.chair.mute_all(room.by)
    assert (room.on(), hall.muted(), len(made.sids)) == (["an"], True, 3)
    room.unmute(room.chi)
    back = room.chair.undo(room.by, made.token)
    assert (back.unmuted, back.asked) == (1, 1)
    assert (hall.muted(), asked(room.binh), room.on()) == (False, True, ["an", "chi"])


def test_who_may_not_unmute_may_after_a_leader_asked(room: Room) -> None:
    room.chair.set_rules(room.by, rules.Set(unmute_off=Whom.ALL, camera_off=Whom.GUESTS))
    assert room.on() == ["an"]
    room.unmute(room.binh)
    assert room.on() == ["an"]
    room.chair.ask_to_unmute(room.by, "binh")
    room.unmute(room.binh)
    assert room.on() == ["an", "binh"]
    room.chair.mute_one(room.by, "binh")
    room.unmute(room.binh)
    assert room.on() == ["an"]


def test_a_camera_that_the_rules_forbid_is_muted(room: Room) -> None:
    guest = Party(room.world, "guest", role="guest")
    camera = guest.publish(CAMERA)[0]
    room.chair.set_rules(room.by, rules.Set(camera_off=Whom.GUESTS))
    assert guest.participant.tracks[camera].muted
    publishing.mute(guest.participant, camera, False)
    assert guest.participant.tracks[camera].muted
    room.chair.set_rules(room.by, rules.Set(camera_off=Whom.NOBODY))
    room.world.time.advance(limits.MUTE_SHOWN_S)
    publishing.mute(guest.participant, camera, False)
    assert not guest.participant.tracks[camera].muted


def test_newcomers_enter_muted_and_may_unmute(room: Room) -> None:
    room.chair.set_rules(room.by, rules.Set(entry_muted=True))
    late, hall = Party(room.world, "late"), HallParty(room.world, "hall")
    sid = late.publish(MICROPHONE)[0]
    assert ("late" not in room.on(), hall.muted()) == (True, True)
    publishing.mute(late.participant, sid, True)  # the client confirms
    publishing.mute(late.participant, sid, False)
    hall.press("*6")
    assert ("late" in room.on(), hall.muted()) == (True, False)
    host = Party(room.world, "host", **HOST)
    host.publish(MICROPHONE)
    assert "host" in room.on(), "a leader is not muted"


class Planned:
    """A planner whose meeting mutes newcomers."""

    def admit(self, grants: Grants) -> None:
        pass

    def plan(self, conference: str) -> Plan:
        return Plan(entry_muted=True)

    def opened(self, conference: str) -> None:
        pass

    def closed(self, conference: str, reason: Reason) -> None:
        pass


def test_a_meeting_that_was_planned_so_begins_with_muted_newcomers() -> None:
    world = HallWorld()
    world.registry.around = dataclasses.replace(world.registry.around, watcher=Planned())
    host, late, hall = Party(world, "host", **HOST), Party(world, "late"), HallParty(world, "hall")
    host.publish(MICROPHONE)
    late.publish(MICROPHONE)
    conference = world.registry.get("c")
    tracks = {one: [track.muted for track in conference.participants[one].tracks.values()] for one in ("host", "late")}
    assert (tracks, hall.muted()) == ({"host": [False], "late": [True]}, True)
    conference.chair.set_rules(conference.machines.by("host", "host", "page"), rules.Set(entry_muted=False))
    assert not HallParty(world, "second").muted()


def test_nobody_new_enters_a_locked_meeting(room: Room) -> None:
    room.chair.lock(room.by, True)
    with pytest.raises(Refusal) as refused:
        Party(room.world, "late")
    assert refused.value.code == "conference_locked"
    room.binh.participant.leave(Reason.CLIENT_INITIATED)
    Party(room.world, "binh")  # came back
    Party(room.world, "host", **HOST)
    room.chair.remove(room.by, "chi")
    with pytest.raises(Refusal):
        Party(room.world, "chi", issued_at=room.world.time.time() + 1)
    room.chair.lock(room.by, False)
    Party(room.world, "late")


def test_a_leader_is_removed_by_an_operator_only(room: Room) -> None:
    Party(room.world, "thu", role="secretary", **HOST)
    by = room.conference.machines.by("thu", "Thư", "desk")
    with pytest.raises(Refusal) as refused:
        room.chair.remove(by, "an")
    assert refused.value.code == "host_stays"
    room.chair.remove(OPERATOR, "thu")
    assert "thu" not in room.conference.participants


# -- halls that lose their call


def test_a_hall_that_a_host_muted_comes_back_muted_and_locked(room: Room) -> None:
    first = HallParty(room.world, "hall")
    room.chair.mute_one(room.by, "hall")
    first.hall.hung_up()
    again = HallParty(room.world, "hall")
    assert (again.muted(), again.hall.locked) == (True, True)
    again.press("*6")
    assert again.muted()


@pytest.mark.parametrize("cleared_by", ["begin", "undo", "unmute", "nothing"])
def test_what_lets_a_muted_hall_come_back_unmuted(room: Room, cleared_by: str) -> None:
    first = HallParty(room.world, "hall")
    made = room.chair.mute_all(room.by)
    if cleared_by == "unmute":
        room.chair.set_hall_muted(OPERATOR, first.hall, False, locked=False)
    first.hall.hung_up()
    if cleared_by == "undo":
        room.chair.undo(room.by, made.token)
    if cleared_by == "begin":
        room.conference.begin()
    assert HallParty(room.world, "hall").muted() == (cleared_by == "nothing")


def test_the_memory_of_muted_halls_is_bounded(room: Room) -> None:
    microphones = room.conference.machines.microphones
    for number in range(limits.HALLS + 1):
        hall = HallParty(room.world, f"hall{number}") if number < 2 else None
        if hall is not None:
            room.chair.mute_one(room.by, hall.hall.identity)
            hall.hall.hung_up()
        else:
            microphones.remember(f"hall{number}")
    assert len(microphones.remembered) == limits.HALLS
    assert not HallParty(room.world, "hall0").muted()
    assert HallParty(room.world, "hall1").muted()


# -- the stage and the keypad


def test_an_operator_shows_a_site_large_and_takes_it_back(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    program = room.conference.program
    assert program is not None
    before = room.chair.stage(OPERATOR, "binh", "lecture")
    assert (program.stage.mode, program.stage.site, large(room.binh)) == ("lecture", room.binh.sid, True)
    room.chair.restage(OPERATOR, before)
    assert (program.stage.mode, large(room.binh)) == ("auto", False)
    room.chair.stage(OPERATOR, "hall")
    room.chair.stage(OPERATOR)
    assert (program.stage.mode, large(hall)) == ("auto", False)


def test_all_desks_read_who_is_large_however_it_changed(room: Room) -> None:
    hall = HallParty(room.world, "hall")
    room.chair.stage(OPERATOR, "hall")
    assert room.document()["floor"]["stage"] == "hall"
    room.chair.stage(OPERATOR)
    assert "floor" not in room.document()
    room.chair.stage(OPERATOR, "hall")
    hall.hall.hung_up()
    assert "floor" not in room.document(), "the hall left without a turn"
    room.conference.course.views.show(room.by, Picture("pinned", site="binh"))
    assert room.document()["floor"]["stage"] == "binh"
    room.conference.course.views.undo(room.by)
    assert "floor" not in room.document()


def test_a_first_hall_that_comes_later_sees_the_participant_on_stage(room: Room) -> None:
    room.chair.call_speaker(room.by, "binh")
    HallParty(room.world, "hall")
    program = room.conference.program
    assert program is not None
    assert (program.stage.mode, program.stage.site) == ("pinned", room.binh.sid)


def test_a_hall_takes_the_chair_with_the_code() -> None:
    world = HallWorld(chair_code=lambda name: "135790")
    room = Room(world)
    hall = HallParty(world, "hall")
    hall.press("*7246#")
    assert room.conference.machines.roles.holder == "an"
    assert [one.path for one in world.scene().prompts] == ["/chair_code_wrong.ogg"]
    hall.press("*7135790#")
    assert room.conference.machines.roles.holder == "hall"
    assert [one.path for one in world.scene().prompts] == ["/chair_taken.ogg"]
    other = HallParty(world, "other")
    for _ in range(limits.CHAIR_CODE_TRIES):
        other.press("*71#")
    other.press("*7135790#")
    assert room.conference.machines.roles.holder == "hall", "too many wrong codes shut the keypads"
    third = HallParty(world, "third")
    third.press("*7135790#")
    assert room.conference.machines.roles.holder == "third", "one hall shuts only its own keypad"


def test_wrong_chair_codes_shut_the_keypads_of_a_meeting_also_after_it_was_empty() -> None:
    store = Store()
    world = HallWorld(chair_code=lambda name: "135790", proceedings=store)
    Party(world, "an", **HOST)
    for number in range(limits.CHAIR_CODE_TRIES):
        HallParty(world, f"hall{number}").press("*71#")
    again = HallWorld(chair_code=lambda name: "135790", proceedings=store)  # the same meeting, made anew
    conference = Party(again, "an", **HOST).conference
    machines, hall = conference.machines, HallParty(again, "hall")
    hall.press("*7135790#")
    assert machines.roles.holder == "an"
    assert [one.path for one in again.scene().prompts] == ["/chair_code_shut.ogg"]
    again.time.advance(1)
    assert json.loads(conference.document.whole("host"))["chair_codes_shut"] == {"all": True}
    with pytest.raises(Refusal, match="not_allowed"):
        conference.chair.allow_codes(machines.by("hall", "hall", "keypad"))
    conference.chair.allow_codes(machines.by("an", "an", "desk"))
    again.time.advance(1)
    assert "chair_codes_shut" not in json.loads(conference.document.whole("host"))
    assert store.records[-1].kind == "allow_codes"
    with pytest.raises(Refusal, match="chair_codes_open"):
        conference.chair.allow_codes(machines.by("an", "an", "desk"))
    hall.press("*7135790#")
    assert machines.roles.holder == "hall"


def test_the_server_api_mutes_and_does_not_break_the_floor(room: Room) -> None:
    sid = room.microphones[room.binh.sid]
    assert room.chair.mute_track(OPERATOR, "binh", sid, True).muted
    room.chair.set_floor_mode(room.by, Mode.ONE)
    hall = HallParty(room.world, "hall")
    with pytest.raises(Refusal) as refused:
        room.chair.set_hall_muted(OPERATOR, hall.hall, False, locked=False)
    assert refused.value.code == "floor_needed"
    assert room.conference.machines.barred(room.binh.participant, Source.SCREEN_SHARE_AUDIO, "audio") == "floor_needed"


# -- the store


class Store:
    """`ports.proceedings.Proceedings` in memory. `away`: the database does not answer."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.records: list[Record] = []
        self.turns: list[Turn] = []
        self.away = False

    def restored(self, conference: str) -> dict[str, Any]:
        return dict(self.states)

    async def keep(self, conference: str, machine: str, state: Any, records: Sequence[Record] = ()) -> None:
        if self.away:
            raise Refusal("not_stored")
        self.note(conference, machine, state, records)

    def note(self, conference: str, machine: str, state: Any, records: Sequence[Record] = ()) -> None:
        if state is not None:
            self.states[machine] = json.loads(json.dumps(state))
        self.records += records

    def turn(self, conference: str, turn: Turn) -> None:
        self.turns.append(turn)

    def chat(self, conference: str, line: ChatLine) -> None: ...

    def chatted(self, conference: str) -> Sequence[ChatLine]:
        return ()

    async def forget(self, conference: str, by: Record, kept: Mapping[str, Any] = NOTHING) -> None:
        self.states = dict(kept)


class Slow(Store):
    """A database that answers after `answers`."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def keep(self, conference: str, machine: str, state: Any, records: Sequence[Record] = ()) -> None:
        await super().keep(conference, machine, state, records)
        await self.answers.wait()


async def test_an_order_that_is_stored_and_then_refused_leaves_no_trace_in_the_roles() -> None:
    """The new chair leaves while the database answers. A restart must not make this person the chair."""
    store = Slow()
    room = Room(HallWorld(proceedings=store))
    order = asyncio.create_task(room.chair.hand_over(room.by, "binh"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert store.states["roles"]["chair"] == "binh"
    room.conference.kick("binh")
    store.answers.set()
    with pytest.raises(Refusal, match="participant_not_found"):
        await order
    assert store.states["roles"]["chair"] == room.conference.machines.roles.chair != "binh"
    assert [(one.kind, one.detail) for one in store.records][-1] == (
        "hand_over",
        {"not_done": "participant_not_found"},
    )


async def test_a_restart_keeps_chair_rules_queue_and_turn_until_the_people_are_back() -> None:
    store = Store()
    room = Room(HallWorld(proceedings=store))
    room.chair.set_rules(room.by, rules.Set(share_off=Whom.GUESTS))
    room.chair.set_floor_mode(room.by, Mode.ONE)
    room.binh.participant.raise_hand(True)
    room.chair.call_speaker(room.by, "chi", time_s=300)
    await room.chair.hand_over(room.by, "binh")
    assert [(one.identity, one.ended_at) for one in store.turns] == [("chi", None)]

    world = HallWorld(proceedings=store)  # after the crash
    an = Party(world, "an", **HOST)
    machines = an.conference.machines
    assert (machines.roles.of("an"), machines.roles.chair) == (Role.CO_CHAIR, "binh")
    assert (machines.rules.share_off, machines.speech.state.mode) == (Whom.GUESTS, Mode.ONE)
    chi, binh = Party(world, "chi"), Party(world, "binh")
    assert machines.roles.holder == "binh"
    assert [one.identity for one in machines.speech.state.queue] == ["binh"]
    assert marks.HAND in binh.participant.grants.attributes
    assert (machines.speech.state.turns[0].identity, large(chi)) == ("chi", True)


def test_a_locked_meeting_knows_its_members_after_a_restart_and_asks_the_first_comer() -> None:
    def come(world: HallWorld, identity: str) -> Participant:
        """Come as a client does: after the check, in the same turn."""
        grants = Grants(identity=identity, name=identity, conference="c", join=True)
        world.registry.check(grants)
        return world.registry.join(Entry(grants=grants, dual=False, packets=Format()), Listener())

    def shut(world: HallWorld, identity: str) -> bool:
        try:
            come(world, identity)
        except Refusal as refusal:
            return refusal.code == "conference_locked"
        return False

    store = Store()
    room = Room(HallWorld(proceedings=store))
    for identity in ("personal_link.a1.x", "personal_link.a2.x"):
        come(room.world, identity)
    room.chair.lock(room.by, True)
    Party(room.world, "browser.a3.x", **HOST)
    room.chair.remove(room.by, "personal_link.a2.x")
    assert not shut(room.world, "personal_link.a1.y"), "a lost tab is no stranger"
    assert shut(room.world, "personal_link.a2.y"), "a removed person stays outside"
    assert shut(room.world, "browser.guest.x")

    world = HallWorld(proceedings=store)  # after the crash
    assert shut(world, "browser.guest.x")
    assert len(world.registry) == 0
    assert not shut(world, "personal_link.a1.z")
    assert not shut(world, "browser.a3.z")
    assert not shut(world, "binh")
    assert shut(world, "personal_link.a2.z")
    machines = world.registry.get("c").machines
    machines.step_rules(rules.Unlock())
    assert not shut(world, "personal_link.a2.z")
    assert "members" not in store.states["rules"]


def test_a_speaker_who_comes_back_after_a_restart_is_no_newcomer() -> None:
    store = Store()
    room = Room(HallWorld(proceedings=store))
    room.chair.set_rules(room.by, rules.Set(entry_muted=True))
    HallParty(room.world, "hall"), HallParty(room.world, "other")
    room.chair.call_speaker(room.by, "hall")
    world = HallWorld(proceedings=store)  # after the crash
    assert (HallParty(world, "hall").muted(), HallParty(world, "other").muted()) == (False, True)


def test_after_a_restart_the_floor_does_not_wait_for_ever() -> None:
    store = Store()
    room = Room(HallWorld(proceedings=store))
    room.binh.participant.raise_hand(True)
    room.chair.call_speaker(room.by, "chi")
    world = HallWorld(proceedings=store)
    machines = Party(world, "an", **HOST).conference.machines
    world.pass_time(limits.FLOOR_RESTORED_S - 1)
    assert (len(machines.speech.state.queue), len(machines.speech.state.turns)) == (1, 1)
    world.pass_time(2)
    assert (machines.speech.state.queue, machines.speech.state.turns) == ((), ())


async def test_without_the_database_roles_are_refused_and_a_mute_acts() -> None:
    store = Store()
    room = Room(HallWorld(proceedings=store))
    store.away = True
    with pytest.raises(Refusal) as refused:
        await room.chair.hand_over(room.by, "binh")
    assert refused.value.code == "not_stored"
    assert room.conference.machines.roles.holder == "an"
    room.chair.mute_one(room.by, "binh")
    assert room.on() == ["an", "chi"]


def test_the_record_names_the_actor_and_that_the_chair_was_represented() -> None:
    store = Store()
    room = Room(HallWorld(proceedings=store))
    Party(room.world, "thu", role="secretary", **HOST)
    room.chair.mute_one(room.conference.machines.by("thu", "Thư", "rest"), "binh")
    last = store.records[-1]
    assert (last.kind, last.by, last.for_chair, last.way, last.on) == ("mute_one", "thu", True, "rest", "binh")
