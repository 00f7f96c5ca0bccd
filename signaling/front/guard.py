"""The checks before every route: the Host allow-list, foreign web origins, and the security headers of every response.

A request with a foreign Host is refused. So a foreign page cannot reach this server by pointing its own name here (DNS
rebinding).

A page of another origin may not open a WebSocket or send a changing request, unless the setting of the origins lists it. The
routes of the LiveKit protocol have a longer list: they take only a token that the page must hold, and never a cookie.

IP literals are always allowed as Host, because no name service can change them.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; worker-src 'self'; manifest-src 'self'; connect-src {connect}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types svelte-trusted-html blur-worker push-worker"
)
WORKER = re.compile(r"/assets/blur\.worker-[A-Za-z0-9_-]{8}\.js")
"""The one script that may run WebAssembly, in a thread without a document. A worker uses the policy of its own response."""
WORKER_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PERMISSIONS_POLICY = ", ".join(
    [f"{name}=(self)" for name in ("autoplay", "camera", "display-capture", "fullscreen", "microphone")]
    + [f"{name}=(self)" for name in ("picture-in-picture", "screen-wake-lock")]
    + [f"{name}=()" for name in ("accelerometer", "browsing-topics", "encrypted-media", "geolocation")]
    + [f"{name}=()" for name in ("gyroscope", "hid", "idle-detection", "magnetometer", "midi", "payment")]
    + [f"{name}=()" for name in ("publickey-credentials-get", "serial", "usb", "xr-spatial-tracking")]
)
FIXED_HEADERS = {
    "permissions-policy": PERMISSIONS_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_ROUTES = re.compile(r"/rtc(/v1)?(/validate)?|/twirp/.+")
"""Routes that read a bearer token and no cookie. A page can do there only what its token permits."""

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}))(?::(?P<port>[0-9]{1,5}))?")
_REFUSALS = {
    "host_unknown": (
        421,
        "Máy chủ này không mang tên đó.",
        "this server does not have that host name: open the link of the invitation again",
    ),
    "origin_refused": (
        403,
        "Trang web khác không được gọi máy chủ này.",
        "pages of another origin may not call this server",
    ),
}


_PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Điểm Cầu</title><h1>Máy chủ này không mang tên đó</h1>
<p>Xin mở lại đường dẫn trong giấy mời. Nếu vẫn thấy trang này, hãy báo cán bộ kỹ thuật kiểm tra tên miền.</p>
<p lang="en">This server does not have that name. Open the link of the invitation again, or tell your technician.</p></html>
"""


class Guard:
    """The outermost ASGI layer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        now: Callable[[], float],
        names: Iterable[str],
        origins: Sequence[str] = (),
        token_origins: Sequence[str] = ("*",),
        hsts: bool = False,
    ) -> None:
        """`names`: our host names in lower case. `origins`: foreign web origins that may call, `*` for any. `token_origins`:
        further origins that may call `TOKEN_ROUTES`. `now`: Unix seconds, for the Date of each answer.
        """
        self._app = app
        self._now = now
        self._names = frozenset(name.lower() for name in names)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._token_origins = self._origins | {origin.rstrip("/").lower() for origin in token_origins}
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = self._host(headers)
        origin = headers.get("origin")
        listed = origin is not None and self._is_listed(origin, scope["path"])
        foreign = listed and origin is not None and host is not None and not _is_same(origin, host)
        send = self._with_headers(send, scope, host, origin if foreign else None)
        code = self._refusal(scope, headers, host)
        if code is not None:
            if code == "host_unknown" and _is_visit(scope, headers):
                await _respond(send, _REFUSALS[code][0], _PAGE.encode(), content_type=b"text/html; charset=utf-8")
            else:
                await _refuse(scope, receive, send, code)
        elif foreign and scope["type"] == "http" and scope["method"] == "OPTIONS":
            await _respond(send, 204, b"")
        else:
            await self._app(scope, receive, send)

    def _host(self, headers: Headers) -> str | None:
        """Return the Host header if there is exactly one, with one of our names or an IP address. Otherwise return None."""
        given = headers.getlist("host")
        match = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if match is None:
            return None
        name = match["name"]
        return match[0] if name.strip("[]") in self._names or _is_address(name) else None

    def _refusal(self, scope: Scope, headers: Headers, host: str | None) -> str | None:
        if host is None:
            return "host_unknown"
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        origins, path = headers.getlist("origin"), scope["path"]
        if len(origins) > 1 or any(not _is_same(o, host) and not self._is_listed(o, path) for o in origins):
            return "origin_refused"
        if not origins and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "origin_refused"
        return None

    def _is_listed(self, origin: str, path: str) -> bool:
        listed = self._token_origins if TOKEN_ROUTES.fullmatch(path) else self._origins
        return "*" in listed or origin.lower() in listed

    def _with_headers(self, send: Send, scope: Scope, host: str | None, foreign: str | None) -> Send:
        async def sender(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._add(MutableHeaders(scope=message), scope, host, foreign)
            await send(message)

        return sender

    def _add(self, headers: MutableHeaders, scope: Scope, host: str | None, foreign: str | None) -> None:
        # Add the security headers. 'self' alone does not cover ws: in Safari before 15.4.
        sockets = f"'self' ws://{host} wss://{host}" if host else "'self'"
        policy = CONTENT_SECURITY_POLICY.format(connect=sockets)
        headers["content-security-policy"] = WORKER_SECURITY_POLICY if WORKER.fullmatch(scope["path"]) else policy
        for name, value in FIXED_HEADERS.items():
            headers[name] = value
        headers.setdefault("cache-control", "no-store")
        headers["date"] = formatdate(self._now(), usegmt=True)
        if self._hsts and scope["scheme"] in ("https", "wss"):
            headers["strict-transport-security"] = "max-age=63072000"
        if foreign is not None:
            headers["access-control-allow-origin"] = foreign
            headers["access-control-allow-headers"] = "authorization, content-type"
            headers["access-control-allow-methods"] = "GET, POST"
            headers["cross-origin-resource-policy"] = "cross-origin"
            headers.add_vary_header("origin")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    """Report whether host and port agree. The scheme may differ behind a proxy that ends TLS. Browsers write origins only in
    lower case.
    """
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
        return False
    ours = _HOST.fullmatch(host)
    if ours is None or parts.hostname is None or parts.username is not None or origin != origin.lower():
        return False
    default = 443 if parts.scheme == "https" else 80
    return parts.hostname == ours["name"].strip("[]") and (port or default) == int(ours["port"] or default)


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Report whether a person will see the answer. Programs that ask for JSON do not ask for HTML."""
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")


async def _refuse(scope: Scope, receive: Receive, send: Send, code: str) -> None:
    status, vi, en = _REFUSALS[code]
    body = json.dumps({"code": code, "vi": vi, "en": en}, ensure_ascii=False).encode()
    if scope["type"] == "http":
        await _respond(send, status, body)
        return
    await receive()
    await _respond(send, status, body, prefix="websocket.http.response")


async def _respond(
    send: Send,
    status: int,
    body: bytes,
    *,
    prefix: str = "http.response",
    content_type: bytes = b"application/json",
) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{prefix}.start", "status": status, "headers": headers if body else []})
    await send({"type": f"{prefix}.body", "body": body})
