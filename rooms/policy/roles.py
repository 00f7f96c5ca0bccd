"""The table of what each role may do. The unit tree decides where. Pure.

A role counts in its unit and in all units below. Operators and administrators need a second factor for every change. Approvers
need a second factor if the installation requires it. The key of another system needs no second factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rooms.errors import Refusal
from rooms.policy.actors import Actor

REQUESTER, SECRETARY, APPROVER = "requester", "secretary", "approver"
OPERATOR, ADMIN, AUDITOR = "operator", "admin", "auditor"
ALL: Final = (REQUESTER, SECRETARY, APPROVER, OPERATOR, ADMIN, AUDITOR)
DESK: Final = (SECRETARY, OPERATOR, ADMIN)

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # Organisation, people, sites
    "org.read": ALL,
    "org.write": (ADMIN,),
    "people.read": (SECRETARY, APPROVER, OPERATOR, ADMIN, AUDITOR, REQUESTER),
    "people.write": (ADMIN,),
    "deputies.write": (APPROVER, SECRETARY, ADMIN),
    "recipients.write": DESK,
    "sites.read": ALL,
    "sites.write": (OPERATOR, ADMIN),
    # Meetings. Non-public data is visible to the host unit's desk, to invited people and to roles that watch the system.
    "board.read": ALL,
    "meetings.read": (SECRETARY, APPROVER, OPERATOR, ADMIN, AUDITOR),
    "meetings.create": (REQUESTER, SECRETARY, OPERATOR, ADMIN),
    "meetings.edit": (SECRETARY, OPERATOR, ADMIN),
    "meetings.cancel": (SECRETARY, OPERATOR, ADMIN),
    "meetings.approve.unit": (APPROVER,),
    "meetings.approve.system": (OPERATOR,),
    "meetings.raise_class": (SECRETARY, APPROVER, OPERATOR, ADMIN),
    "meetings.lower_class": (APPROVER,),
    "meetings.letters": (SECRETARY, ADMIN),
    "meetings.answers": (SECRETARY, ADMIN),
    "meetings.precedence": (OPERATOR, ADMIN),
    "templates.write": DESK,
    # Halls in a running meeting: rights in the unit that hosts the meeting
    "halls.read": (SECRETARY, OPERATOR, ADMIN, AUDITOR),
    "halls.operate": (SECRETARY, OPERATOR, ADMIN),
    "halls.object": (SECRETARY, APPROVER, OPERATOR, ADMIN),
    "feeds.write": ALL,
    # The system
    "accounts.read": (ADMIN,),
    "accounts.write": (ADMIN,),
    "clients.write": (ADMIN,),
    "webhooks.write": (ADMIN,),
    "settings.read": (SECRETARY, OPERATOR, ADMIN, AUDITOR),
    "settings.write": (ADMIN,),
    "rules.write": (OPERATOR, ADMIN),
    "profiles.write": (OPERATOR, ADMIN),
    "audit.read": (AUDITOR, ADMIN),
}
"""Each action, with the roles that may do it in their own unit and the units below."""
OF_THE_WHOLE: Final = frozenset({"settings.write", "profiles.write"})
"""Actions on things that exist once and belong to no unit."""
SECOND_FACTOR: Final = frozenset({OPERATOR, ADMIN})
READS: Final = frozenset(name for name in ACTIONS if name.endswith(".read"))


def allows(actor: Actor, action: str, unit_path: str) -> bool:
    """Report whether `actor` may do `action` in the unit with this path. An unknown action is a bug in our code: KeyError."""
    wanted = ACTIONS[action]
    if actor.kind in ("command", "system"):
        return True
    return any(
        one.role in wanted and unit_path.startswith(one.unit_path) and _strong_enough(actor, one.role, action)
        for one in actor.roles
    )


def anywhere(actor: Actor, action: str) -> bool:
    """Report whether the actor may do the action in at least one unit."""
    wanted = ACTIONS[action]
    if actor.kind in ("command", "system"):
        return True
    return any(one.role in wanted and _strong_enough(actor, one.role, action) for one in actor.roles)


def scopes(actor: Actor, action: str) -> tuple[str, ...] | None:
    """Return the beginnings of the unit paths where the actor may do the action. None: everywhere."""
    if actor.kind in ("command", "system"):
        return None
    wanted = ACTIONS[action]
    return tuple(
        {one.unit_path for one in actor.roles if one.role in wanted and _strong_enough(actor, one.role, action)}
    )


def actions_of(actor: Actor) -> frozenset[str]:
    """Return all actions that the actor may do somewhere."""
    return frozenset(
        one for one in ACTIONS if (everywhere(actor, one) if one in OF_THE_WHOLE else anywhere(actor, one))
    )


def require(actor: Actor, action: str, unit_path: str) -> None:
    """Raise Refusal `denied`, or `second_factor_needed` if only the second factor is missing."""
    if allows(actor, action, unit_path):
        return
    wanted = ACTIONS[action]
    raise _refused(any(one.role in wanted and unit_path.startswith(one.unit_path) for one in actor.roles))


def require_anywhere(actor: Actor, action: str) -> None:
    """Check, for lists, that the actor may do the action in at least one unit. Raise Refusal as `require` does."""
    if not anywhere(actor, action):
        wanted = ACTIONS[action]
        raise _refused(any(one.role in wanted for one in actor.roles))


def _refused(but_for_the_factor: bool) -> Refusal:
    if but_for_the_factor:
        return Refusal(
            "second_factor_needed",
            "Việc này cần đăng nhập hai bước. Hãy nhập mã từ ứng dụng xác thực rồi thử lại.",
            "this requires a sign-in with a second factor: enter the code and try again",
        )
    return Refusal(
        "denied", "Tài khoản này không có quyền làm việc này ở đơn vị đó.", "you have no right to do this in that unit"
    )


def everywhere(actor: Actor, action: str) -> bool:
    """Report whether the actor may change things that belong to no unit: networks, meeting types, holidays, settings.

    The actor needs the role in the top unit, which leads the whole tree. A role in another root unit is not enough.
    """
    wanted = ACTIONS[action]
    if actor.kind in ("command", "system"):
        return True
    return any(one.role in wanted and one.whole and _strong_enough(actor, one.role, action) for one in actor.roles)


def require_everywhere(actor: Actor, action: str) -> None:
    """Raise Refusal `denied`, or `second_factor_needed` if only the second factor is missing."""
    if everywhere(actor, action):
        return
    if any(one.role in ACTIONS[action] and one.whole for one in actor.roles):
        raise _refused(but_for_the_factor=True)
    raise Refusal(
        "denied",
        "Việc này áp dụng cho toàn hệ thống: chỉ người có vai trò ở đơn vị đứng đầu hệ thống mới làm được.",
        "this applies to the whole system: it requires the role in the top unit",
    )


def guarded(actor: Actor, role: str) -> bool:
    """Report whether this role needs a second factor for changes."""
    return role in SECOND_FACTOR or (role == APPROVER and actor.approver_factor)


def _strong_enough(actor: Actor, role: str, action: str) -> bool:
    return not guarded(actor, role) or action in READS or actor.kind == "client" or actor.factors >= 2
