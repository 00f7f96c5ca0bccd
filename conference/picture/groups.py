"""Which halls can share one encoded program. Pure.

What each hall agreed on becomes a shape out of few steps of size and bit rate, so that halls of one class fall together; halls of
one shape that look at the same thing are a group. There are at most so many groups: whoever does not fit gets the best one
that is made anyway and that it can decode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from conference.ground.plan import VideoPlan

Profile = Literal["baseline", "high"]


class Size(NamedTuple):
    width: int
    height: int
    fps: int
    least_bps: int
    """Below that the next smaller size looks better."""
    most_bps: int
    """More makes it no better."""


SIZES: Final = (
    Size(1920, 1080, 30, 1_500_000, 4_000_000),
    Size(1280, 720, 30, 768_000, 2_000_000),
    Size(1280, 720, 15, 512_000, 1_500_000),
    Size(848, 480, 30, 512_000, 1_000_000),
    Size(640, 360, 30, 384_000, 768_000),
    Size(640, 360, 15, 256_000, 512_000),
    Size(352, 288, 15, 128_000, 384_000),
    Size(320, 176, 15, 64_000, 256_000),
    Size(176, 144, 15, 64_000, 128_000),
)
"""What programs are made in, the best first. CIF and QCIF are what the oldest decoders take."""
RATES_BPS: Final = (
    *(64_000, 128_000, 256_000, 384_000, 512_000, 768_000),
    *(1_000_000, 1_500_000, 2_000_000, 3_000_000, 4_000_000),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What an encoder is set to."""

    profile: Profile
    width: int
    height: int
    fps: int
    bitrate_bps: int

    @property
    def name(self) -> str:
        return f"{self.profile}-{self.width}x{self.height}-{self.fps}-{self.bitrate_bps}"


@dataclass(frozen=True, slots=True)
class View:
    """What a program shows, apart from who is there now. `role` tells programs apart that differ in cells alone."""

    role: str
    layout: str
    viewer: str = ""
    """Who does not see himself."""
    content: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one hall would like."""

    hall: str
    view: View
    plan: VideoPlan
    budget_bps: int = 0
    """For its video, apart from what its description allows; 0: no other bound."""


class Key(NamedTuple):
    view: View
    shape: Shape


def shape_of(plan: VideoPlan, budget_bps: int = 0, most_height: int = 720) -> Shape | None:
    """The best program that this hall can decode and its link can carry; None: not even the smallest."""
    bounds = [one for one in (plan.max_br_bps, plan.stream.limit_bps, budget_bps) if one > 0]
    most = min(bounds, default=RATES_BPS[-1])
    for size in SIZES:
        if size.height > most_height or most < size.least_bps:
            continue
        if plan.takes(size.width, size.height, size.fps):
            rates = [one for one in RATES_BPS if size.least_bps <= one <= min(most, size.most_bps)]
            return Shape(plan.profile, size.width, size.height, size.fps, rates[-1])
    return None


def takes(wish: Wish, shape: Shape) -> bool:
    """Whether this hall could be given a program that is made for others."""
    plan = wish.plan
    bounds = [one for one in (plan.max_br_bps, plan.stream.limit_bps, wish.budget_bps) if one > 0]
    fits = plan.takes(shape.width, shape.height, shape.fps) and shape.bitrate_bps <= min(
        bounds, default=shape.bitrate_bps
    )
    return fits and (shape.profile == "baseline" or plan.profile == "high")


def gather(wishes: Iterable[Wish], most: int, most_height: int = 720) -> Mapping[Key, tuple[Wish, ...]]:
    """The programs with those who get them, the largest group first, but what is presented before anything else: a hall that sees
    no slides misses more than one that sees them where it needs not. Whoever is in none gets no picture: his description allows
    none, or there are `most` groups and he can decode none of them.
    """
    found: dict[Key, list[Wish]] = {}
    for wish in wishes:
        shape = shape_of(wish.plan, wish.budget_bps, most_height)
        if shape is not None:
            found.setdefault(Key(wish.view, shape), []).append(wish)
    ranked = sorted(found, key=lambda key: (not key.view.content, -len(found[key]), key.view.role, key.shape.name))
    made = {key: list(found[key]) for key in _chosen(ranked, found, most)}
    for key in ranked:
        for wish in found[key] if key not in made else ():
            fitting = [other for other in made if takes(wish, other.shape)]
            if fitting:
                best = max(fitting, key=lambda other: (other.view == wish.view, *_worth(other.shape)))
                made[best].append(wish)
    return {key: tuple(halls) for key, halls in made.items()}


def _chosen(ranked: list[Key], found: Mapping[Key, list[Wish]], most: int) -> list[Key]:
    """The largest groups, the last of them one that the rest can decode, if there is such a one."""
    if len(ranked) <= most:
        return ranked
    kept = ranked[:most]
    left = [wish for key in ranked[most:] for wish in found[key]]
    if all(any(takes(wish, key.shape) for key in kept) for wish in left):
        return kept
    smallest = min(ranked[most - 1 :], key=lambda key: _worth(key.shape))
    return [*ranked[: most - 1], smallest]


def _worth(shape: Shape) -> tuple[int, int, int]:
    return shape.width * shape.height, shape.fps, shape.bitrate_bps


def mode_of(wishes: Iterable[Wish]) -> int:
    """Packetization mode that all of them take (RFC 6184 §6.2)."""
    return min((wish.plan.mode for wish in wishes), default=1)
