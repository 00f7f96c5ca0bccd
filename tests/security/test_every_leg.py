"""Lock, kick with a ban, a revoked link, a disabled account and a raised class act on every leg of a running meeting: browsers,
desks and hall terminals. A real server with its mixer. What was shut stays shut to the old tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from rooms.meetings import links
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee
from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, SECURE, There
from tests.interop.halls.test_chair import order
from tests.interop.person import Person
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import Quirk, Terminal
from tests.ports import free_port
from tests.rooms.people import SignedIn, signed_in
from tests.signaling.desk.desk_client import DeskClient
from tests.waiting import until

A_HZ, B_HZ = 440, 660


@pytest.fixture
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder, port = tmp_path_factory.mktemp("legs"), free_port()
    booked = hallnet.prepare(folder, ("hall-a", "other"), ("127.0.0.0/8",), lobby=False)
    ports = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    server = start_server(folder / "data", "--halls", DIEMCAU_SIP_TLS_PORT="-1", module="tests.patient", **ports)
    yield There(server, booked, port)
    server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


class Caller:
    """A user of the API with an account, another system with a key, or nobody."""

    def __init__(self, there: There, account: SignedIn | None = None, key: str = "") -> None:
        self.url = f"{there.server.url}/api/v1"
        self.cookies = account.cookies if account else None
        self.headers = {"authorization": f"Bearer {key}"} if key else {"origin": there.server.url}

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        with httpx.Client(base_url=self.url, timeout=60, verify=SECURE, cookies=self.cookies) as client:
            answer = client.request(method, path, headers=headers, **more)
        assert answer.status_code == status, answer.text
        return answer


async def account(there: There, role: str, person: str) -> SignedIn:
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    place = there.booked.province
    try:
        now = datetime.now(UTC)
        return await signed_in(database, role, place.units["tinh"], now, person_id=place.people[person])
    finally:
        await database.close()


async def mailed_link(there: There, attendee_id: str) -> str:
    """Return the secret of the personal link, which stands in the mail to the attendee."""
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    key = (there.server.data_dir / "seal.key").read_bytes()

    async def work(session: Any) -> str:
        return links.issue(key, await session.get_one(Attendee, attendee_id))

    try:
        return await database.transact(work)
    finally:
        await database.close()


async def told_to_go(person: Person, desk: DeskClient, token: str, url: str) -> None:
    """Wait until the browser's client is out and its desk is closed, and check that the old token opens neither."""
    await until(lambda: any(name == "disconnected" for name, _ in person.events), "the browser is out")
    assert await desk.closed() == 4003
    with pytest.raises(websockets.InvalidStatus):
        async with connect(f"{url}/rtc?access_token={token}"):
            pass
    async with connect(f"{url}/desk") as socket:
        again = DeskClient(socket)
        await again.send({"hello": {"token": token}})
        assert await again.closed() == 1008, "the desk is shut too"


@asynccontextmanager
async def desk_of(url: str, token: str) -> AsyncIterator[DeskClient]:
    """Open the desk channel of a person in the call."""
    async with connect(f"{url}/desk", max_size=None) as socket:
        client = DeskClient(socket)
        await client.send({"hello": {"token": token}})
        await client.hear()
        yield client


async def test_each_way_to_shut_a_person_out_acts_on_every_leg(there: There) -> None:
    admin = Caller(there, await account(there, "admin", "tinh-1"))
    lan = await account(there, "secretary", "vp-2")
    date, url = there.booked.occurrence, there.server.ws_url
    given = Caller(there, lan).ask("POST", f"/occurrences/{date}/pass", json={}).json()
    by_account, meeting = given["token"], given["meeting_id"]
    desk = Caller(there, key=there.booked.key)
    (attendee,) = desk.ask("GET", f"/meetings/{meeting}").json()["attendees"]
    its_link = f"/meetings/{meeting}/attendees/{attendee['id']}/link"
    link = await mailed_link(there, attendee["id"])
    by_link = Caller(there).ask("POST", "/join", json={"link": link}).json()["token"]
    a = Terminal(Quirk(low=True), "hall-a", HOST, (200, 40, 40), A_HZ, there.booked.passwords["hall-a"])
    b = Terminal(Quirk(low=True), "other", HOST, (40, 40, 200), B_HZ, there.booked.passwords["other"])
    guest = f"{there.booked.number}*{there.booked.pin}"
    async with Person(url, by_account) as an, Person(url, by_link) as binh, there.person("chi") as chi, a, b:
        assert await there.dial(a) == 200
        assert await there.dial(b, guest) == 200
        async with desk_of(url, by_account) as desk_an, desk_of(url, by_link) as desk_binh:
            await an.speak(880)
            await until(lambda: binh.ear(an.identity).hears(880), "all hear the account's browser")

            admin.ask("PATCH", f"/accounts/{lan.account_id}", json={"active": False})
            await told_to_go(an, desk_an, by_account, url)

            desk.ask("DELETE", its_link, 204)
            await told_to_go(binh, desk_binh, by_link, url)
            Caller(there).ask("POST", "/join", 404, json={"link": link})

        row = there.row("other")
        order(there, "remove", identity="hall_terminal.other", keep_out=True)
        await until(b.ended.is_set, "the hall is hung up")
        assert row["state"] == "connected"

        order(there, "lock", locked=True)
        with pytest.raises(Exception, match=r"(?i)engine|connect|401|403|denied|signal"):
            await there.person("dung").join()
        order(there, "lock", locked=False)

        version = desk.ask("GET", f"/meetings/{meeting}").headers["etag"]
        change = {"class": "important", "preview": False}
        desk.ask("POST", f"/meetings/{meeting}/class", json=change, headers={"if-match": version})
        await until(lambda: any(name == "disconnected" for name, _ in chi.events), "no browser stays")
        await until(a.ended.is_set, "no hall stays without encryption")
        assert "connected" not in there.states().values()
    async with Terminal(Quirk(low=True), "other", HOST, (40, 40, 200), B_HZ, there.booked.passwords["other"]) as again:
        assert await there.dial(again, guest) in (403, 480, 603), "the removed hall stays out"
