"""What one negotiation of a peer comes to: its text, and the producers and consumers that begin or end with it."""

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
    """Of the sections that send to the peer."""
    published: list[Published]
    """New in this offer."""
    ended: list[Producer]
    """Their sections send no longer; they are closed."""
    bound: list[Consumer]
    """Began to send with this answer."""
    unsupported: list[Consumer]
    """The peer has no codec of their producers; they are closed."""


@dataclass(frozen=True, slots=True)
class Offer:
    sdp: str
    mid_to_track_id: dict[str, str]
