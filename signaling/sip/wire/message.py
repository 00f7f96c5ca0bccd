"""SIP messages as bytes: a reader with all limits, one canonical form of header names, a writer.

This module reads start line, header fields and body; `fields` reads the values. A wrong request that can still be answered
carries its error (`Request.fault`). Any other error raises Malformed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from signaling.sip.ground import limits
from signaling.sip.wire.fields import (
    TOKEN,
    Address,
    Malformed,
    Uri,
    Via,
    bad,
    listed,
    number,
    read_address,
    read_addresses,
    read_cseq,
    read_uri,
    read_via,
    tokens,
)

COMPACT: Final = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
SHORT: Final = {name: letter for letter, name in COMPACT.items()}
SINGLE: Final = frozenset(
    {
        *(
            "from",
            "to",
            "call-id",
            "cseq",
            "max-forwards",
            "content-length",
            "content-type",
            "expires",
            "event",
            "refer-to",
        ),
        *("min-expires", "session-expires", "min-se", "rseq", "rack", "retry-after", "subscription-state"),
    }
)
"""Fields that may occur only once, because two readers could take different values."""
_SPECIAL: Final = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate", "rseq": "RSeq"}
_SPECIAL_MORE: Final = {"rack": "RAck", "min-se": "Min-SE", "mime-version": "MIME-Version", "sip-etag": "SIP-ETag"}
_CALL_ID: Final = re.compile(r"[\x21-\x7e]{1,256}\Z")
_STATUS: Final = re.compile(r"([0-9]{3}) (.*)\Z", re.S)

REASONS: Final = {
    100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 413: "Request Entity Too Large", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small",
    423: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 483: "Too Many Hops", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
    489: "Bad Event", 491: "Request Pending", 500: "Server Internal Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}  # fmt: skip


def canonical(name: str) -> str:
    """Return the long form in lower case. `TOKEN` must have accepted the name before, because nothing is stripped here."""
    lowered = name.lower()
    return COMPACT.get(lowered, lowered)


def pretty(name: str) -> str:
    known = _SPECIAL.get(name) or _SPECIAL_MORE.get(name)
    return known or "-".join(part.capitalize() for part in name.split("-"))


@dataclass
class Headers:
    """Header fields in order, with canonical names."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.rows if key == name]

    def get(self, name: str) -> str:
        return next((value for key, value in self.rows if key == name), "")

    def add(self, name: str, *values: str) -> None:
        self.rows.extend((name, value) for value in values)

    def set(self, name: str, value: str) -> None:
        """Replace all fields of that name by one, at the place of the first; without a field of that name, append one."""
        at = next((index for index, row in enumerate(self.rows) if row[0] == name), len(self.rows))
        self.rows = [row for row in self.rows if row[0] != name]
        self.rows.insert(min(at, len(self.rows)), (name, value))

    def remove(self, name: str) -> None:
        self.rows = [row for row in self.rows if row[0] != name]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.rows)


