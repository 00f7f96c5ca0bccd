"""The escrow of the keys of open secret votes: one small file for each meeting, in a folder of the machine's memory (tmpfs).

The files survive the death of the process. They are in no data folder, no database and no backup, and the end of the machine
destroys them. `conference/chair/voting/VOTES.md` explains why. Implements `conference.chair.voting.keys.Escrow`.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
from pathlib import Path
from typing import Final

from signaling.host import limits

log = logging.getLogger(__name__)
MEMORY: Final = Path("/dev/shm")  # noqa: S108 (each Linux system has this tmpfs; the folder below is private)
KEY_BYTES: Final = 32


class BallotKeys:
    """The escrow of one server. Without a private folder the keys are nowhere, and a secret vote ends with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, data_dir: Path, now: float, memory: Path = MEMORY) -> BallotKeys:
        """Return the escrow of the server with this data folder, without old files. `now`: Unix seconds."""
        name = hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:16]
        made = cls(memory / f"diemcau-{os.getuid()}-{name}")
        for file in made._files():
            if now - file.stat().st_mtime > limits.BALLOT_KEYS_S:
                _destroy(file)
        return made

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        """Keep these keys, and destroy the others of this conference. The new file is complete before the old one goes."""
        file = self._file(conference)
        if not keys and file not in self._files():
            return
        try:
            if keys:
                self._folder.mkdir(mode=0o700, exist_ok=True)
            if self._private():
                _replace(file, b"".join(keys))
        except OSError as error:
            log.warning("secret votes do not survive a crash of the server: %s", error)
        if not keys:
            with contextlib.suppress(OSError):  # other meetings have keys here
                self._folder.rmdir()

    def held(self, conference: str) -> tuple[bytes, ...]:
        file = self._file(conference)
        if file not in self._files():
            return ()
        content = file.read_bytes()
        return tuple(content[at : at + KEY_BYTES] for at in range(0, len(content), KEY_BYTES))

    def _file(self, conference: str) -> Path:
        return self._folder / f"{hashlib.sha256(conference.encode()).hexdigest()[:32]}.keys"

    def _files(self) -> list[Path]:
        try:
            return list(self._folder.iterdir()) if self._private() else []
        except FileNotFoundError:
            return []

    def _private(self) -> bool:
        """Report whether the folder is ours alone. Every user can make folders in the memory of the machine."""
        found = self._folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
        if not private:
            log.warning("secret votes do not survive a crash of the server: %s is not private", self._folder)
        return private


def _replace(file: Path, content: bytes) -> None:
    if not content:
        _destroy(file)
        return
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(content)
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(file.open("r+b")) if file.exists() else None
        fresh.replace(file)
        if old is not None:
            old.write(bytes(os.fstat(old.fileno()).st_size))


def _destroy(file: Path) -> None:
    """Overwrite and delete a file. Memory that was only freed can still hold the keys."""
    with contextlib.suppress(FileNotFoundError):
        with file.open("r+b") as old:
            old.write(bytes(file.stat().st_size))
        file.unlink()
