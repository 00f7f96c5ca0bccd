"""The routes of the operators' board of a date's halls, and of the accounts of terminals.

The board has rows and their changes, commands with undo, alarms, and traces.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import Path, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import accounts, dates, legs, opening, planning
from rooms.errors import Refusal
from rooms.policy import disclosure, roles
from rooms.sites import halls, terminals
from rooms.store.tables.dialling import DialLeg
from signaling.api.ground import problems
from signaling.api.ground.desk import BoardNews
from signaling.api.ground.visits import Caller, Visit, anywhere, found
from signaling.api.models.boards import (
    Alarm,
    BoardDate,
    CallPlace,
    Leg,
    LegCall,
    LegCommand,
    LegResults,
    LegUndo,
    OperatorCall,
    Program,
    ProgramState,
)
from signaling.api.models.parts import Id
from signaling.api.models.sites import SipAccount, SipAccountFields, TerminalState
from signaling.api.routes.control import board_news
from signaling.api.routes.control.rights import hall_desk, require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ, OPERATE = "halls.read", "halls.operate"


@router.get("/hall-boards", openapi_extra=needs(READ))
async def list_boards(visit: Caller) -> list[BoardDate]:
    """List the dates of today and tomorrow, and the running dates: with halls, an invited site, a chair or an operator."""
    actor = anywhere(visit, READ)
    registered: Mapping[str, bool] = {}
    if visit.desk.halls is not None:
        registered = await visit.desk.halls.terminals.registered()
    listed = await visit.read(lambda session: dates.of_two_days(session, actor, visit.now))
    return [_board(one, registered, visit.now) for one in listed]


def _board(one: dates.BoardDate, registered: Mapping[str, bool], now: datetime) -> BoardDate:
    def count(*states: str) -> int:
        return sum(one.states.get(state, 0) for state in states)

    return BoardDate(
        meeting_id=one.meeting.id,
        occurrence_id=one.occurrence.id,
        title=one.meeting.title,
        unit=one.host.name,
        starts_at=one.occurrence.starts_at,
        ends_at=one.occurrence.ends_at,
        state=one.occurrence.state,
        halls=sum(one.states.values()),
        tomorrow=one.tomorrow,
        calls_now=planning.is_on(one.occurrence, one.meeting, now),
        expected=len(one.expected),
        absent=sum(not registered.get(terminal, True) for terminal in one.expected),
        gaps=one.gaps,
        people=one.people,
        connected=count("connected"),
        under_way=count("probing", "calling", "ringing"),
        trouble=count("failed", "given_up"),
        alarmed=one.alarmed,
        **{colour: one.readiness.get(colour, 0) for colour in ("green", "amber", "red")},
    )


@router.get("/hall-calls", openapi_extra=needs(READ))
async def list_calls(visit: Caller) -> list[OperatorCall]:
    """List the halls that have dialled the operator, from units whose halls the caller may see. The longest wait comes first."""
    actor = anywhere(visit, READ)
    return [OperatorCall.model_validate(row) for row in await hall_desk(visit).calls.rows(actor)]


@router.post("/hall-calls/{call_id}/acknowledge", openapi_extra=needs(OPERATE))
async def acknowledge_call(visit: Caller, call_id: Key) -> OperatorCall:
    """Note that the caller handles the call. The hall hears an announcement."""
    actor = anywhere(visit, OPERATE)
    return OperatorCall.model_validate(await hall_desk(visit).calls.acknowledge(call_id, actor))


@router.post("/hall-calls/{call_id}/place", status_code=204, openapi_extra=needs(OPERATE))
async def place_call(visit: Caller, call_id: Key, wanted: CallPlace) -> None:
    """Put the hall into this meeting, as a hall that the operator called. The caller needs the right in that meeting too."""
    actor = anywhere(visit, OPERATE)
    desk = hall_desk(visit)
    await require(visit, wanted.occurrence_id, OPERATE)
    await desk.calls.place(call_id, wanted.occurrence_id, actor)


@router.delete("/hall-calls/{call_id}", status_code=204, openapi_extra=needs(OPERATE))
async def end_call(visit: Caller, call_id: Key) -> None:
    """Hang up after an announcement."""
    actor = anywhere(visit, OPERATE)
    await hall_desk(visit).calls.end(call_id, actor)


@router.get("/occurrences/{occurrence_id}/legs", openapi_extra=needs(READ, of="occurrence"))
async def list_legs(visit: Caller, occurrence_id: Key) -> list[Leg]:
    """List every hall of a date, in the order of the unit tree."""
    await require(visit, occurrence_id, READ)
    return [Leg.model_validate(row) for row in await hall_desk(visit).rows.rows(occurrence_id)]


@router.get(
    "/occurrences/{occurrence_id}/legs/events",
    openapi_extra=needs(READ, of="occurrence"),
    response_class=StreamingResponse,
)
async def leg_events(visit: Caller, occurrence_id: Key) -> StreamingResponse:
    """Stream server-sent events, at most one a second. `legs`: a list of rows (`Leg`), first all whole rows, then `leg_id` and
    the changed fields of each changed row. `phoned`: the last telephone call to each site (`SiteCalled`), after each change.
    `rehearsed`: what was entered for sites of the rehearsal (`RehearsalEntry`), first all entries, then the changed ones.
    """
    await require(visit, occurrence_id, READ)
    events = _stream(visit, occurrence_id, hall_desk(visit).rows.watch(occurrence_id))
    headers = {"cache-control": "no-store"}
    if "gzip" not in visit.request.headers.get("accept-encoding", ""):
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return StreamingResponse(board_news.squeezed(events), media_type="text/event-stream", headers=headers)


async def _stream(visit: Visit, occurrence_id: str, news: AsyncIterator[BoardNews]) -> AsyncIterator[str]:
    """Yield the events. The stream ends when the session, the account or the right of the caller ends."""
    told = board_news.Told()
    async for one in news:
        try:
            await require(await visit.again(), occurrence_id, READ)
        except Refusal:
            return
        yield told.events(one)


@router.post("/occurrences/{occurrence_id}/legs", openapi_extra=needs(OPERATE, of="occurrence"))
async def call_terminal(visit: Caller, occurrence_id: Key, wanted: LegCall) -> Leg:
    """Call a terminal of the register into this date, now or at the time of the calls."""
    await require(visit, occurrence_id, OPERATE)
    desk = hall_desk(visit)
    given = (occurrence_id, wanted.terminal_id, visit.actor, visit.now)

    async def work(session: AsyncSession) -> DialLeg:
        if wanted.when == "time":
            return await planning.add(session, *given)
        leg = await planning.ask(session, *given)
        await legs.set_wish(session, leg.id, "call")
        return leg

    leg = await visit.write(work)
    desk.terminals.wake()
    desk.rows.changed(occurrence_id)
    return next(Leg.model_validate(row) for row in await desk.rows.rows(occurrence_id) if row["leg_id"] == leg.id)


@router.post("/occurrences/{occurrence_id}/legs/commands", openapi_extra=needs(OPERATE, of="occurrence"))
async def command_legs(visit: Caller, occurrence_id: Key, wanted: LegCommand) -> LegResults:
    """Carry out a command for these halls, and return the result of each hall."""
    await require(visit, occurrence_id, OPERATE)
    return LegResults.model_validate(
        await hall_desk(visit).orders.order(occurrence_id, wanted.model_dump(), visit.actor)
    )


@router.post("/occurrences/{occurrence_id}/probe", status_code=204, openapi_extra=needs(OPERATE, of="occurrence"))
async def probe_terminals(visit: Caller, occurrence_id: Key) -> None:
    """Check the readiness of every terminal of the date's call list, also before the server checks them by itself. Refused with
    `too_early`.
    """
    await require(visit, occurrence_id, OPERATE)
    desk = hall_desk(visit)

    async def work(session: AsyncSession) -> None:
        for leg_id in await planning.watch(session, occurrence_id, visit.now):
            await legs.set_wish(session, leg_id, "probe")

    await visit.write(work)
    desk.terminals.wake()


@router.post("/occurrences/{occurrence_id}/legs/undo", status_code=204, openapi_extra=needs(OPERATE, of="occurrence"))
async def undo_command(visit: Caller, occurrence_id: Key, wanted: LegUndo) -> None:
    """Take back mute, deafen, stage, layout or text, or call again the halls that drop has hung up."""
    await require(visit, occurrence_id, OPERATE)
    hall_desk(visit).orders.undo(occurrence_id, wanted.token)


@router.post("/occurrences/{occurrence_id}/begin", status_code=204, openapi_extra=needs(OPERATE, of="occurrence"))
async def begin_meeting(visit: Caller, occurrence_id: Key) -> None:
    """Open the meeting for its chair (khai mạc). The halls that wait see it now. The microphones of the chair's halls go on,
    and the other halls may switch theirs on. Refused with `not_on_now`.
    """
    await require(visit, occurrence_id, OPERATE)
    terminals = await visit.write(lambda session: opening.begin(session, occurrence_id, visit.actor, visit.now))
    visit.desk.live.begin(occurrence_id, terminals)


@router.get("/occurrences/{occurrence_id}/program", openapi_extra=needs(READ, of="occurrence"))
async def program_state(visit: Caller, occurrence_id: Key) -> ProgramState:
    """Return the state of the composed picture of the halls."""
    await require(visit, occurrence_id, READ)
    return ProgramState.model_validate(hall_desk(visit).pictures.program(occurrence_id))


@router.get(
    "/occurrences/{occurrence_id}/program/picture",
    openapi_extra=needs(READ, of="occurrence"),
    response_class=Response,
)
async def program_picture(visit: Caller, occurrence_id: Key) -> Response:
    """Return the picture that most halls see, small and a few seconds old (JPEG). It is made while a client watches the board."""
    await require(visit, occurrence_id, READ)
    jpeg = found(hall_desk(visit).pictures.picture(occurrence_id))
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.put("/occurrences/{occurrence_id}/program", status_code=204, openapi_extra=needs(OPERATE, of="occurrence"))
async def set_program(visit: Caller, occurrence_id: Key, wanted: Program) -> None:
    """Set the layout of all halls, and a message to all."""
    await require(visit, occurrence_id, OPERATE)
    hall_desk(visit).pictures.set_program(occurrence_id, wanted.layout, wanted.text)


@router.post(
    "/occurrences/{occurrence_id}/alarms/{alarm_id}/acknowledge", openapi_extra=needs(OPERATE, of="occurrence")
)
async def acknowledge_alarm(visit: Caller, occurrence_id: Key, alarm_id: Key) -> Alarm:
    """Mark an alarm as seen."""
    await require(visit, occurrence_id, OPERATE)
    return Alarm.model_validate(await hall_desk(visit).orders.acknowledge(occurrence_id, alarm_id, visit.actor))


@router.get(
    "/occurrences/{occurrence_id}/legs/{leg_id}/trace",
    openapi_extra=needs(OPERATE, of="occurrence"),
    response_class=PlainTextResponse,
)
async def leg_trace(visit: Caller, occurrence_id: Key, leg_id: Key) -> PlainTextResponse:
    """Return the messages of the leg's calls as a file, without keys, passwords and PINs."""
    await _leg(visit, occurrence_id, leg_id, OPERATE)
    name = {"content-disposition": f'attachment; filename="{leg_id}.txt"'}
    return PlainTextResponse(hall_desk(visit).rows.trace(leg_id), headers=name)


