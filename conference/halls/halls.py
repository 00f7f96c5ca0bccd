"""The halls of one conference: expected halls, whose calls are not answered yet, and the program that all halls see.

The program and its mixer exist from the first hall until the last hall leaves. Halls may wait, muted and before the splash,
until the chair opens the meeting (`wait`, `begin`). Implements `tracks.track.Pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants, Source
from conference.halls.hall import Hall, set_waiting
from conference.people.participant import Participant, check_facts
from conference.picture.composed import Composed
from conference.picture.program import PictureStage, Program
from conference.picture.scene import Mode
from conference.ports.clients import Entry
from conference.ports.halls import HallPorts, HallSignal, LineOptions
from conference.tracks.track import Subscriber, Track


class HallStage(PictureStage, Protocol):
    """The conference as its halls see it."""

    @property
    def closed(self) -> bool: ...
    def check(self, grants: Grants) -> None:
        """Raise Refusal if these grants do not admit the hall."""

    def make_room(self, entry: Entry) -> None:
        """End an older session of the identity. Raises Refusal."""

    def bring_in(self, participant: Participant) -> None: ...


class Halls:
    """All halls of one conference. `ports` is None if hall terminals are switched off."""

    def __init__(self, stage: HallStage, ports: HallPorts | None, random_bytes: Callable[[int], bytes]) -> None:
        self._stage = stage
        self._ports = ports
        self._random_bytes = random_bytes
        self.program: Program | None = None
        self.expected: set[Hall] = set()
        """The halls whose calls are not answered yet."""
        self.ballots: Callable[[Hall, int], None] | None = None
        """Takes the ballots from keypads: the hall, and the place of an option. None: nothing can be voted on."""
        self.reports: Callable[[Hall, int], None] | None = None
        """Takes the delegates that halls report by keypad. None: no roll can be called."""
        self.stops: Callable[[Hall, str], bool] | None = None
        """Stops a presentation by order of a hall: the hall, and the presenter's sid. Returns False if the order is refused."""
        self.waiting = False
        """The chair has not opened the meeting."""
        self._begun = False

    @property
    def count(self) -> int:
        return len(self.expected) + (len(self.program.halls) if self.program is not None else 0)

    def expect(self, entry: Entry, signal: HallSignal, options: LineOptions, mode: Mode = "meeting") -> Hall:
        """Make a hall for a call that the server makes, or for a call that arrives. Raises Refusal.

        The hall's lines can be opened (`Hall.prepare`), but no participant sees the hall yet. The hall joins by `welcome`, or is
        removed by `dismiss`.
        """
        if self._ports is None or self._stage.closed:
            raise Refusal("halls_off")
        if len(self._stage.participants) > limits.PARTICIPANTS or self.count >= limits.HALLS:
            raise Refusal("hall_limit")
        self._stage.check(entry.grants)
        check_facts(entry.grants)
        if self.program is None:
            self.program = Program(self._stage, self._ports, mode)
            if self.waiting:
                self.program.splash.wait()
        hall = Hall(self._stage, entry, self.program, signal, options, self._random_bytes)
        if self.ballots is not None:
            hall.ballot = partial(self.ballots, hall)
        if self.reports is not None:
            hall.report = partial(self.reports, hall)
        if self.stops is not None:
            hall.stop = partial(self.stops, hall)
        self.expected.add(hall)
        return hall

    def welcome(self, hall: Hall) -> None:
        """Make a hall a participant after its call was answered. Its media start with `apply`. Raises Refusal, because the
        state may have changed during the ringing.
        """
        if self._stage.closed or hall.left:
            raise Refusal("conference_not_found")
        self._stage.check(hall.entry.grants)
        self._stage.make_room(hall.entry)
        self.expected.discard(hall)
        if self.waiting:
            hall.set_muted(True, locked=True)
        self._stage.bring_in(hall)
        if self.waiting:
            set_waiting(hall, True)
        hall.program.enter(hall)

    def wait(self) -> None:
        """Let halls wait for `begin`. After `begin` this does nothing, because the caller may have read the date before it."""
        if not self._begun and not self.waiting:
            self.waiting = True
            if self.program is not None:
                self.program.splash.wait()

    def begin(self, opened: Collection[str] = ()) -> None:
        """End the wait: halls see the meeting and hear each other.

        `opened`: the identities of the halls whose microphones go on now, as far as the rules permit. The other halls stay muted,
        and their key unmutes them.
        """
        self._begun = True
        if not self.waiting:
            return
        self.waiting = False
        if self.program is None:
            return
        self.program.splash.begin()
        for hall in self._present():
            set_waiting(hall, False)
            on = hall.identity in opened and not hall.table.gate.barred(hall, Source.MICROPHONE, "audio")
            if hall.muted and on:
                hall.say("unmuted")
            hall.set_muted(hall.muted and not on, locked=False)

    def _present(self) -> list[Hall]:
        return [one for one in tuple(self._stage.participants.values()) if isinstance(one, Hall)]

    def dismiss(self, hall: Hall) -> None:
        """Remove a hall whose call failed."""
        if hall in self.expected:
            self.expected.discard(hall)
            hall.left = True
            hall.connection.close()
            self._end_program()

    def gone(self, participant: Participant) -> None:
        """Note that a participant left; it may be a hall or not."""
        if self.program is None:
            return
        if isinstance(participant, Hall):
            self.program.leave(participant)
        else:
            self.program.gone(participant.sid)
        self._end_program()

    def close(self) -> None:
        for hall in tuple(self.expected):
            self.dismiss(hall)
        if self.program is not None:
            self.program.close()

    def _end_program(self) -> None:
        if self.program is not None and self.count == 0:
            self.program.close()
            self.program = None

    # -- tracks.track.Pictures

    @property
    def composed(self) -> Composed | None:
        return self.program.composed if self.program is not None else None

    def changed(self) -> None:
        if self.program is not None:
            self.program.changed()

    def heard(self, sid: str) -> None:
        if self.program is not None:
            self.program.heard(sid)
            self.program.changed()

    def codec_missing(self, subscriber: Subscriber, track: Track) -> None:
        if self.program is not None and track.mime.lower() == "video/h264":
            self.program.compose_for(subscriber)
