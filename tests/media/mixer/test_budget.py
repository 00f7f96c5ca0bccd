"""The processor time that the mixers of all conferences of a machine share."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import Budget, Node, NodeSettings, usable_cores
from media.mixer.budget import Use, rooms, shares
from media.mixer.ground.load import _RELIEF, Ladder
from media.mixer.ground.scene import Group, Scene, SiteInfo
from media.mixer.mixer import Mixer
from tests.media.mixer.stage import Told
from tests.waiting import until

GROUPS = (
    Group("g", 11, 97, "h264", 1280, 720, 30, 2_000_000, "1", ("a",)),
    Group("h", 12, 97, "h264", 640, 360, 15, 512_000, "1", ("a",)),
)
CORES = 1.4
HOUR_S = 3600


def used(mixers: Sequence[Ladder], full: Sequence[float]) -> list[float]:
    """Return the cores of mixers that would use `full` without degradation."""
    return [cores / math.prod(_RELIEF[1 : one.step + 1]) for one, cores in zip(mixers, full, strict=True)]


@pytest.mark.parametrize(
    "full",
    [(0.9,) * 2, (0.75,) * 2, (0.5,) * 3, (0.4,) * 4, (0.6,) * 4, (0.2,) * 8, (1.0, 0.3, 0.3), (1.3, 0.05), (0.9, 0.7)],
)
def test_overloaded_mixers_come_to_rest_within_the_budget(full: tuple[float, ...]) -> None:
    """Mixers that improved their pictures together would reduce them together, for ever."""
    mixers, measured = [Ladder(CORES) for _ in full], [0.0] * len(full)
    changes, over = list[int](), 0
    for second in range(HOUR_S):
        now = used(mixers, full)
        measured = [before + (own - before) * 0.4 for before, own in zip(measured, now, strict=True)]
        if second % 2 == 0:
            uses = [Use(own, degraded=one.step > 0) for own, one in zip(measured, mixers, strict=True)]
            for one, share in zip(mixers, shares(CORES, uses), strict=True):
                one.budget = share
        changes += [second for one, own in zip(mixers, measured, strict=True) if one.observe(own, 0.0, second)]
        over += sum(now) > CORES * 1.02
    assert [second for second in changes if second > 60] == []
    assert over < 15, "seconds above the budget"
    assert sum(used(mixers, full)) <= CORES
    assert max(one.step for one in mixers) <= (2 if sum(full) < 2 else 3), "no more than needed"


def test_a_mixer_with_little_to_do_keeps_its_pictures() -> None:
    uses = [Use(1.2), Use(0.3), Use(0.2)]
    assert shares(CORES, uses) == pytest.approx([0.9] * 3), "the largest one gives way"
    assert shares(CORES, [Use(0.7, degraded=True), Use(0.05)]) == pytest.approx([1.35, 0.7])
    assert shares(CORES, [Use(0.0)]) == [CORES]


@given(st.lists(st.floats(0, 1.4), min_size=1, max_size=20))
def test_ten_conferences_that_begin_together_do_not_all_get_the_whole(wishes: list[float]) -> None:
    """Each begins what fits into its room. The first ones share the whole, and each later one gets its equal part."""
    uses = list[Use]()
    for wish in wishes:
        uses.append(Use(0.0))
        uses[-1] = Use(0.0, min(wish, rooms(CORES, uses)[-1]))
    equal = [CORES / number for number in range(1, len(uses) + 1)]
    assert sum(one.asked for one in uses) <= CORES + sum(equal[1:])
    assert all(one.asked >= min(wish, part) for one, wish, part in zip(uses, wishes, equal, strict=True))


@pytest.mark.parametrize(("text", "most"), [("50000 100000", 0.5), ("max 100000", None), ("", None), (None, None)])
def test_a_container_may_have_less_than_the_machine(tmp_path: Path, text: str | None, most: float | None) -> None:
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == (most or len(os.sched_getaffinity(0)))


async def test_conferences_share_the_machine() -> None:
    """Two conferences ask in the same second. The second one gets what the first one has not asked for."""
    node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
    budget = Budget(1.0)
    first, second = (budget.open(node.open_router(), Told()) for _ in range(2))
    try:
        assert first.budget_cores == second.budget_cores == (1.0, 1.0)
        first.set_scene(Scene(1, sites=(SiteInfo("a", "A"),), groups=(GROUPS[0], replace(GROUPS[0], id="i", ssrc=13))))
        assert first.asked_cores == pytest.approx(0.52)
        assert second.budget_cores == pytest.approx((1.0, 0.5)), "an equal part, and no more"
        assert second.has_room(GROUPS)
        _use(budget, first, 0.7)
        _use(budget, second, 0.6)
        assert first.budget_cores[0] == second.budget_cores[0] == 0.5, "both reduce their pictures"
        assert not second.has_room(GROUPS)
        first.close()
        assert second.budget_cores == pytest.approx((1.0, 1.0))
        assert second.has_room(GROUPS)
    finally:
        second.close()
        node.close()
        ids = (first.pid, second.pid)
        await until(lambda: not any(Path(f"/proc/{one}").exists() for one in ids), "the processes ended")


def _use(budget: Budget, mixer: Mixer, cores: float) -> None:
    mixer.running, mixer.figures = True, {"cores": cores}
    budget.changed(mixer)
