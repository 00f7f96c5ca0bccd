"""The rules of one meeting for microphones, cameras, presentations and chat, and the lock. Pure.

Owns what is switched off and for whom, and who may switch the microphone on again. `barred` is the one decision about a track;
`tracks/gate.py` asks it for foreign clients too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from conference.chair.floor import Floor, Mode
from conference.chair.rights import LEADERS, Act, Role, may
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Source


class Whom(Enum):
    """For whom something is switched off. The leaders of the meeting keep it."""

    NOBODY = "nobody"
    GUESTS = "guests"  # guests and observers
    HALLS = "halls"
    ALL = "all"

    def means(self, role: Role) -> bool:
        return role not in LEADERS and role in _MEANT[self]


_MEANT: Final[Mapping[Whom, frozenset[Role]]] = {
    Whom.NOBODY: frozenset(),
    Whom.GUESTS: frozenset((Role.GUEST, Role.OBSERVER)),
    Whom.HALLS: frozenset((Role.HALL,)),
    Whom.ALL: frozenset(Role),
}


class Phase(Enum):
    OPEN = "open"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules. `unmute_off`: who may not switch the microphone on without being asked. `allowed`: identities that a leader
    asked to unmute; they may until a leader mutes them.
    """

    unmute_off: Whom = Whom.NOBODY
    camera_off: Whom = Whom.NOBODY
    share_off: Whom = Whom.NOBODY
    chat_off: Whom = Whom.NOBODY
    entry_muted: bool = False
    locked: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase:
        return Phase.LOCKED if self.locked else Phase.OPEN


# -- events


@dataclass(frozen=True, slots=True)
class Set:
    """Change rules. None: this rule stays."""

    unmute_off: Whom | None = None
    camera_off: Whom | None = None
    share_off: Whom | None = None
    chat_off: Whom | None = None
    entry_muted: bool | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """Admit nobody else."""


@dataclass(frozen=True, slots=True)
class Unlock:
    pass


@dataclass(frozen=True, slots=True)
class Allow:
    """A leader asked a participant to unmute."""

    identity: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A leader muted a participant. An empty identity: all participants."""

    identity: str = ""


Event = Set | Lock | Unlock | Allow | Bar
EVENTS: Final = (Set, Lock, Unlock, Allow, Bar)
RULES: Final = ("unmute_off", "camera_off", "share_off", "chat_off", "entry_muted")


@dataclass(frozen=True, slots=True)
class Changed:
    """These rules have changed. `locked` is among the names."""

    names: tuple[str, ...]


def step(state: Rules, event: Event, now: float) -> tuple[Rules, tuple[Changed, ...]]:
    """Return the new rules and their changes. Raises Refusal `already_locked`, `not_locked`."""
    made = TABLE[state.phase][type(event)](state, event)
    names = tuple(name for name in (*RULES, "locked") if getattr(made, name) != getattr(state, name))
    return made, (Changed(names),) if names else ()


def _set(state: Rules, event: Any) -> Rules:
    wanted = {name: getattr(event, name) for name in RULES if getattr(event, name) is not None}
    if state.unmute_off is not wanted.get("unmute_off", state.unmute_off):
        wanted["allowed"] = ()
    return replace(state, **wanted)


def _lock(state: Rules, event: Any) -> Rules:
    return replace(state, locked=True)


def _unlock(state: Rules, event: Any) -> Rules:
    return replace(state, locked=False)


def _locked_already(state: Rules, event: Any) -> Rules:
    raise Refusal("already_locked")


def _not_locked(state: Rules, event: Any) -> Rules:
    raise Refusal("not_locked")


def _allow(state: Rules, event: Any) -> Rules:
    others = tuple(one for one in state.allowed if one != event.identity)
    return replace(state, allowed=(*others, event.identity)[-limits.UNMUTES_ALLOWED :])


def _bar(state: Rules, event: Any) -> Rules:
    return replace(state, allowed=tuple(one for one in state.allowed if event.identity not in ("", one)))


Move = Callable[[Rules, Any], Rules]
_ALWAYS: Final[Mapping[type[Event], Move]] = {Set: _set, Allow: _allow, Bar: _bar}
TABLE: Final[Mapping[Phase, Mapping[type[Event], Move]]] = {
    Phase.OPEN: {**_ALWAYS, Lock: _lock, Unlock: _not_locked},
    Phase.LOCKED: {**_ALWAYS, Lock: _locked_already, Unlock: _unlock},
}
"""Phase -> event -> move."""


# -- the decision about a track


def barred(rules: Rules, floor: Floor, identity: str, role: Role, source: Source, kind: str) -> str:
    """Return why this participant may not send this track now: the code of a refusal. Empty: the track may be sent.

    A track without a source counts as microphone or camera, because a foreign client may name no source. The chair is never
    barred. In the modes `one` and `several` only the participants with the floor may send sound, of a screen too.
    """
    if role is Role.CHAIR:
        return ""
    if source in (Source.SCREEN_SHARE, Source.SCREEN_SHARE_AUDIO) and rules.share_off.means(role):
        return "share_off"
    if source is Source.SCREEN_SHARE:
        return ""
    if kind == "video":
        return "camera_off" if rules.camera_off.means(role) else ""
    if floor.turn_of(identity) is not None:
        return ""
    if floor.mode is not Mode.DISCUSSION:
        return "floor_needed"
    spoken = source is not Source.SCREEN_SHARE_AUDIO
    return "unmute_off" if spoken and rules.unmute_off.means(role) and identity not in rules.allowed else ""


def bars_chat(rules: Rules, role: Role) -> str:
    """Return the code of the refusal if this role may not write to the chat now, or an empty text."""
    if not may(role, Act.CHAT):
        return "not_allowed"
    return "chat_off" if rules.chat_off.means(role) else ""


def as_json(state: Rules) -> dict[str, Any]:
    return {name: getattr(value, "value", value) for name in (*RULES, "locked") for value in (getattr(state, name),)}


def from_json(value: Mapping[str, Any]) -> Rules:
    unmute_off, camera_off, share_off, chat_off = (Whom(value.get(name, "nobody")) for name in RULES[:-1])
    entry_muted, locked = bool(value.get("entry_muted")), bool(value.get("locked"))
    return Rules(unmute_off, camera_off, share_off, chat_off, entry_muted, locked)
