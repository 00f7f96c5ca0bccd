"""A track that is forwarded to one peer: its producer, its section, its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from media.ground import limits
from media.ground.parameters import Sending
from media.ground.seam import Seam
from media.tracks.producer import Producer


@dataclass(frozen=True, slots=True)
class CodecMap:
    """The payload types of a producer, translated into the payload types of a consumer's section. The plane needs this map."""

    payloads: list[tuple[int, int, int]]
    strip_red: bool
    red_blocks: list[tuple[int, int]]
    made_red: int = -1
    """The payload type of RED. It is set if the producer sends Opus without RED and the section accepts RED."""

    @property
    def repaired(self) -> bool:
        return any(rtx >= 0 for _, _, rtx in self.payloads)


class Consumer:
    """A track towards one peer, made by `Peer.consume`. It has a section (`mid`) only after the next negotiation."""

    def __init__(self, seam: Seam, producer: Producer, sending: Sending, stop: Callable[[Consumer], None]) -> None:
        self.id = seam.numbers.new_number()
        """The number in the plane. A consumer that loses its section gets a new number."""
        self.producer = producer
        self.sending = sending
        self.mid: str | None = None
        self.closed = False
        self.layer = -1
        """The layer that is sent now, or -1 for none."""
        self.on_switch: Callable[[Consumer, int], None] | None = None
        self.starved = False
        """True if nothing of this track is sent because the path to the peer has too little bandwidth."""
        self.on_starve: Callable[[bool], None] | None = None
        self._priority = (0, False)
        self._plane = seam.plane
        self._endings = seam.endings
        self._receivers = seam.receivers
        self._stop = stop
        self._paused = self._held = False
        self._wanted: tuple[int, int] | None = None
        self._open = False
        """True while the plane has this consumer."""
        producer.attach(self)

    @property
    def track_id(self) -> str:
        return self.sending.track_id

    @property
    def paused(self) -> bool:
        return self._paused

    def pause(self, paused: bool) -> None:
        self._stop_sending(paused, self._held)

    def hold(self, held: bool) -> None:
        """Hold the track back, whatever the client asked. The peer calls this."""
        self._stop_sending(self._paused, held)

    def _stop_sending(self, paused: bool, held: bool) -> None:
        """Pause the consumer in the plane, and remember the state only after that. If the plane's queue is full, the call can
        be repeated.
        """
        stopped = paused or held
        if self._open and not self.closed and stopped != (self._paused or self._held):
            self._plane.pause_consumer(self.id, stopped)
        self._paused, self._held = paused, held

    def set_layers(self, layer: int, temporal: int = limits.TEMPORAL_LAYERS - 1) -> None:
        """Set the highest layer and temporal id to send. A higher number than the source has means its highest."""
        wanted = (min(max(layer, 0), limits.LAYERS - 1), min(max(temporal, 0), limits.TEMPORAL_LAYERS - 1))
        if self._wanted == wanted:
            return
        if self._open and not self.closed:
            self._plane.set_layers(self.id, *wanted)
        self._wanted = wanted

    def set_priority(self, priority: int, *, keeps: bool = False) -> None:
        """Set the order of videos (0..`limits.PRIORITY`) for a path with too little bandwidth: a higher number is served first.
        With `keeps`, the lowest layer is sent even then, at least with its lowest frame rate.
        """
        wanted = (min(max(priority, 0), limits.PRIORITY), keeps)
        if self._priority == wanted:
            return
        if self._open and not self.closed:
            self._plane.set_priority(self.id, *wanted)
        self._priority = wanted

    def close(self) -> None:
        self._stop(self)

    def bind(self, mid: str) -> None:
        """Put the track into a section."""
        self.mid = mid
        self._receivers[self.id] = self

    def begin(self, transport: int, mapping: CodecMap) -> None:
        """Start sending in the section. Raises `OverflowError` if the plane is busy; the caller then repeats the call."""
        assert self.mid is not None
        if not self._open:
            self._plane.open_consumer(
                transport,
                self.id,
                self.producer.id,
                self.mid,
                self.sending.ssrc,
                self.sending.rtx_ssrc,
                mapping.payloads,
                strip_red=mapping.strip_red,
                red_blocks=mapping.red_blocks,
                paused=self._paused or self._held,
            )
            self._open = True
        if mapping.made_red >= 0:
            self._plane.make_red(self.id, mapping.made_red)
        if self._wanted is not None:
            self._plane.set_layers(self.id, *self._wanted)
        if self._priority != (0, False):
            self._plane.set_priority(self.id, *self._priority)

    def unbind(self) -> None:
        self.mid = None
        self._receivers.pop(self.id, None)
        if self._open:
            self._open = False
            self.layer = -1
            self._starve(False)
            self._endings.end(self._plane.close_consumer, self.id)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "switched":
            self._switch(*values)
        elif name == "starved":
            self._starve(*values)

    def _switch(self, layer: int) -> None:
        self.layer = layer
        if self.on_switch is not None:
            self.on_switch(self, layer)

    def _starve(self, starved: bool) -> None:
        if self.starved != starved:
            self.starved = starved
            if self.on_starve is not None:
                self.on_starve(starved)
