"""The scanner of folders: it counts the source files of each folder.

Python, Rust, TypeScript and Svelte count. These do not count: `__init__.py`, a Python file that holds only its docstring, unit
tests beside their subject (`*_tests.rs`), and `*.d.ts`. Folders of tests count like other folders.
"""

import ast
from collections import Counter
from pathlib import Path

from tests.tidy.finding import FILES, Finding, files, shown
from tests.tidy.python_code import parsed

TOPS = ("rooms", "conference", "signaling", "media", "web", "tests")
SHORT_BYTES = 4096
"""Bytes. Chosen. Only a shorter Python file is parsed to see if it holds only its docstring. Larger: the scan takes longer.
Smaller: a file with a long docstring counts as a source file.
"""
SUFFIXES = (".py", ".rs", ".ts", ".svelte")


def scan(root: Path) -> list[Finding]:
    counts = Counter(shown(root, path.parent) for path in files(root, *TOPS, suffixes=SUFFIXES) if is_counted(path))
    return [Finding("full folder", name, count, name) for name, count in counts.items() if count > FILES]


def is_counted(path: Path) -> bool:
    if path.name == "__init__.py" or path.name.endswith(("_tests.rs", ".d.ts")):
        return False
    if path.suffix == ".py" and path.stat().st_size < SHORT_BYTES:
        return any(not isinstance(node, ast.Expr) for node in parsed(path.read_text("utf-8")).body)
    return True