@dataclass
class Message:
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    size: int = 0
    """Bytes of the received message."""

    @cached_property
    def via(self) -> Via:
        """The topmost Via."""
        return read_via(listed(self.headers.all("via")[:1] or bad("no Via"))[0])

    @cached_property
    def from_(self) -> Address:
        return read_address(self.headers.get("from"))

    @cached_property
    def to(self) -> Address:
        return read_address(self.headers.get("to"))

    @cached_property
    def cseq(self) -> tuple[int, str]:
        return read_cseq(self.headers.get("cseq"))

    @property
    def call_id(self) -> str:
        return self.headers.get("call-id")

    @cached_property
    def contacts(self) -> list[Address]:
        """The Contacts, without the `*` of a REGISTER."""
        values = self.headers.all("contact")
        return [] if values == ["*"] else read_addresses(values)

    def addresses(self, name: str) -> list[Address]:
        return read_addresses(self.headers.all(name))

    def options(self, name: str) -> set[str]:
        """Return option tags, methods or similar words in lower case."""
        return {tag.lower() for tag in tokens(self.headers.all(name))}

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type").partition(";")[0].strip(" \t").lower()

    def seconds(self, name: str) -> int | None:
        """Return the seconds at the beginning of a field, or None without the field. A larger number becomes 2^32-1."""
        text = self.headers.get(name).partition(";")[0].partition("(")[0].strip(" \t")
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            bad(f"{name} is not a number")
        return 2**32 - 1 if len(text) > 12 else min(int(text), 2**32 - 1)

    def start_line(self) -> str:
        raise NotImplementedError

    def write(self, compact: bool = False) -> bytes:
        """Return the bytes with their Content-Length. `compact`: use the short names of fields."""
        lines = [self.start_line()]
        for name, value in self.headers.rows:
            if name != "content-length":
                lines.append(f"{SHORT.get(name, pretty(name)) if compact else pretty(name)}: {value}")
        lines.append(f"{'l' if compact else 'Content-Length'}: {len(self.body)}")
        assert not any("\r" in line or "\n" in line for line in lines), "a line break in a header field"
        return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape") + self.body


@dataclass
class Request(Message):
    method: str = ""
    uri: Uri = field(default_factory=lambda: Uri("sip"))
    fault: Malformed | None = None
    """The error of a wrong request that can be answered: the fields that an answer copies are readable."""

    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"


@dataclass
class Response(Message):
    status: int = 0
    reason: str = ""

    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    @property
    def is_final(self) -> bool:
        return self.status >= 200


