"""Joining when all connections of the system are used. The refusal names the person to call. Leaders and halls of the call list
keep their places. The real routes and registry.
"""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from conference import Grants, Refusal
from conference.ground.events import Reason
from rooms.store.tables.booking import Pool
from rooms.store.tables.org import Unit
from signaling.host import limits
from tests.signaling.api.live.test_hosting import Guest, Held
from tests.signaling.api.live.test_joining import START, pin_of
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved

LEGS = 4
"""The reserved connections of the meeting. Two of them are kept: for the secretary, and for the hall of its call list."""


@pytest.fixture
async def held(office: Office) -> Held:
    """A running meeting with four reserved connections."""
    person = office.province.people["khcn-1"]
    meeting = await approved(
        office, starts_at=office.at(START), lobby=False, legs=LEGS, secretary_id=person, attendees=[]
    )
    office.pass_minutes(181)
    return Held(office, meeting, await pin_of(office, meeting))


async def make(office: Office, pool: int) -> None:
    """Give the installation this number of connections, and the host unit a telephone."""

    async def work(session: Any) -> None:
        (await session.get_one(Pool, "main")).legs = pool
        (await session.get_one(Unit, office.province.units["khcn"])).phone = "0272 3826 123"

    await office.database.transact(work)


async def read(held: Held) -> None:
    capacity = held.office.secretariat.capacity
    capacity._read_at = None
    await capacity.read()


async def test_a_full_system_says_whom_to_call_and_keeps_the_leaders_places(held: Held) -> None:
    await make(held.office, LEGS)
    first = await held.guest("Khách một", "10.1.1.1")
    await read(held)
    kept = held.office.secretariat.capacity._places[held.name]
    assert (kept.reserved, kept.kept_count) == (LEGS, 2)
    await held.guest("Khách hai", "10.1.1.2")
    refused = problem(await held.knock("Khách ba", address="10.1.1.3"), 503, "conference_full")
    assert "Hệ thống đã hết chỗ kết nối. Hãy gọi thư ký cuộc họp: " in refused["vi"]
    assert "0272 3826 123" in refused["vi"]
    _, _, chair = await held.chair()
    terminal = held.office.province.terminals["khcn"]
    held.registry.check(grants(held, f"hall_terminal.{terminal}"))
    with pytest.raises(Refusal, match="conference_full"):
        held.registry.check(grants(held, "hall_terminal.another"))
    first.conference.kick(first.identity)
    assert chair.left() is None
    await held.guest("Khách ba", "10.1.1.3")


async def test_free_connections_take_more_than_a_meeting_has_reserved(held: Held) -> None:
    await make(held.office, LEGS + 1)
    await held.guest("Khách một", "10.1.1.1")
    await read(held)
    await held.guest("Khách hai", "10.1.1.2")
    await held.guest("Khách ba", "10.1.1.3")
    problem(await held.knock("Khách bốn", address="10.1.1.4"), 503, "conference_full")


async def test_a_page_that_loads_again_keeps_its_place(office: Office) -> None:
    """The old connection of a person lives for some seconds, or has just ended while others wait for a place."""
    person = {"person_id": office.province.people["yt-2"]}
    meeting = await approved(office, starts_at=office.at(START), lobby=False, legs=3, attendees=[person])
    office.pass_minutes(181)
    held = Held(office, meeting, await pin_of(office, meeting))
    capacity = office.secretariat.capacity
    around = dataclasses.replace(held.registry.around, observers=(capacity,))
    held.registry.around = around
    await make(office, 3)
    invited = await office.client("requester", "yt", "yt-2")

    async def come() -> Guest:
        given = await invited.post(f"/occurrences/{held.date}/pass", json={})
        assert given.status_code == 200, given.text
        return Guest(held, given.json()["token"])

    first = await come()
    await read(held)
    await held.guest("Khách một", "10.1.1.1")
    problem(await held.knock("Khách hai", address="10.1.1.2"), 503, "conference_full")
    again = await come()
    assert again.identity != first.identity
    problem(await invited.post(f"/occurrences/{held.date}/pass", json={}), 503, "conference_full")
    for one in (first, again):
        one.participant.leave(Reason.CLIENT_INITIATED)
    problem(await held.knock("Khách hai", address="10.1.1.2"), 503, "conference_full")
    last = await come()
    last.participant.leave(Reason.CLIENT_INITIATED)
    office.now += timedelta(seconds=limits.PLACE_AWAITED_S)
    await held.guest("Khách hai", "10.1.1.2")
    problem(await invited.post(f"/occurrences/{held.date}/pass", json={}), 503, "conference_full")


async def test_an_unbooked_meeting_takes_no_reserved_connection(held: Held) -> None:
    await make(held.office, LEGS)
    await held.guest("Khách một", "10.1.1.1")
    await read(held)
    with pytest.raises(Refusal, match="conference_full") as caught:
        held.office.secretariat.capacity.check(Grants(identity="an", conference="abc-defg-hij", join=True))
    assert "báo cán bộ kỹ thuật" in caught.value.vietnamese


async def test_before_its_time_a_date_has_reserved_nothing(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False, legs=LEGS, attendees=[])
    office.pass_minutes(160)
    held = Held(office, meeting, await pin_of(office, meeting))
    await make(office, LEGS)
    await held.guest("Khách một", "10.1.1.1")
    await read(held)
    assert held.office.secretariat.capacity._places[held.name].reserved == 0


def grants(held: Held, identity: str) -> Grants:
    return Grants(identity=identity, conference=held.name, join=True, issued_at=held.office.now.timestamp())
