"""The events of one channel: their numbers, the events that wait for the reader, and the events that a resume needs. Sans-IO.

state     next event for the client            a new event
WHOLE     the whole document                   is in the whole document: dropped
READING   the oldest waiting event             waits; beyond the limits all are dropped: WHOLE, `skipped`
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from signaling.desk import limits


class State(Enum):
    WHOLE = "whole"
    READING = "reading"


class Event(NamedTuple):
    seq: int
    text: str
    """The name and the value: `"patch":{…}`. All channels of a meeting share the text."""
    size_bytes: int


PATCH: Final = '"patch":'
TO_YOU: Final = '"to_you":'


class Feed:
    """The feed begins with the whole document. `whole` returns it as JSON text."""

    def __init__(self, whole: Callable[[], str]) -> None:
        self.whole = whole
        self.state = State.WHOLE
        self.seq = 0
        """The number of the newest event."""
        self._skipped = False
        self._waiting: deque[Event] = deque()
        self._given: deque[Event] = deque()
        """The events that the client got, for a resume."""
        self._bytes = 0
        """The bytes of all kept events."""
        self._floor = 0
        """A client that has applied the events up to this number, or up to a later one, can resume."""

    def put(self, kind: str, text: str) -> None:
        """Add an event. `kind`: PATCH or TO_YOU."""
        if self.state is State.WHOLE:
            return
        self.seq += 1
        text = kind + text
        size_bytes = len(text) if text.isascii() else len(text.encode())
        self._waiting.append(Event(self.seq, text, size_bytes))
        self._bytes += size_bytes
        while self._given and (len(self._given) + len(self._waiting) > limits.EVENTS or self._is_heavy()):
            oldest = self._given.popleft()
            self._bytes -= oldest.size_bytes
            self._floor = oldest.seq
        if len(self._waiting) > limits.EVENTS or self._is_heavy():
            self.start_again(skipped=True)

    def start_again(self, *, skipped: bool = False) -> None:
        """Give the client the whole document next, in place of the waiting events."""
        self.state = State.WHOLE
        self._skipped = skipped
        self._waiting.clear()
        self._given.clear()
        self._bytes = 0

    @property
    def waits(self) -> bool:
        """Report whether the client can get an event now."""
        return self.state is State.WHOLE or bool(self._waiting)

    def take(self) -> str | None:
        """Return the next message for the client, or None."""
        if self.state is State.WHOLE:
            self.state = State.READING
            self.seq += 1
            self._floor = self.seq
            end, self._skipped = ',"skipped":true}' if self._skipped else "}", False
            return f'{{"seq":{self.seq},"whole":{self.whole()}{end}'
        if not self._waiting:
            return None
        event = self._waiting.popleft()
        self._given.append(event)
        return f'{{"seq":{event.seq},{event.text}}}'

    def resume(self, seq: int) -> bool:
        """Continue after the event that the client applied last. Return False if the whole document follows instead."""
        newest = self._given[-1].seq if self._given else self._floor
        if self.state is State.WHOLE or not self._floor <= seq <= newest:
            self.start_again(skipped=self._skipped)
            return False
        while self._given and self._given[-1].seq > seq:
            self._waiting.appendleft(self._given.pop())
        return True

    def _is_heavy(self) -> bool:
        return self._bytes > limits.EVENT_BYTES
