"""The audit trail on both databases: complete, consistent with the commits, and able to reveal 20 kinds of tampering."""

import asyncio
import base64
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND, Actor
from rooms.store import audit, checkpoints, outbox, upkeep
from rooms.store.checkpoints import Checkpoint
from rooms.store.database import Database
from rooms.store.migrations import immutable
from rooms.store.tables.records import AuditEntry, Job
from rooms.store.verification import Verdict, verify
from tests.rooms.postgres import POSTGRESQL_IN_SIM, postgresql_in_sim_except

WHO = Actor("account", id="a1", address="203.0.113.7")


async def write(database: Database, now: datetime, count: int, first: int = 0) -> None:
    for number in range(first, first + count):

        async def one(session: AsyncSession, number: int = number) -> None:
            at = now + timedelta(seconds=number)
            await audit.record(session, at, WHO, "hall.edit", "hall", f"h{number}", "u1", {"n": number, "tên": "Đức"})

        await database.transact(one)


async def noted(database: Database, now: datetime, detail: dict[str, Any]) -> None:
    await database.transact(lambda session: audit.record(session, now, WHO, "a", "hall", "h", detail=detail))


async def examined(database: Database, key: Ed25519PrivateKey, outside: list[Checkpoint] | None = None) -> Verdict:
    async with database.reading() as session:
        return await verify(session, key.public_key(), outside or [])


async def count(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(AuditEntry)) or 0


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return checkpoints.key_at(tmp_path / "keys")


async def test_the_trail_hangs_together(database: Database, now: datetime, key: Ed25519PrivateKey) -> None:
    await write(database, now, 5)
    verdict = await examined(database, key)
    assert verdict.whole
    assert (verdict.entries, verdict.sealed) == (5, 0)
    mark = await database.transact(lambda session: checkpoints.mark(session, key, now))
    assert mark is not None
    assert mark.size == 5
    assert await database.transact(lambda session: checkpoints.mark(session, key, now)) is None
    assert (await examined(database, key)).sealed == 5


async def test_what_is_rolled_back_leaves_no_entry(database: Database, now: datetime, key: Ed25519PrivateKey) -> None:
    async def fails(session: AsyncSession) -> None:
        await audit.record(session, now, WHO, "hall.edit", "hall", "h1")
        raise Refusal("no", "", "")

    async def half(session: AsyncSession) -> None:
        await audit.record(session, now, WHO, "hall.edit", "hall", "kept")
        with pytest.raises(Refusal):
            async with session.begin_nested():
                async with session.begin_nested():
                    await audit.record(session, now, WHO, "hall.edit", "hall", "inner")
                raise Refusal("no", "", "")
        async with session.begin_nested():
            await audit.record(session, now, WHO, "hall.edit", "hall", "kept too")

    with pytest.raises(Refusal):
        await database.transact(fails)
    assert await count(database) == 0
    await database.transact(half)
    async with database.reading() as session:
        assert list(await session.scalars(select(AuditEntry.object_id).order_by(AuditEntry.seq))) == [
            "kept",
            "kept too",
        ]
    assert (await examined(database, key)).whole


async def test_concurrent_writers_make_one_audit_chain(
    database: Database, now: datetime, key: Ed25519PrivateKey
) -> None:
    async def two(session: AsyncSession) -> None:
        await audit.record(session, now, WHO, "hall.edit", "hall", "h")
        await audit.record(session, now, COMMAND, "hall.edit", "hall", "h")

    await asyncio.gather(*(database.transact(two) for _ in range(30)))
    verdict = await examined(database, key)
    assert verdict.whole
    assert verdict.entries == 60


@POSTGRESQL_IN_SIM
async def test_a_long_detail_is_cut_and_an_invalid_one_refused(database: Database, now: datetime) -> None:
    frame = len(audit.canonical({"text": ""}))
    for extra in (0, 1):
        await noted(database, now, {"text": "x" * (limits.AUDIT_DETAIL_CHARS - frame + extra)})
    async with database.reading() as session:
        kept, cut = await session.scalars(select(AuditEntry.detail).order_by(AuditEntry.seq))
    assert len(kept["text"]) == limits.AUDIT_DETAIL_CHARS - frame
    assert cut == {"cut": True, "parts": ["text"]}
    with pytest.raises(ValueError):
        await noted(database, now, {"x": float("nan")})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor = 'x'",
        "DELETE FROM audit_entry",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_checkpoint SET size = 1",
        "DELETE FROM audit_entry WHERE seq = 2",
    ],
)
async def test_the_database_refuses_to_change_the_trail(
    database: Database, now: datetime, key: Ed25519PrivateKey, statement: str
) -> None:
    await write(database, now, 2)
    await database.transact(lambda session: checkpoints.mark(session, key, now))
    with pytest.raises(DBAPIError, match="never changed"):
        await database.transact(lambda session: session.execute(text(statement)))
    if database.dialect == "postgresql":
        with pytest.raises(DBAPIError, match="never changed"):
            await database.transact(lambda session: session.execute(text("TRUNCATE audit_entry")))
    assert (await examined(database, key)).sealed == 2


