"""A pytest plugin: the groups of tests that pytest-xdist gives to the workers, and their order (`SUITE.md`).

The marks of tests are known only in the workers. xdist itself sends the name of a group inside the id of a test, and pytest 9.2
ignores the changed id without an error. So the first worker writes the names into a file, and the scheduler reads this file.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.running.runs import LONG_RUN

SLOW = 50
"""Weight of a test marked `slow`, in ordinary tests. Chosen. Larger: only slow tests decide the order of the files. Smaller: a
slow file can start last, and one worker runs it alone.
"""
HEAVY = "heavy"
"""The group of the tests that use most of the machine: one at a time, beside tests of other groups."""
ALONE = "whole machine"
"""The group of the tests that run last, one at a time."""
GROUP = pytest.StashKey[str]()


def names_of(run: str) -> Path:
    """Return the file with the group of each test of a run."""
    return Path(tempfile.gettempdir()) / f"diemcau-groups-{run}"


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of the collection."""
    config.pluginmanager.register(Groups())
    config.pluginmanager.register(Order())


class Groups:
    """The parts of a run that the workers share out: a file each, and one group for all tests that need the machine alone."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what only `make sim` runs, and name the group of each test."""
        if not LONG_RUN and (left_out := [item for item in items if item.get_closest_marker("sim")]):
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("sim")]
        for item in items:
            item.stash[GROUP] = group_of(item)


class Order:
    """The order of the groups: long groups first, so that no worker is left with a long group at the end."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Sort the groups. Tests that need the machine alone come last. The first worker writes the names of the groups."""
        takes = Counter[str]()
        for item in items:
            takes[item.stash[GROUP]] += SLOW if item.get_closest_marker("slow") else 1
        items.sort(key=lambda item: (item.stash[GROUP] == ALONE, -takes[item.stash[GROUP]], item.stash[GROUP]))
        worker: dict[str, Any] = getattr(config, "workerinput", {})
        if worker.get("workerid") == "gw0":
            names = {item.nodeid: item.stash[GROUP] for item in items}
            names_of(worker["testrunuid"]).write_text(json.dumps(names), "utf-8")


def group_of(item: pytest.Item) -> str:
    if item.get_closest_marker("whole_machine"):
        return ALONE
    if item.get_closest_marker("heavy"):
        return HEAVY
    return item.nodeid.split("::")[0]


@contextmanager
def turn(alone: bool = False) -> Iterator[None]:
    """Wait for the machine and hold it, with any number of workers. Every test holds it. A fixture that works on between tests
    must hold it too.
    """
    with (Path(tempfile.gettempdir()) / f"diemcau-tests-{os.getuid()}").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test marked `whole_machine` run alone. Such a test checks each picture or fills the processors. No other test and
    no fixture of another test works beside it. The waiting time does not count as time of the test.
    """
    with turn(alone=item.get_closest_marker("whole_machine") is not None):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Return the scheduler of groups, for `--dist loadgroup`."""
    return Grouping(config, log) if config.getoption("dist") == "loadgroup" else None


class Grouping(LoadScopeScheduling):  # type: ignore[misc]
    """The scheduler of xdist that gives a whole group to one worker, with the groups of this plugin."""

    def schedule(self) -> None:
        """Read the names of the groups before the first use."""
        if self.collection is None:
            names = names_of(next(iter(self.nodes)).workerinput["testrunuid"])
            self.names: dict[str, str] = json.loads(names.read_text("utf-8"))
            names.unlink()
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self.names[nodeid]
