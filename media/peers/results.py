"""The results of one negotiation of a peer: its SDP, and the producers and consumers that begin or end."""

from __future__ import annotations

from dataclasses import dataclass

from media.ground.parameters import OfferedTrack
from media.tracks.consumer import Consumer
from media.tracks.producer import Producer


@dataclass(frozen=True, slots=True)
class Published:
    mid: str
    offered: OfferedTrack
    producer: Producer
    mime: str


@dataclass(frozen=True, slots=True)
class Answer:
    sdp: str
    mid_to_track_id: dict[str, str]
    """The sections that send to the peer."""
    published: list[Published]
    """Tracks that are new in this offer."""
    ended: list[Producer]
    """Producers that ended with this offer, because their section no longer sends, or sends something else. They are closed."""
    bound: list[Consumer]
    """Consumers that begin to send with this answer."""
    unsupported: list[Consumer]
    """Consumers whose producers have no codec that the peer knows. They are closed."""


@dataclass(frozen=True, slots=True)
class Offer:
    sdp: str
    mid_to_track_id: dict[str, str]
