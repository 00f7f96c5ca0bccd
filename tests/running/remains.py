"""A pytest plugin: it frees the objects that libraries keep of a test, so that they do not slow later tests."""

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
    """Free the native objects of libwebrtc. Otherwise the garbage collector frees them inside a later test, and waits there for
    threads of the library.
    """
    library: Any = sys.modules.get("livekit.rtc._ffi_client")
    for handle in list(library._live_handles) if library else ():
        with contextlib.suppress(AssertionError):  # the object was freed with its room
            handle.dispose()


def forget_endpoints() -> None:
    """Clear FastAPI's cache of the last thousands of endpoints. These endpoints hold their whole applications: gigabytes for
    the thousands of tests of a worker, and seconds for each garbage collection.
    """
    library = sys.modules.get("fastapi.dependencies.models")
    for kept in vars(library).values() if library else ():
        if hasattr(kept, "cache_clear"):
            kept.cache_clear()
