"""The participants whom a page names to a person before the person joins. The routes decide who may see them."""

from __future__ import annotations

from collections.abc import Sequence

from conference import Refusal, Registry
from signaling.api.models.joining import Inside
from signaling.host import limits


def of_names(names: Sequence[str]) -> Inside:
    return Inside(count=len(names), names=list(names[: limits.NAMES_BEFORE_JOINING]))


def of_conference(registry: Registry | None, conference: str) -> Inside:
    """Return the visible participants of a conference, in the order of their arrival."""
    try:
        found = registry.get(conference).participants.values() if registry is not None else ()
    except Refusal:
        found = ()
    return of_names([one.grants.name for one in found if not one.grants.hidden])
