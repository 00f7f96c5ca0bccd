"""All tables of `rooms` in one metadata. Import this module where all tables are necessary."""

from __future__ import annotations

from rooms.store.tables import accounts, booking, dialling, meetings, notices, org, records, sites  # noqa: F401
from rooms.store.tables.columns import Row

METADATA = Row.metadata
