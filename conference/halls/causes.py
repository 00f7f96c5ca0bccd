"""Why a call to a hall came to nothing, in words that all protocols share.

Each protocol maps its codes to these causes in one table of its own: SIP in `signaling/sip/call/causes.py`. Does not
decide when a hall is called again (`conference.halls.dialout`).
"""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """The values stand in the rows of legs, and in the texts of `conference.halls.dialout.REASONS`."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    """It rang in vain, or nobody is there now."""
    UNREACHABLE = "unreachable"
    """No answer came, or an answer that says nothing more exact."""
    PROFILE = "profile"
    """No common sound or picture: a smaller offer may succeed."""
    OVERLOADED = "overloaded"
    MERGED = "merged"
    """The terminal still holds the call before this call."""
    UNKNOWN_THERE = "unknown_there"
    """The address names no terminal."""
    FORBIDDEN = "forbidden"
    """The other side refuses our credentials, or we refuse the caller."""
    DECLINED = "declined"
