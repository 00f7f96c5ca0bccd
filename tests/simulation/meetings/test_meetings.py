"""Random meetings with a fake clock, network, halls, browsers and a database with faults (`walk.py`). The checks run after each
step.

`make sim` simulates weeks with new seeds (`run.py`). A seed that fails is added to `SEEDS`, so `make test` runs its meeting too.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from conference.chair import floor
from tests.simulation.meetings import planted
from tests.simulation.meetings.planted import BUGS, Bug
from tests.simulation.meetings.walk import STORED, simulate

SEEDS = (1, 6, 10, 14)
"""The meetings of `make test`."""
STEPS = 300
STEPS_STORED = 100
"""Steps of a meeting with the real store."""
QUICK = 10
"""The most meetings in which a planted bug must be found, in `make test`."""
MOST = 40
"""The most meetings in which a planted bug must be found, in `make sim`."""


@pytest.mark.parametrize("seed", SEEDS)
def test_the_invariants_hold_in_a_random_meeting(seed: int) -> None:
    steps = STEPS if seed % STORED else STEPS_STORED
    outcome = simulate(seed, steps)
    assert not outcome.broken, "\n".join([*outcome.story, str(outcome)])
    assert outcome.steps == steps


def test_the_same_seed_is_the_same_meeting() -> None:
    one, other = simulate(STORED, 25), simulate(STORED, 25)
    assert (one.done, one.refused, one.simulated_s, one.story) == (
        other.done,
        other.refused,
        other.simulated_s,
        other.story,
    )


def found(bug: Bug, seeds: Iterable[int]) -> None:
    """Plant a bug. One of the meetings must break a rule of the bug, and no other rule may break before."""
    steps = meetings = 0
    with planted.planted(bug):
        for seed in seeds:
            outcome = simulate(seed, STEPS)
            steps, meetings = steps + outcome.steps, meetings + 1
            if outcome.broken:
                break
    assert outcome.rule in bug.rules, f"{outcome} ({steps} steps in {meetings} meetings)"
    print(f"{bug.name}: found after {steps} steps, in meeting {meetings}")


@pytest.mark.parametrize("bug", BUGS, ids=[one.name for one in BUGS])
def test_a_planted_bug_is_found(bug: Bug) -> None:
    """`Bug.seed` finds the bug in the first meeting today. A change of the rules changes all meetings, so others may follow."""
    found(bug, range(bug.seed, bug.seed + QUICK))


@pytest.mark.sim
@pytest.mark.parametrize("bug", BUGS, ids=[one.name for one in BUGS])
def test_a_planted_bug_is_found_from_any_first_seed(bug: Bug) -> None:
    found(bug, range(1001, 1001 + MOST))


def test_a_planted_bug_is_taken_back() -> None:
    before = floor._tick.__code__
    with planted.planted(BUGS[1]):
        assert floor._tick.__code__ is not before
    assert floor._tick.__code__ is before
