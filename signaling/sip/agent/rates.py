"""How many messages of one address of our networks are looked at."""

from __future__ import annotations

from collections import OrderedDict

from signaling.sip.wire import limits


class Rates:
    def __init__(self) -> None:
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """(messages that may come, when that was) by address."""

    def __len__(self) -> int:
        return len(self._levels)

    def admits(self, host: str, size: int, now: float) -> bool:
        """Count one message of `size` bytes."""
        level, seen = self._levels.pop(host, (float(limits.MESSAGES_AT_ONCE), now))
        level = min(limits.MESSAGES_AT_ONCE, level + max(0.0, now - seen) * limits.MESSAGES_PER_SECOND)
        level -= 1 + size // limits.MESSAGE_WEIGHT_BYTES
        self._levels[host] = max(0.0, level), now
        if len(self._levels) > limits.SOURCES_REMEMBERED * 2:
            self._levels.popitem(last=False)
        return level >= 0
