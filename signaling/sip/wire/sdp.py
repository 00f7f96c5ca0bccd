"""Session descriptions (RFC 8866) of hall terminals as plain values: a reader with limits, and a writer. Pure.

This module knows lines and the attributes that terminals use. `plan.py` decides which of them are accepted. Any byte may come
from an attacker: size, lines, media and attributes are counted before parsing, and every error raises `PeerError`.

Some errors of real terminals are accepted: spaces at line ends, attributes for payload types that are not offered, two rtpmaps
for one number. The first line of a kind is used.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from conference import PeerError
from conference.ground.plan import KEY_BYTES, Feedback, KeyProfile
from signaling.sip.wire import body_limits as limits

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("sendrecv", "sendonly", "recvonly", "inactive")

SUITES: Final[dict[str, KeyProfile]] = {
    "AES_CM_128_HMAC_SHA1_80": "AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "AES128_CM_SHA1_32",
    "AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
}
SUITE_NAMES: Final[dict[KeyProfile, str]] = {profile: name for name, profile in SUITES.items()}

_BLOCK = re.compile(rb"[\r\n]m=")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_PROTOCOL = re.compile(r"[A-Za-z0-9/.-]{1,32}")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,10}")
AUDIO_LEVELS: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_EXTMAP: Final = re.compile(r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? (\S+)(?: .*)?")
_RTPMAP = re.compile(r"([0-9]{1,3})[ \t]+([A-Za-z0-9._-]{1,32})/([0-9]{1,6})(?:/([0-9]{1,3}))?[ \t]*")
_CRYPTO = re.compile(
    r"([0-9]{1,9})[ \t]+([A-Za-z0-9_]{1,40})[ \t]+inline:([A-Za-z0-9+/=]{1,128})((?:\|[^ |]{1,24})*)(.*)", re.DOTALL
)
_LIFETIME = re.compile(r"\|(?:2\^[0-9]{1,3}|[0-9]{1,20})")


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin, `o=`. `session` and `version` are kept as digits, because some terminals write more than 64 bits."""

    user: str = "-"
    session: str = "1"
    version: str = "1"
    host: str = "0.0.0.0"  # noqa: S104 an address in a text, nothing binds it


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bits per second; 0: not given.

    `as_bps` counts IP, UDP and RTP headers (RFC 8866 §5.8), `tias_bps` does not (RFC 3890).
    """

    as_bps: int = 0
    tias_bps: int = 0
    total_bps: int = 0
    """CT: the sum of all media."""


@dataclass(frozen=True, slots=True)
class RtpMap:
    payload_type: int
    name: str
    """The codec in small letters."""
    clock_hz: int
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Crypto:
    """A usable `a=crypto` (RFC 4568): a known suite, one key of the right length, no MKI, all protection on."""

    tag: int
    profile: KeyProfile
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto(tag={self.tag}, profile={self.profile!r})"


@dataclass(frozen=True, slots=True)
class Media:
    """An m-line with its lines. An empty `host`: the address is a name, or unreadable."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str | None = None
    """The address of its own `c=`; None: the address of the session."""
    bandwidth: Bandwidth = Bandwidth()
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """Return the first value of that name; "" for an attribute without a value."""
        return next((value for key, value in self.attributes if key == name), None)

    def all(self, name: str) -> Iterator[str]:
        return (value for key, value in self.attributes if key == name)

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.attributes)

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The formats of the m-line that are numbers from 0 to 127, each once, in its order."""
        numbers = dict.fromkeys(int(one) for one in self.formats if one.isascii() and one.isdigit() and len(one) <= 3)
        return tuple(number for number in numbers if number <= 127)

    def rtpmaps(self) -> dict[int, RtpMap]:
        """Return the rtpmaps of the m-line's payload types. Static types (RFC 3551) need no line."""
        found: dict[int, RtpMap] = {}
        for value in self.all("rtpmap"):
            match = _RTPMAP.fullmatch(value)
            if match is not None:
                number, name, clock, channels = match.groups()
                found.setdefault(int(number), RtpMap(int(number), name.lower(), int(clock), int(channels or 1)))
        offered = self.payload_types
        known = {number: found.get(number) or _STATIC.get(number) for number in offered}
        return {number: one for number, one in known.items() if one is not None}

    def parameters(self, payload_type: int) -> dict[str, str]:
        """Return the `a=fmtp` parameters of one payload type, with names in small letters. The first of a name counts."""
        prefix = str(payload_type)
        for value in self.all("fmtp"):
            number, _, rest = value.partition(" ")
            if number == prefix:
                return _parameters(rest)
        return {}

    def feedback(self, payload_type: int) -> frozenset[Feedback]:
        """Return the `a=rtcp-fb` methods of one payload type (RFC 4585, 5104). Several words of "ccm" may share a line."""
        kinds: set[Feedback] = set()
        for value in self.all("rtcp-fb"):
            number, _, rest = value.partition(" ")
            if number in ("*", str(payload_type)):
                kinds |= _feedback(rest.split())
        return frozenset(kinds)

    def audio_levels(self) -> tuple[int, str]:
        """Return the header extension of audio levels (RFC 6464) and its direction ("": both ways, RFC 8285 §6).

        The number is 0 if there is no extension that a one-byte header can carry.
        """
        for value in self.all("extmap"):
            match = _EXTMAP.fullmatch(value)
            if match is not None and match[3] == AUDIO_LEVELS and 1 <= int(match[1]) <= 14:
                return int(match[1]), match[2] or ""
        return 0, ""

    def crypto(self) -> tuple[Crypto, ...]:
        """Return the usable lines in their order. Unsupported lines are ignored, not refused (RFC 4568 §5.1.2)."""
        lines = list(self.all("crypto"))[: limits.CRYPTO_LINES]
        return tuple(one for one in map(_crypto, lines) if one is not None)


