"""The conferences of booked meetings: their names, admission to the call, and the events for the calendar.

A conference named `o-…` belongs to the date with that identifier. Only a token that this server made for the conference opens
it. The identity in the token names the way of joining (`browser.…`). Admission is checked again when the token is used. In the
meantime the class may have changed, or the date or the invitation may be cancelled. The module implements
`conference.ports.watchers.Watcher`, and the questions of `signaling.api` about running meetings.
"""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from conference import Conference, Grants, Lobbies, Lobby, Passage, Refusal, Registry, events
from conference.ports.watchers import Plan, PlannedItem
from rooms.policy import classes
from signaling.api.ground.desk import Present
from signaling.host import limits
from signaling.host.dates import GUEST, PREFIX, is_date
from signaling.meetings.people import BoardPeople
from signaling.meetings.reports import Reports, Told

log = logging.getLogger(__name__)
T = TypeVar("T")
K = TypeVar("K")
ROTATIONS = 8
"""During a call, a user's session gets a new secret with each new password or second factor. When the session ends, this many
changes are followed to find its calls. More: longer look-ups. Fewer: after more changes, the user stays in the meeting.
"""
REMEMBERED = 8192
"""Entries of each table about booked meetings: rules of entry by date, people who may not return, ended sessions, halls with a
right PIN. The oldest is forgotten first. More: memory. Fewer: a removed person or an ended session can enter again.
"""
CALLED_OFF = (
    "Cuộc họp này đã hủy hoặc đã hoãn. Hãy liên hệ thư ký cuộc họp.",
    "the meeting was cancelled or postponed: ask the secretary of the meeting",
)
OVER = ("Cuộc họp đã kết thúc.", "the meeting is over")
KEY_REVOKED = ("Khóa kết nối của hệ thống này đã bị thu hồi.", "the key of this system was revoked")
SIGNED_OUT = (
    "Tài khoản đã đăng xuất hoặc bị khóa. Hãy đăng nhập lại.",
    "the account was signed out or disabled: sign in again",
)
NO_HOST = ("Tài khoản này không còn quyền chủ trì cuộc họp.", "you are no longer a host of this meeting")
NOT_INVITED = (
    "Lời mời này đã được thu hồi. Hãy liên hệ thư ký cuộc họp.",
    "this invitation was withdrawn: ask the secretary of the meeting",
)


def _planned(agenda: Iterable[Mapping[str, Any]]) -> tuple[PlannedItem, ...]:
    """Return the agenda of a booking as the conference reads it."""
    return tuple(PlannedItem(one["title"], one.get("presenter", ""), one.get("minutes", 0) * 60.0) for one in agenda)


@dataclass(frozen=True)
class Door:
    """The admission rules of a date, in this version of its meeting."""

    class_: str
    version: int
    open: bool
    plan: Plan


