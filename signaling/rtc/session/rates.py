"""The rates at which a participant may send."""

from __future__ import annotations

from conference import TokenBucket
from signaling.rtc.wire import limits


class Rates:
    """The token buckets of one participant. A new socket of the same participant keeps the old buckets."""

    def __init__(self) -> None:
        self.messages = TokenBucket(limits.MESSAGES_PER_S, limits.MESSAGES_BURST)
        self.bytes = TokenBucket(limits.BYTES_PER_S, limits.BYTES_BURST)
        self.facts = TokenBucket(limits.METADATA_BYTES_PER_S, limits.METADATA_BYTES_BURST)
