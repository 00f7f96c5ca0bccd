"""The page has words for every action in the audit trail, and for every kind of object."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
ACTION, KIND = 3, 4
"""Indexes of `action` and `object_kind` in the arguments of `audit.record`."""
NOTED = 1
"""Index of `action` in the arguments of `hosts.note_lobby`, which records for a meeting's moderation."""
CHANGE = 4
"""Index of the action in the arguments of `history.note` and `history.finish`."""


def _recorded(place: int, *functions: str) -> Iterator[str]:
    for function in functions:
        for call in _calls()[function]:
            yield from _texts(call.args[place])


@cache
def _calls() -> Mapping[str, Sequence[ast.Call]]:
    """Return the calls of rooms and signaling, by the name of the function."""
    found = defaultdict[str, list[ast.Call]](list)
    for top in ("rooms", "signaling"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id=module) | ast.Attribute(attr=module), attr=name)
                    ):
                        found[f"{module}.{name}"].append(node)
    return found


def _texts(action: ast.expr) -> Iterator[str]:
    """Yield the codes of an action. For an f-string, yield the text before its first value."""
    if isinstance(action, ast.Constant):
        yield str(action.value)
    elif isinstance(action, ast.IfExp):
        yield from _texts(action.body)
        yield from _texts(action.orelse)
    elif isinstance(action, ast.JoinedStr) and isinstance(action.values[0], ast.Constant):
        yield str(action.values[0].value)


def _handed_on() -> Iterator[str]:
    """Yield the codes that reach `audit.record` through a parameter or a variable `action` of the entries into meetings."""
    tree = ast.parse((ROOT / "signaling/api/routes/calendar/joining.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and re.fullmatch(r"(meeting|lobby)\.[a-z_]+", str(node.value)):
            yield str(node.value)


def test_every_action_has_words() -> None:
    words = (ROOT / "web/src/desk/settings/deeds.ts").read_text("utf-8")
    known = set(re.findall(r"^  '?([a-z_.]+)'?: \['", words, re.MULTILINE))
    codes = set(_recorded(ACTION, "audit.record")) | set(_recorded(NOTED, "hosts.note_lobby")) | set(_handed_on())
    assert len(codes) > 80
    assert {"lobby.admit", "lobby.knock", "meeting.pass", "meeting.moderation"} <= codes
    assert not {code for code in codes if not any(one.startswith(code) or one == code.rstrip(".") for one in known)}


def test_every_object_has_words() -> None:
    words = (ROOT / "web/src/desk/settings/deeds.ts").read_text("utf-8").split("const OBJECTS")[1]
    known = set(re.findall(r"^  ([a-z_]+): \['", words, re.MULTILINE))
    kinds = set(_recorded(KIND, "audit.record"))
    assert len(kinds) > 20
    assert kinds <= known, kinds - known


def test_every_change_in_the_history_of_a_meeting_has_words() -> None:
    codes = set(_recorded(CHANGE, "history.note", "history.finish"))
    assert len(codes) > 10
    for language in ("vi", "en"):
        texts = "".join(path.read_text("utf-8") for path in (ROOT / "web/src/i18n/desk" / language).glob("*.ts"))
        known = set(re.findall(r"^  'change\.([a-z_.]+)':", texts, re.MULTILINE))
        assert not {code for code in codes if not any(one.startswith(code) for one in known)}, language
