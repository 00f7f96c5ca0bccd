"""Constraints on bookings in the database. With them, an error in the code above cannot double-book, lose or orphan a resource.

- Two active reservations of one resource never overlap.
- A reservation names an existing resource, and ends at most `LONGEST_DAYS` after it begins.
- A reserved resource cannot be deleted.
- A date keeps its `original_at`.
- An approved meeting has a number.

A trigger refuses with one stable word: `overlap`, `unknown_resource`, `reserved`, `too_long`, `original_at`, `unnumbered`. On
PostgreSQL constraints refuse the overlap, the length and the missing number; their names end with these words. The CHECK of
`capacity_slot` guards the capacity.
"""

# The names in the statements come from this file.
# ruff: noqa: S608

from __future__ import annotations

from typing import Final

LONGEST_DAYS: Final = 3
"""The longest reservation of a hall, with the times to set up and clear up; the database refuses a longer one. Chosen: bookings
reserve 48 hours at most. Searches look back by `LONGEST` of `rooms/booking/holds/resources.py`, which must be the same. Longer:
no effect on bookings, and only a new database gets the value. Shorter than 2: a 24-hour meeting with long times to set up is
refused.
"""
OVERLAP: Final = "reservation_overlap"
"""The name of the exclusion constraint on PostgreSQL."""
TABLE_OF: Final = (("hall", "hall"), ("terminal", "terminal"), ("person", "person"), ("operator", "person"))
KEPT: Final = ("hall", "terminal", "person")
_MICROSECONDS: Final = LONGEST_DAYS * 86_400_000_000


def statements(dialect: str) -> list[str]:
    """Return the DDL for `postgresql` or `sqlite`."""
    return _postgresql() if dialect == "postgresql" else _sqlite()


def _postgresql() -> list[str]:
    known = " ".join(
        f"WHEN '{kind}' THEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.resource_id)" for kind, table in TABLE_OF
    )
    return [
        "CREATE EXTENSION IF NOT EXISTS btree_gist",
        f"ALTER TABLE reservation ADD CONSTRAINT {OVERLAP} EXCLUDE USING gist "
        "(resource_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&) WHERE (active)",
        "ALTER TABLE reservation ADD CONSTRAINT reservation_too_long "
        f"CHECK (ends_at - starts_at <= interval '{LONGEST_DAYS * 24} hours')",
        "ALTER TABLE meeting ADD CONSTRAINT meeting_unnumbered CHECK (state <> 'approved' OR number IS NOT NULL)",
        *_function(
            "reservation_resource", f"IF NOT (CASE NEW.kind {known} ELSE false END) THEN", "unknown_resource", "NEW"
        ),
        "CREATE TRIGGER reservation_resource BEFORE INSERT OR UPDATE OF kind, resource_id ON reservation "
        "FOR EACH ROW EXECUTE FUNCTION reservation_resource()",
        *_function(
            "resource_reserved",
            "IF EXISTS (SELECT 1 FROM reservation WHERE resource_id = OLD.id) THEN",
            "reserved",
            "OLD",
        ),
        *(
            f"CREATE TRIGGER {table}_reserved BEFORE DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION resource_reserved()"
            for table in KEPT
        ),
        *_function("occurrence_original", "IF NEW.original_at <> OLD.original_at THEN", "original_at", "NEW"),
        "CREATE TRIGGER occurrence_original BEFORE UPDATE OF original_at ON occurrence "
        "FOR EACH ROW EXECUTE FUNCTION occurrence_original()",
    ]


def _function(name: str, condition: str, message: str, row: str) -> tuple[str]:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {condition} "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = '23514'; END IF; RETURN {row}; END $$",
    )


def _sqlite() -> list[str]:
    clash = (
        "SELECT 1 FROM reservation WHERE resource_id = NEW.resource_id AND active AND id <> NEW.id "
        f"AND starts_at > NEW.starts_at - {_MICROSECONDS} AND starts_at < NEW.ends_at AND ends_at > NEW.starts_at"
    )
    known = " ".join(
        f"WHEN '{kind}' THEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.resource_id)" for kind, table in TABLE_OF
    )
    unknown = f"NOT (CASE NEW.kind {known} ELSE 0 END)"
    reserved = "EXISTS (SELECT 1 FROM reservation WHERE resource_id = OLD.id)"
    unnumbered = "NEW.state = 'approved' AND NEW.number IS NULL"
    both = "BEFORE INSERT ON", "BEFORE UPDATE ON"
    return [
        *(_trigger("reservation", when, f"NEW.active AND EXISTS ({clash})", "overlap") for when in both),
        *(_trigger("reservation", when, f"NEW.ends_at - NEW.starts_at > {_MICROSECONDS}", "too_long") for when in both),
        *(_trigger("reservation", when, unknown, "unknown_resource") for when in both),
        *(_trigger("meeting", when, unnumbered, "unnumbered") for when in both),
        *(_trigger(table, "BEFORE DELETE ON", reserved, "reserved") for table in KEPT),
        _trigger("occurrence", "BEFORE UPDATE ON", "NEW.original_at <> OLD.original_at", "original_at"),
    ]


def _trigger(table: str, when: str, condition: str, message: str) -> str:
    verb = when.split()[1].lower()
    return (
        f"CREATE TRIGGER {table}_{message}_{verb} {when} {table} FOR EACH ROW WHEN {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
