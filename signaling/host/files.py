"""Private files: keys and secrets that only the server's own account can read."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

PRIVATE_MODE = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Write the whole file or nothing. From the first byte on, only the owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, PRIVATE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), PRIVATE_MODE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def keep_out_of_git(folder: Path) -> None:
    """Keep a data folder out of git, whatever its name: it holds keys."""
    marker = folder / ".gitignore"
    if folder.is_dir() and not marker.exists():
        with contextlib.suppress(OSError):
            marker.write_text("*\n", encoding="utf-8")


def is_private(path: Path) -> bool:
    """Report whether only the owner can read or write the file."""
    return path.stat().st_mode & 0o077 == 0


def kept_key(path: Path, random_bytes: Callable[[int], bytes], count: int = 32) -> bytes:
    """Return the key in `path`, or make one. Raises ValueError if the file has another length, or if others can read it."""
    if not path.is_file():
        write_private(path, random_bytes(count))
    if not is_private(path):
        raise ValueError(f"{path} can be read by others: chmod 600")
    key = path.read_bytes()
    if len(key) != count:
        raise ValueError(f"{path} does not hold {count} bytes")
    return key
