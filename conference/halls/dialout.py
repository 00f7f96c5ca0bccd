"""The calls to halls: the state machine of one leg, its retries, and the rate of calls.

The functions are pure. They take a leg and an event, and return the new leg and the actions. A leg is stored before its actions
run, so a server that was killed continues from the stored state. The Call-ID depends only on the leg, so one attempt never
becomes two calls. Does not own rows (`rooms.dialling`), SIP or the clock.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from conference.ground import limits
from conference.halls.causes import Cause


class State(Enum):
    """The state of a leg that an operator sees."""

    IDLE = "idle"  # will be called when it is due, or was never requested
    PROBING = "probing"  # OPTIONS before the meeting
    CALLING = "calling"
    RINGING = "ringing"
    CONNECTED = "connected"
    FAILED = "failed"  # waits for its next attempt; without a time, for its registration
    GIVEN_UP = "given_up"  # an operator must act
    LEFT = "left"  # hung up, dropped, or the meeting has ended


class Event(Enum):
    PROBE = "probe"
    PROBED = "probed"
    CALL = "call"  # the date begins, or an operator requests the call
    DUE = "due"  # the time of the leg has come, and `Ramp` has room
    RANG = "rang"
    ANSWERED = "answered"
    REFUSED = "refused"  # A final response, or no response in time.
    AWAY = "away"  # The terminal has an account and is not registered, so it has no address.
    FORBID = "forbid"  # The class of the meeting does not admit the terminal.
    HUNG_UP = "hung_up"  # The hall ended the call.
    LOST = "lost"  # The packets stopped, or the connection broke.
    CAME = "came"  # The hall has called us by itself.
    DROP = "drop"
    REDIAL = "redial"
    END = "end"  # the meeting has ended
    REGISTERED = "registered"  # the terminal can be reached, or has another address than before
    RECOVER = "recover"  # the server was killed and started again


class Action(Enum):
    PROBE = "probe"
    DIAL = "dial"
    CANCEL = "cancel"  # cancels a call that is not answered yet
    HANG_UP = "hang_up"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Leg:
    """The calls to one hall for one date. Times are Unix seconds.

    `epoch` counts the new beginnings: a redial, a restart of the server, a call after the leg was given up or left. `attempt`
    counts the attempts in one epoch. `failure` is the kind of the last failure. `failures` counts failures of this kind in a
    row. `rung` is the position in the profile ladder.
    """

    occurrence: str
    terminal: str
    epoch: int = 1
    attempt: int = 1
    state: State = State.IDLE
    rung: int = 0
    failure: str = ""
    failures: int = 0
    status: int = 0
    reason: str = ""
    next_try_at: float | None = None
    since: float = 0.0
    redialled: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a leg, with its data.

    - `cause`: the cause of REFUSED.
    - `status`: the protocol's code of the cause, for the row only. 0: no response.
    - `rungs`: the number of profiles of this terminal. Each refused profile leads to the next one (`Leg.rung`).
    - `why`: the reason of FORBID, a key of `REASONS`.
    - `own`: True if the event is about a call that the hall made.
    """

    event: Event
    now: float
    cause: Cause = Cause.UNREACHABLE
    status: int = 0
    retry_after_s: float = 0.0
    rungs: int = 1
    why: str = "class_forbids"
    own: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The rule for one kind of failure: call again after `after_s`, at most `tries` times in a row, then give up. With 0 tries
    an operator must act at once.
    """

    kind: str
    after_s: float
    tries: int


BUSY: Final = Retry(Cause.BUSY.value, limits.BUSY_RETRY_S, limits.BUSY_TRIES)
NO_ANSWER: Final = Retry(Cause.NO_ANSWER.value, limits.NO_ANSWER_RETRY_S, limits.NO_ANSWER_TRIES)
UNREACHABLE: Final = Retry(Cause.UNREACHABLE.value, limits.NO_ANSWER_RETRY_S, limits.NO_ANSWER_TRIES)
PROFILE: Final = Retry(Cause.PROFILE.value, limits.RUNG_RETRY_S, limits.RUNGS)
OVERLOADED: Final = Retry(Cause.OVERLOADED.value, limits.OVERLOAD_RETRY_S, limits.OVERLOAD_TRIES)
MERGED: Final = Retry(Cause.MERGED.value, limits.MERGED_RETRY_S, limits.NO_ANSWER_TRIES)
LOST: Final = Retry("lost", limits.LOST_RETRY_S, limits.NO_ANSWER_TRIES)
UNKNOWN_THERE: Final = Retry(Cause.UNKNOWN_THERE.value, 0, 0)
FORBIDDEN: Final = Retry(Cause.FORBIDDEN.value, 0, 0)
DECLINED: Final = Retry(Cause.DECLINED.value, 0, 0)
NOT_REGISTERED: Final = "not_registered"
"""The value of `Leg.failure` for a terminal that must register first."""
WRONG_WAYS: Final = frozenset({"network_open", "needs_encryption"})
"""The reasons of FORBID that depend on the terminal's address and transport."""
REGISTER_HELPS: Final = frozenset({NOT_REGISTERED, UNREACHABLE.kind, LOST.kind}) | WRONG_WAYS
"""The failures that may end when the terminal registers. It may register from another network, or by TLS."""

