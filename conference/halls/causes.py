"""The causes of a failed call to a hall, in words that all protocols share.

Each protocol has one table from its codes to these causes: for SIP, `signaling/sip/call/causes.py`. `conference.halls.dialout`
decides when a hall is called again.
"""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """The cause of a failed call. The rows of legs store these values, and `conference.halls.dialout.REASONS` has texts for
    them.
    """

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    """The terminal rang without an answer, or no person is there now."""
    UNREACHABLE = "unreachable"
    """No response arrived, or a response without an exact cause."""
    PROFILE = "profile"
    """There is no common sound or picture. A smaller offer may succeed."""
    OVERLOADED = "overloaded"
    MERGED = "merged"
    """The terminal still has the call before this call."""
    UNKNOWN_THERE = "unknown_there"
    """The address belongs to no terminal."""
    FORBIDDEN = "forbidden"
    """The other side refuses our credentials, or we refuse the caller."""
    DECLINED = "declined"
