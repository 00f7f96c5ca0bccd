"""The content token and the floor server: every (state, request), repetition and loss. Also a foreign client and real sockets."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
from pathlib import Path

import pytest

from conference import ContentToken, ContentTokenChange
from conference.ground.plan import BfcpPlan, Endpoint
from signaling.sip.floor.channel import FloorChannel
from signaling.sip.floor.server import FloorServer
from signaling.sip.wire import bfcp
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire.bfcp import Attribute, Fault, Kind, Message, Primitive, Status

CONFERENCE = 77


def plan(
    user: int, transport: str = "udp", host: str = "192.0.2.9", port: int = 5070, connect: bool = False
) -> BfcpPlan:
    return BfcpPlan("tcp" if transport == "tcp" else "udp", Endpoint(host, port), CONFERENCE, user, 1, connect)


# -- the token ---------------------------------------------------------------------------------------------------------

TABLE: dict[tuple[str, str], tuple[str, str | None]] = {
    # (state of a, event): the notice to a, and the holder of the token afterwards
    ("free", "ask"): ("granted", "a"),
    ("free", "give_up"): ("", None),
    ("free", "revoke"): ("", None),
    ("held by another", "ask"): ("granted", "a"),
    ("held by another", "give_up"): ("", "b"),
    ("held by another", "revoke"): ("", None),
    ("mine", "ask"): ("granted", "a"),
    ("mine", "give_up"): ("released", None),
    ("mine", "revoke"): ("revoked", None),
}


@pytest.mark.parametrize(("state", "event"), list(TABLE))
def test_every_state_and_event_of_the_token(state: str, event: str) -> None:
    told, holder = TABLE[state, event]
    token = ContentToken()
    if state != "free":
        token.ask("a" if state == "mine" else "b")
    changes = token.revoke() if event == "revoke" else getattr(token, event)("a")
    assert [one.state for one in changes if one.who == "a"] == ([told] if told else [])
    assert token.holder == holder
    assert (ContentTokenChange("b", "revoked") in changes) == (
        state == "held by another" and event in ("ask", "revoke")
    )


def test_a_requester_without_permission_is_denied() -> None:
    token = ContentToken(may=lambda who: who == "chair")
    assert token.ask("hall") == [ContentTokenChange("hall", "denied")]
    assert token.ask("chair")[0].state == "granted"


# -- the server, without sockets ---------------------------------------------------------------------------------------


class Terminal:
    """A leg of a server under test. It makes requests and reads the messages that it gets."""

    def __init__(self, server: FloorServer, name: str, user: int, transport: str = "udp") -> None:
        self.server, self.name, self.user = server, name, user
        self.version = 1 if transport == "tcp" else 2
        self.transaction = 0
        server.attach(name, plan(user, transport))

    def send(
        self, primitive: Primitive, *attributes: Attribute, now: float = 0.0, again: bool = False
    ) -> list[ContentTokenChange]:
        self.transaction += 0 if again else 1
        message = Message(primitive, CONFERENCE, self.transaction, self.user, attributes, self.version)
        return self.server.receive(self.name, bfcp.encode(message), now)

    def ask(self, now: float = 0.0) -> list[ContentTokenChange]:
        return self.send(Primitive.FLOOR_REQUEST, Attribute(Kind.FLOOR_ID, 1), now=now)


def delivered(server: FloorServer) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for leg, data in server.take():
        found.setdefault(leg, []).append(bfcp.decode(data))
    return found


def state_in(message: Message) -> tuple[int, Status]:
    (information,) = [one for one in message.attributes if one.kind == Kind.FLOOR_REQUEST_INFORMATION]
    overall = information.inner[0]
    return information.number, Status(overall.inner[0].number >> 8)


def fault_in(message: Message) -> Fault:
    assert message.primitive is Primitive.ERROR
    return Fault(message.attributes[0].data[0])


def test_a_request_is_granted_and_released() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5)
    assert hall.ask() == [ContentTokenChange("hall", "granted")]
    (message,) = delivered(server)["hall"]
    request, state = state_in(message)
    assert (state, message.response, message.transaction) == (Status.GRANTED, True, hall.transaction)
    assert hall.send(Primitive.FLOOR_RELEASE, Attribute(Kind.FLOOR_REQUEST_ID, request)) == [
        ContentTokenChange("hall", "released")
    ]
    assert state_in(delivered(server)["hall"][0]) == (request, Status.RELEASED)
    hall.send(Primitive.FLOOR_RELEASE, Attribute(Kind.FLOOR_REQUEST_ID, request))
    assert fault_in(delivered(server)["hall"][0]) is Fault.NO_REQUEST


def test_a_browser_takes_the_floor_and_terminals_are_notified() -> None:
    server = FloorServer(ContentToken(), name_of=lambda who: "Văn phòng" if who == "browser" else "")
    hall, watcher = Terminal(server, "hall", 5), Terminal(server, "watcher", 6)
    watcher.send(Primitive.FLOOR_QUERY, Attribute(Kind.FLOOR_ID, 1))
    hall.ask()
    delivered(server)
    changes = server.apply(server.floor.ask("browser"), 1.0)
    assert changes == [ContentTokenChange("browser", "granted"), ContentTokenChange("hall", "revoked")]
    told = delivered(server)
    assert state_in(told["hall"][0])[1] is Status.REVOKED
    assert not told["hall"][0].response
    assert "watcher" not in told, "the first notice is still unacknowledged"
    watcher.server.receive(
        "watcher", bfcp.encode(Message(Primitive.FLOOR_STATUS_ACK, CONFERENCE, 1, 6, (), 2, True)), 1.1
    )
    (now,) = delivered(server)["watcher"]
    information = now.attributes[1]
    assert information.inner[2].number == 0xFFFE
    assert information.inner[2].inner[0].data.decode() == "Văn phòng"


def test_the_token_is_free_when_its_holder_leaves() -> None:
    server = FloorServer(ContentToken())
    one, two = Terminal(server, "one", 5), Terminal(server, "two", 6)
    one.ask()
    assert server.detach("one", 1.0) == [ContentTokenChange("one", "released")]
    assert two.ask() == [ContentTokenChange("two", "granted")]
    assert state_in(delivered(server)["two"][0])[1] is Status.GRANTED
    assert server.legs == ("two",)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("standing", ["nothing", "granted"])
@pytest.mark.parametrize("primitive", list(Primitive))
def test_every_state_and_message(primitive: Primitive, standing: str, transport: str) -> None:
    """Show the answer to each message, and whether the token moves. The server never answers acknowledgements and errors."""
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5, transport)
    if standing != "nothing":
        hall.ask()
    request = state_in(delivered(server)["hall"][0])[0] if standing != "nothing" else 1
    before = server.floor.holder
    ids = (Attribute(Kind.FLOOR_ID, 1), Attribute(Kind.FLOOR_REQUEST_ID, request))
    hall.send(primitive, *ids, now=2.0)
    answers = [one.primitive for one in delivered(server).get("hall", [])]
    known = standing != "nothing"
    expected = {
        Primitive.FLOOR_REQUEST: [Primitive.FLOOR_REQUEST_STATUS],
        Primitive.FLOOR_RELEASE: [Primitive.FLOOR_REQUEST_STATUS if known else Primitive.ERROR],
        Primitive.FLOOR_REQUEST_QUERY: [Primitive.FLOOR_REQUEST_STATUS if known else Primitive.ERROR],
        Primitive.USER_QUERY: [Primitive.USER_STATUS],
        Primitive.FLOOR_QUERY: [Primitive.FLOOR_STATUS],
        Primitive.HELLO: [Primitive.HELLO_ACK],
        Primitive.GOODBYE: [Primitive.GOODBYE_ACK],
        Primitive.ERROR: [],
        Primitive.FLOOR_REQUEST_STATUS_ACK: [],
        Primitive.FLOOR_STATUS_ACK: [],
        Primitive.GOODBYE_ACK: [],
    }.get(primitive, [Primitive.ERROR])
    if primitive is Primitive.GOODBYE and standing == "granted" and transport == "tcp":
        expected = [Primitive.GOODBYE_ACK]
    assert answers == expected
    gives = primitive in (Primitive.FLOOR_RELEASE, Primitive.GOODBYE) and standing == "granted"
    takes = primitive is Primitive.FLOOR_REQUEST and standing == "nothing"
    assert server.floor.holder == (None if gives else "hall" if takes else before)


@pytest.mark.parametrize(
    ("other", "attributes", "fault"),
    [
        ({"conference_id": 78}, [Attribute(Kind.FLOOR_ID, 1)], Fault.NO_CONFERENCE),
        ({"user_id": 6}, [Attribute(Kind.FLOOR_ID, 1)], Fault.NO_USER),
        ({}, [Attribute(Kind.FLOOR_ID, 2)], Fault.INVALID_FLOOR),
        ({}, [], Fault.INVALID_FLOOR),
        ({}, [Attribute(Kind.FLOOR_ID, 1), Attribute(Kind.FLOOR_ID, 9)], Fault.INVALID_FLOOR),
        ({}, [Attribute(Kind.BENEFICIARY_ID, 6), Attribute(Kind.FLOOR_ID, 1)], Fault.UNAUTHORIZED),
        ({}, [Attribute(0x40, data=b"??")], Fault.UNKNOWN_ATTRIBUTE),
    ],
)
def test_requests_that_are_refused(other: dict[str, int], attributes: list[Attribute], fault: Fault) -> None:
    server = FloorServer(ContentToken())
    Terminal(server, "hall", 5)
    given = {"conference_id": CONFERENCE, "user_id": 5} | other
    message = Message(Primitive.FLOOR_REQUEST, given["conference_id"], 1, given["user_id"], tuple(attributes), 2)
    assert server.receive("hall", bfcp.encode(message), 0.0) == []
    assert fault_in(delivered(server)["hall"][0]) is fault
    assert server.floor.holder is None


def decision(request: int, state: Status, floor: int = 1) -> Attribute:
    """Return what a floor chair sends about a request (RFC 8855 §5.3.9)."""
    inner = Attribute(Kind.FLOOR_REQUEST_STATUS, floor, inner=(bfcp.status(state),))
    return Attribute(Kind.FLOOR_REQUEST_INFORMATION, request, inner=(inner,))


@pytest.mark.parametrize("leads", [True, False])
@pytest.mark.parametrize("holder", ["hall", "browser", ""])
@pytest.mark.parametrize("state", list(Status))
def test_a_floor_chair_ends_a_presentation(holder: str, state: Status, leads: bool) -> None:
    """Show that only a leg that leads the meeting may, and that it decides nothing else."""
    stops: list[tuple[str, str]] = []

    def stop(leg: str, holds: str) -> bool:
        if leads:
            stops.append((leg, holds))
            server.apply(server.floor.revoke(), 2.0)
        return leads

    server = FloorServer(ContentToken(), stop=stop)
    hall, lead = Terminal(server, "hall", 5), Terminal(server, "lead", 6)
    if holder == "hall":
        hall.ask()
    elif holder:
        server.apply(server.floor.ask("browser"), 1.0)
    request = state_in(delivered(server)["hall"][0])[0] if holder == "hall" else 0xFFFF
    lead.send(Primitive.CHAIR_ACTION, decision(request, state), now=2.0)
    told = delivered(server)
    (answer,) = told["lead"]
    if holder and leads and state in (Status.REVOKED, Status.DENIED):
        assert (answer.primitive, stops) == (Primitive.CHAIR_ACTION_ACK, [("lead", holder)])
        assert [state_in(one)[1] for one in told.get("hall", [])] == [Status.REVOKED] * (holder == "hall")
    else:
        assert fault_in(answer) is (Fault.UNAUTHORIZED if holder else Fault.NO_REQUEST)
        assert (stops, server.floor.holder) == ([], holder or None)


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ([], Fault.UNPARSABLE),
        ([Attribute(Kind.FLOOR_REQUEST_INFORMATION, 0xFFFF)], Fault.UNPARSABLE),
        ([decision(0xFFFF, Status.REVOKED, floor=2)], Fault.INVALID_FLOOR),
        ([decision(1, Status.REVOKED)], Fault.NO_REQUEST),
    ],
)
def test_orders_of_a_floor_chair_that_are_wrong(attributes: list[Attribute], fault: Fault) -> None:
    server = FloorServer(ContentToken(), stop=lambda leg, holder: True)
    lead = Terminal(server, "lead", 6)
    server.floor.ask("browser")
    lead.send(Primitive.CHAIR_ACTION, *attributes)
    assert fault_in(delivered(server)["lead"][0]) is fault


def test_a_repeated_request_repeats_the_answer_without_effect() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5)
    hall.ask()
    (first,) = server.take()
    server.apply(server.floor.revoke(), 0.1)
    server.take()
    assert hall.send(Primitive.FLOOR_REQUEST, Attribute(Kind.FLOOR_ID, 1), now=5.0, again=True) == []
    assert server.take() == [first]
    assert server.floor.holder is None
    hall.send(Primitive.FLOOR_REQUEST, Attribute(Kind.FLOOR_ID, 1), now=limits.BFCP_T2_S + 0.01, again=True)
    assert server.floor.holder == "hall", "after ten seconds it is a new request"


def test_notices_repeat_until_acknowledged_then_stop() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5)
    hall.ask()
    server.take()
    server.apply(server.floor.revoke(), 10.0)
    sent = [10.0] if server.take() else []
    while server.deadline is not None:
        now = server.deadline
        server.tick(now)
        sent += [now] * len(server.take())
    assert sent == [10.0, 10.5, 11.5, 13.5]
    assert server._links["hall"].lost == 1
    server.apply(server.floor.ask("hall"), 20.0)
    ((_, data),) = server.take()
    notice = bfcp.decode(data)
    acknowledged = Message(Primitive.FLOOR_REQUEST_STATUS_ACK, CONFERENCE, notice.transaction, 5, (), 2, True)
    server.receive("hall", bfcp.encode(acknowledged), 20.1)
    assert server.deadline is None
    assert not server.is_waiting


def test_acknowledgements_of_other_things_do_not_count() -> None:
    server = FloorServer(ContentToken())
    Terminal(server, "hall", 5)
    server.apply(server.floor.ask("hall"), 0.0)
    server.take()
    for primitive, transaction in ((Primitive.FLOOR_STATUS_ACK, 1), (Primitive.FLOOR_REQUEST_STATUS_ACK, 2)):
        server.receive("hall", bfcp.encode(Message(primitive, CONFERENCE, transaction, 5, (), 2, True)), 0.1)
    assert server.is_waiting


def test_over_tcp_notices_have_no_transaction_and_are_sent_once() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5, "tcp")
    hall.ask()
    assert not delivered(server)["hall"][0].response
    server.apply(server.floor.revoke(), 1.0)
    (notice,) = delivered(server)["hall"]
    assert (notice.transaction, notice.version) == (0, 1)
    assert server.deadline is None


def test_a_version_1_terminal_over_udp_gets_version_1_answers() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5)
    hall.version = 1
    hall.ask()
    server.apply(server.floor.revoke(), 1.0)
    assert [(one.version, one.response) for one in delivered(server)["hall"]] == [(1, False), (1, False)]
    assert not server.is_waiting


def test_the_bounds_of_a_leg() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5)
    for _ in range(limits.BFCP_PER_SECOND + 1):
        hall.send(Primitive.HELLO, now=1.0)
    assert len(server.take()) == limits.BFCP_PER_SECOND
    hall.send(Primitive.HELLO, now=2.0)
    assert len(server.take()) == 1
    link = server._links["hall"]
    assert len(link.answers) == limits.BFCP_REMEMBERED
    for number in range(3 * limits.BFCP_QUEUE):
        server.apply(server.floor.ask("hall") if number % 2 else server.floor.revoke(), 3.0)
    assert len(link.queue) == limits.BFCP_QUEUE
    assert link.lost > 0
    assert server.receive("nobody", b"", 0.0) == []


def test_of_several_floor_notices_that_wait_the_newest_counts() -> None:
    server = FloorServer(ContentToken())
    watcher = Terminal(server, "watcher", 6)
    watcher.send(Primitive.FLOOR_QUERY, Attribute(Kind.FLOOR_ID, 1))
    server.take()
    for who in ("b1", "b2", "b3", "b4"):
        server.apply(server.floor.ask(who), 1.0)
    assert len(server.take()) == 1
    assert len(server._links["watcher"].queue) == 1


def test_a_call_that_reconnects_keeps_its_floor_request() -> None:
    server = FloorServer(ContentToken())
    hall = Terminal(server, "hall", 5, "tcp")
    hall.ask()
    request, _ = state_in(delivered(server)["hall"][0])
    server.attach("hall", plan(5, "tcp", port=6000))
    assert hall.send(Primitive.FLOOR_RELEASE, Attribute(Kind.FLOOR_REQUEST_ID, request)) == [
        ContentTokenChange("hall", "released")
    ]


def test_mutated_messages_do_not_change_other_floor_requests() -> None:
    """Show that one terminal's mutated messages change no other terminal's request, and that no exception escapes."""
    random_ = random.Random(11)
    server = FloorServer(ContentToken(may=lambda who: who == "good"))
    Terminal(server, "good", 5).ask()
    good = [
        Primitive.HELLO,
        Primitive.FLOOR_QUERY,
        Primitive.FLOOR_REQUEST,
        Primitive.FLOOR_RELEASE,
        Primitive.USER_QUERY,
        Primitive.GOODBYE,
    ]
    server.attach("bad", plan(6))
    for number in range(3000):
        message = Message(
            random_.choice(good),
            CONFERENCE,
            number % 7,
            6,
            (Attribute(Kind.FLOOR_ID, 1), Attribute(Kind.FLOOR_REQUEST_ID, 1)),
            2,
        )
        data = bytearray(bfcp.encode(message))
        for _ in range(random_.randint(0, 3)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        server.receive("bad", bytes(data), number / 10)
        for _, answer in server.take():
            bfcp.decode(answer)
        assert server.floor.holder == "good"


# -- over sockets ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def floor_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the client from Debian's libre-dev, which docker/test-tools.sh lists. Return its path."""
    if shutil.which("gcc") is None or not Path("/usr/include/re/re_bfcp.h").exists():
        pytest.skip("no gcc or no libre-dev here")
    import subprocess

    made = tmp_path_factory.mktemp("floor") / "client"
    source = Path(__file__).with_name("floor_client.c")
    flags = ["-DHAVE_SOCKLEN_T", "-DHAVE_STDBOOL_H", "-DHAVE_INET6", "-I/usr/include/re"]
    subprocess.run(["gcc", "-Wall", "-Werror", *flags, str(source), "-o", str(made), "-lre"], check=True)
    return made


