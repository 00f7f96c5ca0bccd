"""The operator's board before a meeting: whom to phone, and who may read the numbers."""

from datetime import datetime
from functools import partial

import pytest

from rooms.dialling import contacts
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.sites import places
from rooms.store.database import Database
from tests.rooms.booking.test_calls import approved, date_id
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def test_an_operator_phones_each_site_and_the_others_see_it(
    database: Database, province: Province, now: datetime
) -> None:
    """Each site is listed, also one without a terminal (`xa2`). An operator of one branch reads no numbers of others."""
    meeting = await approved(database, province, now)
    date, commune, operator = (
        await date_id(database, meeting),
        province.sites["xa2"],
        province.actor("operator", "tinh"),
    )
    person = {"technician": "Trần Văn Kỹ", "technician_phone": "0912 345 678"}
    await database.transact(lambda session: places.edit(session, commune, person, COMMAND, now))
    for called in (True, False, True):
        await database.transact(
            partial(contacts.note, occurrence_id=date, site_id=commune, called=called, actor=operator, now=now)
        )
    async with database.reading() as session:
        found = {one.site_id: one for one in await contacts.of_date(session, date, operator, now)}
        foreign = {
            one.site_id: one for one in await contacts.of_date(session, date, province.actor("operator", "khcn"), now)
        }
    assert set(found) == {province.sites[one] for one in ("tinh", "xa1", "xa2")}
    xa2 = found[commune]
    assert (xa2.technician, xa2.phone) == ("Trần Văn Kỹ", "0912 345 678")
    assert xa2.called == contacts.Called(commune, now, "operator tinh")
    assert (foreign[commune].technician, foreign[commune].phone) == ("", "")


@POSTGRESQL_IN_SIM
async def test_a_site_outside_the_meeting_is_not_phoned(database: Database, province: Province, now: datetime) -> None:
    date = await date_id(database, await approved(database, province, now))
    with pytest.raises(Refusal, match="unknown_site"):
        await database.transact(
            lambda session: contacts.note(session, date, province.sites["khcn"], True, COMMAND, now)
        )
