"""The places of a hall's picture: the site in each place, and the time that it stays there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference import layout, limits
from conference.picture.layout import PLACES, Layout, Stage, cells

SITES = [f"s{number}" for number in range(20)]
LAYOUTS: list[Layout] = list(PLACES)


def speak(stage: Stage, *turns: tuple[float, str]) -> Stage:
    for now, site in turns:
        stage = layout.heard(stage, site, now)
    return stage


def test_a_speaker_stays_in_front_for_the_hold_time() -> None:
    stage = speak(Stage(), (0.0, "s1"), (1.0, "s2"))
    assert stage.front == "s1"
    assert layout.next_due(stage) == limits.HOLD_S
    assert layout.settled(stage, limits.HOLD_S - 0.01).front == "s1"
    stage = layout.settled(stage, limits.HOLD_S)
    assert (stage.front, stage.recent) == ("s2", ("s1",))
    assert layout.next_due(stage) is None


def test_silence_keeps_the_last_speaker_and_ignores_a_cough() -> None:
    stage = speak(Stage(), (0.0, "s1"), (1.0, "s2"), (1.2, ""))
    assert layout.settled(stage, 100.0).front == "s1"


def test_a_pinned_site_stays_in_front_when_others_speak() -> None:
    stage = speak(Stage(mode="pinned", site="s9"), (0.0, "s1"), (10.0, "s2"))
    assert cells("1", SITES, stage) == ("s9",)
    assert cells("1+5", SITES, stage)[:3] == ("s9", "s2", "s1")


def test_the_front_site_sees_the_previous_front_site() -> None:
    stage = speak(Stage(), (0.0, "s1"), (10.0, "s2"))
    assert cells("1", SITES, stage) == ("s2",)
    assert layout.large("1", SITES, stage) == "s2"
    assert cells("1", SITES, stage, viewer="s2") == ("s1",)
    assert not layout.large("3x3", SITES, stage)


def test_a_front_speaker_without_video_gets_a_stand_in() -> None:
    stage = speak(Stage(), (0.0, "s1"), (10.0, "audio only"))
    for name in layout.LARGE_FIRST:
        assert cells(name, SITES, stage)[0] == "s1"
        assert layout.large(name, SITES, stage) == "s1", name


def test_the_lecturer_sees_his_listeners_page_by_page() -> None:
    stage = Stage(mode="lecture", site="s0")
    assert cells("lecture", SITES, stage)[0] == "s0"
    pages = [cells("lecture", SITES, stage, viewer="s0", page=page) for page in range(5)]
    assert pages[0] == tuple(SITES[1:7])
    assert pages[4] == pages[0]
    assert {one for page in pages for one in page} == set(SITES[1:])


def test_grid_places_are_stable_and_show_the_speaker() -> None:
    stage = speak(Stage(), (0.0, "s3"))
    assert cells("3x3", SITES, stage) == tuple(SITES[:9])
    stage = speak(stage, (10.0, "s15"))
    assert cells("3x3", SITES, stage) == (*SITES[:8], "s15")


def test_a_site_that_leaves_is_removed_from_the_stage() -> None:
    stage = speak(Stage(mode="pinned", site="s2"), (0.0, "s1"), (10.0, "s2"), (20.0, "s3"), (30.0, "s2"))
    gone = layout.without(stage, "s2")
    assert (gone.mode, gone.site, gone.speaker, gone.front) == ("auto", "", "s3", "s3")
    assert "s2" not in gone.recent


def test_the_automatic_layout_follows_the_number_of_sites() -> None:
    assert [layout.automatic(n) for n in (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 240)] == [
        *("1", "1", "1", "2x2", "2x2", "1+5", "1+5", "3x3", "1+7", "4x4", "4x4")
    ]


@given(
    st.sampled_from(LAYOUTS),
    st.integers(0, 20),
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from([*SITES, ""])), max_size=20),
    st.sampled_from(["", *SITES]),
    st.integers(0, 9),
)
def test_no_site_is_shown_twice_or_beyond_the_places(
    name: Layout, present: int, turns: list[tuple[float, str]], viewer: str, page: int
) -> None:
    stage = speak(Stage(), *sorted(turns))
    shown = cells(name, SITES[:present], stage, viewer, page)
    assert len(shown) <= PLACES[name]
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(SITES[:present])
    assert name not in layout.LARGE_FIRST or viewer not in shown
    assert len(stage.recent) <= limits.RECENT_SPEAKERS


PINS = st.lists(st.sampled_from(["", *SITES, "gone"]), max_size=18)


@given(st.sampled_from(LAYOUTS), PINS, st.integers(0, 20), st.sampled_from(["", *SITES]))
def test_pinned_sites_keep_their_places_and_nobody_is_shown_twice(
    name: Layout, pins: list[str], count: int, viewer: str
) -> None:
    here, unique = SITES[:count], tuple(dict.fromkeys(one for one in pins if one))
    stage = Stage(pins=(*unique, *unique))
    shown = cells(name, here, stage, viewer)
    sites = [one for one in shown if one]
    assert len(sites) == len(set(sites))
    assert len(shown) <= PLACES[name]
    assert set(sites) <= set(here)
    if name in layout.LARGE_FIRST:
        assert viewer not in sites
    if PLACES[name] > 1:
        hidden = {viewer} if name in layout.LARGE_FIRST else set()
        for place, one in enumerate(unique[: PLACES[name]]):
            assert one not in here or one in hidden or shown[place] == one


def test_a_pinned_site_that_leaves_frees_its_place() -> None:
    assert layout.without(Stage(pins=("s1", "s2")), "s1").pins == ("", "s2")