async def run_client(client: Path, port: int, user: int = 5, conference: int = CONFERENCE) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        str(client), "127.0.0.1", str(port), str(conference), str(user), "1", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    return out.decode().splitlines()


async def test_a_client_of_other_hands(floor_client: Path) -> None:
    channel, server = FloorChannel(), FloorServer(ContentToken())
    udp, _ = await channel.open("127.0.0.1")
    seen: list[ContentTokenChange] = []
    channel.attach(server, "hall", plan(5, host="127.0.0.1"), seen.extend)
    try:
        lines = await run_client(floor_client, udp)
    finally:
        await channel.close()
    assert lines[0] == "answer HelloAck"
    assert lines[1] == "answer FloorStatus"
    assert "answer FloorRequestStatus request 1 Granted" in lines
    assert "answer FloorRequestStatus request 1 Released" in lines
    assert any(line.startswith("notice FloorStatus") for line in lines)
    assert seen == [ContentTokenChange("hall", "granted"), ContentTokenChange("hall", "released")]


async def test_a_client_of_other_hands_is_denied(floor_client: Path) -> None:
    """Show that a foreign client understands the refusal while only the chair may present."""
    channel, server = FloorChannel(), FloorServer(ContentToken(may=lambda who: who == "chair"))
    udp, _ = await channel.open("127.0.0.1")
    channel.attach(server, "hall", plan(5, host="127.0.0.1"), lambda _: None)
    try:
        lines = await run_client(floor_client, udp)
    finally:
        await channel.close()
    assert "answer FloorRequestStatus request 1 Denied" in lines
    assert not any("Granted" in line for line in lines)


