"""What a mixer process is at, written where its parent still reads it after the process has died.

Decoders and scalers are libraries that take strangers' bytes. One that crashes takes the process with it; the marks tell whose
bytes it had in hand, so that they are not given to the next process for ever. Thread safe; a mark costs less than a microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SLOTS: Final = 64
"""Threads that may work at the same time; one more is not marked."""
_SLOT: Final = struct.Struct("=I")


class Marks:
    """`fd` of memory made by `shared`; none: this process alone sees it. `now`: seconds, for `stuck` alone."""

    def __init__(self, fd: int = -1, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._memory = mmap.mmap(fd, SLOTS * _SLOT.size)
        self._free = list(range(SLOTS))
        self._since = [0.0] * SLOTS

    @contextmanager
    def at(self, ssrc: int) -> Iterator[None]:
        """While bytes of this source are worked on."""
        try:
            slot = self._free.pop()
        except IndexError:
            yield
            return
        self._since[slot] = self._now()
        _SLOT.pack_into(self._memory, slot * _SLOT.size, ssrc)
        try:
            yield
        finally:
            _SLOT.pack_into(self._memory, slot * _SLOT.size, 0)
            self._since[slot] = 0.0
            self._free.append(slot)

    def stuck(self, seconds: float) -> bool:
        """Whether a thread has not come back for so long: it never will."""
        now = self._now()
        return any(since and now - since > seconds for since in self._since)

    def take(self) -> set[int]:
        """By the parent, when the process has ended: the sources that it was at. Clears them."""
        found = {ssrc for (ssrc,) in _SLOT.iter_unpack(self._memory[:])} - {0}
        self._memory[:] = bytes(len(self._memory))
        return found

    def close(self) -> None:
        self._memory.close()


def shared() -> int:
    """A descriptor of memory for two processes; whoever calls closes it."""
    fd = os.memfd_create("mixer-marks", os.MFD_CLOEXEC)
    os.ftruncate(fd, SLOTS * _SLOT.size)
    return fd
