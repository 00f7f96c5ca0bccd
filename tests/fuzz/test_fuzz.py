"""Tests that run the committed corpora through every target of `targets.py`, and the engine on each target for a short time."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Iterator
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
needs_engine = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="no Atheris for this machine")


@pytest.mark.parametrize("name", targets.TARGETS)
def test_the_corpus(name: str) -> None:
    """Every target accepts each seed whole, cut short, doubled, and followed by another seed."""
    target, rows = targets.TARGETS[name], [data for _, data in targets.seeds(name)]
    assert len(rows) >= 6
    chance = random.Random(name)
    for data in rows:
        for made in (data, data[: chance.randrange(len(data) + 1)], data + data, data + browsers.SEPARATOR + rows[0]):
            target(made)


class Engine:
    """The engine with the imports of all targets."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self.notes = folder / ".cache" / "fuzz"

    def run(self, name: str) -> tuple[int, str]:
        """Run a target with a fixed seed on a limited number of inputs. A limit in seconds would give different results. Return
        the exit code and the output.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(name, f"-runs={RUNS.get(name, 1300)}", "-seed=1", file=self._process.stdin, flush=True)
        code = self._process.stdout.readline()
        assert code, "the engine ended"
        return int(code), (self.notes / name / "output").read_text("utf-8", "replace")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("fuzz")
    words, paths = [sys.executable, "-m", "tests.fuzz.run", "-", "120"], os.environ | {"PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=folder, env=paths, stdin=pipe, stdout=pipe, text=True) as process:
        yield Engine(process, folder)


@needs_engine
@pytest.mark.slow
@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_short_run(engine: Engine, name: str) -> None:
    code, output = engine.run(name)
    assert code == 0, output[-4000:]
    assert "stat::number_of_executed_units" in output


@needs_engine
@pytest.mark.slow
def test_a_planted_defect_is_reported(engine: Engine) -> None:
    """A run reports a planted defect and keeps its input."""
    code, output = engine.run("proof")
    assert code != 0
    assert "planted" in output
    assert list((engine.notes / "proof").glob("crash-*"))
