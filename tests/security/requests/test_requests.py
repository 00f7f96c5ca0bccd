"""W11: requests that two readers could split differently, requests with many ranges, and requests with many parts. Controls
show the danger.

After each ambiguous request comes a request for `/smuggled`, which only a wrong reader sees. Then comes a request for `/last`
that closes the connection. A correct reader refuses the first request or takes the following bytes as its body.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from signaling.host import limits
from tests.conftest import LiveServer
from tests.security.doors import Counter, served, tell
from web import DIST

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def length(of: bytes | int) -> bytes:
    return b"Content-Length: %d\r\n" % (of if isinstance(of, int) else len(of))


def post(headers: bytes, body: bytes, line: bytes = b"POST /first HTTP/1.1\r\n") -> bytes:
    return line + HOST + headers + b"\r\n" + body


def chunk(data: bytes, size: bytes | None = None, end: bytes = b"\r\n") -> bytes:
    return (b"%x" % len(data) if size is None else size) + b"\r\n" + data + end


DONE = b"0\r\n\r\n"
WHOLE = chunk(b"hello") + DONE
REFUSED: dict[str, bytes] = {
    "length before chunks": post(length(len(DONE + SMUGGLED)) + CHUNKED, DONE + SMUGGLED),
    "chunks before length": post(CHUNKED + length(4), chunk(SMUGGLED) + DONE),
    "two lengths": post(length(0) + length(SMUGGLED), SMUGGLED),
    "one length twice": post(length(SMUGGLED) * 2, SMUGGLED),
    "a list of lengths": post(b"Content-Length: 0, %d\r\n" % len(SMUGGLED), SMUGGLED),
    "a signed length": post(b"Content-Length: +%d\r\n" % len(SMUGGLED), SMUGGLED),
    "a negative length": post(b"Content-Length: -1\r\n", SMUGGLED),
    "a hexadecimal length": post(b"Content-Length: 0x5\r\n", SMUGGLED),
    "a length with an underscore": post(b"Content-Length: 1_0\r\n", SMUGGLED),
    "a length of nothing": post(b"Content-Length: \r\n", SMUGGLED),
    "a length that overflows": post(b"Content-Length: 18446744073709551621\r\n", SMUGGLED),
    "a blank before the colon": post(b"Transfer-Encoding : chunked\r\n" + length(SMUGGLED), SMUGGLED),
    "a blank before the colon of the length": post(b"Content-Length : 0\r\n", SMUGGLED),
    "a vertical tab": post(b"Transfer-Encoding:\x0bchunked\r\n" + length(SMUGGLED), SMUGGLED),
    "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", DONE + SMUGGLED),
    "chunked is not last": post(b"Transfer-Encoding: chunked, identity\r\n", DONE + SMUGGLED),
    "chunked is not last, in two lines": post(CHUNKED + b"Transfer-Encoding: identity\r\n", DONE + SMUGGLED),
    "a quoted coding": post(b'Transfer-Encoding: "chunked"\r\n', DONE + SMUGGLED),
    "coding and length in one header": post(b"X: y\rTransfer-Encoding: chunked\r\n" + length(SMUGGLED), SMUGGLED),
    "a zero in a header": post(b"X: a\0b\r\n" + length(SMUGGLED), SMUGGLED),
    "a zero in a name": post(b"X\0: a\r\n" + length(SMUGGLED), SMUGGLED),
    "a header without a colon": post(b"Transfer-Encoding chunked\r\n" + length(SMUGGLED), SMUGGLED),
    "a folded header": post(b"X: y\r\n Transfer-Encoding: chunked\r\n" + length(SMUGGLED), SMUGGLED),
    "a folded first header": b"POST /first HTTP/1.1\r\n X: y\r\n" + HOST + length(SMUGGLED) + b"\r\n" + SMUGGLED,
    "a line that ends with LF": post(b"X: y\nTransfer-Encoding: chunked\r\n" + length(SMUGGLED), SMUGGLED),
    "a head that ends with LF": b"POST /first HTTP/1.1\nHost: localhost\n\n" + SMUGGLED,
    "a signed chunk": post(CHUNKED, chunk(b"hello", b"+5") + DONE + SMUGGLED),
    "a negative chunk": post(CHUNKED, chunk(b"hello", b"-5") + DONE + SMUGGLED),
    "a chunk with 0x": post(CHUNKED, chunk(b"hello", b"0x5") + DONE + SMUGGLED),
    "a chunk that overflows": post(CHUNKED, chunk(b"hello", b"10000000000000005") + DONE + SMUGGLED),
    "a blank after the size": post(CHUNKED, chunk(b"hello", b"5 ") + DONE + SMUGGLED),
    "a size that ends with LF": post(CHUNKED, b"5\nhello\r\n" + DONE + SMUGGLED),
    "LF in an extension": post(CHUNKED, b"5;a\nb\r\nhello\r\n" + DONE + SMUGGLED),
    "no line end after a chunk": post(CHUNKED, chunk(b"hello", end=b"") + DONE + SMUGGLED),
    "other bytes after a chunk": post(CHUNKED, chunk(b"hello", end=b"xx") + DONE + SMUGGLED),
    "LF after a chunk": post(CHUNKED, chunk(b"hello", end=b"\n") + DONE + SMUGGLED),
    "a coding in a trailer": post(CHUNKED, chunk(b"hello") + b"0\r\n" + CHUNKED + b"\r\n" + SMUGGLED),
    "chunks in HTTP/1.0": post(CHUNKED + length(SMUGGLED), SMUGGLED, b"POST /first HTTP/1.0\r\n"),
    "a blank before the request": b" " + post(length(SMUGGLED), SMUGGLED),
    "a tab in the request line": post(length(0), SMUGGLED, b"POST\t/first\tHTTP/1.1\r\n"),
    "a version of nobody": post(length(0), SMUGGLED, b"POST /first HTTP/1.10\r\n"),
    "no version": b"GET /first\r\n" + SMUGGLED,
}
"""Requests that every reader must refuse. The reader must not read the bytes after them."""
READ: dict[str, tuple[bytes, list[str]]] = {
    "a length": (post(length(SMUGGLED), SMUGGLED), ["POST /first", "GET /last"]),
    "chunks": (post(CHUNKED, chunk(SMUGGLED) + DONE), ["POST /first", "GET /last"]),
    "chunks in capitals": (post(b"TRANSFER-ENCODING: CHUNKED\r\n", WHOLE), ["POST /first", "GET /last"]),
    "chunks after a tab": (post(b"Transfer-Encoding:\tchunked\r\n", WHOLE), ["POST /first", "GET /last"]),
    "an extension": (post(CHUNKED, chunk(b"hello", b"5;a=b") + DONE), ["POST /first", "GET /last"]),
    "a trailer": (
        post(CHUNKED, chunk(b"hello") + b"0\r\nX: y\r\n\r\n"),
        ["POST /first", "GET /last"],
    ),
    "another name with an underscore": (
        post(b"Transfer_Encoding: chunked\r\n" + length(SMUGGLED), SMUGGLED),
        ["POST /first", "GET /last"],
    ),
    "a length of a GET": (post(length(SMUGGLED), SMUGGLED, b"GET /first HTTP/1.1\r\n"), ["GET /first", "GET /last"]),
    "empty lines before": (b"\r\n\r\n" + post(length(5), b"hello"), ["POST /first", "GET /last"]),
    "two requests at once": (post(length(0), SMUGGLED), ["POST /first", "GET /smuggled", "GET /last"]),
}
"""Clear requests, with the requests that every reader must see."""


class Lenient(HttpToolsProtocol):
    """The control: the same parser with every lenient option."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ["headers", "chunked_length", "keep_alive", "transfer_encoding", "version", "optional_lf_after_cr"]
        names += ["optional_cr_before_lf", "optional_crlf_after_chunk", "spaces_after_chunk_size"]
        self.parser.set_dangerous_leniencies(**{f"lenient_{name}": True for name in names})


