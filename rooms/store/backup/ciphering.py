"""Backups that are of no use to who finds them: files in the age format (https://age-encryption.org/v1), by `pyrage`.

A backup is sealed to public keys (`age1…`, each a file of somebody), or to a passphrase. Of a passphrase the age format has no
stream, so a backup gets a key pair of its own, whose secret part lies in it sealed with the passphrase: `age -d -i identity.age
database.sqlite.age` opens it too, without this program. Does not decide what is in a backup.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyrage
from pyrage import passphrase as by_passphrase
from pyrage import x25519

from rooms import limits
from rooms.errors import Refusal

SUFFIX: Final = ".age"
IDENTITY: Final = "identity.age"
"""In a backup: its own secret key, sealed with the passphrase."""
NONE, PUBLIC_KEY, PASSPHRASE = "", "public_key", "passphrase"
HOWS: Final = (NONE, PUBLIC_KEY, PASSPHRASE)
EXCESSIVE: Final = "excessive work"
"""What the library says of a passphrase whose work would take this machine too long."""
MEASURED_AGAIN_S: Final = (0.1, 0.5, 1.0, 2.0, 0.0)


@dataclass(frozen=True)
class Lock:
    """To whom a backup is sealed. `identity`: the content of `IDENTITY`, when there is a passphrase."""

    how: str
    recipients: tuple[x25519.Recipient, ...]
    identity: bytes = b""

    def seal(self, source: Path, target: Path) -> None:
        """Write `target`, which nobody else reads. Raises Refusal `backup_failed`."""
        target.touch(0o600)
        try:
            with source.open("rb") as plain, target.open("wb") as sealed:
                pyrage.encrypt_io(plain, sealed, list(self.recipients))
                sealed.flush()
                os.fsync(sealed.fileno())
        except pyrage.EncryptError as error:
            raise Refusal("backup_failed", f"Không mã hóa được: {error}", f"cannot encrypt: {error}") from None


@dataclass(frozen=True)
class Opener:
    """What a restore opens a sealed backup with: the secret keys of a file, or a passphrase."""

    keys: tuple[x25519.Identity, ...] = ()
    passphrase: str = ""

    def open(self, folder: Path, how: str, source: Path, target: Path) -> None:
        """Write the plain `target`. Raises Refusal `backup_locked`."""
        target.touch(0o600)
        identities = [_own_key(folder, self.passphrase)] if how == PASSPHRASE else list(self.keys)
        if not identities:
            raise locked()
        try:
            with source.open("rb") as sealed, target.open("wb") as plain:
                pyrage.decrypt_io(sealed, plain, identities)
        except pyrage.DecryptError:
            raise _not_opened() from None
        except OSError as error:
            if error.errno is not None:
                raise  # the disk, not the file
            raise _not_opened() from None


def to_keys(texts: Sequence[str]) -> Lock:
    """A lock that each of these public keys opens. Raises Refusal `backup_recipient`."""
    try:
        found = tuple(x25519.Recipient.from_str(one.strip()) for one in texts)
    except pyrage.RecipientError:
        found = ()
    if not 0 < len(found) <= limits.BACKUP_KEYS:
        raise Refusal(
            "backup_recipient",
            f"Khóa công khai có dạng age1…, nhiều nhất {limits.BACKUP_KEYS} khóa. Hãy tạo bằng: diemcau db backup-key TỆP",
            f"a public key looks like age1…, {limits.BACKUP_KEYS} at most; make one with: diemcau db backup-key FILE",
        )
    return Lock(PUBLIC_KEY, found)


def to_passphrase(words: str) -> Lock:
    """A lock that this passphrase opens. Raises Refusal `backup_passphrase`."""
    if not limits.BACKUP_PASSPHRASE_LEAST <= len(words) <= limits.BACKUP_PASSPHRASE_MOST:
        least, most = limits.BACKUP_PASSPHRASE_LEAST, limits.BACKUP_PASSPHRASE_MOST
        raise Refusal(
            "backup_passphrase",
            f"Cụm mật khẩu cần từ {least} đến {most} ký tự, tốt nhất là năm từ trở lên.",
            f"a passphrase has {least} to {most} characters, best five words or more",
        )
    own = x25519.Identity.generate()
    return Lock(PASSPHRASE, (own.to_public(),), by_passphrase.encrypt(f"{own}\n".encode(), words))


def new_key(path: Path) -> str:
    """Write a new secret key into a file of its own that only its owner reads; the public key. Raises Refusal `file_exists`."""
    own = x25519.Identity.generate()
    text = f"# public key: {own.to_public()}\n{own}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refusal("file_exists", f"Tệp {path} đã có.", f"{path} is there already") from None
    except OSError as error:
        raise Refusal("file_not_written", f"Không ghi được {path}: {error.strerror}", f"cannot write {path}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return str(own.to_public())


def keys_in(path: Path) -> tuple[x25519.Identity, ...]:
    """The secret keys of a file as `new_key` and `age-keygen` write it. Raises Refusal `backup_key_file`."""
    bad = Refusal(
        "backup_key_file",
        f"{path} không phải tệp khóa (dòng AGE-SECRET-KEY-1…).",
        f"{path} is no file of keys (lines AGE-SECRET-KEY-1…)",
    )
    try:
        if path.stat().st_size > limits.BACKUP_KEY_BYTES:
            raise bad
        lines = [one.strip() for one in path.read_text("ascii").splitlines()]
        found = tuple(x25519.Identity.from_str(one) for one in lines if one and not one.startswith("#"))
    except (OSError, ValueError, pyrage.IdentityError):
        raise bad from None
    if not 0 < len(found) <= limits.BACKUP_KEYS:
        raise bad
    return found


def _own_key(folder: Path, words: str) -> x25519.Identity:
    if not words:
        raise locked()
    try:
        if (folder / IDENTITY).stat().st_size > limits.BACKUP_KEY_BYTES:
            raise _not_opened()
        return x25519.Identity.from_str(_with_words((folder / IDENTITY).read_bytes(), words).decode("ascii").strip())
    except (OSError, ValueError, pyrage.DecryptError, pyrage.IdentityError):
        raise _not_opened() from None


def _with_words(sealed: bytes, words: str) -> bytes:
    """Opens with a passphrase. The library measures how fast this machine is at this moment and does not begin what would
    take too long: one that was busy just then is asked again. Raises Refusal `backup_slow`, DecryptError.
    """
    for pause_s in MEASURED_AGAIN_S:
        try:
            opened: bytes = by_passphrase.decrypt(sealed, words)
            return opened
        except pyrage.DecryptError as error:
            if EXCESSIVE not in str(error).lower():
                raise
        time.sleep(pause_s)
    raise Refusal(
        "backup_slow",
        "Máy này đang quá bận hoặc quá chậm để mở bằng cụm mật khẩu. Hãy thử lại khi máy rảnh, hoặc trên máy khác.",
        "this machine is too busy or too slow to open it with the passphrase; try again when it is idle, or on another",
    )


def locked() -> Refusal:
    return Refusal(
        "backup_locked",
        "Bản sao lưu đã mã hóa: cần tệp khóa (--identity) hoặc cụm mật khẩu (--passphrase).",
        "the backup is encrypted: it needs a file of keys (--identity) or the passphrase (--passphrase)",
    )


def _not_opened() -> Refusal:
    return Refusal(
        "backup_locked",
        "Khóa hoặc cụm mật khẩu không mở được bản sao lưu này, hoặc tệp đã bị sửa.",
        "this key or passphrase does not open the backup, or its file was altered",
    )
