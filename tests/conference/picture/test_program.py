"""The pictures and sound of halls. The scene follows participants, speakers and settings. Halls of one class share an encoder."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from conference import Announcement, Refusal, Source, limits
from conference.ground.events import LayersWanted, Quality
from conference.picture.words import splash
from conference.picture.words.splash import About
from conference.tracks import publishing
from media.ground import limits as mixer
from media.mixer.ground.scene import Scene
from tests.conference.doubles import peer_of
from tests.conference.hall_doubles import HallParty, HallWorld, audio, plan, stream, video
from tests.conference.parties import CAMERA, MICROPHONE, Party

SCREEN = Announcement("screen", "video", Source.SCREEN_SHARE, width=1920, height=1080)


@pytest.fixture
def world() -> HallWorld:
    return HallWorld()


def speak(world: HallWorld, *parties: Party | HallParty) -> None:
    """Report these parties as speakers as the plane does, the loudest first."""
    router = world.media.routers[-1]
    producers = []
    for party in parties:
        owner = party.hall if isinstance(party, HallParty) else party.participant
        producers.append(next(one.producer for one in owner.tracks.values() if one.kind == "audio"))
    router.on_speakers([(producer, 0.8) for producer in producers])
    world.settle()


def shared(scene: Scene) -> list[tuple[str, tuple[str, ...]]]:
    return [(group.layout, group.cells) for group in scene.groups]


def test_halls_of_one_class_get_one_program(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(20)]
    (group,) = world.scene().groups
    assert group.layout == "4x4"
    assert len(group.cells) == 16
    assert len({id(hall.sends("video").producer) for hall in halls}) == 1
    assert {tuple(hall.sends("video").payload_types.values()) for hall in halls} == {(98,)}


def test_each_class_has_its_program_also_a_mode_0_terminal(world: HallWorld) -> None:
    HallParty(world, "new")
    old = HallParty(world, "old", replace(plan(), video=video(mode=0, max_fs=396, max_mbps=11_880, max_br_bps=384_000)))
    sizes = {(group.width, group.height, group.mode) for group in world.scene().groups}
    assert sizes == {(1280, 720, 1), (352, 288, 0)}
    assert old.sends("video").single_nal


def test_a_hall_that_flips_its_wish_starts_few_encoders(world: HallWorld) -> None:
    """The hall changes its limit by TMMBR or by re-INVITEs. Each bit rate needs another program, whose first picture is a key
    frame.
    """
    HallParty(world, "quiet")
    hall = HallParty(world, "hall").hall
    world.time.advance(60)
    begun, before, seen = 0, {group.id for group in world.scene().groups}, len(world.mixer.scenes)
    for turn in range(600):
        hall.link.line_limited("video", 256_000 if turn % 2 else 1_000_000)
        world.time.advance(0.1)
    for scene in world.mixer.scenes[seen:]:
        names = {group.id for group in scene.groups}
        begun, before = begun + bool(names - before), names
    assert 20 < begun <= 60 / limits.SCENE_SLOW_S + limits.PROGRAMS_BEGUN, "of 600"
    hall.link.line_limited("video", 512_000)
    world.time.advance(60)
    assert {group.bitrate_bps for group in world.scene().groups} == {2_000_000, 512_000}, "the last word holds"


def test_only_what_is_shown_or_heard_is_fed(world: HallWorld) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ann.publish(CAMERA, MICROPHONE)
    ben.publish(CAMERA, MICROPHONE)
    hall = HallParty(world, "hall")
    conference = hall.conference
    assert conference.program is not None
    conference.program.set_layout("1")
    speak(world, ann)
    assert shared(world.scene()) == [("1", (ann.sid,))]
    fed = {(one.site, one.kind) for one in world.scene().sources}
    assert fed == {(ann.sid, "video"), (ann.sid, "audio"), (ben.sid, "audio"), (hall.sid, "audio")}
    mic = next(sid for sid, track in ben.participant.tracks.items() if track.kind == "audio")
    publishing.mute(ben.participant, mic, True)
    world.settle()
    assert (ben.sid, "audio") not in {(one.site, one.kind) for one in world.scene().sources}
    assert world.mixer.starved


def test_the_speaker_is_large_for_all_and_does_not_see_himself(world: HallWorld) -> None:
    one, two, three = (HallParty(world, name) for name in ("one", "two", "three"))
    assert one.conference.program is not None
    one.conference.program.set_layout("1")
    speak(world, one)
    world.time.advance(limits.HOLD_S)
    speak(world, two)
    groups = {group.without: group.cells for group in world.scene().groups}
    assert groups == {"": (two.sid,), two.sid: (one.sid,)}
    assert one.sends("video").producer is three.sends("video").producer is not two.sends("video").producer
    assert two.lines[1].limits[-1] == limits.UP_FULL_BPS


def test_a_speaker_stays_in_front_for_the_hold_time(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    program = one.conference.program
    assert program is not None
    program.set_layout("1")
    speak(world, one)
    speak(world, two)
    assert program.stage.front == one.sid
    world.time.advance(limits.HOLD_S)
    assert program.stage.front == two.sid
    world.settle()
    assert {group.without: group.cells for group in world.scene().groups}[""] == (two.sid,)


def test_the_front_site_stays_until_another_site_speaks(world: HallWorld) -> None:
    """Halls come before browsers in the list. So a new hall would move to the front by its place in the list."""
    ann = Party(world, "ann")
    ann.publish(CAMERA)
    program = HallParty(world, "hall", replace(plan(), video=video(we_receive=False))).hall.program
    program.set_layout("1")
    world.settle()
    assert shared(world.scene()) == [("1", (ann.sid,))]
    late = HallParty(world, "late")
    late.hall.position = 1
    program.changed()
    world.settle()
    assert world.scene().sites[0].site == late.sid
    assert shared(world.scene()) == [("1", (ann.sid,))]


def test_a_pinned_site_is_in_front_at_once(world: HallWorld) -> None:
    one, two, three = (HallParty(world, name) for name in ("one", "two", "three"))
    program = one.hall.program
    program.set_layout("1")
    world.settle()
    assert {group.without: group.cells for group in world.scene().groups}[""] == (one.sid,)
    program.set_stage("pinned", three.sid)
    world.settle()
    assert {group.without: group.cells for group in world.scene().groups}[""] == (three.sid,)
    speak(world, two)
    program.set_stage("auto")
    world.time.advance(limits.HOLD_S + 0.1)
    assert {group.without: group.cells for group in world.scene().groups}[""] == (two.sid,)


def test_pinned_and_lecture(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(9)]
    program = halls[0].conference.program
    assert program is not None
    program.set_layout("lecture")
    program.set_stage("lecture", halls[4].sid)
    world.settle()
    groups = {group.without: group.cells for group in world.scene().groups}
    assert groups[""][0] == halls[4].sid
    first = groups[halls[4].sid]
    world.time.advance(limits.PAGE_S + 0.1)
    second = {group.without: group.cells for group in world.scene().groups}[halls[4].sid]
    assert first != second
    assert halls[4].sid not in first + second
    speak(world, halls[1])
    assert program.stage.front == halls[4].sid
    with pytest.raises(Refusal, match="participant_not_found"):
        program.set_stage("pinned", "PA_nobody")
    halls[4].hall.hung_up()
    world.settle()
    assert program.stage.mode == "auto"


def test_one_mix_per_codec_and_no_speaker_hears_an_echo(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(4)]
    other = HallParty(world, "other", plan("g722"))
    for party in (*halls[1:], other):
        party.hall.set_muted(True)
    world.settle()
    scene = world.scene()
    assert {(mix.codec, mix.without) for mix in scene.mixes} == {("pcma", halls[0].sid), ("pcma", ""), ("g722", "")}
    assert scene.open_microphones == (halls[0].sid,)
    assert halls[1].sends("audio").producer is halls[2].sends("audio").producer is not halls[0].sends("audio").producer
    assert next(voice.site for voice in scene.voices) == halls[0].sid
    assert len(scene.voices) == 5
    halls[1].hall.set_muted(False)
    world.settle()
    assert halls[1].sends("audio").switched
    assert len(halls[1].line("audio").consumers) == 1
    assert {mix.without for mix in world.scene().mixes if mix.codec == "pcma"} >= {halls[0].sid, halls[1].sid}


def test_an_announcement_is_heard_by_one_hall_only(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    for party in (one, two):
        party.hall.set_muted(True)
    world.settle()
    assert len(world.scene().mixes) == 1
    assert one.conference.program is not None
    one.conference.program.say(one.hall, ("floor_given", "vi"))
    world.settle()
    prompt, *_ = world.scene().prompts
    assert prompt.site == one.sid
    assert prompt.path == "/floor_given.ogg"
    assert {mix.without for mix in world.scene().mixes} == {"", one.sid}
    world.time.advance(limits.PROMPT_S + 0.1)
    assert world.scene().prompts == ()
    assert len(world.scene().mixes) == 1


def test_announcements_queue_and_a_new_one_replaces_the_rest(world: HallWorld) -> None:
    party, stays = HallParty(world, "hall"), HallParty(world, "stays")
    program = party.hall.program

    def said() -> list[str]:
        world.settle()
        return [prompt.path for prompt in world.scene().prompts]

    program.say(party.hall, ("welcome", "vi"), ("ask_number", "vi"), ("welcome", "en"))
    assert said() == ["/welcome.ogg"]
    first = world.scene().prompts[0].id
    world.mixer.events.prompt_ended(world.mixer, first)
    assert said() == ["/ask_number.ogg"]
    world.mixer.events.prompt_ended(world.mixer, first)  # notified twice
    assert said() == ["/ask_number.ogg"]
    world.time.advance(limits.PROMPT_S)  # the end of the prompt was not reported
    assert said() == ["/welcome.en.ogg"]
    program.say(party.hall, ("denied", "en"), ("ended", "en"))
    assert said() == ["/denied.en.ogg"]
    party.hall.hung_up()
    world.settle()
    assert world.scene().prompts == ()
    assert stays.hall in program.halls.values()
    world.time.advance(limits.PROMPT_S + 0.1)
    assert world.scene().prompts == ()
    assert program.prompts.now == (), "nothing stays of a hall that left"
    assert program.prompts._begun_at == {}, "nothing stays of a hall that left"


def test_each_announcement_has_its_own_time(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    program = one.hall.program
    program.say(one.hall, ("welcome", "vi"))
    world.time.advance(0.5)
    program.say(two.hall, ("welcome", "vi"))
    world.time.advance(limits.PROMPT_S - 0.4)
    assert [prompt.site for prompt in world.scene().prompts] == [two.sid]
    world.time.advance(0.5)
    assert world.scene().prompts == ()


def test_each_hall_hears_prompts_in_its_own_language(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    one.hall.language = "en"
    for party in (one, two):
        party.press("*6")
    assert {prompt.site: prompt.path for prompt in world.scene().prompts} == {
        one.sid: "/muted.en.ogg",
        two.sid: "/muted.ogg",
    }


def test_many_halls_that_come_together_are_all_shown_something(world: HallWorld) -> None:
    """Each hall hears that it has joined. The mixer plays at most PROMPTS announcements at once."""
    halls = [HallParty(world, f"hall{number}") for number in range(limits.PROMPTS + 9)]
    for party in halls:
        party.hall.program.say(party.hall, ("joined", "vi"))
    world.settle()
    assert len(world.scene().prompts) == limits.PROMPTS
    assert all(party.sends("video") is not None for party in halls)
    assert {prompt.site for prompt in world.scene().prompts} == {party.sid for party in halls[-limits.PROMPTS :]}


def test_the_conference_keeps_within_what_a_mixer_takes() -> None:
    """A refused scene stops all changes: new halls would see no picture."""
    changing_over = 2 * (limits.GROUPS + limits.CONTENT_GROUPS + 1)
    assert limits.PROMPTS <= mixer.MIXER_PROMPTS
    assert changing_over <= mixer.MIXER_GROUPS
    assert limits.MICROPHONES <= mixer.MIXER_MICROPHONES
    assert limits.VOICES <= mixer.MIXER_VOICES
    assert max(limits.HALLS, limits.PARTICIPANTS) <= mixer.MIXER_SITES
    assert 2 * (limits.MICROPHONES + limits.PROMPTS) + 4 <= mixer.MIXER_MIXES


def test_a_hall_without_sound_gets_no_announcement(world: HallWorld) -> None:
    party = HallParty(world, "mute", replace(plan(), audio=None))
    party.hall.program.say(party.hall, ("joined", "vi"))
    world.settle()
    assert world.scene().prompts == ()
    assert world.scene().mixes == ()


def test_halls_get_slides_as_a_stream_or_in_their_picture(world: HallWorld) -> None:
    ann = Party(world, "ann")
    both, single = HallParty(world, "both", plan(content=True)), HallParty(world, "single")
    assert both.sends("content") is None
    ann.publish(SCREEN)
    world.settle()
    scene = world.scene()
    assert scene.content == ann.sid
    kinds = {(group.layout, group.content) for group in scene.groups}
    assert kinds == {("1", ann.sid), ("slides", ann.sid), ("1", "")}
    alone = next(group for group in scene.groups if not group.clock)
    assert (alone.cells, alone.layout) == ((), "1")
    assert both.sends("content").producer is world.mixer.outputs[alone.ssrc]
    slides = next(group for group in scene.groups if group.layout == "slides")
    assert single.sends("video").producer is world.mixer.outputs[slides.ssrc]
    ann.end("screen")
    world.settle()
    assert world.scene().content == ""
    assert both.sends("content").paused


def test_a_presenter_does_not_get_its_own_presentation_back(world: HallWorld) -> None:
    one, two = HallParty(world, "one", plan(content=True)), HallParty(world, "two", plan(content=True))
    one.hall.let_present(True)
    world.settle()
    assert one.sends("content") is None
    assert two.sends("content") is not None


def test_a_message_is_shown_in_one_picture_or_in_all(world: HallWorld) -> None:
    one, two = HallParty(world, "one"), HallParty(world, "two")
    one.hall.set_text("Mời điểm cầu bật micro")
    world.settle()
    assert sorted(group.text for group in world.scene().groups) == ["", "Mời điểm cầu bật micro"]
    assert one.sends("video").producer is not two.sends("video").producer
    one.hall.set_text("")
    assert one.conference.program is not None
    one.conference.program.set_text("x" * 1000)
    world.settle()
    assert {len(group.text) for group in world.scene().groups} == {limits.HALL_TEXT_CHARACTERS}


def test_a_refused_program_is_not_asked_for_again(world: HallWorld) -> None:
    HallParty(world, "new")
    HallParty(world, "old", replace(plan(), video=video(max_fs=396, max_mbps=11_880, max_br_bps=384_000)))
    assert len(world.scene().groups) == 2
    world.mixer.events.refused(None, world.scene().groups[1].id, "capacity")
    world.settle()
    (group,) = world.scene().groups
    assert group.height == 288  # a size that both halls can decode


def test_a_presentation_is_shown_with_capacity_for_one_program(world: HallWorld) -> None:
    presenter, plain = HallParty(world, "presenter", plan(content=True)), HallParty(world, "plain")
    presenter.hall.program.content_token_moved(presenter.hall.program.content_token.ask(presenter.sid))
    world.settle()
    assert {group.layout for group in world.scene().groups} == {"1", "slides"}
    world.mixer.events.refused(None, world.scene().groups[-1].id, "capacity")
    world.settle()
    (group,) = world.scene().groups
    assert (group.layout, group.content) == ("slides", presenter.sid)
    assert plain.sends("video").producer is presenter.sends("video").producer
    # The presentation is over. The next presentation asks for both programs again.
    presenter.hall.program.content_token_moved(presenter.hall.program.content_token.give_up(presenter.sid))
    world.settle()
    presenter.hall.program.content_token_moved(presenter.hall.program.content_token.ask(presenter.sid))
    world.settle()
    assert {group.layout for group in world.scene().groups} == {"1", "slides"}


def test_without_power_a_presentation_shrinks_then_is_inset(world: HallWorld) -> None:
    hall, ann = HallParty(world, "hall", plan(content=True)), Party(world, "ann")
    ann.publish(SCREEN)
    world.settle()
    heights: list[int] = []
    while (made := [group for group in world.scene().groups if not group.clock]) and len(heights) < 9:
        heights.append(made[0].height)
        world.mixer.events.refused(None, made[0].id, "capacity")
        world.settle()
    assert heights == sorted(heights, reverse=True)
    assert len(heights) > 1
    (group,) = world.scene().groups
    assert (group.layout, group.content) == ("slides", ann.participant.sid)
    assert hall.sends("content").paused


def test_ending_programs_are_marked_as_ending(world: HallWorld) -> None:
    HallParty(world, "one")
    Party(world, "ann").publish(SCREEN)
    world.settle()
    between = [scene for scene in world.mixer.scenes if any(group.ending for group in scene.groups)]
    assert between
    assert not any(group.ending for group in world.scene().groups)


def test_a_bandwidth_limit_lowers_the_program_bitrate(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    line = hall.line("video")
    line.events.limited(line, None, 400_000)
    world.settle()
    (group,) = world.scene().groups
    assert group.bitrate_bps <= 400_000


def test_with_too_many_microphones_the_last_speakers_stay_open(
    world: HallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MICROPHONES", 2)
    halls = [HallParty(world, f"hall{number}") for number in range(3)]
    for party in (halls[0], halls[2]):
        speak(world, party)
        world.time.advance(limits.HOLD_S)
    assert set(world.scene().open_microphones) == {halls[0].sid, halls[2].sid}


def test_thumbnails_are_made_only_for_viewers_and_few_at_a_time(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}") for number in range(limits.THUMBNAILS + 3)]
    program = halls[0].conference.program
    assert program is not None
    assert world.scene().thumbnails == ()
    program.watch(True)
    world.settle()
    *seen, preview = world.scene().thumbnails
    assert len(seen) == limits.THUMBNAILS
    assert preview in {group.id for group in world.scene().groups}
    assert program.thumbnails == {}
    world.mixer.events.thumbnail(None, preview, b"what they see")
    assert program.picture == b"what they see"
    world.time.advance(limits.PAGE_S + 0.1)
    assert {*seen, *world.scene().thumbnails} == {hall.sid for hall in halls} | {preview}
    world.mixer.events.thumbnail(None, halls[0].sid, b"jpeg")
    world.mixer.events.thumbnail(None, "PA_unknown", b"jpeg")
    world.mixer.events.thumbnail(None, halls[1].sid, b"x" * (limits.THUMBNAIL_BYTES + 1))
    assert program.thumbnails == {halls[0].sid: b"jpeg", preview: b"what they see"}
    program.watch(False)
    world.settle()
    assert world.scene().thumbnails == ()


def test_a_thumbnail_of_an_ended_program_is_not_shown_again(world: HallWorld) -> None:
    """The operator's text is part of a program, so a new text begins another program."""
    program = HallParty(world, "hall").hall.program
    program.watch(True)
    world.settle()
    before = world.scene().thumbnails[-1]
    world.mixer.events.thumbnail(None, before, b"an hour ago")
    assert program.picture == b"an hour ago"
    for text in ("Nghỉ giải lao", ""):
        program.set_text(text)
        world.settle()
        assert program.picture is None
    assert world.scene().thumbnails[-1] == before


