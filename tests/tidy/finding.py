"""Violation of one rule of shape, and the search for circles in a graph of imports."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LINES = 70
"""Length of one function."""
DEPTH = 4
"""Control blocks inside each other in one function."""
METHODS = 30
"""Functions of one type."""
FILES = 14
"""Source files of one folder."""
WHOLE = frozenset({"Shard", "Conference", "Halls"})
"""A function with a parameter of such a type counts as a method of the type."""
SKIPPED = frozenset({"node_modules", "target", "dist", "__pycache__"})

Graph = Mapping[str, Mapping[str, str]]
"""A name, the names that it reads, and the place where it reads each."""


@dataclass(frozen=True, order=True)
class Finding:
    kind: str
    name: str
    size: int = 0
    """A count; 0 where the name says all."""
    place: str = field(default="", compare=False)
    """File and line."""

    def line(self) -> str:
        return f"{self.kind}: {self.name}" + (f" <= {self.size}" if self.size else "")


def files(root: Path, *tops: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Walks the sources below some folders of the tree, without what is installed or built."""
    for top in tops:
        for folder, below, names in os.walk(root / top):
            below[:] = sorted(name for name in below if name not in SKIPPED and not name.startswith("."))
            yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffixes))


def shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def circles(kind: str, graph: Graph) -> list[Finding]:
    """Finds the members of all circles: one finding a member."""
    found = []
    for members in components({name: set(targets) for name, targets in graph.items()}):
        for name in members:
            reads = [f"{place} reads {target}" for target, place in sorted(graph[name].items()) if target in members]
            found.append(Finding(kind, name, place=f"({len(members)} in this circle) {'; '.join(reads)}"))
    return found


def folded(graph: Graph, folders: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Joins the files of one folder: the graph of folders."""
    joined: dict[str, dict[str, str]] = {folder: {} for folder in folders.values()}
    for name, targets in graph.items():
        for target, place in targets.items():
            if folders[name] != folders[target]:
                joined[folders[name]].setdefault(folders[target], place)
    return joined


def components(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Finds the strongly connected components with more than one member (Tarjan)."""
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
