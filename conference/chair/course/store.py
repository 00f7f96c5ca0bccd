"""The store of one machine of one meeting, over the port `Proceedings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from conference.chair.rights import By
from conference.ports.proceedings import Proceedings, Record

VERSION: Final = 1
"""The version of the stored states."""


class Store:
    """`proceedings` None: the server stores nothing."""

    def __init__(self, conference: str, machine: str, proceedings: Proceedings | None) -> None:
        self._conference, self._machine, self._proceedings = conference, machine, proceedings

    def restored(self) -> Mapping[str, Any] | None:
        """Return the state from before a crash. None: there is none."""
        if self._proceedings is None:
            return None
        kept = self._proceedings.restored(self._conference).get(self._machine)
        return kept["state"] if kept is not None and kept.get("version") == VERSION else None

    async def keep(self, state: Any, records: Iterable[Record]) -> None:
        """Store the state before it takes effect. Raise Refusal `not_stored`."""
        if self._proceedings is not None:
            await self._proceedings.keep(self._conference, self._machine, _versioned(state), tuple(records))

    def note(self, state: Any, records: Iterable[Record] = ()) -> None:
        """Store the state of an act that has taken effect."""
        if self._proceedings is not None:
            self._proceedings.note(self._conference, self._machine, _versioned(state), tuple(records))

    async def forget(self, by: Record, state: Any) -> None:
        """Destroy what the meeting has stored, except this state of the machine. Raise Refusal `not_stored`."""
        if self._proceedings is not None:
            await self._proceedings.forget(self._conference, by, {self._machine: _versioned(state)})


def _versioned(state: Any) -> Mapping[str, Any]:
    return {"version": VERSION, "state": state}


def record(kind: str, by: By | None, at: float, on: str = "", on_name: str = "", detail: Any = None) -> Record:
    """Return the record of an act. `by` None: the server acted."""
    if by is None:
        return Record(kind, at, on=on, on_name=on_name, detail=detail or {})
    return Record(kind, at, by.identity, by.name, by.for_chair, by.way, on, on_name, detail or {})
