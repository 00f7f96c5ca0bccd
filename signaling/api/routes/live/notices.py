"""The routes of notices: the list, the read state, and the live channel. A caller sees only the notices of the own account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import Query
from fastapi.responses import StreamingResponse

from rooms.errors import Refusal
from rooms.notices import pushes, records
from rooms.notices.records import Shown, Wanted
from signaling.api.ground import problems
from signaling.api.ground.visits import Caller, Rows, Visit
from signaling.api.models.notices import Notice, NoticeCounts, NoticeKind, PushFields, PushKey, ReadFields, Tally
from signaling.api.models.parts import Page
from signaling.host import limits
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("notices")


@router.get("/notices", openapi_extra=needs(OWN))
async def list_notices(
    visit: Caller,
    rows: Rows,
    kind: Annotated[NoticeKind | None, Query()] = None,
    unread: Annotated[bool, Query()] = False,
    waiting: Annotated[bool, Query()] = False,
) -> Page[Notice]:
    """List the notices of the last 90 days, the newest first. `waiting`: a task of the caller, or unread news."""
    after = (datetime.fromisoformat(rows.after[0][0]), str(rows.after[0][1])) if rows.after else None
    wanted = Wanted(kind or "", unread, waiting, after)
    account, actor = _account(visit), visit.actor
    found = await visit.read(lambda session: records.listed(session, account, actor, wanted, visit.now, rows.fetch))
    return rows.keyed(found, _notice, lambda one: (one.notice.at.isoformat(), one.notice.id))


@router.put("/notices/read", openapi_extra=needs(OWN))
async def read_notices(visit: Caller, wanted: ReadFields) -> NoticeCounts:
    """Mark notices as read. A task stays in the list of waiting notices until it is done."""
    account = _account(visit)
    await visit.write(lambda session: records.mark_read(session, account, wanted.ids, visit.now, wanted.until))
    await visit.desk.notices.look()
    return await _counts(visit, account)


@router.get("/notices/events", openapi_extra=needs(OWN), response_class=StreamingResponse)
async def notice_events(visit: Caller) -> StreamingResponse:
    """Stream server-sent events: `notices` with the numbers of unread and waiting notices, at once and after each change."""
    account = _account(visit)
    visit.desk.notices.require_place(account)  # before the headers: afterwards the client cannot read a refusal
    stream = _stream(visit, account)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})


@router.get("/push-subscription", openapi_extra=needs(OWN))
async def push_key(visit: Caller) -> PushKey:
    """Return the key for pushes to browsers."""
    return PushKey(key=visit.desk.push_key)


@router.put("/push-subscription", status_code=204, openapi_extra=needs(OWN))
async def switch_push_on(visit: Caller, wanted: PushFields) -> None:
    """Wake this browser at each new notice. A push has no content."""
    account, seal = _account(visit), visit.desk.seal
    if not visit.desk.push_key:
        raise problems.refused("push_off")
    await visit.write(lambda session: pushes.subscribe(session, seal, account, wanted.endpoint, visit.now))


@router.post("/push-subscription/end", status_code=204, openapi_extra=needs(OWN))
async def switch_push_off(visit: Caller, wanted: PushFields) -> None:
    """Wake this browser no more."""
    account = _account(visit)
    await visit.write(lambda session: pushes.unsubscribe(session, account, wanted.endpoint))


async def _stream(visit: Visit, account: str) -> AsyncIterator[str]:
    """Yield the events. The stream ends when the session or the account ends, or when the server stops."""
    board = visit.desk.notices
    told = ""
    with board.watching(account) as news:
        while not board.closed:
            news.clear()
            try:
                visit = await visit.again()
                counts = await _counts(visit, _account(visit))
            except Refusal:
                return
            said = counts.model_dump_json()
            # A comment keeps the connection alive if nothing has changed.
            yield f"event: notices\ndata: {said}\n\n" if said != told or news.is_set() else ": \n\n"
            told = said
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.NOTICE_QUIET_S):
                    await news.wait()


async def _counts(visit: Visit, account: str) -> NoticeCounts:
    unread, waiting = await visit.read(lambda session: records.counts(session, account, visit.now))
    return NoticeCounts(unread=unread, waiting=waiting)


def _account(visit: Visit) -> str:
    if visit.actor.kind != "account":
        raise problems.refused("denied")
    return visit.actor.id


def _notice(one: Shown) -> Notice:
    row, meeting, date = one.notice, one.meeting, one.date
    hidden = meeting is None and row.meeting_id is not None
    return Notice(
        id=row.id,
        kind=row.kind,
        meeting_id="" if meeting is None else meeting.id,
        title="" if meeting is None else meeting.title,
        host_unit_name=one.host,
        occurrence_id="" if hidden else row.occurrence_id,
        starts_at=date.starts_at if date is not None else meeting.first_starts_at if meeting is not None else None,
        ends_at=date.ends_at if date is not None else None,
        about="" if hidden else row.about,
        reason="" if hidden else row.reason,
        also_at=None if hidden else row.also_at,
        at=row.at,
        until=row.until,
        read=row.read_at is not None,
        done=one.done,
        tally=Tally(**one.tally) if one.tally else None,
    )
