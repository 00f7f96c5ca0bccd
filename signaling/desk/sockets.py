"""The WebSocket of `/desk`: the hello, then one task that reads and one task that writes.

The socket opens before its client has shown a token. So until the hello it counts as unproved (`signaling.front.strangers`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from conference import PeerError
from rooms.errors import Refusal
from signaling.desk import limits
from signaling.desk.channel import POLICY, Channel, refusal_text
from signaling.desk.channels import GOING_AWAY, Channels
from signaling.desk.reading import Hello, Order, Ping, read
from signaling.front import intake, strangers
from signaling.host.throttle import Throttle
from signaling.host.tokens import check_way
from signaling.orders.doorway import Doorway

log = logging.getLogger(__name__)
UNREADABLE: Final = 1007
INTERNAL: Final = 1011
TEXTS: Final = {
    "too_many_requests": ("Quá nhiều lượt thử. Hãy chờ một phút.", "too many tries: wait a minute"),
    "hello_late": ("Không nhận được lời chào.", "the hello did not come in time"),
}


class Endpoint:
    """The endpoint `/desk`."""

    def __init__(self, around: Doorway, channels: Channels) -> None:
        self._around, self._channels = around, channels
        self._tries = Throttle(around.shared, "tries of desks", limits.TRIES_PER_MINUTE)

    async def open(self, websocket: WebSocket) -> None:
        """Serve one WebSocket."""
        await websocket.receive()  # the request for the upgrade
        await websocket.send(intake.unproved_accept(limits.MESSAGE_BYTES))
        try:
            socket = await self._greet(websocket)
            if socket is not None:
                await socket.converse()
        except WebSocketDisconnect:
            return
        except PeerError as error:
            log.info("a desk: %s", error)
            await _close(websocket, UNREADABLE)

    async def plain(self, _request: HTTPConnection) -> Response:
        """Answer a request to the same path without an upgrade."""
        return PlainTextResponse("a WebSocket is expected here", 426, headers={"upgrade": "websocket"})

    async def _greet(self, websocket: WebSocket) -> Socket | None:
        """Read the hello, and return the socket of its channel. A refusal is told, and closes the socket. Raise PeerError."""
        try:
            async with asyncio.timeout(limits.HELLO_S):
                hello = read(await _receive(websocket))
            if not isinstance(hello, Hello):
                raise PeerError("the first message is no hello")
            return await self._admit(websocket, hello)
        except TimeoutError:
            await _refuse(websocket, Refusal("hello_late", *TEXTS["hello_late"]))
        except Refusal as refusal:
            await _refuse(websocket, refusal)
        return None

    async def _admit(self, websocket: WebSocket, hello: Hello) -> Socket:
        address, around = address_of(websocket), self._around
        try:
            grants = around.authenticator.verify(hello.token, around.now())
        except Refusal as refusal:
            if not self._tries.takes(address, around.now()):
                raise Refusal("too_many_requests", *TEXTS["too_many_requests"]) from refusal
            raise
        check_way(grants, address, websocket.scope.get("scheme", ""))
        channel, resumed = await self._channels.welcome(grants, hello.resume, address)
        strangers.prove(websocket.scope)
        return Socket(websocket, self._channels, channel, resumed)


class Socket:
    """A socket with its channel."""

    def __init__(self, websocket: WebSocket, channels: Channels, channel: Channel, resumed: bool) -> None:
        self._websocket, self._channels, self._channel = websocket, channels, channel
        self._address = address_of(websocket)
        self._news = asyncio.Event()
        self._code: int | None = None
        """The close code of this socket, while its channel lives on."""
        channel.attach(self._news.set, self._superseded)
        self._welcome(resumed)

    def _welcome(self, resumed: bool) -> None:
        channel, channels = self._channel, self._channels
        grants, key = channel.bearer.grants, channels.key(channel.bearer)
        told = {
            "session": channel.session,
            "resumed": resumed,
            "identity": grants.identity,
            "name": grants.name,
            "clock": channels.clock_ms(),
        } | channel.rights()
        channel.say({"welcome": told | ({"key": key} if key else {})})

    async def converse(self) -> None:
        """Read and write until the client is gone, or the channel has ended."""
        writing = asyncio.get_running_loop().create_task(self._write())
        reading = asyncio.get_running_loop().create_task(self._read())
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                self._code = self._code or reading.result()
                self._news.set()
            await asyncio.wait({writing}, timeout=limits.CLOSING_S)
        finally:
            for task in (writing, reading):
                task.cancel()
            await asyncio.gather(writing, reading, return_exceptions=True)
            self._leave()

    def _leave(self) -> None:
        channel = self._channel
        if channel.wake == self._news.set:
            self._channels.drop(channel)
        if channel.code is not None:
            self._channels.forget(channel)

    def _superseded(self, code: int) -> None:
        """Close this socket: another socket has taken the channel."""
        self._code = code
        self._news.set()

    async def _read(self) -> int:
        """Read messages. Return the code with which the socket must be closed."""
        try:
            while True:
                said = await _receive(self._websocket)
                if self._code is not None or self._channel.code is not None:
                    return GOING_AWAY
                if not self._channel.bucket.take(asyncio.get_running_loop().time()):
                    return POLICY
                self._hear(said)
        except WebSocketDisconnect:
            return GOING_AWAY
        except PeerError as error:
            log.info("a desk: %s", error)
            return UNREADABLE
        except Exception:
            log.exception("a message of a desk could not be handled")
            return INTERNAL

    def _hear(self, said: str | bytes) -> None:
        message = read(said)
        if isinstance(message, Order):
            self._channel.ask(message)
            self._channels.work(self._channel, self._address)
        elif isinstance(message, Ping):
            self._channel.say({"pong": message.number, "clock": self._channels.clock_ms()})
        else:
            raise PeerError("a second hello")

    async def _write(self) -> None:
        """Write messages until the socket or the channel ends, then close the socket."""
        channel = self._channel
        try:
            while self._code is None:
                self._news.clear()
                text = channel.take()
                if text is not None:
                    await self._websocket.send_text(text)
                elif channel.code is not None:
                    break
                else:
                    await self._news.wait()
            await _close(self._websocket, self._code or channel.code or GOING_AWAY)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # the other side closed first


def address_of(websocket: WebSocket) -> str:
    return websocket.client.host if websocket.client else ""


async def _receive(websocket: WebSocket) -> str | bytes:
    """Return the next message. Raise WebSocketDisconnect."""
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    data = message.get("bytes")
    return message.get("text") or "" if data is None else bytes(data)


async def _refuse(websocket: WebSocket, refusal: Refusal) -> None:
    await websocket.send_text(refusal_text(refusal))
    await _close(websocket, POLICY)


async def _close(websocket: WebSocket, code: int) -> None:
    if websocket.application_state is WebSocketState.CONNECTED and websocket.client_state is WebSocketState.CONNECTED:
        await websocket.close(code)
