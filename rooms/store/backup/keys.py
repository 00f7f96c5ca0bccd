"""The keys of an installation as one archive, for a sealed backup: without them a restored database cannot open its second
factors and webhook secrets, personal links in mails already sent are dead, and the audit trail goes on under another key.

Knows the data folder by its patterns only, and never replaces a key that is there.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rooms import limits
from rooms.errors import Refusal

PATTERNS: Final = ("*.key", "*.secret", "tls/*")
_NAME: Final = re.compile(r"(tls/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Unpacked:
    """`written`: names of files that were put there; `kept`: that were there with another content and stay."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def packed(folder: Path) -> bytes:
    """A tar of what there is. Raises Refusal `backup_failed` when that is too much to be keys."""
    paths = sorted({path for pattern in PATTERNS for path in folder.glob(pattern) if path.is_file()})
    size = sum(path.stat().st_size for path in paths)
    if len(paths) > limits.BACKUP_KEPT_FILES or size > limits.BACKUP_KEPT_BYTES:
        raise Refusal("backup_failed", f"Trong {folder} có quá nhiều tệp khóa.", f"too many key files in {folder}")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path in paths:
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def unpack(archive: bytes, folder: Path) -> Unpacked:
    """Put the keys back that are not there. Raises Refusal `backup_bad`."""
    written, kept = [], []
    for name, content in _read(archive):
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if path.read_bytes() != content:
                kept.append(name)
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written.append(name)
    return Unpacked(tuple(written), tuple(kept))


def _read(archive: bytes) -> list[tuple[str, bytes]]:
    """Name and content of plain files with the names of keys; anything else makes the whole of it bad."""
    bad = Refusal("backup_bad", "Gói khóa trong bản sao lưu bị hỏng.", "the keys in the backup are damaged")
    found: list[tuple[str, bytes]] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            for entry in opened:
                held = opened.extractfile(entry) if entry.isreg() else None
                if held is None or not _NAME.fullmatch(entry.name) or len(found) >= limits.BACKUP_KEPT_FILES:
                    raise bad
                found.append((entry.name, held.read()))
    except (tarfile.TarError, EOFError, ValueError):
        raise bad from None
    return found
