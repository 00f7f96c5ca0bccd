"""A test that hangs ends after a limited time, is named, and stops no other test."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.running.hanging import timeout_of

AROUND = """
from tests.running import hanging
pytest_plugins = ["tests.running.hanging"]
hanging.END_S = 2
"""
HANGS = """
import time
import pytest

@pytest.fixture
def stubborn():
    yield
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def test_first(): pass
def test_hangs(stubborn): assert 0
"""
OTHERS = "def test_second(): pass"


def test_a_hanging_test_is_named_and_the_others_run(tmp_path: Path) -> None:
    """The failed assertion of the test cancelled pytest's timeout. xdist would run the test again with each new worker."""
    for name, text in (("conftest", AROUND), ("test_a", HANGS), ("test_b", OTHERS)):
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist",
        "-p",
        "pytest_timeout",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--max-worker-restart",
        "0",
        "-q",
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, "--timeout", "5", "-W", "ignore"],
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "crashed while running 'test_a.py::test_hangs'" in done.stdout, done.stdout + done.stderr
    told = done.stdout.partition("hung ===")[2].splitlines()
    assert "in stubborn" in told[1], "where it hung"
    assert "2 passed" in done.stdout
    assert done.returncode == 1


@pytest.mark.timeout(900)
def test_the_timeout_mark_of_a_test_overrides_the_default(request: pytest.FixtureRequest) -> None:
    assert timeout_of(request.node) == 900
