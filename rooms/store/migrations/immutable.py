"""Triggers that protect the audit trail in the database: entries and checkpoints are added, but never changed or deleted.

On PostgreSQL a function adds the entries, so that the lock on the end of the trail is held for a short time.
"""

from __future__ import annotations

# The numbers in the statement come from this program.
# ruff: noqa: S608
from typing import Final

from rooms.store.locks import SPACE, Lock

TABLES: Final = ("audit_entry", "audit_checkpoint")


def statements(dialect: str) -> list[str]:
    """Return the DDL for `postgresql` or `sqlite`."""
    return _postgresql() if dialect == "postgresql" else _sqlite()


def _postgresql() -> list[str]:
    function = (
        "CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is never changed' USING ERRCODE = '42501'; END $$"
    )
    rows = [
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION audit_is_kept()"
        for table in TABLES
    ]
    whole = [
        f"CREATE TRIGGER {table}_kept_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION audit_is_kept()"
        for table in TABLES
    ]
    return [function, *rows, *whole, _APPEND]


_APPEND: Final = f"""
CREATE FUNCTION audit_append(entries json) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_seq bigint := 0;
    last_hash text := repeat('0', 64);
    sealed text;
    one record;
BEGIN
    PERFORM pg_advisory_xact_lock({SPACE}, {int(Lock.AUDIT)});
    -- A statement of its own: it sees what was committed while the lock was waited for.
    SELECT e.seq, e.hash INTO last_seq, last_hash FROM audit_entry e ORDER BY e.seq DESC LIMIT 1;
    IF NOT FOUND THEN
        last_seq := 0;
        last_hash := repeat('0', 64);
    END IF;
    FOR one IN SELECT * FROM json_to_recordset(entries) AS e(
        at timestamptz, actor text, action text, object_kind text, object_id text, unit_id text, address text, detail text,
        head text, tail text)
    LOOP
        last_seq := last_seq + 1;
        sealed := one.head || ',"previous":"' || last_hash || '","seq":' || last_seq || ',' || one.tail;
        sealed := encode(sha256(convert_to(sealed, 'UTF8')), 'hex');
        INSERT INTO audit_entry
            (seq, at, actor, action, object_kind, object_id, unit_id, address, detail, previous, hash)
        VALUES
            (last_seq, one.at, one.actor, one.action, one.object_kind, one.object_id, one.unit_id, one.address,
             CAST(one.detail AS json), last_hash, sealed);
        last_hash := sealed;
    END LOOP;
    RETURN last_seq;
END $$
"""
"""The seal is the same as in `rooms.store.audit.seal`. The caller passes the text of each entry without the number and the
previous seal.
"""


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER {table}_kept_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"
        for table in TABLES
        for verb in ("UPDATE", "DELETE")
    ]
