"""The gate for tracks: whether a participant may send a microphone, a camera or a screen now, by the rules of the meeting.

The server keeps the rules also for foreign clients, which do not know them. A track that is barred stays muted, and its client
is asked to show that. The chair decides (`chair.chair`), and sets the gate of `TrackTable`.
"""

from __future__ import annotations

from typing import Protocol

from conference.ground import limits
from conference.ground.permissions import Source


class Sender(Protocol):
    """A participant that sends tracks."""

    @property
    def identity(self) -> str: ...
    @property
    def joined_at(self) -> float:
        """The time of joining, in Unix seconds."""


class Gate(Protocol):
    def barred(self, sender: Sender, source: Source, kind: str) -> str:
        """Return the code of the refusal. Empty: the participant may send such a track now."""

    def mutes_entry(self, sender: Sender) -> bool:
        """Report whether this participant is muted as a newcomer."""


class OpenGate:
    """The gate of a meeting without rules."""

    def barred(self, sender: Sender, source: Source, kind: str) -> str:
        return ""

    def mutes_entry(self, sender: Sender) -> bool:
        return False


def is_voice(source: Source, kind: str) -> bool:
    return kind == "audio" and source in (Source.MICROPHONE, Source.UNKNOWN)


def mutes_newcomer(gate: Gate, sender: Sender, now: float) -> bool:
    """Report whether the first microphone of a participant is muted, because the rules mute newcomers.

    A browser publishes its microphone a moment after joining. A first microphone that comes later was switched on by the person,
    so the rule does not mute it. `now` is in Unix seconds.
    """
    return gate.mutes_entry(sender) and now - sender.joined_at < limits.ENTRY_MUTED_S
