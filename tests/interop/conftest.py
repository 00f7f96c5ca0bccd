"""Real clients against a real server process; whatever the server itself calls an error fails the test that made it."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LiveServer
from tests.interop.person import Person, token

FAULTS = re.compile(r"Traceback|^critical\b|panicked", re.MULTILINE)

MEDIA = {"live_server", "own_server", "node", "router", "person", "server", "there"}
"""Fixtures that bring a packet plane; in this folder every test has one."""
TIMEOUT_S = 900
"""Of one test, with the time that it waits for its turn."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests marked `whole_machine` look at each picture or fill the processors: no other test with real media runs beside them,
    whatever the number of workers. Whoever has none waits for nobody."""
    elsewhere = not request.path.is_relative_to(Path(__file__).parent)
    if elsewhere and MEDIA.isdisjoint(request.fixturenames) and not request.node.get_closest_marker("native"):
        yield
        return
    way = fcntl.LOCK_EX if request.node.get_closest_marker("whole_machine") else fcntl.LOCK_SH
    with (Path(tempfile.gettempdir()) / f"diemcau-media-tests-{os.getuid()}").open("w") as turn:
        fcntl.flock(turn, way)
        yield


@pytest.fixture
def server(live_server: LiveServer) -> Iterator[LiveServer]:
    """The shared server. Fails the test when an error of its own appeared meanwhile."""
    before = len(live_server.output)
    yield live_server
    faults = "".join(live_server.output[before:])
    assert live_server.process.poll() is None, f"the server ended:\n{faults}"
    assert not FAULTS.search(faults), faults


@pytest.fixture
def person(server: LiveServer) -> Callable[..., Person]:
    """`person(identity, conference, **options)`; options of `Person`, `url` for another way to the server."""

    def make(
        identity: str, conference: str, *, url: str = "", grants: dict[str, Any] | None = None, **options: Any
    ) -> Person:
        jwt = token(server.api_key, server.api_secret, identity, conference, **(grants or {}))
        return Person(url or server.ws_url, jwt, **options)

    return make
