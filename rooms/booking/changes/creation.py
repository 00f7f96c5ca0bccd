"""Booking: a request becomes a meeting with its dates and all their reservations, in one transaction. If any part fails,
nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import approval
from rooms.booking.holds import clashes, rehearsals, resources, terminals
from rooms.booking.holds.resources import Span, Taken
from rooms.booking.meeting import attendees, history, timing
from rooms.booking.planning import plans
from rooms.booking.planning.plans import Plan
from rooms.booking.planning.requests import DocumentRequest, Request
from rooms.booking.rules import calendar, unit_rules
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org.names import plain
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store import audit, rows
from rooms.store.database import Database
from rooms.store.tables.booking import Change, Idempotency, Reservation, Step, Wanted
from rooms.store.tables.columns import Row
from rooms.store.tables.meetings import Attendee, DocumentRef, Meeting, Occurrence
from rooms.store.tables.records import Job

SECRET = "state_secret"  # noqa: S105 (a code)
Written = dict[type[Row], list[dict[str, Any]]]
"""Rows by table. Each table comes after the tables that its foreign keys refer to."""


@dataclass(frozen=True)
class Made:
    """A meeting and the rows that this call wrote. There are no rows if an earlier call with the same key made the meeting."""

    meeting: Meeting
    plan: Plan | None = None
    written: Written = field(default_factory=dict)
    spans: Sequence[Span] = ()
    """The dates whose resources are reserved. The other dates are skipped."""


async def book(database: Database, request: Request, actor: Actor, now: datetime, key: str = "") -> Made:
    """Create a meeting in its own transaction. The transaction is short: the plan is read before it, and the search for the
    words of a refusal happens after it.

    A secret request leaves one entry in the audit trail: the actor, and nothing else.
    """
    try:
        request = request.checked()
        return await _book(database, request, actor, now, key)
    except Refusal as refusal:
        if refusal.code == SECRET:
            await database.transact(lambda session: note_secret(session, actor, now))
        raise


async def _book(database: Database, request: Request, actor: Actor, now: datetime, key: str) -> Made:
    _check_key(key)
    async with database.reading(brief=True) as session:
        try:
            plan = await plans.make(session, request, actor, now)
            if request.submit and plan.needs_approval:
                calendar.require_reason(plan.is_late(now), request.urgent_reason or request.precedence_reason)
        except Refusal:
            # The request may be too late now, but an earlier call with the same key may have succeeded in time.
            earlier = await earlier_of(session, key, request, actor) if key else None
            if earlier is None:
                raise
            return Made(earlier)

    async def work(session: AsyncSession) -> Made:
        made = await _begin(session, plan, actor, now, key)
        wishes = await terminals.wishes(session, made.spans, plan.needed, plan.guests)
        taken = await resources.take(session, wishes, plan.load, now, nested=False)
        if request.rehearsal_at is not None and made.plan is not None:
            await rehearsals.settle(session, made.meeting, actor, now, strict=True)
        return replace(made, written={**made.written, Reservation: list(taken)})

    try:
        return await database.transact(work)
    except Taken:
        wishes = [(span, plan.needed) for span in plan.spans]
        async with database.reading(brief=True) as session:
            found = await clashes.find(session, clashes.Question(wishes, plan.load, actor, plan.rule, now=now))
        raise clashes.refusal(wishes, found) from None


async def note_secret(session: AsyncSession, actor: Actor, now: datetime) -> None:
    """Record that the actor requested a secret meeting and was refused. Store no word of the request."""
    await audit.record(session, now, actor, "meeting.secret_refused", "meeting", "")


async def create(session: AsyncSession, request: Request, actor: Actor, now: datetime, key: str = "") -> Meeting:
    """Create a meeting in the caller's transaction: held, submitted for approval or, if it needs no approval, approved.

    `key`: a repeated request with the same key of the same account returns the same meeting. Another request with this key
    raises `idempotency_key_reused`. Raise `overlap`, `capacity` and the refusals of `plans`.
    """
    request = request.checked()
    earlier = await earlier_of(session, key, request, actor) if key else None
    if earlier is not None:
        return earlier
    plan = await plans.make(session, request, actor, now)
    made = await _begin(session, plan, actor, now, key)
    await take_or_refuse(session, plan, made.spans, actor, now)
    if request.rehearsal_at is not None and made.plan is not None:
        await rehearsals.settle(session, made.meeting, actor, now, strict=True)
    return made.meeting


async def _begin(session: AsyncSession, plan: Plan, actor: Actor, now: datetime, key: str) -> Made:
    """Store the meeting and its dates, and lock the resources of the dates. The caller makes the reservations next."""
    meeting_id = new_id()
    if key and not await _claim(session, key, plan.request, actor, meeting_id, now):
        earlier = await earlier_of(session, key, plan.request, actor)
        assert earlier is not None
        return Made(earlier)
    plans.require_rehearsal(plan, actor, now)
    if plan.skips_clashes:
        # The stored dates depend on what is free, so the locks come first.
        await resources.lock(session, plan.lock_names())
    skipped = await skips(session, plan, actor)
    spans = [span for span in plan.spans if span.occurrence_id not in skipped]
    written = _drafted(plan, meeting_id, skipped, actor, now)
    meeting = await _store_and_submit(session, plan, written, actor, now)
    if not plan.skips_clashes:
        # Lock as late as possible: other transactions wait for these locks until the commit.
        await resources.lock(session, plan.lock_names())
    times = [(one.starts_at, one.ends_at) for one in spans]
    await unit_rules.require_quota(session, plan.unit.id, plan.rule, times, meeting.id)
    return Made(meeting, plan, written, spans)


async def _claim(
    session: AsyncSession, key: str, request: Request, actor: Actor, meeting_id: str, now: datetime
) -> bool:
    """Store the key and report whether it is new. A second call with the same key waits here for the first call."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    values = {
        "account_id": account_of(actor),
        "key": key,
        "request_digest": request.digest(),
        "meeting_id": meeting_id,
        "at": now,
    }
    added = await session.execute(
        dialect.insert(Idempotency).values(values).on_conflict_do_nothing().returning(Idempotency.key)
    )
    return added.first() is not None


