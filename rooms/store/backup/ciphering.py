"""Encrypted backups, useless to a finder without the key: files in the age format (https://age-encryption.org/v1), by `pyrage`.

A backup is encrypted to public keys (`age1…`) or to a passphrase. The age format cannot encrypt a stream with a passphrase. So
such a backup gets its own key pair, and its secret key is stored in the backup, encrypted with the passphrase. The command `age
-d -i identity.age database.sqlite.age` also opens the backup, without this program. This module does not decide what a backup
contains.
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
"""The file in a backup with the backup's own secret key, encrypted with the passphrase."""
NONE, PUBLIC_KEY, PASSPHRASE = "", "public_key", "passphrase"
HOWS: Final = (NONE, PUBLIC_KEY, PASSPHRASE)
EXCESSIVE: Final = "excessive work"
"""Text in the library's error for a passphrase that needs too much computing time on this machine."""
MEASURED_AGAIN_S: Final = (0.1, 0.5, 1.0, 2.0, 0.0)


@dataclass(frozen=True)
class Lock:
    """The recipients of a backup. `identity` is the content of `IDENTITY`, if there is a passphrase."""

    how: str
    recipients: tuple[x25519.Recipient, ...]
    identity: bytes = b""

    def seal(self, source: Path, target: Path) -> None:
        """Write the encrypted `target`, readable only by its owner. Raise Refusal `backup_failed`."""
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
    """The secrets that open an encrypted backup: the secret keys of a file, or a passphrase."""

    keys: tuple[x25519.Identity, ...] = ()
    passphrase: str = ""

    def open(self, folder: Path, how: str, source: Path, target: Path) -> None:
        """Write the decrypted `target`. Raise Refusal `backup_locked`."""
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
                raise  # an error of the disk, not of the file
            raise _not_opened() from None


def to_keys(texts: Sequence[str]) -> Lock:
    """Return a lock that each of these public keys opens. Raise Refusal `backup_recipient`."""
    try:
        found = tuple(x25519.Recipient.from_str(one.strip()) for one in texts)
    except pyrage.RecipientError:
        found = ()
    if not 0 < len(found) <= limits.BACKUP_KEYS:
        raise Refusal(
            "backup_recipient",
            f"Khóa công khai có dạng age1…, nhiều nhất {limits.BACKUP_KEYS} khóa. Hãy tạo bằng: diemcau db backup-key TỆP",
            f"a public key has the form age1…, at most {limits.BACKUP_KEYS} keys; make a key with: diemcau db backup-key FILE",
        )
    return Lock(PUBLIC_KEY, found)


def to_passphrase(words: str) -> Lock:
    """Return a lock that this passphrase opens. Raise Refusal `backup_passphrase`."""
    if not limits.BACKUP_PASSPHRASE_LEAST <= len(words) <= limits.BACKUP_PASSPHRASE_MOST:
        least, most = limits.BACKUP_PASSPHRASE_LEAST, limits.BACKUP_PASSPHRASE_MOST
        raise Refusal(
            "backup_passphrase",
            f"Cụm mật khẩu cần từ {least} đến {most} ký tự, tốt nhất là năm từ trở lên.",
            f"a passphrase must have {least} to {most} characters; five words or more are best",
        )
    own = x25519.Identity.generate()
    return Lock(PASSPHRASE, (own.to_public(),), by_passphrase.encrypt(f"{own}\n".encode(), words))


def new_key(path: Path) -> str:
    """Write a new secret key into a new file that only its owner can read. Return the public key. Raise Refusal `file_exists`,
    `file_not_written`.
    """
    own = x25519.Identity.generate()
    text = f"# public key: {own.to_public()}\n{own}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refusal("file_exists", f"Tệp {path} đã có.", f"{path} already exists") from None
    except OSError as error:
        raise Refusal("file_not_written", f"Không ghi được {path}: {error.strerror}", f"cannot write {path}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return str(own.to_public())


def keys_in(path: Path) -> tuple[x25519.Identity, ...]:
    """Return the secret keys of a file that `new_key` or `age-keygen` wrote. Raise Refusal `backup_key_file`."""
    bad = Refusal(
        "backup_key_file",
        f"{path} không phải tệp khóa (dòng AGE-SECRET-KEY-1…).",
        f"{path} is not a key file (lines AGE-SECRET-KEY-1…)",
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
    """Decrypt with a passphrase. The library measures the present speed of this machine, and refuses work that would take too
    long. Because the machine may be busy only for a moment, try again. Raise Refusal `backup_slow`, DecryptError.
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
        "this machine is too busy or too slow to open the backup with the passphrase: try again when it is idle, or use another",
    )


def locked() -> Refusal:
    return Refusal(
        "backup_locked",
        "Bản sao lưu đã mã hóa: cần tệp khóa (--identity) hoặc cụm mật khẩu (--passphrase).",
        "the backup is encrypted: give a key file (--identity) or the passphrase (--passphrase)",
    )


def _not_opened() -> Refusal:
    return Refusal(
        "backup_locked",
        "Khóa hoặc cụm mật khẩu không mở được bản sao lưu này, hoặc tệp đã bị sửa.",
        "this key or passphrase does not open the backup, or the backup file was altered",
    )
