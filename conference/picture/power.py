"""The number of programs and the sizes of pictures that a conference requests from its mixer after refusals. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from conference.ground import limits
from media import scene as pictures


@dataclass(frozen=True, slots=True)
class Power:
    programs: int = field(default_factory=lambda: limits.GROUPS)
    main_height: int = limits.MAIN_HEIGHTS[0]
    """The most lines of a main picture."""
    content_height: int = limits.CONTENT_HEIGHTS[0]
    """The height of a separate presentation; 0: the mixer has no power for one."""
    codes: bool = True
    """Each hall may have a program of its own, with its QR code."""
    presented: bool = False
    """True while a presentation is shown."""

    @property
    def is_full(self) -> bool:
        """Report whether the mixer has refused nothing."""
        return self == full(self)


@dataclass(frozen=True, slots=True)
class Pause:
    """The pause from a refusal until everything is requested again."""

    length_s: float = limits.POWER_AGAIN_S
    asked_at: float = -math.inf
    """The time at which everything was requested last."""


def refused_at(pause: Pause, now: float) -> Pause:
    """Return the pause after a refusal. It is twice as long if everything was requested a short time ago."""
    soon = now - pause.asked_at < 2 * pause.length_s
    return replace(pause, length_s=min(2 * pause.length_s, limits.POWER_AGAIN_MOST_S) if soon else limits.POWER_AGAIN_S)


def full(power: Power) -> Power:
    """Return the power before any refusal."""
    return Power(presented=power.presented)


def presenting(power: Power, presented: bool) -> Power:
    """Return the full power after a presentation has begun or ended, so that everything is requested again."""
    return power if power.presented == presented else Power(presented=presented)


def asked(power: Power, wanted: int) -> Power:
    """Return the full number of programs when the power suffices for the wanted number. Then more may be requested again."""
    return replace(power, programs=limits.GROUPS) if wanted <= power.programs else power


def refused(power: Power, groups: Sequence[pictures.Group], refused_id: str) -> Power:
    """Return the power after the mixer refused a program. `groups` are the programs that were requested for the halls.

    If anything is refused while halls have programs of their own for their QR codes, they lose the codes first. If a program is
    refused, all programs get the next smaller height, and then its halls get one of the others. If a separate presentation is
    refused, it gets smaller, and in the end it is shown in the main picture.
    """
    found = next((one for one in groups if one.id == refused_id), None)
    too_large = found is not None and found.height > (power.main_height if found.clock else power.content_height)
    if found is None or too_large:
        return power  # A refused picture of this kind is already requested smaller.
    if any(one.code for one in groups):
        return replace(power, codes=False)
    if found.clock:
        highest = max(one.height for one in groups if one.clock)
        lower = [one for one in limits.MAIN_HEIGHTS if one < min(highest, power.main_height)]
        if lower:
            return replace(power, main_height=lower[0])
        return replace(power, programs=max(1, min(power.programs, sum(one.clock for one in groups)) - 1))
    smaller = [one for one in limits.CONTENT_HEIGHTS if one < found.height]
    return replace(power, content_height=max(smaller, default=0))
