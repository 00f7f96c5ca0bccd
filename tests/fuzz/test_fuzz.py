"""Tests that run the committed corpora through every target of `targets.py`, and the engine on each target for a short time."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import browsers, targets

ROOT = Path(__file__).parents[2]
RUNS = {
    "agent": 50,
    "answer": 500,
    "floor": 500,
    "browser": 100,
    "session": 30,
    "token": 300,
    "dtls": 20,
    "sctp": 150,
}
"""Runs of each target that takes longer per run. Other targets make 1300 runs. Larger: the slow tests take too long. Smaller: a
run finds less. `make fuzz` runs each target for longer.
"""
engine = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="no Atheris for this machine")


@pytest.mark.parametrize("name", targets.TARGETS)
def test_the_corpus(name: str) -> None:
    """Every target accepts each seed whole, cut short, doubled, and followed by another seed."""
    target, rows = targets.TARGETS[name], [data for _, data in targets.seeds(name)]
    assert len(rows) >= 6
    chance = random.Random(name)
    for data in rows:
        for made in (data, data[: chance.randrange(len(data) + 1)], data + data, data + browsers.SEPARATOR + rows[0]):
            target(made)


def run(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the engine with a fixed seed on a limited number of inputs. A limit in seconds would give different results."""
    words = [sys.executable, "-m", "tests.fuzz.run", name, "120", f"-runs={RUNS.get(name, 1300)}", "-seed=1"]
    paths = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=paths, capture_output=True, text=True, timeout=300, check=False)


@engine
@pytest.mark.slow
@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_short_run(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr


@engine
@pytest.mark.slow
def test_a_planted_defect_is_told(tmp_path: Path) -> None:
    """A run reports a planted defect and keeps its input."""
    done = run("proof", tmp_path)
    assert done.returncode != 0
    assert "planted" in done.stdout + done.stderr
    assert list((tmp_path / ".cache" / "fuzz" / "proof").glob("crash-*"))
