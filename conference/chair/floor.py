"""The speaking floor of one meeting: who asks to speak, who speaks, for how long. Pure.

Owns the queue of requests, the turns, the time of each delegation, and the undo of a call to speak. Times are Unix seconds of
the server's clock. Does not know microphones and pictures: `chair.py` carries out the effects.

The phases:

- FREE: no participant has the floor.
- TAKEN: a participant has the floor, and another call is possible.
- FULL: mode `several` with SPEAKERS turns. Another call is refused.

In the mode `one` a call ends the turn before. In the mode `discussion` the turn gives the picture and the timer only.
Every turn ends: by an order, when the speaker leaves, OVERTIME_S after its time is over, after TURN_MOST_S, or with the meeting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Literal

from conference.ground import limits
from conference.ground.errors import Refusal

Why = Literal["ended", "replaced", "left", "time", "meeting", "undone", "mode"]


class Mode(Enum):
    DISCUSSION = "discussion"
    ONE = "one"  # one microphone
    SEVERAL = "several"


class Kind(Enum):
    """The kind of a request to speak."""

    ORDER = "order"  # a point of order
    REPLY = "reply"
    SPEECH = "speech"
    QUESTION = "question"


RANKS: Final[Mapping[Kind, int]] = {Kind.ORDER: 0, Kind.REPLY: 1, Kind.SPEECH: 2, Kind.QUESTION: 2}
"""A request goes before all requests of a higher rank. A point of order comes first."""


class Phase(Enum):
    FREE = "free"
    TAKEN = "taken"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Request:
    identity: str
    kind: Kind
    at: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A grant of the floor.

    `id` is the token of the call. `ends_at` None: no time was set. `delegation` is the unit whose time runs.
    """

    id: str
    identity: str
    kind: Kind
    delegation: str
    since: float
    ends_at: float | None = None
    warned: int = 0
    """The warnings so far: 1 after the warning before the end, 2 after the warning at the end."""

    @property
    def over_at(self) -> float:
        """Return the time at which the turn ends by itself."""
        most = self.since + limits.TURN_MOST_S
        return most if self.ends_at is None else min(most, self.ends_at + limits.OVERTIME_S)


@dataclass(frozen=True, slots=True)
class Undo:
    """The changes of the last call to speak."""

    token: str
    at: float
    identity: str
    request: Request | None
    place: int
    ended: tuple[Turn, ...]
    order: tuple[str, ...] = ()
    """Who had the floor before the call, in the order of the turns."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor. `spoken` and `budgets` are in seconds, by delegation."""

    mode: Mode = Mode.DISCUSSION
    queue: tuple[Request, ...] = ()
    turns: tuple[Turn, ...] = ()
    spoken: Mapping[str, float] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)
    undo: Undo | None = None

    @property
    def phase(self) -> Phase:
        if not self.turns:
            return Phase.FREE
        full = self.mode is Mode.SEVERAL and len(self.turns) >= limits.SPEAKERS
        return Phase.FULL if full else Phase.TAKEN

    def turn_of(self, identity: str) -> Turn | None:
        return next((one for one in self.turns if one.identity == identity), None)

    def place_of(self, identity: str) -> int | None:
        """Return the place in the queue. 0 is the next speaker."""
        return next((place for place, one in enumerate(self.queue) if one.identity == identity), None)

    def remaining_s(self, delegation: str) -> float | None:
        """Return the time that a delegation has left. None: it has no budget."""
        budget = self.budgets.get(delegation)
        return None if budget is None else max(0.0, budget - self.spoken.get(delegation, 0.0))


# -- events


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to speak. `at`: the time of an older request that comes back with its participant. None: now."""

    identity: str
    kind: Kind = Kind.SPEECH
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The participant takes the request back, or a leader lowers the hand."""

    identity: str


@dataclass(frozen=True, slots=True)
class Move:
    """Put a request at another place of the queue. 0 is the first place."""

    identity: str
    place: int


