"""One conference's corner of the packet plane: its peers and lines, and the numbers of their producers and consumers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from media.ground import limits
from media.lines.line import Line, LineEvents
from media.peers.peer import Peer, PeerEvents

if TYPE_CHECKING:
    from media.node.node import Node
    from media.tracks.producer import Producer


def _ignore(_speakers: list[tuple[Producer, float]]) -> None:
    return


class Router:
    """Made by `Node.open_router`. Producers and consumers meet inside one router."""

    def __init__(self, node: Node, number: int, shard: int) -> None:
        self.id = number
        self.shard = shard
        self.on_speakers: Callable[[list[tuple[Producer, float]]], None] = _ignore
        """Told who speaks, the dominant one first, levels 0..1, whenever it changes."""
        self.sizes: Counter[int] = Counter()
        """Peers and lines by shard."""
        self.closed = False
        self._node = node
        self._peers: set[Peer] = set()
        self._lines: set[Line] = set()
        self._cname = f"{node.random.getrandbits(64):016x}"

    def open_peer(self, events: PeerEvents) -> Peer:
        assert not self.closed
        peer = Peer(self._node, self, events, self._forget_peer)
        self._peers.add(peer)
        self._count(peer.shard, 1)
        return peer

    def open_line(
        self,
        events: LineEvents,
        *,
        host: str,
        ports: Sequence[int],
        rtcp_mux: bool = False,
        latch: bool = True,
        silent_s: float = limits.LINE_SILENT_S,
    ) -> Line:
        """A transport without ICE and DTLS on `host` (an IP literal of this machine), its ports among `ports`: an even
        one and the odd one above it, or any with `rtcp_mux`. All lines of a router send under one RTCP name and clock.
        `silent_s`: how long without packets until the events hear "silent".

        Raises `OSError` when no port is free, `OverflowError` above `limits.LINES`.
        """
        assert not self.closed
        if len(self._lines) >= limits.LINES:
            raise OverflowError(f"{limits.LINES} lines are open already")
        line = Line(self._node, self, events, (host, ports, rtcp_mux, latch), silent_s, self._cname, self._forget_line)
        self._lines.add(line)
        self._count(self.shard, 1)
        return line

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for peer in tuple(self._peers):
            peer.close()
        for line in tuple(self._lines):
            line.close()
        self._node.forget_router(self)

    def _forget_peer(self, peer: Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)
            self._count(peer.shard, -1)

    def _forget_line(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._count(self.shard, -1)

    def _count(self, shard: int, change: Literal[1, -1]) -> None:
        self.sizes[shard] += change
        self._node.note_participant(shard, change)
