"""A pytest plugin: a test that hangs ends its worker. The end of the run names the test and shows where it hung."""

from __future__ import annotations

import faulthandler
import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, TextIO

import pytest

END_S = 120
"""Seconds. Chosen. This long after its timeout or its failure, a test that still runs ends its worker. Such a test holds the
interpreter, or hangs again in its teardown. The worker's child processes are not stopped. Longer: a hanging run takes
longer. Shorter: a slow teardown ends its worker.
"""
TOLD = pytest.StashKey[TextIO]()
"""The file for the stacks. With several workers, the run reads this file after its worker has ended. With one process, the file
is the original standard error.
"""
HUNG = pytest.StashKey[dict[str, str]]()
FRAMES = 16
AROUND = re.compile(r"/(_pytest|pluggy|xdist|execnet|pytest_\w+)/|<string>|<frozen ")


def stacks_of(run: str, worker: str) -> Path:
    return Path(tempfile.gettempdir()) / f"diemcau-hung-{run}-{worker}"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[HUNG] = {}
    run, worker = (os.environ.get(f"PYTEST_XDIST_{name}") for name in ("TESTRUNUID", "WORKER"))
    if run and worker:
        config.stash[TOLD] = stacks_of(run, worker).open("w")
    else:
        config.stash[TOLD] = os.fdopen(os.dup(2), "w")


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[TOLD].close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if bound_s := timeout_of(item):
        faulthandler.dump_traceback_later(bound_s + END_S, exit=True, file=item.config.stash[TOLD])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def timeout_of(item: pytest.Item) -> float:
    """Return the timeout of a test in seconds; 0 if the test has none."""
    mark = item.get_closest_marker("timeout")
    if mark is not None:
        return float(mark.args[0])
    option = item.config.getoption("timeout")
    return float(item.config.getini("timeout") if option is None else option)


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector) -> None:
    """Set the time limit again. pytest has just cancelled it, so that a user can look at the failure."""
    if isinstance(node, pytest.Item) and not node.config.getoption("usepdb"):
        faulthandler.dump_traceback_later(END_S, exit=True, file=node.config.stash[TOLD])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collect the stacks of a worker. This runs in the process that distributes the tests, if there is one."""
    stacks = stacks_of(node.workerinput["testrunuid"], node.gateway.id)
    if stacks.exists():
        if text := stacks.read_text(errors="replace"):
            node.config.stash[HUNG][node.gateway.id] = text
        stacks.unlink()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the stacks last and short, because often only the end of a long output is kept."""
    for worker, text in config.stash[HUNG].items():
        terminalreporter.section(f"{worker} hung")
        for frame in innermost(text):
            terminalreporter.line(frame)


def innermost(text: str) -> list[str]:
    """Return the newest frames of the thread that runs tests, without frames of pytest. This thread is the last in the text."""
    own = re.split(r"^(?:Thread|Current thread) .*$", text.split("\nExtension modules:")[0], flags=re.MULTILINE)[-1]
    return [line.strip() for line in own.splitlines() if line.strip() and not AROUND.search(line)][:FRAMES]