async def earlier_of(session: AsyncSession, key: str, request: Request, actor: Actor) -> Meeting | None:
    """Return the meeting that an earlier call with this key made."""
    _check_key(key)
    earlier = await session.get(Idempotency, (account_of(actor), key))
    if earlier is None:
        return None
    if earlier.request_digest != request.digest():
        raise Refusal(
            "idempotency_key_reused",
            "Khóa chống gửi trùng đã dùng cho một đề nghị khác. Hãy tải lại trang rồi gửi lại.",
            "this idempotency key was used for another request: load the page again",
        )
    return await session.get(Meeting, earlier.meeting_id)


def _check_key(key: str) -> None:
    if len(key) > limits.IDEMPOTENCY_KEY:
        raise Refusal("bad_idempotency_key", "Khóa chống gửi trùng quá dài.", "the idempotency key is too long")


def account_of(actor: Actor) -> str:
    return (actor.id or actor.kind)[:32]


async def skips(session: AsyncSession, plan: Plan, actor: Actor, excluding: str = "") -> dict[str, str]:
    """Return the dates that are listed but not booked, by occurrence, with the reason. If the plan skips clashes, the caller
    has locked the plan's resources.
    """
    skipped = plans.skips_of(plan, actor)
    if plan.skips_clashes:
        kept = [(span, plan.needed) for span in plan.spans if span.occurrence_id not in skipped]
        found = await clashes.find(session, clashes.Question(kept, plan.load, actor, plan.rule, excluding))
        for (span, _), several in zip(kept, found, strict=True):
            if several:
                # Leave out the titles: other readers of this reason may not read the meetings that this actor may read.
                told = (replace(one, title="", unit="").vi for one in several)
                skipped[span.occurrence_id] = " ".join(told)[:1000]
        if len(skipped) == len(plan.spans):
            raise clashes.refusal(kept, found) if kept else _nothing_left()
    elif len(skipped) == len(plan.spans):
        raise _nothing_left()
    return skipped


