"""The interface between Python and the packet plane, shared by everything that is open in the plane.

Commands go to `plane`. Every event has a number, and goes to the object that `receivers` has for this number.
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
    """An object that is open in the plane and receives events."""

    def take_event(self, name: str, *values: Any) -> None:
        """Handle one event of the plane. `_plane.pyi` lists the names and the values."""


@dataclass(frozen=True, slots=True, eq=False)
class Seam:
    """The interface. A node has one."""

    plane: Plane
    loop: asyncio.AbstractEventLoop
    endings: Endings
    numbers: Numbers
    receivers: dict[int, Receiver] = field(default_factory=dict)
    """The open objects, by their number in the plane. Each object adds itself when it opens and removes itself when it closes.
    """
