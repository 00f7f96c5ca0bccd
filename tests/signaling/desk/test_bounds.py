"""The bounds of `/desk` at the limit and one beyond it, on sockets that the test can block: slow readers, late hellos, crowds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.websockets import WebSocket

from conference import Grants, Passage
from conference.chair.rights import Role
from signaling.desk import limits
from signaling.desk.channels import Channels
from signaling.desk.sockets import Endpoint
from signaling.host import limits as bounds
from signaling.host.tokens import Authenticator
from signaling.orders.doorway import Doorway
from tests.conference.chair.test_document import merged
from tests.conference.doubles import World
from tests.conference.parties import Party
from tests.signaling.doorways import NoHosts, NoMeetings

WAIT_S = 20


class Line:
    """The network side of one WebSocket. While `open` is cleared, the client reads nothing."""

    def __init__(self, endpoint: Endpoint, address: str = "10.1.1.1") -> None:
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.sent: list[dict[str, Any]] = []
        self.code: int | None = None
        self.open = asyncio.Event()
        self.open.set()
        self._news = asyncio.Event()
        scope = {"type": "websocket", "client": (address, 1), "headers": [], "path": "/desk", "query_string": b""}
        self.task = asyncio.create_task(endpoint.open(WebSocket(scope, self._inbox.get, self._send)))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.open.wait()
            self.sent.append(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.code = message["code"]
        self._news.set()

    def says(self, message: object) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def goes(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def until(self, met: Any) -> None:
        """Wait for messages until the condition is met."""
        async with asyncio.timeout(WAIT_S):
            while not met():
                self._news.clear()
                await self._news.wait()

    def events(self) -> list[dict[str, Any]]:
        return [one for one in self.sent if "seq" in one]


class Desk:
    """A meeting with one participant, and the endpoint of its desks."""

    def __init__(self) -> None:
        self.world = World()
        self.asked = 0
        """Questions to the database."""
        self.party = Party(self.world, "an")
        self.document = self.party.conference.document
        meetings = NoMeetings()
        meetings.registry = self.world.registry
        self._authenticator = Authenticator({"key": "s" * 32})
        clock = self.world.time
        lobbies = self.world.registry.lobbies
        self.answers = asyncio.Event()
        """While this event is not set, the database keeps all who ask it waiting."""
        self.answers.set()
        around = Doorway(self._authenticator, lobbies, lobbies.shared, meetings, NoHosts(), clock.time)
        numbers = iter(range(10_000))
        self.channels = Channels(around, clock, lambda: f"session{next(numbers)}", self._about)
        self.endpoint = Endpoint(around, self.channels)

    async def _about(self, _name: str) -> tuple[str, float | None]:
        self.asked += 1
        await self.answers.wait()
        return "", None

    def token(self, identity: str = "h", passage: Passage = Passage.HOST) -> str:
        return self.sign(Grants(identity=identity, conference="c", passage=passage))

    def sign(self, grants: Grants) -> str:
        return self._authenticator.sign(grants, 600, self.world.time.time())

    async def line(self, identity: str = "h", address: str = "10.1.1.1", passage: Passage = Passage.HOST) -> Line:
        """Return a line after its hello was answered."""
        made = Line(self.endpoint, address)
        made.says({"hello": {"token": self.token(identity, passage)}})
        await made.until(lambda: made.events() or made.code)
        return made

    def change(self, number: int) -> None:
        self.document.put("test", {"number": number})
        self.world.time.advance(1)


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    made.world.time.advance(1)
    return made


async def test_a_reader_that_is_too_slow_gets_the_whole_document_and_is_told(desk: Desk) -> None:
    slow, quick = await desk.line("slow"), await desk.line("quick")
    slow.open.clear()
    for number in range(limits.EVENTS + 2):  # one event is on its way when the client stops reading
        desk.change(number)
        await asyncio.sleep(0)
    slow.open.set()
    await slow.until(lambda: slow.events()[-1].get("skipped"))
    told = slow.events()[-1]
    assert told["whole"]["test"] == {"number": limits.EVENTS + 1}
    desk.change(-1)
    await slow.until(lambda: slow.events()[-1]["seq"] == told["seq"] + 1)
    assert merged(told["whole"], slow.events()[-1]["patch"])["test"] == {"number": -1}
    await quick.until(lambda: quick.events()[-1].get("patch") == {"test": {"number": -1}})
    assert not any(one.get("skipped") for one in quick.events()), "nobody else waits for a slow reader"


async def test_a_reader_with_as_many_waiting_events_as_allowed_gets_all(desk: Desk) -> None:
    slow = await desk.line()
    slow.open.clear()
    for number in range(limits.EVENTS):
        desk.change(number)
    slow.open.set()
    await slow.until(lambda: slow.events()[-1].get("patch") == {"test": {"number": limits.EVENTS - 1}})
    numbers = [one["seq"] for one in slow.events()]
    assert numbers == list(range(1, limits.EVENTS + 2))


async def test_a_client_that_says_no_hello_in_time_is_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELLO_S", 0.05)
    line = Line(desk.endpoint)
    await line.until(lambda: line.code)
    assert line.code == 1008
    assert line.sent[-1]["refused"]["code"] == "hello_late"


async def test_wrong_tokens_from_one_network_are_counted(desk: Desk) -> None:
    async def told(address: str) -> str:
        line = Line(desk.endpoint, address)
        line.says({"hello": {"token": "x"}})
        await line.until(lambda: line.code)
        return str(line.sent[-1]["refused"]["code"])

    assert {await told("10.2.2.2") for _ in range(limits.TRIES_PER_MINUTE)} == {"token_malformed"}
    assert await told("10.2.2.2") == "too_many_requests"
    assert await told("10.3.3.3") == "token_malformed"
    assert (await desk.line("h", "10.2.2.2")).code is None, "a right token from the same network"


async def test_one_channel_more_than_a_network_may_have_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHANNELS_OF_NETWORK", 3)
    monkeypatch.setattr(limits, "CHANNELS", 4)
    lines = [await desk.line(f"h{number}") for number in range(3)]
    assert all(one.code is None for one in lines)
    refused = await desk.line("h3")
    assert (refused.code, refused.sent[-1]["refused"]["code"]) == (1008, "too_many_channels")
    assert (await desk.line("h4", "10.9.9.9")).code is None
    full = await desk.line("h5", "10.8.8.8")
    assert full.sent[-1]["refused"]["code"] == "too_many_channels", "the server"


async def test_orders_beyond_the_limit_are_refused_and_the_others_performed(desk: Desk) -> None:
    line = await desk.line()
    for number in range(1, limits.ORDERS_WAITING + 3):
        line.says({"id": number, "do": "mute_all"})
    await line.until(lambda: sum("re" in one for one in line.sent) == limits.ORDERS_WAITING + 2)
    refused = {one["re"]: one["refused"]["code"] for one in line.sent if "re" in one and "refused" in one}
    assert set(refused.values()) <= {"too_many_orders"}
    assert all(number > limits.ORDERS_WAITING for number in refused)


async def test_a_channel_without_a_socket_is_kept_for_a_while_only(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOK_S", 0.01)
    line = await desk.line()
    line.goes()
    await asyncio.wait_for(line.task, WAIT_S)
    watching = asyncio.create_task(desk.channels.run())
    assert len(desk.channels) == 1
    desk.world.time.advance(limits.KEPT_S)
    async with asyncio.timeout(WAIT_S):
        while len(desk.channels):
            await asyncio.sleep(0)
    watching.cancel()


async def test_a_right_ends_while_the_database_hangs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOK_S", 0.01)
    chair = Party(desk.world, "chu", passage=Passage.HOST, role="chair")
    Party(desk.world, "ban", passage=Passage.HOST, role="co_chair")
    second = Line(desk.endpoint)
    second.says({"hello": {"token": desk.sign(Grants(identity="ban", conference="c", join=True))}})
    await second.until(second.events)
    machines, asked = desk.party.conference.machines, desk.asked
    assert machines.roles.of("ban") is Role.CO_CHAIR
    desk.answers.clear()
    watching = asyncio.create_task(desk.channels.run())
    async with asyncio.timeout(WAIT_S):
        while desk.asked == asked:  # the check in the database begins, and does not end
            desk.world.time.advance(bounds.HOSTS_LOOKED_S)
            await asyncio.sleep(0.01)
    await chair.conference.chair.appoint(machines.by("chu", "Chu", "desk"), "ban", Role.DELEGATE)
    await second.until(lambda: any(one.get("rights", {}).get("audience") == "member" for one in second.sent))
    watching.cancel()


async def test_a_member_gives_few_orders_of_one_name_and_a_leader_more(desk: Desk) -> None:
    """Each order may write rows. The clock of the meeting stands still."""
    given, codes = bounds.ORDERS_AT_ONCE + 2, {}
    for identity, passage in (("an", Passage.NONE), ("h", Passage.HOST)):
        line = await desk.line(identity, passage=passage)
        for number in range(1, given + 1):
            line.says({"id": number, "do": "end_turn"})
            await line.until(lambda number=number, line=line: any(one.get("re") == number for one in line.sent))
        found = [one["refused"]["code"] for one in line.sent if "re" in one and "refused" in one]
        codes[identity] = [code for code in found if code == "too_many_requests"]
        line.says({"id": given + 1, "do": "my_ballot"})
        await line.until(lambda line=line: any(one.get("re") == given + 1 for one in line.sent))
        assert "too_many" not in json.dumps(line.sent[-1]), "an order of another name is counted alone"
    assert codes == {"an": ["too_many_requests"] * 2, "h": []}