@pytest.mark.parametrize("name", REFUSED)
async def test_what_could_be_cut_differently_is_refused(name: str) -> None:
    taken = Counter()
    async with served(taken) as port:
        answers = await tell(port, REFUSED[name] + LAST)
    assert answers.closed
    assert answers.statuses[-1:] == [400] or not answers.data
    assert not {"GET /smuggled", "GET /last"} & set(taken.asked)


@pytest.mark.parametrize("name", READ)
async def test_what_is_clear_is_read(name: str) -> None:
    taken, (data, wanted) = Counter(), READ[name]
    async with served(taken) as port:
        answers = await tell(port, data + LAST)
    assert taken.asked == wanted
    assert answers.closed
    assert answers.statuses == [200] * len(wanted)


async def test_a_control_with_a_lenient_parser_lets_smuggling_through() -> None:
    through = []
    for name, data in REFUSED.items():
        taken = Counter()
        async with served(taken, Lenient) as port:
            await tell(port, data + LAST, wait_s=0.5)
        if "GET /smuggled" in taken.asked:
            through.append(name)
    assert len(through) > 5
    assert "length before chunks" in through


async def test_the_whole_server_refuses_smuggled_requests_too(live_server: LiveServer) -> None:
    for name, data in REFUSED.items():
        answers = await tell(live_server.port, data + LAST)
        assert answers.closed, name
        assert len(answers.statuses) <= 1, name
        assert set(answers.statuses) <= {400}, name


