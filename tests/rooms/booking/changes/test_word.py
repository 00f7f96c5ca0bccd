"""Which changes of an approved meeting need a new approval, and which halls the approval lets the server call. On both
databases.
"""

import dataclasses
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import class_changes, deciding, editing, undoing
from rooms.booking.meeting import consent
from rooms.booking.planning.requests import AgendaItem, AttendeeRequest, DocumentRequest
from rooms.dialling import planning
from rooms.meetings import answers, views
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting
from tests.rooms.booking.test_bypass import reread, waits
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import approved, dates, do
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

FIELDS: dict[str, tuple[bool, Callable[[Province, Meeting], dict[str, Any]]]] = {
    "title": (True, lambda p, m: {"title": "Tên khác"}),
    "type": (True, lambda p, m: {"type_code": "session"}),
    "publicity": (True, lambda p, m: {"public": True}),
    "time": (True, lambda p, m: {"starts_at": m.first_starts_at + timedelta(hours=3)}),
    "length": (True, lambda p, m: {"duration_min": 60}),
    "chair": (True, lambda p, m: {"chair_id": p.people["tinh-2"]}),
    "secretary": (True, lambda p, m: {"secretary_id": p.people["tinh-2"]}),
    "hall of another unit": (True, lambda p, m: {"hall_ids": (p.halls["tinh-a"], p.halls["khcn"])}),
    "terminal of another unit": (True, lambda p, m: {"terminal_ids": (p.terminals["khcn"],)}),
    "hall of the own unit": (False, lambda p, m: {"hall_ids": (p.halls["tinh-a"], p.halls["tinh"])}),
    "no hall": (False, lambda p, m: {"hall_ids": (), "terminal_ids": ()}),
    "guests": (False, lambda p, m: {"attendees": (AttendeeRequest(unit_id=p.units["xa1"]),)}),
    "notes": (False, lambda p, m: {"description": "Nội dung", "documents": (DocumentRequest("12/UBND", None),)}),
    "agenda": (False, lambda p, m: {"agenda": (AgendaItem("Hai"), AgendaItem("Một"))}),
    "lobby": (False, lambda p, m: {"lobby": False}),
}


@pytest.mark.parametrize("name", FIELDS)
async def test_only_some_changes_need_a_new_approval(
    database: Database, province: Province, now: datetime, name: str
) -> None:
    asks, changes = FIELDS[name]
    agenda = (AgendaItem("Một"), AgendaItem("Hai"))
    request = wish(province, now, host_unit_id=province.units["tinh"], class_="ordinary", agenda=agenda)
    meeting = await approved(database, province, request, now)
    secretary = province.actor("secretary", "tinh")
    given = changes(province, meeting)
    await do(database, lambda s: editing.edit(s, meeting.id, given, secretary, now, meeting.version))
    assert await waits(database, meeting) is asks
    assert ((await reread(database, meeting)).version > meeting.version) is True


@POSTGRESQL_IN_SIM
async def test_what_nobody_has_approved_needs_a_first_approval(
    database: Database, province: Province, now: datetime
) -> None:
    """An internal meeting of people only needs no approval. A hall of the own unit still needs the first approval."""
    bare = wish(province, now, type_code="internal", class_="ordinary", host_unit_id=province.units["tinh"])
    bare = dataclasses.replace(bare, hall_ids=(), terminal_ids=(), attendees=())
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, bare, secretary, now)
    assert meeting.state == "approved"
    hall = {"hall_ids": (province.halls["tinh"],)}
    await do(database, lambda s: editing.edit(s, meeting.id, hall, secretary, now, meeting.version))
    assert await waits(database, meeting)


# Calls of halls that nobody has approved


async def called(database: Database, meeting: Meeting, now: datetime) -> dict[str, str]:
    """Plan the calls just before the start. Return the state and the reason of each terminal's leg, by its code."""
    soon = meeting.first_starts_at - timedelta(minutes=5)
    await do(database, lambda s: planning.plan(s, soon))
    async with database.reading() as session:
        rows = await session.scalars(select(DialLeg).where(DialLeg.occurrence_id.in_(await ids(database, meeting))))
        return {one.terminal_id: one.reason or one.state for one in rows}


async def waiting_lines(database: Database, meeting: Meeting, now: datetime) -> set[str]:
    """Return the terminals that the page of the meeting shows as not called yet."""
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, COMMAND, now)
    return {one.terminal_id for one in view.calls.lines if one.waits}


