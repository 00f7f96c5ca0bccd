"""The camera of one hall, moved from the operators' board: a movement begins, continues, and ends (H.281).

The module owns the current movement and the stated capabilities of the terminal. `signaling.sip.wire.camera` writes the frames,
and the hall's own line carries them.
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
    """The camera of a hall. `send` takes one H.224 frame. `move` and `stop` need a running event loop."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._movement: Movement | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._introduced = False
        self.there = True
        """False: the terminal has listed its capabilities, and the list has no camera that others may move."""

    def introduce(self) -> None:
        """Send our capabilities to the terminal once, when the line exists. Some terminals ignore orders before this message."""
        if not self._introduced:
            self._introduced = True
            self._send(camera.capabilities())

    def said(self, frame: bytes) -> None:
        """Take a frame of the terminal. Orders for a camera of ours have no effect, because only the operator moves cameras."""
        try:
            found = camera.read(frame)
        except PeerError as error:
            log.info("malformed far-end camera control: %s", error)
            return
        if isinstance(found, CapabilitiesWanted):
            self._send(camera.capabilities())
        elif isinstance(found, Capabilities):
            self.there = found.camera

    def move(self, pan: int, tilt: int, zoom: int) -> None:
        """Start a movement, and stop the current one first. Each value is -1 (left, down, out), 0 or 1; three zeros stop the
        camera.
        """
        self.stop()
        move = Move(_of(pan, "left", "right"), _of(tilt, "down", "up"), _of(zoom, "out", "in"))  # type: ignore[arg-type]
        if move:
            self._movement = Movement(move, asyncio.get_running_loop().time())
            self._tick()

    def preset(self, number: int, *, store: bool) -> None:
        """Move the camera to a stored position (0..15), or store the present position. A running movement stops first."""
        self.stop()
        self._send(camera.preset(number, store=store))

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