@router.get(
    "/occurrences/{occurrence_id}/legs/{leg_id}/thumbnail",
    openapi_extra=needs(READ, of="occurrence"),
    response_class=Response,
)
async def leg_thumbnail(visit: Caller, occurrence_id: Key, leg_id: Key) -> Response:
    """Return a small picture of the hall's camera, at most half a minute old (JPEG)."""
    await _leg(visit, occurrence_id, leg_id, READ)
    jpeg = found(hall_desk(visit).pictures.thumbnail(occurrence_id, leg_id))
    return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.put("/terminals/{terminal_id}/sip", openapi_extra=needs("sites.write", of="terminal"))
async def give_sip_account(visit: Caller, terminal_id: Key, wanted: SipAccountFields) -> SipAccount:
    """Give a terminal a new password, which is shown only this once. The old password becomes invalid."""
    await _require_terminal(visit, terminal_id)
    desk = hall_desk(visit)

    async def work(session: AsyncSession) -> str:
        given = (wanted.alias, wanted.algorithm, wanted.behind_nat, visit.desk.seal, desk.terminals.digest)
        return await accounts.give(session, terminal_id, *given, visit.actor, visit.now, wanted.password)

    password = await visit.write(work)
    await desk.terminals.refresh()
    return SipAccount(
        alias=wanted.alias, password=password, realm=desk.terminals.realm, servers=list(desk.terminals.servers)
    )


