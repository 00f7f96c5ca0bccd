"""Loads the native library of the packet plane, and refuses a library that was built from other sources.

The only importer of `media._plane`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from media.ground.errors import StaleLibrary

if TYPE_CHECKING:
    from types import ModuleType

_SOURCES = Path(__file__).parents[1] / "plane"


def load_plane() -> ModuleType:
    """Not at import: what needs no sockets (SDP, tests of the layers above) needs no library either."""
    try:
        import media._plane as plane
    except ImportError as error:
        raise StaleLibrary("the native library media._plane is missing: build it with `make build`") from error
    check_sources(_SOURCES, plane.SOURCES_DIGEST)
    return plane


def check_sources(folder: Path, digest: str) -> None:
    """In a checkout, `folder` holds the plane's sources; the recipe is that of `plane/build.rs`."""
    if not (folder / "Cargo.toml").exists():
        return
    names = ["Cargo.toml", "Cargo.lock", "core/Cargo.toml", "udp/Cargo.toml"]
    for part in ("src", "core/src", "udp/src"):
        names += [path.relative_to(folder).as_posix() for path in (folder / part).rglob("*.rs")]
    sha = hashlib.sha256()
    for name in sorted(names):
        content = (folder / name).read_bytes()
        sha.update(f"{name}\0{len(content)}\0".encode() + content)
    if sha.hexdigest() != digest:
        raise StaleLibrary("the native library media._plane is older than its sources: build it with `make build`")
