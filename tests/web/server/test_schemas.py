"""The types that the pages use for the server's JSON routes match the server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.web.server.description import document

WEB = Path(__file__).parents[3] / "web"
KEPT = WEB / "src" / "server" / "schemas.ts"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document()


def types_of(described: dict[str, Any]) -> str:
    done = subprocess.run(
        ["node", "tools/schemas.mjs"], cwd=WEB, input=json.dumps(described), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_types_are_current(described: dict[str, Any]) -> None:
    assert types_of(described) == KEPT.read_text("utf-8"), "run: make schemas"


def test_a_changed_field_is_seen(described: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(described))
    changed["components"]["schemas"]["Meeting"]["properties"]["title"] = {"type": "integer"}
    assert types_of(changed) != KEPT.read_text("utf-8")
