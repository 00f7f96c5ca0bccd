"""`python -m rooms.store.migrations.draft` writes step 0001 anew from the tables, while nothing is released.

After a release this is over: a new step is written beside the old ones.
"""

from __future__ import annotations

import re

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from rooms.store import migrations
from rooms.store.columns import Utc

TARGET = migrations.FOLDER / "versions" / "step_0001.py"
HEAD = '''# fmt: off
"""The first shape: every table, no overlap of reservations, an audit trail that is only added to.

Written by `python -m rooms.store.migrations.draft`.
"""

import sqlalchemy as sa
from alembic import op

from rooms.store.columns import Utc
from rooms.store.migrations import immutable, overlap

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_tables()
    connection = op.get_bind()
    for part in (overlap, immutable):
        for statement in part.statements(connection.dialect.name):
            connection.exec_driver_sql(statement)


def create_tables() -> None:
'''


def main() -> None:
    TARGET.write_text(rendered(), encoding="utf-8")


def rendered() -> str:
    """The module as text, its tables in parts so that no function is long."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        options = migrations.options(connection) | {"render_item": _type, "render_as_batch": False}
        del options["connection"]
        context = MigrationContext.configure(connection, opts=options)
        steps = produce_migrations(context, options["target_metadata"]).upgrade_ops
        assert steps is not None
        code = render_python_code(steps, render_item=_type, migration_context=context)
    engine.dispose()
    return HEAD + _in_parts(code)


def _in_parts(code: str) -> str:
    parts: dict[str, list[str]] = {}
    name = ""
    for line in code.splitlines():
        created = re.match(r"\s*op\.create_table\('(\w+)'", line)
        if created:
            name = created[1]
        if not line.strip().startswith("#") and line.strip():
            parts.setdefault(name, []).append(line)
    assert "" not in parts
    calls = "".join(f"    table_{one}()\n" for one in parts)
    bodies = "".join(f"\n\ndef table_{one}() -> None:\n" + "\n".join(lines) + "\n" for one, lines in parts.items())
    return calls + bodies


def _type(kind: str, item: object, _context: AutogenContext) -> str | bool:
    return "Utc()" if kind == "type" and isinstance(item, Utc) else False


if __name__ == "__main__":
    main()
