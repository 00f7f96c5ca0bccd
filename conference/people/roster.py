"""Who must be told that a participant came, changed or went, and when.

Everybody hears at the end of the turn of the event loop. In conferences of very many what happens within a moment is told
together: n people who come one by one would else be told n times n times. Whoever is about to get a track, or anything
else that names somebody, hears of that one first: clients drop what they are told of people they do not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.events import Event, ParticipantView, RosterChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from conference.ports.audience import Listener
    from conference.ports.time import Cancellable, Clock, Turns


@dataclass(slots=True)
class News:
    """A participant that is otherwise than the others know."""

    participant: Listener
    is_new: bool = False
    """No other participant has been told of it."""
    introduced: set[str] = field(default_factory=set)
    """The sids of those who know already how it is now."""


class Roster:
    """Of one conference: what the others do not know yet. Implements `ports.audience.Audience`."""

    def __init__(self, participants: Mapping[str, Listener], clock: Clock, turns: Turns) -> None:
        """`participants`: all who are in, by identity."""
        self._participants = participants
        self._clock = clock
        self._turns = turns
        self._news: dict[str, News] = {}
        """Of those who have changed, by sid."""
        self._gone: list[ParticipantView] = []
        self._held: dict[tuple[str, str], tuple[Listener, Event]] = {}
        """By receiver and what it is about."""
        self._event: RosterChanged | None = None
        self._told_at = float("-inf")
        self._timer: Cancellable | None = None

    def __len__(self) -> int:
        return len(self._participants)

    def broadcast(self, event: Event, names: Iterable[str] = ()) -> None:
        """`names`: the sids of those it speaks of."""
        self.know(names)
        for participant in list(self._participants.values()):
            participant.deliver(event)

    def views(self, skip: Listener | None = None) -> list[ParticipantView]:
        """Of all that others may see."""
        return [one.view() for one in self._participants.values() if one is not skip and not one.grants.hidden]

    def changed(self, participant: Listener) -> None:
        news = self._news.get(participant.sid)
        if news is None:
            self._news[participant.sid] = News(participant)
        else:
            news.introduced.clear()
        self._event = None

    def came(self, participant: Listener) -> None:
        """The others do not know it."""
        self.changed(participant)
        if not participant.grants.hidden:
            self._news[participant.sid].is_new = True

    def gone(self, view: ParticipantView) -> None:
        """How it was when it left."""
        self._gone.append(view)
        self._event = None

    def forget(self, participant: Listener) -> None:
        """What has changed of it before it left is of no interest."""
        if self._news.pop(participant.sid, None) is not None:
            self._event = None

    def make_way(self, identity: str) -> None:
        """Somebody comes in or back under this name. Clients know others by it: whoever had it must be gone for them."""
        if self._period_s() == 0 or any(view.identity == identity for view in self._gone):
            self.tell()

    def know(self, sids: Iterable[str]) -> None:
        """Everybody is about to hear of these. Asked with what is itself told to all, and so at most as often."""
        if any(sid in self._news and self._news[sid].is_new for sid in sids):
            self.tell()

    def introduce(self, participant: Listener, receivers: Iterable[Listener]) -> None:
        """These few are about to hear of it: they are told once what is new of this one alone."""
        news = self._news.get(participant.sid)
        if news is None or participant.grants.hidden:
            return
        strangers = [receiver for receiver in receivers if receiver.sid not in news.introduced]
        if strangers:
            news.introduced.update(receiver.sid for receiver in strangers)
            event = RosterChanged((participant.view(),))
            for receiver in strangers:
                receiver.deliver(event)

    def deliver_after(self, participant: Listener, receiver: Listener, about: str, event: Event) -> None:
        """Makes sense only to whoever knows how this participant is now; a later one of the same is told instead."""
        if participant.sid in self._news:
            self._held[receiver.sid, about] = (receiver, event)
        else:
            self._held.pop((receiver.sid, about), None)
            receiver.deliver(event)

    def tell_in_time(self) -> None:
        """To everybody: now, or as soon as enough time has passed since the last time."""
        if not self._news and not self._gone:
            return
        wait = self._told_at + self._period_s() - self._clock.monotonic()
        if wait <= 0:
            self.tell()
        elif self._timer is None:
            self._timer = self._turns.call_later(wait, self.tell)

    def tell(self) -> None:
        """To everybody, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        event = self._pending()
        hidden = [news.participant for news in self._news.values() if news.participant.grants.hidden]
        held = list(self._held.values())
        self._news, self._gone, self._event = {}, [], None
        self._held.clear()
        if event is not None:
            self._told_at = self._clock.monotonic()
            self.broadcast(event)
        for participant in hidden:
            participant.deliver(RosterChanged((participant.view(),)))
        for receiver, later in held:
            if not receiver.left:
                receiver.deliver(later)

    def tell_first(self, participant: Listener) -> None:
        """To this one, who is about to hear of tracks or waits for an answer; in small conferences to everybody."""
        if self._period_s() == 0:
            self.tell()
            return
        event = self._pending()
        if event is not None:
            participant.deliver(event)
        if participant.sid in self._news and participant.grants.hidden:
            participant.deliver(RosterChanged((participant.view(),)))

    def _pending(self) -> RosterChanged | None:
        """One object for all who are told it, so that it is encoded once."""
        if self._event is None:
            changed = (one.participant.view() for one in self._news.values() if not one.participant.grants.hidden)
            views = (*self._gone, *changed)
            self._event = RosterChanged(views) if views else None
        return self._event

    def _period_s(self) -> float:
        present = len(self._participants)
        return 0.0 if present <= limits.TOLD_PERSONS else min(present * limits.TOLD_PERSON_S, limits.TOLD_S)
