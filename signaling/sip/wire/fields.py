"""Values of SIP header fields: URIs, addresses, parameters, Via, CSeq (RFC 3261 section 25, RFC 5118 for IPv6).

This module reads and writes single values. It is strict where two readers could otherwise understand a value differently. Every
function is linear in its input.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import unquote

from conference import PeerError
from signaling.sip.ground import limits

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,253})\Z")
_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+\Z")
_PASSWORD = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*\Z")
_URI_PARAMETER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|%[0-9A-Fa-f]{2})+\Z")
_URI_REST = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]*\Z")
_DIGITS = re.compile(r"[0-9]{1,10}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")
_VIA = re.compile(r"([^\s/]+)[ \t]*/[ \t]*([^\s/]+)[ \t]*/[ \t]*([^\s/]+)[ \t]+(.*)\Z", re.S)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"\Z', re.S)
_DISPLAY = re.compile(r"[A-Za-z0-9\-.!%*_+`'~ \t\x80-\U0010ffff]*\Z")
"""Letters beyond ASCII need quotes too, but terminals write Vietnamese names without quotes."""
_CSEQ = re.compile(r"([0-9]{1,64})[ \t]+(\S+)\Z")


class Malformed(PeerError):
    """The bytes are not SIP. `status`: the answer to the request, if an answer is possible."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def bad(reason: str, status: int = 400) -> NoReturn:
    raise Malformed(reason, status)


def number(text: str, most: int, what: str) -> int:
    """Return a decimal number from 0 to `most`. A text with more than ten digits, without leading zeros, is refused before it
    is converted.
    """
    if len(text) > 128 or not _DIGITS.match(text and (text.lstrip("0") or "0")):
        bad(f"{what} is not a number or is too large")
    value = int(text)
    return value if value <= most else bad(f"{what} is too large")


def split(text: str, separator: str) -> list[str]:
    """Return the parts between separators outside of quotes and angle brackets. Raises Malformed for an unclosed quote or
    bracket.
    """
    parts: list[str] = []
    start = 0
    quoted = angle = False
    position = 0
    while position < len(text):
        letter = text[position]
        if quoted:
            position += letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        elif letter == "<" and not angle:
            angle = True
        elif letter == ">" and angle:
            angle = False
        elif letter == separator and not angle:
            parts.append(text[start:position])
            start = position + 1
            if len(parts) > limits.PARAMETERS + limits.VALUES:
                bad("too many parts")
        position += 1
    if quoted or angle:
        bad("a quote or bracket is not closed")
    parts.append(text[start:])
    return parts


def quote(text: str) -> str:
    """Return a quoted-string without control characters."""
    kept = "".join(letter for letter in text if letter >= " " and letter != "\x7f")
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote_string(text: str) -> str:
    if not text.startswith('"'):
        return text
    if not _QUOTED.match(text):
        bad("bad quoted string")
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.S)


Parameters = tuple[tuple[str, str | None], ...]


def read_parameters(text: str) -> Parameters:
    """Read `;name=value;flag`, with or without blanks around. Names become lower case. An empty text gives no parameters."""
    if not text.strip(" \t"):
        return ()
    first, *parts = split(text, ";")
    if first.strip(" \t"):
        bad("unexpected text before the parameters")
    if len(parts) > limits.PARAMETERS:
        bad("too many parameters")
    found: list[tuple[str, str | None]] = []
    for part in parts:
        name, equals, value = part.partition("=")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not TOKEN.match(name) or (equals and not value):
            bad("bad parameter")
        if value and not (TOKEN.match(value) or _QUOTED.match(value) or _is_host(value)):
            bad("bad value of a parameter")
        found.append((name.lower(), value if equals else None))
    names = [name for name, _ in found]
    if len(set(names)) != len(names):
        bad("a parameter occurs twice")
    return tuple(found)


def write_parameters(parameters: Parameters) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters)


