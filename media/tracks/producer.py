"""A published track: its codecs and layers, and its commands to the packet plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from media.ground.parameters import Codec, Encoding, Kind
from media.ground.seam import Seam


class Follower(Protocol):
    """An object that forwards a producer. It is closed together with the producer."""

    def close(self) -> None: ...


class Producer:
    """A published track, made by `Peer.answer` or `Line.receive`. It lives until it is closed, or its section, peer or router
    ends.
    """

    def __init__(
        self,
        seam: Seam,
        transport: int,
        kind: Kind,
        mid: str,
        codecs: tuple[Codec, ...],
        encodings: tuple[Encoding, ...],
    ) -> None:
        """Open the producer in the plane. `mid` is empty for a line. Raises `OverflowError` if the plane is busy."""
        self.id = seam.numbers.new_number()
        self.kind = kind
        self.codecs = codecs
        """The codecs in the order of the answer. The peer will send the first one."""
        self.encodings = encodings
        """The streams, lowest quality first. The position is the number of the layer."""
        self.closed = False
        self.on_layer: Callable[[Producer, int], None] | None = None
        """Called when the first packet of a layer arrives."""
        self.on_close: Callable[[Producer], None] | None = None
        self.on_bye: Callable[[Producer], None] | None = None
        """Called when an RTCP BYE arrives. It is not needed for a peer, because the peer's next description says which tracks
        ended.
        """
        self.active_layers: set[int] = set()
        self._plane = seam.plane
        self._endings = seam.endings
        self._receivers = seam.receivers
        self._consumers: set[Follower] = set()
        self._paused = self._pausing = False
        self._plane.open_producer(
            transport,
            self.id,
            kind,
            mid,
            [(encoding.rid, encoding.ssrc, encoding.rtx_ssrc) for encoding in encodings],
            [(codec.payload_type, codec.name, codec.clock_hz, codec.rtx) for codec in codecs],
        )
        self._receivers[self.id] = self

    @property
    def mime(self) -> str:
        return self.codecs[0].mime

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(encoding.rid for encoding in self.encodings)

    def pause(self, paused: bool) -> None:
        """Pause or resume the track. The command is never lost: a muted person must not be heard because the plane was busy."""
        self._paused = paused
        if not self.closed and not self._pausing:
            self._pausing = True
            self._endings.end(self._carry_pause, self.id)

    def _carry_pause(self, number: int) -> None:
        """Pass the last state to the plane. Raises `OverflowError` while the plane is busy."""
        if not self.closed:
            self._plane.pause_producer(number, self._paused)
        self._pausing = False

    def forgo_repairs(self) -> None:
        """Request no retransmissions, because the publisher sends none."""
        self._endings.end(self._plane.forgo_repairs, self.id)

    def meter(self) -> None:
        """Measure the loudness of a hall's microphone from its packets."""
        self._endings.end(self._plane.meter_voice, self.id)

    def keep(self) -> None:
        """Mark this audio as no microphone. It is always sent, also when others are louder."""
        if not self.closed:
            self._endings.end(self._plane.keep_voice, self.id)

    def request_keyframe(self, layer: int = -1) -> None:
        """Request a key frame of one layer, or of all layers that send. The plane lets one request pass in 300 ms."""
        if not self.closed and self.kind == "video":
            self._plane.request_keyframe(self.id, layer)

    def close(self) -> None:
        """Close the producer and its consumers."""
        if self.closed:
            return
        self.closed = True
        self._endings.end(self._plane.close_producer, self.id)
        self._receivers.pop(self.id, None)
        for consumer in tuple(self._consumers):
            consumer.close()
        if self.on_close is not None:
            self.on_close(self)

    def attach(self, consumer: Follower) -> None:
        self._consumers.add(consumer)

    def detach(self, consumer: Follower) -> None:
        self._consumers.discard(consumer)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "layer":
            self._layer_started(*values)
        elif name == "bye" and self.on_bye is not None:
            self.on_bye(self)

    def _layer_started(self, layer: int) -> None:
        self.active_layers.add(layer)
        if self.on_layer is not None:
            self.on_layer(self, layer)