@dataclass(frozen=True, slots=True)
class Call:
    """Give the floor. `time_s` 0: the rest of the delegation's budget, or no time. `token` names the undo."""

    identity: str
    token: str
    delegation: str = ""
    time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class End:
    """End the turn of a participant. An empty identity: all turns."""

    identity: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    identity: str


@dataclass(frozen=True, slots=True)
class SetMode:
    mode: Mode


@dataclass(frozen=True, slots=True)
class SetBudget:
    """Set the speaking time of a delegation. 0 seconds: no budget."""

    delegation: str
    budget_s: float


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Undo the last call to speak."""

    token: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The meeting ends."""


Event = Ask | Withdraw | Move | Call | End | Gone | SetMode | SetBudget | TakeBack | Tick | Finish
EVENTS: Final = (Ask, Withdraw, Move, Call, End, Gone, SetMode, SetBudget, TakeBack, Tick, Finish)


# -- effects


@dataclass(frozen=True, slots=True)
class Given:
    """A participant has the floor. `again`: an undo gave it back."""

    turn: Turn
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    turn: Turn
    why: Why
    spoken_s: float


@dataclass(frozen=True, slots=True)
class Warned:
    """The time of a speaker is over in `left_s` seconds: WARNING_S or 0."""

    turn: Turn
    left_s: float


@dataclass(frozen=True, slots=True)
class Raised:
    """A request is in the queue. `again`: an undo put it back."""

    request: Request
    again: bool = False


@dataclass(frozen=True, slots=True)
class Lowered:
    """A request is no longer in the queue. `called`: because the participant was called to speak."""

    identity: str
    called: bool = False


Effect = Given | Ended | Warned | Raised | Lowered
Made = tuple[Floor, tuple[Effect, ...]]


def step(state: Floor, event: Event, now: float) -> Made:
    """Return the new floor and what changed. Raises Refusal.

    The codes are `floor_queue_full`, `floor_full`, `floor_not_asked`, `floor_not_given`, `budget_limit`, `undo_gone`.
    """
    return TABLE[state.phase][type(event)](state, event, now)


def _ask(state: Floor, event: Any, now: float) -> Made:
    """Queue a request. A second request of the same participant keeps its time, and may change its kind."""
    place = state.place_of(event.identity)
    known = None if place is None else state.queue[place]
    if known is not None and known.kind is event.kind:
        return state, ()
    if known is None and len(state.queue) >= limits.FLOOR_QUEUE:
        raise Refusal("floor_queue_full")
    asked_at = now if event.at is None else event.at
    request = Request(event.identity, event.kind, known.at if known is not None else asked_at)
    others, rank = _without(state.queue, event.identity), (RANKS[event.kind], request.at)
    before = [place for place, one in enumerate(others) if (RANKS[one.kind], one.at) <= rank]
    at = before[-1] + 1 if before else 0
    return replace(state, queue=(*others[:at], request, *others[at:])), (Raised(request),)


def _withdraw(state: Floor, event: Any, now: float) -> Made:
    if state.place_of(event.identity) is None:
        return state, ()
    return replace(state, queue=_without(state.queue, event.identity)), (Lowered(event.identity),)


def _move(state: Floor, event: Any, now: float) -> Made:
    place = state.place_of(event.identity)
    if place is None:
        raise Refusal("floor_not_asked")
    others, at = _without(state.queue, event.identity), max(0, event.place)
    return replace(state, queue=(*others[:at], state.queue[place], *others[at:])), ()


def _call(state: Floor, event: Any, now: float) -> Made:
    """Give the floor. A participant who has it already gets a new time."""
    place = state.place_of(event.identity)
    request = None if place is None else state.queue[place]
    one_only = state.mode is not Mode.SEVERAL
    ended = tuple(one for one in state.turns if one_only or one.identity == event.identity)
    order = tuple(one.identity for one in state.turns)
    state, effects = _end_turns(state, ended, "replaced", now)
    rest_s = event.time_s or state.remaining_s(event.delegation or event.identity)
    turn = Turn(
        event.token,
        event.identity,
        Kind.SPEECH if request is None else request.kind,
        event.delegation or event.identity,
        since=now,
        ends_at=None if rest_s is None else now + rest_s,
    )
    undo = Undo(event.token, now, event.identity, request, place or 0, ended, order)
    lowered = () if request is None else (Lowered(event.identity, called=True),)
    queue = _without(state.queue, event.identity)
    return replace(state, turns=(*state.turns, turn), queue=queue, undo=undo), (*effects, *lowered, Given(turn))


