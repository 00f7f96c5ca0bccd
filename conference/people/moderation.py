"""Mutes all participants of a conference for a host, and takes that back.

Owns the bound of time. What muting means for one party is the party's (`Participant.silence`, `Hall.silence`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.people.participant import Participant
from conference.ports.time import Clock


@dataclass(frozen=True, slots=True)
class Silence:
    """`sids`: whose microphones were on. `until`: of the monotonic clock."""

    token: str
    until: float
    sids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """`unmuted`: halls that are heard again; `asked`: people who are asked to switch their microphones on themselves."""

    unmuted: int
    asked: int


class Moderation:
    """Of one conference. `participants`: by identity."""

    def __init__(self, participants: Mapping[str, Participant], clock: Clock, suffix: Callable[[], str]) -> None:
        self._participants = participants
        self._clock = clock
        self._suffix = suffix
        self._silence: Silence | None = None
        """The last time that a host muted all participants."""

    def silence_all(self, spared: str) -> Silence:
        """Mutes all participants but the identity `spared`."""
        others = [one for one in self._participants.values() if one.identity != spared]
        sids = tuple(one.sid for one in others if one.silence())
        self._silence = Silence(self._suffix(), self._clock.monotonic() + limits.SILENCE_UNDO_S, sids)
        return self._silence

    def take_back(self, token: str) -> TakenBack:
        """Unmutes the halls, whose sound the server itself held back, and asks the persons: the server switches no person's
        microphone on. Raises Refusal `undo_gone`.
        """
        made, now = self._silence, self._clock.monotonic()
        if made is None or made.token != token or now > made.until:
            raise Refusal("undo_gone")
        self._silence = None
        unmuted = asked = 0
        for one in tuple(self._participants.values()):
            if one.sid not in made.sids:
                continue
            if one.unsilence():
                unmuted += 1
                continue
            with suppress(Refusal):  # on again by itself
                one.ask_to_unmute()
                asked += 1
        return TakenBack(unmuted, asked)
