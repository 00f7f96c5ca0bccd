"""The places of each layout, as fractions of the picture. Pure. Other modules decide who gets which place.

People know these shapes from hall multipoint units. Places do not overlap, every place has the shape of the picture, and no
place is larger than the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from media.mixer.ground.scene import Layout

GAP = 4
"""Pixels between two places of a composed picture with 720 lines. A gap is rounded down to a multiple of 4, and is at least 4.
So it is 4 in all sizes now. Chosen. Larger: less picture, and wider gaps in larger pictures. Smaller: no effect.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in fractions of width and height, from the upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in pixels. All four values are even, so that 4:2:0 chroma has complete samples."""

    x: int
    y: int
    width: int
    height: int

    def meets(self, other: Rect) -> bool:
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height


def _grid(side: int) -> tuple[Place, ...]:
    part = 1 / side
    return tuple(Place(column * part, row * part, part, part) for row in range(side) for column in range(side))


def _around(parts: int) -> tuple[Place, ...]:
    """Return one large place, with small places of 1/`parts` down the right side and along the bottom."""
    part = 1 / parts
    large = Place(0, 0, 1 - part, 1 - part)
    right = [Place(1 - part, row * part, part, part) for row in range(parts)]
    foot = [Place(column * part, 1 - part, part, part) for column in range(parts - 1)]
    return (large, *right[:-1], *foot, right[-1])


LAYOUTS: dict[Layout, tuple[Place, ...]] = {
    "1": (Place(0, 0, 1, 1),),
    "1+5": _around(3),
    "1+7": _around(4),
    "2x2": _grid(2),
    "3x3": _grid(3),
    "4x4": _grid(4),
    # The lecturer is large, with a row of listeners at the bottom.
    "lecture": (Place(0.1, 0, 0.8, 0.8), *(Place(column / 5, 0.8, 0.2, 0.2) for column in range(5))),
    # The presentation is large and complete, with people beside it, so that no slide is covered.
    "slides": (Place(0, 0.1, 0.8, 0.8), *(Place(0.8, row / 5, 0.2, 0.2) for row in range(5))),
}

FEWER: dict[Layout, Layout] = {"4x4": "3x3", "3x3": "2x2", "1+7": "1+5"}
"""The smaller layout that replaces a layout if the machine is too weak for all its tiles. The first places stay."""


@cache
def rects(layout: Layout, width: int, height: int) -> tuple[Rect, ...]:
    """Return the places in pixels, with a gap between them. There is no gap at the edge of the picture."""
    gap = max(2, round(GAP * height / 720 / 2) * 2) if len(LAYOUTS[layout]) > 1 else 0
    return tuple(_rect(place, width, height, gap) for place in LAYOUTS[layout])


def _rect(place: Place, width: int, height: int, gap: int) -> Rect:
    left, right = _edges(place.x, place.width, width, gap)
    top, bottom = _edges(place.y, place.height, height, gap)
    return Rect(left, top, right - left, bottom - top)


def _edges(start: float, length: float, size: int, gap: int) -> tuple[int, int]:
    """Return both edges as even numbers. At each inner edge, half a gap is removed, rounded to complete chroma samples."""
    half = max(2, gap // 2 // 2 * 2) if gap else 0
    first, last = (round(at * size / 2) * 2 for at in (start, start + length))
    return first + (half if first > 0 else 0), last - (half if last < size else 0)


def cells_of(layout: Layout, cells: tuple[str, ...], content: str, without: str) -> tuple[tuple[str, bool], ...]:
    """Return (site or "", whether its presentation is shown) for each place of `layout`."""
    wanted = [(site, False) for site in cells]
    if layout == "slides" or (layout == "1" and content):
        wanted.insert(0, (content, True))
    places = len(LAYOUTS[layout])
    wanted = [("", False) if site == without and not shared else (site, shared) for site, shared in wanted]
    return tuple((wanted + [("", False)] * places)[:places])
