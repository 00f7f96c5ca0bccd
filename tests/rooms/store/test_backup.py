"""The restore drill: back up while other tasks write, restore into an empty place, compare the rows and the audit trail. Also
what is refused.
"""

import asyncio
import hashlib
import io
import json
import re
import shutil
import stat
import tarfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest
from pyrage import x25519
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.sites import halls
from rooms.store import checkpoints
from rooms.store.backup import archive, ciphering, keys
from rooms.store.database import Database
from rooms.store.verification import verify
from tests.rooms.postgres import POSTGRESQL_IN_SIM, Postgres
from tests.rooms.province import Province
from tests.rooms.store import age
from tests.running.runs import LONG_RUN


@pytest.fixture
async def empty_url(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place of the same dialect."""
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
    made = await archive.backup(database_url, tmp_path / "backup", now)
    await writing
    assert made.rows["person"] == 12
    assert made.rows["hall"] == 4
    assert made.audit_entries >= 5
    assert stat.S_IMODE((tmp_path / "backup" / made.file).stat().st_mode) == 0o600
    assert await archive.restore(empty_url, tmp_path / "backup") == made
    restored = Database.open(empty_url)
    async with restored.reading() as session:
        verdict = await verify(session, key.public_key(), [mark])
    assert verdict.whole
    assert verdict.sealed == 5
    assert (verdict.entries, verdict.last_hash) == (made.audit_entries, made.audit_hash)
    await work(restored, province, now, 1)
    await restored.close()
    with pytest.raises(Refusal) as refused:
        await archive.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "restore_not_empty"


def drop(folder: Path, name: str) -> None:
    (folder / name).unlink()


def flip(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)


def say(folder: Path, **values: object) -> None:
    path = folder / archive.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def spoil(folder: Path) -> None:
    (folder / archive.MANIFEST).write_text("[]")


DAMAGES: dict[str, Callable[[Path, str], None]] = {
    "file missing": drop,
    "one bit": flip,
    "no manifest": lambda folder, _: drop(folder, archive.MANIFEST),
    "manifest is no object": lambda folder, _: spoil(folder),
    "another format": lambda folder, _: say(folder, format="x"),
    "a path": lambda folder, _: say(folder, file="../../etc/passwd"),
    "an unknown database": lambda folder, _: say(folder, dialect="oracle"),
    "a long manifest": lambda folder, _: say(folder, revision="x" * limits.MANIFEST_BYTES),
}


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_backup_is_refused(
    database: Database, database_url: str, empty_url: str, now: datetime, tmp_path: Path, damage: str
) -> None:
    made = await archive.backup(database_url, tmp_path / "backup", now)
    DAMAGES[damage](tmp_path / "backup", made.file)
    with pytest.raises(Refusal) as refused:
        await archive.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "backup_bad"
    assert not (tmp_path / "new" / "place.db").exists()


async def test_a_restore_with_different_row_counts_is_refused(
    database: Database, database_url: str, empty_url: str, now: datetime, tmp_path: Path
) -> None:
    made = await archive.backup(database_url, tmp_path / "backup", now)
    say(tmp_path / "backup", rows=dict(made.rows) | {"hall": 1})
    with pytest.raises(Refusal) as refused:
        await archive.restore(empty_url, tmp_path / "backup")
    assert refused.value.code == "restore_differs"


async def test_what_is_not_backed_up(
    database: Database, database_url: str, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(Refusal) as refused:
        await archive.backup(database_url, tmp_path / "full", now)
    assert refused.value.code == "backup_folder"
    with pytest.raises(Refusal) as refused:
        await archive.backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "b", now)
    assert refused.value.code == "database_empty"
    await archive.backup(database_url, tmp_path / "made", now)
    other = "postgresql://x@/y" if database.dialect == "sqlite" else f"sqlite:///{tmp_path}/z"
    with pytest.raises(Refusal) as refused:
        await archive.restore(other, tmp_path / "made")
    assert refused.value.code == "restore_other_dialect"
    monkeypatch.setattr(archive, "TOOLS", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Refusal) as refused:
        archive.tool("pg_dump")
    assert refused.value.code == "pg_tools_missing"
    assert "postgresql-client" in refused.value.vietnamese


async def test_a_failing_tool_is_reported_without_the_password(
    postgres: Postgres, tmp_path: Path, now: datetime
) -> None:
    url = f"postgresql://postgres:hidden@/nowhere?host={postgres.folder}"
    with pytest.raises(Refusal) as refused:
        await archive._run("backup_failed", url, [str(archive.tool("pg_dump"))])
    assert refused.value.code == "backup_failed"
    assert "hidden" not in str(refused.value)


LONG = "năm từ không ai đoán ra"
Locks = Callable[[Path], tuple[ciphering.Lock, ciphering.Opener]]


def by_key(folder: Path) -> tuple[ciphering.Lock, ciphering.Opener]:
    """Return the lock that seals a backup to a public key, and the opener for it."""
    public = ciphering.new_key(folder / "backup.key")
    return ciphering.to_keys([public]), ciphering.Opener(ciphering.keys_in(folder / "backup.key"))


def by_words(_: Path) -> tuple[ciphering.Lock, ciphering.Opener]:
    """Return the lock that seals a backup with a passphrase, and the opener for it. The passphrase takes little work."""
    own = x25519.Identity.generate()
    identity = age.sealed(f"{own}\n".encode(), LONG)
    lock = ciphering.Lock(ciphering.PASSPHRASE, (own.to_public(),), identity)
    return lock, ciphering.Opener(passphrase=LONG)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The data folder of the server, with keys."""
    folder = tmp_path / "home"
    (folder / "tls").mkdir(parents=True)
    for name in ("audit.key", "seal.key", "devkey.secret", "tls/ca.key"):
        (folder / name).write_bytes(b"key " + name.encode())
    (folder / "diemcau.sqlite").write_bytes(b"is no key")
    return folder


async def test_the_drill_with_a_sealed_backup(
    database: Database, database_url: str, empty_url: str, province: Province, now: datetime, tmp_path: Path, home: Path
) -> None:
    locks = by_key(tmp_path)
    await sealed_drill(database, (database_url, empty_url), province, now, tmp_path, home, locks)


@POSTGRESQL_IN_SIM
async def test_the_drill_with_a_passphrase(
    database: Database, database_url: str, empty_url: str, province: Province, now: datetime, tmp_path: Path, home: Path
) -> None:
    """The full work of a passphrase takes seconds. `tests/signaling/commands/test_store_commands.py` does it in `make test`."""
    locks = (ciphering.to_passphrase(LONG), ciphering.Opener(passphrase=LONG)) if LONG_RUN else by_words(tmp_path)
    await sealed_drill(database, (database_url, empty_url), province, now, tmp_path, home, locks)


async def sealed_drill(
    database: Database,
    urls: tuple[str, str],
    province: Province,
    now: datetime,
    tmp_path: Path,
    home: Path,
    locks: tuple[ciphering.Lock, ciphering.Opener],
) -> None:
    """The backup is made while other tasks write. Without the key it reveals nothing. On another machine it restores rows,
    audit trail and keys.
    """
    folder, other = tmp_path / "backup", tmp_path / "other"
    await work(database, province, now, 3)
    key = checkpoints.key_at(tmp_path / "keys")
    mark = await database.transact(lambda session: checkpoints.mark(session, key, now))
    assert mark is not None
    lock, opener = locks
    writing = asyncio.create_task(work(database, province, now, 10))
    made = await archive.backup(urls[0], folder, now, lock, home)
    await writing
    assert made.sealed == lock.how
    assert made.file.endswith(".age")
    for path in folder.iterdir():
        content = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.name == archive.MANIFEST or content.startswith(b"age-encryption.org/v1\n")
        assert b"SQLite format" not in content
        assert b"PGDMP" not in content
        assert b"key audit" not in content
    assert not [path for path in home.iterdir() if path.name.startswith(".")], "nothing plain is left behind"

    assert await archive.restore(urls[1], folder, opener, other) == made
    restored = Database.open(urls[1])
    async with restored.reading() as session:
        verdict = await verify(session, key.public_key(), [mark])
    assert verdict.whole
    assert verdict.sealed == 3
    assert (verdict.entries, verdict.last_hash) == (made.audit_entries, made.audit_hash)
    await work(restored, province, now, 1)
    await restored.close()

    (other / "seal.key").write_bytes(b"of the new machine")
    unpacked = archive.restore_keys(folder, made, opener, other)
    assert set(unpacked.written) == {"audit.key", "devkey.secret", "tls/ca.key"}
    assert unpacked.kept == ("seal.key",)
    assert (other / "tls/ca.key").read_bytes() == b"key tls/ca.key"
    assert stat.S_IMODE((other / "audit.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in other.iterdir() if path.name != "new") == sorted(
        ["audit.key", "devkey.secret", "seal.key", "tls"]
    )


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as told:
        await work
    return told.value.code


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("locks", [by_key, by_words])
async def test_a_sealed_backup_opens_only_with_its_own_key(
    database: Database, database_url: str, empty_url: str, now: datetime, tmp_path: Path, home: Path, locks: Locks
) -> None:
    folder, other = tmp_path / "backup", tmp_path / "other"
    lock, opener = locks(tmp_path)
    made = await archive.backup(database_url, folder, now, lock, home)
    ciphering.new_key(tmp_path / "wrong.key")
    wrong = ciphering.Opener(ciphering.keys_in(tmp_path / "wrong.key"), "một cụm mật khẩu khác")
    for none in (None, ciphering.Opener(), wrong):
        assert await refused(archive.restore(empty_url, folder, none, other)) == "backup_locked"
    with pytest.raises(Refusal):
        archive.restore_keys(folder, made, wrong, home)
    # An attacker who can write to the folder can store the right hash for an altered file. The sealed format itself detects the
    # change.
    flip(folder, made.file)
    say(folder, sha256=hashlib.sha256((folder / made.file).read_bytes()).hexdigest())
    assert await refused(archive.restore(empty_url, folder, opener, other)) == "backup_locked"
    say(folder, sealed="rot13")
    assert await refused(archive.restore(empty_url, folder, opener, other)) == "backup_bad"
    assert not list(other.iterdir())


def test_keys_and_passphrases_for_a_backup_are_checked(tmp_path: Path) -> None:
    public = ciphering.new_key(tmp_path / "one.key")
    assert stat.S_IMODE((tmp_path / "one.key").stat().st_mode) == 0o600
    with pytest.raises(Refusal) as told:
        ciphering.new_key(tmp_path / "one.key")
    assert told.value.code == "file_exists"
    assert len(ciphering.to_keys([public] * limits.BACKUP_KEYS).recipients) == limits.BACKUP_KEYS
    for publics in ([], ["age1nothing"], [public] * (limits.BACKUP_KEYS + 1)):
        with pytest.raises(Refusal) as told:
            ciphering.to_keys(publics)
        assert told.value.code == "backup_recipient"
    for words in ("", "x" * (limits.BACKUP_PASSPHRASE_LEAST - 1), "x" * (limits.BACKUP_PASSPHRASE_MOST + 1)):
        with pytest.raises(Refusal) as told:
            ciphering.to_passphrase(words)
        assert told.value.code == "backup_passphrase"
    for content in ("", "# only a remark\n", "AGE-SECRET-KEY-1X\n", "x" * (limits.BACKUP_KEY_BYTES + 1), "ổ khóa"):
        (tmp_path / "bad.key").write_text(content)
        with pytest.raises(Refusal) as told:
            ciphering.keys_in(tmp_path / "bad.key")
        assert told.value.code == "backup_key_file"


def test_a_passphrase_that_takes_too_much_work_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ciphering, "MEASURED_AGAIN_S", (0.0, 0.0))
    words = "năm từ không ai đoán"
    own = x25519.Identity.generate()
    lock = ciphering.Lock(ciphering.PASSPHRASE, (own.to_public(),), age.sealed(f"{own}\n".encode(), words))
    assert re.search(rb"-> scrypt \S+ \d+\n", lock.identity)
    (tmp_path / ciphering.IDENTITY).write_bytes(re.sub(rb"(-> scrypt \S+) \d+\n", rb"\1 30\n", lock.identity))
    (tmp_path / "plain").write_bytes(b"rows")
    lock.seal(tmp_path / "plain", tmp_path / "sealed")
    with pytest.raises(Refusal) as told:
        ciphering.Opener(passphrase=words).open(tmp_path, lock.how, tmp_path / "sealed", tmp_path / "opened")
    assert told.value.code == "backup_slow"


def tar_of(*entries: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as opened:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
            opened.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize(
    "bad",
    [
        tar_of(("../audit.key", b"x")),
        tar_of(("/tmp/audit.key", b"x")),
        tar_of(("tls/../../x.key", b"x")),
        tar_of(("audit.key", b""), kind=tarfile.SYMTYPE),
        tar_of(*((f"{n}.key", b"x") for n in range(limits.BACKUP_KEPT_FILES + 1))),
        b"no archive at all",
    ],
)
def test_only_keys_come_out_of_the_keys(bad: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as told:
        keys.unpack(bad, tmp_path)
    assert told.value.code == "backup_bad"
    assert not list(tmp_path.iterdir())


def test_too_many_keys_are_no_keys(tmp_path: Path) -> None:
    for number in range(limits.BACKUP_KEPT_FILES):
        (tmp_path / f"{number}.key").touch()
    keys.packed(tmp_path)
    (tmp_path / "more.key").touch()
    with pytest.raises(Refusal):
        keys.packed(tmp_path)
