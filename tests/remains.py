"""A pytest plugin: what libraries would keep of a test ends with it, so that no later test pays for it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def nothing_remains() -> Iterator[None]:
    yield
    end_native_objects()
    forget_endpoints()


def end_native_objects() -> None:
    """Of libwebrtc. The garbage collector would end them within another test, wherever that happens to allocate, and wait there
    for threads of the library.
    """
    library: Any = sys.modules.get("livekit.rtc._ffi_client")
    for handle in list(library._live_handles) if library else ():
        with contextlib.suppress(AssertionError):  # it went with its room
            handle.dispose()


def forget_endpoints() -> None:
    """FastAPI keeps what it has found out of the last thousands of endpoints, and these hold their whole application: of a
    worker's thousands of tests, gigabytes, and seconds for each collection.
    """
    library = sys.modules.get("fastapi.dependencies.models")
    for kept in vars(library).values() if library else ():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()