async def test_strangers_get_no_answer() -> None:
    """Show that strangers get no answer: from another host, for another conference or user, or with bytes that are no message."""
    channel, server = FloorChannel(), FloorServer(ContentToken())
    udp, tcp = await channel.open("127.0.0.1")
    channel.attach(server, "near", plan(5, host="127.0.0.1"), lambda _: None)
    channel.attach(server, "far", plan(6, host="127.0.0.2"), lambda _: None)
    loop = asyncio.get_running_loop()
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setblocking(False)
    stranger.bind(("127.0.0.1", 0))

    def hello(conference: int, user: int) -> bytes:
        return bfcp.encode(Message(Primitive.HELLO, conference, 1, user, (), 2))

    try:
        for data in (hello(CONFERENCE, 6), hello(78, 5), hello(CONFERENCE, 7), b"", b"\x40", bytes(2000)):
            await loop.sock_sendto(stranger, data, ("127.0.0.1", udp))
        await loop.sock_sendto(stranger, hello(CONFERENCE, 5), ("127.0.0.1", udp))
        async with asyncio.timeout(5):
            answer = bfcp.decode(await loop.sock_recv(stranger, 2048))
        assert (answer.primitive, answer.user_id) == (Primitive.HELLO_ACK, 5), (
            "the first answer is to the last question"
        )
        assert channel.dropped == 6
        reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionError):
                writer.write(hello(CONFERENCE, 5))
                if not await reader.read(10):
                    raise ConnectionResetError
        writer.close()
    finally:
        stranger.close()
        await channel.close()


