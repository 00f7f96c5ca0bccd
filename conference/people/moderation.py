"""Mutes all participants of a conference for a host, and takes that back.

Owns the bound of time. What muting means for one party is the party's (`Participant.silence`, `Hall.silence`).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.errors import Refusal

if TYPE_CHECKING:
    from conference.conference import Conference


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


def silence_all(conference: Conference, spared: str) -> Silence:
    """Mutes all participants but the identity `spared`."""
    others = [one for one in conference.participants.values() if one.identity != spared]
    sids = tuple(one.sid for one in others if one.silence())
    until = conference.around.clock.monotonic() + limits.SILENCE_UNDO_S
    conference.silence = Silence(conference.around.suffix(), until, sids)
    return conference.silence


def take_back(conference: Conference, token: str) -> TakenBack:
    """Unmutes the halls, whose sound the server itself held back, and asks the persons: the server switches no person's
    microphone on. Raises Refusal `undo_gone`.
    """
    made, now = conference.silence, conference.around.clock.monotonic()
    if made is None or made.token != token or now > made.until:
        raise Refusal("undo_gone")
    conference.silence = None
    unmuted = asked = 0
    for one in tuple(conference.participants.values()):
        if one.sid not in made.sids:
            continue
        if one.unsilence():
            unmuted += 1
            continue
        with suppress(Refusal):  # on again by itself
            one.ask_to_unmute()
            asked += 1
    return TakenBack(unmuted, asked)
