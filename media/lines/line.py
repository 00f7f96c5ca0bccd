"""A line: plain RTP or SRTP between two addresses (RFC 3550, RFC 4568), for hall terminals and the mixer process.

It owns the ports until the packet plane has them, and its producers and consumers. The layers above know the far end and its
session description. The plane moves the packets.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

from media.ground import limits, stats
from media.ground.parameters import Codec, CodecName, Encoding, Kind
from media.ground.seam import Seam
from media.tracks.producer import Producer

if TYPE_CHECKING:
    from media._plane import Feedback, Profile

LineState = Literal["first", "silent", "alive"]
Address = tuple[str, int]

# The crypto suites of RFC 4568 §6.2 and RFC 7714 §14.2: the plane's name, the bytes of the key, the bytes of the salt.
_PROFILES: dict[str, tuple[Profile, int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": ("AES128_CM_SHA1_80", 16, 14),
    "AES_CM_128_HMAC_SHA1_32": ("AES128_CM_SHA1_32", 16, 14),
    "AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
}
_CLOCKS_HZ: dict[CodecName, int] = {
    "opus": 48000,
    "pcmu": 8000,
    "pcma": 8000,
    "g722": 8000,  # RTP clock; the sampling rate is 16000 (RFC 3551 §4.5.2)
    "telephone-event": 8000,
}


def line_codec(
    payload_type: int, name: CodecName, *, clock_hz: int = 0, profile: str = "constrained", mode: int = 1
) -> Codec:
    """Return one payload type of a line. `profile` (constrained, baseline, ...) and packetization `mode` are for H.264."""
    clock_hz = clock_hz or _CLOCKS_HZ.get(name, 90000)
    channels = 2 if name == "opus" else 1 if name in _CLOCKS_HZ else 0
    codec_format = f"{profile}/{mode}" if name == "h264" else ""
    return Codec(payload_type, name, clock_hz, channels, "", codec_format, -1, frozenset())


class LineEvents(Protocol):
    """The events of a line for its owner. No event comes after `Line.close`."""

    def heard(self, line: Line, state: LineState) -> None:
        """Report the state of the line. "first": the first RTP packet arrived. "silent": no RTP or RTCP for `silent_s`.
        "alive": a packet arrived after that.
        """

    def dtmf(self, line: Line, digit: str, duration_ms: int) -> None:
        """Report a pressed key: 0..9, *, #, A..D, or ! for a hook flash. The event comes once, when the key is released."""

    def message(self, line: Line, message: bytes) -> None:
        """Report the content of one packet of a line with messages. At most 20 a second are reported for one far end."""

    def keyframe_missing(self, line: Line) -> None:
        """Report that no key frame arrived within a second after our request. Signalling should request one (RFC 5168). The
        event repeats each second.
        """

    def limited(self, line: Line, consumer: LineConsumer, bitrate_bps: int) -> None:
        """Report that the far end limits the bit rate of this track (RFC 5104 TMMBR)."""

    def unfit(self, line: Line, consumer: LineConsumer) -> None:
        """Report that the track's source sends packets that a terminal with packetization mode 0 cannot receive. Nothing is
        sent.
        """

    def left(self, line: Line, producer: Producer) -> None:
        """Report that the far end no longer sends this track (RTCP BYE)."""


