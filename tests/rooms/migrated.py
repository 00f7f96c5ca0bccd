"""An empty SQLite database with the newest schema, made once in each worker. A server that finds it starts a third faster. Tests
of the first start have no such database (`tests/signaling/test_start.py`, `tests/test_wheel.py`).
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from rooms.store.migrations import steps
from tests.rooms.postgres import at_once, nowhere_kept


def put(data_dir: Path) -> None:
    """Write the database into the data folder of a server, if the folder has no database."""
    file = data_dir / "diemcau.sqlite"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        file.touch(0o600)
        file.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory(prefix="migrated-", dir=nowhere_kept()) as folder:
        file = Path(folder) / "diemcau.sqlite"
        at_once(steps.upgrade(f"sqlite:///{file}"))
        assert list(Path(folder).iterdir()) == [file], "all rows are in the file"
        return file.read_bytes()
