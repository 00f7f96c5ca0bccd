"""The roster of a meeting for terminals that subscribe to it (RFC 4575 over RFC 6665).

The module owns the subscriptions of each conference and the time of each NOTIFY. The first NOTIFY has the whole state. Later
ones have the changes, at most one every ROSTER_S (RFC 4575 §3.4 asks for that). The module decides which roster a terminal may
read. A terminal in a call reads the roster of its meeting, also after a move. Another terminal of the register reads the
meeting whose number it names, if it is invited and no lobby holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from conference import Conference, Hall, Participant, Source
from signaling.halls.ground import limits
from signaling.sip.agent.subscription import Subscription
from signaling.sip.wire import roster
from signaling.sip.wire.roster import Roster, Stream, User

TYPE: Final = roster.CONTENT_TYPE


class Room(Protocol):
    @property
    def conference(self) -> Conference: ...


class OnTheLine(Protocol):
    """The call of a hall (`signaling.halls.calls.leg.Leg`)."""

    @property
    def room(self) -> Room | None: ...


class Known(NamedTuple):
    """The name of a conference, and the title of its meeting."""

    name: str
    title: str


class Places(Protocol):
    """The questions that `roster_access` answers."""

    def call_for(self, subscription: Subscription) -> OnTheLine | None:
        """Return the call of the subscription's dialog, or else the call of the same terminal."""

    def conference_named(self, name: str) -> Conference | None: ...
    async def may_read(self, subscription: Subscription) -> Known | None:
        """Return the conference with the number that the subscription names. Return None if the terminal may not read it, or if
        it does not exist.
        """

    async def title_of(self, conference: str) -> str: ...


@dataclass(eq=False)
class Listener:
    """A subscribed terminal. `call` None: the terminal is not in a call. `told`: the name of the conference in the last
    document.
    """

    subscription: Subscription
    call: OnTheLine | None
    name: str = ""
    told: str = ""
    version: int = -1
    behind: bool = True
    """True if the next document must have the whole state."""


class Rosters:
    """The rosters of all conferences of this process. Implements `signaling.sip.agent.subscription.SubscriptionEvents`."""

    def __init__(self, places: Places, realm: str, start: Callable[[Coroutine[Any, Any, Any]], None]) -> None:
        self._places = places
        self._realm = realm
        self._start = start
        self._listeners: dict[Subscription, Listener] = {}
        self._titles: dict[str, str] = {}
        self._shown: dict[str, Roster] = {}
        """The states from which partial documents begin, by conference."""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, subscription: Subscription) -> Rosters | None:
        """Take a subscription. Return None if this terminal may not subscribe to the resource."""
        call = self._places.call_for(subscription)
        if call is None and not subscription.resource.isdigit():
            return None
        self._listeners[subscription] = Listener(subscription, call)
        return self

    def moved(self, call: OnTheLine) -> None:
        """Send the roster of the new room after the move of a call."""
        for one in self._of(call):
            self._start(self._open(one))

    def left(self, call: OnTheLine) -> None:
        """End the subscriptions of a call that has ended. A terminal outside the meeting gets no roster."""
        for one in self._of(call):
            one.subscription.end("noresource")

    def _of(self, call: OnTheLine) -> list[Listener]:
        return [one for one in self._listeners.values() if one.call is call]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # -- events from subscriptions

    def refreshed(self, subscription: Subscription) -> None:
        self._start(self._open(self._listeners[subscription]))

    def unsubscribed(self, subscription: Subscription) -> None:
        self._listeners.pop(subscription, None)
        kept = {one.told for one in self._listeners.values()}
        self._shown = {name: shown for name, shown in self._shown.items() if name in kept}
        self._titles = {name: title for name, title in self._titles.items() if name in kept}

    async def _open(self, one: Listener) -> None:
        """Send the whole state. The right of a terminal outside a call is checked again each time, because an invitation may have
        been taken back.
        """
        one.behind = True
        if one.call is None:
            known = await self._places.may_read(one.subscription)
            if known is None:
                one.subscription.end("rejected")
                return
            one.name = known.name
            self._titles[known.name] = known.title
        else:
            name = self._name(one)
            if name and name not in self._titles:
                self._titles[name] = await self._places.title_of(name)
        if one.subscription in self._listeners:
            self._tell(one, self._roster(self._name(one)), None)
            self._wind()

    def _name(self, one: Listener) -> str:
        if one.call is None:
            return one.name
        return one.call.room.conference.name if one.call.room is not None else ""

    # -- sending

    def _wind(self) -> None:
        if self._timer is None and self._listeners:
            self._timer = asyncio.get_running_loop().call_later(limits.ROSTER_S, self._turn)

    def _turn(self) -> None:
        """Compare each conference with its last state once, for any number of subscribers."""
        self._timer = None
        by_name: dict[str, list[Listener]] = {}
        for one in self._listeners.values():
            by_name.setdefault(self._name(one), []).append(one)
        for name, listeners in by_name.items():
            now, before = self._roster(name), self._shown.get(name)
            change = roster.change(before, now) if before is not None else None
            for one in listeners:
                if before is None or one.behind or one.told != name:
                    one.behind = True
                    self._tell(one, now, None)
                elif change is not None:
                    self._tell(one, now, change)
            self._shown[name] = now
        self._wind()

    def _tell(self, one: Listener, now: Roster, change: roster.Change | None) -> None:
        name, entity = self._name(one), f"sip:{one.subscription.resource}@{self._realm}"
        version = one.version + 1
        body = roster.full(replace(now, entity=entity), version) if change is None else change.body(entity, version)
        one.behind = not one.subscription.notify(TYPE, body)
        if not one.behind:
            one.version, one.told = version, name
            # If a state is already kept, it stays: other subscribers have documents from that state. The newcomer may get a
            # change twice, which does no harm.
            self._shown.setdefault(name, now)

    def _roster(self, name: str) -> Roster:
        """Return the roster of a conference. The menu and the test rooms have an empty one, because halls there do not meet."""
        conference = self._places.conference_named(name)
        title = self._titles.get(name, "")
        if conference is None:
            return Roster("", title, active=False)
        return Roster("", title, tuple(users(conference, self._realm)))


