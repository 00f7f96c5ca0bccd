"""The rights of a participant that the lobby of a closed session takes for a time, and gives back.

While a participant waits there (`Participant.before` is set), its lasting rights are those that the return gives back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from conference.ground.events import GrantsChanged
from conference.ground.outbox import change
from conference.ground.permissions import Grants
from conference.people.participant import Participant

_OF_PROGRAMS: Final = (
    "can_subscribe",
    "can_publish",
    "can_publish_data",
    "can_publish_sources",
    "can_update_own_metadata",
    "hidden",
    "recorder",
    "agent",
    "can_subscribe_metrics",
)


def of(one: Participant) -> Grants:
    """Return the grants of a participant, with the rights from before the lobby."""
    return one.grants if one.before is None else _with_rights(one.grants, one.before)


@change
def replace_by(one: Participant, grants: Grants) -> None:
    """Change the grants. In the lobby the rights to send and to receive come with the return."""
    if one.before is None:
        one.change_grants(grants)
        return
    told = one.grants
    one.before = grants
    one.change_grants(_silent(grants))
    if one.grants == told:
        one.deliver(GrantsChanged(told))  # the token of the client gets the new lasting rights


def take(one: Participant) -> None:
    """Take the rights to send and to receive, for the lobby."""
    one.before = one.grants
    one.change_grants(_silent(one.grants))


def give_back(one: Participant) -> None:
    """Give back what the lobby has taken."""
    one.change_grants(of(one))
    one.before = None


def changes(before: Grants, after: Grants) -> Mapping[str, bool | list[str]]:
    """Return the rights that a program with a key has changed, as they are now. Sources of tracks are names."""
    changed = (name for name in _OF_PROGRAMS if getattr(before, name) != getattr(after, name))
    return {name: _plain(getattr(after, name)) for name in changed}


def _plain(value: object) -> bool | list[str]:
    return sorted(one.value for one in value) if isinstance(value, frozenset) else bool(value)


def _with_rights(grants: Grants, rights: Grants) -> Grants:
    return replace(
        grants,
        can_publish=rights.can_publish,
        can_subscribe=rights.can_subscribe,
        can_publish_data=rights.can_publish_data,
    )


def _silent(grants: Grants) -> Grants:
    return replace(grants, can_publish=False, can_subscribe=False, can_publish_data=False)