def _call_when_full(state: Floor, event: Any, now: float) -> Made:
    if state.turn_of(event.identity) is None:
        raise Refusal("floor_full")
    return _call(state, event, now)


def _end(state: Floor, event: Any, now: float) -> Made:
    ended = tuple(one for one in state.turns if event.identity in ("", one.identity))
    if not ended:
        raise Refusal("floor_not_given")
    state, effects = _end_turns(state, ended, "ended", now)
    return replace(state, undo=None), effects


def _not_given(state: Floor, event: Any, now: float) -> Made:
    raise Refusal("floor_not_given")


def _gone(state: Floor, event: Any, now: float) -> Made:
    """Forget a participant who left, also in the undo, so that no absent person gets the floor back."""
    state, lowered = _withdraw(state, event, now)
    turn, undo = state.turn_of(event.identity), state.undo
    if undo is not None:
        ended = tuple(one for one in undo.ended if one.identity != event.identity)
        request = None if undo.identity == event.identity else undo.request
        state = replace(state, undo=replace(undo, ended=ended, request=request))
    state, effects = _end_turns(state, () if turn is None else (turn,), "left", now)
    return state, (*lowered, *effects)


def _set_mode(state: Floor, event: Any, now: float) -> Made:
    """Change the mode. One microphone: only the newest turn goes on."""
    if event.mode is state.mode:
        return state, ()
    extra = () if event.mode is Mode.SEVERAL else state.turns[:-1]
    state, effects = _end_turns(state, extra, "mode", now)
    return replace(state, mode=event.mode, undo=None), effects


def _set_budget(state: Floor, event: Any, now: float) -> Made:
    budgets = {one: time_s for one, time_s in state.budgets.items() if one != event.delegation}
    if event.budget_s > 0:
        budgets[event.delegation] = event.budget_s
    if len(budgets) > limits.BUDGETS:
        raise Refusal("budget_limit")
    return replace(state, budgets=budgets), ()


def _take_back(state: Floor, event: Any, now: float) -> Made:
    """Undo the last call. The turns before go on with the time that they had left."""
    undo = state.undo
    if undo is None or undo.token != event.token or now > undo.at + limits.SILENCE_UNDO_S:
        raise Refusal("undo_gone")
    turn = state.turn_of(undo.identity)
    called = () if turn is None or turn.since != undo.at else (turn,)
    state, effects = _end_turns(state, called, "undone", now)
    queue: tuple[Request, ...] = state.queue
    raised: tuple[Raised, ...] = ()
    if undo.request is not None and state.place_of(undo.identity) is None:
        queue = (*queue[: undo.place], undo.request, *queue[undo.place :])
        raised = (Raised(undo.request, again=True),)
    back = tuple(_later(one, now - undo.at) for one in undo.ended if state.turn_of(one.identity) is None)
    spoken = dict(state.spoken)
    for one in undo.ended:
        spoken[one.delegation] = spoken.get(one.delegation, 0.0) - (undo.at - one.since)
    for one in called:  # what was said in a call by mistake does not count
        spoken[one.delegation] = spoken.get(one.delegation, 0.0) - (now - one.since)
    spoken = {one: time_s for one, time_s in spoken.items() if time_s > 0}
    places = {identity: number for number, identity in enumerate(undo.order)}
    turns = sorted((*back, *state.turns), key=lambda one: places.get(one.identity, len(places)))
    made = replace(state, queue=queue, turns=tuple(turns), spoken=spoken, undo=None)
    return made, (*effects, *raised, *(Given(one, again=True) for one in back))


