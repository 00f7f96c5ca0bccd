"""The media path of one participant, of any type.

A browser has a `people.connection.Connection`, a hall `halls.hall.LineLink`, the composed picture `picture.composed.Nowhere`.
Only a Connection negotiates and receives tracks. For the others `Participant.negotiated` is None.
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
    def hold(self, size_bytes: int) -> None:
        """Let the participant send `size_bytes` less, because the server still holds this number of its bytes."""

    def flush(self) -> None:
        """Send the packets that wait for the channel, in order."""


class Link(Protocol):
    @property
    def channels(self) -> Channels: ...
    @property
    def ever_connected(self) -> bool: ...
    def quiet_s(self, now: float) -> float | None:
        """Return how long no path has been alive. None if a path is alive."""

    def failed_s(self, now: float) -> float | None:
        """Return how long ago the media path failed. None if it has not failed. A hall's path never fails."""

    def peers(self) -> Sequence[Numbered]:
        """Return the peers or lines, for statistics."""

    def close(self) -> None: ...
