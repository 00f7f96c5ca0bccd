"""Sockets at the door while the server stops, and when entry fails. Also how sockets share the event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

import httpx
import pytest
from livekit.protocol import rtc as proto
from starlette.applications import Starlette
from starlette.types import Message
from starlette.websockets import WebSocket

from conference import Grants, Refusal, Terms, events
from conference.door import admission
from rooms.policy.classes import REFUSALS
from signaling.rtc.routing import routes
from signaling.rtc.session.session import Session
from signaling.rtc.sockets import Door
from signaling.rtc.wire import limits
from signaling.rtc.wire.messages import Encoder
from tests.signaling.rtc.signal_desk import SignalDesk


@pytest.fixture
def office() -> SignalDesk:
    made = SignalDesk()
    made.names.grants["ann"] = Grants(identity="ann", conference="c", join=True)
    return made


@pytest.fixture
def application(office: SignalDesk) -> Starlette:
    return Starlette(routes=routes(office.world.registry, office.names))


async def knock(
    application: Starlette, query: str = "", name: str = "ann", says: bytes = b"", **way: object
) -> list[Message]:
    """Open a socket, say `says`, and wait. Return all messages that the server sends. After `says` the client disconnects.
    `way`: members of the ASGI scope, such as the address of the client.
    """
    sent: list[Message] = []
    closed = asyncio.Event()
    asked: Iterator[Message] = iter([{"type": "websocket.connect"}])
    if says:
        closed.set()
        asked = iter([{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": says}])

    async def receive() -> Message:
        for message in asked:
            return message
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        await asyncio.sleep(0)
        sent.append(message)
        if message["type"] == "websocket.close":
            closed.set()

    scope: dict[str, Any] = {"type": "websocket", "path": "/rtc", "scheme": "ws", "headers": [], "subprotocols": []}
    scope |= {"query_string": f"access_token={name}{query}".encode(), "extensions": {"websocket.http.response": {}}}
    async with asyncio.timeout(20):
        await application(scope | way, receive, send)
    return sent


@pytest.mark.parametrize("query", ["", "&reconnect=1&sid=PA_x"], ids=["join", "resume"])
async def test_a_pass_for_a_closed_network_opens_no_socket_elsewhere(
    office: SignalDesk, application: Starlette, query: str
) -> None:
    office.names.grants["pc"] = Grants(identity="pc", conference="c", join=True, network="10.0.0.0/8")
    for client, scheme, code in (
        (("203.0.113.9", 5000), "wss", "network_open"),
        (("10.1.2.3", 5000), "ws", "encryption_needed"),
    ):
        sent = await knock(application, query, "pc", b"\xff", client=client, scheme=scheme)
        assert (sent[0]["status"], sent[1]["body"].decode()) == (403, REFUSALS[code][1])
    sent = await knock(application, query, "pc", b"\xff", client=("10.1.2.3", 5000), scheme="wss")
    assert "status" not in sent[0] or sent[0]["status"] == 404, "inside, only a resume without a meeting is refused"


@pytest.mark.parametrize("query", ["", "&reconnect=1&sid=PA_x"])
async def test_a_stopping_server_refuses_before_the_socket_opens(
    office: SignalDesk, application: Starlette, query: str
) -> None:
    office.world.registry.close()
    sent = await knock(application, query)
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 503)


async def test_admission_is_asked_once_on_a_join(
    office: SignalDesk, application: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = admission.ask

    def ask(grants: Grants, *rest: Any) -> None:
        asked.append(grants.identity)
        real(grants, *rest)

    monkeypatch.setattr(admission, "ask", ask)
    sent = await knock(application, says=b"\xff")
    assert [message["type"] for message in sent[:2]] == ["websocket.accept", "websocket.send"]
    assert proto.SignalResponse.FromString(sent[1]["bytes"]).WhichOneof("message") == "join"
    assert asked == ["ann"]


def _full(office: SignalDesk) -> None:
    office.world.registry.create("c", Terms(max_participants=1))
    office.join("ben")


def _missing(office: SignalDesk) -> None:
    office.world.registry.auto_create = False


def _held(office: SignalDesk) -> None:
    office.world.registry.lobbies.get("c", office.world.time.time()).set(True, ())


async def _get(application: Starlette, path: str, query: str = "") -> tuple[int, str]:
    """Return the status and text of a plain request by ann."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://server") as client:
        answer = await client.get(f"{path}?access_token=ann{query}")
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["/rtc/validate", "/rtc"])
@pytest.mark.parametrize(
    ("prepare", "status", "code"),
    [(_full, 403, "conference_full"), (_missing, 404, "conference_not_found"), (_held, 403, "lobby_waits")],
    ids=["full", "missing", "held by the lobby"],
)
async def test_a_plain_request_is_refused_as_its_socket_would_be(
    office: SignalDesk, application: Starlette, path: str, prepare: Callable[[SignalDesk], None], status: int, code: str
) -> None:
    """Show that a plain request gets the same refusal as a socket. A resume is not refused, because its session was admitted
    before.
    """
    prepare(office)
    socket = await knock(application)
    refused = (socket[0]["status"], socket[1]["body"].decode())
    assert refused == (status, Refusal(code).english)
    assert await _get(application, path) == refused
    resumes = await _get(application, path, "&reconnect=1&sid=PA_x")
    assert resumes[0] == (200 if path.endswith("/validate") else 426)


