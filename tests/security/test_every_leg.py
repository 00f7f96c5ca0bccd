"""Lock, kick with a ban, a revoked link, a disabled account and a raised class act on every leg of a running meeting: browsers,
desks and hall terminals. A real server with its mixer. What was shut stays shut to the old tokens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from rooms.accounts import actors, signing
from rooms.meetings import links
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from rooms.store.tables.meetings import Attendee
from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, SECURE, There
from tests.interop.halls.test_chair import order
from tests.interop.person import Person, token
from tests.interop.terminals import hallnet
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.quirks import Quirk, Terminal
from tests.ports import free_port
from tests.rooms.people import SignedIn, signed_in
from tests.signaling.desk.desk_client import DeskClient
from tests.waiting import until

A_HZ, B_HZ = 440, 660
TIMES = 100
"""How often `make sim` does each act."""
SOON_S = 1.0
"""Seconds. From the requirement: 99 of 100 acts are done on every leg within this time."""


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
        return await signed_in(database, role, place.units["tinh"], now, person_id=place.people.get(person))
    finally:
        await database.close()


async def signed_in_again(there: There, one: SignedIn) -> SignedIn:
    """Start another session of the account, as a sign-in with two factors does."""
    database, now = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}"), datetime.now(UTC)

    async def work(session: Any) -> SignedIn:
        row = await session.get_one(Account, one.account_id)
        secret = await signing.start(session, row, now, factors=2)
        return SignedIn(row.id, await actors.of_account(session, row, now, factors=2), secret)

    try:
        return await database.transact(work)
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


class Shutting:
    """A running meeting whose legs are shut out again and again: browsers with their desks, and a hall terminal."""

    def __init__(self, there: There, admin: Caller, head: Caller, lan: SignedIn, meeting: str) -> None:
        self.there, self.admin, self.head, self.meeting = there, admin, head, meeting
        self.lan = lan
        self.desk = Caller(there, key=there.booked.key)
        self.conference = f"o-{there.booked.occurrence}"
        self.phones: list[Phone] = []
        self.barred_at = 0.0
        """The time at which the link or the account was last ended."""

    def token(self, name: str, **grants: Any) -> str:
        server = self.there.server
        return token(server.api_key, server.api_secret, f"browser.{name}", self.conference, **grants)

    @asynccontextmanager
    async def browser(self, jwt: str) -> AsyncIterator[list[asyncio.Task[Any]]]:
        """Join without media and open the desk. Give the tasks that end when the server closes the call and the desk."""
        url = self.there.server.ws_url
        async with connect(f"{url}/rtc?access_token={jwt}", max_size=None) as call:
            await call.recv()
            async with desk_of(url, jwt) as desk:
                yield [asyncio.create_task(call.wait_closed()), asyncio.create_task(desk.closed())]

    async def hall(self, invited: bool = False) -> asyncio.Task[Any]:
        """Let a hall dial in. Give the task that ends when the server hangs up. `invited`: the hall needs no PIN and no lobby."""
        phone = self.phones[invited]
        await phone.dial(f"{self.there.booked.number}{'' if invited else f'*{self.there.booked.pin}'}")
        return asyncio.create_task(until(lambda: not phone.stands, "the hall is hung up"))

    async def kick(self, turn: int, keep_out: bool) -> float:
        name = f"{'banned' if keep_out else 'kicked'}{turn}"
        async with self.browser(self.token(name)) as outs:
            outs.append(await self.hall())
            began = time.monotonic()
            for identity in (f"browser.{name}", "hall_terminal.other"):
                await asyncio.to_thread(order, self.there, "remove", identity=identity, keep_out=keep_out)
            return await done(began, outs)

    async def ban(self, turn: int) -> float:
        took = await self.kick(turn, True)
        with pytest.raises(AssertionError, match=r"403|480|603"):
            await self.hall()
        self.lobby("POST", "/pardon", 204)
        return took

    def lobby(self, method: str, path: str, status: int, **more: Any) -> None:
        """Send an order about the lobby, as a host."""
        host = {"authorization": f"Bearer {self.token('board', room_admin=True)}"}
        address = f"/conferences/{self.conference}/lobby{path}"
        Caller(self.there).ask(method, address, status, headers=host, **more)

    async def link(self, turn: int) -> float:
        (attendee,) = self.desk.ask("GET", f"/meetings/{self.meeting}").json()["attendees"]
        path = f"/meetings/{self.meeting}/attendees/{attendee['id']}"
        if turn:
            await until(lambda: time.time() > self.barred_at + 1, "a new pass has a later second than the revocation")
            self.desk.ask("POST", f"{path}/invitation", 202)
        secret = await mailed_link(self.there, attendee["id"])
        jwt = Caller(self.there).ask("POST", "/join", json={"link": secret}).json()["token"]
        async with self.browser(jwt) as outs:
            took = await timed(lambda: self.desk.ask("DELETE", f"{path}/link", 204), outs)
        self.barred_at = time.time()
        return took

    async def account(self, turn: int) -> float:
        date, path = self.there.booked.occurrence, f"/accounts/{self.lan.account_id}"
        if turn:
            await until(
                lambda: time.time() > self.barred_at + 1, "a new pass has a later second than the end of the account"
            )
            self.admin.ask("PATCH", path, json={"active": True})
        lan = await signed_in_again(self.there, self.lan)
        given = Caller(self.there, lan).ask("POST", f"/occurrences/{date}/pass", json={}).json()
        async with self.browser(given["token"]) as outs:
            took = await timed(partial(self.admin.ask, "PATCH", path, json={"active": False}), outs)
        self.barred_at = time.time()
        return took

    async def lock(self, turn: int) -> float:
        """A newcomer and a hall are refused as soon as the order is answered."""
        began = time.monotonic()
        await asyncio.to_thread(order, self.there, "lock", locked=True)
        with pytest.raises(websockets.InvalidStatus):
            async with connect(f"{self.there.server.ws_url}/rtc?access_token={self.token(f'late{turn}')}"):
                pass
        with pytest.raises(AssertionError, match=r"403|480|486|603"):
            await self.hall()
        took = time.monotonic() - began
        await asyncio.to_thread(order, self.there, "lock", locked=False)
        return took

    async def raised(self, turn: int) -> float:
        """The class becomes important: no browser and no hall without encryption stays. The head of the host lowers it again."""
        async with self.browser(self.token(f"seen{turn}")) as outs:
            outs.append(await self.hall(invited=True))
            version = self._version(self.desk)
            took = await timed(lambda: self._class(self.desk, version, "important"), outs)
        self._class(self.head, self._version(self.head), "ordinary", reason="Nội dung đã công bố")
        self.lobby("PUT", "", 200, json={"on": False})  # a raised class switches the lobby on
        return took

    def _version(self, caller: Caller) -> str:
        return caller.ask("GET", f"/meetings/{self.meeting}").headers["etag"]

    def _class(self, caller: Caller, version: str, wanted: str, **more: Any) -> None:
        change = {"class": wanted, "preview": False, **more}
        caller.ask("POST", f"/meetings/{self.meeting}/class", json=change, headers={"if-match": version})


async def timed(act: Callable[[], Any], outs: list[asyncio.Task[Any]]) -> float:
    """Do the act, and return the seconds until every leg is out."""
    began = time.monotonic()
    await asyncio.to_thread(act)
    return await done(began, outs)


async def done(began: float, outs: list[asyncio.Task[Any]]) -> float:
    async with asyncio.timeout(60):
        await asyncio.gather(*outs)
    return time.monotonic() - began


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_each_way_acts_within_a_second_a_hundred_times(there: There) -> None:
    admin = Caller(there, await account(there, "admin", "tinh-1"))
    head = Caller(there, await account(there, "approver", ""))
    lan, date = await account(there, "secretary", "vp-2"), there.booked.occurrence
    meeting = Caller(there, lan).ask("POST", f"/occurrences/{date}/pass", json={}).json()
    slow = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connect(f"{there.server.ws_url}/rtc?access_token={_stays(there)}"))
        s = Shutting(there, admin, head, lan, meeting["meeting_id"])
        acts: dict[str, Callable[[int], Awaitable[float]]] = {
            "kick": partial(s.kick, keep_out=False),
            "ban": s.ban,
            "revoked link": s.link,
            "disabled account": s.account,
            "lock": s.lock,
            "raised class": s.raised,
        }
        for place, (name, act) in enumerate(acts.items(), 1):
            s.phones = [await stack.enter_async_context(_phone(there, one, place)) for one in ("other", "hall-a")]
            took = sorted([await act(turn) for turn in range(TIMES)])
            p50, p99 = took[TIMES // 2], took[TIMES * 99 // 100 - 1]
            print(
                f"{name}, {TIMES} times: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, most {took[-1] * 1000:.0f} ms"
            )
            slow += [name] if p99 >= SOON_S else []
    assert not slow


def _phone(there: There, name: str, place: int) -> Phone:
    """Return a terminal with an address of its own. The server counts the calls of each address in the last 32 s."""
    return Phone(name, there.booked.passwords[name], f"127.0.3.{place}", (HOST, there.port))


def _stays(there: There) -> str:
    """Return the token of a host who stays, so that the meeting goes on. The raised class sends the host out at the end."""
    conference = f"o-{there.booked.occurrence}"
    return token(there.server.api_key, there.server.api_secret, "browser.host", conference, room_admin=True)
