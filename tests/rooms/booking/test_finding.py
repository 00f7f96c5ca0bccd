"""Templates, lists, the board, free halls and search: how the desk finds meetings and halls. On both databases."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from rooms.booking.holds import grid
from rooms.booking.planning import requests, templates
from rooms.booking.rules.calendar import local, midnight
from rooms.booking.rules.unit_rules import Rule
from rooms.errors import Refusal
from rooms.meetings import views
from rooms.policy.actors import Actor
from rooms.store.database import Database
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import denied, do
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def test_copy_templates_and_lists(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    documents = (requests.DocumentRequest("5180 /UBND-VHXH"),)
    meeting = await make(database, wish(province, now, documents=documents), secretary, now)
    async with database.reading() as session:
        copied = await templates.copy_last(session, meeting.id, secretary, now + timedelta(days=20))
    assert copied.starts_at == meeting.first_starts_at + timedelta(days=21)
    assert {one.unit_id for one in copied.attendees} == {province.units["khcn"], province.units["yt"]}
    assert copied.documents == documents
    await make(database, copied, secretary, now)
    from rooms.booking.planning.requests import as_json

    kept = await do(
        database,
        lambda s: templates.save_template(s, province.units["tinh"], "Giao ban", as_json(copied), secretary, now),
    )
    assert "starts_at" not in kept.request
    later = copied.starts_at + timedelta(days=7)
    again = requests.from_json({**kept.request, "starts_at": later.isoformat()})
    assert again.attendees == copied.attendees
    assert again.hall_ids == copied.hall_ids
    await make(database, again, secretary, now)
    bad = {**as_json(copied), "class_": "secret"}
    said = await denied(
        database, lambda s: templates.save_template(s, province.units["tinh"], "x", bad, secretary, now)
    )
    assert said.code == "state_secret"
    entries = [{"unit_id": province.units["yt"]}]
    await do(database, lambda s: templates.save_list(s, province.units["tinh"], "Sở", entries, secretary, now))
    async with database.reading() as session:
        assert [one.name for one in await templates.lists(session, province.actor("secretary", "yt"))] == ["Sở"]
        assert [one.name for one in await templates.templates(session, secretary)] == ["Giao ban"]
    said = await denied(
        database, lambda s: templates.save_list(s, province.units["tinh"], "y", [{"x": 1}], secretary, now)
    )
    assert said.code == "bad_attendee"


# What each user sees


async def test_board_and_availability(database: Database, province: Province, now: datetime) -> None:
    request = wish(province, now)
    await make(database, request, province.actor("secretary", "vp"), now)
    day = request.starts_at.replace(hour=0)
    stranger, desk = province.actor("requester", "yt"), province.actor("secretary", "vp")
    async with database.reading() as session:
        seen = await grid.board(session, day, day + timedelta(days=1), stranger, now)
        known = await grid.board(session, day, day + timedelta(days=1), desk, now)
        query = grid.AvailabilityQuery(day, day + timedelta(days=1), 120, seats=60)
        free = await grid.availability(session, query, stranger, now)
        person = dataclasses.replace(query, person_ids=(province.people["tinh-1"],), hall_ids=(province.halls["tinh"],))
        with_leader = await grid.availability(session, person, stranger, now)
        for bad in ({"ends_at": day}, {"ends_at": day + timedelta(days=32)}, {"duration_min": 1}):
            with pytest.raises(Refusal):
                await grid.availability(session, dataclasses.replace(query, **bad), stranger, now)
        with pytest.raises(Refusal):
            await grid.board(session, day, day + timedelta(days=43), stranger, now)
    assert len(seen.halls) == 4
    assert (seen.entries[0].title, seen.entries[0].meeting_id) == ("Đã có lịch", "")
    assert known.entries[0].title == "Giao ban tuần"
    assert known.entries[0].mine
    assert [(one.hall_id, local(one.starts_at).strftime("%H:%M")) for one in free] == [
        (province.halls["tinh-a"], "11:30"),
        (province.halls["tinh"], "07:00"),
    ] or [one.hall_id for one in free] == [province.halls["tinh"], province.halls["tinh-a"]]
    assert local(with_leader[0].starts_at).strftime("%H:%M") == "07:00"


@POSTGRESQL_IN_SIM
async def test_halls_of_ones_own_unit_are_offered_first(database: Database, province: Province, now: datetime) -> None:
    """A hall of the unit is offered before a smaller hall elsewhere. A hall with too few seats is not offered."""
    day = wish(province, now).starts_at.replace(hour=0)
    query = grid.AvailabilityQuery(day, day + timedelta(days=1), 120)

    async def offered(near: str | None, seats: int = 0) -> list[str]:
        wanted = dataclasses.replace(query, near_unit_id=near and province.units[near], seats=seats)
        async with database.reading() as session:
            found = await grid.availability(session, wanted, province.actor("secretary", "vp"), now)
        return [one.hall_id.removeprefix("hall-") for one in found]

    assert await offered(None) == ["khcn", "xa1", "tinh-a", "tinh"]
    assert await offered("xa1") == ["xa1", "tinh-a", "tinh", "khcn"]
    assert await offered("vp") == ["tinh-a", "tinh", "khcn", "xa1"]
    assert await offered("tinh") == ["tinh-a", "tinh", "khcn", "xa1"]
    assert await offered("xa1", seats=55) == ["tinh-a", "tinh"]


async def test_search_ignores_diacritics_and_respects_read_rights(
    database: Database, province: Province, now: datetime
) -> None:
    from rooms.booking.planning.requests import DocumentRequest

    desk = province.actor("secretary", "vp")
    await make(
        database,
        wish(province, now, title="Họp về Đức Hòa", documents=(DocumentRequest("5180 /UBND-VHXH"),)),
        desk,
        now,
    )
    async with database.reading() as session:

        async def found(text: str, actor: Actor) -> int:
            return len(await views.search(session, views.SearchQuery(text), actor, now))

        assert await found("duc hoa", desk) == await found("ĐỨC HÒA", desk) == await found("5180/ubnd-vhxh", desk) == 1
        assert await found("%", desk) == 0
        assert await found("", desk) == 1
        assert await found("duc hoa", province.actor("secretary", "yt")) == 0
        with pytest.raises(Refusal) as caught:
            await views.meeting_view(session, "none", desk, now)
        assert caught.value.code == "unknown_meeting"


@POSTGRESQL_IN_SIM
async def test_no_time_is_offered_after_the_unit_closes(database: Database, province: Province, now: datetime) -> None:
    """All halls are taken until an hour before the end of the day. A meeting of two hours fits only on the next day."""
    day = wish(province, now).starts_at.replace(hour=0)
    closes = timedelta(minutes=Rule().closes_min)
    late = midnight(day.date()) + closes - timedelta(hours=1)
    query = grid.AvailabilityQuery(late, late + timedelta(days=1), 120)
    async with database.reading() as session:
        found = await grid.availability(session, query, province.actor("secretary", "vp"), now)
    assert found
    assert {local(one.starts_at).date() for one in found} == {local(late).date() + timedelta(days=1)}
