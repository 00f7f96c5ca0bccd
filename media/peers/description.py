"""The parser of a peer's session description (RFC 8866, RFC 8829), which returns `parameters.Description`. Pure.

Every character can be hostile. Any fault raises `PeerError`, and size, counts and work are limited.

`aiortc.sdp` reads the codec lines of a section. They are most of a description, and equal in most sections of all browsers of
one version. So each different block is read once and cached. This module itself reads the lines that `aiortc.sdp` drops or
fails on (rid, simulcast, extmap direction, an fmtp without rtpmap).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import H264Profile, SessionDescription, parameters_to_sdp, parse_h264_profile_level_id

from media.ground import limits
from media.ground.errors import PeerError
from media.ground.parameters import (
    MIME,
    Capabilities,
    Codec,
    CodecName,
    Description,
    Direction,
    Encoding,
    Extension,
    ExtensionName,
    Fingerprint,
    Kind,
    Section,
)

EXTENSION_URIS: dict[str, ExtensionName] = {
    "urn:ietf:params:rtp-hdrext:sdes:mid": "mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id": "rid",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id": "repaired-rid",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": "audio-level",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": "transport-cc",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": "abs-send-time",
    "urn:3gpp:video-orientation": "orientation",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension": "dependency-descriptor",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay": "playout-delay",
}

# Only hall terminals on lines send pressed keys. Browsers offer this format too, but nothing here would receive the keys.
_NAMES: dict[str, CodecName] = {mime.lower(): name for name, mime in MIME.items() if name != "telephone-event"}
_H264 = {H264Profile.PROFILE_CONSTRAINED_BASELINE: "constrained", H264Profile.PROFILE_BASELINE: "baseline"}
_DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")
_CODEC_LINES = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:")
_PROFILES = ("UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF")
_ASSOCIATIONS = ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP")  # RFC 8841 §4.2, and the older form
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_MID = re.compile(r"[\x21-\x7e]+")
_ICE = re.compile(r"[A-Za-z0-9+/]+")
_FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2}")
_STATIC = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}  # RFC 3551: may have no rtpmap
_UNUSABLE_PAYLOAD_TYPES = range(64, 96)  # RFC 5761 §4: they collide with RTCP
_UNTOLD = Encoding("", 0, 0)


class Memory:
    """The last description of one peer. Most sections of its next description have the same text. With hundreds of tracks, the
    change of one track must not cost a new parse of all sections.
    """

    def __init__(self) -> None:
        self.sections: dict[int, _Known] = {}
        """The sections, by the hash of their text, because the text can be a megabyte. A client that makes two texts with one
        hash harms only itself.
        """


def parse(sdp: str, memory: Memory | None = None) -> Description:
    """Parse a description. Raises `PeerError` for any text that a WebRTC peer may not send."""
    memory = memory or Memory()
    head, bodies = _split(sdp)
    session = _attributes(_lines(head), [])
    read = _read_sections(bodies, _bundle(session), memory.sections)
    sections = tuple(one.section for one in read)
    _check_mids(sections)
    memory.sections = {hash(body): one for body, one in zip(bodies, read, strict=True)}
    return _description(_shared(session), [one.shared for one in read if one.section.usable], sections)


def _split(sdp: str) -> tuple[str, list[str]]:
    """Return the session part, and each section without its `m=`."""
    if len(sdp) > limits.SDP_CHARACTERS:
        raise PeerError("session description too long")
    if sdp.count("\n") > limits.SDP_LINES:
        raise PeerError("too many lines")
    if not sdp.startswith(("v=0\r\n", "v=0\n")):
        raise PeerError("not a session description")
    head, *bodies = sdp.removesuffix("\n").split("\nm=")
    if len(bodies) > limits.SDP_SECTIONS:
        raise PeerError("too many sections")
    return head, bodies


def _read_sections(bodies: list[str], bundle: frozenset[str] | None, known: Mapping[int, _Known]) -> list[_Known]:
    raw = [_recall(known, body, bundle, index) or _RawSection(body) for index, body in enumerate(bodies)]
    if len({section.block_hash for section in raw}) > limits.SDP_CODEC_BLOCKS:
        raise PeerError("too many different codec lists")
    blocks = _Blocks(one for one in raw if isinstance(one, _Known))
    return [one if isinstance(one, _Known) else one.read(bundle, index, blocks) for index, one in enumerate(raw)]


class _Codecs(NamedTuple):
    """The contents of one block of codec lines. `entries` is its size: the lines, plus each codec for each feedback that is
    valid for all codecs.
    """

    capabilities: Capabilities
    entries: int


class _Shared(NamedTuple):
    """The values that all bundled sections share, or that the session level sets for them. None means absent."""

    ufrag: str | None
    pwd: str | None
    setup: str | None
    fingerprints: tuple[str, ...]
    allow_mixed: bool

    def within(self, session: _Shared) -> _Shared:
        """Return the values of a section, with the session's values where the section has none (RFC 8843 §7)."""
        return _Shared(
            session.ufrag if self.ufrag is None else self.ufrag,
            session.pwd if self.pwd is None else self.pwd,
            session.setup if self.setup is None else self.setup,
            self.fingerprints or session.fingerprints,
            self.allow_mixed or session.allow_mixed,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """A section after parsing, and the values outside of its text that decided the result."""

    section: Section
    shared: _Shared
    block_hash: int
    codecs: _Codecs | None
    """The result for its codec lines, or None if they were not read."""
    bundled: bool
    named: bool
    """True if the text states the mid. Otherwise the position is the mid."""


def _recall(known: Mapping[int, _Known], body: str, bundle: frozenset[str] | None, index: int) -> _Known | None:
    """Return the known section with this text, or None if it must be parsed."""
    one = known.get(hash(body)) if known else None
    if one is None or not (one.named or one.section.mid == str(index)):
        return None
    return one if one.bundled == _is_bundled(one.section.mid, bundle, index) else None


def _is_bundled(mid: str, bundle: frozenset[str] | None, index: int) -> bool:
    return mid in bundle if bundle is not None else index == 0


class _Blocks:
    """The different blocks of codec lines of a description. Each is read once, and the sum of their entries is limited."""

    def __init__(self, known: Iterable[_Known]) -> None:
        self._codecs = {one.block_hash: one.codecs for one in known if one.codecs is not None}
        self._entries = sum(one.entries for one in self._codecs.values())

    def read(self, block: str, block_hash: int) -> _Codecs:
        found = self._codecs.get(block_hash)
        if found is None:
            found = self._codecs[block_hash] = _codecs(block)
            self._entries += found.entries
            if self._entries > limits.SDP_CODEC_ENTRIES:
                raise PeerError("too many codecs")
        return found


class _RawSection:
    """The lines of one m-line, sorted into codec lines and other attributes."""

    def __init__(self, body: str) -> None:
        lines = _lines(body)
        self.words = lines[0].split()
        if len(self.words) < 4 or not (self.words[1].isascii() and self.words[1].isdecimal()):
            raise PeerError("malformed m-line")
        codec_lines: list[str] = []
        self.attributes = _attributes(lines, codec_lines)
        if len(codec_lines) > limits.SDP_CODEC_LINES:
            raise PeerError("too many codec lines")
        self.block = "\n".join([self.words[0], " ".join(self.words[3:]), *codec_lines])
        self.block_hash = hash(self.block)

    def first(self, name: str) -> str:
        values = self.attributes.get(name)
        return values[0] if values else ""

    def read(self, bundle: frozenset[str] | None, index: int, blocks: _Blocks) -> _Known:
        named = self.first("mid")
        mid = named or str(index)
        bundled = _is_bundled(mid, bundle, index)
        section, codecs = self._section(mid, bundled, blocks)
        return _Known(section, _shared(self.attributes), self.block_hash, codecs, bundled, named != "")

    def _section(self, mid: str, bundled: bool, blocks: _Blocks) -> tuple[Section, _Codecs | None]:
        kind = self._kind()
        if len(mid) > limits.MID_CHARACTERS or not _MID.fullmatch(mid):
            raise PeerError("malformed mid")
        live = self.words[1] != "0" or "bundle-only" in self.attributes
        usable = live and kind != "other" and bundled
        codecs = None
        if kind in ("audio", "video"):
            usable = usable and "rtcp-mux" in self.attributes
            codecs = blocks.read(self.block, self.block_hash) if usable else None
            usable = codecs is not None and bool(codecs.capabilities.codecs)
        direction = self._direction() if usable else "inactive"
        simulcast = self._simulcast() if direction in ("sendrecv", "sendonly") else ()
        stream_id, track_id = self._msid()
        section = Section(
            kind=kind,
            media=" ".join((self.words[0], *self.words[2:])),
            mid=mid,
            usable=usable,
            direction=direction,
            capabilities=codecs.capabilities if codecs is not None else None,
            stream_id=stream_id,
            track_id=track_id,
            encodings=self._encodings(simulcast) if direction in ("sendrecv", "sendonly") else (),
            simulcast=simulcast,
            sctp_port=_bounded(self.first("sctp-port") or "5000", 65535),
            max_message_bytes=_bounded(self.first("max-message-size") or "65536", 1 << 62),
        )
        return section, codecs

    def _kind(self) -> Kind | Literal["application", "other"]:
        kind, profile = self.words[0], self.words[2]
        if kind == "audio" and profile in _PROFILES:
            return "audio"
        if kind == "video" and profile in _PROFILES:
            return "video"
        if kind == "application" and profile in _ASSOCIATIONS and self.words[3] == "webrtc-datachannel":
            return "application"
        return "other"

    def _direction(self) -> Direction:
        return next((name for name in _DIRECTIONS if name in self.attributes), "sendrecv")

    def _msid(self) -> tuple[str, str]:
        words = self.first("msid").split()
        if not words:  # old form: a=ssrc:1 msid:stream track
            sources = (value.partition(" ")[2] for value in self.attributes.get("ssrc", ()))
            words = next((source[5:].split() for source in sources if source.startswith("msid:")), [])
        return (words[0] if words else "", words[1] if len(words) > 1 else "")

    def _simulcast(self) -> tuple[str, ...]:
        """Return the send list. Of alternatives (RFC 8853 §5.1) the first is used. Without the line, return the rids in their
        order.
        """
        rids = [words[0] for value in self.attributes.get("rid", ()) if (words := value.split())[1:2] == ["send"]]
        words = self.first("simulcast").split()
        entries = rids
        if "send" in words[:-1]:
            entries = [entry.split(",")[0] for entry in words[words.index("send") + 1].split(";")]
        names = [entry.lstrip("~") for entry in entries]
        if any(len(name) > limits.RID_CHARACTERS or not _TOKEN.fullmatch(name) for name in names):
            raise PeerError("malformed rid")
        if len(set(names)) != len(names):
            raise PeerError("a rid occurs twice")
        return tuple(entries[: limits.LAYERS])

    def _encodings(self, simulcast: tuple[str, ...]) -> tuple[Encoding, ...]:
        if simulcast:
            return tuple(Encoding(entry.lstrip("~"), 0, 0) for entry in simulcast)
        sources = list(dict.fromkeys(_ssrc(value.partition(" ")[0]) for value in self.attributes.get("ssrc", ())))
        if len(sources) > limits.SDP_SOURCES:
            raise PeerError("too many sources")
        groups = [value.split() for value in self.attributes.get("ssrc-group", ())]
        repairs = {_ssrc(words[1]): _ssrc(words[2]) for words in groups if words[:1] == ["FID"] and len(words) == 3}
        layers = next(([_ssrc(word) for word in words[1:]] for words in groups if words[:1] == ["SIM"]), None)
        media = layers or [ssrc for ssrc in sources if ssrc not in repairs.values()][:1]
        return tuple(Encoding("", ssrc, repairs.get(ssrc, 0)) for ssrc in media[: limits.LAYERS]) or (_UNTOLD,)


def _lines(text: str) -> list[str]:
    """Return the lines of a part that was cut at line ends. Its last line may still end with half of its line end."""
    text = text.replace("\r\n", "\n").removesuffix("\r")
    if _CONTROL.search(text):
        raise PeerError("not a session description")
    return text.split("\n")


def _attributes(lines: list[str], codec_lines: list[str]) -> dict[str, list[str]]:
    """Return the `a=` lines by name. Codec lines are added to `codec_lines` unchanged."""
    attributes: dict[str, list[str]] = {}
    for line in lines:
        if len(line) > limits.SDP_LINE_CHARACTERS:
            raise PeerError("line too long")
        if line.startswith(_CODEC_LINES):
            codec_lines.append(line)
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes.setdefault(name, []).append(value)
    return attributes


def _bundle(session: dict[str, list[str]]) -> frozenset[str] | None:
    groups = [value.split() for value in session.get("group", ())]
    return next((frozenset(words[1:]) for words in groups if words[:1] == ["BUNDLE"]), None)


def _check_mids(sections: tuple[Section, ...]) -> None:
    mids = [section.mid for section in sections if section.usable]
    if len(set(mids)) != len(mids):
        raise PeerError("a mid occurs twice")


def _shared(attributes: Mapping[str, list[str]]) -> _Shared:
    ufrag, pwd, setup = (
        values[0].strip() if (values := attributes.get(name)) else None for name in ("ice-ufrag", "ice-pwd", "setup")
    )
    fingerprints = tuple(attributes.get("fingerprint", ()))
    return _Shared(ufrag, pwd, setup, fingerprints, "extmap-allow-mixed" in attributes)


def _description(session: _Shared, used: list[_Shared], sections: tuple[Section, ...]) -> Description:
    """Return the description. Values that the bundled sections share come from the first of them (RFC 8843 §7), or from the
    session level.
    """
    shared = used[0].within(session) if used else session
    ufrag, pwd = shared.ufrag or "", shared.pwd or ""
    if (used or ufrag) and not _is_ice(ufrag, 4):
        raise PeerError("malformed ice-ufrag")
    if not _is_ice(pwd, 22):
        pwd = ""  # `Peer._meet` requires a password, but a description can be parsed without one
    if len(shared.fingerprints) > limits.SDP_FINGERPRINTS:
        raise PeerError("too many fingerprints")
    fingerprints = tuple(map(_fingerprint, shared.fingerprints))
    allow_mixed = session.allow_mixed or any(one.allow_mixed for one in used)
    if not allow_mixed:
        sections = tuple(map(_without_descriptor, sections))
    return Description(sections, ufrag, pwd, fingerprints, shared.setup or "", allow_mixed)


def _is_ice(text: str, least: int) -> bool:
    """Report whether `text` is an ICE name or password with at least `least` characters (RFC 8839 §5.4)."""
    return least <= len(text) <= 256 and _ICE.fullmatch(text) is not None


def _without_descriptor(section: Section) -> Section:
    """Remove the dependency descriptor. Its first table needs a two-byte header. Without `a=extmap-allow-mixed` such headers
    must not be mixed with one-byte headers (RFC 8285 §6).
    """
    if section.kind != "video" or section.capabilities is None:
        return section
    return replace(section, capabilities=_without(section.capabilities, "dependency-descriptor"))


@lru_cache(limits.CODEC_CACHE_ENTRIES)
def _without(capabilities: Capabilities, name: ExtensionName) -> Capabilities:
    return replace(capabilities, extensions=tuple(one for one in capabilities.extensions if one.name != name))


def _fingerprint(value: str) -> Fingerprint:
    words = value.split()
    if len(words) != 2 or not _FINGERPRINT.fullmatch(words[1]):
        raise PeerError("malformed fingerprint")
    return Fingerprint(words[0].lower(), words[1].upper())


def _ssrc(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else 0
    if not 0 < number < 1 << 32:
        raise PeerError("malformed ssrc")
    return number


def _bounded(text: str, highest: int) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else -1
    if not 0 <= number <= highest:
        raise PeerError("number out of range")
    return number


def _codecs(block: str) -> _Codecs:
    return _remembered(block) if len(block) <= limits.CODEC_CACHE_CHARACTERS else _read_codecs(block)


def _read_codecs(block: str) -> _Codecs:
    media, formats, *lines = block.split("\n")
    kind: Kind = "audio" if media == "audio" else "video"
    payload_types = [_payload_type(word) for word in formats.split()]
    if len(set(payload_types)) != len(payload_types):
        raise PeerError("a payload type occurs twice")
    feedback = _feedback(lines)
    entries = len(lines) + len(feedback["*"]) * len(payload_types)
    if entries > limits.SDP_CODEC_ENTRIES:
        raise PeerError("too many codecs")
    try:
        codecs = _aiortc_codecs(kind, payload_types, lines)
    except (ValueError, AssertionError, LookupError, StopIteration, TypeError, AttributeError) as error:
        raise PeerError("malformed codec lines") from error
    by_number = {codec.payloadType: codec for codec in codecs}
    repairs = {
        apt: number
        for number, codec in by_number.items()
        if number is not None
        and codec.mimeType.lower().endswith("/rtx")
        and isinstance(apt := codec.parameters.get("apt"), int)
    }
    known = (
        _codec(
            by_number[number], number, repairs.get(number, -1), feedback["*"] | feedback.get(str(number), frozenset())
        )
        for number in payload_types
        if number in by_number
    )
    return _Codecs(Capabilities(kind, tuple(codec for codec in known if codec), _extensions(lines)), entries)


_remembered = lru_cache(limits.CODEC_CACHE_ENTRIES)(_read_codecs)


def _feedback(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the feedback by payload type, as it is written (RFC 4585 §4.2). `*` means all payload types."""
    found: dict[str, set[str]] = {"*": set()}
    for line in lines:
        if line.startswith("a=rtcp-fb:"):
            words = line[10:].split(maxsplit=2)
            if len(words) < 2:
                raise PeerError("malformed codec lines")
            found.setdefault(words[0], set()).add(" ".join(words[1:]))
    return {number: frozenset(values) for number, values in found.items()}


def _aiortc_codecs(kind: Kind, payload_types: list[int], lines: list[str]) -> list[RTCRtpCodecParameters]:
    """Return the codecs. `aiortc.sdp` gets only lines with a payload type that the m-line lists and an rtpmap names; it fails
    on others.
    """
    mapped: dict[int, str] = {}
    formats: dict[int, str] = {}
    for line in lines:
        name, _, value = line[2:].partition(":")
        word = value.split(maxsplit=1)[0] if value else ""
        number = int(word) if word.isascii() and word.isdecimal() and len(word) <= 3 else -1
        if name == "rtpmap" and number in payload_types:
            if number in mapped:
                raise PeerError("a payload type is mapped twice")
            mapped[number] = line
        elif name == "fmtp" and line.startswith(f"a=fmtp:{number} "):
            formats[number] = line
    for number, codec in _STATIC.items():
        if kind == "audio" and number in payload_types and number not in mapped:
            mapped[number] = f"a=rtpmap:{number} {codec}"
    text = [
        "v=0",
        f"m={kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, mapped)),
        *mapped.values(),
        *(line for number, line in formats.items() if number in mapped),
    ]
    return SessionDescription.parse("\r\n".join(text) + "\r\n").media[0].rtp.codecs if mapped else []


def _codec(codec: RTCRtpCodecParameters, number: int, rtx: int, feedback: frozenset[str]) -> Codec | None:
    name = _NAMES.get(codec.mimeType.lower())
    codec_format = _format(name, codec.parameters) if name else None
    if name is None or codec_format is None or number in _UNUSABLE_PAYLOAD_TYPES:
        return None
    if name in ("opus", "red") and (codec.clockRate, codec.channels) != (48000, 2):
        return None
    if name in ("pcmu", "pcma", "g722") and (codec.clockRate, codec.channels) != (8000, 1):
        return None
    if codec.mimeType.startswith("video/") and codec.clockRate != 90000:
        return None
    return Codec(
        payload_type=number,
        name=name,
        clock_hz=codec.clockRate,
        channels=codec.channels or 0,
        parameters=parameters_to_sdp(codec.parameters),
        format=codec_format,
        rtx=rtx,
        feedback=feedback,
    )


def _format(name: CodecName, parameters: Mapping[str, int | str | None]) -> str | None:
    """Return the variant of a codec, or None for a variant that is not forwarded."""
    if name == "vp9":
        profile = str(parameters.get("profile-id", 0))
        return profile if profile in ("0", "2") else None  # 4:2:0, 8 and 10 bits
    if name == "av1":
        return "0" if str(parameters.get("profile", 0)) == "0" else None
    if name == "h265":
        return _h265_format(parameters)
    if name != "h264":
        return ""
    mode = str(parameters.get("packetization-mode", 0))
    try:
        h264, _ = parse_h264_profile_level_id(str(parameters.get("profile-level-id", "42000a")))
    except ValueError:
        return None
    return f"{_H264[h264]}/{mode}" if h264 in _H264 and mode in ("0", "1") else None


def _h265_format(parameters: Mapping[str, int | str | None]) -> str | None:
    """Return the variant (RFC 7798 §7.1): Main and Main 10 of the Main tier, in one stream."""
    profile, tier = str(parameters.get("profile-id", 1)), str(parameters.get("tier-flag", 0))
    single = str(parameters.get("tx-mode", "SRST")) == "SRST"
    return f"{profile}/{tier}" if profile in ("1", "2") and tier == "0" and single else None


def _extensions(lines: Iterable[str]) -> tuple[Extension, ...]:
    found: dict[int, ExtensionName] = {}
    for line in lines:
        if not line.startswith("a=extmap:"):
            continue
        number, _, uri = line[9:].partition(" ")
        name = EXTENSION_URIS.get(uri.split(" ")[0])
        digits = number.partition("/")[0]
        if name is None or not digits.isascii() or not digits.isdecimal() or len(digits) > 3:
            continue
        if 1 <= int(digits) <= 255 and int(digits) != 15 and name not in found.values():
            found.setdefault(int(digits), name)
    return tuple(Extension(number, name) for number, name in found.items())


def _payload_type(word: str) -> int:
    if not word.isascii() or not word.isdecimal() or len(word) > 3 or int(word) > 127:
        raise PeerError("malformed payload type")
    return int(word)
