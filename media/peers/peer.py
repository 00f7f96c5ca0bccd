"""One WebRTC peer connection: remembers its sections and binds producers and consumers to them.

A peer is the one that answers (the client offers; `answer`) or the one that offers (`offer`, `accept_answer`), for
life. Reading SDP is `description.py`, deciding and writing is `negotiation.py`, the path is `transport.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from media.ground import limits
from media.ground.errors import PeerError
from media.ground.parameters import (
    Acceptance,
    Candidate,
    Description,
    Direction,
    Kind,
    OfferedTrack,
    Section,
    Sending,
)
from media.ground.seam import Seam
from media.peers import negotiation
from media.peers.description import Memory, parse
from media.peers.handshake import Certificate
from media.peers.handshake import Role as DtlsRole
from media.peers.negotiation import Head, Plan, map_codecs
from media.peers.results import Answer, Offer, Published
from media.peers.sections import (
    FreeSlots,
    Room,
    Slot,
    offered_track,
    ordered_encodings,
    own_section,
    same_formats,
    same_streams,
)
from media.peers.transport import Transport, TransportEvents, TransportState
from media.tracks.consumer import CodecMap, Consumer
from media.tracks.producer import Producer

if TYPE_CHECKING:
    from asyncio import TimerHandle


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """The node as every description of ours shows it."""

    certificate: Certificate
    fingerprint: str
    """SHA-256 of the certificate, as SDP writes it."""
    candidates: tuple[Candidate, ...]


class PeerEvents(TransportEvents, Protocol):
    """What a peer tells its owner: `peer` is `Peer.id`. Nothing comes after `Peer.close`."""

    def negotiation_needed(self, peer: int) -> None:
        """Something waits for the next answer or offer; told once a turn of the event loop."""


class Peer:
    """Made by `Router.open_peer`."""

    def __init__(
        self,
        seam: Seam,
        endpoint: Endpoint,
        router: int,
        shard: int,
        events: PeerEvents,
        forget: Callable[[Peer], None],
    ) -> None:
        self._seam = seam
        self._endpoint = endpoint
        self._events = events
        self._forget = forget
        self._role: Literal["", "answers", "offers"] = ""
        self._slots: dict[str, Slot] = {}  # by mid, in the order of the description
        self._waiting: dict[Consumer, None] = {}  # in the order in which they came
        self._places: dict[Consumer, Slot] = {}
        self._described = Memory()
        self._consumers = 0
        self._session_id = seam.numbers.random.getrandbits(62)
        self._version = 0
        self._next_mid = 0
        self._changed = False
        self._telling = False
        self._held = False
        self._holding: TimerHandle | None = None
        self.shard = shard
        """The packet thread that it lives on."""
        self.only: Literal["udp", "tcp"] | None = None
        """Of our candidates in the next descriptions, where there are any; None: all."""
        self._transport = Transport(seam, router, shard, endpoint.certificate, events)
        self.id = self._transport.id
        """The key of `Statistics.peers`."""

    # -- the client offers

    def answer(self, offer_sdp: str, *, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer:
        """`accept` is asked for every track that is not yet published; None refuses it, until it is offered again.

        Raises `PeerError` for an offer that no WebRTC client makes; the peer is then to be closed.
        """
        assert self._role in ("", "answers")
        self._role = "answers"
        description = parse(offer_sdp, self._described)
        self._check_kinds(description)
        self._meet(description)
        ended = self._take_sections(description)
        published = [one for slot in self._slots.values() if (one := self._publish(slot, accept, ended))]
        bound, unsupported = self._bind_waiting()
        plans = [self._plan(slot) for slot in self._slots.values()]
        setup = "active" if self._transport.role == "client" else "passive"
        sdp = negotiation.write(self._head(setup, description.allow_mixed), plans)
        for slot in self._slots.values():
            slot.draining = False
        self._changed = self._has_place()
        return Answer(sdp, self._tracks(), published, ended, bound, unsupported)

    # -- we offer

    def offer(self) -> Offer:
        """A new description of all sections. Supersedes one that was not answered; the caller has one under way."""
        assert self._role in ("", "offers")
        self._role = "offers"
        if not self._slots:
            self._add_slot("application")
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        for consumer in self._in_turn():
            kind = consumer.producer.kind
            slot = free.take(kind) or (self._add_slot(kind) if room.take(kind) else None)
            if slot is None:
                continue  # until the section of another one is free
            slot.consumer, slot.fresh = consumer, False
            self._places[consumer] = slot
            del self._waiting[consumer]
        self._changed = False
        plans = []
        for slot in self._slots.values():
            slot.announced_idle = slot.consumer is None
            plans.append(self._plan(slot))
        return Offer(negotiation.write(self._head("actpass", True), plans), self._tracks())

    def accept_answer(self, sdp: str) -> list[Consumer]:
        """The consumers that begin to send. Those whose codecs the peer lacks are closed.

        Raises `PeerError` for an answer that does not fit the last offer; the peer is then to be closed.
        """
        assert self._role == "offers"
        description = parse(sdp, self._described)
        slots = list(self._slots.values())
        answered = [section.mid for section in description.sections if section.usable]
        if len(description.sections) > len(slots) or not set(answered) <= self._slots.keys():
            raise PeerError("the answer does not fit the offer")
        self._meet(description)
        started = []
        for section in description.sections:
            slot = self._slots.get(section.mid)
            if slot is None or section.kind != slot.section.kind:
                raise PeerError("the answer does not fit the offer")
            if section.kind == "application":
                self._associate(section)
            elif self._take_answer(slot, section):
                started += [slot.consumer] if slot.consumer else []
        if self._has_place():
            self._change()
        return started

    def restart_ice(self) -> None:
        """New credentials for the next offer; only the side that offers can ask for a restart."""
        assert self._role in ("", "offers")
        self._transport.restart_ice()
        self._change()

    # -- tracks towards the peer

    def consume(self, producer: Producer, *, stream_id: str, track_id: str) -> Consumer:
        """The track waits for the next negotiation. Raises `PeerError` beyond the bound of `limits.CONSUMERS`."""
        assert self.state != "closed"
        assert not producer.closed
        if self._consumers >= limits.CONSUMERS:
            raise PeerError("too many tracks")
        self._consumers += 1
        sending = Sending(stream_id, track_id, self._seam.numbers.new_ssrc(), self._repair_ssrc(producer.kind))
        consumer = Consumer(self._seam, producer, sending, self.stop)
        self._waiting[consumer] = None
        self._change()
        return consumer

    def stop(self, consumer: Consumer) -> None:
        """Idempotent. Its section becomes free when the peer has been told."""
        if consumer.closed:
            return
        consumer.closed = True
        self._consumers -= 1
        consumer.producer.detach(consumer)
        self._waiting.pop(consumer, None)
        slot = self._places.get(consumer)
        if slot is not None:
            self._release(slot)
        if self.state != "closed":
            self._change()

    @property
    def missing_sections(self) -> tuple[int, int]:
        """Audio and video sections wanted beyond the free ones, when the client is the one that offers; no more than a
        description may have: tracks beyond that wait until others end.
        """
        wanted = Counter(consumer.producer.kind for consumer in self._waiting)
        if not wanted:
            return 0, 0
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        audio = room.take("audio", max(0, wanted["audio"] - free.count("audio")))
        return audio, room.take("video", max(0, wanted["video"] - free.count("video")))

    @property
    def forwarded(self) -> int:
        """Tracks towards the peer, waiting ones included."""
        return self._consumers

    @property
    def needs_offer(self) -> bool:
        """Something has changed since the last answer or offer."""
        return self._changed

    def hold_pictures(self, held: bool) -> None:
        """Held ones are not sent until they are let go, for `limits.HELD_S` at most; what is on its way arrives."""
        if held or self._held:
            self._set_hold(held)

    def _set_hold(self, held: bool) -> None:
        """Again a moment later where the plane is busy."""
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        if self.state == "closed":
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

    # -- data

    def open_channels(self, labels: Sequence[str]) -> None:
        """Channels that we open as soon as SCTP stands."""
        self._transport.open_channels(labels)

    def send(self, label: str, data: bytes) -> bool:
        """False: the channel is not open or its bounded buffer is full; the data are dropped."""
        return self._transport.send(label, data)

    def hold(self, size_bytes: int) -> None:
        """So much of the data that came is not done with: the peer may send less by that (`limits.WINDOW_BYTES`)."""
        self._transport.hold(size_bytes)

    # -- state

    @property
    def state(self) -> TransportState:
        return self._transport.state

    @property
    def path(self) -> str:
        """`udp 192.0.2.1:4242` or `tcp [2001:db8::1]:99`; empty until ICE has one."""
        return self._transport.path

    def close(self) -> None:
        if self.state == "closed":
            return
        for slot in self._slots.values():
            if slot.producer is not None:
                slot.producer.close()
            if slot.consumer is not None:
                slot.consumer.close()
        for consumer in tuple(self._waiting):
            consumer.close()
        self._transport.close()
        self._set_hold(False)
        self._forget(self)

    # -- what a description says

    def _meet(self, description: Description) -> None:
        """Who the peer is. Its new ufrag in an offer restarts ICE (RFC 8839 §4.4.1.1.1). By its password it answers whether it is
        where it says, without which it gets no media for long.
        """
        if not description.fingerprints or not description.ufrag or not description.pwd:
            raise PeerError("no ICE credentials or no fingerprint")
        before = self._transport.remote_ufrag
        if self._role == "answers" and before and before != description.ufrag:
            self._transport.restart_ice()
        self._transport.set_remote(
            description.ufrag, description.pwd, description.fingerprints, self._dtls_role(description.setup)
        )

    def _dtls_role(self, setup: str) -> DtlsRole:
        """Ours, by the peer's `a=setup` (RFC 8842 §5.2, §5.3). Of an offer that leaves it to us we make the DTLS server, or leave
        the role as it is. Our own offers leave it to the peer.
        """
        if setup == "actpass" and self._role == "answers":
            return self._transport.role or "server"
        if setup not in ("active", "passive"):
            raise PeerError("no DTLS role")
        return "server" if setup == "active" else "client"

    def _check_kinds(self, description: Description) -> None:
        for section in description.sections:
            known = self._slots.get(section.mid)
            if known is not None and section.usable and known.section.usable and known.section.kind != section.kind:
                raise PeerError("a section changed its kind")

    def _take_sections(self, description: Description) -> list[Producer]:
        """Puts the offer's sections in the place of the known ones; returns the producers that went with theirs."""
        before, self._slots = self._slots, {}
        for place, section in enumerate(description.sections):
            key = section.mid if section.usable else f"{section.mid} {place}"  # a rejected mid may come twice
            slot = before.pop(section.mid, None) if section.usable else None
            if slot is None:
                slot = Slot(section)
            slot.section = section
            self._slots[key] = slot
            if section.kind == "application" and section.usable:
                self._associate(section)
            if slot.consumer is not None and not section.receives:
                self._requeue(slot)
        ended = []
        for slot in before.values():
            ended += self._end_publishing(slot)
            if slot.consumer is not None:
                self._requeue(slot)
        return ended

    def _associate(self, section: Section) -> None:
        if section.usable:
            self._transport.start_association(section.sctp_port, section.max_message_bytes)

    # -- published tracks

    def _publish(
        self, slot: Slot, accept: Callable[[OfferedTrack], Acceptance | None], ended: list[Producer]
    ) -> Published | None:
        if slot.producer is None and not slot.section.sends:
            return None
        if slot.producer is not None and slot.producer.closed:
            self._end_publishing(slot)
        offered = offered_track(slot.section)
        if offered is None:
            ended += self._end_publishing(slot)
            return None
        if slot.producer is not None:
            if slot.offered is not None and self._goes_on(slot, slot.offered, offered):
                return None
            ended += self._end_publishing(slot)
        slot.acceptance = accept(offered)
        if slot.acceptance is None:
            return None
        slot.offered = offered
        slot.producer = self._open_producer(slot.section, slot.acceptance)
        if slot.producer is None:
            slot.acceptance = None
            return None
        return Published(slot.section.mid, offered, slot.producer, slot.producer.mime)

    def _goes_on(self, slot: Slot, before: OfferedTrack, now: OfferedTrack) -> bool:
        assert slot.producer is not None
        assert slot.acceptance is not None
        assert slot.section.capabilities is not None
        agreed = negotiation.agree(slot.section.capabilities, slot.acceptance)
        return (
            before.track_id == now.track_id
            and same_streams(slot.producer.encodings, ordered_encodings(slot.section))
            and same_formats(slot.producer.codecs, agreed.codecs)
        )

    def _open_producer(self, section: Section, acceptance: Acceptance) -> Producer | None:
        assert section.capabilities is not None
        agreed = negotiation.agree(section.capabilities, acceptance)
        if not agreed.codecs:
            return None
        self._transport.add_extensions(agreed.extensions)
        producer = Producer(
            self._seam, self.id, section.capabilities.kind, section.mid, agreed.codecs, ordered_encodings(section)
        )
        if not any("nack" in codec.feedback for codec in agreed.codecs):
            producer.forgo_repairs()
        return producer

    def _end_publishing(self, slot: Slot) -> list[Producer]:
        producer, slot.producer, slot.offered, slot.acceptance = slot.producer, None, None, None
        if producer is None:
            return []
        producer.close()
        return [producer]

    # -- sections of ours

    def _bind_waiting(self) -> tuple[list[Consumer], list[Consumer]]:
        """Puts waiting tracks into free sections; (bound, without a common codec)."""
        bound, unsupported = [], []
        free = FreeSlots(self._slots.values()) if self._waiting else FreeSlots(())
        for consumer in self._in_turn():
            kind = consumer.producer.kind
            slot = free.first(kind)
            if slot is None:
                continue
            if self._bind(slot, slot.section, consumer):
                free.take(kind)
                del self._waiting[consumer]
                bound.append(consumer)
            else:
                consumer.close()
                unsupported.append(consumer)
        return bound, unsupported

    def _bind(self, slot: Slot, section: Section, consumer: Consumer) -> bool:
        mapping = self._map(section, slot.acceptance, consumer)
        if not mapping.payloads:
            return False
        if not mapping.repaired:
            consumer.sending = replace(consumer.sending, rtx_ssrc=0)
        slot.consumer, slot.sending, slot.fresh = consumer, True, False
        self._places[consumer] = slot
        consumer.bind(slot.section.mid)
        consumer.hold(self._held and slot.section.kind == "video")
        if self._role == "answers" and self.state == "connected":
            self._seam.loop.call_later(limits.ANSWER_SETTLES_S, self._begin, consumer, consumer.id, mapping)
        else:
            consumer.begin(self.id, mapping)
        return True

    def _begin(self, consumer: Consumer, number: int, mapping: CodecMap) -> None:
        """The client has surely taken in the answer that names the SSRC. `number`: that of the consumer when it was bound."""
        if self.state == "closed" or consumer.closed or consumer.mid is None or consumer.id != number:
            return
        try:
            consumer.begin(self.id, mapping)
        except OverflowError:
            self._seam.loop.call_later(limits.ENDINGS_S, self._begin, consumer, number, mapping)

    def _map(self, section: Section, acceptance: Acceptance | None, consumer: Consumer) -> CodecMap:
        assert section.capabilities is not None
        agreed = negotiation.agree(section.capabilities, acceptance)
        self._transport.add_extensions(agreed.extensions)
        return map_codecs(consumer.producer.codecs, agreed.codecs)

    def _take_answer(self, slot: Slot, section: Section) -> bool:
        """True: the consumer of the slot begins to send."""
        if slot.announced_idle:
            slot.draining = False
        consumer = slot.consumer
        if consumer is None or slot.sending or slot.announced_idle:
            return False
        if section.receives and self._bind(slot, section, consumer):
            return True
        consumer.close()
        return False

    def _release(self, slot: Slot) -> None:
        consumer, slot.consumer = slot.consumer, None
        assert consumer is not None
        self._places.pop(consumer, None)
        slot.sending = False
        slot.draining = True
        consumer.unbind()

    def _requeue(self, slot: Slot) -> None:
        """The peer took the section away: the track waits for another one."""
        consumer = slot.consumer
        assert consumer is not None
        self._release(slot)
        consumer.id = self._seam.numbers.new_number()
        repair = self._repair_ssrc(consumer.producer.kind)
        consumer.sending = replace(consumer.sending, ssrc=self._seam.numbers.new_ssrc(), rtx_ssrc=repair)
        self._waiting[consumer] = None

    def _repair_ssrc(self, kind: Kind) -> int:
        """Audio is resent on its own SSRC: a browser refuses an FID group there."""
        return self._seam.numbers.new_ssrc() if kind == "video" else 0

    def _has_place(self) -> bool:
        """Another negotiation would bring a waiting track into a section."""
        if not self._waiting:
            return False
        free, room = FreeSlots(self._slots.values()), Room(self._slots.values())
        kinds = {consumer.producer.kind for consumer in self._waiting}
        return any(free.first(kind) or room.of(kind) for kind in kinds)

    def _in_turn(self) -> list[Consumer]:
        """Waiting tracks: voices first, then as they came."""
        return sorted(self._waiting, key=lambda consumer: consumer.producer.kind == "video")

    def _add_slot(self, kind: Kind | Literal["application"]) -> Slot:
        slot = Slot(own_section(kind, str(self._next_mid)))
        self._next_mid += 1
        self._slots[slot.section.mid] = slot
        return slot

    # -- writing

    def _head(self, setup: str, allow_mixed: bool) -> Head:
        self._version += 1
        candidates = self._endpoint.candidates
        return Head(
            session_id=self._session_id,
            version=self._version,
            credentials=self._transport.credentials,
            fingerprint=self._endpoint.fingerprint,
            setup=setup,
            allow_mixed=allow_mixed,
            candidates=[one for one in candidates if one.protocol == self.only] or candidates,
        )

    def _plan(self, slot: Slot) -> Plan:
        sending = slot.consumer.sending if slot.consumer is not None else None
        return Plan(slot.section, self._direction(slot), slot.acceptance, sending)

    def _direction(self, slot: Slot) -> Direction:
        """A section in which nothing of ours has been yet is kept open, as its browser expects."""
        sends = slot.section.receives and (slot.consumer is not None or (slot.fresh and self._role == "answers"))
        receives = slot.producer is not None
        if sends:
            return "sendrecv" if receives else "sendonly"
        return "recvonly" if receives else "inactive"

    def _tracks(self) -> dict[str, str]:
        return {slot.section.mid: slot.consumer.track_id for slot in self._slots.values() if slot.consumer is not None}

    def _change(self) -> None:
        self._changed = True
        if not self._telling:
            self._telling = True
            self._seam.loop.call_soon(self._tell_change)

    def _tell_change(self) -> None:
        self._telling = False
        if self._changed and self.state != "closed":
            self._events.negotiation_needed(self.id)
