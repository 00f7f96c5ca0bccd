"""The clock and the version of the process. The module is cheap to import, because every command needs it."""

from __future__ import annotations

import time
from importlib import metadata


class SystemClock:
    """The time for all parts; no other object in the process reads the time for decisions."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


CLOCK = SystemClock()


def version() -> str:
    try:
        return metadata.version("diemcau")
    except metadata.PackageNotFoundError:
        return "0+source"
