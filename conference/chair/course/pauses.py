"""The breaks of one meeting with their effects: slate, microphones, lobby, and the stop for secret content.

Recess, closed session and stop act at once, and are stored when the database answers. A participant in the lobby of a closed
session keeps its connection, so that one press brings all back. The server takes the right to send and to receive, and gives
this right back. A hall sees words and hears nothing (`halls.hall.set_apart`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from conference.chair.course import breaks
from conference.chair.course.breaks import Noted, State
from conference.chair.course.store import Store, record
from conference.chair.rights import LEADERS, Act, By
from conference.chair.roles import Roles
from conference.ground.errors import Refusal
from conference.ground.events import Action, Reason, RosterChanged
from conference.ground.marks import STOPPED, WAITS
from conference.ground.permissions import Source
from conference.halls.hall import Hall, set_apart
from conference.halls.halls import Halls
from conference.halls.spotlight import Spotlight
from conference.people import lasting_rights
from conference.people.participant import Participant
from conference.picture.program import announce
from conference.ports.proceedings import Record
from conference.ports.time import Clock
from rooms.policy.bearers import bearer

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
"""The time zone of the slate."""


class Meeting(Protocol):
    """The conference as its breaks see it."""

    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def participants(self) -> Mapping[str, Participant]: ...
    @property
    def halls(self) -> Halls: ...
    def expel(self, participant: Participant, reason: Reason, action: Action = Action.DISCONNECT) -> None: ...


class Floor(Protocol):
    """The speaking floor."""

    def gone(self, one: Participant) -> None:
        """End the turn of a participant, and take back its request to speak."""


class Leads(Protocol):
    """The rights, the gate and the floor of the meeting. It asks `silent` whether all microphones must stay off, and `stopped`
    whether no participant may enter, `outside` whether a participant waits in the lobby, and `staged` whether the roll call shows
    a participant.
    """

    silent: Callable[[], bool]
    stopped: Callable[[], bool]
    outside: Callable[[str], bool]
    staged: Callable[[str], bool]

    @property
    def roles(self) -> Roles: ...
    @property
    def spotlight(self) -> Spotlight: ...
    @property
    def speech(self) -> Floor: ...
    @property
    def speaks(self) -> bool:
        """Report whether a participant has the floor."""

    def ask(self, by: By, act: Act, identity: str = "") -> None: ...
    def barred(self, sender: Any, source: Source, kind: str) -> str: ...


class Announces(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...


class Pauses:
    """The breaks of one conference. `destroyed` is called when everything of the meeting must be destroyed."""

    def __init__(
        self, meeting: Meeting, leads: Leads, document: Announces, store: Store, destroyed: Callable[[], None]
    ) -> None:
        self._meeting, self._leads, self._document, self._store = meeting, leads, document, store
        self._destroyed = destroyed
        self.recessed: Callable[[By], None] = lambda by: None
        """Is called before a recess takes the microphones."""
        kept = store.restored()
        self.state = State() if kept is None else breaks.from_json(kept)
        if kept is not None:
            self._step(breaks.Restored(), None)

    # -- orders

    def begin_recess(self, by: By, until: float | None) -> None:
        """Begin a recess until this time (Unix seconds; None: not said). Raises Refusal."""
        self._leads.ask(by, Act.RECESS)
        breaks.step(self.state, breaks.BeginRecess(by.identity, until), self._meeting.clock.time())  # refused: no pause
        self.recessed(by)
        here = [one for one in self._here() if not self.state.keeps_out(one.identity)]
        on = tuple(one.identity for one in here if _is_heard(one))
        locked = tuple(one.identity for one in self._halls() if one.locked and not one.waiting)
        self._step(breaks.BeginRecess(by.identity, until, on, locked), by)

    def change_return(self, by: By, until: float | None) -> None:
        self._leads.ask(by, Act.RECESS)
        self._step(breaks.ChangeReturn(by.identity, until), by)

    def end_recess(self, by: By) -> None:
        self._leads.ask(by, Act.RECESS)
        self._step(breaks.EndRecess(by.identity), by)

    def begin_closed(self, by: By, out: tuple[str, ...], item: str = "") -> None:
        """Let these participants wait in the lobby. `item`: the agenda item. Raises Refusal."""
        self._leads.ask(by, Act.CLOSED_SESSION)
        out = self._windows(out)
        for identity in out:
            self._check_out(by, identity)
        inside = tuple(bearer(one.identity) for one in self._here())
        self._step(breaks.BeginClosed(by.identity, item, out, inside), by)

    def send_out(self, by: By, identity: str) -> None:
        windows = self._windows((identity,))
        for one in windows:
            self._check_out(by, one)
        for one in windows:
            self._step(breaks.SendOut(by.identity, one), by)

    def let_in(self, by: By, identity: str) -> None:
        self._leads.ask(by, Act.CLOSED_SESSION)
        self._step(breaks.LetIn(by.identity, identity), by)

    def put_apart(self, by: By, identity: str) -> None:
        """Send one participant back to the lobby, with all its windows. Raises Refusal `host_stays`."""
        windows = self._windows((identity,))
        for one in windows:
            self._leads.ask(by, Act.TO_LOBBY, one)
        self._step(breaks.PutApart(by.identity, windows), by)

    def readmit(self, by: By, identity: str) -> None:
        """Let one participant return from the lobby. Raises Refusal `closed_inside`."""
        self._leads.ask(by, Act.TO_LOBBY)
        self._step(breaks.Readmit(by.identity, identity), by)

    def end_closed(self, by: By) -> None:
        self._leads.ask(by, Act.CLOSED_SESSION)
        self._step(breaks.EndClosed(by.identity), by)

    def stop(self, by: By) -> Record:
        """Stop the meeting because of secret content. Returns the record for `Store.forget`."""
        self._leads.ask(by, Act.SECRET_STOP)
        now = self._meeting.clock.time()
        self._step(breaks.StopSecret(by.identity), by)
        return record("secret_stop", by, now)

    def _check_out(self, by: By, identity: str) -> None:
        """Raise Refusal if this participant may not be sent to the lobby: hosts stay."""
        self._leads.ask(by, Act.CLOSED_SESSION)
        self._leads.ask(by, Act.TO_LOBBY, identity)

    def _windows(self, identities: tuple[str, ...]) -> tuple[str, ...]:
        """Return these identities, and the others by which the same people are here now."""
        bearers = {bearer(one) for one in identities}
        same = (one.identity for one in self._here() if bearer(one.identity) in bearers)
        return tuple(dict.fromkeys((*identities, *same)))

    # -- time and participants

    def tick(self) -> None:
        due = self.state.due
        if due is not None and self._meeting.clock.time() >= due:
            self._step(breaks.Tick(), None)

    def came(self, one: Participant) -> None:
        """Apply the break to a participant that joined."""
        if self.state.recess is not None and isinstance(one, Hall):
            self._set_slate(self.state.recess.until)
        if self.state.closed is not None and self._stays_out(one, self.state.closed):
            if one.identity not in self.state.closed.out:
                with suppress(Refusal):  # the list is full: the participant waits, and is not listed
                    self._step(breaks.SendOut("", one.identity), None)
            self._move_out(one)
        who = bearer(one.identity)
        if one.identity not in self.state.apart and any(bearer(other) == who for other in self.state.apart):
            with suppress(Refusal):  # the list is full
                self._step(breaks.PutApart("", (one.identity,)), None)
        if self.state.keeps_out(one.identity):
            self._move_out(one)

    def _stays_out(self, one: Participant, closed: breaks.Closed) -> bool:
        """Report whether a newcomer waits: a person who was sent out, or who is no leader and was not inside at the beginning."""
        known = bearer(one.identity) in closed.inside or self._leads.roles.of(one.identity) in LEADERS
        return one.identity in closed.out or not known

    # -- the machine

    def _step(self, event: breaks.Event, by: By | None) -> None:
        now = self._meeting.clock.time()
        self.state, effects = breaks.step(self.state, event, now)
        # The record of a stop is added by `Store.forget`, after everything else is destroyed.
        notes = [one for one in effects if isinstance(one, Noted) and not isinstance(event, breaks.StopSecret)]
        self._store.note(breaks.as_json(self.state), [record(one.what, by, now, detail=one.detail) for one in notes])
        for one in effects:
            self._do(one)
        self._announce()

    def _do(self, effect: breaks.Effect) -> None:
        if isinstance(effect, breaks.ShowSlate | breaks.HideSlate):
            on = isinstance(effect, breaks.ShowSlate)
            self._set_slate(effect.until if isinstance(effect, breaks.ShowSlate) else None, on=on)
        elif isinstance(effect, breaks.MuteAll):
            self._mute_all()
        elif isinstance(effect, breaks.Unmute):
            self._unmute(effect)
        elif isinstance(effect, breaks.ToLobby | breaks.FromLobby):
            move = self._move_out if isinstance(effect, breaks.ToLobby) else self._move_in
            for identity in self._moved(effect):
                one = self._meeting.participants.get(identity)
                if one is not None and isinstance(effect, breaks.ToLobby):
                    self._leads.speech.gone(one)
                if one is not None:
                    move(one)
        elif isinstance(effect, breaks.StopMedia):
            self._stop_media()
        elif isinstance(effect, breaks.Destroy):
            self._destroyed()

    def _moved(self, effect: breaks.ToLobby | breaks.FromLobby) -> tuple[str, ...]:
        """Return who moves. At the end of a closed session those too return who did not fit into its list."""
        if isinstance(effect, breaks.ToLobby) or self.state.closed is not None:
            return effect.identities
        return tuple(one for one in self._meeting.participants if not self.state.keeps_out(one))

    def _announce(self) -> None:
        """Put the break into the desk document. Times are ms since 1970. Only hosts read who waits in the lobby."""
        state, closed = self.state, self.state.closed
        recess = state.recess
        shown = {
            "phase": state.phase,
            "since": _ms(recess.since) if recess is not None else None,
            "until": _ms(recess.until) if recess is not None and recess.until is not None else None,
            "out": len(closed.out) if closed is not None else None,
        }
        self._document.put("break", shown if state.phase != "open" else None)
        self._document.put("break_out", list(state.outside) or None, host_only=True)

    def _here(self) -> Iterator[Participant]:
        return (one for one in tuple(self._meeting.participants.values()) if not one.left)

    def _halls(self) -> list[Hall]:
        return [one for one in self._here() if isinstance(one, Hall)]

    # -- recess

    def _set_slate(self, until: float | None, *, on: bool = True) -> None:
        program = self._meeting.halls.program
        if program is None:
            return
        was_on = program.splash.recess is not None
        program.splash.set_recess(_local(until) if on else None)
        if was_on != on and program.halls:
            announce(program, "recess" if on else "recess_over")

    def _mute_all(self) -> None:
        """Mute everybody. The gate holds the microphones of halls too, so each hall keeps its lock."""
        for one in self._here():
            if isinstance(one, Hall):
                one.set_muted(True, locked=one.locked)
            else:
                one.silence()

    def _unmute(self, effect: breaks.Unmute) -> None:
        """Give microphones back as far as the rules permit. A person is asked: the server switches no person's microphone on. A
        hall that a host muted, before the recess or in it, stays muted. So does a hall that waits for the opening.
        """
        for one in self._here():
            on = one.identity in effect.identities and not self._leads.barred(one, Source.MICROPHONE, "audio")
            if isinstance(one, Hall):
                held = one.locked or one.identity in effect.locked
                one.set_muted(held or not on, locked=held)
            elif on:
                with suppress(Refusal):
                    one.ask_to_unmute()

    # -- closed session

    def _move_out(self, one: Participant) -> None:
        if isinstance(one, Hall):
            set_apart(one, True)
        elif one.before is None:
            one.set_mark(WAITS, on=True)
            lasting_rights.take(one)

    def _move_in(self, one: Participant) -> None:
        if isinstance(one, Hall):
            set_apart(one, False)
        elif one.before is not None:
            lasting_rights.give_back(one)
            one.set_mark(WAITS, on=False)  # after the rights: the page opens its camera when it reads this

    # -- stop

    def _stop_media(self) -> None:
        """Cut all media off. Browsers leave at once. Halls hear and see a sentence, and get BYE when the meeting ends."""
        halls = self._halls()
        for one in tuple(self._here()):
            if not isinstance(one, Hall):
                one.set_mark(STOPPED, on=True)
                one.deliver(RosterChanged((one.view(),)))  # the others are notified later, at the end of the turn
                self._meeting.expel(one, Reason.CONFERENCE_DELETED)
        for hall in tuple(self._meeting.halls.expected):
            self._meeting.halls.dismiss(hall)
        program = self._meeting.halls.program
        if program is None:
            return
        program.splash.stop()
        program.thumbnails.clear()
        program.status.looks.clear()
        for hall in halls:
            hall.set_muted(True, locked=True)
            set_apart(hall, False)  # also a hall in the lobby sees and hears the sentence
        announce(program, "secret_stop")


def _is_heard(one: Participant) -> bool:
    return not one.muted if isinstance(one, Hall) else bool(one.microphones())


def _local(until: float | None) -> str:
    """Return the local time of return for the slate (`09:30`), empty if it was not said."""
    return "" if until is None else datetime.fromtimestamp(until, ZONE).strftime("%H:%M")


def _ms(at: float) -> int:
    return round(at * 1000)
