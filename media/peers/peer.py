"""A WebRTC peer connection. It stores the sections, and which side makes the next offer.

A peer either answers (the client offers; `answer`) or offers (`offer`, `accept_answer`), and this never changes.
`description.py` reads SDP, `negotiation.py` decides and writes, and `transport.py` is the path. `publishing.py` has the
producers of the peer's tracks, and `forwarding.py` the tracks towards the peer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from media.ground.errors import PeerError
from media.ground.parameters import (
    Acceptance,
    Candidate,
    Description,
    Direction,
    Kind,
    OfferedTrack,
    Section,
)
from media.ground.seam import Seam
from media.peers import negotiation
from media.peers.description import Memory, parse
from media.peers.forwarding import Forwarding
from media.peers.handshake import Certificate
from media.peers.handshake import Role as DtlsRole
from media.peers.negotiation import Head, Plan
from media.peers.publishing import Publishing, end_publishing
from media.peers.results import Answer, Offer
from media.peers.sections import (
    Slot,
    own_section,
)
from media.peers.transport import Transport, TransportEvents, TransportState
from media.tracks.consumer import Consumer
from media.tracks.producer import Producer


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """The node's values that are in all our descriptions."""

    certificate: Certificate
    fingerprint: str
    """The SHA-256 of the certificate, as SDP writes it."""
    candidates: tuple[Candidate, ...]


class PeerEvents(TransportEvents, Protocol):
    """The events of a peer for its owner. `peer` is `Peer.id`. No event comes after `Peer.close`."""

    def negotiation_needed(self, peer: int) -> None:
        """Report that a change waits for the next answer or offer. The event comes at most once in a turn of the event loop."""


