"""The priority of sound over pictures: threads that make pictures leave the processor to the mixing thread."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final

NICE: Final = 5
"""The nice value of the mixer's threads for pictures; threads for sound have 0. Linux gives a thread with 0 about three times
as much time as a thread with 5 (sched(7)). Larger: pictures stutter earlier under load. Smaller: sound is late earlier.
"""


def give_way() -> None:
    """Lower the priority of the calling thread. Without special rights, no thread can undo this."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
