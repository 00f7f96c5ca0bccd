"""The media path of one participant, whatever it is made of.

A browser has a `people.connection.Connection`, a hall `halls.hall.LineLink`, the composed picture `picture.composed.Nowhere`.
Only a Connection negotiates and gets tracks; `Participant.negotiated` is None for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Numbered(Protocol):
    @property
    def id(self) -> int: ...


class Channels(Protocol):
    """The data channels to one participant."""

    @property
    def dropped_packets(self) -> int: ...
    def send(self, label: str, data: bytes) -> None: ...
    def hold(self, size_bytes: int) -> None: ...
    def flush(self) -> None: ...


class Link(Protocol):
    @property
    def channels(self) -> Channels: ...
    @property
    def ever_connected(self) -> bool: ...
    def quiet_s(self, now: float) -> float | None:
        """How long no path has been alive; None: a path is alive."""

    def failed_s(self, now: float) -> float | None: ...
    def peers(self) -> Sequence[Numbered]:
        """For statistics."""

    def close(self) -> None: ...
