"""The keys of an installation as one archive, for an encrypted backup.

Without these keys a restored database cannot open its second factors and webhook secrets. Personal links in sent mails do not
work, and the audit trail continues under another key. This module knows the data folder only by its file patterns, and never
replaces an existing key.
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
    """The result of a restore. `written`: the restored files. `kept`: existing files with another content, which stay."""

    written: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def packed(folder: Path) -> bytes:
    """Return a tar archive of the keys. Raise Refusal `backup_failed` if the files are too many or too large to be keys."""
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
    """Restore the missing keys. Raise Refusal `backup_bad`."""
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
    """Return name and content of plain files with names of keys. Any other entry makes the whole archive bad."""
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
