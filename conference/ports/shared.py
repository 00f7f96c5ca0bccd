"""Bounded tables of the data that all nodes of one installation would need together.

One process keeps the tables in its memory (`ground.process_memory`). With several nodes, an implementation keeps a copy on each
node. Reads and writes return at once. The other nodes get a write a moment later. The users of a table do not know the
implementation.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

V = TypeVar("V")


class Table(Protocol[V]):
    """Frozen values by name, the oldest first."""

    def __len__(self) -> int: ...
    def __contains__(self, name: object, /) -> bool: ...
    def get(self, name: str) -> V | None: ...
    def put(self, name: str, value: V) -> None:
        """Store the value as the newest. If the table is full, the oldest value is removed."""

    def pop(self, name: str) -> V | None: ...
    def clear(self) -> None: ...
    def items(self) -> list[tuple[str, V]]:
        """Return a copy of the entries."""

    def values(self) -> list[V]: ...


class Shared(Protocol):
    def table(self, owner: str, kind: str, most: int, values: type[V]) -> Table[V]:
        """Return the table of this owner and kind. Later calls return the same table. It holds at most `most` values of this
        type.
        """

    def drop(self, owner: str) -> None:
        """Remove all tables of an owner that are no longer needed."""
