"""One published track: its codecs and layers, and its commands to the packet plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from media.ground.parameters import Codec, Encoding, Kind
from media.ground.seam import Seam


class Follower(Protocol):
    """What forwards a producer: closed together with it."""

    def close(self) -> None: ...


class Producer:
    """Made by `Peer.answer` or `Line.receive`; lives until it is closed, its section ends, or its peer or router closes."""

    def __init__(
        self,
        seam: Seam,
        transport: int,
        kind: Kind,
        mid: str,
        codecs: tuple[Codec, ...],
        encodings: tuple[Encoding, ...],
    ) -> None:
        """`mid` is empty for a line. Raises `OverflowError` when the plane is busy."""
        self.id = seam.numbers.new_number()
        self.kind = kind
        self.codecs = codecs
        """In the order of the answer: the first is what the peer will send."""
        self.encodings = encodings
        """Lowest quality first; the position is the layer."""
        self.closed = False
        self.on_layer: Callable[[Producer, int], None] | None = None
        """Told when the first packet of a layer comes."""
        self.on_close: Callable[[Producer], None] | None = None
        self.on_bye: Callable[[Producer], None] | None = None
        """Told when an RTCP BYE came. A peer needs none: its next description says what the publisher has ended."""
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
        """Never lost: whom everybody takes for muted must not be heard because the plane was busy for a moment."""
        self._paused = paused
        if not self.closed and not self._pausing:
            self._pausing = True
            self._endings.end(self._carry_pause, self.id)

    def _carry_pause(self, number: int) -> None:
        """What was said last. Raises `OverflowError` while the plane is busy."""
        if not self.closed:
            self._plane.pause_producer(number, self._paused)
        self._pausing = False

    def forgo_repairs(self) -> None:
        """Its publisher sends nothing again: losses are not asked for."""
        self._endings.end(self._plane.forgo_repairs, self.id)

    def meter(self) -> None:
        """The microphone of a hall: the plane reads from its packets how loud it is."""
        self._endings.end(self._plane.meter_voice, self.id)

    def keep(self) -> None:
        """No microphone: it is sent whatever others say."""
        if not self.closed:
            self._endings.end(self._plane.keep_voice, self.id)

    def request_keyframe(self, layer: int = -1) -> None:
        """Of one layer, or of each that sends; the plane lets one pass in 300 ms."""
        if not self.closed and self.kind == "video":
            self._plane.request_keyframe(self.id, layer)

    def close(self) -> None:
        """Closes its consumers too."""
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
