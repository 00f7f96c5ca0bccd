"""The routes of a PC in hall mode: its enrolment, its schedule, and its passes (`signaling/halls/HALLMODE.md`).

The key of the device is the bearer of the header `Authorization`. The page of the PC keeps the key.
"""

from datetime import datetime
from typing import Annotated

from fastapi import Header, Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Grants, Knocker, Passage, marks
from conference.chair.rights import Role
from rooms.dialling import planning
from rooms.dialling.devices import pc_dates, pcs
from rooms.dialling.devices.pcs import Place
from rooms.org import units
from rooms.policy.actors import Actor
from rooms.policy.classes import ORDINARY
from rooms.sites import networks
from rooms.store import audit
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.api.ground import problems
from signaling.api.ground.visits import EntryPasses, Passes, Stranger, Visit, end_device
from signaling.api.models.devices import PcDate, PcEnrolment, PcKey, PcView
from signaling.api.models.joining import BookedPass
from signaling.api.models.parts import Id, Words
from signaling.host import limits
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import network

router = new_router("hall-pc")
Bearer = Annotated[str, Header(max_length=200)]


@router.post("/hall-pc/enrolment", openapi_extra=needs(SECRET))
async def enrol(visit: Stranger, passes: EntryPasses, response: Response, wanted: PcEnrolment) -> PcKey:
    """Return the key of the device for the code that an operator gave. An earlier PC of the terminal is out at once."""
    if not passes.pc_codes.takes(visit.address, visit.now.timestamp()):
        raise problems.refused("too_many_requests")
    key, terminal = await visit.write(lambda session: pcs.enrol(session, wanted.code, visit.address, visit.now))
    passes.pc_codes.gives_back(visit.address)
    end_device(visit, terminal.id)
    response.headers["cache-control"] = "no-store"
    return PcKey(key=key)


@router.get("/hall-pc", openapi_extra=needs(SECRET))
async def look(visit: Stranger, passes: EntryPasses, response: Response, authorization: Bearer = "") -> PcView:
    """Return the place of the PC, its coming dates, and the date that it enters now. The page asks every few seconds."""
    key = _key(authorization)
    _count(visit, passes)

    async def work(session: AsyncSession) -> tuple[Place, list[pc_dates.PcDate], dict[str, str], bool]:
        place = await pcs.by_key(session, key)
        dates = await pc_dates.coming(session, place, await _guarded(session, visit, passes), visit.now)
        hosts = {one.meeting.host_unit_id for one in dates}
        names = {id_: (await units.get(session, id_)).name for id_ in hosts}
        late = await pcs.is_late(session, place.terminal.id, visit.address, visit.now)
        return place, dates, names, late

    place, dates, names, late = await visit.read(work)
    passes.links.gives_back(visit.address)
    if late:
        await visit.write(lambda session: pcs.see(session, place.terminal.id, visit.address, visit.now))
    response.headers["cache-control"] = "no-store"
    due = pc_dates.first_due(dates, visit.now)
    return PcView(
        name=place.name,
        hall_name=place.hall.name if place.hall is not None else "",
        unit_name=place.unit.name,
        technician_phone=place.site.technician_phone,
        language="en" if place.terminal.language == "en" else "vi",
        now=visit.now,
        dates=[_date(one, names, visit.now) for one in dates],
        join=due.occurrence.id if due is not None else "",
    )