def parameter(parameters: Parameters, name: str) -> str | None:
    """Return the value without quotes, or None if the parameter is missing or has no value."""
    for key, value in parameters:
        if key == name and value is not None:
            return unquote_string(value)
    return None


def has(parameters: Parameters, name: str) -> bool:
    return any(key == name for key, _ in parameters)


def _is_host(text: str) -> bool:
    try:
        read_host(text if text.startswith("[") or ":" not in text else f"[{text}]")
    except Malformed:
        return False
    return True


def read_host(text: str) -> str:
    """Return a name in lower case, or an address without brackets. Raises Malformed."""
    if text.startswith("[") and text.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(text[1:-1])) if "%" not in text else bad("an address with a zone")
        except ValueError:
            bad("bad IPv6 reference")
    if not _NAME.match(text):
        bad("bad host")
    return text.lower()


def write_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_host_port(text: str) -> tuple[str, int]:
    """Return (host, port). Port 0: the text has no port."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
    if colon and colon != ":":
        bad("unexpected text after a host")
    if colon and not _PORT.match(port):
        bad("bad port")
    value = int(port) if colon else 0
    if colon and not 0 < value < 65536:
        bad("bad port")
    return read_host(host), value


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI. `sip:` and `sips:` are split into parts; for other schemes `opaque` holds the rest."""

    scheme: str
    user: str = ""
    host: str = ""
    port: int = 0
    parameters: Parameters = ()
    headers: str = ""
    password: str | None = None
    opaque: str = ""

    @property
    def alias(self) -> str:
        """The user part with its escapes resolved. Bytes that are not UTF-8 become replacement characters."""
        return unquote(self.user)

    @property
    def is_sip(self) -> bool:
        return self.scheme in {"sip", "sips"}

    @property
    def transport(self) -> str:
        return (parameter(self.parameters, "transport") or "").lower()

    def without_headers(self) -> Uri:
        return replace(self, headers="")

    def __str__(self) -> str:
        if not self.is_sip:
            return f"{self.scheme}:{self.opaque}"
        secret = "" if self.password is None else f":{self.password}"
        user = f"{self.user}{secret}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{write_host(self.host)}{port}{write_parameters(self.parameters)}{headers}"


def read_uri(text: str) -> Uri:
    """Read a URI. Raises Malformed."""
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.match(scheme):
        bad("no URI")
    scheme = scheme.lower()
    if scheme not in {"sip", "sips"}:
        return Uri(scheme, opaque=rest) if rest and _URI_REST.match(rest) else bad("bad URI")
    user, at, rest = rest.rpartition("@") if "@" in rest else ("", "", rest)
    name, colon, password = user.partition(":")
    if at and not (_USER.match(name) and _PASSWORD.match(password)):
        bad("bad user in a URI")
    rest, question, headers = rest.partition("?")
    if question and not (headers and _URI_REST.match(headers)):
        bad("bad headers in a URI")
    place, semicolon, tail = rest.partition(";")
    host, port = read_host_port(place)
    parameters = _read_uri_parameters(tail) if semicolon else ()
    return Uri(scheme, name, host, port, parameters, headers, password if colon else None)


def _read_uri_parameters(text: str) -> Parameters:
    found: list[tuple[str, str | None]] = []
    for part in text.split(";", limits.PARAMETERS + 1):
        name, equals, value = part.partition("=")
        if not _URI_PARAMETER.match(name) or (equals and not _URI_PARAMETER.match(value)):
            bad("bad parameter of a URI")
        found.append((name.lower(), value if equals else None))
    if len(found) > limits.PARAMETERS:
        bad("too many parameters of a URI")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Address:
    """A name-addr or addr-spec with the parameters of the header field (From, To, Contact, Route)."""

    uri: Uri
    display: str = ""
    parameters: Parameters = ()

    @property
    def tag(self) -> str:
        return parameter(self.parameters, "tag") or ""

    def with_tag(self, tag: str) -> Address:
        kept = tuple(pair for pair in self.parameters if pair[0] != "tag")
        return replace(self, parameters=(*kept, ("tag", tag)))

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{write_parameters(self.parameters)}"


