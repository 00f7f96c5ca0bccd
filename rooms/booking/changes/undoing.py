"""Undo of the newest change of a meeting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, proposals
from rooms.booking.holds import rehearsals, restoring
from rooms.booking.meeting import history, reading, timing
from rooms.booking.rules import unit_rules
from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Unit


async def undo(session: AsyncSession, meeting_id: str, actor: Actor, now: datetime) -> Meeting:
    """Undo the newest change, within 24 hours after it. Raise `nothing_to_undo`, `hold_expired`, and `overlap` if the old times
    are no longer free.
    """
    meeting, unit = await reading.locked(session, meeting_id, actor)
    own = meeting.created_by == (actor.id or actor.kind)
    if not own:
        roles.require(actor, "meetings.edit", unit.path)
    change = await history.last_undoable(session, meeting, now)
    if own and not restoring.of_maker(change, actor):
        roles.require(actor, "meetings.edit", unit.path)
    before, untold = await history.snapshot(session, meeting), meeting.state != "approved"
    await restoring.restore(session, meeting, change.before, actor, now)
    await _go_on(session, meeting, unit, actor, now)
    await rehearsals.settle(session, meeting, actor, now)
    change.undone = True
    told, date_id = f"Hoàn tác: {change.summary}", change.occurrence_id
    # Attendees were not notified of a change that only waited for approval, so its undo does not notify them. They were
    # notified of a cancellation, so its undo notifies them.
    tells = not (untold and before["meeting"]["state"] in ("held", "asked"))
    await history.finish(session, meeting, actor, now, "undo", told, before, False, tells, date_id)
    if not tells and meeting.state == "approved":
        await timing.changed(session, meeting, "undo", now, only_new=True)
    await audit.record(session, now, actor, "meeting.undo", "meeting", meeting.id, unit.id, {"version": change.version})
    return meeting


async def _go_on(session: AsyncSession, meeting: Meeting, unit: Unit, actor: Actor, now: datetime) -> None:
    """Restore the state of the approval. An `asked` meeting needs an open step again. A meeting that is not `asked` has no open
    step. A hold keeps its old end.
    """
    if meeting.state == "held" and meeting.hold_until is not None and meeting.hold_until <= now:
        raise Refusal(
            "hold_expired",
            "Thời hạn giữ hội trường đã hết. Hãy đặt lại cuộc họp.",
            "the reservation has expired: book the meeting again",
        )
    if meeting.state != "asked":
        waiting = await approval.pending(session, meeting.id)
        if waiting is None:
            await approval.withdraw(session, meeting.id, now)
        else:
            await proposals.take_back(session, meeting, waiting, actor, now)
    elif await approval.open_step(session, meeting.id) is None:
        await approval.ask(session, meeting, unit, await unit_rules.rule_of(session, unit.path), now)
