"""The scanner of limits: product code must read each limit.

A Python limit is a name that a `limits.py` (or `*_limits.py`) assigns. Code reads a limit as `limits.NAME`, or by its own name
after `from ... limits import NAME`. A limit also counts as read when a second limit that is read is computed from the first. A
door (a package's `__init__`) that only exports a limit does not read the limit. A Rust limit is any `const` of the product. Its
name must occur somewhere else in the product.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.tidy.blocks import rust
from tests.tidy.finding import Finding, files, shown
from tests.tidy.python_code import Code
from tests.tidy.rust_code import CRATES

Limit = tuple[str, str]
"""A limit: the name of its module, and its own name."""


def scan(code: Code) -> list[Finding]:
    return [*unread_python(code), *unread_rust(code.root)]


def unread_python(code: Code) -> Iterator[Finding]:
    places: dict[Limit, str] = {}
    inside: dict[Limit, set[Limit]] = {}
    known: set[Limit] = set()
    for name in code.paths:
        if not name.endswith("limits"):
            known |= read(code, name, code.nodes[name])
            continue
        for node in code.trees[name].body:
            reads = read(code, name, ast.walk(node))
            own = set(bound(node))
            known |= set() if own else reads
            for one in own:
                places[name, one], inside[name, one] = code.place(name, node), reads
    fresh = known & set(places)
    while fresh:
        fresh = {one for limit in fresh for one in inside[limit] if one in places} - known
        known |= fresh
    return (
        Finding("unused limit", f"{name} {noun}", place=places[name, noun])
        for name, noun in sorted(set(places) - known)
    )


def bound(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))


def read(code: Code, name: str, nodes: Iterable[ast.AST]) -> set[Limit]:
    """Return the limits that some nodes of a module read."""
    modules, names = imported(code, name)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            origin = ast.unparse(node.value) if isinstance(node.value, ast.Name | ast.Attribute) else ""
            origin = modules.get(origin) or behind(code, *origin.rpartition(".")[::2])
            if origin.endswith("limits"):
                found.add((origin, node.attr))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            source, _, noun = names.get(node.id, f"{name}.{node.id}").rpartition(".")
            found.add((source, noun))
    return found


def imported(code: Code, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names that a module uses for files of limits, and for single limits."""
    modules, names = {}, {}
    for node in code.nodes[name]:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                origin = behind(code, node.module, alias.name)
                if origin.endswith("limits"):
                    modules[alias.asname or alias.name] = origin
                elif origin.rpartition(".")[0].endswith("limits"):
                    names[alias.asname or alias.name] = origin
    return modules, names


def behind(code: Code, source: str, item: str) -> str:
    """Follow package doors, and return the full name of the item that `from source import item` imports."""
    if f"{source}.{item}" in code.paths or source not in code.packages:
        return f"{source}.{item}"
    for node in code.trees[source].body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == item:
                    return behind(code, node.module, alias.name)
    return f"{source}.{item}"


def unread_rust(root: Path) -> Iterator[Finding]:
    paths = [path for path in files(root, *CRATES, suffixes=(".rs",)) if not path.stem.endswith("tests")]
    texts = {path: rust(path.read_text("utf-8")) for path in paths}
    words = Counter(
        word
        for text in texts.values()
        for word in re.findall(r"\b[A-Z][A-Z0-9_]+\b", re.sub(r"\buse\s+[^;]+;", "", text))
    )
    for path, text in texts.items():
        for found in re.finditer(r"(#\[pymodule_export\]\s*)?\bconst\s+([A-Z][A-Z0-9_]+)\s*:", text):
            if words[found[2]] < 2 and not found[1]:
                line = text.count("\n", 0, found.start(2)) + 1
                yield Finding("unused limit", f"{shown(root, path)} {found[2]}", place=f"{shown(root, path)}:{line}")
