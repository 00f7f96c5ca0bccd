"""Who acts: an account, another system's key, a personal link, the command line, or the server itself. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["account", "client", "link", "command", "system"]


@dataclass(frozen=True)
class Role:
    """A role in a unit and in all that is below it."""

    role: str
    unit_id: str
    unit_path: str
    for_person: str = ""
    """Held as the deputy of this person; empty: his own."""
    whole: bool = False
    """Held in the top (`rooms.org.root_unit`): it counts for what belongs to no unit too."""


@dataclass(frozen=True)
class Actor:
    """`roles` are those in force now, with those of people for whom he is the deputy."""

    kind: Kind
    id: str = ""
    person_id: str = ""
    name: str = ""
    """For people: post and name."""
    roles: tuple[Role, ...] = ()
    deputises: tuple[str, ...] = field(default=())
    """Persons whose deputy he is now."""
    address: str = ""
    factors: int = 1
    """2: signed in with a second factor."""
    approver_factor: bool = False
    """Approvers need a second factor too (setting `second_factor_approvers`)."""
    session: str = ""
    """The session of an account, as `GET /sessions` names it."""

    @property
    def label(self) -> str:
        """As the audit trail names him."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


SYSTEM = Actor("system")
COMMAND = Actor("command")
"""Whoever types `diemcau …` on the server owns its data anyway."""
