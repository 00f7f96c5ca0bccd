"""The loader of the packet plane's native library. A library that was built from other sources is refused.

This is the only module that imports `media._plane`.
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
    """Load the library. This does not happen at import, because SDP code and many tests need no library."""
    try:
        import media._plane as plane
    except ImportError as error:
        raise StaleLibrary("the native library media._plane is missing: build it with `make build`") from error
    check_sources(_SOURCES, plane.SOURCES_DIGEST)
    return plane


def check_sources(folder: Path, digest: str) -> None:
    """Raise StaleLibrary if `folder` has the plane's sources and their digest differs. `plane/build.rs` makes the digest in the
    same way.
    """
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
