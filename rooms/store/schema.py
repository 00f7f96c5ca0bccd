"""Every table of `rooms` in one metadata: import this where all of them are needed."""

from __future__ import annotations

import rooms.accounts.tables
import rooms.booking.tables
import rooms.dialling.tables
import rooms.meetings.tables
import rooms.org.tables
import rooms.sites.tables
import rooms.store.tables  # noqa: F401
from rooms.store.columns import Row

METADATA = Row.metadata
