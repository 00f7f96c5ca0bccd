"""The desk document of one meeting: the state that `/desk` shows, for each audience, and its changes as JSON merge patches.

A part puts the new value of a section, or of one row of a section. At the end of the turn the document compares the changed
sections with the state that the subscribers know. All differences of one audience are one merge patch (RFC 7396), which is
encoded once. So the cost of a change grows with the changed values and with the number of subscribers. The number of rows
does not count.

A merge patch cannot set a member to null. So a document has no null: `clean` leaves such members out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from conference.ground import limits
from conference.ports.time import Cancellable, Clock, Turns

Audience = Literal["host", "member", "lobby"]
Value: TypeAlias = Any
"""A JSON value of Python: dict, list, tuple, str, int, float, bool or None."""
Heard = Callable[[str], None]
AUDIENCES: Final[tuple[Audience, ...]] = ("host", "member", "lobby")
IN_LOBBY: Final = frozenset(("break",))
"""The sections that a participant in the lobby of a closed session reads. All others could show what is discussed."""


class View:
    """The document as one audience reads it: the newest state, and the state that the subscribers know."""

    def __init__(self) -> None:
        self.subscribers: dict[int, Heard] = {}
        self._new: dict[str, Value] = {}
        self._told: dict[str, Value] = {}
        self._changed: dict[str, set[str] | None] = {}
        """The changed sections, each with its changed rows. None: any part of the section may have changed."""
        self._text: str | None = None

    def put(self, section: str, value: Value) -> None:
        self._changed[section] = None
        if value is None:
            self._new.pop(section, None)
        else:
            self._new[section] = value

    def put_row(self, section: str, key: str, row: Value) -> None:
        rows = self._new.setdefault(section, {})
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row
        keys = self._changed.setdefault(section, set())
        if keys is not None:
            keys.add(key)

    def whole(self) -> str:
        """Return the state that the subscribers know, as JSON text."""
        if self._text is None:
            self._text = encode(self._told)
        return self._text

    def tell(self) -> None:
        """Give the patch to the subscribers, if anything differs."""
        patch = self._take()
        if not patch:
            return
        self._text = None
        text = encode(patch)
        for heard in tuple(self.subscribers.values()):
            heard(text)

    def _take(self) -> dict[str, Value]:
        """Return the patch from the known state to the newest, which is then known."""
        changed, self._changed = self._changed, {}
        patch: dict[str, Value] = {}
        for section, keys in changed.items():
            found = self._take_section(section) if keys is None else self._take_rows(section, keys)
            if found is not _SAME:
                patch[section] = found
        return patch

    def _take_section(self, section: str) -> Value:
        before, after = self._told.get(section), self._new.get(section)
        if same(before, after):
            return _SAME
        if after is None:
            del self._told[section]
            return None
        # Rows are changed in place later, so the known state gets its own table of rows.
        self._told[section] = dict(after) if isinstance(after, dict) else after
        return difference(before, after)

    def _take_rows(self, section: str, keys: set[str]) -> Value:
        told, new = self._told.get(section, {}), self._new[section]
        patch: dict[str, Value] = {}
        for key in sorted(keys):
            before, after = told.get(key), new.get(key)
            if same(before, after):
                continue
            patch[key] = None if after is None else difference(before, after)
            if after is None:
                del told[key]
            else:
                told[key] = after
        if not patch:
            return _SAME
        self._told[section] = told
        return patch


class Document:
    """The desk document of one conference. A caller never changes a value after it was put."""

    def __init__(self, clock: Clock, turns: Turns) -> None:
        self._clock, self._turns = clock, turns
        self._views: dict[Audience, View] = {audience: View() for audience in AUDIENCES}
        self._private: dict[str, dict[int, Heard]] = {}
        self._number = 0
        self._timer: Cancellable | None = None
        self._told_at = float("-inf")

    def put(self, section: str, value: Value, *, host_only: bool = False) -> None:
        """Replace a section. None removes the section. `host_only`: members do not read the section."""
        cleaned = clean(value)
        for view in self._written(section, host_only):
            view.put(section, dict(cleaned) if isinstance(cleaned, dict) else cleaned)
        self._soon()

    def put_row(self, section: str, key: str, row: Mapping[str, Value] | None, *, host_only: bool = False) -> None:
        """Replace one row of a section of rows. None removes the row. A section has rows, or is put as a whole."""
        cleaned = clean(row)
        for view in self._written(section, host_only):
            view.put_row(section, key, cleaned)
        self._soon()

    def tell(self, identity: str, message: Mapping[str, Value]) -> None:
        """Send a message to the clients of one participant. It is lost for a client that reads too slowly."""
        found = self._private.get(identity)
        if found:
            text = encode(clean(message))
            for heard in tuple(found.values()):
                heard(text)

    def whole(self, audience: Audience) -> str:
        """Return the document without the changes that wait for the end of the turn, as JSON text."""
        return self._views[audience].whole()

    def subscribe(self, audience: Audience, heard: Heard) -> Callable[[], None]:
        """Call `heard` with each patch (JSON text) after the present `whole`. Returns the function that ends this."""
        return self._enter(self._views[audience].subscribers, heard)

    def listen(self, identity: str, heard: Heard) -> Callable[[], None]:
        """Call `heard` with each message to this participant (JSON text). Returns the function that ends this."""
        leave = self._enter(self._private.setdefault(identity, {}), heard)

        def end() -> None:
            leave()
            if not self._private.get(identity, True):
                del self._private[identity]

        return end

    def _enter(self, table: dict[int, Heard], heard: Heard) -> Callable[[], None]:
        self._number += 1
        number = self._number
        table[number] = heard

        def leave() -> None:
            table.pop(number, None)

        return leave

    def _written(self, section: str, host_only: bool) -> list[View]:
        """Return the views that have this section."""
        readers: tuple[Audience, ...] = ("host",) if host_only else ("host", "member")
        lobby: tuple[Audience, ...] = ("lobby",) if section in IN_LOBBY and not host_only else ()
        return [self._views[one] for one in (*readers, *lobby)]

    def _soon(self) -> None:
        """Tell the subscribers at the end of the turn. With many subscribers, changes that follow fast are told together."""
        if self._timer is not None:
            return
        subscribers = sum(len(view.subscribers) for view in self._views.values())
        rest_s = self._told_at + subscribers * limits.DESK_SUBSCRIBER_S - self._clock.monotonic()
        self._timer = self._turns.call_later(rest_s, self._tell) if rest_s > 0 else self._turns.call_soon(self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._told_at = self._clock.monotonic()
        for view in self._views.values():
            view.tell()


_SAME: Final = object()


def encode(value: Value) -> str:
    """Return JSON text without spaces. Raises ValueError for numbers that JSON does not have: our bug."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def clean(value: Value) -> Value:
    """Return a copy of a JSON value without null members. Tuples become lists."""
    if isinstance(value, Mapping):
        return {key: clean(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [clean(one) for one in value]
    return value


def same(before: Value, after: Value) -> bool:
    """Compare two JSON values. In JSON `1` and `true` differ."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], one) for key, one in after.items())
    if isinstance(before, list):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


def difference(before: Value, after: Value) -> Value:
    """Return the merge patch (RFC 7396) that makes `after` of `before`. Both are clean, and they differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    patch: dict[str, Value] = {key: None for key in before if key not in after}
    for key, one in after.items():
        if key not in before:
            patch[key] = one
        elif not same(before[key], one):
            patch[key] = difference(before[key], one)
    return patch
