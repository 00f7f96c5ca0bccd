"""`python -m rooms.store.migrations.draft` writes step 0001 anew from the tables, while nothing is released.

After a release this is over: a new step is written beside the old ones.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from rooms.store import migrations
from rooms.store.columns import Row, Utc

TARGET = migrations.FOLDER / "versions" / "step_0001.py"
PARTS = migrations.FOLDER / "step_0001"
HEAD = '''# fmt: off
# ruff: noqa
"""The first shape: every table, no overlap of reservations, an audit trail that is only added to.

Written by `python -m rooms.store.migrations.draft`.
"""

from alembic import op

from rooms.store.migrations import immutable, overlap
from rooms.store.migrations.step_0001 import {parts}

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_tables()
    connection = op.get_bind()
    for part in (overlap, immutable):
        for statement in part.statements(connection.dialect.name):
            connection.exec_driver_sql(statement)


def create_tables() -> None:
{calls}'''
PART_HEAD = '''# fmt: off
# ruff: noqa
"""Tables of `rooms.{part}` as step 0001 makes them. Written by `python -m rooms.store.migrations.draft`."""

import sqlalchemy as sa
from alembic import op
{utc}'''


def main() -> None:
    PARTS.mkdir(exist_ok=True)
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")


def rendered() -> dict[Path, str]:
    """Each file with its text."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        options = migrations.options(connection) | {"render_item": _type, "render_as_batch": False}
        del options["connection"]
        context = MigrationContext.configure(connection, opts=options)
        steps = produce_migrations(context, options["target_metadata"]).upgrade_ops
        assert steps is not None
        code = render_python_code(steps, render_item=_type, migration_context=context)
    engine.dispose()
    return _in_files(_by_table(code))


def _by_table(code: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    name = ""
    for line in code.splitlines():
        created = re.match(r"\s*op\.create_table\('(\w+)'", line)
        if created:
            name = created[1]
        if not line.strip().startswith("#") and line.strip():
            tables.setdefault(name, []).append(line)
    assert "" not in tables
    return tables


def _in_files(tables: dict[str, list[str]]) -> dict[Path, str]:
    owners = {mapper.class_.__tablename__: mapper.class_.__module__.split(".")[1] for mapper in Row.registry.mappers}
    parts = sorted(set(owners.values()))
    calls = "".join(f"    {owners[one]}.{one}()\n" for one in tables)
    files = {TARGET: HEAD.format(parts=", ".join(parts), calls=calls)}
    files[PARTS / "__init__.py"] = '"""The tables of step 0001, by the part of `rooms` that owns them."""\n'
    for part in parts:
        own = {name: lines for name, lines in tables.items() if owners[name] == part}
        bodies = "".join(f"\n\ndef {name}() -> None:\n" + "\n".join(lines) + "\n" for name, lines in own.items())
        utc = "\nfrom rooms.store.columns import Utc\n" if "Utc()" in bodies else ""
        files[PARTS / f"{part}.py"] = PART_HEAD.format(part=part, utc=utc) + bodies
    return files


def _type(kind: str, item: object, _context: AutogenContext) -> str | Literal[False]:
    return "Utc()" if kind == "type" and isinstance(item, Utc) else False


if __name__ == "__main__":
    main()
