"""Media: nodes, routers, peers, lines, producers and consumers; below them the packet plane in Rust.

Knows packets, sections and keys; knows nothing of people, meetings or policy. Other packages import from here alone.
"""

from media import mixer
from media.consumer import Consumer
from media.errors import PeerError, StaleLibrary
from media.frames import FrameEvent, Frames, connect
from media.limits import HELD_S
from media.line import Line, LineConsumer, LineEvents, line_codec
from media.node import Node, NodeSettings
from media.parameters import Acceptance, Answer, Candidate, Offer, OfferedTrack, Published
from media.peer import Peer, PeerEvents
from media.producer import Producer
from media.router import Router
from media.stats import ConsumerFigures, LayerFigures, Link, PeerFigures, ShardFigures, Statistics

__all__ = [
    "HELD_S",
    "Acceptance",
    "Answer",
    "Candidate",
    "Consumer",
    "ConsumerFigures",
    "FrameEvent",
    "Frames",
    "LayerFigures",
    "Line",
    "LineConsumer",
    "LineEvents",
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
    "ShardFigures",
    "StaleLibrary",
    "Statistics",
    "connect",
    "line_codec",
    "mixer",
]
