"""A client of `/desk` for tests. The client applies events, and checks their numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conference import Grants, Passage
from signaling.host.tokens import Authenticator
from tests.conference.chair.test_document import merged
from tests.conftest import LiveServer

WAIT_S = 30


class DeskClient:
    """An open socket, after its welcome or its refusal."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.welcome: dict[str, Any] = {}
        self.refused: dict[str, Any] = {}
        self.state: dict[str, Any] = {}
        self.seq = 0
        self.events: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []

    async def send(self, message: object) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """Return the next message, after it was applied."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
        if "seq" in message:
            self._apply(message)
        elif "welcome" in message:
            self.welcome = message["welcome"]
        elif "refused" in message and "re" not in message:
            self.refused = message["refused"]
        self.said.append(message)
        return message

    def _apply(self, event: dict[str, Any]) -> None:
        if "whole" in event:
            assert event["seq"] > self.seq
            self.state = event["whole"]
        else:
            assert event["seq"] == self.seq + 1, "no gap and no repetition"
            if "patch" in event:
                self.state = merged(self.state, event["patch"])
        self.seq = event["seq"]
        self.events.append(event)

    async def until(self, met: Callable[[], object]) -> None:
        """Hear messages until the condition is met."""
        while not met():
            await self.hear()

    async def order(self, number: int, name: str, **fields: Any) -> dict[str, Any]:
        """Give an order, and return its answer."""
        await self.send({"id": number, "do": name, "with": fields})
        while True:
            message = await self.hear()
            if message.get("re") == number:
                return message

    async def closed(self) -> int | None:
        """Hear messages until the server closes the socket. Return the close code."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None


class Meeting:
    """A meeting on a running server, with its own tokens."""

    def __init__(self, server: LiveServer, name: str, now: float) -> None:
        self.server, self.name, self._now = server, name, now
        self._authenticator = Authenticator({server.api_key: server.api_secret})

    def token(self, identity: str, **grants: Any) -> str:
        made: dict[str, Any] = {"join": True, "name": identity.title(), "raises_hand": True} | grants
        return self._authenticator.sign(Grants(identity=identity, conference=self.name, **made), 600, self._now)

    def key(self, identity: str = "thư ký") -> str:
        """Return the key of a host who need not be in the call."""
        return self.token(identity, join=False, passage=Passage.HOST)

    @asynccontextmanager
    async def call(self, identity: str, **grants: Any) -> AsyncIterator[ClientConnection]:
        """Join the call, and stay until the end."""
        address = f"{self.server.ws_url}/rtc?access_token={self.token(identity, **grants)}"
        async with connect(address, max_size=None) as socket:
            await socket.recv()
            yield socket

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[DeskClient]:
        """Open a socket without a hello."""
        async with connect(f"{self.server.ws_url}/desk", max_size=None) as socket:
            yield DeskClient(socket)

    @asynccontextmanager
    async def desk(self, token: str, resume: dict[str, Any] | None = None) -> AsyncIterator[DeskClient]:
        """Open a socket and say hello. The first answer was heard."""
        async with self.socket() as client:
            await client.send({"hello": {"token": token} | ({"resume": resume} if resume else {})})
            await client.hear()
            yield client
