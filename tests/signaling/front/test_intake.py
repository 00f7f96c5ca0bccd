"""When the server closes a dead WebSocket, over real sockets and in the server's own event loop."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from signaling.front.intake import PatientWebSocket
from signaling.host import limits
from tests.security import doors

INTERVAL_S, TIMEOUT_S = 0.2, 0.6
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: here\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
WORD = b"\x81\x81\0\0\0\0x"
PING, PONG, CLOSE = 0x89, 0x8A, 0x88


async def listener(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept every socket and read every message."""
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        pass


def served() -> AbstractAsyncContextManager[int]:
    return doors.served(listener, ws=PatientWebSocket, ws_ping_interval=INTERVAL_S, ws_ping_timeout=TIMEOUT_S)


@dataclass
class Client:
    """A client in its own thread, so a stall of the server does not stop it."""

    port: int
    speaks: bool = False
    answers_after_s: float | None = None
    bell: int = -1
    """File descriptor. The client writes to it before it answers a ping. -1: none."""
    enough: int = 1_000_000
    """Pings. After this number the client leaves after TIMEOUT_S, and the server may close first."""
    frames: list[int] = field(default_factory=list)
    longest_silence_s: float = 0.0

    def stay(self, seconds: float) -> list[int]:
        """Return the opcodes of the frames that arrive in this time, or until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as end:
            end.sendall(UPGRADE)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += end.recv(1)
            end.settimeout(0.02)
            limit = spoke_at = time.monotonic()
            limit += seconds
            while time.monotonic() < limit and CLOSE not in self.frames:
                if self.frames.count(PING) >= self.enough:
                    limit, self.enough = time.monotonic() + TIMEOUT_S, 1_000_000
                if self.speaks:
                    self.longest_silence_s = max(self.longest_silence_s, time.monotonic() - spoke_at)
                    spoke_at = time.monotonic()
                    end.sendall(WORD)
                with contextlib.suppress(TimeoutError):
                    self.take(end)
        return self.frames

    def take(self, end: socket.socket) -> None:
        kind, length = end.recv(2)
        payload = end.recv(length) if length else b""
        self.frames.append(kind)
        if kind == PING and self.answers_after_s is not None:
            if self.bell >= 0:
                os.write(self.bell, b"!")
                time.sleep(self.answers_after_s)
            end.sendall(bytes((PONG, 0x80 | length)) + bytes(4) + payload)


async def stay(client: Client, seconds: float) -> list[int]:
    return await asyncio.to_thread(client.stay, seconds)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario)


def test_a_suspended_process_still_takes_a_waiting_answer() -> None:
    """Show that a suspended server still accepts a pong that waits in its socket. The loop stops in the middle of its reads,
    from before the pong until after the timeout.
    """

    async def scenario() -> None:
        reading, writing = os.pipe()
        stalls: list[float] = []

        def stall() -> None:
            os.read(reading, 1)
            if not stalls:
                stalls.append(time.monotonic())
                time.sleep(TIMEOUT_S * 1.5)

        asyncio.get_running_loop().add_reader(reading, stall)
        async with served() as port:
            frames = await stay(Client(port, answers_after_s=0.1, bell=writing, enough=2), 20)
        assert stalls
        assert CLOSE not in frames
        assert frames.count(PING) > 1

    run(scenario())


def test_an_active_client_gets_no_ping() -> None:
    async def scenario() -> None:
        async with served() as port:
            client = Client(port, speaks=True)
            frames = await stay(client, 1.2)
        assert CLOSE not in frames
        if client.longest_silence_s < INTERVAL_S / 2:  # else this machine was too slow
            assert PING not in frames

    run(scenario())


def test_a_silent_client_gets_a_ping_and_is_then_closed() -> None:
    async def scenario() -> None:
        async with served() as port:
            frames = await stay(Client(port), 30)
        assert frames == [PING, CLOSE]

    run(scenario())


# -- messages in pieces

PIECE, LAST = 0x00, 0x80


async def pieces(port: int, kinds: list[int], content: bytes) -> tuple[int, bytes]:
    """Send a text in these frames. Return the opcode and content of the first frame from the server that is no ping."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        # The client sends nothing after the last frame. Data after the server's close would reset the connection.
        for kind in kinds:
            writer.write(bytes((kind, 0x80 | len(content))) + bytes(4) + content)
        while True:
            kind, length = await reader.readexactly(2)
            body = await reader.readexactly(length)
            if kind != PING:
                return kind, body
            writer.write(bytes((PONG, 0x80 | length)) + bytes(4) + body)
    finally:
        writer.close()


@pytest.mark.parametrize("content", [b"", b"x"])
def test_a_message_in_too_many_pieces_is_too_long(content: bytes) -> None:
    """Show that the number of pieces is limited, however short they are. Each stored piece costs at least a hundred bytes."""

    async def scenario() -> None:
        async with served() as port:
            most = [0x01] + [PIECE] * (limits.WEBSOCKET_PIECES - 1)
            async with asyncio.timeout(20):
                kind, body = await pieces(port, [*most, PIECE], content)
                assert (kind, int.from_bytes(body[:2], "big")) == (CLOSE, 1009)
                again = [*most[:-1], LAST, *most[:-1], LAST]
                assert await pieces(port, [*again, PING], b"") == (PONG, b"")

    run(scenario())


def test_an_unfinished_message_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that pings between the pieces (RFC 6455 §5.4) keep the connection alive, but not the message."""
    monkeypatch.setattr(limits, "WEBSOCKET_PIECE_S", 0.5)

    async def scenario() -> None:
        async with served() as port, asyncio.timeout(20):
            kind, body = await pieces(port, [0x01, PIECE], b"x")
            assert (kind, int.from_bytes(body[:2], "big")) == (CLOSE, 1008)

    run(scenario())


def test_a_client_that_never_reads_its_pongs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that a client that sends pings and reads no pongs is cut off. Each pong is as long as its ping, and waits in the
    server's memory.
    """
    monkeypatch.setattr(limits, "WEBSOCKET_UNREAD_BYTES", 256 * 1024)
    questions = (bytes((PING, 0x80 | 125)) + bytes(4 + 125)) * 1000

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as end:
            end.sendall(UPGRADE)
            assert end.recv(12) == b"HTTP/1.1 101"
            for _ in range(400):  # 50 MB: more than the buffers of two sockets hold
                end.sendall(questions)

    async def scenario() -> None:
        async with served() as port:
            with pytest.raises(ConnectionError):
                await asyncio.to_thread(ask, port)

    run(scenario())
