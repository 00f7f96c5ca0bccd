"""Tests of the quality computation against known values."""

from __future__ import annotations

import asyncio
import math
from typing import cast

import pytest

from tests.simulation import quality
from tests.simulation.call import Sample, Side

S = 1_000_000_000


def _side() -> Side:
    return Side(cast(asyncio.subprocess.Process, None))


@pytest.mark.parametrize(
    ("delay_ms", "wanted"),
    # G.107 §7.4 by hand: x = 1: 25 (2^(1/6) - 3 (1 + 3^-6)^(1/6) + 2). The value for 400 ms is from ITU-T G.114.
    [(0, 0.0), (100, 0.0), (200, 3.044), (400, 24.058), (150, 0.155)],
)
def test_delay_impairment(delay_ms: float, wanted: float) -> None:
    assert quality.delay_impairment(delay_ms) == pytest.approx(wanted, abs=0.05)


def test_without_impairments_the_model_has_its_published_value() -> None:
    """Without impairments the MOS has the published value: G.107 annex B gives 4.41 for R = 93.2."""
    assert quality.mos(quality.rating(0, 50)) == pytest.approx(4.41, abs=0.005)
    assert quality.mos(0) == quality.mos(-5) == 1.0


def test_loss_impairment() -> None:
    assert quality.rating(0.01, 50) == pytest.approx(93.2 - 95 / 26.1)
    assert quality.rating(0.05, 50, burst=2) == pytest.approx(93.2 - 95 * 5 / 27.6)
    assert quality.rating(1, 1000) == 0.0


def test_percentile_and_longest() -> None:
    assert quality.percentile([3, 1, 2, 4], 50) == 2
    assert quality.percentile(range(1, 101), 95) == 95
    assert math.isnan(quality.percentile([], 95))
    assert quality.longest_s([3 * S, S], 0, 4 * S) == 2
    assert quality.longest_s([], 0, 4 * S) == 4


def test_a_call_is_judged_by_what_happened_between() -> None:
    source, sink = _side(), _side()
    source.taken = [i * S // 10 for i in range(101)]  # ten a second
    sink.sights = [(i + 1, at + 80_000_000, 360) for i, at in enumerate(source.taken) if not 4 * S <= at < 6 * S]
    sink.samples = [
        Sample(
            at_ns=t * S,
            frames_decoded=10 * t - (10 * min(2, max(0, t - 4))),
            freeze_s=float(min(2, max(0, t - 4))),
            samples=48_000 * t,
            concealed=480 * t,
            concealments=t,
            buffered_s=0.06 * 48_000 * t,
            buffered_samples=48_000 * t,
        )
        for t in range(10)
    ]
    found = quality.judge(source, sink, S, 9 * S, one_way_ms=25)
    assert found.concealed == pytest.approx(0.01)
    assert found.frozen == pytest.approx(2 / 8)
    assert found.longest_s == pytest.approx(2.1)
    assert found.pictures == pytest.approx(60 / 81)
    assert found.fps == pytest.approx(7.5)
    assert found.height == 360
    assert found.delay_p95_ms == pytest.approx(80)
    # The delay is 25 + 60 + 30 ms. Runs of half a packet are not bursts.
    assert found.mos == pytest.approx(quality.mos(quality.rating(0.01, 115)))
