"""Offers and answers of hall calls (RFC 3264). This module makes a description from our capabilities, and a plan from two
descriptions.

This module is pure: keys, ports and numbers are in OwnEnds, and the caller keeps the last description of a call (`Agreed`). An
offer uses RTP/AVP with a=rtcp-fb, because terminals refuse AVPF; only a profile may ask for AVPF. An answer has one audio codec
and DTMF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from conference import PeerError, Refusal
from conference.ground.plan import AudioCodec, Feedback, KeyProfile, MediaPlan, OwnEnd, OwnEnds, Policy
from signaling.sip.media import agreement, lines
from signaling.sip.media.lines import CONTENT_LABEL, MAIN_LABEL, Dtmf, Picture, Shape
from signaling.sip.media.profiles import Profile
from signaling.sip.wire import h264, sdp

AUDIO_TYPES: Final[dict[AudioCodec, int]] = {"opus": 114, "g722": 9, "pcma": 8, "pcmu": 0}
EVENT_TYPE: Final = 101
LEVELS_ID: Final = 1
HIGH_TYPE: Final = 98
MODE_TYPES: Final[dict[int, int]] = {1: 97, 0: 96}
CAMERA_TYPE: Final = 100
_HIGH_PREFIX: Final = "6400"

_TEXTS: Final[dict[str, tuple[int, str, str]]] = {
    # The numbers are Warning codes of RFC 3261 §20.43.
    "address_bad": (301, "Không gửi hình tiếng tới địa chỉ này được", "Incompatible network address"),
    "protocol_bad": (302, "Kiểu truyền hình tiếng không hỗ trợ", "Incompatible transport protocol"),
    "media_none": (304, "Không có hình hay tiếng nào dùng được", "Media type not available"),
    "codec_unknown": (305, "Không có bộ mã hoá nào dùng chung", "Incompatible media format"),
    "encryption_required": (399, "Cuộc họp buộc mã hoá hình tiếng (SRTP)", "SRTP is required"),
    "tls_needed": (399, "Hãy gọi bằng TLS: hình tiếng phải mã hoá (SRTP)", "Call by TLS: SRTP is required"),
    "encryption_off": (399, "Cuộc họp không mã hoá hình tiếng (SRTP)", "SRTP is not used here"),
    "encryption_none": (399, "Không có khoá mã hoá dùng chung (SRTP)", "No common SRTP crypto suite"),
}
_WORST: Final = (
    "encryption_required",
    "encryption_off",
    "encryption_none",
    "address_bad",
    "codec_unknown",
    "protocol_bad",
)
"""The order in which one of several reasons is chosen: first the reasons that a user can correct."""


class NotAcceptable(Refusal):
    """No call is possible with these descriptions: 488. `warning` goes into the Warning header field."""

    def __init__(self, code: str) -> None:
        self.warning, vietnamese, english = _TEXTS[code]
        super().__init__(code, vietnamese, english)

    def header(self, agent: str) -> str:
        """Return the value of Warning (RFC 3261 §20.43). `agent` is our host."""
        return f'{self.warning} {agent} "{self.english}"'


@dataclass(frozen=True, slots=True)
class Agreed:
    """The base of the next description in a call: our last description, as it was sent, and the present plan."""

    sent: bytes
    plan: MediaPlan


def make_offer(own: OwnEnds, profile: Profile, policy: Policy, previous: Agreed | None = None) -> bytes:
    """Make a first offer, or the offer of a re-INVITE. Early and late offers are the same.

    The lines of `previous` keep their places and payload types. New lines follow. A line that is no longer needed stays with
    port 0 (RFC 3264 §8).
    """
    if previous is None:
        media = [line for role in _wanted(own, profile) for line in _first_lines(role, own, profile, policy)]
        return sdp.render(_description(own, profile, policy, media, "1"))
    before = sdp.parse(previous.sent)
    wanted = _wanted(own, profile)
    media = []
    for line in before.media:
        role = agreement.role_of(line)
        if role in wanted and line.port:
            wanted.remove(role)
            media.append(_renewed(role, line, own, profile, policy, previous.plan))
        else:
            media.append(sdp.refused(line))
    media += [line for role in wanted for line in _first_lines(role, own, profile, policy)]
    return _following(_description(own, profile, policy, media, before.origin.version), before)


def answer(
    offer: bytes, own: OwnEnds, profile: Profile, policy: Policy, previous: Agreed | None = None
) -> tuple[bytes, MediaPlan]:
    """Return our description and the plan. Every line of the offer has its line in the answer; a refused line has port 0.

    Raises PeerError for an unreadable description. Raises NotAcceptable if neither audio nor video is possible, or if there is
    no audio and a line lacks the required SRTP. A re-INVITE may switch all lines off.
    """
    theirs = agreement.placed(sdp.parse(offer), policy)
    taken = _Answer(theirs, own, profile, policy)
    media = taken.media()
    ours = _description(own, profile, policy, media, "1")
    if previous is not None:
        ours = sdp.parse(_following(ours, sdp.parse(previous.sent)))
    plan = agreement.plan_of(ours, theirs, profile, policy, previous.plan if previous else None)
    everything_off = previous is not None and not any(line.port for line in theirs.media)
    nothing = plan.audio is None and plan.video is None and not everything_off
    if nothing or (plan.audio is None and taken.is_unsafe):
        raise NotAcceptable(taken.reason())
    return sdp.render(ours), plan


def read_answer(
    offer: bytes, answered: bytes, profile: Profile, policy: Policy, previous: MediaPlan | None = None
) -> MediaPlan:
    """Return the plan from our `offer` and their answer.

    Raises PeerError and NotAcceptable. The caller then ends the call, or keeps the earlier plan of a running call.
    """
    ours, theirs = sdp.parse(offer), agreement.placed(sdp.parse(answered), policy)
    if len(theirs.media) > len(ours.media):
        raise PeerError("the answer has more media than the offer")
    own_host = ours.host or ""
    usable = [line if _is_sound(line, theirs, own_host, policy) else sdp.refused(line) for line in theirs.media]
    plan = agreement.plan_of(ours, replace(theirs, media=tuple(usable)), profile, policy, previous)
    if policy.encryption == "required" and not all(stream.keys for stream in plan.streams):
        raise NotAcceptable("encryption_required")
    if any(agreement.lacks_keys(mine, yours) for mine, yours in zip(ours.media, usable, strict=False)):
        raise NotAcceptable("encryption_none")
    if plan.audio is None and plan.video is None:
        raise NotAcceptable(_why_nothing(theirs))
    return plan


def needs_more(plan: MediaPlan, own: OwnEnds, profile: Profile) -> bool:
    """Report whether our re-INVITE would add a line. A called Polycom first opens the floor channel, and accepts a line for
    slides only after that.
    """
    return bool(plan.bfcp and own.content and profile.content and plan.content is None)


# -- what all descriptions of ours share --------------------------------------------------------------------------------


def _description(
    own: OwnEnds, profile: Profile, policy: Policy, media: Iterable[sdp.Media], version: str
) -> sdp.Description:
    media = tuple(media)
    total = sum(line.bandwidth.as_bps for line in media if line.port)
    exact = sum(line.bandwidth.tias_bps for line in media if line.port)
    if policy.most_bps:
        total, exact = min(total, policy.most_bps), min(exact, policy.media_bps)
    bandwidth = sdp.Bandwidth(as_bps=total, tias_bps=exact if profile.tias else 0)
    origin = sdp.Origin("diemcau", str(own.call_number), version, own.host)
    return sdp.Description(origin, own.host, "-", bandwidth, (), media)


def _following(description: sdp.Description, before: sdp.Description) -> bytes:
    """Return the description as bytes. The version rises by one if anything changed (RFC 3264 §8)."""
    same = sdp.render(sdp.with_version(description, before.origin.version))
    if same == sdp.render(before):
        return same
    return sdp.render(sdp.with_version(description, str(int(before.origin.version) + 1)))


def _wanted(own: OwnEnds, profile: Profile) -> list[str]:
    """Return the roles of an offer, in the order of their lines."""
    have = {
        "audio": own.audio is not None,
        "video": own.video is not None and profile.video,
        "content": own.content is not None and profile.video and profile.content,
        "floor": own.bfcp is not None and bool(_floor_protocol(own, profile)),
        "camera": own.far_camera is not None and profile.far_camera,
    }
    return [role for role, is_there in have.items() if is_there]


def _end(role: str, own: OwnEnds) -> OwnEnd:
    ends = {"audio": own.audio, "video": own.video, "content": own.content, "camera": own.far_camera}
    end = ends[role]
    assert end is not None
    return end


def _direction(send: bool, receive: bool) -> sdp.Direction:
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def _own_crypto(end: OwnEnd) -> tuple[tuple[str, str], ...]:
    return tuple(sdp.crypto_line(tag, name, key) for tag, (name, key) in enumerate(end.keys, 1))


# -- offers ------------------------------------------------------------------------------------------------------------


def _first_lines(role: str, own: OwnEnds, profile: Profile, policy: Policy) -> list[sdp.Media]:
    if role == "floor":
        return [_floor_line(own, profile)]
    return [_offered(role, shape, own, profile, policy) for shape in _shapes(_end(role, own), profile, policy)]


def _shapes(end: OwnEnd, profile: Profile, policy: Policy) -> list[Shape]:
    """Return the values of one line for each kind of encryption that is offered (RFC 8643 §3, or the older pair of lines)."""
    suffix = "F" if profile.feedback_profile else ""
    crypto = _own_crypto(end)
    direction = _direction(policy.we_send, policy.we_receive)
    plain = Shape(f"RTP/AVP{suffix}", direction, (), end.port == end.rtcp_port, _kinds(profile), profile.tias)
    secure = replace(plain, protocol=f"RTP/SAVP{suffix}", crypto=crypto)
    if policy.encryption == "required":
        if not crypto:
            raise NotAcceptable("encryption_none")
        return [secure]
    if policy.encryption == "off" or profile.encryption == "off" or not crypto:
        return [plain]
    match profile.encryption_style:
        case "savp":
            return [secure]
        case "pair":
            return [secure, plain]
    return [replace(plain, crypto=crypto)]


def _kinds(profile: Profile) -> frozenset[Feedback]:
    return frozenset(profile.feedback)


def _offered(role: str, shape: Shape, own: OwnEnds, profile: Profile, policy: Policy) -> sdp.Media:
    end = _end(role, own)
    match role:
        case "audio":
            codecs = [(AUDIO_TYPES[codec], codec) for codec in profile.audio]
            # The loudness of Opus is unknown without decoding; the other codecs need no header extension.
            levels_id = LEVELS_ID if "opus" in profile.audio else 0
            return lines.audio(end, shape, codecs, [Dtmf(EVENT_TYPE, 8000)], levels_id)
        case "camera":
            return lines.camera(end, shape, CAMERA_TYPE)
    pictures = [Picture(HIGH_TYPE, _HIGH_PREFIX, 1, profile.max_level)] if agreement.may_high(profile, policy) else []
    pictures += [Picture(MODE_TYPES[mode], profile.baseline_prefix, mode, profile.max_level) for mode in profile.modes]
    name, label = ("slides", CONTENT_LABEL) if role == "content" else ("main", MAIN_LABEL)
    return lines.video(end, shape, pictures, policy, name, label)


def _floor_protocol(own: OwnEnds, profile: Profile) -> str:
    """Return the preferred transport that we serve, as the word of an m-line; "" for none."""
    if own.bfcp is None:
        return ""
    ports = {"udp": own.bfcp.udp_port, "tcp": own.bfcp.tcp_port}
    return next((f"{one.upper()}/BFCP" for one in profile.floor if ports[one]), "")


def _floor_line(own: OwnEnds, profile: Profile) -> sdp.Media:
    assert own.bfcp is not None
    protocol = _floor_protocol(own, profile)
    setup = "actpass" if protocol.startswith("TCP") else ""
    label = CONTENT_LABEL if own.content is not None and profile.content else None
    return lines.floor(own.bfcp, protocol, profile.floor_role, setup, profile, label)


def _renewed(role: str, line: sdp.Media, own: OwnEnds, profile: Profile, policy: Policy, plan: MediaPlan) -> sdp.Media:
    """Return our line again with present limits, keys and direction. It keeps its payload types, because their meaning must not
    change (RFC 3264 §8.3.2).
    """
    if role == "floor":
        return _renewed_floor(line, own, profile)
    end = _end(role, own)
    shape = Shape(
        line.protocol,
        _direction(policy.we_send, policy.we_receive),
        _renewed_crypto(role, line, end, plan),
        line.has("rtcp-mux"),
        frozenset().union(*(line.feedback(number) for number in line.payload_types)),
        profile.tias,
    )
    match role:
        case "audio":
            codecs, events = agreement.audio_codecs(line).items(), agreement.events(line)
            return lines.audio(end, shape, codecs, events, line.audio_levels()[0])
        case "camera":
            return lines.camera(end, shape, agreement.camera_type(line))
    pictures = [
        Picture(one.payload_type, one.prefix, one.mode, _level_again(one, profile), one.asymmetric)
        for one in agreement.pictures(line)
    ]
    name, label = ("slides", CONTENT_LABEL) if role == "content" else ("main", MAIN_LABEL)
    return lines.video(end, shape, pictures, policy, name, line.attribute("label") or label)


def _level_again(one: h264.Format, profile: Profile) -> int:
    """Return the level to offer again. If both directions must have the same level, the agreed level stays, and other
    parameters raise it.
    """
    return profile.max_level if one.asymmetric else h264.weaker(one.level, profile.max_level)


def _renewed_crypto(role: str, line: sdp.Media, end: OwnEnd, plan: MediaPlan) -> tuple[tuple[str, str], ...]:
    """Return the agreed suite under its tag. Without an agreed suite, return all suites again if the line had any."""
    plans = {"audio": plan.audio, "video": plan.video, "content": plan.content, "camera": plan.far_camera}
    agreed = plans[role]
    keys = agreed.stream.keys if agreed is not None else None
    if keys is None:
        return _own_crypto(end) if line.has("crypto") else ()
    tag = next((one.tag for one in line.crypto() if one.profile == keys.profile), 1)
    return tuple(sdp.crypto_line(tag, name, key) for name, key in end.keys if name == keys.profile)


def _renewed_floor(line: sdp.Media, own: OwnEnds, profile: Profile) -> sdp.Media:
    assert own.bfcp is not None
    fresh = _floor_line(own, profile)
    label = agreement.label_of(line) or agreement.label_of(fresh)
    setup = "actpass" if line.protocol.upper().startswith("TCP") else ""
    role = line.attribute("floorctrl") or profile.floor_role
    again = lines.floor(own.bfcp, line.protocol, role, setup, profile, label)
    # The present connection is kept (RFC 4145 §5.1).
    kept = tuple((name, "existing" if name == "connection" else value) for name, value in again.attributes)
    return replace(again, attributes=kept)


# -- answers -----------------------------------------------------------------------------------------------------------

_Builder = Callable[["_Answer", int], sdp.Media | str]


class _Answer:
    """The choice of lines in one answer. A builder returns our line, or the code of the reason for a refusal."""

    def __init__(self, theirs: sdp.Description, own: OwnEnds, profile: Profile, policy: Policy) -> None:
        self._theirs, self._own, self._profile, self._policy = theirs, own, profile, policy
        self._ours: dict[int, sdp.Media] = {}
        self._reasons: list[str] = []

    def media(self) -> list[sdp.Media]:
        lines_ = self._theirs.media
        audio = [index for index, line in enumerate(lines_) if line.kind == "audio"]
        main, slides = self._videos()
        floors = [index for index, line in enumerate(lines_) if agreement.is_floor(line)]
        cameras = [index for index, line in enumerate(lines_) if agreement.camera_type(line) >= 0]
        self._choose(self._by_safety(audio), _answer_audio)
        chosen = self._choose(self._by_safety(main), _answer_main)
        self._choose(self._by_safety(slides or self._second(main, chosen)), _answer_content)
        self._choose(sorted(floors, key=self._floor_order), _answer_floor)
        self._choose(self._by_safety(cameras), _answer_camera)
        return [self._ours.get(index) or sdp.refused(line) for index, line in enumerate(lines_)]

    @property
    def is_unsafe(self) -> bool:
        """True if a line was refused because SRTP is required.

        Then the call must not continue with only a part of its media.
        """
        refused = {"encryption_required", "encryption_none"}.intersection(self._reasons)
        return self._policy.encryption == "required" and bool(refused)

    def reason(self) -> str:
        return next((code for code in _WORST if code in self._reasons), "media_none")

    def _choose(self, candidates: Iterable[int], build: _Builder) -> int:
        """Answer the first usable line and return its index, or -1."""
        for index in candidates:
            if not self._theirs.media[index].port:
                continue
            built = build(self, index)
            if isinstance(built, sdp.Media):
                self._ours[index] = built
                return index
            self._reasons.append(built)
        return -1

    def _by_safety(self, indexes: Iterable[int]) -> list[int]:
        """Return the indexes with the encrypted line of a pair first, or last if encryption is off."""
        off = self._policy.encryption == "off" or (
            self._profile.encryption == "off" and self._policy.encryption != "required"
        )
        return sorted(indexes, key=lambda index: agreement.is_secure(self._theirs.media[index]) == off)

    def _floor_order(self, index: int) -> int:
        transport = self._theirs.media[index].protocol[:3].lower()
        order: tuple[str, ...] = self._profile.floor
        return order.index(transport) if transport in order else len(order)

    def _videos(self) -> tuple[list[int], list[int]]:
        """Return the lines of the main picture and of slides, by a=content or by the label in the floor line."""
        lines_ = list(enumerate(self._theirs.media))
        named = {agreement.label_of(line) for _, line in lines_ if agreement.is_floor(line)} - {None}
        slides: list[int] = []
        main: list[int] = []
        for index, line in lines_:
            if line.kind == "video":
                content = set((line.attribute("content") or "").lower().replace(",", " ").split())
                labelled = line.attribute("label") in named
                (slides if "slides" in content or (labelled and "main" not in content) else main).append(index)
        return main, slides

    def _second(self, main: list[int], chosen: int) -> list[int]:
        """Return the picture lines after the chosen line that have its protocol and no a=content. Beside a floor line they are
        taken as slides. Without a floor line the result is empty.
        """
        if chosen < 0 or not any(agreement.is_floor(line) and line.port for line in self._theirs.media):
            return []
        first = self._theirs.media[chosen]
        return [
            index
            for index in main
            if index > chosen
            and self._theirs.media[index].protocol == first.protocol
            and not self._theirs.media[index].has("content")
        ]

    def shape(self, index: int, end: OwnEnd) -> Shape | str:
        """Return the values of our line for their line, or the code of the reason for a refusal."""
        line, policy = self._theirs.media[index], self._policy
        if not agreement.is_rtp(line):
            return "protocol_bad"
        host = self._theirs.host_of(line)
        if not agreement.is_usable(host, self._own.host, policy):
            return "address_bad"
        crypto = _matching(line, end) if self._encrypts(line) else ()
        if not crypto:
            if policy.encryption == "required":
                return "encryption_none" if line.has("crypto") else "encryption_required"
            if agreement.is_secure(line):
                return "encryption_off" if policy.encryption == "off" else "encryption_none"
        they = self._theirs.direction_of(line)
        direction = _direction(
            policy.we_send and they in ("sendrecv", "recvonly") and not _is_zero(host),
            policy.we_receive and they in ("sendrecv", "sendonly"),
        )
        mux = line.has("rtcp-mux") and end.rtcp_port == end.port
        offered = frozenset[Feedback]().union(*(line.feedback(number) for number in line.payload_types))
        tias = self._profile.tias or bool(line.bandwidth.tias_bps)
        return Shape(line.protocol, direction, crypto, mux, offered & _kinds(self._profile), tias)

    def _encrypts(self, line: sdp.Media) -> bool:
        """Report whether this line may be encrypted. A line that demands SRTP shows that the terminal has encryption, whatever
        its profile says.
        """
        if self._policy.encryption == "best_effort" and self._profile.encryption == "off":
            return agreement.is_secure(line)
        return self._policy.encryption != "off"

    def audio(self, index: int) -> sdp.Media | str:
        end, line = self._own.audio, self._theirs.media[index]
        if end is None:
            return "media_none"
        shape = self.shape(index, end)
        if isinstance(shape, str):
            return shape
        offered = {codec: number for number, codec in agreement.audio_codecs(line).items()}
        codec = next((one for one in self._profile.audio if one in offered), None)
        if codec is None:
            return "codec_unknown"
        event = agreement.event_for(codec, agreement.events(line))
        levels_id = agreement.told_levels(line) if codec == "opus" else 0
        return lines.audio(end, shape, [(offered[codec], codec)], [event] if event else [], levels_id)

    def video(self, index: int, role: str) -> sdp.Media | str:
        end, line = (self._own.content if role == "slides" else self._own.video), self._theirs.media[index]
        if end is None or not self._profile.video or (role == "slides" and not self._profile.content):
            return "media_none"
        shape = self.shape(index, end)
        if isinstance(shape, str):
            return shape
        best = _best_picture(agreement.pictures(line), self._profile, self._policy)
        if best is None:
            return "codec_unknown"
        most = h264.weaker(self._profile.max_level, 52 if best.asymmetric else best.level)
        picture = Picture(best.payload_type, best.prefix, best.mode, most, best.asymmetric)
        label = line.attribute("label") or ""
        ours = CONTENT_LABEL if role == "slides" else MAIN_LABEL
        return lines.video(end, shape, [picture], self._policy, role, label if _is_label(label) else ours)

    def floor(self, index: int) -> sdp.Media | str:
        own, line = self._own.bfcp, self._theirs.media[index]
        transport = line.protocol[:3].lower()
        served = own is not None and bool(own.udp_port if transport == "udp" else own.tcp_port)
        if own is None or not served or transport not in self._profile.floor:
            return "media_none"
        if "c-only" not in agreement.floor_roles(line, "c-only"):
            return "media_none"
        if not agreement.is_usable(self._theirs.host_of(line), self._own.host, self._policy):
            return "address_bad"
        setup = ""
        if line.has("setup") or transport == "tcp":
            setup = {"passive": "active", "holdconn": ""}.get(line.attribute("setup") or "active", "passive")
            if not setup:
                return "media_none"
        slides = [one for one in self._ours.values() if agreement.role_of(one) == "content"]
        label = slides[0].attribute("label") if slides else None
        # RFC 8856 §5.4 uses "mstrm". A terminal that offers the word of the drafts gets the same word back.
        profile = self._profile
        if line.has("floorid"):
            drafts = "m-stream:" in (line.attribute("floorid") or "")
            profile = replace(profile, floor_word="m-stream" if drafts else "mstrm")
        answered = lines.floor(own, line.protocol, "s-only", setup, profile, label)
        return replace(answered, formats=line.formats)

    def camera(self, index: int) -> sdp.Media | str:
        end = self._own.far_camera
        if end is None or not self._profile.far_camera:
            return "media_none"
        shape = self.shape(index, end)
        if isinstance(shape, str):
            return shape
        return lines.camera(end, shape, agreement.camera_type(self._theirs.media[index]))


def _answer_audio(one: _Answer, index: int) -> sdp.Media | str:
    return one.audio(index)


def _answer_main(one: _Answer, index: int) -> sdp.Media | str:
    return one.video(index, "main")


def _answer_content(one: _Answer, index: int) -> sdp.Media | str:
    return one.video(index, "slides")


def _answer_floor(one: _Answer, index: int) -> sdp.Media | str:
    return one.floor(index)


def _answer_camera(one: _Answer, index: int) -> sdp.Media | str:
    return one.camera(index)


def _best_picture(offered: Iterable[h264.Format], profile: Profile, policy: Policy) -> h264.Format | None:
    """Return the best payload type: High if both sides allow it, then Constrained Baseline in the preferred mode.

    Main or High is the last choice. Their decoders also take Constrained Baseline, which we send.
    """
    high = agreement.may_high(profile, policy)

    def rank(one: h264.Format) -> tuple[int, int]:
        order = profile.modes.index(one.mode) if one.mode in profile.modes else len(profile.modes)
        if one.profile == h264.HIGH and high and one.mode == 1:
            return 0, order
        return (1 if one.profile == h264.BASELINE else 2), order

    return min(offered, key=rank, default=None)


def _matching(line: sdp.Media, end: OwnEnd) -> tuple[tuple[str, str], ...]:
    """Return our key for the preferred suite that they offer, under their tag (RFC 4568 §5.1.2)."""
    offered: Mapping[KeyProfile, int] = {one.profile: one.tag for one in reversed(line.crypto())}
    for name, key in end.keys:
        if name in offered:
            return (sdp.crypto_line(offered[name], name, key),)
    return ()


def _is_zero(host: str) -> bool:
    """Report a hold by an address of zeros. RFC 2543 used such addresses, and some terminals still do."""
    return host in ("0.0.0.0", "::")  # noqa: S104 compared, not bound


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 8


def _is_sound(line: sdp.Media, theirs: sdp.Description, own_host: str, policy: Policy) -> bool:
    host = theirs.host_of(line)
    return not line.port or agreement.is_usable(host, own_host, policy)


def _why_nothing(theirs: sdp.Description) -> str:
    return (
        "codec_unknown" if any(line.port and line.kind in ("audio", "video") for line in theirs.media) else "media_none"
    )
