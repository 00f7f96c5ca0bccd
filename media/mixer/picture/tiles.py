"""Finished tiles: a source's newest picture, scaled, framed and labelled once for all groups that show it in this size.

It owns the cache by source and size. A tile is never changed. A newer picture or another label makes a new tile.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import Interpolation, VideoReformatter

from media.mixer.ground.layouts import Rect
from media.mixer.ground.marks import Marks
from media.mixer.picture.decoding import Picture
from media.mixer.picture.planes import Planes, planes_of
from media.mixer.picture.plates import SPEAKING_YUV, STAGE_YUV, TILE_YUV, Label, Plates, line_height

logger = logging.getLogger(__name__)

STALE_US = 5_000_000
"""Microseconds without a new video frame of a site, after which its place in the composed picture says that there is no
picture. A presentation stays, because it may stand still. Chosen. Longer: a dead camera looks alive. Shorter: a short network
break removes the picture.
"""
_ASPECT_TOLERANCE = 0.04
"""Relative difference between the shape of a picture and the shape of its place. Chosen. Below it the picture is stretched,
because bars of two pixels look like a fault. Above it bars are drawn. Larger: faces look wide. Smaller: thin bars appear.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    planes: Planes
    version: int
    """Unique among all tiles of the process."""


@dataclass(slots=True, eq=False)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    scaler: VideoReformatter = field(default_factory=VideoReformatter)
    shown: tuple[object, ...] = ()
    tile: Tile | None = None
    used_us: int = 0
    failed: bool = False
    """True if its last picture could not be scaled. So the fault is logged once."""


class Tiles:
    """The cache of tiles. `latest` returns a source's newest picture. The threads of all groups call it."""

    def __init__(self, latest: Callable[[int], Picture | None], marks: Marks | None = None) -> None:
        self._latest = latest
        self._marks = marks or Marks()
        self._entries: dict[tuple[int, str, int, int], _Entry] = {}
        self._lock = threading.Lock()
        self._plates = Plates()
        self._versions = itertools.count(1)

    def __len__(self) -> int:
        return len(self._entries)

    def tile(self, ssrc: int, label: Label, width: int, height: int, now_us: int) -> Tile:
        """Return the tile of a source. With source 0 the site sends no video, and its name fills the tile. `width` and `height`
        are even.
        """
        key = (ssrc, label.text if not ssrc else "", width, height)
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
        with entry.lock:
            entry.used_us = now_us
            picture = self._fresh(ssrc, label, now_us)
            shown = (picture.serial if picture else 0, label)
            if entry.tile is None or entry.shown != shown:
                scaled = self._scaled(ssrc, entry, picture, width, height)
                entry.tile = self._make(scaled, label, width, height)
                entry.shown = shown
            return entry.tile

    def sweep(self, now_us: int) -> None:
        """Remove tiles that were not used for two seconds."""
        with self._lock:
            self._entries = {key: one for key, one in self._entries.items() if now_us - one.used_us < 2_000_000}

    def _fresh(self, ssrc: int, label: Label, now_us: int) -> Picture | None:
        picture = self._latest(ssrc) if ssrc else None
        if picture is not None and not label.content and now_us - picture.arrival_us > STALE_US:
            return None  # a presentation may stand still
        return picture

    def _scaled(self, ssrc: int, entry: _Entry, picture: Picture | None, width: int, height: int) -> Planes | None:
        """Return the scaled picture, or None if there is nothing to show. A picture that cannot be scaled stops no program."""
        if picture is None:
            return None
        try:
            with self._marks.at(ssrc):
                made = scale(entry.scaler, picture.frame, width, height)
        except (FFmpegError, ValueError, MemoryError) as error:
            if not entry.failed:
                logger.warning("a picture of source %d cannot be scaled: %s", ssrc, type(error).__name__)
            entry.failed = True
            return None
        entry.failed = False
        return made

    def _make(self, scaled: Planes | None, label: Label, width: int, height: int) -> Tile:
        if scaled is None:
            planes = _empty(width, height, TILE_YUV)
            with self._lock:
                self._plates.blank(label.text, width, height).blend(planes, 0, 0)
            shown = Label("", label.muted, label.speaking, label.hand, label.content)
        else:
            planes, shown = scaled, label
        if shown.speaking and not shown.muted:
            _ring(planes)
        if shown.text or shown.signs:
            line = line_height(height)
            inset = max(4, line // 4 // 2 * 2)
            with self._lock:
                plate = self._plates.label(shown, width, height)
            plate.blend(planes, inset, height - line - inset)
        return Tile(planes, next(self._versions))


def scale(scaler: VideoReformatter, frame: av.VideoFrame, width: int, height: int) -> Planes:
    """Return the whole picture in the middle of width x height, with bars if its shape differs. Samples are assumed to be
    square.
    """
    inner = fit(frame.width, frame.height, width, height)
    scaled = scaler.reformat(
        frame, inner.width, inner.height, "yuv420p", interpolation=Interpolation.FAST_BILINEAR, threads=1
    )
    planes = planes_of(scaled)
    if scaled is frame:  # the size is already right; a label must not be written into the decoder's memory
        planes = Planes(planes.y.copy(), planes.u.copy(), planes.v.copy())
    if (inner.width, inner.height) == (width, height):
        return planes
    whole = _empty(width, height, STAGE_YUV)
    whole.part(inner).paste(planes)
    return whole


def fit(source_width: int, source_height: int, width: int, height: int) -> Rect:
    """Return the largest even rectangle with the source's shape in the middle of width x height."""
    ratio = (source_width * height) / (source_height * width)
    if abs(ratio - 1) <= _ASPECT_TOLERANCE:
        return Rect(0, 0, width, height)
    inner_width = width if ratio > 1 else max(2, round(width * ratio / 2) * 2)
    inner_height = height if ratio < 1 else max(2, round(height / ratio / 2) * 2)
    return Rect((width - inner_width) // 4 * 2, (height - inner_height) // 4 * 2, inner_width, inner_height)


def _empty(width: int, height: int, colour: tuple[int, int, int]) -> Planes:
    half = (height // 2, width // 2)
    planes = Planes(np.empty((height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8))
    planes.fill(colour)
    return planes


def _ring(planes: Planes) -> None:
    """Draw a ring inside the edge of the tile of a speaker."""
    width, height = planes.width, planes.height
    thick = 6 if height >= 400 else 4 if height >= 150 else 2
    for rect in (
        Rect(0, 0, width, thick),
        Rect(0, height - thick, width, thick),
        Rect(0, 0, thick, height),
        Rect(width - thick, 0, thick, height),
    ):
        planes.part(rect).fill(SPEAKING_YUV)
