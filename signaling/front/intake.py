"""The parsing of bytes into requests: uvicorn's HTTP parser with limits that it lacks, and the WebSocket parser's line limit.

This module refuses a request line over 16 KiB (414) and headers beyond their limits (431). It closes a connection that does not
finish its request in time. It also decides when a WebSocket is dead. `guard` and the routes decide later what is allowed.
"""

import asyncio
from asyncio.events import TimerHandle
from typing import Any, Final

import websockets.http11
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from signaling.front.strangers import KEY, Stranger
from signaling.host import limits

# An upgrade request is parsed again by this library, whose own limit (8 KiB) is shorter than ours.
websockets.http11.MAX_LINE_LENGTH = limits.REQUEST_LINE_BYTES + 2
websockets.http11.MAX_NUM_HEADERS = limits.HEADER_COUNT

_TEXTS = {
    400: "Yêu cầu sai dạng / malformed request",
    414: "Địa chỉ quá dài / the request line is too long",
    431: "Tiêu đề quá dài / the headers are too long",
}


UNPROVED: Final = "diemcau.unproved"
"""The entry of a `websocket.accept` whose client has shown no token yet: the most bytes of a message of this client."""


def unproved_accept(message_bytes: int) -> dict[str, Any]:
    """Return the message that accepts a WebSocket before its client has shown a token. The route proves it later
    (`strangers.prove`). A longer message than `message_bytes` closes the socket.
    """
    return {"type": "websocket.accept", "subprotocol": None, "headers": [], UNPROVED: message_bytes}


class BoundsExceeded(Exception):
    """The parser stops. `BoundedHttp` chooses the answer."""