def test_browsers_without_halls_cost_no_mixer(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA, MICROPHONE)
    world.pass_time(5)
    assert world.ports.mixers == []
    assert peer_of(ann.participant) is not None


def test_an_unchanged_scene_is_not_sent_again(world: HallWorld) -> None:
    hall = HallParty(world, "hall")
    count = len(world.mixer.scenes)
    assert hall.conference.program is not None
    for _ in range(10):
        hall.conference.program.changed()
        world.settle()
    assert len(world.mixer.scenes) == count


@pytest.mark.parametrize("seed", range(12))
def test_every_scene_is_valid_and_never_uses_a_closed_source(
    world: HallWorld, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doubles assert that sources and feeds agree, outputs are open and payload types fit."""
    monkeypatch.setattr(limits, "SCENE_SLOW_S", limits.SCENE_S)  # changes of an hour in seconds
    chance = random.Random(seed)
    parties: list[HallParty] = []
    browsers = [Party(world, f"browser{number}") for number in range(3)]
    for one in browsers:
        one.publish(CAMERA, MICROPHONE)
    for turn in range(120):
        what = chance.randrange(9)
        if what <= 1 and len(parties) < 12:
            agreed = plan(chance.choice(["pcma", "g722", "opus", "pcmu"]), chance.random() < 0.5)
            parties.append(HallParty(world, f"hall{turn}", agreed))
        elif parties:
            _something(world, chance, parties, browsers, what)
        world.settle()
        for party in parties:
            for medium in ("audio", "video", "content"):
                sent = party.sends(medium)
                assert sent is None or sent.paused or not (sent.closed or sent.producer.closed)
                assert len(party.line(medium).consumers) <= 1 + sum(one.closed for one in party.line(medium).consumers)
    for party in parties:
        party.hall.hung_up()
    assert not world.ports.mixers or world.mixer.closed


def _something(
    world: HallWorld, chance: random.Random, parties: list[HallParty], browsers: list[Party], what: int
) -> None:
    party = chance.choice(parties)
    program = party.conference.program
    everybody: list[Party | HallParty] = [*parties, *browsers]
    assert program is not None
    if what == 2:
        parties.remove(party)
        party.hall.hung_up()
    elif what == 3:
        party.hall.set_muted(chance.random() < 0.5)
    elif what == 4:
        speak(world, chance.choice(everybody))
    elif what == 5:
        program.set_stage(chance.choice(["pinned", "lecture", "auto"]), party.sid)
    elif what == 6:
        program.set_layout(chance.choice(["1", "1+5", "3x3", "lecture", None]))
    elif what == 7:
        party.hall.let_present(chance.random() < 0.5)
    else:
        held = replace(plan(), video=replace(video(), stream=stream(5002, we_send=chance.random() < 0.5)))
        party.hall.apply(held)


def test_in_the_reception_everybody_is_alone(world: HallWorld) -> None:
    halls = [HallParty(world, f"hall{number}", mode="reception") for number in range(3)]
    scene = world.scene()
    assert {group.cells for group in scene.groups} == {()}
    assert scene.open_microphones == ()
    assert scene.sources == ()
    halls[0].hall.set_text("Mời nhập số cuộc họp")
    program = halls[0].conference.program
    assert program is not None
    program.say(halls[0].hall, ("ask_number", "vi"))
    world.settle()
    assert {mix.without for mix in world.scene().mixes} == {"", halls[0].sid}


def test_a_hall_in_the_test_room_sees_and_hears_itself(world: HallWorld) -> None:
    hall = HallParty(world, "hall", mode="echo")
    scene = world.scene()
    assert [group.cells for group in scene.groups] == [(hall.sid,)]
    assert scene.open_microphones == (hall.sid,)
    assert [mix.without for mix in scene.mixes] == [""]


def test_a_program_change_keeps_the_ssrc(world: HallWorld) -> None:
    halls = [HallParty(world, name) for name in ("one", "two")]
    program = halls[0].conference.program
    assert program is not None
    for turn in range(6):
        world.time.advance(limits.HOLD_S)
        speak(world, halls[turn % 2])
    for hall in halls:
        assert len(hall.line("video").consumers) == len(hall.line("audio").consumers) == 1
        assert len(hall.sends("video").switched) >= 4
        assert not hall.sends("video").closed


def test_the_last_presenter_takes_the_content_token(world: HallWorld) -> None:
    ann, hall = Party(world, "ann"), HallParty(world, "hall", plan(content=True))
    program = hall.conference.program
    assert program is not None
    program.content_token_moved(program.content_token.ask(hall.sid))
    world.settle()
    assert hall.hall.content_allowed
    assert world.scene().content == hall.sid
    assert world.ports.floor_changes == [], "the terminal that asked has its answer"
    ann.publish(SCREEN)
    world.settle()
    assert (program.content_token.holder, hall.hall.content_allowed) == (ann.participant.sid, False)
    assert [(one.who, one.state) for one in world.ports.floor_changes] == [
        (ann.participant.sid, "granted"),
        (hall.sid, "revoked"),
    ]
    assert world.scene().content == ann.participant.sid
    program.content_token_moved(program.content_token.ask(hall.sid))
    world.settle()
    assert world.scene().content == hall.sid, "the hall took over, though the browser still shares"
    program.content_token_moved(program.content_token.give_up(hall.sid))
    world.settle()
    assert program.content_token.holder == ann.participant.sid == world.scene().content
    ann.end("screen")
    world.settle()
    assert program.content_token.holder != ann.participant.sid
    assert world.scene().content == ""


def test_a_hall_that_leaves_leaves_the_token(world: HallWorld) -> None:
    one, two = HallParty(world, "one", plan(content=True)), HallParty(world, "two", plan(content=True))
    program = one.conference.program
    assert program is not None
    program.content_token_moved(program.content_token.ask(one.sid))
    one.hall.hung_up()
    world.settle()
    assert program.content_token.holder is None
    assert two.sid in program.halls
    assert [(change.who, change.state) for change in world.ports.floor_changes] == [(one.sid, "released")]


def test_the_reception_refuses_presentations(world: HallWorld) -> None:
    hall = HallParty(world, "hall", plan(content=True), room="r", mode="reception")
    program = hall.conference.program
    assert program is not None
    program.content_token_moved(program.content_token.ask(hall.sid))
    assert program.content_token.holder is None
    assert not hall.hall.content_allowed


def test_a_browser_sends_video_that_only_halls_watch(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(CAMERA)
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    told = [event.highest for event in ann.client.of(LayersWanted)]
    assert told, "nobody looks"
    assert told[-1] is None, "nobody looks"
    hall = HallParty(world, "hall")
    world.settle()
    assert [event.highest for event in ann.client.of(LayersWanted)][-1] is Quality.HIGH
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    assert [event.highest for event in ann.client.of(LayersWanted)][-1] is Quality.HIGH
    hall.hall.hung_up()
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    assert [event.highest for event in ann.client.of(LayersWanted)][-1] is None


def test_a_browser_that_no_hall_shows_sends_no_video_for_halls(world: HallWorld) -> None:
    ann, ben = (Party(world, name, auto_subscribe=False) for name in ("ann", "ben"))
    (sid,) = ben.publish(replace(CAMERA, codec="video/VP9", backup="video/VP8"))
    ann.publish(CAMERA)
    program = HallParty(world, "hall").hall.program
    program.set_layout("1")
    world.settle()
    publishing.announce_backup(ben.participant, sid, replace(CAMERA, cid="second", codec="video/VP8"))
    ben.offer("video sendonly second q h f")
    program.set_stage("pinned", ben.sid)
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    told = ben.client.last(LayersWanted)
    assert (ann.client.last(LayersWanted).highest, told.highest) == (None, None)
    assert told.backup == ("video/VP8", Quality.HIGH)
    program.set_stage("pinned", ann.sid)
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    assert ann.client.last(LayersWanted).highest is Quality.HIGH
    assert ben.client.last(LayersWanted).backup == ("video/VP8", None)


def test_without_audio_levels_the_mixer_decodes_the_whole_hall(world: HallWorld) -> None:
    levels = replace(plan("opus"), audio=replace(audio("opus"), levels_id=3))
    bare, levelled, plain = (
        HallParty(world, "bare", plan("opus")),
        HallParty(world, "levelled", levels),
        HallParty(world, "plain"),
    )
    unmeasured = {one.site: one.unmeasured for one in world.scene().sources if one.kind == "audio"}
    assert unmeasured == {bare.sid: True, levelled.sid: False, plain.sid: False}


def test_operators_see_whose_video_no_hall_can_decode(world: HallWorld) -> None:
    """Operators do not see a promised backup codec until its wait is over. They see a track that no hall can decode until its
    packets arrive or it is muted.
    """
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    (sid,) = ann.publish(replace(CAMERA, codec="video/VP9", backup="video/VP8"))
    (other,) = ben.publish(replace(CAMERA, codec="video/VP9"))
    eve.publish(CAMERA)
    program = HallParty(world, "hall").hall.program
    world.settle()
    assert program.unseen() == ["Ben"]
    world.pass_time(limits.BACKUP_S + 1)
    assert program.unseen() == ["Ann", "Ben"]
    publishing.mute(ben.participant, other, True)
    assert program.unseen() == ["Ann"]
    publishing.announce_backup(ann.participant, sid, replace(CAMERA, cid="second", codec="video/VP8"))
    ann.offer("video sendonly second q h f")
    world.settle()
    assert program.unseen() == ["Ann"], "no packet yet"
    second = ann.participant.tracks[sid].backup
    assert second is not None
    assert second.producer is not None
    second.producer.active_layers.add(0)
    world.pass_time(limits.BACKUP_S + 1)
    assert program.unseen() == []


def test_operators_see_when_a_second_codec_is_missing_for_halls(world: HallWorld) -> None:
    ann = Party(world, "ann")
    ann.publish(replace(CAMERA, codec="video/VP9", backup="video/AV1"))
    program = HallParty(world, "hall").hall.program
    world.settle()
    assert program.unseen() == ["Ann"]


def test_a_browser_with_a_codec_for_halls_sends_no_backup(world: HallWorld) -> None:
    ann = Party(world, "ann")
    (sid,) = ann.publish(replace(CAMERA, codec="video/VP8", backup="video/H264"))
    HallParty(world, "hall")
    world.settle()
    assert world.scene().info()[ann.sid].picture
    assert not ann.participant.tracks[sid].lacking
    assert all(event.backup is None for event in ann.client.of(LayersWanted))


def test_a_browser_adds_the_codec_that_halls_need(world: HallWorld) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    (sid,) = ann.publish(replace(CAMERA, codec="video/VP9", backup="video/VP8"))
    ben.offer()
    world.settle()
    assert all(event.backup is None for event in ann.client.of(LayersWanted))
    hall = HallParty(world, "hall")
    world.settle()
    assert ann.client.last(LayersWanted).backup == ("video/VP8", Quality.HIGH)
    publishing.announce_backup(ann.participant, sid, replace(CAMERA, cid="second", codec="video/VP8"))
    ann.offer("video sendonly second q h f")
    world.settle()
    assert [source.codec for source in world.scene().sources if source.kind == "video"].count("vp8") == 1
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    told = ann.client.last(LayersWanted)
    assert told.highest is Quality.HIGH, "Ben still looks"
    assert told.backup is not None
    assert told.backup[1] is not None
    hall.hall.hung_up()
    world.pass_time(limits.LAYERS_DOWN_S + 2)
    assert ann.client.last(LayersWanted) == LayersWanted(sid, "video/VP9", Quality.HIGH, ("video/VP8", None))


def test_a_hall_never_sees_itself_as_the_large_picture(world: HallWorld) -> None:
    """Two halls have cameras, and a hall without a camera speaks. Then the hall with a camera that spoke last is in the large
    picture.
    """
    bob, carol = HallParty(world, "bob"), HallParty(world, "carol")
    dave = HallParty(world, "dave", replace(plan(), video=None))
    program = bob.conference.program
    assert program is not None
    program.set_layout("1")
    for party in (carol, bob, dave):
        speak(world, party)
        world.time.advance(limits.HOLD_S)
    assert program.stage.front == dave.sid
    groups = {group.without: group.cells for group in world.scene().groups}
    assert groups == {"": (bob.sid,), bob.sid: (carol.sid,)}
    assert bob.sends("video").producer is not carol.sends("video").producer
    carol.hall.hung_up()
    world.settle()
    assert shared(world.scene()) == [("1", (dave.sid,))], "a name, not bob himself"


@pytest.mark.parametrize(
    ("language", "said"), [("vi", "Đang chờ các điểm cầu khác"), ("en", "Waiting for the other sites")]
)
def test_a_lone_hall_reads_the_title_and_number_of_the_meeting(world: HallWorld, language: str, said: str) -> None:
    hall = HallParty(world, "hall")
    program = hall.conference.program
    assert program is not None
    hall.hall.language = language  # type: ignore[assignment]
    program.splash.set_about(About("Giao ban tuần" + " rất dài" * 20, "123456789", "08:00"))
    world.settle()
    (group,) = world.scene().groups
    title, number, waits = group.text.split("\n")
    assert (group.cells, group.without, waits) == ((), hall.sid, said)
    assert title.startswith("Giao ban tuần")
    assert len(title) <= limits.WAITING_TITLE_CHARACTERS
    assert number.endswith("123 456 789")
    other = HallParty(world, "other")
    assert {group.text for group in world.scene().groups} == {""}
    other.hall.hung_up()
    world.settle()
    program.set_text("Họp lại lúc 9 giờ")
    world.settle()
    assert [group.text for group in world.scene().groups] == ["Họp lại lúc 9 giờ"], "the operator's words come first"


def test_a_long_title_fills_its_line_and_ends_in_dots() -> None:
    most = limits.WAITING_TITLE_CHARACTERS
    assert splash.words(About("x" * most), "vi").startswith("x" * most + "\n")
    assert splash.words(About("x" * (most + 1)), "vi").startswith("x" * (most - 1) + "…\n")


def test_late_sound_is_shown_in_the_status_until_it_ends(world: HallWorld, caplog: pytest.LogCaptureFixture) -> None:
    program = HallParty(world, "hall").conference.program
    assert program is not None
    seen = [program.status.sound_late]
    for is_late in (True, False, True):
        world.mixer.events.late(world.mixer, is_late)
        seen.append(program.status.sound_late)
    world.mixer.events.lost(world.mixer)  # the new process has not been late yet
    assert [*seen, program.status.sound_late] == [False, True, False, True, False]
    assert program.status.health == "lost"
    assert "is late" in caplog.text
    assert "is no longer late" in caplog.text