@router.post("/hall-pc/dates/{occurrence_id}/pass", openapi_extra=needs(SECRET))
async def enter(
    visit: Stranger,
    passes: EntryPasses,
    response: Response,
    occurrence_id: Annotated[Id, Path()],
    authorization: Bearer = "",
) -> BookedPass:
    """Return a pass for this date. The PC enters as the hall of its terminal, and not through the lobby."""
    key = _key(authorization)
    _count(visit, passes)

    async def work(session: AsyncSession) -> tuple[Place, Occurrence, Meeting, str]:
        place = await pcs.by_key(session, key)
        guarded = await _guarded(session, visit, passes)
        date, meeting = await pc_dates.enter(session, place, occurrence_id, guarded, visit.now)
        await planning.came(session, date.id, place.terminal.id, visit.now)
        by = Actor("system", place.terminal.id, name=place.name, address=visit.address)
        detail = {"way": "hall_terminal", "terminal": place.terminal.code}
        await audit.record(session, visit.now, by, "meeting.pass", "occurrence", date.id, meeting.host_unit_id, detail)
        return place, date, meeting, guarded.vouched

    place, date, meeting, closed_range = await visit.write(work)
    passes.links.gives_back(visit.address)
    response.headers["cache-control"] = "no-store"
    return _pass(visit, passes, place, date, meeting, closed_range)


def _pass(
    visit: Visit, passes: Passes, place: Place, date: Occurrence, meeting: Meeting, closed_range: str
) -> BookedPass:
    """Return the pass. With a `closed_range`, the PC may be in an important meeting, and the pass works only from that range.
    Raise `removed` if a host keeps this hall out, and `conference_full`.
    """
    live, now = visit.desk.live, visit.now.timestamp()
    identity, name = f"hall_terminal.{place.terminal.id}", _cut(place.name)
    grants = Grants(
        identity=identity,
        name=name,
        attributes={marks.UNIT: _cut(place.unit.name), marks.SITE: _cut(place.site.name)},
        conference=live.name_of(
            date.id, meeting.class_, meeting.version, meeting.lobby, meeting.entry_muted, meeting.agenda
        ),
        join=True,
        raises_hand=True,
        passage=Passage.ADMITTED,  # the class policy requires no lobby for a hall that the schedule brings
        role=Role.HALL.value,
        network=closed_range,
    )
    who = Knocker(identity, name, "hall_terminal", key=place.terminal.id, source=network(visit.address))
    lobby = passes.lobbies.get(grants.conference, now)
    lobby.turned_away.check_barred(who)
    live.vouch(grants.conference, identity, bool(closed_range))
    live.places(grants)
    lobby.turned_away.note_entry(who)
    return BookedPass(
        token=passes.sign(grants, limits.TOKEN_TTL_S, now),
        url=visit.base.replace("http", "ws", 1),
        identity=identity,
        conference=grants.conference,
        title=meeting.title,
        name=name,
        expires_at=int(now) + limits.TOKEN_TTL_S,
        meeting_id=meeting.id,
        occurrence_id=date.id,
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        moderation="",
        number="",
        listed=meeting.class_ == ORDINARY,
    )


async def _guarded(session: AsyncSession, visit: Visit, passes: Passes) -> pc_dates.Guarded:
    """Judge the connection of this request as the server sees it. A trusted proxy tells the address and the scheme."""
    found = networks.closed_range(await networks.every(session), visit.address)
    return pc_dates.Guarded(found, visit.request.url.scheme == "https", passes.pcs_count)


def _date(one: pc_dates.PcDate, names: dict[str, str], now: datetime) -> PcDate:
    held = Words(code=one.held.code, vi=one.held.vietnamese, en=one.held.english) if one.held is not None else None
    return PcDate(
        occurrence_id=one.occurrence.id,
        title=one.meeting.title,
        host_unit_name=names[one.meeting.host_unit_id],
        starts_at=one.occurrence.starts_at,
        ends_at=one.occurrence.ends_at,
        joins_at=one.joins_at,
        running=one.occurrence.state == "running",
        held=held,
    )


def _key(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _count(visit: Visit, passes: Passes) -> None:
    """Count a try of a key. A right one is given back. Raise Refusal `too_many_requests`."""
    if not passes.links.takes(visit.address, visit.now.timestamp()):
        raise problems.refused("too_many_requests")


def _cut(name: str) -> str:
    """Cut a name to the length that a token may carry."""
    while len(name.encode()) > limits.NAME_BYTES:
        name = name[:-1]
    return name
