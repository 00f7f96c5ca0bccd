"""Backup and restore of the whole database, while it is in use.

A backup is a folder with one file of the database and `manifest.json`. The manifest holds the hash of the file, the number of
rows of each table and the end of the audit trail. All are from the same instant. The manifest is written last: a folder without
a manifest is no backup.

With a `Lock`, the file is encrypted, and the keys of the data folder (`audit.key`, `seal.key`, …) are added, also encrypted.
Without a `Lock` a backup never contains these keys: keep them in another place. The manifest of an encrypted backup is
readable, but contains only these counts and hashes.

SQLite uses `VACUUM INTO`. PostgreSQL uses `pg_dump` and `pg_restore` with an exported snapshot.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, func, inspect, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from rooms import limits
from rooms.errors import Refusal
from rooms.store import audit
from rooms.store.backup import ciphering, keys
from rooms.store.backup.ciphering import Lock, Opener
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.schema import METADATA

FORMAT: Final = "diemcau-backup-1"
MANIFEST: Final = "manifest.json"
FILES: Final = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
KEYS: Final = "keys.tar" + ciphering.SUFFIX
TOOLS: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Manifest:
    """The contents of a backup. `rows` is by table. `audit_hash` is the seal of the last audit entry. `sealed` is empty (not
    encrypted), `public_key` or `passphrase`. `size` and `sha256` describe the file as it is stored.
    """

    dialect: str
    revision: str
    made_at: str
    file: str
    size: int
    sha256: str
    rows: Mapping[str, int]
    audit_entries: int
    audit_hash: str
    sealed: str = ciphering.NONE


async def backup(url: str, folder: Path, now: datetime, lock: Lock | None = None, home: Path | None = None) -> Manifest:
    """Write a backup into a folder that is empty or does not exist yet. `home` is the data folder. With a `lock`, plain data is
    written only below `home`, and the keys of `home` are added.

    Raise Refusal `backup_folder`, `database_empty`, `pg_tools_missing`, `backup_failed`.
    """
    dialect = make_url(url).get_backend_name()
    await asyncio.to_thread(_new_folder, folder)
    if lock is None:
        path = folder / FILES[dialect]
        contents = await _copy_out(url, path)
    else:
        assert home is not None, "a sealed backup needs a private folder for data that is not sealed yet"
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=home) as private:
            plain = Path(private) / FILES[dialect]
            contents = await _copy_out(url, plain)
            path = folder / (plain.name + ciphering.SUFFIX)
            await asyncio.to_thread(lock.seal, plain, path)
            await asyncio.to_thread(_seal_keys, lock, folder, home, Path(private) / "keys")
    revision, rows, entries, seal = contents
    if not revision:
        raise Refusal("database_empty", "Cơ sở dữ liệu chưa có gì để sao lưu.", "there is nothing to back up")
    size, digest = await asyncio.to_thread(_digest, path)
    how = lock.how if lock else ciphering.NONE
    made = Manifest(dialect, revision, now.isoformat(), path.name, size, digest, rows, entries, seal, how)
    await asyncio.to_thread(_write_manifest, folder, made)
    return made


async def _copy_out(url: str, path: Path) -> Contents:
    """Copy the whole database to one plain file, and return its contents for the manifest."""
    target = make_url(url)
    if target.get_backend_name() == "sqlite":
        await asyncio.to_thread(_vacuum, target, path)
        return await _look(f"sqlite:///{path}")
    await asyncio.to_thread(path.touch, 0o600)
    return await _dump(url, path)


def _seal_keys(lock: Lock, folder: Path, home: Path, plain: Path) -> None:
    plain.touch(0o600)
    plain.write_bytes(keys.packed(home))
    lock.seal(plain, folder / KEYS)
    if lock.identity:
        (folder / ciphering.IDENTITY).touch(0o600)
        (folder / ciphering.IDENTITY).write_bytes(lock.identity)


async def restore(url: str, folder: Path, opener: Opener | None = None, home: Path | None = None) -> Manifest:
    """Fill an empty database (SQLite: a file that does not exist) and compare it with the manifest. An encrypted backup needs
    an `opener`, and the data folder `home` for the decrypted file.

    Raise Refusal `backup_bad`, `backup_locked`, `restore_not_empty`, `restore_other_dialect`, `restore_differs`,
    `pg_tools_missing`, `restore_failed`.
    """
    made = await asyncio.to_thread(check, folder)
    if not made.sealed:
        return await _restore(url, made, folder / made.file)
    if opener is None or home is None:
        raise ciphering.locked()
    await asyncio.to_thread(home.mkdir, mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as private:
        plain = Path(private) / made.file.removesuffix(ciphering.SUFFIX)
        await asyncio.to_thread(opener.open, folder, made.sealed, folder / made.file, plain)
        return await _restore(url, made, plain)


def restore_keys(folder: Path, made: Manifest, opener: Opener, home: Path) -> keys.Unpacked:
    """Restore the keys of an encrypted backup. Existing keys stay. Raise Refusal `backup_locked`, `backup_bad`."""
    source = folder / KEYS
    if not source.is_file() or source.stat().st_size > 2 * limits.BACKUP_KEPT_BYTES:
        raise _bad(KEYS)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=home) as private:
        plain = Path(private) / "keys"
        opener.open(folder, made.sealed, source, plain)
        return keys.unpack(plain.read_bytes(), home)


async def _restore(url: str, made: Manifest, source: Path) -> Manifest:
    target = make_url(url)
    if target.get_backend_name() != made.dialect:
        raise Refusal(
            "restore_other_dialect",
            f"Bản sao lưu là của {made.dialect}; hãy phục hồi vào cơ sở dữ liệu cùng loại.",
            f"the backup is of {made.dialect}: restore into a database of the same kind",
        )
    if made.dialect == "sqlite":
        await asyncio.to_thread(_copy_in, target, source)
    else:
        await _load(url, source)
    found = await _look(url)
    if found != (made.revision, dict(made.rows), made.audit_entries, made.audit_hash):
        raise Refusal(
            "restore_differs",
            "Dữ liệu phục hồi không khớp với bản kê của bản sao lưu.",
            "the restored data differ from the manifest of the backup",
        )
    return made


def check(folder: Path) -> Manifest:
    """Compare the file of the backup with its manifest, and return the manifest. Raise Refusal `backup_bad`."""
    try:
        path = folder / MANIFEST
        if path.stat().st_size > limits.MANIFEST_BYTES:
            raise _bad("manifest")
        value = json.loads(path.read_text("utf-8"))
        if value.pop("format") != FORMAT:
            raise _bad("format")
        made = Manifest(**value)
        if made.sealed not in ciphering.HOWS:
            raise _bad("sealed")
        if made.file != FILES[made.dialect] + (ciphering.SUFFIX if made.sealed else ""):
            raise _bad("file")
        size, digest = _digest(folder / made.file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _bad("manifest") from None
    if (size, digest) != (made.size, made.sha256):
        raise _bad(made.file)
    return made


def tool(name: str) -> Path:
    """Return the path of the newest `pg_dump` or `pg_restore` on this machine. Raise Refusal `pg_tools_missing`."""
    found = sorted(TOOLS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    plain = shutil.which(name)
    if found or plain:
        return found[-1] if found else Path(plain or "")
    raise Refusal(
        "pg_tools_missing",
        f"Thiếu lệnh {name}. Hãy cài gói postgresql-client cùng phiên bản với máy chủ.",
        f"{name} is missing: install postgresql-client of the server's version",
    )


Contents = tuple[str, dict[str, int], int, str]


async def _look(url: str) -> Contents:
    """Return the revision, the rows by table and the end of the audit trail, as one transaction sees them."""
    database = Database.open(url)
    try:
        async with database.engine.connect() as connection:
            if database.dialect == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            return await connection.run_sync(_contents)
    finally:
        await database.close()


def _contents(connection: Connection) -> Contents:
    revision = steps.revision(connection)
    known = set(inspect(connection).get_table_names())
    tables = [table for table in METADATA.sorted_tables if table.name in known]
    rows = {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}
    seal = audit.FIRST
    if AuditEntry.__tablename__ in known:
        newest = select(AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
        seal = connection.scalar(newest) or audit.FIRST
    return revision, rows, rows.get(AuditEntry.__tablename__, 0), seal


async def _dump(url: str, path: Path) -> Contents:
    command = tool("pg_dump")
    database = Database.open(url)
    try:
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            snapshot = await _snapshot(connection)
            contents = await connection.run_sync(_contents)
            options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={path}"]
            await _run("backup_failed", url, [str(command), *options])
            return contents
    finally:
        await database.close()


async def _snapshot(connection: AsyncConnection) -> str:
    return str(await connection.scalar(text("SELECT pg_export_snapshot()")))


async def _load(url: str, path: Path) -> None:
    command = tool("pg_restore")
    _, rows, _, _ = await _look(url)
    if rows:
        raise _not_empty()
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    await _run("restore_failed", url, [str(command), *options], str(path))


async def _run(code: str, url: str, command: Sequence[str], *after: str) -> None:
    """Run the tool. The password is in the environment, because every user of the machine can see the arguments."""
    target = make_url(url)
    environ = dict(os.environ) | ({"PGPASSWORD": str(target.password)} if target.password else {})
    address = target.set(password=None).render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        *command,
        f"--dbname={address}",
        *after,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await asyncio.wait_for(process.communicate(), limits.TOOL_S)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        told = errors.decode(errors="replace")[-500:]
        raise Refusal(code, f"{Path(command[0]).name} báo lỗi: {told}", f"{Path(command[0]).name} failed: {told}")


def _vacuum(target: URL, path: Path) -> None:
    source = Path(target.database or "")
    if not source.is_file():
        raise Refusal("database_empty", f"Không có tệp {source}.", f"there is no file {source}")
    connection = sqlite3.connect(source, timeout=limits.BUSY_S)
    try:
        connection.execute("VACUUM INTO ?", (str(path),))
    except sqlite3.Error as error:
        raise Refusal("backup_failed", f"SQLite báo lỗi: {error}", f"SQLite failed: {error}") from None
    finally:
        connection.close()
    _keep_private(path)


def _copy_in(target: URL, source: Path) -> None:
    path = Path(target.database or "")
    if path.exists() and path.stat().st_size:
        raise _not_empty()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.restoring")
    shutil.copyfile(source, partial)
    _keep_private(partial)
    connection = sqlite3.connect(partial)
    try:
        whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.Error:
        whole = False
    finally:
        connection.close()
    if not whole:
        partial.unlink()
        raise _bad(source.name)
    for left in ("-wal", "-shm"):
        # These files belong to a deleted database. SQLite would replay them into the new file.
        path.with_name(path.name + left).unlink(missing_ok=True)
    partial.replace(path)


def _new_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Refusal("backup_folder", f"Thư mục {folder} không trống.", f"{folder} is not empty")


def _keep_private(path: Path) -> None:
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _write_manifest(folder: Path, made: Manifest) -> None:
    value: dict[str, Any] = {"format": FORMAT} | asdict(made)
    partial = folder / f".{MANIFEST}"
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    _keep_private(partial)
    partial.replace(folder / MANIFEST)


def _bad(what: str) -> Refusal:
    return Refusal(
        "backup_bad", f"Bản sao lưu không nguyên vẹn ({what}).", f"the backup is incomplete or damaged ({what})"
    )


def _not_empty() -> Refusal:
    return Refusal(
        "restore_not_empty",
        "Nơi phục hồi đã có dữ liệu. Hãy chọn cơ sở dữ liệu trống.",
        "the database already has data: restore into an empty database",
    )
