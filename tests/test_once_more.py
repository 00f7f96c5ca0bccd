"""A few tests that need the whole machine get a second run; nothing else does, and nothing is hidden by it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import once_more
from tests.conftest import ROOT
from tests.tidy.finding import files

INI = "[pytest]\nmarkers = whole_machine: alone\naddopts = --import-mode=importlib\n"
HEAD = """
from pathlib import Path
import pytest

alone = pytest.mark.whole_machine

def passes_later(name):
    path = Path(__file__).with_name(name)
    seen = path.exists()
    path.touch()
    assert seen, f"first run of {name}"

def test_passes(): pass
"""


def flaky(number: int, mark: str = "@alone") -> str:
    return f"\n{mark}\ndef test_flaky_{number}(): passes_later('flaky-{number}')\n"


NEVER = "\n@alone\ndef test_never(): assert 0, 'it never passes'\n"
BROKEN = "\n@pytest.fixture\ndef broken(): assert 0\n\ndef test_other(broken): pass\n"


def run(folder: Path, text: str, *arguments: str, listed: str = "", **variables: str) -> tuple[int, list[str]]:
    (folder / "test_some.py").write_text(HEAD + text)
    (folder / "pytest.ini").write_text(INI)
    (folder / "FLAKY.md").write_text(f"| Test | Cause |\n|---|---|\n{listed}")
    code = (
        "import sys; from pathlib import Path; from tests import once_more; once_more.LIST = Path('FLAKY.md');"
        "sys.exit(once_more.main(sys.argv[1:]))"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_") and name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()


@pytest.mark.parametrize("workers", ["", "2"], ids=["alone", "workers"])
def test_up_to_three_marked_tests_run_once_more(tmp_path: Path, workers: str) -> None:
    code, lines = run(tmp_path, flaky(1) + flaky(2) + flaky(3), *(["-p", "xdist", "-n", workers] if workers else []))
    assert code == 0
    assert lines[-1].startswith("4 passed, 3 flaky in "), "one passed in the first run, three in the second"
    assert lines[-3].startswith("flaky: test_some.py::test_flaky_")
    # The failure stands in full once in the first run, and once more at the end.
    assert sum("AssertionError: first run of flaky-2" in line for line in lines if line.startswith("E ")) == 2


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (flaky(1, mark=""), "1 failed, 1 passed in "),
        (flaky(1) + flaky(2, mark=""), "2 failed, 1 passed in "),
        ("".join(map(flaky, range(4))), "4 failed, 1 passed in "),
        (BROKEN + flaky(1), "1 failed, 1 passed, 1 error in "),
    ],
    ids=["no mark", "another failure", "four", "an error beside it"],
)
def test_nothing_else_gets_a_second_run(tmp_path: Path, text: str, last: str) -> None:
    code, lines = run(tmp_path, text)
    assert code == 1
    assert lines[-1].startswith(last)
    assert not [line for line in lines if line.startswith("flaky: ")]


def test_a_second_failure_fails_the_run(tmp_path: Path) -> None:
    code, lines = run(tmp_path, flaky(1) + NEVER)
    assert code == 1
    assert lines[-1].startswith("2 failed, 2 passed, 1 flaky in "), "of both runs"
    assert lines[-3] == "flaky: test_some.py::test_flaky_1"


def test_a_listed_test_gets_no_second_run(tmp_path: Path) -> None:
    code, lines = run(tmp_path, flaky(1), listed="| `test_some.py::test_flaky_1` | cause unknown |\n")
    assert code == 1
    assert lines[-1].startswith("1 failed, 1 passed in ")


def test_a_file_that_cannot_be_read_gets_no_second_run(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import a_library_that_is_not_there\n")
    code, lines = run(tmp_path, flaky(1), "--continue-on-collection-errors")
    assert code == 1
    assert "1 error" in lines[-1]
    assert "flaky" not in lines[-1]


def test_a_skip_that_fails_the_run_is_not_hidden(tmp_path: Path) -> None:
    skipped = "\ndef test_skipped(): pytest.skip('no tool')\n"
    code, lines = run(tmp_path, flaky(1) + skipped, "-p", "tests.skips", CI="true")
    assert code == 1
    assert not [line for line in lines if line.startswith("flaky: ")]


def test_the_list_names_tests_of_today() -> None:
    gone = [test for test in once_more.listed(once_more.LIST) if not (ROOT / test.split("::")[0]).is_file()]
    assert not gone, "tests/FLAKY.md names tests that are gone"


MARKED = ROOT / "tests" / "whole_machine.txt"
"""Every test with the mark, by file and function. This list may only become shorter."""


def marked() -> set[str]:
    found = set()
    for path in files(ROOT, "tests", suffixes=(".py",)):
        text = path.read_text("utf-8")
        if path.name.startswith("test_") and once_more.MARK in text:
            found |= {f"{path.relative_to(ROOT).as_posix()}::{name}" for name in marked_functions(ast.parse(text))}
    return found


def marked_functions(module: ast.Module) -> list[str]:
    whole = any(is_mark(node) for node in module.body if isinstance(node, ast.Assign))
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tests = [node for node in functions if node.name.startswith("test_")]
    return [node.name for node in tests if whole or any(is_mark(mark) for mark in node.decorator_list)]


def is_mark(node: ast.AST) -> bool:
    """Tell whether `pytest.mark.whole_machine` stands in a `pytestmark` or a decorator."""
    inner = ast.walk(node)
    return any(isinstance(one, ast.Attribute) and one.attr == once_more.MARK for one in inner)


def test_marked_tests_are_listed() -> None:
    assert sorted(marked()) == MARKED.read_text("utf-8").splitlines()
