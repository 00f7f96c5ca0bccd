"""Decides when a participant without a signalling connection counts as gone. The times are `DETACHED_*` in the limits."""

from __future__ import annotations

from conference.ground import limits
from conference.people.participant import Participant


def is_ghost(participant: Participant, now: float) -> bool:
    """Return True if a participant without a signalling connection counts as gone. Its media never connected, or has failed or
    been quiet for too long, or DETACHED_S has passed. A path is quiet after 10 s, and has failed after 30 s, without an ICE
    check or answer (the consent of RFC 7675).
    """
    if participant.detached_at is None:
        return False
    connection = participant.connection
    away_s = now - participant.detached_at
    if away_s >= limits.DETACHED_S or not connection.ever_connected:
        return True
    quiet_s, failed_s = connection.quiet_s(now), connection.failed_s(now)
    if failed_s is not None:
        return min(failed_s, away_s) >= limits.DETACHED_SILENT_S
    return quiet_s is not None and min(quiet_s, away_s) >= limits.DETACHED_QUIET_S