def users(conference: Conference, realm: str) -> Iterable[User]:
    """Return the users of a roster: halls in their order, then halls that are being called, then people. The URI of a user is
    valid in this conference alone.
    """
    here = [one for one in conference.participants.values() if not one.grants.hidden and not one.left]
    halls = sorted((one for one in here if isinstance(one, Hall)), key=lambda hall: hall.position)
    called = sorted(conference.halls.expected, key=lambda hall: hall.position)
    for hall in halls:
        held = hall.plan is not None and hall.plan.held
        yield _user(hall, realm, _hall_streams(hall), "on-hold" if held else "connected")
    for hall in called:
        yield _user(hall, realm, (), "dialing-out")
    for one in here:
        if not isinstance(one, Hall):
            yield _user(one, realm, _streams(one))


def _user(one: Participant, realm: str, streams: tuple[Stream, ...], presence: roster.Presence = "connected") -> User:
    return User(f"sip:{one.sid}@{realm}", one.grants.name, presence, streams)


def _hall_streams(hall: Hall) -> tuple[Stream, ...]:
    plan = hall.plan
    if plan is None:
        return ()
    audio = Stream("1", "audio", _way(plan.audio.stream.we_receive and not hall.muted)) if plan.audio else None
    video = Stream("2", "video", _way(plan.video.stream.we_receive)) if plan.video else None
    slides = Stream("3", "video", "sendonly", "slides") if hall.content_allowed else None
    return tuple(one for one in (audio, video, slides) if one is not None)


def _streams(one: Participant) -> tuple[Stream, ...]:
    """Return the streams of a browser. A browser receives the media of all participants, so a stream that it does not send is
    `recvonly`.
    """
    sends: Mapping[Source, bool] = {track.source: not track.muted for track in one.tracks.values()}
    slides = (Stream("3", "video", "sendonly", "slides"),) if sends.get(Source.SCREEN_SHARE) else ()
    audio = Stream("1", "audio", _way(sends.get(Source.MICROPHONE, False)))
    return (audio, Stream("2", "video", _way(sends.get(Source.CAMERA, False))), *slides)


def _way(sends: bool) -> roster.Way:
    return "sendrecv" if sends else "recvonly"