class Peer:
    """A WebRTC peer connection, made by `Router.open_peer`."""

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
        self._described = Memory()
        self._session_id = seam.numbers.random.getrandbits(62)
        self._version = 0
        self._next_mid = 0
        self._changed = False
        self._telling = False
        self.shard = shard
        """The packet thread of this peer."""
        self.only: Literal["udp", "tcp"] | None = None
        """The only protocol of our candidates in the next descriptions, if there are such candidates. None: all candidates."""
        self._transport = Transport(seam, router, shard, endpoint.certificate, events)
        self.id = self._transport.id
        """The key of `Statistics.peers`."""
        self._publishing = Publishing(seam, self._transport)
        self._forwarding = Forwarding(seam, self._transport, self._slots, self._change)

    # -- the client offers

    def answer(self, offer_sdp: str, *, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer:
        """Answer an offer. `accept` is called for every track that is not yet published. None refuses the track until it is
        offered again.

        Raises `PeerError` for an offer that no WebRTC client makes. The caller must then close the peer.
        """
        assert self._role in ("", "answers")
        self._role = "answers"
        description = parse(offer_sdp, self._described)
        self._check_kinds(description)
        self._meet(description)
        ended = self._take_sections(description)
        published = [one for slot in self._slots.values() if (one := self._publishing.take(slot, accept, ended))]
        bound, unsupported = self._forwarding.bind_waiting()
        plans = [self._plan(slot) for slot in self._slots.values()]
        setup = "active" if self._transport.role == "client" else "passive"
        sdp = negotiation.write(self._head(setup, description.allow_mixed), plans)
        for slot in self._slots.values():
            slot.draining = False
        self._changed = self._forwarding.has_place()
        return Answer(sdp, self._tracks(), published, ended, bound, unsupported)

    # -- we offer

    def offer(self) -> Offer:
        """Make a new offer with all sections. It replaces an offer without an answer. The caller has at most one offer open."""
        assert self._role in ("", "offers")
        self._role = "offers"
        if not self._slots:
            self._add_slot("application")
        self._forwarding.place_waiting(self._add_slot)
        self._changed = False
        plans = []
        for slot in self._slots.values():
            slot.announced_idle = slot.consumer is None
            plans.append(self._plan(slot))
        return Offer(negotiation.write(self._head("actpass", True), plans), self._tracks())

    def accept_answer(self, sdp: str) -> list[Consumer]:
        """Apply an answer. Return the consumers that begin to send. A consumer is closed if the peer rejects its section or
        knows none of its codecs.

        Raises `PeerError` for an answer that does not fit the last offer. The caller must then close the peer.
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
            elif self._forwarding.take_answer(slot, section):
                started += [slot.consumer] if slot.consumer else []
        if self._forwarding.has_place():
            self._change()
        return started

    def restart_ice(self) -> None:
        """Use new ICE credentials in the next offer. Only the side that offers can restart ICE."""
        assert self._role in ("", "offers")
        self._transport.restart_ice()
        self._change()

    # -- tracks towards the peer

    def consume(self, producer: Producer, *, stream_id: str, track_id: str) -> Consumer:
        """Add a track, which waits for the next negotiation. Raises `PeerError` above `limits.CONSUMERS`."""
        assert self.state != "closed"
        return self._forwarding.consume(producer, stream_id, track_id)

    def stop(self, consumer: Consumer) -> None:
        """End a track. Idempotent. Its section becomes free when the peer knows of the end."""
        self._forwarding.stop(consumer)

    @property
    def missing_sections(self) -> tuple[int, int]:
        """The audio and video sections that are needed besides the free sections, if the client is the side that offers.

        The numbers stop at the limit of a description. Further tracks wait until others end.
        """
        return self._forwarding.missing_sections

    @property
    def forwarded(self) -> int:
        """The number of tracks towards the peer, including tracks that wait."""
        return self._forwarding.count

    @property
    def needs_offer(self) -> bool:
        """True if something has changed since the last answer or offer."""
        return self._changed

    def hold_pictures(self, held: bool) -> None:
        """Hold back video until it is released, for `limits.HELD_S` at most. Packets that were sent already arrive."""
        self._forwarding.hold_pictures(held)

    # -- data

    def open_channels(self, labels: Sequence[str]) -> None:
        """Open channels from our side as soon as SCTP is complete."""
        self._transport.open_channels(labels)

    def send(self, label: str, data: bytes) -> bool:
        """Send data. Return False, and drop the data, if the channel is not open or its buffer is full."""
        return self._transport.send(label, data)

    def hold(self, size_bytes: int) -> None:
        """Reduce the peer's receive window (`limits.WINDOW_BYTES`) by the received bytes that are not processed yet."""
        self._transport.hold(size_bytes)

    # -- state

    @property
    def state(self) -> TransportState:
        return self._transport.state

    @property
    def path(self) -> str:
        """The path, `udp 192.0.2.1:4242` or `tcp [2001:db8::1]:99`. Empty until ICE has a path."""
        return self._transport.path

    def close(self) -> None:
        if self.state == "closed":
            return
        for slot in self._slots.values():
            if slot.producer is not None:
                slot.producer.close()
        self._forwarding.close()
        self._transport.close()
        self._forget(self)

    # -- the contents of a description

    def _meet(self, description: Description) -> None:
        """Take the peer's identity from a description. A new ufrag in an offer restarts ICE (RFC 8839 §4.4.1.1.1).

        The password lets the plane check whether the peer is at its address. Without this check, the address soon gets no more
        media.
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
        """Return our role for the peer's `a=setup` (RFC 8842 §5.2, §5.3). If an offer leaves the choice to us, we keep our role
        or become the server. Our own offers leave the choice to the peer.
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
                raise PeerError("a section has changed its kind")

    def _take_sections(self, description: Description) -> list[Producer]:
        """Replace the known sections by the sections of the offer. Return the producers that ended."""
        before = dict(self._slots)
        self._slots.clear()
        for place, section in enumerate(description.sections):
            # The mid of a rejected section can occur twice.
            key = section.mid if section.usable else f"{section.mid} {place}"
            slot = before.pop(section.mid, None) if section.usable else None
            if slot is None:
                slot = Slot(section)
            slot.section = section
            self._slots[key] = slot
            if section.kind == "application" and section.usable:
                self._associate(section)
            if slot.consumer is not None and not section.receives:
                self._forwarding.requeue(slot)
        ended = []
        for slot in before.values():
            ended += end_publishing(slot)
            if slot.consumer is not None:
                self._forwarding.requeue(slot)
        return ended

    def _associate(self, section: Section) -> None:
        if section.usable:
            self._transport.start_association(section.sctp_port, section.max_message_bytes)

    # -- our own sections

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
        """Return the direction of a section. A section that had no track of ours yet stays open, because browsers expect this."""
        sends = slot.section.receives and (slot.consumer is not None or (slot.fresh and self._role == "answers"))
        receives = slot.producer is not None
        if sends:
            return "sendrecv" if receives else "sendonly"
        return "recvonly" if receives else "inactive"

    def _tracks(self) -> dict[str, str]:
        return {slot.section.mid: slot.consumer.track_id for slot in self._slots.values() if slot.consumer is not None}

    def _change(self) -> None:
        """Record that a change waits for the next negotiation."""
        if self.state == "closed":
            return
        self._changed = True
        if not self._telling:
            self._telling = True
            self._seam.loop.call_soon(self._tell_change)

    def _tell_change(self) -> None:
        self._telling = False
        if self._changed and self.state != "closed":
            self._events.negotiation_needed(self.id)
