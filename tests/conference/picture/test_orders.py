"""The chair's orders about pictures: broadcast, one site alone, pinned places, the slate of a recess, the lobby, and the stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference import Announcement, Source, limits, marks
from conference.halls import hall as halls
from conference.picture import layout
from conference.picture import program as programs
from conference.picture.program import Program
from conference.picture.words import splash
from media.mixer.ground.scene import Group, Scene
from tests.conference.hall_doubles import HallParty, HallWorld, plan, video
from tests.conference.parties import CAMERA, MICROPHONE, Party

SCREEN = Announcement("screen", "video", Source.SCREEN_SHARE, width=1920, height=1080)


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def program_of(party: HallParty) -> Program:
    program = party.conference.program
    assert program is not None
    return program


def seen(party: HallParty) -> Group:
    found = program_of(party).group_of(party.hall)
    assert found is not None
    return found


def served(party: HallParty) -> tuple[bool, bool]:
    """Report whether the hall gets a picture and sound."""
    return party.hall.served.program is not None, party.hall.served.mix is not None


def plain(scene: Scene) -> Scene:
    return replace(scene, version=0)


def test_a_broadcast_shows_one_site_to_all_halls_also_to_those_with_their_own_layout(world: HallWorld) -> None:
    one, two, three = (HallParty(world, name) for name in ("one", "two", "three"))
    three.hall.set_layout("3x3")
    program_of(one).set_stage("broadcast", two.sid)
    world.settle()
    assert [(seen(party).layout, seen(party).cells) for party in (one, three)] == [("1", (two.sid,))] * 2
    assert seen(two).cells != (two.sid,), "the site itself sees another"
    program_of(one).set_stage("auto")
    world.settle()
    assert seen(three).layout == "3x3"


@pytest.mark.parametrize("count", [3, 4, 6, 8, 14])
@pytest.mark.parametrize("mode", ["pinned", "lecture"])
def test_a_site_on_stage_is_large_whatever_the_number_of_sites(world: HallWorld, count: int, mode: layout.Mode) -> None:
    """An order put the site on stage, so the others see it large. The site itself sees another. Earlier choices of equal places
    wait until the stage is free, and a choice during the stage acts at once.
    """
    parties = [HallParty(world, f"hall{number}") for number in range(count)]
    world.settle()
    assert (seen(parties[0]).layout in layout.LARGE_FIRST) == (count == 6)
    program_of(parties[0]).set_stage(mode, parties[2].sid)
    world.settle()
    assert {seen(one).layout for one in parties} <= layout.LARGE_FIRST
    assert seen(parties[0]).cells[0] == parties[2].sid
    assert parties[2].sid not in seen(parties[2]).cells
    program_of(parties[0]).set_layout("3x3")
    world.settle()
    assert seen(parties[0]).layout == "3x3", "a choice during the stage"
    program_of(parties[0]).set_stage("auto")
    parties[1].hall.set_layout("2x2")
    world.settle()
    assert [seen(one).layout for one in parties[:2]] == ["3x3", "2x2"]
    program_of(parties[0]).set_stage(mode, parties[2].sid)
    world.settle()
    assert {seen(one).layout for one in parties} <= layout.LARGE_FIRST, "choices from before the stage"
    assert [seen(one).cells[0] for one in parties[:2]] == [parties[2].sid] * 2
    parties[1].hall.set_layout("4x4")
    program_of(parties[0]).set_stage(mode, parties[2].sid, hold_s=5)
    world.settle()
    assert seen(parties[1]).layout == "4x4", "the same stage goes on with the choice of one hall"
    assert seen(parties[0]).cells[0] == parties[2].sid
    program_of(parties[0]).set_stage("pinned", parties[0].sid)
    world.settle()
    assert seen(parties[1]).cells[0] == parties[0].sid, "the next site is a new stage"
    program_of(parties[0]).set_stage("auto")
    world.settle()
    assert [seen(one).layout for one in parties[:2]] == ["3x3", "4x4"], "the choices come back"


def test_a_broadcast_ends_when_its_site_leaves(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    program_of(one).set_stage("broadcast", two.sid)
    two.hall.hung_up()
    world.settle()
    assert program_of(one).stage.mode == "auto"


def test_one_hall_looks_at_a_site_and_the_others_see_what_they_saw(world: HallWorld) -> None:
    chair, two, three = (HallParty(world, name) for name in ("chair", "two", "three"))
    before = seen(two)
    halls.show_alone(chair.hall, "three")
    world.settle()
    assert (seen(chair).layout, seen(chair).cells) == ("1", (three.sid,))
    assert seen(two) == before
    three.hall.hung_up()
    world.settle()
    assert three.sid not in seen(chair).cells, "the site left"
    back = HallParty(world, "three")
    assert seen(chair).cells == (back.sid,), "the order names the hall, not its call"
    halls.show_alone(chair.hall, "")
    world.settle()
    assert seen(chair).layout != "1"


def test_pinned_places_stay_when_others_speak(world: HallWorld) -> None:
    parties = [HallParty(world, f"hall{number}") for number in range(6)]
    program = program_of(parties[0])
    program.set_layout("3x3")
    world.settle()
    before = seen(parties[0]).cells
    programs.pin(program, ("", parties[5].sid, parties[4].sid))
    world.settle()
    assert seen(parties[0]).cells[1:3] == (parties[5].sid, parties[4].sid)
    assert sorted(seen(parties[0]).cells) == sorted(before), "nobody is lost"
    programs.pin(program, ())
    world.settle()
    assert seen(parties[0]).cells == before


@pytest.mark.parametrize("pinned", [(5, 4), (4, 2), (2,), (0, 5, 2)])
def test_pins_take_the_large_place_from_no_site_that_an_order_put_on_stage(
    world: HallWorld, pinned: tuple[int, ...]
) -> None:
    parties = [HallParty(world, f"hall{number}") for number in range(6)]
    program = program_of(parties[0])
    programs.pin(program, [parties[number].sid for number in pinned])
    world.settle()
    assert seen(parties[3]).cells[0] == parties[pinned[0]].sid, "without an order the pin has the large place"
    program.set_stage("pinned", parties[2].sid)
    world.settle()
    assert {seen(one).cells[0] for one in parties if one is not parties[2]} == {parties[2].sid}
    if pinned[1:] and pinned[1] != 2:
        assert seen(parties[3]).cells[1] == parties[pinned[1]].sid, "the other pins keep their places"
    assert len(set(seen(parties[3]).cells)) == 6


def test_the_plate_of_a_site_names_the_head_of_its_delegates(world: HallWorld) -> None:
    one = HallParty(world, "one")
    HallParty(world, "two")
    programs.label(program_of(one), {"two": "Ba Bể · Nguyễn Văn A", "one": "x" * (limits.LABEL_CHARACTERS + 1)})
    world.settle()
    assert [info.label for info in world.scene().sites] == ["x" * limits.LABEL_CHARACTERS, "Ba Bể · Nguyễn Văn A"]


def test_in_a_recess_all_halls_see_the_slate_and_hear_nobody(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA, MICROPHONE, SCREEN)
    one, two = HallParty(world, "one"), HallParty(world, "two")
    two.hall.language = "en"
    two.hall.set_text("a text of an operator")
    program = program_of(one)
    world.settle()
    before = plain(world.scene())
    program.splash.set_recess("09:30")
    world.settle()
    assert seen(one).text == "GIẢI LAO\nHọp lại lúc 09:30"
    assert seen(two).text == "RECESS\nThe meeting goes on at 09:30"
    assert {group.cells for group in world.scene().groups} == {()}
    assert {group.content for group in world.scene().groups} == {""}
    assert world.scene().open_microphones == ()
    program.splash.set_recess("")
    world.settle()
    assert seen(one).text == "GIẢI LAO"
    program.splash.set_recess(None)
    world.settle()
    assert [(group.id, group.cells, group.text, group.content) for group in world.scene().groups] == [
        (group.id, group.cells, group.text, group.content) for group in before.groups
    ]
    assert world.scene().open_microphones == before.open_microphones


def test_a_hall_in_the_lobby_neither_sees_nor_hears_nor_is_seen(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA, MICROPHONE)
    out, inside = HallParty(world, "out"), HallParty(world, "inside")
    cameras = [track.producer for track in out.hall.tracks.values() if track.kind == "video"]
    assert cameras
    program_of(out).content_token.ask(out.sid)
    halls.set_apart(out.hall, True)
    assert served(out) == (False, False), "at once"
    assert not out.hall.tracks, "no browser receives the hall's picture or sound"
    world.settle()
    assert seen(out).text == splash.APART["vi"]
    assert seen(out).cells == ()
    assert served(out) == (True, False)
    assert out.sid not in {sid for group in world.scene().groups for sid in group.cells}
    assert out.sid not in world.scene().open_microphones
    assert out.sid not in {source.site for source in world.scene().sources}
    assert out.sid not in {info.site for info in world.scene().sites}
    assert seen(inside).text == ""
    assert program_of(out).content_token.holder is None
    assert program_of(out).content_token.ask(out.sid)[0].state == "denied"
    assert marks.WAITS in out.hall.grants.attributes
    out.press("*1")
    assert not [wished for _, wished in world.ports.wishes if wished.what == "begin"], "it cannot open the meeting"
    out.hall.apply(plan())  # a re-INVITE
    world.settle()
    assert not out.hall.tracks
    halls.set_apart(out.hall, False)
    world.settle()
    assert {track.kind for track in out.hall.tracks.values()} == {"video", "audio"}
    assert served(out) == (True, True)
    assert out.sid in {sid for group in world.scene().groups for sid in group.cells}
    assert marks.WAITS not in out.hall.grants.attributes


def test_a_hall_in_the_lobby_gets_no_program_of_the_meeting_when_programs_are_few(world: HallWorld) -> None:
    """A hall outside the programs gets the best existing one. In the lobby this must never be a program of the meeting."""
    small = replace(plan(), video=video(max_fs=396, max_mbps=11_880, max_br_bps=384_000))
    parties = [HallParty(world, f"hall{number}") for number in range(4)]
    out = HallParty(world, "out", small)
    halls.set_apart(out.hall, True)
    mixer, program = world.mixer, program_of(out)
    world.settle()
    for _ in range(8):  # the mixer refuses until one program is left
        for group in list(world.scene().groups):
            mixer.events.refused(None, group.id, "capacity")
            world.settle()
    served = program.group_of(out.hall)
    assert served is None or served.text == splash.APART["vi"]
    for party in parties:
        found = program.group_of(party.hall)
        assert found is None or found.text != splash.APART["vi"]


def test_after_a_stop_nobody_is_seen_or_heard_and_no_words_name_the_meeting(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA, MICROPHONE, SCREEN)
    one, two = HallParty(world, "one"), HallParty(world, "two")
    program = program_of(one)
    program.splash.set_about(splash.About("Công tác cán bộ", "123456789", "08:00"))
    program.splash.stop()
    world.settle()
    scene = world.scene()
    assert scene.sources == ()
    assert scene.open_microphones == ()
    assert scene.voices == ()
    assert {group.cells for group in scene.groups} == {()}
    assert {seen(party).text for party in (one, two)} == {splash.STOPPED["vi"]}
    assert "cán bộ" not in repr(scene)
    programs.announce(program, "ended")
    world.settle()
    assert world.scene().prompts, "the halls still hear the sentence"
