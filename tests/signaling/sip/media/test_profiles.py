"""Vendor profiles: matched by User-Agent, edited by the operator, and the next tries after a 488."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import Refusal
from signaling.sip.media import profiles
from signaling.sip.media.profiles import GENERIC, SHIPPED, Profile, Profiles
from signaling.sip.wire import body_limits as limits


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Polycom HDX 8000 HD (Release - 2.5.0.8_ne-4035)", "polycom-hdx"),
        ("Polycom VSX 7000 (HF 8.5.3.2b - 22Aug2007 16.10)", "polycom-vsx"),
        ("PolycomRealPresenceGroup500/6.2.2", "poly-group"),
        ("PolycomVVX-VVX_500-UA/5.8.0.12848", "polycom-vvx"),
        ("TANDBERG/257 (TENC4.1.6.315255)", "tandberg-e20"),
        ("TANDBERG/518 (TCNC6.2.0.20b1616)", "cisco"),
        ("TANDBERG/4352 (X8.7.3-b2bua-1.0)", "cisco"),
        ("Huawei ViewPoint9000", "huawei"),
        ("Huawei-MC850/V100R001C02B120", "huawei"),
        ("Yealink VC400 30.10.0.27", "yealink"),
        ("AVer, EVC130 00.01.12.81", "aver"),
        ("baresip v1.1.0 (x86_64/linux)", "baresip"),
        ("", "generic"),
        (None, "generic"),
        ("SIPp", "generic"),
    ],
)
def test_real_user_agents(agent: str | None, name: str) -> None:
    assert Profiles().find(agent).name == name


def test_the_longest_word_wins_and_the_operator_before_us() -> None:
    own = profiles.read(
        [
            {"name": "hall-7", "words": ["Yealink VC400 30.10"], "modes": [0]},
            {"name": "yealink", "words": ["Yealink VC"]},
        ]
    )
    known = Profiles(own)
    assert known.find("Yealink VC400 30.10.0.27").name == "hall-7"
    assert known.find("Yealink VC800").floor_word == "mstrm", "his row replaces ours"
    assert Profiles().find("Yealink VC800").floor_word == "m-stream"


def test_a_profile_can_be_based_on_a_shipped_profile() -> None:
    (found,) = profiles.read([{"name": "te40", "like": "huawei", "words": ["TE40"], "max_level": 31}])
    assert (found.audio, found.feedback, found.max_level) == (("g722", "pcma", "pcmu"), ("fir",), 31)


@pytest.mark.parametrize("profile", SHIPPED, ids=lambda profile: profile.name)
def test_shipped_rows_can_be_edited(profile: Profile) -> None:
    assert profiles.read([profiles.row(profile)]) == (profile,)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ({}, "list"),
        ([3], "row 1"),
        ([{}], "name"),
        ([{"name": "ok"}, {"name": "No Good"}], "row 2"),
        ([{"name": "a", "max_level": 33}], "max_level"),
        ([{"name": "a", "audio": ["mp3"]}], "audio"),
        ([{"name": "a", "audio": []}], "audio"),
        ([{"name": "a", "colour": "red"}], "colour"),
        ([{"name": "a", "like": "nobody"}], "like"),
        ([{"name": "a", "like": ["huawei"]}], "like"),
        ([{"name": "a", "words": ["x"]}], "words"),
        ([{"name": "a", "words": ["ab"] * (limits.PROFILE_WORDS + 1)}], "words"),
        ([{"name": f"a{index}"} for index in range(limits.PROFILES + 1)], str(limits.PROFILES)),
    ],
)
def test_an_invalid_row_is_named_in_the_refusal(rows: Any, word: str) -> None:
    with pytest.raises(Refusal) as refused:
        profiles.read(rows)
    assert word in refused.value.english
    assert refused.value.vietnamese != refused.value.english


def test_as_many_rows_as_are_allowed() -> None:
    rows = [{"name": f"a{index}", "words": ["ab"] * limits.PROFILE_WORDS} for index in range(limits.PROFILES)]
    assert len(profiles.read(rows)) == limits.PROFILES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["name", "words", "like", "audio", "modes", "floor", "max_level", "high", "tias", "transports"]
)


@given(st.lists(st.dictionaries(FIELDS, JSON, max_size=4), max_size=3))
def test_any_rows_are_read_or_refused(rows: list[dict[str, Any]]) -> None:
    try:
        found = profiles.read(rows)
    except Refusal:
        return
    assert len(found) == len(rows)
    assert all(isinstance(profile, Profile) for profile in found)


def test_after_a_488_less_is_tried() -> None:
    whole, plain, least = profiles.ladder(GENERIC, "best_effort")
    assert whole == GENERIC
    assert not plain.content
    assert not plain.floor
    assert not plain.far_camera
    assert plain.encryption_style == "savp"
    assert (least.audio, least.modes, least.max_level, least.encryption) == (("pcma", "pcmu"), (0,), 13, "off")
    assert profiles.ladder(GENERIC, "required")[-1].encryption == "any", "never below the policy"
    once = profiles.read([{"name": "once", "redial_minimal": False}])[0]
    assert profiles.ladder(once, "off") == (once,)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(Refusal):
        Profiles().named("nobody")
