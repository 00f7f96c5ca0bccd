"""The grouping of halls that can share one encoded program. Pure.

A hall's agreement becomes a shape with one of a few sizes and bit rates, so that similar halls get the same shape. Halls with
the same shape and the same view form a group. The number of groups is limited. A hall outside the groups gets the best existing
program that it can decode.
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
    """Below this rate the next smaller size looks better."""
    most_bps: int
    """Above this rate the picture gets no better."""


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
"""The sizes of programs, the best first. The oldest decoders only decode CIF and QCIF."""
RATES_BPS: Final = (
    *(64_000, 128_000, 256_000, 384_000, 512_000, 768_000),
    *(1_000_000, 1_500_000, 2_000_000, 3_000_000, 4_000_000),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The settings of an encoder."""

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
    """The content of a program, without the present participants. `role` distinguishes programs that differ only in their
    cells.
    """

    role: str
    layout: str
    viewer: str = ""
    """The participant that does not see its own picture."""
    content: str = ""
    text: str = ""
    site: str = ""
    """The only site of the program."""
    code: str = ""
    """The address of a QR code in the picture. The code belongs to one hall, so no other hall ever gets this program."""
    apart: bool = False
    """The program is for halls in the lobby. No hall in the lobby ever gets another program."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The program that one hall wants."""

    hall: str
    view: View
    plan: VideoPlan
    budget_bps: int = 0
    """The rate limit for the hall's video, in addition to the limit in its description. 0: no further limit."""


class Key(NamedTuple):
    view: View
    shape: Shape


def shape_of(plan: VideoPlan, budget_bps: int = 0, most_height: int = 720) -> Shape | None:
    """Return the best program that this hall can decode and its link can carry. None if not even the smallest fits."""
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
    """Report whether this hall can decode a program of this shape, which is made for others, and its link can carry the
    program.
    """
    plan = wish.plan
    bounds = [one for one in (plan.max_br_bps, plan.stream.limit_bps, wish.budget_bps) if one > 0]
    fits = plan.takes(shape.width, shape.height, shape.fps) and shape.bitrate_bps <= min(
        bounds, default=shape.bitrate_bps
    )
    return fits and (shape.profile == "baseline" or plan.profile == "high")


def gather(wishes: Iterable[Wish], most: int, most_height: int = 720) -> Mapping[Key, tuple[Wish, ...]]:
    """Return the programs with their halls.

    Groups with a presentation come first, then larger groups. A hall that does not see the slides loses more than a hall that
    sees them unnecessarily. A hall is in no group if no size fits its description and link. A hall is also in no group if there
    are `most` groups and it can decode none of them.
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
            fitting = [other for other in made if takes(wish, other.shape) and other.view.apart == key.view.apart]
            if fitting:
                best = max(fitting, key=lambda other: (other.view == wish.view, *_worth(other.shape)))
                made[best].append(wish)
    return {key: tuple(halls) for key, halls in made.items()}


def _chosen(ranked: list[Key], found: Mapping[Key, list[Wish]], most: int) -> list[Key]:
    """Return the first `most` groups of `ranked`. If some remaining hall can decode none of them, the last place goes to the
    smallest picture of the last group and the remaining groups.
    """
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


def is_as_good(now: Key | None, best: Key) -> bool:
    """Report whether a hall with the program `now` sees the same as with the program `best`, in at least its quality."""
    return now is not None and now.view == best.view and _worth(now.shape) >= _worth(best.shape)


def mode_of(wishes: Iterable[Wish]) -> int:
    """Return the packetization mode that all these halls support (RFC 6184 §6.2)."""
    return min((wish.plan.mode for wish in wishes), default=1)
