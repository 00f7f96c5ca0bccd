"""The processor time that the mixers of all conferences of a machine share."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import Budget, Node, NodeSettings, usable_cores
from media.mixer.budget import shares
from media.mixer.ground.scene import Group
from media.mixer.mixer import Mixer
from tests.media.mixer.stage import Told
from tests.waiting import until

CORES = st.floats(0, 8)
GROUPS = (
    Group("g", 11, 97, "h264", 1280, 720, 30, 2_000_000, "1", ("a",)),
    Group("h", 12, 97, "h264", 640, 360, 15, 512_000, "1", ("a",)),
)


@given(st.floats(0.1, 64), st.lists(CORES, min_size=1, max_size=20))
def test_all_mixers_together_stay_within_the_budget(cores: float, used: list[float]) -> None:
    """Mixers that reduce themselves to their budgets use no more than the whole in the end."""
    budgets = shares(cores, used)
    assert all(own >= cores / len(used) - 1e-9 for own in budgets), "nobody gets less than an equal part"
    for _ in range(2):
        used = [min(own, most) for own, most in zip(used, budgets, strict=True)]
        budgets = shares(cores, used)
    assert sum(used) <= cores + 1e-6


def test_one_mixer_gets_what_the_others_leave() -> None:
    assert shares(1.4, [0.0]) == [1.4]
    assert shares(1.4, [0.9, 0.1]) == pytest.approx([1.3, 0.7])
    assert shares(1.4, [0.9, 0.9]) == pytest.approx([0.7, 0.7])


@pytest.mark.parametrize(("text", "most"), [("50000 100000", 0.5), ("max 100000", None), ("", None), (None, None)])
def test_a_container_may_have_less_than_the_machine(tmp_path: Path, text: str | None, most: float | None) -> None:
    if text is not None:
        (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == (most or len(os.sched_getaffinity(0)))


async def test_conferences_share_the_machine() -> None:
    node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
    budget = Budget(1.0)
    first = budget.open(node.open_router(), Told())
    assert first.spare_cores == 1.0
    second = budget.open(node.open_router(), Told())
    try:
        _use(budget, first, 0.7)
        assert (first.spare_cores, second.spare_cores) == pytest.approx((0.3, 0.5))
        _use(budget, second, 0.6)
        assert (first.spare_cores, second.spare_cores) == pytest.approx((-0.2, -0.1)), "both reduce their pictures"
        assert not second.has_room(GROUPS), "its part is 0.5, and both need 0.3 more than the 0.6 in use"
        first.close()
        assert second.spare_cores == pytest.approx(0.4)
        assert second.has_room(GROUPS)
    finally:
        second.close()
        node.close()
        ids = (first.pid, second.pid)
        await until(lambda: not any(Path(f"/proc/{one}").exists() for one in ids), "the processes ended")


def _use(budget: Budget, mixer: Mixer, cores: float) -> None:
    mixer.running, mixer.figures = True, {"cores": cores}
    budget.measured(mixer)