@router.delete("/terminals/{terminal_id}/sip", status_code=204, openapi_extra=needs("sites.write", of="terminal"))
async def end_sip_account(visit: Caller, terminal_id: Key) -> None:
    """End the SIP account. The terminal can neither register nor dial in by its alias any more."""
    await _require_terminal(visit, terminal_id)
    desk = hall_desk(visit)
    await visit.write(lambda session: accounts.take(session, terminal_id, visit.actor, visit.now))
    await desk.terminals.refresh()


@router.get("/terminal-states", openapi_extra=needs("sites.read"))
async def terminal_states(visit: Caller) -> list[TerminalState]:
    """List the terminals with a SIP account: registration, address, and the last call that was answered. SIP name, address and
    user agent are empty for callers who do not operate the branch.
    """
    actor = anywhere(visit, "sites.read")
    rows = await hall_desk(visit).terminals.states(visit.now)
    known = [row["terminal_id"] for row in rows]
    paths = await visit.read(lambda session: terminals.unit_paths(session, known))
    return [
        TerminalState.model_validate({**row, **disclosure.blank_registration(actor, paths[row["terminal_id"]])})
        for row in rows
        if row["terminal_id"] in paths
    ]


async def _require_terminal(visit: Visit, terminal_id: str) -> None:
    """Require the right to change this terminal. Raise Refusal `unknown_terminal`, `denied`."""

    async def work(session: AsyncSession) -> str:
        terminal = await terminals.get(session, terminal_id)
        return (await halls.unit_of(session, terminal.site_id)).path

    roles.require(visit.actor, "sites.write", await visit.read(work))


async def _leg(visit: Visit, occurrence_id: str, leg_id: str, action: str) -> None:
    await require(visit, occurrence_id, action)
    standing = await visit.read(lambda session: legs.standing(session, leg_id))
    if standing is None or standing.leg.occurrence_id != occurrence_id:
        raise problems.refused("not_found")
