"""What every command of the process rests on, cheap to import: its clock and its version."""

from __future__ import annotations

import time
from importlib import metadata


class SystemClock:
    """Time for everything below; nothing else in the process reads it for decisions."""

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
