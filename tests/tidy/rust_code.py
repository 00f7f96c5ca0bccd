"""The scanner of Rust: circles, long and deep functions, large types, without the tests.

An edge is a `use`, or a path in the code, that leads to another file of the same crate. The path begins with `crate::`,
`super::`, or the name of a child module. `mod x;` is not an edge. A file inside a module sees through the module's `use` to the
file behind it. A file outside has an edge to the module's own file. So `impl Shard` in `receive.rs` is an edge from
`receive.rs` to the file of `Shard`. A call of a method is not an edge if another file of the same type defines the method. The
bound of methods stops a type that is spread over many files.

A module's own file (`shard.rs` beside `shard/`) belongs to the folder of the module.

A function is measured from the line of its header to its closing brace. `blocks.py` defines its depth. The methods of a type
are the functions of all its `impl` blocks, also of traits. A type of WHOLE also has each function with a parameter of the type.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.tidy.blocks import Block, blocks, depth, rust, title
from tests.tidy.finding import DEPTH, LINES, METHODS, WHOLE, Finding, circles, files, folded, shown

CRATES = ("media/plane/core/src", "media/plane/udp/src", "media/plane/src")
Path_ = tuple[str, ...]
USE = re.compile(r"\buse\s+([^;]+);")
INLINE = re.compile(r"(?<![\w:])(\w+)((?:::\w+)+)")
TYPE = re.compile(r"\b(?:struct|enum|union|trait)\s+(\w+)")


class Crate:
    """The files of one crate by their module paths, blanked and read once."""

    def __init__(self, root: Path, top: str) -> None:
        self.root, self.top = root, top
        self.paths: dict[Path_, Path] = {}
        for path in files(root, top, suffixes=(".rs",)):
            parts = path.relative_to(root / top).with_suffix("").parts
            if not parts[-1].endswith("tests") and parts[-1] != "main":
                self.paths[() if parts == ("lib",) else parts[:-1] if parts[-1] == "mod" else parts] = path
        self.texts = {name: rust(path.read_text("utf-8")) for name, path in self.paths.items()}
        self.blocks = {name: blocks(text, "rust") for name, text in self.texts.items()}
        self.uses = {name: list(used(text)) for name, text in self.texts.items()}

    def shown(self, name: Path_) -> str:
        return shown(self.root, self.paths[name])

    def edges(self, name: Path_) -> dict[str, str]:
        found: dict[str, str] = {}
        for path, _, line in (*self.uses[name], *inline(self.texts[name])):
            target = self.target(name, path)
            if target is not None and target != name:
                found.setdefault(self.shown(target), f"{self.shown(name)}:{line}")
        return found

    def target(self, name: Path_, path: Path_, trail: tuple[tuple[Path_, Path_], ...] = ()) -> Path_ | None:
        """Return the file that a path leads to, or None for a path outside this crate."""
        absolute = self.absolute(name, path)
        if absolute is None or (name, path) in trail:
            return None
        at = absolute
        while at not in self.paths:
            at = at[:-1]
        rest = absolute[len(at) :]
        if rest and name[: len(at)] == at:
            for behind, bound, _ in self.uses[at]:
                if bound == rest[0]:
                    return self.target(at, (*behind, *rest[1:]), (*trail, (name, path))) or None
        return at

    def absolute(self, name: Path_, path: Path_) -> Path_ | None:
        if path[0] == "crate":
            return path[1:]
        if path[0] == "self":
            return (*name, *path[1:])
        if path[0] == "super":
            return (
                self.absolute(name[:-1], ("self", *path[1:]))
                if path[1:2] != ("super",)
                else self.absolute(name[:-1], path[1:])
            )
        return (*name, *path) if (*name, path[0]) in self.paths else None

    def folder(self, name: Path_) -> str:
        is_folder = any(other[:-1] == name for other in self.paths if other)
        return "/".join((self.top, *(name if is_folder else name[:-1])))

    def home(self, name: Path_, noun: str) -> Path_:
        """Return the file that defines a type named in one file."""
        if noun in TYPE.findall(self.texts[name]):
            return name
        homes = [one for one, text in self.texts.items() if noun in TYPE.findall(text)]
        imported = {self.target(name, path) for path, bound, _ in self.uses[name] if bound == noun}
        return next((one for one in homes if one in imported), homes[0] if homes else name)


def used(text: str) -> Iterator[tuple[Path_, str, int]]:
    """Yield the path of each import, the name that it binds, and its line."""
    for found in USE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        for leaf in leaves("".join(re.sub(r"\s+as\s+", "@", found[1]).split())):
            path, _, bound = leaf.partition("@")
            parts = tuple(part for part in path.split("::") if part)
            if parts[-1:] == ("self",) and len(parts) > 1:
                parts = parts[:-1]
            if parts:
                yield tuple(part for part in parts if part != "*"), bound or parts[-1], line


def leaves(tree: str) -> Iterator[str]:
    """Yield the paths of a `use`, with its braces opened."""
    head, brace, rest = tree.partition("{")
    if not brace:
        yield tree
        return
    deep, start, inner = 0, 0, rest[: rest.rindex("}")]
    for at, sign in enumerate(f"{inner},"):
        deep += {"{": 1, "}": -1}.get(sign, 0)
        if sign == "," and deep == 0:
            if inner[start:at]:
                yield from (head + leaf for leaf in leaves(inner[start:at]))
            start = at + 1


def inline(text: str) -> Iterator[tuple[Path_, str, int]]:
    outside = USE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in INLINE.finditer(outside):
        yield (found[1], *found[2].split("::")[1:]), "", outside.count("\n", 0, found.start()) + 1


def scan(root: Path) -> list[Finding]:
    found = []
    takers = dict.fromkeys(WHOLE, 0)
    counts: dict[tuple[str, str], int] = {}
    for crate in (Crate(root, top) for top in CRATES):
        graph = {crate.shown(name): crate.edges(name) for name in crate.paths}
        found += circles("circle of Rust files", graph)
        found += circles(
            "circle of Rust folders", folded(graph, {crate.shown(one): crate.folder(one) for one in crate.paths})
        )
        for name in crate.paths:
            found += functions(crate.shown(name), crate.blocks[name], "Rust", "rust")
            count_methods(crate, name, counts, takers)
    for (home, noun), count in counts.items():
        total = count + takers.get(noun, 0)
        if total > METHODS:
            found.append(Finding("large Rust type", f"{home} {noun}", total, home))
    return found


def functions(file: str, top: Block, name: str, language: str) -> Iterator[Finding]:
    for block in top.walk():
        if block.kind != "function":
            continue
        called = f"{file} {title(block, language)}"
        length = block.last - block.first + 1
        if length > LINES:
            yield Finding(f"long {name} function", called, place=f"{file}:{block.first} ({length} lines)")
        if (deep := depth(block)) > DEPTH:
            yield Finding(f"deep {name} function", called, place=f"{file}:{block.first} ({deep} deep)")


def count_methods(crate: Crate, name: Path_, counts: dict[tuple[str, str], int], takers: dict[str, int]) -> None:
    for block in crate.blocks[name].walk():
        if block.kind == "type" and (noun := subject(block.header)):
            key = (crate.shown(crate.home(name, noun)), noun)
            methods = [one for one in block.inside if one.kind == "function"]
            counts[key] = counts.get(key, 0) + len(methods)
        elif block.kind == "function":
            for noun in (
                set(re.findall(r":\s*(?:&\s*(?:'\w+\s+)?)?(?:mut\s+)?(?:\w+::)*(\w+)\s*[,)<]", block.header)) & WHOLE
            ):
                takers[noun] += 1


def subject(header: str) -> str:
    """Return the type of an `impl`, or the trait of a `trait`."""
    text = header
    while "<" in text and (shorter := re.sub(r"<[^<>]*>", "", text.replace("->", ""))) != text:
        text = shorter
    found = re.search(r"\btrait\s+(\w+)", text) or re.search(
        r"\bimpl\b(?:.*?\bfor\b)?\s*(?:&\s*(?:mut\s+)?)?(?:\w+::)*(\w+)", text, re.DOTALL
    )
    return found[1] if found else ""
