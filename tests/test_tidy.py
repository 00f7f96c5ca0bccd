"""The shape of the code: arrows, doors, sizes, names, and the readers of the clock. CONTRIBUTING.md holds the rules.

The tests read the sources with `ast`. import-linter also checks the layers, and follows indirect imports. `tests/tidy` holds
the scanners of circles, long and deep functions, large types, full folders and unused limits.
"""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.tidy.finding import files
from tests.tidy.python_code import parsed, walked
from tests.tidy.violations import EXCEPTIONS, violations

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("rooms", "conference", "signaling", "media", "web")
FILE_LINES = 800
GENERATED = {"web/src/server/schemas.ts"}
"""Files that a program writes. Their length does not matter, because developers do not read them from top to bottom."""
MAY_IMPORT = {
    "signaling": {"conference", "rooms", "media", "web"},
    "conference": {"rooms", "media"},
    "media": set(),
    "rooms": set(),
    "web": set(),
}
OPENS_MEDIA = {"signaling/server.py"}
"""In signaling only the composition root may import media."""
ENTRIES = {"conference", "docker", "media", "rooms", "signaling", "tests", "web"}
ENTRIES |= {
    "CHANGES.md",
    "CONTRIBUTING.md",
    "GLOSSARY.md",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "README.md",
    "README.vi.md",
    "SECURITY.md",
    "pyproject.toml",
}
ENTRIES |= {"requirements.lock", "requirements-test.lock", "requirements-uv.lock"}
BANNED = re.compile(r"(Manager|Helper|Utils?|Handler|Service|Base|Impl|Common)s?$")
FOREIGN_NAMES = {"RoomService"}
"""Names of the browser protocol."""
READS_CLOCK = {
    "signaling/server.py": "the composition root",
    "signaling/host/clock.py": "the clock of the process",
    "conference/ground/identifiers.py": "identifiers",
    "rooms/identifiers.py": "identifiers",
    "media/node/node.py": "ICE credentials and SSRCs of the process",
    "media/mixer/process.py": "a process of its own",
    "signaling/bot.py": "a client, not part of the server",
    "signaling/bot": "a client, not part of the server",
}
DOCSTRING = re.compile(r'(#.*\n|\s)*r?"""\s*[^\s"]')
CLOCK = re.compile(
    r"^(time\.(time|monotonic|perf_counter|time_ns|monotonic_ns)|random\.|secrets\.|uuid\.uuid|os\.urandom"
    r"|datetime\.(now|utcnow|today)|date\.today|datetime\.datetime\.(now|utcnow))"
)


def sources(*packages: str) -> list[Path]:
    return [path for path in files(ROOT, *packages, suffixes=(".py",)) if "plane" not in path.parts]


