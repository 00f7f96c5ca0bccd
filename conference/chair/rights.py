"""The rights in a live meeting: one table of roles and orders, for pages, REST, the desk, keypads and BFCP. Pure.

Owns the names of the roles and of the orders. Does not know who holds which role (`roles.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from conference.ground.errors import Refusal

Way = Literal["page", "rest", "desk", "keypad", "bfcp", "api", "link"]
"""The way by which an order came. `api`: the server API of the browser protocol, with a key. `link`: the link of a site, or a
card of a site."""


class Role(Enum):
    """The role of a participant, or of an operator outside the meeting."""

    CHAIR = "chair"
    CO_CHAIR = "co_chair"
    SECRETARY = "secretary"
    OPERATOR = "operator"
    DELEGATE = "delegate"
    HALL = "hall"
    OBSERVER = "observer"
    GUEST = "guest"


class Act(Enum):
    """An order. The value is its name on every wire and in the audit trail."""

    MUTE_ONE = "mute_one"
    MUTE_ALL = "mute_all"
    UNMUTE_ASK = "unmute_ask"
    LOWER_HAND = "lower_hand"
    CALL_SPEAKER = "call_speaker"
    END_TURN = "end_turn"
    REORDER = "reorder"
    SET_FLOOR_MODE = "set_floor_mode"
    SET_BUDGET = "set_budget"
    SET_RULES = "set_rules"
    UNDO = "undo"
    LOCK = "lock"
    ADMIT = "admit"
    TO_LOBBY = "to_lobby"
    REMOVE = "remove"
    BEGIN = "begin"
    EXTEND = "extend"
    END = "end"
    RECESS = "recess"
    CLOSED_SESSION = "closed_session"
    SECRET_STOP = "secret_stop"  # noqa: S105  (the name of an order)
    STAGE = "stage"
    LAYOUT = "layout"
    AGENDA = "agenda"
    NOTE = "note"
    ROLL_CALL = "roll_call"
    VOTE_PREPARE = "vote_prepare"
    VOTE_OPEN = "vote_open"
    VOTE_CLOSE = "vote_close"
    VOTE_ANNUL = "vote_annul"
    VOTE_COUNT = "vote_count"  # enter the raised hands of a hall
    VOTE_CARDS = "vote_cards"  # take back cards for phones: a site those of its own
    APPOINT = "appoint"
    HAND_OVER = "hand_over"
    RELEASE_CHAIR = "release_chair"
    REVOKE_CHAIR = "revoke_chair"
    TAKE_CHAIR = "take_chair"  # with the chair code
    ALLOW_CODES = "allow_codes"  # after too many wrong chair codes
    CHANGE_PERSON = "change_person"  # a program with a key changes the name or what the person may do
    ASK_FLOOR = "ask_floor"
    WITHDRAW_FLOOR = "withdraw_floor"
    REPORT_DELEGATES = "report_delegates"
    BALLOT = "ballot"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class By:
    """The person or program that gives an order.

    `for_chair`: the person acts on behalf of the chair (thay mặt chủ trì); the audit trail names both. `identity` is empty for
    an operator outside the meeting.
    """

    identity: str
    name: str
    role: Role
    for_chair: bool = False
    way: Way = "page"


LEADERS: Final = frozenset((Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY, Role.OPERATOR))
_CHAIR: Final = frozenset((Role.CHAIR, Role.OPERATOR))
_OPERATOR: Final = frozenset((Role.OPERATOR,))
_SPEAKERS: Final = frozenset((Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY, Role.DELEGATE, Role.HALL, Role.GUEST))
_SITES: Final = frozenset((Role.CO_CHAIR, Role.SECRETARY, Role.DELEGATE, Role.HALL))
_VOTERS: Final = frozenset((Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY, Role.DELEGATE, Role.HALL))

TABLE: Final[Mapping[Act, frozenset[Role]]] = {
    Act.MUTE_ONE: LEADERS,
    Act.MUTE_ALL: LEADERS,
    Act.UNMUTE_ASK: LEADERS,
    Act.LOWER_HAND: LEADERS,
    Act.CALL_SPEAKER: LEADERS,
    Act.END_TURN: LEADERS,
    Act.REORDER: LEADERS,
    Act.SET_FLOOR_MODE: LEADERS,
    Act.SET_BUDGET: LEADERS,
    Act.SET_RULES: LEADERS,
    Act.UNDO: LEADERS,
    Act.LOCK: LEADERS,
    Act.ADMIT: LEADERS,
    Act.TO_LOBBY: LEADERS,
    Act.REMOVE: LEADERS,
    Act.BEGIN: LEADERS,
    Act.EXTEND: LEADERS,
    Act.END: LEADERS,
    Act.RECESS: LEADERS,
    Act.CLOSED_SESSION: LEADERS,
    Act.SECRET_STOP: LEADERS,
    Act.STAGE: LEADERS,
    Act.LAYOUT: LEADERS,
    Act.AGENDA: LEADERS,
    Act.NOTE: LEADERS,
    Act.ROLL_CALL: LEADERS,
    Act.VOTE_PREPARE: LEADERS,
    Act.VOTE_OPEN: LEADERS,
    Act.VOTE_CLOSE: LEADERS,
    Act.VOTE_ANNUL: LEADERS,
    Act.VOTE_COUNT: LEADERS | {Role.HALL},
    Act.VOTE_CARDS: LEADERS | _VOTERS,
    Act.APPOINT: _CHAIR,
    Act.HAND_OVER: _CHAIR,
    Act.RELEASE_CHAIR: frozenset((Role.CHAIR,)),
    Act.REVOKE_CHAIR: _OPERATOR,
    Act.TAKE_CHAIR: _SITES,
    Act.ALLOW_CODES: LEADERS,
    Act.CHANGE_PERSON: _OPERATOR,
    Act.ASK_FLOOR: _SPEAKERS,
    Act.WITHDRAW_FLOOR: _SPEAKERS,
    Act.REPORT_DELEGATES: _SITES | LEADERS,
    Act.BALLOT: _VOTERS,
    Act.CHAT: _SPEAKERS | LEADERS,
}
"""Act -> the roles that may do it."""

SPARED: Final[Mapping[Act, frozenset[Role]]] = {
    Act.REMOVE: frozenset((Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY)),
    Act.TO_LOBBY: frozenset((Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY)),
    Act.APPOINT: frozenset((Role.CHAIR,)),
}
"""Act -> the roles against which only an operator may do it."""


def may(role: Role, act: Act, target_role: Role | None = None) -> bool:
    """Report whether a role may do this, to a participant of the target role (None: to no participant)."""
    if role not in TABLE[act]:
        return False
    return role is Role.OPERATOR or target_role not in SPARED.get(act, frozenset())


def ask(by: By, act: Act, target_role: Role | None = None) -> None:
    """Raise Refusal `host_stays` or `not_allowed` if the table does not permit the act."""
    if may(by.role, act, target_role):
        return
    raise Refusal("host_stays" if may(by.role, act) else "not_allowed")
