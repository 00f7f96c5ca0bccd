"""A pytest plugin: the groups of tests that pytest-xdist gives to the workers, their order, and which worker takes which group.

A call in a browser or a hall runs in real time. On two processors, more than two such calls at once are late. So two workers
take the groups with calls and pages, and the other workers take the rest with a lower priority (`SUITE.md`).

The marks of tests are known only in the workers. xdist itself sends the name of a group inside the id of a test, and pytest 9.2
ignores the changed id without an error. So the first worker writes the names into a file, and the scheduler reads this file.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.running.runs import LONG_RUN

SLOW = 50
"""Weight of a test marked `slow`, in ordinary tests. Chosen. Larger: only slow tests decide the order of the files. Smaller: a
slow file can start last, and one worker runs it alone.
"""
LIVE = "live "
"""The beginning of the name of each group with calls or pages."""
LIVE_WORKERS = 2
"""Workers that take the groups with calls and pages. One for each processor of the smallest machine. More: calls are late, and
their tests fail. Fewer: the run takes longer.
"""
SHARING_WORKERS = 4
"""The smallest number of workers with which the groups are shared out by kind."""
HEAVY = f"{LIVE}heavy"
"""The group of the tests that use most of the machine: one at a time, beside tests of other groups."""
ALONE = "whole machine"
"""The group of the tests that run last, one at a time."""
LIVE_MARKS = ("browser", "native", "heavy")
LIVE_FOLDERS = ("tests/interop/", "tests/media/mixer/", "tests/simulation/")
LOWER_PRIORITY = 10
"""The niceness that workers without calls add to their own, as `nice` does."""
GROUP = pytest.StashKey[str]()


def names_of(run: str) -> Path:
    """Return the file with the group of each test of a run."""
    return Path(tempfile.gettempdir()) / f"diemcau-groups-{run}"


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks of the collection, and lower the priority of a worker that takes no calls."""
    config.pluginmanager.register(Groups())
    config.pluginmanager.register(Order())
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    if worker.get("workercount", 0) >= SHARING_WORKERS and not takes_calls(worker["workerid"]):
        os.nice(LOWER_PRIORITY)


def takes_calls(worker: str) -> bool:
    """Return whether the worker (`gw0`, `gw1`…) takes groups with calls and pages."""
    return number_of(worker) < LIVE_WORKERS


def number_of(worker: str) -> int:
    return int(worker.removeprefix("gw"))


class Groups:
    """The parts of a run that the workers share out: a file each, and one group for all tests that need the machine alone."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what only `make sim` runs, and name the group of each test."""
        if not LONG_RUN and (left_out := [item for item in items if item.get_closest_marker("sim")]):
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("sim")]
        live = {file_of(item) for item in items if any(item.get_closest_marker(name) for name in LIVE_MARKS)}
        for item in items:
            item.stash[GROUP] = _group(item, live)


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


def file_of(item: pytest.Item) -> str:
    return item.nodeid.split("::")[0]


def _group(item: pytest.Item, live: set[str]) -> str:
    if item.get_closest_marker("whole_machine"):
        return ALONE
    if item.get_closest_marker("heavy"):
        return HEAVY
    file = file_of(item)
    return f"{LIVE}{file}" if file in live or file.startswith(LIVE_FOLDERS) else file


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test marked `whole_machine` run alone. Such a test checks each picture or fills the processors. No other test and
    no other fixture runs beside it, with any number of workers. The waiting time does not count as time of the test.
    """
    way = fcntl.LOCK_EX if item.get_closest_marker("whole_machine") else fcntl.LOCK_SH
    with (Path(tempfile.gettempdir()) / f"diemcau-tests-{os.getuid()}").open("w") as turn:
        fcntl.flock(turn, way)
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Return the scheduler of groups. With enough workers, it shares the groups out by kind."""
    if config.getoption("dist") != "loadgroup":
        return None
    return (Sharing if len(config.getoption("tx") or ()) >= SHARING_WORKERS else Grouping)(config, log)


class Grouping(LoadScopeScheduling):  # type: ignore[misc]
    """The scheduler of xdist that gives a whole group to one worker, with the groups of this plugin."""

    def schedule(self) -> None:
        """Read the names of the groups before the first use. If there are fewer groups than workers, xdist ends the last workers
        of this list. The workers with calls come first, because only they take every group.
        """
        if self.collection is None:
            names = names_of(next(iter(self.nodes)).workerinput["testrunuid"])
            self.names: dict[str, str] = json.loads(names.read_text("utf-8"))
            names.unlink()
            for node in sorted(self.nodes, key=lambda node: number_of(node.gateway.id)):
                self.assigned_work[node] = self.assigned_work.pop(node)
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self.names[nodeid]


class Sharing(Grouping):
    """A scheduler that also chooses the next group by the kind of the worker."""

    def _assign_work_unit(self, node: Any) -> None:
        if (group := self._next_for(node)) is not None:
            self.workqueue.move_to_end(group, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        if self.workqueue and self._next_for(node) is None and not node.shutting_down:
            node.shutdown()
            return
        super()._reschedule(node)

    def _next_for(self, node: Any) -> str | None:
        """Return the next group for this worker; None if all groups that are left belong to the workers with calls."""
        live = [group for group in self.workqueue if group.startswith(LIVE)]
        rest = [group for group in self.workqueue if not group.startswith(LIVE) and group != ALONE]
        if not takes_calls(node.gateway.id):
            return next(iter(rest), None)
        return next(iter(live + rest + [group for group in self.workqueue if group == ALONE]), None)
