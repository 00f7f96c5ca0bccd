"""The place of pictures behind sound: threads that make pictures leave the processor to the thread that mixes."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import Final

NICE: Final = 5
"""Linux gives a thread of 0 about three times as much as one of 5 (sched(7)); threads of codecs inherit it."""


def give_way() -> None:
    """Of the thread that calls it, for good: nobody without rights can take it back."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
