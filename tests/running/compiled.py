"""Compile the test files as pytest compiles them, once and on all processors. Otherwise each worker compiles all of them before
its first test, and keeps nothing where `PYTHONDONTWRITEBYTECODE` is set.

    python -m tests.running.compiled

pytest checks the source's hash before it uses a compiled file. The functions are internal to pytest, whose version is pinned.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from _pytest.assertion import rewrite

ROOT = Path(__file__).parents[1]
CONFIG: Any = SimpleNamespace(getini=lambda _: False)
STATE: Any = SimpleNamespace(trace=lambda _: None)


def write(source: Path) -> None:
    compiled = rewrite.get_cache_dir(source) / (source.stem + rewrite.PYC_TAIL)
    rewrite.try_makedirs(compiled.parent)
    if rewrite._read_pyc(source, compiled) is None:
        digest, code = rewrite._rewrite_test(source, CONFIG)
        rewrite._write_pyc(STATE, code, digest, compiled)


def main() -> None:
    with ProcessPoolExecutor() as pool:
        list(pool.map(write, [*ROOT.rglob("test_*.py"), *ROOT.rglob("conftest.py")], chunksize=8))


if __name__ == "__main__":
    main()