async def test_a_terminal_over_tcp() -> None:
    channel, server = FloorChannel(), FloorServer(ContentToken())
    _, tcp = await channel.open("127.0.0.1")
    channel.attach(server, "hall", plan(5, "tcp", "127.0.0.1"), lambda _: None)
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp)

    async def message() -> Message:
        async with asyncio.timeout(5):
            head = await reader.readexactly(12)
            return bfcp.decode(head + await reader.readexactly(bfcp.read_header(head).bytes_after))

    try:
        data = b"".join(
            bfcp.encode(Message(primitive, CONFERENCE, number, 5, attributes, 1))
            for number, (primitive, attributes) in enumerate(
                [(Primitive.HELLO, ()), (Primitive.FLOOR_REQUEST, (Attribute(Kind.FLOOR_ID, 1),))], 1
            )
        )
        writer.write(data[:7])
        await asyncio.sleep(0)
        writer.write(data[7:])
        assert [(await message()).primitive for _ in range(2)] == [Primitive.HELLO_ACK, Primitive.FLOOR_REQUEST_STATUS]
        server.apply(server.floor.ask("browser"), 0.0)
        channel.flush(server)
        assert state_in(await message())[1] is Status.REVOKED
        writer.write(bfcp.encode(Message(Primitive.HELLO, CONFERENCE, 3, 6, (), 1)))
        async with asyncio.timeout(5):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await message()  # another user number ends the connection
    finally:
        writer.close()
        await channel.close()


