"""A violation of one rule of shape, and the search for circles in a graph of imports."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LINES = 70
"""Lines of the longest allowed function. Chosen. Larger: long functions pass. Smaller: more functions must be split."""
DEPTH = 4
"""Nested control blocks of the deepest allowed function. Chosen. Larger: deep functions pass. Smaller: more functions must be
split.
"""
METHODS = 30
"""Functions of the largest allowed type. Chosen. Larger: large types pass. Smaller: more types must be split."""
FILES = 14
"""Source files of the fullest allowed folder. Chosen. Larger: full folders pass. Smaller: more folders must be split."""
WHOLE = frozenset({"Shard", "Conference", "Halls"})
"""Types with stricter counting: each function with a parameter of the type counts as a method of the type."""
SKIPPED = frozenset({"node_modules", "target", "dist", "__pycache__"})

Graph = Mapping[str, Mapping[str, str]]
"""A graph: each name, the names that it reads, and the place of each read."""


@dataclass(frozen=True, order=True)
class Finding:
    kind: str
    name: str
    size: int = 0
    """The measured count; 0 if the name alone describes the violation."""
    place: str = field(default="", compare=False)
    """File and line of the violation."""

    def line(self) -> str:
        return f"{self.kind}: {self.name}" + (f" <= {self.size}" if self.size else "")


def files(root: Path, *tops: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the source files below some folders of the tree, without installed and built files."""
    for top in tops:
        for folder, below, names in os.walk(root / top):
            below[:] = sorted(name for name in below if name not in SKIPPED and not name.startswith("."))
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffixes))


def shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def circles(kind: str, graph: Graph) -> list[Finding]:
    """Return one finding for each member of each circle."""
    found = []
    for members in components({name: set(targets) for name, targets in graph.items()}):
        for name in members:
            reads = [f"{place} reads {target}" for target, place in sorted(graph[name].items()) if target in members]
            found.append(Finding(kind, name, place=f"({len(members)} in this circle) {'; '.join(reads)}"))
    return found


def folded(graph: Graph, folders: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Join the files of each folder, and return the graph of the folders."""
    joined: dict[str, dict[str, str]] = {folder: {} for folder in folders.values()}
    for name, targets in graph.items():
        for target, place in targets.items():
            if folders[name] != folders[target]:
                joined[folders[name]].setdefault(folders[target], place)
    return joined


def components(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Return the strongly connected components with more than one member (Tarjan)."""
    search = _Search(graph)
    for name in graph:
        if name not in search.order:
            search.visit(name)
    return search.found


class _Search:
    def __init__(self, graph: Mapping[str, Iterable[str]]) -> None:
        self.graph = graph
        self.order: dict[str, int] = {}
        self.low: dict[str, int] = {}
        self.stack: list[str] = []
        self.found: list[set[str]] = []

    def visit(self, name: str) -> None:
        self.order[name] = self.low[name] = len(self.order)
        self.stack.append(name)
        for target in self.graph[name]:
            if target not in self.order:
                self.visit(target)
                self.low[name] = min(self.low[name], self.low[target])
            elif target in self.stack:
                self.low[name] = min(self.low[name], self.order[target])
        if self.low[name] == self.order[name]:
            at = self.stack.index(name)
            members, self.stack = set(self.stack[at:]), self.stack[:at]
            if len(members) > 1:
                self.found.append(members)