def test_the_key_file_is_readable_by_its_owner_only_and_kept(tmp_path: Path) -> None:
    first = checkpoints.key_at(tmp_path / "data")
    path = tmp_path / "data" / checkpoints.KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = checkpoints.key_at(tmp_path / "data")
    assert checkpoints.key_id(first.public_key()) == checkpoints.key_id(again.public_key())


async def test_checkpoints_leave_the_host(
    database: Database, now: datetime, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    for first in (0, 3):
        await write(database, now, 3, first)
        await database.transact(lambda session: checkpoints.mark(session, key, now))
    async with database.reading() as session:
        found = await checkpoints.stored(session)
    written = checkpoints.export(found, key.public_key(), tmp_path / "out")
    assert [path.name for path in written] == ["checkpoint-000000000003.json", "checkpoint-000000000006.json"]
    assert checkpoints.export(found, key.public_key(), tmp_path / "out") == []
    outside = checkpoints.read_folder(tmp_path / "out")
    public = checkpoints.read_public(tmp_path / "out" / "audit.pub")
    assert [one.size for one in outside] == [3, 6]
    assert all(one.is_genuine(public) for one in outside)
    assert (await examined(database, key, outside)).whole


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "[" * 3000, '{"format": "diemcau-audit-checkpoint-1", "size": true}', "x" * 5000, "\ud800"],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "checkpoint-1.json").write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(Refusal) as refused:
        checkpoints.read_folder(tmp_path)
    assert refused.value.code == "checkpoint_bad"
    with pytest.raises(Refusal):
        checkpoints.read_public(tmp_path / "checkpoint-1.json")


@dataclass
class Burglar:
    """An attacker who owns the database. The attacker can change rows, triggers and constraints, but has neither the key nor
    the exported checkpoints.
    """

    connection: Connection
    outside: list[Checkpoint]

    def do(self, *statements: str, **values: Any) -> None:
        for one in statements:
            self.connection.execute(text(one), values)

    def rows(self) -> list[dict[str, Any]]:
        found = self.connection.execute(select(AuditEntry.__table__).order_by(AuditEntry.seq))
        return [dict(row._mapping) for row in found]

    def put(self, rows: list[dict[str, Any]]) -> None:
        self.do("DELETE FROM audit_entry")
        self.connection.execute(insert(AuditEntry), rows)

    def reseal(self, rows: list[dict[str, Any]]) -> None:
        """Renumber and reseal all rows, as an attacker with the source code could."""
        previous = audit.FIRST
        for number, row in enumerate(rows, 1):
            row |= {"seq": number, "previous": previous}
            row["hash"] = previous = audit.seal(row)
        self.put(rows)

    def checkpoints(self) -> list[Any]:
        return list(self.connection.execute(text("SELECT size, hash, signature FROM audit_checkpoint ORDER BY size")))


def swapped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [{k: v for k, v in row.items() if k not in ("seq",)} for row in rows]
    contents[3], contents[4] = contents[4], contents[3]
    return [row | {"seq": number} for number, row in enumerate(contents, 1)]


def drop_keys(b: Burglar) -> None:
    if b.connection.dialect.name == "postgresql":
        b.do("ALTER TABLE audit_entry DROP CONSTRAINT pk_audit_entry")
        return
    b.do(
        "CREATE TABLE other AS SELECT * FROM audit_entry",
        "DROP TABLE audit_entry",
        "ALTER TABLE other RENAME TO audit_entry",
    )


def duplicated(b: Burglar) -> None:
    drop_keys(b)
    b.do("INSERT INTO audit_entry SELECT * FROM audit_entry WHERE seq = 5")


def restamped(b: Burglar) -> None:
    rows = b.rows()
    rows[2]["actor"] = "account:innocent"
    b.reseal(rows)


def one_resealed(b: Burglar) -> None:
    """Change one entry and leave the entries under the checkpoints as they are. Only the link of the next entry reveals the
    change.
    """
    rows = b.rows()
    rows[2]["actor"] = "account:innocent"
    rows[2]["hash"] = audit.seal(rows[2])
    b.put(rows)


