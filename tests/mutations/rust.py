"""Change the packet plane in one place, run the tests of its crate, and report whether a test noticed.

    cargo mutants -p plane-core -p plane-udp --shard 35/150 --sharding round-robin --list --json --diff > drawn.json
    python3 tests/mutations/rust.py drawn.json results.tsv     run the tests for each change that has no result yet

`cargo mutants` runs in `media/plane`. The checkout must be a copy of its own: the script writes each change into the files and
takes the change back. The unit tests run first, because they are built fastest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PLANE = Path(__file__).resolve().parents[2] / "media/plane"
BOUND_S = 300
"""Seconds on the clock for one program of tests with its build. Chosen for a machine that is busy with other work. Smaller: a
slow build counts as caught. Larger: a change that waits forever holds up the run.
"""


def programs_of(package: str) -> list[list[str]]:
    shard = [["--test", "shard"], ["--test", "soak"]]
    return [["--lib"], *(shard if package == "plane-core" else [["--tests"]])]


def judge(package: str) -> tuple[str, str]:
    """Return ("caught", the test), ("survived", the reason) or ("unbuildable", the error)."""
    for program in programs_of(package):
        command = ["cargo", "test", "--locked", "--quiet", "-p", package, *program]
        try:
            done = subprocess.run(command, cwd=PLANE, capture_output=True, text=True, timeout=BOUND_S, check=False)
        except subprocess.TimeoutExpired:
            return "caught", "waits"
        if "could not compile" in done.stderr:
            return "unbuildable", done.stderr.strip().splitlines()[0]
        if done.returncode:
            failed = [line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and "::" in line]
            return "caught", failed[0] if failed else "the program ended"
    return "survived", "all passed"


def run(drawn: Path, results: Path) -> None:
    """Try every change that `results` does not hold yet, and add a line for each."""
    done = {row.split("\t")[0] for row in results.read_text().splitlines()} if results.exists() else set()
    changes: list[dict[str, Any]] = json.loads(drawn.read_text())
    for one in changes:
        if one["name"] in done:
            continue
        began = time.monotonic()
        try:
            subprocess.run(["patch", "-p0", "--quiet"], cwd=PLANE, input=one["diff"], text=True, check=True)
            verdict, test = judge(one["package"])
        finally:
            subprocess.run(["git", "checkout", "--quiet", "--", "."], cwd=PLANE, check=True)
        with results.open("a") as out:
            out.write(f"{one['name']}\t{verdict}\t{time.monotonic() - began:.0f}\t{test}\n")


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]))
