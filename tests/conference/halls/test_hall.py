"""A hall as a participant: its lines, its tracks in browsers, operators' commands, its keypad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from conference import Kind, Passage, Refusal, Source, limits
from conference.ground.events import Reason, RosterChanged
from conference.ground.plan import CameraPlan
from conference.halls.hall import track_of
from conference.tracks import publishing
from tests.conference.doubles import World
from tests.conference.hall_doubles import OPTIONS, FakeSignal, HallParty, HallWorld, audio, keys, plan, stream, video
from tests.conference.parties import MICROPHONE, Format, Party


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def tracks(party: Party, hall: HallParty) -> dict[Source, str]:
    views = [v for e in party.client.of(RosterChanged) for v in e.participants if v.sid == hall.sid]
    return {track.source: track.mime for track in views[-1].tracks}


def test_for_browsers_a_hall_is_an_ordinary_participant(world: HallWorld) -> None:
    ann = Party(world, "ann")
    hall = HallParty(world, "hall")
    assert tracks(ann, hall) == {Source.CAMERA: "video/H264", Source.MICROPHONE: "audio/opus"}
    consumed = {one.producer for one in (*ann.peer.bound.values(), *ann.peer.waiting)}
    assert (
        hall.line("video").producers[0] in consumed
    )  # the hall's picture is unchanged; the sound comes from the mixer
    assert hall.line("audio").producers[0] not in consumed
    assert len(consumed) == 2


def test_its_ends_are_ports_and_fresh_keys(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    ends = (one.ends.audio, one.ends.video, one.ends.content, two.ends.audio, two.ends.video, two.ends.content)
    assert len({end.port for end in ends if end}) == 6
    assert one.ends.host == OPTIONS.host
    secrets = [key for end in ends if end for _, key in end.keys]
    assert len(set(secrets)) == len(secrets) == 18
    assert one.hall.lines.prepare() == one.ends


def test_keys_come_before_the_address(world: HallWorld) -> None:
    agreed = replace(plan(), audio=audio(keys=keys(1)), video=video(keys=keys(3)))
    hall = HallParty(world, "hall", agreed)
    assert [name for name, _ in hall.line("audio").said] == ["keys", "remote"]
    assert [name for name, _ in hall.line("video").said] == ["keys", "remote"]
    assert hall.line("video").feedback == ["fir", "pli"]


def test_the_same_agreement_again_changes_nothing(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    said = [list(line.said) for line in hall.lines]
    before = (hall.line("video").producers[:], hall.line("video").consumers[:])
    hall.hall.apply(plan())
    world.settle()
    assert [line.said for line in hall.lines] == said
    assert (hall.line("video").producers, hall.line("video").consumers) == before


def test_a_new_codec_makes_a_new_source_and_the_track_goes_on(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    old = hall.line("audio").producers[0]
    hall.hall.apply(plan("g722"))
    world.settle()
    assert old.closed
    assert [one.codec for one in world.scene().sources if one.kind == "audio"] == ["g722"]
    assert hall.sends("audio").payload_types
    assert set(hall.sends("audio").payload_types.values()) == {9}


def moved(hall: HallParty) -> bool:
    return hall.hall.lines.moves_camera


def test_far_camera_control_has_a_line_of_its_own(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    ends = hall.hall.lines.prepare(camera=True)
    assert ends.far_camera is not None
    assert not moved(hall)
    hall.hall.lines.tell_camera(b"too early")
    orders = CameraPlan(stream(5006, keys=keys(5)), 115, 100)
    hall.hall.apply(replace(plan(), far_camera=orders))
    line = hall.line("camera")
    assert moved(hall)
    assert [name for name, _ in line.said] == ["messages", "keys", "remote"]
    hall.hall.lines.tell_camera(b"left")
    assert line.said[0][1] == (115, 100)
    assert line.said[-1] == ("message", b"left")
    line.events.message(line, b"clients")
    assert hall.signal.said == ["camera said " + b"clients".hex()]
    held = replace(orders, stream=replace(orders.stream, we_send=False))
    hall.hall.apply(replace(plan(), far_camera=held))
    assert not moved(hall)
    hall.hall.apply(plan())
    assert line.said[-1] == ("remote", None)
    assert not moved(hall)


def test_the_camera_line_does_not_count_for_silence(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.hall.lines.prepare(camera=True)
    for medium in ("audio", "video", "content", "camera"):
        line = hall.line(medium)
        line.events.heard(line, "silent")
    assert world.ports.silences == [hall.hall]
    camera = hall.line("camera")
    camera.events.heard(camera, "first")
    assert not hall.hall.link.alive


def test_a_hall_on_hold_gets_no_program_until_it_resumes(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    sending = hall.sends("video")
    hall.hall.apply(replace(plan(), video=replace(video(), stream=stream(5002, we_send=False))))
    world.settle()
    assert sending.paused
    assert not world.scene().groups
    hall.hall.apply(plan())
    world.settle()
    assert not hall.sends("video").paused
    assert not hall.sends("video").closed


def test_without_a_free_port_a_hall_is_refused(world: HallWorld) -> None:
    first = HallParty(world, "first")
    world.media.routers[-1].full = True
    with pytest.raises(Refusal, match="hall_ports_taken"):
        HallParty(world, "second")
    assert not first.lines[0].closed


def test_mute_from_the_desk_cannot_be_undone_by_its_keypad(world: HallWorld) -> None:
    ann, hall = Party(world, "ann"), HallParty(world, "hall")
    hall.hall.set_muted(True, locked=True)
    world.settle()
    assert world.scene().open_microphones == ()
    assert track_of(hall.hall, Source.MICROPHONE).muted  # type: ignore[union-attr]
    hall.press("*6")
    assert hall.muted()
    assert [one.path for one in world.scene().prompts] == ["/unmute_denied.ogg"]
    hall.hall.set_muted(False)
    world.settle()
    assert world.scene().open_microphones == (hall.sid,)
    assert (
        not [v for e in ann.client.of(RosterChanged) for v in e.participants if v.sid == hall.sid][-1].tracks[0].muted
    )


def test_an_administrators_track_mute_mutes_the_hall(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    track = track_of(hall.hall, Source.MICROPHONE)
    assert track is not None
    publishing.mute_from_outside(hall.conference.get("hall"), track.sid, True)
    world.settle()
    assert hall.muted()
    assert hall.hall.locked
    assert world.scene().open_microphones == ()


def test_its_keypad(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.press("*6")
    assert hall.muted()
    hall.press("*6")
    assert not hall.muted()
    hall.press("*5")
    assert world.scene().info()[hall.sid].floor_wanted
    hall.press("*5")
    assert hall.hall.floor_wanted_at is None
    hall.press("*0")
    seen = [hall.hall.layout]
    for _ in range(4):
        hall.press("*4")
        seen.append(hall.hall.layout)
    assert seen == [None, "1", "1+5", "3x3", "lecture"]
    hall.press("*4")
    assert hall.hall.layout is None
    assert [wished.what for _, wished in world.ports.wishes][:5] == ["mute", "mute", "floor", "floor", "operator"]


def test_a_ballot_without_a_vote_is_answered_and_no_wish(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.press("*12")
    world.settle()
    assert [one.path for one in world.scene().prompts] == ["/vote_none.ogg"]
    assert world.ports.wishes == []


def test_a_ballot_goes_to_the_chair_alone(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    cast: list[int] = []
    hall.hall.ballot = cast.append
    for ballot in ("*11", "*12", "*13"):
        hall.press(ballot)
    world.settle()
    assert cast == [0, 1, 2]
    assert world.ports.wishes == []
    assert world.scene().prompts == ()


def test_a_floor_request_is_a_raised_hand_until_granted(world: HallWorld) -> None:
    ann, hall = Party(world, "ann"), HallParty(world, "hall")

    def hand() -> str:
        views = [view for event in ann.client.of(RosterChanged) for view in event.participants if view.sid == hall.sid]
        return views[-1].grants.attributes.get("hand", "")

    hall.press("*5")
    assert int(hand()) > 0
    hall.hall.give_floor()
    world.settle()
    assert hand() == ""
    assert [one.path for one in world.scene().prompts][-1] == "/floor_given.ogg"
    said = world.scene().prompts
    hall.hall.give_floor()
    world.settle()
    assert world.scene().prompts == said, "nothing was asked for"


def test_a_key_for_a_menu_is_none_of_the_meeting(world: HallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    hall = HallParty(world, "hall")
    monkeypatch.setattr(hall.signal, "pressed", lambda key: True)
    hall.press("*6")
    assert not hall.muted()


def test_a_deafened_hall_gets_no_sound_but_still_gets_video(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.hall.set_deafened(True)
    assert hall.sends("audio").paused
    assert not hall.sends("video").paused
    hall.hall.set_deafened(False)
    assert not hall.sends("audio").paused


def test_its_second_picture_is_public_only_with_the_token(world: HallWorld) -> None:
    ann, hall = Party(world, "ann"), HallParty(world, "hall", plan(content=True))
    assert Source.SCREEN_SHARE not in tracks(ann, hall)
    hall.hall.let_present(True)
    world.settle()
    assert tracks(ann, hall)[Source.SCREEN_SHARE] == "video/H264"
    hall.hall.let_present(False)
    world.settle()
    assert Source.SCREEN_SHARE not in tracks(ann, hall)
    assert not hall.line("content").producers[0].closed


def test_a_hall_sends_less_while_it_is_not_shown_large(world: HallWorld) -> None:
    hall = HallParty(world, "hall", plan())
    hall.hall.shown_large(False)
    assert hall.line("video").limits[-1] == limits.UP_TILE_BPS
    hall.hall.shown_large(True)
    assert hall.line("video").limits[-1] == limits.UP_FULL_BPS


def test_a_hall_on_a_narrow_link_sends_no_more_than_its_bandwidth(world: HallWorld) -> None:
    hall = HallParty(world, "hall", plan(content=True, limit_bps=480_000, pictures_bps=400_000))
    hall.hall.shown_large(True)
    assert hall.line("video").limits[-1] == 400_000
    hall.hall.let_present(True)
    assert (hall.line("video").limits[-1], hall.line("content").limits[-1]) == (200_000, 200_000)
    assert (hall.hall.budget_bps("video", True), hall.hall.budget_bps("content", True)) == (200_000, 200_000)


def test_key_frames_are_requested_by_signalling_as_a_fallback(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    line = hall.line("video")
    line.events.keyframe_missing(line)
    assert hall.signal.said == ["keyframe"]


def test_silence_of_all_lines_is_reported_once(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    for line in hall.lines[:-1]:
        line.events.heard(line, "silent")
    assert world.ports.silences == []
    hall.lines[-1].events.heard(hall.lines[-1], "silent")
    assert world.ports.silences == [hall.hall]
    assert hall.hall.connection.quiet_s(world.time.now + 5.0) == 5.0
    # A later report of another line changes nothing. After a line is alive again, its next silence is reported again.
    hall.lines[0].events.heard(hall.lines[0], "silent")
    assert world.ports.silences == [hall.hall]
    hall.lines[0].events.heard(hall.lines[0], "alive")
    hall.lines[0].events.heard(hall.lines[0], "silent")
    assert world.ports.silences == [hall.hall, hall.hall]


def test_a_hangup_removes_the_hall_and_the_last_ends_the_mixer(world: HallWorld) -> None:
    ann, one, two = Party(world, "ann"), HallParty(world, "one"), HallParty(world, "two")
    mixer, lines = world.mixer, one.lines
    one.hall.hung_up()
    world.settle()
    ended = [line.closed for line in lines]
    assert one.hall.left
    assert all(ended)
    assert mixer is world.mixer
    assert one.signal.said == []
    assert [scene.version for scene in mixer.scenes]
    assert ann.client.last(RosterChanged).participants[-1].sid == one.sid
    two.hall.hung_up()
    assert mixer.closed
    assert two.conference.program is None


def test_a_removed_hall_is_hung_up(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    hall.conference.kick("hall")
    assert hall.signal.said == ["hang up removed"]
    assert hall.hall.left


def test_a_second_call_of_a_terminal_replaces_the_first(world: HallWorld) -> None:
    old = HallParty(world, "hall")
    new = HallParty(world, "hall")
    assert old.signal.said == ["hang up duplicate_identity"]
    assert not new.hall.left
    assert list(new.conference.program.halls) == [new.sid]  # type: ignore[union-attr]


def test_one_hall_more_than_the_limit_is_refused(world: HallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HALLS", 2)
    for name in ("one", "two"):
        HallParty(world, name)
    with pytest.raises(Refusal, match="hall_limit"):
        HallParty(world, "three")


def test_a_server_without_halls_refuses_a_hall() -> None:
    world = World()
    ann = Party(world, "ann")
    entry = replace(ann.participant.entry, grants=replace(ann.participant.grants, identity="hall"), packets=Format())
    with pytest.raises(Refusal, match="halls_off"):
        ann.conference.halls.expect(entry, FakeSignal(), OPTIONS)


def test_resuming_browsers_and_ticks_leave_halls_alone(world: HallWorld) -> None:
    ann, hall = Party(world, "ann"), HallParty(world, "hall")
    ann.publish(MICROPHONE)
    world.pass_time(60.0)
    assert not hall.hall.left
    assert not ann.participant.left


def test_a_call_that_is_never_set_up_leaves_nothing(world: HallWorld) -> None:
    ann = Party(world, "ann")
    grants = replace(ann.participant.grants, identity="hall")
    entry = replace(ann.participant.entry, grants=grants, auto_subscribe=False)
    hall = ann.conference.halls.expect(entry, FakeSignal(), OPTIONS)
    hall.lines.prepare()
    lines: tuple[Any, ...] = hall.lines.opened()
    mixer = world.mixer
    assert "hall" not in ann.conference.participants
    ann.conference.halls.dismiss(hall)
    assert all(line.closed for line in lines)
    assert mixer.closed
    assert ann.conference.program is None
    with pytest.raises(Refusal):
        ann.conference.halls.welcome(hall)


def test_a_conference_that_ends_also_ends_a_ringing_call(world: HallWorld) -> None:
    ann = Party(world, "ann")
    entry = replace(ann.participant.entry, grants=replace(ann.participant.grants, identity="hall"))
    hall = ann.conference.halls.expect(entry, FakeSignal(), OPTIONS)
    hall.lines.prepare()
    world.registry.delete("c")
    assert hall.left
    assert world.mixer.closed
    with pytest.raises(Refusal):
        ann.conference.halls.welcome(hall)


def test_a_conference_that_only_calls_a_hall_is_not_idle(world: HallWorld) -> None:
    """All participants have left, and the server calls the last hall again. The hall may ring for a minute."""
    ann = Party(world, "ann")
    entry = replace(ann.participant.entry, grants=replace(ann.participant.grants, identity="hall"))
    conference = ann.conference
    conference.remove(ann.participant, Reason.CLIENT_INITIATED)
    hall = conference.halls.expect(entry, FakeSignal(), OPTIONS)
    hall.lines.prepare()
    world.pass_time(60.0)
    conference.halls.welcome(hall)
    assert not conference.closed
    assert not hall.left
    hall.hung_up()
    world.pass_time(60.0)
    assert conference.closed


def hall_entry(ann: Party, **more: Any) -> Any:
    grants = replace(ann.participant.grants, identity="hall_terminal.t1", kind=Kind.SIP, **more)
    return replace(ann.participant.entry, grants=grants, auto_subscribe=False)


def test_a_hall_waits_in_the_lobby_unless_the_policy_exempts_it(world: HallWorld) -> None:
    ann = Party(world, "ann", passage=Passage.HOST)
    world.registry.lobbies.get("c", world.time.time()).set(True, ["ann"])
    with pytest.raises(Refusal, match="lobby_waits"):
        ann.conference.halls.expect(hall_entry(ann, passage=Passage.NONE), FakeSignal(), OPTIONS)
    assert ann.conference.program is None, "nothing was made for it"
    for passage in (Passage.EXEMPT, Passage.ADMITTED):
        hall = ann.conference.halls.expect(hall_entry(ann, passage=passage), FakeSignal(), OPTIONS)
        hall.lines.prepare()
        ann.conference.halls.welcome(hall)


def test_the_lobby_is_checked_again_when_a_hall_answers(world: HallWorld) -> None:
    ann = Party(world, "ann", passage=Passage.HOST)
    hall = ann.conference.halls.expect(hall_entry(ann, passage=Passage.NONE), FakeSignal(), OPTIONS)
    hall.lines.prepare()
    world.registry.lobbies.get("c", world.time.time()).set(True, ["ann"])  # while the hall rang
    with pytest.raises(Refusal, match="lobby_waits"):
        ann.conference.halls.welcome(hall)
    assert "hall_terminal.t1" not in ann.conference.participants
    ann.conference.halls.dismiss(hall)
    assert ann.conference.program is None
