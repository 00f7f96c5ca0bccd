"""The values of the register that an actor may read. Pure.

All users who may read the register read its names. Addresses, telephone numbers and notes help an attacker of a hall. So only
users who operate a branch read them there, and only users who may correct a person read that person's telephone number. All
other users read these fields as empty. While the hosts of a meeting may enter, they read the numbers of those whom the meeting
invites (`rooms/proceedings/expecting.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rooms.policy import roles
from rooms.policy.actors import Actor

OPERATING: Final = ("halls.operate", "sites.write")
"""Either action in a unit lets an actor read the values of the sites, terminals and registrations there."""
CONTACT: Final = ("technician", "technician_phone")
"""The contact whom a secretary calls when a hall of the meeting is missing."""

Blank = Mapping[str, Any]
"""The fields that the actor does not read, each with its empty value."""
NOTHING: Final[Blank] = {}
SITE: Final[Blank] = {**dict.fromkeys(CONTACT, ""), "note": ""}
TERMINAL: Final[Blank] = dict.fromkeys(("sip_uri", "note"), "")
REGISTRATION: Final[Blank] = dict.fromkeys(("alias", "address", "user_agent"), "")
PERSON: Final[Blank] = {"phone": ""}
NETWORK: Final[Blank] = {"ranges": []}


def blank_site(actor: Actor, unit_path: str, on_duty: bool) -> Blank:
    """Return the hidden fields of a site. `on_duty`: the site is in a meeting that the actor looks after now
    (`rooms.dialling.duty`).
    """
    if operates(actor, unit_path):
        return NOTHING
    return {name: value for name, value in SITE.items() if not (on_duty and name in CONTACT)}


def blank_terminal(actor: Actor, unit_path: str) -> Blank:
    return NOTHING if operates(actor, unit_path) else TERMINAL


def blank_registration(actor: Actor, unit_path: str) -> Blank:
    return NOTHING if operates(actor, unit_path) else REGISTRATION


def blank_network(actor: Actor) -> Blank:
    """Return the hidden fields of a network. A network belongs to no unit, so each operator of any branch reads its ranges."""
    return NOTHING if any(roles.anywhere(actor, one) for one in OPERATING) else NETWORK


def blank_person(actor: Actor, unit_path: str) -> Blank:
    return NOTHING if roles.allows(actor, "people.write", unit_path) else PERSON


def operates(actor: Actor, unit_path: str) -> bool:
    return any(roles.allows(actor, one, unit_path) for one in OPERATING)


def operated(actor: Actor) -> tuple[str, ...] | None:
    """Return the beginnings of the unit paths that `operates` accepts. None: all paths."""
    found = [roles.scopes(actor, one) for one in OPERATING]
    known = [one for one in found if one is not None]
    return tuple({path for paths in known for path in paths}) if len(known) == len(found) else None
