"""How many programs, and how large a presentation, a conference asks its mixer for after refusals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conference.ground import limits
from media import scene as pictures


@dataclass(frozen=True, slots=True)
class Power:
    programs: int = field(default_factory=lambda: limits.GROUPS)
    content_height: int = limits.CONTENT_HEIGHTS[0]
    """Of a presentation by itself; 0: there is no power for one."""
    presented: bool = False
    """A presentation is shown."""


def presenting(power: Power, presented: bool) -> Power:
    """Once a presentation has begun or ended, everything may be asked for again."""
    return power if power.presented == presented else Power(presented=presented)


def asked(power: Power, wanted: int) -> Power:
    """Once no more programs are wanted than there is power for, more may be asked for again."""
    return replace(power, programs=limits.GROUPS) if wanted <= power.programs else power


def refused(power: Power, groups: Sequence[pictures.Group], refused_id: str) -> Power:
    """No power for one more program: its halls get one of the others. No power for a presentation of its own: it is made smaller,
    in the end it is shown in the first picture. `groups`: what was asked for by the halls.
    """
    found = next((one for one in groups if one.id == refused_id), None)
    if found is None:
        return power
    if found.clock:
        return replace(power, programs=max(1, min(power.programs, sum(one.clock for one in groups)) - 1))
    smaller = [one for one in limits.CONTENT_HEIGHTS if one < found.height]
    return replace(power, content_height=max(smaller, default=0))
