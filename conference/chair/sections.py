"""The sections `meeting` and `people` of the desk document. A meeting of 240 sites must fit in 40 KB, so the names are short.

A row of `people` has the members: `n` name, `u` unit, `s` site, `r` role, `k` kind (`h` for a hall), `m` microphone on,
`c` camera on, `h` the time at which the hand was raised, `a` the time since which the connection is lost. Times are ms since
1970. A member that is false, empty or usual is absent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conference.chair.document import Document
from conference.ground.marks import HAND, SITE, UNIT
from conference.ground.permissions import Passage, Source
from conference.halls.hall import Hall
from conference.people.participant import Participant
from conference.ports.time import Clock

VOICES: Final = frozenset((Source.MICROPHONE, Source.UNKNOWN))
"""Sound without a source counts, because it may come from a microphone."""
USUAL_HALL: Final = "hall"
USUAL: Final = "delegate"


class Sections:
    """The two sections of one meeting. `role_of` returns the name of a participant's role."""

    def __init__(
        self, document: Document, name: str, clock: Clock, role_of: Callable[[Participant], str] | None = None
    ) -> None:
        self._document, self._clock, self._role_of = document, clock, role_of or usual_role
        self._facts: dict[str, str | int | None] = {"name": name}
        self._away: dict[str, int] = {}
        """The time since which a participant is away, by identity."""
        document.put("meeting", self._facts)

    def start(self, at: float) -> None:
        """Show when the meeting was opened (Unix seconds)."""
        self._change(started_at=_ms(at))

    def describe(self, title: str, ends_at: float | None) -> None:
        """Set the title (empty: none) and the booked end in Unix seconds (None: not booked)."""
        self._change(title=title or None, ends_at=None if ends_at is None else _ms(ends_at))

    @property
    def title(self) -> str:
        """Return the title of the meeting. Empty: it has none."""
        return str(self._facts.get("title") or "")

    def extend(self, ends_at: float) -> None:
        """Set a later booked end."""
        self._change(ends_at=_ms(ends_at))

    def changed(self, participant: Participant) -> None:
        """Note a change of a participant. The row of a participant who left stays removed."""
        if participant.left:
            return
        identity = participant.identity
        if participant.client is None:
            self._away.setdefault(identity, _ms(self._clock.time()))
        else:
            self._away.pop(identity, None)
        self._document.put_row("people", identity, None if participant.grants.hidden else self._row(participant))

    def gone(self, identity: str) -> None:
        self._away.pop(identity, None)
        self._document.put_row("people", identity, None)

    def _change(self, **facts: str | int | None) -> None:
        self._facts = self._facts | facts
        self._document.put("meeting", self._facts)

    def _row(self, one: Participant) -> dict[str, str | int]:
        attributes, hall = one.grants.attributes, is_site(one)
        on = {track.source for track in one.tracks.values() if not track.muted and track.kind == "audio"}
        seen = any(one.source is Source.CAMERA and not one.muted for one in one.tracks.values())
        name, role, hand = one.grants.name, self._role_of(one), attributes.get(HAND, "")
        row: dict[str, str | int] = {
            "n": name,
            "u": _other(attributes.get(UNIT, ""), name),
            "s": _other(attributes.get(SITE, ""), name),
            "r": _other(role, USUAL_HALL if hall else USUAL),
            "k": "h" if hall else "",
            "m": int(bool(on & VOICES)),
            "c": int(seen),
            "h": int(hand) if hand.isdecimal() and hand.isascii() else 0,
            "a": self._away.get(one.identity, 0),
        }
        return {key: value for key, value in row.items() if value}


def is_site(one: Participant) -> bool:
    """Report whether a participant is a hall: a terminal, or a PC in hall mode, which joins as a browser."""
    return isinstance(one, Hall) or one.grants.role == USUAL_HALL


def usual_role(one: Participant) -> str:
    """Return the name of the role that follows from the participant's token."""
    if is_site(one):
        return USUAL_HALL
    return "co_chair" if one.grants.passage is Passage.HOST else USUAL


def _other(text: str, usual: str) -> str:
    return "" if text == usual else text


def _ms(at: float) -> int:
    return round(at * 1000)