def _later(turn: Turn, by_s: float) -> Turn:
    return replace(turn, since=turn.since + by_s, ends_at=None if turn.ends_at is None else turn.ends_at + by_s)


def _tick(state: Floor, event: Any, now: float) -> Made:
    """End the turns whose time is over, and warn the speakers whose time is nearly over."""
    over = tuple(one for one in state.turns if now >= one.over_at)
    state, ended = _end_turns(state, over, "time", now)
    turns, warned = [], []
    for one in state.turns:
        due = _due(one, now)
        turns.append(replace(one, warned=max(due, one.warned)))
        if due > one.warned:
            warned.append(Warned(turns[-1], 0.0 if due > 1 else limits.WARNING_S))
    if not ended and not warned:
        return state, ()
    return replace(state, turns=tuple(turns)), (*ended, *warned)


def _due(turn: Turn, now: float) -> int:
    """Return the number of warnings that are due. A turn shorter than the first warning gets the last warning only."""
    if turn.ends_at is None or now < turn.ends_at - limits.WARNING_S:
        return 0
    if now >= turn.ends_at:
        return 2
    return 1 if turn.ends_at - turn.since > limits.WARNING_S else 0


def _finish(state: Floor, event: Any, now: float) -> Made:
    state, effects = _end_turns(state, state.turns, "meeting", now)
    lowered = tuple(Lowered(one.identity) for one in state.queue)
    return replace(state, queue=(), undo=None), (*effects, *lowered)


def _end_turns(state: Floor, ended: tuple[Turn, ...], why: Why, now: float) -> Made:
    spoken, effects = dict(state.spoken), []
    for turn in ended:
        time_s = max(0.0, now - turn.since)
        spoken[turn.delegation] = spoken.get(turn.delegation, 0.0) + time_s
        effects.append(Ended(turn, why, time_s))
    while len(spoken) > limits.BUDGETS:
        del spoken[next(iter(spoken))]
    return replace(state, turns=tuple(one for one in state.turns if one not in ended), spoken=spoken), tuple(effects)


def _without(queue: tuple[Request, ...], identity: str) -> tuple[Request, ...]:
    return tuple(one for one in queue if one.identity != identity)


Step = Callable[[Floor, Any, float], Made]
_ALWAYS: Final[Mapping[type[Event], Step]] = {
    Ask: _ask,
    Withdraw: _withdraw,
    Move: _move,
    Call: _call,
    End: _end,
    Gone: _gone,
    SetMode: _set_mode,
    SetBudget: _set_budget,
    TakeBack: _take_back,
    Tick: _tick,
    Finish: _finish,
}
TABLE: Final[Mapping[Phase, Mapping[type[Event], Step]]] = {
    Phase.FREE: {**_ALWAYS, End: _not_given},
    Phase.TAKEN: _ALWAYS,
    Phase.FULL: {**_ALWAYS, Call: _call_when_full},
}
"""Phase -> event -> step."""


# -- storing


def as_json(state: Floor) -> dict[str, Any]:
    """Return what outlives a restart. The undo does not."""
    return {
        "mode": state.mode.value,
        "queue": [{"identity": one.identity, "kind": one.kind.value, "at": one.at} for one in state.queue],
        "turns": [
            {
                "id": one.id,
                "identity": one.identity,
                "kind": one.kind.value,
                "delegation": one.delegation,
                "since": one.since,
                "ends_at": one.ends_at,
                "warned": one.warned,
            }
            for one in state.turns
        ],
        "spoken": dict(state.spoken),
        "budgets": dict(state.budgets),
    }


def from_json(value: Mapping[str, Any]) -> Floor:
    return Floor(
        mode=Mode(value.get("mode", "discussion")),
        queue=tuple(Request(one["identity"], Kind(one["kind"]), one["at"]) for one in value.get("queue", ())),
        turns=tuple(Turn(**{**one, "kind": Kind(one["kind"])}) for one in value.get("turns", ())),
        spoken=dict(value.get("spoken", {})),
        budgets=dict(value.get("budgets", {})),
    )