class BoundedHttp(HttpToolsProtocol):
    """An HTTP/1.1 connection. Our own attributes are in slots, outside the instance's dictionary. A dictionary with more than
    30 names shares its keys with no other instance. Each connection would pay a kilobyte for it, before the client has sent
    a token.
    """

    __slots__ = ("_deadline", "_header_bytes", "_refusal", "stranger")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal = 400
        self._header_bytes = 0
        self._deadline: TimerHandle | None = None
        self.stranger: Stranger | None = None
        """Set by the door. A connection without a door is not counted, as in tests of single requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self.stranger is not None:
            self.stranger.leave()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._arm()
        super().on_message_begin()
        self.scope[KEY] = self.stranger  # type: ignore[typeddict-unknown-key]

    def on_url(self, url: bytes) -> None:
        if len(self.url) + len(url) > limits.REQUEST_LINE_BYTES - len("OPTIONS  HTTP/1.1"):
            self._refuse(414)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > limits.HEADER_BYTES or len(self.headers) >= limits.HEADER_COUNT:
            self._refuse(431)
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        self._disarm()
        if self.stranger is not None:
            self.stranger.speak()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.stranger is not None:
            self.stranger.fall_silent()
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._disarm()
        super().handle_websocket_upgrade()
        taken = self.transport.get_protocol()
        if isinstance(taken, PatientWebSocket):
            taken.stranger = self.stranger
        if isinstance(taken, WebSocketsSansIOProtocol) and not taken.handshake_initiated:
            # The second parser refused a request that the first parser accepted. Without an answer the client would wait
            # without end.
            self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Answer a request that stopped the parser. The parent calls this method for every reason."""
        text = _TEXTS[self._refusal].encode()
        head = b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"
        length = f"content-length: {len(text)}\r\n\r\n".encode()
        self.transport.write(b"".join((STATUS_LINE[self._refusal], head, length, text)))
        self.transport.close()

    def _refuse(self, status: int) -> None:
        self._refusal = status
        raise BoundsExceeded

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(limits.FIRST_REQUEST_S, self._overdue)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class PatientWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket. The server sends a ping (RFC 6455 §5.5.2) only to a client that was silent for a while. Any message counts
    as a sign of life. Time in which this process did not run does not count.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_at = 0.0
        self._steps_left = 0
        self._piece_timer: TimerHandle | None = None
        self._piece_steps_left = 0
        self.stranger: Stranger | None = None

    async def send(self, message: Any) -> None:
        """Send a message. A route accepts a WebSocket only after its client has shown a token, so `websocket.accept` is a
        proof. `unproved_accept` is no proof.
        """
        if message["type"] == "websocket.accept":
            if UNPROVED in message:
                self.conn.max_message_size = message[UNPROVED]
            elif self.stranger is not None:
                self.stranger.prove()
        await super().send(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stranger is not None:
            self.stranger.leave()
        self._end_wait_for_piece()
        self.frames = []
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        super().data_received(data)

    def handle_text(self, event: Frame) -> None:
        super().handle_text(event)
        self._await_piece(event)

    def handle_bytes(self, event: Frame) -> None:
        super().handle_bytes(event)
        self._await_piece(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a piece of a message.

        The library limits the bytes of the pieces but not their number, and a piece may be empty.
        """
        if self.close_sent:
            return
        if len(self.frames) >= limits.WEBSOCKET_PIECES:
            self._give_up(CloseCode.MESSAGE_TOO_BIG, "too many fragments in a message")
            return
        super().handle_cont(event)
        self._await_piece(event)

    def handle_ping(self) -> None:
        """Answer a ping.

        The answers bypass the flow control of the application's messages, so unread answers are limited here.
        """
        super().handle_ping()
        if self.transport.get_write_buffer_size() > limits.WEBSOCKET_UNREAD_BYTES:
            self.transport.abort()

    def _await_piece(self, event: Frame) -> None:
        """Limit the time until the next piece. Time in which this process did not run, or did not read, does not count."""
        self._end_wait_for_piece()
        if not event.fin and not self.close_sent:
            self._piece_steps_left = limits.PONG_STEPS
            self._piece_step()

    def _piece_step(self) -> None:
        if self._piece_steps_left > 0:
            self._piece_steps_left -= not self.read_paused
            self._piece_timer = self.loop.call_later(limits.WEBSOCKET_PIECE_S / limits.PONG_STEPS, self._piece_step)
            return
        self._piece_timer = None
        if not self.close_sent and not self.transport.is_closing():
            self._give_up(CloseCode.POLICY_VIOLATION, "the message was not completed in time")

    def _end_wait_for_piece(self) -> None:
        if self._piece_timer is not None:
            self._piece_timer.cancel()
            self._piece_timer = None

    def _give_up(self, code: CloseCode, reason: str) -> None:
        self._end_wait_for_piece()
        self.frames = []
        self.conn.fail(code, reason)
        self.handle_parser_exception()

    def send_receive_event_to_app(self) -> None:
        """Pass a message to the application. Reading pauses only for a client that is far ahead: a pause for each short message
        would cost more than the message.
        """
        ahead = (
            self.queue.qsize() >= limits.WEBSOCKET_QUEUE or sum(map(len, self.frames)) > limits.WEBSOCKET_SHORT_BYTES
        )
        self.read_paused = True  # the parent then neither pauses reading nor resumes it before the queue is empty
        super().send_receive_event_to_app()
        if ahead and not self.close_sent:
            self.transport.pause_reading()

    def send_keepalive_ping(self) -> None:
        assert self.ping_interval is not None
        rest_s = self._heard_at + self.ping_interval - self.loop.time()
        if rest_s > 0:
            self.ping_timer = self.loop.call_later(rest_s, self.send_keepalive_ping)
            return
        super().send_keepalive_ping()
        if self.pong_timer is not None:
            self.pong_timer.cancel()
            self._steps_left = limits.PONG_STEPS
            self._await_pong()

    def keepalive_timeout(self) -> None:
        """Handle one step of the wait, after the loop has read the available bytes."""
        if self._heard_at > self.ping_sent_at:
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
        elif self._steps_left > 0 or self.read_paused:
            self._await_pong()
        else:
            super().keepalive_timeout()

    def _await_pong(self) -> None:
        assert self.ping_timeout is not None
        self._steps_left -= 1
        self.pong_timer = self.loop.call_later(self.ping_timeout / limits.PONG_STEPS, self.keepalive_timeout)
