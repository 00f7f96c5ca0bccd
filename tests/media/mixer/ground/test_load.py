"""The order of degradation, the recovery, and the refused groups."""

from dataclasses import replace
from itertools import pairwise

import pytest

from media.mixer.ground.load import DOWN_AFTER_S, STEPS, UP_AFTER_S, Ladder, Punctuality, admit, at_step, cost
from media.mixer.ground.scene import Group

GROUP = Group("a", 1, 96, "h264", 1920, 1080, 30, 2_500_000, "4x4", ("s1",))


def test_the_order_is_fps_preset_size_tiles() -> None:
    made = [at_step(GROUP, step) for step in range(len(STEPS))]
    assert [one.group.fps for one in made] == [30, 15, 15, 15, 15]
    assert [one.preset for one in made] == ["superfast", "superfast", "ultrafast", "ultrafast", "ultrafast"]
    assert [one.group.height for one in made] == [1080, 1080, 1080, 720, 720]
    assert [one.group.width for one in made] == [1920, 1920, 1920, 1280, 1280]
    assert [one.group.layout for one in made] == ["4x4"] * 4 + ["3x3"]
    assert {one.group.ssrc for one in made} == {1}


def test_what_is_small_already_stays() -> None:
    small = replace(GROUP, width=640, height=360, fps=15, layout="1")
    assert at_step(small, 4).group == small


def seconds(ladder: Ladder, cores: float, late: float, start: int, count: int) -> list[int]:
    steps = []
    for now in range(start, start + count):
        ladder.observe(cores, late, float(now))
        steps.append(ladder.step)
    return steps


def test_lasting_load_lowers_the_quality_one_step_at_a_time() -> None:
    ladder = Ladder(1.4)
    assert seconds(ladder, 1.5, 0, 0, 1) == [0]
    assert seconds(ladder, 0.5, 0, 1, 1) == [0]
    steps = seconds(ladder, 1.5, 0, 2, 30)
    assert steps[int(DOWN_AFTER_S)] == 1
    assert all(after - before in (0, 1) for before, after in pairwise(steps))
    assert steps[-1] == len(STEPS) - 1


def test_late_ticks_count_though_the_processor_seems_free() -> None:
    assert seconds(Ladder(1.4), 0.2, 0.3, 0, 4)[-1] == 1


def test_a_step_back_up_needs_free_capacity() -> None:
    ladder = Ladder(1.4)
    seconds(ladder, 1.5, 0, 0, 3)
    assert ladder.step == 1
    assert seconds(ladder, 0.9, 0, 10, 60)[-1] == 1  # 0.9 x 1.7 would be above the budget again
    assert seconds(ladder, 0.5, 0, 100, int(UP_AFTER_S) + 1)[-2:] == [1, 0]


def test_a_failed_recovery_waits_longer_the_next_time() -> None:
    ladder = Ladder(1.4)
    now, waits = 0, []
    for _ in range(3):
        while ladder.step == 0:
            ladder.observe(1.6, 0, float(now := now + 1))
        since = now
        while ladder.step == 1:
            ladder.observe(0.4, 0, float(now := now + 1))
        waits.append(now - since)
    assert waits[0] == UP_AFTER_S + 1
    assert waits[1] >= 2 * UP_AFTER_S
    assert waits[2] >= 4 * UP_AFTER_S


def test_a_group_beyond_the_budget_is_refused_alone() -> None:
    groups = [replace(GROUP, id=str(number), ssrc=number + 1) for number in range(5)]
    made, refused = admit(groups, (), 0, 0.0, 1.4)
    assert made == groups[:2]
    assert refused == groups[2:]
    assert admit(groups, {"3", "4"}, 0, 0.0, 1.4)[0] == groups[3:]
    assert admit(groups[:3], {"0", "1", "2"}, 9, 3.0, 1.4) == (groups[:3], [])
    assert admit([*groups[:1], groups[1]], {"0"}, 0, 1.3, 1.4) == (groups[:1], groups[1:2])


def test_the_first_group_is_always_made() -> None:
    assert admit([GROUP], (), 16, 0.0, 0.3) == ([GROUP], [])


def test_smaller_groups_cost_less() -> None:
    assert cost(replace(GROUP, width=1280, height=720)) < cost(GROUP) * 0.6
    assert cost(replace(GROUP, width=640, height=360, fps=15)) < 0.07
    assert cost(replace(GROUP, width=1280, height=720)) == pytest.approx(0.26)


def test_an_ending_program_frees_room_and_a_first_always_runs() -> None:
    going, coming = replace(GROUP, id="old", clock=True), replace(GROUP, id="new", ssrc=2, clock=True)
    budget = cost(GROUP) * 1.5
    assert admit([coming, going], {"old"}, 0, cost(GROUP), budget)[1] == [coming]
    ending = replace(going, ending=True)
    assert admit([coming, ending], {"old"}, 0, cost(GROUP), budget) == ([coming, ending], [])
    slides = replace(GROUP, id="slides", ssrc=3)
    assert admit([coming, slides], {"slides"}, 0, 3.0, budget) == ([coming, slides], [])
    assert admit([going, slides], {"old"}, 0, 3.0, budget) == ([going], [slides])


def test_sound_is_late_after_two_seconds_and_recovers_after_ten() -> None:
    punctuality, ticks, changes = Punctuality(), 0, []
    for second in range(40):
        ticks += 5 if 5 <= second < 12 else 0
        if punctuality.observe(ticks, float(second)):
            changes.append((second, punctuality.is_late))
    assert changes == [(7, True), (22, False)]


def test_one_late_moment_raises_no_alarm() -> None:
    punctuality = Punctuality()
    assert not any(punctuality.observe(50 if second >= 3 else 0, float(second)) for second in range(20))
