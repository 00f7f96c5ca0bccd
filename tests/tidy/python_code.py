"""The scanner of Python: circles, long and deep functions, large classes, and calls whose target a reader cannot follow.

Each import is an edge: at the top, under `TYPE_CHECKING`, or inside a function. A module named in a string is an edge too. Such
a string is the argument of `import_module`, `"package.module:name"`, or the word after `"-m"`. An f-string means all modules
whose names begin with its first part. A call is refused when only a variable names its target: `getattr(x, name)(...)`,
`import_module(name)`.

The door of a package is its `__init__`. Code outside the package that reads the door has an edge to the door. The door has an
edge to the files that it opens. Code inside the package sees through the door: `from media import Line` in `media/peer.py` is
an edge to the file of `Line`. Python runs each `__init__` above a module, but that is not an edge.

The edges of a folder are the edges of its files. Its `__init__` belongs to the folder. A folder and its parent folder can form
a circle.

A function is measured from `def` to its last line. Its depth counts `if`, `for`, `while`, `with`, `try` and `match`. `elif`,
`else`, `except` and `case` belong to their statement. A function inside another function is measured separately.

The methods of a class are the functions in its body and in the bodies of its bases. A property and its setter count once. A
class of WHOLE also has each function with a parameter of its type.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from tests.tidy.finding import DEPTH, LINES, METHODS, WHOLE, Finding, circles, files, folded, shown

PACKAGES = ("rooms", "conference", "signaling", "media", "web")
CONTROL = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
LOADED = re.compile(r"[a-z_]\w*(\.\w+)+:\w+")


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def walked(text: str) -> list[ast.AST]:
    return list(ast.walk(parsed(text)))


class Code:
    """All Python files of the product, parsed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = {module(root, path): path for path in files(root, *PACKAGES, suffixes=(".py",))}
        texts = {name: path.read_text("utf-8") for name, path in self.paths.items()}
        self.trees = {name: parsed(text) for name, text in texts.items()}
        self.packages = {name for name, path in self.paths.items() if path.name == "__init__.py"}
        self.nodes = {name: walked(text) for name, text in texts.items()}
        self.definitions = {name: list(definitions(tree)) for name, tree in self.trees.items()}

    def place(self, name: str, node: ast.AST) -> str:
        return f"{shown(self.root, self.paths[name])}:{getattr(node, 'lineno', 1)}"

    def graph(self) -> dict[str, dict[str, str]]:
        graph: dict[str, dict[str, str]] = {}
        for name, nodes in self.nodes.items():
            graph[name] = {}
            for node in nodes:
                for target in self.targets(name, node):
                    if target != name:
                        graph[name].setdefault(target, self.place(name, node))
        return graph

    def targets(self, name: str, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in self.paths)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from filter(None, (self.resolved(name, node.module, alias.name) for alias in node.names))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and LOADED.fullmatch(node.value):
            yield from self.named(node.value.split(":")[0])
        elif isinstance(node, ast.Call):
            yield from self.loaded(node)
        elif isinstance(node, ast.List | ast.Tuple):
            yield from self.started(node)

    def resolved(self, name: str, source: str, item: str) -> str | None:
        """Return the module behind `from source import item`. Code inside a package sees through the package's door."""
        if f"{source}.{item}" in self.paths:
            return f"{source}.{item}"
        if source in self.packages and name.startswith(f"{source}."):
            for node in self.trees[source].body:
                if isinstance(node, ast.ImportFrom) and node.module:
                    for alias in node.names:
                        if (alias.asname or alias.name) == item:
                            return self.resolved(name, node.module, alias.name)
            if self.paths[source].with_name(f"{item}.pyi").exists():
                return None  # the item comes from the compiled library, which reads no Python file
        return source if source in self.paths else None

    def named(self, words: str) -> Iterator[str]:
        """Yield the module that a string names, or the module of the function that the string names."""
        if words not in self.paths:
            words = words.rpartition(".")[0]
        if words in self.paths:
            yield words

    def loaded(self, node: ast.Call) -> Iterator[str]:
        if not node.args or not _is_import(node.func):
            return
        first = node.args[0]
        if isinstance(first, ast.Constant):
            yield from self.named(str(first.value))
        elif beginning := _beginning(first):
            yield from (name for name in self.paths if name.startswith(beginning))

    def started(self, node: ast.List | ast.Tuple) -> Iterator[str]:
        words = [one.value if isinstance(one, ast.Constant) else None for one in node.elts]
        for flag, word in pairwise(words):
            if flag == "-m" and isinstance(word, str):
                yield from self.named(f"{word}.__main__" if word in self.packages else word)

    def bases(self) -> dict[str, ast.ClassDef]:
        """Return the classes by name, without names that several classes share."""
        every = [one for titled in self.definitions.values() for one in titled if isinstance(one[1], ast.ClassDef)]
        counts = Counter(title for title, _ in every)
        return {title: node for title, node in every if counts[title] == 1 and isinstance(node, ast.ClassDef)}

    def folder(self, name: str) -> str:
        return name if name in self.packages else name.rpartition(".")[0]


