"""The roster: which participants must be notified that a participant joined, changed or left, and when.

Updates are sent at the end of the turn of the event loop. In large conferences several updates are sent together. Otherwise n
people who join one by one would cause n times n messages. A participant that will get a track, or another event that names a
person, gets that person's update first. Clients drop events about people they do not know.
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
    """A participant whose current state the others do not know yet."""

    participant: Listener
    is_new: bool = False
    """No other participant knows of this one yet."""
    introduced: set[str] = field(default_factory=set)
    """The sids of participants that know the current state already."""


class Roster:
    """The roster of one conference: the updates that the others have not received yet. Implements `ports.audience.Audience`."""

    def __init__(self, participants: Mapping[str, Listener], clock: Clock, turns: Turns) -> None:
        """`participants` holds all present participants, by identity."""
        self._participants = participants
        self._clock = clock
        self._turns = turns
        self._news: dict[str, News] = {}
        """The participants that changed, by sid."""
        self._gone: list[ParticipantView] = []
        self._held: dict[tuple[str, str], tuple[Listener, Event]] = {}
        """The events that wait for an update, by receiver and subject."""
        self._event: RosterChanged | None = None
        self._told_at = float("-inf")
        self._timer: Cancellable | None = None

    def __len__(self) -> int:
        return len(self._participants)

    def broadcast(self, event: Event, names: Iterable[str] = ()) -> None:
        """Send an event to all participants. `names` are the sids of the participants that the event names."""
        self.know(names)
        for participant in list(self._participants.values()):
            participant.deliver(event)

    def views(self, skip: Listener | None = None) -> list[ParticipantView]:
        """Return the views of all visible participants."""
        return [one.view() for one in self._participants.values() if one is not skip and not one.grants.hidden]

    def changed(self, participant: Listener) -> None:
        news = self._news.get(participant.sid)
        if news is None:
            self._news[participant.sid] = News(participant)
        else:
            news.introduced.clear()
        self._event = None

    def came(self, participant: Listener) -> None:
        """Note a new participant that the others do not know."""
        self.changed(participant)
        if not participant.grants.hidden:
            self._news[participant.sid].is_new = True

    def gone(self, view: ParticipantView) -> None:
        """Note a departure. The view is the participant's last one."""
        self._gone.append(view)
        self._event = None

    def forget(self, participant: Listener) -> None:
        """Drop the waiting update of a participant that left."""
        if self._news.pop(participant.sid, None) is not None:
            self._event = None

    def make_way(self, identity: str) -> None:
        """Send waiting departures before a participant joins or resumes with this identity. Clients identify others by it, so
        the old participant must be gone for them.
        """
        if self._period_s() == 0 or any(view.identity == identity for view in self._gone):
            self.tell()

    def know(self, sids: Iterable[str]) -> None:
        """Send the roster first if these participants are new, because all clients will get an event about them. Those events
        are rate limited, so this update is too.
        """
        if any(sid in self._news and self._news[sid].is_new for sid in sids):
            self.tell()

    def introduce(self, participant: Listener, receivers: Iterable[Listener]) -> None:
        """Send the update of one participant first to receivers that will get an event about it. Each receiver gets it once."""
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
        """Deliver an event that is only useful to receivers that know the participant's current state. A later event about the
        same subject replaces it.
        """
        if participant.sid in self._news:
            self._held[receiver.sid, about] = (receiver, event)
        else:
            self._held.pop((receiver.sid, about), None)
            receiver.deliver(event)

    def tell_in_time(self) -> None:
        """Send the waiting updates to all: now, or when the pause since the last update has passed."""
        if not self._news and not self._gone:
            return
        wait = self._told_at + self._period_s() - self._clock.monotonic()
        if wait <= 0:
            self.tell()
        elif self._timer is None:
            self._timer = self._turns.call_later(wait, self.tell)

    def tell(self) -> None:
        """Send the waiting updates to all, now."""
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
        """Send the waiting updates to this participant, because it will get tracks or waits for an answer. Small conferences
        send them to all.
        """
        if self._period_s() == 0:
            self.tell()
            return
        event = self._pending()
        if event is not None:
            participant.deliver(event)
        if participant.sid in self._news and participant.grants.hidden:
            participant.deliver(RosterChanged((participant.view(),)))

    def _pending(self) -> RosterChanged | None:
        """Return one event object for all receivers, so that it is encoded once."""
        if self._event is None:
            changed = (one.participant.view() for one in self._news.values() if not one.participant.grants.hidden)
            views = (*self._gone, *changed)
            self._event = RosterChanged(views) if views else None
        return self._event

    def _period_s(self) -> float:
        present = len(self._participants)
        return 0.0 if present <= limits.TOLD_PERSONS else min(present * limits.TOLD_PERSON_S, limits.TOLD_S)
