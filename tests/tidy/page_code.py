"""The scanner of TypeScript and Svelte: circles, long and deep functions, large classes.

An edge is each relative path of an `import` (also `import type`), an `export ... from`, an `import()`, and a `new URL("...",
import.meta.url)`. In a Svelte file only the scripts are read. A function is a function with a name: `function x`, a method,
`const x = (...) => {`. An arrow function without a name belongs to the function around it.
"""

import posixpath
import re
from pathlib import Path

from tests.tidy.blocks import Block, blocks, page, script
from tests.tidy.finding import METHODS, Finding, circles, files, folded, shown
from tests.tidy.rust_code import functions

TOP = "web/src"
COMMENT = re.compile(r"(?<![:'\"`])//[^\n]*|/\*.*?\*/", re.DOTALL)
PATHS = re.compile(r"(?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*['\"](\.{1,2}/[^'\"?]*)(?:\?[^'\"]*)?['\"]")


def scan(root: Path) -> list[Finding]:
    texts = {}
    for path in files(root, TOP, suffixes=(".ts", ".svelte")):
        text = path.read_text("utf-8")
        texts[shown(root, path)] = script(text) if path.suffix == ".svelte" else text
    graph = {name: edges(name, text, set(texts)) for name, text in texts.items()}
    found = circles("circle of TypeScript files", graph)
    found += circles("circle of TypeScript folders", folded(graph, {name: posixpath.dirname(name) for name in graph}))
    for name, text in texts.items():
        top = blocks(page(text), "page")
        found += functions(name, top, "TypeScript", "page")
        found += classes(name, top)
    return found


def edges(name: str, text: str, known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    plain = COMMENT.sub(lambda one: re.sub(r"[^\n]", " ", one[0]), text)
    for one in PATHS.finditer(plain):
        base = posixpath.normpath(posixpath.join(posixpath.dirname(name), one[1]))
        stem = base.removesuffix(".js")
        for target in (base, f"{stem}.ts", f"{base}.svelte", f"{base}/index.ts"):
            if target in known and target != name:
                found.setdefault(target, f"{name}:{plain.count(chr(10), 0, one.start()) + 1}")
    return found


def classes(name: str, top: Block) -> list[Finding]:
    found = []
    for block in top.walk():
        if block.kind == "type" and (noun := re.search(r"\bclass\s+(\w+)", block.header)):
            count = sum(one.kind == "function" for one in block.inside)
            if count > METHODS:
                found.append(Finding("large TypeScript class", f"{name} {noun[1]}", count, f"{name}:{block.first}"))
    return found
