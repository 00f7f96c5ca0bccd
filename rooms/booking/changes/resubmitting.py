"""Submit a refused or expired meeting again, corrected or as it was. The meeting keeps its history, its attendees and their
answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, editing
from rooms.booking.holds import restoring
from rooms.booking.meeting import history, reading
from rooms.booking.rules import unit_rules
from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.meetings import Meeting

ENDED: Final = ("refused", "expired")
"""The states of meetings that can be submitted again."""


async def resubmit(
    session: AsyncSession,
    meeting_id: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int,
) -> Meeting:
    """Submit the meeting for approval again, after `changes` as in `editing.edit`. All coming dates are reserved again, or
    nothing.

    Raise `version_conflict`, `wrong_state`, `part_of_series`, `past`, `late_reason_missing`, and the refusals of creation.
    """
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if meeting.created_by != (actor.id or actor.kind):
        roles.require(actor, "meetings.edit", unit.path)
    if meeting.version != expected_version:
        raise editing.conflict(meeting)
    if meeting.state not in ENDED:
        raise approval.wrong_state(meeting)
    if meeting.split_from_id is not None and meeting.number is None:
        raise Refusal(
            "part_of_series",
            "Các buổi này đã trở lại chuỗi họp trước khi tách. Hãy mở chuỗi họp đó để sửa.",
            "these dates went back to their series: edit the series",
        )
    before = await history.snapshot(session, meeting)
    meeting.state, meeting.reason, meeting.reason_code = "held", "", ""
    await editing.change(session, meeting, unit, changes, actor, now, "all", None)
    if changes.get("urgent_reason"):
        meeting.precedence_reason = changes["urgent_reason"].strip()
    await approval.explain(session, meeting, "", now)
    await _reserve(session, meeting, unit.path, bool(changes.get("urgent_reason")), actor, now)
    await approval.ask(session, meeting, unit, await unit_rules.rule_of(session, unit.path), now)
    await history.finish(session, meeting, actor, now, "resubmit", "", before, undoable=False, tells=False)
    detail = {"fields": sorted(changes), "version": meeting.version}
    await audit.record(session, now, actor, "meeting.resubmit", "meeting", meeting.id, unit.id, detail)
    return meeting


async def _reserve(
    session: AsyncSession, meeting: Meeting, path: str, urgent: bool, actor: Actor, now: datetime
) -> None:
    """Reserve the coming dates. Raise `past` if there are none, and the refusals of creation."""
    dates = await restoring.coming(session, meeting.id, now)
    rule = await unit_rules.rule_of(session, path)
    first = dates[0].starts_at if dates else meeting.first_starts_at
    unit_rules.require_ahead(rule, first, now, urgent or bool(meeting.precedence_reason))
    spans = [(one.starts_at, one.ends_at) for one in dates]
    await unit_rules.require_quota(session, meeting.host_unit_id, rule, spans, meeting.id)
    await restoring.retake(session, meeting, dates, actor, now)
