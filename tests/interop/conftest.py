"""Fixtures that run real clients against a real server process. A test fails if the server logs an error during the test."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, LiveServer
from tests.interop.golang import GoPerson, build
from tests.interop.person import Person, token

FAULTS = re.compile(r"Traceback|^critical\b|panicked", re.MULTILINE)


@pytest.fixture
def server(live_server: LiveServer) -> Iterator[LiveServer]:
    """Give the shared server. Fail the test if the server logged an error during the test."""
    before = len(live_server.output)
    yield live_server
    faults = "".join(live_server.output[before:])
    assert live_server.process.poll() is None, f"the server ended:\n{faults}"
    assert not FAULTS.search(faults), faults


@pytest.fixture
def person(server: LiveServer) -> Callable[..., Person]:
    """Give `person(identity, conference, **options)`. The options are `Person`'s; `url` is another address of the server."""

    def make(
        identity: str, conference: str, *, url: str = "", grants: dict[str, Any] | None = None, **options: Any
    ) -> Person:
        jwt = token(server.api_key, server.api_secret, identity, conference, **(grants or {}))
        return Person(url or server.ws_url, jwt, **options)

    return make


@pytest.fixture(scope="session")
def program() -> Path:
    """The Go client, at the place where `make test-go` builds it. Go links it again only if something has changed."""
    folder = ROOT / ".cache" / "golang"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return build(folder / "client")


@pytest.fixture
def go(server: LiveServer, program: Path, tmp_path: Path) -> Callable[..., GoPerson]:
    """Give `go(identity, conference, single=...)`, which makes a Go client."""

    def make(identity: str, conference: str, *, single: bool) -> GoPerson:
        jwt = token(server.api_key, server.api_secret, identity, conference)
        return GoPerson(program, server.ws_url, jwt, tmp_path / identity, single=single)

    return make
