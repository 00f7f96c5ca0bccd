"""The breaks of one meeting: recess (giải lao), closed session (họp kín), the lobby, and the stop for secret content. Pure.

| phase | meaning |
|---|---|
| `open` | no break |
| `recess` | a slate with the time of return; all microphones are off |
| `closed` | chosen sites and guests wait in the lobby |
| `closed_recess` | a recess during a closed session |
| `stopping` | all media are off; halls hear a sentence |
| `stopped` | the meeting has ended because of secret content |

`State` and one `Event` go in; the new state and the effects come out, or a Refusal. `now` is in Unix seconds. A recess and a
closed session end by one press each, and everything from before comes back. A participant that was sent back to the lobby
waits in every phase, until a leader readmits it. A stop cannot be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, TypeAlias, get_args

from conference.ground import limits
from conference.ground.errors import Refusal
from rooms.policy.bearers import bearer

Phase = Literal["open", "recess", "closed", "closed_recess", "stopping", "stopped"]
JSON: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Recess:
    """A recess. `until`: the time of return, None if it was not said. `microphones`: the identities whose microphones were on.
    `locked`: the halls that a host had muted before.
    """

    since: float
    until: float | None
    microphones: tuple[str, ...]
    locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed session. `item`: the agenda item, may be empty. `out`: the identities that wait in the lobby. `inside`: the
    bearers who take part. All others who come wait in the lobby, because a new entry makes a new identity.
    """

    since: float
    item: str
    out: tuple[str, ...]
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop for secret content. It keeps who and when, and nothing of the meeting."""

    since: float
    by: str


@dataclass(frozen=True, slots=True)
class State:
    recess: Recess | None = None
    closed: Closed | None = None
    stop: Stop | None = None
    over: bool = False
    """The meeting has ended because of the stop."""
    apart: tuple[str, ...] = ()
    """The identities that were sent back to the lobby one by one. The end of a closed session does not bring them back."""

    @property
    def phase(self) -> Phase:
        if self.stop is not None:
            return "stopped" if self.over else "stopping"
        if self.recess is not None:
            return "recess" if self.closed is None else "closed_recess"
        return "open" if self.closed is None else "closed"

    @property
    def due(self) -> float | None:
        """Return the time at which a `Tick` ends the meeting. None: time alone changes nothing."""
        return self.stop.since + limits.STOP_SAID_S if self.stop is not None and not self.over else None

    @property
    def silent(self) -> bool:
        """Report whether nobody may switch a microphone on."""
        return self.recess is not None or self.stop is not None

    def keeps_out(self, identity: str) -> bool:
        """Report whether this participant must wait in the lobby."""
        return self.stop is not None or identity in self.outside

    @property
    def outside(self) -> tuple[str, ...]:
        """Return the identities that wait in the lobby."""
        return tuple(dict.fromkeys((*(self.closed.out if self.closed is not None else ()), *self.apart)))


# -- events


@dataclass(frozen=True, slots=True)
class BeginRecess:
    """`microphones`: the identities whose microphones are on now. `locked`: the halls that cannot unmute themselves now."""

    by: str
    until: float | None
    microphones: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeReturn:
    by: str
    until: float | None


@dataclass(frozen=True, slots=True)
class EndRecess:
    by: str


@dataclass(frozen=True, slots=True)
class BeginClosed:
    by: str
    item: str
    out: tuple[str, ...]
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SendOut:
    """Send one more participant to the lobby."""

    by: str
    identity: str


@dataclass(frozen=True, slots=True)
class LetIn:
    """Let one participant return before the end of the closed session."""

    by: str
    identity: str


@dataclass(frozen=True, slots=True)
class EndClosed:
    by: str


@dataclass(frozen=True, slots=True)
class PutApart:
    """Send participants back to the lobby, also without a closed session. `by` empty: a person that waits came again."""

    by: str
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Readmit:
    """Let one participant return from the lobby, also during a closed session."""

    by: str
    identity: str


@dataclass(frozen=True, slots=True)
class StopSecret:
    by: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The time `State.due` has come."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The server has started again and has read the state from the store."""


Event = (
    BeginRecess
    | ChangeReturn
    | EndRecess
    | BeginClosed
    | SendOut
    | LetIn
    | EndClosed
    | PutApart
    | Readmit
    | StopSecret
    | Tick
    | Restored
)
EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)


# -- effects


@dataclass(frozen=True, slots=True)
class ShowSlate:
    """Show the slate to halls and browsers."""

    until: float | None


@dataclass(frozen=True, slots=True)
class HideSlate:
    pass


@dataclass(frozen=True, slots=True)
class MuteAll:
    """Switch all microphones off, and keep them off."""


@dataclass(frozen=True, slots=True)
class Unmute:
    """Give these participants their microphones back: halls at once, people by a question. The `locked` halls stay muted."""

    identities: tuple[str, ...]
    locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToLobby:
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FromLobby:
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopMedia:
    """Switch all media off on every leg, and say the sentence to the halls."""


