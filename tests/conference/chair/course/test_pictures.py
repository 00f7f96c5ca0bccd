"""The chair's orders about pictures: every mode with every event, the undo, and all sites in turn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair.course import pictures
from conference.chair.course.pictures import (
    EVENTS,
    TABLE,
    Apply,
    Event,
    Left,
    Look,
    Mode,
    Picture,
    Set,
    State,
    Tick,
    Undo,
    ViewAlone,
)
from conference.ground import limits
from conference.ground.errors import Refusal

SITES = ("tinh", "ba-be", "cho-don")
NOTHING = State()


def setting(mode: Mode) -> Picture:
    return Picture(mode, "" if mode == "voice" else "ba-be", turn_s=20.0)


def shown(mode: Mode) -> State:
    return pictures.step(NOTHING, Set(setting(mode), SITES), 1000.0)[0]


SAMPLES: dict[type[Event], Event] = {
    Set: Set(setting("pinned"), SITES),
    Undo: Undo(SITES),
    ViewAlone: ViewAlone("tinh", "cho-don"),
    Left: Left("ba-be"),
    Tick: Tick(SITES),
}


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_mode_takes_each_event(mode: Mode, event: type[Event]) -> None:
    assert (mode, event) in TABLE
    after, effects = pictures.step(shown(mode), SAMPLES[event], 1020.0)
    expected: dict[type[Event], tuple[Mode, str]] = {
        Set: ("pinned", "ba-be"),
        Undo: ("voice", ""),
        ViewAlone: (mode, setting(mode).site),
        Left: ("turn", "ba-be") if mode == "turn" else ("voice", ""),
        Tick: ("turn", "cho-don") if mode == "turn" else (mode, setting(mode).site),
    }
    assert (after.picture.mode, after.picture.site) == expected[event]
    for one in effects:
        assert isinstance(one, Look) or one.picture == after.picture
    read = pictures.from_json(json.loads(json.dumps(pictures.as_json(after))), 5.0)
    assert (read.picture, read.alone) == (after.picture, after.alone)


def test_all_sites_are_shown_in_turn_and_the_round_begins_again() -> None:
    state, _ = pictures.step(NOTHING, Set(Picture("turn", turn_s=10.0), SITES), 1000.0)
    seen, now = [state.picture.site], 1000.0
    for _ in range(4):
        assert pictures.step(state, Tick(SITES), now + 9.9) == (state, ())
        now += 10.0
        state, effects = pictures.step(state, Tick(SITES), now)
        assert effects == (Apply(state.picture),)
        seen.append(state.picture.site)
    assert seen == ["tinh", "ba-be", "cho-don", "tinh", "ba-be"]
    state, _ = pictures.step(state, Left("ba-be"), now + 1.0)
    state, _ = pictures.step(state, Tick(("tinh", "cho-don")), now + 1.0)
    assert state.picture.site == "tinh", "the next site comes at once"
    assert pictures.step(state, Tick(()), now + 99.0) == (state, ()), "nobody is there"


def test_an_undo_brings_the_last_setting_back_once() -> None:
    pinned = Picture("pinned", "tinh", "3x3", ("", "ba-be"))
    state, _ = pictures.step(NOTHING, Set(pinned, SITES), 1.0)
    state, _ = pictures.step(state, Set(Picture("broadcast", "cho-don"), SITES), 2.0)
    state, effects = pictures.step(state, Undo(SITES), 3.0)
    assert (state.picture, effects) == (pinned, (Apply(pinned),))
    with pytest.raises(Refusal, match="undo_gone"):
        pictures.step(state, Undo(SITES), 3.0)


def test_an_undo_does_not_show_a_site_that_left() -> None:
    state, _ = pictures.step(NOTHING, Set(Picture("pinned", "tinh"), SITES), 1.0)
    state, _ = pictures.step(state, Set(Picture("broadcast", "ba-be"), SITES), 2.0)
    state, _ = pictures.step(state, Undo(("ba-be",)), 3.0)
    assert (state.picture.mode, state.picture.site) == ("voice", "")


def test_one_hall_looks_at_a_site_alone() -> None:
    state, effects = pictures.step(NOTHING, ViewAlone("tinh", "ba-be"), 1.0)
    assert effects == (Look("tinh", "ba-be"),)
    assert pictures.as_document(state) == {"mode": "voice", "alone": {"tinh": "ba-be"}}
    state, effects = pictures.step(state, ViewAlone("tinh", ""), 1.0)
    assert (state.alone, effects) == ((), (Look("tinh", ""),))
    for number in range(limits.VIEWS_ALONE):
        state, _ = pictures.step(state, ViewAlone(f"hall{number}", "ba-be"), 1.0)
    pictures.step(state, ViewAlone("hall0", "tinh"), 1.0)  # it looks at another site
    with pytest.raises(Refusal, match="views_many"):
        pictures.step(state, ViewAlone("one more", "ba-be"), 1.0)
    with pytest.raises(Refusal, match="view_itself"):
        pictures.step(state, ViewAlone("tinh", "tinh"), 1.0)


@pytest.mark.parametrize(
    ("code", "picture"),
    [
        ("turn_bad", Picture("turn", turn_s=limits.VIEW_LEAST_S - 0.1)),
        ("turn_bad", Picture("turn", turn_s=limits.VIEW_MOST_S + 0.1)),
        ("hold_bad", Picture(hold_s=limits.HOLD_MOST_S + 0.1)),
        ("hold_bad", Picture(hold_s=limits.HOLD_LEAST_S - 0.1)),
        ("pins_many", Picture(pins=("",) * (limits.PINS + 1))),
        ("layout_bad", Picture(layout="5x5")),  # type: ignore[arg-type]
        ("site_unseen", Picture("pinned", "nowhere")),
        ("site_unseen", Picture("broadcast")),
    ],
)
def test_a_setting_out_of_bounds_is_refused(code: str, picture: Picture) -> None:
    with pytest.raises(Refusal, match=code):
        pictures.step(NOTHING, Set(picture, SITES), 1.0)


def test_a_setting_at_the_bounds_is_taken() -> None:
    for least, most in ((limits.HOLD_LEAST_S, limits.VIEW_MOST_S), (limits.HOLD_MOST_S, limits.VIEW_LEAST_S)):
        picture = Picture("turn", hold_s=least, turn_s=most, pins=("",) * limits.PINS)
        assert pictures.step(NOTHING, Set(picture, SITES), 1.0)[0].picture == replace(picture, site="tinh")


@given(st.lists(st.sampled_from(get_args(Mode)), min_size=1, max_size=8))
def test_the_undo_restores_whatever_was_before(modes: list[Mode]) -> None:
    state = NOTHING
    for mode in modes[:-1]:
        state, _ = pictures.step(state, Set(setting(mode), SITES), 1.0)
    before = state.picture
    state, _ = pictures.step(state, Set(setting(modes[-1]), SITES), 2.0)
    assert pictures.step(state, Undo(SITES), 3.0)[0].picture == before
