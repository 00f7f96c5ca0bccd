"""Scenes: their JSON, their limits, and the changes of a new scene."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.ground import limits
from media.mixer.ground.scene import (
    Group,
    Mix,
    Prompt,
    Scene,
    SceneError,
    SiteInfo,
    Source,
    Voice,
    check,
    difference,
    from_json,
    to_json,
)

GROUP = Group("a", 1, 96, "h264", 1280, 720, 30, 1_500_000, "3x3", ("s1", "", "s2"))
SCENE = Scene(
    7,
    sources=(Source(11, "video", "vp8", 97, "s1"), Source(12, "audio", "opus", 111, "s1")),
    sites=(SiteInfo("s1", "UBND xã Ea Sô", muted=True), SiteInfo("s2", "Sở Nội vụ", picture=False)),
    groups=(GROUP,),
    mixes=(Mix("m", 2, 8, "pcma", without="s1"),),
    voices=(Voice("s1", 12, 3, 111),),
    open_microphones=("s1",),
    recording=True,
    prompts=(Prompt("p", "s1", "/x.wav"),),
)

texts = st.text(max_size=12)
groups = st.builds(
    Group,
    texts,
    st.integers(1, 2**32 - 1),
    st.integers(0, 127),
    st.sampled_from(["h264", "vp8"]),
    st.integers(0, 5000),
    st.integers(0, 5000),
    st.integers(0, 99),
    st.integers(0, 10**8),
    st.sampled_from(["1", "1+5", "4x4", "lecture", "slides"]),
    st.lists(texts, max_size=20).map(tuple),
    clock=st.booleans(),
    text=texts,
)


@given(st.builds(Scene, st.integers(0, 2**31), groups=st.lists(groups, max_size=3).map(tuple), recording=st.booleans()))
def test_a_scene_survives_json(scene: Scene) -> None:
    assert from_json(Scene, json.loads(json.dumps(to_json(scene)))) == scene


def test_every_field_survives_json() -> None:
    assert from_json(Scene, json.loads(json.dumps(to_json(SCENE)))) == SCENE


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"version": "1"},
        {"version": True},
        {"version": 1, "unknown": 2},
        {"version": 1, "groups": {}},
        {"version": 1, "groups": [[]]},
        {"version": 1, "groups": [{"id": "a"}]},
        {"version": 1, "sources": [{**to_json(SCENE.sources[0]), "codec": "av1"}]},
        {"version": 1, "open_microphones": [3]},
    ],
)
def test_what_is_no_scene_is_refused(wrong: Any) -> None:
    with pytest.raises(SceneError):
        from_json(Scene, wrong)


@pytest.mark.parametrize(
    ("name", "bound", "one"),
    [
        ("sources", limits.MIXER_SOURCES, lambda i: Source(i + 1, "video", "h264", 96, "s")),
        ("sites", limits.MIXER_SITES, lambda i: SiteInfo(str(i), "")),
        ("groups", limits.MIXER_GROUPS, lambda i: replace(GROUP, id=str(i), ssrc=i + 1)),
        ("mixes", limits.MIXER_MIXES, lambda i: Mix(str(i), i + 1, 8, "pcma")),
        ("voices", limits.MIXER_VOICES, lambda i: Voice("s", 1, i + 1, 111)),
        ("open_microphones", limits.MIXER_MICROPHONES, str),
        ("prompts", limits.MIXER_PROMPTS, lambda i: Prompt(str(i), "s", "x")),
        ("thumbnails", limits.MIXER_SITES, str),
    ],
)
def test_lists_are_bounded(name: str, bound: int, one: Any) -> None:
    fits: Any = {name: tuple(one(i) for i in range(bound))}
    beyond: Any = {name: (*fits[name], one(bound))}
    check(Scene(1, **fits))
    with pytest.raises(SceneError, match=name):
        check(Scene(1, **beyond))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 1279},
        {"width": 62},
        {"width": limits.MIXER_PICTURE_WIDTH + 2},
        {"width": 1280, "height": 1280 * 2},
        {"fps": 0},
        {"fps": limits.MIXER_FPS + 1},
        {"bitrate_bps": limits.MIXER_BITRATE_BPS[0] - 1},
        {"bitrate_bps": limits.MIXER_BITRATE_BPS[1] + 1},
        {"cells": ("s",) * (limits.MIXER_CELLS + 1)},
        {"text": "x" * (limits.MIXER_TEXT_CHARACTERS + 1)},
        {"ssrc": 0},
        {"ssrc": 1 << 32},
    ],
)
def test_a_group_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    check(Scene(1, groups=(GROUP,)))
    with pytest.raises(SceneError):
        check(Scene(1, groups=(replace(GROUP, **change),)))


def test_labels_are_bounded() -> None:
    check(Scene(1, sites=(SiteInfo("s", "x" * limits.MIXER_LABEL_CHARACTERS),)))
    with pytest.raises(SceneError):
        check(Scene(1, sites=(SiteInfo("s", "x" * (limits.MIXER_LABEL_CHARACTERS + 1)),)))


def test_each_ssrc_and_id_is_unique_in_a_scene() -> None:
    with pytest.raises(SceneError, match="outputs"):
        check(replace(SCENE, mixes=(Mix("m", GROUP.ssrc, 8, "pcma"),)))
    with pytest.raises(SceneError, match="sources"):
        check(replace(SCENE, sources=(SCENE.sources[0], replace(SCENE.sources[0], site="s2"))))
    with pytest.raises(SceneError, match="same id"):
        check(replace(SCENE, groups=(GROUP, replace(GROUP, ssrc=99)), mixes=(), voices=()))


def test_the_difference_of_two_scenes() -> None:
    later = replace(
        SCENE,
        groups=(replace(GROUP, cells=("s2",)), replace(GROUP, id="b", ssrc=40)),
        mixes=(),
        open_microphones=(),
    )
    found = difference(SCENE, later)
    assert [set(one) for one in (found.ended, found.begun, found.changed)] == [{2}, {40}, {1}]
    assert difference(SCENE, SCENE) == difference(later, replace(later, version=9))


def test_the_newest_source_of_a_site_counts() -> None:
    camera = Source(11, "video", "vp8", 97, "s1")
    again, slides = replace(camera, ssrc=15, codec="h264"), replace(camera, ssrc=16, content=True)
    scene = Scene(1, sources=(camera, again, slides))
    assert scene.source_of("s1", "video") == again
    assert scene.source_of("s1", "video", content=True) == slides
    assert scene.source_of("s1", "audio") is None
