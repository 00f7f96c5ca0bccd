"""The orders about the floor, the rules and the roles of a meeting. Their fields, and how they are performed.

`table.py` names the orders. `conference.chair.chair` checks the right again, and defines the effects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from pydantic import Field

from conference import limits
from conference.chair import rules
from conference.chair.chair import Chair
from conference.chair.floor import Mode
from conference.chair.rights import Act, Role
from conference.chair.rules import Whom as Group
from signaling.orders.performing import Given, worded
from signaling.orders.shapes import Done, Message, Nothing, Undoing, Undone, Whom

Affected = Literal["nobody", "guests", "halls", "all"]


class Calling(Whom):
    """A call to speak. `time_s` 0: the rest of the delegation's time, or no time."""

    time_s: float = Field(default=0.0, ge=0, le=limits.TURN_MOST_S)


class Called(Message):
    """The result of a call to speak. `undo` takes it back for `undo_s` seconds."""

    undo: str
    undo_s: float


class Ending(Message):
    """The end of a turn. An empty `identity`: all turns."""

    identity: str = Field(default="", max_length=limits.IDENTITY_BYTES)


class Placing(Whom):
    """A place in the queue. 0 is the next speaker."""

    place: int = Field(ge=0, le=limits.FLOOR_QUEUE)


class Switching(Message):
    """The mode of the floor. `one`: one microphone. `several`: a panel."""

    mode: Literal["discussion", "one", "several"]


class Budgeting(Message):
    """The speaking time of a delegation: a unit, or the identity of a participant without a unit. 0: no limit."""

    delegation: str = Field(min_length=1, max_length=limits.IDENTITY_BYTES)
    budget_s: float = Field(ge=0, le=limits.TURN_MOST_S)


class Ruling(Message):
    """The rules to change. An absent rule stays. `unmute_off`: who may not switch the microphone on without being asked."""

    unmute_off: Affected | None = None
    camera_off: Affected | None = None
    share_off: Affected | None = None
    chat_off: Affected | None = None
    entry_muted: bool | None = None


class Locking(Message):
    """The lock of the meeting."""

    locked: bool


class Appointing(Whom):
    """A role for a participant."""

    role: Literal["co_chair", "secretary", "delegate", "hall", "observer", "guest"]


class Asking(Message):
    """A request to speak."""

    kind: Literal["speech", "reply", "order", "question"] = "speech"


def _chair(given: Given) -> Chair:
    return given.meeting().chair


async def call_speaker(given: Given, wanted: Calling) -> Called:
    with worded():
        undo = _chair(given).call_speaker(given.by, wanted.identity, wanted.time_s)
    return Called(undo=undo, undo_s=limits.SILENCE_UNDO_S)


async def end_turn(given: Given, wanted: Ending) -> None:
    with worded():
        _chair(given).end_turn(given.by, wanted.identity)


async def undo(given: Given, wanted: Undoing) -> Undone:
    with worded():
        back = _chair(given).undo(given.by, wanted.undo)
    return Undone(unmuted=back.unmuted, asked=back.asked)


async def reorder(given: Given, wanted: Placing) -> None:
    with worded():
        _chair(given).reorder(given.by, wanted.identity, wanted.place)


async def set_floor_mode(given: Given, wanted: Switching) -> None:
    _chair(given).set_floor_mode(given.by, Mode(wanted.mode))


async def set_budget(given: Given, wanted: Budgeting) -> None:
    _chair(given).set_budget(given.by, wanted.delegation, wanted.budget_s)


async def allow_codes(given: Given, wanted: Nothing) -> None:
    with worded():
        _chair(given).allow_codes(given.by)


async def set_rules(given: Given, wanted: Ruling) -> None:
    named = {name: getattr(wanted, name) for name in rules.RULES[:-1]}
    groups = {name: None if value is None else Group(value) for name, value in named.items()}
    _chair(given).set_rules(given.by, rules.Set(**groups, entry_muted=wanted.entry_muted))


async def lock(given: Given, wanted: Locking) -> None:
    _chair(given).lock(given.by, wanted.locked)
    given.note("host.lock", {"locked": wanted.locked})


async def hand_over(given: Given, wanted: Whom) -> None:
    with worded():
        await _chair(given).hand_over(given.by, wanted.identity)


async def appoint(given: Given, wanted: Appointing) -> None:
    with worded():
        await _chair(given).appoint(given.by, wanted.identity, Role(wanted.role))


async def release_chair(given: Given, _wanted: Nothing) -> None:
    await _chair(given).release(given.by)


async def ask_floor(given: Given, wanted: Asking) -> None:
    given.find(given.by.identity).raise_hand(True, wanted.kind)


async def withdraw_floor(given: Given, _wanted: Nothing) -> None:
    given.find(given.by.identity).raise_hand(False)


Perform = Callable[[Given, Any], Awaitable[Message | None]]
ROWS: Final[tuple[tuple[Act, type[Message], Perform, str, type[Message]], ...]] = (
    (
        Act.CALL_SPEAKER,
        Calling,
        call_speaker,
        "Give the floor (mời phát biểu): large picture for all, microphone, timer. The others are muted as the mode of the "
        "floor says. Refused with `floor_full`, `in_recess`.",
        Called,
    ),
    (
        Act.END_TURN,
        Ending,
        end_turn,
        "End the turn of a participant, or all turns. People may end their own turn. Refused with `floor_not_given`.",
        Done,
    ),
    (Act.UNDO, Undoing, undo, "Undo the last `call_speaker` or `mute_all`. Refused with `undo_gone`.", Undone),
    (
        Act.REORDER,
        Placing,
        reorder,
        "Move a request to another place of the queue. Refused with `floor_not_asked`.",
        Done,
    ),
    (Act.SET_FLOOR_MODE, Switching, set_floor_mode, "Set the mode of the floor.", Done),
    (
        Act.SET_BUDGET,
        Budgeting,
        set_budget,
        "Set the speaking time of a delegation. Refused with `budget_limit`.",
        Done,
    ),
    (
        Act.SET_RULES,
        Ruling,
        set_rules,
        "Set the rules for microphones, cameras, presentations, chat and newcomers.",
        Done,
    ),
    (
        Act.ALLOW_CODES,
        Nothing,
        allow_codes,
        "Accept chair codes of keypads again, after too many wrong ones. Refused with `chair_codes_open`.",
        Done,
    ),
    (
        Act.LOCK,
        Locking,
        lock,
        "Lock or unlock the meeting. Refused with `already_locked`, `not_locked`.",
        Done,
    ),
    (
        Act.HAND_OVER,
        Whom,
        hand_over,
        "Give the chair to a participant. Refused with `chair_lent`, `role_bad`, `not_stored`.",
        Done,
    ),
    (
        Act.APPOINT,
        Appointing,
        appoint,
        "Give a role to a participant. Refused with `chair_lent`, `role_bad`, `not_stored`.",
        Done,
    ),
    (
        Act.RELEASE_CHAIR,
        Nothing,
        release_chair,
        "Give the chair up. Refused with `chair_lent`, `no_chair`, `not_stored`.",
        Done,
    ),
    (Act.ASK_FLOOR, Asking, ask_floor, "Ask for the floor. Refused with `floor_queue_full`.", Done),
    (Act.WITHDRAW_FLOOR, Nothing, withdraw_floor, "Take the own request for the floor back.", Done),
)
"""The act, the fields, the function, the description and the answer of each order. The name is that of the function."""
