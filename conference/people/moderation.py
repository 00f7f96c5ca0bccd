"""Mutes all participants of a conference for a host, and undoes that.

Owns the time limit of the undo. Each participant decides how it is muted (`Participant.silence`, `Hall.silence`).
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
    """A mute of all participants. `sids`: the participants whose microphones were on. `until` is in seconds of the monotonic
    clock.
    """

    token: str
    until: float
    sids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The result of an undo. `unmuted`: the number of halls that are heard again. `asked`: the number of people who are asked
    to switch their microphones on themselves.
    """

    unmuted: int
    asked: int


class Moderation:
    """The moderation of one conference. The keys of `participants` are identities."""

    def __init__(self, participants: Mapping[str, Participant], clock: Clock, suffix: Callable[[], str]) -> None:
        self._participants = participants
        self._clock = clock
        self._suffix = suffix
        self._silence: Silence | None = None
        """The last mute of all participants by a host."""

    def silence_all(self, spared: str) -> Silence:
        """Mute all participants except the identity `spared`."""
        others = [one for one in self._participants.values() if one.identity != spared]
        sids = tuple(one.sid for one in others if one.silence())
        self._silence = Silence(self._suffix(), self._clock.monotonic() + limits.SILENCE_UNDO_S, sids)
        return self._silence

    def take_back(self, token: str) -> TakenBack:
        """Undo a mute of all participants. Raises Refusal `undo_gone`.

        Halls are unmuted, because the server itself held back their sound. People are only asked: the server never switches a
        person's microphone on.
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
            with suppress(Refusal):  # the microphone is on already, or may no longer be switched on
                one.ask_to_unmute()
                asked += 1
        return TakenBack(unmuted, asked)
