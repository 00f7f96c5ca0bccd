"""The rate limit of messages from each address."""

from __future__ import annotations

from collections import OrderedDict

from conference import TokenBucket
from signaling.sip.ground import limits


class Rates:
    def __init__(self) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        """The rate limits by address."""

    def __len__(self) -> int:
        return len(self._buckets)

    def admits(self, host: str, size: int, now: float) -> bool:
        """Count a message of `size` bytes and report whether it may be read."""
        bucket = self._buckets.pop(host, None) or TokenBucket(limits.MESSAGES_PER_SECOND, limits.MESSAGES_AT_ONCE)
        self._buckets[host] = bucket
        if len(self._buckets) > limits.SOURCES_REMEMBERED * 2:
            self._buckets.popitem(last=False)
        return bucket.take_or_empty(now, 1 + size // limits.MESSAGE_WEIGHT_BYTES)
