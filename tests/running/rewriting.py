"""The bytecode that pytest makes of each test file: `python -m tests.running.rewriting` writes the files that pytest looks for.

pytest rewrites the assertions of a test file before it compiles the file. This takes six seconds of a processor for all files.
The workers of a run begin at the same time, and without this step each worker would do the same work. With
PYTHONDONTWRITEBYTECODE each worker would do it in every run.
"""

import os
from pathlib import Path

from _pytest.assertion import rewrite

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name.startswith("test_") or path.name == "conftest.py":
            write(path)


def write(path: Path) -> None:
    """Write the bytecode of the file, unless it is there and fits the source."""
    folder = rewrite.get_cache_dir(path)
    kept = folder / (path.stem + rewrite.PYC_TAIL)
    if rewrite._read_pyc(path, kept) is not None:
        return
    source_hash, code = rewrite._rewrite_test(path, None)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    begun = kept.with_suffix(f".{os.getpid()}")
    with begun.open("wb") as file:
        rewrite._write_pyc_fp(file, source_hash, code)
    begun.replace(kept)  # another run may read the file at this moment


if __name__ == "__main__":
    main()
