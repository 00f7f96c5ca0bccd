"""The whole server in its own process: limits of its HTTP side, certificates, stopping."""

import asyncio
import base64
import json
import signal
import socket
import ssl
import stat
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import connect

from conference import Grants
from signaling.host import limits
from signaling.host.tokens import Authenticator
from tests.conftest import LiveServer

OwnServer = Callable[..., LiveServer]


def raw(server: LiveServer, data: bytes) -> bytes:
    """Return all bytes that arrive until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), 20) as end:
        end.sendall(data)
        end.settimeout(20)
        answer = b""
        try:
            while part := end.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@dataclass
class Got:
    status: int
    headers: Mapping[str, str]
    body: bytes


def get(server: LiveServer, path: str) -> Got:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def post(server: LiveServer, path: str, body: object) -> dict[str, str]:
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return dict(json.load(answer))


def token(server: LiveServer, now: float, **claims: object) -> str:
    grants = Grants(identity="an", join=True, **claims)  # type: ignore[arg-type]
    return Authenticator({server.api_key: server.api_secret}).sign(grants, 600, now)


def test_the_printed_link_opens_the_page(live_server: LiveServer) -> None:
    answer = get(live_server, live_server.link.split("#")[0].removeprefix(live_server.url))
    assert answer.status == 200
    assert answer.body.lower().startswith(b"<!doctype html>")
    assert "server" not in answer.headers


def test_the_printed_link_s_secret_gives_a_token(live_server: LiveServer) -> None:
    number, secret = live_server.link.rsplit("/", 1)[1].split("#k=")
    entry = post(live_server, f"/api/v1/conferences/{number}/token", {"name": "An", "invite": secret})
    assert get(live_server, f"/rtc/validate?access_token={entry['token']}").status == 200


def test_the_printed_link_s_number_admits_by_itself(live_server: LiveServer) -> None:
    number = live_server.link.rsplit("/", 1)[1].split("#")[0]
    assert post(live_server, f"/api/v1/conferences/{number}/token", {"name": "An"})["conference"] == number


def test_a_meeting_started_by_the_page_is_joined(live_server: LiveServer) -> None:
    made = post(live_server, "/api/v1/conferences", {"name": "Giao ban"})
    entry = post(
        live_server, f"/api/v1/conferences/{made['conference']}/token", {"name": "Bình", "invite": made["invite"]}
    )
    assert entry["title"] == "Giao ban"
    assert entry["url"] == live_server.ws_url


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /?" + b"q" * (limits.REQUEST_LINE_BYTES - 30) + b" HTTP/1.1\r\nHost: localhost\r\n", 200),
        (b"GET /?" + b"q" * limits.REQUEST_LINE_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * limits.HEADER_BYTES + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: 1\r\n" * limits.HEADER_COUNT, 431),
        (b"GET / HTTP/1.1\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n", 421),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA\x00b: 1\r\n", 400),
    ],
)
def test_requests_within_and_beyond_the_bounds(live_server: LiveServer, head: bytes, expected: int) -> None:
    assert status(raw(live_server, head + b"Connection: close\r\n\r\n")) == expected


UPGRADE = (
    b"GET /rtc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"", 401),
        (b"X: " + b"x" * (limits.REQUEST_LINE_BYTES + 100) + b"\r\n", 400),
        (b"Content-Length: 5\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n", 400),
    ],
)
def test_a_refused_upgrade_is_answered_closed_and_not_logged(
    live_server: LiveServer, rest: bytes, expected: int
) -> None:
    before = len(live_server.output)
    assert status(raw(live_server, UPGRADE + rest + b"\r\n")) == expected
    get(live_server, "/api/v1/health")
    assert live_server.output[before:] == []


def test_a_refusal_does_not_repeat_the_request_text(live_server: LiveServer) -> None:
    answer = raw(live_server, b"GET /?" + b"<script>" * 5000 + b" HTTP/1.1\r\n\r\n")
    assert status(answer) == 414
    assert b"<script>" not in answer


async def test_the_length_of_a_request_line_is_bounded(live_server: LiveServer, now: float) -> None:
    address = f"{live_server.ws_url}/rtc?access_token={token(live_server, now, conference='dài')}&x="
    room = limits.REQUEST_LINE_BYTES - len(address.split("/rtc")[1]) - 40
    async with connect(address + "x" * room) as session:
        assert session.response is not None
        assert "sec-websocket-extensions" not in session.response.headers
        assert await session.recv()
    with pytest.raises((websockets.InvalidStatus, websockets.InvalidMessage)):
        await connect(address + "x" * limits.REQUEST_LINE_BYTES)


async def test_a_message_beyond_the_bound_ends_its_session_only(live_server: LiveServer, now: float) -> None:
    def address(identity: str) -> str:
        grants = Grants(identity=identity, join=True, conference="to")
        return f"{live_server.ws_url}/rtc?access_token=" + Authenticator(
            {live_server.api_key: live_server.api_secret}
        ).sign(grants, 60, now)

    async with connect(address("an")) as other, connect(address("binh")) as session:
        # Only the head: a server that does not read the body may reset the connection, and the client may lose the answer.
        session.transport.write(b"\x82\xff" + (limits.WEBSOCKET_MESSAGE_BYTES + 1).to_bytes(8, "big") + bytes(4))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                await session.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        await (await other.ping())


async def test_stopping_notifies_participants_and_ends_in_time(own_server: OwnServer, now: float) -> None:
    from livekit.protocol import models, rtc

    server = own_server()
    async with connect(f"{server.ws_url}/rtc?access_token={token(server, now, conference='dừng')}") as session:
        await session.recv()
        server.process.send_signal(signal.SIGTERM)
        reasons = []
        try:
            while True:
                message = rtc.SignalResponse.FromString(bytes(await asyncio.wait_for(session.recv(), 20)))  # type: ignore[arg-type]
                if message.WhichOneof("message") == "leave":
                    reasons.append(message.leave.reason)
        except websockets.ConnectionClosed:
            pass
    assert reasons == [models.DisconnectReason.SERVER_SHUTDOWN]
    assert await asyncio.to_thread(server.process.wait, 15) in (0, -signal.SIGTERM)


async def test_meetings_and_bars_live_through_a_restart(tmp_path: Path) -> None:
    """Show that links and numbers work after the server is killed, and that two guests stay out: a host removed one from the
    call, and refused the other at the door.
    """
    from tests.conftest import start_server

    def ask(path: str, body: object, bearer: str = "") -> tuple[int, dict[str, str]]:
        with socket.create_connection(("127.0.0.1", server.port), 20) as link:
            text = json.dumps(body)
            head = f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(text.encode())}\r\n"
            head += f"Authorization: Bearer {bearer}\r\n" if bearer else ""
            link.sendall(f"{head}\r\n{text}".encode())
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        _, _, said = answer.partition(b"\r\n\r\n")
        return status(answer), json.loads(said) if said.startswith(b"{") else {}

    server = start_server(tmp_path)
    number, secret = server.link.rsplit("/", 1)[1].split("#k=")
    ask(f"/conferences/{number}/token", {"name": "An"})
    _, made = ask("/conferences", {"name": "Giao ban"})
    path, invited = f"/conferences/{made['conference']}", {"invite": made["invite"]}
    host = ask(f"{path}/token", {"name": "Chủ trì", "moderator": made["moderator"]})[1]["moderation"]
    guest = ask(f"{path}/token", {"name": "Chị Lan", **invited})[1]["token"]
    async with connect(f"{server.ws_url}/rtc?access_token={guest}") as session:
        await session.recv()
        claims = json.loads(base64.urlsafe_b64decode(guest.split(".")[1] + "=="))
        put_out = {"identity": claims["sub"], "keep_out": True}
        assert (await asyncio.to_thread(ask, f"{path}/host/remove", put_out, host))[0] == 204
    assert ask(f"{path}/token", {"name": "Chị Lan", **invited})[1]["code"] == "removed"
    server.stop(signal.SIGKILL)
    server = start_server(tmp_path)
    try:
        assert ask(f"/conferences/{number}/token", {"name": "An", "invite": secret})[1]["token"]
        assert ask(f"/conferences/{number}/token", {"name": "An"})[1]["by_number"]
        entry = ask(f"{path}/token", {"name": "An"})[1]
        assert entry["title"] == "Giao ban", "its number alone lets in, as the sheet says"
        assert entry["by_number"], "its number alone lets in, as the sheet says"
        assert stat.S_IMODE((tmp_path / "devkey.secret").stat().st_mode) == 0o600
        assert ask(f"{path}/token", {"name": "Anh Tùng", **invited})[0] == 200
        assert ask(f"{path}/token", {"name": "Chị Lan", **invited})[1]["code"] == "removed"
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(f"{server.ws_url}/rtc?access_token={guest}"):
                pass
        assert refused.value.response.status_code == 403
        assert ask(f"{path}/lobby/pardon", {}, host)[0] == 204
        assert ask(f"{path}/token", {"name": "Chị Lan", **invited})[0] == 200
    finally:
        server.stop()


def test_any_other_address_gets_tls_by_the_local_authority(own_server: OwnServer) -> None:
    server = own_server("--host", "0.0.0.0")
    assert server.url.startswith("https://")
    printed = "".join(server.output)
    assert (server.data_dir / ".gitignore").read_text() == "*\n", "keys of any data folder stay out of git"
    authority = server.data_dir / "tls" / "ca.crt"
    trust = ssl.create_default_context(cafile=str(authority))
    with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/ca.crt", context=trust, timeout=20) as answer:
        assert answer.read() == authority.read_bytes()
        assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    with urllib.request.urlopen(f"https://localhost:{server.port}/api/v1/about", context=trust, timeout=20) as answer:
        about = json.load(answer)
    assert about["secure"] is True
    assert about["ca"]["fingerprint"].replace(":", "") in printed.replace(" ", "")
    assert "/trust" in printed
    assert not raw(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").startswith(b"HTTP/")


def test_no_token_and_no_secret_gets_into_the_log(live_server: LiveServer, now: float) -> None:
    signed = token(live_server, now, conference="nhật-ký")
    get(live_server, f"/rtc/validate?access_token={signed}")
    get(live_server, f"/rtc/validate?access_token={signed}x")
    printed = "".join(live_server.output)
    assert signed not in printed
    assert live_server.api_secret not in printed