def restamped_without_checkpoints(b: Burglar) -> None:
    restamped(b)
    b.do("DELETE FROM audit_checkpoint")


def inserted(b: Burglar) -> None:
    rows = b.rows()
    rows.insert(4, dict(rows[4]) | {"action": "invented"})
    b.reseal(rows)


def cut_and_grown_again(b: Burglar) -> None:
    rows = b.rows()[:8]
    rows += [dict(rows[-1]) | {"action": f"harmless{n}"} for n in range(4)]
    b.reseal(rows)
    b.do("DELETE FROM audit_checkpoint WHERE size > 6")


def signed_by_another(b: Burglar) -> None:
    rows = b.rows()
    rows[1]["object_id"] = "other"
    b.reseal(rows)
    key = Ed25519PrivateKey.generate()
    b.do("DELETE FROM audit_checkpoint")
    one = Checkpoint(12, 0, b.rows()[-1]["hash"], checkpoints.key_id(key.public_key()), "")
    one = replace(one, signature=base64.b64encode(key.sign(one.signed())).decode())
    at = "to_timestamp(0)" if b.connection.dialect.name == "postgresql" else "0"
    b.do(
        f"INSERT INTO audit_checkpoint (size, at, hash, key_id, signature) VALUES (12, {at}, :h, :k, :s)",
        h=one.hash,
        k=one.key_id,
        s=one.signature,
    )
    b.outside.clear()


def resigned_under_its_name(b: Burglar) -> None:
    restamped(b)
    for size, _, _ in b.checkpoints():
        b.do("UPDATE audit_checkpoint SET hash = :h WHERE size = :s", h=b.rows()[size - 1]["hash"], s=size)
    b.outside.clear()


def shifted_time(b: Burglar) -> None:
    by = "interval '1 hour'" if b.connection.dialect.name == "postgresql" else "3600000000"
    b.do(f"UPDATE audit_entry SET at = at - {by} WHERE seq = 7")


def swapped_signature(b: Burglar) -> None:
    (_, _, one), (_, _, other) = b.checkpoints()
    b.do("UPDATE audit_checkpoint SET signature = :s WHERE size = 6", s=other)
    b.do("UPDATE audit_checkpoint SET signature = :s WHERE size = 12", s=one)
    b.outside.clear()


def other_json_text(b: Burglar) -> None:
    detail = json.dumps(b.rows()[4]["detail"])
    b.do("UPDATE audit_entry SET detail = :d WHERE seq = 5", d='{"n": 99, ' + detail[1:]) if (
        b.connection.dialect.name == "sqlite"
    ) else b.do("UPDATE audit_entry SET detail = CAST(:d AS json) WHERE seq = 5", d='{"n": 99, ' + detail[1:])


def broken_json(b: Burglar) -> None:
    kind = "" if b.connection.dialect.name == "sqlite" else "::json"
    b.connection.exec_driver_sql(f"UPDATE audit_entry SET detail = '[1]'{kind} WHERE seq = 5")


TAMPERINGS: dict[str, Callable[[Burglar], object]] = {
    "one entry sealed anew": one_resealed,
    "actor changed": lambda b: b.do("UPDATE audit_entry SET actor = 'account:x' WHERE seq = 3"),
    "action changed": lambda b: b.do("UPDATE audit_entry SET action = 'x' WHERE seq = 1"),
    "object changed": lambda b: b.do("UPDATE audit_entry SET object_id = 'x' WHERE seq = 12"),
    "unit changed": lambda b: b.do("UPDATE audit_entry SET unit_id = '' WHERE seq = 4"),
    "address changed": lambda b: b.do("UPDATE audit_entry SET address = '198.51.100.1' WHERE seq = 4"),
    "time shifted": shifted_time,
    "detail replaced": broken_json,
    "JSON text with a second value": other_json_text,
    "seal changed": lambda b: b.do("UPDATE audit_entry SET hash = :h WHERE seq = 6", h="0" * 64),
    "link changed": lambda b: b.do("UPDATE audit_entry SET previous = :h WHERE seq = 6", h="1" * 64),
    "entry deleted": lambda b: b.do("DELETE FROM audit_entry WHERE seq = 5"),
    "first entries deleted": lambda b: b.do("DELETE FROM audit_entry WHERE seq <= 2"),
    "end deleted": lambda b: b.do("DELETE FROM audit_entry WHERE seq > 10"),
    "end and its checkpoint deleted": lambda b: b.do(
        "DELETE FROM audit_entry WHERE seq > 6", "DELETE FROM audit_checkpoint WHERE size > 6"
    ),
    "everything deleted": lambda b: b.do("DELETE FROM audit_entry", "DELETE FROM audit_checkpoint"),
    "two entries exchanged": lambda b: b.put(swapped(b.rows())),
    "number used twice": duplicated,
    "gap in the numbers": lambda b: b.do("UPDATE audit_entry SET seq = seq + 100 WHERE seq > 9"),
    "sealed anew": restamped,
    "sealed anew, checkpoints deleted": restamped_without_checkpoints,
    "entry invented, sealed anew": inserted,
    "cut and grown again": cut_and_grown_again,
    "signed by another key": signed_by_another,
    "checkpoint's hash follows": resigned_under_its_name,
    "signatures exchanged": swapped_signature,
    "signature is not base64": lambda b: b.do("UPDATE audit_checkpoint SET signature = '☃'"),
    "checkpoint's size changed": lambda b: b.do("UPDATE audit_checkpoint SET size = 11 WHERE size = 12"),
    "exported checkpoint deleted": lambda b: b.do("DELETE FROM audit_checkpoint WHERE size = 6"),
}
OF_DATABASE = (
    "time shifted",
    "detail replaced",
    "JSON text with a second value",
    "number used twice",
    "signed by another key",
)
"""The kinds of tampering with a different statement for each database."""


