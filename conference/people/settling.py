"""The end of a turn of the event loop: first the roster update is sent, then each waiting connection negotiates.

So no client gets a track of a participant that it does not know. Owns the list of due and of delayed negotiations.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from conference.ground.events import Offered, SectionsWanted
from conference.ground.outbox import Outbox, change
from conference.people.pace import Pace
from conference.people.roster import Roster
from conference.ports.audience import Listener
from conference.ports.time import Cancellable, Clock, Turns
from media import PeerError

log = logging.getLogger(__name__)


class Negotiation(Protocol):
    """The negotiation of one participant."""

    def wants_negotiation(self, now: float) -> bool: ...
    def rest_s(self, now: float, pace: Pace, conference: str) -> float: ...
    def negotiate(self, now: float) -> Offered | SectionsWanted | None: ...


class Failing(Protocol):
    @property
    def sid(self) -> str: ...
    def media_failed(self, reason: str) -> None: ...


class Party(Listener, Failing, Protocol):
    @property
    def client(self) -> object: ...
    @property
    def negotiated(self) -> Negotiation | None: ...


P = TypeVar("P", bound=Failing)


class Settling:
    """The end of turns in one conference. `conference` is its sid."""

    def __init__(self, conference: str, outbox: Outbox, roster: Roster, pace: Pace, clock: Clock, turns: Turns) -> None:
        self._conference = conference
        self.outbox = outbox
        self._roster = roster
        self._pace = pace
        self._clock = clock
        self._turns = turns
        self._due: dict[str, Party] = {}
        self._resting: dict[str, Cancellable] = {}
        """The participants whose next negotiation is delayed, by sid."""
        self._scheduled = False
        self.closed = False

    def soon(self) -> None:
        """Schedule the work for the end of this turn."""
        if not self._scheduled and not self.closed:
            self._scheduled = True
            self._turns.call_soon(self._settle)

    def add(self, participant: Party) -> None:
        """Negotiate with this participant at the end of the turn, if a change waits."""
        if not participant.left:
            self._due[participant.sid] = participant
            self.soon()

    def forget(self, participant: Party) -> None:
        self._due.pop(participant.sid, None)
        self.stop_resting(participant)

    def stop_resting(self, participant: Party) -> None:
        if resting := self._resting.pop(participant.sid, None):
            resting.cancel()

    def negotiate(self, participant: Party) -> None:
        """Negotiate now, or later together with further changes."""
        now, negotiated = self._clock.monotonic(), participant.negotiated
        if negotiated is None or participant.sid in self._resting or not negotiated.wants_negotiation(now):
            return
        rest_s = negotiated.rest_s(now, self._pace, self._conference)
        if rest_s > 0:
            self._resting[participant.sid] = self._turns.call_later(rest_s, self._rested, participant)
        else:
            self._negotiate_now(participant)

    def _negotiate_now(self, participant: Party) -> None:
        negotiated = participant.negotiated
        event = negotiated.negotiate(self._clock.monotonic()) if negotiated is not None else None
        if event is not None:
            participant.deliver(event)

    @change
    def _rested(self, participant: Party) -> None:
        del self._resting[participant.sid]
        if participant.client is not None:
            alone(participant, self._negotiate_now)

    @change
    def _settle(self) -> None:
        self._scheduled = False
        self._roster.tell_in_time()
        waiting, self._due = self._due, {}
        for participant in waiting.values():
            # Without a client there is no answer; a resume negotiates again.
            if participant.client is not None and not participant.left:
                alone(participant, self.negotiate)


def alone(party: P, action: Callable[[P], object]) -> None:
    """Run an action for one participant. An error ends only this participant's connection. The others get their turn."""
    try:
        action(party)
    except (PeerError, OverflowError) as error:
        log.info("participant %s: %s", party.sid, error)
        party.media_failed("negotiation")