def module(root: Path, path: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _beginning(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value)
    return ""


def scan(code: Code) -> list[Finding]:
    graph = code.graph()
    found = circles("circle of Python files", graph)
    found += circles("circle of Python folders", folded(graph, {name: code.folder(name) for name in graph}))
    found += [one for name in code.trees for one in (*functions(code, name), *unfollowed(code, name))]
    return found + classes(code)


def functions(code: Code, name: str) -> Iterator[Finding]:
    for title, node in code.definitions[name]:
        if isinstance(node, ast.ClassDef):
            continue
        called = f"{shown(code.root, code.paths[name])} {title}"
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > LINES:
            yield Finding("long Python function", called, place=f"{code.place(name, node)} ({length} lines)")
        if (deep := depth(node)) > DEPTH:
            yield Finding("deep Python function", called, place=f"{code.place(name, node)} ({deep} deep)")


def definitions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield each function and class with its name inside the file, for example `Conference.join`."""
    for node in statements(tree):
        title = above
        if isinstance(node, Definition):
            title = f"{above}.{node.name}" if above else node.name
            yield title, node
        yield from definitions(node, title)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements directly inside a statement."""
    for part in ("body", "handlers", "cases", "orelse", "finalbody"):
        inner = getattr(node, part, ())
        if isinstance(inner, list):
            yield from inner


def depth(node: ast.AST) -> int:
    deepest = 0
    for child in statements(node):
        if isinstance(child, Definition):
            continue
        inner = depth(child)
        if isinstance(child, CONTROL) and not _is_elif(node, child):
            inner += 1
        deepest = max(deepest, inner)
    return deepest


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    if not isinstance(node, ast.If) or not isinstance(child, ast.If):
        return False
    return node.orelse == [child] and child.col_offset == node.col_offset


def classes(code: Code) -> list[Finding]:
    """Return the classes with too many methods. For the classes of WHOLE, functions with a parameter of the class count too."""
    counts: dict[str, int] = {}
    places: dict[str, str] = {}
    takers = dict.fromkeys(WHOLE, 0)
    bases = code.bases()
    for name in code.trees:
        for title, node in code.definitions[name]:
            if isinstance(node, ast.ClassDef):
                called = f"{shown(code.root, code.paths[name])} {title}"
                counts[called] = len(methods(node, bases))
                places[called] = code.place(name, node)
            else:
                for whole in taken(node):
                    takers[whole] += 1
    for called in counts:
        counts[called] += takers.get(called.split()[-1], 0)
    return [
        Finding("large Python class", name, count, places[name]) for name, count in counts.items() if count > METHODS
    ]


def methods(node: ast.ClassDef, bases: dict[str, ast.ClassDef], trail: tuple[str, ...] = ()) -> set[str]:
    found = {one.name for one in node.body if isinstance(one, Function)}
    for base in node.bases:
        for name in nouns(base.value if isinstance(base, ast.Subscript) else base):
            if name in bases and name not in trail and bases[name] is not node:
                found |= methods(bases[name], bases, (*trail, name))
    return found


def taken(node: Function) -> set[str]:
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
    return {name for one in every if one and one.annotation for name in nouns(one.annotation)} & WHOLE


def nouns(note: ast.expr) -> Iterator[str]:
    """Yield the types of an annotation: both types of `Conference | None`, but not the types inside a list or a callable."""
    if isinstance(note, ast.Name):
        yield note.id
    elif isinstance(note, ast.Attribute):
        yield note.attr
    elif isinstance(note, ast.BinOp):
        yield from (*nouns(note.left), *nouns(note.right))
    elif isinstance(note, ast.Constant) and isinstance(note.value, str):
        yield from nouns(ast.parse(note.value, mode="eval").body)


def unfollowed(code: Code, name: str) -> Iterator[Finding]:
    """Yield calls whose target only a variable names: `getattr(x, name)(...)`, and `import_module(name)`."""
    for title, function in code.definitions[name]:
        if isinstance(function, ast.ClassDef):
            continue
        for node in opened(function):
            where = f"{shown(code.root, code.paths[name])} {title}"
            yield Finding("call by a name in a variable", where, place=code.place(name, node))


def opened(function: Function) -> Iterator[ast.AST]:
    nodes = list(ast.walk(function))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if not called & {"getattr", "import_module", "__import__"} and not any(_is_open_import(node) for node in nodes):
        return
    for node in nodes:
        if isinstance(node, ast.Call) and (_is_open_import(node) or _is_open_getattr(node.func)):
            yield node
        elif isinstance(node, ast.Assign) and _is_open_getattr(node.value):
            target = node.targets[0]
            yield from [node] if isinstance(target, ast.Name) and target.id in called else []


def _is_open_getattr(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "getattr":
        return False
    return len(node.args) > 1 and not isinstance(node.args[1], ast.Constant)


def _is_open_import(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args or not _is_import(node.func):
        return False
    return not isinstance(node.args[0], ast.Constant) and not _beginning(node.args[0])


def _is_import(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in ("import_module", "__import__")