def tree(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


def nodes(path: Path) -> list[ast.AST]:
    return walked(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(path: Path) -> tuple[tuple[str, tuple[str, ...], bool], ...]:
    """Return the imports of a file: module, names, and if the import runs at import time."""
    return tuple(read_imports(path))


def read_imports(path: Path) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    late = [(node.lineno, node.end_lineno or node.lineno) for node in nodes(path) if is_late(node)]
    for node in nodes(path):
        if isinstance(node, ast.Import | ast.ImportFrom):
            at_import = not any(first <= node.lineno <= last for first, last in late)
            if isinstance(node, ast.Import):
                yield from ((alias.name, (), at_import) for alias in node.names)
                continue
            assert node.level == 0, f"{name_of(path)}:{node.lineno}: relative import"
            yield node.module or "", tuple(alias.name for alias in node.names), at_import


def is_late(node: ast.AST) -> TypeGuard[ast.stmt]:
    typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    return typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def test_the_shape() -> None:
    """No circle of files or folders, no long or deep function, no large type, no full folder, no unused limit."""
    wrong = [f"{one.line()}    {one.place}" for one in violations(ROOT)]
    assert not wrong, "\n".join(wrong)


def test_at_most_three_types_are_excepted() -> None:
    assert sum(name.startswith("large ") for name in EXCEPTIONS) <= 3


def test_arrows_and_doors() -> None:
    wrong = []
    for path in sources(*PACKAGES):
        own = path.relative_to(ROOT).parts[0]
        for module, _, _ in imports(path):
            other = module.split(".")[0]
            if other not in PACKAGES or other == own:
                continue
            if other not in MAY_IMPORT[own]:
                wrong.append(f"{name_of(path)} imports {module}: not an arrow")
            if module != other and module.split(".")[1] not in opened(other):
                wrong.append(f"{name_of(path)} imports {module}: not through the door {other}")
            if own == "signaling" and other == "media" and name_of(path) not in OPENS_MEDIA:
                wrong.append(f"{name_of(path)} imports media: only the composition root may")
    assert not wrong, "\n".join(wrong)


@cache
def opened(package: str) -> set[str]:
    """Return the names that the package's door exports. Code may also import a module among them directly
    (`conference.ground.events`).
    """
    for node in tree(ROOT / package / "__init__.py").body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_the_plane_is_imported_by_one_module_only() -> None:
    found = [
        name_of(path)
        for path in sources(*PACKAGES)
        for module, names, at_import in imports(path)
        if (module.endswith("_plane") or "_plane" in names) and (at_import or path.name == "library.py")
    ]
    assert set(found) <= {"media/ground/library.py"}


def test_one_module_writes_sheets() -> None:
    """Every other module that made a sheet would need its own guard against formulas."""
    libraries = {"csv", "openpyxl", "openpyxl.cell"}
    found = [name_of(path) for path in sources(*PACKAGES) for module, _, _ in imports(path) if module in libraries]
    assert set(found) == {"rooms/exchange/sheets.py"}


def test_sizes() -> None:
    wrong = []
    for path in sources(*PACKAGES, "tests"):
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > FILE_LINES:
            wrong.append(f"{name_of(path)}: {lines} lines")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("suffix", [".rs", ".ts", ".svelte"])
def test_sizes_of_the_other_languages(suffix: str) -> None:
    paths = [path for path in files(ROOT, "media", "web", suffixes=(suffix,)) if name_of(path) not in GENERATED]
    long = {name_of(p): n for p in paths if (n := p.read_text("utf-8").count("\n")) > FILE_LINES}
    assert not long


def test_names() -> None:
    wrong = []
    for path in sources(*PACKAGES):
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and BANNED.search(node.name) and node.name not in FOREIGN_NAMES:
                wrong.append(f"{name_of(path)}:{node.lineno} {node.name}")
        if BANNED.search(path.stem.title().replace("_", "")):
            wrong.append(name_of(path))
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_docstring() -> None:
    silent = [
        name_of(path)
        for path in sources(*PACKAGES, "tests")
        if not DOCSTRING.match(path.read_text(encoding="utf-8")) and path.stat().st_size
    ]
    assert not silent, "\n".join(silent)


def test_the_clock_and_chance_are_read_in_few_places() -> None:
    wrong = []
    for path in sources(*PACKAGES):
        name = name_of(path)
        if any(name == place or name.startswith(f"{place}/") for place in READS_CLOCK):
            continue
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and CLOCK.match(dotted(node)):
                wrong.append(f"{name}:{node.lineno} {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


def dotted(node: ast.Attribute) -> str:
    """Return the text of `a.b` or `a.b.c`, which can name a reader of the clock, and "" for other expressions."""
    if isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    if isinstance(node.value, ast.Attribute) and isinstance(node.value.value, ast.Name):
        return f"{node.value.value.id}.{node.value.attr}.{node.attr}"
    return ""


def test_no_print_outside_the_command() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*PACKAGES)
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert all(place.startswith(("signaling/cli.py", "signaling/commands/")) for place in wrong), wrong


def committed() -> list[str]:
    trusted = f"safe.directory={ROOT}"
    listed = subprocess.run(["git", "-c", trusted, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def test_entries_at_the_root() -> None:
    top = {name.split("/")[0] for name in committed()}
    assert {name for name in top if not name.startswith(".")} <= ENTRIES
    assert not (ROOT / "docker" / "__init__.py").exists()


def test_no_build_output_is_committed() -> None:
    built = re.compile(r"(^|/)(node_modules|dist|target|__pycache__|\.venv)/|\.so$")
    assert not [name for name in committed() if built.search(name)]


def test_locks_name_no_registry_and_have_hashes() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        assert "://" not in text, path.name
        for block in re.split(r"\n(?=[a-z0-9])", text):
            assert not re.match(r"[a-z0-9]", block) or "--hash=sha256:" in block, f"{path.name}: {block[:60]}"
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text()


def test_the_stub_tells_what_the_library_has() -> None:
    native = pytest.importorskip("media._plane")
    stub = tree_of_stub()
    for node in stub.body:
        if isinstance(node, ast.ClassDef):
            declared = {one.name for one in node.body if isinstance(one, ast.FunctionDef)} - {"__new__"}
            present = {name for name in dir(getattr(native, node.name)) if not name.startswith("_")}
            assert declared == present, node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert hasattr(native, node.target.id)


def test_the_stub_tells_the_names_of_arguments() -> None:
    native = pytest.importorskip("media._plane")
    for node in tree_of_stub().body:
        if not isinstance(node, ast.ClassDef):
            continue
        for method in (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name != "__new__"):
            text = getattr(getattr(native, node.name).__dict__[method.name], "__text_signature__", None)
            if text is None:  # a property
                continue
            names = re.findall(r"[a-z_]\w*(?=\s*(?:=|,|\)|$))", text.strip("()"))
            declared = [one.arg for one in (*method.args.args, *method.args.kwonlyargs)]
            assert [n for n in names if n in declared or n == "self"] == declared, f"{method.name}{text}"


def tree_of_stub() -> ast.Module:
    return ast.parse((ROOT / "media" / "_plane.pyi").read_text(encoding="utf-8"))


def test_docker_scripts_are_executable_and_strict() -> None:
    for script in (ROOT / "docker").glob("*.sh"):
        assert os.access(script, os.X_OK), script.name
        assert "set -euo pipefail" in script.read_text()


def test_base_images_are_named_by_digest() -> None:
    """Both files name the same digest. A build then does not depend on the current meaning of a tag."""
    named = set()
    for file in ("Dockerfile", "compose.yaml"):
        text = (ROOT / "docker" / file).read_text()
        named |= set(re.findall(r"(?:ARG BASE=|FROM )([^\s$]+)", text))
    assert len(named) == 1
    assert re.fullmatch(r"debian:trixie-slim@sha256:[0-9a-f]{64}", named.pop())


@pytest.mark.parametrize("document", ["GLOSSARY.md", "CONTRIBUTING.md"])
def test_documents_name_code_that_exists(document: str) -> None:
    """A code name is a path, and sometimes a class, a struct or a table in the file of that path."""
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+(?:/[a-z_0-9.]+)+)`(?: `(\w+)`)?", text)
    assert len(named) > 40
    lost = [
        f"{path} {name}"
        for path, name in named
        if not (ROOT / path).exists()
        or (name and not re.search(rf"(class|struct|enum) {name}\b", (ROOT / path).read_text()))
    ]
    assert not lost
