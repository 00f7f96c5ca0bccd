"""One conference's corner of the packet plane: its peers, and the numbers of their producers and consumers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.peer import Peer, PeerEvents

if TYPE_CHECKING:
    from media.node import Node
    from media.producer import Producer


def _ignore(_speakers: list[tuple[Producer, float]]) -> None:
    return


class Router:
    """Made by `Node.open_router`. Producers and consumers meet inside one router."""

    def __init__(self, node: Node, number: int, shard: int) -> None:
        self.id = number
        self.shard = shard
        self.on_speakers: Callable[[list[tuple[Producer, float]]], None] = _ignore
        """Told who speaks, the dominant one first, levels 0..1, whenever it changes."""
        self.closed = False
        self._node = node
        self._peers: set[Peer] = set()

    def open_peer(self, events: PeerEvents) -> Peer:
        assert not self.closed
        peer = Peer(self._node, self, events, self._peers.discard)
        self._peers.add(peer)
        return peer

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for peer in tuple(self._peers):
            peer.close()
        self._node.forget_router(self)