async def ids(database: Database, meeting: Meeting) -> Collection[str]:
    return [one.id for one in await dates(database, meeting)]


async def invited(database: Database, meeting: Meeting) -> dict[str, bool]:
    async with database.reading() as session:
        rows = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id))
        return {one.unit_id or "": one.agreed for one in rows}


async def test_a_commune_added_after_the_approval_is_not_called_before_it_accepts(
    database: Database, province: Province, now: datetime
) -> None:
    """A terminal answers by itself, so a secretary must not be able to open a hall that no approver has seen. The new guest is
    invited. The server calls its hall only after the guest's own unit has accepted. A higher class, an undo and a copy of the
    list open no way around this rule.
    """
    units, terminals = province.units, province.terminals
    request = wish(province, now, class_="ordinary", attendees=(AttendeeRequest(unit_id=units["khcn"]),))
    meeting = await approved(database, province, request, now)
    secretary = province.actor("secretary", "tinh")
    both = {"attendees": tuple(AttendeeRequest(unit_id=units[one]) for one in ("khcn", "xa1"))}
    for guests in (both, {"attendees": both["attendees"][:1]}, both):
        version = (await reread(database, meeting)).version
        await do(database, lambda s, g=guests, v=version: editing.edit(s, meeting.id, g, secretary, now, v))  # type: ignore[misc]
    assert not await waits(database, meeting)
    assert await invited(database, meeting) == {units["khcn"]: True, units["xa1"]: False}
    await do(database, lambda s: undoing.undo(s, meeting.id, secretary, now))
    await do(database, lambda s: class_changes.raise_class(s, meeting.id, "important", secretary, now))
    version = (await reread(database, meeting)).version
    await do(database, lambda s: editing.edit(s, meeting.id, both, secretary, now, version))
    legs = await called(database, meeting, now)
    assert await waiting_lines(database, meeting, now) == {terminals["xa1"]}
    assert legs[terminals["khcn"]] == "idle"
    assert legs[terminals["tinh-a"]] == "idle"
    assert legs[terminals["xa1"]] == planning.NOT_AGREED.code

    async def accept(session: AsyncSession) -> None:
        wanted = select(Attendee).where(Attendee.meeting_id == meeting.id, Attendee.unit_id == units["xa1"])
        guest, commune = (await session.scalars(wanted)).one(), province.actor("secretary", "xa1", "xa1-1")
        await answers.answer(session, guest, "accepted", "", None, commune, now)

    await do(database, accept)
    assert await waiting_lines(database, meeting, now) == set()
    assert (await called(database, meeting, now))[terminals["xa1"]] == "idle"


@POSTGRESQL_IN_SIM
async def test_an_approval_agrees_to_the_guests_that_it_shows(
    database: Database, province: Province, now: datetime
) -> None:
    """The approval of a change with guests, and an operator who may decide alone, agree to them. The approval of another change
    does not. The part of a split series keeps what was agreed.
    """
    units = province.units
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    secretary = province.actor("secretary", "tinh")
    first = (AttendeeRequest(unit_id=units["khcn"]),)
    request = wish(province, now, class_="ordinary", attendees=first, rule="FREQ=WEEKLY;COUNT=4")
    meeting = await approved(database, province, request, now)
    more = (*first, AttendeeRequest(unit_id=units["xa1"]))
    for changes, agreed in (
        ({"attendees": more}, False),
        ({"title": "Tên khác"}, False),
        ({"title": "Tên khác nữa", "attendees": more}, True),
    ):
        version = (await reread(database, meeting)).version
        await do(database, lambda s, c=changes, v=version: editing.edit(s, meeting.id, c, secretary, now, v))  # type: ignore[misc]
        if "title" in changes:
            for one in (approver, operator):
                await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
        assert (await invited(database, meeting))[units["xa1"]] is agreed, changes

    third = (await dates(database, meeting))[2]
    wider = {"attendees": (*more, AttendeeRequest(unit_id=units["yt"]))}
    version = (await reread(database, meeting)).version
    part = await do(
        database, lambda s: editing.edit(s, meeting.id, wider, secretary, now, version, "following", third.id)
    )
    assert (part.state, part.split_from_id) == ("approved", meeting.id)
    assert await invited(database, part) == {units["khcn"]: True, units["xa1"]: True, units["yt"]: False}
    async with database.reading() as session:
        found = await consent.consenting(session, part, {units[one] for one in ("khcn", "xa1", "yt", "tinh")})
    assert found == {units[one] for one in ("khcn", "xa1", "tinh")}
