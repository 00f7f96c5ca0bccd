"""Each group of tests runs on one worker, and that worker runs the tests that need the machine alone last."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

AROUND = 'pytest_plugins = ["tests.running.groups"]\n'
SETTINGS = """
[pytest]
markers =
    browser
    native
    heavy
    sim
    slow
    whole_machine
"""
NOTES = """
import os
from pathlib import Path
import pytest

@pytest.fixture(autouse=True)
def noted(request):
    with (Path(__file__).parent / "ran").open("a") as notes:
        notes.write(f"{request.node.name} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""
FILES = {
    "test_a": "\n".join(f"def test_one_{number}(): pass" for number in range(6)),
    "test_b": "\n".join(f"def test_two_{number}(): pass" for number in range(6)),
    "test_c": """
@pytest.mark.heavy
def test_heavy_c(): pass

@pytest.mark.whole_machine
def test_alone_c(): pass

@pytest.mark.sim
def test_left_out(): pass
""",
    "test_d": """
@pytest.mark.whole_machine
def test_alone_d(): pass

@pytest.mark.parametrize("word", ["a@b", "]", "c::d"])
@pytest.mark.heavy
def test_heavy_d(word): pass
""",
}


def run(folder: Path, workers: int, *names: str) -> list[tuple[str, str]]:
    """Run the files with the plugin. Return each test and its worker, in the order of the tests."""
    (folder / "conftest.py").write_text(AROUND)
    (folder / "pytest.ini").write_text(SETTINGS)
    for name in names:
        (folder / f"{name}.py").write_text(NOTES + FILES[name])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "HYPOTHESIS_"))}
    # In a folder of their own, the tests of this run do not wait for the lock that this test holds.
    variables = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": str(folder)}
    words = [
        "-p",
        "xdist",
        "-n",
        str(workers),
        "--dist",
        "loadgroup",
        "--no-loadscope-reorder",
        "--max-worker-restart",
        "0",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *words],
        cwd=folder,
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = [line.rsplit(" ", 1) for line in (folder / "ran").read_text().splitlines()]
    return [(test, worker) for test, worker in pairs]


@pytest.mark.parametrize("workers", [2, pytest.param(4, marks=pytest.mark.sim)])
def test_a_group_runs_on_one_worker(tmp_path: Path, workers: int) -> None:
    ran = run(tmp_path, workers, *FILES)
    assert len(ran) == 18
    for group in ("test_one", "test_two", "test_heavy", "test_alone"):
        assert len({worker for test, worker in ran if test.startswith(group)}) == 1, (group, ran)
    own = [test for test, worker in ran if worker == dict(ran)["test_alone_c"]]
    assert [test.startswith("test_alone") for test in own] == [False] * (len(own) - 2) + [True] * 2


def test_a_single_group_runs_with_more_workers_than_groups(tmp_path: Path) -> None:
    ran = run(tmp_path, 3, "test_d")
    assert len(ran) == 4