def _nothing_left() -> Refusal:
    return Refusal(
        "nothing_left",
        "Không còn buổi nào để đặt. Hãy chọn ít nhất một ngày.",
        "all dates are skipped: keep at least one date",
    )


async def take_or_refuse(session: AsyncSession, plan: Plan, spans: Sequence[Span], actor: Actor, now: datetime) -> None:
    """Make the reservations. Search for the clashes only after the database refused, to describe them in the refusal."""
    try:
        wishes = await terminals.wishes(session, spans, plan.needed, plan.guests)
        await resources.take(session, wishes, plan.load, now)
    except Taken:
        wishes = [(span, plan.needed) for span in spans]
        found = await clashes.find(session, clashes.Question(wishes, plan.load, actor, plan.rule, now=now))
        raise clashes.refusal(wishes, found) from None


async def store_held(
    session: AsyncSession, plan: Plan, meeting_id: str, skipped: dict[str, str], actor: Actor, now: datetime
) -> Meeting:
    """Store a held meeting with all its rows, except reservations and jobs."""
    written = _drafted(plan, meeting_id, skipped, actor, now)
    await rows.add(session, written)
    return rows.persistent(session, Meeting, written[Meeting][0])


def _drafted(plan: Plan, meeting_id: str, skipped: dict[str, str], actor: Actor, now: datetime) -> Written:
    """Return the rows of a held meeting."""
    made = history.line(meeting_id, 1, actor, now, "create", "")
    return {
        Meeting: [_meeting_row(plan, meeting_id, actor, now)],
        Change: [made],
        Occurrence: [date_row(meeting_id, span, skipped) for span in plan.spans],
        Wanted: resources.wanted_rows(meeting_id, plan.things),
        DocumentRef: _document_rows(meeting_id, plan.request.documents),
        Attendee: [_attendee_row(meeting_id, one) for one in plan.invited],
    }


def _attendee_row(meeting_id: str, one: attendees.Invited) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in attendees.STORED}
    return {"id": new_id(), "meeting_id": meeting_id, "link_round": 0, "notified": -1, **values}


def _meeting_row(plan: Plan, meeting_id: str, actor: Actor, now: datetime) -> dict[str, Any]:
    request = plan.request
    return {
        "id": meeting_id,
        "title": request.title,
        "search_title": plain(request.title)[: limits.TITLE],
        "type_code": plan.type_.code,
        "class": plan.class_,
        "state": "held",
        "host_unit_id": plan.unit.id,
        "chair_id": request.chair_id or None,
        "secretary_id": request.secretary_id or None,
        "secretary_deputy_id": request.secretary_deputy_id or None,
        "operator_id": request.operator_id or None,
        "operator_deputy_id": request.operator_deputy_id or None,
        "created_by": account_of(actor),
        "created_at": now,
        "updated_at": now,
        "description": request.description,
        "agenda": agenda_of(request),
        "public": request.public,
        "lobby": request.lobby or plan.class_ == classes.IMPORTANT,
        "entry_muted": plan.type_.entry_muted if request.entry_muted is None else request.entry_muted,
        "connect": request.connect,
        "connect_asked": False,
        "call_ahead_min": request.call_ahead_min,
        "uncalled": list(request.uncalled_ids),
        "hold_guests": request.hold_guests,
        "legs": plan.legs,
        "rehearsal_at": request.rehearsal_at,
        "rehearsal_min": request.rehearsal_min,
        "first_starts_at": plan.spans[0].starts_at,
        "duration_min": request.duration_min,
        "rule": request.rule,
        "hold_until": min(now + timedelta(hours=plan.rule.hold_hours), plan.spans[0].starts_at),
        "precedence": plan.type_.precedence if request.precedence is None else request.precedence,
        "precedence_reason": request.precedence_reason or request.urgent_reason,
        "sequence": 0,
        "version": 1,
    }