RETRIES: Final[Mapping[Cause, Retry]] = {
    Cause.BUSY: BUSY,
    Cause.NO_ANSWER: NO_ANSWER,
    Cause.UNREACHABLE: UNREACHABLE,
    Cause.PROFILE: PROFILE,
    Cause.OVERLOADED: OVERLOADED,
    Cause.MERGED: MERGED,
    Cause.UNKNOWN_THERE: UNKNOWN_THERE,
    Cause.FORBIDDEN: FORBIDDEN,
    Cause.DECLINED: DECLINED,
}
"""The retry rule for each cause."""

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "": ("", ""),
    "busy": ("Đang bận", "busy"),
    "no_answer": ("Không trả lời", "no answer"),
    "unreachable": ("Không kết nối được", "cannot be reached"),
    "profile": ("Không chung chuẩn hình, tiếng", "no common picture or sound format"),
    "overloaded": ("Thiết bị quá tải", "overloaded"),
    "merged": ("Cuộc gọi trước chưa kết thúc", "the previous call has not ended"),
    "lost": ("Mất kết nối", "connection lost"),
    "unknown_there": ("Thiết bị không nhận địa chỉ này (404)", "the terminal does not know this address (404)"),
    "forbidden": ("Thiết bị từ chối đăng nhập", "the terminal refused the credentials"),
    "declined": ("Điểm cầu từ chối", "declined"),
    "hung_up": ("Điểm cầu tự ngắt", "hung up by the hall"),
    "dropped": ("Người điều hành đã ngắt", "disconnected by an operator"),
    "ended": ("Cuộc họp đã kết thúc", "the meeting is over"),
    "restarted": ("Máy chủ khởi động lại", "the server was restarted"),
    "class_forbids": ("Mức cuộc họp không cho phép", "not allowed in a meeting of this class"),
    "not_in_time": ("Quá giờ gọi", "too late to call"),
    "slow": ("Thiết bị trả lời chậm", "the terminal answers slowly"),
    "not_registered": ("Thiết bị chưa kết nối máy chủ", "the terminal is not connected to the server"),
    "no_address": ("Chưa khai địa chỉ SIP và chưa cấp tài khoản", "no SIP address is set and no account was issued"),
    "network_open": (
        "Cuộc họp quan trọng chỉ nhận thiết bị trong mạng riêng; thiết bị này ở ngoài",
        "important meetings accept only terminals in closed networks; this terminal is outside",
    ),
    "not_agreed": (
        "Đơn vị chưa nhận lời, cuộc họp chưa qua duyệt cấp hệ thống: hãy gọi bằng tay",
        "the unit has not agreed and the system has not approved the meeting: call the hall by hand",
    ),
    "taken_elsewhere": (
        "Đã dành cho cuộc họp khác vào giờ này",
        "reserved for another meeting at this time",
    ),
    "needs_encryption": (
        "Phải mã hóa: thiết bị cần kết nối bằng TLS và bật SRTP",
        "encryption is required: connect the terminal by TLS and enable SRTP",
    ),
    "outside_zones": (
        "Địa chỉ khai tay nằm ngoài các mạng được đánh dấu cho thiết bị hội trường, hoặc cổng lạ: không thăm dò",
        "not checked: the typed address is outside the networks marked for hall terminals, or has an unusual port",
    ),
    "other_meeting": ("Đang ở cuộc họp khác", "in another meeting now"),
    "operator": ("Điểm cầu gọi người trực", "the hall asks for an operator"),
}
"""The texts of `Leg.reason`, of missing readiness and of alarms, in Vietnamese and English."""

Step = Callable[[Leg, Happening], tuple[Leg, tuple[Action, ...]]]
Moved = tuple[Leg, tuple[Action, ...]]


def call_id(leg: Leg, key: bytes) -> str:
    """Return the Call-ID of this attempt. It is the same in every process, so the terminal treats a repeated attempt as one
    call.
    """
    name = f"{leg.occurrence}|{leg.terminal}|{leg.epoch}|{leg.attempt}"
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:40]


def step(leg: Leg, happening: Happening) -> Moved:
    """Return the leg and the actions after an event. An event that does not apply to the state changes nothing."""
    move = TABLE[leg.state].get(happening.event)
    return move(leg, happening) if move is not None else (leg, ())


# -- the transitions


