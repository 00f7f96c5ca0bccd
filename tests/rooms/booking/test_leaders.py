"""The people who lead a meeting: chair, secretary and operator are reserved, and the deputies have the same rights."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from rooms.booking.changes import class_changes, creation, dates, editing
from rooms.booking.meeting import leaders, reading
from rooms.dialling import duty
from rooms.errors import Refusal
from rooms.meetings import entry, own_dates, views
from rooms.policy.actors import Actor
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from tests.rooms.booking.test_calls import approved, date_id, wish
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def refused(database: Database, province: Province, now: datetime, **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        request = wish(province, now, title="Khác", hall_ids=(), attendees=(), **changes)
        await creation.book(database, request, province.actor("secretary", "tinh"), now)
    return caught.value


async def test_secretary_and_operator_are_reserved_like_the_chair(
    database: Database, province: Province, now: datetime
) -> None:
    posts = {"chair_id": "tinh-1", "secretary_id": "vp-1", "operator_id": "vp-2"}
    staff = {post: province.people[one] for post, one in posts.items()}
    desk = province.actor("secretary", "tinh")
    made = (await creation.book(database, wish(province, now, **staff, submit=False), desk, now)).meeting
    for busy in staff.values():
        for post in staff:
            said = await refused(database, province, now, **{post: busy})
            assert (said.code, said.troubles[0].detail["resource_id"]) == ("overlap", busy)
            assert said.troubles[0].detail["meeting_id"] == made.id
    nobody = {"secretary_id": None, "operator_id": None}
    await database.transact(lambda session: editing.edit(session, made.id, nobody, desk, now, made.version))
    other = wish(province, now, hall_ids=(), chair_id=staff["secretary_id"], secretary_id=staff["operator_id"])
    await creation.book(database, other, desk, now)


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("staff", "code"),
    [
        ({"secretary_id": "vp-1", "secretary_deputy_id": "vp-1"}, "bad_deputy"),
        ({"operator_deputy_id": "vp-1"}, "bad_deputy"),
        ({"operator_id": "vp-1", "operator_deputy_id": "nobody"}, "unknown_person"),
        ({"secretary_id": "nobody"}, "unknown_person"),
    ],
)
async def test_a_deputy_is_another_known_person(
    database: Database, province: Province, now: datetime, staff: dict[str, str], code: str
) -> None:
    changes = {post: province.people.get(one, one) for post, one in staff.items()}
    assert (await refused(database, province, now, **changes)).code == code


RIGHTS: dict[str, Callable[[Any, Meeting, str, Actor, datetime], Awaitable[bool]]] = {}


def right(check: Callable[[Any, Meeting, str, Actor, datetime], Awaitable[bool]]) -> None:
    RIGHTS[check.__name__] = check


@right
async def reads(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return meeting.id in await reading.readable(session, actor, [meeting.id])


@right
async def finds(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return meeting.id in {one.id for one in await views.search(session, views.SearchQuery(), actor, now)}


@right
async def lists(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    found = await own_dates.dates(session, actor, now)
    return {one.role for one in found if one.occurrence_id == date} == {"operator"}


@right
async def enters_as_host(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return await entry.is_host(session, meeting, actor)


@right
async def phones(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return bool(await duty.sites_of(session, actor, now))


@right
async def extends(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return (await dates.extend(session, date, 15, actor, now)).id == date


@right
async def raises_the_class(session: Any, meeting: Meeting, date: str, actor: Actor, now: datetime) -> bool:
    return (await class_changes.raise_class(session, meeting.id, "important", actor, now, preview=True)).class_ != ""


@pytest.mark.parametrize("name", RIGHTS)
async def test_a_deputy_does_what_the_operator_does(
    database: Database, province: Province, now: datetime, name: str
) -> None:
    """The deputy of the meeting, and the person who deputises for the operator, have the right. Another person has not."""
    operator, deputy, other = (province.people[one] for one in ("yt-1", "yt-2", "khcn-2"))
    meeting = await approved(
        database, province, now, class_="ordinary", operator_id=operator, operator_deputy_id=deputy
    )
    date, at = await date_id(database, meeting), meeting.first_starts_at + timedelta(minutes=10)
    for actor, may in (
        (Actor("account", id="a", person_id=operator), True),
        (Actor("account", id="b", person_id=deputy), True),
        (Actor("account", id="c", person_id=other, deputises=(operator,)), True),
        (Actor("account", id="d", person_id=other), False),
    ):

        async def does(session: Any, actor: Actor = actor) -> bool:
            row = await session.get_one(Meeting, meeting.id)
            try:
                return await RIGHTS[name](session, row, date, actor, at)
            except Refusal:
                return False

        assert await database.transact(does) is may, actor


async def test_a_person_without_a_post_leads_nothing(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, now)
    assert not leaders.leads(meeting, Actor("account", id="x"))
    await database.transact(lambda session: session.execute(update(Meeting).values(secretary_id=None)))
    async with database.reading() as session:
        assert await views.search(session, views.SearchQuery(), Actor("account", id="x", person_id=""), now) == []
