"""The media plan that follows from our description and theirs, line by line. Pure.

It does not matter who offered. Their lines say what we may send, and our lines say what they may send (RFC 3264 §§5, 6).
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from conference.ground.plan import (
    AudioCodec,
    AudioPlan,
    BfcpPlan,
    CameraPlan,
    Endpoint,
    Keys,
    MediaPlan,
    Policy,
    Stream,
    VideoPlan,
)
from signaling.sip.media.lines import AUDIO_BPS, Dtmf
from signaling.sip.media.profiles import Profile
from signaling.sip.wire import h264, sdp

_HEADERS: Final = 0.95
"""The share of the terminal's bandwidth line (`b=AS`) that is left for media after the headers of full packets. Larger: we send
more than the terminal allows. Smaller: the picture uses less bandwidth than allowed.
"""
_LEAST_VIDEO_BPS: Final = 64_000
_PACKET_MS: Final = range(10, 61, 10)


def plan_of(
    ours: sdp.Description, theirs: sdp.Description, profile: Profile, policy: Policy, previous: MediaPlan | None = None
) -> MediaPlan:
    """Return the plan, without lines that either side refused. `previous` gives the addresses from before a hold by 0.0.0.0."""
    before = previous or MediaPlan()
    found: dict[str, object] = {}
    for mine, yours in zip(ours.media, theirs.media, strict=False):
        role = role_of(mine)
        if not mine.port or not yours.port or role in found:
            continue
        match role:
            case "audio":
                found[role] = _audio(ours, theirs, mine, yours, before)
            case "video":
                found[role] = _video(ours, theirs, mine, yours, profile, policy, before.video)
            case "content":
                found[role] = _video(ours, theirs, mine, yours, profile, policy, before.content)
            case "floor":
                found[role] = _floor(theirs, mine, yours)
            case "camera":
                found[role] = _camera(ours, theirs, mine, yours, before)
    return _whole(found, theirs, policy)


def role_of(media: sdp.Media) -> str:
    """Return the role of our line: "audio", "video", "content", "floor", "camera", or "" for a line that we only refuse."""
    if media.kind == "audio":
        return "audio"
    if media.kind == "video":
        return "content" if media.attribute("content") == "slides" else "video"
    if is_floor(media):
        return "floor"
    return "camera" if camera_type(media) >= 0 else ""


def is_floor(media: sdp.Media) -> bool:
    return media.kind == "application" and media.protocol.upper() in ("UDP/BFCP", "TCP/BFCP")


def is_rtp(media: sdp.Media) -> bool:
    return media.protocol.upper() in ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF")


def is_secure(media: sdp.Media) -> bool:
    """Report whether the protocol word requires SRTP. RTP/AVP with a=crypto only prefers SRTP (RFC 8643)."""
    return "SAVP" in media.protocol.upper()


def lacks_keys(mine: sdp.Media, yours: sdp.Media) -> bool:
    """Report whether both sides accept an SRTP line without a common key."""
    active = bool(mine.port and yours.port)
    return active and is_rtp(yours) and (is_secure(mine) or is_secure(yours)) and _keys(mine, yours) is None


def may_high(profile: Profile, policy: Policy) -> bool:
    """Report whether High profile may be agreed. The terminal and the meeting must both allow it, and the terminal must take
    packetization mode 1.
    """
    return profile.high and policy.high_profile and 1 in profile.modes


def camera_type(media: sdp.Media) -> int:
    """Return the payload type of H.224, or -1 if there is none."""
    if media.kind != "application" or not is_rtp(media):
        return -1
    return next((number for number, one in media.rtpmaps().items() if one.name == "h224"), -1)


def audio_codecs(media: sdp.Media) -> dict[int, AudioCodec]:
    """Return the codecs that we support, by payload type, in the order of the line. Each codec is listed once, because some
    re-INVITEs repeat codecs.
    """
    found: dict[int, AudioCodec] = {}
    for number, one in media.rtpmaps().items():
        codec = _codec(one, media.parameters(number))
        if codec is not None and codec not in found.values():
            found[number] = codec
    return found


def events(media: sdp.Media) -> tuple[Dtmf, ...]:
    """Return the telephone events (RFC 4733) of 8000 and 48,000 Hz, one of each."""
    found: dict[int, int] = {}
    for number, one in media.rtpmaps().items():
        if one.name == "telephone-event" and one.clock_hz in (8000, 48_000):
            found.setdefault(one.clock_hz, number)
    return tuple(Dtmf(number, clock) for clock, number in found.items())


def told_levels(media: sdp.Media) -> int:
    """Return the id of the header extension in which the peer offers audio levels; 0: none."""
    number, direction = media.audio_levels()
    return number if direction in ("", "sendrecv", "sendonly") else 0


def event_for(codec: AudioCodec, known: tuple[Dtmf, ...]) -> Dtmf | None:
    """Return the event with the clock of the codec, or the first event.

    Most terminals offer the 8000 Hz event beside Opus and also use it for Opus.
    """
    wanted = 48_000 if codec == "opus" else 8000
    return next((one for one in known if one.clock_hz == wanted), next(iter(known), None))


def pictures(media: sdp.Media) -> tuple[h264.Format, ...]:
    """Return the usable H.264 payload types of a line, in its order."""
    found = []
    for number, one in media.rtpmaps().items():
        if one.name == "h264" and one.clock_hz == 90_000:
            picture = h264.read(number, media.parameters(number))
            if picture is not None:
                found.append(picture)
    return tuple(found)


def is_usable(host: str, own_host: str, policy: Policy) -> bool:
    """Report whether packets may be sent to `host`. A description must not direct packets to a multicast group, to this
    machine, or outside the networks of the policy.
    """
    try:
        address, own = ipaddress.ip_address(host), ipaddress.ip_address(own_host)
    except ValueError:
        return False
    if address.version != own.version or address.is_multicast or address == _BROADCAST:
        return False
    if (address.is_loopback and not own.is_loopback) or (address.is_link_local and not own.is_link_local):
        return False
    if address == own and not own.is_loopback:
        return False
    networks = policy.media_networks
    return address.is_unspecified or not networks or any(_within(address, network) for network in networks)


def placed(theirs: sdp.Description, policy: Policy) -> sdp.Description:
    """Return their description with the address `policy.media_host` in place of theirs, if the policy has one. An address of
    zeros stays, because it still means a hold.
    """
    if not policy.media_host:
        return theirs

    def real(host: str | None) -> str | None:
        return host if host in (None, *_ZEROS) else policy.media_host

    return replace(
        theirs, host=real(theirs.host), media=tuple(replace(line, host=real(line.host)) for line in theirs.media)
    )


def floor_roles(media: sdp.Media, default: str) -> set[str]:
    """Return the roles in `a=floorctrl`. Some terminals write several words (RFC 8856 §5.1); "c-s" means both roles."""
    words = set((media.attribute("floorctrl") or default).lower().split())
    return words | {"c-only", "s-only"} if "c-s" in words else words


def label_of(media: sdp.Media) -> str | None:
    """Return the label of the content stream in `a=floorid` ("1 mstrm:12", in drafts "1 m-stream:12")."""
    for value in media.all("floorid"):
        _, _, names = value.partition(":")
        if names:
            return names.split()[0]
    return None


_ZEROS: Final = ("0.0.0.0", "::")  # noqa: S104 compared, not bound
_BROADCAST: Final = ipaddress.ip_address("255.255.255.255")


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, network: str) -> bool:
    return address in ipaddress.ip_network(network, strict=False)


def _codec(one: sdp.RtpMap, parameters: dict[str, str]) -> AudioCodec | None:
    match one.name, one.clock_hz:
        case "opus", 48_000:
            return "opus"
        # Some terminals write the true rate of G.722, against RFC 3551 §4.5.2. Their RTP timestamps still count at 8000 Hz.
        case "g722", 8000 | 16_000 if parameters.get("bitrate", "64000") == "64000":
            return "g722"
        case "pcma", 8000:
            return "pcma"
        case "pcmu", 8000:
            return "pcmu"
    return None


def _whole(found: dict[str, object], theirs: sdp.Description, policy: Policy) -> MediaPlan:
    audio, video, content = found.get("audio"), found.get("video"), found.get("content")
    floor, camera = found.get("floor"), found.get("camera")
    return MediaPlan(
        audio if isinstance(audio, AudioPlan) else None,
        video if isinstance(video, VideoPlan) else None,
        content if isinstance(content, VideoPlan) else None,
        floor if isinstance(floor, BfcpPlan) else None,
        camera if isinstance(camera, CameraPlan) else None,
        min((one for one in (_session_bps(theirs), policy.media_bps) if one), default=0),
        policy.pictures_bps,
    )


def _stream(
    ours: sdp.Description, theirs: sdp.Description, mine: sdp.Media, yours: sdp.Media, before: Stream | None
) -> Stream | None:
    """Return the stream of a line, or None if no packet could be sent or read."""
    host = theirs.host_of(yours)
    if not host:
        return None
    keys = _keys(mine, yours)
    if keys is None and (is_secure(mine) or is_secure(yours)):
        return None
    empty = ipaddress.ip_address(host).is_unspecified
    remote = Endpoint(host, yours.port)
    mux = mine.has("rtcp-mux") and yours.has("rtcp-mux")
    rtcp = remote if mux else _rtcp(host, yours)
    if empty:
        remote, rtcp = (before.remote, before.remote_rtcp) if before else (Endpoint("", 0), Endpoint("", 0))
    we, they = ours.direction_of(mine), theirs.direction_of(yours)
    return Stream(
        remote,
        rtcp,
        mux,
        we in ("sendrecv", "sendonly") and they in ("sendrecv", "recvonly") and not empty,
        we in ("sendrecv", "recvonly") and they in ("sendrecv", "sendonly"),
        keys,
        _line_bps(yours),
    )


def _rtcp(host: str, media: sdp.Media) -> Endpoint:
    """Return the RTCP address (RFC 3605).

    Only the port may differ: another host would let a peer direct RTCP at a third party.
    """
    port = (media.attribute("rtcp") or "").split(" ")[0]
    if port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536:
        return Endpoint(host, int(port))
    return Endpoint(host, min(media.port + 1, 65535))


def _keys(mine: sdp.Media, yours: sdp.Media) -> Keys | None:
    """Return the pair of keys with the same tag and suite (RFC 4568 §5.1.3)."""
    own = {(one.tag, one.profile): one.key for one in mine.crypto()}
    for one in yours.crypto():
        if (one.tag, one.profile) in own:
            return Keys(one.profile, receive=one.key, send=own[one.tag, one.profile])
    return None


def _audio(
    ours: sdp.Description, theirs: sdp.Description, mine: sdp.Media, yours: sdp.Media, before: MediaPlan
) -> AudioPlan | None:
    stream = _stream(ours, theirs, mine, yours, before.audio.stream if before.audio else None)
    own = {codec: number for number, codec in audio_codecs(mine).items()}
    common = [(number, codec) for number, codec in audio_codecs(yours).items() if codec in own]
    if stream is None or not common:
        return None
    number, codec = common[0]
    most = yours.parameters(number).get("maxaveragebitrate", "") if codec == "opus" else ""
    if most.isascii() and most.isdigit() and 6000 <= int(most[:9]) <= (stream.limit_bps or int(most[:9])):
        stream = replace(stream, limit_bps=int(most[:9]))  # RFC 7587 §6.1
    sent, received = event_for(codec, events(yours)), event_for(codec, events(mine))
    return AudioPlan(
        stream,
        codec,
        number,
        own[codec],
        sent.payload_type if sent and received else -1,
        received.payload_type if sent and received else -1,
        _packet_ms(yours),
        told_levels(yours) if mine.audio_levels()[0] == told_levels(yours) else 0,
        also_receive=tuple((own[other], other) for _, other in common[1:]),
    )


def _packet_ms(media: sdp.Media) -> int:
    text = media.attribute("ptime") or ""
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 20
    return value if value in _PACKET_MS else 20


def _video(
    ours: sdp.Description,
    theirs: sdp.Description,
    mine: sdp.Media,
    yours: sdp.Media,
    profile: Profile,
    policy: Policy,
    before: VideoPlan | None,
) -> VideoPlan | None:
    stream = _stream(ours, theirs, mine, yours, before.stream if before else None)
    pairs = [
        (own, one)
        for one in pictures(yours)
        for own in pictures(mine)
        if (own.profile, own.mode) == (one.profile, one.mode)
    ]
    if stream is None or not pairs:
        return None
    _, one = pairs[0]
    most = h264.LEVELS[profile.max_level]
    level = h264.weaker(one.level, profile.max_level)
    limits = [one.max_br_bps, stream.limit_bps, _session_bps(theirs, without_audio=True), policy.pictures_bps]
    main = role_of(mine) == "video"
    send_fs, send_mbps = (policy.send_fs, policy.send_mbps) if main else most[:2]
    return VideoPlan(
        stream,
        one.payload_type,
        tuple(dict.fromkeys(pair[0].payload_type for pair in pairs)),
        "high" if one.profile == h264.HIGH and may_high(profile, policy) else "baseline",
        one.mode,
        level,
        min(one.max_fs, most.max_fs, send_fs),
        min(one.max_mbps, most.max_mbps, send_mbps),
        min(limit for limit in limits if limit),
        profile.max_fps,
        yours.feedback(one.payload_type) & frozenset(profile.feedback),
        "info" in profile.keyframes,
    )


def _floor(theirs: sdp.Description, mine: sdp.Media, yours: sdp.Media) -> BfcpPlan | None:
    """Return the plan of the floor, or None if they would not be the client, because we are always the server."""
    host = theirs.host_of(yours)
    numbers = [mine.attribute(name) or "" for name in ("confid", "userid")]
    floor_id = (mine.attribute("floorid") or "1").split(" ")[0]
    if not host or "c-only" not in floor_roles(yours, "c-only") or not all(map(str.isdigit, [*numbers, floor_id])):
        return None
    udp = mine.protocol.upper().startswith("UDP")
    setup = mine.attribute("setup")
    connect = not udp and (setup == "active" or (setup == "actpass" and yours.attribute("setup") == "passive"))
    return BfcpPlan(
        "udp" if udp else "tcp", Endpoint(host, yours.port), int(numbers[0]), int(numbers[1]), int(floor_id), connect
    )


def _camera(
    ours: sdp.Description, theirs: sdp.Description, mine: sdp.Media, yours: sdp.Media, before: MediaPlan
) -> CameraPlan | None:
    known = before.far_camera
    stream = _stream(ours, theirs, mine, yours, known.stream if known else None)
    number = camera_type(yours)
    return CameraPlan(stream, number, camera_type(mine)) if stream is not None and number >= 0 else None


def _line_bps(media: sdp.Media) -> int:
    if media.bandwidth.tias_bps:
        return media.bandwidth.tias_bps
    return int(media.bandwidth.as_bps * _HEADERS)


def _session_bps(description: sdp.Description, *, without_audio: bool = False) -> int:
    one = description.bandwidth
    total = one.tias_bps or int((one.as_bps or one.total_bps) * _HEADERS)
    if total and without_audio:
        return max(total - AUDIO_BPS, _LEAST_VIDEO_BPS)
    return total
