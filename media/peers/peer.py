"""One WebRTC peer connection: remembers its sections, and whose turn it is to describe them.

A peer is the one that answers (the client offers; `answer`) or the one that offers (`offer`, `accept_answer`), for
life. Reading SDP is `description.py`, deciding and writing is `negotiation.py`, the path is `transport.py`. The producers of the
peer's tracks are `publishing.py`, the tracks towards the peer are `forwarding.py`.
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
        self._described = Memory()
        self._session_id = seam.numbers.random.getrandbits(62)
        self._version = 0
        self._next_mid = 0
        self._changed = False
        self._telling = False
        self.shard = shard
        """The packet thread that it lives on."""
        self.only: Literal["udp", "tcp"] | None = None
        """Of our candidates in the next descriptions, where there are any; None: all."""
        self._transport = Transport(seam, router, shard, endpoint.certificate, events)
        self.id = self._transport.id
        """The key of `Statistics.peers`."""
        self._publishing = Publishing(seam, self._transport)
        self._forwarding = Forwarding(seam, self._transport, self._slots, self._change)

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
        """A new description of all sections. Supersedes one that was not answered; the caller has one under way."""
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
            elif self._forwarding.take_answer(slot, section):
                started += [slot.consumer] if slot.consumer else []
        if self._forwarding.has_place():
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
        return self._forwarding.consume(producer, stream_id, track_id)

    def stop(self, consumer: Consumer) -> None:
        """Idempotent. Its section becomes free when the peer has been told."""
        self._forwarding.stop(consumer)

    @property
    def missing_sections(self) -> tuple[int, int]:
        """Audio and video sections wanted beyond the free ones, when the client is the one that offers; no more than a
        description may have: tracks beyond that wait until others end.
        """
        return self._forwarding.missing_sections

    @property
    def forwarded(self) -> int:
        """Tracks towards the peer, waiting ones included."""
        return self._forwarding.count

    @property
    def needs_offer(self) -> bool:
        """Something has changed since the last answer or offer."""
        return self._changed

    def hold_pictures(self, held: bool) -> None:
        """Held ones are not sent until they are let go, for `limits.HELD_S` at most; what is on its way arrives."""
        self._forwarding.hold_pictures(held)

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
        self._forwarding.close()
        self._transport.close()
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
        before = dict(self._slots)
        self._slots.clear()
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

    # -- sections of ours

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
        """Something waits for the next negotiation."""
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
