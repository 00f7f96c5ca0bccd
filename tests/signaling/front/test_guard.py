"""Checks of hosts, origins and headers, before any route runs."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Scope

from signaling.front.guard import Guard


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def broken(_request: Request) -> Response:
    raise RuntimeError("a bug")


INNER = Starlette(routes=[Route("/", hello, methods=["GET", "POST"]), Route("/broken", broken)])
GUARD = Guard(INNER, now=lambda: 0.0, names=["localhost", "hop.example.vn"], origins=["https://app.example.vn"])


async def ask(method: str = "GET", path: str = "/", *, app: Guard = GUARD, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7880") as client:
        return await client.request(method, path, headers={name.replace("_", "-"): v for name, v in headers.items()})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7880", "hop.example.vn", "192.168.1.5:7880", "[::1]:7880"])
async def test_our_names_and_addresses_pass(host: str) -> None:
    assert (await ask(host=host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "",
        "a b",
        "localhost:x",
        "hop.example.vn/x",
        "[::1",
    ],
)
async def test_other_names_are_misdirected(host: str) -> None:
    answer = await ask(host=host)
    assert answer.status_code == 421
    assert answer.json()["code"] == "host_unknown"


async def test_a_browser_with_a_wrong_host_name_gets_a_page() -> None:
    """Show that a browser that uses another name gets a page. A program still gets JSON with the code."""
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = await ask(host="evil.example", accept=accept)
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "không mang tên đó" in answer.text
    assert "evil.example" not in answer.text
    for other in ("*/*", "application/json"):
        assert (await ask(host="evil.example", accept=other)).json()["code"] == "host_unknown"


async def test_two_host_headers_are_misdirected() -> None:
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "query_string": b""}
    scope["headers"] = [(b"host", b"localhost"), (b"host", b"localhost")]
    assert (await asgi(scope))[0]["status"] == 421


async def asgi(scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    await GUARD(scope, receive, send)
    return sent


FOREIGN = [
    "null",
    "http://evil.example",
    "http://localhost",
    "http://localhost:7881",
    "http://LOCALHOST:7880",
    "http://localhost:7880/",
    "http://localhost:7880.evil.example",
    "http://evil.localhost:7880",
    "http://user@localhost:7880",
    "http://localhost:7880@evil.example",
    "http://localhost:7880#x",
    "http://localhost:7880?x",
    "file://",
    "ws://localhost:7880",
    "HTTP://localhost:7880",
    "http://127.0.0.1:7880",
    "http://[::1]:7880",
    "https://app.example.vn.evil.example",
    "http://app.example.vn",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_requests_from_pages_of_other_origins_are_refused(origin: str) -> None:
    assert (await ask("POST", origin=origin)).status_code == 403


@pytest.mark.parametrize("origin", FOREIGN)
async def test_pages_of_other_origins_open_no_socket(origin: str) -> None:
    sent = await asgi(websocket(origin))
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == 403


TOKEN_PATHS = ["/rtc", "/rtc/v1", "/rtc/validate", "/rtc/v1/validate", "/twirp/livekit.RoomService/ListRooms"]
OTHER_PATHS = [
    "/",
    "/rtcx",
    "/rtc/",
    "/rtc/v2",
    "/rtc/validate/x",
    "/twirp",
    "/twirpx/y",
    "/api/v1/rtc",
    "/x/rtc",
    "/rtc\n",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_routes_of_tokens_take_pages_of_any_origin(origin: str) -> None:
    for path in TOKEN_PATHS:
        assert (await asgi(websocket(origin, path)))[0]["type"] == "websocket.close", "the routes decide"
        answer = await ask("POST", path, origin=origin)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (404, origin)
        assert answer.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in answer.headers
        question = await ask("OPTIONS", path, origin=origin, access_control_request_headers="authorization")
        assert question.status_code == 204
        assert "authorization" in question.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in question.headers
        assert (await ask("POST", path, origin=origin, host="evil.example")).status_code == 421
    for path in OTHER_PATHS:
        assert (await asgi(websocket(origin, path)))[0]["status"] == 403
        assert (await asgi({**websocket(origin, path), "type": "http", "method": "POST"}))[0]["status"] == 403


async def test_the_origins_of_token_routes_can_be_narrowed() -> None:
    names, origins, narrow = ["localhost"], ["https://app.example.vn"], ["https://other.example.vn/"]
    app = Guard(INNER, now=lambda: 0.0, names=names, origins=origins, token_origins=narrow)
    for origin, statuses in (
        ("https://app.example.vn", (404, 200)),
        ("https://other.example.vn", (404, 403)),
        ("https://third.example.vn", (403, 403)),
    ):
        answers = [await ask("POST", path, app=app, origin=origin) for path in ("/rtc", "/")]
        assert tuple(one.status_code for one in answers) == statuses, origin


def websocket(origin: str, path: str = "/") -> Scope:
    headers = [(b"host", b"localhost:7880"), (b"origin", origin.encode())]
    return {"type": "websocket", "path": path, "scheme": "ws", "query_string": b"", "headers": headers}


@pytest.mark.parametrize("origin", ["http://localhost:7880", "https://localhost:7880", "https://app.example.vn"])
async def test_our_own_pages_and_listed_ones_may(origin: str) -> None:
    assert (await ask("POST", origin=origin)).status_code == 200


async def test_only_browsers_are_checked_for_their_origin() -> None:
    assert (await ask("POST")).status_code == 200
    assert (await ask("POST", sec_fetch_site="same-origin")).status_code == 200
    assert (await ask("POST", sec_fetch_site="cross-site")).status_code == 403


@pytest.mark.parametrize("path", ["/", "/nowhere", "/broken"])
async def test_every_answer_carries_the_headers(path: str) -> None:
    answer = await ask(path=path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self' ws://localhost:7880 wss://localhost:7880;" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "camera=(self)" in answer.headers["permissions-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_only_the_blur_worker_may_run_webassembly() -> None:
    """Show that only the blur worker may run WebAssembly. Its policy is stricter than the policy of a page in all else."""
    worker = (await ask(path="/assets/blur.worker-BAfRwm_F.js")).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self';" in worker
    for path in ("/assets/blur-BAfRwm_F.js", "/m/blur.worker-BAfRwm_F.js", "/assets/blur.worker-BAfRwm_F.js/x"):
        assert "wasm" not in (await ask(path=path)).headers["content-security-policy"]


async def test_a_refused_host_does_not_get_into_the_policy() -> None:
    answer = await ask(host="evil.example")
    assert "evil" not in str(answer.headers)


async def test_only_listed_origins_get_cross_origin_answers() -> None:
    listed = await ask(origin="https://app.example.vn")
    assert listed.headers["access-control-allow-origin"] == "https://app.example.vn"
    assert (await ask("OPTIONS", origin="https://app.example.vn")).status_code == 204
    assert "access-control-allow-origin" not in (await ask(origin="http://evil.example")).headers


async def test_hsts_only_over_tls_and_when_asked_for() -> None:
    guard = Guard(INNER, now=lambda: 0.0, names=["localhost"], hsts=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="https://localhost") as client:
        assert "max-age" in (await client.get("/")).headers["strict-transport-security"]
    assert "strict-transport-security" not in (await ask(app=guard)).headers
