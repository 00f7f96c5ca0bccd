"""The opening of a meeting: the report to the watcher, which is sent once, and the time that the desks show.

A meeting whose halls wait is opened by the chair. Otherwise the first participant opens it. A crash keeps the time. After all
have left, the next participant opens the meeting anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from conference.ports.watchers import Watcher


class Kept(Protocol):
    """The store of the time."""

    def restored(self) -> Mapping[str, Any] | None: ...
    def note(self, state: Any) -> None: ...


class Opening:
    """`show` shows the time of the opening (Unix seconds)."""

    def __init__(self, name: str, watcher: Watcher | None, kept: Kept, show: Callable[[float], None]) -> None:
        self._name, self._watcher, self._kept, self._show = name, watcher, kept, show
        self._is_told = False
        self._at = float((kept.restored() or {}).get("at", 0.0))
        self._is_kept = self._at > 0
        if self._is_kept:
            show(self._at)

    def came(self, now: float, *, hall: bool, waiting: bool) -> None:
        """Note that a participant joined. `waiting`: halls wait until the chair opens the meeting."""
        if not waiting:
            self._open(now, keep=not hall)  # rooms with halls alone may be no meetings
        if not (waiting and hall):
            self._tell()

    def begun(self, now: float, *, waited: bool, occupied: bool) -> None:
        """Note that the chair opened the meeting. `waited`: halls had to wait until then."""
        if occupied:
            if waited:
                self._at, self._is_kept = 0.0, False
            self._open(now, keep=True)
            self._tell()

    def forget(self) -> None:
        """Forget the time, because all have left."""
        if self._is_kept and self._kept.restored():  # a sitting that was ended begins no second time
            self._kept.note({})

    def _open(self, now: float, *, keep: bool) -> None:
        if not self._at:
            self._at = now
            self._show(now)
        if keep and not self._is_kept:
            self._is_kept = True
            self._kept.note({"at": self._at})

    def _tell(self) -> None:
        if not self._is_told and self._watcher is not None:
            self._watcher.opened(self._name)
        self._is_told = True