async def test_only_one_of_two_concurrent_joins_gets_the_last_place(office: SignalDesk, application: Starlette) -> None:
    """Show that only one of two simultaneous clients gets the last place. The other gets an HTTP answer, also when opening is
    slow.
    """
    office.world.registry.create("c", Terms(max_participants=1))
    office.names.grants["ben"] = Grants(identity="ben", conference="c", join=True)
    ann, ben = await asyncio.gather(*(knock(application, name=name, says=b"\xff") for name in ("ann", "ben")))
    assert ann[0]["type"] == "websocket.accept"
    assert (ben[0]["type"], ben[0]["status"]) == ("websocket.http.response.start", 403)


async def test_a_socket_that_does_not_open_brings_in_no_participant(office: SignalDesk) -> None:
    class Gone(Exception):
        pass

    class Unopened:
        headers: ClassVar[dict[str, str]] = {}
        query_params: ClassVar[dict[str, str]] = {"access_token": "ann"}

        async def accept(self) -> None:
            raise Gone

    with pytest.raises(Gone):
        await Door(office.context, False, asyncio.Lock()).open(cast("WebSocket", Unopened()))
    assert office.world.registry.get("c").participants == {}


def _check_fault(sent: list[Message], caplog: pytest.LogCaptureFixture) -> None:
    """Assert that the client gets RECONNECT before the socket closes, and that the log names the fault."""
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    message = proto.SignalResponse.FromString(sent[1]["bytes"])
    assert message.leave.action == proto.LeaveRequest.Action.Value("RECONNECT")
    assert "ZeroDivisionError" in caplog.text


async def test_an_internal_error_is_reported_before_the_socket_closes(
    application: Starlette, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Session, "_join", fault)
    sent = await knock(application)
    _check_fault(sent, caplog)


async def test_a_welcome_that_cannot_be_written_leaves_no_participant(
    office: SignalDesk, application: Starlette, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = Encoder.encode

    def encode(encoder: Encoder, event: events.Event, *, text: bool) -> bytes | str | None:
        if isinstance(event, events.Welcome):
            raise ZeroDivisionError
        return plain(encoder, event, text=text)

    monkeypatch.setattr(Encoder, "encode", encode)
    sent = await knock(application)
    _check_fault(sent, caplog)
    office.world.registry.tick(office.world.time.now)
    assert office.world.registry.get("c").participants == {}


@pytest.mark.parametrize(("size", "most"), [(limits.LONG_MESSAGE_BYTES - 1, 12), (limits.LONG_MESSAGE_BYTES, 1)])
async def test_long_messages_each_take_their_own_turn_of_the_loop(
    office: SignalDesk, application: Starlette, monkeypatch: pytest.MonkeyPatch, size: int, most: int
) -> None:
    """Show that long messages are spread over turns of the event loop. Otherwise a new client waits for all of them at each
    step. In a meeting of 150 the handshakes of new participants took 15 s.
    """
    turn, handled = 0, Counter[int]()
    loop = asyncio.get_running_loop()

    def count() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(count)

    def receive(_session: Session, said: bytes, _now: float) -> None:
        assert len(said) == size
        handled[turn] += 1

    names = [f"one{number}" for number in range(12)]
    for name in names:
        office.names.grants[name] = Grants(identity=name, conference="c", join=True)
    monkeypatch.setattr(Session, "receive", receive)
    loop.call_soon(count)
    await asyncio.gather(*(knock(application, name=name, says=bytes(size)) for name in names))
    assert handled.total() == len(names)
    assert max(handled.values()) == most