def new_meeting(plan: Plan, meeting_id: str, actor: Actor, now: datetime) -> Meeting:
    """Return a Meeting object that is not stored. An edit copies columns from it."""
    return rows.transient(Meeting, _meeting_row(plan, meeting_id, actor, now))


def agenda_of(request: Request) -> list[Any]:
    return [{"title": one.title, "presenter": one.presenter, "minutes": one.minutes} for one in request.agenda]


def date_row(meeting_id: str, span: Span, skipped: dict[str, str]) -> dict[str, Any]:
    reason = skipped.get(span.occurrence_id, "")
    return {
        "id": span.occurrence_id,
        "meeting_id": meeting_id,
        "original_at": span.starts_at,
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
        "state": "skipped" if reason else "planned",
        "moved": False,
        "reason_code": "",
        "reason": reason,
    }


async def keep_documents(session: AsyncSession, meeting_id: str, documents: Sequence[DocumentRequest]) -> None:
    await rows.add(session, {DocumentRef: _document_rows(meeting_id, documents)})


def _document_rows(meeting_id: str, documents: Sequence[DocumentRequest]) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            "meeting_id": meeting_id,
            "number": one.number,
            "search_number": search_number(one.number),
            "dated": one.dated,
            "issuer": one.issuer,
            "subject": one.subject,
            "link": one.link,
        }
        for one in documents
    ]


def search_number(number: str) -> str:
    """Return the number in the form for searches. "5180 /UBND-VHXH" and "5180/ubnd-vhxh" have the same form."""
    return plain(number).replace(" ", "")


async def _store_and_submit(
    session: AsyncSession, plan: Plan, written: Written, actor: Actor, now: datetime
) -> Meeting:
    """Store the drafted rows. The meeting is held, submitted or approved at once. Also write the audit entry and the jobs."""
    row = written[Meeting][0]
    if plan.needs_approval and plan.request.submit:
        _ask(plan, written, now)
    elif plan.needs_approval:
        written[Job] = timing.hold(row["id"], row["hold_until"], now)
    await rows.add(session, written, passing=frozenset({Job}))
    meeting = rows.persistent(session, Meeting, row)
    if not plan.needs_approval:
        await approval.approve(session, meeting, actor, now)
    detail = {"class": meeting.class_, "state": meeting.state, "dates": len(plan.spans), "things": len(plan.things)}
    await audit.record(session, now, actor, "meeting.create", "meeting", meeting.id, meeting.host_unit_id, detail)
    return meeting


def _ask(plan: Plan, written: Written, now: datetime) -> None:
    """Do the same as `approval.ask` for a meeting that is not stored yet: open the first step of its first round."""
    row = written[Meeting][0]
    row |= {"state": "asked", "hold_until": None}
    steps = approval.steps_of(row["id"], plan.unit, 1)
    coming = [one["starts_at"] for one in written[Occurrence] if one["state"] == "planned" and one["starts_at"] > now]
    if plan.request.rehearsal_at is not None:
        coming.append(plan.request.rehearsal_at)
    deadline = approval.deadline_of(plan.rule, min(coming, default=None), now)
    steps[0] |= {"opened_at": now, "deadline": deadline}
    written[Step] = steps
    written[Job] = timing.deadline(row["id"], steps[0]["id"], deadline, now)


async def forget_keys(session: AsyncSession, now: datetime) -> None:
    """Delete the keys of old requests that no client repeats any more."""
    old = now - timedelta(days=limits.IDEMPOTENCY_DAYS)
    for one in await session.scalars(select(Idempotency).where(Idempotency.at < old).limit(5000)):
        await session.delete(one)
