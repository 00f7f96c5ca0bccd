"""The part of the packet plane that belongs to one conference: its peers and lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from media.ground import limits
from media.ground.seam import Seam
from media.lines.line import Line, LineEvents
from media.node.placement import Placement
from media.peers.peer import Endpoint, Peer, PeerEvents
from media.tracks.producer import Producer


def _ignore(_speakers: list[tuple[Producer, float]]) -> None:
    return


class Router:
    """The media of one conference, opened by `Node.open_router`. A consumer can receive only producers of the same router."""

    def __init__(
        self, seam: Seam, endpoint: Endpoint, placement: Placement, shard: int, forget: Callable[[Router], None]
    ) -> None:
        self.id = seam.numbers.new_number()
        self.shard = shard
        self.on_speakers: Callable[[list[tuple[Producer, float]]], None] = _ignore
        """Called with the speakers each time that they change: the dominant speaker first, with levels 0..1."""
        self.closed = False
        self.loop = seam.loop
        self._seam = seam
        self._endpoint = endpoint
        self._placement = placement
        self._forget = forget
        self._sizes = Counter[int]()
        """The number of peers and lines, by shard."""
        self._peers: set[Peer] = set()
        self._lines: set[Line] = set()
        self._cname = f"{seam.numbers.random.getrandbits(64):016x}"
        seam.plane.open_router(self.id, shard)
        seam.receivers[self.id] = self

    def open_peer(self, events: PeerEvents) -> Peer:
        assert not self.closed
        shard = self._placement.for_peer(self.shard, self._sizes[self.shard])
        peer = Peer(self._seam, self._endpoint, self.id, shard, events, self._forget_peer)
        self._peers.add(peer)
        self._count(shard, 1)
        return peer

    def open_line(
        self,
        events: LineEvents | None,
        *,
        host: str,
        ports: Sequence[int],
        rtcp_mux: bool = False,
        latch: bool = True,
        silent_s: float = limits.LINE_SILENT_S,
    ) -> Line:
        """Open a transport without ICE and DTLS on `host`, an IP literal of this machine. Its ports are among `ports`.

        It takes an even port and the odd port above, or any one port with `rtcp_mux`. All lines of a router send with the same
        RTCP CNAME and clock. After `silent_s` without packets, the events receive "silent". With `events` None nothing is
        reported.

        Raises `OSError` if no port is free, and `OverflowError` above `limits.LINES`.
        """
        assert not self.closed
        if len(self._lines) >= limits.LINES:
            raise OverflowError(f"{limits.LINES} lines are open already")
        place = (host, ports, rtcp_mux, latch)
        line = Line(self._seam, self.id, events, place, silent_s, self._cname, self._forget_line)
        self._lines.add(line)
        self._count(self.shard, 1)
        return line

    def set_mixed_voices(self, voices: int) -> None:
        """Set how many microphones the mixer receives at the same time. The loudest microphones are chosen."""
        self._seam.plane.set_mixed_voices(self.id, voices)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for peer in tuple(self._peers):
            peer.close()
        for line in tuple(self._lines):
            line.close()
        self._seam.endings.end(self._seam.plane.close_router, self.id)
        self._seam.receivers.pop(self.id, None)
        self._forget(self)

    def _forget_peer(self, peer: Peer) -> None:
        if peer in self._peers:
            self._peers.remove(peer)
            self._count(peer.shard, -1)

    def _forget_line(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._count(self.shard, -1)

    def _count(self, shard: int, change: Literal[1, -1]) -> None:
        self._sizes[shard] += change
        self._placement.count_participant(shard, change)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "speakers":
            self._hear(*values)

    def _hear(self, levels: list[tuple[int, float]]) -> None:
        receivers = self._seam.receivers
        found = ((receivers.get(number), level) for number, level in levels)
        self.on_speakers([(one, level) for one, level in found if isinstance(one, Producer)])
