"""All tables of `rooms` in one metadata. Import this module where all tables are necessary."""

from __future__ import annotations

from rooms.store.tables import (  # noqa: F401
    accounts,
    booking,
    dialling,
    meetings,
    notices,
    org,
    proceedings,
    records,
    sites,
)
from rooms.store.tables.columns import Row

METADATA = Row.metadata
