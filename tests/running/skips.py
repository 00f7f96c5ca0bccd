"""A pytest plugin: if `CI` is set, skipped tests fail the run. Without root or tools the run would pass and test little."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Generator, Sequence
from typing import cast

import pytest

ALLOWED = {
    # A source archive has no list of committed files. git also refuses a checkout of an owner that it does not trust.
    "not a git checkout": True,
    # No other machine has wheels of Atheris (pyproject.toml).
    "no Atheris for this machine": (sys.platform, platform.machine()) != ("linux", "x86_64"),
}
"""The allowed reasons, and if each is allowed on this machine."""


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        config.pluginmanager.register(Watch(), "skips")


class Watch:
    """A plugin that notes skipped tests. It also runs in the process that distributes the tests, which gets the reports of all
    tests.
    """

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}
        """The reason of each skipped test."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that is skipped as a whole."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            why = cast(Sequence[str], report.longrepr)[-1].removeprefix("Skipped: ")
            if not ALLOWED.get(why):
                self.skipped[report.nodeid] = why

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None, object, object]:
        """Write the skipped tests last, because often only the end of a long output is kept."""
        done = yield
        if self.skipped:
            terminalreporter.section("skipped, which fails a run of CI (tests/running/skips.py)", red=True)
        for test, why in self.skipped.items():
            terminalreporter.line(f"{test}: {why}")
        return done
