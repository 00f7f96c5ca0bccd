"""The data channels to one participant. Reliable packets keep their order, and wait while the channel is full or closed. Beyond
a limit they are dropped.
"""

from __future__ import annotations

from collections import deque

from conference.data.packets import RELIABLE
from conference.ground import limits
from conference.ports.media import Peer


class PeerChannels:
    """The data channels over peers. `publisher` and `receiver` are the same peer if the client has one connection. Implements
    `people.link.Channels`.
    """

    def __init__(self, publisher: Peer, receiver: Peer) -> None:
        self.dropped_packets = 0
        self._publisher = publisher
        self._receiver = receiver
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._closed = False

    def send(self, label: str, data: bytes) -> None:
        """Send a packet. Reliable packets keep their order and wait for their channel. Beyond the limit they are dropped and
        counted. Other packets never wait.
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
        """Reduce the window in which the client may send by `size_bytes`, because the server still holds this number of bytes."""
        if not self._closed:
            self._publisher.hold(size_bytes)

    def flush(self) -> None:
        """Send the waiting packets in order, until the channel is full."""
        while self._waiting and self._receiver.send(*self._waiting[0]):
            self._waiting_bytes -= len(self._waiting.popleft()[1])

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()


class NoChannels:
    """The data channels of a participant without data channels: packets are dropped."""

    dropped_packets = 0

    def send(self, label: str, data: bytes) -> None:
        return

    def hold(self, size_bytes: int) -> None:
        return

    def flush(self) -> None:
        return
