"""Tests that run the committed corpora through every target of `targets.py`, and the engine on each target for a short time."""

from __future__ import annotations

import importlib.util
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fuzz import browsers, targets

ROOT = Path(__file__).parents[2]
RUNS = {
    "agent": 25,
    "answer": 250,
    "floor": 250,
    "browser": 50,
    "session": 15,
    "token": 150,
    "dtls": 10,
    "sctp": 75,
    "proof": 1300,
}
"""Runs of each target that takes longer per run. Other targets make 650 runs. Larger: the slow tests take too long. Smaller: a
run finds less. `proof` must reach its planted defect. `make fuzz` runs each target for longer.
"""
SECONDS = 120
"""The engine's own limit for one run. Chosen. Larger: a slow run hides. Smaller: a busy machine makes fewer inputs."""
BOUND_S = 240.0
"""Seconds until a run fails. Chosen: twice `SECONDS`, because the first run waits for the instrumented imports. Larger: pytest's
limit of 300 s ends the test without the engine's output. Smaller: a busy machine fails a good run.
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
        """Run a target. Return the exit code and the output. After `BOUND_S`, kill the engine and its forks, and fail."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.poll() is None, "the engine ended"
        output = self.notes / name / "output"
        print(name, *options(name), file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], BOUND_S)[0]:
            self.kill()
            said = output.read_text("utf-8", "replace")[-4000:] if output.exists() else "no output"
            pytest.fail(f"not in {BOUND_S:.0f} s: {name}: {said}")
        code = self._process.stdout.readline()
        assert code, "the engine ended"
        return int(code), output.read_text("utf-8", "replace")

    def kill(self) -> None:
        """Kill the engine and the fork of the target that runs."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def options(name: str) -> list[str]:
    """Return a fixed seed and a limited number of inputs. A limit in seconds would give different results."""
    return [f"-runs={RUNS.get(name, 650)}", "-seed=1"]


def command(name: str) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.run", name, str(SECONDS)]


PATHS = os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("fuzz")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command("-"), cwd=folder, env=PATHS, stdin=pipe, stdout=pipe, text=True, start_new_session=True
    ) as process:
        made = Engine(process, folder)
        try:
            yield made
        finally:
            made.kill()


@needs_engine
@pytest.mark.slow
@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_short_run(engine: Engine, name: str) -> None:
    code, output = engine.run(name)
    assert code == 0, output[-4000:]
    assert "stat::number_of_executed_units" in output


@needs_engine
@pytest.mark.slow
def test_a_fork_reports_a_planted_defect(engine: Engine) -> None:
    """The short runs above would report a defect."""
    code, output = engine.run("proof")
    assert code != 0
    assert "planted" in output
    assert list((engine.notes / "proof").glob("crash-*"))


@needs_engine
@pytest.mark.slow
def test_a_planted_defect_is_reported(tmp_path: Path) -> None:
    """A run of one target by the command of `make fuzz` reports a planted defect and keeps its input."""
    words = [*command("proof"), *options("proof")]
    done = subprocess.run(words, cwd=tmp_path, env=PATHS, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.returncode != 0
    assert "planted" in done.stdout + done.stderr
    assert list((tmp_path / ".cache" / "fuzz" / "proof").glob("crash-*"))
