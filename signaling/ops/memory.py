"""Python's garbage collector, for a server that runs for months.

A full collection looks at every object, and nothing else in Python runs until the collection ends. With 500 people in a meeting
this is a pause of more than 100 ms, and almost every object that it looks at stays. So each object is looked at once: what a full
collection leaves is frozen, which means that later collections pass it over. Reference counts still free frozen objects. Only
frozen objects that point at each other in a circle stay, so the next full collection looks at everything again when the frozen
objects have doubled.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping

from signaling.host import limits

_FULL = 2
"""The oldest generation of CPython's collector. A collection of this generation is a full one."""


class Collector:
    """Freezes what each full collection leaves."""

    def __init__(self) -> None:
        self._frozen = 0
        """At most as many objects are frozen. Reference counts may have freed some of them since they were counted."""
        self._most = 0
        """With more frozen objects the next full collection looks at everything."""
        self._whole = False

    def begin(self) -> None:
        """Freeze the modules and objects of the start, and let the collector work from now on."""
        gc.freeze()
        self._frozen = gc.get_freeze_count()
        self._most = int(self._frozen * limits.FROZEN_GROWTH)
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, limits.FULL_COLLECTION_AFTER)
        gc.callbacks.append(self._look)
        gc.enable()

    def _look(self, phase: str, found: Mapping[str, int]) -> None:
        """The collector calls this before and after each collection."""
        if found["generation"] < _FULL:
            return
        if phase == "start":
            self._begin_full()
        else:
            self._end_full()

    def _begin_full(self) -> None:
        if self._frozen > self._most:
            self._frozen = gc.get_freeze_count()  # this walks over all of them, so it is not done each time
        self._whole = self._frozen > self._most
        if self._whole:
            gc.unfreeze()
            self._frozen = 0

    def _end_full(self) -> None:
        self._frozen += len(gc.get_objects(generation=_FULL))
        gc.freeze()
        if self._whole:
            self._most = int(self._frozen * limits.FROZEN_GROWTH)
