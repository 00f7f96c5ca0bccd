"""W12: the time of each regular expression of the server is linear in the text, except for patterns whose texts are short.

The tests find every call of `re` in the sources of our packages and check its pattern. The patterns of the REST API's models
run on an engine without backtracking.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydantic
import pytest

from tests.security.requests.ambiguity import Automaton

ROOT = Path(__file__).parents[2]
PACKAGES = ("rooms", "conference", "signaling", "media")
CALLS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
SEARCHING = {"search", "sub", "subn", "split", "findall", "finditer"}
BOUNDED: dict[str, str] = {
    r".+[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$": "names of the files of our own pages",
    r"((?:^|\r)[ \t]*signal[ \t]*=).*": "4,000 characters of a message (limits.TRACE_CHARACTERS)",
    r"(sips?:)([^\s@<>]++)(?=(@?))": "each try ends in a match, so that nothing is looked at twice",
}
"""Patterns that are quadratic at worst, and why this is harmless."""


@dataclass(frozen=True)
class Expression:
    place: str
    pattern: str | bytes
    flags: int
    searched: bool
    whole: bool

    @property
    def automaton(self) -> Automaton:
        return Automaton(self.pattern, self.flags, searched=self.searched, whole=self.whole)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def expressions() -> Iterator[Expression]:
    texts = {path: path.read_text("utf-8") for path in sources()}
    for path, text in texts.items():
        if not re.search(r"^(import re|from re import .*)$", text, re.MULTILINE):
            continue
        tree = ast.parse(text)
        names = {
            id(node.value): target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_re(node.func):
                yield _read(path, text, node, names.get(id(node), ""), texts)


def _is_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in CALLS
    )


def _read(path: Path, text: str, node: ast.Call, name: str, texts: dict[Path, str]) -> Expression:
    assert isinstance(node.func, ast.Attribute)
    place = path.relative_to(ROOT)
    module = vars(importlib.import_module(".".join(place.with_suffix("").parts).removesuffix(".__init__")))
    pattern = _value(node.args[0], module)
    least = {"sub": 4, "subn": 4, "compile": 1, "split": 3}.get(node.func.attr, 2)
    given = [*node.args[least:][:1], *(one.value for one in node.keywords if one.arg == "flags")]
    flags = _value(given[0], module) if given else 0
    methods = {node.func.attr} - {"compile"} or _methods(name, text, texts)
    return Expression(
        f"{place}:{node.lineno}",
        pattern,  # type: ignore[arg-type]
        int(flags),  # type: ignore[call-overload]
        searched=bool(methods & SEARCHING),
        whole="fullmatch" in methods,
    )


def _value(node: ast.expr, names: dict[str, object]) -> object:
    return eval(compile(ast.Expression(node), "<pattern>", "eval"), dict(names))


def _methods(name: str, text: str, texts: dict[Path, str]) -> set[str]:
    """Return the methods that use a compiled pattern, found by its name. A pattern in a table gets the methods of its file's
    patterns. An unknown use counts as the worst case.
    """
    where = [text] if name.startswith("_") or not name else [one for one in texts.values() if name in one]
    used: set[str] = set()
    for one in where:
        used |= set(re.findall(rf"\b{name or '[a-z_]+'}\.(\w+)\(", one)) & CALLS
        if re.search(rf"\bpattern={name or 're.compile'}\b", one):
            used.add("fullmatch")  # a field of `rooms.org.fields`
    return used or {"search", "fullmatch"}


FOUND = {one.place: one for one in expressions()}


def test_all_are_found() -> None:
    calls = sum(len(re.findall(r"\bre\.(?:" + "|".join(CALLS) + r")\(", path.read_text("utf-8"))) for path in sources())
    assert len(FOUND) == calls > 80
    others = [
        path for path in sources() if re.search(r"^\s*from re import|^\s*import regex", path.read_text("utf-8"), re.M)
    ]
    assert others == []


@pytest.mark.parametrize("place", FOUND)
def test_no_expression_has_two_ways_around(place: str) -> None:
    one = FOUND[place]
    assert not one.automaton.exponential(), one.pattern
    pairs = one.automaton.quadratic()
    known = str(one.pattern) in BOUNDED
    assert bool(pairs) == known, f"{one.pattern!r} {pairs}"


def test_patterns_of_the_models_run_without_backtracking() -> None:
    """The models' patterns run without backtracking. Rust's engine is linear (docs of `regex`) and refuses patterns that need
    backtracking.
    """
    assert not [path for path in sources() if "regex_engine" in path.read_text("utf-8")]

    class Model(pydantic.BaseModel):
        text: str = pydantic.Field(pattern=r"^(a+)+$")

    with pytest.raises(pydantic.ValidationError):
        Model(text="a" * 100_000 + "b")
    with pytest.raises(Exception, match="look-around"):

        class Looks(pydantic.BaseModel):
            text: str = pydantic.Field(pattern=r"(?=a)b")


EXPONENTIAL = [
    r"(a+)+$",
    r"(a|aa)+$",
    r"(a|a)*b",
    r"([a-zA-Z]+)*$",
    r"(\w+\s?)*$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(x+x+)+y",
    r"(?:[^<]+|<[^>]*|[^>]+)*x",
    r"(.*?,){3,}P",
    r"(a*)*b",
    r"(?:(?:a?)+)+b",
    r"(?i:[a-z]|Ab)+\d",
]
QUADRATIC = [r"a*a*b", r"\s*\s+$", r"\d+\d+x", r"[^,]*,?[^,]*;", r"(?:a{1,300})(?:a{1,300})b", r".*=.*=.*;"]
LINEAR = [
    r"a+b",
    r"(?:a|b)+c",
    r"(?:ab)+ab?c",
    r'"(?:[^"\\]|\\.)*"',
    r"[a-z]+(?:\.[a-z]+)*",
    r"(?:[0-9A-F]{2}:){15,63}[0-9A-F]{2}",
]


@pytest.mark.parametrize("pattern", EXPONENTIAL)
def test_a_control_of_known_bad_ones(pattern: str) -> None:
    assert Automaton(pattern, searched=False, whole=True).exponential()


@pytest.mark.parametrize("pattern", QUADRATIC)
def test_a_control_of_slow_ones(pattern: str) -> None:
    one = Automaton(pattern, searched=False, whole=True)
    assert one.quadratic()


@pytest.mark.parametrize("pattern", LINEAR)
def test_a_control_of_good_ones(pattern: str) -> None:
    one = Automaton(pattern, searched=False, whole=True)
    assert not one.exponential()
    assert not one.quadratic()


def test_a_control_of_a_search() -> None:
    """A pattern that is linear from the start of a text may be quadratic in a search."""
    assert Automaton(r"\s+$", searched=True, whole=False).quadratic()
    assert not Automaton(r"\s+", searched=True, whole=False).quadratic()
