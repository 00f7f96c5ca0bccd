"""The decision of an approver about a meeting, or about a change of an approved meeting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, dates, editing, proposals
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Meeting


async def decide(
    session: AsyncSession, meeting_id: str, approve_: bool, reason: str, actor: Actor, now: datetime
) -> Meeting:
    """Decide on the open step. Raise the refusals of `approval.decide`, and those of the change if it became impossible."""
    proposal = await approval.pending(session, meeting_id)
    meeting = await approval.decide(session, meeting_id, approve_, reason, actor, now)
    if proposal is not None:
        await proposals.settle(session, meeting, proposal, editing.change, dates.carry_out, actor, now)
    return meeting
