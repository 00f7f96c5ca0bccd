"""Joining when all connections of the system are used. The refusal names the person to call. Leaders and halls of the call list
keep their places. The real routes and registry.
"""

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from conference import Entry, Grants, Participant, Refusal
from conference.ground.events import Action, Reason
from media import Node
from rooms.store.tables.booking import Pool
from rooms.store.tables.org import Unit
from signaling.host import limits
from signaling.host.settings import Settings
from signaling.server import Composition
from tests.conference.doubles import FakeMedia, Listener
from tests.conference.parties import Format
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


def observe(held: Held) -> None:
    around = dataclasses.replace(held.registry.around, observers=(held.office.secretariat.capacity,))
    held.registry.around = around


def connect(guest: Guest) -> Guest:
    """Connect the media, as a browser does."""
    guest.participant.media_connected()
    return guest


async def come(held: Held, client: httpx.AsyncClient, *, phone: bool = False) -> Guest:
    given = await client.post(f"/occurrences/{held.date}/pass", json={"phone": phone})
    assert given.status_code == 200, given.text
    return connect(Guest(held, given.json()["token"]))


@pytest.fixture
async def full(office: Office) -> Held:
    """A meeting with three connections: one of them is kept for the chair. A person and a unit are invited."""
    people = [{"person_id": office.province.people["yt-2"]}, {"unit_id": office.province.units["yt"]}]
    meeting = await approved(office, starts_at=office.at(START), lobby=False, legs=3, attendees=people)
    office.pass_minutes(181)
    held = Held(office, meeting, await pin_of(office, meeting))
    observe(held)
    await make(office, 3)
    return held


async def test_a_page_that_loads_again_keeps_its_place(full: Held) -> None:
    """A person has one place, also on another device. A second window needs another place."""
    office = full.office
    invited = await office.client("requester", "yt", "yt-2")
    first = await come(full, invited)
    await read(full)
    await full.guest("Khách một", "10.1.1.1")
    problem(await full.knock("Khách hai", address="10.1.1.2"), 503, "conference_full")
    problem(await invited.post(f"/occurrences/{full.date}/pass", json={}), 503, "conference_full")
    first.participant.dismiss(Reason.MEDIA_FAILURE, Action.RESUME)
    again = await come(full, invited, phone=True)
    assert again.identity != first.identity
    problem(await invited.post(f"/occurrences/{full.date}/pass", json={}), 503, "conference_full")
    problem(await full.knock("Khách hai", address="10.1.1.2"), 503, "conference_full")
    for one in (first, again):
        one.participant.leave(Reason.CLIENT_INITIATED)
    problem(await full.knock("Khách hai", address="10.1.1.2"), 503, "conference_full")
    last = await come(full, invited)
    last.participant.leave(Reason.CLIENT_INITIATED)
    office.now += timedelta(seconds=limits.PLACE_AWAITED_S)
    await full.guest("Khách hai", "10.1.1.2")
    problem(await invited.post(f"/occurrences/{full.date}/pass", json={}), 503, "conference_full")
    assert not office.secretariat.capacity._left


async def test_people_who_are_not_recognised_keep_no_place(full: Held) -> None:
    """Guests that come and go, and the shared link of a unit."""
    capacity = full.office.secretariat.capacity

    def enter(identity: str) -> Participant:
        grants_ = grants(full, identity)
        capacity.check(grants_)
        participant = full.registry.create(full.name).join(Entry(grants_, False, Format()), Listener())
        participant.media_connected()
        return participant

    here = enter("number_pin.guest.here")
    await read(full)
    for n in range(30):
        enter(f"number_pin.guest.{n}").leave(Reason.CLIENT_INITIATED)
    here.leave(Reason.CLIENT_INITIATED)
    assert not capacity._left
    unit = next(one["id"] for one in full.meeting["attendees"] if one["unit_id"])
    one, another = enter(f"personal_link.{unit}.1"), enter(f"personal_link.{unit}.2")
    with pytest.raises(Refusal, match="conference_full"):
        enter(f"personal_link.{unit}.3")
    one.leave(Reason.CLIENT_INITIATED)
    enter("number_pin.guest.x")
    another.dismiss(Reason.MEDIA_FAILURE, Action.RESUME)
    with pytest.raises(Refusal, match="conference_full"):
        enter(f"personal_link.{unit}.4")


async def test_an_admitted_guest_keeps_one_place(full: Held) -> None:
    """The ticket of the lobby brings the same participant back."""
    first = connect(await full.guest("Khách một", "10.1.1.1"))
    await read(full)
    await full.guest("Khách hai", "10.1.1.2")
    lobby = full.office.secretariat.lobbies.find(full.name)
    assert lobby is not None
    ticket = next(one for one, knock in lobby.room.tickets.items() if knock.who.identity == first.identity)
    first.participant.leave(Reason.SIGNAL_CLOSE)
    problem(await full.knock("Khách ba", address="10.1.1.3"), 503, "conference_full")
    given = await full.knock("Khách một", ticket, "10.1.1.1")
    assert connect(Guest(full, given.json()["token"])).identity == first.identity


async def test_the_server_reports_departures_to_the_places(tmp_path: Path) -> None:
    composition = Composition(Settings(data_dir=tmp_path, api_key="key", api_secret="s" * 32, halls=False))
    node = cast(Node, FakeMedia())
    registry = composition._registry(node, asyncio.get_running_loop())
    assert composition.secretariat.capacity in registry.around.observers
    await composition.secretariat.close()


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
