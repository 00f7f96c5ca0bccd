"""The tracks that are forwarded to a peer: tracks that wait for a section, and tracks that have a section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from media.ground import limits
from media.ground.errors import PeerError
from media.ground.parameters import Kind, Section, Sending
from media.ground.seam import Seam
from media.peers.negotiation import agree, map_codecs
from media.peers.sections import FreeSlots, Room, Slot
from media.peers.transport import Transport
from media.tracks.consumer import CodecMap, Consumer
from media.tracks.producer import Producer

if TYPE_CHECKING:
    from asyncio import TimerHandle


class Forwarding:
    """Forwarding to one peer. `slots` are the peer's sections. `change` is called when the next negotiation has work to do."""

    def __init__(self, seam: Seam, transport: Transport, slots: dict[str, Slot], change: Callable[[], None]) -> None:
        self.count = 0
        """The number of tracks towards the peer, including tracks that wait."""
        self._seam = seam
        self._transport = transport
        self._slots = slots
        self._change = change
        self._waiting: dict[Consumer, None] = {}  # in the order of arrival
        self._places: dict[Consumer, Slot] = {}
        self._held = False
        self._holding: TimerHandle | None = None

    def consume(self, producer: Producer, stream_id: str, track_id: str) -> Consumer:
        """Add a track, which waits for the next negotiation. Raises `PeerError` above `limits.CONSUMERS`."""
        assert not producer.closed
        if self.count >= limits.CONSUMERS:
            raise PeerError("too many tracks")
        self.count += 1
        sending = Sending(stream_id, track_id, self._seam.numbers.new_ssrc(), self._repair_ssrc(producer.kind))
        consumer = Consumer(self._seam, producer, sending, self.stop)
        self._waiting[consumer] = None
        self._change()
        return consumer

    def stop(self, consumer: Consumer) -> None:
        """End a track. Idempotent. Its section becomes free when the peer knows of the end."""
        if consumer.closed:
            return
        consumer.closed = True
        self.count -= 1
        consumer.producer.detach(consumer)
        self._waiting.pop(consumer, None)
        slot = self._places.get(consumer)
        if slot is not None:
            self._release(slot)
        self._change()

    def close(self) -> None:
        """Close every track. This must happen before the transport closes."""
        for consumer in (*self._places, *self._waiting):
            consumer.close()
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None

    # -- sections

    @property
    def missing_sections(self) -> tuple[int, int]:
        """Return how many more audio and video sections are needed than are free, at most as many as a description may have."""
        wanted = Counter(consumer.producer.kind for consumer in self._waiting)
        if not wanted:
            return 0, 0
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        audio = room.take("audio", max(0, wanted["audio"] - free.count("audio")))
        return audio, room.take("video", max(0, wanted["video"] - free.count("video")))

    def has_place(self) -> bool:
        """Report whether another negotiation would give a section to a waiting track."""
        if not self._waiting:
            return False
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        kinds = {consumer.producer.kind for consumer in self._waiting}
        return any(free.first(kind) or room.of(kind) for kind in kinds)

    def place_waiting(self, add_slot: Callable[[Kind], Slot]) -> None:
        """Put waiting tracks into free and new sections of our offer. They begin to send after the peer's answer."""
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        for consumer in _in_turn(self._waiting):
            kind = consumer.producer.kind
            slot = free.take(kind) or (add_slot(kind) if room.take(kind) else None)
            if slot is None:
                continue  # the track waits until a section of another track becomes free
            slot.consumer, slot.fresh = consumer, False
            self._places[consumer] = slot
            del self._waiting[consumer]

    def bind_waiting(self) -> tuple[list[Consumer], list[Consumer]]:
        """Put waiting tracks into free sections of the peer's offer. Return (bound tracks, tracks without a common codec)."""
        bound, unsupported = [], []
        free = FreeSlots(self._slots.values()) if self._waiting else FreeSlots(())
        for consumer in _in_turn(self._waiting):
            kind = consumer.producer.kind
            slot = free.first(kind)
            if slot is None:
                continue
            mapping = self._bind(slot, slot.section, consumer)
            if mapping is None:
                consumer.close()
                unsupported.append(consumer)
                continue
            if self._transport.state == "connected":
                self._seam.loop.call_later(limits.ANSWER_SETTLES_S, self._begin, consumer, consumer.id, mapping)
            else:
                consumer.begin(self._transport.id, mapping)
            free.take(kind)
            del self._waiting[consumer]
            bound.append(consumer)
        return bound, unsupported

    def take_answer(self, slot: Slot, section: Section) -> bool:
        """Handle the answer for one section. Return True if the consumer of the slot begins to send."""
        if slot.announced_idle:
            slot.draining = False
        consumer = slot.consumer
        if consumer is None or slot.sending or slot.announced_idle:
            return False
        mapping = self._bind(slot, section, consumer) if section.receives else None
        if mapping is None:
            consumer.close()
            return False
        consumer.begin(self._transport.id, mapping)
        return True

    def requeue(self, slot: Slot) -> None:
        """Let the track wait for another section, because the peer took its section away."""
        consumer = slot.consumer
        assert consumer is not None
        self._release(slot)
        consumer.id = self._seam.numbers.new_number()
        repair = self._repair_ssrc(consumer.producer.kind)
        consumer.sending = replace(consumer.sending, ssrc=self._seam.numbers.new_ssrc(), rtx_ssrc=repair)
        self._waiting[consumer] = None

    def _bind(self, slot: Slot, section: Section, consumer: Consumer) -> CodecMap | None:
        """Put the track into the section. Return None if the section and the producer have no common codec."""
        assert section.capabilities is not None
        agreed = agree(section.capabilities, slot.acceptance)
        self._transport.add_extensions(agreed.extensions)
        mapping = map_codecs(consumer.producer.codecs, agreed.codecs)
        if not mapping.payloads:
            return None
        if not mapping.repaired:
            consumer.sending = replace(consumer.sending, rtx_ssrc=0)
        slot.consumer, slot.sending, slot.fresh = consumer, True, False
        self._places[consumer] = slot
        consumer.bind(slot.section.mid)
        consumer.hold(self._held and slot.section.kind == "video")
        return mapping

    def _begin(self, consumer: Consumer, number: int, mapping: CodecMap) -> None:
        """Begin to send `limits.ANSWER_SETTLES_S` after the answer that names the SSRC, so that the client has applied the
        answer. `number` is the consumer's number when it was bound.
        """
        if self._transport.state == "closed" or consumer.closed or consumer.mid is None or consumer.id != number:
            return
        try:
            consumer.begin(self._transport.id, mapping)
        except OverflowError:
            self._seam.loop.call_later(limits.ENDINGS_S, self._begin, consumer, number, mapping)

    def _release(self, slot: Slot) -> None:
        consumer, slot.consumer = slot.consumer, None
        assert consumer is not None
        self._places.pop(consumer, None)
        slot.sending = False
        slot.draining = True
        consumer.unbind()

    def _repair_ssrc(self, kind: Kind) -> int:
        """Return an SSRC for retransmissions, or 0 for audio. Audio is resent on its own SSRC, because browsers refuse an FID
        group for audio.
        """
        return self._seam.numbers.new_ssrc() if kind == "video" else 0

    # -- pictures

    def hold_pictures(self, held: bool) -> None:
        """Hold back video until it is released, for `limits.HELD_S` at most. Packets that were sent already arrive."""
        if held or self._held:
            self._set_hold(held)

    def _set_hold(self, held: bool) -> None:
        """Hold or release video. If the plane is busy, try again a moment later."""
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        if self._transport.state == "closed":
            return
        self._held = held
        try:
            for slot in self._slots.values():
                if slot.consumer is not None and slot.section.kind == "video":
                    slot.consumer.hold(held)
        except OverflowError:
            self._holding = self._seam.loop.call_later(limits.ENDINGS_S, self._set_hold, held)
        else:
            if held:
                self._holding = self._seam.loop.call_later(limits.HELD_S, self._set_hold, False)


def _in_turn(waiting: Iterable[Consumer]) -> list[Consumer]:
    """Return the waiting tracks: audio first, then in the order of arrival."""
    return sorted(waiting, key=lambda consumer: consumer.producer.kind == "video")
