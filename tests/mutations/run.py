"""Change the product in one place, run the tests of its package, and report whether a test noticed.

    PYTHON tests/mutations/run.py draw 150 > drawn.txt         draw changes at random (cosmic-ray makes them)
    PYTHON tests/mutations/run.py run drawn.txt results.tsv    run the tests for each change that has no result yet

PYTHON has `pip install cosmic-ray`; the tests run with .venv of this checkout. The checkout must be a copy of its own: `run`
writes each change into the files and takes the change back. Every change gets at most 60 seconds of CPU for its tests, so a busy
machine does not change a verdict.
"""

from __future__ import annotations

import ast
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("conference", "signaling", "media", "rooms", "web")
SEED = 20261130
BOUND_S = 60
"""Seconds of CPU for the tests of a change. The issue that asked for this check set the value."""
LEAST_S = 5
WAIT_S = 900
"""Seconds on the clock for one folder of tests. Chosen for a machine that is busy with other work. Smaller: a test that waits on
a busy machine counts as a survivor. Larger: a change that waits forever holds up the run.
"""
SKIPPED = ("/migrations/", "/docs/", "signaling/bot/", "rooms/demo/")
"""Tables of the database that only an upgrade runs, and parts that are tools for developers."""


def draw(count: int) -> None:
    """Print `file operator occurrence` for changes of random files, each file with a chance by its length."""
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [name for name in listed.split() if name.endswith(".py") and not any(part in name for part in SKIPPED)]
    chance = random.Random(SEED)
    weights = [len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in files]
    drawn: set[tuple[str, str, int]] = set()
    while len(drawn) < count:
        (name,) = chance.choices(files, weights)
        found = places(ROOT / name)
        if found and (row := (name, *chance.choice(found))) not in drawn and does_something(*row):
            drawn.add(row)
            print(*row, flush=True)


def places(path: Path) -> list[tuple[str, int]]:
    """Return (operator, occurrence) of every change that the tool can make in the file."""
    nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
    found = []
    for name in sorted(operator_names()):
        operator_class = get_operator(name)
        if "RemoveDecorator" in name or operator_class.arguments():
            continue
        operator = operator_class()
        count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        found += [(name, number) for number in range(count)]
    return found


def does_something(name: str, operator: str, number: int) -> bool:
    """Return False for a change of an annotation, which no run reads, and for a change that Python cannot compile."""
    before = (ROOT / name).read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(operator)(), number)
    try:
        return after is not None and bare(before) != bare(after)
    except SyntaxError:
        return False


def bare(source: str) -> str:
    """Return the program without annotations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if isinstance(getattr(node, field, None), ast.expr):
                setattr(node, field, ast.Constant(None))
    return ast.dump(tree)


def tests_of(name: str) -> list[str]:
    """Return the folders of tests for a file: the mirror of its folder first, then the rest of its package."""
    parts = name.split("/")[:-1]
    near = [f"tests/{'/'.join(parts[:depth])}" for depth in range(len(parts), 0, -1)]
    return [folder for folder in near if (ROOT / folder).is_dir()]


def run(drawn: Path, results: Path) -> None:
    """Try every change that `results` does not hold yet, and add a line for each."""
    done = {tuple(row.split("\t")[:3]) for row in results.read_text().splitlines()} if results.exists() else set()
    for row in drawn.read_text().splitlines():
        name, operator, number = row.split()
        if (name, operator, number) in done:
            continue
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        changed = mutate_code(before, get_operator(operator)(), int(number))
        if changed is None:
            continue
        began = time.monotonic()
        try:
            path.write_text(changed, encoding="utf-8")
            verdict, test = judge(name)
        finally:
            path.write_text(before, encoding="utf-8")
        with results.open("a") as out:
            out.write(f"{name}\t{operator}\t{number}\t{verdict}\t{time.monotonic() - began:.0f}\t{test}\n")


def judge(name: str) -> tuple[str, str]:
    """Return ("caught", the test) or ("survived", the reason) after the tests of the package, nearest folder first.

    A folder without a fitting test (code 5 of pytest) is passed over. Any other code is an error of the run. A test that fails
    must fail a second time. Otherwise the busy machine may be the cause, and the verdict is "unsure".
    """
    began = used()
    before: list[str] = []
    for folder in tests_of(name):
        left = BOUND_S - round(used() - began)
        if left < LEAST_S:
            break
        command = [".venv/bin/python", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", folder]
        command += ["-m", "not browser and not native and not whole_machine and not slow"]
        bounded = ["prlimit", f"--cpu={left}:{left + LEAST_S}", *command, *(f"--ignore={one}" for one in before)]
        before.append(folder)
        try:
            done = subprocess.run(bounded, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False)
        except subprocess.TimeoutExpired:
            return "waits", folder
        if done.returncode in (1, 2):
            failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
            test = failed[0].split(" ", 1)[1].split(" - ")[0] if failed else folder
            again = subprocess.run([*command[:-3], test], cwd=ROOT, capture_output=True, timeout=WAIT_S, check=False)
            return ("caught" if again.returncode in (1, 2, 4) else "unsure"), test
        if done.returncode == -signal.SIGXCPU:
            return "survived", "time"
        if done.returncode not in (0, 5):
            return "error", f"pytest ended with {done.returncode}"
    return "survived", "all passed"


def used() -> float:
    """Return the seconds of CPU of all ended child processes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


if __name__ == "__main__":
    if sys.argv[1] == "draw":
        draw(int(sys.argv[2]))
    else:
        run(Path(sys.argv[2]), Path(sys.argv[3]))
