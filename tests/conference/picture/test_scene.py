"""The pure function of the scene: frozen data in, frozen data out, without SSRCs."""

from __future__ import annotations

from dataclasses import replace

from conference.announcements.spoken_texts import Language
from conference.picture import power
from conference.picture.layout import Stage
from conference.picture.power import Power
from conference.picture.scene import Site, State, Stream, Viewer, scene
from tests.conference.hall_doubles import plan


def site(sid: str, *, content: bool = False) -> Site:
    picture = Stream("h264", 97)
    return Site(sid, sid, False, False, False, picture, Stream("opus", 111), picture if content else None)


def viewer(sid: str) -> Viewer:
    return Viewer(sid, plan(), "pcma", None, "", "vi", True, 0, 0, 0)


def state(*, content: bool = False) -> State:
    sites = (site("one"), site("two"), site("ann", content=content))
    viewers = (viewer("one"), viewer("two"))
    return State("meeting", sites, viewers, Stage(speaker="one"), None, Power(), layout="1")


def test_the_same_state_gives_the_same_scene_and_no_numbers() -> None:
    made = scene(state())
    assert made == scene(state())
    picture = made.picture
    numbers = [one.ssrc for one in picture.sources] + [one.ssrc for one in picture.groups]
    assert {*numbers, *(one.ssrc for one in picture.mixes)} == {0}
    assert {one.without: made.halls_of[one.id] for one in made.picture.groups} == {"": ("two",), "one": ("one",)}
    assert made.mix_of == {"one": "mix pcma one", "two": "mix pcma two"}
    assert made.large == {"one"} | {one.cells[0] for one in made.picture.groups}


def test_halls_with_one_stream_get_the_slides_layout() -> None:
    made = scene(state(content=True))
    assert (made.picture.content, {one.layout for one in made.picture.groups}) == ("ann", {"slides"})
    assert [(one.site, one.kind) for one in made.picture.sources if one.content] == [("ann", "video")]


def test_power_returns_when_fewer_programs_run_or_slides_begin() -> None:
    groups = scene(state()).picture.groups
    less = power.refused(Power(), groups, groups[0].id)
    assert less.programs == 1
    assert power.refused(less, groups, "unknown") is less
    assert power.asked(less, 2) is less
    assert power.asked(less, 1) == Power()
    assert power.presenting(less, True) == Power(presented=True)
    assert power.presenting(less, False) is less


def test_only_a_lecturer_with_a_program_gets_turning_pages() -> None:
    lecture = replace(state(), layout="lecture", stage=Stage("lecture", "one", speaker="one"))
    assert {one.without for one in scene(lecture).picture.groups} == {"", "one"}
    assert scene(lecture).turns_pages
    browser = replace(lecture, stage=Stage("lecture", "ann", speaker="ann"))
    assert {one.layout for one in scene(browser).picture.groups} == {"lecture"}
    assert not scene(browser).turns_pages
    assert {one.without for one in scene(state()).picture.groups} == {"", "one"}
    assert not scene(state()).turns_pages


def test_a_hall_has_less_for_its_picture_while_slides_are_shown() -> None:
    narrow = replace(viewer("two"), video_bps=1_000_000, video_beside_content_bps=256_000)
    plain, slides = (replace(state(content=content), viewers=(narrow,)) for content in (False, True))
    assert [one.bitrate_bps for one in scene(plain).picture.groups] == [1_000_000]
    assert [one.bitrate_bps for one in scene(slides).picture.groups] == [256_000]


def test_each_hall_has_its_own_qr_code_or_none_has_one() -> None:
    """A hall that got the program of another hall would show a code that gives the ballots of the other hall."""
    asked: dict[Language, str] = {"vi": "BIỂU QUYẾT", "en": "VOTE"}
    viewers = tuple(
        replace(viewer(sid), card=(f"https://hop.vn/phieu#{sid}", "cùng một lời")) for sid in ("one", "two")
    )
    vote = replace(state(), viewers=viewers, vote=asked)
    made = scene(vote)
    shown = {made.halls_of[one.id]: (one.code, one.text) for one in made.picture.groups}
    assert shown == {(sid,): (f"https://hop.vn/phieu#{sid}", "cùng một lời") for sid in ("one", "two")}
    for other in (
        replace(vote, power=Power(programs=1)),
        replace(vote, power=Power(codes=False)),
        replace(vote, vote={}),
        replace(vote, recess="09:30"),
        replace(vote, stopped=True),
        replace(vote, apart=frozenset({"one", "two"})),
    ):
        assert {one.code for one in scene(other).picture.groups} == {""}
    many = tuple(replace(viewers[0], sid=f"hall-{at}", card=(f"https://hop.vn/phieu#{at}", "")) for at in range(7))
    assert {one.code for one in scene(replace(vote, viewers=many)).picture.groups} == {""}, "more halls than programs"
