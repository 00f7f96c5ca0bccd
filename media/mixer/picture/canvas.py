"""The picture of one group, kept from tick to tick. Only changed parts are pasted, and the overlays above them are drawn again.

It owns the frame for the encoder, its size and its background.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from media.mixer.ground.layouts import Rect
from media.mixer.picture.planes import Overlay, Planes, new_picture
from media.mixer.picture.plates import STAGE_YUV


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A tile in its place. `version` 0 means no site, only background."""

    rect: Rect
    version: int
    planes: Planes | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """An overlay in its place. The upper left corner is even. Equal objects are the same overlay in the same place."""

    overlay: Overlay
    x: int
    y: int

    @property
    def rect(self) -> Rect:
        return Rect(self.x, self.y, self.overlay.width, self.overlay.height)


class Canvas:
    """A picture of even width and height, in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.frame, self._planes = new_picture(width, height)
        self.pasted = 0
        """Places painted since the start. Tests read this to see that the cache works."""
        self._rects: tuple[Rect, ...] = ()
        self._versions: list[int] = []
        self._drawn: tuple[Drawn, ...] = ()

    def compose(self, parts: Sequence[Part], drawn: Sequence[Drawn]) -> bool:
        """Draw the parts and the overlays above them. Return whether anything changed. Parts do not overlap each other."""
        rects = tuple(part.rect for part in parts)
        whole = rects != self._rects
        dirty = {i for i, part in enumerate(parts) if whole or self._versions[i] != part.version}
        again = self._overlays(parts, drawn, dirty)
        if whole:
            self._planes.fill(STAGE_YUV)
            again = list(drawn)
        elif not dirty and not again and len(drawn) == len(self._drawn):
            return False
        for index in sorted(dirty):
            part, below = parts[index], self._planes.part(parts[index].rect)
            if part.planes is None:
                below.fill(STAGE_YUV)
            else:
                below.paste(part.planes)
            self.pasted += 1
        for one in again:
            one.overlay.blend(self._planes, one.x, one.y)
        self._rects, self._versions, self._drawn = rects, [part.version for part in parts], tuple(drawn)
        return True

    def _overlays(self, parts: Sequence[Part], drawn: Sequence[Drawn], dirty: set[int]) -> list[Drawn]:
        """Return the overlays to draw again. The parts below them become dirty as a whole, because a second blending would
        darken them.
        """
        before = set(self._drawn)
        again = [one for one in drawn if one not in before]
        rest = [one for one in drawn if one in before]
        touched = [one.rect for one in (*before.difference(drawn), *again)]
        while True:
            dirty |= {i for i, part in enumerate(parts) if _meets(part.rect, touched)}
            below = [*touched, *(parts[i].rect for i in dirty)]
            more = [one for one in rest if _meets(one.rect, below)]
            if not more:
                break
            rest = [one for one in rest if one not in more]
            again += more
            touched += [one.rect for one in more]
        for rect in touched:
            self._clear(rect)
        return again

    def _clear(self, rect: Rect) -> None:
        """Paint the background, for the gaps between tiles."""
        x, y = max(0, rect.x), max(0, rect.y)
        inside = Rect(x, y, min(rect.width, self._planes.width - x), min(rect.height, self._planes.height - y))
        self._planes.part(inside).fill(STAGE_YUV)


def _meets(rect: Rect, others: Iterable[Rect]) -> bool:
    return any(rect.meets(other) for other in others)
