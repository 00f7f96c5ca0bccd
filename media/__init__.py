"""Media: nodes, routers, peers, producers and consumers; below them the packet plane in Rust.

Knows packets, sections and keys; knows nothing of people, meetings or policy. Other packages import from here alone.
"""

from media.consumer import Consumer
from media.errors import PeerError, StaleLibrary
from media.node import Node, NodeSettings
from media.parameters import Acceptance, Answer, Candidate, Offer, OfferedTrack, Published
from media.peer import Peer, PeerEvents
from media.producer import Producer
from media.router import Router
from media.stats import ConsumerFigures, LayerFigures, Link, PeerFigures, Statistics

__all__ = [
    "Acceptance",
    "Answer",
    "Candidate",
    "Consumer",
    "ConsumerFigures",
    "LayerFigures",
    "Link",
    "Node",
    "NodeSettings",
    "Offer",
    "OfferedTrack",
    "Peer",
    "PeerError",
    "PeerEvents",
    "PeerFigures",
    "Producer",
    "Published",
    "Router",
    "StaleLibrary",
    "Statistics",
]
