"""The tables of published problems and of our review are complete, and every test that they name exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("PROBLEMS.md")
ROW = re.compile(r"^\| ([MW]\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/.]+)::(\w+)`")
FOUND = re.compile(r"^\| (R\d\d) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
ROWS = {name: tuple(rest) for name, *rest in ROW.findall(TABLE.read_text("utf-8"))}


@cache
def functions(place: str) -> frozenset[str]:
    text = (ROOT / place).read_text("utf-8")
    return frozenset(re.findall(r"\bdef (\w+)" if place.endswith(".py") else r"\bfn (\w+)", text))


REVIEWED = dict(FOUND.findall(TABLE.read_text("utf-8")))


def test_every_row_is_there() -> None:
    assert list(REVIEWED) == [f"R{number:02}" for number in range(1, 14)]
    assert list(ROWS) == [f"{kind}{number:02}" for kind in "MW" for number in range(1, 17)]


@pytest.mark.parametrize("name", ROWS)
def test_what_a_row_names_exists(name: str) -> None:
    _, proof, control, owed = ROWS[name]
    assert NAMED.findall(proof), "no proof"
    assert control != "-" or owed != "-", "without a control something is owed"
    for place, function in NAMED.findall(proof + control):
        assert function in functions(place), f"{place}::{function}"


@pytest.mark.parametrize("name", REVIEWED)
def test_each_attack_of_the_review_has_its_tests(name: str) -> None:
    tests = NAMED.findall(REVIEWED[name])
    assert tests
    for place, function in tests:
        assert function in functions(place), f"{place}::{function}"
