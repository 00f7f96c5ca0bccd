"""The agreement on the codecs of a section, and the writing of our answers and offers (RFC 8829, RFC 8843, RFC 8839). Pure.

We are ICE-lite and bundle everything. `a=setup` is `actpass` in offers and `passive` in answers. The answer to `passive` is
`active`. `description.py` reads descriptions, and `peer.py` stores the state between them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from media.ground import limits
from media.ground.parameters import (
    Acceptance,
    Candidate,
    Capabilities,
    Codec,
    CodecName,
    Credentials,
    Direction,
    Extension,
    ExtensionName,
    Kind,
    Section,
    Sending,
)
from media.peers.description import EXTENSION_URIS
from media.tracks.consumer import CodecMap

_URIS: dict[ExtensionName, str] = {name: uri for uri, name in EXTENSION_URIS.items()}
# VP8 gets the dependency descriptor too, although its payload can state its temporal layers. Only with the
# descriptor does libwebrtc skip a picture of an upper layer that arrives again after the next synchronization point. Without
# the descriptor it would wait for that picture.
_PUBLISHED: dict[Kind, tuple[ExtensionName, ...]] = {
    "audio": ("mid", "audio-level", "transport-cc"),
    "video": (
        "mid",
        "rid",
        "repaired-rid",
        "transport-cc",
        "abs-send-time",
        "orientation",
        "dependency-descriptor",
        "playout-delay",
    ),
}
# A browser's later sections offer only the extensions of our answers to its first sections. So we also answer the extensions
# that only a publisher writes (rid, repaired-rid).
_SENT: dict[Kind, tuple[ExtensionName, ...]] = {
    "audio": ("mid", "audio-level", "transport-cc", "abs-send-time"),
    "video": _PUBLISHED["video"],
}
# The key is the kind, and whether the peer publishes. A feedback is answered only if the peer offers it.
_FEEDBACK: dict[tuple[Kind, bool], tuple[str, ...]] = {
    ("audio", True): ("transport-cc", "nack"),
    ("audio", False): ("transport-cc", "nack"),
    ("video", True): ("transport-cc", "ccm fir", "nack", "nack pli"),
    ("video", False): ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
}
_H264_ORDER = ("constrained/1", "baseline/1", "constrained/0", "baseline/0")
_QUALITY = {"q": 0, "h": 1, "f": 2}


_LISTENER = frozenset(("transport-cc", "ccm fir", "nack", "nack pli"))


def _own_video(number: int, name: CodecName, parameters: str, codec_format: str, rtx: int) -> Codec:
    return Codec(number, name, 90000, 0, parameters, codec_format, rtx, _LISTENER)


def _own_h264(number: int, mode: int, profile: str, level_id: str, rtx: int) -> Codec:
    parameters = f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={level_id}"
    return _own_video(number, "h264", parameters, f"{profile}/{mode}", rtx)


# The contents of our own offers: every codec that we forward, with the numbers that Chromium uses.
_OWN: dict[Kind, Capabilities] = {
    "audio": Capabilities(
        "audio",
        (
            Codec(111, "opus", 48000, 2, "minptime=10;useinbandfec=1", "", -1, frozenset(("transport-cc", "nack"))),
            Codec(63, "red", 48000, 2, "111/111", "", -1, frozenset()),
            Codec(9, "g722", 8000, 1, "", "", -1, frozenset()),
            Codec(0, "pcmu", 8000, 1, "", "", -1, frozenset()),
            Codec(8, "pcma", 8000, 1, "", "", -1, frozenset()),
        ),
        (
            Extension(1, "audio-level"),
            Extension(2, "abs-send-time"),
            Extension(3, "transport-cc"),
            Extension(4, "mid"),
        ),
    ),
    "video": Capabilities(
        "video",
        (
            _own_video(96, "vp8", "", "", 97),
            _own_h264(108, 1, "constrained", "42e01f", 109),
            _own_h264(102, 1, "baseline", "42001f", 103),
            _own_h264(114, 0, "constrained", "42e01f", 115),
            _own_h264(104, 0, "baseline", "42001f", 107),
            _own_video(98, "vp9", "profile-id=0", "0", 99),
            _own_video(100, "vp9", "profile-id=2", "2", 101),
            _own_video(45, "av1", "level-idx=5;profile=0;tier=0", "0", 46),
            _own_video(49, "h265", "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST", "1/0", 50),
        ),
        (
            Extension(2, "abs-send-time"),
            Extension(3, "transport-cc"),
            Extension(4, "mid"),
            Extension(12, "dependency-descriptor"),
            Extension(13, "orientation"),
            Extension(14, "playout-delay"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A section to be written. `section.capabilities` is None for the application section and for a rejected section."""

    section: Section
    direction: Direction
    acceptance: Acceptance | None = None
    """If set, the peer publishes here."""
    sending: Sending | None = None
    """If set, we send here."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The codecs of a section in the order of our answer, and their lines."""

    codecs: tuple[Codec, ...]
    extensions: tuple[Extension, ...]
    text: str
    """The text from the payload types of the m-line on: `111 63\\r\\na=rtpmap...`. The writer splits it at the first line end.
    """


