"""In CI, a skipped test fails the run and is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.running import skips
from tests.tidy.finding import files

AROUND_US = "CI", "FORCE_COLOR", "PY_COLORS", "COLUMNS"
AROUND = """
from tests.running import skips
pytest_plugins = ["tests.running.skips"]
skips.ALLOWED |= {"may be": True, "may be elsewhere": False}
"""
RUNS = """
import pytest

def test_runs(): pass

@pytest.mark.xfail(reason="known")
def test_known(): assert 0

def test_allowed(): pytest.skip("may be")
"""
SKIPS = """
import pytest

@pytest.fixture
def wanting(): pytest.skip("no root")

def test_by_a_fixture(wanting): pass

@pytest.mark.skipif(True, reason="no tool")
def test_by_a_mark(): pass

def test_not_here(): pytest.skip("may be elsewhere")
"""
WHOLE = """
import pytest
pytest.importorskip("a_library_that_is_not_there")
"""


def run(folder: Path, workers: str, tests: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    for name, text in {"conftest": AROUND, **tests}.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") and name not in AROUND_US
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", workers, "-ra", "-W", "ignore", "-p", "no:cacheprovider"],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "2"])
def test_skipped_tests_fail_a_run_of_ci_and_are_named_last(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, workers, {"test_a": RUNS, "test_b": SKIPS, "test_c": WHOLE}, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    *named, result = done.stdout.partition("(tests/running/skips.py) ===")[2].splitlines()[1:]
    assert sorted(line.split(" 'a_lib")[0] for line in named) == [
        "test_b.py::test_by_a_fixture: no root",
        "test_b.py::test_by_a_mark: no tool",
        "test_b.py::test_not_here: may be elsewhere",
        "test_c.py: could not import",
    ]
    assert "1 passed, 5 skipped, 1 xfailed" in result


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_may_be_skipped_fails_no_run(tmp_path: Path, workers: str) -> None:
    done = run(tmp_path, workers, {"test_a": RUNS}, CI="true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fails a run of CI" not in done.stdout, done.stdout + done.stderr


def test_skips_do_not_fail_a_local_run(tmp_path: Path) -> None:
    done = run(tmp_path, "0", {"test_a": RUNS, "test_b": SKIPS, "test_c": WHOLE})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fails a run of CI" not in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("reason", skips.ALLOWED)
def test_every_allowed_skip_reason_is_used_by_a_test(reason: str) -> None:
    """Otherwise the list would allow a reason that no test uses."""
    paths = [path for path in files(ROOT, "tests", suffixes=(".py",)) if path.name.startswith("test_")]
    assert any(f'"{reason}"' in path.read_text("utf-8") for path in paths if path != Path(__file__))
