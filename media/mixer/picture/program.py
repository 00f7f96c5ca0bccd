"""The program of one group: a thread that composes and encodes at the group's frame rate.

Frames are on a grid of monotonic time, so that two programs, or a restarted process, use the same timestamps. The program owns
the group's canvas, encoder and the answer to key frame requests. It uses `Tiles` and `Frames`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import av

from media.frames.port import Frames
from media.mixer.ground.layouts import cells_of, rects
from media.mixer.ground.load import Effective
from media.mixer.ground.scene import Scene
from media.mixer.picture.canvas import Canvas, Drawn, Part
from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.plates import CONTENT, Label, Plates, line_height
from media.mixer.picture.precedence import give_way
from media.mixer.picture.tiles import Tiles

logger = logging.getLogger(__name__)

KEY_PACE_US = 500_000
"""Microseconds between two key frames that halls requested of one composed picture. Chosen. If a hundred halls request at once,
they get one. Longer: a new hall waits longer for its picture. Shorter: more bandwidth for key frames.
"""
STILL_TICKS = 5
"""A composed picture without changes is encoded only every fifth tick of the encoder. Chosen. Higher: less load, but a slower
repair after packet loss. Lower: more load.
"""


@dataclass(frozen=True, slots=True)
class View:
    """The contents of a program: the group with its current values, and its scene."""

    effective: Effective
    scene: Scene


class Composer:
    """A converter from a view to a picture. One thread uses it. The caller passes the text of the clock."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._plates = Plates()
        self.canvas: Canvas | None = None

    def compose(self, view: View, clock: str, now_us: int) -> bool:
        """Compose the picture in `canvas`. Return whether it changed."""
        group = view.effective.group
        if self.canvas is None or (self.canvas.frame.width, self.canvas.frame.height) != (group.width, group.height):
            self.canvas = Canvas(group.width, group.height)
        return self.canvas.compose(self._parts(view, now_us), self._drawn(view, clock))

    def _parts(self, view: View, now_us: int) -> list[Part]:
        group, info = view.effective.group, view.scene.info()
        parts = []
        cells = cells_of(group.layout, group.cells, group.content, group.without)
        for rect, (site, shared) in zip(rects(group.layout, group.width, group.height), cells, strict=True):
            told = info.get(site)
            if told is None:
                parts.append(Part(rect, 0, None))
                continue
            source = view.scene.source_of(site, "video", shared) if told.picture or shared else None
            label = Label(told.label, told.muted, told.speaking, told.floor_wanted)
            if shared:
                label = Label(f"{CONTENT}: {told.label}", content=True)
            tile = self._tiles.tile(source.ssrc if source else 0, label, rect.width, rect.height, now_us)
            parts.append(Part(rect, tile.version, tile.planes))
        return parts

    def _drawn(self, view: View, clock: str) -> list[Drawn]:
        group = view.effective.group
        edge = max(4, line_height(group.height) // 4 // 2 * 2)
        drawn = []
        if group.notice and view.scene.recording:
            drawn.append(Drawn(self._plates.notice(group.height), edge, edge))
        if group.clock:
            plate = self._plates.clock(clock, group.height)
            # In the layout "slides", the strip above the slide is empty. The clock is drawn there, so it covers no face.
            right = round(group.width * 0.4) * 2 if group.layout == "slides" else group.width
            drawn.append(Drawn(plate, right - plate.width - edge, edge))
        if group.text.strip():
            plate = self._plates.message(group.text, group.width, group.height)
            foot = group.height - plate.height - line_height(group.height) * 3 // 2
            if group.without and not group.cells and not group.code:
                foot //= 2  # a hall that is alone has nothing else in its picture
            left, top = (group.width - plate.width) // 4 * 2, max(0, foot // 2 * 2)
            drawn.append(Drawn(plate, left, top))
            code = self._plates.code(group.code, group.height) if group.code else None
            if code is not None and code.height + edge <= top:  # the smallest pictures have no room, only the words
                drawn.append(Drawn(code, left, (top - code.height - edge) // 2 * 2))
        return drawn


@dataclass(slots=True)
class Work:
    """Totals since the start of a program."""

    ticks: int = 0
    late: int = 0
    frames: int = 0
    keys: int = 0
    sent_bytes: int = 0
    encode_us: int = 0


class Program:
    """The program of one group. `clock_us` is monotonic; `wall` returns the text of the clock."""

    def __init__(
        self, frames: Frames, tiles: Tiles, view: View, clock_us: Callable[[], int], wall: Callable[[], str]
    ) -> None:
        self.work = Work()
        self.failed = False
        self._frames = frames
        self._view = view
        self._composer = Composer(tiles)
        self._clock_us = clock_us
        self._wall = wall
        self._encoder: Encoder | None = None
        self._key_wanted = True
        self._last_key_us = 0
        self._still = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"program-{view.effective.group.id}", daemon=True)

    @property
    def view(self) -> View:
        return self._view

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def show(self, view: View) -> None:
        self._view = view

    def request_keyframe(self) -> None:
        self._key_wanted = True

    @property
    def picture(self) -> av.VideoFrame | None:
        """The last composed picture, only to look at. The next tick paints into it."""
        canvas = self._composer.canvas
        return canvas.frame if canvas is not None else None

    def tick(self, now_us: int) -> None:
        """Make one frame: compose, encode, send. `now_us` is its time on the grid."""
        view = self._view
        changed = self._composer.compose(view, self._wall(), now_us)
        encoder = self._fitting(view)
        key = self._key_wanted and now_us - self._last_key_us >= KEY_PACE_US
        if key:
            # Reset before the encoding, because a hall that requests during the encoding needs the next key frame.
            self._key_wanted = False
        self._still = 0 if changed else self._still + 1
        if not changed and not key and self._still % STILL_TICKS:
            return
        assert self._composer.canvas is not None
        started_us = self._clock_us()
        unit, is_key = encoder.encode(self._composer.canvas.frame, now_us * 9 // 100, key)
        self.work.encode_us += self._clock_us() - started_us
        if not unit:
            return
        group = view.effective.group
        stamp = now_us * 9 // 100 & 0xFFFFFFFF
        if not self._frames.send_video(group.ssrc, group.payload_type, stamp, unit, now_us, codec=group.codec):
            self._key_wanted, self._last_key_us = True, 0  # the next frames would refer to the dropped frame
            return
        self.work.frames += 1
        self.work.sent_bytes += len(unit)
        if is_key:
            self.work.keys += 1
            self._last_key_us = now_us

    def _fitting(self, view: View) -> Encoder:
        group = view.effective.group
        settings = EncoderSettings(
            group.codec,
            group.profile,
            group.width,
            group.height,
            group.fps,
            group.bitrate_bps,
            view.effective.preset,
        )
        if self._encoder is None or self._encoder.settings != settings:
            self._encoder = Encoder(settings)
            self._last_key_us = 0
        return self._encoder

    def _run(self) -> None:
        give_way()
        try:
            self._keep_time()
        except Exception:
            logger.exception("program %s", self._view.effective.group.id)
            self.failed = True

    def _keep_time(self) -> None:
        """Tick at multiples of the period. A tick that cannot begin before the next tick is left out and counted. A gap of 100
        ticks or more is not counted.
        """
        last = 0
        while not self._stopping.is_set():
            period_us = 1_000_000 // self._view.effective.group.fps
            now_us = self._clock_us()
            number = now_us // period_us
            due_us = (number + 1) * period_us
            if self._stopping.wait((due_us - now_us) / 1e6):
                return
            number += 1
            self.work.ticks += 1
            if last and 1 < number - last < 100:
                self.work.late += number - last - 1
            last = number
            self.tick(due_us)