@dataclass(frozen=True, slots=True)
class Description:
    origin: Origin = Origin()
    host: str | None = None
    name: str = "-"
    bandwidth: Bandwidth = Bandwidth()
    attributes: tuple[tuple[str, str], ...] = ()
    media: tuple[Media, ...] = ()

    def host_of(self, media: Media) -> str:
        """Return the address for packets of `media`; "" if there is none or we cannot use it."""
        return (media.host if media.host is not None else self.host) or ""

    def direction_of(self, media: Media) -> Direction:
        """Return the direction of the line, else of the session, else both ways (RFC 8866 §6.7)."""
        for attributes in (media.attributes, self.attributes):
            for name, _ in attributes:
                if name in DIRECTIONS:
                    return next(one for one in DIRECTIONS if one == name)
        return "sendrecv"


def parse(body: bytes) -> Description:
    """Read a description. Raises PeerError for a text that is no description or exceeds a limit."""
    _check_size(body)
    text = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    lines = [_split(line) for line in text.split("\n") if line.strip()]
    if not lines or lines[0] != ("v", "0"):
        raise PeerError("not a session description")
    blocks: list[list[tuple[str, str]]] = [[]]
    for key, value in lines[1:]:
        if key == "m":
            blocks.append([])
        blocks[-1].append((key, value))
    head, *media = blocks
    return _head(head, tuple(_media(block) for block in media))


def render(description: Description) -> bytes:
    """Return the text with CR LF. Raises ValueError for a value with a line break or a zero byte, which would be our own
    mistake.
    """
    one = description
    lines = [
        "v=0",
        f"o={one.origin.user} {one.origin.session} {one.origin.version} IN {_family(one.origin.host)}",
        f"s={one.name}",
    ]
    lines += [] if one.host is None else [f"c=IN {_family(one.host)}"]
    lines += [*_bandwidth_lines(one.bandwidth), "t=0 0", *_attribute_lines(one.attributes)]
    for media in one.media:
        lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
        lines += [] if media.host is None else [f"c=IN {_family(media.host)}"]
        lines += [*_bandwidth_lines(media.bandwidth), *_attribute_lines(media.attributes)]
    if any("\n" in line or "\r" in line or "\0" in line for line in lines):
        raise ValueError("a line of the session description contains a line break")
    return ("\r\n".join(lines) + "\r\n").encode()


def refused(media: Media) -> Media:
    """Return the m-line that refuses `media` in an answer (RFC 3264 §6): same kind, protocol and formats, port 0."""
    return Media(media.kind, 0, media.protocol, media.formats)


def crypto_line(tag: int, profile: KeyProfile, key: bytes) -> tuple[str, str]:
    """Return an `a=crypto` attribute. `key` is master key || salt."""
    return "crypto", f"{tag} {SUITE_NAMES[profile]} inline:{base64.b64encode(key).decode()}"


def redacted(body: bytes) -> bytes:
    """Return the description without keys, for traces. A log must never hold a key."""
    return re.sub(rb"(?i)(inline:)[^\s|]+", rb"\1...", body)


# -- reading -----------------------------------------------------------------------------------------------------------

_STATIC: Final = {
    0: RtpMap(0, "pcmu", 8000),
    8: RtpMap(8, "pcma", 8000),
    9: RtpMap(9, "g722", 8000),
}


def _check_size(body: bytes) -> None:
    """Count before parsing, so that a body that is too large costs only a scan of its bytes."""
    if len(body) > limits.SDP_BYTES:
        raise PeerError("session description too long")
    if body.count(b"\n") + body.count(b"\r") > 2 * limits.SDP_LINES:
        raise PeerError("too many lines in a session description")
    if body.count(b"\nm=") + body.count(b"\rm=") > limits.SDP_MEDIA:
        raise PeerError("too many media in a session description")
    if any(_attribute_count(block) > limits.SDP_ATTRIBUTES for block in _BLOCK.split(body)):
        raise PeerError("too many attributes in a session description")
    if _CONTROL.search(body):
        raise PeerError("control characters in a session description")
    if max(map(len, body.splitlines()), default=0) > limits.SDP_LINE_BYTES:
        raise PeerError("a line of a session description is too long")


