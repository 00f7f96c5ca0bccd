"""Small pictures of sites for the operators' board, every ten seconds, only for requested sites.

A site that is not shown is decoded for one key frame, and then its decoder is closed. This module owns the order of the sites;
decoding is elsewhere.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import av
from av.error import FFmpegError
from PIL import Image

from media.mixer.ground.marks import Marks
from media.mixer.ground.scene import Scene, Source
from media.mixer.picture.decoding import Picture
from media.mixer.picture.looks import Look, Looks

logger = logging.getLogger(__name__)

EVERY_US = 10_000_000
"""Microseconds between two small pictures of the same site. Chosen. Longer: the board shows older pictures. Shorter: more
decoding.
"""
WAIT_US = 5_000_000
"""Microseconds. Chosen. For a small picture of a site on the operators' board, the mixer waits this long for a key frame; then
the next site follows. A decoded picture younger than this is used at once. Longer: four dead sites (AT_ONCE) delay the others.
Shorter: slow sites get no small picture.
"""
AT_ONCE = 4
"""Sites whose small pictures are awaited at the same time. Chosen. More: more decoders. Fewer: sites without a picture delay
the others.
"""
_WIDTH, _HEIGHT = 320, 180
PROGRAM_SIZE = (640, 360)
"""The most width and height of a small picture of a site (_WIDTH, _HEIGHT) and of a program, in pixels. Chosen. Larger: more
traffic for the board. Smaller: the operator sees no details.
"""


@dataclass(slots=True)
class Snapshots:
    """The snapshots of a scene. `latest` returns a source's newest decoded picture."""

    latest: Callable[[int], Picture | None]
    marks: Marks = field(default_factory=Marks)
    _taken_us: dict[str, int] = field(default_factory=dict)
    _waiting_us: dict[str, int] = field(default_factory=dict)
    _looks: Looks = field(default_factory=Looks)

    def turn(self, scene: Scene, now_us: int) -> tuple[list[Source], list[tuple[str, bytes, Look]]]:
        """Return (the sources that must be decoded for snapshots, the finished (site, JPEG, look)). Called several times a
        second.
        """
        self._choose(scene.thumbnails, now_us)
        self._looks.keep(one.site for one in scene.sites)
        sources, ready = [], []
        for site, since_us in tuple(self._waiting_us.items()):
            source = scene.source_of(site, "video")
            picture = self._fresh(source, now_us)
            if source is not None and picture is not None:
                ready += self._taken(site, source, picture)
            if source is not None and picture is None and now_us - since_us <= WAIT_US:
                sources.append(source)
            else:
                del self._waiting_us[site]
                self._taken_us[site] = now_us
        return sources, ready

    def _choose(self, sites: Iterable[str], now_us: int) -> None:
        """Choose the sites that are due, and let them wait for a picture."""
        wanted = dict.fromkeys(sites)
        self._taken_us = {site: at for site, at in self._taken_us.items() if site in wanted}
        self._waiting_us = {site: at for site, at in self._waiting_us.items() if site in wanted}
        for site in sorted(wanted, key=lambda one: self._taken_us.get(one, 0)):
            due = now_us - self._taken_us.get(site, 0) >= EVERY_US or site not in self._taken_us
            if due and site not in self._waiting_us and len(self._waiting_us) < AT_ONCE:
                self._waiting_us[site] = now_us

    def _fresh(self, source: Source | None, now_us: int) -> Picture | None:
        picture = self.latest(source.ssrc) if source is not None else None
        return picture if picture is not None and now_us - picture.arrival_us < WAIT_US else None

    def _taken(self, site: str, source: Source, picture: Picture) -> list[tuple[str, bytes, Look]]:
        """Return the JPEG with its look, or nothing if the picture cannot be scaled. Such a fault concerns only its site."""
        try:
            with self.marks.at(source.ssrc):
                return [(site, jpeg(picture.frame), self._looks.look(site, picture.frame, picture.arrival_us))]
        except (FFmpegError, ValueError, MemoryError) as error:
            logger.warning("no thumbnail of source %d could be made: %s", source.ssrc, type(error).__name__)
            return []


def jpeg(frame: av.VideoFrame, within: tuple[int, int] = (_WIDTH, _HEIGHT)) -> bytes:
    """Return the JPEG. It keeps the shape of the picture."""
    scale = min(within[0] / frame.width, within[1] / frame.height)
    width, height = (max(2, round(size * scale / 2) * 2) for size in (frame.width, frame.height))
    pixels = frame.reformat(width, height, "rgb24", threads=1).to_ndarray()
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=72)
    return out.getvalue()
