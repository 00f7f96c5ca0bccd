"""The microphones of one meeting, as the chair's orders change them.

Owns what an undo gives back, and which halls stay muted when they are called again.

A hall is unmuted by the server, because the server itself holds back the hall's sound. A person in a browser is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Source
from conference.halls.hall import Hall, obey
from conference.people.participant import Participant
from conference.tracks import publishing
from conference.tracks.track import Track

Barred = Callable[[Participant, Source, str], str]


@dataclass(frozen=True, slots=True)
class Called:
    """A participant who was called to speak, as the microphone was before: `on`, and for a hall `locked`."""

    sid: str
    on: bool
    locked: bool


class Microphones:
    """`barred` returns why a participant may not send a track now; empty if it may."""

    def __init__(self, participants: Mapping[str, Participant], barred: Barred) -> None:
        self._participants = participants
        self._barred = barred
        self._locked: dict[str, None] = {}
        """The identities of halls that a host muted, and whose calls were lost after that."""

    def _all(self) -> list[Participant]:
        return [one for one in tuple(self._participants.values()) if not one.left]

    def heard(self) -> frozenset[str]:
        """Return the sids of the participants whose microphones are on."""
        return frozenset(one.sid for one in self._all() if _is_on(one))

    def called(self, one: Participant) -> Called:
        return Called(one.sid, _is_on(one), isinstance(one, Hall) and one.locked)

    def restore(self, muted: Collection[str], called: Called) -> tuple[int, int]:
        """Undo a call to speak, as far as the rules permit: open what the call `muted` (sids), and mute who was `called`. Return
        the number of halls that are heard again, and of people who are asked.
        """
        unmuted = asked = 0
        for one in self._all():
            barred = bool(self._barred(one, Source.MICROPHONE, "audio"))
            if one.sid == called.sid:
                _mute_again(one, called, barred=barred)
            elif one.sid not in muted or barred:
                continue
            elif isinstance(one, Hall):
                unmuted += one.muted
                one.set_muted(False)
            else:
                asked += self._ask_back(one)
        return unmuted, asked

    def _ask_back(self, one: Participant) -> bool:
        if one.microphones() or self._barred(one, Source.MICROPHONE, "audio"):
            return False
        with suppress(Refusal):  # the person may no longer use a microphone
            one.ask_to_unmute()
            return True
        return False

    def give_back(self, sids: Collection[str]) -> tuple[int, int]:
        """Undo a mute of all: unmute these halls, and ask these people. Return the numbers of both."""
        unmuted = asked = 0
        for one in self._all():
            if one.sid not in sids or self._barred(one, Source.MICROPHONE, "audio"):
                continue
            if one.unsilence():
                unmuted += 1
                continue
            asked += self._ask_back(one)
        return unmuted, asked

    def open(self, one: Participant) -> None:
        """Let a participant be heard who was called to speak: unmute a hall, ask a person."""
        if isinstance(one, Hall):
            one.set_muted(False)
            one.notify("floor_given")
            return
        with suppress(Refusal):  # the microphone is on already, or the person may only listen
            one.ask_to_unmute()

    def enforce(self) -> None:
        """Mute everything that the rules no longer permit. Pictures of halls come back when they are permitted again."""
        for one in self._all():
            if isinstance(one, Hall):
                if not one.muted and self._barred(one, Source.MICROPHONE, "audio"):
                    one.set_muted(True)
                obey(one)
                continue
            for track in tuple(one.tracks.values()):
                self._check(one, track)

    def _check(self, one: Participant, track: Track) -> None:
        if not track.muted and self._barred(one, track.source, track.kind):
            publishing.mute_from_outside(one, track.sid, True)

    # -- halls that lose their call

    def came(self, hall: Hall, *, entry_muted: bool) -> None:
        """Mute a hall at its entry: as a host had muted it in its earlier call, or because the rules want it."""
        if hall.identity in self._locked:
            del self._locked[hall.identity]
            hall.set_muted(True, locked=True)
        elif entry_muted or self._barred(hall, Source.MICROPHONE, "audio"):
            hall.set_muted(True, locked=hall.locked)

    def gone(self, hall: Hall) -> None:
        """Note whether a host had muted the hall. A hall that waits for the opening is muted by the wait only."""
        self._locked.pop(hall.identity, None)
        if hall.muted and hall.locked and not hall.waiting:
            self.remember(hall.identity)

    def remember(self, identity: str) -> None:
        """Mute this hall when it comes. The oldest entry gives way."""
        self._locked.pop(identity, None)
        self._locked[identity] = None
        while len(self._locked) > limits.HALLS:
            del self._locked[next(iter(self._locked))]

    @property
    def remembered(self) -> frozenset[str]:
        return frozenset(self._locked)

    def forget(self, identities: Collection[str] | None = None) -> None:
        """Let these halls come back unmuted. None: all halls."""
        for identity in tuple(self._locked) if identities is None else identities:
            self._locked.pop(identity, None)


def _is_on(one: Participant) -> bool:
    return not one.muted if isinstance(one, Hall) else bool(one.microphones())


def _mute_again(one: Participant, called: Called, *, barred: bool) -> None:
    """Mute a participant whose microphone was off before the call, or may not be on now. A later mute stays."""
    if isinstance(one, Hall):
        one.set_muted(one.muted or not called.on or barred, locked=one.locked or called.locked)
    elif one.microphones() and (barred or not called.on):
        one.silence()
