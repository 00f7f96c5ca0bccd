"""Triggers by which the database itself keeps the audit trail: entries and checkpoints are added, never changed or deleted."""

from __future__ import annotations

from typing import Final

TABLES: Final = ("audit_entry", "audit_checkpoint")


def statements(dialect: str) -> list[str]:
    """DDL for `postgresql` or `sqlite`."""
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
    return [function, *rows, *whole]


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER {table}_kept_{verb.lower()} BEFORE {verb} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END"
        for table in TABLES
        for verb in ("UPDATE", "DELETE")
    ]
