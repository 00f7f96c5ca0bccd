"""The kinds of notices."""

from __future__ import annotations

from typing import Final

APPROVE, APPROVED, REFUSED, EXPIRED = "approve", "approved", "refused", "expired"
APPLIED, NOT_APPLIED = "change_approved", "change_refused"
DISPLACED, ANSWERED, SUBSTITUTE = "displaced", "answered", "substitute"
PRECEDENCE, PRECEDED, NOT_PRECEDED = "precedence_asked", "precedence_given", "precedence_refused"
HALL, HELD, OBJECTED, SOON = "hall_unready", "hall_held", "hall_objected", "soon"
LOST = "hall_lost"
REHEARSAL = "rehearsal_changed"
KINDS: Final = (
    APPROVE,
    APPROVED,
    REFUSED,
    EXPIRED,
    APPLIED,
    NOT_APPLIED,
    DISPLACED,
    ANSWERED,
    SUBSTITUTE,
    HALL,
    HELD,
    OBJECTED,
    LOST,
    REHEARSAL,
    SOON,
    PRECEDENCE,
    PRECEDED,
    NOT_PRECEDED,
)
TASKS: Final = (APPROVE, SUBSTITUTE, PRECEDENCE)
"""The kinds that ask for a decision. Such a notice stays in "Việc chờ tôi" until the decision, even if it was read. Every other
notice leaves the list when it was read.
"""
