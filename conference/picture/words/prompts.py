"""The announcements to single halls: the current one and the following ones."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence

from conference.ground import limits
from conference.ports.time import Clock, Turns
from media import scene as pictures


class Prompts:
    def __init__(self, clock: Clock, turns: Turns, changed: Callable[[], None]) -> None:
        """`changed` is called when the current announcements change."""
        self._clock = clock
        self._turns = turns
        self._changed = changed
        self._numbers = itertools.count(1)
        self._waiting: dict[str, list[pictures.Prompt]] = {}
        """The announcements by hall: the current one, then the following ones."""
        self._begun_at: dict[str, float] = {}
        self._line: deque[tuple[str, str, str]] = deque()
        """Announcements to all halls that wait for a free place: the hall or `scene.hearers`, the code and the file. One entry
        for each hall and code.
        """

    @property
    def quiet(self) -> bool:
        """Report whether no announcement is played or waits."""
        return not self._waiting and not self._line

    @property
    def now(self) -> tuple[pictures.Prompt, ...]:
        return tuple(waiting[0] for waiting in self._waiting.values())

    def has(self, sid: str) -> bool:
        """Report whether an announcement to this hall alone is played or waits."""
        return sid in self._waiting or any(one[0] == sid for one in self._line)

    def drop(self, code: str) -> None:
        """End this announcement everywhere, because it is not true any more."""
        self._line = deque(one for one in self._line if one[1] != code)
        for sid, waiting in list(self._waiting.items()):
            if waiting[0].id.partition(" ")[0] == code:
                self.end(sid)
                self._changed()
        self._fill()

    def say(self, sid: str, words: Sequence[tuple[str, str]]) -> None:
        """Play announcements to a hall, one after the other. The current announcement ends. `words`: the code and the file of
        each one.
        """
        self.end(sid)
        self._waiting[sid] = [pictures.Prompt(f"{code} {next(self._numbers)}", sid, path) for code, path in words]
        while len(self._waiting) > limits.PROMPTS:
            self.end(next(iter(self._waiting)))
        self._begin(sid)

    def queue(self, sid: str, code: str, path: str) -> None:
        """Play an announcement to a hall after its current one, when fewer than PROMPTS are played."""
        if (sid, code, path) not in self._line:
            self._line.append((sid, code, path))
            self._fill()

    def leave(self, sid: str) -> None:
        """Forget a hall that left."""
        self._line = deque(one for one in self._line if one[0] != sid)
        self.end(sid)
        self._fill()

    def _fill(self) -> None:
        for one in list(self._line):
            if len(self._waiting) >= limits.PROMPTS:
                return
            sid, code, path = one
            if sid not in self._waiting:
                self._line.remove(one)
                self.say(sid, [(code, path)])

    def end(self, sid: str) -> None:
        self._waiting.pop(sid, None)
        self._begun_at.pop(sid, None)

    def _begin(self, sid: str) -> None:
        self._begun_at[sid] = self._clock.monotonic()
        self._changed()
        self._turns.call_later(limits.PROMPT_S, self.go_on)

    def go_on(self, ended: str = "") -> None:
        """Go on to the next announcements. `ended`: the id of a finished one. Announcements older than PROMPT_S are finished
        too.
        """
        now = self._clock.monotonic()
        for sid, waiting in list(self._waiting.items()):
            if waiting and (waiting[0].id == ended or now - self._begun_at[sid] >= limits.PROMPT_S - 0.01):
                del waiting[0]
                if waiting:
                    self._begin(sid)
            if not waiting:
                self.end(sid)
                self._changed()
        self._fill()
