"""The report to the watcher that a conference has begun. It is sent once."""

from __future__ import annotations

from conference.ports.watchers import Watcher


class Opening:
    def __init__(self, name: str, watcher: Watcher | None) -> None:
        self._name, self._watcher = name, watcher
        self._is_told = False

    def note(self) -> None:
        if not self._is_told and self._watcher is not None:
            self._watcher.opened(self._name)
        self._is_told = True
