"""A real PostgreSQL for tests: Debian's binaries, a separate folder, a unix socket, no network port."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

T = TypeVar("T")
BINARIES = Path("/usr/lib/postgresql")
START_S = 60
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""The data of a unit test may be lost when the machine stops. These options make commits faster."""

POSTGRESQL_IN_SIM = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.sim)], indirect=True
)
"""A mark for a test whose point is not the database: `make test` runs it on SQLite, and `make sim` on both."""
MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 * 2**30


def postgresql_in_sim_except(name: str, values: Iterable[str], both: Collection[str]) -> pytest.MarkDecorator:
    """Return a mark that runs a test for all values of the parameter `name`. `make test` runs the values in `both` on SQLite and
    on PostgreSQL, and the other values on SQLite alone. `make sim` runs all of them on both.
    """
    values = list(values)
    assert set(both) <= set(values)
    in_sim = [pytest.param(one, "postgresql", marks=() if one in both else pytest.mark.sim) for one in values]
    runs = [pytest.param(one, "sqlite") for one in values] + in_sim
    return pytest.mark.parametrize((name, "database_url"), runs, indirect=["database_url"])


def nowhere_kept() -> Path:
    """Return the folder for files that may be lost when the machine stops. If memory has room, the folder is in memory, so that
    no commit waits for a disk.
    """
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES else Path(tempfile.gettempdir())


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in a new event loop in a new thread, and return its result. The caller may be inside another event
    loop.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


class Postgres:
    """A PostgreSQL server. `durable`: with the options of production, for tests that kill the server."""

    def __init__(self, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if durable else nowhere_kept()))
        self.options = ["max_connections=200", "listen_addresses=", f"unix_socket_directories={self.folder}"]
        self.options += [] if durable else FAST
        self.process: subprocess.Popen[bytes] | None = None
        self.templates: set[str] = set()
        """The names of the databases that serve as templates."""
        self.outdated: list[str] = []
        """The names of the databases of ended tests. The next test drops them by the connection that makes its own database."""
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        data = self.folder / "data"
        self._run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    def start(self) -> None:
        """Start the server, and return when it accepts connections."""
        settings = [part for option in self.options for part in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                # The server ends with this process, even if this process is killed.
                self._command("postgres", "-D", str(self.folder / "data"), *settings),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while subprocess.run(self._command("pg_isready", "-q", "-h", str(self.folder)), check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop the server. SIGINT ends it quickly. SIGQUIT ends it as a crash would."""
        if self.process is None:
            return
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, number)
        self.process.wait(START_S)
        self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}"

    async def run(self, *statements: str) -> None:
        """Run statements in the database `postgres`, outside any transaction."""
        connection = await asyncpg.connect(user="postgres", host=str(self.folder), database="postgres")
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def run_now(self, *statements: str) -> None:
        at_once(self.run(*statements))

    def _run(self, *command: str) -> None:
        subprocess.run(self._command(*command), check=True, capture_output=True, cwd=self.folder)

    def _command(self, name: str, *arguments: str) -> Sequence[str]:
        found = sorted(BINARIES.glob(f"*/bin/{name}"))
        if not found:
            raise RuntimeError("PostgreSQL is missing: docker/test-tools.sh")
        owner = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.getuid() == 0 else []
        with_us = ["--pdeathsig", "INT"] if name == "postgres" else []
        return ["setpriv", *owner, *with_us, "--", str(found[-1]), *arguments]
