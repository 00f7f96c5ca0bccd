"""A booked meeting on a real server. An invitee joins by a personal link with the real client, and the calendar records the
call. When the class is raised, the server disconnects the invitee.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import delete, select

from rooms.booking.changes import creation
from rooms.booking.planning import requests
from rooms.meetings import links
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.booking import UnitRule
from rooms.store.tables.meetings import Attendee, MeetingType, Occurrence
from tests.conftest import LiveServer, start_server
from tests.interop.person import Person
from tests.rooms import province as provinces
from tests.rooms.people import signed_in
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.asyncio(loop_scope="module")]  # the loop of the database


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    made = start_server(tmp_path_factory.mktemp("booked"))
    yield made
    made.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(own: LiveServer) -> AsyncIterator[Database]:
    """Open the database of the running server."""
    opened = Database.open(f"sqlite:///{own.data_dir / 'diemcau.sqlite'}")
    yield opened
    await opened.close()


class Secretary:
    """A helper that does the steps of a secretariat before the meeting."""

    def __init__(self, server: LiveServer, database: Database, province: provinces.Province) -> None:
        self.server, self.database, self.province = server, database, province
        self.key = (server.data_dir / "seal.key").read_bytes()

    async def book(self, starts_at: datetime, **fields: Any) -> tuple[str, str, str]:
        """Book and approve a meeting. Return the meeting, its date, and the secret of the invitee's link."""
        units, people = self.province.units, self.province.people
        request = requests.Request(
            "Họp góp ý dự thảo",
            "internal",
            units["khcn"],
            starts_at.replace(second=0, microsecond=0),
            60,
            class_="ordinary",
            lobby=False,
            attendees=(requests.AttendeeRequest(person_id=people["vp-2"]),),
            urgent_reason="Thử",
            **fields,
        )
        booked_at = request.starts_at - timedelta(hours=3)

        async def work(session: Any) -> tuple[str, str, str]:
            meeting = await creation.create(session, request, COMMAND, booked_at)
            attendee = (await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id))).one()
            date = (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))).one()
            assert meeting.state == "approved"
            return meeting.id, date.id, links.issue(self.key, attendee)

        return await self.database.transact(work)

    async def join(self, link: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"{self.server.url}/api/v1") as client:
            return await client.post("/join", json={"link": link})

    async def date(self, date_id: str) -> Occurrence:
        async with self.database.reading() as session:
            return await session.get_one(Occurrence, date_id)

    async def becomes(self, date_id: str, state: str, opened: bool) -> None:
        deadline = time.monotonic() + 30
        while True:
            date = await self.date(date_id)
            if date.state == state and (date.opened_at is not None) == opened:
                return
            assert time.monotonic() < deadline, f"{date.state}, opened at {date.opened_at}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(own: LiveServer, database: Database) -> Secretary:
    """Give the secretariat of a province whose units are open at every hour, so that the tests pass at any time of day."""

    async def build(session: Any) -> provinces.Province:
        await session.execute(delete(MeetingType))
        made = await provinces.build(session, datetime.now(UTC))
        session.add(UnitRule(unit_id=made.units["tinh"], opens_min=0, closes_min=24 * 60, weekends=True))
        return made

    return Secretary(own, database, await database.transact(build))


async def test_an_invitee_enters_and_the_class_sends_him_away(own: LiveServer, office: Secretary) -> None:
    now = datetime.now(UTC)
    meeting_id, date_id, link = await office.book(now + timedelta(minutes=10))
    given = (await office.join(link)).json()
    assert given["name"].startswith("Trần Thị VP")
    assert given["url"] == own.ws_url
    async with Person(given["url"], given["token"]) as invitee:
        assert invitee.identity == given["identity"]
        assert invitee.room.name == f"o-{date_id}"
        await office.becomes(date_id, "running", opened=True)
        operator = await signed_in(office.database, "operator", office.province.units["tinh"], datetime.now(UTC))
        async with httpx.AsyncClient(
            base_url=f"{own.url}/api/v1", headers={"origin": own.url}, cookies=operator.cookies
        ) as client:
            address = f"/meetings/{meeting_id}/class"
            version = (await client.get(f"/meetings/{meeting_id}")).headers["etag"]
            change = {"class": "important", "preview": True}
            seen = (await client.post(address, json=change, headers={"if-match": version})).json()
            assert [one["name"] for one in seen["dropped"]] == [given["name"]]
            assert not seen["applied"]
            done = await client.post(address, json=change | {"preview": False}, headers={"if-match": version})
            assert done.json()["applied"], done.text
        await until(lambda: not invitee.room.isconnected(), "he is sent away")
    refused = await office.join(link)
    assert (refused.status_code, refused.json()["code"]) == (403, "class_forbids")
    with pytest.raises(Exception, match=r"(?i)engine|connect|401|403|denied|signal"):
        await Person(given["url"], given["token"]).join()


async def test_too_early_and_ended_on_a_real_server(office: Secretary) -> None:
    now = datetime.now(UTC)
    for starts_at, code in ((now + timedelta(hours=2), "too_early"), (now - timedelta(hours=2), "ended")):
        answer = await office.join((await office.book(starts_at))[2])
        assert (answer.status_code, answer.json()["code"]) == (403, code)
