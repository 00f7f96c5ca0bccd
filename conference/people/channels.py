"""The data channels to one participant: packets keep their order, wait for a full channel, and are dropped beyond a bound."""

from __future__ import annotations

from collections import deque

from conference.data.packets import RELIABLE
from conference.ground import limits
from conference.ports.media import Peer


class PeerChannels:
    """`publisher` and `receiver` are one peer where the client has one connection. Implements `people.link.Channels`."""

    def __init__(self, publisher: Peer, receiver: Peer) -> None:
        self.dropped_packets = 0
        self._publisher = publisher
        self._receiver = receiver
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._closed = False

    def send(self, label: str, data: bytes) -> None:
        """Reliable packets keep their order, wait for their channel, and are dropped (counted) beyond the bound;
        others never wait.
        """
        if self._closed:
            return
        if len(data) > limits.FORWARDED_BYTES:
            self.dropped_packets += 1
            return
        if label != RELIABLE:
            if not self._receiver.send(label, data):
                self.dropped_packets += 1
            return
        if not self._waiting and self._receiver.send(label, data):
            return
        if len(self._waiting) >= limits.WAITING_PACKETS or self._waiting_bytes + len(data) > limits.WAITING_BYTES:
            self.dropped_packets += 1
            return
        self._waiting.append((label, data))
        self._waiting_bytes += len(data)

    def hold(self, size_bytes: int) -> None:
        """So much of what this participant sent waits here: its client may send less by that."""
        if not self._closed:
            self._publisher.hold(size_bytes)

    def flush(self) -> None:
        """Sends what waits, in order, as far as the channel takes it."""
        while self._waiting and self._receiver.send(*self._waiting[0]):
            self._waiting_bytes -= len(self._waiting.popleft()[1])

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()


class NoChannels:
    """Of a participant without data channels: packets end here."""

    dropped_packets = 0

    def send(self, label: str, data: bytes) -> None:
        return

    def hold(self, size_bytes: int) -> None:
        return

    def flush(self) -> None:
        return