class BookedMeetings:
    """The booked meetings of one process."""

    def __init__(self, now: Callable[[], float], lobbies: Lobbies) -> None:
        self.lobbies = lobbies
        self.registry: Registry | None = None
        self.people = BoardPeople(lambda: self.registry)
        self.on_opened: Told | None = None
        self.on_closed: Told | None = None
        self.elsewhere: Callable[[str], None] = lambda _: None
        """Check admission to conferences that are no booked dates. Raises Refusal."""
        self.places: Callable[[Grants], None] = lambda _: None
        """Check whether a place is free. Raises Refusal `conference_full`."""
        self._now = now
        self._doors: OrderedDict[str, Door] = OrderedDict()
        self._barred: OrderedDict[str, float] = OrderedDict()
        self._closed: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        """Dates that a host has ended."""
        self._accounts: OrderedDict[str, tuple[float, str]] = OrderedDict()
        """(time, session) by account. Passes and keys that the account got up to this time are void, except those of that
        session.
        """
        self._sessions: OrderedDict[str, None] = OrderedDict()
        """Sessions that ended. Passes and keys that were given in them are void."""
        self._successors: OrderedDict[str, str] = OrderedDict()
        """The new name of a session, by its old name."""
        self.reports = Reports(now, "the beginning or end of a meeting", limits.UNTOLD_EVENTS)

    @staticmethod
    def owns(conference: str) -> bool:
        return is_date(conference)

    # Questions of the API

    def name_of(
        self,
        occurrence_id: str,
        class_: str,
        version: int,
        lobby: bool,
        entry_muted: bool = False,
        agenda: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        self.lobbies.get(PREFIX + occurrence_id, self._now())
        self.set_door(occurrence_id, class_, version, lobby=lobby, entry_muted=entry_muted, agenda=agenda)
        return PREFIX + occurrence_id

    def set_door(
        self,
        occurrence_id: str,
        class_: str,
        version: int,
        open_: bool = True,
        lobby: bool | None = None,
        entry_muted: bool | None = None,
        agenda: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        known = self._doors.pop(occurrence_id, None)
        plan = known.plan if known is not None else Plan()
        muted = plan.entry_muted if entry_muted is None else entry_muted
        planned = plan.agenda if agenda is None else _planned(agenda)
        door = Door(class_, version, open_, Plan(muted, planned))
        # A caller that read an older version of the meeting must not open its door.
        late = known is not None and version < known.version
        _keep(self._doors, occurrence_id, known if known is not None and late else door)
        waiting = self.lobbies.find(PREFIX + occurrence_id)
        if waiting is not None and not late:
            self._tell_waiting(waiting, door, lobby)

    def _tell_waiting(self, waiting: Lobby, door: Door, lobby: bool | None) -> None:
        if not door.open:
            waiting.end(Refusal("cancelled", *CALLED_OFF))
        elif door.class_ == classes.IMPORTANT:
            why = Refusal("class_forbids", *classes.REFUSALS["halls_only"])
            waiting.end(why, spared=lambda who: self._is_closed(waiting.name, who.identity))
        if lobby is not None:
            waiting.order(lobby, self.identities(waiting.name))

    def identities(self, conference: str) -> list[str]:
        """Return the identities of the current participants."""
        try:
            return list(self.registry.get(conference).participants) if self.registry is not None else []
        except Refusal:
            return []

    def bar(self, bearers: Iterable[str], at: float) -> None:
        """Send these bearers out of the lobbies and of the meetings. Tokens from until `at` do not admit them again."""
        barred = set(bearers)
        for one in barred:
            self._barred.pop(one, None)
            _keep(self._barred, one, at)
            self.lobbies.bar(one, Refusal("not_invited", *NOT_INVITED), self._now())
        for conference in self.registry.all() if self.registry is not None and barred else ():
            for identity in list(conference.participants) if self.owns(conference.name) else ():
                if not barred.isdisjoint(_bearers(identity)):
                    conference.kick(identity)

    def present(self, occurrence_id: str) -> list[Present]:
        here = _participants(self.registry, occurrence_id)
        name = PREFIX + occurrence_id
        return [
            Present(one.identity, one.grants.name, way_of(one.identity), self._is_closed(name, one.identity))
            for one in here
        ]

    def names(self, occurrence_id: str) -> list[str]:
        """Return the names of the participants that other participants see, in the order of their arrival."""
        return [one.grants.name for one in _participants(self.registry, occurrence_id) if not one.grants.hidden]

    def vouch(self, conference: str, identity: str, closed: bool) -> None:
        """Note a hall that is at the door, is called, or has agreed on its media. `closed`: its terminal is registered and
        invited, its signalling and media stay in closed networks, and it is encrypted as important meetings require. Only
        such halls may join an important meeting, or stay when the class is raised.
        """
        self._closed.pop((conference, identity), None)
        if closed:
            _keep(self._closed, (conference, identity), None)

    def is_important(self, conference: str) -> bool:
        door = self._doors.get(conference.removeprefix(PREFIX)) if self.owns(conference) else None
        return door is not None and door.class_ == classes.IMPORTANT

    def _is_closed(self, conference: str, identity: str) -> bool:
        return way_of(identity) in classes.HALL_WAYS and (conference, identity) in self._closed

    def begin(self, occurrence_id: str, terminals: Iterable[str]) -> None:
        """Open the meeting of a date for its halls. The microphones of the halls with these terminals go on."""
        assert self.registry is not None
        try:
            conference = self.registry.get(PREFIX + occurrence_id)
        except Refusal:
            return  # no participant has joined yet, so no hall waits
        conference.begin({f"hall_terminal.{one}" for one in terminals})

    def expel(self, occurrence_id: str, identity: str) -> None:
        assert self.registry is not None
        try:
            self.registry.get(PREFIX + occurrence_id).kick(identity)
        except Refusal:
            return  # the participant has left already

    def shut(self, occurrence_id: str, final: bool = True) -> None:
        """End the conference of a date. `final`: the date is over, so close its door too."""
        assert self.registry is not None
        if final:
            self.end_date(occurrence_id)
        with contextlib.suppress(Refusal):  # all have left already
            self.registry.delete(PREFIX + occurrence_id)

    # Questions and events of the conference

    def admit(self, grants: Grants) -> None:
        """Check admission. Raises Refusal."""
        if not self.owns(grants.conference):
            self.elsewhere(grants.conference)
            self.places(grants)
            return
        way = way_of(grants.identity)
        if not way:
            raise Refusal("join_denied")
        door = self._doors.get(grants.conference.removeprefix(PREFIX))
        if door is not None and not door.open:
            raise Refusal("cancelled", *CALLED_OFF)
        if (
            grants.join  # a host's key of the desk carries no sound and no picture
            and door is not None
            and door.class_ == classes.IMPORTANT
            and not self._is_closed(grants.conference, grants.identity)
        ):
            words = classes.REFUSALS["halls_only"]
            raise Refusal("class_forbids", *words)
        if grants.conference.removeprefix(PREFIX) in self._over:
            raise Refusal("ended", *OVER)
        self._check_account(grants)
        who = grants.identity.split(".")[1]
        if any(grants.issued_at <= self._barred.get(one, -1.0) for one in _bearers(grants.identity)):
            raise Refusal("not_invited", *NOT_INVITED)
        if (
            (way in classes.UNNAMED_WAYS or who == GUEST)
            and grants.passage is Passage.NONE
            and not grants.may_moderate(grants.conference)
        ):
            raise Refusal("lobby_waits")
        self.places(grants)

    def _check_account(self, grants: Grants) -> None:
        """Check the account and its session. Raises Refusal `signed_out`."""
        session = self.current(grants.session)
        until, kept = self._accounts.get(grants.account, (-1.0, ""))
        over = grants.issued_at <= until and session != kept
        if grants.account and (over or session in self._sessions):
            raise Refusal("signed_out", *SIGNED_OUT)

    def mutes_entry(self, occurrence_id: str, planned: bool) -> bool:
        try:
            return (
                self.registry.get(PREFIX + occurrence_id).machines.rules.entry_muted
                if self.registry is not None
                else planned
            )
        except Refusal:
            return planned

    def plan(self, conference: str) -> Plan:
        door = self._doors.get(conference.removeprefix(PREFIX)) if self.owns(conference) else None
        return door.plan if door is not None else Plan()

    # Events of sign-ins (access.Live)

    def end_account(self, account: str, keep: str = "") -> None:
        _put(self._accounts, account, (self._now(), keep))
        self._put_out(lambda who: who.account == account and (not keep or self.current(who.session) != keep))

    def end_session(self, session: str) -> None:
        _put(self._sessions, session, None)
        self._put_out(lambda who: self.current(who.session) == session)

    def rotate(self, old: str, new: str) -> None:
        _put(self._successors, old, new)

    def calls_of(self, session: str) -> int:
        return sum(self.current(who.session) == session for _, who in self.signed_in())

    def current(self, session: str) -> str:
        """Return the current name of a session."""
        for _ in range(ROTATIONS):
            session = self._successors.get(session, session)
        return session

    def signed_in(self) -> list[tuple[Conference, Grants]]:
        """Return the participants of booked meetings that joined with an account."""
        conferences = self.registry.all() if self.registry is not None else ()
        own = [one for one in conferences if self.owns(one.name)]
        return [(one, who.grants) for one in own for who in one.participants.values() if who.grants.account]

    def _put_out(self, ended: Callable[[Grants], bool]) -> None:
        for conference, who in self.signed_in():
            if ended(who):
                conference.kick(who.identity)

    def end_date(self, occurrence_id: str, *, over: bool = True) -> bool:
        """Close the door of a date that a host has ended. Report whether the door was open. `over` is False: open the door again,
        because the host has ended only the rehearsal.
        """
        was_open = occurrence_id not in self._over
        if over:
            _put(self._over, occurrence_id, None)
        else:
            self._over.pop(occurrence_id, None)
        return was_open

    def opened(self, conference: str) -> None:
        self._tell(conference, self.on_opened)

    def closed(self, conference: str, reason: events.Reason) -> None:
        """Report the end of a conference to the calendar. A server that stops does not end the meeting: participants return
        after the restart.
        """
        if reason is not events.Reason.SERVER_SHUTDOWN:
            self._tell(conference, self.on_closed)

    def _tell(self, conference: str, told: Told | None) -> None:
        if told is not None and self.owns(conference):
            self.reports.tell(conference, told)


def _participants(registry: Registry | None, occurrence_id: str) -> list[events.ParticipantView]:
    """Return the people in the call of a date. Empty: there is no call."""
    assert registry is not None
    try:
        conference = registry.get(PREFIX + occurrence_id)
    except Refusal:
        return []
    return [one.view() for one in conference.participants.values()]


def _put(known: OrderedDict[K, T], name: K, value: T) -> None:
    known.pop(name, None)
    _keep(known, name, value)


def _bearers(identity: str) -> tuple[str, str]:
    """Return the two names by which a booking can bar this participant: the attendee, and the way in with the attendee."""
    way, _, rest = identity.partition(".")
    who = rest.partition(".")[0]
    return who, f"{way}.{who}"


def _keep(known: OrderedDict[K, T], name: K, value: T) -> None:
    known[name] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def way_of(identity: str) -> str:
    """Return the way of joining in an identity; empty if the token was not made for a booked meeting."""
    way, dot, _ = identity.partition(".")
    return way if dot and way in classes.WAYS else ""