def layers(rids: Sequence[str]) -> tuple[str, ...]:
    """Return the RIDs, lowest quality first: by name for q, h and f, otherwise in the order of the offer."""
    if all(rid in _QUALITY for rid in rids):
        return tuple(sorted(rids, key=_QUALITY.__getitem__))
    return tuple(rids)


@lru_cache(limits.CODEC_CACHE_ENTRIES)
def agree(capabilities: Capabilities, acceptance: Acceptance | None) -> Agreed:
    """Return what we accept of a peer's section: as a publisher with `acceptance`, as a listener without."""
    if acceptance is None:
        codecs = capabilities.codecs
        names = _SENT[capabilities.kind]
    else:
        codecs = published_order(capabilities.codecs, acceptance)
        names = _PUBLISHED[capabilities.kind]
    extensions = tuple(one for one in capabilities.extensions if one.name in names)
    lines = [" ".join(str(number) for number in _payload_types(codecs))]
    for codec in codecs:
        lines += _codec_lines(codec, capabilities, acceptance)
    lines += [f"a=extmap:{extension.id} {_URIS[extension.name]}" for extension in extensions]
    return Agreed(codecs, extensions, "\r\n".join(lines))


def published_order(codecs: Sequence[Codec], acceptance: Acceptance) -> tuple[Codec, ...]:
    """Return the codecs in our order. The publisher will send the first one (RFC 8829 §5.3.1)."""
    wanted = acceptance.codec.lower() if acceptance.codec else ""
    numbers = {codec.payload_type for codec in codecs if codec.name == "opus"}

    def rank(codec: Codec) -> tuple[bool, bool]:
        return (codec.mime.lower() != wanted, not (acceptance.red and codec.name == "red"))

    kept = [codec for codec in codecs if codec.name != "red" or (acceptance.red and red_blocks(codec) <= numbers)]
    ordered = sorted(kept, key=rank)
    first = next((place for place, codec in enumerate(ordered) if codec.name == "h264"), None)
    if first is None:
        return tuple(ordered)
    h264 = sorted((c for c in ordered if c.name == "h264"), key=lambda codec: _H264_ORDER.index(codec.format))
    before = ordered[:first]
    return (*before, *h264, *(codec for codec in ordered[first:] if codec.name != "h264"))


def own_capabilities(kind: Kind) -> Capabilities:
    return _OWN[kind]


def red_blocks(codec: Codec) -> set[int]:
    """Return the payload types inside a RED packet (RFC 2198 §5), from `111/111`."""
    words = codec.parameters.split(";")[0].split("/")
    return {int(word) for word in words if word.isascii() and word.isdecimal()} or {-1}


def match(codec: Codec, codecs: Iterable[Codec]) -> Codec | None:
    """Return the codec of another section with the same format of packets."""
    key = (codec.name, codec.format, codec.clock_hz, codec.channels)
    exact = next((o for o in codecs if (o.name, o.format, o.clock_hz, o.channels) == key), None)
    if exact is None and codec.name == "h264" and codec.format.startswith("constrained/"):
        # Constrained baseline is a subset of baseline (H.264 A.2.1.1).
        wider = codec.format.replace("constrained", "baseline")
        return next((o for o in codecs if (o.name, o.format) == ("h264", wider)), None)
    return exact


def map_codecs(produced: tuple[Codec, ...], section: tuple[Codec, ...]) -> CodecMap:
    """Return the producer's codecs that the section has. The map is empty if there is no common codec, or if the section lacks
    the producer's first video codec.
    """
    if produced and produced[0].mime.startswith("video/") and match(produced[0], section) is None:
        return CodecMap([], False, [])
    pairs = [(codec, other) for codec in produced if (other := match(codec, section)) is not None]
    payloads = [(codec.payload_type, other.payload_type, other.rtx) for codec, other in pairs]
    opus = {codec.payload_type: other for codec, other in pairs if codec.name == "opus"}
    red = next((codec for codec in produced if codec.name == "red"), None)
    if red is None:
        return CodecMap(payloads, False, [], _made_red(opus.values(), section))
    if not red_blocks(red) <= opus.keys():
        return CodecMap([one for one in payloads if one[0] != red.payload_type], False, [])
    blocks = [(number, opus[number].payload_type) for number in sorted(red_blocks(red))]
    if any(codec.name == "red" for codec, _ in pairs):
        return CodecMap(payloads, False, blocks)
    return CodecMap([*payloads, (red.payload_type, blocks[0][1], -1)], True, [])


def _made_red(opus: Iterable[Codec], section: tuple[Codec, ...]) -> int:
    numbers = {codec.payload_type for codec in opus}
    return next((one.payload_type for one in section if one.name == "red" and red_blocks(one) <= numbers), -1)


def _payload_types(codecs: Sequence[Codec]) -> list[int]:
    return [codec.payload_type for codec in codecs] + [codec.rtx for codec in codecs if codec.rtx >= 0]


