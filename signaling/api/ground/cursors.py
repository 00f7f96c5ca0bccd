"""The cursors of lists: opaque, sealed, limited in length, and valid only for the query that returned them.

A cursor holds the place after the last returned row. The module owns no query: a route hands `offset` or `after` to `rooms`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request

from signaling.api.ground import problems
from signaling.api.models import limits
from signaling.api.models.parts import Page

T = TypeVar("T")
SEAL_BYTES = 12
"""Bytes of the seal (a shortened HMAC-SHA256) before the text of a cursor. Chosen: 96 bits cannot be guessed. Longer: longer
cursors. Shorter: a client may forge a cursor.
"""


class Cursors:
    """The cursors, sealed and opened with a key of this installation."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"diemcau cursor 1", hashlib.sha256)

    def seal(self, query: str, place: Any) -> str:
        text = json.dumps(place, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mark(query, text) + text).rstrip(b"=").decode()

    def open(self, query: str, cursor: str) -> Any:
        """Return the place in a cursor. Raise Refusal `cursor_wrong`."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise problems.refused("cursor_wrong") from error
        mark, text = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
        if not hmac.compare_digest(self._mark(query, text), mark):
            raise problems.refused("cursor_wrong")
        return json.loads(text)

    def _mark(self, query: str, text: bytes) -> bytes:
        return hmac.digest(self._key, query.encode() + b"\0" + text, hashlib.sha256)[:SEAL_BYTES]


class Window:
    """The requested part of a list: `limit` rows from `offset`, or after `after` for lists that are read by key."""

    def __init__(self, cursors: Cursors, query: str, cursor: str | None, limit: int) -> None:
        self._cursors, self._query = cursors, query
        self.limit = limit
        place = cursors.open(query, cursor) if cursor else None
        self.offset: int = place if isinstance(place, int) else 0
        self.after: Any = place if not isinstance(place, int) else None

    @property
    def fetch(self) -> int:
        """Return the number of rows to read: one more than the page has, which shows whether another page follows."""
        return self.limit + 1

    @property
    def reach(self) -> int:
        """Return the number of rows from the first row of the list to the end of the page, plus one. A query that cannot skip
        rows reads this number of rows.
        """
        return self.offset + self.fetch

    def page(self, rows: Sequence[Any], view: Callable[[Any], T]) -> Page[T]:
        """Return the page of at most `fetch` rows that begin at `offset`."""
        return self._made(rows, view, self.offset + self.limit)

    def cut(self, everything: Sequence[Any], view: Callable[[Any], T]) -> Page[T]:
        """Return the page from a whole list."""
        return self.page(everything[self.offset : self.offset + self.fetch], view)

    def keyed(self, rows: Sequence[Any], view: Callable[[Any], T], key: Callable[[Any], Any]) -> Page[T]:
        """Return the page of at most `fetch` rows that follow `after`."""
        last = rows[: self.limit]
        return self._made(rows, view, [key(last[-1])] if last else None)

    def _made(self, rows: Sequence[Any], view: Callable[[Any], T], place: Any) -> Page[T]:
        more = len(rows) > self.limit
        return Page(
            items=[view(one) for one in rows[: self.limit]],
            next=self._cursors.seal(self._query, place) if more else None,
        )


async def window(
    request: Request,
    cursor: Annotated[
        str | None,
        Query(max_length=limits.CURSOR_BYTES, pattern=r"^[A-Za-z0-9_-]+$", description="`next` of the last page."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=limits.PAGE_MOST)] = limits.PAGE,
) -> Window:
    """Return the window of a request (a FastAPI dependency)."""
    kept = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "limit")
    )
    return Window(request.app.state.desk.cursors, f"{request.url.path} {kept}", cursor, limit)
