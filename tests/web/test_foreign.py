"""A real page of another origin: its requests to this server, with a token of its own and without a token."""

from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from livekit import api

from tests.conftest import LiveServer
from tests.interop.person import token
from tests.web.visiting import Visit

pytestmark = pytest.mark.browser

TRIES = """async ([server, jwt, admin]) => {
  const socket = (query) => new Promise((done) => {
    const one = new WebSocket(`${server.replace('http', 'ws')}/rtc?protocol=17${query}`);
    one.onmessage = () => { one.close(); done('came in'); };
    one.onerror = () => done('refused');
  });
  const call = (path, options) => fetch(server + path, options).then((one) => one.status, () => 'not readable');
  const post = (headers) => ({ method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers } });
  return {
    token: await socket(`&access_token=${jwt}`),
    noToken: await socket(''),
    validate: await call(`/rtc/validate?access_token=${jwt}`),
    twirp: await call('/twirp/livekit.RoomService/ListRooms', post({ authorization: `Bearer ${admin}` })),
    twirpNoToken: await call('/twirp/livekit.RoomService/ListRooms', post({})),
    twirpCookies: await call('/twirp/livekit.RoomService/ListRooms', { ...post({}), credentials: 'include' }),
    session: await call('/api/v1/session', { credentials: 'include' }),
    change: await call('/api/v1/session', { ...post({}), credentials: 'include' }),
  };
}"""


class Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        pass


async def test_a_page_of_another_origin_needs_a_token(visit: Visit, live_server: LiveServer) -> None:
    """The page comes from the same host with another port. For cookies this is the same site, for scripts another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        page = (await visit()).page
        await page.goto(f"http://localhost:{server.server_port}/")
        jwt = token(live_server.api_key, live_server.api_secret, "page", "foreign")
        key, grants = live_server.api_key, api.VideoGrants(room_list=True)
        admin = api.AccessToken(key, live_server.api_secret).with_grants(grants).to_jwt()
        async with asyncio.timeout(60):
            found = await page.evaluate(TRIES, [live_server.url, jwt, admin])
        assert found == {
            "token": "came in",
            "noToken": "refused",
            "validate": 200,
            "twirp": 200,
            "twirpNoToken": 401,
            "twirpCookies": "not readable",
            "session": "not readable",
            "change": "not readable",
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
