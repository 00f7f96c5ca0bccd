"""The session descriptions of a test client, and functions that read the node's descriptions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.clients.ice_client import IceClient

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

AUDIO = (
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
    f"a=extmap:1 {LEVEL}",
    f"a=extmap:4 {MID}",
)
VIDEO = (
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    f"a=extmap:3 {TRANSPORT_CC}",
    f"a=extmap:4 {MID}",
    f"a=extmap:10 {RID}",
)


@dataclass
class Offered:
    """A media section of a client's offer."""

    kind: str
    direction: str
    lines: tuple[str, ...] = ()
    numbers: str = ""
    extra: list[str] = field(default_factory=list)


def audio(direction: str, *extra: str) -> Offered:
    return Offered("audio", direction, AUDIO, "111 63", list(extra))


def video(direction: str, *extra: str) -> Offered:
    return Offered("video", direction, VIDEO, "96 97", list(extra))


def application() -> Offered:
    return Offered("application", "sendrecv")


def describe(
    sections: list[Offered],
    *,
    ufrag: str = "clnt",
    pwd: str = "clientpasswordclientpassword",
    fingerprint: str = "AB:" * 31 + "CD",
    setup: str = "actpass",
    rejected: frozenset[int] = frozenset(),
) -> str:
    """Return an offer. With `setup="active"` the text is an answer."""
    used = [str(mid) for mid in range(len(sections)) if mid not in rejected]
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(used)}"]
    for mid, section in enumerate(sections):
        port = 0 if mid in rejected else 9
        if section.kind == "application":
            lines.append(f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel")
            lines += ["a=sctp-port:5000", "a=max-message-size:262144"]
        else:
            lines.append(f"m={section.kind} {port} UDP/TLS/RTP/SAVPF {section.numbers}")
            lines += ["a=rtcp-mux", f"a={section.direction}", *section.lines, *section.extra]
        lines += [
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a=ice-ufrag:{ufrag}",
            f"a=ice-pwd:{pwd}",
            f"a=fingerprint:sha-256 {fingerprint}",
            f"a=setup:{setup}",
        ]
    return "\r\n".join(lines) + "\r\n"


def first(sdp: str, name: str) -> str:
    found = re.search(rf"^a={re.escape(name)}:(.*?)\r$", sdp, re.MULTILINE)
    assert found is not None, name
    return found[1]


def sections(sdp: str) -> list[str]:
    return ["m=" + body for body in sdp.split("\r\nm=")[1:]]


def ports(sdp: str) -> dict[str, tuple[str, int]]:
    """Return the address and port of the first candidate, by protocol."""
    found: dict[str, tuple[str, int]] = {}
    for protocol, address, port in re.findall(r"^a=candidate:\S+ 1 (\S+) \d+ (\S+) (\d+) ", sdp, re.MULTILINE):
        found.setdefault(protocol, (address, int(port)))
    return found


def client_for(sdp: str, *, ufrag: str = "clnt") -> IceClient:
    """Return a client that knows the ICE credentials and the fingerprint of the node's description."""
    return IceClient(
        remote_ufrag=first(sdp, "ice-ufrag"),
        remote_pwd=first(sdp, "ice-pwd"),
        fingerprint=first(sdp, "fingerprint").split()[1],
        ufrag=ufrag,
    )