@dataclass(frozen=True, slots=True)
class Destroy:
    """Destroy chat, notes, snapshots and thumbnails since the start of the meeting."""


@dataclass(frozen=True, slots=True)
class EndMeeting:
    """End the meeting for all: halls get BYE, and nobody can return."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry for the audit trail and the replay, as plain values. Never a title."""

    what: str
    by: str
    detail: Mapping[str, JSON]


Effect = ShowSlate | HideSlate | MuteAll | Unmute | ToLobby | FromLobby | StopMedia | Destroy | EndMeeting | Noted
Result: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, now: float) -> Result:
    """Return the next state and the effects. Raises Refusal `break_state` for an event that this phase does not take."""
    does = TABLE.get((state.phase, type(event)))
    if does is None:
        raise Refusal("break_state", *_WRONG_PHASE[state.phase])
    return does(state, event, now)


# -- recess


def _begin_recess(state: State, event: BeginRecess, now: float) -> Result:
    until = _checked_return(event.until, now)
    microphones = tuple(dict.fromkeys(event.microphones))[: limits.PARTICIPANTS_MOST]
    locked = tuple(dict.fromkeys(event.locked))[: limits.HALLS]
    begun = replace(state, recess=Recess(now, until, microphones, locked))
    return begun, (MuteAll(), ShowSlate(until), Noted("recess.began", event.by, {"until": until}))


def _change_return(state: State, event: ChangeReturn, now: float) -> Result:
    until = _checked_return(event.until, now)
    assert state.recess is not None
    changed = replace(state, recess=replace(state.recess, until=until))
    return changed, (ShowSlate(until), Noted("recess.changed", event.by, {"until": until}))


def _end_recess(state: State, event: EndRecess, now: float) -> Result:
    """End the recess. Participants who wait in the lobby of a closed session get no microphone."""
    assert state.recess is not None
    back = tuple(one for one in state.recess.microphones if not state.keeps_out(one))
    effects = HideSlate(), Unmute(back, state.recess.locked), Noted("recess.ended", event.by, {})
    return replace(state, recess=None), effects


def _checked_return(until: float | None, now: float) -> float | None:
    if until is not None and not now < until <= now + limits.RECESS_MOST_S:
        hours = round(limits.RECESS_MOST_S / 3600)
        raise Refusal(
            "recess_until",
            f"Giờ họp lại phải sau bây giờ và trong vòng {hours} giờ tới",
            f"the time of return must be within the next {hours} hours",
        )
    return until


# -- closed session


def _begin_closed(state: State, event: BeginClosed, now: float) -> Result:
    out = tuple(dict.fromkeys(event.out))
    if not out:
        raise Refusal(
            "closed_nobody", "Hãy chọn ít nhất một điểm cầu hoặc khách ra phòng chờ", "choose who must wait outside"
        )
    _check_out(out)
    noted = Noted("closed_session.began", event.by, {"out": list(out)})
    return replace(state, closed=Closed(now, event.item, out, _inside(event.inside, out))), (ToLobby(out), noted)


def _send_out(state: State, event: SendOut, now: float) -> Result:
    closed = state.closed
    assert closed is not None
    if event.identity in closed.out:
        return state, (ToLobby((event.identity,)),)  # it came in by another way
    out = (*closed.out, event.identity)
    _check_out(out)
    noted = Noted("closed_session.sent_out", event.by, {"identity": event.identity})
    sent = replace(closed, out=out, inside=_inside(closed.inside, (event.identity,)))
    return replace(state, closed=sent), (ToLobby((event.identity,)), noted)


def _let_in(state: State, event: LetIn, now: float) -> Result:
    closed = state.closed
    assert closed is not None
    if event.identity not in closed.out:
        raise Refusal("closed_inside", *_INSIDE)
    who = bearer(event.identity)
    let = tuple(one for one in closed.out if bearer(one) == who)
    out = tuple(one for one in closed.out if one not in let)
    inside = (*_inside(closed.inside, (who,)), who)[-limits.PARTICIPANTS_MOST :]
    noted = Noted("closed_session.let_in", event.by, {"identity": event.identity})
    back = tuple(one for one in let if one not in state.apart)
    return replace(state, closed=replace(closed, out=out, inside=inside)), (FromLobby(back), noted)


def _end_closed(state: State, event: EndClosed, now: float) -> Result:
    assert state.closed is not None
    noted = Noted("closed_session.ended", event.by, {})
    back = tuple(one for one in state.closed.out if one not in state.apart)
    return replace(state, closed=None), (FromLobby(back), noted)


def _inside(bearers: tuple[str, ...], out: tuple[str, ...]) -> tuple[str, ...]:
    """Return these bearers without those who wait in the lobby."""
    sent = {bearer(one) for one in out}
    return tuple(one for one in dict.fromkeys(bearers) if one not in sent)[: limits.PARTICIPANTS_MOST]