def _to(state: State, *actions: Action, reason: str | None = None, keeps_time: bool = False) -> Step:
    """Return a transition to `state`. `keeps_time`: the planned time of the call stays."""

    def move(leg: Leg, one: Happening) -> Moved:
        words = leg.reason if reason is None else reason
        when = leg.next_try_at if keeps_time else None
        return replace(leg, state=state, since=one.now, next_try_at=when, reason=words), actions

    return move


def _stands(leg: Leg, one: Happening) -> Moved:
    """Note that a call was answered, or that the hall called by itself. The hall then has one call, and the dialer ends any
    other call.
    """
    done = replace(leg, failure="", failures=0, status=0, reason="", next_try_at=None)
    return replace(done, state=State.CONNECTED, since=one.now), ()


def _wanted(leg: Leg, one: Happening) -> Moved:
    """Call the hall as soon as the ramp has room."""
    return replace(leg, state=State.IDLE, since=one.now, next_try_at=one.now), ()


def _sooner(leg: Leg, one: Happening) -> Moved:
    return replace(leg, next_try_at=one.now), ()


def _anew(*actions: Action) -> Step:
    """Return a transition to a new epoch, in which all attempts are available again."""

    def move(leg: Leg, one: Happening) -> Moved:
        fresh = Leg(leg.occurrence, leg.terminal, epoch=leg.epoch + 1, rung=leg.rung)
        return replace(fresh, since=one.now, next_try_at=one.now), actions

    return move


def _recover_call(leg: Leg, one: Happening) -> Moved:
    """Repeat the same attempt. After a restart the server does not know if the terminal received it."""
    return replace(leg, state=State.IDLE, since=one.now, next_try_at=one.now), ()


def _recover_connected(leg: Leg, one: Happening) -> Moved:
    moved, actions = _anew()(leg, one)
    return replace(moved, reason="restarted", redialled=leg.redialled), actions


def _refused(leg: Leg, one: Happening) -> Moved:
    retry = RETRIES[one.cause]
    if retry is OVERLOADED and one.retry_after_s > 0:
        after_s = min(max(one.retry_after_s, limits.RETRY_AFTER_LEAST_S), limits.RETRY_AFTER_MOST_S)
        retry = replace(retry, after_s=after_s)
    return _again(replace(leg, status=one.status), retry, one)


def _lost(leg: Leg, one: Happening) -> Moved:
    return _again(leg, LOST, one)


def _again(leg: Leg, retry: Retry, one: Happening) -> Moved:
    failures = leg.failures + 1 if leg.failure == retry.kind else 1
    rung = leg.rung + 1 if retry.kind == PROFILE.kind else leg.rung
    failed = replace(
        leg, failure=retry.kind, failures=failures, reason=retry.kind, since=one.now, attempt=leg.attempt + 1
    )
    spent = failures > retry.tries or leg.attempt >= limits.ATTEMPTS or rung >= max(one.rungs, 1)
    if spent:
        return replace(failed, state=State.GIVEN_UP, next_try_at=None), (Action.ALARM,)
    return replace(failed, state=State.FAILED, rung=rung, next_try_at=one.now + retry.after_s), ()


def _away(leg: Leg, one: Happening) -> Moved:
    """Wait without a time until the terminal registers. Nothing was sent, so this does not count as an attempt."""
    waits = replace(leg, failure=NOT_REGISTERED, failures=0, status=0, reason=NOT_REGISTERED)
    return replace(waits, state=State.FAILED, since=one.now, next_try_at=None), ()


def _registered(leg: Leg, one: Happening) -> Moved:
    return (replace(leg, next_try_at=one.now), ()) if leg.failure in REGISTER_HELPS else (leg, ())


def _registered_late(leg: Leg, one: Happening) -> Moved:
    """Start again after a registration, if the leg was given up because the terminal could not be reached
    or the call was lost.
    """
    return _anew()(leg, one) if leg.failure in REGISTER_HELPS else (leg, ())


def _hung_up(leg: Leg, one: Happening) -> Moved:
    """Handle a hang-up by the hall. The hall's people may press a wrong key, so a hall that we called is called once more. A
    hall that called us left on purpose.
    """
    if leg.redialled or one.own:
        return replace(leg, state=State.LEFT, since=one.now, next_try_at=None, reason="hung_up"), (Action.ALARM,)
    again = replace(leg, state=State.FAILED, redialled=True, attempt=leg.attempt + 1, reason="hung_up")
    return replace(again, since=one.now, next_try_at=one.now + limits.HUNG_UP_RETRY_S), ()


def _stood(then: Step) -> Step:
    """Return a transition that first treats the call as answered. Only an answered call can be hung up or lost, so the database
    missed the answer.
    """

    def move(leg: Leg, one: Happening) -> Moved:
        return then(_stands(leg, one)[0], one)

    return move


