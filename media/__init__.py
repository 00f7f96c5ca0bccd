"""Media: nodes, routers, peers, lines, producers and consumers. The packet plane in Rust is below them.

This package knows packets, sections and keys, but not people, meetings or policy. Other packages import only from this file.
"""

from media.frames.port import FrameEvent, Frames, connect
from media.ground.errors import PeerError, StaleLibrary
from media.ground.limits import HELD_S
from media.ground.parameters import Acceptance, Candidate, OfferedTrack
from media.ground.stats import ConsumerFigures, LayerFigures, Link, PeerFigures, ShardFigures, Statistics
from media.ground.token_bucket import Fill, TokenBucket
from media.lines.line import Line, LineConsumer, LineEvents, line_codec
from media.mixer.budget import Budget, usable_cores
from media.mixer.ground import scene
from media.mixer.ground.load import at_step
from media.mixer.mixer import Mixer, MixerEvents
from media.node.node import Node, NodeSettings
from media.node.router import Router
from media.peers.peer import Peer, PeerEvents
from media.peers.results import Answer, Offer, Published
from media.tracks.consumer import Consumer
from media.tracks.producer import Producer

__all__ = [
    "HELD_S",
    "Acceptance",
    "Answer",
    "Budget",
    "Candidate",
    "Consumer",
    "ConsumerFigures",
    "Fill",
    "FrameEvent",
    "Frames",
    "LayerFigures",
    "Line",
    "LineConsumer",
    "LineEvents",
    "Link",
    "Mixer",
    "MixerEvents",
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
    "TokenBucket",
    "at_step",
    "connect",
    "line_codec",
    "scene",
    "usable_cores",
]
