"""The stored memory of a chaired meeting: the states of its machines for a restart, and the record of what happened.

`signaling.meetings.proceedings` implements the Protocol with the database. A conference without a store (None) keeps nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

State = Mapping[str, Any]
"""The whole state of one machine as plain JSON. `version` is a number that the machine knows its own older states by."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened in a meeting, for the audit and the timeline. The secret choice of a voter never stands in it."""

    kind: str
    """The name of the act or event in lower case: `call_speaker`, `mute_one`, `came`."""
    at: float
    """Unix seconds."""
    by: str = ""
    """The identity of the person who acted. Empty: the server."""
    by_name: str = ""
    for_chair: bool = False
    """True: the person acted on behalf of the chair (thay mặt chủ trì)."""
    way: str = ""
    """`page`, `rest`, `desk`, `keypad`, `bfcp`, `api`. Empty: the server."""
    on: str = ""
    """The identity of the participant or site that the act is about."""
    on_name: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Plain JSON. A stop for secret content deletes it, so no fact that must stay is only here."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn to speak. The same `id` with an end replaces the turn without an end."""

    id: str
    identity: str
    name: str
    began_at: float
    """Unix seconds."""
    ended_at: float | None = None
    kind: str = "speech"
    """`speech`, `reply`, `order`, `question`."""
    delegation: str = ""
    """The unit or site whose time budget pays for the turn."""


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A line of the chat. The server gives `id` and `at`."""

    id: str
    at: float
    """Unix seconds."""
    identity: str
    name: str
    text: str
    to: str = ""
    """The identity of the only receiver of a private line. Empty: all participants."""
    to_name: str = ""
    reply: str = ""
    """The identifier of the line that this line answers. Empty: none."""


NOTHING: Final[Mapping[str, State]] = {}


class Proceedings(Protocol):
    """The store of all conferences of this server, by the name of the conference."""

    def restored(self, conference: str) -> Mapping[str, State]:
        """Return the last states of the machines of a meeting that did not end, by machine: after a crash, or after all
        participants had left. It returns at once, and a new meeting gets nothing.
        """

    async def keep(self, conference: str, machine: str, state: State, records: Sequence[Record] = ()) -> None:
        """Store the state in place of the last state of this machine, and add the records. Raise Refusal `not_stored` if the
        database does not answer: then nothing is stored, and the order must not take effect.
        """

    def note(self, conference: str, machine: str, state: State | None, records: Sequence[Record] = ()) -> None:
        """Do the same at once, for an act that has taken effect. The database gets it when it answers. None: no state."""

    def turn(self, conference: str, turn: Turn) -> None:
        """Note a turn to speak at its beginning and at its end."""

    def chat(self, conference: str, line: ChatLine) -> None:
        """Note a line of the chat. The type of the meeting says whether the database gets the line."""

    def chatted(self, conference: str) -> Sequence[ChatLine]:
        """Return the stored lines of a meeting that did not end, the earliest first, as `restored` does for states."""

    async def forget(self, conference: str, by: Record, kept: Mapping[str, State] = NOTHING) -> None:
        """Destroy chat, states and details since the start, because secret content came up. Who did what and when stays, and `by`
        is added. So are the states `kept`: the state of the stop itself, so that no crash opens the meeting again.

        Raise Refusal `not_stored` if the database does not answer. Then the store tries again until it has done so.
        """