@postgresql_in_sim_except("name", TAMPERINGS, both=OF_DATABASE)
async def test_tampering_is_found(database: Database, now: datetime, key: Ed25519PrivateKey, name: str) -> None:
    await write(database, now, 6)
    marks = [await database.transact(lambda session: checkpoints.mark(session, key, now))]
    await write(database, now, 6, 6)
    marks.append(await database.transact(lambda session: checkpoints.mark(session, key, now)))
    outside = [one for one in marks if one]
    assert (await examined(database, key, outside)).whole
    await tampered(database, lambda connection: TAMPERINGS[name](Burglar(connection, outside)))
    verdict = await examined(database, key, outside)
    assert not verdict.whole
    assert all(one.vietnamese and one.english for one in verdict.findings)


async def tampered(database: Database, work: Callable[[Connection], object]) -> None:
    def without_triggers(connection: Connection) -> None:
        for statement in immutable.statements(connection.dialect.name):
            trigger = statement.split()[2]
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP FUNCTION audit_is_kept CASCADE")
        work(connection)

    async with database.engine.begin() as connection:
        await connection.run_sync(without_triggers)


async def test_findings_and_checkpoints_have_bounds(
    database: Database, now: datetime, key: Ed25519PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "AUDIT_FINDINGS", 3)
    monkeypatch.setattr(limits, "CHECKPOINTS", 2)
    monkeypatch.setattr(limits, "AUDIT_BATCH", 2)
    await write(database, now, 6)
    await tampered(database, lambda one: Burglar(one, []).do("UPDATE audit_entry SET actor = 'x'"))
    assert len((await examined(database, key)).findings) == 3
    for number in range(3):
        one = Checkpoint(number, 0, "", "", "")
        (tmp_path / f"checkpoint-{number}.json").write_text(checkpoints.to_json(one))
        if number == 1:
            assert len(checkpoints.read_folder(tmp_path)) == 2
    with pytest.raises(Refusal):
        checkpoints.read_folder(tmp_path)


def test_twenty_kinds_and_more() -> None:
    assert len(TAMPERINGS) >= 20


@POSTGRESQL_IN_SIM
async def test_keeping_signs_and_exports_and_forgets(database: Database, now: datetime, tmp_path: Path) -> None:
    await write(database, now, 3)
    await database.transact(lambda session: outbox.enqueue(session, "x", {}, now, now))
    (job,) = await database.transact(lambda session: outbox.claim(session, now, ["x"], "w", 60, 1))
    await database.transact(lambda session: outbox.finish(session, job.id, "w", now))
    assert await upkeep.keep(database, tmp_path / "keys", tmp_path / "out", now) == 1
    assert await upkeep.keep(database, tmp_path / "keys", tmp_path / "out", now) == 0
    outside = checkpoints.read_folder(tmp_path / "out")
    verdict = await examined(database, checkpoints.key_at(tmp_path / "keys"), outside)
    assert verdict.whole
    assert verdict.sealed == 3
    async with database.reading() as session:
        assert await session.get(Job, job.id) is not None
    await upkeep.keep(
        database, tmp_path / "keys", tmp_path / "out", now + timedelta(days=limits.JOB_KEPT_DAYS, seconds=1)
    )
    async with database.reading() as session:
        assert await session.get(Job, job.id) is None
