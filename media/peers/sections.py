"""The state of one section of a peer, and helpers for its tracks. Only `media/peers` uses this module."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from media.ground import limits
from media.ground.parameters import Acceptance, Codec, Encoding, Kind, OfferedTrack, Section
from media.peers import negotiation

if TYPE_CHECKING:
    from media.tracks.consumer import Consumer
    from media.tracks.producer import Producer


@dataclass(eq=False, slots=True)
class Slot:
    """A section and its contents: at most one track of ours and one track of the peer."""

    section: Section
    """The last description from the peer; if we are the side that offers, our own description."""
    fresh: bool = True
    """True if no track of ours was ever in this section."""
    draining: bool = False
    """True if our track in this section has ended and the peer does not know yet."""
    announced_idle: bool = False
    """True if our last offer said that this section has no track of ours."""
    consumer: Consumer | None = None
    sending: bool = False
    """True if `consumer` sends in this section, or begins to send a moment later."""
    producer: Producer | None = None
    offered: OfferedTrack | None = None
    acceptance: Acceptance | None = None

    @property
    def free(self) -> bool:
        return self.section.receives and self.consumer is None and not self.draining


class FreeSlots:
    """The sections that wait for a track, by kind, in the order of the description."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._by_kind: dict[str, deque[Slot]] = {}
        for slot in slots:
            if slot.free:
                self._by_kind.setdefault(slot.section.kind, deque()).append(slot)

    def count(self, kind: Kind) -> int:
        return len(self._by_kind.get(kind, ()))

    def first(self, kind: Kind) -> Slot | None:
        slots = self._by_kind.get(kind)
        return slots[0] if slots else None

    def take(self, kind: Kind) -> Slot | None:
        slots = self._by_kind.get(kind)
        return slots.popleft() if slots else None


class Room:
    """The number of sections that a description may still add. Video leaves the rest to audio."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        kinds = Counter(slot.section.kind for slot in slots)
        self._pictures = max(0, limits.SDP_PICTURE_SECTIONS - kinds["video"])
        self._all = max(0, limits.SDP_SECTIONS - limits.SDP_OWN_SECTIONS - kinds.total())

    def of(self, kind: Kind) -> int:
        return min(self._pictures, self._all) if kind == "video" else self._all

    def take(self, kind: Kind, number: int = 1) -> int:
        """Take up to `number` sections, and return how many were taken."""
        taken = min(number, self.of(kind))
        self._all -= taken
        self._pictures -= taken if kind == "video" else 0
        return taken


def own_section(kind: Kind | Literal["application"], mid: str) -> Section:
    """Return a section of our own offer, as the peer sees it: the peer receives."""
    application = kind == "application"
    return Section(
        kind=kind,
        media="application UDP/DTLS/SCTP webrtc-datachannel" if application else f"{kind} UDP/TLS/RTP/SAVPF",
        mid=mid,
        usable=True,
        direction="recvonly",
        capabilities=None if kind == "application" else negotiation.own_capabilities(kind),
        stream_id="",
        track_id="",
        encodings=(),
        simulcast=(),
    )


def offered_track(section: Section) -> OfferedTrack | None:
    """Return the track that the peer offers to publish in this section, or None."""
    capabilities = section.capabilities
    if not section.sends or capabilities is None:
        return None
    return OfferedTrack(
        mid=section.mid,
        kind=capabilities.kind,
        track_id=section.track_id,
        stream_id=section.stream_id,
        rids=tuple(encoding.rid for encoding in ordered_encodings(section) if encoding.rid),
        codecs=tuple(dict.fromkeys(codec.mime for codec in capabilities.codecs)),
        has_ssrc=any(encoding.ssrc for encoding in section.encodings),
    )


def ordered_encodings(section: Section) -> tuple[Encoding, ...]:
    """Return the streams of a section, lowest quality first."""
    by_rid = {encoding.rid: encoding for encoding in section.encodings}
    if len(by_rid) < len(section.encodings):  # by SSRC, in the order of `a=ssrc-group:SIM`
        return section.encodings
    return tuple(by_rid[rid] for rid in negotiation.layers([encoding.rid for encoding in section.encodings]))


def same_formats(before: Sequence[Codec], now: Sequence[Codec]) -> bool:
    """Report whether the new offer adds no codec. Native clients leave retransmissions out of a later offer."""
    known = {codec.wire for one in before for codec in (one, replace(one, rtx=-1))}
    return {codec.wire for codec in now} <= known


def same_streams(before: Sequence[Encoding], now: Sequence[Encoding]) -> bool:
    """Report whether the streams are the same. A stream may have lost its retransmissions."""
    return len(before) == len(now) and all(
        (old.rid, old.ssrc) == (new.rid, new.ssrc) and new.rtx_ssrc in (old.rtx_ssrc, 0)
        for old, new in zip(before, now, strict=True)
    )
