"""The events of the operators' board as text: each client gets only the fields that have changed, compressed if it accepts gzip.

Otherwise a board of 240 halls would take 5 MB a minute if 60 halls change each second.
"""

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any, Final

from signaling.api.ground.desk import BoardNews
from signaling.api.models.boards import Leg, SiteCalled
from signaling.api.models.rehearsals import RehearsalEntry

NOTHING: Final = ": \n\n"
"""A comment, which keeps the connection alive if nothing has changed."""
GZIP_BITS: Final = 31
"""zlib: the largest window, with the header of gzip (RFC 1952)."""


class Told:
    """The rows that one client knows."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def events(self, news: BoardNews) -> str:
        """Return the events of this change."""
        legs = [self._changed(Leg.model_validate(row).model_dump(mode="json")) for row in news.legs]
        text = _event("legs", legs) if legs else ""
        if news.phoned is not None:
            text += _event("phoned", [SiteCalled.model_validate(one).model_dump(mode="json") for one in news.phoned])
        if news.rehearsed:
            rows = [RehearsalEntry.model_validate(one).model_dump(mode="json") for one in news.rehearsed]
            text += _event("rehearsed", rows)
        return text or NOTHING

    def _changed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the whole row the first time, then the identifier and the changed fields."""
        known = self._known.get(row["leg_id"])
        self._known[row["leg_id"]] = row
        if known is None:
            return row
        return {name: value for name, value in row.items() if name == "leg_id" or known[name] != value}


def _event(name: str, rows: list[dict[str, Any]]) -> str:
    return f"event: {name}\ndata: {json.dumps(rows, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def squeezed(events: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Compress each event by itself, so that the client reads it at once."""
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP_BITS)
    async for text in events:
        yield packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
