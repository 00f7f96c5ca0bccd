"""What a socket meets at the door while the server stops, and when coming in fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livekit.protocol import rtc as proto
from starlette.applications import Starlette
from starlette.types import Message

from conference import Grants
from signaling import rtc
from signaling.rtc.session import Session
from tests.signaling.rtc.desk import Office


@pytest.fixture
def office() -> Office:
    made = Office()
    made.names.grants["ann"] = Grants(identity="ann", conference="c", join=True)
    return made


async def knock(office: Office, query: str = "") -> list[Message]:
    """All that is sent to one who opens a socket and waits."""
    sent: list[Message] = []
    closed = asyncio.Event()
    asked = iter([{"type": "websocket.connect"}])

    async def receive() -> Message:
        for message in asked:
            return message
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "websocket.close":
            closed.set()

    scope: dict[str, Any] = {"type": "websocket", "path": "/rtc", "scheme": "ws", "headers": [], "subprotocols": []}
    scope |= {"query_string": f"access_token=ann{query}".encode(), "extensions": {"websocket.http.response": {}}}
    async with asyncio.timeout(20):
        await Starlette(routes=rtc.routes(office.world.registry, office.names))(scope, receive, send)
    return sent


@pytest.mark.parametrize("query", ["", "&reconnect=1&sid=PA_x"])
async def test_a_stopping_server_refuses_before_the_socket_opens(office: Office, query: str) -> None:
    office.world.registry.close()
    sent = await knock(office, query)
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 503)


async def test_a_fault_of_ours_is_told_before_the_socket_closes(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Session, "_join", fault)
    sent = await knock(office)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    message = proto.SignalResponse.FromString(sent[1]["bytes"])
    assert message.leave.action == proto.LeaveRequest.Action.Value("RECONNECT")
    assert "ZeroDivisionError" in caplog.text