def _forbidden(leg: Leg, one: Happening) -> Moved:
    moved, _ = _to(State.GIVEN_UP, reason=one.why)(leg, one)
    return replace(moved, failure=one.why if one.why in WRONG_WAYS else leg.failure), (Action.ALARM,)


def _superfluous(leg: Leg, _one: Happening) -> Moved:
    """Hang up a call that should not exist: a late answer, or the hall's own call after it was dropped."""
    return leg, (Action.HANG_UP,)


_DIAL = _to(State.CALLING, Action.DIAL)
_PENDING: Final[dict[Event, Step]] = {
    Event.ANSWERED: _stands,
    Event.REFUSED: _refused,
    Event.FORBID: _forbidden,
    Event.HUNG_UP: _stood(_hung_up),
    Event.LOST: _stood(_lost),
    Event.CAME: _stands,
    Event.DROP: _to(State.LEFT, Action.CANCEL, reason="dropped"),
    Event.END: _to(State.LEFT, Action.CANCEL, reason="ended"),
    Event.REDIAL: _anew(Action.CANCEL),
    Event.RECOVER: _recover_call,
}
_AT_REST: Final[dict[Event, Step]] = {
    Event.ANSWERED: _superfluous,
    Event.CAME: _stands,
    Event.DROP: _to(State.LEFT, Action.HANG_UP, reason="dropped"),
    Event.END: _to(State.LEFT, Action.HANG_UP, reason="ended"),
}
"""Transitions without a running call of ours. The hall may have called us already, before the database stores this call."""

TABLE: Final[Mapping[State, Mapping[Event, Step]]] = {
    State.IDLE: _AT_REST
    | {
        Event.PROBE: _to(State.PROBING, Action.PROBE, keeps_time=True),
        Event.CALL: _wanted,
        Event.REDIAL: _wanted,
        Event.DUE: _DIAL,
    },
    State.PROBING: _AT_REST
    | {
        Event.PROBED: _to(State.IDLE, keeps_time=True),
        Event.CALL: _wanted,
        Event.REDIAL: _wanted,
        Event.DUE: _DIAL,
        Event.RECOVER: _to(State.IDLE, keeps_time=True),
    },
    State.CALLING: _PENDING | {Event.RANG: _to(State.RINGING, reason=""), Event.AWAY: _away},
    State.RINGING: _PENDING,
    State.CONNECTED: {
        Event.CAME: _stands,  # over another call, perhaps in another worker than the earlier call
        Event.HUNG_UP: _hung_up,
        Event.LOST: _lost,
        Event.DROP: _to(State.LEFT, Action.HANG_UP, reason="dropped"),
        Event.END: _to(State.LEFT, Action.HANG_UP, reason="ended"),
        Event.REDIAL: _anew(Action.HANG_UP),
        Event.RECOVER: _recover_connected,
    },
    State.FAILED: _AT_REST
    | {Event.CALL: _sooner, Event.REDIAL: _anew(), Event.DUE: _DIAL, Event.REGISTERED: _registered},
    State.GIVEN_UP: _AT_REST | {Event.CALL: _anew(), Event.REDIAL: _anew(), Event.REGISTERED: _registered_late},
    State.LEFT: {
        Event.ANSWERED: _superfluous,
        Event.CAME: _stands,
        Event.DROP: _superfluous,
        Event.CALL: _anew(),
        Event.REDIAL: _anew(),
    },
}
"""The transitions by state and event. An event that is not in the table changes nothing."""


# -- the order of calls

READINESS: Final = ("red", "amber", "unknown", "green")
"""The worst readiness first, because those halls will need the most attempts."""


def urgency(leg: Leg, readiness: str = "unknown", *, chair: bool = False) -> tuple[bool, int, int, float, str]:
    """Return the sort key of a due leg. The hall of the chair comes first."""
    rank = READINESS.index(readiness) if readiness in READINESS else READINESS.index("unknown")
    return not chair, rank, -leg.failures, leg.next_try_at or 0.0, leg.terminal


def due(legs: Iterable[Leg], now: float) -> list[Leg]:
    """Return the legs whose next attempt is due."""
    waiting = (State.IDLE, State.PROBING, State.FAILED)
    return [one for one in legs if one.state in waiting and one.next_try_at is not None and one.next_try_at <= now]


@dataclass(slots=True)
class Ramp:
    """The rate limit for new calls: `per_s` in each second, over all conferences of the process. Hundreds of halls that answer
    at once would request as many key frames.
    """

    per_s: int = limits.INVITES_PER_S
    _started: list[float] = field(default_factory=list)

    def room(self, now: float) -> int:
        """Return how many calls may begin now. If the clock goes back, no room is added."""
        self._started = [at for at in self._started if now - at < 1.0]
        return max(0, self.per_s - len(self._started))

    def take(self, now: float) -> bool:
        if self.room(now) == 0:
            return False
        self._started.append(now)
        return True
