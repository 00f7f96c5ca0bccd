"""The seam to the packet plane: what everything that is opened in the plane has in common.

Commands go down by `plane`. Events come up to the thing that entered itself into `receivers`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from media.ground.endings import Endings
from media.ground.numbers import Numbers

if TYPE_CHECKING:
    from media._plane import Plane


class Receiver(Protocol):
    """A thing that is open in the plane."""

    def take_event(self, name: str, *values: Any) -> None:
        """Take one event of the plane. `_plane.pyi` lists the names and the values."""


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """One per node."""

    plane: Plane
    loop: asyncio.AbstractEventLoop
    endings: Endings
    numbers: Numbers
    receivers: dict[int, Receiver] = field(default_factory=dict)
    """By the number in the plane. Each thing enters itself when it opens, and leaves when it closes."""
