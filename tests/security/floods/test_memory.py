"""W15: an unknown client that asks to join costs less than 8 KiB while it asks, and nothing afterwards. A control shows that
the measurement works.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.security.floods import memory

MOST_BYTES = 8 * 1024
NOTHING = {"conferences": 0, "connections": 0, "transports": 0}


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the measurements of one server in a separate process, by kind of client; see `memory.Bill`. Strangers come first, so
    no session has used memory before.
    """
    command = [sys.executable, "-m", memory.__name__, str(tmp_path_factory.mktemp("memory"))]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=2 * memory.BOUND_S, check=False)
    assert ended.returncode == 0, ended.stderr
    made: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert {len(one["answers"]) for one in made.values()} == {memory.STRANGERS}
    return made


def test_a_refused_request_costs_little_and_leaves_no_memory(bills: dict[str, Any]) -> None:
    made = bills["stranger"]
    assert set(made["answers"]) == {"HTTP/1.1 401"}
    assert made["while_asking"] == made["afterwards"] == NOTHING
    assert 0 < made["asking"] < MOST_BYTES, "while it asks"
    assert made["left"] < MOST_BYTES / 8, "afterwards: what libraries keep once for all"


def test_a_control_client_that_may_join_costs_more(bills: dict[str, Any]) -> None:
    """A client that may join costs more: the measurement sees a session, and the plane has its transports."""
    made = bills["guest"]
    assert set(made["answers"]) == {"HTTP/1.1 101"}
    assert made["asking"] > MOST_BYTES
    has = made["while_asking"]
    assert has["conferences"] == 1
    assert has["connections"] == has["transports"] > 0
