"""The media connection of one participant: one peer ("single"), or a publishing peer and a receiving peer ("dual").

Owns the turns of the negotiation and the state of the paths. Does not decide what is published or received. Never reads SDP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from conference.data.packets import LABELS, RELIABLE
from conference.ground import limits
from conference.ground.events import Offered, SectionsWanted
from conference.people.channels import PeerChannels
from conference.people.pace import Pace
from conference.ports.clients import PathWish
from conference.ports.media import Consumer, Peer, Producer, Router
from conference.ports.time import Clock

if TYPE_CHECKING:
    from media import Acceptance, Answer, OfferedTrack


class Owner(Protocol):
    """The receiver of the connection's events: its participant."""

    def media_connected(self) -> None: ...
    def media_failed(self, reason: str) -> None: ...
    def media_message(self, label: str, data: bytes) -> None: ...
    def media_changed(self) -> None:
        """Note that a change waits for a negotiation."""


class Connection:
    """The connection over one or two peers. Implements media's `PeerEvents` for both peers; `Peer.id` says which peer it is."""

    def __init__(self, router: Router, owner: Owner, clock: Clock, *, dual: bool) -> None:
        self.dual = dual
        self._owner = owner
        self._states: dict[int, str] = {}
        self._quiet_since: float | None = clock.monotonic()
        self._ever_connected = False
        self._failed_since: float | None = None
        self._clock = clock
        self._closed = False
        self._answered = False
        self._offer_id = 0
        self._outstanding = False
        self._asked: tuple[int, int] | None = None
        self._asked_at = 0.0
        self._negotiated_at = float("-inf")
        self.relay_wanted = False
        """The client must connect through a relay only (TURN)."""
        self.publisher: Peer = router.open_peer(self)
        self.receiver: Peer = self._open_receiver(router) if dual else self.publisher
        self.channels = PeerChannels(self.publisher, self.receiver)

    def _open_receiver(self, router: Router) -> Peer:
        try:
            receiver = router.open_peer(self)
        except Exception:
            self.publisher.close()
            raise
        receiver.open_channels(LABELS)
        return receiver

    # -- negotiation

    def answer(self, sdp: str, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer:
        """Answer the client's offer. Raises media's PeerError for malformed SDP."""
        before = self.publisher.missing_sections
        answer = self.publisher.answer(sdp, accept=accept)
        self._answered = True
        if not self.dual:
            self._asked = _still_asked(self._asked, before, self.publisher.missing_sections)
        return answer

    def negotiate(self, now: float) -> Offered | SectionsWanted | None:
        """Return the message that must be sent now to apply all waiting changes. None if nothing waits, or if it is the
        client's turn.
        """
        if not self.wants_negotiation(now):
            return None
        self._negotiated_at = now
        return self._offer() if self.dual else self._want_sections(now)

    def wants_negotiation(self, now: float) -> bool:
        """Report whether a change waits and it is the server's turn."""
        if self._closed:
            return False
        if self.dual:
            return not self._outstanding and (self._offer_id == 0 or self.receiver.needs_offer)
        missing = self.publisher.missing_sections
        if not self._answered or (missing == (0, 0) and not self.publisher.needs_offer):
            return False
        return self._asked is None or self._ask_again(missing, now)

    def rest_s(self, now: float, pace: Pace, conference: str) -> float:
        """Take a turn of `pace` and return the seconds that the next negotiation should wait.

        A negotiation of more than NEGOTIATION_TRACKS waits, so that it also includes later changes. The first negotiation of a
        connection, or after a resume, does not wait.
        """
        forwarded = self.receiver.forwarded
        first = self._negotiated_at == float("-inf")
        turn_s = pace.claim(conference, forwarded, now, first=first)
        if first:
            return 0.0
        apart_s = (forwarded - limits.NEGOTIATION_TRACKS) * limits.NEGOTIATION_TRACK_S
        return max(turn_s, self._negotiated_at + min(apart_s, limits.NEGOTIATION_S) - now)

    def accept_answer(self, sdp: str, offer_id: int) -> bool:
        """Apply the client's answer to our offer. Returns False if the answer belongs to an older offer. Raises media's
        PeerError.
        """
        if not self.dual or not self._outstanding or offer_id not in (0, self._offer_id):
            return False
        self._outstanding = False
        self.receiver.accept_answer(sdp)
        return True

    def restart(self) -> None:
        """Discard the running negotiation after a lost signalling connection. In dual mode the next offer has new ICE
        credentials.
        """
        self._outstanding = False
        self._asked = None
        self._negotiated_at = float("-inf")
        if self.dual:
            self.receiver.restart_ice()

    def prefer(self, path: PathWish) -> None:
        """Set the wanted media path. It applies from the next ICE restart."""
        self.relay_wanted = path == "relay"
        for peer in self.peers():
            peer.only = "tcp" if path == "tcp" else None

    def _offer(self) -> Offered:
        self._outstanding = True
        self._offer_id += 1
        offer = self.receiver.offer()
        return Offered(sdp=offer.sdp, offer_id=self._offer_id, tracks=offer.mid_to_track_id)

    def _want_sections(self, now: float) -> SectionsWanted:
        missing = self.publisher.missing_sections
        more = missing if self._asked is None or self._stale(now) else _beyond(missing, self._asked)
        self._asked = missing
        self._asked_at = now
        return SectionsWanted(*more)

    def is_overdue(self, now: float) -> bool:
        """Report whether the client must be asked again, because it has not offered the requested sections in time."""
        return self._asked is not None and self._stale(now)

    def _ask_again(self, missing: tuple[int, int], now: float) -> bool:
        assert self._asked is not None
        return missing[0] > self._asked[0] or missing[1] > self._asked[1] or self._stale(now)

    def _stale(self, now: float) -> bool:
        return now - self._asked_at >= limits.SECTIONS_REPEAT_S

    # -- forwarded tracks

    def consume(self, producer: Producer, *, stream_id: str, track_id: str) -> Consumer:
        return self.receiver.consume(producer, stream_id=stream_id, track_id=track_id)

    def stop(self, consumer: Consumer) -> None:
        if not self._closed:
            self.receiver.stop(consumer)

    def hold_pictures(self, held: bool) -> None:
        """Hold back pictures to a client that makes the offers, for some seconds at most."""
        if not self.dual:
            self.publisher.hold_pictures(held)

    # -- state

    @property
    def ever_connected(self) -> bool:
        return self._ever_connected

    def quiet_s(self, now: float) -> float | None:
        """Return how long no path has been alive. None if a path is alive."""
        return None if self._quiet_since is None else now - self._quiet_since

    def failed_s(self, now: float) -> float | None:
        return None if self._failed_since is None else now - self._failed_since

    def peers(self) -> tuple[Peer, ...]:
        return (self.publisher, self.receiver) if self.dual else (self.publisher,)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.channels.close()
        for peer in self.peers():
            peer.close()

    # -- PeerEvents

    def connected(self, peer: int) -> None:
        if self._closed or (self.dual and peer != self.receiver.id):
            return
        self._ever_connected = True
        self._owner.media_connected()

    def ice_changed(self, peer: int, state: str, path: str) -> None:
        if self._closed:
            return
        self._states[peer] = state
        alive = any(state in ("connected", "moved") for state in self._states.values())
        if alive:
            self._quiet_since = self._failed_since = None
        elif self._quiet_since is None:
            self._quiet_since = self._clock.monotonic()
        if state == "failed":
            self._failed_since = self._failed_since or self._clock.monotonic()
            self._owner.media_failed("ice")

    def failed(self, peer: int, reason: str) -> None:
        if not self._closed:
            self._states[peer] = "failed"
            self._owner.media_failed(reason)

    def channel_opened(self, peer: int, label: str) -> None:
        if not self._closed and peer == self.receiver.id and label == RELIABLE:
            self.channels.flush()

    def channel_drained(self, peer: int, label: str) -> None:
        if not self._closed and peer == self.receiver.id and label == RELIABLE:
            self.channels.flush()

    def message(self, peer: int, label: str, data: bytes) -> None:
        if not self._closed:
            self._owner.media_message(label, data)

    def negotiation_needed(self, peer: int) -> None:
        if not self._closed:
            self._owner.media_changed()


def _beyond(missing: tuple[int, int], asked: tuple[int, int]) -> tuple[int, int]:
    """Return the sections to request in addition to the sections that were just requested."""
    return max(0, missing[0] - asked[0]), max(0, missing[1] - asked[1])


def _still_asked(
    asked: tuple[int, int] | None, before: tuple[int, int], after: tuple[int, int]
) -> tuple[int, int] | None:
    """Return the sections that the client must still add, after an offer that changed the missing sections from `before` to
    `after`.

    An offer that crossed our request has none of the requested sections. The next offer has them.
    """
    if asked is None:
        return None
    left = max(0, asked[0] - before[0] + after[0]), max(0, asked[1] - before[1] + after[1])
    return None if left == (0, 0) or after == (0, 0) else left