def _check_out(out: tuple[str, ...]) -> None:
    if len(out) > limits.PARTICIPANTS_MOST:
        raise Refusal("closed_many", "Quá nhiều người phải ra phòng chờ", "too many participants for the lobby")


# -- back to the lobby


def _put_apart(state: State, event: PutApart, now: float) -> Result:
    apart = tuple(dict.fromkeys((*state.apart, *event.identities)))
    _check_out(apart)
    noted = Noted("lobby.sent_back", event.by, {"identities": list(event.identities)})
    return replace(state, apart=apart), (ToLobby(event.identities), noted)


def _readmit(state: State, event: Readmit, now: float) -> Result:
    """Let all windows of one person return."""
    who = bearer(event.identity)
    back = tuple(one for one in state.outside if bearer(one) == who)
    if event.identity not in back:
        raise Refusal("closed_inside", *_INSIDE)
    closed = state.closed
    if closed is not None:
        out = tuple(one for one in closed.out if one not in back)
        inside = (*_inside(closed.inside, (who,)), who)[-limits.PARTICIPANTS_MOST :]
        closed = replace(closed, out=out, inside=inside)
    apart = tuple(one for one in state.apart if one not in back)
    noted = Noted("lobby.readmitted", event.by, {"identity": event.identity})
    return replace(state, closed=closed, apart=apart), (FromLobby(back), noted)


# -- stop for secret content


def _stop(state: State, event: StopSecret, now: float) -> Result:
    """Stop the meeting. Nothing of the breaks stays, not even the item of a closed session."""
    noted = Noted("secret_stop", event.by, {"at": now})
    return State(stop=Stop(now, event.by)), (StopMedia(), Destroy(), noted)


def _tick(state: State, event: Tick, now: float) -> Result:
    due = state.due
    return (replace(state, over=True), (EndMeeting(),)) if due is not None and now >= due else (state, ())


# -- restart


def _restored(state: State, event: Restored, now: float) -> Result:
    """Repeat the effects that a restart has lost. A stopped meeting ends at once, because no hall is left to hear a sentence."""
    if state.stop is not None:
        return replace(state, over=True), (Destroy(), EndMeeting())
    recess = (MuteAll(), ShowSlate(state.recess.until)) if state.recess is not None else ()
    outside = (ToLobby(state.outside),) if state.outside else ()
    return state, (*recess, *outside)


_INSIDE: Final = ("Người này không ở phòng chờ", "this participant does not wait outside")


_WRONG_PHASE: Final[Mapping[Phase, tuple[str, str]]] = {
    "open": ("Cuộc họp không giải lao và không họp kín", "there is no recess and no closed session"),
    "recess": ("Cuộc họp đang giải lao", "the meeting is in recess"),
    "closed": ("Cuộc họp đang họp kín", "a closed session is running"),
    "closed_recess": ("Phiên họp kín đang giải lao", "the closed session is in recess"),
    "stopping": ("Cuộc họp đã dừng", "the meeting was stopped"),
    "stopped": ("Cuộc họp đã dừng", "the meeting was stopped"),
}

_Does: TypeAlias = Callable[[State, Any, float], Result]
_RUNNING: Final[tuple[Phase, ...]] = ("open", "recess", "closed", "closed_recess")
_TAKEN: Final[Mapping[type[Event], tuple[_Does, tuple[Phase, ...]]]] = {
    BeginRecess: (_begin_recess, ("open", "closed")),
    ChangeReturn: (_change_return, ("recess", "closed_recess")),
    EndRecess: (_end_recess, ("recess", "closed_recess")),
    BeginClosed: (_begin_closed, ("open", "recess")),
    SendOut: (_send_out, ("closed", "closed_recess")),
    LetIn: (_let_in, ("closed", "closed_recess")),
    EndClosed: (_end_closed, ("closed", "closed_recess")),
    PutApart: (_put_apart, _RUNNING),
    Readmit: (_readmit, _RUNNING),
    StopSecret: (_stop, _RUNNING),
    Tick: (_tick, ("stopping",)),
    Restored: (_restored, get_args(Phase)),
}
TABLE: Final[Mapping[tuple[Phase, type[Event]], _Does]] = {
    (phase, event): does for event, (does, phases) in _TAKEN.items() for phase in phases
}
"""The events that each phase takes. All other pairs are refused with `break_state`."""


# -- the store


def as_json(state: State) -> JSON:
    """Return the state as plain values for the store."""
    return asdict(state)


def from_json(value: JSON) -> State:
    """Return the state of `as_json`."""
    recess, closed, stop = value["recess"], value["closed"], value["stop"]
    return State(
        _recess(recess) if recess is not None else None,
        Closed(**{**closed, "out": tuple(closed["out"]), "inside": tuple(closed.get("inside", ()))})
        if closed is not None
        else None,
        Stop(**stop) if stop is not None else None,
        value["over"],
        tuple(value.get("apart", ())),
    )


def _recess(value: JSON) -> Recess:
    return Recess(**{**value, "microphones": tuple(value["microphones"]), "locked": tuple(value["locked"])})
