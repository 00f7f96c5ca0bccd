"""The drill: back up while others write, restore into an empty place, compare rows and the audit trail; and what is refused."""

import asyncio
import json
import shutil
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.sites import halls
from rooms.store import backup, checkpoints
from rooms.store.database import Database
from rooms.store.verification import verify
from tests.rooms.postgres import Postgres
from tests.rooms.province import Province


@pytest.fixture
async def empty_url(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place of the same kind."""
    if database.dialect == "sqlite":
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "place.db-wal").write_bytes(b"of a database that is gone")
        return f"sqlite:///{tmp_path}/new/place.db"
    server: Postgres = request.getfixturevalue("postgres")
    await server.run("DROP DATABASE IF EXISTS restored WITH (FORCE)", "CREATE DATABASE restored")
    return server.url("restored")


async def work(database: Database, province: Province, now: datetime, count: int) -> None:
    for number in range(count):

        async def one(session: AsyncSession, number: int = number) -> None:
            await halls.edit(session, province.halls["khcn"], {"seats": 20 + number}, COMMAND, now)

        await database.transact(one)


async def test_the_drill(
    database: Database, database_url: str, empty_url: str, province: Province, now: datetime, tmp_path: Path
) -> None:
    key = checkpoints.key_at(tmp_path / "keys")
    await work(database, province, now, 5)
    mark = await database.transact(lambda session: checkpoints.mark(session, key, now))
    assert mark is not None
    writing = asyncio.create_task(work(database, province, now, 30))
    made = await backup.backup(database_url, tmp_path / "backup", now)
    await writing
    assert made.rows["person"] == 12 and made.rows["hall"] == 4 and made.audit_entries >= 5
    assert stat.S_IMODE((tmp_path / "backup" / made.file).stat().st_mode) == 0o600
    assert await backup.restore(empty_url, tmp_path / "backup") == made
    restored = Database.open(empty_url)
    async with restored.reading() as session:
        verdict = await verify(session, key.public_key(), [mark])
    assert verdict.whole and verdict.sealed == 5
    assert (verdict.entries, verdict.last_hash) == (made.audit_entries, made.audit_hash)
    await work(restored, province, now, 1)
    await restored.close()
    with pytest.raises(Refusal) as refused:
        await backup.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "restore_not_empty"


def drop(folder: Path, name: str) -> None:
    (folder / name).unlink()


def flip(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)


def say(folder: Path, **values: object) -> None:
    path = folder / backup.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def spoil(folder: Path) -> None:
    (folder / backup.MANIFEST).write_text("[]")


DAMAGES: dict[str, Callable[[Path, str], None]] = {
    "file missing": drop,
    "one bit": flip,
    "no manifest": lambda folder, _: drop(folder, backup.MANIFEST),
    "manifest is no object": lambda folder, _: spoil(folder),
    "another format": lambda folder, _: say(folder, format="x"),
    "a path": lambda folder, _: say(folder, file="../../etc/passwd"),
    "an unknown database": lambda folder, _: say(folder, dialect="oracle"),
    "a long manifest": lambda folder, _: say(folder, revision="x" * limits.MANIFEST_BYTES),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_backup_is_refused(
    database: Database, database_url: str, empty_url: str, now: datetime, tmp_path: Path, damage: str
) -> None:
    made = await backup.backup(database_url, tmp_path / "backup", now)
    DAMAGES[damage](tmp_path / "backup", made.file)
    with pytest.raises(Refusal) as refused:
        await backup.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "backup_bad"
    assert not (tmp_path / "new" / "place.db").exists()


async def test_rows_that_differ_are_told(
    database: Database, database_url: str, empty_url: str, now: datetime, tmp_path: Path
) -> None:
    made = await backup.backup(database_url, tmp_path / "backup", now)
    say(tmp_path / "backup", rows=dict(made.rows) | {"hall": 1})
    with pytest.raises(Refusal) as refused:
        await backup.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "restore_differs"


async def test_what_is_not_backed_up(
    database: Database, database_url: str, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(Refusal) as refused:
        await backup.backup(database_url, tmp_path / "full", now)
    assert refused.value.code == "backup_folder"
    with pytest.raises(Refusal) as refused:
        await backup.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "b", now)
    assert refused.value.code == "database_empty"
    await backup.backup(database_url, tmp_path / "made", now)
    other = "postgresql://x@/y" if database.dialect == "sqlite" else f"sqlite:///{tmp_path}/z"
    with pytest.raises(Refusal) as refused:
        await backup.restore(other, tmp_path / "made")
    assert refused.value.code == "restore_other_dialect"
    monkeypatch.setattr(backup, "TOOLS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Refusal) as refused:
        backup.tool("pg_dump")
    assert refused.value.code == "pg_tools_missing" and "postgresql-client" in refused.value.vietnamese


async def test_a_failing_tool_is_told_without_the_password(postgres: Postgres, tmp_path: Path, now: datetime) -> None:
    url = f"postgresql://postgres:hidden@/nowhere?host={postgres.folder}"
    with pytest.raises(Refusal) as refused:
        await backup._run("backup_failed", url, [str(backup.tool("pg_dump"))])
    assert refused.value.code == "backup_failed" and "hidden" not in str(refused.value)
