"""Tables in the memory of one process. Implements `ports.shared` for an installation with one node."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class MemoryTable(Generic[V]):
    """A table of `most` values at most. When it is full, the oldest value is removed first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object, /) -> bool:
        return name in self._values

    def get(self, name: str) -> V | None:
        return self._values.get(name)

    def put(self, name: str, value: V) -> None:
        self._values[name] = value
        self._values.move_to_end(name)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def pop(self, name: str) -> V | None:
        return self._values.pop(name, None)

    def clear(self) -> None:
        self._values.clear()

    def items(self) -> list[tuple[str, V]]:
        return list(self._values.items())

    def values(self) -> list[V]:
        return list(self._values.values())


class ProcessMemory:
    """All tables of the process, by owner and kind. `drop` removes all tables of one owner."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, MemoryTable[Any]]] = {}

    def table(self, owner: str, kind: str, most: int, values: type[V]) -> MemoryTable[V]:
        tables = self._tables.setdefault(owner, {})
        if kind not in tables:
            tables[kind] = MemoryTable[V](most)
        return tables[kind]

    def drop(self, owner: str) -> None:
        self._tables.pop(owner, None)