def answer(
    request: Request, status: int, *, tag: str = "", headers: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> Response:
    """Return an answer with the copied fields (RFC 3261 section 8.2.6). `tag`: our tag, for every status except 100."""
    made = Response(status=status, reason=REASONS.get(status, "Unknown"), body=body)
    made.headers.add("via", *request.headers.all("via"))
    for name in ("from", "to", "call-id", "cseq"):
        made.headers.add(name, *request.headers.all(name)[:1])
    if tag and takes_tag(request):
        made.headers.set("to", f"{request.headers.get('to')};tag={tag}")
    made.headers.rows.extend(headers)
    return made


def takes_tag(request: Request) -> bool:
    """Report whether To is readable and has no tag yet."""
    try:
        return not request.to.tag
    except Malformed:
        return False


def parse(data: bytes, *, stream: bool = False) -> Request | Response:
    """Read one message, from a datagram or from a stream.

    `stream`: Content-Length must be there and must be right. Raises Malformed if the message can be neither used nor answered.
    """
    if len(data) > limits.MESSAGE_BYTES:
        bad("message too long", 513)
    head, blank, body = skip_blank(data).partition(b"\r\n\r\n")
    if not blank:
        bad("the header has no end")
    first, rows = read_head(head)
    message = read_start(first)
    message.headers.rows = rows
    message.body = body
    message.size = len(data)
    if isinstance(message, Response):
        check(message)
        frame_body(message, stream)
        return message
    return checked_request(message, stream)


def skip_blank(data: bytes) -> bytes:
    start = 0
    while data[start : start + 2] == b"\r\n" and start < limits.LEADING_BLANK_BYTES:
        start += 2
    return data[start:]


def read_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return the start line and the unfolded fields."""
    lines = head.split(b"\r\n", limits.HEADER_COUNT * 8)
    joined: list[bytes] = []
    for line in lines:
        if b"\r" in line or b"\n" in line:
            bad("a CR or LF that is not a line break")
        if line[:1] in {b" ", b"\t"} and len(joined) > 1:
            joined[-1] = joined[-1].rstrip(b" \t") + b" " + line.lstrip(b" \t")
        else:
            joined.append(line)
        if len(joined[-1]) > limits.LINE_BYTES:
            bad("line too long", 513)
        if len(joined) > limits.HEADER_COUNT + 1:
            bad("too many header fields", 513)
    texts = [line.decode("utf-8", "surrogateescape") for line in joined]
    return texts[0], [read_row(text) for text in texts[1:]]


def read_row(line: str) -> tuple[str, str]:
    """Read a header field. Blanks and tabs may be before the colon (RFC 3261 section 7.3.1).

    Other white space is refused: a reader that strips it would read another name.
    """
    name, colon, value = line.partition(":")
    name = name.rstrip(" \t")
    if not colon or not TOKEN.match(name):
        bad("not a header field")
    return canonical(name), value.strip(" \t")


def read_start(line: str) -> Request | Response:
    if line[:8].upper() == "SIP/2.0 ":
        match = _STATUS.match(line[8:])
        if not match or not 100 <= int(match[1]) < 700:
            bad("bad status line")
        return Response(status=int(match[1]), reason=match[2])
    parts = line.split(" ")
    method = parts[0]
    if not TOKEN.match(method) or len(parts) < 2 or len(method) > 64:
        bad("not a start line")
    request = Request(method=method)
    try:
        read_request_line(request, parts)
    except Malformed as fault:
        request.fault = fault
    return request


def read_request_line(request: Request, parts: Sequence[str]) -> None:
    version = parts[-1].upper()
    if len(parts) == 3 and re.match(r"SIP/[0-9]+\.[0-9]+\Z", version) and version != "SIP/2.0":
        bad("another version", 505)
    if len(parts) != 3 or version != "SIP/2.0":
        bad("bad request line")
    request.uri = read_uri(parts[1])
    if request.uri.headers:
        bad("headers in a request URI")


def check(message: Message) -> None:
    """Check the fields that every message needs. Raises Malformed."""
    for name in ("via", "from", "to", "call-id", "cseq"):
        if name not in message.headers:
            bad(f"no {name}")
    names = [name for name, _ in message.headers.rows]
    if any(names.count(name) > 1 for name in SINGLE.intersection(names)):
        bad("a field occurs twice")
    _ = message.via, message.from_, message.to, message.cseq
    if not _CALL_ID.match(message.call_id):
        bad("bad Call-ID")
    listed(message.headers.all("via"))


def checked_request(request: Request, stream: bool) -> Request:
    """Store the first fault in the request. An answer goes to the source of the request, so it is possible with an unreadable
    Via.

    The fault is raised if there is no Via, or if a Content-Length on a stream is wrong.
    """
    try:
        check(request)
        check_request(request)
    except Malformed as fault:
        request.fault = request.fault or fault
    try:
        frame_body(request, stream)
    except Malformed as fault:
        if stream:
            raise
        request.fault = request.fault or fault
    if request.fault is not None and "via" not in request.headers:
        raise request.fault
    return request


def check_request(request: Request) -> None:
    if request.cseq[1] != request.method:
        bad("CSeq names another method")
    if "max-forwards" in request.headers:
        number(request.headers.get("max-forwards"), 255, "Max-Forwards")
    if request.headers.all("contact") != ["*"]:
        _ = request.contacts
    if via_branch_is_bare(request.via):
        bad("a branch with only the magic cookie")
    for name in ("route", "record-route"):
        request.addresses(name)
    if "expires" in request.headers:
        request.seconds("expires")


def via_branch_is_bare(via: Via) -> bool:
    return via.branch == "z9hG4bK"


def frame_body(message: Message, stream: bool) -> None:
    """Apply the rules of Content-Length, RFC 3261 section 18.3. In a datagram the bytes after the body are ignored."""
    lengths = message.headers.all("content-length")
    if not lengths:
        if stream:
            bad("no Content-Length")
        return
    if len(set(lengths)) > 1:
        bad("two lengths")
    length = number(lengths[0], limits.MESSAGE_BYTES, "Content-Length")
    if length > len(message.body):
        bad("the body is shorter than Content-Length")
    message.body = message.body[:length]
