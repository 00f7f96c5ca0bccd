"""The sockets of sessions: the checks before a socket opens, and the WebSocket after them.

A client joins in the same turn of the event loop in which admission is checked, before the socket opens. There is no await
between the two steps, so one check of admission is enough. A refused admission is an HTTP answer. A refusal after admission
(metadata that is too long) is a message. The first messages of a join wait in the queue until the socket is open.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from conference import Grants, Refusal, check_token
from conference.ports.time import Clock
from signaling.host.tokens import check_way
from signaling.rtc.session.context import Context
from signaling.rtc.session.session import Session
from signaling.rtc.wire import join, limits

log = logging.getLogger(__name__)

GOING_AWAY = 1001
INTERNAL = 1011
SLOW = 1013

_STATUSES = {
    "request_bad": 400,
    "publish_only": 400,
    "identity_empty": 400,
    "identity_too_long": 400,
    "identity_bad": 400,
    "conference_name_bad": 400,
    "join_denied": 401,
    "removed": 403,
    "conference_full": 403,
    "conference_not_found": 404,
    "conference_limit": 503,
    "server_stopping": 503,
}


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refused join. Every fault of a token is 401."""
    return 401 if refusal.code.startswith("token_") else _STATUSES.get(refusal.code, 403)


@dataclass(frozen=True, slots=True)
class Door:
    """The endpoints of one path, `/rtc` or `/rtc/v1`."""

    context: Context
    v1: bool
    turns: asyncio.Lock
    """The lock that all sockets share: the handler of a long message holds it for one turn of the event loop."""

    async def open(self, websocket: WebSocket) -> None:
        """Serve the WebSocket endpoint. A refusal is an HTTP response in place of the upgrade."""
        clock = self.context.registry.around.clock
        now = clock.monotonic()
        try:
            grants, ask = self._read(websocket)
        except Refusal as refusal:
            await self._deny(websocket, refusal)
            return
        wire = SocketWire(websocket)
        session = Session(self.context, wire, grants, now)
        try:
            try:
                _begin(session, ask)
            except Refusal as refusal:
                await self._deny(websocket, refusal)
                return
            await wire.open()
            await _converse(websocket, session, clock, self.turns)
        finally:
            session.lost()
            await wire.finish()

    async def _deny(self, websocket: WebSocket, refusal: Refusal) -> None:
        self.context.tally.refused(refusal.code)
        await websocket.send_denial_response(PlainTextResponse(refusal.english, status_of(refusal)))

    async def validate(self, request: Request) -> Response:
        """Return the reason for which a socket would be refused. Pages of any origin may read it: it contains only data that
        they send.
        """
        headers = {"access-control-allow-origin": "*"}
        try:
            self._check(request)
        except Refusal as refusal:
            return PlainTextResponse(refusal.english, status_of(refusal), headers=headers)
        return PlainTextResponse("success", headers=headers)

    async def plain(self, request: Request) -> Response:
        """Answer a request to the same path without an upgrade."""
        try:
            self._check(request)
        except Refusal as refusal:
            return PlainTextResponse(refusal.english, status_of(refusal))
        return PlainTextResponse("a WebSocket is expected here", 426, headers={"upgrade": "websocket"})

    def _check(self, request: Request) -> None:
        """Raise the Refusal that a socket would meet."""
        grants, ask = self._read(request)
        if not ask.resume_sid:
            self.context.registry.check(grants)

    def _read(self, connection: HTTPConnection) -> tuple[Grants, join.Ask]:
        """Read the grants and the request, and make nothing. Raises Refusal."""
        headers = connection.headers
        query = dict(connection.query_params)
        registry = self.context.registry
        # Refuse before the socket opens: some clients wait without end when a socket closes without a message.
        if registry.closed:
            raise Refusal("server_stopping", "Máy chủ đang dừng", "the server is stopping")
        token = join.token_of(query, headers.get("authorization"))
        grants = self.context.authority.verify(token, registry.around.clock.time())
        check_token(grants)
        if grants.network:
            check_way(grants, connection.client.host if connection.client else "", connection.scope.get("scheme", ""))
        return grants, join.read(query, v1=self.v1)


class SocketWire:
    """The `Wire` of a session over one WebSocket: a bounded queue and, once the socket is open, one task that writes."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._queue: deque[bytes | str] = deque()
        self._bytes = 0
        self._code: int | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._websocket.accept()
        self._task = asyncio.get_running_loop().create_task(self._write())

    def send(self, data: bytes | str) -> None:
        if self._code is not None:
            return
        self._queue.append(data)
        self._bytes += len(data)
        if self._bytes > limits.WAITING_BYTES or len(self._queue) > limits.WAITING_MESSAGES:
            self._queue.clear()  # the reader is too slow and is cut; the client may return and resume
            self._code = SLOW
        self._wake.set()

    def close(self, code: int) -> None:
        if self._code is None:
            self._code = code
        self._wake.set()

    async def finish(self) -> None:
        """Write the queue, then close the socket: the conversation is over."""
        self.close(GOING_AWAY)
        if self._task is None:
            return
        try:
            await self._task
        except asyncio.CancelledError:
            self._task.cancel()
            raise

    async def _write(self) -> None:
        try:
            while True:
                while self._queue:
                    data = self._queue.popleft()
                    self._bytes -= len(data)
                    await self._send(data)
                if self._code is not None:
                    break
                self._wake.clear()
                await self._wake.wait()
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(self._code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._code = self._code or GOING_AWAY  # the other side closed first
            self._queue.clear()

    async def _send(self, data: bytes | str) -> None:
        if isinstance(data, bytes):
            await self._websocket.send_bytes(data)
        else:
            await self._websocket.send_text(data)


def _begin(session: Session, ask: join.Ask) -> None:
    """Start the session. Raises Refusal if admission refuses."""
    try:
        session.start(ask)
    except Refusal:
        raise
    except Exception:
        log.exception("a session could not be started")
        session.fail()


async def _converse(websocket: WebSocket, session: Session, clock: Clock, turns: asyncio.Lock) -> None:
    """Handle messages until the client is gone or the session ended. Long messages describe many tracks. When several arrive
    together, each takes its own turn of the event loop. A new client then waits for one message and not for all.
    """
    while not session.closed:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        said: bytes | str = message.get("text") or "" if data is None else data
        if len(said) < limits.LONG_MESSAGE_BYTES:
            _receive(session, said, clock)
            continue
        async with turns:
            _receive(session, said, clock)
            await asyncio.sleep(0)


def _receive(session: Session, said: bytes | str, clock: Clock) -> None:
    """Handle one message. A fault of the server ends this session alone."""
    try:
        session.receive(said, clock.monotonic())
    except Exception:
        log.exception("a signalling message could not be handled")
        session.close(INTERNAL)
