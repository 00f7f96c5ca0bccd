"""What all nodes of one installation would have to know together, as bounded tables.

One process keeps the tables in its memory (`ground.process_memory`). With several nodes an implementation keeps a copy on each of
them: reading and writing return at once, and the other nodes learn of a write a moment later. Users hold a table and
never learn which implementation it is.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

V = TypeVar("V")


class Table(Protocol[V]):
    """Values by name, oldest first. Values are frozen."""

    def __len__(self) -> int: ...
    def __contains__(self, name: object, /) -> bool: ...
    def get(self, name: str) -> V | None: ...
    def put(self, name: str, value: V) -> None:
        """The value becomes the newest. Beyond the bound of the table its oldest value goes."""

    def pop(self, name: str) -> V | None: ...
    def clear(self) -> None: ...
    def items(self) -> list[tuple[str, V]]:
        """A copy."""

    def values(self) -> list[V]: ...


class Shared(Protocol):
    def table(self, owner: str, kind: str, most: int, values: type[V]) -> Table[V]:
        """The table of this owner and kind; the same one each time. It holds at most `most` values of this type."""

    def drop(self, owner: str) -> None:
        """The owner and its tables are no longer needed."""
