"""The tracks that a peer publishes: the producer of each section that sends, and whether it continues after a new offer."""

from __future__ import annotations

from collections.abc import Callable

from media.ground.parameters import Acceptance, OfferedTrack, Section
from media.ground.seam import Seam
from media.peers.negotiation import agree
from media.peers.results import Published
from media.peers.sections import Slot, offered_track, ordered_encodings, same_formats, same_streams
from media.peers.transport import Transport
from media.tracks.producer import Producer


class Publishing:
    """The published tracks of one peer."""

    def __init__(self, seam: Seam, transport: Transport) -> None:
        self._seam = seam
        self._transport = transport

    def take(
        self, slot: Slot, accept: Callable[[OfferedTrack], Acceptance | None], ended: list[Producer]
    ) -> Published | None:
        """Open or end the producer of a section according to its offer. Return None if the section has no new track."""
        if slot.producer is None and not slot.section.sends:
            return None
        if slot.producer is not None and slot.producer.closed:
            end_publishing(slot)
        offered = offered_track(slot.section)
        if offered is None:
            ended += end_publishing(slot)
            return None
        if slot.producer is not None:
            if slot.offered is not None and _goes_on(slot, slot.offered, offered):
                return None
            ended += end_publishing(slot)
        slot.acceptance = accept(offered)
        if slot.acceptance is None:
            return None
        slot.offered = offered
        slot.producer = self._open_producer(slot.section, slot.acceptance)
        if slot.producer is None:
            slot.acceptance = None
            return None
        return Published(slot.section.mid, offered, slot.producer, slot.producer.mime)

    def _open_producer(self, section: Section, acceptance: Acceptance) -> Producer | None:
        assert section.capabilities is not None
        agreed = agree(section.capabilities, acceptance)
        if not agreed.codecs:
            return None
        self._transport.add_extensions(agreed.extensions)
        kind = section.capabilities.kind
        encodings = ordered_encodings(section)
        producer = Producer(self._seam, self._transport.id, kind, section.mid, agreed.codecs, encodings)
        if not any("nack" in codec.feedback for codec in agreed.codecs):
            producer.forgo_repairs()
        return producer


def end_publishing(slot: Slot) -> list[Producer]:
    """Close the producer of a section, if the section has one."""
    producer, slot.producer, slot.offered, slot.acceptance = slot.producer, None, None, None
    if producer is None:
        return []
    producer.close()
    return [producer]


def _goes_on(slot: Slot, before: OfferedTrack, now: OfferedTrack) -> bool:
    assert slot.producer is not None
    assert slot.acceptance is not None
    assert slot.section.capabilities is not None
    agreed = agree(slot.section.capabilities, slot.acceptance)
    return (
        before.track_id == now.track_id
        and same_streams(slot.producer.encodings, ordered_encodings(slot.section))
        and same_formats(slot.producer.codecs, agreed.codecs)
    )
