"""A pytest plugin: all SQLite databases of this process use one set of compiled statements, as the one database of a server does.
Each test opens its own database, and most of its time would go into compiling the same statements again.

PostgreSQL is left out: its dialect also holds what one server process knows about the prepared statements of its database.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event

_kept: dict[type, tuple[Any, Any]] = {}
"""The dialect and the compiled statements of the first database, by class of the dialect. SQLAlchemy finds a compiled statement
by the dialect object and the statement.
"""


@event.listens_for(Engine, "engine_connect")
def _share(connection: Connection) -> None:
    """Give the engine the dialect and the statements of the first engine. This engine has connected and knows its server."""
    engine: Any = connection.engine
    if engine.dialect.name != "sqlite" or engine.dialect._has_events:
        return
    dialect, statements = _kept.setdefault(type(engine.dialect), (engine.dialect, engine._compiled_cache))
    connection.dialect = engine.dialect = dialect
    engine._compiled_cache = statements
