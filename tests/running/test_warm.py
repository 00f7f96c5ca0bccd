"""A forked server does the same as `python -m signaling`: the same output, environment and exit code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Process, begin, start_server
from tests.interop import network


def ended(words: list[str], **variables: str) -> tuple[str, int]:
    """Run a command to its end. Return its output and its exit code."""
    process: Process = begin("signaling", words, {**os.environ, "PYTHONUNBUFFERED": "1", **variables}, variables)
    assert process.stdout is not None
    with process.stdout:
        return process.stdout.read(), process.wait(60)


@pytest.mark.parametrize("words", [["config", "show"], ["--version"], ["dev", "--nonsense"]])
def test_a_forked_command_is_like_one_of_a_new_interpreter(words: list[str]) -> None:
    variables = {"DIEMCAU_LOG_LEVEL": "error"}
    done = subprocess.run(
        [sys.executable, "-m", "signaling", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended(words, **variables) == (done.stdout, done.returncode)
    if words == ["config", "show"]:
        assert "error" in done.stdout
        assert ended(words) != ended(words, **variables), "a variable of one process does not stay for the next"


def test_signals_end_it_and_it_leaves_no_process(tmp_path: Path) -> None:
    for number, code in ((signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)):
        server = start_server(tmp_path / str(number))
        assert server.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.01)
        assert server.stop(number) == code
        assert server.stop(number) == code, "an ended server keeps its code"
        assert not Path(f"/proc/{server.process.pid}").exists()


@pytest.mark.skipif(bool(network.missing()), reason=network.missing())
def test_it_runs_in_a_network_and_writes_its_errors_to_a_file(tmp_path: Path) -> None:
    with network.namespace() as place:
        found = []
        for own in ({}, {"LC_ALL": "C.UTF-8"}):  # a fork, and a new interpreter
            with (tmp_path / "log").open("w") as log:
                process = begin("signaling", ["dev", "--nonsense"], {**os.environ, **own}, own, place.path, log)
                assert process.stdout is not None
                with process.stdout:
                    found.append((process.stdout.read(), process.wait(60), (tmp_path / "log").read_text()))
        assert found[0] == found[1]
        assert found[0][:2] == ("", 2)
        assert "--nonsense" in found[0][2]
        with network.serve(place, tmp_path, DIEMCAU_HALLS="false") as server:
            there = os.readlink(f"/proc/{server.process.pid}/ns/net")
            assert there == os.readlink(place.path)
            assert there != os.readlink("/proc/self/ns/net")


def test_a_network_that_does_not_exist_is_told_in_the_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        process = begin("signaling", ["--version"], {**os.environ}, {}, str(tmp_path / "none"), log)
        assert process.stdout is not None
        with process.stdout:
            assert process.wait(60) == 1
    assert "FileNotFoundError" in (tmp_path / "log").read_text()
