"""The actors: an account, another system's key, a personal link, the command line, or the server itself. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["account", "client", "link", "command", "system"]


@dataclass(frozen=True)
class Role:
    """A role in a unit and in all units below it."""

    role: str
    unit_id: str
    unit_path: str
    for_person: str = ""
    """The person whom the holder represents as a deputy. Empty: the role is the holder's own."""
    whole: bool = False
    """True if the role is held in the top unit (`rooms.org.root_unit`). Such a role also counts for things that belong to no
    unit.
    """


@dataclass(frozen=True)
class Actor:
    """The party that does an action. `roles` are in force now, and contain the roles of persons whom the actor represents."""

    kind: Kind
    id: str = ""
    person_id: str = ""
    name: str = ""
    """For a person: post and name."""
    roles: tuple[Role, ...] = ()
    deputises: tuple[str, ...] = field(default=())
    """The persons whom the actor represents as a deputy now."""
    address: str = ""
    factors: int = 1
    """2: signed in with a second factor."""
    approver_factor: bool = False
    """True if approvers also need a second factor (setting `second_factor_approvers`)."""
    session: str = ""
    """The session of an account, named as in `GET /sessions`."""

    @property
    def label(self) -> str:
        """Return the name of the actor in the audit trail."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


SYSTEM = Actor("system")
COMMAND = Actor("command")
"""The actor of a `diemcau …` command. A user who can run commands on the server controls its data anyway."""
