"""`make test` runs checks of the sources beside pytest. A failed check fails the run, and tests that need the machine wait."""

import os
import subprocess
from pathlib import Path

from tests.running import groups
from tests.waiting import until_blocking

SCRIPT = Path(__file__).with_name("beside.sh")
LOCK = groups.lock().name
FREE = ["flock", "--exclusive", "--timeout", "30", LOCK, "true"]


def beside(folder: Path, checks: str, tests: str) -> subprocess.CompletedProcess[str]:
    """Run `tests` in the place of pytest."""
    return subprocess.run(
        [SCRIPT, checks, "bash", "-c", tests],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_output_of_good_checks_is_in_a_file(tmp_path: Path) -> None:
    done = beside(tmp_path, "echo all good", "echo 3 passed")
    assert (done.returncode, done.stdout) == (0, "3 passed\n")
    assert (tmp_path / ".cache/checks.log").read_text() == "all good\n"


def test_a_failed_check_fails_the_run(tmp_path: Path) -> None:
    done = beside(tmp_path, "echo line 7 is too long; false", "echo 3 passed")
    assert done.returncode == 1
    assert "line 7 is too long" in done.stdout


def test_failed_tests_fail_the_run(tmp_path: Path) -> None:
    assert beside(tmp_path, "true", "exit 1").returncode == 1


def test_failed_checks_of_failed_tests_are_shown_too(tmp_path: Path) -> None:
    done = beside(tmp_path, "echo line 7 is too long; false", "exit 1")
    assert done.returncode == 1
    assert "line 7 is too long" in done.stdout


def test_a_run_that_is_stopped_ends_the_checks(tmp_path: Path) -> None:
    """Code 2 of pytest: a user stopped the run. A check that goes on would hold the lock."""
    done = beside(tmp_path, "touch begun; sleep 300", "until [ -e begun ]; do sleep 0.1; done; exit 2")
    assert done.returncode == 2
    subprocess.run(FREE, cwd=tmp_path, check=True)


def test_a_signal_ends_tests_and_checks(tmp_path: Path) -> None:
    tests = f"exec 8>other-{LOCK}; flock --exclusive 8; touch begun; exec sleep 300"
    command = [str(SCRIPT), "sleep 300", "bash", "-c", tests]
    script = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)})
    until_blocking((tmp_path / "begun").exists, "the tests run", 30)
    script.terminate()
    script.wait(30)
    subprocess.run(FREE, cwd=tmp_path, check=True)
    subprocess.run([*FREE[:4], f"other-{LOCK}", "true"], cwd=tmp_path, check=True)


def test_what_a_check_leaves_running_holds_no_lock(tmp_path: Path) -> None:
    assert beside(tmp_path, "setsid sleep 5 & true", "true").returncode == 0
    subprocess.run([*FREE[:2], "--nonblock", LOCK, "true"], cwd=tmp_path, check=True)


def test_the_lock_is_held_until_the_checks_end(tmp_path: Path) -> None:
    tests = f"until [ -e begun ]; do sleep 0.1; done; flock --exclusive --nonblock {LOCK} true || echo held; touch seen"
    tests += f"; flock --exclusive {LOCK} test -e ended && echo free"
    done = beside(tmp_path, "touch begun; until [ -e seen ]; do sleep 0.1; done; touch ended", tests)
    assert done.stdout == "held\nfree\n"
