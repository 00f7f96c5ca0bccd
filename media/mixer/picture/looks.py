"""The look of a site's picture for the check before a roll call: good, black, or still.

Works on the small pictures of sites, so one look costs far less than one decoded picture. Pure, except for `Looks`, which keeps
the last small picture of each site.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

import av
import numpy as np
from numpy.typing import NDArray

Look = Literal["good", "black", "frozen"]
Luma = NDArray[np.uint8]

SIZE: Final = (80, 45)
"""Width and height of the compared pictures. Chosen. Larger: 600 sites take more than 3 MB. Smaller: a head that moves is less
than a pixel.
"""
UNIFORM: Final = 12
"""Steps of luma (of 255) between the darkest and the brightest pixels, without the outer percent on both sides. A picture with
less is black or a single colour, as a camera with a closed lens or a terminal without a camera shows it. Chosen. Larger: a dark
hall counts as black. Smaller: noise of a closed lens counts as a picture.
"""
MOVED, MOVED_PIXELS = 6, 3
"""A pixel has moved if its luma differs by more than MOVED steps. A picture with fewer than MOVED_PIXELS such pixels is still.
Measured with x264 at 300 kbit/s and 1 Mbit/s, 720p: two pictures of one scene, encoded again 2.5 s apart, differ by 3 steps at
most, with camera noise of 0 to 2 steps. So noise does not tell a frozen picture from an empty hall: both are still. Larger: small
movements are missed. Smaller: the encoder's rate control counts as movement.
"""
APART_US: Final = 3_000_000
"""Microseconds between two compared pictures, at least. Chosen. Longer: a frozen picture is noticed later. Shorter: people who
sit still count as frozen.
"""


def luma(frame: av.VideoFrame) -> Luma:
    """Return the brightness of a picture at SIZE."""
    return frame.reformat(*SIZE, "gray8", threads=1).to_ndarray().astype(np.uint8)


def compare(before: Luma | None, now: Luma) -> Look:
    """Return the look of a picture. `before`: an earlier picture of the same site, if one is known."""
    low, high = np.percentile(now, (1, 99))
    if high - low < UNIFORM:
        return "black"
    if before is None:
        return "good"
    moved = int((np.abs(now.astype(np.int16) - before.astype(np.int16)) > MOVED).sum())
    return "good" if moved >= MOVED_PIXELS else "frozen"


@dataclass(slots=True)
class Looks:
    """The last compared picture of each site."""

    _known: dict[str, tuple[int, Luma]] = field(default_factory=dict)

    def look(self, site: str, frame: av.VideoFrame, at_us: int) -> Look:
        """Return the look of a site's new picture, which arrived at this time."""
        now = luma(frame)
        known = self._known.get(site)
        found = compare(known[1] if known is not None and at_us - known[0] >= APART_US else None, now)
        if known is None or at_us - known[0] >= APART_US:
            self._known[site] = at_us, now
        return found

    def keep(self, sites: Iterable[str]) -> None:
        """Forget all other sites."""
        for site in self._known.keys() - set(sites) if self._known else ():
            del self._known[site]
