"""Every table of `rooms` in one metadata: import this where all of them are needed."""

from __future__ import annotations

from rooms.store.tables import accounts, booking, dialling, meetings, org, records, sites  # noqa: F401
from rooms.store.tables.columns import Row

METADATA = Row.metadata
