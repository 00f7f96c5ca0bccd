"""W04: no secret appears in a log after a run that makes and uses every kind of secret, correctly and wrongly. A control shows
that the test can find one.

A real server logs at debug level. Every setting that can hold a secret has one. Its mail and its webhooks fail.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from livekit.protocol import rtc
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import connect

from tests.conftest import LiveServer
from tests.interop.person import token
from tests.ports import free_port
from tests.security.doors import Counter, served, tell
from tests.web.desk.province import PASSWORD, Desk, furnish
from tests.web.desk.test_desk import code_of

NAMES = {
    "token",
    "secret",
    "invite",
    "key",
    "ticket",
    "recovery",
    "codes",
    "recovery_codes",
    "moderation",
    "uri",
    "url",
    "link",
}
"""The fields of answers that hold secrets. In an address only the secret part counts."""
SETTINGS = ("API_SECRET", "TURN_SECRET", "METRICS_TOKEN", "SMTP_PASSWORD", "OIDC_CLIENT_SECRET")


class Ring:
    """A browser that keeps every secret that it receives or sends."""

    def __init__(self, server: LiveServer) -> None:
        self.met: dict[str, str] = {}
        """The origin of each secret, by secret."""
        self.http = httpx.AsyncClient(
            base_url=f"{server.url}/api/v1",
            headers={"origin": server.url},
            timeout=60,
            event_hooks={"response": [self._look]},
        )

    def keep(self, where: str, *texts: str) -> None:
        self.met |= {text: where for text in texts if len(text) >= 6}

    async def ask(self, method: str, path: str, *statuses: int, **how: Any) -> Any:
        answer = await self.http.request(method, path, **how)
        assert answer.status_code in (statuses or (200, 201, 204)), (
            f"{method} {path}: {answer.status_code} {answer.text}"
        )
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else None

    async def _look(self, answer: httpx.Response) -> None:
        await answer.aread()
        where = f"{answer.request.method} {answer.request.url.path}"
        for line in answer.headers.get_list("set-cookie"):
            self.keep(f"{where} cookie", line.split("=", 1)[1].split(";")[0])
        if answer.content and "json" in answer.headers.get("content-type", ""):
            self._walk(where, "", answer.json())

    def _walk(self, where: str, name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                self._walk(where, key, one)
        elif isinstance(value, list):
            for one in value:
                self._walk(where, name, one)
        elif isinstance(value, str) and name in NAMES:
            secret = re.search(r"[#=/]([A-Za-z0-9_-]{20,})(?:\.ics)?$", value) if "/" in value else None
            if "/" not in value or secret is not None:
                self.keep(f"{where} {name}", secret[1] if secret else value)


async def use_a_call(ring: Ring, server: LiveServer) -> None:
    """Use invitations and tokens in the address and in the header, the token that a session gets, and forged tokens."""
    made = await ring.ask("POST", "/conferences", json={"name": "Giao ban"})
    entry = f"/conferences/{made['conference']}/token"
    good = (await ring.ask("POST", entry, json={"name": "An", "invite": made["invite"]}))["token"]
    wrong, forged = secrets.token_urlsafe(24), good[:-6] + secrets.token_urlsafe(4)
    ring.keep("a wrong invitation or token", wrong, forged)
    await ring.ask("POST", entry, 401, 403, 404, json={"name": "An", "invite": wrong})
    await ring.ask("POST", entry, 400, 422, json={"name": "An", "invite": good, "extra": made["invite"]})
    async with httpx.AsyncClient(base_url=server.url) as bare:
        for one in (good, forged):
            await bare.get("/rtc/validate", params={"access_token": one})
            await bare.get(f"/m/{made['conference']}", params={"k": made["invite"]})
            await bare.get(f"/nowhere/{one}")
            await bare.post("/twirp/livekit.RoomService/ListRooms", headers={"authorization": f"Bearer {one}"}, json={})
            await bare.get("/metrics", headers={"authorization": f"Bearer {one}"})
    for address in (
        f"/rtc?access_token={good}",
        f"/rtc/v1?access_token={good}&join_request=AAAA",
        f"/rtc?access_token={forged}",
    ):
        with suppress(websockets.InvalidStatus, websockets.ConnectionClosed):
            async with connect(server.ws_url + address) as socket:
                await socket.send(rtc.SignalRequest(ping=1).SerializeToString())
                for _ in range(4):
                    message = rtc.SignalResponse.FromString(bytes(await socket.recv()))  # type: ignore[arg-type]
                    ring.keep("a refreshed token", message.refresh_token)
                    for relay in message.join.ice_servers:
                        ring.keep("TURN", relay.credential)
                await socket.send(b"\xff" + good.encode())


async def use_accounts(ring: Ring, desk: Desk) -> None:
    """Use passwords, cookies, the second factor, links, keys of other systems, webhooks and feeds. Malformed requests contain
    secrets too.
    """
    new, wrong = "một mật khẩu mới đủ dài 88", secrets.token_urlsafe(12)
    ring.keep("a password", PASSWORD, new, wrong)
    await ring.ask("POST", "/session", 401, 403, json={"name": "thuky", "password": wrong})
    await ring.ask("POST", "/session", 400, 422, json={"name": PASSWORD, "password": [wrong]})
    await ring.ask(
        "POST", "/session", 400, 422, content=b'{"name": "thuky", "password": "' + PASSWORD.encode(), headers=JSON
    )
    await ring.ask("POST", "/session/link", 400, 401, 403, 404, json={"secret": wrong + wrong})
    await ring.ask("POST", "/session", json={"name": "thuky", "password": PASSWORD})
    await ring.ask("PUT", "/session/password", 200, 204, json={"current": PASSWORD, "new": new})
    await ring.ask("DELETE", "/session")
    await ring.ask("POST", "/session", json={"name": "quantri", "password": PASSWORD})
    made = await ring.ask("POST", "/session/totp/enrolment")
    ring.keep("a one-time password", code_of(made["secret"], time.time()))
    await ring.ask("PUT", "/session/totp/enrolment", json={"code": code_of(made["secret"], time.time())})
    client = await ring.ask(
        "POST", "/clients", json={"name": "Văn bản", "unit_id": desk.office, "roles": ["requester"]}
    )
    key = next(one for one in ring.met if one.startswith("dck_"))
    hook = {"unit_id": desk.office, "url": "http://127.0.0.1:9/in?sig=" + wrong, "events": ["*"]}
    await ring.ask("POST", "/webhooks", 201, 400, 422, json=hook)
    await ring.ask("POST", "/webhooks", 400, 422, json={**hook, "url": ["x" + key]})
    feed = await ring.ask("POST", "/feeds", json={"kind": "unit", "target_id": desk.office})
    address = next(one for one in feed.values() if isinstance(one, str) and one.endswith(".ics"))
    assert address
    async with httpx.AsyncClient() as bare:
        for one in (address, address.replace(".ics", "x.ics")):
            await bare.get(one)
        for one in (key, key[:-3] + "abc"):
            await bare.get(str(ring.http.base_url) + "/meetings", headers={"authorization": f"Bearer {one}"})
    accounts = (await ring.ask("GET", "/accounts"))["items"]
    other = next(one["id"] for one in accounts if one["name"] == "lanhdao")
    await ring.ask("POST", f"/accounts/{other}/link")
    await ring.ask("POST", f"/clients/{client.get('id') or client['client']['id']}/hook-secret", 200, 201)


async def use_meetings(ring: Ring) -> None:
    """Use number, PIN and personal links, right and wrong."""
    wrong = secrets.token_urlsafe(24)
    ring.keep("a wrong link or PIN", wrong, "90817263")
    for body in (
        {"link": wrong},
        {"number": "123 456 789", "pin": "90817263", "name": "Lan"},
        {"link": wrong, "pin": 5},
    ):
        for path in ("/join", "/join/look"):
            await ring.ask("POST", path, 400, 401, 403, 404, 422, 429, json=body)


JSON = {"content-type": "application/json"}


@pytest.mark.slow
async def test_no_secret_of_a_whole_run_is_logged(own_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    desk = await furnish(tmp_path / "data0", datetime.fromtimestamp(int(time.time()), UTC))
    settings = {f"DIEMCAU_{name}": secrets.token_urlsafe(32) for name in SETTINGS}
    port = free_port()
    server = own_server(
        "--http-port",
        str(port),
        **settings,
        DIEMCAU_PUBLIC_URL=f"http://localhost:{port}",
        DIEMCAU_API_KEY="office",
        DIEMCAU_TURN_URLS="turns:127.0.0.1:9",
        DIEMCAU_SMTP_HOST="127.0.0.1",
        DIEMCAU_SMTP_PORT="9",
        DIEMCAU_SMTP_USER="thu",
        DIEMCAU_MAIL_FROM="hop@longan.gov.vn",
        DIEMCAU_OIDC_ISSUER="https://127.0.0.1:9",
        DIEMCAU_OIDC_CLIENT_ID="hop",
        DIEMCAU_WEBHOOK_URLS="http://127.0.0.1:9/hook",
        DIEMCAU_LOG_LEVEL="debug",
    )
    started = len(server.output)  # in `dev`, a start prints links for the user of the terminal
    ring = Ring(server)
    ring.keep("a setting", *settings.values())
    ring.keep("a token of another library", token(server.api_key, server.api_secret, "an", "phòng"))
    await use_a_call(ring, server)
    await use_accounts(ring, desk)
    await use_meetings(ring)
    await ring.http.aclose()
    server.stop()
    logged = "".join(server.output[started:]) + "".join(path.read_text() for path in server.data_dir.rglob("*.log"))
    assert len(ring.met) > 25, ring.met.values()
    assert len(set(ring.met.values())) > 15, ring.met.values()
    assert "127.0.0.1" in logged, "nothing was said at all"
    assert {where for text, where in ring.met.items() if text in logged} == set()


async def test_a_control_with_an_access_log_contains_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """The web server's own access log, which our server switches off, would contain the token."""
    secret = secrets.token_urlsafe(32)

    said = logging.getLogger("uvicorn.access")
    said.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, logger=said.name):
            async with served(Counter(), HttpToolsProtocol, access_log=True) as port:
                request = f"GET /rtc?access_token={secret} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                await tell(port, request.encode())
    finally:
        said.removeHandler(caplog.handler)
    assert secret in caplog.text
