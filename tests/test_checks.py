"""The checks of `make lint` and the tests in Rust and TypeScript, beside the other tests on a machine with several cores."""

import os
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SHOWN_CHARACTERS = 20_000
"""The end of the output that a failure shows."""
BUILT = ("python", "python-test", "native", "web")
"""The builds of the Makefile. A check never repeats an old build, because other tests use the files of the build."""


@pytest.mark.parametrize("target", ["test-rust", "lint-rust", "lint-python", "test-web", "lint-web"])
def test_make(target: str) -> None:
    """`make lint` and the other parts of `make test` pass."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))}
    kept = [f"--assume-old=.cache/stamps/{name}" for name in BUILT]
    command = ["nice", "make", "--no-print-directory", *kept, target]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"make {target}\n{done.stdout}{done.stderr}"[-SHOWN_CHARACTERS:]
