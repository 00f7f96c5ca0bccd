"""Signed checkpoints of the audit trail: its size and last seal, signed with Ed25519 (RFC 8032). Copies of checkpoints leave
the host.

The key is in a file that only its owner can read. It is never in the database or in a plain backup. With a copy of a checkpoint
an auditor can later prove that the trail was cut, exchanged or sealed again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.store.audit import canonical
from rooms.store.tables.columns import EPOCH, MICROSECOND
from rooms.store.tables.records import AuditCheckpoint, AuditEntry

FORMAT: Final = "diemcau-audit-checkpoint-1"
KEY_FILE: Final = "audit.key"


@dataclass(frozen=True)
class Checkpoint:
    """The trail had `size` entries at this time, and the last entry had the seal `hash`. `at_us`: microseconds since 1970."""

    size: int
    at_us: int
    hash: str
    key_id: str
    signature: str

    def signed(self) -> bytes:
        fields = {"format": FORMAT, "size": self.size, "at_us": self.at_us, "hash": self.hash, "key_id": self.key_id}
        return canonical(fields).encode()

    def is_genuine(self, key: Ed25519PublicKey) -> bool:
        """Report whether that key signed exactly these values."""
        if self.key_id != key_id(key):
            return False
        try:
            key.verify(base64.b64decode(self.signature, validate=True), self.signed())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def key_at(folder: Path) -> Ed25519PrivateKey:
    """Return the key of this installation. The first call makes the key. The PEM file is readable only by its owner."""
    path = folder / KEY_FILE
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        return _new_key(path)
    if not isinstance(found, Ed25519PrivateKey):
        raise Refusal("audit_key_bad", f"{path} không phải khóa Ed25519.", f"{path} does not contain an Ed25519 key")
    return found


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the 32 bytes of the public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


async def mark(session: AsyncSession, key: Ed25519PrivateKey, now: datetime) -> Checkpoint | None:
    """Sign the present end of the trail. Return None if the trail has no new entry since the last checkpoint."""
    wanted = select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    last = (await session.execute(wanted)).first()
    if last is None or await session.get(AuditCheckpoint, last.seq) is not None:
        return None
    unsigned = Checkpoint(last.seq, (now - EPOCH) // MICROSECOND, last.hash, key_id(key.public_key()), "")
    signature = base64.b64encode(key.sign(unsigned.signed())).decode()
    session.add(AuditCheckpoint(size=last.seq, at=now, hash=last.hash, key_id=unsigned.key_id, signature=signature))
    await session.flush()
    return Checkpoint(unsigned.size, unsigned.at_us, unsigned.hash, unsigned.key_id, signature)


async def stored(session: AsyncSession) -> list[Checkpoint]:
    """Return the checkpoints in the database, by size."""
    rows = await session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size))
    return [of_row(row) for row in rows]


def export(found: Sequence[Checkpoint], key: Ed25519PublicKey, folder: Path) -> list[Path]:
    """Write every checkpoint that is missing in the folder, one file each, and the public key. Existing files are never
    overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_once(folder / "audit.pub", key.public_bytes(serialization.Encoding.PEM, _SPKI))
    paths = [(folder / f"checkpoint-{one.size:012}.json", one) for one in found]
    return [path for path, one in paths if _write_once(path, to_json(one).encode())]


def to_json(one: Checkpoint) -> str:
    fields = {"format": FORMAT, "size": one.size, "at_us": one.at_us, "hash": one.hash, "key_id": one.key_id}
    return json.dumps(fields | {"signature": one.signature}, indent=1) + "\n"


def from_json(text: str) -> Checkpoint:
    """Read a checkpoint. Raise Refusal `checkpoint_bad`."""
    try:
        value: Any = json.loads(text)
        assert isinstance(value, dict)
        texts = {name: value[name] for name in ("hash", "key_id", "signature")}
        sizes = {name: value[name] for name in ("size", "at_us")}
    except (ValueError, KeyError, AssertionError, RecursionError):
        raise _bad("") from None
    good = all(isinstance(one, str) and len(one) <= 200 for one in texts.values()) and value.get("format") == FORMAT
    if not good or not all(type(one) is int and 0 <= one < 2**63 for one in sizes.values()):
        raise _bad("")
    return Checkpoint(**sizes, **texts)


def read_folder(folder: Path) -> list[Checkpoint]:
    """Return every exported checkpoint of the folder, by size. Raise Refusal `checkpoint_bad` for a file that is not a
    checkpoint.
    """
    paths = sorted(folder.glob("checkpoint-*.json"))[: limits.CHECKPOINTS + 1]
    if len(paths) > limits.CHECKPOINTS:
        raise _bad(str(folder))
    return sorted((_read(path) for path in paths), key=lambda one: (one.size, one.at_us))


def read_public(path: Path) -> Ed25519PublicKey:
    """Return the public key (PEM) for the check of checkpoints. Raise Refusal `audit_key_bad`."""
    try:
        found = serialization.load_pem_public_key(path.read_bytes()[: limits.CHECKPOINT_FILE_BYTES])
    except (OSError, ValueError):
        found = None
    if not isinstance(found, Ed25519PublicKey):
        raise Refusal(
            "audit_key_bad", f"{path} không phải khóa công khai Ed25519.", f"{path} does not contain an Ed25519 key"
        )
    return found


def of_row(row: AuditCheckpoint) -> Checkpoint:
    return Checkpoint(row.size, (row.at - EPOCH) // MICROSECOND, row.hash, row.key_id, row.signature)


def latest(found: Sequence[Checkpoint]) -> Checkpoint | None:
    return max(found, key=lambda one: one.size, default=None)


_SPKI: Final = serialization.PublicFormat.SubjectPublicKeyInfo


def _read(path: Path) -> Checkpoint:
    if path.stat().st_size > limits.CHECKPOINT_FILE_BYTES:
        raise _bad(path.name)
    try:
        return from_json(path.read_text("utf-8"))
    except (Refusal, UnicodeDecodeError):
        raise _bad(path.name) from None


def _bad(name: str) -> Refusal:
    return Refusal("checkpoint_bad", f"Tệp mốc kiểm tra không đúng: {name}", f"not a checkpoint: {name}")


def _new_key(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key if _write_once(path, text) else key_at(path.parent)


def _write_once(path: Path, content: bytes) -> bool:
    """Write the whole file or nothing, readable only by its owner. Return False if the file existed."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True