async def test_connections_of_one_host_are_limited() -> None:
    channel, server = FloorChannel(), FloorServer(ContentToken())
    _, tcp = await channel.open("127.0.0.1")
    channel.attach(server, "hall", plan(5, "tcp", "127.0.0.1"), lambda _: None)
    pairs = [await asyncio.open_connection("127.0.0.1", tcp) for _ in range(limits.BFCP_CONNECTIONS_PER_HOST + 1)]
    try:
        async with asyncio.timeout(5):
            ended = await asyncio.wait(
                [asyncio.ensure_future(reader.read(1)) for reader, _ in pairs], return_when=asyncio.FIRST_COMPLETED
            )
        assert len(ended[0]) == 1
        assert channel.dropped == 1
        for task in (*ended[0], *ended[1]):
            task.cancel()
            task.exception() if task.done() and not task.cancelled() else None
    finally:
        for _, writer in pairs:
            writer.close()
        await channel.close()


async def test_we_connect_when_the_terminal_waits() -> None:
    arrived = asyncio.Event()
    said: list[bytes] = []

    async def terminal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bfcp.encode(Message(Primitive.HELLO, CONFERENCE, 1, 5, (), 1)))
        said.append(await reader.readexactly(12))
        arrived.set()
        writer.close()

    waiting = await asyncio.start_server(terminal, "127.0.0.1", 0)
    port = waiting.sockets[0].getsockname()[1]
    channel, server = FloorChannel(), FloorServer(ContentToken())
    await channel.open("127.0.0.1")
    channel.attach(server, "hall", plan(5, "tcp", "127.0.0.1", port, connect=True), lambda _: None)
    try:
        await asyncio.wait_for(arrived.wait(), 10)
        assert bfcp.read_header(said[0]).primitive == Primitive.HELLO_ACK
        assert channel.detach(server, "hall") == []
    finally:
        await channel.close()
        waiting.close()


