"""Run pytest, and run a few failed tests once more: `python -m tests.once_more [arguments of pytest]`.

Tests that need real time or the whole machine carry the mark `whole_machine`. When at most three of these fail and
nothing else does, they run once more by themselves. `FLAKY.md` lists every test that ever needed this; a listed test
gets no second run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

MOST = 3
"""Tests that may run once more. More failures at a time have a common cause, and that cause is a fault."""
MARK = "whole_machine"
LIST = Path(__file__).with_name("FLAKY.md")
SECTION = "flaky"


@dataclass
class Failure:
    test: str
    marked: bool
    text: str


@dataclass
class Run:
    """The result of the first run, written as JSON for the second one."""

    finished: bool = False
    """Every test was collected and had its turn, and nothing but failed tests failed the run."""
    failures: list[Failure] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Run:
        kept = json.loads(path.read_text("utf-8"))
        return cls(kept["finished"], [Failure(**one) for one in kept["failures"]], kept["counts"])

    def again(self, listed: Iterable[str]) -> list[str]:
        """Return the tests that run once more; none where the failure of this run stands."""
        tests = list(dict.fromkeys(one.test for one in self.failures))
        forgiven = self.finished and 0 < len(tests) <= MOST and all(one.marked for one in self.failures)
        return tests if forgiven and not set(tests) & set(listed) else []


def listed(path: Path) -> set[str]:
    """Return the names in the table of `FLAKY.md`."""
    return set(re.findall(r"^\| `([^`]+)` \|", path.read_text("utf-8"), re.MULTILINE))


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="diemcau-tests-") as folder:
        kept = Path(folder) / "first.json"
        code = _pytest(*arguments, f"--first-run-to={kept}")
        run = Run.read(kept) if kept.exists() else Run()
        tests = run.again(listed(LIST))
        if code != pytest.ExitCode.TESTS_FAILED or not tests:
            return code
        # Names of tests come last, so that no other test is named; worker processes would only share the machine.
        options = [one for one in arguments if re.match(r"--(rootdir|confcutdir|import-mode)=|-q$", one)]
        return _pytest(*options, f"--first-run={kept}", *tests)


def _pytest(*arguments: str) -> int:
    return subprocess.call([sys.executable, "-m", "pytest", "-p", "tests.once_more", *arguments])


# -- the plugin --------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("once more")
    group.addoption("--first-run-to", type=Path, help="write the result of this run into this file")
    group.addoption("--first-run", type=Path, help="this is the second run; the file holds the result of the first")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    if path := config.getoption("first_run_to"):
        config.pluginmanager.register(First(path))
    if path := config.getoption("first_run"):
        config.pluginmanager.register(Second(Run.read(path)))


class First:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._run = Run()
        self._collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._run.failures.append(Failure(report.nodeid, MARK in report.keywords, report.longreprtext))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._collected = self._collected and not report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        plugins = session.config.pluginmanager
        skips: Any = plugins.get_plugin("skips")
        whole = not (session.shouldstop or session.shouldfail or (skips and skips.skipped))
        self._run.finished = whole and self._collected and exitstatus == pytest.ExitCode.TESTS_FAILED
        stats: dict[str, list[Any]] = getattr(plugins.get_plugin("terminalreporter"), "stats", {})
        self._run.counts = {
            name: sum(getattr(one, "count_towards_summary", True) for one in found)
            for name, found in stats.items()
            if name not in ("", "failed", "error")
        }
        self._path.write_text(json.dumps(asdict(self._run)), "utf-8")


class Second:
    """Adds the first run to what pytest says of the second one."""

    def __init__(self, first: Run) -> None:
        self._first = first
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, object, object]:
        done = yield
        stats: dict[str, list[object]] = terminalreporter.stats
        for name, count in self._first.counts.items():
            stats.setdefault(name, []).extend(object() for _ in range(count))
        for failure in self._first.failures:
            terminalreporter.section(f"first failure of {failure.test}")
            terminalreporter.line(failure.text)
        names = dict.fromkeys(one.test for one in self._first.failures)
        for name in names:
            stats.setdefault("failed" if name in self._failed else SECTION, []).append(object())
        if flaky := [name for name in names if name not in self._failed]:
            terminalreporter.line(f"flaky: {', '.join(flaky)}")
            terminalreporter.line("Each flaky test needs a row with its cause in tests/FLAKY.md.")
        return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
