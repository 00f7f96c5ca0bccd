"""A wall clock that a test sets. The server and its terminals run under libfaketime (Debian's package `faketime`). The `Date`
of pages is set to the same time. The monotonic clock stays real: timers, sound and pictures run as always.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.conftest import ROOT

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
READ_AGAIN_S = 1.2
"""Seconds. libfaketime reads its file again when its last read is older than FAKETIME_CACHE_DURATION, in whole seconds. Longer:
each change of the clock takes longer. Shorter: a process may still use the old time.
"""

DATE = """(() => {
  const Real = (globalThis.RealDate ??= Date);
  const now = () => Real.now() + %d;
  globalThis.Date = new Proxy(Real, {
    construct: (_, given, made) => Reflect.construct(Real, given.length > 0 ? given : [now()], made),
    apply: () => new Real(now()).toString(),
    get: (_, name) => (name === 'now' ? now : Reflect.get(Real, name)),
  });
})()"""


def missing() -> str:
    """Return why no clock can be set on this machine; empty if it can."""
    absent = [*(["faketime"] if LIBRARY is None else []), *(["gcc"] if shutil.which("gcc") is None else [])]
    return f"{', '.join(absent)} missing: docker/test-tools.sh" if absent else ""


class ProcessClock:
    """A clock that starts at `starts_at` and runs from there."""

    def __init__(self, folder: Path, starts_at: datetime) -> None:
        self._file, sleeping = folder / "clock", folder / "sleeping.so"
        source = ROOT / "tests" / "fixtures" / "sleeping.c"
        subprocess.run(["gcc", "-Wall", "-Werror", "-shared", "-fPIC", str(source), "-o", str(sleeping)], check=True)
        self.environ: Mapping[str, str] = {
            "LD_PRELOAD": f"{sleeping}:{LIBRARY}",
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "0",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Debian's build corrects a fault of other systems. With this correction each wait for Python's lock takes a hundred
            # times as long.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
        }
        """The environment of every process that uses this clock."""
        self._set(starts_at)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead_s, UTC)

    def turn(self, to: datetime) -> None:
        """Set the clock, and wait until every process of this clock has the new time."""
        self._set(to)
        time.sleep(READ_AGAIN_S)

    @property
    def script(self) -> str:
        """Return the script for pages that are opened before the next change of the clock. The timers of the pages stay real."""
        return DATE % (self._ahead_s * 1000)

    def _set(self, to: datetime) -> None:
        self._ahead_s = round(to.timestamp() - time.time())
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._ahead_s:+d}")
        new.rename(self._file)  # a rename, so that no process reads half of the file