def _attribute_count(block: bytes) -> int:
    return block.count(b"\na=") + block.count(b"\ra=")


def _split(line: str) -> tuple[str, str]:
    if len(line) < 2 or line[1] != "=":
        raise PeerError("not a line of a session description")
    return line[0], line[2:].strip(" \t")


def _head(lines: list[tuple[str, str]], media: tuple[Media, ...]) -> Description:
    values = dict(reversed(lines))
    if "o" not in values:
        raise PeerError("a session description without origin")
    host = None if "c" not in values else _host(values["c"])
    return Description(_origin(values["o"]), host, values.get("s") or "-", _bandwidth(lines), _attributes(lines), media)


def _origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6 or not (parts[1].isascii() and parts[1].isdigit() and parts[2].isascii() and parts[2].isdigit()):
        raise PeerError("bad origin in a session description")
    return Origin(parts[0][:64], parts[1][:32], parts[2][:32], parts[5][:255])


def _media(lines: list[tuple[str, str]]) -> Media:
    parts = lines[0][1].split()
    if len(parts) < 4 or len(parts) - 3 > limits.SDP_FORMATS:
        raise PeerError("bad m-line")
    kind, port, protocol, *formats = parts
    number = port.partition("/")[0]
    if not (_TOKEN.fullmatch(kind) and _PROTOCOL.fullmatch(protocol) and all(map(_TOKEN.fullmatch, formats))):
        raise PeerError("bad m-line")
    if not _NUMBER.fullmatch(number) or int(number) > 65535:
        raise PeerError("bad port in an m-line")
    hosts = [value for key, value in lines if key == "c"]
    host = _host(hosts[0]) if hosts else None
    return Media(kind.lower(), int(number), protocol, tuple(formats), host, _bandwidth(lines), _attributes(lines[1:]))


def _host(value: str) -> str:
    """Return the address of a `c=`. Names are not resolved: a description must not make us query a name server."""
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN":
        raise PeerError("bad connection line in a session description")
    try:
        return str(ipaddress.ip_address(parts[2].partition("/")[0]))
    except ValueError:
        return ""


def _bandwidth(lines: list[tuple[str, str]]) -> Bandwidth:
    found = {"AS": 0, "TIAS": 0, "CT": 0}
    for key, value in lines:
        if key == "b":
            name, _, number = value.partition(":")
            if found.get(name.upper()) == 0 and _NUMBER.fullmatch(number):
                found[name.upper()] = int(number)
    most = limits.BANDWIDTH_BPS
    return Bandwidth(min(found["AS"] * 1000, most), min(found["TIAS"], most), min(found["CT"] * 1000, most))


def _attributes(lines: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    found = []
    for key, value in lines:
        if key == "a":
            name, _, rest = value.partition(":")
            if _NAME.fullmatch(name):
                found.append((name.lower(), rest.strip(" \t")))
    return tuple(found)


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _feedback(words: list[str]) -> set[Feedback]:
    match [word.lower() for word in words]:
        case ["nack"]:
            return {"nack"}
        case ["nack", "pli", *_]:
            return {"pli"}
        case ["ccm", *kinds]:
            known: dict[str, Feedback] = {"fir": "fir", "tmmbr": "tmmbr"}
            return {known[kind] for kind in kinds if kind in known}
    return set()


def _crypto(value: str) -> Crypto | None:
    match = _CRYPTO.fullmatch(value)
    if match is None:
        return None
    tag, suite, inline, extras, session = match.groups()
    profile = SUITES.get(suite.upper())
    # A lifetime may follow the key. An MKI ("1:4") would have to be in every packet. Session parameters change how packets are
    # protected; only the window size does not matter (RFC 4568 §6.3.7).
    plain = not extras or _LIFETIME.fullmatch(extras)
    if profile is None or not plain or any(not word.startswith("WSH=") for word in session.split()):
        return None
    try:
        key = base64.b64decode(inline.rstrip("=") + "=" * (-len(inline.rstrip("=")) % 4), validate=True)
    except binascii.Error:
        return None
    return Crypto(int(tag), profile, key) if len(key) == KEY_BYTES[profile] else None


# -- writing -----------------------------------------------------------------------------------------------------------


def _family(host: str) -> str:
    return f"{'IP6' if ':' in host else 'IP4'} {host}"


def _bandwidth_lines(bandwidth: Bandwidth) -> list[str]:
    pairs = (("AS", bandwidth.as_bps // 1000), ("CT", bandwidth.total_bps // 1000), ("TIAS", bandwidth.tias_bps))
    return [f"b={name}:{value}" for name, value in pairs if value]


def _attribute_lines(attributes: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"a={name}:{value}" if value else f"a={name}" for name, value in attributes]


def with_version(description: Description, version: str) -> Description:
    return replace(description, origin=replace(description.origin, version=version))