HOSTS = (
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost, evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost/evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example#localhost\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\\evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost:80:80\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost:999999\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost:\r\n",
    b"GET / HTTP/1.1\r\nHost: ?x@localhost\r\n",
    b"GET / HTTP/1.1\r\nHost: xn--localhost-\xc3\xa9\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: 0x7f.1\r\n",
    b"GET / HTTP/1.1\r\nHost: [::1\r\n",
    b"GET / HTTP/1.1\r\nHost: [::1]evil.example\r\n",
    b"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
)


@pytest.mark.parametrize("head", HOSTS)
async def test_no_spelling_of_another_host_passes(live_server: LiveServer, head: bytes) -> None:
    answers = await tell(live_server.port, head + b"Connection: close\r\n\r\n")
    assert set(answers.statuses) <= {400, 421}
    assert answers.closed


async def test_a_control_without_the_list_takes_every_host() -> None:
    """A server without the list of hosts builds its addresses from the caller's Host header (CVE-2026-48710)."""

    async def where(request: Request) -> Response:
        return PlainTextResponse(str(request.base_url))

    async with served(Starlette(routes=[Route("/", where)])) as port:
        answers = await tell(port, b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert b"http://evil.example/" in answers.data


# -- ranges and parts


def ranged(path: str, ranges: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes={ranges}\r\nConnection: close\r\n\r\n".encode()


RANGES = (
    ",".join(f"{2 * n}-{2 * n}" for n in range(3000)),
    ",".join(["0-"] * 5000),
    ",".join(["-1"] * 5000),
    ",".join(f"{n}-{n - 1}" for n in range(2, 3000)),
    "0-99999999999999999999",
    "," * 20_000,
    "-",
    "a-b",
)


async def test_ranges_are_not_read(live_server: LiveServer) -> None:
    """The server ignores ranges: every answer contains the whole file."""
    large = max(
        (path for path in (DIST / "assets").iterdir() if path.suffix == ".js"), key=lambda path: path.stat().st_size
    )
    path = f"/assets/{large.name}"
    for ranges in RANGES:
        answers = await tell(live_server.port, ranged(path, ranges))
        head, _, body = answers.data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), ranges[:40]
        assert body == large.read_bytes(), ranges[:40]
    too_many = ",".join(f"{n}-{n}" for n in range(limits.HEADER_BYTES // 4))
    assert (await tell(live_server.port, ranged(path, too_many))).statuses == [431]


async def test_a_control_that_reads_ranges_answers_with_more() -> None:
    """The framework's file response answers many small ranges with more bytes than the file."""
    small = min(
        (path for path in (DIST / "assets").iterdir() if path.suffix == ".js"), key=lambda path: path.stat().st_size
    )
    routes = [Route("/file", lambda _: FileResponse(small))]
    size = small.stat().st_size
    async with served(Starlette(routes=routes)) as port:
        ranges = ",".join(f"{2 * n}-{2 * n}" for n in range(min(size // 2, 90)))
        answers = await tell(port, ranged("/file", ranges))
    assert answers.data.startswith(b"HTTP/1.1 206 ")
    assert answers.data.count(b"Content-Range") > 20 or len(answers.data) > size


def form(parts: int, headers: int = 0, size: int = 1) -> tuple[bytes, bytes]:
    """Return (content type, body) of a multipart form."""
    head = b"".join(b"X-%d: y\r\n" % n for n in range(headers))
    one = b'--b\r\nContent-Disposition: form-data; name="x"\r\n' + head + b"\r\n" + b"x" * size + b"\r\n"
    return b"multipart/form-data; boundary=b", one * parts + b"--b--\r\n"


PARTS = {
    "many parts": form(20_000),
    "many headers": form(1, headers=60_000),
    "a long header": (form(1)[0], b"--b\r\nContent-Disposition: " + b"x" * 1_000_000 + b"\r\n\r\nx\r\n--b--\r\n"),
    "a long field": form(1, size=3_000_000),
    "no end": (form(1)[0], b"--b\r\n" * 300_000),
    "a long boundary": (b"multipart/form-data; boundary=" + b"b" * 5000, b"--" + b"b" * 5000 + b"\r\n\r\nx"),
    "no boundary": (b"multipart/form-data", b"x" * 1000),
    "too long for a file": form(1, size=limits.UPLOAD_BODY_BYTES),
}


@pytest.mark.parametrize("name", PARTS)
async def test_forms_of_strangers_are_refused_within_their_bounds(live_server: LiveServer, name: str) -> None:
    kind, body = PARTS[name]
    head = b"POST /api/v1/imports/preview HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind + b"\r\n"
    answers = await tell(live_server.port, head + length(body) + b"Connection: close\r\n\r\n" + body, wait_s=20)
    assert answers.closed
    assert len(answers.statuses) == 1
    assert answers.statuses[0] in (400, 401, 413, 422)


async def test_a_control_without_bounds_keeps_every_part() -> None:
    kept: list[int] = []

    async def take(request: Request) -> Response:
        async with request.form(max_fields=float("inf"), max_part_size=10_000_000) as read:
            kept.append(len(read.multi_items()))
        return PlainTextResponse("")

    async with served(Starlette(routes=[Route("/", take, methods=["POST"])])) as port:
        for name in ("many parts", "a long field"):
            kind, body = PARTS[name]
            head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind + b"\r\nConnection: close\r\n"
            assert (await tell(port, head + length(body) + b"\r\n" + body, wait_s=30)).statuses == [200]
    assert kept == [20_000, 1]


@pytest.mark.parametrize("path", ["/session", "/join/look", "/answers/look"])
def test_thousands_of_unknown_keys_give_one_error(live_server: LiveServer, path: str) -> None:
    """Thousands of unknown keys give one error. An error for each key would block the event loop for tens of milliseconds."""
    body = json.dumps({f"k{number}": 1 for number in range(5000)})
    headers = {"Content-Type": "application/json", "Origin": live_server.url}
    asked = urllib.request.Request(f"{live_server.url}/api/v1{path}", body.encode(), headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=20)
    problem = json.loads(refused.value.read())
    assert (refused.value.code, [one["code"] for one in problem["troubles"]]) == (422, ["too_many_keys"])
