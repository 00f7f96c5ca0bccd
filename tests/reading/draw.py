"""Draw comments of constants, so that readers can show whether the comments are understood.

`python -m tests.reading.draw SEED [COUNT]` prints `file name = value: comment` for COUNT constants. `drawn-before.txt` holds
the names that the first seed drew before the comments were written again.
"""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("conference", "signaling", "media", "rooms", "web")
PYTHON_NAME = re.compile(r"_?[A-Z][A-Z0-9_]+")
RUST_CONSTANT = re.compile(
    r"^\s*(?:pub(?:\([a-z]+\))? )?const ([A-Z][A-Z0-9_]+): [^=]+= ([^;]*\d[^;]*);(?:\s*// (.*))?$"
)


class Constant(NamedTuple):
    """A number with a name, and the comment that explains the number."""

    file: str
    name: str
    value: str
    comment: str


def is_number(value: ast.expr) -> bool:
    """Return whether the value is a number, a tuple of numbers, or computed from numbers."""
    parts = [node for node in ast.walk(value) if isinstance(node, ast.expr)]
    kinds = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.Name, ast.Attribute)
    constants = [part.value for part in parts if isinstance(part, ast.Constant)]
    return (
        bool(constants)
        and all(isinstance(part, kinds) for part in parts)
        and all(isinstance(x, int | float) for x in constants)
    )


def python_constants(file: str, source: str) -> Iterator[Constant]:
    """Yield the constants of a module that a docstring or a comment explains."""
    rows = source.splitlines()
    body = ast.parse(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name, value = ast.unparse(target), ast.unparse(node.value)
        if not is_number(node.value) or not all(PYTHON_NAME.fullmatch(part) for part in re.findall(r"\w+", name)):
            continue
        comment = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            comment = after.value.value
        elif "#" in (row := rows[(node.end_lineno or node.lineno) - 1]):
            comment = row.split("#", 1)[1]
        elif node.lineno > 1 and rows[node.lineno - 2].startswith("#"):
            comment = rows[node.lineno - 2]
        if comment.strip():
            yield Constant(file, name, value, " ".join(comment.split()))


def rust_constants(file: str, source: str) -> Iterator[Constant]:
    """Yield the constants of a Rust file that a comment on or above their line explains."""
    above: list[str] = []
    for row in source.splitlines():
        stripped = row.strip()
        if stripped.startswith("//"):
            above.append(stripped.lstrip("/! "))
            continue
        if (match := RUST_CONSTANT.match(row)) and (match[3] or above):
            yield Constant(file, match[1], match[2], match[3] or " ".join(above))
        above = []


def constants() -> list[Constant]:
    """Return every explained constant of the product, in the order of the files."""
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: list[Constant] = []
    for file in listed.splitlines():
        if file.endswith(".py"):
            found += python_constants(file, (ROOT / file).read_text(encoding="utf-8"))
        elif file.endswith(".rs") and "/tests/" not in file and "/fuzz/" not in file:
            found += rust_constants(file, (ROOT / file).read_text(encoding="utf-8"))
    return found


def main() -> None:
    """Print the constants that the seed draws."""
    seed, count = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30
    found = constants()
    print(f"{count} of {len(found)}, seed {seed}")
    for constant in random.Random(seed).sample(found, count):
        print(f"{constant.file} {constant.name} = {constant.value}: {constant.comment}")


if __name__ == "__main__":
    main()
