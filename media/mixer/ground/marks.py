"""The current work of a mixer process, in memory that its parent can read after the process has died.

Decoders and scalers are libraries that read bytes of strangers. If a library crashes, the process dies. The marks then show the
sources that its threads worked on. So the parent can find a harmful source and keep it away from the next process. Thread safe;
a mark costs less than a microsecond.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SLOTS: Final = 64
"""Before a thread of a mixer process decodes bytes of a source, it marks the source, so that the source is known after a crash.
This many threads can do so at the same time; further threads are not marked. Chosen: more than the threads of one process.
More: a little more memory. Fewer: after a crash, the harmful source of an unmarked thread is not found.
"""
_SLOT: Final = struct.Struct("=I")


class Marks:
    """The marks in the memory `fd` from `shared`. Without `fd`, only this process sees them. `now` returns seconds, only for
    `stuck`.
    """

    def __init__(self, fd: int = -1, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._memory = mmap.mmap(fd, SLOTS * _SLOT.size)
        self._free = list(range(SLOTS))
        self._since = [0.0] * SLOTS

    @contextmanager
    def at(self, ssrc: int) -> Iterator[None]:
        """Mark that this thread works on bytes of this source."""
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
        """Report whether a thread has worked on one mark for longer than this time. Such a thread never returns."""
        now = self._now()
        return any(since and now - since > seconds for since in self._since)

    def take(self) -> set[int]:
        """Return the sources that the process worked on, and clear the marks. The parent calls this after the end of the
        process.
        """
        found = {ssrc for (ssrc,) in _SLOT.iter_unpack(self._memory[:])} - {0}
        self._memory[:] = bytes(len(self._memory))
        return found

    def close(self) -> None:
        self._memory.close()


def shared() -> int:
    """Return a descriptor of memory for two processes. The caller closes it."""
    fd = os.memfd_create("mixer-marks", os.MFD_CLOEXEC)
    os.ftruncate(fd, SLOTS * _SLOT.size)
    return fd
