"""Refused, expired and displaced meetings come back: submitted again, or at another free time. On both databases."""

import dataclasses
from datetime import datetime, timedelta

from sqlalchemy import select

from rooms.booking.changes import deciding, editing, resubmitting
from rooms.booking.meeting import timing
from rooms.meetings import views
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee
from tests.rooms.booking.test_bypass import reread
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import WEEKLY, dates, denied, do, due, everything, taken
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

# Refused and expired


async def test_a_refused_meeting_is_corrected_and_submitted_again(
    database: Database, province: Province, now: datetime
) -> None:
    """The form has everything: the meeting keeps its attendees, its halls are reserved again, and the approval starts anew."""
    secretary, approver = province.actor("secretary", "vp"), province.actor("approver", "vp")
    meeting = await make(database, wish(province, now, submit=True), secretary, now)
    booked = await taken(database)
    refused = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Trùng lịch Bí thư", approver, now))
    assert (refused.state, refused.reason, await taken(database)) == ("refused", "Trùng lịch Bí thư", [])
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, secretary, now)
    assert {"resubmit", "copy"} <= set(view.can)
    assert "edit" not in view.can

    changes = {"title": "Tên đã sửa"}
    again = await do(database, lambda s: resubmitting.resubmit(s, meeting.id, changes, secretary, now, refused.version))
    assert (again.state, again.title, again.reason) == ("asked", "Tên đã sửa", "")
    assert await taken(database) == booked
    async with database.reading() as session:
        assert len(list(await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id)))) == 2
    for one in (approver, province.actor("operator", "tinh")):
        done = await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    assert done.state == "approved"
    said = await denied(database, lambda s: resubmitting.resubmit(s, meeting.id, {}, secretary, now, done.version))
    assert said.code == "wrong_state"


@POSTGRESQL_IN_SIM
async def test_a_meeting_is_submitted_again_only_at_a_free_time_to_come(
    database: Database, province: Province, now: datetime
) -> None:
    secretary, approver = province.actor("secretary", "vp"), province.actor("approver", "vp")
    meeting = await make(database, wish(province, now, submit=True), secretary, now)
    late = now + timedelta(hours=25)
    await due(database, timing.DEADLINE, late)
    expired = await reread(database, meeting)
    assert expired.state == "expired"
    stranger = province.actor("secretary", "khcn")
    again = lambda s, a=secretary, at=late, c=(), v=expired.version: resubmitting.resubmit(  # noqa: E731
        s, meeting.id, dict(c), a, at, v
    )
    assert (await denied(database, lambda s: again(s, stranger))).code in ("denied", "unknown_meeting")
    assert (await denied(database, lambda s: again(s, v=expired.version - 1))).code == "version_conflict"
    over = meeting.first_starts_at + timedelta(days=1)
    assert (await denied(database, lambda s: again(s, at=over))).code == "past"
    other = await make(database, wish(province, now, chair_id=None, submit=True), secretary, now)
    assert (await denied(database, lambda s: again(s))).code == "overlap"
    later = {"starts_at": meeting.first_starts_at + timedelta(days=7)}
    back = await do(database, lambda s: again(s, at=over, c=later.items()))
    assert (back.state, back.first_starts_at) == ("asked", later["starts_at"])
    assert [one.starts_at for one in await dates(database, meeting)] == [later["starts_at"]]
    await do(database, lambda s: deciding.decide(s, other.id, False, "Không cần", approver, now))


@POSTGRESQL_IN_SIM
async def test_a_refused_part_of_a_series_is_not_submitted_again(
    database: Database, province: Province, now: datetime
) -> None:
    """Its dates went back to the series, so the part would book them twice."""
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    request = dataclasses.replace(wish(province, now, rule=WEEKLY), submit=True)
    series = await make(database, request, secretary, now)
    third = (await dates(database, series))[2]
    title = {"title": "Tên khác"}
    part = await do(
        database,
        lambda s: editing.edit(s, series.id, title, secretary, now, series.version, "following", third.id),
    )
    refused = await do(database, lambda s: deciding.decide(s, part.id, False, "Không tách", approver, now))
    before = await everything(database)
    said = await denied(database, lambda s: resubmitting.resubmit(s, part.id, {}, secretary, now, refused.version))
    assert said.code == "part_of_series"
    assert await everything(database) == before
