"""The camera of one hall, moved from the operators' board: a movement begins, goes on while it lasts, and ends (H.281).

Owns the movement of now and what the terminal has said of itself. Frames are written by `signaling.sip.wire.camera` and go over
the hall's own line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from conference import PeerError
from signaling.sip.wire import camera
from signaling.sip.wire.camera import Capabilities, CapabilitiesWanted, Move, Movement

log = logging.getLogger(__name__)


class HallCamera:
    """`send` takes one H.224 frame. Belongs to the running event loop."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._movement: Movement | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._introduced = False
        self.there = True
        """False: the terminal has listed what it can do, and a camera that others may move is not among it."""

    def introduce(self) -> None:
        """There is a line: the terminal is told, once, that we move cameras. Some do not listen to orders before."""
        if not self._introduced:
            self._introduced = True
            self._send(camera.capabilities())

    def said(self, frame: bytes) -> None:
        """Orders for a camera of ours lead nowhere: it is the operator who moves cameras."""
        try:
            found = camera.read(frame)
        except PeerError as error:
            log.info("far end camera control: %s", error)
            return
        if isinstance(found, CapabilitiesWanted):
            self._send(camera.capabilities())
        elif isinstance(found, Capabilities):
            self.there = found.camera

    def move(self, pan: int, tilt: int, zoom: int) -> None:
        """-1 (left, down, out), 0 or 1 each; all 0 stops. What moves already stops first."""
        self.stop()
        move = Move(_of(pan, "left", "right"), _of(tilt, "down", "up"), _of(zoom, "out", "in"))  # type: ignore[arg-type]
        if move:
            self._movement = Movement(move, asyncio.get_running_loop().time())
            self._tick()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        movement, self._movement = self._movement, None
        frame = movement.stop() if movement is not None else None
        if frame is not None:
            self._send(frame)

    def _tick(self) -> None:
        movement, loop = self._movement, asyncio.get_running_loop()
        self._timer = None
        if movement is None:
            return
        now = loop.time()
        frame = movement.tick(now)
        if frame is not None:
            self._send(frame)
        if movement.due is not None:
            self._timer = loop.call_at(movement.due, self._tick)


def _of(way: int, less: str, more: str) -> str:
    return more if way > 0 else less if way < 0 else ""