class Line:
    """A line, made by `Router.open_line`. Call `set_keys` first (without this call the line is plain RTP), then `set_remote`."""

    def __init__(
        self,
        seam: Seam,
        router: int,
        events: LineEvents | None,
        place: tuple[str, Sequence[int], bool, bool],
        silent_s: float,
        cname: str,
        forget: Callable[[Line], None],
    ) -> None:
        host, ports, rtcp_mux, latch = place
        self.id = seam.numbers.new_number()
        """The number of the plane's transport. It is the key of `Statistics.peers`."""
        self.closed = False
        self.secure = False
        self._seam = seam
        self._plane = seam.plane
        self._events = events
        self._forget = forget
        self._producers: set[Producer] = set()
        self._consumers: set[LineConsumer] = set()
        self._keys: tuple[str, bytes, bytes] | None = None
        sockets = _bind(host, ports, rtcp_mux, seam.numbers.random.randrange(1 << 16))
        try:
            self.local: Address = sockets[0].getsockname()[:2]
            """The address for RTP, as the session description states it."""
            self.local_rtcp: Address = sockets[-1].getsockname()[:2]
            rtcp_fd = -1 if rtcp_mux else sockets[1].fileno()
            silent_ms = round(silent_s * 1000)
            self._plane.open_line(router, self.id, sockets[0].fileno(), rtcp_fd, latch, cname, silent_ms)
        finally:
            for one in sockets:
                one.close()
        seam.receivers[self.id] = self

    def set_remote(self, rtp: Address | None, rtcp: Address | None = None) -> None:
        """Set the address of the far end from its session description (IP literals). None means hold.

        `rtcp` None means the port above the RTP port. The same address again changes nothing; a new address is latched again.
        Raises `ValueError` for an address that no terminal can have, and `OverflowError` if the plane is busy.
        """
        self._plane.set_line_remote(self.id, rtp, rtcp)

    def set_keys(self, profile: str, receive: bytes, send: bytes) -> None:
        """Set the SDES keys (RFC 4568): a crypto suite, and key plus salt for each direction. Call this before `set_remote`.

        Raises `ValueError` for another suite or length, or if both directions have the same key. Keys that are in use already
        change nothing.
        """
        known = _PROFILES.get(profile)
        if known is None:
            raise ValueError(f"crypto suite {profile!r} is not known")
        name, key_bytes, salt_bytes = known
        if {len(receive), len(send)} != {key_bytes + salt_bytes}:
            raise ValueError(f"{profile}: key and salt must be {key_bytes + salt_bytes} bytes")
        if receive == send:
            raise ValueError("the two directions must have different keys")
        if self._keys == (profile, receive, send):
            return
        self._plane.set_keys(
            self.id, name, receive[:key_bytes], receive[key_bytes:], send[:key_bytes], send[key_bytes:]
        )
        self._keys = (profile, receive, send)
        self.secure = True

    def set_feedback(self, kinds: Sequence[Feedback]) -> None:
        """Set the RTCP feedback that the far end's description lists. Before this call, PLI and FIR are used."""
        self._plane.set_feedback(self.id, kinds)

    def accept_audio_levels(self, number: int) -> None:
        """Read audio levels (RFC 6464) from header extension `number`, so that the line's producers can be active speakers."""
        self._plane.set_extensions(self.id, [(number, "audio-level")])

    def limit(self, bitrate_bps: int) -> None:
        """Ask the far end to send video with at most this bit rate, if it understands TMMBR. 0 removes the limit."""
        self._plane.set_bitrate_limit(self.id, bitrate_bps)

    def open_messages(self, send_type: int, receive_type: int) -> None:
        """Carry short messages with these payload types instead of tracks (H.224, RFC 4573). A second call changes the types."""
        self._plane.open_messages(self.id, send_type, receive_type)

    def send_message(self, message: bytes) -> None:
        """Send a message in one packet. It is lost while the far end has no address. Raises `ValueError` for an empty message
        or more than 512 bytes, and `OverflowError` if the plane is busy.
        """
        self._plane.send_message(self.id, message)

    def receive(self, kind: Kind, codecs: Sequence[Codec], ssrc: int = 0, *, is_microphone: bool = False) -> Producer:
        """Receive what the far end sends in these payload types.

        With `ssrc`, only this SSRC is received. Without it, the first SSRC is received, and each SSRC that replaces it later.
        With "telephone-event" among the codecs, `LineEvents.dtmf` reports pressed keys. With `is_microphone`, the mixer
        receives the track only if it is among the loudest. Opus without audio levels is always received.

        Raises `OverflowError` above `limits.LINE_PRODUCERS` or if the plane is busy.
        """
        assert not self.closed
        if len(self._producers) >= limits.LINE_PRODUCERS:
            raise OverflowError("too many producers on a line")
        producer = Producer(self._seam, self.id, kind, "", tuple(codecs), (Encoding("", ssrc, 0),))
        if is_microphone:
            producer.meter()
        producer.on_bye = self._left
        producer.on_close = self._producers.discard
        self._producers.add(producer)
        return producer

    def send(
        self, producer: Producer, payload_types: Mapping[int, int], ssrc: int = 0, *, single_nal: bool = False
    ) -> LineConsumer:
        """Forward a producer of this router to the far end.

        `payload_types` maps the producer's payload types to ours; other types are not sent. For RED (RFC 2198) only the primary
        block is sent. `ssrc` 0 means a new SSRC. With `single_nal`, the far end accepts only H.264 with packetization mode 0.

        Raises `OverflowError` above `limits.LINE_CONSUMERS` or if the plane is busy.
        """
        assert not self.closed
        if len(self._consumers) >= limits.LINE_CONSUMERS:
            raise OverflowError("too many consumers on a line")
        consumer = LineConsumer(
            self._seam, self, producer, payload_types, ssrc or self._seam.numbers.new_ssrc(), single_nal, self._stopped
        )
        self._consumers.add(consumer)
        return consumer

    @property
    def figures(self) -> stats.PeerFigures | None:
        """Return the figures of the last second, or None if nothing is known yet."""
        rows = self._plane.snapshot().transports()
        return next((stats.PeerFigures(*row[1:]) for row in rows if row[0] == self.id), None)

    def close(self) -> None:
        """End its producers and consumers, and release its ports. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for consumer in tuple(self._consumers):
            consumer.close()
        for producer in tuple(self._producers):
            producer.close()
        self._seam.endings.end(self._plane.close_transport, self.id)
        self._seam.receivers.pop(self.id, None)
        self._forget(self)

    # -- seam.Receiver

    def take_event(self, name: str, *rest: Any) -> None:
        if self._events is None:
            return
        if name == "line":
            self._events.heard(self, *rest)
        elif name == "dtmf":
            self._events.dtmf(self, *rest)
        elif name == "message":
            self._events.message(self, *rest)
        elif name == "keyframe":
            self._events.keyframe_missing(self)

    def consumer_event(self, consumer: LineConsumer, name: str, *rest: Any) -> None:
        if self._events is None:
            return
        if name == "limit":
            self._events.limited(self, consumer, *rest)
        else:
            self._events.unfit(self, consumer)

    def _left(self, producer: Producer) -> None:
        if self._events is not None:
            self._events.left(self, producer)

    def _stopped(self, consumer: LineConsumer) -> None:
        self._consumers.discard(consumer)


class LineConsumer:
    """A track towards the far end, made by `Line.send`. It keeps its SSRC when its source changes."""

    def __init__(
        self,
        seam: Seam,
        line: Line,
        producer: Producer,
        payload_types: Mapping[int, int],
        ssrc: int,
        single_nal: bool,
        forget: Callable[[LineConsumer], None],
    ) -> None:
        self.id = seam.numbers.new_number()
        """The key of `Statistics.consumers`."""
        self.producer = producer
        self.ssrc = ssrc
        self.closed = False
        self.sending = False
        """True while packets of the source are sent. Video that waits for a key frame is not sent."""
        self.limit_bps = 0
        """The bit rate limit of the far end. 0: no limit."""
        self.paused = False
        self._layer = limits.LAYERS - 1
        self._seam = seam
        self._plane = seam.plane
        self._line = line
        self._forget = forget
        self._plane.open_consumer(
            line.id, self.id, producer.id, "", ssrc, 0, _rows(payload_types), strip_red=True, single_nal=single_nal
        )
        producer.attach(self)
        seam.receivers[self.id] = self

    def switch(self, producer: Producer, payload_types: Mapping[int, int]) -> None:
        """Switch to another source of the same kind. Sequence numbers and timestamps continue. Video waits for a key frame,
        which is requested.

        Raises `OverflowError` if the plane is busy; the old source then stays.
        """
        if self.closed or producer.closed:
            return
        self._plane.switch_source(self.id, producer.id, _rows(payload_types))
        self.producer.detach(self)
        self.producer = producer
        producer.attach(self)

    def pause(self, paused: bool) -> None:
        if self.closed or self.paused == paused:
            return
        self._plane.pause_consumer(self.id, paused)
        self.paused = paused

    def set_layer(self, layer: int) -> None:
        """Set the highest layer to send. A number above the layers of the source means its highest layer."""
        wanted = min(max(layer, 0), limits.LAYERS - 1)
        if not self.closed and wanted != self._layer:
            self._plane.set_layers(self.id, wanted, limits.TEMPORAL_LAYERS - 1)
            self._layer = wanted

    def close(self) -> None:
        """Close the consumer. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._seam.endings.end(self._plane.close_consumer, self.id)
        self._seam.receivers.pop(self.id, None)
        self.producer.detach(self)
        self._forget(self)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "switched":
            self.sending = values[0] >= 0
            return
        if name == "limit":
            self.limit_bps = values[0]
        if name in ("limit", "unfit"):
            self._line.consumer_event(self, name, *values)


def _rows(payload_types: Mapping[int, int]) -> list[tuple[int, int, int]]:
    return [(theirs, ours, -1) for theirs, ours in payload_types.items()]


def _bind(host: str, ports: Sequence[int], rtcp_mux: bool, start: int) -> list[socket.socket]:
    """Bind an even port and the odd port above (RFC 3550 §11), or one port. The search begins at `start`, which is random.

    A port that was released a moment ago can still get packets of its last call. So the next call must not always get the next
    free port.
    """
    step = 1 if rtcp_mux else 2
    candidates = ports if rtcp_mux else [port for port in ports if port % 2 == 0 and port + 1 in ports]
    if not candidates:
        raise OSError("no ports for lines are configured")
    for turn in range(len(candidates)):
        first = candidates[(start + turn) % len(candidates)]
        sockets: list[socket.socket] = []
        with suppress(OSError):
            sockets.extend(_socket(host, port) for port in range(first, first + step))
            return sockets
        for one in sockets:
            one.close()
    raise OSError("all ports for lines are taken")


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