def read_address(text: str) -> Address:
    """Read an address. Raises Malformed."""
    text = text.strip(" \t")
    start = len(split_display(text))
    display, rest = text[:start].strip(" \t"), text[start:]
    if not rest.startswith("<"):
        uri, semicolon, tail = text.partition(";")
        parsed = read_uri(uri.strip(" \t"))
        if "?" in uri or "," in uri:
            bad("this URI must be in angle brackets")
        return Address(parsed, "", read_parameters(semicolon + tail))
    uri, close, tail = rest[1:].partition(">")
    if not close:
        bad("a bracket is not closed")
    return Address(read_uri(uri), readable(unquote_string(display)), read_parameters(tail))


def split_display(text: str) -> str:
    """Return the text before `<`, or an empty text without `<`."""
    if text.startswith('"'):
        end = 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        rest = text[end + 1 :].lstrip(" \t")
        if not rest.startswith("<"):
            bad("no address after a display name")
        return text[: len(text) - len(rest)]
    display, bracket, _ = text.partition("<")
    if not bracket:
        return ""
    if display.strip(" \t") and not _DISPLAY.match(display):
        bad("a display name needs quotes")
    return display


def readable(text: str) -> str:
    """Return a text for people. Bytes that were not UTF-8 become replacement characters; control characters are removed."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(letter for letter in text if letter >= " " and letter != "\x7f")


def read_addresses(values: Sequence[str]) -> list[Address]:
    """Read all addresses of a field that may be repeated and may hold several values."""
    return [read_address(part) for part in listed(values)]


def listed(values: Sequence[str]) -> list[str]:
    parts = [part.strip(" \t") for value in values for part in split(value, ",")]
    if len(parts) > limits.VALUES:
        bad("too many values")
    if not all(parts):
        bad("an empty value")
    return parts


def tokens(values: Sequence[str]) -> list[str]:
    """Return comma-separated option tags or methods, without empty ones."""
    return [part.strip(" \t") for value in values for part in value.split(",") if part.strip(" \t")]


@dataclass(frozen=True, slots=True)
class Via:
    transport: str
    """The transport in lower case."""
    host: str
    port: int
    parameters: Parameters = field(default=())

    @property
    def branch(self) -> str:
        return parameter(self.parameters, "branch") or ""

    def with_parameter(self, name: str, value: str) -> Via:
        kept = tuple(pair for pair in self.parameters if pair[0] != name)
        return replace(self, parameters=(*kept, (name, value)))

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport.upper()} {write_host(self.host)}{port}{write_parameters(self.parameters)}"


def read_via(text: str) -> Via:
    """Read a Via. Raises Malformed, with 505 for another version of SIP."""
    match = _VIA.match(text.strip(" \t"))
    if not match:
        bad("bad Via")
    protocol, version, transport, rest = match.groups()
    if not (TOKEN.match(protocol) and TOKEN.match(version) and TOKEN.match(transport)):
        bad("bad Via")
    if (protocol.upper(), version) != ("SIP", "2.0"):
        bad("the version in Via is not SIP/2.0", 505)
    place, semicolon, tail = rest.partition(";")
    host, colon, port = place.strip(" \t").partition(":")
    if not host.startswith("["):
        place = host.strip(" \t") + colon + port.strip(" \t")
    found, number_ = read_host_port(place.strip(" \t"))
    return Via(transport.lower(), found, number_, read_parameters(semicolon + tail))


def read_cseq(text: str) -> tuple[int, str]:
    """Return (number, method)."""
    match = _CSEQ.match(text)
    if not match or not TOKEN.match(match[2]):
        bad("bad CSeq")
    return number(match[1], 2**31 - 1, "CSeq"), match[2]