async def test_one_user_id_for_two_legs_raises_an_error() -> None:
    channel, server = FloorChannel(), FloorServer(ContentToken())
    await channel.open("127.0.0.1")
    channel.attach(server, "one", plan(5), lambda _: None)
    channel.attach(server, "one", plan(5), lambda _: None)
    with pytest.raises(ValueError):
        channel.attach(server, "two", plan(5), lambda _: None)
    for number in range(limits.BFCP_LEGS - 1):
        channel.attach(server, f"leg{number}", plan(100 + number), lambda _: None)
    with pytest.raises(ValueError):
        channel.attach(server, "late", plan(99), lambda _: None)
    await channel.close()


async def test_a_leg_that_gets_another_user_id_frees_the_old_one() -> None:
    channel, server = FloorChannel(), FloorServer(ContentToken())
    await channel.open("127.0.0.1")
    channel.attach(server, "one", plan(5), lambda _: None)
    channel.attach(server, "one", plan(6), lambda _: None)
    channel.attach(server, "two", plan(5), lambda _: None)
    assert set(server.legs) == {"one", "two"}
    await channel.close()


async def test_a_connection_that_does_not_identify_itself_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that single bytes do not delay the timeout, which counts from the start of the connection."""
    monkeypatch.setattr(limits, "BFCP_FIRST_S", 0.3)
    channel, server = FloorChannel(), FloorServer(ContentToken())
    _, tcp = await channel.open("127.0.0.1")
    channel.attach(server, "hall", plan(5, "tcp", "127.0.0.1"), lambda _: None)
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp)
    try:
        with pytest.raises(ConnectionError):
            for octet in bfcp.encode(Message(Primitive.HELLO, CONFERENCE, 1, 5, (), 1)) * 3:
                writer.write(bytes((octet,)) if octet != 0x20 else b"\x20")
                try:
                    async with asyncio.timeout(0.1):
                        if not await reader.read(1):
                            raise ConnectionResetError
                except TimeoutError:
                    continue
    finally:
        writer.close()
        await channel.close()