def _codec_lines(codec: Codec, capabilities: Capabilities, acceptance: Acceptance | None) -> list[str]:
    number, kind = codec.payload_type, capabilities.kind
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    name = codec.mime.partition("/")[2]
    lines = [f"a=rtpmap:{number} {name}/{codec.clock_hz}{channels}"]
    parameters = _opus(codec, acceptance) if codec.name == "opus" else codec.parameters
    if parameters:
        lines.append(f"a=fmtp:{number} {parameters}")
    congestion = any(extension.name == "transport-cc" for extension in capabilities.extensions)
    # Only one of the two ways to estimate the bandwidth is used. The peer's own estimate is used only if the peer cannot report
    # arrival times.
    unfit = {"goog-remb"} if congestion else {"transport-cc"}
    lines += [
        f"a=rtcp-fb:{number} {feedback}"
        for feedback in _FEEDBACK[kind, acceptance is not None]
        if feedback in codec.feedback and feedback not in unfit
    ]
    if codec.rtx >= 0:
        lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_hz}", f"a=fmtp:{codec.rtx} apt={number}"]
    return lines


def _opus(codec: Codec, acceptance: Acceptance | None) -> str:
    """Return the parameters. `usedtx` and `stereo` say what the publisher may send to us (RFC 7587 §6.1)."""
    ours = ("stereo", "sprop-stereo", "usedtx", "maxaveragebitrate")
    kept = [one for one in codec.parameters.split(";") if one and one.partition("=")[0] not in ours]
    if acceptance is not None and acceptance.dtx:
        kept.append("usedtx=1")
    if acceptance is not None and acceptance.stereo:
        kept += ["stereo=1", "maxaveragebitrate=510000"]
    return ";".join(kept)


@dataclass(frozen=True, slots=True)
class Head:
    """The values of a description before its sections, and the values that all its sections share."""

    session_id: int
    version: int
    credentials: Credentials
    fingerprint: str
    """The SHA-256 of our certificate, as SDP writes it."""
    setup: str
    allow_mixed: bool
    candidates: Sequence[Candidate]


def write(head: Head, plans: Sequence[Plan]) -> str:
    """Return the text of an answer or an offer with these sections, in this order."""
    mids = " ".join(plan.section.mid for plan in plans if plan.section.usable)
    lines = [
        "v=0",
        f"o=- {head.session_id} {head.version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=fingerprint:sha-256 {head.fingerprint}",
        "a=msid-semantic:WMS *",
    ]
    if head.allow_mixed:
        lines.append("a=extmap-allow-mixed")
    if mids:
        lines.append(f"a=group:BUNDLE {mids}")
    candidates = [f"a={candidate}" for candidate in head.candidates] + ["a=end-of-candidates"]
    for plan in plans:
        lines += _section_lines(plan, head, candidates)
        if plan.section.usable:
            candidates = []  # the first usable section is enough, because the others are bundled with it
    return "\r\n".join(lines) + "\r\n"


def _section_lines(plan: Plan, head: Head, candidates: list[str]) -> list[str]:
    section = plan.section
    media, _, rest = section.media.partition(" ")
    if not section.usable:
        return [f"m={media} 0 {rest}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", "a=inactive"]
    shared = [
        "c=IN IP4 0.0.0.0",
        f"a=setup:{head.setup}",
        f"a=mid:{section.mid}",
        f"a=ice-ufrag:{head.credentials.ufrag}",
        f"a=ice-pwd:{head.credentials.pwd}",
    ]
    if section.capabilities is None:
        lines = [f"m={media} 9 {rest}", *shared, "a=sctp-port:5000", f"a=max-message-size:{limits.MESSAGE_BYTES}"]
    else:
        agreed = agree(section.capabilities, plan.acceptance)
        numbers, _, text = agreed.text.partition("\r\n")
        lines = [f"m={media} 9 UDP/TLS/RTP/SAVPF {numbers}", *shared, "a=rtcp-mux", "a=rtcp-rsize", text]
        lines += _simulcast_lines(plan) + _track_lines(plan) + [f"a={plan.direction}"]
    return lines + candidates


def _simulcast_lines(plan: Plan) -> list[str]:
    """Return the lines in the offered order (RFC 8853 §5.3.2). A layer that the peer has paused stays paused."""
    entries = plan.section.simulcast
    if plan.acceptance is None or not entries:
        return []
    rids = [f"a=rid:{entry.lstrip('~')} recv" for entry in entries]
    return [*rids, f"a=simulcast:recv {';'.join(entries)}"]


def _track_lines(plan: Plan) -> list[str]:
    sending = plan.sending
    if sending is None:
        return []
    msid = f"{sending.stream_id} {sending.track_id}"
    lines = [f"a=msid:{msid}"]
    ssrcs = [sending.ssrc]
    if sending.rtx_ssrc:
        ssrcs.append(sending.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {sending.ssrc} {sending.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{sending.stream_id}", f"a=ssrc:{ssrc} msid:{msid}"]
    return lines
